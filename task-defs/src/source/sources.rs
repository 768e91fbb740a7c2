//! What a worker knows of its sources: keys, base URLs, and when each may be asked again.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use task_core::Timestamp;
use url::form_urlencoded;

use super::error::SourceError;
use super::request::{ApiKey, KeyPlace, PageRequest};
use super::source::Source;
use crate::web::{LazyClient, Service};

/// The worker's own settings for sources, a resource of the worker
/// ([`Resources`](task_core::Resources)). Without one, everything comes from the environment.
///
/// What decides where a key goes is never in a payload: base URLs and keys are the worker's.
///
/// ```
/// use sortie_task_defs::source::Sources;
///
/// let sources = Sources::new()
///     .base_url("source.crtsh", "http://127.0.0.1:8080")
///     .key("SHODAN_API_KEY", "not so secret");
/// assert!(!format!("{sources:?}").contains("secret"));
/// ```
#[derive(Default)]
pub struct Sources {
    base_urls: BTreeMap<String, String>,
    keys: BTreeMap<String, SecretString>,
    pub(super) client: LazyClient,
    next: Mutex<HashMap<&'static str, Timestamp>>,
}

impl Sources {
    /// All from the environment: keys by the name that each source gives
    /// ([`ApiKey::env`]), base URLs as [`Source::KIND`] says.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the source of this kind at `url` instead: https, or http to a loopback address. A URL
    /// that is none fails the tasks, with its reason.
    #[must_use]
    pub fn base_url(mut self, kind: impl Into<String>, url: impl Into<String>) -> Self {
        self.base_urls.insert(kind.into(), url.into());
        self
    }

    /// The key to use in place of the environment variable `env`.
    #[must_use]
    pub fn key(mut self, env: impl Into<String>, key: impl Into<SecretString>) -> Self {
        self.keys.insert(env.into(), key.into());
        self
    }

    /// Believes this authority, too: a certificate, DER. For a lab, or a proxy that opens TLS.
    #[must_use]
    pub fn trust(mut self, der: impl Into<Vec<u8>>) -> Self {
        self.client.trust(der.into());
        self
    }

    /// Where the source is, and nothing else that may be reached for it.
    pub(super) fn service<S: Source>(&self) -> Result<Service, SourceError> {
        let env = format!(
            "SORTIE_{}_URL",
            S::KIND.replace('.', "_").to_ascii_uppercase()
        );
        let (url, from) = match (self.base_urls.get(S::KIND), std::env::var(&env)) {
            (Some(url), _) => (url.clone(), "Sources::base_url".to_owned()),
            (None, Ok(url)) => (url, env),
            (None, Err(_)) => (S::BASE_URL.to_owned(), "Source::BASE_URL".to_owned()),
        };
        Service::base(&url).map_err(|error| SourceError::BaseUrl {
            kind: S::KIND,
            from,
            error,
        })
    }

    /// The key of the source, if it wants one.
    pub(super) fn credential<S: Source>(&self) -> Result<Option<Credential>, SourceError> {
        let Some(ApiKey { env, place }) = S::KEY else {
            return Ok(None);
        };
        let key = match self.keys.get(env) {
            Some(key) => key.clone(),
            None => match std::env::var(env) {
                Ok(key) => SecretString::from(key),
                Err(std::env::VarError::NotPresent) => {
                    return Err(SourceError::NoKey { kind: S::KIND, env });
                }
                Err(std::env::VarError::NotUnicode(_)) => {
                    return Err(SourceError::BadKey { kind: S::KIND, env });
                }
            },
        };
        // A key from a file often brings its line end.
        let key = SecretString::from(key.expose_secret().trim().to_owned());
        let text = key.expose_secret();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(SourceError::BadKey { kind: S::KIND, env });
        }
        Ok(Some(Credential { key, place }))
    }

    /// Takes the next turn at a source: how long to wait for it. If that is more than `may`, the
    /// turn is not taken, and the wait is the error.
    pub(super) fn turn<S: Source>(
        &self,
        now: Timestamp,
        may: Duration,
    ) -> Result<Duration, Duration> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let at = next.entry(S::KIND).or_default();
        let wait = at.since(now);
        if wait > may {
            return Err(wait);
        }
        *at = now.after(wait).after(S::PACE);
        Ok(wait)
    }

    /// Nobody's turn comes before `until`.
    pub(super) fn hold<S: Source>(&self, until: Timestamp) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let at = next.entry(S::KIND).or_default();
        *at = until.max(*at);
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("base_urls", &self.base_urls)
            .field("keys", &self.keys.keys())
            .finish_non_exhaustive()
    }
}

/// A key, and where it goes.
pub(super) struct Credential {
    key: SecretString,
    place: KeyPlace,
}

impl Credential {
    /// Adds the key to a request that has none.
    pub(super) fn sign(&self, request: PageRequest) -> PageRequest {
        match self.place {
            KeyPlace::Query(name) => request.query(name, self.key.expose_secret()),
            KeyPlace::Bearer | KeyPlace::Header(_) => request,
        }
    }

    /// The header that carries the key, if one does.
    pub(super) fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        let key = self.key.expose_secret();
        let (name, text) = match self.place {
            KeyPlace::Bearer => (AUTHORIZATION, format!("Bearer {key}")),
            KeyPlace::Header(name) => (
                HeaderName::from_bytes(name.as_bytes()).ok()?,
                key.to_owned(),
            ),
            KeyPlace::Query(_) => return None,
        };
        let mut value = HeaderValue::try_from(text).ok()?;
        value.set_sensitive(true);
        Some((name, value))
    }

    /// The text without the key: some APIs say which key they refuse.
    pub(super) fn redact(&self, text: &str) -> String {
        let key = self.key.expose_secret();
        let encoded: String = form_urlencoded::byte_serialize(key.as_bytes()).collect();
        text.replace(key, "[key]").replace(&encoded, "[key]")
    }
}
