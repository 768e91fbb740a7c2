//! VLAN tags (IEEE 802.1Q), which stand between the addresses and the type.

use super::bytes_at;

/// Most tags that are stepped over: two, as in 802.1ad.
const MAX_TAGS: usize = 2;

/// Types that announce a tag: 802.1Q, 802.1ad, and the one used before the latter.
const TAGS: [u16; 3] = [0x8100, 0x88a8, 0x9100];

/// The type and the start of what lies behind the tags, given where the type stands; `None` when
/// the frame ends before that.
pub(super) fn step_over(frame: &[u8], mut at: usize) -> Option<(u16, usize)> {
    let mut kind = u16::from_be_bytes(bytes_at(frame, at)?);
    for _ in 0..MAX_TAGS {
        if !TAGS.contains(&kind) {
            break;
        }
        at += 4;
        kind = u16::from_be_bytes(bytes_at(frame, at)?);
    }
    Some((kind, at + 2))
}
