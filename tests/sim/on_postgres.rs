//! The invariants on PostgreSQL: one run after the other in a database that is emptied between them.

use std::sync::Arc;

use sortie::sim::{Faults, Sim, sweep};
use sortie::stores::PostgresStore;

use crate::server::Database;

#[test]
fn invariants_hold_on_postgres() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let Some(database) = runtime.block_on(Database::new()) else {
        return;
    };
    runtime
        .block_on(PostgresStore::migrate(&database.options))
        .unwrap();
    let database = Arc::new(database);
    let on_postgres = |sim: Sim| {
        let database = Arc::clone(&database);
        sim.on_store(async move || {
            database.empty().await;
            PostgresStore::connect(&database.options).await
        })
    };
    sweep(6, |seed| {
        let weathers = [Faults::none(), Faults::light(), Faults::aws()];
        for faults in weathers {
            let run = on_postgres(Sim::generated(seed).faults(faults))
                .shrink(false)
                .run();
            run.unwrap_or_else(|error| panic!("{error}"));
        }
    });
}
