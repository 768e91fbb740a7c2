//! One text for each body.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// An object whose members are written in the order of their names, at every depth. `serde_json`
/// itself keeps the order of the document if anything in the whole program wants
/// `preserve_order`, as the SDK of AWS does; then two bodies that say the same would differ, and a
/// program with it would rewrite what one without it has stored.
pub(super) struct Sorted<'a>(pub(super) &'a Map<String, Value>);

impl Serialize for Sorted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let members: BTreeMap<&String, Inner<'_>> = self
            .0
            .iter()
            .map(|(name, value)| (name, Inner(value)))
            .collect();
        members.serialize(serializer)
    }
}

struct Inner<'a>(&'a Value);

impl Serialize for Inner<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(members) => Sorted(members).serialize(serializer),
            Value::Array(items) => serializer.collect_seq(items.iter().map(Inner)),
            plain => plain.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_sorted_at_every_depth() {
        let text = r#"{"b":[{"d":1,"c":"é\n"}],"a":null,"":{"z":1,"y":2}}"#;
        let members: Map<String, Value> = serde_json::from_str(text).unwrap();
        assert_eq!(
            serde_json::to_string(&Sorted(&members)).unwrap(),
            r#"{"":{"y":2,"z":1},"a":null,"b":[{"c":"é\n","d":1}]}"#
        );
    }
}
