//! What is printed.

use std::collections::BTreeMap;

use lab::Lab;
use serde::Serialize;
use serde_json::{Value, json};
use sortie::core::Ledger;
use sortie::core::ports::store::Trouble;
use sortie::core::recon::Query;
use sortie::defs::recon::{Certificate, Domain, Endpoint, WebDocument};
use sortie::defs::scan::Summary;
use sortie::prelude::*;

use crate::plan::{MODELS, news_of};
use crate::webhook::Receiver;

/// All that there is to say about a run.
#[derive(Serialize)]
pub(crate) struct Outcome {
    state: TaskState,
    seconds: f64,
    /// The containers, parents before children.
    tree: Vec<Branch>,
    /// How the targets of each family ended, and how they were looked at.
    families: BTreeMap<&'static str, Summary>,
    ledger: Ledger,
    unaccounted: u64,
    /// Rows of each model, of all runs.
    models: BTreeMap<&'static str, u64>,
    /// Those that this run has found or changed.
    news: BTreeMap<&'static str, u64>,
    /// Messages that the webhook got.
    notifications: Vec<Value>,
    /// Connections to where nobody may go.
    forbidden_connections: u64,
    #[serde(skip)]
    troubles: Vec<Trouble>,
}

#[derive(Serialize)]
struct Branch {
    name: String,
    state: TaskState,
    tasks: u64,
    targets: u64,
}

impl Outcome {
    pub(crate) async fn gather(
        engine: &Engine,
        run: &Run,
        report: Report,
        receiver: &Receiver,
        lab: &Lab,
    ) -> anyhow::Result<Self> {
        let all = Query::all();
        let counts = [
            engine.count_models::<Certificate>(&all).await?,
            engine.count_models::<Domain>(&all).await?,
            engine.count_models::<Endpoint>(&all).await?,
            engine.count_models::<WebDocument>(&all).await?,
        ];
        let mut news = BTreeMap::new();
        for model in MODELS {
            let mut rows = run.rows::<Value>(&news_of(model)).await?;
            let count = news.entry(model).or_insert(0);
            while rows.next().await?.is_some() {
                *count += 1;
            }
        }
        let mut families = BTreeMap::new();
        for family in ["dns", "ports", "tls", "pages"] {
            let summary = run.result(&format!("{family}.outcomes")).await?;
            families.insert(family, summary.unwrap_or_default());
        }
        let branches = report.containers.iter().enumerate();
        let tree = branches.map(|(index, container)| Branch {
            name: match (index, &container.name) {
                (0, _) => report.name.clone(),
                (_, Some(name)) => name.clone(),
                (_, None) => "(branch)".to_owned(),
            },
            state: container.state,
            tasks: container.children.created,
            targets: container.targets,
        });
        Ok(Self {
            state: report.state,
            seconds: report.seconds,
            tree: tree.collect(),
            families,
            unaccounted: report.ledger.unaccounted() + report.ledger.overcounted(),
            ledger: report.ledger,
            models: MODELS.into_iter().zip(counts).collect(),
            news,
            notifications: receiver.told(),
            forbidden_connections: lab.forbidden_hits(),
            troubles: run.troubles(5).await?,
        })
    }

    pub(crate) fn is_good(&self) -> bool {
        self.state == TaskState::Succeeded
            && self.unaccounted == 0
            && self.forbidden_connections == 0
    }

    pub(crate) fn print(&self, as_json: bool) -> anyhow::Result<()> {
        for (index, branch) in self.tree.iter().enumerate() {
            let Branch {
                name,
                state,
                tasks,
                targets,
            } = branch;
            let indent = if index == 0 { "" } else { "  " };
            let name = format!("{indent}{name}");
            eprintln!("{name:<14} {state:<10} {tasks:>4} tasks {targets:>6} targets");
        }
        for (
            family,
            Summary {
                method, outcomes, ..
            },
        ) in &self.families
        {
            eprintln!("{family} by {method}: {}", json!(outcomes));
        }
        for model in MODELS {
            let count = |of: &BTreeMap<_, u64>| of.get(model).copied().unwrap_or_default();
            let (all, news) = (count(&self.models), count(&self.news));
            eprintln!("{all:>6} {model}, {news} new or changed");
        }
        for trouble in &self.troubles {
            let error = trouble.error.as_deref().unwrap_or("no reason given");
            eprintln!("failed: {}: {error}", trouble.kind);
        }
        eprintln!(
            "{}: {} targets, {} unaccounted for, {} connections to forbidden addresses, \
             {} notifications, {:.1} s",
            self.state,
            self.ledger.targets,
            self.unaccounted,
            self.forbidden_connections,
            self.notifications.len(),
            self.seconds,
        );
        if as_json {
            println!("{}", serde_json::to_string(self)?);
        }
        Ok(())
    }
}
