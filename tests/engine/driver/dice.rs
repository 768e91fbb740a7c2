//! Random choices that a seed repeats, and workflows made of them.

use std::time::Duration;

use sortie::core::workflow::{Generated, Parallel, Sequence};
use sortie::core::{Child, TaskDefinition};
use sortie::prelude::*;

use crate::support::defs::{Choice, Leaf, Reader, Spawner};

/// SplitMix64.
#[derive(Debug)]
pub(super) struct Dice(pub(super) u64);

impl Dice {
    /// A number below `n`.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    /// True in one of `n` cases.
    pub(super) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// Takes one out of what there is.
    pub(super) fn take<T>(&mut self, from: &mut Vec<T>) -> Option<T> {
        if from.is_empty() {
            return None;
        }
        let at = self.below(from.len() as u64) as usize;
        Some(from.swap_remove(at))
    }
}

/// Makes workflows.
pub(super) struct Maker<'a> {
    pub(super) dice: &'a mut Dice,
    pub(super) names: u32,
}

impl Maker<'_> {
    pub(super) fn workflow(&mut self) -> Workflow {
        let mut steps = Workflow::new("random");
        for step in 0..=self.dice.below(3) {
            // The steps of the root are those of any sequence.
            let name = self.name("root");
            steps = steps.parallel(name, |p| {
                p.sequence(format!("s{step}"), |s| self.sequence(s, 3))
            });
            if self.dice.one_in(2) {
                steps = steps.aggregate(self.name("read"), self.options(Reader(0)));
            }
        }
        if self.dice.one_in(6) {
            steps = steps.deadline(Duration::from_secs(30 + self.dice.below(200)));
        }
        steps
    }

    fn name(&mut self, what: &str) -> String {
        self.names += 1;
        format!("{what}.{}", self.names)
    }

    fn options<T: TaskDefinition>(&mut self, task: T) -> Child<T> {
        let base = Duration::from_secs(1 + self.dice.below(3));
        let retry = RetryPolicy {
            max_failures: 1 + self.dice.below(4) as u32,
            base,
            cap: base * 2,
        };
        let total = self.dice.one_in(8).then(|| Duration::from_secs(60));
        let limits = Limits {
            queued: Duration::from_secs(20),
            running: Duration::from_secs(10),
            total,
        };
        Child::new(task).retry(retry).limits(limits)
    }

    fn leaf(&mut self) -> Child<Leaf> {
        let targets = self.dice.below(5);
        self.options(Leaf(targets))
    }

    fn sequence(&mut self, mut s: Sequence, depth: u32) -> Sequence {
        for at in 0..=self.dice.below(3) {
            let name = self.name("s");
            s = match self.dice.below(if depth == 0 { 2 } else { 6 }) {
                0 => s.task(name, self.leaf()),
                1 if at > 0 => s.aggregate(name, self.options(Reader(0))),
                1 | 2 => {
                    let own = self.dice.below(2);
                    let generator = self.options(Spawner(own));
                    s.generate(name, generator, |c| self.generated(c))
                }
                3 => {
                    let choice = self.options(Choice(0));
                    let (empty, other) = (self.dice.below(3), self.name("else"));
                    s.when(
                        name,
                        choice,
                        |t| {
                            if empty == 0 {
                                t
                            } else {
                                self.sequence(t, depth - 1)
                            }
                        },
                        |e| e.task(other.clone(), Leaf(1)),
                    )
                }
                _ => s.parallel(name, |p| self.parallel(p, depth - 1)),
            };
        }
        s
    }

    fn parallel(&mut self, mut p: Parallel, depth: u32) -> Parallel {
        p = p
            .max_in_flight(1 + self.dice.below(4) as u32)
            .enough(self.enough());
        if self.dice.one_in(6) {
            p = p.cut_off(Duration::from_secs(20 + self.dice.below(60)));
        }
        // No policy asks for more children than there are.
        for _ in 0..2 + self.dice.below(3) {
            let name = self.name("p");
            p = match self.dice.below(if depth == 0 { 2 } else { 4 }) {
                0 => p.task(name, self.leaf()),
                1 => {
                    let generator = self.options(Spawner(0));
                    p.generate(name, generator, |c| self.generated(c))
                }
                _ => p.sequence(name, |s| self.sequence(s, depth - 1)),
            };
        }
        p
    }

    fn generated(&mut self, mut c: Generated) -> Generated {
        if self.dice.one_in(6) {
            c = c.cut_off(Duration::from_secs(20 + self.dice.below(60)));
        }
        c.max_in_flight(1 + self.dice.below(4) as u32)
            .enough(self.enough())
    }

    fn enough(&mut self) -> Enough {
        match self.dice.below(5) {
            0 => Enough::Any,
            1 => Enough::AtLeast(1 + self.dice.below(2)),
            2 => Enough::PerMille(self.dice.below(1001) as u16),
            _ => Enough::All,
        }
    }
}
