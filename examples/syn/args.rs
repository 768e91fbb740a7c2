//! The command line.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Parser, ValueEnum};
use sortie::scanners::engine::EngineConfig;
use sortie::scanners::link::Interception;

use crate::plan::Shard;

/// Finds open TCP ports with single packets, and says how sure it is.
#[derive(Debug, Parser)]
#[command(name = "syn")]
pub(crate) struct Args {
    /// Addresses, nets and ranges of IPv4 and IPv6: 192.0.2.7 198.51.100.0/24 2001:db8::1-2001:db8::ff
    #[arg(required = true, value_name = "TARGETS")]
    pub(crate) targets: Vec<String>,

    /// Ports and ranges of ports: 80,443,8000-8100
    #[arg(short, long)]
    pub(crate) ports: String,

    /// Probes a second
    #[arg(long, value_name = "N", default_value_t = 1000.0)]
    pub(crate) rate: f64,

    /// Never send to the addresses, nets and ranges in this file
    #[arg(long, value_name = "FILE")]
    pub(crate) deny: Option<PathBuf>,

    /// Write what answers to this file, a line of JSON each, and the run to FILE.run.json [default:
    /// lines to standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    /// Go on with the scan of that file, which was stopped or killed
    #[arg(long, requires = "out")]
    pub(crate) resume: bool,

    /// Keep in FILE.checkpoint where the scan is, so often; after a crash what was sent since is
    /// sent again
    #[arg(long, value_name = "SECONDS", default_value_t = 10, requires = "out", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) checkpoint_every: u64,

    /// How often a target is probed until it answers; up to 4 times where much is lost
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=8))]
    pub(crate) passes: u8,

    /// Keep to that number, even where so much is lost that more passes would find more
    #[arg(long)]
    pub(crate) fixed_passes: bool,

    /// Threads that send
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) senders: usize,

    /// Start slowly and stay below the rate at which answers are lost
    #[arg(long)]
    pub(crate) adapt: bool,

    /// Scan in the order of this number [default: one that nobody can foresee]
    #[arg(long, value_name = "N", conflicts_with = "resume")]
    pub(crate) seed: Option<u64>,

    /// Scan only the I-th of N equal parts; the others are for other machines, with the same seed
    #[arg(long, value_name = "I/N", requires = "seed")]
    pub(crate) shard: Option<Shard>,

    /// Say what would be sent, and send nothing; needs no privilege
    #[arg(long, conflicts_with = "resume")]
    pub(crate) dry_run: bool,

    /// Ask by ordinary connections, which needs no privilege and is slower by far
    #[arg(long, conflicts_with_all = ["resume", "checkpoint_every", "passes", "fixed_passes", "senders", "adapt", "seed", "shard", "dry_run", "interface", "intercept"])]
    pub(crate) connect: bool,

    /// Send by this interface [default: the one that the routing table names]
    #[arg(long, value_name = "NAME")]
    pub(crate) interface: Option<String>,

    /// Take answers before the kernel does, which is several times as fast (needs CAP_BPF)
    #[arg(long, value_enum, default_value_t = Intercept::Off)]
    pub(crate) intercept: Intercept,
}

impl Args {
    /// The settings of the scan, from those that are usual.
    pub(crate) fn configure(&self, mut config: EngineConfig) -> EngineConfig {
        config.rate = self.rate;
        config.passes = self.passes;
        config.senders = self.senders;
        config.adapt = self.adapt;
        config.checkpoint_every = Some(Duration::from_secs(self.checkpoint_every));
        config.reach = config.reach.filter(|_| !self.fixed_passes);
        config
    }
}

/// [`Interception`], as it is written on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Intercept {
    /// The kernel sees every answer, and resets it
    Off,
    /// Before the kernel's network code
    Generic,
    /// In the driver
    Native,
}

impl From<Intercept> for Interception {
    fn from(chosen: Intercept) -> Self {
        match chosen {
            Intercept::Off => Self::Off,
            Intercept::Generic => Self::Generic,
            Intercept::Native => Self::Native,
        }
    }
}

/// The file beside `path` whose name is longer by `suffix`.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}
