//! The rules of a far side whose kernel answers.

use std::process::Command;

use ipnet::IpNet;
use serde_json::Value;

use super::error::BedError;
use super::namespace::Namespace;

/// Loads the rules that make some addresses silent, unreachable or closed ([`super::Fate`]), lose
/// `loss` percent of the packets in each direction, and count those to `watched` before anything.
pub(super) fn apply(far: &Namespace, loss: u8, watched: &[IpNet]) -> Result<(), BedError> {
    far.run(Command::new("nft").arg(rules(loss, watched)))?;
    Ok(())
}

fn rules(loss: u8, watched: &[IpNet]) -> String {
    let mut counters = String::new();
    let mut counting = String::new();
    for (number, net) in watched.iter().enumerate() {
        let family = if net.addr().is_ipv4() { "ip" } else { "ip6" };
        counters += &format!("counter watch{number} {{ }}\n");
        counting += &format!("{family} daddr {net} counter name watch{number}\n");
    }
    let lose = match loss {
        0 => String::new(),
        // The rule below counts to 99 only.
        100.. => "tcp dport 0-65535 drop\n".to_owned(),
        _ => format!("tcp dport 0-65535 numgen random mod 100 < {loss} drop\n"),
    };
    format!(
        "add table inet bed {{
{counters}
chain in {{ type filter hook prerouting priority -300
{counting}
iifname != far0 accept
{lose}
ip daddr & 0.0.0.15 {{ 0.0.0.8, 0.0.0.9, 0.0.0.10, 0.0.0.11 }} drop
ip6 daddr & ::f {{ ::8, ::9, ::a, ::b }} drop
ip daddr 198.18.0.0/15 ip daddr & 0.0.0.15 {{ 0.0.0.12, 0.0.0.13 }} reject with icmp type admin-prohibited
ip6 daddr 2001:db8:1::/48 ip6 daddr & ::f {{ ::c, ::d }} reject with icmpv6 type admin-prohibited
ip daddr & 0.0.0.15 {{ 0.0.0.14, 0.0.0.15 }} meta l4proto tcp reject with tcp reset
ip6 daddr & ::f {{ ::e, ::f }} meta l4proto tcp reject with tcp reset
}}
chain out {{ type filter hook output priority 0
oifname far0 {lose_out}
}}
}}",
        lose_out = if lose.is_empty() { "accept" } else { lose.trim_end() },
    )
}

/// What was counted for each of the watched nets.
pub(super) fn counts(far: &Namespace, watched: usize) -> Result<Vec<u64>, BedError> {
    let unreadable = || BedError::Unreadable { program: "nft" };
    let output =
        far.run(Command::new("nft").args(["-j", "list", "counters", "table", "inet", "bed"]))?;
    let said: Value = serde_json::from_slice(&output.stdout).map_err(|_| unreadable())?;
    let entries = said["nftables"].as_array().ok_or_else(unreadable)?;
    (0..watched)
        .map(|number| {
            let name = format!("watch{number}");
            let counters = entries.iter().map(|entry| &entry["counter"]);
            let found = counters
                .into_iter()
                .find(|counter| counter["name"] == name.as_str());
            found
                .and_then(|counter| counter["packets"].as_u64())
                .ok_or_else(unreadable)
        })
        .collect()
}
