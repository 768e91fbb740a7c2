//! Good robots.txt files: a pool of different ones, 50 bytes to 4 KB, in realistic groups.

use std::sync::LazyLock;

use super::{Page, is_odd_charset};
use crate::name::mix;
use crate::plan::{Choice, Plan};

/// Sites share this many files: enough that a scanner which mixes up two answers is found out,
/// few enough to keep them all in memory.
const VARIANTS: u64 = 512;
const LONGEST: usize = 4096;
const PLAIN: &str = "Content-Type: text/plain; charset=utf-8\r\n";

static POOL: LazyLock<Vec<Page>> = LazyLock::new(|| {
    (0..VARIANTS)
        .map(|v| Page::ok(PLAIN, write(v).as_bytes()))
        .collect()
});

/// The charsets that are not UTF-8. The text holds characters that differ in every one.
static ODD_CHARSETS: LazyLock<[Page; 3]> = LazyLock::new(|| {
    let text = "# Zugriff für Suchmaschinen\nUser-agent: *\nDisallow: /münchen/\nAllow: /\n";
    // The first 256 characters of Unicode are Latin-1.
    let latin1: Vec<u8> = text
        .chars()
        .filter_map(|c| u8::try_from(u32::from(c)).ok())
        .collect();
    let units = || std::iter::once(0xfeff).chain(text.encode_utf16());
    let little: Vec<u8> = units().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = units().flat_map(u16::to_be_bytes).collect();
    [
        Page::ok("Content-Type: text/plain; charset=iso-8859-1\r\n", &latin1),
        // The label is wrong on purpose: the byte order mark decides.
        Page::ok(PLAIN, &little),
        Page::ok("Content-Type: text/plain; charset=utf-16\r\n", &big),
    ]
});

/// The file of a site.
pub(crate) fn rules(plan: &Plan) -> &'static Page {
    if is_odd_charset(plan) {
        &ODD_CHARSETS[plan.draw(Choice::Body, 3) as usize]
    } else {
        &POOL[plan.draw(Choice::Body, VARIANTS) as usize]
    }
}

const AGENTS: [&str; 10] = [
    "Googlebot",
    "bingbot",
    "Yandex",
    "AhrefsBot",
    "SemrushBot",
    "GPTBot",
    "CCBot",
    "Baiduspider",
    "MJ12bot",
    "ia_archiver",
];
const PATHS: [&str; 16] = [
    "/admin/",
    "/cgi-bin/",
    "/wp-admin/",
    "/wp-admin/admin-ajax.php",
    "/search",
    "/*?sort=",
    "/*.pdf$",
    "/checkout/",
    "/cart",
    "/tmp/",
    "/private/",
    "/user/login",
    "/api/v1/",
    "/assets/js/",
    "/node/add/",
    "/*/print/",
];

/// Numbers for one variant.
struct Dice {
    state: u64,
}

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.state = mix(self.state);
        self.state % below
    }

    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        from[self.roll(from.len() as u64) as usize]
    }
}

/// The text of one variant: group after group until the drawn length is reached.
fn write(variant: u64) -> String {
    let mut dice = Dice {
        state: mix(variant),
    };
    // Small files are the common ones: the length is drawn evenly on a logarithmic scale.
    let wanted = (50 << dice.roll(7)) + dice.roll(50) as usize;
    let mut text = format!(
        "# robots {variant}\nUser-agent: *\nDisallow: {}\n",
        dice.pick(&PATHS)
    );
    if dice.roll(3) == 0 {
        text.push_str(&format!(
            "Sitemap: https://{variant}.lab.test/sitemap.xml\n"
        ));
    }
    while text.len() < wanted {
        let agent = dice.pick(&AGENTS);
        text.push_str(&format!("\nUser-agent: {agent}\n"));
        for _ in 0..=dice.roll(8) {
            let verb = if dice.roll(4) == 0 {
                "Allow"
            } else {
                "Disallow"
            };
            let path = dice.pick(&PATHS);
            text.push_str(&format!("{verb}: {path}\n"));
        }
        if dice.roll(5) == 0 {
            text.push_str(&format!("Crawl-delay: {}\n", 1 + dice.roll(30)));
        }
    }
    // Cut at a line's end.
    if text.len() > LONGEST {
        let end = text[..LONGEST].rfind('\n').unwrap_or(LONGEST - 1);
        text.truncate(end + 1);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_pool_is_varied_and_within_its_bounds() {
        let distinct: HashSet<&str> = POOL.iter().map(Page::sha256).collect();
        assert_eq!(distinct.len(), POOL.len());
        let lengths: Vec<usize> = POOL.iter().map(|page| page.body().len()).collect();
        assert!(
            lengths.iter().all(|len| (40..=LONGEST).contains(len)),
            "{lengths:?}"
        );
        assert!(lengths.iter().any(|&len| len < 100) && lengths.iter().any(|&len| len > 3_000));
    }
}
