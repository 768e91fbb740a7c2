//! The suite of the transport port.
//!
//! Each function holds a carrier against one promise of [`Transport`], and panics with the
//! promise if it is broken. [`run_all`] runs them all, each against a carrier of its own with
//! four empty queues, which must allow a message at least two deliveries. Times are whole seconds and few, so that the suite can run against a queue
//! in the cloud; in memory it takes no time at all.
//!
//! ```
//! # use std::sync::Arc;
//! use sortie_task_core::conformance::{ManualRuntime, transport};
//! # use sortie_task_core::ports::transport::Transport;
//!
//! async fn my_carrier_keeps_the_promises(
//!     make_carrier: impl Fn(ManualRuntime) -> Arc<dyn Transport>,
//! ) {
//!     transport::run_all(|| async {
//!         let runtime = ManualRuntime::new(1);
//!         (make_carrier(runtime.clone()), runtime)
//!     })
//!     .await;
//! }
//! ```

mod dead_letters;
mod delivery;
mod probe;
mod receiving;
mod sending;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};

pub use self::dead_letters::*;
pub use self::delivery::*;
pub use self::receiving::*;
pub use self::sending::*;
use crate::ports::transport::Transport;
use crate::time::Timestamp;

/// How time passes for the carrier under test: a clock that is moved, or real waiting.
#[async_trait]
pub trait Passage: Send + Sync {
    /// The present moment, as the carrier sees it.
    fn now(&self) -> Timestamp;

    /// Lets time pass.
    async fn advance(&self, duration: Duration);
}

#[cfg(feature = "tokio-runtime")]
#[async_trait]
impl Passage for super::ManualRuntime {
    fn now(&self) -> Timestamp {
        crate::ports::runtime::Runtime::now(self)
    }

    async fn advance(&self, duration: Duration) {
        Self::advance(self, duration).await;
    }
}

/// The time of real life.
#[cfg(feature = "tokio-runtime")]
#[async_trait]
impl Passage for crate::ports::runtime::TokioRuntime {
    fn now(&self) -> Timestamp {
        crate::ports::runtime::Runtime::now(self)
    }

    async fn advance(&self, duration: Duration) {
        crate::ports::runtime::Runtime::sleep(self, duration).await;
    }
}

/// Runs every check, each against a fresh carrier from `make`.
///
/// # Panics
///
/// If a promise is broken.
pub async fn run_all<F, Fut, P>(make: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = (Arc<dyn Transport>, P)>,
    P: Passage,
{
    run_at_once(1, make).await;
}

/// The same, with several checks at the same time: for a carrier behind a network, where real
/// time passes and the checks mostly wait.
///
/// # Panics
///
/// If a promise is broken.
pub async fn run_at_once<F, Fut, P>(checks: usize, make: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = (Arc<dyn Transport>, P)>,
    P: Passage,
{
    let make = &make;
    macro_rules! run {
        ($($check:ident),* $(,)?) => {{
            let all: Vec<Pin<Box<dyn Future<Output = ()> + '_>>> = vec![$(Box::pin(async move {
                let (transport, passage) = make().await;
                $check(&*transport, &passage).await;
            })),*];
            stream::iter(all).buffer_unordered(checks.max(1)).collect::<()>().await;
        }};
    }
    run![
        limits_are_sane,
        every_message_is_delivered,
        an_empty_send_is_fine,
        large_sends_are_split,
        a_message_over_the_limit_is_refused_alone,
        messages_of_full_size_are_carried,
        a_delayed_message_comes_later,
        a_delay_over_the_limit_is_refused_alone,
        queues_are_apart,
        depth_counts_what_waits_and_what_is_handled,
        a_delivered_message_is_hidden_then_comes_again,
        an_acknowledged_message_is_gone,
        acknowledging_twice_is_harmless,
        a_late_ack_touches_no_other_message,
        extend_hides_longer,
        extend_may_shorten,
        extend_by_zero_gives_back,
        old_receipts_are_stale,
        receive_keeps_its_bounds,
        an_empty_receive_waits,
        a_waiting_receiver_hears_of_a_new_message,
        a_waiting_receiver_hears_of_a_delayed_message,
        a_waiting_receiver_hears_of_a_redelivery,
        a_waiting_receiver_hears_of_a_message_given_back,
        receivers_share_without_duplicates,
        a_dropped_receive_loses_nothing,
        a_message_delivered_too_often_is_a_dead_letter,
        a_message_that_expires_too_often_is_a_dead_letter,
        a_parked_message_keeps_body_and_reason,
        dead_letters_are_listed_oldest_first,
        redriven_messages_start_anew,
    ];
}
