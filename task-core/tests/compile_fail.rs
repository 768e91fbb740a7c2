//! What must not compile, and what the compiler then tells the user to write.
//!
//! The `.stderr` files are the messages as a user sees them. After a change that is meant, write
//! them anew with `TRYBUILD=overwrite cargo test -p sortie-task-core --test compile_fail` and read
//! every one: it must say what to write.

#[test]
fn misuse_is_refused_with_a_message_that_says_what_to_write() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/compile_fail/pass/*.rs");
    cases.compile_fail("tests/compile_fail/*.rs");
}
