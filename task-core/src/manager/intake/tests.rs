#![allow(clippy::unwrap_used, reason = "a test may stop")]

use futures_util::FutureExt as _;
use proptest::prelude::*;

use crate::id::{CollectionId, MessageId};
use crate::message::CancelCollection;
use crate::ports::transport::Receipt;
use crate::time::Timestamp;

use super::*;

const HANDS: usize = 3;
const MOST: usize = 4;

/// The `n`-th message, of a stripe.
fn message(stripe: u8, n: u64) -> Received {
    let id = |high: u128, low: u128| uuid::Uuid::from_u128(high << 80 | low);
    let message = ToManager {
        v: crate::envelope::WIRE_VERSION,
        id: MessageId::from_uuid(id(0, n.into())),
        body: Message::CancelCollection(CancelCollection {
            collection_id: CollectionId::from_uuid(id(1 + u128::from(stripe), 7)),
        }),
    };
    Received::read(Delivery {
        receipt: Receipt::from_number(n),
        body: message.encode(),
        receive_count: 1,
        sent_at: Timestamp::from_millis(0),
    })
}

/// Which messages, in order.
fn numbers(batch: &Taken<'_>) -> Vec<u64> {
    let ids = batch
        .messages()
        .iter()
        .map(|received| received.message.as_ref().unwrap().id);
    ids.map(|id| id.as_uuid().as_u128() as u64).collect()
}

#[derive(Clone, Debug)]
enum Step {
    Put(Vec<u8>),
    Take,
    TopUp(usize),
    Drop(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let stripes = prop::collection::vec(0u8..5, 1..12);
    let step = prop_oneof![
        stripes.prop_map(Step::Put),
        Just(Step::Take),
        Just(Step::Take),
        (0..HANDS).prop_map(Step::TopUp),
        (0..HANDS).prop_map(Step::Drop),
    ];
    prop::collection::vec(step, 0..40)
}

proptest! {
    #[test]
    fn each_message_is_taken_once_in_order_and_no_stripe_twice_at_a_time(steps in steps()) {
        let intake = Intake::new(HANDS, MOST);
        let mut stripes = Vec::new();
        let mut batches: Vec<Taken<'_>> = Vec::new();
        let mut taken: Vec<u64> = Vec::new();
        let steps = steps.into_iter().chain(std::iter::repeat_n(Step::Drop(0), HANDS));
        let over = std::iter::repeat_n([Step::Take, Step::Drop(0)], 500).flatten();
        for step in steps.chain(over) {
            match step {
                Step::Put(of) => {
                    let first = stripes.len() as u64;
                    intake.put((first..).zip(&of).map(|(n, stripe)| message(*stripe, n)));
                    stripes.extend(of);
                }
                Step::Take if batches.len() < HANDS => {
                    let free = intake.state().free.len();
                    let batch = intake.try_take();
                    prop_assert_eq!(batch.is_some(), free > 0);
                    batches.extend(batch);
                    // Who asks next gets something, too, if there is something for two.
                    let left = intake.state().free.len();
                    prop_assert!(left > 0 || free < 2 || batches.len() == HANDS);
                }
                Step::TopUp(at) if at < batches.len() => {
                    let before = numbers(&batches[at]);
                    batches[at].top_up();
                    prop_assert!(numbers(&batches[at]).starts_with(&before));
                }
                Step::Drop(at) if at < batches.len() => {
                    taken.extend(numbers(&batches.remove(at)));
                }
                _ => {}
            }
            let mut held = BTreeSet::new();
            for batch in &batches {
                prop_assert!((1..=MOST).contains(&batch.messages().len()));
                let own: BTreeSet<u8> =
                    numbers(batch).iter().map(|n| stripes[*n as usize]).collect();
                for stripe in own {
                    prop_assert!(held.insert(stripe), "stripe {} is in two hands", stripe);
                }
            }
        }
        for stripe in 0..5 {
            let of = |n: &u64| stripes[*n as usize] == stripe;
            let order: Vec<u64> = taken.iter().copied().filter(of).collect();
            prop_assert!(order.is_sorted());
        }
        taken.sort_unstable();
        prop_assert!(taken.into_iter().eq(0..stripes.len() as u64));
        let state = intake.state();
        prop_assert_eq!((state.messages, state.bytes), (0, 0));
    }
}

#[test]
fn who_waits_is_woken_by_a_message_a_stripe_that_is_free_again_and_the_end() {
    let intake = Intake::new(2, MOST);
    let mut first = std::pin::pin!(intake.take());
    assert!(first.as_mut().now_or_never().is_none());
    intake.put([message(1, 0)]);
    let held = first.now_or_never().unwrap().unwrap();
    intake.put([message(1, 1)]);
    let mut second = std::pin::pin!(intake.take());
    assert!(second.as_mut().now_or_never().is_none());
    drop(held);
    let held = second.now_or_never().unwrap().unwrap();
    assert_eq!(numbers(&held), [1]);
    let mut last = std::pin::pin!(intake.take());
    assert!(last.as_mut().now_or_never().is_none());
    intake.put([message(1, 2)]);
    intake.close();
    assert!(
        last.as_mut().now_or_never().is_none(),
        "its stripe is in hand, and comes back"
    );
    drop(held);
    assert_eq!(numbers(&last.now_or_never().unwrap().unwrap()), [2]);
    assert!(intake.take().now_or_never().unwrap().is_none());
}

#[test]
fn there_is_room_while_little_waits_and_somebody_takes() {
    let intake = Intake::new(1, 1_000_000);
    let large = || {
        let mut received = message(1, 0);
        received.delivery.body = vec![0; BATCH_BYTES / 2].into();
        received
    };
    intake.put([large()]);
    assert_eq!(intake.has_room().now_or_never(), Some(true));
    intake.put([large()]);
    let mut room = std::pin::pin!(intake.has_room());
    assert!(room.as_mut().now_or_never().is_none());
    let batch = intake.try_take().unwrap();
    assert_eq!(batch.messages().len(), 2);
    assert_eq!(room.now_or_never(), Some(true));
    intake.put([large(), large()]);
    let mut room = std::pin::pin!(intake.has_room());
    assert!(room.as_mut().now_or_never().is_none());
    intake.close();
    assert_eq!(room.now_or_never(), Some(false));
    drop(batch);
    assert_eq!(intake.rest().len(), 2);
}
