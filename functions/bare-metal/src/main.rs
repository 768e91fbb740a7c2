//! The bare-metal worker of the stock definitions: a process on a machine of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    sortie::aws::bare_metal(sortie::defs::registry()).main()
}
