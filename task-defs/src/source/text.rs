//! Texts of others, as far as they are believed.

use chrono::{DateTime, NaiveDateTime};
use task_core::Timestamp;

/// A SHA-256 as 64 digits of lower-case hex, if it is one.
pub(super) fn sha256(text: &str) -> Option<String> {
    let hex = text.replace(':', "").to_ascii_lowercase();
    (hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(hex)
}

/// A serial number in hex (RFC 5280 §4.1.2.2: at most 20 octets; some have more), without leading
/// zeros.
pub(super) fn serial(text: &str) -> Option<String> {
    let hex = text.replace(':', "").to_ascii_lowercase();
    let hex = hex.trim_start_matches('0');
    let is_hex = hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    ((1..=64).contains(&hex.len()) && is_hex).then(|| hex.to_owned())
}

/// A moment as APIs write it: RFC 3339, the same without an offset (which then is UTC), or the
/// GeneralizedTime of a certificate, `20260131235959Z`. Nothing if it lies before 1970.
///
/// ```
/// use sortie_task_defs::source::moment;
///
/// let at = moment("2026-01-31T23:59:59.250").unwrap();
/// assert_eq!(at.as_millis(), 1_769_903_999_250);
/// assert_eq!(moment("20260131235959Z"), moment("2026-02-01T00:59:59+01:00"));
/// assert_eq!(moment("yesterday"), None);
/// ```
pub fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let naive = |form| NaiveDateTime::parse_from_str(text, form).map(|at| at.and_utc());
    let at = DateTime::parse_from_rfc3339(text)
        .map(|at| at.to_utc())
        .or_else(|_| naive("%Y-%m-%dT%H:%M:%S%.f"))
        .or_else(|_| naive("%Y-%m-%d %H:%M:%S%.f"))
        .or_else(|_| naive("%Y%m%d%H%M%SZ"))
        .ok()?;
    u64::try_from(at.timestamp_millis())
        .ok()
        .map(Timestamp::from_millis)
}
