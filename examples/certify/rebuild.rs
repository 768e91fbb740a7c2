//! The way from the plain command to an engine in which faults can be planted.
//!
//! Cargo has no default features for one example, and the engine of the others, and of the
//! benchmarks, must not have that one.

use std::process::{Command, ExitCode};

use anyhow::Context as _;

/// Builds and runs this example with the feature `mutants`.
pub(crate) fn with_mutants() -> anyhow::Result<ExitCode> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args([
        "run",
        "--quiet",
        "--example",
        "certify",
        "--features",
        "mutants",
    ]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    command.args(["--manifest-path", manifest, "--"]);
    command.args(std::env::args_os().skip(1));
    eprintln!("building with the feature `mutants`, which takes a minute or two the first time");
    let status = command.status().context(
        "cannot run cargo; run `cargo run --release --features mutants --example certify` instead",
    )?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(1)))
}
