//! Asking a neighbour for its hardware address: ARP (RFC 826) and neighbour solicitation
//! (RFC 4861, sections 4.3 and 4.4).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::link::MacAddr;

const ARP: [u8; 2] = [0x08, 0x06];
/// Ethernet, IPv4, and the lengths of their addresses.
const ARP_KIND: [u8; 6] = [0, 1, 8, 0, 6, 4];
const REQUEST: [u8; 2] = [0, 1];
const REPLY: [u8; 2] = [0, 2];
const IPV6: [u8; 2] = [0x86, 0xdd];
const ICMPV6: u8 = 58;
const NEIGHBOUR_SOLICITATION: u8 = 135;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
const SOURCE_LINK_ADDRESS: u8 = 1;
const TARGET_LINK_ADDRESS: u8 = 2;

/// A question, and what answers it.
pub(super) struct Solicitation {
    frame: Vec<u8>,
    neighbour: IpAddr,
}

/// The question for `neighbour`, asked from `source`; `None` when they are of different versions.
pub(super) fn solicit(mac: MacAddr, source: IpAddr, neighbour: IpAddr) -> Option<Solicitation> {
    let frame = match (source, neighbour) {
        (IpAddr::V4(source), IpAddr::V4(neighbour)) => arp(mac, source, neighbour),
        (IpAddr::V6(source), IpAddr::V6(neighbour)) => solicitation(mac, source, neighbour),
        _ => return None,
    };
    Some(Solicitation { frame, neighbour })
}

impl Solicitation {
    pub(super) fn frame(&self) -> &[u8] {
        &self.frame
    }

    /// The hardware address, if `frame` is the neighbour's answer.
    pub(super) fn answered_by(&self, frame: &[u8]) -> Option<MacAddr> {
        let kind = frame.get(12..14)?;
        let packet = frame.get(14..)?;
        match self.neighbour {
            IpAddr::V4(neighbour) if kind == ARP => arp_reply(packet, neighbour),
            IpAddr::V6(neighbour) if kind == IPV6 => advertisement(packet, neighbour),
            _ => None,
        }
    }
}

fn arp(mac: MacAddr, source: Ipv4Addr, neighbour: Ipv4Addr) -> Vec<u8> {
    let mut frame = [
        &MacAddr::BROADCAST.0[..],
        &mac.0,
        &ARP,
        &ARP_KIND,
        &REQUEST,
        &mac.0,
        &source.octets(),
        &[0; 6],
        &neighbour.octets(),
    ]
    .concat();
    // The shortest frame that Ethernet carries.
    frame.resize(60, 0);
    frame
}

fn arp_reply(packet: &[u8], neighbour: Ipv4Addr) -> Option<MacAddr> {
    let is_it = packet.get(..6)? == ARP_KIND
        && packet.get(6..8)? == REPLY
        && packet.get(14..18)? == neighbour.octets();
    is_it.then(|| sender(packet.get(8..14)?))?
}

fn solicitation(mac: MacAddr, source: Ipv6Addr, neighbour: Ipv6Addr) -> Vec<u8> {
    let [.., x, y, z] = neighbour.octets();
    // RFC 4291, section 2.7.1, and RFC 2464, section 7.
    let last = u16::from_be_bytes([y, z]);
    let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(x), last);
    let group_mac = [0x33, 0x33, 0xff, x, y, z];
    let mut message = [
        &[NEIGHBOUR_SOLICITATION, 0, 0, 0, 0, 0, 0, 0][..],
        &neighbour.octets(),
        &[SOURCE_LINK_ADDRESS, 1],
        &mac.0,
    ]
    .concat();
    let len = message.len() as u8;
    let pseudo_header = [
        &source.octets()[..],
        &group.octets(),
        &[0, 0, 0, len, 0, 0, 0, ICMPV6],
    ]
    .concat();
    let sum = checksum(&[pseudo_header.as_slice(), &message].concat());
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    [
        &group_mac[..],
        &mac.0,
        &IPV6,
        // A hop limit of 255 proves that nobody forwarded it.
        &[0x60, 0, 0, 0, 0, len, ICMPV6, 255],
        &source.octets(),
        &group.octets(),
        &message,
    ]
    .concat()
}

fn advertisement(packet: &[u8], neighbour: Ipv6Addr) -> Option<MacAddr> {
    let from_the_link = *packet.get(6)? == ICMPV6 && *packet.get(7)? == 255;
    let is_it = from_the_link
        && *packet.get(40)? == NEIGHBOUR_ADVERTISEMENT
        && packet.get(48..64)? == neighbour.octets();
    if !is_it {
        return None;
    }
    let mut options = packet.get(64..)?;
    loop {
        // Lengths are in units of eight bytes; 0 is no length, and ends the search.
        let len = usize::from(*options.get(1)?) * 8;
        if len == 0 {
            return None;
        }
        if *options.first()? == TARGET_LINK_ADDRESS {
            return sender(options.get(2..8)?);
        }
        options = options.get(len..)?;
    }
}

/// An address that one station can have.
fn sender(bytes: &[u8]) -> Option<MacAddr> {
    let mac: [u8; 6] = bytes.try_into().ok()?;
    (mac[0] & 1 == 0 && mac != [0; 6]).then_some(MacAddr(mac))
}

/// The Internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| match *pair {
        [high, low] => u32::from(u16::from_be_bytes([high, low])),
        [high] => u32::from(high) << 8,
        _ => 0,
    });
    let sum: u32 = words.sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    !((sum & 0xffff) + (sum >> 16)) as u16
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const US: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
    const THEM: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);

    fn v4() -> Solicitation {
        solicit(US, [192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap()
    }

    fn v6() -> Solicitation {
        let (us, them) = ("2001:db8::1", "2001:db8::2:3");
        solicit(US, us.parse().unwrap(), them.parse().unwrap()).unwrap()
    }

    #[test]
    fn an_arp_reply_tells_the_address_of_the_one_who_was_asked() {
        let question = v4();
        let mut reply = question.frame().to_vec();
        reply[21] = 2;
        reply[22..28].copy_from_slice(&THEM.0);
        reply[28..32].copy_from_slice(&[192, 0, 2, 2]);
        assert_eq!(question.answered_by(&reply), Some(THEM));
        reply[31] = 3;
        assert_eq!(question.answered_by(&reply), None, "somebody else's");
    }

    #[test]
    fn a_solicitation_adds_up_and_its_answer_is_understood() {
        let question = v6();
        let frame = question.frame();
        assert_eq!(frame[..6], [0x33, 0x33, 0xff, 0x02, 0x00, 0x03]);
        let sum = [&frame[22..54], &[0, 0, 0, 32, 0, 0, 0, 58], &frame[54..]].concat();
        assert_eq!(checksum(&sum), 0);

        let mut answer = frame.to_vec();
        answer[54] = 136;
        answer[78] = 2;
        answer[80..86].copy_from_slice(&THEM.0);
        assert_eq!(question.answered_by(&answer), Some(THEM));
        answer[21] = 64;
        assert_eq!(question.answered_by(&answer), None, "it came from afar");
    }

    #[test]
    fn nobody_is_asked_across_versions() {
        assert!(solicit(US, [192, 0, 2, 1].into(), Ipv6Addr::LOCALHOST.into()).is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(mut frame in prop::collection::vec(any::<u8>(), 0..200), six: bool) {
            let question = if six { v6() } else { v4() };
            let _ = question.answered_by(&frame);
            let len = frame.len().min(78);
            frame[..len].copy_from_slice(&question.frame().repeat(2)[..len]);
            let _ = question.answered_by(&frame);
        }
    }
}
