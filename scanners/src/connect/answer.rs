//! What came of a connection.

use std::io::{self, ErrorKind};
use std::net::IpAddr;

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use crate::engine::Found;

/// What a port is, as far as a connection can tell. Silence is counted, and not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectAnswer {
    /// The connection was made, and closed at once.
    Open,
    /// The connection was refused.
    Closed,
    /// The system says that no way leads there: an ICMP error, or no route.
    Unreachable,
}

impl ConnectAnswer {
    /// The name: `open`, `closed` or `unreachable`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Unreachable => "unreachable",
        }
    }
}

/// How an attempt ended.
pub(super) enum Outcome {
    Answer(ConnectAnswer),
    Silent,
    /// This machine could not try. Says nothing of the target.
    NotTried(io::Error),
}

impl From<io::Result<()>> for Outcome {
    fn from(attempt: io::Result<()>) -> Self {
        let Err(error) = attempt else {
            return Self::Answer(ConnectAnswer::Open);
        };
        match error.kind() {
            // A reset in the handshake is how some firewalls refuse.
            ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => {
                Self::Answer(ConnectAnswer::Closed)
            }
            // A prohibition by ICMPv6 is told as a lack of permission.
            ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::PermissionDenied => Self::Answer(ConnectAnswer::Unreachable),
            ErrorKind::TimedOut | ErrorKind::WouldBlock => Self::Silent,
            _ => Self::NotTried(error),
        }
    }
}

/// One line of output: `ip`, `port`, `state`, `after_ms` (since the start of the scan), and
/// `method`, which is always `connect`.
impl Serialize for Found<ConnectAnswer> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut record = to.serialize_struct("Found", 5)?;
        let ip: IpAddr = self.target.addr();
        record.serialize_field("ip", &ip)?;
        record.serialize_field("port", &self.target.port())?;
        record.serialize_field("state", self.answer.name())?;
        // A scan takes less than 584 million years.
        record.serialize_field("after_ms", &(self.after.as_millis() as u64))?;
        record.serialize_field("method", "connect")?;
        record.end()
    }
}
