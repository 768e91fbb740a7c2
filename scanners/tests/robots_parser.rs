//! The parser against files written by hand, and against two others.
//!
//! `robotstxt` is a port of Google's parser, `texting_robots` one that was run on millions of
//! files. Where they differ from RFC 9309 or from our reading of it, the difference is listed in
//! [`DIFFERENCES`], and the generated files below keep away from it.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;

use proptest::prelude::*;
use robotstxt::DefaultMatcher;
use sortie_scanners::http::robots::Robots;
use texting_robots::Robot;

/// File, agent, path, and whether the agent may access it.
const CORPUS: &[(&str, &str, &str, bool)] = &[
    ("rfc_example", "foobot", "/example/page.html", true),
    ("rfc_example", "foobot", "/example/allowed.gif", true),
    ("rfc_example", "foobot", "/other", false),
    ("rfc_example", "barbot", "/example/page.html", false),
    ("rfc_example", "bazbot", "/example/page.html", false),
    ("rfc_example", "bazbot", "/anything/else.gif", true),
    ("rfc_example", "quxbot", "/example/page.html", true),
    ("rfc_example", "other", "/example/page.html", false),
    ("rfc_example", "other", "/x/y.gif", false),
    ("rfc_example", "other", "/x/y.gif?z", true),
    ("rfc_example", "other", "/publications/", true),
    ("longest_match", "foobot", "/example/page/", true),
    (
        "longest_match",
        "foobot",
        "/example/page/disallowed.gif",
        false,
    ),
    ("longest_match", "foobot", "/tie", true),
    ("merged_groups", "foo", "/a", false),
    ("merged_groups", "foo", "/b", false),
    ("merged_groups", "foo", "/c", true),
    ("merged_groups", "foo", "/everyone", true),
    ("merged_groups", "bar", "/c", false),
    ("merged_groups", "bar", "/b", true),
    ("merged_groups", "baz", "/everyone", false),
    ("sitemap_between", "foo", "/x", false),
    ("sitemap_between", "bar", "/x", false),
    ("escapes", "any", "/caf\u{e9}", false),
    ("escapes", "any", "/caf%c3%a9/menu", false),
    ("escapes", "any", "/na%C3%AFve", false),
    ("escapes", "any", "/~joe", false),
    ("escapes", "any", "/%7ejoe", false),
    ("escapes", "any", "/a/b", true),
    ("escapes", "any", "/a%2fb", false),
    ("escapes", "any", "/star-*", false),
    ("escapes", "any", "/star-x", true),
    ("versions", "foo", "/versioned", false),
    ("versions", "foo/9", "/versioned", false),
    ("versions", "mj12bot", "/digits", false),
    ("versions", "mj", "/digits", true),
    ("typos", "any", "/typo", true),
    ("typos", "any", "/no-colon", true),
    ("typos", "any", "/prefix", true),
    ("typos", "any", "/right", false),
    ("line_ends", "any", "/cr", false),
    ("line_ends", "any", "/crlf", false),
    ("line_ends", "any", "/lf", false),
    ("line_ends", "any", "/comment", true),
    ("line_ends", "any", "/mark", true),
    ("bom", "any", "/bom", false),
    ("no_group", "any", "/before", true),
    ("latin1", "any", "/plain", false),
    ("robots_itself", "any", "/robots.txt", true),
    ("robots_itself", "any", "/robots.txt2", false),
    ("robots_itself", "any", "", false),
    ("crawl_delay", "slow", "/x", false),
    ("index_html", "any", "/allowed/", false),
    ("index_html", "any", "/allowed/index.html", true),
    ("inner_star", "any", "/aab", false),
    ("inner_star", "any", "/aba", false),
    ("inner_star", "any", "/ba", true),
];

