//! An external merge sort.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::path::PathBuf;
use std::vec;

use super::entry::Entry;
use super::run::{Run, RunReader, RunWriter};
use crate::blocking::Sign;

/// Most runs on disk; when there are so many, they become one. Bounds open files and buffers.
const MAX_RUNS: usize = 64;

/// Takes entries in any order. Memory holds `limit` bytes of them; what is more goes to disk as
/// sorted runs, and nothing does if all fit.
#[derive(Debug)]
pub(super) struct Sorter {
    folder: PathBuf,
    limit: usize,
    entries: Vec<Entry>,
    bytes: usize,
    runs: Vec<Run>,
}

/// Why an entry was not taken.
#[derive(Debug)]
pub(super) enum SortError {
    /// The disk failed.
    Io(io::Error),
    /// The [`Sign`] said to stop.
    Stopped,
}

impl From<io::Error> for SortError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The entries, in order.
pub(super) struct Sorted {
    /// The next entry of each source that has one, the smallest on top.
    heads: BinaryHeap<Reverse<(Entry, usize)>>,
    sources: Vec<Source>,
}

enum Source {
    Memory(vec::IntoIter<Entry>),
    Disk(Box<RunReader>),
}

impl Sorter {
    /// Runs lie in `folder`.
    pub(super) fn new(folder: PathBuf, limit: usize) -> Self {
        Self {
            folder,
            limit,
            entries: Vec::new(),
            bytes: 0,
            runs: Vec::new(),
        }
    }

    /// Takes one more. Blocks on the disk now and then, and for as long as it takes to copy all
    /// that is there; `sign` shows life meanwhile, and is looked at.
    pub(super) fn push(&mut self, entry: Entry, sign: &Sign) -> Result<(), SortError> {
        self.bytes += entry.bytes();
        self.entries.push(entry);
        if self.bytes >= self.limit {
            self.spill(sign)?;
        }
        Ok(())
    }

    /// Everything that was taken, in order.
    pub(super) fn finish(mut self) -> io::Result<Sorted> {
        let mut entries = std::mem::take(&mut self.entries);
        entries.sort_unstable();
        let disk = self
            .runs
            .into_iter()
            .map(|run| Source::Disk(Box::new(run.read())));
        let memory = Source::Memory(entries.into_iter());
        Sorted::new(disk.chain([memory]).collect())
    }

    fn spill(&mut self, sign: &Sign) -> Result<(), SortError> {
        let mut done = 0;
        let mut go_on = || {
            done += 1;
            sign.goes_on(done).then_some(()).ok_or(SortError::Stopped)
        };
        if self.runs.len() >= MAX_RUNS {
            let runs = self
                .runs
                .drain(..)
                .map(|run| Source::Disk(Box::new(run.read())));
            let mut merged = Sorted::new(runs.collect())?;
            let mut writer = RunWriter::create(&self.folder)?;
            while let Some(entry) = merged.next()? {
                writer.push(&entry)?;
                go_on()?;
            }
            self.runs.push(writer.finish()?);
        }
        self.entries.sort_unstable();
        let mut writer = RunWriter::create(&self.folder)?;
        for entry in self.entries.drain(..) {
            writer.push(&entry)?;
            go_on()?;
        }
        self.bytes = 0;
        self.runs.push(writer.finish()?);
        Ok(())
    }
}

impl Sorted {
    /// Merges sources that are sorted each.
    fn new(mut sources: Vec<Source>) -> io::Result<Self> {
        let mut heads = BinaryHeap::with_capacity(sources.len());
        for (index, source) in sources.iter_mut().enumerate() {
            if let Some(entry) = source.next()? {
                heads.push(Reverse((entry, index)));
            }
        }
        Ok(Self { heads, sources })
    }

