//! A requirement is misspelt.

use sortie_task_core::needs;

type Requires = needs![TaskDataAcess];

fn main() {
    let _: Option<Requires> = None;
}
