//! A task asks for raw sockets and does not declare them.

use serde::{Deserialize, Serialize};
use sortie_task_core::{TaskContext, TaskDefinition, TaskError, needs};

#[derive(Serialize, Deserialize)]
struct SynScan;

impl TaskDefinition for SynScan {
    const KIND: &'static str = "syn.scan";
    type Requires = needs![ReconDataAccess];
    type Output = ();

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        let _right = cx.raw_sockets();
        Ok(())
    }
}

fn main() {}
