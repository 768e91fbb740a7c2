//! The pages that sites serve: the good ones, the tiresome ones and the hostile ones.
//!
//! Whole answers, head and body, are made once and shared, so that a good answer costs one write.

mod heavy;
mod home;
mod robots;
mod wrong;

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

pub(crate) use heavy::{ENDLESS_BLOCK, GZIP_BOMB, HUGE};
pub(crate) use home::home;
pub use home::home_title;
pub(crate) use robots::rules;
pub(crate) use wrong::{BINARY, EMPTY, HTML, NO_RULES, NOT_HERE, status_page};

use crate::behaviour::Behaviour;
use crate::plan::Plan;

/// A whole answer, ready to be written, and what there is to know about its body.
pub(crate) struct Page {
    answer: Vec<u8>,
    body_at: usize,
    sha256: String,
}

impl Page {
    /// An answer of status 200 with `headers` (each ended by CRLF) and a Content-Length.
    fn ok(headers: &str, body: &[u8]) -> Self {
        Self::new("200 OK", headers, body)
    }

    fn new(status: &str, headers: &str, body: &[u8]) -> Self {
        let len = body.len();
        let mut answer =
            format!("HTTP/1.1 {status}\r\nServer: lab\r\n{headers}Content-Length: {len}\r\n\r\n")
                .into_bytes();
        let body_at = answer.len();
        answer.extend_from_slice(body);
        Self {
            answer,
            body_at,
            sha256: hex(&Sha256::digest(body)),
        }
    }

    /// Head and body.
    pub(crate) fn answer(&self) -> &[u8] {
        &self.answer
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.answer[self.body_at..]
    }

    pub(crate) fn sha256(&self) -> &str {
        &self.sha256
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// Whether the rules of a site are in a charset other than UTF-8.
fn is_odd_charset(plan: &Plan) -> bool {
    plan.behaviour == Behaviour::Charset
}
