//! The highest rate at which nothing is missed and nothing invented.

use lab::bed::Bed;
use serde_json::json;

use crate::run::{Run, run};
use crate::tool::{AS_FAST_AS_IT_GOES, TARGETS, Tool};
use crate::{Failure, median};

/// From one rung to the next.
const STEP: f64 = 1.12;
const LOWEST: f64 = 40_000.0;
/// 40,000 × 1.12^34 is 1.9 million; past that, as fast as it goes.
const RUNGS: usize = 36;

/// Finds it for each tool in turn, `rounds` times.
pub(crate) fn highest_clean(
    bed: &Bed,
    tools: &[Tool],
    scene: &str,
    rounds: usize,
) -> Result<(), Failure> {
    let mut starts = vec![None; tools.len()];
    let mut found = vec![Vec::new(); tools.len()];
    for round in 0..rounds {
        for ((tool, start), found) in tools.iter().zip(&mut starts).zip(&mut found) {
            let mut climb = Climb {
                bed,
                scene,
                round,
                tool: *tool,
            };
            let best = match (round, *start) {
                (0, _) => climb.search()?,
                (_, Some(start)) => climb.near(start)?,
                // One that is clean at no rate takes minutes a round to say so again.
                (_, None) => None,
            };
            *start = best.as_ref().map(|(rung, _)| *rung).or(*start);
            found.push(best.map(|(_, run)| (run.sent_per_second, run.cpu_seconds)));
        }
    }
    for (tool, found) in tools.iter().zip(found) {
        // A round without a clean run counts as a rate of nothing.
        let rates = found
            .iter()
            .map(|best| best.map_or(0.0, |(rate, _)| rate))
            .collect();
        let cpu = found
            .iter()
            .flatten()
            .map(|(_, cpu)| cpu * 1e6 / TARGETS as f64)
            .collect();
        let line = json!({
            "scene": scene,
            "tool": tool.name(),
            "rounds": rounds,
            "median_clean_per_second": median(rates).round(),
            "median_cpu_seconds_per_million": median(cpu),
        });
        println!("{line}");
    }
    Ok(())
}

struct Climb<'a> {
    bed: &'a Bed,
    scene: &'a str,
    round: usize,
    tool: Tool,
}

type Best = Option<(usize, Run)>;

impl Climb<'_> {
    /// Halves the ladder until it is found.
    fn search(&mut self) -> Result<Best, Failure> {
        let (mut low, mut high, mut best) = (0, RUNGS, None);
        while low < high {
            let rung = (low + high) / 2;
            match self.attempt(rung)? {
                Some(run) => {
                    low = rung + 1;
                    best = Some((rung, run));
                }
                None => high = rung,
            }
        }
        Ok(best)
    }

    /// Goes up or down from `start`, where it was before.
    fn near(&mut self, start: usize) -> Result<Best, Failure> {
        let mut rung = start;
        let mut best = loop {
            match (self.attempt(rung)?, rung) {
                (Some(run), _) => break (rung, run),
                (None, 0) => return Ok(None),
                (None, _) => rung -= 1,
            }
        };
        while best.0 >= start && best.0 + 1 < RUNGS {
            match self.attempt(best.0 + 1)? {
                Some(run) => best = (best.0 + 1, run),
                None => break,
            }
        }
        Ok(Some(best))
    }

    /// A clean run at this rung, with a second try.
    fn attempt(&mut self, rung: usize) -> Result<Option<Run>, Failure> {
        let rate = match rung + 1 == RUNGS {
            true => AS_FAST_AS_IT_GOES,
            false => (LOWEST * STEP.powi(rung as i32)) as u64,
        };
        for _ in 0..2 {
            let run = run(self.bed, self.tool, rate)?;
            println!("{}", run.line(self.scene, self.round));
            if run.verdict.is_clean(self.tool) {
                return Ok(Some(run));
            }
        }
        Ok(None)
    }
}
