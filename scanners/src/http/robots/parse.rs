//! The parser of robots.txt (RFC 9309 §2).

use memchr::memchr2;

use super::pattern::{Pattern, normalise_path};

/// Lines, and rules, beyond these are not read. 500 KiB of rules, which parsers must take
/// (§2.5), stay below.
const MAX_LINES: usize = 200_000;
const MAX_RULES: usize = 100_000;

/// A parsed robots.txt.
///
/// Lines that are no known record are skipped, as are rules before the first group (§2.2.1).
/// Sitemaps belong to no group; crawl delays are kept although the RFC does not know them.
#[derive(Clone, Debug, Default)]
pub struct Robots {
    groups: Vec<Group>,
    sitemaps: Vec<String>,
    rules: usize,
    directives: usize,
    truncated: bool,
}

/// Consecutive user-agent lines and the rules under them. Groups of the same product token are
/// merged when they are asked, not here: the table of a hostile file would be quadratic.
#[derive(Clone, Debug, Default)]
struct Group {
    agents: Vec<String>,
    rules: Vec<Rule>,
    crawl_delay: Option<f64>,
    /// Whether a rule was seen, even an empty one, so that a user-agent line starts a new group.
    closed: bool,
}

#[derive(Clone, Debug)]
struct Rule {
    allow: bool,
    pattern: Pattern,
}

impl Robots {
    /// Parses `bytes`, which need not be UTF-8. Every input has a meaning.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut robots = Self::default();
        let mut rest = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut lines = 0;
        while !rest.is_empty() {
            lines += 1;
            if lines > MAX_LINES || robots.rules >= MAX_RULES {
                robots.truncated = true;
                break;
            }
            let end = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
            robots.on_line(&rest[..end]);
            rest = rest.get(end + 1..).unwrap_or_default();
        }
        robots
    }

    /// Whether `agent` may access `path`.
    ///
    /// `agent` is a product token or a whole user agent that begins with one (`sortie/0.1`); it is
    /// matched without regard to case (§2.2.1). `path` begins with `/` and may have a query. The
    /// longest matching rule decides, and of two equal ones the allowing one (§2.2.2); without a
    /// rule the path is allowed, and `/robots.txt` always is.
    ///
    /// It takes time linear in the size of the rules plus that of `path` for each rule.
    pub fn is_allowed(&self, agent: &str, path: &str) -> bool {
        let path = normalise_path(path.as_bytes());
        if path == b"/robots.txt" {
            return true;
        }
        let mut best: Option<(usize, bool)> = None;
        for rule in self.groups_for(agent).flat_map(|group| &group.rules) {
            let rank = (rule.pattern.octets(), rule.allow);
            // Ordered by length, then by allowing; a shorter one need not be matched at all.
            if best.is_none_or(|best| rank > best) && rule.pattern.matches(&path) {
                best = Some(rank);
            }
        }
        best.is_none_or(|(_, allow)| allow)
    }

    /// The time that `agent` is asked to wait between requests, in seconds.
    pub fn crawl_delay(&self, agent: &str) -> Option<f64> {
        self.groups_for(agent).find_map(|group| group.crawl_delay)
    }

    /// The sitemaps, as they are written.
    pub fn sitemaps(&self) -> &[String] {
        &self.sitemaps
    }

    /// How many groups there are, before merging.
    pub fn group_count(&self) -> usize {
        self.groups.len()
    }

    /// How many allow and disallow lines there are in groups, empty ones included.
    pub fn rule_count(&self) -> usize {
        self.rules
    }

    /// How many lines are known records, wherever they stand.
    pub fn directive_count(&self) -> usize {
        self.directives
    }

    /// Whether the file has more lines or rules than are read.
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// The groups that name the agent, or else those for all (§2.2.1).
    fn groups_for(&self, agent: &str) -> impl Iterator<Item = &Group> {
        let token = product_token(agent.as_bytes());
        let named = |group: &&Group| group.agents.contains(&token);
        let token_or_all = if self.groups.iter().any(|group| named(&group)) {
            token.clone()
        } else {
            "*".into()
        };
        self.groups
            .iter()
            .filter(move |group| group.agents.contains(&token_or_all))
    }

    fn on_line(&mut self, line: &[u8]) {
        let end = memchr::memchr(b'#', line).unwrap_or(line.len());
        let line = &line[..end];
        let Some(colon) = memchr::memchr(b':', line) else {
            return;
        };
        let key = line[..colon].trim_ascii();
        let value = line[colon + 1..].trim_ascii();
        let is = |name: &str| key.eq_ignore_ascii_case(name.as_bytes());
        if is("user-agent") {
            self.on_user_agent(value);
        } else if is("allow") {
            self.on_rule(true, value);
        } else if is("disallow") {
            self.on_rule(false, value);
        } else if is("sitemap") {
            self.sitemaps
                .push(String::from_utf8_lossy(value).into_owned());
        } else if is("crawl-delay") {
            self.on_crawl_delay(value);
        } else {
            return;
        }
        self.directives += 1;
    }

    fn on_user_agent(&mut self, value: &[u8]) {
        let token = product_token(value);
        match self.groups.last_mut() {
            Some(group) if !group.closed => group.agents.push(token),
            _ => self.groups.push(Group {
                agents: vec![token],
                ..Group::default()
            }),
        }
    }

    fn on_rule(&mut self, allow: bool, value: &[u8]) {
        let Some(group) = self.groups.last_mut() else {
            return;
        };
        group.closed = true;
        self.rules += 1;
        // "Disallow:" without a path forbids nothing, and "Allow:" allows nothing.
        if !value.is_empty() {
            group.rules.push(Rule {
                allow,
                pattern: Pattern::new(value),
            });
        }
    }

    /// Not a rule to the RFC, so it does not end the run of user agents.
    fn on_crawl_delay(&mut self, value: &[u8]) {
        let seconds = std::str::from_utf8(value)
            .ok()
            .and_then(|text| text.parse::<f64>().ok());
        let Some(seconds) = seconds.filter(|seconds| seconds.is_finite() && *seconds >= 0.0) else {
            return;
        };
        if let Some(group) = self.groups.last_mut() {
            group.crawl_delay.get_or_insert(seconds);
        }
    }
}

/// The product token at the head of a user agent: up to white space or the `/` of a version. The
/// RFC allows letters, `_` and `-` only; bots with digits and dots in their names exist, and are
/// kept whole so that they are told apart.
fn product_token(agent: &[u8]) -> String {
    let agent = agent.trim_ascii();
    let end = agent
        .iter()
        .position(|byte| byte.is_ascii_whitespace() || *byte == b'/');
    let token = &agent[..end.unwrap_or(agent.len())];
    String::from_utf8_lossy(token).to_ascii_lowercase()
}
