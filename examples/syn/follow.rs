//! What is found, where it goes, and how far the scan is.

use std::io::{BufWriter, Stdout, Write as _};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use serde::Serialize;
use sortie::scanners::engine::{Checkpoint, Found, Observer, Progress, Report};
use sortie::scanners::output::{Journal, Ndjson};

use crate::args::Args;

/// Writes what is found, and draws a bar on a terminal.
pub(crate) struct Follow<'a> {
    sink: Sink,
    bar: ProgressBar,
    stop: &'a AtomicBool,
}

enum Sink {
    File(Journal),
    Lines(Ndjson<BufWriter<Stdout>>),
}

impl<'a> Follow<'a> {
    /// Opens the file, and says from where to go on.
    pub(crate) fn open(
        args: &Args,
        stop: &'a AtomicBool,
    ) -> anyhow::Result<(Self, Option<Checkpoint>)> {
        let (sink, checkpoint) = match &args.out {
            Some(out) if args.resume => {
                let (journal, checkpoint) = Journal::resume(out)?;
                (Sink::File(journal), checkpoint)
            }
            Some(out) => (Sink::File(Journal::create(out)?), None),
            None => (
                Sink::Lines(Ndjson::new(BufWriter::new(std::io::stdout()))),
                None,
            ),
        };
        // Hidden where standard error is no terminal.
        let bar = ProgressBar::new(1000).with_style(ProgressStyle::with_template(
            "{wide_bar} {percent} %  {msg}",
        )?);
        Ok((Self { sink, bar, stop }, checkpoint))
    }

    /// Closes the file.
    pub(crate) fn close(self, complete: bool) -> anyhow::Result<()> {
        self.bar.finish_and_clear();
        match self.sink {
            Sink::File(journal) => journal.finish(complete)?,
            Sink::Lines(lines) => lines.finish()?.flush()?,
        }
        Ok(())
    }
}

/// Says what came of a scan.
pub(crate) fn tell(report: &Report) {
    for (class, count) in &report.classes {
        eprintln!("{class:>12}  {}", HumanCount(*count));
    }
    eprintln!("{:>12}  {}", "silent", HumanCount(report.silent));
    let seconds = report.sending.as_secs_f64();
    eprintln!(
        "{} probes in {seconds:.1} s",
        HumanCount(report.sent.probes())
    );
    if let Some(confidence) = report.confidence {
        let [found, least] =
            [confidence.found, confidence.found_at_least].map(|share| 100.0 * share);
        eprintln!("found {found:.2} % of what answers, by its own measure; at least {least:.2} %");
    }
    if report.passes > report.asked.passes {
        let more = report.passes - report.asked.passes;
        eprintln!("so much is lost on the way that {more} passes were added");
    }
    if report.sent.link_down > 0 {
        eprintln!("the link went down and came back; what was under way then was lost");
    }
    if report.dropped > 0 {
        let dropped = HumanCount(report.dropped);
        eprintln!("{dropped} answers came too fast to be taken; lower the rate");
    }
    if !report.complete {
        eprintln!("stopped; with --out, go on with --resume");
    }
}

impl<A> Observer<A> for Follow<'_>
where
    Found<A>: Serialize,
{
    fn found(&mut self, found: &Found<A>) {
        match &mut self.sink {
            Sink::File(journal) => journal.found(found),
            Sink::Lines(lines) => lines.found(found),
        }
    }

    fn progress(&mut self, progress: &Progress) -> ControlFlow<()> {
        self.bar
            .set_position((progress.first_pass() * 1000.0) as u64);
        let sent: u64 = progress.sent.passes.iter().sum();
        self.bar.set_message(format!("{} sent", HumanCount(sent)));
        if self.stop.load(Ordering::Relaxed) {
            return ControlFlow::Break(());
        }
        match &mut self.sink {
            Sink::File(journal) => Observer::<A>::progress(journal, progress),
            Sink::Lines(lines) => Observer::<A>::progress(lines, progress),
        }
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint) {
        if let Sink::File(journal) = &mut self.sink {
            Observer::<A>::checkpoint(journal, checkpoint);
        }
    }
}
