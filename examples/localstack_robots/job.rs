//! What is scanned, and the workflow for it.

use std::fs::File;
use std::io::BufReader;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use lab::{Lab, LabConfig};
use sortie::Client;
use sortie::prelude::*;
use sortie::robots::{RobotsGenerator, RobotsOptions, SCAN, TargetList, Targets};

use crate::args::Args;

/// The names, and the lab that answers for them, if it does.
pub(crate) struct Job {
    pub(crate) list: TargetList,
    pub(crate) lab: Option<Lab>,
}

impl Job {
    pub(crate) async fn new(args: &Args) -> anyhow::Result<Self> {
        let (list, lab) = match &args.domains {
            Some(path) => {
                let failed = || format!("cannot read the list {}", path.display());
                let file = File::open(path).with_context(failed)?;
                let list = Targets::parse(BufReader::new(file)).with_context(failed)?;
                (list, None)
            }
            None => {
                let sites = args.sites.unwrap_or(10_000);
                let names: Vec<String> = (0..sites.into()).map(Lab::name).collect();
                let lab = Lab::start(LabConfig::default()).await;
                let list = Targets::parse(names.join("\n").as_bytes())?;
                (list, Some(lab.context("cannot start the lab")?))
            }
        };
        ensure!(
            !list.is_empty(),
            "the list has no names; put one on each line"
        );
        Ok(Self { list, lab })
    }

    /// Puts the list where the generator finds it, and says what is to be done. There is no
    /// aggregator: a file on the machine of a worker is of no use here, so the records are read
    /// from the results.
    pub(crate) async fn workflow(&self, args: &Args, client: &Client) -> anyhow::Result<Workflow> {
        let mut scope = self.list.scope();
        let mut options = RobotsOptions {
            concurrency: args.concurrency,
            ..RobotsOptions::default()
        };
        if let Some(lab) = &self.lab {
            // In the lab all that lies under a name is that name's own. The functions are other
            // processes of this machine, and reach it.
            scope = self.list.scope_with_subdomains();
            scope.allow_nets.extend(lab.scope_nets());
            options.resolver = Some(lab.resolver());
            options.http_port = lab.http_port();
            options.https_port = lab.https_port();
            // Here all ends share one machine, the emulator included, so what answers late is not
            // slow on purpose; but who does not even take the connection is silent.
            options.deadline = Duration::from_secs(15);
            options.connect_timeout = Duration::from_secs(4);
            options.verify_tls = false; // the authority of the lab is known to nobody else
        }
        let targets = Targets::store(&self.list, &**client.objects()).await?;
        let generator = RobotsGenerator {
            chunk: args.chunk,
            options,
            ..targets.into()
        };
        Ok(Workflow::new("robots")
            .scope(scope.to_json())
            .generate(SCAN, generator, |children| children))
    }
}
