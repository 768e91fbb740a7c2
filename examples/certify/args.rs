//! The command line.

use std::fmt;

use anyhow::Context as _;
use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser as _;
use clap::{Parser, ValueEnum};
use sortie::core::mutant::Mutant;
use sortie::sim::{Faults, Sim};

#[derive(Debug, Parser)]
#[command(about = "Certify the engine by simulation")]
pub(crate) struct Args {
    /// Seeds to run, each in calm, in light faults and in heavy ones.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seeds: u64,
    /// The first seed; SORTIE_SIM_SEED, or else 0, unless it is given.
    #[arg(long)]
    base: Option<u64>,
    /// Seeds to run on SQLite besides: 20 unless it is given. With --seed: run that one there.
    #[arg(long, value_name = "SEEDS", num_args = 0..=1)]
    sqlite: Option<Option<u64>>,
    /// Seeds within which each mutant must be found; 0 leaves the mutants out.
    #[arg(long, default_value_t = 2000)]
    pub(crate) hunt: u64,
    /// Threads; as many as there are cores unless said otherwise.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,
    /// One JSON object instead of text.
    #[arg(long)]
    pub(crate) json: bool,
    /// Run this one seed only, and say how it went.
    #[arg(long, conflicts_with_all = ["seeds", "base", "hunt", "threads", "json"])]
    seed: Option<u64>,
    /// The weather of that one run.
    #[arg(long, value_enum, default_value_t = Weather::Aws, requires = "seed")]
    faults: Weather,
    /// The mutant that is planted in that one run.
    #[arg(long, requires = "seed", value_parser = mutants())]
    mutant: Option<Mutant>,
    /// Print the log of that one run.
    #[arg(long, requires = "seed")]
    pub(crate) log: bool,
}

/// Seeds to run on SQLite unless it is said how many: each costs as much as fifty in memory.
const SQLITE: u64 = 20;

impl Args {
    /// The one run that is asked for, if only one is.
    pub(crate) fn one(&self) -> anyhow::Result<Option<Case>> {
        let Some(seed) = self.seed else {
            return Ok(None);
        };
        if let Some(Some(seeds)) = self.sqlite {
            anyhow::bail!("--sqlite takes no number of seeds beside --seed, not {seeds}");
        }
        Ok(Some(Case {
            seed,
            weather: self.faults,
            sqlite: self.sqlite.is_some(),
            mutant: self.mutant,
        }))
    }

    /// Seeds to run on SQLite.
    pub(crate) fn sqlite(&self) -> u64 {
        self.sqlite.flatten().unwrap_or(SQLITE)
    }

    /// The first seed, from which on there are enough.
    pub(crate) fn base(&self) -> anyhow::Result<u64> {
        let base = match (self.base, std::env::var_os("SORTIE_SIM_SEED")) {
            (Some(base), _) => base,
            (None, None) => 0,
            (None, Some(value)) => value
                .to_str()
                .and_then(|text| text.trim().parse().ok())
                .with_context(|| format!("SORTIE_SIM_SEED must be a seed, not {value:?}"))?,
        };
        let most = self.seeds.max(self.hunt).max(self.sqlite());
        base.checked_add(most)
            .with_context(|| format!("there are no {most} seeds from {base} on"))?;
        Ok(base)
    }
}

fn mutants() -> impl clap::builder::TypedValueParser<Value = Mutant> {
    PossibleValuesParser::new(Mutant::ALL.map(Mutant::as_str)).try_map(|name| {
        let mut all = Mutant::ALL.into_iter();
        all.find(|mutant| mutant.as_str() == name)
            .ok_or("there is no such mutant")
    })
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

    fn faults(self) -> Faults {
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

/// One run. Shown as the options by which this program runs it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) seed: u64,
    pub(crate) weather: Weather,
    pub(crate) sqlite: bool,
    pub(crate) mutant: Option<Mutant>,
}

impl Case {
    pub(crate) fn sim(self) -> Sim {
        let sim = Sim::generated(self.seed).faults(self.weather.faults());
        if self.sqlite { sim.on_sqlite() } else { sim }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--seed {} --faults {}", self.seed, self.weather.as_str())?;
        if self.sqlite {
            f.write_str(" --sqlite")?;
        }
        match self.mutant {
            Some(mutant) => write!(f, " --mutant {mutant}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop")]

    use super::*;

    fn parse(line: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(std::iter::once("certify").chain(line.split_whitespace()))
    }

    #[test]
    fn what_a_case_prints_asks_for_that_case() {
        for weather in Weather::ALL {
            for sqlite in [false, true] {
                for mutant in [None, Some(Mutant::NoInbox)] {
                    let case = Case {
                        seed: 42,
                        weather,
                        sqlite,
                        mutant,
                    };
                    let asked = parse(&case.to_string()).unwrap().one().unwrap().unwrap();
                    assert_eq!(format!("{asked:?}"), format!("{case:?}"));
                }
            }
        }
    }

    #[test]
    fn what_would_run_nothing_is_refused() {
        for line in [
            "--seeds 0",
            "--threads 0",
            "--log",
            "--mutant no_inbox",
            "--seed 1 --mutant unheard_of",
            "--seed 1 --seeds 5",
            "--seed 1 --json",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        assert!(parse("--seed 1 --sqlite 5").unwrap().one().is_err());
        let beyond = parse("--base 18446744073709551615").unwrap();
        assert!(beyond.base().is_err());
    }

    #[test]
    fn sqlite_takes_a_number_or_none() {
        assert_eq!(parse("--sqlite 0").unwrap().sqlite(), 0);
        assert_eq!(parse("").unwrap().sqlite(), SQLITE);
        assert!(
            parse("--seed 1 --sqlite")
                .unwrap()
                .one()
                .unwrap()
                .unwrap()
                .sqlite
        );
    }
}
