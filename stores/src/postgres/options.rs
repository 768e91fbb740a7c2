//! Where the server is, and how to talk to it.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgSslMode};

/// Where the server is, who asks, and how.
///
/// Traffic is encrypted and the server's name and certificate are verified (`sslmode=verify-full`)
/// unless the address says otherwise. Certificates of public authorities are known; those of
/// others, such as Amazon RDS, are named by `sslrootcert`.
///
/// Neither `Debug` nor any error shows the password.
#[derive(Clone)]
pub struct PostgresOptions {
    connect: PgConnectOptions,
    plain_on_loopback: bool,
    explicit_tls: bool,
    behind_a_proxy: bool,
    connections: u32,
    wait: Duration,
    idle: Duration,
}

/// Why an address cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// It is none. It may hold a password, so it is not shown.
    #[error("this is no address of a server; write postgres://user:password@host:port/database")]
    Address,
    /// It has a parameter that is not known; a misspelt `sslmode` must not go unnoticed.
    #[error("the address has the parameter `{0}`, which is not known here; known are {known}", known = KNOWN.join(", "))]
    Parameter(String),
    /// A parameter has a value that it cannot have.
    #[error("the parameter `{0}` of the address has a value that it cannot have")]
    Value(String),
}

/// Parameters of addresses; those of libpq that mean something here.
const KNOWN: [&str; 10] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
];

/// Set for each connection, where no proxy forbids it. A transaction whose function was frozen
/// lets go of its locks; nobody waits for a lock for ever; and compiling statements takes longer
/// than running them.
const SETTINGS: [(&str, &str); 3] = [
    ("idle_in_transaction_session_timeout", "60s"),
    ("lock_timeout", "30s"),
    ("jit", "off"),
];

