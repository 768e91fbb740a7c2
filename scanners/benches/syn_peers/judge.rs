//! What a tool found, held against what is known.

use std::net::Ipv4Addr;
use std::path::Path;

use lab::bed::{Bed, Fate};

use crate::Failure;
use crate::tool::{PORTS, TARGETS, Tool};

/// The first address, and how many there are.
const FIRST: u32 = 0xc612_0000;
const ADDRESSES: u32 = 1 << 17;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) right: u64,
    pub(crate) missed: u64,
    pub(crate) invented: u64,
    pub(crate) twice: u64,
}

impl Verdict {
    /// Whether nothing is missing or invented. The others may miss one in ten thousand: ZMap misses
    /// a few of each of its ten runs at any rate, and would otherwise have none to be compared by.
    pub(crate) fn is_clean(&self, tool: Tool) -> bool {
        let allowed = match tool {
            Tool::Sortie | Tool::SortieDriver => 0,
            Tool::Masscan | Tool::Zmap => (self.right + self.missed) / 10_000,
        };
        self.missed <= allowed && self.invented == 0
    }
}

/// Reads what `tool` wrote to `out`.
pub(crate) fn judge(bed: &Bed, tool: Tool, out: &Path) -> Result<Verdict, Failure> {
    let mut found = vec![false; TARGETS as usize];
    let mut verdict = Verdict::default();
    let files = match tool {
        Tool::Zmap => PORTS
            .map(|port| out.with_extension(port.to_string()))
            .collect(),
        _ => vec![out.to_owned()],
    };
    for file in files {
        for line in std::fs::read_to_string(file)?.lines() {
            let Some((addr, port)) = read(tool, line) else {
                continue;
            };
            let open = bed.fate(addr.into(), port) == Some(Fate::Open);
            match number(addr, port).and_then(|number| found.get_mut(number)) {
                Some(there) if open && !*there => *there = true,
                Some(_) if open => verdict.twice += 1,
                _ => verdict.invented += 1,
            }
        }
    }
    let expected = all().filter(|&(addr, port)| bed.fate(addr.into(), port) == Some(Fate::Open));
    verdict.right = found.iter().filter(|found| **found).count() as u64;
    verdict.missed = expected.count() as u64 - verdict.right;
    Ok(verdict)
}

fn read(tool: Tool, line: &str) -> Option<(Ipv4Addr, u16)> {
    let (addr, port) = match tool {
        Tool::Sortie | Tool::SortieDriver => line.split_once(' ')?,
        Tool::Zmap => line.split_once(',')?,
        // open tcp 80 198.18.0.1 1700000000
        Tool::Masscan => {
            let mut words = line.strip_prefix("open tcp ")?.split(' ');
            let port = words.next()?;
            (words.next()?, port)
        }
    };
    Some((addr.parse().ok()?, port.parse().ok()?))
}

fn number(addr: Ipv4Addr, port: u16) -> Option<usize> {
    let host = addr
        .to_bits()
        .checked_sub(FIRST)
        .filter(|host| *host < ADDRESSES)?;
    let port = PORTS.contains(&port).then(|| port - PORTS.start())?;
    Some(host as usize * 10 + usize::from(port))
}

fn all() -> impl Iterator<Item = (Ipv4Addr, u16)> {
    (0..ADDRESSES).flat_map(|host| PORTS.map(move |port| (Ipv4Addr::from_bits(FIRST + host), port)))
}
