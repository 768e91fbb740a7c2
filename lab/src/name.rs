//! Names: which site a host belongs to, and the number every property of that site is drawn from.

use std::ops::Range;

/// The suffix of every generated name.
pub const SUFFIX: &str = "lab.test";

/// The suffix of names that no scan may have in scope: they resolve to the canary.
pub const ELSEWHERE: &str = "elsewhere.invalid-lab.test";

/// Prefixes that name another host of the same site.
const HOST_PREFIXES: [&str; 2] = ["www.", "cdn."];

/// The generated name number `index`: `s0000123.lab.test`.
pub fn name(index: u64) -> String {
    format!("s{index:07}.{SUFFIX}")
}

/// The generated names of a range of numbers.
pub fn names(range: Range<u64>) -> impl Iterator<Item = String> + Clone {
    range.map(name)
}

/// The bare name of the site that `host` belongs to: `www.` and `cdn.` are hosts of the site.
pub(crate) fn site(host: &str) -> &str {
    let mut site = host.strip_suffix('.').unwrap_or(host);
    // Repeated, because the redirect target of `cdn.example.com` may be `www.cdn.example.com`.
    while let Some(rest) = HOST_PREFIXES.iter().find_map(|p| strip_prefix(site, p)) {
        site = rest;
    }
    site
}

/// Whether `host` is the `prefix` host of its site. Case does not matter.
pub(crate) fn has_prefix(host: &str, prefix: &str) -> bool {
    strip_prefix(host, prefix).is_some()
}

fn strip_prefix<'a>(host: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = host.split_at_checked(prefix.len())?;
    // `www.com` is a site of its own.
    (head.eq_ignore_ascii_case(prefix) && rest.contains('.')).then_some(rest)
}

/// Whether `host` lies under [`ELSEWHERE`].
pub(crate) fn is_elsewhere(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).as_bytes();
    let suffix = ELSEWHERE.as_bytes();
    host.len() >= suffix.len() && host[host.len() - suffix.len()..].eq_ignore_ascii_case(suffix)
}

/// Whether `host` can be asked of a DNS server and put in a URL as a name: labels of 1–63 letters,
/// digits, hyphens and underscores, 253 bytes in all, and a last label that is not a number
/// (or a URL parser takes it for an IPv4 address).
pub fn is_valid(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let label_is_valid = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let last = host.rsplit('.').next().unwrap_or(host);
    host.len() <= 253
        && host.split('.').all(label_is_valid)
        && !last.bytes().all(|b| b.is_ascii_digit())
}

/// A number for the site, the same in every run and on every machine: FNV-1a over the lower-case
/// name, finished with the mixer of SplitMix64 because FNV alone leaves the high bits of similar
/// names similar.
pub(crate) fn site_hash(host: &str) -> u64 {
    let fnv = site(host)
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0000_0100_0000_01b3)
        });
    mix(fnv)
}

/// The finishing step of SplitMix64: a bijection that spreads every input bit over the output.
pub(crate) const fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_one_site_share_its_hash() {
        for host in [
            "www.example.com",
            "EXAMPLE.com.",
            "cdn.www.example.com",
            "Www.Example.Com",
        ] {
            assert_eq!(site_hash(host), site_hash("example.com"), "{host}");
        }
        assert_ne!(site_hash("example.com"), site_hash("example.org"));
    }

    #[test]
    fn a_prefix_alone_is_not_stripped_to_a_top_level_domain() {
        assert_eq!(site("www.com"), "www.com");
        assert_eq!(site("cdn.net."), "cdn.net");
    }

    #[test]
    fn names_that_no_resolver_takes_are_invalid() {
        assert!(is_valid("s0000001.lab.test") && is_valid("_x.example.com."));
        let long = "a".repeat(64) + ".com";
        for host in [
            "",
            ".",
            "a..b",
            "ex ample.com",
            "127.0.0.1",
            "näme.de",
            long.as_str(),
        ] {
            assert!(!is_valid(host), "{host}");
        }
    }
}
