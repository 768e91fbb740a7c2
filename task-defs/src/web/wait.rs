//! How long a service asks its clients to wait.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use task_core::Timestamp;

use super::answer::Answer;

/// More than this is not waited for, whatever the peer says: a day.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// A number of seconds from here on is a date and not a wait: the year 2001.
const FIRST_DATE: u64 = 1_000_000_000;

/// The wait that the headers of `answer` ask for at `now`, at most a day.
///
/// `Retry-After` counts first, in seconds or as a date (RFC 9110 §10.2.3). Without it, the reset
/// of an exhausted limit counts (`X-RateLimit-Remaining: 0`, or a status of 429): services write
/// `X-RateLimit-Reset` or `RateLimit-Reset`, in seconds from now or as a Unix time.
pub(crate) fn wait_asked_for(answer: &Answer, now: Timestamp) -> Option<Duration> {
    if let Some(text) = answer.header("retry-after") {
        // What is neither form says nothing.
        return retry_after(text.trim(), now).map(|wait| wait.min(LONGEST));
    }
    let number = |name: &str| answer.header(name)?.trim().parse::<u64>().ok();
    let either = |name: &str| number(&format!("x-{name}")).or_else(|| number(name));
    let exhausted = answer.status.as_u16() == 429 || either("ratelimit-remaining") == Some(0);
    let reset = either("ratelimit-reset").filter(|_| exhausted)?;
    Some(reset_wait(reset, now).min(LONGEST))
}

fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(until(date, now))
}

fn reset_wait(reset: u64, now: Timestamp) -> Duration {
    match reset {
        ..FIRST_DATE => Duration::from_secs(reset),
        // Milliseconds, from some.
        100_000_000_000.. => Timestamp::from_millis(reset).since(now),
        _ => Timestamp::from_millis(reset.saturating_mul(1000)).since(now),
    }
}

fn until(date: SystemTime, now: Timestamp) -> Duration {
    let since_epoch = date.duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(0).after(since_epoch).since(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_retry_after_are_understood() {
        let now = Timestamp::from_millis(1_445_412_470_500);
        assert_eq!(retry_after("120", now), Some(Duration::from_secs(120)));
        for date in [
            "Wed, 21 Oct 2015 07:28:00 GMT",
            "Wednesday, 21-Oct-15 07:28:00 GMT",
            "Wed Oct 21 07:28:00 2015",
        ] {
            assert_eq!(
                retry_after(date, now),
                Some(Duration::from_millis(9_500)),
                "{date}"
            );
        }
        let past = "Wed, 21 Oct 2015 07:27:00 GMT";
        assert_eq!(retry_after(past, now), Some(Duration::ZERO));
        for nonsense in ["", "soon", "-1", "1.5", "99999999999999999999999"] {
            assert_eq!(retry_after(nonsense, now), None, "{nonsense}");
        }
    }

    #[test]
    fn a_reset_is_a_wait_or_a_time() {
        let now = Timestamp::from_millis(1_700_000_000_000);
        assert_eq!(reset_wait(30, now), Duration::from_secs(30));
        assert_eq!(reset_wait(1_700_000_007, now), Duration::from_secs(7));
        assert_eq!(
            reset_wait(1_700_000_007_250, now),
            Duration::from_millis(7250)
        );
        assert_eq!(reset_wait(1_600_000_000, now), Duration::ZERO);
    }
}