impl PostgresOptions {
    /// Reads an address, `postgres://user:password@host:port/database?sslmode=…`. A host that
    /// begins with `/` (`%2F`) is the folder of a Unix socket. What it leaves out comes from the
    /// environment variables of libpq (`PGUSER`, `PGPASSWORD`, …), but for `PGSSLMODE`.
    ///
    /// # Errors
    ///
    /// [`OptionsError`] if it is no address or has a parameter that is not known.
    ///
    /// ```
    /// use sortie_stores::PostgresOptions;
    ///
    /// let options = PostgresOptions::parse("postgres://me:secret@db.example.com/sortie").unwrap();
    /// assert_eq!(options.to_string(), "postgres://me@db.example.com:5432/sortie");
    /// assert!(!format!("{options:?}").contains("secret"));
    /// assert!(PostgresOptions::parse("postgres://db.example.com/sortie?sslmod=disable").is_err());
    /// ```
    pub fn parse(address: &str) -> Result<Self, OptionsError> {
        let known = ["postgres://", "postgresql://"];
        if !known.iter().any(|scheme| address.starts_with(scheme)) {
            return Err(OptionsError::Address);
        }
        let query = address.split_once('?').map_or("", |(_, query)| query);
        let mut explicit_tls = false;
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            if !KNOWN.contains(&name) {
                return Err(OptionsError::Parameter(name.to_owned()));
            }
            let fits = match name {
                "sslmode" => PgSslMode::from_str(value).is_ok(),
                "port" => value.parse::<u16>().is_ok(),
                _ => true,
            };
            if !fits {
                return Err(OptionsError::Value(name.to_owned()));
            }
            explicit_tls |= name == "sslmode";
        }
        // What it says of an address that it does not like may show a part of it.
        let connect = PgConnectOptions::from_str(address).map_err(|_| OptionsError::Address)?;
        let connect = if explicit_tls {
            connect
        } else {
            connect.ssl_mode(PgSslMode::VerifyFull)
        };
        Ok(Self {
            connect,
            plain_on_loopback: false,
            explicit_tls,
            behind_a_proxy: false,
            connections: 8,
            wait: Duration::from_secs(30),
            idle: Duration::from_secs(300),
        })
    }

    /// Talks in the clear to a server on this machine: to loopback addresses, to `localhost` and
    /// to Unix sockets. Servers elsewhere are verified all the same, and so is every server whose
    /// address says an `sslmode`.
    #[must_use]
    pub const fn plain_on_loopback(mut self) -> Self {
        self.plain_on_loopback = true;
        self
    }

    /// With this password, such as a token that is valid for minutes.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.connect = self.connect.password(password);
        self
    }

    /// With another database.
    #[must_use]
    pub fn database(mut self, database: &str) -> Self {
        self.connect = self.connect.database(database);
        self
    }

    /// As another user.
    #[must_use]
    pub fn user(mut self, user: &str) -> Self {
        self.connect = self.connect.username(user);
        self
    }

    /// Verifies the server by the authorities in this file, too (PEM).
    #[must_use]
    pub fn root_certificates(mut self, file: impl AsRef<Path>) -> Self {
        self.connect = self.connect.ssl_root_cert(file);
        self
    }

    /// At most so many connections at once, 8 by default; at least 1.
    #[must_use]
    pub fn connections(mut self, connections: u32) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// Waits so long for a connection, 30 s by default; then [`StoreError::Backend`].
    ///
    /// [`StoreError::Backend`]: task_core::ports::store::StoreError::Backend
    #[must_use]
    pub const fn patience(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// For a function that is frozen between two batches: two connections, which are given up
    /// when they were not used for a minute, and 5 s of patience, so that a batch fails while
    /// there is time to say so.
    #[must_use]
    pub const fn lambda(mut self) -> Self {
        self.connections = 2;
        self.wait = Duration::from_secs(5);
        self.idle = Duration::from_secs(60);
        self
    }

    /// For a proxy that gives each transaction any of its connections, as RDS Proxy and PgBouncer
    /// do: keeps no prepared statements, and sends no settings, which such proxies refuse or pin
    /// a connection for. Set them for the user instead, once:
    /// `ALTER ROLE … SET idle_in_transaction_session_timeout = '60s'`, likewise
    /// `lock_timeout = '30s'` and `jit = off`.
    #[must_use]
    pub const fn behind_a_proxy(mut self) -> Self {
        self.behind_a_proxy = true;
        self
    }

    pub(super) const fn is_behind_a_proxy(&self) -> bool {
        self.behind_a_proxy
    }

    /// Connections that are made when they are needed.
    pub(super) fn pool(&self) -> PgPool {
        PgPoolOptions::new()
            .max_connections(self.connections)
            .acquire_timeout(self.wait)
            .idle_timeout(self.idle)
            .max_lifetime(Duration::from_secs(1800))
            .connect_lazy_with(self.connect())
    }

    fn connect(&self) -> PgConnectOptions {
        let mut connect = self.connect.clone().disable_statement_logging();
        if self.plain_on_loopback && !self.explicit_tls && self.is_on_loopback() {
            connect = connect.ssl_mode(PgSslMode::Disable);
        }
        if connect.get_application_name().is_none() {
            connect = connect.application_name("sortie");
        }
        if self.behind_a_proxy {
            connect.statement_cache_capacity(0).extra_float_digits(None)
        } else {
            connect.options(SETTINGS)
        }
    }

    fn is_on_loopback(&self) -> bool {
        let host = self.connect.get_host();
        let address = host.trim_start_matches('[').trim_end_matches(']');
        self.connect.get_socket().is_some()
            || host == "localhost"
            || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

/// The address, without the password.
impl fmt::Display for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connect = &self.connect;
        write!(f, "postgres://{}@", connect.get_username())?;
        match connect.get_socket() {
            Some(folder) => write!(f, "{}", folder.display())?,
            None => f.write_str(connect.get_host())?,
        }
        let database = connect.get_database().unwrap_or_default();
        write!(f, ":{}/{database}", connect.get_port())
    }
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("address", &self.to_string())
            .field("tls", &self.connect().get_ssl_mode())
            .field("connections", &self.connections)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tls(options: &PostgresOptions) -> String {
        format!("{:?}", options.connect().get_ssl_mode())
    }

    #[test]
    fn servers_are_verified_unless_the_address_says_otherwise() {
        let parse = |address| PostgresOptions::parse(address).unwrap();
        assert_eq!(tls(&parse("postgres://a@db.example.com/x")), "VerifyFull");
        assert_eq!(tls(&parse("postgres://a@127.0.0.1/x")), "VerifyFull");
        assert_eq!(
            tls(&parse("postgres://a@db.example.com/x?sslmode=require")),
            "Require"
        );
    }

    #[test]
    fn only_loopback_is_spoken_to_in_the_clear_and_only_if_told() {
        let tls =
            |address: &str| tls(&PostgresOptions::parse(address).unwrap().plain_on_loopback());
        for address in ["127.0.0.1", "[::1]", "localhost", "%2Frun%2Fpg"] {
            assert_eq!(
                tls(&format!("postgres://a@{address}/x")),
                "Disable",
                "{address}"
            );
        }
        assert_eq!(tls("postgres://a@db.example.com/x"), "VerifyFull");
        assert_eq!(tls("postgres://a@127.example.com/x"), "VerifyFull");
        assert_eq!(
            tls("postgres://a@127.0.0.1/x?sslmode=verify-ca"),
            "VerifyCa"
        );
    }

    #[test]
    fn no_error_shows_the_password() {
        for address in [
            "postgres://me:secret@host:notaport/x",
            "mysql://me:secret@host/x",
            "postgres://me:secret@host/x?pasword=secret",
            "postgres://me:secret@host/x?sslmode=secret",
        ] {
            let error = PostgresOptions::parse(address).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
        }
    }
}
