//! The manager of the stock definitions. For your own, hand it your own registry.

use std::process::ExitCode;

fn main() -> ExitCode {
    sortie::aws::manager(sortie::defs::registry()).main()
}
