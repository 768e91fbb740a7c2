//! Certifies the engine: many simulated runs with faults from seeds, every invariant checked, and
//! the same checks held against engines that are broken on purpose.
//!
//! ```sh
//! cargo run --release --features mutants --example certify -- --seeds 10000 --json
//! cargo run --release --features mutants --example certify -- --seed 42 --faults aws --log
//! ```
//!
//! `SORTIE_SIM_SEED` sets the first seed unless `--base` does.

mod args;
mod certificate;
mod hunt;
mod runs;

use clap::Parser as _;

use args::Args;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    if let Some(seed) = args.seed {
        return runs::one(seed, &args);
    }
    let certificate = certificate::certify(&args);
    certificate.print(args.json);
    anyhow::ensure!(certificate.holds(), "the engine is not certified");
    Ok(())
}
