//! Scope, and the scanners of Sortie.
//!
//! Everything here is usable alone and knows nothing of tasks. The first thing to build is a
//! [`scope::Scope`]: it alone mints [`scope::InScope`] values, and the scanners take nothing else,
//! so a name or an address that nobody allowed cannot reach a socket.
//!
//! | module | what it does | feature |
//! |---|---|---|
//! | [`scope`] | which names and addresses may be touched | always |
//! | `output` | what was found as NDJSON, and the run as a document | `packet` |
//! | `wire` | views of packets that come, templates of those that go | `packet` |
//! | `target` | sets of addresses and ports, in an order that follows from a seed | `packet` |
//! | `engine` | runs a probe over targets: rate, passes, loss, checkpoints | `packet` |
//! | `probe` | what is sent to a target, and how its answer is known | `packet` |
//! | `syn` | the SYN scanner; begins with a scan in 20 lines | `packet` |
//! | `connect` | the same question by ordinary connections, without privilege | `connect` |
//! | `link` | raw frames out and in: a real interface, or a simulated network in memory | `packet` |
//! | `resolve` | names to addresses that the scope admits | `resolve` |
//! | `tls` | which certificates ports present | `tls` |
//! | `http` | a small HTTP/1.1 client with caps on everything, and robots.txt and pages on top of it | `http` |
//!
//! With the feature `schema`, names, scopes and records are `schemars::JsonSchema`.
//!
//! ```
//! use sortie_scanners::scope::Scope;
//!
//! let scope = Scope::builder().allow_domain("example.com").build()?;
//! let name = scope.admit_name("www.example.com")?;
//! assert!(scope.admit_addr(&name, "93.184.216.34".parse()?).is_ok());
//! // A name in scope does not open the machine's own network to whoever runs its DNS.
//! assert!(scope.admit_addr(&name, "169.254.169.254".parse()?).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
// Two files alone allow it, both named `sys.rs` and both under `link/af_packet`: the system calls of
// packet(7), and those of bpf(2).
#![deny(unsafe_code)]

#[cfg(feature = "connect")]
pub mod connect;
#[cfg(feature = "packet")]
pub mod engine;
#[cfg(any(feature = "http", feature = "tls"))]
mod handshake;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "packet")]
pub mod link;
#[cfg(any(feature = "connect", feature = "resolve"))]
mod local;
#[cfg(feature = "packet")]
pub mod output;
#[cfg(feature = "packet")]
pub mod probe;
#[cfg(feature = "resolve")]
pub mod resolve;
pub mod scope;
#[cfg(feature = "packet")]
pub mod syn;
#[cfg(feature = "packet")]
pub mod target;
#[cfg(any(feature = "http", feature = "tls"))]
mod text;
#[cfg(feature = "tls")]
pub mod tls;
#[cfg(feature = "packet")]
pub mod wire;
