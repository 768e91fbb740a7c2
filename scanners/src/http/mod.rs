//! A small HTTP/1.1 client for scanning, and what stands on it.
//!
//! The client sends one GET per connection and caps everything that it reads: the head, the
//! number of headers, the body on the wire, and the body after decoding. It takes
//! [`InScope`](crate::scope::InScope) addresses and connects to these, so it cannot go where no
//! scope said yes; it asks no scope itself. Parsing is separate from I/O
//! ([`ResponseDecoder`] is fed bytes and owns no socket), so it is fuzzed as it runs.
//!
//! [`robots`] fetches and classifies `robots.txt`; [`page`] fetches pages and sums them up.

mod error;
mod exchange;
mod follow;
pub mod page;
mod request;
mod response;
pub mod robots;
mod tls;

pub use crate::connect::{ConnectError, dial};
pub use crate::handshake::InvalidTls;
pub use error::{ExchangeError, Malformed};
pub use exchange::{ExchangeOptions, Scheme, get};
pub use request::Request;
pub use response::{Body, Coding, Head, Limits, Progress, Response, ResponseDecoder};
pub use tls::{Tls, TlsPolicy};
