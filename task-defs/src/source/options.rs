//! How much of a source is read.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::SourceError;
use crate::millis;

/// How much is read. Fields that are absent from the wire take their defaults, and unknown ones
/// are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct SourceOptions {
    /// Most pages. 10; 1 to 1,000. Where pages cost money, this is the budget.
    pub max_pages: u32,
    /// Most records; reading stops behind the item that brings the last of them. 50,000; 1 to
    /// 500,000.
    pub max_records: u32,
    /// Most bytes of one page. 64 MiB; 1 KiB to 1 GiB. Pages are not held in memory. Of a longer one
    /// the items that came whole are taken, and it is the last, which
    /// [`Cut::Bytes`](super::Cut::Bytes) says. If none has come, of it or of the pages before it, that
    /// is an error.
    pub max_page_bytes: u64,
    /// The time for one page, from the connection to the last byte. 90 s; 10 ms to 100 s,
    /// which is less than the two minutes that the task may go without progress.
    #[serde(rename = "page_timeout_ms", with = "millis")]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub page_timeout: Duration,
    /// The longest wait that a rate limit or the pace of other tasks may cost a running task. What
    /// asks for more ends the attempt, and the next one comes when the time is over. 20 s; at most
    /// 100 s.
    #[serde(rename = "max_wait_ms", with = "millis")]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub max_wait: Duration,
}

impl Default for SourceOptions {
    fn default() -> Self {
        Self {
            max_pages: 10,
            max_records: 50_000,
            max_page_bytes: 64 << 20,
            page_timeout: Duration::from_secs(90),
            max_wait: Duration::from_secs(20),
        }
    }
}

impl SourceOptions {
    /// Holds every field against its limits.
    ///
    /// # Errors
    ///
    /// [`SourceError::Invalid`] for the first field that is beyond them.
    pub fn check(&self) -> Result<(), SourceError> {
        const LONGEST: Duration = Duration::from_secs(100);
        let time = |duration: Duration| duration.as_millis().to_string();
        let rules = [
            (
                "max_pages",
                self.max_pages.to_string(),
                (1..=1_000).contains(&self.max_pages),
                "1 to 1000 are allowed",
            ),
            (
                "max_records",
                self.max_records.to_string(),
                (1..=500_000).contains(&self.max_records),
                "1 to 500000 are allowed",
            ),
            (
                "max_page_bytes",
                self.max_page_bytes.to_string(),
                (1 << 10..=1 << 30).contains(&self.max_page_bytes),
                "1024 to 1073741824 are allowed",
            ),
            (
                "page_timeout_ms",
                time(self.page_timeout),
                (Duration::from_millis(10)..=LONGEST).contains(&self.page_timeout),
                "10 to 100000 are allowed",
            ),
            (
                "max_wait_ms",
                time(self.max_wait),
                self.max_wait <= LONGEST,
                "at most 100000 are allowed",
            ),
        ];
        match rules.into_iter().find(|(_, _, holds, _)| !holds) {
            None => Ok(()),
            Some((field, found, _, allowed)) => Err(SourceError::Invalid {
                field: format!("options.{field}"),
                found,
                allowed: allowed.to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_names_its_field() {
        fn refused(change: impl FnOnce(&mut SourceOptions)) -> String {
            let mut options = SourceOptions::default();
            change(&mut options);
            options.check().unwrap_err().to_string()
        }
        assert!(SourceOptions::default().check().is_ok());
        assert_eq!(
            refused(|o| o.max_pages = 0),
            "options.max_pages is 0; 1 to 1000 are allowed"
        );
        assert!(refused(|o| o.max_records = 500_001).contains("options.max_records"));
        assert!(refused(|o| o.max_page_bytes = 1).contains("options.max_page_bytes"));
        assert!(refused(|o| o.page_timeout = Duration::ZERO).contains("options.page_timeout_ms"));
        assert!(refused(|o| o.max_wait = Duration::MAX).contains("options.max_wait_ms"));
    }

    #[test]
    fn absent_fields_take_their_defaults_and_unknown_ones_are_refused() {
        let parse = serde_json::from_str::<SourceOptions>;
        assert_eq!(parse("{}").unwrap(), SourceOptions::default());
        assert_eq!(parse(r#"{"max_pages":3}"#).unwrap().max_pages, 3);
        assert!(parse(r#"{"max_page":3}"#).is_err());
    }
}
