//! Recon data: rows per second for batches of 1, 100 and 10,000: new rows, known ones that stay,
//! known ones of which a field changes, and lists of all of them. SQLite is durable and lies in
//! the temporary folder, or in the one that `SORTIE_BENCH_DIR` names. PostgreSQL (feature
//! `postgres`) is the server that `SORTIE_POSTGRES_URL` names, or one of its own that flushes to
//! disk, started by `.ci/postgres`; where there is none, that is said and it is left out.
//!
//! `cargo bench -p sortie-stores --features postgres --bench recon`: one JSON object per line.
//! Environment: `SECONDS`, the least time per figure (2); `STORES` (`memory,sqlite,postgres`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use serde_json::value::RawValue;
use sortie_stores::{MemoryStore, SqliteStore};
use task_core::conformance::recon::{Subject, running_writer};
use task_core::ports::data::Writer;
use task_core::recon::{Field, Observation, Observer, Order, Pages, Query, Schema};
use task_core::time::Timestamp;

/// The shape of the stock model of this name: its table has indices, and its names are references.
const ENDPOINT: Schema = Schema {
    model: "endpoint",
    fields: &[
        Field::text("address"),
        Field::integer("port"),
        Field::text_set("names").refers_to("domain"),
        Field::text("state"),
    ],
};
/// Most rows in a store: more say nothing new of it.
const MOST: u64 = 200_000;

fn endpoint(n: u64, state: &str) -> Observation {
    let address = format!("10.{}.{}.{}", n >> 16 & 255, n >> 8 & 255, n & 255);
    let body = json!({
        "address": address,
        "names": [format!("www.host-{}.example", n / 3)],
        "port": 443,
        "state": state,
        "transport": "tcp",
    });
    Observation {
        key: format!("tcp://{address}:443"),
        body: RawValue::from_string(body.to_string()).expect("JSON"),
    }
}

#[cfg(feature = "postgres")]
#[path = "../tests/server/mod.rs"]
mod server;

#[cfg(feature = "postgres")]
mod postgres {
    use super::server::{Database, Server};

    /// The server that is measured.
    pub(super) enum Postgres {
        Named(String),
        /// It ends when this is dropped.
        Own(Server),
    }

    impl Postgres {
        pub(super) fn find() -> Option<Self> {
            if let Ok(address) = std::env::var("SORTIE_POSTGRES_URL") {
                return Some(Self::Named(address));
            }
            let server = Server::start(&["--durable"]);
            let server = server.inspect_err(|why| eprintln!("skipped: PostgreSQL; {why}"));
            server.ok().map(Self::Own)
        }

        pub(super) async fn database(&self) -> Database {
            Database::on(match self {
                Self::Named(address) => address,
                Self::Own(server) => &server.address,
            })
            .await
        }
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let seconds = std::env::var("SECONDS").ok().and_then(|s| s.parse().ok());
    let least = Duration::from_secs_f64(seconds.unwrap_or(2.0));
    let stores = std::env::var("STORES").unwrap_or_else(|_| "memory,sqlite,postgres".to_owned());
    let wanted = |store| stores.split(',').any(|wanted| wanted == store);
    #[cfg(feature = "postgres")]
    let postgres = wanted("postgres").then(postgres::Postgres::find).flatten();
    for batch in [1, 100, 10_000] {
        if wanted("memory") {
            run("memory", Subject::new(MemoryStore::new()), batch, least).await;
        }
        #[cfg(feature = "postgres")]
        if let Some(postgres) = &postgres {
            // An empty one for each size.
            let database = postgres.database().await;
            let subject = Subject::new(database.store().await);
            run("postgres", subject, batch, least).await;
        }
        if !wanted("sqlite") {
            continue;
        }
        let folder = match std::env::var_os("SORTIE_BENCH_DIR") {
            Some(folder) => tempfile::tempdir_in(folder),
            None => tempfile::tempdir(),
        }
        .expect("a temporary folder");
        let store = SqliteStore::open(folder.path().join("bench.db")).await;
        run(
            "sqlite",
            Subject::new(store.expect("a store")),
            batch,
            least,
        )
        .await;
    }
}

async fn run(store: &str, subject: Subject, batch: u64, least: Duration) {
    let writer = running_writer(&subject).await;
    let rows = observe(&subject, writer, batch, least, MOST, "open").await;
    print(store, "insert", batch, rows);
    let (known, _) = rows;
    let rows = observe(&subject, writer, batch, least, known, "open").await;
    print(store, "unchanged", batch, rows);
    let rows = observe(&subject, writer, batch, least, known, "closed").await;
    print(store, "changed", batch, rows);
    if batch == 1 {
        return;
    }
    for (what, order) in [
        ("list by key", Order::Key),
        ("list by last sight", Order::LastSeen),
    ] {
        // In memory every page looks at every row: that store is for tests.
        if store == "memory" && order != Order::Key {
            continue;
        }
        let started = Instant::now();
        let mut listed = 0;
        let query = Query::all().order(order);
        let mut pages = Pages::new(subject.recon.clone(), ENDPOINT, query).expect("a query");
        while started.elapsed() < least && pages.next().await.expect("a row").is_some() {
            listed += 1;
        }
        print(store, what, batch, (listed, started.elapsed()));
    }
}

/// Batches of the first `of` rows until the time is over, or each came once.
async fn observe(
    subject: &Subject,
    writer: Writer,
    batch: u64,
    least: Duration,
    of: u64,
    state: &str,
) -> (u64, Duration) {
    let observer = Observer {
        writer,
        course: &[1],
    };
    // Later than all before: a sight that changes nothing at all need not reach the disk.
    static CLOCK: AtomicU64 = AtomicU64::new(1_700_000_000_000);
    let mut done = 0;
    let mut took = Duration::ZERO;
    while took < least && done < of {
        let seen: Vec<_> = (done..(done + batch).min(of))
            .map(|n| endpoint(n, state))
            .collect();
        let at = Timestamp::from_millis(CLOCK.fetch_add(1, Ordering::Relaxed));
        let started = Instant::now();
        let changes = subject.recon.observe(observer, &ENDPOINT, at, &seen).await;
        took += started.elapsed();
        done += changes.expect("observations are written").len() as u64;
    }
    (done, took)
}

fn print(store: &str, what: &str, batch: u64, (rows, took): (u64, Duration)) {
    let per_second = (rows as f64 / took.as_secs_f64()).round();
    println!(
        "{}",
        json!({"store": store, "what": what, "batch": batch, "rows": rows, "rows_per_second": per_second})
    );
}
