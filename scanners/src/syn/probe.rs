//! A SYN, and the proof that something answers it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::link::{Filter, LinkInfo};
use crate::probe::{Attempt, CookieKey, Cookies, IpVersion, Probe, Rejected, SourcePorts, Valid};
use crate::target::Target;
use crate::wire::{
    EtherType, Ethernet, Fields, Icmp, Icmpv6, Ipv4, Ipv6, Tcp, TcpFlags, TcpHeader, TcpTemplate,
    protocol,
};

use super::answer::SynAnswer;
use super::classify::{SynEvidence, classify};
use super::options::SynStyle;

/// The window of a probe, in bytes: that of Windows and of Linux on Ethernet.
const WINDOW: u16 = 64240;

/// Sends a SYN to each target. See [`Probe`].
#[derive(Clone, Debug)]
pub struct SynProbe {
    v4: Option<Version<Ipv4Addr>>,
    v6: Option<Version<Ipv6Addr>>,
    cookies: Cookies,
}

/// What is prepared for one version of IP.
#[derive(Clone, Debug)]
struct Version<A> {
    source: A,
    syn: TcpTemplate,
    rst: TcpTemplate,
}

impl SynProbe {
    /// Probes that go the way of `link`, look like `style`, and are known by `key` and `ports`.
    pub fn new(link: &LinkInfo, style: SynStyle, key: &CookieKey, ports: SourcePorts) -> Self {
        // What is left of a packet for the segment: headers of 40 bytes, or 60 with IPv6.
        let mss =
            |headers: u32| u16::try_from(link.mtu.saturating_sub(headers)).unwrap_or(u16::MAX);
        let template = |source: IpAddr, next_hop, flags, options| {
            TcpTemplate::new(&TcpHeader {
                mac: link.mac,
                next_hop,
                source,
                ttl: style.ttl(),
                flags,
                window: if flags == TcpFlags::SYN { WINDOW } else { 0 },
                options,
            })
        };
        let v4 = link.v4.map(|path| Version {
            source: path.source,
            syn: template(
                path.source.into(),
                path.next_hop,
                TcpFlags::SYN,
                style.options(mss(40)),
            ),
            rst: template(path.source.into(), path.next_hop, TcpFlags::RST, Vec::new()),
        });
        let v6 = link.v6.map(|path| Version {
            source: path.source,
            syn: template(
                path.source.into(),
                path.next_hop,
                TcpFlags::SYN,
                style.options(mss(60)),
            ),
            rst: template(path.source.into(), path.next_hop, TcpFlags::RST, Vec::new()),
        });
        Self {
            v4,
            v6,
            cookies: Cookies::new(key, ports),
        }
    }

    /// The cookies of the probes.
    pub fn cookies(&self) -> &Cookies {
        &self.cookies
    }

    fn validate_v4(&self, bytes: &[u8], verify: bool) -> Result<Valid<SynEvidence>, Rejected> {
        let ours = self.v4.as_ref().ok_or(Rejected::Foreign)?.source;
        let packet = Ipv4::parse(bytes)?;
        if packet.destination != ours {
            return Err(Rejected::Foreign);
        }
        match packet.protocol {
            protocol::TCP => {
                let way = (packet.source.into(), ours.into());
                self.validate_tcp(packet.payload, way, packet.ttl, verify)
            }
            protocol::ICMP => {
                let message = Icmp::parse(packet.payload, verify)?;
                let (Icmp::UNREACHABLE | Icmp::TIME_EXCEEDED) = message.kind else {
                    return Err(Rejected::Foreign);
                };
                let quoted = Ipv4::parse_quoted(message.payload)?;
                if quoted.source != ours || quoted.protocol != protocol::TCP {
                    return Err(Rejected::Foreign);
                }
                let evidence = SynEvidence::Error {
                    from: packet.source.into(),
                    ttl: packet.ttl,
                    kind: message.kind,
                    code: message.code,
                };
                self.validate_quoted(quoted.payload, quoted.destination.into(), evidence)
            }
            _ => Err(Rejected::Foreign),
        }
    }

    fn validate_v6(&self, bytes: &[u8], verify: bool) -> Result<Valid<SynEvidence>, Rejected> {
        let ours = self.v6.as_ref().ok_or(Rejected::Foreign)?.source;
        let packet = Ipv6::parse(bytes)?;
        if packet.destination != ours {
            return Err(Rejected::Foreign);
        }
        let way = (packet.source.into(), ours.into());
        match packet.protocol {
            protocol::TCP => self.validate_tcp(packet.payload, way, packet.hop_limit, verify),
            protocol::ICMPV6 => {
                let message = Icmpv6::parse(packet.payload, verify.then_some(way))?;
                let (Icmpv6::UNREACHABLE | Icmpv6::TIME_EXCEEDED) = message.kind else {
                    return Err(Rejected::Foreign);
                };
                let quoted = Ipv6::parse_quoted(message.payload)?;
                if quoted.source != ours || quoted.protocol != protocol::TCP {
                    return Err(Rejected::Foreign);
                }
                let evidence = SynEvidence::Error {
                    from: packet.source.into(),
                    ttl: packet.hop_limit,
                    kind: message.kind,
                    code: message.code,
                };
                self.validate_quoted(quoted.payload, quoted.destination.into(), evidence)
            }
            _ => Err(Rejected::Foreign),
        }
    }

