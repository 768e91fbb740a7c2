//! What the DNS says of a name: of one version of IP, and of both together.

use std::net::IpAddr;

use crate::scope::Name;

use super::ResolveError;

/// What the DNS says of a name, before any scope was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// In the order of the answer; IPv4 first, if both were asked for.
    pub(super) addrs: Vec<IpAddr>,
    /// What the name is an alias of, in turn, as far as these are host names.
    pub(super) aliases: Vec<Name>,
    /// How it ends if there are no addresses.
    pub(super) lack: Lack,
    /// Why there may be addresses besides, of the version of which nothing was heard.
    pub(super) unheard: Option<String>,
}

/// What it means that there is no address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Lack {
    /// The name exists.
    #[default]
    NoData,
    /// It does not.
    NoSuchName,
    /// It exists as an alias; this name, behind it, does not.
    Dangling(String),
}

impl Answer {
    /// An answer to each of two questions about one name, made one.
    ///
    /// Addresses of one version stand, whatever became of the other question, but the answer says
    /// that it is not whole. That a name does not exist holds for all its records (RFC 8020), so
    /// the answer for A is enough for that. The answer for AAAA is not: there are servers that know
    /// nothing of IPv6 and say so of every name (RFC 4074 §4.2). Otherwise the failure is all that
    /// can be said. What this machine could not ask must be asked again.
    pub(super) fn both(
        v4: Result<Self, ResolveError>,
        v6: Result<Self, ResolveError>,
    ) -> Result<Self, ResolveError> {
        let (answer, failure, unheard) = match (v4, v6) {
            (Ok(v4), Ok(v6)) => return Ok(v4.and(v6)),
            (Err(v4), Err(v6)) => {
                let v6_is_local = matches!(v6, ResolveError::Local(_));
                return Err(if v6_is_local { v6 } else { v4 });
            }
            (Ok(v4), Err(_)) if v4.addrs.is_empty() && v4.lack != Lack::NoData => return Ok(v4),
            (Ok(answer), Err(failure)) => (answer, failure, "AAAA"),
            (Err(failure), Ok(answer)) => (answer, failure, "A"),
        };
        if answer.addrs.is_empty() || matches!(failure, ResolveError::Local(_)) {
            return Err(failure);
        }
        Ok(Self {
            unheard: Some(format!("{unheard}: {failure}")),
            ..answer
        })
    }

    fn and(mut self, other: Self) -> Self {
        // Servers that know nothing of IPv6 have claimed for it that the name does not exist. It
        // does, if either says so.
        if self.lack != other.lack {
            self.lack = Lack::NoData;
        }
        self.addrs.extend(other.addrs);
        if self.aliases.len() < other.aliases.len() {
            self.aliases = other.aliases;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(addr: &str) -> Result<Answer, ResolveError> {
        let addrs = vec![addr.parse().unwrap()];
        Ok(Answer {
            addrs,
            ..Answer::default()
        })
    }

    fn lacks(lack: Lack) -> Result<Answer, ResolveError> {
        Ok(Answer {
            lack,
            ..Answer::default()
        })
    }

    const LATE: Result<Answer, ResolveError> = Err(ResolveError::Timeout);

    fn failed() -> Result<Answer, ResolveError> {
        Err(ResolveError::Server("SERVFAIL".to_owned()))
    }

    fn local() -> Result<Answer, ResolveError> {
        Err(ResolveError::Local("no file".to_owned()))
    }

    /// Addresses and what is unheard; or the lack; or the failure.
    fn both(v4: Result<Answer, ResolveError>, v6: Result<Answer, ResolveError>) -> String {
        match Answer::both(v4, v6) {
            Ok(answer) if answer.addrs.is_empty() => format!("{:?}", answer.lack),
            Ok(answer) => {
                let addrs: Vec<_> = answer.addrs.iter().map(ToString::to_string).collect();
                let unheard = answer.unheard.map(|why| format!(", but {why}"));
                addrs.join(" ") + &unheard.unwrap_or_default()
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn two_answers_become_one() {
        let (v4, v6) = ("192.0.2.1", "2001:db8::1");
        let dangling = || lacks(Lack::Dangling("gone.example".to_owned()));
        for (a, aaaa, expected) in [
            (found(v4), found(v6), "192.0.2.1 2001:db8::1"),
            (found(v4), lacks(Lack::NoData), "192.0.2.1"),
            (lacks(Lack::NoData), found(v6), "2001:db8::1"),
            (found(v4), lacks(Lack::NoSuchName), "192.0.2.1"),
            (
                found(v4),
                LATE,
                "192.0.2.1, but AAAA: no answer from the name server",
            ),
            (
                failed(),
                found(v6),
                "2001:db8::1, but A: the name server failed: SERVFAIL",
            ),
            (lacks(Lack::NoData), lacks(Lack::NoData), "NoData"),
            (
                lacks(Lack::NoSuchName),
                lacks(Lack::NoSuchName),
                "NoSuchName",
            ),
            (lacks(Lack::NoSuchName), lacks(Lack::NoData), "NoData"),
            (lacks(Lack::NoSuchName), LATE, "NoSuchName"),
            // What is not known of A may be an address.
            (
                failed(),
                lacks(Lack::NoSuchName),
                "the name server failed: SERVFAIL",
            ),
            (LATE, dangling(), "no answer from the name server"),
            (lacks(Lack::NoSuchName), failed(), "NoSuchName"),
            (dangling(), dangling(), "Dangling(\"gone.example\")"),
            (dangling(), LATE, "Dangling(\"gone.example\")"),
            (lacks(Lack::NoData), LATE, "no answer from the name server"),
            (
                failed(),
                lacks(Lack::NoData),
                "the name server failed: SERVFAIL",
            ),
            (LATE, failed(), "no answer from the name server"),
            (
                found(v4),
                local(),
                "this machine could not ask the name server: no file",
            ),
            (
                LATE,
                local(),
                "this machine could not ask the name server: no file",
            ),
            (
                local(),
                LATE,
                "this machine could not ask the name server: no file",
            ),
        ] {
            let said = format!("{a:?}, {aaaa:?}");
            assert_eq!(both(a, aaaa), expected, "{said}");
        }
    }
}
