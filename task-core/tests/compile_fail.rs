//! What must not compile, and what the compiler then tells the user to write.
//!
//! The `.stderr` files are the messages as a user sees them. After a change that is meant, write
//! them anew with `TRYBUILD=overwrite cargo test -p sortie-task-core --test compile_fail` and read
//! every one: it must say what to write.

use std::process::Command;

/// The compiler whose words the `.stderr` files hold: the `rust-version` of the workspace.
const WORDED_BY: &str = concat!("rustc ", env!("CARGO_PKG_RUST_VERSION"), ".");

#[test]
fn misuse_is_refused_with_a_message_that_says_what_to_write() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/compile_fail/pass/*.rs");

    // Half of each message is the compiler's own and changes with its releases.
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().unwrap();
    let version = String::from_utf8_lossy(&version.stdout);
    if version.starts_with(WORDED_BY) {
        cases.compile_fail("tests/compile_fail/*.rs");
    } else {
        eprintln!("skipped: the messages are those of {WORDED_BY}x, this is {version}");
    }
}
