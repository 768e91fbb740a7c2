//! The command line.

use clap::{Parser, ValueEnum};
use sortie::sim::Faults;

#[derive(Debug, Parser)]
#[command(about = "Certify the engine by simulation")]
pub(crate) struct Args {
    /// Seeds to run, each in calm, in light faults and in heavy ones.
    #[arg(long, default_value_t = 1000)]
    pub(crate) seeds: u64,
    /// The first seed.
    #[arg(long, env = "SORTIE_SIM_SEED", default_value_t = 0)]
    pub(crate) base: u64,
    /// Seeds to run on SQLite besides.
    #[arg(long, default_value_t = 20)]
    pub(crate) sqlite: u64,
    /// Seeds within which each mutant must be found; 0 leaves the mutants out.
    #[arg(long, default_value_t = 2000)]
    pub(crate) hunt: u64,
    /// Threads; as many as there are cores unless said otherwise.
    #[arg(long)]
    pub(crate) threads: Option<usize>,
    /// One JSON object instead of text.
    #[arg(long)]
    pub(crate) json: bool,
    /// Run this one seed only, and say how it went.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// The weather of that one run.
    #[arg(long, value_enum, default_value_t = Weather::Aws)]
    pub(crate) faults: Weather,
    /// Print the log of that one run.
    #[arg(long, requires = "seed")]
    pub(crate) log: bool,
}

/// How much goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Weather {
    Calm,
    Light,
    Aws,
}

impl Weather {
    pub(crate) const ALL: [Self; 3] = [Self::Calm, Self::Light, Self::Aws];

    pub(crate) fn faults(self) -> Faults {
        match self {
            Self::Calm => Faults::none(),
            Self::Light => Faults::light(),
            Self::Aws => Faults::aws(),
        }
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Light => "light",
            Self::Aws => "aws",
        }
    }
}
