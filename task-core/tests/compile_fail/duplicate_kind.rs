//! Two definitions in one registry have the same wire name.

use serde::{Deserialize, Serialize};
use sortie_task_core::{TaskContext, TaskDefinition, TaskError, needs, registry};

#[derive(Serialize, Deserialize)]
struct FetchRobots;

#[derive(Serialize, Deserialize)]
struct FetchSitemap;

impl TaskDefinition for FetchRobots {
    const KIND: &'static str = "web.fetch";
    type Requires = needs![];
    type Output = ();

    async fn run(self, _cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        Ok(())
    }
}

impl TaskDefinition for FetchSitemap {
    const KIND: &'static str = "web.fetch";
    type Requires = needs![];
    type Output = ();

    async fn run(self, _cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        Ok(())
    }
}

fn main() {
    let _ = registry![FetchRobots, FetchSitemap];
}
