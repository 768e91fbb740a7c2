//! One port, one handshake.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::scope::InScope;

use super::dial::failure;
use super::outcome::PortOutcome;

/// Settings of a [`ConnectScanner`].
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// How long a probe waits for an answer. 2 s by default: Linux sends the SYN again after one
    /// second, so the loss of one packet does not make a port silent.
    pub timeout: Duration,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(2),
        }
    }
}

/// Probes ports by whole handshakes.
///
/// It keeps no state and may be shared by any number of probes. How many run at once is for the
/// caller to bound: each holds a descriptor and a port of this machine until it ends.
#[derive(Clone, Debug, Default)]
pub struct ConnectScanner {
    options: ConnectOptions,
}

impl ConnectScanner {
    /// A scanner with these settings.
    pub fn new(options: ConnectOptions) -> Self {
        Self { options }
    }

    /// The settings.
    pub fn options(&self) -> &ConnectOptions {
        &self.options
    }

    /// Probes the port `at`.
    ///
    /// It never fails and never takes longer than [`ConnectOptions::timeout`]. Nothing is sent on
    /// the connection, and it ends with a reset: an orderly close would keep the local port for a
    /// minute (RFC 9293 §3.6, TIME-WAIT), and a scan would run out of them.
    pub async fn probe(&self, at: InScope<SocketAddr>) -> PortOutcome {
        match timeout(self.options.timeout, TcpStream::connect(at.get())).await {
            Ok(Ok(stream)) => {
                // A socket that refuses the option closes in the slower way.
                let _ = stream.set_zero_linger();
                // On this machine's own addresses the system may give the probe the very port that
                // it is for, and a SYN that meets itself is a handshake (RFC 9293 §3.5): nobody
                // else is there.
                if stream.local_addr().is_ok_and(|from| from == *at.get()) {
                    return PortOutcome::Closed;
                }
                PortOutcome::Open
            }
            Ok(Err(error)) => failure(*at.get(), error).into(),
            Err(_) => PortOutcome::Silent,
        }
    }
}
