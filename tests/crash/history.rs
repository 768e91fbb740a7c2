//! All lives of one run: where it stands, what is known of it, and what to say when it goes wrong.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::KILLS;
use crate::life::Ended;
use crate::snapshot::Snapshot;
use crate::workflow::CHILDREN;

/// What the processes write to stderr, beside the engine's own files.
pub(crate) const LOG: &str = "log";

/// The end of what the processes have logged.
pub(crate) fn log(folder: &Path) -> String {
    let log = std::fs::read(folder.join(LOG)).unwrap_or_default();
    let last = &log[log.len().saturating_sub(10_000)..];
    String::from_utf8_lossy(last).into_owned()
}

pub(crate) struct History {
    seed: u64,
    kills: u32,
    place: Option<TempDir>,
    /// Children that had ended when somebody looked.
    ended: u64,
    /// Blows that fell while children were ending.
    busy: u32,
    snapshots: Vec<Snapshot>,
}

impl History {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            kills: 0,
            place: Some(tempfile::tempdir().unwrap()),
            ended: 0,
            busy: 0,
            snapshots: Vec::new(),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.place.as_ref().unwrap().path()
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder().join("state.sqlite")
    }

    pub(crate) fn snapshots(&self) -> &[Snapshot] {
        &self.snapshots
    }

    /// A process was killed. What it had said of its progress must still hold in the next life.
    pub(crate) fn killed(&mut self, ended: Option<Ended>) {
        self.kills += 1;
        let Some(ended) = ended else { return };
        assert!(
            ended.first >= self.ended,
            "{} children had ended, then {}",
            self.ended,
            ended.first
        );
        self.busy += u32::from(ended.last > ended.before);
        self.ended = ended.last;
    }

    /// Takes a snapshot, and holds it against what must be true at any moment.
    pub(crate) async fn look(&mut self) {
        let Some(snapshot) = Snapshot::of_dead(self.folder()).await else {
            return;
        };
        snapshot.is_consistent();
        if let Some(before) = self.snapshots.last() {
            snapshot.keeps(before);
        }
        self.snapshots.push(snapshot);
    }

    /// The run is over; was it a run with 200 crashes, or has the last life done it all?
    pub(crate) fn is_over(&self) {
        eprintln!(
            "seed {}: {} kills, {} of them while children were ending; {} had ended before the last",
            self.seed, self.kills, self.busy, self.ended
        );
        assert_eq!(self.kills, KILLS);
        // Few, since the machine may be slow; all of them, mostly.
        assert!(
            self.ended >= u64::from(CHILDREN) / 10,
            "only {} children ended before the last life",
            self.ended
        );
        assert!(
            self.busy >= KILLS / 20,
            "only {} blows fell while children were ending",
            self.busy
        );
        assert!(!self.snapshots.is_empty(), "nobody has looked");
        assert_eq!(log(self.folder()), "", "nothing is worth a warning");
    }
}

impl Drop for History {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let folder = self.place.take().map(TempDir::keep).unwrap_or_default();
        eprintln!(
            "seed {}, after kill {} of {KILLS}; the state is kept in {}",
            self.seed,
            self.kills,
            folder.display()
        );
    }
}
