//! A list of targets in memory.

use std::hash::{BuildHasher as _, RandomState};

use hashbrown::HashTable;
use scanners::scope::{Name, ScopeSpec};
use serde::{Deserialize, Serialize};

use super::targets::TargetsError;

/// Names without duplicates, in the order in which they came. A name costs its own bytes plus
/// four. Made by [`Targets::parse`](super::Targets::parse).
#[derive(Clone, Debug, Default)]
pub struct TargetList {
    /// The names end to end.
    text: String,
    /// Where each of them ends.
    ends: Vec<u32>,
    counts: TargetCounts,
}

/// What a list was made of: `lines` = `names` + `duplicates` + `blank`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TargetCounts {
    /// Lines read.
    pub lines: u64,
    /// Names that are scanned, each once.
    pub names: u64,
    /// Names among them that are no host names. Nothing is sent for them; their outcome is
    /// `invalid_name`.
    pub malformed: u64,
    /// Lines that name what an earlier line named, after normalisation.
    pub duplicates: u64,
    /// Blank lines and comments.
    pub blank: u64,
}

impl TargetList {
    /// How many names there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no name.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The name at `index`, if there are so many.
    pub fn get(&self, index: usize) -> Option<&str> {
        slice(&self.text, &self.ends, index)
    }

    /// All names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// What the list was made of.
    pub fn counts(&self) -> TargetCounts {
        self.counts
    }

    /// The list as a scope: every name in it and its twin with or without `www.`, which is where
    /// most redirects lead, and nothing else.
    ///
    /// Names under a listed one are left out: what lies under `github.io` belongs to others. Add
    /// to the result as you see fit, or take
    /// [`scope_with_subdomains`](Self::scope_with_subdomains).
    pub fn scope(&self) -> ScopeSpec {
        let twin = |name: &str| match name.strip_prefix("www.") {
            Some(bare) => bare.to_owned(),
            None => format!("www.{name}"),
        };
        let valid = |name: &String| Name::parse(name).is_ok();
        let names = self
            .valid_names()
            .flat_map(|name| [name.to_owned(), twin(name)]);
        ScopeSpec {
            allow_names: names.filter(valid).collect(),
            ..ScopeSpec::default()
        }
    }

    /// The list as a scope: every name in it, with everything that lies under it. For lists of
    /// domains that are yours as a whole.
    pub fn scope_with_subdomains(&self) -> ScopeSpec {
        let domains = self.valid_names().map(str::to_owned).collect();
        ScopeSpec {
            allow_domains: domains,
            ..ScopeSpec::default()
        }
    }

    fn valid_names(&self) -> impl Iterator<Item = &str> {
        self.names().filter(|name| Name::parse(name).is_ok())
    }
}

/// Makes a list line by line.
#[derive(Debug, Default)]
pub(super) struct ListBuilder {
    list: TargetList,
    /// Indices of names, by the hash of the name; keyed, so that no list can make it slow.
    seen: HashTable<u32>,
    hasher: RandomState,
}

impl ListBuilder {
    /// Lines so far.
    pub(super) fn lines(&self) -> u64 {
        self.list.counts.lines
    }

    /// Takes one line, with or without its line break.
    pub(super) fn push(&mut self, line: &str) -> Result<(), TargetsError> {
        self.list.counts.lines += 1;
        let raw = name_in(line);
        if raw.is_empty() || raw.starts_with('#') {
            self.list.counts.blank += 1;
            return Ok(());
        }
        match Name::parse(raw) {
            Ok(name) => self.insert(name.as_str(), 0),
            Err(_) => self.insert(raw, 1),
        }
    }

    pub(super) fn finish(self) -> TargetList {
        self.list
    }

    fn insert(&mut self, name: &str, malformed: u64) -> Result<(), TargetsError> {
        let Self { list, seen, hasher } = self;
        let TargetList { text, ends, counts } = list;
        let name_at = |index: u32| slice(text, ends, index as usize);
        let hash = hasher.hash_one(name);
        if seen
            .find(hash, |&index| name_at(index) == Some(name))
            .is_some()
        {
            counts.duplicates += 1;
            return Ok(());
        }
        let end = u32::try_from(text.len() + name.len()).map_err(|_| TargetsError::TooMany)?;
        // Cannot fail: there are no more names than bytes.
        let index = u32::try_from(ends.len()).map_err(|_| TargetsError::TooMany)?;
        seen.insert_unique(hash, index, |&index| {
            hasher.hash_one(name_at(index).unwrap_or(""))
        });
        text.push_str(name);
        ends.push(end);
        counts.names += 1;
        counts.malformed += malformed;
        Ok(())
    }
}

fn slice<'a>(text: &'a str, ends: &[u32], index: usize) -> Option<&'a str> {
    let end = *ends.get(index)?;
    let start = match index.checked_sub(1) {
        Some(before) => *ends.get(before)?,
        None => 0,
    };
    text.get(start as usize..end as usize)
}

/// The name in a line: all of it, or what follows the rank in a line like `1,google.com`.
fn name_in(line: &str) -> &str {
    let line = line.trim();
    match line.split_once(',') {
        Some((rank, name)) if !rank.is_empty() && rank.bytes().all(|b| b.is_ascii_digit()) => {
            name.trim()
        }
        _ => line,
    }
}
