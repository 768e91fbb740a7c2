//! What a page is asked for with.

use std::fmt;

use serde::Serialize;
use url::form_urlencoded;

/// The request for one page: a GET, or a POST of JSON. The key of the source is added when it is
/// sent, and goes to the source's own host and nowhere else.
///
/// ```
/// use sortie_task_defs::source::PageRequest;
///
/// let request = PageRequest::get("/v1/names").query("q", "%.example.com").query("page", 2);
/// assert_eq!(request.target(), "/v1/names?q=%25.example.com&page=2");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct PageRequest {
    target: String,
    pub(super) body: Option<Vec<u8>>,
}

impl PageRequest {
    /// A GET of `path`, which begins with `/` and lies under the base URL.
    pub fn get(path: &str) -> Self {
        Self {
            target: path.to_owned(),
            body: None,
        }
    }

    /// A POST of `body` as JSON to `path`. A body that has no JSON form is sent as `null`.
    pub fn post(path: &str, body: &impl Serialize) -> Self {
        Self {
            target: path.to_owned(),
            body: Some(serde_json::to_vec(body).unwrap_or_else(|_| b"null".to_vec())),
        }
    }

    /// With a parameter in the query, encoded.
    #[must_use]
    pub fn query(mut self, name: &str, value: impl fmt::Display) -> Self {
        let separator = if self.target.contains('?') { '&' } else { '?' };
        let pair = form_urlencoded::Serializer::new(String::new())
            .append_pair(name, &value.to_string())
            .finish();
        self.target.push(separator);
        self.target.push_str(&pair);
        self
    }

    /// The path and the query.
    pub fn target(&self) -> &str {
        &self.target
    }
}

/// Without the query and the body, since a key may have been added.
impl fmt::Debug for PageRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = if self.body.is_some() { "POST" } else { "GET" };
        let path = self.target.split('?').next().unwrap_or_default();
        write!(f, "{method} {path}")
    }
}

/// Where a source wants its key, and where a worker has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// The environment variable of the worker that holds the key.
    pub env: &'static str,
    /// Where the key goes.
    pub place: KeyPlace,
}

/// Where a key goes in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyPlace {
    /// `Authorization: Bearer …` (RFC 6750 §2.1).
    Bearer,
    /// The header of this name, in lower case.
    Header(&'static str),
    /// The parameter of this name in the query.
    Query(&'static str),
}
