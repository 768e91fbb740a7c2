//! A run that is killed 200 times: real processes, real files, SIGKILL at random moments.
//!
//! `SORTIE_SIM_SEED` sets the seed of the moments. The same seed gives the same blows, but not the
//! same run: what a process has done when the blow falls is up to the machine.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests")]
#![cfg(feature = "sqlite")]

mod child;
mod children;
mod dice;
mod history;
mod invariants;
mod leash;
mod life;
mod rows;
mod snapshot;
mod workflow;

use dice::Dice;
use history::History;
use life::Life;

/// Blows in one run.
const KILLS: u32 = 200;
/// A look at the state after each so many blows.
const LOOK_EVERY: u32 = 20;
const DEFAULT_SEED: u64 = 2024;

fn seed() -> u64 {
    let Ok(text) = std::env::var("SORTIE_SIM_SEED") else {
        return DEFAULT_SEED;
    };
    text.parse().expect("SORTIE_SIM_SEED is a number")
}

/// Not a test of its own: the process that is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_process_that_is_killed() {
    if let Some((folder, life)) = child::told() {
        child::live(&folder, life).await;
    }
}

#[test]
fn a_run_that_is_killed_two_hundred_times_comes_out_exact() {
    let mut history = History::new(seed());
    let mut dice = Dice(seed());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for life in 0..KILLS {
        let mut process = Life::start(history.folder(), life);
        // Now and then the blow falls before the engine has started.
        if dice.one_in(8) {
            process.goes_on_for(dice.millis(0, 70));
        } else {
            process.starts();
            process.goes_on_for(dice.millis(10, 200));
        }
        let ended = process.kill();
        history.killed(ended);
        if (life + 1).is_multiple_of(LOOK_EVERY) {
            runtime.block_on(history.look());
        }
    }
    Life::start(history.folder(), KILLS).ends_well();
    history.is_over();
    runtime.block_on(invariants::hold(&history));
}