/// Where another parser gives the opposite answer, and why ours stands.
const DIFFERENCES: &[(&str, &str, &str, &str)] = &[
    // Other records "MUST NOT interfere" with groups (§2.2.4). To robotstxt 0.3 any of them ends a
    // run of user agents, to texting_robots a crawl delay does.
    ("google", "sitemap_between", "foo", "/x"),
    // Unreserved octets are compared plain, others as %XX without regard to case (§2.2.2).
    ("google", "escapes", "any", "/caf\u{e9}"),
    ("google", "escapes", "any", "/caf%c3%a9/menu"),
    ("texting", "escapes", "any", "/caf%c3%a9/menu"),
    ("google", "escapes", "any", "/~joe"),
    ("texting", "escapes", "any", "/~joe"),
    ("google", "escapes", "any", "/%7ejoe"),
    ("texting", "escapes", "any", "/%7ejoe"),
    ("google", "escapes", "any", "/a%2fb"),
    ("texting", "escapes", "any", "/a%2fb"),
    // %2A is how a pattern means an asterisk (§2.2.3).
    ("google", "escapes", "any", "/star-*"),
    ("texting", "escapes", "any", "/star-*"),
    // texting_robots compares whole lines, with their versions. robotstxt takes letters, `_` and
    // `-` of the line only, as the grammar says, so it cannot tell MJ12bot from "mj", nor obey a
    // rule for it.
    ("texting", "versions", "foo", "/versioned"),
    ("google", "versions", "foo/9", "/versioned"),
    ("texting", "versions", "foo/9", "/versioned"),
    ("google", "versions", "mj12bot", "/digits"),
    ("google", "versions", "mj", "/digits"),
    // Both guess at misspelt directives; robotstxt even at prefixes. The grammar has none.
    ("google", "typos", "any", "/typo"),
    ("texting", "typos", "any", "/typo"),
    ("google", "typos", "any", "/no-colon"),
    ("texting", "typos", "any", "/no-colon"),
    ("google", "typos", "any", "/prefix"),
    // The port looks for the bytes of the mark among characters.
    ("google", "bom", "any", "/bom"),
    // Rules before the first group are ignored (§2.2.1).
    ("texting", "no_group", "any", "/before"),
    // "The /robots.txt URI is implicitly allowed" (§2.2.2).
    ("google", "robots_itself", "any", "/robots.txt"),
    // See the first.
    ("google", "crawl_delay", "slow", "/x"),
    ("texting", "crawl_delay", "slow", "/x"),
    // Google's own extension: allowing index.html allows its directory.
    ("google", "index_html", "any", "/allowed/"),
    // See `has_inner_star`.
    ("google", "inner_star", "any", "/aab"),
];

#[test]
fn the_corpus_reads_as_written() {
    for (file, agent, path, allowed) in CORPUS {
        assert_eq!(
            parse(file).is_allowed(agent, path),
            *allowed,
            "{file}: {agent} {path}"
        );
    }
}

#[test]
fn the_other_parsers_differ_where_it_is_known() {
    let mut differences = Vec::new();
    for (file, agent, path, allowed) in CORPUS {
        let bytes = read(file);
        if google(&bytes, agent, path) != *allowed {
            differences.push(("google", *file, *agent, *path));
        }
        if texting(&bytes, agent, path) != *allowed {
            differences.push(("texting", *file, *agent, *path));
        }
    }
    assert_eq!(differences, DIFFERENCES);
}

#[test]
fn what_belongs_to_no_group() {
    let robots = parse("sitemap_between");
    assert_eq!(
        robots.sitemaps(),
        ["https://example.com/one.xml", "https://example.com/two.xml"]
    );
    assert_eq!((robots.group_count(), robots.rule_count()), (1, 1));
    let robots = parse("no_group");
    assert_eq!(
        (
            robots.group_count(),
            robots.rule_count(),
            robots.directive_count()
        ),
        (0, 0, 2)
    );
}

#[test]
fn crawl_delays() {
    let robots = parse("crawl_delay");
    assert_eq!(robots.crawl_delay("slow"), Some(2.5));
    assert_eq!(robots.crawl_delay("any"), Some(2.5));
    for bad in ["ten", "-1", "inf", "NaN", ""] {
        let robots = Robots::parse(format!("User-agent: *\nCrawl-delay: {bad}").as_bytes());
        assert_eq!(robots.crawl_delay("any"), None, "{bad}");
    }
}

#[test]
fn hostile_files_are_read_in_linear_time() {
    // Each would take minutes if matching backtracked or merging were quadratic.
    let stars = format!("User-agent: *\nDisallow: /{}x", "*a".repeat(100_000));
    assert!(Robots::parse(stars.as_bytes()).is_allowed("any", &"/a".repeat(50_000)));
    let near = format!("User-agent: *\nDisallow: *{}b", "a".repeat(200_000));
    assert!(Robots::parse(near.as_bytes()).is_allowed("any", &"a".repeat(200_000)));
    let agents: String = (0..50_000).map(|n| format!("User-agent: a{n}\n")).collect();
    let rules = "Disallow: /x\n".repeat(30_000);
    let robots = Robots::parse(format!("{agents}{rules}").as_bytes());
    assert!(!robots.is_allowed("a777", "/x"));
    let lines = "\n".repeat(1_000_000);
    assert!(Robots::parse(lines.as_bytes()).is_truncated());
}

