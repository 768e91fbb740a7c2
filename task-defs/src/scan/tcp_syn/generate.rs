//! Rows become tasks, each with a range of a part.

use std::time::Duration;

use scanners::scope::Scope;
use scanners::target::Chunk;
use serde_json::Value;
use task_core::{TaskContext, TaskDefinition, TaskError, UpgradeError, needs};

use super::hosts::Hosts;
use super::options::TcpSyn;
use super::part::{Part, Portion, fingerprint};
use super::parts::{Gathered, Parts};
use super::scan::{MAX_CHUNK, PortScan};
use crate::blocking::blocking;
use crate::clients;
use crate::scan::generate::{Generate, Generated};
use crate::scan::scan::check_concurrency;
use crate::split::{Split, Splitting};

/// Targets of one task, unless told otherwise: a minute of work at the default rate.
const DEFAULT_CHUNK: u32 = 1 << 16;
/// Most tasks.
const MAX_TASKS: u128 = 1_000_000;
/// With less time than this left, the task hands back its cursor.
const MARGIN: Duration = Duration::from_secs(5);

/// How rows become tasks. Their parts are made when their turn comes.
struct Plan {
    parts: Parts,
    scope: Scope,
    options: TcpSyn,
    size: u32,
    seed: u64,
}

/// What all tasks of a plan come to.
struct Total {
    split: Split,
    names_cut: u64,
}

/// The tasks of one part, by number: a /8 has thousands, and none is kept.
struct Cut {
    part: Part,
    whole: Chunk,
    of: String,
    refused: u64,
    size: u32,
}

impl Plan {
    /// The tasks of all parts, in order.
    fn cuts(&self) -> impl Iterator<Item = Result<Cut, TaskError>> {
        let parts = self.parts.iter();
        parts.map(|part| Cut::new(part, &self.scope, &self.options, self.size, self.seed))
    }

    /// Goes through all of it.
    fn total(&self) -> Result<Total, TaskError> {
        let mut splitting = Splitting::new();
        let (mut tasks, mut targets, mut names_cut) = (0u128, 0u64, 0);
        splitting.add(&self.size)?;
        for cut in self.cuts() {
            let cut = cut?;
            tasks = tasks.saturating_add(cut.tasks());
            targets = targets.saturating_add(cut.part.len(&self.options));
            names_cut += cut
                .part
                .named
                .iter()
                .map(|host| host.names_cut)
                .sum::<u64>();
            // Longer numbers than JSON has.
            let len = cut.whole.len().to_string();
            splitting.add(&(&cut.part, &cut.of, cut.whole.seed, len, cut.refused))?;
        }
        if tasks > MAX_TASKS {
            return Err(TaskError::fatal(format!(
                "the rows have so many targets that they are {tasks} tasks; {MAX_TASKS} are \
                 allowed: raise `chunk`, or name fewer addresses or ports"
            )));
        }
        Ok(Total {
            // At most `MAX_TASKS`.
            split: splitting.into_split(tasks as u32, targets),
            names_cut,
        })
    }
}

impl Cut {
    fn new(
        part: Part,
        scope: &Scope,
        options: &TcpSyn,
        size: u32,
        seed: u64,
    ) -> Result<Self, TaskError> {
        let admitted = part.admit(scope, options)?;
        let (whole, of) = match &admitted.targets {
            Some(targets) => (Chunk::all(targets, seed), fingerprint(targets)),
            None => (Chunk { seed, lo: 0, hi: 0 }, String::new()),
        };
        Ok(Self {
            part,
            whole,
            of,
            refused: admitted.refused,
            size,
        })
    }

    /// At least one: somebody has to count what is refused.
    fn tasks(&self) -> u128 {
        self.whole.len().div_ceil(self.size.max(1).into()).max(1)
    }

    fn portion(&self, number: u128) -> Portion {
        let size = u128::from(self.size);
        let lo = number.saturating_mul(size).min(self.whole.hi);
        Portion {
            chunk: Chunk {
                seed: self.whole.seed,
                lo,
                hi: lo.saturating_add(size).min(self.whole.hi),
            },
            of: self.of.clone(),
            refused: if number == 0 { self.refused } else { 0 },
            part: None,
        }
    }
}

