//! Certifies the engine: many simulated runs with faults from seeds, every invariant checked, and
//! the same checks held against engines that are broken on purpose.
//!
//! ```sh
//! cargo run --release --example certify -- --seeds 10000 --json
//! cargo run --release --example certify -- --seed 42 --faults aws --log
//! ```
//!
//! `SORTIE_SIM_SEED` sets the first seed unless `--base` does. The program fails if an invariant
//! does not hold, a mutant is not found out, or a fault or a rare way was never met: a few hundred
//! seeds meet them all.

#[cfg(feature = "mutants")]
mod args;
#[cfg(feature = "mutants")]
mod certificate;
#[cfg(feature = "mutants")]
mod hunt;
#[cfg(not(feature = "mutants"))]
mod rebuild;
#[cfg(feature = "mutants")]
mod runs;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[cfg(feature = "mutants")]
fn main() -> anyhow::Result<std::process::ExitCode> {
    use clap::Parser as _;

    let args = args::Args::parse();
    if let Some(case) = args.one()? {
        return runs::one(case, args.log);
    }
    let certificate = certificate::certify(&args)?;
    certificate.print(args.json)?;
    Ok(if certificate.holds() {
        std::process::ExitCode::SUCCESS
    } else {
        std::process::ExitCode::FAILURE
    })
}

#[cfg(not(feature = "mutants"))]
fn main() -> anyhow::Result<std::process::ExitCode> {
    rebuild::with_mutants()
}