    fn validate_tcp(
        &self,
        bytes: &[u8],
        (source, ours): (IpAddr, IpAddr),
        ttl: u8,
        verify: bool,
    ) -> Result<Valid<SynEvidence>, Rejected> {
        let segment = Tcp::parse(bytes)?;
        if self.cookies.ports().attempt(segment.destination).is_none() {
            return Err(Rejected::Foreign);
        }
        if verify {
            Tcp::verify(bytes, source, ours)?;
        }
        let recognise = |seq| {
            self.cookies
                .recognise(source, segment.source, segment.destination, seq)
        };
        let flags = segment.flags;
        let (attempt, evidence) = if flags.contains(TcpFlags::RST) {
            // Some stacks acknowledge the SYN with its own number.
            let attempt = recognise(segment.ack.wrapping_sub(1)).or_else(|| recognise(segment.ack));
            (attempt, SynEvidence::Reset { ttl })
        } else if flags.contains(TcpFlags::SYN | TcpFlags::ACK) {
            let evidence = SynEvidence::SynAck {
                ttl,
                window: segment.window,
                options: !segment.options.is_empty(),
                ack: segment.ack,
            };
            (recognise(segment.ack.wrapping_sub(1)), evidence)
        } else {
            return Err(Rejected::Unexpected);
        };
        Ok(Valid {
            addr: source,
            port: segment.source,
            attempt: attempt.ok_or(Rejected::Forged)?,
            evidence,
        })
    }

    /// The quoted segment is our own probe: it went from our port to the target's.
    fn validate_quoted(
        &self,
        segment: &[u8],
        addr: IpAddr,
        evidence: SynEvidence,
    ) -> Result<Valid<SynEvidence>, Rejected> {
        let (source_port, port, seq) = Tcp::parse_quoted(segment)?;
        if self.cookies.ports().attempt(source_port).is_none() {
            return Err(Rejected::Foreign);
        }
        let attempt = self.cookies.recognise(addr, port, source_port, seq);
        Ok(Valid {
            addr,
            port,
            attempt: attempt.ok_or(Rejected::Forged)?,
            evidence,
        })
    }
}

impl Probe for SynProbe {
    type Evidence = SynEvidence;
    type Answer = SynAnswer;

    fn filter(&self) -> Filter {
        Filter {
            v4: self.v4.as_ref().map(|v4| v4.source),
            v6: self.v6.as_ref().map(|v6| v6.source),
            ..Filter::new(self.cookies.ports().range())
        }
    }

    fn passes(&self) -> u8 {
        self.cookies.ports().passes()
    }

    fn canary_rounds(&self) -> u16 {
        self.cookies.ports().canary_rounds()
    }

    fn prepare(&self, version: IpVersion, slot: &mut [u8]) -> usize {
        let template = match version {
            IpVersion::V4 => self.v4.as_ref().map(|v4| &v4.syn),
            IpVersion::V6 => self.v6.as_ref().map(|v6| &v6.syn),
        };
        template.map_or(0, |template| template.lay(slot))
    }

    #[inline]
    fn patch(&self, slot: &mut [u8], target: &Target, attempt: Attempt) {
        let (addr, port) = (target.addr(), target.port());
        let cookie = self.cookies.cookie(addr, port, attempt);
        let fields = Fields {
            source_port: cookie.source_port,
            port,
            seq: cookie.seq,
            id: cookie.id,
        };
        match (addr, &self.v4, &self.v6) {
            (IpAddr::V4(addr), Some(v4), _) => v4.syn.patch_v4(slot, addr, fields),
            (IpAddr::V6(addr), _, Some(v6)) => v6.syn.patch_v6(slot, addr, fields),
            // There is no template, so `prepare` has made the frame empty.
            _ => {}
        }
    }

    fn validate(&self, frame: &[u8], verify: bool) -> Result<Valid<SynEvidence>, Rejected> {
        let frame = Ethernet::parse(frame)?;
        match frame.kind {
            EtherType::IPV4 => self.validate_v4(frame.payload, verify),
            EtherType::IPV6 => self.validate_v6(frame.payload, verify),
            _ => Err(Rejected::Foreign),
        }
    }

    fn classify(&self, answer: &Valid<SynEvidence>) -> SynAnswer {
        classify(answer)
    }

    /// A RST with the number that the target waits for (RFC 9293 §3.10.7.3), so that it forgets
    /// the half-open connection at once.
    fn close(&self, answer: &Valid<SynEvidence>, slot: &mut [u8]) -> usize {
        let SynEvidence::SynAck { ack, .. } = answer.evidence else {
            return 0;
        };
        let cookie = self
            .cookies
            .cookie(answer.addr, answer.port, answer.attempt);
        let fields = Fields {
            source_port: cookie.source_port,
            port: answer.port,
            seq: ack,
            id: cookie.id,
        };
        match (answer.addr, &self.v4, &self.v6) {
            (IpAddr::V4(addr), Some(v4), _) => {
                let len = v4.rst.lay(slot);
                v4.rst.patch_v4(slot, addr, fields);
                len
            }
            (IpAddr::V6(addr), _, Some(v6)) => {
                let len = v6.rst.lay(slot);
                v6.rst.patch_v6(slot, addr, fields);
                len
            }
            _ => 0,
        }
    }
}
