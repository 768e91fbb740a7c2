//! The trait for a source.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::SourceError;
use super::failure::{ErrorAnswer, Failure};
use super::findings::Findings;
use super::request::{ApiKey, PageRequest};

/// A public API that knows names, certificates or endpoints, as the shapes of its requests and
/// answers. [`Fetch`](super::Fetch) makes a task of it and does the rest: keys, pages, time, caps,
/// rate limits, failures.
///
/// An answer is a JSON document with one array of items. Items are handed to
/// [`item`](Self::item) one by one as they come, so an answer of any length costs the memory of
/// one item; what surrounds the array goes to [`next`](Self::next).
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use sortie_task_defs::source::{Fetch, Findings, Failure, PageRequest, Source};
///
/// /// The names that a passive DNS service knows under a domain, a hundred a page.
/// #[derive(Serialize, Deserialize)]
/// struct Passive { domain: String }
///
/// #[derive(Deserialize)]
/// struct Row { host: String }
///
/// #[derive(Deserialize)]
/// struct Around { more: bool }
///
/// impl Source for Passive {
///     const KIND: &'static str = "source.passive";
///     const BASE_URL: &'static str = "https://passive.example/api";
///     const ITEMS: &'static [&'static str] = &["data", "rows"];
///     type Page = u32;
///     type Item = Row;
///     type Rest = Around;
///
///     fn request(&self, page: &u32) -> PageRequest {
///         PageRequest::get("/names").query("domain", &self.domain).query("offset", 100 * page)
///     }
///
///     fn item(&self, row: Row, found: &mut Findings) {
///         found.domain(&row.host);
///     }
///
///     fn next(&self, page: &u32, around: Around, _items: u64) -> Result<Option<u32>, Failure> {
///         Ok(around.more.then_some(page + 1))
///     }
/// }
///
/// let task = Fetch::new(Passive { domain: "example.com".to_owned() });
/// let registry = task_core::registry![External: Fetch<Passive>];
/// assert!(registry.get("source.passive").is_some());
/// assert_eq!(task.query.request(&1).target(), "/names?domain=example.com&offset=100");
/// ```
pub trait Source: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The kind of its task. Also names the environment variable that overrides
    /// [`BASE_URL`](Self::BASE_URL): for `source.crtsh` it is `SORTIE_SOURCE_CRTSH_URL`.
    const KIND: &'static str;

    /// Where the API is: https, or http to a loopback address.
    const BASE_URL: &'static str;

    /// The key that it wants, if any.
    const KEY: Option<ApiKey> = None;

    /// The keys that lead to the array of items; none if the document is the array itself.
    const ITEMS: &'static [&'static str];

    /// Least time between two requests of one worker, for all its tasks together.
    const PACE: Duration = Duration::ZERO;

    /// What tells pages apart. The first page is the default.
    type Page: Default + Serialize + DeserializeOwned + Send + Sync;

    /// An item of the array. One that does not decode fails the task: a shape that changed must
    /// be noticed. Make optional what may be absent.
    type Item: DeserializeOwned;

    /// The document with the array emptied. [`serde::de::IgnoredAny`] if nothing else is of
    /// interest.
    type Rest: DeserializeOwned;

    /// Checks the payload before anything is sent.
    ///
    /// # Errors
    ///
    /// [`SourceError::Invalid`] for a field that no request can be made of.
    fn check(&self) -> Result<(), SourceError> {
        Ok(())
    }

    /// The request for a page.
    fn request(&self, page: &Self::Page) -> PageRequest;

    /// Takes what is of interest in an item.
    fn item(&self, item: Self::Item, found: &mut Findings);

    /// The page after `page`, which had this many `items`, or `None` if it was the last.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the document was the source's way to say that something went wrong, in
    /// spite of its status.
    fn next(
        &self,
        page: &Self::Page,
        rest: Self::Rest,
        items: u64,
    ) -> Result<Option<Self::Page>, Failure>;

    /// What an answer of a status other than 2xx means.
    fn failure(&self, answer: &ErrorAnswer<'_>) -> Failure {
        Failure::by_status(answer)
    }
}
