//! A small Internet on one machine, with known answers: what examples, tests and benches scan.
//!
//! The lab is a DNS server that knows every name, a search of certificate transparency logs that
//! knows the names under any domain ([`ct_names`]), and web servers on addresses of 127.0.0.0/8 that
//! behave as the real ones do: most are good, some are broken, a few are hostile. How a site
//! behaves is drawn from a hash of its name, so the right answer for any name is known without
//! asking anybody: that is its [`Truth`].
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), sortie_lab::LabError> {
//! use sortie_lab::{Lab, LabConfig};
//!
//! let lab = Lab::start(LabConfig::default()).await?;
//! for name in lab.names(0..3) {
//!     println!("{name}: expect {}", lab.truth(&name).outcome);
//! }
//! // … scan the names through lab.resolver(), lab.http_port() and lab.https_port() …
//! assert_eq!(lab.forbidden_hits(), 0);
//! lab.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! | address | what happens there |
//! |---|---|
//! | 127.77.0.1–4 | http and https |
//! | 127.77.0.11–14 | http; https is refused |
//! | 127.77.0.20 | both ports are refused |
//! | 127.77.0.21 | http; garbage instead of a TLS handshake |
//! | 127.77.0.22 | connections are accepted and never answered |
//! | 127.77.0.23 | connections are reset |
//! | 127.77.0.24 | SYNs are dropped |
//! | 127.77.0.53 | DNS |
//! | 127.77.0.60 | a search of certificate transparency logs, on a port of its own |
//! | 127.66.6.6, 127.0.0.1, ::1 | canaries: connections are counted as forbidden |
//!
//! Sites are about robots.txt. At `/` most of them that answer have a home page with the title
//! [`home_title`]; those that block or fail do so there too.
//!
//! For raw packets there is the `bed` (Linux, root): a link with a /15 behind it, in namespaces.
//!
//! All web servers are on one pair of ephemeral ports, without privilege, on Linux. The crate depends on no other
//! of the workspace: a truth borrowed from the scanner would judge nothing.

#[cfg(target_os = "linux")]
pub mod bed;

mod addresses;
mod behaviour;
mod bind;
mod ct;
mod dns;
mod error;
mod info;
mod lab;
mod mix;
mod name;
mod pages;
mod plan;
mod sockets;
mod stats;
mod truth;
mod web;
mod world;

pub use behaviour::{Behaviour, UnknownBehaviour};
pub use ct::ct_names;
pub use error::LabError;
pub use info::LabInfo;
pub use lab::{Lab, LabConfig, LabPorts};
pub use mix::{Mix, MixError};
pub use name::{ELSEWHERE, SUFFIX, is_valid, name, names};
pub use pages::home_title;
pub use plan::CANARY;
pub use stats::Stats;
pub use truth::{BODY_CAP, BodyTruth, REDIRECT_LIMIT, Truth};
