//! The job as it lies on disk, so that it can be resumed, and its parts.

use std::fs::{File, TryLockError};
use std::io::{BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use lab::{Lab, LabConfig, LabPorts};
use serde::{Deserialize, Serialize};
use sortie::core::CollectionId;
use sortie::robots::{self, RobotsGenerator, RobotsOptions, TargetCounts, TargetList, Targets};
use sortie::{Engine, Run};

use crate::args::Args;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    #[serde(skip)]
    out: PathBuf,
    /// Held for as long as the process uses the folder.
    #[serde(skip)]
    _lock: Option<File>,
    /// The run, once it is submitted.
    pub(crate) run: Option<CollectionId>,
    /// What the list was made of.
    pub(crate) targets: TargetCounts,
    /// Whether the lab answers, and on which ports: the tasks have them in their payload.
    lab: Option<LabPorts>,
}

impl Job {
    /// Finds the job to resume, or makes a new one of the list that comes with it. An unfinished
    /// one that is not resumed is discarded; finished files stay until they are replaced.
    pub(crate) fn open(args: &Args) -> anyhow::Result<(Self, Option<TargetList>)> {
        let out = std::path::absolute(&args.out)?;
        let fresh = Self {
            out: out.clone(),
            _lock: None,
            run: None,
            targets: TargetCounts::default(),
            lab: (args.domains.is_none() || args.lab).then(LabPorts::default),
        };
        let (state, path) = (fresh.state(), fresh.state().join("job.json"));
        let nothing = || {
            anyhow!(
                "there is nothing to resume in {}; leave out --resume",
                fresh.out.display()
            )
        };
        ensure!(!args.resume || state.is_dir(), nothing());
        let list = if args.resume {
            None
        } else {
            Some(read_list(args)?)
        };
        std::fs::create_dir_all(&out).with_context(|| {
            format!(
                "cannot make the folder {}; choose another by --out",
                out.display()
            )
        })?;
        // Before anything is read or discarded. The file stays, so that nobody holds the lock of
        // one that has gone.
        let lock = lock(&out)?;
        let found = match std::fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            read => Some(read.with_context(|| format!("cannot read {}", path.display()))?),
        };
        let job = match (&list, found) {
            (None, None) => return Err(nothing()),
            (None, Some(json)) => {
                let job: Self = serde_json::from_slice(&json).with_context(|| {
                    let path = path.display();
                    format!("{path} is damaged; start again without --resume")
                })?;
                Self { out, ..job }
            }
            (Some(_), found) => {
                if found.is_some() {
                    eprintln!("discarding an unfinished run; use --resume to go on with one");
                    fresh.forget()?;
                }
                std::fs::create_dir_all(&state)
                    .with_context(|| format!("cannot write to the folder {}", out.display()))?;
                fresh
            }
        };
        Ok((
            Self {
                _lock: Some(lock),
                ..job
            },
            list,
        ))
    }

    /// Where the engine keeps its state.
    pub(crate) fn state(&self) -> PathBuf {
        self.out.join("state")
    }

    /// The file that the scan writes.
    pub(crate) fn file(&self) -> PathBuf {
        self.out.join("robots.ndjson.gz")
    }

    /// The lab, where it was when the job began.
    pub(crate) async fn start_lab(&self) -> anyhow::Result<Option<Lab>> {
        let Some(ports) = self.lab else {
            return Ok(None);
        };
        let config = LabConfig {
            ports,
            ..LabConfig::default()
        };
        Ok(Some(
            Lab::start(config).await.context("cannot start the lab")?,
        ))
    }

    /// Submits the scan, and writes down what it takes to resume it.
    pub(crate) async fn submit(
        mut self,
        args: &Args,
        list: &TargetList,
        engine: &Engine,
        lab: Option<&Lab>,
    ) -> anyhow::Result<(Self, Run)> {
        let mut scope = list.scope();
        let mut options = RobotsOptions {
            resolver: args.resolver,
            concurrency: args.concurrency,
            ..RobotsOptions::default()
        };
        if let Some(lab) = lab {
            // In the lab all that lies under a name is that name's own.
            scope = list.scope_with_subdomains();
            scope.allow_nets.extend(lab.scope_nets());
            options.resolver = Some(lab.resolver());
            options.http_port = lab.http_port();
            options.https_port = lab.https_port();
            // Here all ends share one machine, and silence is meant.
            options.deadline = Duration::from_secs(6);
            options.connect_timeout = Duration::from_secs(4);
            options.verify_tls = false; // names that the lab stands in for have no certificate here
            self.lab = Some(lab.ports());
        }
        let names = u32::try_from(list.len())?;
        let tasks = args
            .tasks
            .unwrap_or_else(|| names.div_ceil(1250).max(64))
            .min(names);
        let targets = Targets::store(list, &**engine.objects()).await?;
        let chunk = names.div_ceil(tasks);
        let generator = RobotsGenerator {
            chunk,
            options,
            ..targets.into()
        };
        self.targets = list.counts();
        // Before the run begins, so that there is no moment at which it could not be resumed.
        self.save()?;
        let run = engine
            .submit(robots::workflow(generator, &scope, self.file()))
            .await?;
        self.run = Some(run.id());
        self.save()?;
        Ok((self, run))
    }

    fn save(&self) -> anyhow::Result<()> {
        let path = self.state().join("job.json");
        let new = path.with_extension("new");
        std::fs::write(&new, serde_json::to_vec(self)?)
            .and_then(|()| std::fs::rename(&new, &path))
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Removes the state; the file stays.
    pub(crate) fn forget(&self) -> anyhow::Result<()> {
        std::fs::remove_dir_all(self.state())
            .with_context(|| format!("cannot remove {}", self.state().display()))
    }
}

/// The names to scan.
fn read_list(args: &Args) -> anyhow::Result<TargetList> {
    let list = match &args.domains {
        Some(path) => {
            let failed = || format!("cannot read the list {}", path.display());
            let file = File::open(path).with_context(failed)?;
            Targets::parse(BufReader::new(file)).with_context(failed)?
        }
        None => {
            let names: Vec<String> = (0..args.sites.unwrap_or(10_000).into())
                .map(Lab::name)
                .collect();
            Targets::parse(names.join("\n").as_bytes())?
        }
    };
    ensure!(
        !list.is_empty(),
        "the list has no names; put one on each line"
    );
    Ok(list)
}

/// One process at a time: another one would discard the state that this one works on.
fn lock(out: &Path) -> anyhow::Result<File> {
    let path = out.join("robots.lock");
    let failed = || format!("cannot write {}", path.display());
    let file = File::create(&path).with_context(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!(
            "the folder {} is in use by another scan; wait for it, or choose another by --out",
            out.display()
        ),
        Err(TryLockError::Error(error)) => Err(error).with_context(failed),
    }
}
