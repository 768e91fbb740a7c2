//! The External worker of the stock definitions. It links no database.

use std::process::ExitCode;

fn main() -> ExitCode {
    sortie::aws::external(sortie::defs::registry()).main()
}
