//! Ports, counted.

use std::collections::BTreeSet;

use task_core::{TaskContext, TaskDefinition, TaskError, needs};

use super::options::TcpSyn;
use super::record::{AskedBy, PortRow};
use crate::scan::aggregate::{Aggregate, Summary};

/// Counts targets by outcome; `method` is `syn` or `connect`, or `connect, syn` where some tasks
/// had the one and some the other, and empty where nothing was sent.
impl TaskDefinition for Aggregate<TcpSyn> {
    const KIND: &'static str = "tcp_syn.aggregate";
    type Requires = needs![TaskDataAccess];
    type Output = Summary;

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<Summary, TaskError> {
        self.sum(&cx, |summary, row: PortRow| {
            let (outcome, method, count) = match row {
                PortRow::Port(port) => (port.outcome, Some(port.method), 1),
                PortRow::Counted(many) => (many.outcome, many.method, many.count),
            };
            summary.add(outcome.as_str(), count);
            let Some(method) = method.map(AskedBy::as_str) else {
                return;
            };
            let known: BTreeSet<&str> = summary.method.split(", ").collect();
            if !known.contains(method) {
                let all = known.into_iter().chain([method]);
                let all: BTreeSet<&str> = all.filter(|one| !one.is_empty()).collect();
                summary.method = all.into_iter().collect::<Vec<_>>().join(", ");
            }
        })
        .await
    }
}
