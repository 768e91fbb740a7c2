//! The description of a running lab: one line of JSON from its process to those who scan it.

use std::io::BufRead;
use std::net::SocketAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::error::LabError;
use crate::mix::Mix;
use crate::truth::Truth;

/// All that a scanner needs to know of a lab in another process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabInfo {
    /// The DNS server, UDP and TCP.
    pub resolver: SocketAddr,
    /// The search of certificate transparency logs, over http.
    pub ct: SocketAddr,
    /// The port of all http servers.
    pub http_port: u16,
    /// The port of all https servers.
    pub https_port: u16,
    /// The nets that a scanner must allow by name, and no others.
    pub scope_nets: Vec<IpNet>,
    /// The certificate of the lab's authority: DER, in hexadecimal.
    pub ca: String,
    /// The mix of behaviours.
    pub mix: Mix,
    /// The process of the lab.
    pub pid: u32,
}

impl LabInfo {
    /// Reads the line that the `lab` program prints first.
    pub fn read(from: &mut impl BufRead) -> Result<Self, LabError> {
        let mut line = String::new();
        from.read_line(&mut line).map_err(serde_json::Error::io)?;
        Self::parse(&line)
    }

    /// The description in `line`.
    pub fn parse(line: &str) -> Result<Self, LabError> {
        Ok(serde_json::from_str(line)?)
    }

    /// The right answer for `name` in that lab.
    pub fn truth(&self, name: &str) -> Truth {
        Truth::in_mix(name, &self.mix)
    }

    /// The certificate of the lab's authority as DER; none if what stands there is no hexadecimal.
    pub fn ca_der(&self) -> Option<Vec<u8>> {
        let digits = self.ca.as_bytes().chunks(2);
        digits
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect()
    }
}
