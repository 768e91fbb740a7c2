//! Small random workflows through the manager, in a hostile world. A seed repeats a run:
//! `SORTIE_SEED=17 cargo test --test engine driver`; `SORTIE_SEEDS=100000` tries more of them.

mod dice;
mod world;

use world::World;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Names the seed if its run panics.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("SORTIE_SEED={} repeats this run", self.0);
        }
    }
}

#[tokio::test]
async fn random_workflows_keep_every_promise_in_a_hostile_world() {
    let seeds = match setting("SORTIE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..setting("SORTIE_SEEDS").unwrap_or(60),
    };
    let mut mishaps = 0;
    for seed in seeds {
        let named = Seed(seed);
        let mut world = World::new(seed).await;
        world.run().await;
        mishaps += world.mishaps;
        drop(named);
    }
    assert!(mishaps > 0, "nothing has gone wrong, so nothing was tested");
}
