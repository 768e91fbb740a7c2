//! A workflow from a seed.

use std::time::Duration;

use task_core::workflow::{Generated, Parallel, Sequence};
use task_core::{Enough, Workflow};

use super::script::Script;
use super::tasks::{Choose, Find, Note, Probe, Raw, Spread, Total};
use crate::sim::dice::{Dice, hash};

/// A generated workflow, and when it is cancelled.
#[derive(Debug)]
pub(in crate::sim) struct Made {
    pub(in crate::sim) workflow: Workflow,
    pub(in crate::sim) cancel_after: Option<Duration>,
}

/// The workflow of a seed.
pub(in crate::sim) fn make(seed: u64) -> Made {
    let mut author = Author {
        dice: Dice::new(hash(&[seed, 7])),
        names: 0,
        left: 0,
    };
    author.left = author.dice.between(2, 24);
    let mut workflow = Workflow::new("generated");
    // The workflow's own steps are those of one sequence.
    workflow = workflow.parallel("root", |root| {
        root.sequence("main", |steps| author.sequence(steps, 0))
    });
    let dice = &mut author.dice;
    if dice.below(10) == 0 {
        workflow = workflow.deadline(Duration::from_secs(dice.between(30, 600)));
    }
    let cancel_after =
        (dice.below(10) == 0).then(|| dice.time(Duration::from_secs(1), Duration::from_secs(200)));
    Made {
        workflow,
        cancel_after,
    }
}

struct Author {
    dice: Dice,
    names: u32,
    /// Steps that may still be written.
    left: u64,
}

impl Author {
    fn name(&mut self, what: &str) -> String {
        self.names += 1;
        format!("{what}{}", self.names)
    }

    fn sequence(&mut self, mut steps: Sequence, depth: u32) -> Sequence {
        steps = self.task(steps);
        for _ in 0..self.dice.between(1, 4) {
            if self.left == 0 {
                break;
            }
            self.left -= 1;
            steps = match self.dice.below(if depth < 3 { 8 } else { 3 }) {
                0..=2 => self.task(steps),
                3..=4 => self.generate(steps),
                5 => self.when(steps, depth),
                _ => self.parallel(steps, depth),
            };
        }
        steps
    }

    fn task(&mut self, steps: Sequence) -> Sequence {
        let script = self.sound();
        let name = self.name("task");
        match self.dice.below(5) {
            0 => steps.task(name, Script::child(Note(script), &mut self.dice)),
            1 => steps.task(name, Script::child(Find(script), &mut self.dice)),
            2 => steps.task(name, Script::child(Raw(script), &mut self.dice)),
            _ => steps.task(name, Script::child(Probe(script), &mut self.dice)),
        }
    }

    /// A script that is fine more often than not: behind one that fails a sequence has nothing to
    /// show.
    fn sound(&mut self) -> Script {
        let mut script = Script::random(&mut self.dice);
        if self.dice.below(4) > 0 {
            script.end = super::script::End::Fine;
        }
        script
    }

    fn generate(&mut self, steps: Sequence) -> Sequence {
        let name = self.name("many");
        let children = match self.dice.below(40) {
            0 => self.dice.between(200, 1000),
            1..=8 => self.dice.between(20, 100),
            9 => 0,
            _ => self.dice.between(1, 20),
        };
        let spread = Spread {
            children: children as u32,
            seed: self.dice.roll(),
        };
        let policy = self.policy(children);
        let steps = steps.generate(&name, spread, |settings| policy.generated(settings));
        self.total(steps, name)
    }

    fn parallel(&mut self, steps: Sequence, depth: u32) -> Sequence {
        let name = self.name("both");
        let branches = self.dice.between(1, 6);
        let policy = self.policy(branches);
        let steps = steps.parallel(&name, |mut both| {
            for _ in 0..branches {
                both = self.branch(both, depth);
            }
            policy.parallel(both)
        });
        self.total(steps, name)
    }

    fn branch(&mut self, both: Parallel, depth: u32) -> Parallel {
        if self.left > 0 && self.dice.below(4) == 0 {
            self.left -= 1;
            let name = self.name("line");
            return both.sequence(name, |steps| self.sequence(steps, depth + 1));
        }
        let script = self.sound();
        let name = self.name("task");
        match self.dice.below(4) {
            0 => both.task(name, Script::child(Note(script), &mut self.dice)),
            1 => both.task(name, Script::child(Find(script), &mut self.dice)),
            _ => both.task(name, Script::child(Probe(script), &mut self.dice)),
        }
    }

    fn when(&mut self, steps: Sequence, depth: u32) -> Sequence {
        let (name, then) = (self.name("choose"), self.dice.below(2) == 0);
        let both = self.dice.below(2) == 0;
        // Both branches want the author, and are written one after the other.
        let author = std::cell::RefCell::new(self);
        steps.when(
            name,
            Choose { then },
            |steps| author.borrow_mut().sequence(steps, depth + 1),
            |steps| match both {
                true => author.borrow_mut().sequence(steps, depth + 1),
                false => steps,
            },
        )
    }

    fn total(&mut self, steps: Sequence, of: String) -> Sequence {
        if self.dice.below(2) == 0 {
            return steps;
        }
        let name = self.name("total");
        steps.aggregate(name, Total { of })
    }

    fn policy(&mut self, children: u64) -> Policy {
        let dice = &mut self.dice;
        let enough = match dice.below(10) {
            0 => Enough::Any,
            1 => Enough::AtLeast(dice.between(1, children.max(1))),
            2 => Enough::PerMille(dice.between(500, 1000) as u16),
            3..=5 => Enough::PerMille(900),
            _ => Enough::All,
        };
        Policy {
            enough,
            cut_off: (dice.below(8) == 0).then(|| Duration::from_secs(dice.between(5, 120))),
            max_in_flight: (dice.below(2) == 0).then(|| dice.between(1, 16) as u32),
        }
    }
}

/// The settings of a container of either kind.
#[derive(Clone, Copy)]
struct Policy {
    enough: Enough,
    cut_off: Option<Duration>,
    max_in_flight: Option<u32>,
}

impl Policy {
    fn generated(self, mut settings: Generated) -> Generated {
        settings = settings.enough(self.enough);
        if let Some(after) = self.cut_off {
            settings = settings.cut_off(after);
        }
        match self.max_in_flight {
            Some(most) => settings.max_in_flight(most),
            None => settings,
        }
    }

    fn parallel(self, mut settings: Parallel) -> Parallel {
        settings = settings.enough(self.enough);
        if let Some(after) = self.cut_off {
            settings = settings.cut_off(after);
        }
        match self.max_in_flight {
            Some(most) => settings.max_in_flight(most),
            None => settings,
        }
    }
}
