//! Documents.

use scanners::scope::Name;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use task_core::recon::{Field, MAX_KEY_BYTES, Model};

/// What a URL has given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebDocument {
    /// The URL that was asked for. One that is longer than a key may be is known by its first part
    /// and its hash.
    pub url: String,
    /// The name in it, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<Name>,
    /// The key of the [`Endpoint`](super::Endpoint) that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The class of what came, in the words of whoever asked: `rules`, `timeout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// The status of the last response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The title of the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its media type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Bytes of the body, decoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// SHA-256 of the body, decoded, in lower-case hex: tells whether it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Where it was redirected to in the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_to: Option<String>,
}

impl Model for WebDocument {
    const NAME: &'static str = "web_document";
    const FIELDS: &'static [Field] = &[
        Field::text("url"),
        Field::text("domain").refers_to("domain"),
        Field::text("endpoint").refers_to("endpoint"),
        Field::text("outcome"),
        Field::integer("status"),
        Field::text("title"),
        Field::text("content_type"),
        Field::integer("length"),
        Field::text("sha256"),
        Field::text("redirect_to"),
    ];

    fn key(&self) -> String {
        bounded(self.url.clone())
    }

    fn check(&self) -> Result<(), String> {
        match self.url.split_once("://") {
            Some((scheme, rest)) if !scheme.is_empty() && !rest.is_empty() => Ok(()),
            _ => Err("url: must have a scheme and a host, as in `https://example.com/`".to_owned()),
        }
    }
}

/// A text that is short enough for a key: itself, or its first part and its hash.
pub(super) fn bounded(mut text: String) -> String {
    if text.len() <= MAX_KEY_BYTES {
        return text;
    }
    let hash = Sha256::digest(&text);
    // 64 digits of the hash and a mark that stands in neither URLs nor names.
    text.truncate(text.floor_char_boundary(MAX_KEY_BYTES - 65));
    text.push('\\');
    for byte in hash {
        use std::fmt::Write as _;
        let _ = write!(text, "{byte:02x}");
    }
    text
}
