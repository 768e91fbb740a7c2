//! One record, held against what the lab knows.

use lab::Truth;
use sortie::robots::RobotsRecord;

/// Whether they agree: in outcome, status, redirects, truncation and size.
pub(crate) fn agrees(record: &RobotsRecord, truth: &Truth) -> bool {
    let answered = truth.https.is_some();
    record.outcome.as_str() == truth.outcome
        && (!answered || record.status == truth.status)
        && (!answered || followed(record, truth) == usize::from(truth.hops))
        && (truth.outcome != "rules" || record.truncated == truth.truncated)
        && truth
            .body
            .as_ref()
            .is_none_or(|body| record.bytes_body == body.len as u64)
}

/// Both, in words.
pub(crate) fn differ(record: &RobotsRecord, truth: &Truth) -> String {
    let RobotsRecord {
        domain,
        outcome,
        status,
        detail,
        millis,
        ..
    } = record;
    format!(
        "{domain} ({}): {outcome} {status:?} after {} hops ({detail:?}, {millis} ms), but the lab says {} {:?} after {}",
        truth.behaviour,
        record.hops.len(),
        truth.outcome,
        truth.status,
        truth.hops,
    )
}

/// A redirect that was refused is among the record's hops, but nobody followed it.
fn followed(record: &RobotsRecord, truth: &Truth) -> usize {
    let refused = matches!(truth.outcome, "out_of_scope" | "bad_redirect");
    record.hops.len().saturating_sub(usize::from(refused))
}
