//! The wire names of a family, put together by the compiler.

use std::marker::PhantomData;

use super::probe::Probe;

/// The three kinds of the family of `P`.
pub(super) struct Kinds<P>(PhantomData<P>);

impl<P: Probe> Kinds<P> {
    const GENERATE_TEXT: &'static Text = &Text::of(P::FAMILY, ".generate");
    const SCAN_TEXT: &'static Text = &Text::of(P::FAMILY, ".scan");
    const AGGREGATE_TEXT: &'static Text = &Text::of(P::FAMILY, ".aggregate");

    pub(super) const GENERATE: &'static str = Self::GENERATE_TEXT.as_str();
    pub(super) const SCAN: &'static str = Self::SCAN_TEXT.as_str();
    pub(super) const AGGREGATE: &'static str = Self::AGGREGATE_TEXT.as_str();
}

/// Room for a family and a step.
const ROOM: usize = 64;
const LONGEST_FAMILY: usize = 48;

/// A text whose length is not known where it is declared: what constants of a trait cannot say
/// otherwise.
struct Text {
    bytes: [u8; ROOM],
    len: usize,
}

impl Text {
    const fn of(family: &str, step: &str) -> Self {
        assert!(
            !family.is_empty() && family.len() <= LONGEST_FAMILY,
            "Probe::FAMILY must have 1 to 48 characters"
        );
        let (mut bytes, mut len) = ([0; ROOM], 0);
        let mut i = 0;
        while i < family.len() {
            let byte = family.as_bytes()[i];
            assert!(
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_',
                "Probe::FAMILY may have `a` to `z`, `0` to `9` and `_`"
            );
            bytes[len] = byte;
            (i, len) = (i + 1, len + 1);
        }
        let mut i = 0;
        while i < step.len() {
            bytes[len] = step.as_bytes()[i];
            (i, len) = (i + 1, len + 1);
        }
        Self { bytes, len }
    }

    const fn as_str(&self) -> &str {
        match std::str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => text,
            // All bytes come from two texts, of which the first is ASCII.
            Err(_) => "",
        }
    }
}
