//! Pages: asked for, followed to where they are, and summed up.
//!
//! A [`PageFetcher`] turns a URL into a [`PageRecord`], whatever happens: what goes wrong is an
//! outcome, not an error. The record tells what the page is called and whether it changed, and does
//! not keep it. [`title`] is the reader of titles, for who has the page already.
//!
//! ```
//! use sortie_scanners::http::Tls;
//! use sortie_scanners::http::page::{PageConfig, PageFetcher, PageOutcome};
//! use sortie_scanners::resolve::Resolver;
//! use sortie_scanners::scope::Scope;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let scope = Scope::builder().allow_domain("example.com").build()?;
//! let (resolver, tls) = (Resolver::fixed([]), Tls::observing()?);
//! let fetcher = PageFetcher::new(PageConfig::default(), scope, resolver, tls);
//!
//! let record = fetcher.fetch("https://www.example.com/").await;
//! assert_eq!(record.outcome, PageOutcome::NoSuchName);
//! let record = fetcher.fetch("http://169.254.169.254/latest/meta-data/").await;
//! assert_eq!(record.outcome, PageOutcome::OutOfScope);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod charset;
mod config;
mod end;
mod entities;
mod fetcher;
mod outcome;
mod record;
mod title;

pub use config::PageConfig;
pub use fetcher::PageFetcher;
pub use outcome::PageOutcome;
pub use record::PageRecord;
pub use title::title;
