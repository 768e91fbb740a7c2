//! An External worker registers a task that needs the database.

use serde::{Deserialize, Serialize};
use sortie_task_core::{TaskContext, TaskDefinition, TaskError, needs, registry};

#[derive(Serialize, Deserialize)]
struct NeedsTaskData;

impl TaskDefinition for NeedsTaskData {
    const KIND: &'static str = "names.filter";
    type Requires = needs![TaskDataAccess];
    type Output = ();

    async fn run(self, _cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        Ok(())
    }
}

fn main() {
    let _ = registry![External: NeedsTaskData];
}
