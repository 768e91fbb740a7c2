//! Whether a name has an answer of its own, or that of all names beside it.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use scanners::resolve::{DnsOutcome, DnsRecord, Resolver};
use scanners::scope::{Name, Scope};
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout_at};

use super::probe::LocalFailure;

/// What a name has to do with the wildcard of the zone above it (RFC 4592).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Wildcard {
    /// There is none: a name beside this one that nobody made does not exist.
    Absent,
    /// There is one, and this name has another answer.
    Other,
    /// The answer is that of the wildcard: the same first alias, or the same addresses without
    /// one. Nothing says that anybody made this name.
    Same,
}

/// Asks for one name that nobody made, under each parent, once.
#[derive(Debug, Default)]
pub(super) struct Wildcards(Mutex<HashMap<Name, Arc<OnceCell<Stranger>>>>);

/// What becomes of a name that nobody made.
#[derive(Debug)]
enum Stranger {
    /// It does not exist.
    Absent,
    /// It has an answer.
    Answered(DnsRecord),
    /// It may not be asked for, or the servers failed or were silent.
    Unknown,
}

impl Wildcards {
    /// Most parents of one attempt, so that a list of names without a parent in common costs no
    /// more than that many questions. Of names under others nothing is said.
    const MAX_PARENTS: usize = 10_000;

    /// What the name of `seen` has to do with a wildcard, by the time `until`; `None` if it has no
    /// parent in scope, or nothing could be learned.
    ///
    /// With less than `least` left this name does not ask: it took so long itself that the question
    /// would hardly be answered, and whoever asks asks for all names beside it.
    ///
    /// # Errors
    ///
    /// [`LocalFailure`] if this machine could not ask.
    pub(super) async fn judge(
        &self,
        scope: &Scope,
        resolver: &Resolver,
        seen: &DnsRecord,
        (until, least): (Instant, Duration),
    ) -> Result<Option<Wildcard>, LocalFailure> {
        let exists = matches!(
            seen.outcome,
            DnsOutcome::Found | DnsOutcome::NoData | DnsOutcome::Dangling | DnsOutcome::OutOfScope
        );
        let Some(parent) = parent(&seen.name).filter(|_| exists) else {
            return Ok(None);
        };
        let Some(stranger) = self.of(&parent) else {
            return Ok(None);
        };
        let may_ask = until.saturating_duration_since(Instant::now()) >= least;
        let stranger = match stranger.get() {
            None if may_ask => {
                // Silence is an answer for all of them: each would wait for it as long.
                let question = async || {
                    let asked = timeout_at(until, ask(scope, resolver, &parent)).await;
                    asked.unwrap_or(Ok(Stranger::Unknown))
                };
                // Who waits for another's question has an end of its own.
                let Ok(asked) = timeout_at(until, stranger.get_or_try_init(question)).await else {
                    return Ok(None);
                };
                asked?
            }
            // Nor does it wait for another's question, which may take all of the time that is left.
            None => return Ok(None),
            Some(stranger) => stranger,
        };
        Ok(match stranger {
            Stranger::Unknown => None,
            Stranger::Absent => Some(Wildcard::Absent),
            Stranger::Answered(wildcard) => compare(wildcard, seen),
        })
    }

    fn of(&self, parent: &Name) -> Option<Arc<OnceCell<Stranger>>> {
        // Whole between any two statements, so a panic elsewhere does not matter.
        let mut parents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stranger) = parents.get(parent) {
            return Some(Arc::clone(stranger));
        }
        (parents.len() < Self::MAX_PARENTS)
            .then(|| Arc::clone(parents.entry(parent.clone()).or_default()))
    }
}

/// The name without its first label.
pub(super) fn parent(name: &Name) -> Option<Name> {
    let (_, parent) = name.as_str().split_once('.')?;
    parent.parse().ok()
}

