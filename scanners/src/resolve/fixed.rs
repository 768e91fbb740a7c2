//! A table in place of a server.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::scope::Name;

use super::AddressFamily;
use super::answer::{Answer, Lack};

pub(super) struct Fixed {
    table: HashMap<Name, Vec<IpAddr>>,
}

impl Fixed {
    pub(super) fn new(table: impl IntoIterator<Item = (Name, Vec<IpAddr>)>) -> Self {
        Self {
            table: table.into_iter().collect(),
        }
    }

    pub(super) fn lookup(&self, name: &Name, family: AddressFamily) -> Answer {
        let Some(addrs) = self.table.get(name) else {
            return Answer {
                lack: Lack::NoSuchName,
                ..Answer::default()
            };
        };
        let asked_for = |addr: &&IpAddr| match family {
            AddressFamily::V4 => addr.is_ipv4(),
            AddressFamily::V6 => addr.is_ipv6(),
            AddressFamily::V4ThenV6 | AddressFamily::Both => true,
        };
        Answer {
            addrs: addrs.iter().filter(asked_for).copied().collect(),
            ..Answer::default()
        }
    }
}
