//! An Internal worker registers a task that needs raw sockets.

use serde::{Deserialize, Serialize};
use sortie_task_core::{TaskContext, TaskDefinition, TaskError, needs, registry};

#[derive(Serialize, Deserialize)]
struct NeedsRawSockets;

impl TaskDefinition for NeedsRawSockets {
    const KIND: &'static str = "syn.scan";
    type Requires = needs![RawSocketAccess];
    type Output = ();

    async fn run(self, _cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        Ok(())
    }
}

fn main() {
    let _ = registry![Internal: NeedsRawSockets];
}
