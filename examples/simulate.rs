//! Your own workflow under faults, in `cargo test`: a whole deployment in one thread, in virtual
//! time. `cargo run --features sim --example simulate` does the same with more seeds.

use std::time::Duration;

use sortie::prelude::*;
use sortie::sim::{Faults, Sim, sweep};

/// Looks at one host.
#[derive(Serialize, Deserialize)]
struct Look(u32);

impl TaskDefinition for Look {
    const KIND: &'static str = "example.look";
    type Requires = needs![];
    type Output = u32;

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<u32, TaskError> {
        cx.sleep(Duration::from_secs(2)).await; // virtual: costs nothing
        Ok(self.0)
    }
}

/// Sends a [`Look`] to each host.
#[derive(Serialize, Deserialize)]
struct Hosts(u32);

impl TaskDefinition for Hosts {
    const KIND: &'static str = "example.hosts";
    type Requires = needs![QueueAccess];
    type Output = u32;

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<u32, TaskError> {
        for host in 0..self.0 {
            cx.queue().create(Look(host)).await?;
        }
        Ok(self.0)
    }
}

#[cfg_attr(test, test)]
fn each_host_is_looked_at_once() {
    sweep(if cfg!(test) { 20 } else { 1000 }, |seed| {
        let workflow = Workflow::new("hosts").generate("looks", Hosts(40), |looks| looks);
        let sim = Sim::new(seed).registry(registry![Hosts, Look]);
        let report = sim.workflow(workflow).faults(Faults::aws()).run();
        let report = report.unwrap_or_else(|violation| panic!("{violation}"));
        // A task that kills each of its workers is given up; all others are there, once.
        let lost = report.troubles("looks");
        let seen: Vec<u32> = report.rows("looks").unwrap_or_default();
        assert_eq!(seen.len() as u64 + lost, 40);
        assert!(seen.windows(2).all(|pair| pair[0] < pair[1]));
    });
}

#[cfg(not(test))]
fn main() {
    each_host_is_looked_at_once();
}
