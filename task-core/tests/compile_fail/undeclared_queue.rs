//! A task creates tasks and does not declare access to the queue.

use serde::{Deserialize, Serialize};
use sortie_task_core::{TaskContext, TaskDefinition, TaskError, needs};

#[derive(Serialize, Deserialize)]
struct SplitNames;

impl TaskDefinition for SplitNames {
    const KIND: &'static str = "names.split";
    type Requires = needs![TaskDataAccess];
    type Output = ();

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        cx.queue().flush().await
    }
}

fn main() {}
