//! The client of a worker, made when it is first needed.

use std::sync::{Mutex, PoisonError};

use super::client::WebClient;
use super::error::WebError;

/// A client that believes Mozilla's roots and those that it was told of.
#[derive(Default)]
pub(crate) struct LazyClient {
    trusted: Vec<Vec<u8>>,
    made: Mutex<Option<WebClient>>,
}

impl LazyClient {
    /// Believes this authority, too: a certificate, DER.
    pub(crate) fn trust(&mut self, der: Vec<u8>) {
        self.trusted.push(der);
    }

    pub(crate) fn get(&self) -> Result<WebClient, WebError> {
        // Whole between any two statements, so a panic elsewhere does not matter.
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = &*made {
            return Ok(client.clone());
        }
        let client = WebClient::new(&self.trusted)?;
        *made = Some(client.clone());
        Ok(client)
    }
}
