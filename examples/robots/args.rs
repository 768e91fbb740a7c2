//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

/// Fetches robots.txt of many sites at once and writes one sorted, compressed file.
#[derive(Debug, Parser)]
#[command(name = "robots")]
pub(crate) struct Args {
    /// Scan this many sites of the lab [default: 10000]
    #[arg(long, value_name = "N", conflicts_with = "domains",
          value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) sites: Option<u32>,

    /// Scan the names in this file, one per line ("1,example.com" is understood). The list is the
    /// scope (each name with its www twin); reserved and metadata addresses stay denied
    #[arg(long, value_name = "FILE")]
    pub(crate) domains: Option<PathBuf>,

    /// Let the lab answer for the names in the file; nothing leaves this machine
    #[arg(long, requires = "domains")]
    pub(crate) lab: bool,

    /// Ask this name server instead of the system's
    #[arg(long, value_name = "ADDR", requires = "domains", conflicts_with_all = ["lab", "sites"])]
    pub(crate) resolver: Option<SocketAddr>,

    /// Where the file and, until it is complete, the state of the run are kept
    #[arg(long, value_name = "DIR", default_value = "out/robots")]
    pub(crate) out: PathBuf,

    /// Cut the list into this many tasks [default: 1,250 names each, but at least 64 tasks]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) tasks: Option<u32>,

    /// Sockets at once in each task
    #[arg(long, value_name = "N", default_value_t = 32,
          value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) concurrency: u16,

    /// Tasks at once in this process; on Lambda each has a machine of its own
    #[arg(long, value_name = "N", default_value_t = 32,
          value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) workers: u16,

    /// Go on with the run that was stopped or killed here; it keeps its own list and options
    #[arg(long)]
    pub(crate) resume: bool,

    /// Print the result as one JSON object on the last line
    #[arg(long)]
    pub(crate) json: bool,
}
