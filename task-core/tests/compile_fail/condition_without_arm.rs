//! A workflow decides by a task whose output chooses no branch.

use serde::{Deserialize, Serialize};
use sortie_task_core::{TaskContext, TaskDefinition, TaskError, Workflow, needs};

#[derive(Serialize, Deserialize)]
struct AnyFound;

impl TaskDefinition for AnyFound {
    const KIND: &'static str = "names.any_found";
    type Requires = needs![];
    type Output = bool;

    async fn run(self, _cx: TaskContext<Self::Requires>) -> Result<bool, TaskError> {
        Ok(true)
    }
}

fn main() {
    let _ = Workflow::new("names").when("found", AnyFound, |then| then, |otherwise| otherwise);
}
