//! What can go wrong, and how often.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $aws:literal;)*) => {
        /// One way in which things go wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Fault {
            $($(#[$doc])* $name,)*
        }

        impl Fault {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The name in reports.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// How often it strikes, of all the times when it could, in [`Faults::aws`].
            const fn aws_rate(self) -> f64 {
                match self { $(Self::$name => $aws),* }
            }
        }
    };
}

faults! {
    /// A message is delivered twice.
    Duplicate = "duplicate", 0.05;
    /// A message comes late: up to two minutes.
    Late = "late", 0.03;
    /// A message is overtaken by others.
    Reorder = "reorder", 0.30;
    /// An acknowledgement is lost on its way.
    LostAck = "lost_ack", 0.05;
    /// A message comes back while it is still being handled.
    ShortVisibility = "short_visibility", 0.03;
    /// Messages are sent, but who sends them is told that they are not.
    SendAnswerLost = "send_answer_lost", 0.02;
    /// The carrier takes only some of the messages.
    SendThrottled = "send_throttled", 0.02;
    /// The carrier gives out nothing for a while.
    ReceiveThrottled = "receive_throttled", 0.02;
    /// The carrier acknowledges, extends or puts aside nothing for a moment, and says so.
    ReceiptThrottled = "receipt_throttled", 0.02;
    /// The database takes no part of a transaction, because another one was faster.
    StoreConflict = "store_conflict", 0.05;
    /// The connection to the database breaks.
    StoreDisconnect = "store_disconnect", 0.005;
    /// A transaction is committed, but who committed it is told that it failed.
    CommitAnswerLost = "commit_answer_lost", 0.02;
    /// The object store fails.
    ObjectsFail = "objects_fail", 0.03;
    /// A manager dies with its transaction open.
    ManagerDiesBeforeCommit = "manager_dies_before_commit", 0.01;
    /// A manager dies when the transaction is committed and nothing is sent.
    ManagerDiesAfterCommit = "manager_dies_after_commit", 0.01;
    /// A manager dies when a part of what it must send is sent.
    ManagerDiesSending = "manager_dies_sending", 0.02;
    /// A manager is told to leave, and has half a minute to do so.
    ManagerLeaves = "manager_leaves", 0.2;
    /// One more manager than one: asked four times.
    MoreManagers = "more_managers", 0.4;
    /// A worker dies when it has received tasks and started none.
    WorkerDiesBeforeWork = "worker_dies_before_work", 0.01;
    /// A worker dies while tasks run.
    WorkerDiesDuringWork = "worker_dies_during_work", 0.02;
    /// A worker dies when it has said that a task is done and has not acknowledged it.
    WorkerDiesAfterCompletion = "worker_dies_after_completion", 0.02;
    /// A worker dies when some of a generator's children are on their way.
    GeneratorDies = "generator_dies", 0.05;
    /// A Lambda runs out of time, whatever it is doing.
    LambdaTimeout = "lambda_timeout", 0.3;
    /// A machine is told to leave, and has a short time to do so.
    WorkerLeaves = "worker_leaves", 0.2;
    /// A worker dies each time it is given this task.
    PoisonTask = "poison_task", 0.005;
    /// A machine's clock is wrong by up to [`Faults::skew`].
    ClockSkew = "clock_skew", 0.5;
    /// A message that is none comes in.
    PoisonMessage = "poison_message", 0.02;
    /// An External worker says what is not true: a wrong attempt, another's task, another kind,
    /// far too much, or the same again.
    Forgery = "forgery", 0.10;
    /// The carrier forgets everything, as the embedded one does when its process ends; all
    /// machines go with it.
    Blackout = "blackout", 0.002;
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// By how much clocks are wrong unless something else is said.
const SKEW: Duration = Duration::from_secs(2);

/// No clock is wrong by more.
pub(super) const MOST_SKEW: Duration = Duration::from_secs(60);

/// How often each [`Fault`] strikes.
///
/// ```
/// use sortie::sim::{Fault, Faults};
///
/// let faults = Faults::none().with(Fault::Duplicate, 0.5);
/// assert_eq!(faults.rate(Fault::Duplicate), 0.5);
/// assert_eq!(faults.rate(Fault::Late), 0.0);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Faults {
    rates: BTreeMap<Fault, f64>,
    skew: Duration,
}

impl Faults {
    /// Nothing goes wrong: the calm that faults are held against.
    pub const fn none() -> Self {
        Self {
            rates: BTreeMap::new(),
            skew: Duration::ZERO,
        }
    }

    /// All of them, far more often than in a region of AWS on a bad day.
    pub fn aws() -> Self {
        Self {
            rates: Fault::ALL
                .iter()
                .map(|fault| (*fault, fault.aws_rate()))
                .collect(),
            skew: SKEW,
        }
    }

    /// All of them, at a fifth of the rates of [`aws`](Self::aws): most runs meet a few only, so
    /// that what one of them breaks is not mended by another.
    pub fn light() -> Self {
        let mut faults = Self::aws();
        faults.rates.values_mut().for_each(|rate| *rate /= 5.0);
        faults
    }

    /// With this share of the times when `fault` could strike, 0 to 1. Clocks are wrong by up to
    /// two seconds then, unless [`skew`](Self::skew) says by how much.
    #[must_use]
    pub fn with(mut self, fault: Fault, rate: f64) -> Self {
        self.rates.insert(fault, rate.clamp(0.0, 1.0));
        if fault == Fault::ClockSkew && self.skew.is_zero() {
            self.skew = SKEW;
        }
        self
    }

    /// With clocks that are wrong by up to this much, either way; by a minute at most, because a
    /// machine that is further off is broken and not skewed. Every second machine has such a
    /// clock, unless [`ClockSkew`](Fault::ClockSkew) has a rate of its own.
    ///
    /// ```
    /// use std::time::Duration;
    /// use sortie::sim::{Fault, Faults};
    ///
    /// let faults = Faults::none().skew(Duration::from_secs(10));
    /// assert_eq!(faults.rate(Fault::ClockSkew), 0.5);
    /// ```
    #[must_use]
    pub fn skew(mut self, most: Duration) -> Self {
        self.skew = most.min(MOST_SKEW);
        let rate = Fault::ClockSkew.aws_rate();
        self.rates.entry(Fault::ClockSkew).or_insert(rate);
        self
    }

    /// The share of one fault.
    pub fn rate(&self, fault: Fault) -> f64 {
        self.rates.get(&fault).copied().unwrap_or(0.0)
    }

    pub(super) const fn most_skew(&self) -> Duration {
        self.skew
    }

    pub(super) fn is_none(&self) -> bool {
        self.rates.values().all(|rate| *rate == 0.0)
    }
}
