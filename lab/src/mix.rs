//! Which share of the sites behaves how.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::behaviour::{Behaviour, UnknownBehaviour};
use crate::name;

const KINDS: usize = Behaviour::ALL.len();

/// The weights of the behaviours, and how many of the sites that could do either speak https.
///
/// Written as `good=200 nxdomain=50 https=40`; `default`, `fast` and `without_slow` can be read too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Mix {
    /// Running sums of the weights, for a draw by binary search.
    sums: [u32; KINDS],
    https_percent: u8,
}

impl Default for Mix {
    /// Most of this Internet is good, and in 10,000 sites every hostile behaviour is present.
    fn default() -> Self {
        Self::of_weights(Behaviour::default_weight, 40)
    }
}

impl Mix {
    /// Quick answers only, over http only: 85 % valid files and 15 % 404. For throughput.
    pub fn fast() -> Self {
        let weight = |behaviour| match behaviour {
            Behaviour::HttpOnly => 85,
            Behaviour::NotFound => 15,
            _ => 0,
        };
        Self::of_weights(weight, 0)
    }

    /// Every site behaves the same way.
    pub fn only(behaviour: Behaviour) -> Self {
        Self::of_weights(|other| u32::from(other == behaviour), 40)
    }

    /// The default mix without the behaviours that cost a scanner its whole deadline.
    pub fn without_slow() -> Self {
        let weight = |b: Behaviour| if b.is_slow() { 0 } else { b.default_weight() };
        Self::of_weights(weight, 40)
    }

    /// A mix of one's own: a weight for each behaviour (at most 16 million each; all zero means
    /// [`Behaviour::Good`] only), and how many percent of the sites that could do either speak
    /// https.
    pub fn of_weights(weight: impl Fn(Behaviour) -> u32, https_percent: u8) -> Self {
        let mut sums = [0; KINDS];
        let mut sum = 0;
        for (slot, behaviour) in sums.iter_mut().zip(Behaviour::ALL) {
            sum += weight(behaviour).min(1 << 24);
            *slot = sum;
        }
        Self {
            sums,
            https_percent: https_percent.min(100),
        }
    }

    /// The behaviour of `host` under this mix.
    pub fn behaviour(&self, host: &str) -> Behaviour {
        if name::is_elsewhere(host) {
            return Behaviour::DeniedAddress;
        }
        self.behaviour_of_hash(name::site_hash(host))
    }

    pub(crate) fn behaviour_of_hash(&self, hash: u64) -> Behaviour {
        let total = u64::from(self.sums[KINDS - 1]);
        // The high half picks the behaviour; all else is drawn from a mix of the whole.
        let point = ((hash >> 32) * total) >> 32;
        let index = self.sums.partition_point(|&sum| u64::from(sum) <= point);
        Behaviour::ALL
            .get(index)
            .copied()
            .unwrap_or(Behaviour::Good)
    }

    pub(crate) fn https_percent(&self) -> u64 {
        u64::from(self.https_percent)
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = 0;
        for (behaviour, sum) in Behaviour::ALL.iter().zip(self.sums) {
            if sum > before {
                write!(f, "{behaviour}={} ", sum - before)?;
            }
            before = sum;
        }
        write!(f, "https={}", self.https_percent)
    }
}

impl From<Mix> for String {
    fn from(mix: Mix) -> Self {
        mix.to_string()
    }
}

impl TryFrom<String> for Mix {
    type Error = MixError;

    fn try_from(text: String) -> Result<Self, MixError> {
        text.parse()
    }
}

/// Why a written mix could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MixError {
    /// A part is not of the form `behaviour=weight`.
    #[error("{0:?} is not of the form behaviour=weight")]
    Part(String),
    /// There is no such behaviour.
    #[error(transparent)]
    Behaviour(#[from] UnknownBehaviour),
}

impl FromStr for Mix {
    type Err = MixError;

    fn from_str(text: &str) -> Result<Self, MixError> {
        match text.trim() {
            "default" => return Ok(Self::default()),
            "fast" => return Ok(Self::fast()),
            "without_slow" => return Ok(Self::without_slow()),
            _ => {}
        }
        let mut weights = [0; KINDS];
        let mut https_percent = 40;
        for part in text.split_whitespace() {
            let fault = || MixError::Part(part.to_owned());
            let (tag, number) = part.split_once('=').ok_or_else(fault)?;
            let number: u32 = number.parse().map_err(|_| fault())?;
            if tag == "https" {
                https_percent = u8::try_from(number).map_err(|_| fault())?;
            } else {
                weights[tag.parse::<Behaviour>()? as usize] = number;
            }
        }
        Ok(Self::of_weights(
            |behaviour| weights[behaviour as usize],
            https_percent,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn ten_thousand_names_hold_every_behaviour_and_few_slow_ones() {
        let mut counts: HashMap<Behaviour, usize> = HashMap::new();
        for name in name::names(0..10_000) {
            *counts.entry(Behaviour::of(&name)).or_default() += 1;
        }
        for behaviour in Behaviour::ALL {
            assert!(counts.contains_key(&behaviour), "{behaviour} is missing");
        }
        let slow: usize = counts
            .iter()
            .filter(|(b, _)| b.is_slow())
            .map(|(_, n)| n)
            .sum();
        assert!(slow < 150, "{slow} slow sites in 10,000");
        let good = counts[&Behaviour::Good] + counts[&Behaviour::HttpOnly];
        assert!(good > 4_000, "{good} good sites in 10,000");
    }

    #[test]
    fn a_mix_of_one_gives_only_that_one() {
        for behaviour in Behaviour::ALL {
            let mix = Mix::only(behaviour);
            assert!(name::names(0..100).all(|name| mix.behaviour(&name) == behaviour));
        }
    }

    #[test]
    fn a_mix_of_nothing_is_good() {
        assert_eq!(
            Mix::of_weights(|_| 0, 40).behaviour("example.com"),
            Behaviour::Good
        );
    }

    #[test]
    fn a_mix_survives_being_written() {
        for mix in [Mix::default(), Mix::fast(), Mix::only(Behaviour::Drip)] {
            assert_eq!(mix.to_string().parse::<Mix>().unwrap(), mix);
        }
        assert!("good".parse::<Mix>().is_err());
        assert!("good=x".parse::<Mix>().is_err());
        assert!("splendid=1".parse::<Mix>().is_err());
    }

    #[test]
    fn tags_are_unique_and_parse_back() {
        for behaviour in Behaviour::ALL {
            assert_eq!(behaviour.tag().parse::<Behaviour>().unwrap(), behaviour);
        }
    }
}
