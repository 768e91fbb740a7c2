//! Tables and roles of the database of a deployment.

use std::process::ExitCode;

fn main() -> ExitCode {
    sortie::aws::migration().main()
}
