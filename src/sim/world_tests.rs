//! What becomes of an engine that stops, or never does.

#![allow(clippy::unwrap_used, reason = "a test may stop")]

use std::time::Duration;

use super::*;

fn spawned(future: impl Future<Output = ()> + Send + 'static) -> Arc<World> {
    let world = World::new(1);
    let machine = world.boot(0).machine();
    world.spawn(machine, Box::pin(future));
    world
}

/// Steps until the clock has gone on by a second.
fn second(world: &Arc<World>) -> Result<(), String> {
    let end = world.now().after(Duration::from_secs(1));
    while world.now() < end {
        world.step(end)?;
    }
    Ok(())
}

#[test]
fn a_panic_of_the_engine_is_told_in_its_own_words() {
    let world = spawned(async {
        std::panic::resume_unwind(Box::new("a bug"));
    });
    let told = second(&world).unwrap_err();
    assert!(told.contains("a bug"), "{told}");
}

#[test]
fn an_engine_that_is_busy_without_end_is_found_out() {
    let world = spawned(std::future::poll_fn(|cx| {
        cx.waker().wake_by_ref();
        Poll::Pending
    }));
    let told = second(&world).unwrap_err();
    assert!(told.contains("busy without end"), "{told}");
}

#[test]
fn time_passes_while_all_wait() {
    let world = spawned(std::future::pending());
    second(&world).unwrap();
    assert_eq!(world.elapsed(), Duration::from_secs(1));
}
