//! The command line.

use std::path::PathBuf;

use clap::Parser;

/// Fetches robots.txt of many sites by the functions of a deployment.
///
/// The deployment is that of the environment: `eval "$(lab/cloud/stack up)"` makes one on this
/// machine; on AWS it is what `deploy/` prints, without AWS_ENDPOINT_URL.
#[derive(Debug, Parser)]
#[command(name = "localstack_robots")]
pub(crate) struct Args {
    /// Scan this many sites of the lab, which answers on this machine [default: 10000]
    #[arg(long, value_name = "N", conflicts_with = "domains",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) sites: Option<u32>,

    /// Scan the names in this file instead, one per line. The list is the scope (each name with
    /// its www twin); reserved and metadata addresses stay denied
    #[arg(long, value_name = "FILE")]
    pub(crate) domains: Option<PathBuf>,

    /// Names in each task. An emulator starts some tens of functions a second, AWS thousands
    #[arg(long, value_name = "N", default_value_t = 100,
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) chunk: u32,

    /// Sockets at once in each task
    #[arg(long, value_name = "N", default_value_t = 32,
          value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) concurrency: u16,

    /// Meanwhile kill functions at random, repeat messages, and restart the database; with a deployment of
    /// lab/cloud/stack
    #[arg(long, conflicts_with = "domains")]
    pub(crate) chaos: bool,

    /// The file of all records
    #[arg(
        long,
        value_name = "FILE",
        default_value = "out/localstack_robots.ndjson.gz"
    )]
    pub(crate) out: PathBuf,

    /// Print the result as one JSON object on the last line
    #[arg(long)]
    pub(crate) json: bool,
}
