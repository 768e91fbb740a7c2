use serde::{Deserialize, Serialize};
use sortie_task_core::{TaskContext, TaskDefinition, TaskError, needs, registry};

#[derive(Serialize, Deserialize)]
struct CountWords {
    text: String,
}

#[derive(Serialize)]
struct Words(usize);

impl TaskDefinition for CountWords {
    const KIND: &'static str = "text.count_words";
    type Requires = needs![];
    type Output = Words;

    async fn run(self, _cx: TaskContext<Self::Requires>) -> Result<Words, TaskError> {
        Ok(Words(self.text.split_whitespace().count()))
    }
}

fn main() {
    assert!(registry![External: CountWords].get("text.count_words").is_some());
}
