//! Task data: who may write, and how often.

use task_core::ports::data::Writer;
use task_core::ports::store::ResultRow;
use task_core::workflow::Role;
use task_core::{Payload, TaskState};

use super::state::{Leaf, Model};

impl Model {
    /// Data that the manager writes for a worker: once per attempt, with the end of that attempt.
    pub(super) fn data(&mut self, row: &ResultRow) -> Result<(), String> {
        let id = row.task;
        let leaf = self
            .tasks
            .get_mut(&id)
            .ok_or_else(|| format!("data of an unknown task {id}"))?;
        self.effects += 1;
        let again = !leaf.stored.insert(row.seq);
        if again && leaf.task.head.role != Role::Generator {
            return Err(format!(
                "the data of attempt {} of task {id} was stored twice",
                row.seq
            ));
        }
        let status = &leaf.task.head.status;
        if leaf.stored.len() > 1 && status.cursor.is_none() {
            return Err(format!("the data of two attempts of task {id} was stored"));
        }
        Ok(())
    }

    /// Rows that a worker wrote itself. Those of earlier attempts behind them are gone; those of a
    /// twin, which does the same and may be ahead, are not.
    pub(in crate::sim) fn wrote_rows(
        &mut self,
        writer: Writer,
        first: u32,
        rows: &[Payload],
    ) -> Result<(), String> {
        let leaf = self.running(writer)?;
        if leaf.rows.len() < first as usize {
            return Err(format!(
                "task {} has {} rows and writes behind row {first}",
                writer.task,
                leaf.rows.len()
            ));
        }
        let a_twin_is_ahead = leaf.rows.last() == Some(&writer.attempt);
        let before = leaf.rows.len();
        leaf.rows.truncate(first as usize);
        leaf.rows.extend(rows.iter().map(|_| writer.attempt));
        if a_twin_is_ahead && leaf.rows.len() < before {
            leaf.rows.resize(before, writer.attempt);
        }
        self.effects += rows.len() as u64;
        Ok(())
    }

    /// A value that a worker set.
    pub(in crate::sim) fn wrote_value(&mut self, writer: Writer) -> Result<(), String> {
        self.running(writer)?;
        self.effects += 1;
        Ok(())
    }

    pub(in crate::sim) fn running(&mut self, writer: Writer) -> Result<&mut Leaf, String> {
        let Writer { task, attempt, .. } = writer;
        let leaf = self
            .tasks
            .get_mut(&task)
            .ok_or_else(|| format!("a write of an unknown task {task}"))?;
        let status = &leaf.task.head.status;
        if status.state != TaskState::Running || status.attempt != attempt {
            return Err(format!(
                "attempt {attempt} of task {task} wrote data although attempt {} is {}",
                status.attempt, status.state
            ));
        }
        Ok(leaf)
    }
}
