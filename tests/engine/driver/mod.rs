//! Small random workflows through the manager, in a hostile world. A seed repeats a run:
//! `SORTIE_SEED=17 cargo test --test engine driver`; `SORTIE_SEEDS=100000` tries more of them.

mod dice;
mod world;

use std::sync::Arc;

use sortie::stores::MemoryStore;
#[cfg(feature = "sqlite")]
use sortie::stores::SqliteStore;
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

fn seeds(usually: u64) -> std::ops::Range<u64> {
    match setting("SORTIE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..setting("SORTIE_SEEDS").unwrap_or(usually),
    }
}

#[tokio::test]
async fn random_workflows_keep_every_promise_in_a_hostile_world() {
    let mut mishaps = 0;
    for seed in seeds(60) {
        let named = Seed(seed);
        let mut world = World::new(seed, Arc::new(MemoryStore::new())).await;
        world.run().await;
        mishaps += world.mishaps;
        drop(named);
    }
    assert!(mishaps > 0, "nothing has gone wrong, so nothing was tested");
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn random_workflows_keep_every_promise_on_sqlite() {
    for seed in seeds(4) {
        let _named = Seed(seed);
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("state.sqlite"));
        let mut world = World::new(seed, Arc::new(store.await.unwrap())).await;
        let patience = std::time::Duration::from_secs(60);
        tokio::time::timeout(patience, world.run())
            .await
            .expect("it does not hang");
    }
}
