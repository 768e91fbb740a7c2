//! Tests of virtual time.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn sleepers_wake_in_order_each_at_its_own_moment() {
    let runtime = ManualRuntime::new(1);
    let woke = Arc::new(Mutex::new(Vec::new()));
    for seconds in [3, 1, 2, 1] {
        let (sleeper, woke) = (runtime.clone(), Arc::clone(&woke));
        runtime.spawn(Box::pin(async move {
            sleeper.sleep(seconds * SECOND).await;
            woke.lock()
                .unwrap()
                .push((seconds, sleeper.now().since(START)));
        }));
    }
    runtime.advance(2 * SECOND).await;
    let expected = [(1, SECOND), (1, SECOND), (2, 2 * SECOND)];
    assert_eq!(*woke.lock().unwrap(), expected);
    assert_eq!(runtime.next_wake(), Some(START.after(3 * SECOND)));
    runtime.advance(SECOND).await;
    assert_eq!(woke.lock().unwrap().len(), 4);
    assert_eq!(runtime.next_wake(), None);
}

#[tokio::test]
async fn a_sleeper_may_sleep_again_within_one_advance() {
    let runtime = ManualRuntime::new(1);
    let (sleeper, done) = (runtime.clone(), Arc::new(AtomicU64::new(0)));
    let ticks = Arc::clone(&done);
    runtime.spawn(Box::pin(async move {
        loop {
            sleeper.sleep(SECOND).await;
            ticks.fetch_add(1, Ordering::Relaxed);
        }
    }));
    runtime.advance(10 * SECOND).await;
    assert_eq!(done.load(Ordering::Relaxed), 10);
}

#[tokio::test]
async fn dropping_a_sleep_cancels_it() {
    let runtime = ManualRuntime::new(1);
    drop(runtime.sleep(SECOND));
    assert_eq!(runtime.next_wake(), None);
}

#[tokio::test]
async fn no_sleep_is_shorter_than_asked() {
    let runtime = ManualRuntime::new(1);
    let _sleep = runtime.sleep(Duration::from_micros(1));
    assert_eq!(
        runtime.next_wake(),
        Some(START.after(Duration::from_millis(1)))
    );
    runtime.sleep(Duration::ZERO).await;
}

#[test]
fn the_seed_decides_the_dice() {
    let rolls = |seed| {
        let runtime = ManualRuntime::new(seed);
        [runtime.random(), runtime.random(), runtime.random()]
    };
    assert_eq!(rolls(5), rolls(5));
    assert_ne!(rolls(5), rolls(6));
    let [a, b, c] = rolls(5);
    assert!(a != b && b != c && a != c);
}
