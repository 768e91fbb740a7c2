//! A task holds an `Rc` across an await; workers move tasks between threads.

use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sortie_task_core::{TaskContext, TaskDefinition, TaskError, needs};

#[derive(Serialize, Deserialize)]
struct Wait;

impl TaskDefinition for Wait {
    const KIND: &'static str = "time.wait";
    type Requires = needs![];
    type Output = u32;

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<u32, TaskError> {
        let shared = Rc::new(1);
        cx.sleep(Duration::from_secs(1)).await;
        Ok(*shared)
    }
}

fn main() {}
