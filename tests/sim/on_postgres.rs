//! The invariants on PostgreSQL: one run after the other in a database that is emptied between them.

use std::sync::Arc;

use sortie::sim::{Faults, Sim, sweep};
use sortie::stores::{PostgresOptions, PostgresStore};

use crate::server::{Server, TRUNCATE};

#[test]
fn invariants_hold_on_postgres() {
    let Some(server) = Server::find(&[]) else {
        return;
    };
    let options = PostgresOptions::parse(&server.address)
        .unwrap()
        .plain_on_loopback();
    tokio::runtime::Runtime::new()
        .unwrap()
        .block_on(PostgresStore::migrate(&options))
        .unwrap();
    let database = Arc::new((server, options));
    let on_postgres = |sim: Sim| {
        let database = Arc::clone(&database);
        sim.on_store(async move || {
            let (server, options) = &*database;
            server.sql(TRUNCATE);
            PostgresStore::connect(options).await
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
