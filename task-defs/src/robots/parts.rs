//! Records on their way out of a scan, and the objects that take what is too much or too early.

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use task_core::ports::objects::Objects;
use task_core::{Claim, CollectionId, TaskError, TaskId};

use super::record::RobotsRecord;
use super::targets::hex;

/// JSON bytes of records that a scan holds before it puts them into objects.
pub(super) const PENDING_BYTES: usize = 8 << 20;
/// Largest part. A record has at most 500 KiB of text, which JSON makes six times as long in the
/// worst case.
pub(super) const MAX_PART_BYTES: u64 = 32 << 20;

/// Records that are in memory only.
#[derive(Debug, Default)]
pub(super) struct Pending {
    records: Vec<RobotsRecord>,
    bytes: usize,
}

impl Pending {
    pub(super) fn push(&mut self, record: RobotsRecord) {
        self.bytes += json_len_bound(&record);
        self.records.push(record);
    }

    /// Whether it is time to put them elsewhere.
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= PENDING_BYTES
    }

    /// The records, by domain.
    pub(super) fn into_sorted(mut self) -> Vec<RobotsRecord> {
        self.records
            .sort_unstable_by(|a, b| a.domain.cmp(&b.domain));
        self.records
    }

    /// The records as texts of some [`PENDING_BYTES`], sorted in each.
    pub(super) fn into_parts(self) -> Result<Vec<Vec<u8>>, serde_json::Error> {
        let mut parts = Vec::new();
        let mut part = Vec::new();
        for record in self.into_sorted() {
            serde_json::to_writer(&mut part, &record)?;
            part.push(b'\n');
            if part.len() >= PENDING_BYTES {
                parts.push(std::mem::take(&mut part));
            }
        }
        if !part.is_empty() {
            parts.push(part);
        }
        Ok(parts)
    }
}

/// Stores a part under a key made from its contents: an attempt that runs twice at the same time
/// cannot replace the other's.
pub(super) async fn store(
    part: Vec<u8>,
    collection: CollectionId,
    task: TaskId,
    objects: &dyn Objects,
) -> Result<Claim, TaskError> {
    let name = hex(&Sha256::digest(&part));
    let key = format!("{}{task}.parts/{name}", prefix(collection));
    Ok(Claim::store(key, Bytes::from(part), objects).await?)
}

/// Fetches a part. The claim comes from an External worker, which is not trusted: it may point to
/// nothing but a part of the same collection.
pub(super) async fn fetch(
    part: &Claim,
    collection: CollectionId,
    objects: &dyn Objects,
) -> Result<Bytes, TaskError> {
    check(part, collection)?;
    Ok(part.fetch(objects).await?)
}

fn check(part: &Claim, collection: CollectionId) -> Result<(), TaskError> {
    if part.len > MAX_PART_BYTES {
        let (key, len) = (&part.key, part.len);
        return Err(TaskError::fatal(format!(
            "the part `{key}` has {len} bytes; at most {MAX_PART_BYTES} are allowed"
        )));
    }
    let inside = part.key.strip_prefix(&prefix(collection));
    if !inside.is_some_and(|rest| rest.contains(".parts/") && !rest.contains("..")) {
        return Err(TaskError::fatal(format!(
            "`{}` is no part of this collection",
            part.key
        )));
    }
    Ok(())
}

/// Beside the other results of the collection, so that they are kept and removed together.
fn prefix(collection: CollectionId) -> String {
    format!("results/{collection}/")
}

/// At least the length of the record's JSON, without making it: that would cost as much as the
/// text that goes out in the end.
fn json_len_bound(record: &RobotsRecord) -> usize {
    /// Names, numbers and punctuation of a record whose texts are empty.
    const FRAME: usize = 512;
    let option = |text: &Option<String>| text.as_deref().map_or(0, escaped_len);
    let hops: usize = record.hops.iter().map(|hop| escaped_len(hop) + 3).sum();
    let texts = [&record.body, &record.detail, &record.final_url];
    FRAME + escaped_len(&record.domain) + hops + texts.into_iter().map(option).sum::<usize>()
}

fn escaped_len(text: &str) -> usize {
    let short = |byte: &u8| matches!(byte, b'"' | b'\\' | b'\n' | b'\r' | b'\t');
    // Such as \u0001.
    let long = |byte: &u8| *byte < 0x20 && !short(byte);
    // Two passes without a branch in them: they run at the speed of memory.
    let bytes = text.as_bytes();
    let shorts = bytes.iter().filter(|byte| short(byte)).count();
    let longs = bytes.iter().filter(|byte| long(byte)).count();
    text.len() + shorts + 5 * longs
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A record as it comes over the wire; there is no other way to make one here.
    pub(in crate::robots) fn record(domain: &str, body: &str) -> RobotsRecord {
        serde_json::from_value(serde_json::json!({
            "domain": domain, "outcome": "rules", "status": 200, "bytes_read": 10,
            "bytes_body": body.len(), "millis": 1, "body": body,
        }))
        .unwrap()
    }

    fn collection() -> CollectionId {
        "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap()
    }

    #[test]
    fn parts_stay_below_their_limit_and_lose_nothing() {
        let mut pending = Pending::default();
        // The worst text for JSON: six bytes for each.
        let body = "\u{1}".repeat(512_000);
        for n in (0..12).rev() {
            pending.push(record(&format!("{n:02}.example"), &body));
        }
        assert!(pending.is_full());
        let parts = pending.into_parts().unwrap();
        assert!(parts.len() > 1);
        assert!(parts.iter().all(|part| part.len() as u64 <= MAX_PART_BYTES));
        let lines = parts.concat();
        let domains: Vec<String> = lines
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice::<RobotsRecord>(line).unwrap().domain)
            .collect();
        assert_eq!(
            domains,
            (0..12)
                .map(|n| format!("{n:02}.example"))
                .collect::<Vec<_>>()
        );
    }

    #[test]
    fn only_parts_of_the_collection_are_fetched() {
        let claim = |key: String, len| Claim {
            key,
            len,
            sha256: String::new(),
        };
        let own = format!("results/{}/t.parts/abc", collection());
        assert!(check(&claim(own.clone(), 1), collection()).is_ok());
        assert!(check(&claim(own, MAX_PART_BYTES + 1), collection()).is_err());
        for key in ["results/other/t.parts/abc", "targets/abc", ""] {
            assert!(
                check(&claim(key.to_owned(), 1), collection()).is_err(),
                "{key}"
            );
        }
        let sibling = format!("results/{}/t", collection());
        assert!(check(&claim(sibling, 1), collection()).is_err());
        let outside = format!("results/{}/../t.parts/abc", collection());
        assert!(check(&claim(outside, 1), collection()).is_err());
    }

    proptest! {
        #[test]
        fn no_json_is_longer_than_its_bound(
            texts in proptest::array::uniform3(proptest::option::of(any::<String>())),
            hops in proptest::collection::vec(any::<String>(), 0..6),
        ) {
            let [body, detail, final_url] = texts;
            let mut record = record("a.example", "");
            record.status = Some(u16::MAX);
            record.truncated = true;
            for number in [&mut record.bytes_read, &mut record.bytes_body, &mut record.millis] {
                *number = u64::MAX;
            }
            for number in [&mut record.rules, &mut record.groups, &mut record.sitemaps] {
                *number = u32::MAX;
            }
            (record.body, record.detail, record.final_url) = (body, detail, final_url);
            record.hops = hops;
            let json = serde_json::to_vec(&record).unwrap();
            prop_assert!(json.len() <= json_len_bound(&record));
        }
    }
}