async fn ask(scope: &Scope, resolver: &Resolver, parent: &Name) -> Result<Stranger, LocalFailure> {
    // No name that anybody has, nor one that a cache on the way has kept.
    let label = RandomState::new().build_hasher().finish();
    let Ok(name) = scope.admit_name(&format!("x{label:016x}.{parent}")) else {
        return Ok(Stranger::Unknown);
    };
    let seen = resolver.lookup(scope, &name).await;
    match seen.outcome {
        DnsOutcome::NoSuchName => Ok(Stranger::Absent),
        DnsOutcome::LocalFailure => Err(LocalFailure(seen.detail.unwrap_or_default())),
        DnsOutcome::Timeout | DnsOutcome::ServerFailure => Ok(Stranger::Unknown),
        _ => Ok(Stranger::Answered(seen)),
    }
}

/// What `seen` has to do with the answer of a wildcard.
fn compare(wildcard: &DnsRecord, seen: &DnsRecord) -> Option<Wildcard> {
    let is_whole = |record: &DnsRecord| !record.partial && !record.cut;
    if is_same(wildcard, seen) {
        return Some(Wildcard::Same);
    }
    // What was not heard of one may be all in which they differ.
    (is_whole(wildcard) && is_whole(seen)).then_some(Wildcard::Other)
}

fn is_same(wildcard: &DnsRecord, seen: &DnsRecord) -> bool {
    if let (Some(one), Some(other)) = (wildcard.aliases.first(), seen.aliases.first()) {
        return one == other;
    }
    let addresses = |record: &DnsRecord| {
        let mut addresses = record.addresses.clone();
        addresses.sort_unstable();
        addresses
    };
    wildcard.aliases.len() == seen.aliases.len()
        && wildcard.outcome == seen.outcome
        && wildcard.refused == seen.refused
        && addresses(wildcard) == addresses(seen)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};
    use tokio::net::UdpSocket;

    use super::*;

    /// The names that were drawn and asked for, of all queries so far.
    async fn asked_of(server: &UdpSocket) -> usize {
        let mut labels = BTreeSet::new();
        let mut query = [0; 512];
        server.readable().await.unwrap();
        while server.try_recv(&mut query).is_ok() {
            // The first label of the question, behind the header and its own length.
            labels.insert(query[13..30].to_vec());
        }
        labels.len()
    }

    #[tokio::test]
    async fn a_question_that_nobody_answers_is_asked_once_for_all_names_of_a_zone() {
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let resolver = Resolver::at(silent.local_addr().unwrap()).unwrap();
        let scope = Scope::builder().allow_domain("example").build().unwrap();
        let wildcards = Wildcards::default();
        let judge = async |name: String, time: Duration| {
            let record = json!({"name": name, "outcome": "no_data", "millis": 1});
            let seen = serde_json::from_value(record).unwrap();
            let time = (Instant::now() + time, Duration::from_millis(100));
            wildcards.judge(&scope, &resolver, &seen, time).await
        };
        // One that took long leaves the question to the next.
        assert_eq!(
            judge("slow.example".to_owned(), Duration::ZERO).await,
            Ok(None)
        );
        for n in 0..3 {
            let name = format!("n{n}.example");
            assert_eq!(judge(name, Duration::from_millis(200)).await, Ok(None));
        }
        assert_eq!(asked_of(&silent).await, 1);
    }

    #[test]
    fn an_answer_that_is_not_whole_is_not_told_from_that_of_a_wildcard() {
        let record = |addresses: &[&str], not_whole: Option<&str>| {
            let mut record = json!({
                "name": "a.example", "outcome": "found", "addresses": addresses, "millis": 1,
            });
            if let Some(why) = not_whole {
                record[why] = Value::Bool(true);
            }
            serde_json::from_value::<DnsRecord>(record).unwrap()
        };
        let (one, both) = (&["192.0.2.1"][..], &["192.0.2.1", "2001:db8::1"][..]);
        let whole = |addresses| record(addresses, None);
        assert_eq!(compare(&whole(both), &whole(both)), Some(Wildcard::Same));
        assert_eq!(compare(&whole(both), &whole(one)), Some(Wildcard::Other));
        for why in ["partial", "cut"] {
            let part = || record(one, Some(why));
            assert_eq!(compare(&whole(both), &part()), None, "{why}");
            assert_eq!(compare(&part(), &whole(both)), None, "{why}");
            assert_eq!(compare(&part(), &part()), Some(Wildcard::Same), "{why}");
        }
    }
}
