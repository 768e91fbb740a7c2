//! What can go wrong, made to go wrong: functions die in the middle of their work, messages come
//! twice, and the database restarts.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use sortie::Run;
use sortie::core::ports::runtime::{Runtime as _, TokioRuntime};
use sortie::transports;
use sortie::transports::lambda::invoke::Client;
use sortie::transports::lambda::invoke::aws_sdk_lambda::types::{Environment, LastUpdateStatus};
use tokio::task::JoinSet;

use crate::repeater::Repeater;

/// The faults of a run. They end when it is dropped.
pub(crate) struct Chaos {
    repeater: Repeater,
    killed: Arc<[AtomicU64; 2]>,
    restarts: Arc<AtomicU64>,
    tasks: JoinSet<()>,
}

/// The functions that die.
const VICTIMS: [&str; 2] = ["manager", "external"];

const ENDPOINT: &str = "AWS_ENDPOINT_URL";

impl Chaos {
    /// Puts itself between the functions of this deployment and the emulator.
    pub(crate) async fn begin() -> anyhow::Result<Self> {
        let variable = |name: &str| {
            std::env::var(name).with_context(|| {
                format!("`{name}` is not set; --chaos needs a deployment of lab/cloud/stack")
            })
        };
        let emulator = variable(ENDPOINT)?;
        let emulator: SocketAddr = emulator
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .parse()
            .with_context(|| format!("`{ENDPOINT}` is {emulator}; --chaos is for an emulator"))?;
        ensure!(emulator.ip().is_loopback(), "--chaos is for loopback only");
        let prefix = variable("SORTIE_SQS_PREFIX")?;
        let data = PathBuf::from(variable("SORTIE_POSTGRES_DATA")?);
        ensure!(data.join("postmaster.pid").is_file(), "no PostgreSQL runs");
        let repeater = Repeater::start(emulator).await?;
        redirect(&prefix, Some(&repeater.url())).await?;
        let chaos = Self {
            repeater,
            killed: Arc::default(),
            restarts: Arc::default(),
            tasks: JoinSet::new(),
        };
        Ok(chaos.kill(prefix))
    }

    /// Kills functions at random, for as long as this lives.
    fn kill(mut self, prefix: String) -> Self {
        let killed = Arc::clone(&self.killed);
        self.tasks.spawn(async move {
            let dice = TokioRuntime::new();
            loop {
                // Less often than a function needs to start and to do something.
                tokio::time::sleep(Duration::from_millis(4_000 + dice.random() % 12_000)).await;
                let which = (dice.random() % 2) as usize;
                let pids = processes(&format!("{prefix}-{}", VICTIMS[which]));
                if let Some(pid) = pids.first()
                    && signal("KILL", pid)
                {
                    killed[which].fetch_add(1, Relaxed);
                }
            }
        });
        self
    }

    /// Restarts the database once, when a third of the targets are done.
    pub(crate) fn restart_database(&mut self, run: Run) -> anyhow::Result<()> {
        let data = PathBuf::from(std::env::var("SORTIE_POSTGRES_DATA")?);
        let restarts = Arc::clone(&self.restarts);
        self.tasks.spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(50)).await;
                let Ok(report) = run.report().await else {
                    continue;
                };
                let done = report.ledger.outcomes.total();
                if done > 0 && done * 3 >= report.ledger.targets {
                    break;
                }
            }
            let pid = std::fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
            // As if the machine lost its power: nothing is said to anybody.
            if let Some(pid) = pid.lines().next()
                && signal("QUIT", pid)
            {
                restarts.fetch_add(1, Relaxed);
            }
        });
        Ok(())
    }

    /// Lets the functions alone again; what was done to them.
    pub(crate) async fn end(mut self) -> anyhow::Result<Value> {
        self.tasks.shutdown().await;
        let prefix = std::env::var("SORTIE_SQS_PREFIX")?;
        redirect(&prefix, None).await?;
        Ok(json!({
            "managers_killed": self.killed[0].load(Relaxed),
            "workers_killed": self.killed[1].load(Relaxed),
            "requests_repeated": self.repeater.repeated(),
            "database_restarts": self.restarts.load(Relaxed),
        }))
    }
}

/// The functions talk to `endpoint` from now on, or to the emulator itself.
async fn redirect(prefix: &str, endpoint: Option<&str>) -> anyhow::Result<()> {
    let aws = transports::aws::load().await;
    let client = Client::new(&aws);
    for victim in VICTIMS {
        let name = format!("{prefix}-{victim}");
        let now = client
            .get_function_configuration()
            .function_name(&name)
            .send()
            .await
            .with_context(|| format!("the function {name}"))?;
        let variables = now.environment.and_then(|now| now.variables);
        let mut variables: HashMap<String, String> = variables.unwrap_or_default();
        match endpoint {
            Some(url) => variables.insert(ENDPOINT.to_owned(), url.to_owned()),
            None => variables.remove(ENDPOINT),
        };
        let environment = Environment::builder()
            .set_variables(Some(variables))
            .build();
        client
            .update_function_configuration()
            .function_name(&name)
            .environment(environment)
            .send()
            .await
            .with_context(|| format!("the function {name}"))?;
        loop {
            let asked = client.get_function_configuration().function_name(&name);
            if asked.send().await?.last_update_status == Some(LastUpdateStatus::Successful) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    Ok(())
}

/// The processes that are environments of a function, by their number.
fn processes(function: &str) -> Vec<String> {
    let wanted = format!("AWS_LAMBDA_FUNCTION_NAME={function}");
    let Ok(all) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    all.flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.bytes().all(|b| b.is_ascii_digit()))
        .filter(|pid| {
            // Those of other users cannot be read, and those that end meanwhile neither.
            std::fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environment| {
                let mut variables = environment.split(|&b| b == 0);
                variables.any(|variable| variable == wanted.as_bytes())
            })
        })
        .collect()
}

fn signal(name: &str, pid: &str) -> bool {
    let sent = Command::new("kill").args(["-s", name, pid]).status();
    sent.is_ok_and(|sent| sent.success())
}