/// Lines that all three parsers read alike, but for [`has_inner_star`].
fn line() -> impl Strategy<Value = String> {
    let agent = prop_oneof![Just("*"), Just("foo"), Just("bar"), Just("Foo")];
    let pattern = "/([ab/]{1,3}\\*?){0,4}\\$?";
    prop_oneof![
        2 => agent.prop_map(|agent| format!("User-agent: {agent}")),
        3 => pattern.prop_map(|pattern| format!("Disallow: {pattern}")),
        2 => pattern.prop_map(|pattern| format!("Allow: {pattern} # why not")),
        1 => Just("Sitemap: https://example.com/map.xml".to_owned()),
        1 => Just("X-Other: thing".to_owned()),
        1 => Just(String::new()),
    ]
}

proptest! {
    #[test]
    fn three_parsers_agree(
        lines in proptest::collection::vec(line(), 0..12),
        agent in prop_oneof![Just("foo"), Just("bar"), Just("baz")],
        path in "/[ab/]{0,8}",
    ) {
        // With no group at all, texting_robots applies stray rules to everybody.
        let start = "User-agent: qux\n";
        let whole = format!("{start}{}", lines.join("\n"));
        let ours = Robots::parse(whole.as_bytes()).is_allowed(agent, &path);
        // Other records mean nothing to access, so the others may as well not see them.
        let known: Vec<_> = lines.into_iter().filter(|line| !is_other(line)).collect();
        let file = format!("{start}{}", known.join("\n"));
        if !known.iter().any(|line| has_inner_star(line)) {
            prop_assert_eq!(ours, google(file.as_bytes(), agent, &path), "google: {}", file);
        }
        prop_assert_eq!(ours, texting(file.as_bytes(), agent, &path), "texting: {}", file);
    }

    #[test]
    fn any_bytes_parse(bytes: Vec<u8>, agent: String, path: String) {
        let robots = Robots::parse(&bytes);
        robots.is_allowed(&agent, &path);
        robots.crawl_delay(&agent);
    }

    #[test]
    fn the_order_of_rules_does_not_matter(
        mut rules in proptest::collection::vec("(Allow|Disallow): /[ab*]{0,4}", 1..8),
        path in "/[ab]{0,6}",
    ) {
        let allowed = |rules: &[String]| {
            let file = format!("User-agent: *\n{}", rules.join("\n"));
            Robots::parse(file.as_bytes()).is_allowed("foo", &path)
        };
        let before = allowed(&rules);
        rules.reverse();
        prop_assert_eq!(before, allowed(&rules));
    }

    #[test]
    fn a_pattern_matches_like_its_regular_expression(
        pattern in "/[ab*]{0,6}\\$?",
        path in "/[ab]{0,8}",
    ) {
        let file = format!("User-agent: *\nDisallow: {pattern}");
        let denied = !Robots::parse(file.as_bytes()).is_allowed("foo", &path);
        prop_assert_eq!(denied, backtracking(pattern.as_bytes(), path.as_bytes()));
    }
}

fn is_other(line: &str) -> bool {
    line.starts_with("Sitemap") || line.starts_with("X-")
}

/// Whether more than the end follows a star. The port of Google's matcher then shifts the list of
/// positions that it is reading, and misses matches: to it, `/*ab` does not match `/aab`.
fn has_inner_star(line: &str) -> bool {
    let star = line
        .split(" #")
        .next()
        .and_then(|rule| rule.split_once('*'));
    star.is_some_and(|(_, rest)| {
        !line.starts_with("User-agent") && !rest.trim_matches('*').is_empty()
    })
}

/// The obvious matcher, too slow for hostile patterns.
fn backtracking(pattern: &[u8], path: &[u8]) -> bool {
    match pattern {
        [] => true,
        b"$" => path.is_empty(),
        [b'*', rest @ ..] => (0..=path.len()).any(|at| backtracking(rest, &path[at..])),
        [byte, rest @ ..] => path.first() == Some(byte) && backtracking(rest, &path[1..]),
    }
}

fn google(bytes: &[u8], agent: &str, path: &str) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let url = format!("https://example.com{path}");
    DefaultMatcher::default().one_agent_allowed_by_robots(&text, agent, &url)
}

fn texting(bytes: &[u8], agent: &str, path: &str) -> bool {
    Robot::new(agent, bytes).unwrap().allowed(path)
}

fn parse(file: &str) -> Robots {
    Robots::parse(&read(file))
}

fn read(file: &str) -> Vec<u8> {
    let path = format!("{}/tests/corpus/{file}.txt", env!("CARGO_MANIFEST_DIR"));
    fs::read(path).unwrap()
}
