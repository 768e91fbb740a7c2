//! The records, from where the functions have put them: the database, and the bucket.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use flate2::Compression;
use flate2::write::GzEncoder;
use sortie::robots::{RobotsChunk, RobotsRecord, SCAN};
use sortie::{Client, Run};

use crate::job::Job;
use crate::truth::{agrees, differ};

/// What was found out about the records.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Names with exactly one record.
    pub(crate) records: u64,
    /// Records of names that had one already, or that nobody has asked for.
    pub(crate) surplus: u64,
    /// Records that say something else than the lab.
    pub(crate) mismatches: u64,
    /// The first of them, in words.
    pub(crate) examples: Vec<String>,
}

/// Writes all records into one file, as they come, and holds each against the lab.
pub(crate) async fn collect(
    job: &Job,
    client: &Client,
    run: &Run,
    out: &Path,
) -> anyhow::Result<Verdict> {
    if let Some(folder) = out.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let file = File::create(out).with_context(|| format!("cannot write {}", out.display()))?;
    let mut file = GzEncoder::new(file, Compression::fast());
    let mut missing: BTreeSet<&str> = job.list.names().collect();
    let mut verdict = Verdict::default();
    let mut rows = run.rows::<RobotsChunk>(SCAN).await?;
    while let Some(chunk) = rows.next().await? {
        let mut records = chunk.records;
        // What was found before a function had to hand back its cursor.
        for part in chunk.parts {
            let bytes = part.fetch(&**client.objects()).await?;
            for line in bytes.split(|&b| b == b'\n').filter(|line| !line.is_empty()) {
                records.push(serde_json::from_slice(line)?);
            }
        }
        for record in records {
            serde_json::to_writer(&mut file, &record)?;
            file.write_all(b"\n")?;
            verdict.add(job, &mut missing, &record);
        }
    }
    file.finish()?;
    Ok(verdict)
}

impl Verdict {
    fn add(&mut self, job: &Job, missing: &mut BTreeSet<&str>, record: &RobotsRecord) {
        if missing.remove(record.domain.as_str()) {
            self.records += 1;
        } else {
            self.surplus += 1;
        }
        let Some(lab) = &job.lab else { return };
        let truth = lab.truth(&record.domain);
        if !agrees(record, &truth) {
            self.mismatches += 1;
            if self.examples.len() < 10 {
                self.examples.push(differ(record, &truth));
            }
        }
    }
}
