//! What all servers of one lab share.

use std::time::Duration;

use crate::mix::Mix;
use crate::stats::Counters;

/// The state behind one running lab.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) mix: Mix,
    pub(crate) http_port: u16,
    pub(crate) https_port: u16,
    /// No connection is kept for longer.
    pub(crate) connection_limit: Duration,
    pub(crate) drip_interval: Duration,
    pub(crate) counters: Counters,
}

impl World {
    pub(crate) fn port(&self, secure: bool) -> u16 {
        if secure {
            self.https_port
        } else {
            self.http_port
        }
    }
}
