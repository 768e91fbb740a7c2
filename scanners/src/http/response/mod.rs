//! The response, decoded from bytes as they come.

mod body;
mod chunked;
mod coding;
mod decoder;
mod head;

pub use coding::Coding;
pub use decoder::{Progress, ResponseDecoder};
pub use head::Head;

/// Caps on what is read of a response.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the head, interim responses included.
    pub head: usize,
    /// Headers of one response. At most 128.
    pub headers: usize,
    /// Bytes of the body after decoding. What is beyond is not read.
    pub body: usize,
}

impl Default for Limits {
    /// 64 KiB of head, 128 headers, and 512,000 bytes (500 KiB, RFC 9309 §2.5) of body.
    fn default() -> Self {
        Self {
            head: 64 * 1024,
            headers: head::MAX_HEADERS,
            body: 512_000,
        }
    }
}

/// A response as far as it was read.
#[derive(Clone, Debug)]
pub struct Response {
    /// Status and the headers that matter.
    pub head: Head,
    /// The body.
    pub body: Body,
}

/// A body as far as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    /// The decoded bytes, at most [`Limits::body`] of them.
    pub bytes: Vec<u8>,
    /// The peer had more than the cap.
    pub truncated: bool,
    /// The connection ended before the body did.
    pub cut: bool,
}
