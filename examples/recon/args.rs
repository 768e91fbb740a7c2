//! The command line.

use std::path::PathBuf;

use clap::Parser;

/// Looks at everything that belongs to some domains of the lab, and tells what is new.
#[derive(Debug, Parser)]
#[command(name = "recon")]
pub(crate) struct Args {
    /// The domains to begin with. `lab.test` has a hundred names, any other some
    #[arg(value_name = "DOMAIN", default_values = ["lab.test", "example.test"])]
    pub(crate) seeds: Vec<String>,

    /// Where what was found is kept, for the next run
    #[arg(long, value_name = "DIR", default_value = "out/recon")]
    pub(crate) out: PathBuf,

    /// Print the result as one JSON object on the last line
    #[arg(long)]
    pub(crate) json: bool,
}
