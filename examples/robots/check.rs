//! The file, held against what the lab knows.

use std::fs::File;
use std::io::{BufRead as _, BufReader};

use anyhow::{Context as _, ensure};
use flate2::read::MultiGzDecoder;
use lab::Lab;
use sortie::robots::RobotsRecord;

use crate::job::Job;
use crate::truth::{agrees, differ};

/// What was found out.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Records that say something else than the lab.
    pub(crate) mismatches: u64,
    /// The first of them, in words.
    pub(crate) examples: Vec<String>,
    /// Connections that reached an address which no scanner may touch.
    pub(crate) forbidden: u64,
}

/// Compares every record: outcome, status, redirects, truncation and size.
pub(crate) fn compare(job: &Job, lab: &Lab) -> anyhow::Result<Verdict> {
    let file = File::open(job.file()).with_context(|| job.file().display().to_string())?;
    let mut last = String::new();
    let mut lines = 0;
    let mut verdict = Verdict {
        forbidden: lab.forbidden_hits(),
        ..Verdict::default()
    };
    for line in BufReader::new(MultiGzDecoder::new(BufReader::new(file))).lines() {
        let record: RobotsRecord = serde_json::from_str(&line?)?;
        // Sorted and none twice: with the right number of lines, every name is there once.
        ensure!(
            record.domain > last,
            "{} is not behind {last} in the file",
            record.domain
        );
        last.clone_from(&record.domain);
        lines += 1;
        let truth = lab.truth(&record.domain);
        if !agrees(&record, &truth) {
            verdict.mismatches += 1;
            if verdict.examples.len() < 10 {
                verdict.examples.push(differ(&record, &truth));
            }
        }
    }
    ensure!(
        lines == job.targets.names,
        "the file has {lines} records for {} names",
        job.targets.names
    );
    Ok(verdict)
}
