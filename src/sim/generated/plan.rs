//! A workflow from a seed.

use std::time::Duration;

use task_core::workflow::{Generated, Parallel, Sequence};
use task_core::{Child, Enough, Limits, TaskDefinition, Workflow};

use super::script::{End, MOST_FAILURES, QUEUED, Script};
use super::tasks::{Choose, Find, Note, Probe, Raw, Spread, Total};
use crate::sim::dice::{Dice, hash, hash_bytes};

/// A generated workflow, when it is cancelled, and how long it may take.
#[derive(Debug)]
pub(in crate::sim) struct Made {
    pub(in crate::sim) workflow: Workflow,
    pub(in crate::sim) cancel_after: Option<Duration>,
    /// Virtual time after the storm in which it must be over: what was lost in it is missed when
    /// it should have left its queue and run, and then all is done without a fault.
    pub(in crate::sim) patience: Duration,
}

/// The workflow of a seed.
pub(in crate::sim) fn make(seed: u64) -> Made {
    // Written twice: how long a task may wait follows from how much may stand before it.
    let (_, work) = write(seed, QUEUED);
    let (made, _) = write(seed, QUEUED + work);
    made
}

/// Writes a workflow whose tasks may wait for `queued`. Also says for how long all of its tasks
/// keep a worker busy.
fn write(seed: u64, queued: Duration) -> (Made, Duration) {
    let mut author = Author {
        dice: Dice::new(hash(&[seed, 7])),
        names: 0,
        left: 0,
        queued,
        work: Duration::ZERO,
        scope: None,
    };
    let scope = (author.dice.below(4) == 0).then(|| format!("the scope of seed {seed}"));
    author.scope = scope
        .as_ref()
        .map(|document| hash_bytes(6, document.as_bytes()));
    author.left = author.dice.between(2, 24);
    let mut workflow = Workflow::new("generated");
    if let Some(document) = scope {
        workflow = workflow.scope(document);
    }
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
    let made = Made {
        workflow,
        cancel_after,
        patience: queued * 4 + author.work + Duration::from_secs(3600),
    };
    (made, author.work)
}

/// For how long tasks without a script keep a worker busy, at most.
pub(super) const BRIEFLY: Duration = Duration::from_secs(2);

struct Author {
    dice: Dice,
    names: u32,
    /// Steps that may still be written.
    left: u64,
    /// How long a task may wait in its queue.
    queued: Duration,
    /// For how long all that is written keeps a worker busy.
    work: Duration,
    /// The scope that tasks must find.
    scope: Option<u64>,
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
            0 => steps.task(name, self.scripted(Note(script))),
            1 => steps.task(name, self.scripted(Find(script))),
            2 => steps.task(name, self.scripted(Raw(script))),
            _ => steps.task(name, self.scripted(Probe(script))),
        }
    }

    fn scripted<T: TaskDefinition>(&mut self, task: T) -> Child<T> {
        Script::child(task, self.queued, &mut self.dice)
    }

    /// One without a script.
    fn plain<T: TaskDefinition>(&self, task: T) -> Child<T> {
        let limits = T::limits();
        Child::new(task).limits(Limits {
            queued: self.queued,
            ..limits
        })
    }

    /// A script that is fine more often than not: behind one that fails a sequence has nothing to
    /// show.
    fn sound(&mut self) -> Script {
        let mut script = Script::random(&mut self.dice);
        script.scope = self.scope;
        if self.dice.below(4) > 0 {
            script.end = End::Fine;
            script.fails = script.fails.min(2);
        }
        // Whether it becomes a `Find` is not known yet.
        self.work += script
            .work(MOST_FAILURES)
            .max(Find(script.clone()).work(MOST_FAILURES));
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
            beyond: match self.dice.below(12) {
                0 => self.dice.between(1, 20) as u32,
                _ => 0,
            },
            seed: self.dice.roll(),
            queued_ms: u64::try_from(self.queued.as_millis()).unwrap_or(u64::MAX),
            scope: self.scope,
        };
        self.work += spread.work();
        let policy = self.policy(children);
        let spread = self.plain(spread);
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
            0 => both.task(name, self.scripted(Note(script))),
            1 => both.task(name, self.scripted(Find(script))),
            _ => both.task(name, self.scripted(Probe(script))),
        }
    }

    fn when(&mut self, steps: Sequence, depth: u32) -> Sequence {
        let (name, then) = (self.name("choose"), self.dice.below(2) == 0);
        let both = self.dice.below(2) == 0;
        self.work += BRIEFLY;
        let choose = self.plain(Choose { then });
        // Both branches want the author, and are written one after the other.
        let author = std::cell::RefCell::new(self);
        steps.when(
            name,
            choose,
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
        self.work += BRIEFLY;
        steps.aggregate(name, self.plain(Total { of }))
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
