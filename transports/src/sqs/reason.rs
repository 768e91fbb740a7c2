//! Why a message was parked, as an attribute of the dead letter.

use task_core::ports::transport::ParkReason;

/// The name of the attribute. Its value is the reason as JSON.
pub(super) const ATTRIBUTE: &str = "sortie.reason";

/// Bytes of the longest reason. What an attribute takes counts as part of the message, so each
/// message leaves room for one.
const MOST: usize = 900;

/// Bytes that a dead letter needs beyond its body: the name, the type (`String`) and the value.
pub(super) const ROOM: usize = 1024;

const _: () = assert!(ATTRIBUTE.len() + "String".len() + MOST <= ROOM);

/// The reason as JSON, with its text cut if it is long.
pub(super) fn encode(reason: &ParkReason) -> String {
    let mut reason = reason.clone();
    loop {
        let value = serde_json::to_vec(&reason).unwrap_or_default().into();
        match super::body::text(&value) {
            Ok(text) if text.len() <= MOST => return text.into_owned(),
            _ => {}
        }
        // One byte of text takes up to six of JSON, so its length does not say where to cut.
        match text_of(&mut reason) {
            Some(text) if !text.is_empty() => {
                let shorter = text.floor_char_boundary(text.len().min(2 * MOST) / 2);
                text.truncate(shorter);
            }
            // Numbers are short: this is a kind of reason that nobody taught this function.
            _ => return "{}".to_owned(),
        }
    }
}

/// The reason of a dead letter that was parked by this engine, perhaps by a newer version of it.
pub(super) fn decode(value: &str) -> ParkReason {
    serde_json::from_str(value)
        .unwrap_or_else(|_| ParkReason::Refused(format!("for a reason not known here: {value}")))
}

fn text_of(reason: &mut ParkReason) -> Option<&mut String> {
    match reason {
        ParkReason::Undecodable(text)
        | ParkReason::UnknownKind(text)
        | ParkReason::Refused(text)
        | ParkReason::Poison(text)
        | ParkReason::NewerVersion { kind: text, .. } => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_reason_fits_and_begins_as_it_was(text in ".{0,2000}") {
            let reason = ParkReason::Undecodable(text.clone());
            let value = encode(&reason);
            prop_assert!(value.len() <= MOST);
            let ParkReason::Undecodable(kept) = decode(&value) else {
                panic!("another reason: {value}");
            };
            prop_assert!(text.starts_with(&kept));
            if text.len() < 100 {
                prop_assert_eq!(kept, text);
            }
        }
    }

    #[test]
    fn a_reason_of_the_future_is_told_as_it_is() {
        let ParkReason::Refused(told) = decode("{\"eclipse\":3}") else {
            panic!("it is refused");
        };
        assert!(told.contains("eclipse"), "{told}");
    }
}
