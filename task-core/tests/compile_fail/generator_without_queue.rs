//! A workflow uses a task as a generator that cannot create tasks.

use serde::{Deserialize, Serialize};
use sortie_task_core::{TaskContext, TaskDefinition, TaskError, Workflow, needs};

#[derive(Serialize, Deserialize)]
struct SplitNames;

impl TaskDefinition for SplitNames {
    const KIND: &'static str = "names.split";
    type Requires = needs![TaskDataAccess];
    type Output = ();

    async fn run(self, _cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        Ok(())
    }
}

fn main() {
    let _ = Workflow::new("names").generate("split", SplitNames, |children| children);
}
