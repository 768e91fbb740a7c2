//! A PostgreSQL server for tests, and databases of their own on it.
//!
//! `SORTIE_POSTGRES_URL` names a server to use: `./test` starts one for all. Without it each
//! program starts one by `.ci/postgres`, and where there is no PostgreSQL, the tests say so and
//! do nothing. Under `SORTIE_POSTGRES=required` they fail instead.

#![allow(dead_code, reason = "each program uses its part")]
// Clippy knows tests by their attribute, and so not their helpers.
#![allow(clippy::unwrap_used)]

mod own;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sortie_stores::{PostgresOptions, PostgresStore};

pub(crate) use own::Server;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

/// The address of the server that all tests share.
fn shared() -> Option<&'static str> {
    static SHARED: OnceLock<Option<String>> = OnceLock::new();
    SHARED
        .get_or_init(|| {
            if let Ok(address) = std::env::var("SORTIE_POSTGRES_URL") {
                return Some(address);
            }
            let server = Server::find(&[])?;
            let address = server.address.clone();
            // It ends with this program, which holds its input.
            std::mem::forget(server);
            Some(address)
        })
        .as_deref()
}

/// An empty database. It goes when this is dropped.
pub(crate) struct Database {
    server: String,
    name: String,
    pub(crate) options: PostgresOptions,
}

impl Database {
    /// On the shared server, or `None` if there is none.
    pub(crate) async fn new() -> Option<Self> {
        Some(Self::on(shared()?).await)
    }

    /// On this server.
    pub(crate) async fn on(server: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "sortie_test_{}_{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        sql(
            server,
            &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        )
        .await;
        sql(server, &format!("CREATE DATABASE {name}")).await;
        let options = PostgresOptions::parse(server)
            .unwrap()
            .plain_on_loopback()
            .database(&name);
        Self {
            server: server.to_owned(),
            name,
            options,
        }
    }

    /// A store in it, with its tables.
    pub(crate) async fn store(&self) -> PostgresStore {
        PostgresStore::open(&self.options).await.unwrap()
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its address for another user.
    pub(crate) fn address_of(&self, user: &str) -> String {
        let (_, host) = self.server.rsplit_once('@').unwrap();
        let (host, _) = host.rsplit_once('/').unwrap();
        format!("postgres://{user}@{host}/{}", self.name)
    }

    /// Its address, with these parameters.
    pub(crate) fn address(&self, parameters: &str) -> String {
        let (before, _) = self.server.rsplit_once('/').unwrap();
        format!("{before}/{}?{parameters}", self.name)
    }

    /// Makes it empty again.
    pub(crate) async fn empty(&self) {
        self.sql(own::TRUNCATE).await;
    }

    /// The SQL of another program.
    pub(crate) async fn sql(&self, text: &str) {
        sql(&self.address(""), text).await;
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let name = &self.name;
        // And its users, which a test has named after it.
        let drop = [
            format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
            format!(
                "DO $$ DECLARE r name; BEGIN FOR r IN SELECT rolname FROM pg_roles \
                 WHERE starts_with(rolname, '{name}_') \
                 LOOP EXECUTE format('DROP ROLE %I', r); END LOOP; END $$"
            ),
        ];
        let server = self.server.clone();
        // A thread of its own: this one may be inside of a runtime.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            for drop in drop {
                let _ = runtime.block_on(try_sql(&server, &drop));
            }
        });
        // A server that is gone needs no tidying.
        let _ = dropped.join();
    }
}

async fn sql(address: &str, text: &str) {
    try_sql(address, text).await.unwrap();
}

/// Statements of a test, as whoever the address says.
pub(crate) async fn try_sql(address: &str, text: &str) -> Result<(), sqlx::Error> {
    let mut conn = PgConnection::connect(address).await?;
    conn.execute(AssertSqlSafe(text.to_owned())).await?;
    conn.close().await
}