    /// The next entry, or `None` after the last. Blocks on the disk.
    pub(super) fn next(&mut self) -> io::Result<Option<Entry>> {
        let Some(Reverse((entry, index))) = self.heads.pop() else {
            return Ok(None);
        };
        if let Some(source) = self.sources.get_mut(index)
            && let Some(next) = source.next()?
        {
            self.heads.push(Reverse((next, index)));
        }
        Ok(Some(entry))
    }
}

impl Source {
    fn next(&mut self) -> io::Result<Option<Entry>> {
        match self {
            Self::Memory(entries) => Ok(entries.next()),
            Self::Disk(run) => run.next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use proptest::prelude::*;
    use task_core::Progress;

    use super::*;

    fn entry(domain: &str, line: &str) -> Entry {
        Entry {
            domain: domain.into(),
            line: line.as_bytes().into(),
        }
    }

    fn sign() -> Sign {
        Sign::new(Progress::default(), Arc::default())
    }

    fn sorted(entries: &[Entry], limit: usize) -> (Vec<Entry>, usize) {
        let mut sorter = Sorter::new(std::env::temp_dir(), limit);
        for entry in entries {
            sorter.push(entry.clone(), &sign()).unwrap();
        }
        let runs = sorter.runs.len();
        let mut merged = sorter.finish().unwrap();
        let mut out = Vec::new();
        while let Some(entry) = merged.next().unwrap() {
            out.push(entry);
        }
        (out, runs)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn merging_is_sorting(
            entries in proptest::collection::vec(("[a-c\n]{0,3}", "[xy]{0,9}"), 0..80),
            limit in 1usize..2000,
        ) {
            let entries: Vec<_> = entries.iter().map(|(d, l)| entry(d, l)).collect();
            let mut expected = entries.clone();
            expected.sort();
            prop_assert_eq!(sorted(&entries, limit).0, expected);
        }
    }

    #[test]
    fn nothing_is_spilled_if_all_fits_and_runs_stay_few_if_not() {
        let entries: Vec<_> = (0..200)
            .rev()
            .map(|n| entry(&format!("{n:03}"), "x"))
            .collect();
        let (in_memory, runs) = sorted(&entries, 1 << 20);
        assert_eq!(runs, 0);
        // A run for each entry: more than there may be.
        let (merged, runs) = sorted(&entries, 1);
        assert!((1..=MAX_RUNS).contains(&runs));
        assert_eq!(merged, in_memory);
    }

    /// As many runs as there may be, of 32 entries each: fewer than are between two signs.
    fn full_of_runs(progress: &Progress, stop: &Arc<AtomicBool>) -> (Sorter, Sign) {
        let sign = Sign::new(progress.clone(), Arc::clone(stop));
        let bytes = entry("0000", "x").bytes();
        let mut sorter = Sorter::new(std::env::temp_dir(), 32 * bytes);
        for n in 0..32 * MAX_RUNS {
            sorter.push(entry(&format!("{n:04}"), "x"), &sign).unwrap();
        }
        assert_eq!((sorter.runs.len(), progress.count()), (MAX_RUNS, 0));
        (sorter, sign)
    }

    fn one_more_run(sorter: &mut Sorter, sign: &Sign) -> Result<(), SortError> {
        (0..32).try_for_each(|_| sorter.push(entry("9999", "x"), sign))
    }

    #[test]
    fn merging_all_runs_shows_life() {
        let progress = Progress::default();
        let (mut sorter, sign) = full_of_runs(&progress, &Arc::default());
        one_more_run(&mut sorter, &sign).unwrap();
        assert_eq!((sorter.runs.len(), progress.count()), (2, 2));
    }

    #[test]
    fn merging_all_runs_stops_when_it_must() {
        let stop = Arc::default();
        let (mut sorter, sign) = full_of_runs(&Progress::default(), &stop);
        stop.store(true, Ordering::Relaxed);
        let stopped = one_more_run(&mut sorter, &sign);
        assert!(matches!(stopped, Err(SortError::Stopped)));
    }
}