/// Reads addresses, and cuts all their ports into tasks.
///
/// The targets of a part (500 ranges, or as many addresses with names as weigh 64 KiB, 500 at most)
/// are numbered through in an order that follows from [`seed`](Generate::seed), and each task gets a range of the numbers, so
/// neighbours in time are strangers in the network and nothing is held for each target: a /8 on
/// ten ports is 2,560 tasks of 65,536 targets. Several tasks of a part with more than 4 KiB share one
/// copy of it in the object store, if there is one.
///
/// Of the names that lead to one address [`AddressTarget`](super::AddressTarget) keeps the first
/// thousand, those in scope before the others; [`Generated::names_cut`] counts the rest. While they
/// are gathered, 64 MiB of names at most, each takes up its own bytes and one more.
///
/// Addresses that the scope refuses are not sent to; the first task of their part counts them as
/// `out_of_scope`.
impl TaskDefinition for Generate<TcpSyn> {
    const KIND: &'static str = "tcp_syn.generate";
    /// Since 2 ports are a text.
    const VERSION: u32 = 2;
    type Requires = needs![QueueAccess, TaskDataAccess];
    const CREATES: &'static [&'static str] = &[PortScan::KIND];
    type Output = Generated;

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<Generated, TaskError> {
        let size = self.chunk_within(DEFAULT_CHUNK, MAX_CHUNK)?;
        check_concurrency(self.concurrency)?;
        self.options.check()?;
        let scope = clients::scope(&cx).await?;
        let mut gathered = Gathered::default();
        let mut without_target = 0;
        let mut generated = self
            .read(&cx, |hosts: Hosts| {
                let mut hosts = hosts.each().peekable();
                without_target += u64::from(hosts.peek().is_none());
                hosts.try_for_each(|host| gathered.add(host))
            })
            .await?;
        generated.without_target = without_target;
        generated.duplicates = gathered.duplicates();
        let (seed, options) = (self.seed, self.options.clone());
        let (plan, total) = blocking(move || {
            let plan = Plan {
                parts: gathered.into_parts(seed, &scope)?,
                scope,
                options,
                size,
                seed,
            };
            let total = plan.total()?;
            Ok::<_, TaskError>((plan, total))
        })
        .await??;
        generated.targets = total.split.targets();
        generated.names_cut = total.names_cut;
        generated.tasks = total.split.tasks();
        self.create(&cx, &plan, &total.split).await?;
        Ok(generated)
    }

    fn upgrade(from: u32, payload: Value) -> Result<Value, UpgradeError> {
        match from {
            // Ports were a list, as they still may.
            1 => Ok(payload),
            _ => Err(UpgradeError::new(format!(
                "`{}` has versions 1 and 2, and not {from}",
                Self::KIND
            ))),
        }
    }
}

impl Generate<TcpSyn> {
    async fn create(
        &self,
        cx: &TaskContext<<Self as TaskDefinition>::Requires>,
        plan: &Plan,
        split: &Split,
    ) -> Result<(), TaskError> {
        let children = cx.queue();
        // Not the first of all if an earlier attempt ran out of time.
        let first = split.goes_on(cx, children.len().await)?;
        let mut behind = u128::from(first);
        let mut index = first;
        for cut in plan.cuts() {
            let cut = cut?;
            let skipped = behind.min(cut.tasks());
            behind -= skipped;
            // One that is alone has its part with it.
            let shared = match cut.tasks() {
                tasks if tasks > 1 && skipped < tasks => cut.part.share(cx).await?,
                _ => None,
            };
            for number in skipped..cut.tasks() {
                if cx.is_cancelled() {
                    return Err(TaskError::Cancelled);
                }
                // Only behind a new child, so that every attempt gets further than the one before.
                let short = cx.remaining().is_some_and(|left| left < MARGIN);
                if index > first && (short || cx.is_leaving()) {
                    return Err(split.deadline(index));
                }
                let part = match &shared {
                    Some(_) => Part::default(),
                    None => cut.part.clone(),
                };
                children
                    .create(PortScan {
                        part,
                        portion: Some(Portion {
                            part: shared.clone(),
                            ..cut.portion(number)
                        }),
                        concurrency: self.concurrency,
                        options: self.options.clone(),
                    })
                    .await?;
                index += 1;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(addresses: &str, allow: &str, ports: Vec<u16>, size: u32) -> Cut {
        let scope = Scope::builder().allow_net(allow.parse::<ipnet::IpNet>().unwrap());
        let part = Part {
            addresses: addresses.parse().unwrap(),
            named: Vec::new(),
        };
        let options = TcpSyn {
            ports,
            ..TcpSyn::default()
        };
        Cut::new(part, &scope.build().unwrap(), &options, size, 7).unwrap()
    }

    #[test]
    fn the_portions_of_a_part_follow_each_other_and_one_has_what_is_refused() {
        let cut = cut("198.18.0.0/24", "198.18.0.0/25", vec![80, 81, 82], 100);
        let portions: Vec<_> = (0..cut.tasks()).map(|number| cut.portion(number)).collect();
        let bounds = portions.iter().map(|it| (it.chunk.lo, it.chunk.hi));
        let expected = [(0, 100), (100, 200), (200, 300), (300, 384)];
        assert!(bounds.eq(expected));
        let refused: Vec<_> = portions.iter().map(|portion| portion.refused).collect();
        assert_eq!(refused, [384, 0, 0, 0]);
    }

    #[test]
    fn what_is_refused_as_a_whole_is_one_task_that_says_so() {
        let cut = cut("198.18.0.0/24", "198.19.0.0/24", vec![80], 100);
        assert_eq!(cut.tasks(), 1);
        assert_eq!(cut.portion(0).refused, 256);
        assert!(cut.portion(0).chunk.is_empty());
    }

    #[test]
    fn a_slash_8_on_ten_ports_is_a_few_thousand_small_tasks() {
        let cut = cut(
            "11.0.0.0/8",
            "11.0.0.0/8",
            (1..=10).collect(),
            DEFAULT_CHUNK,
        );
        assert_eq!(cut.tasks(), 2560);
        assert_eq!(cut.portion(2559).chunk.hi, 10 << 24);
        let task = PortScan {
            portion: Some(cut.portion(1000)),
            ..PortScan::new(cut.part.clone(), TcpSyn::default())
        };
        assert!(serde_json::to_vec(&task).unwrap().len() < 512);
    }
}
