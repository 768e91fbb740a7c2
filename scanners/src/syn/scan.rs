//! A SYN scan, from its targets to its report.

use std::ops::RangeInclusive;

use crate::engine::{Checkpoint, Engine, EngineConfig, Observer, Report, ScanError};
use crate::link::{Link, LinkInfo, MacAddr};
use crate::probe::{CookieKey, SourcePorts};
use crate::target::{Chunk, TargetSet};

use super::answer::SynAnswer;
use super::options::SynStyle;
use super::probe::SynProbe;

/// A SYN scan. See the [module](super) for a whole one.
#[derive(Clone, Debug)]
pub struct SynScan {
    targets: TargetSet,
    chunk: Option<Chunk>,
    style: SynStyle,
    ports: RangeInclusive<u16>,
    key: Option<CookieKey>,
    config: EngineConfig,
    resume: Option<Checkpoint>,
}

impl SynScan {
    /// A scan of all `targets`, in an order that nobody can foresee.
    pub fn new(targets: TargetSet) -> Self {
        Self {
            targets,
            chunk: None,
            style: SynStyle::default(),
            ports: SourcePorts::DEFAULT,
            key: None,
            config: EngineConfig::default(),
            resume: None,
        }
    }

    /// Scans all targets in the order of `seed`.
    pub fn seed(mut self, seed: u64) -> Self {
        self.chunk = Some(Chunk::all(&self.targets, seed));
        self
    }

    /// Scans `chunk` only.
    pub fn chunk(mut self, chunk: Chunk) -> Self {
        self.chunk = Some(chunk);
        self
    }

    /// Probes a second; see [`EngineConfig::rate`].
    pub fn rate(mut self, rate: f64) -> Self {
        self.config.rate = rate;
        self
    }

    /// How often a target is probed until it answers; see [`EngineConfig::passes`].
    pub fn passes(mut self, passes: u8) -> Self {
        self.config.passes = passes;
        self
    }

    /// Threads that send; see [`EngineConfig::senders`].
    pub fn senders(mut self, senders: usize) -> Self {
        self.config.senders = senders;
        self
    }

    /// Changes any of the settings.
    ///
    /// ```
    /// # use sortie_scanners::{engine::Close, scope::Scope, syn::SynScan, target::TargetSet};
    /// # let scope = Scope::builder().allow_net("198.18.0.0/15".parse::<ipnet::IpNet>()?).build()?;
    /// # let targets = TargetSet::builder().addrs("198.18.0.1").ports("80").build(&scope)?;
    /// let scan = SynScan::new(targets).with(|config| {
    ///     config.adapt = true;
    ///     config.close = Close::Ours;
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with(mut self, change: impl FnOnce(&mut EngineConfig)) -> Self {
        change(&mut self.config);
        self
    }

    /// What the probes look like.
    pub fn style(mut self, style: SynStyle) -> Self {
        self.style = style;
        self
    }

    /// The ports that probes come from; see [`SourcePorts`].
    pub fn source_ports(mut self, ports: RangeInclusive<u16>) -> Self {
        self.ports = ports;
        self
    }

    /// The key of the cookies. Without one, each run has a random one, as it should.
    pub fn key(mut self, key: CookieKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Goes on from `checkpoint`: its chunk, with the passes that were set here.
    pub fn resume(mut self, checkpoint: Checkpoint) -> Self {
        self.chunk = Some(checkpoint.chunk().clone());
        self.resume = Some(checkpoint);
        self
    }

    /// Whether it can be run, as far as that does not depend on a link: sends nothing, and needs no
    /// privilege.
    ///
    /// # Errors
    ///
    /// [`ScanError`] as of [`engine`](Self::engine).
    ///
    /// ```
    /// # use sortie_scanners::{scope::Scope, syn::SynScan, target::TargetSet};
    /// # let scope = Scope::builder().allow_net("198.18.0.0/15".parse::<ipnet::IpNet>()?).build()?;
    /// # let targets = TargetSet::builder().addrs("198.18.0.1").ports("80").build(&scope)?;
    /// let scan = SynScan::new(targets);
    /// assert!(scan.check().is_ok());
    /// let error = scan.rate(0.0).check().unwrap_err();
    /// assert_eq!(error.to_string(), "rate must be a number of probes a second, from 1/3600");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn check(&self) -> Result<(), ScanError> {
        let nowhere = LinkInfo::new("none", MacAddr::default());
        self.engine_on(&nowhere).map(drop)
    }

    /// Makes an engine of it, for the way out that `link` describes.
    ///
    /// # Errors
    ///
    /// [`ScanError`] when a setting is wrong, or the chunk or checkpoint is of other targets.
    pub fn engine(&self, link: &dyn Link) -> Result<Engine<SynProbe>, ScanError> {
        self.engine_on(&link.describe())
    }

    fn engine_on(&self, link: &LinkInfo) -> Result<Engine<SynProbe>, ScanError> {
        let chunk = match &self.chunk {
            Some(chunk) => chunk.clone(),
            None => Chunk::all(&self.targets, random_seed()?),
        };
        let key = match &self.key {
            Some(key) => key.clone(),
            None => CookieKey::random().map_err(ScanError::Random)?,
        };
        // Where ports are few, the passes that were asked for come before those that may be added.
        let room = SourcePorts::most_passes(&self.ports).max(self.config.passes);
        let passes = self.config.most_passes().min(room);
        let ports = SourcePorts::new(self.ports.clone(), passes)?;
        let probe = SynProbe::new(link, self.style, &key, ports);
        let engine = Engine::new(probe, self.targets.chunk(&chunk)?, self.config.clone())?;
        match &self.resume {
            Some(checkpoint) => engine.resume(checkpoint.clone()),
            None => Ok(engine),
        }
    }

    /// Runs it with a thread for each sender; see [`Engine::run`].
    ///
    /// # Errors
    ///
    /// [`ScanError`].
    pub fn run<O: Observer<SynAnswer> + ?Sized>(
        &self,
        link: &dyn Link,
        observer: &mut O,
    ) -> Result<Report, ScanError> {
        self.engine(link)?.run(link, observer)
    }

    /// Runs it in this thread; see [`Engine::run_by_turns`].
    ///
    /// # Errors
    ///
    /// [`ScanError`].
    pub fn run_by_turns<O: Observer<SynAnswer> + ?Sized>(
        &self,
        link: &dyn Link,
        observer: &mut O,
    ) -> Result<Report, ScanError> {
        self.engine(link)?.run_by_turns(link, observer)
    }
}

fn random_seed() -> Result<u64, ScanError> {
    let mut seed = [0; 8];
    getrandom::fill(&mut seed).map_err(|error| ScanError::Random(error.into()))?;
    Ok(u64::from_be_bytes(seed))
}
