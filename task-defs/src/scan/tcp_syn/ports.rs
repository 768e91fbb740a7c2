//! Ports, as a text.
//!
//! All ports as a list of numbers are 380 KB, in the generator and in each of its tasks; as a text
//! they are seven bytes. Lists are read all the same: whoever writes by hand writes one, and so did
//! the first version.

use std::fmt;

use scanners::target::parse_port_ranges;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserializer, Serializer};

/// Most ports there are. Whatever is longer names one twice.
const MAX: usize = 1 << 16;

/// Writes ports and ranges of ports in the order of the list: `"443,8000-8100,80"`.
pub(super) fn serialize<S: Serializer>(ports: &[u16], to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&Text(ports))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u16>, D::Error> {
    from.deserialize_any(Reader)
}

struct Text<'a>(&'a [u16]);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = self.0.chunk_by(|a, b| a.checked_add(1) == Some(*b));
        for (at, run) in runs.enumerate() {
            let comma = if at > 0 { "," } else { "" };
            match run {
                [port] => write!(f, "{comma}{port}")?,
                [first, .., last] => write!(f, "{comma}{first}-{last}")?,
                [] => {}
            }
        }
        Ok(())
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Vec<u16>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text of ports and ranges of them (\"80,8000-8100\"), or a list of ports")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<u16>, E> {
        let mut ports = Vec::new();
        for range in parse_port_ranges(text) {
            ports.extend(range.map_err(E::custom)?);
            check(ports.len())?;
        }
        Ok(ports)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<u16>, A::Error> {
        let mut ports = Vec::new();
        while let Some(port) = list.next_element()? {
            ports.push(port);
            check(ports.len())?;
        }
        Ok(ports)
    }
}

fn check<E: Error>(count: usize) -> Result<(), E> {
    match count <= MAX {
        true => Ok(()),
        false => Err(E::custom("a port is named twice: there are 65536 in all")),
    }
}

/// How they may be written, for the schema.
#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[schemars(untagged, inline)]
#[expect(dead_code, reason = "only its schema is of use")]
pub(super) enum Form {
    /// Ports and ranges of ports, separated by commas: `80,8000-8100`.
    Text(String),
    /// One by one.
    List(Vec<u16>),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use crate::scan::TcpSyn;

    fn read(ports: &Value) -> Result<Vec<u16>, String> {
        let options = serde_json::from_value::<TcpSyn>(json!({ "ports": ports }));
        options.map(|o| o.ports).map_err(|error| error.to_string())
    }

    fn write(ports: Vec<u16>) -> Value {
        let options = TcpSyn {
            ports,
            ..TcpSyn::default()
        };
        serde_json::to_value(options).unwrap()["ports"].clone()
    }

    proptest! {
        #[test]
        fn a_list_is_what_its_text_says(
            lists in prop::collection::vec((any::<u16>(), 0u16..300), 0..40),
        ) {
            let ports: Vec<u16> = lists
                .iter()
                .flat_map(|&(first, more)| first..=first.saturating_add(more))
                .collect();
            prop_assert_eq!(read(&json!(ports)).unwrap(), ports.clone());
            prop_assert_eq!(read(&write(ports.clone())).unwrap(), ports);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9, -]{0,40}") {
            let _ = read(&json!(text));
        }
    }

    #[test]
    fn all_ports_are_a_short_text() {
        assert_eq!(write((1..=u16::MAX).collect()), "1-65535");
        assert_eq!(write(vec![443, 80, 81, 82, 80]), "443,80-82,80");
        assert_eq!(write(Vec::new()), "");
        assert_eq!(
            read(&json!(" 80, 8000-8002 ")).unwrap(),
            [80, 8000, 8001, 8002]
        );
    }

    #[test]
    fn what_names_no_ports_is_refused_and_costs_no_memory() {
        for (ports, said) in [
            (json!("80-79"), "\"80-79\" is no port"),
            (json!("65536"), "\"65536\" is no port"),
            (json!("http"), "\"http\" is no port"),
            (json!(80), "a text of ports"),
            (json!([80, 65_536]), "65536"),
            (json!("0-65535,".repeat(10_000)), "named twice"),
            (json!(vec![80; 70_000]), "named twice"),
        ] {
            let error = read(&ports).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
