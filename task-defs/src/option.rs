//! An option beyond its limits.

#[cfg(feature = "scan")]
use std::time::Duration;

use task_core::TaskError;

/// An option has a value that it cannot have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("options.{field} is {found}; {allowed}")]
pub struct InvalidOption {
    /// The field, as it is called on the wire.
    pub field: &'static str,
    /// Its value.
    pub found: String,
    /// What it may be.
    pub allowed: &'static str,
}

/// A rule: the field, its value, whether that is allowed, and what is.
pub(crate) type Rule = (&'static str, String, bool, &'static str);

impl InvalidOption {
    /// The first rule that does not hold.
    pub(crate) fn first<const N: usize>(rules: [Rule; N]) -> Result<(), Self> {
        match rules.into_iter().find(|(_, _, holds, _)| !holds) {
            None => Ok(()),
            Some((field, found, _, allowed)) => Err(Self {
                field,
                found,
                allowed,
            }),
        }
    }
}

#[cfg(feature = "scan")]
impl InvalidOption {
    /// The rule for the time of one look: less than the minute that a task may go without
    /// progress.
    pub(crate) fn time(field: &'static str, time: Duration) -> Rule {
        let allowed = Duration::from_millis(10)..=Duration::from_secs(45);
        (
            field,
            time.as_millis().to_string(),
            allowed.contains(&time),
            "10 to 45000 are allowed",
        )
    }
}

impl InvalidOption {
    /// The rule for a port.
    pub(crate) fn port(field: &'static str, port: u16) -> Rule {
        (field, port.to_string(), port > 0, "give a port, not 0")
    }

    /// The rule for what is sent in a header.
    pub(crate) fn user_agent(agent: &str) -> Rule {
        let printable = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
        (
            "user_agent",
            format!("{agent:?}"),
            (1..=256).contains(&agent.len()) && agent.bytes().all(printable),
            "give 1 to 256 printable ASCII characters",
        )
    }
}

impl From<InvalidOption> for TaskError {
    fn from(error: InvalidOption) -> Self {
        Self::fatal(error)
    }
}
