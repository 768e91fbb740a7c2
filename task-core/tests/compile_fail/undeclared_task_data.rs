//! A task reads task data and does not declare it.

use serde::{Deserialize, Serialize};
use sortie_task_core::{TaskContext, TaskDefinition, TaskError, needs};

#[derive(Serialize, Deserialize)]
struct CountNames;

impl TaskDefinition for CountNames {
    const KIND: &'static str = "names.count";
    type Requires = needs![];
    type Output = u64;

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<u64, TaskError> {
        cx.task_data().count("names").await
    }
}

fn main() {}
