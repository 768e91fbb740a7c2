//! The Internal worker of the stock definitions.

use std::process::ExitCode;

fn main() -> ExitCode {
    sortie::aws::internal(sortie::defs::registry()).main()
}
