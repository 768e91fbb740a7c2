//! What an answer that is no page means for the task.

use std::time::Duration;

use serde::Deserialize;

use crate::web::text;

/// An answer of a status other than 2xx.
#[derive(Clone, Copy, Debug)]
pub struct ErrorAnswer<'a> {
    /// The status code.
    pub status: u16,
    /// The first 16 KiB of the body.
    pub body: &'a [u8],
    /// How long the headers ask to wait: `Retry-After` in both its forms, or the reset of a rate
    /// limit.
    pub after: Option<Duration>,
}

/// What a failure means for the task.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The source is out of order for now.
    Retry {
        /// What it says.
        message: String,
        /// How long it asks to wait.
        after: Option<Duration>,
    },
    /// There were too many requests. The worker's other tasks wait as well.
    RateLimited {
        /// What it says.
        message: String,
        /// How long it asks to wait; [`Source::PACE`](super::Source::PACE), or a minute, if it
        /// does not say.
        after: Option<Duration>,
    },
    /// Asking again is of no use: the query, the key or the account is at fault.
    Fatal {
        /// What it says.
        message: String,
    },
}

impl Failure {
    /// The usual meaning of the status codes (RFC 9110 §15, RFC 6585), with the text that the
    /// body has in one of the usual forms.
    ///
    /// | status | means |
    /// |---|---|
    /// | 429 | rate limited |
    /// | 408, 425, 500, 502, 503, 504, 520 to 530 | retry |
    /// | all others, redirects among them | fatal |
    pub fn by_status(answer: &ErrorAnswer<'_>) -> Self {
        let message = answer.message();
        let after = answer.after;
        match answer.status {
            429 => Self::RateLimited { message, after },
            408 | 425 | 500 | 502..=504 | 520..=530 => Self::Retry { message, after },
            300..=399 => Self::Fatal {
                message: "it redirects, and redirects are not followed; correct its base URL"
                    .to_owned(),
            },
            401 | 403 => Self::Fatal {
                message: format!("access denied: {message}"),
            },
            _ => Self::Fatal { message },
        }
    }
}

/// The forms in which APIs write errors. All fields are guesses.
#[derive(Deserialize)]
struct Forms {
    error: Option<serde_json::Value>,
    message: Option<serde_json::Value>,
    detail: Option<serde_json::Value>,
    title: Option<serde_json::Value>,
}

impl ErrorAnswer<'_> {
    /// What the body says, in at most 200 bytes: of JSON the field `detail`, `message`, `error` (or
    /// a `message` in it) or `title`; else its beginning.
    pub fn message(&self) -> String {
        let from_json = serde_json::from_slice::<Forms>(self.body)
            .ok()
            .and_then(|forms| {
                let inner = forms
                    .error
                    .as_ref()
                    .and_then(|error| error.get("message"))
                    .cloned();
                [forms.detail, forms.message, inner, forms.error, forms.title]
                    .into_iter()
                    .flatten()
                    .find_map(|value| value.as_str().map(str::to_owned))
            });
        let text = from_json.unwrap_or_else(|| text::beginning(self.body, MAX_MESSAGE));
        match text::clean(text) {
            Some(text) => text::cut(&text, MAX_MESSAGE).to_owned(),
            None => "(no message)".to_owned(),
        }
    }
}

const MAX_MESSAGE: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &str) -> String {
        let body = body.as_bytes();
        let answer = ErrorAnswer {
            status: 400,
            body,
            after: None,
        };
        answer.message()
    }

    #[test]
    fn the_message_is_found_in_the_usual_forms() {
        for (body, expected) in [
            (r#"{"error":"Invalid API key"}"#, "Invalid API key"),
            (r#"{"error":{"code":401,"message":"no token"}}"#, "no token"),
            (
                r#"{"title":"Bad","status":422,"detail":"at `x`"}"#,
                "at `x`",
            ),
            (r#"{"error":7,"title":"t"}"#, "t"),
            ("<html>\n  <b>busy</b>", "<html> <b>busy</b>"),
            ("{\"error\":\"a\\u0000\\nb\"}", "ab"),
            ("", "(no message)"),
            (r#"["a"]"#, r#"["a"]"#),
        ] {
            assert_eq!(message(body), expected, "{body}");
        }
        assert!(message(&"é".repeat(10_000)).len() <= 200);
    }

    #[test]
    fn the_status_decides() {
        let of = |status| {
            Failure::by_status(&ErrorAnswer {
                status,
                body: b"",
                after: Some(Duration::from_secs(3)),
            })
        };
        for status in [408, 425, 500, 502, 503, 504, 520, 525] {
            let Failure::Retry { after, .. } = of(status) else {
                panic!("{status}")
            };
            assert_eq!(after, Some(Duration::from_secs(3)));
        }
        assert!(matches!(of(429), Failure::RateLimited { .. }));
        for status in [301, 308, 400, 401, 402, 403, 404, 410, 422, 501, 505, 599] {
            assert!(matches!(of(status), Failure::Fatal { .. }), "{status}");
        }
    }
}
