//! robots.txt: fetched, classified, parsed (RFC 9309).
//!
//! A [`RobotsFetcher`] turns a name into a [`RobotsRecord`], whatever happens: what goes wrong is
//! an outcome, not an error. [`fetch_all`] does so for many names at once. [`Robots`] is the
//! parser, for who has the file already.
//!
//! ```
//! use sortie_scanners::http::robots::Robots;
//!
//! let robots = Robots::parse(b"User-agent: *\nDisallow: /private\nAllow: /private/press");
//! assert!(robots.is_allowed("sortie", "/private/press/2026"));
//! assert!(!robots.is_allowed("sortie", "/private"));
//! ```

mod batch;
mod classify;
mod config;
mod end;
mod fetcher;
mod outcome;
mod parse;
mod pattern;
mod record;
mod similar;
mod text;

pub use batch::{Batch, fetch_all};
pub use config::RobotsConfig;
pub use fetcher::RobotsFetcher;
pub use outcome::{CoarseOutcome, RobotsAccess, RobotsOutcome};
pub use parse::Robots;
pub use record::RobotsRecord;
