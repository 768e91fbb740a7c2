//! Host names, normalised.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Longest name in its textual form, without the trailing dot (RFC 1035 §3.1: 255 octets on the
/// wire).
const MAX_NAME: usize = 253;
/// Longest label (RFC 1035 §2.3.4).
const MAX_LABEL: usize = 63;
/// Longest input that is looked at. Unicode names shrink or grow under IDNA; none that is longer
/// than this fits in [`MAX_NAME`], and the conversion is not linear.
const MAX_INPUT: usize = 1024;

/// A host name: lower case, in its ASCII form (IDNA, UTS 46), without a trailing dot.
///
/// It has 1 to 253 bytes in labels of 1 to 63 letters, digits, `-` and `_` (which hosts in the
/// wild do use), and is never an address in any notation that a resolver might read as one.
///
/// ```
/// use sortie_scanners::scope::{InvalidName, Name};
///
/// assert_eq!(Name::parse("Bücher.Example.")?.as_str(), "xn--bcher-kva.example");
/// assert_eq!(Name::parse("0x7f.1"), Err(InvalidName::IpLiteral));
/// # Ok::<(), InvalidName>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Name(Arc<str>);

impl Name {
    /// Parses and normalises `input`.
    ///
    /// # Errors
    ///
    /// [`InvalidName`] says which rule the input breaks.
    pub fn parse(input: &str) -> Result<Self, InvalidName> {
        normalise(input).map(|name| Self(name.into()))
    }

    /// The normalised name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(input: &str) -> Result<Self, Self::Err> {
        Self::parse(input)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let input = Cow::<'_, str>::deserialize(deserializer)?;
        Self::parse(&input).map_err(de::Error::custom)
    }
}

/// Why something is not a host name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidName {
    /// Nothing is left of it.
    #[error("the name is empty")]
    Empty,
    /// More than 253 bytes.
    #[error("the name is longer than 253 bytes")]
    TooLong,
    /// Two dots in a row, or a leading one.
    #[error("a label is empty")]
    EmptyLabel,
    /// A label of more than 63 bytes.
    #[error("a label is longer than 63 bytes")]
    LabelTooLong,
    /// A character that no host name has.
    #[error("the character {0:?} is not allowed")]
    Character(char),
    /// A label begins or ends with a hyphen (RFC 1123 §2.1).
    #[error("a label begins or ends with a hyphen")]
    Hyphen,
    /// An address, in one of the many notations of one.
    #[error("an address is not a name")]
    IpLiteral,
    /// The Unicode or punycode form is not valid (UTS 46).
    #[error("not a valid internationalised name")]
    Idna,
}

fn normalise(input: &str) -> Result<Cow<'_, str>, InvalidName> {
    let input = input.strip_suffix('.').unwrap_or(input);
    if input.is_empty() {
        return Err(InvalidName::Empty);
    }
    if input.len() > MAX_INPUT {
        return Err(InvalidName::TooLong);
    }
    if input.starts_with('[') || input.contains(':') {
        return Err(ipv6_or_character(input));
    }
    let name = to_ascii(input)?;
    check(&name)?;
    Ok(name)
}

fn ipv6_or_character(input: &str) -> InvalidName {
    let bare = input.trim_start_matches('[').trim_end_matches(']');
    if bare.parse::<std::net::Ipv6Addr>().is_ok() {
        InvalidName::IpLiteral
    } else {
        InvalidName::Character(if input.starts_with('[') { '[' } else { ':' })
    }
}

/// Most names are plain ASCII already; only the others pay for IDNA.
fn to_ascii(input: &str) -> Result<Cow<'_, str>, InvalidName> {
    let plain = input.is_ascii() && !input.as_bytes().windows(4).any(is_punycode_prefix);
    if plain {
        let lower = !input.bytes().any(|byte| byte.is_ascii_uppercase());
        return Ok(if lower {
            input.into()
        } else {
            input.to_ascii_lowercase().into()
        });
    }
    let name = idna::domain_to_ascii_cow(input.as_bytes(), idna::AsciiDenyList::EMPTY)
        .map_err(|_| InvalidName::Idna)?;
    // Ideographic full stops become dots, so a trailing one appears only now.
    Ok(match name.strip_suffix('.') {
        Some(bare) => bare.to_owned().into(),
        None => name,
    })
}

fn is_punycode_prefix(window: &[u8]) -> bool {
    window.eq_ignore_ascii_case(b"xn--")
}

fn check(name: &str) -> Result<(), InvalidName> {
    if name.is_empty() {
        return Err(InvalidName::Empty);
    }
    if name.len() > MAX_NAME {
        return Err(InvalidName::TooLong);
    }
    let mut last = "";
    for label in name.split('.') {
        check_label(label)?;
        last = label;
    }
    if is_number(last) {
        return Err(InvalidName::IpLiteral);
    }
    Ok(())
}

fn check_label(label: &str) -> Result<(), InvalidName> {
    if label.is_empty() {
        return Err(InvalidName::EmptyLabel);
    }
    if label.len() > MAX_LABEL {
        return Err(InvalidName::LabelTooLong);
    }
    let allowed = |c: &char| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_');
    if let Some(character) = label.chars().find(|c| !allowed(c)) {
        return Err(InvalidName::Character(character));
    }
    if label.starts_with('-') || label.ends_with('-') {
        return Err(InvalidName::Hyphen);
    }
    Ok(())
}

/// A name whose last label is a number is an IPv4 address to some reader (WHATWG URL, "ends in a
/// number"): `127.1`, `2130706433` and `0x7f000001` all mean the loopback.
fn is_number(label: &str) -> bool {
    match label.strip_prefix("0x") {
        Some(hex) => hex.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}
