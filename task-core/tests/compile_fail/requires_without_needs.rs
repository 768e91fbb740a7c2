//! `Requires` names the requirement itself and not a set made by `needs!`.

use serde::{Deserialize, Serialize};
use sortie_task_core::{TaskContext, TaskDefinition, TaskError, WorkerRequirement};

#[derive(Serialize, Deserialize)]
struct CountNames;

impl TaskDefinition for CountNames {
    const KIND: &'static str = "names.count";
    type Requires = WorkerRequirement;
    type Output = u64;

    async fn run(self, _cx: TaskContext<Self::Requires>) -> Result<u64, TaskError> {
        Ok(0)
    }
}

fn main() {}
