//! A task reads recon data and does not declare it.

use serde::{Deserialize, Serialize};
use sortie_task_core::recon::{Field, Model, Query};
use sortie_task_core::{TaskContext, TaskDefinition, TaskError, needs};

#[derive(Serialize, Deserialize)]
struct Host {
    name: String,
}

impl Model for Host {
    const NAME: &'static str = "host";
    const FIELDS: &'static [Field] = &[Field::text("name")];

    fn key(&self) -> String {
        self.name.clone()
    }
}

#[derive(Serialize, Deserialize)]
struct CountHosts;

impl TaskDefinition for CountHosts {
    const KIND: &'static str = "hosts.count";
    type Requires = needs![TaskDataAccess];
    type Output = u64;

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<u64, TaskError> {
        cx.recon().count::<Host>(&Query::all()).await
    }
}

fn main() {}
