// Included by the targets that read replies: a probe with a known key, and what must hold. Not every
// target uses all of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use sortie_scanners::link::{LinkInfo, MacAddr, Path};
use sortie_scanners::probe::{
    Attempt, Cookie, CookieKey, Probe as _, Rejected, SourcePorts, Valid,
};
use sortie_scanners::syn::{SynEvidence, SynProbe, SynStyle};

/// Where probes come from, and where answers do.
const OURS_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const OURS_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
#[allow(dead_code)]
const HOST_V4: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 7);
#[allow(dead_code)]
const HOST_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7);

static PROBE: LazyLock<SynProbe> = LazyLock::new(|| {
    let mut info = LinkInfo::new("fuzz", MacAddr::default());
    let next_hop = MacAddr::default();
    info.v4 = Some(Path {
        source: OURS_V4,
        next_hop,
    });
    info.v6 = Some(Path {
        source: OURS_V6,
        next_hop,
    });
    let ports = SourcePorts::new(SourcePorts::DEFAULT, 2).unwrap();
    SynProbe::new(&info, SynStyle::Windows, &CookieKey::fixed([7; 16]), ports)
});

/// Nothing panics; what is believed is believed without checksums, too, and means the same.
fn check(frame: &[u8]) -> Result<Valid<SynEvidence>, Rejected> {
    let strict = PROBE.validate(frame, true);
    let lenient = PROBE.validate(frame, false);
    PROBE.filter().admits(frame);
    if let Ok(valid) = strict {
        assert_eq!(Ok(valid), lenient);
        PROBE.classify(&valid);
        PROBE.close(&valid, &mut [0; 128]);
        // The filter refuses IPv6 with extension headers, which no answer to a SYN has.
        let plain = frame[12] == 0x08 || matches!(frame[20], 6 | 58);
        assert!(!plain || PROBE.filter().admits(frame), "it must pass the filter");
    }
    strict
}

/// Which try the answer is to, as `choice` has it, and what its probe carried.
#[allow(dead_code)]
fn sent(choice: u8, addr: IpAddr, port: u16) -> (Attempt, Cookie) {
    let attempt = match choice & 3 {
        pass @ (0 | 1) => Attempt::Pass(pass),
        _ => Attempt::Canary(u16::from(choice >> 2)),
    };
    (attempt, PROBE.cookies().cookie(addr, port, attempt))
}

/// An Ethernet frame with an IPv4 packet to us, whose header is right.
#[allow(dead_code)]
fn packet_v4(from: Ipv4Addr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let len = (payload.len() as u16).wrapping_add(20).to_be_bytes();
    let mut header = vec![0x45, 0, len[0], len[1], 0, 0, 0, 0, 57, protocol, 0, 0];
    header.extend(from.octets());
    header.extend(OURS_V4.octets());
    let sum = sortie_scanners::wire::Sum::ZERO.bytes(&header).checksum();
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    [&[0; 12], &[0x08, 0x00][..], &header, payload].concat()
}

/// The same in IPv6.
#[allow(dead_code)]
fn packet_v6(from: Ipv6Addr, next: u8, payload: &[u8]) -> Vec<u8> {
    let len = (payload.len() as u16).to_be_bytes();
    let header = [0x60, 0, 0, 0, len[0], len[1], next, 57];
    let (from, to) = (from.octets(), OURS_V6.octets());
    [&[0; 12], &[0x86, 0xdd][..], &header, &from, &to, payload].concat()
}
