//! The link between the two sides, and the addresses behind it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::Command;

use ipnet::IpNet;
use serde_json::Value;

use super::error::BedError;
use super::namespace::Namespace;
use super::relay;

pub(super) const NETS: [IpNet; 2] = [
    IpNet::new_assert(IpAddr::V4(Ipv4Addr::new(198, 18, 0, 0)), 15),
    IpNet::new_assert(
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0)),
        48,
    ),
];

/// What `ip` is told on each side. The neighbours are fixed, so that no question for a hardware
/// address is on the link, and `nodad` spares the wait for IPv6 addresses.
const SCAN: &str = "\
link set lo up
link set scan0 up
addr add 192.0.2.1/24 dev scan0
addr add 2001:db8::1/64 dev scan0 nodad
neigh replace 192.0.2.2 lladdr 02:00:00:00:00:02 dev scan0 nud permanent
neigh replace 2001:db8::2 lladdr 02:00:00:00:00:02 dev scan0 nud permanent
route add 198.18.0.0/15 via 192.0.2.2
route add 2001:db8:1::/48 via 2001:db8::2
";
const FAR: &str = "\
link set lo up
link set far0 up
addr add 192.0.2.2/24 dev far0
addr add 2001:db8::2/64 dev far0 nodad
neigh replace 192.0.2.1 lladdr 02:00:00:00:00:01 dev far0 nud permanent
neigh replace 2001:db8::1 lladdr 02:00:00:00:00:01 dev far0 nud permanent
route add local 198.18.0.0/15 dev lo
route add local 2001:db8:1::/48 dev lo
";

/// What keeps the far side from giving up under load, or from holding its tongue.
const SETTINGS: &[(&str, &str)] = &[
    ("core.somaxconn", "65535"),
    ("ipv4.tcp_max_syn_backlog", "65535"),
    ("ipv4.tcp_syncookies", "1"),
    // A SYN-ACK is not repeated: each answer is to a probe.
    ("ipv4.tcp_synack_retries", "0"),
    ("ipv4.icmp_ratelimit", "0"),
    ("ipv4.icmp_msgs_per_sec", "1000000"),
    ("ipv6.icmp.ratelimit", "0"),
];

/// Joins the two sides, or each with one end of what is in the middle.
pub(super) fn join(
    scan: &Namespace,
    far: &Namespace,
    middle: Option<&Namespace>,
) -> Result<(), BedError> {
    let [scan_end, far_end] = [
        ("scan0", "address 02:00:00:00:00:01"),
        ("far0", "address 02:00:00:00:00:02"),
    ];
    match middle {
        None => pair(scan, scan_end, far, far_end)?,
        Some(middle) => {
            // It hands frames on and has nothing to say itself.
            middle.set("ipv6.conf.default.disable_ipv6", "1")?;
            let [near, away] = relay::INTERFACES;
            pair(scan, scan_end, middle, (near, ""))?;
            pair(far, far_end, middle, (away, ""))?;
            for name in relay::INTERFACES {
                middle.run(Command::new("ip").args(["link", "set", name, "up"]))?;
            }
        }
    }
    for (side, script) in [(scan, SCAN), (far, FAR)] {
        for line in script.lines() {
            side.run(Command::new("ip").args(line.split(' ')))?;
        }
    }
    for (name, value) in SETTINGS {
        // Some are of the whole machine on older kernels, and not there in a namespace.
        let _ = far.set(name, value);
    }
    Ok(())
}

/// Two interfaces that are joined: name and settings of each.
fn pair(
    one: &Namespace,
    (name, settings): (&str, &str),
    other: &Namespace,
    (peer, peer_settings): (&str, &str),
) -> Result<(), BedError> {
    // Two queues, as a small machine's network card has.
    let queues = "numtxqueues 2 numrxqueues 2";
    let words = format!(
        "link add {name} {settings} {queues} type veth peer name {peer} {peer_settings} {queues} netns"
    );
    one.run(
        Command::new("ip")
            .args(words.split_whitespace())
            .arg(other.path()),
    )?;
    Ok(())
}

/// How many frames an interface has received.
pub(super) fn received(side: &Namespace, interface: &str) -> Result<u64, BedError> {
    let output = side.run(Command::new("ip").args(["-s", "-j", "link", "show", interface]))?;
    serde_json::from_slice::<Value>(&output.stdout)
        .ok()
        .and_then(|said| said.pointer("/0/stats64/rx/packets")?.as_u64())
        .ok_or(BedError::Unreadable { program: "ip" })
}
