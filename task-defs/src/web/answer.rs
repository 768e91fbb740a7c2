//! An answer whose body comes in pieces, up to a cap.

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::{HeaderMap, StatusCode};
use tokio::task::AbortHandle;

use super::error::WebError;

/// The head of an answer, and its body as far as it has not been read. Dropping it ends the
/// connection.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Bytes of the body so far.
    pub(crate) read: u64,
    body: Incoming,
    _connection: Connection,
}

/// The task that drives the connection.
#[derive(Debug)]
pub(super) struct Connection(pub(super) AbortHandle);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Answer {
    pub(super) fn new(response: hyper::Response<Incoming>, connection: Connection) -> Self {
        let (head, body) = response.into_parts();
        Self {
            status: head.status,
            headers: head.headers,
            read: 0,
            body,
            _connection: connection,
        }
    }

    /// The next piece of the body, or `None` at its end. The first `limit` bytes come, whatever is
    /// behind them; then an error, if there is more.
    pub(crate) async fn chunk(&mut self, limit: u64) -> Result<Option<Bytes>, WebError> {
        while self.read <= limit {
            let Some(frame) = self.body.frame().await else {
                return Ok(None);
            };
            // Trailers are of no interest.
            let Ok(mut data) = frame?.into_data() else {
                continue;
            };
            let room = usize::try_from(limit - self.read).unwrap_or(usize::MAX);
            self.read = self.read.saturating_add(data.len() as u64);
            if room > 0 {
                data.truncate(room);
                return Ok(Some(data));
            }
        }
        Err(WebError::TooLarge { limit })
    }

    /// The first `limit` bytes of the body, or what comes of them: for the text of an error.
    pub(crate) async fn beginning(&mut self, limit: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < limit
            && let Ok(Some(chunk)) = self.chunk(u64::MAX).await
        {
            let room = limit - bytes.len();
            bytes.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        }
        bytes
    }

    /// A header as text, if it is there and is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
