//! What a 2xx response holds.

use crate::http::{Coding, Response};

use super::outcome::RobotsOutcome;
use super::parse::Robots;
use super::record::RobotsRecord;
use super::text::{self, Text};

/// Classifies the content of a 2xx response into `record`. Pages are [`RobotsOutcome::Html`]
/// until a probe says more; for them, and for text without rules, the page is returned, to be
/// compared with that probe.
pub(super) fn classify(response: Response, record: &mut RobotsRecord) -> Option<Vec<u8>> {
    let body = response.body;
    record.truncated = body.truncated || body.cut;
    record.bytes_body = body.bytes.len() as u64;
    if response.head.coding == Coding::Unsupported && !body.bytes.is_empty() {
        record.outcome = RobotsOutcome::Binary;
        record.detail = Some("a content coding that was not asked for".to_owned());
        return None;
    }
    let content_type = response.head.content_type.as_deref().unwrap_or_default();
    let mut page = None;
    record.outcome = match text::decode(body.bytes) {
        Text::Binary => RobotsOutcome::Binary,
        Text::Text(text) => classify_text(text, content_type, record, &mut page),
    };
    // A short body that the peer did not end is a failed transfer, unless it is of use.
    if body.cut && record.outcome != RobotsOutcome::Rules {
        record.outcome = RobotsOutcome::Reset;
        record.detail = Some("closed before the end of the body".to_owned());
        page = None;
    }
    page
}

fn classify_text(
    mut text: String,
    content_type: &str,
    record: &mut RobotsRecord,
    page: &mut Option<Vec<u8>>,
) -> RobotsOutcome {
    let whole = if record.truncated {
        complete_lines(&text)
    } else {
        text.len()
    };
    let robots = Robots::parse(&text.as_bytes()[..whole]);
    let html = looks_like_html(&text);
    // A page may have a line like "Sitemap: ..." in its script; one with a group means it.
    let groups = robots.group_count();
    if groups > 0 || (!html && !robots.sitemaps().is_empty()) {
        record.rules = count(robots.rule_count());
        record.groups = count(groups);
        record.sitemaps = count(robots.sitemaps().len());
        record.truncated |= robots.is_truncated();
        text.truncate(whole);
        record.body = Some(text);
        return RobotsOutcome::Rules;
    }
    if text
        .lines()
        .all(|line| matches!(line.trim_start().as_bytes(), [] | [b'#', ..]))
    {
        return RobotsOutcome::Empty;
    }
    *page = Some(text.into_bytes());
    if html || is_html_type(content_type) {
        RobotsOutcome::Html
    } else {
        RobotsOutcome::NoRules
    }
}

/// Where the complete lines of a text end that was cut: its last line may have been another rule.
fn complete_lines(text: &str) -> usize {
    text.rfind(['\n', '\r']).map_or(0, |at| at + 1)
}

fn looks_like_html(text: &str) -> bool {
    text.trim_start().starts_with('<')
}

fn is_html_type(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("text/html")
        || essence.eq_ignore_ascii_case("application/xhtml+xml")
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
