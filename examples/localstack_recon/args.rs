//! The command line.

use clap::Parser;

/// Looks at everything that belongs to some domains of the lab, by the functions of a deployment and
/// a bare-metal worker beside them.
///
/// The deployment is that of the environment: `eval "$(lab/cloud/stack up)"` makes one on this
/// machine.
#[derive(Debug, Parser)]
#[command(name = "localstack_recon")]
pub(crate) struct Args {
    /// The domains to begin with. `lab.test` has a hundred names, any other some
    #[arg(value_name = "DOMAIN", default_values = ["lab.test", "example.test"])]
    pub(crate) seeds: Vec<String>,

    /// Print the result as one JSON object on the last line
    #[arg(long)]
    pub(crate) json: bool,
}
