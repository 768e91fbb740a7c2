//! How a fetch ends.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The one class that each fetch ends in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RobotsOutcome {
    /// 2xx, and at least one group or sitemap.
    Rules,
    /// 2xx, and nothing but white space and comments.
    Empty,
    /// 2xx, and a page in place of rules; a random path does not give a similar one.
    Html,
    /// 2xx without rules, and a random path gives a similar page.
    #[serde(rename = "soft_404")]
    Soft404,
    /// 2xx, and not text.
    Binary,
    /// 2xx, and text without a known directive.
    NoRules,
    /// 404, 410, or another 4xx that is not [`RobotsOutcome::Blocked`]: "unavailable"
    /// (RFC 9309 §2.3.1.3).
    NotFound,
    /// 401, 403, 407, 429 or 451.
    Blocked,
    /// 5xx: "unreachable" (RFC 9309 §2.3.1.4).
    ServerError,
    /// Any other status: 1xx, 3xx without a usable `Location`, 6xx and up.
    BadStatus,
    /// A redirect to a URL that was visited already.
    RedirectLoop,
    /// More redirects than allowed (RFC 9309 §2.3.1.2: at least five).
    TooManyRedirects,
    /// A redirect that is not followed: to no URL, to another scheme than http and https, to an
    /// unusual port, or with user information in it.
    BadRedirect,
    /// The scope refused the name, a redirect's host, or every address of one.
    OutOfScope,
    /// The name does not exist or has no addresses.
    NoSuchName,
    /// The name server failed or was silent.
    DnsError,
    /// The connection was refused.
    Refused,
    /// The connection was closed or reset before a complete response.
    Reset,
    /// No connection for another reason, such as no route.
    Unreachable,
    /// The TLS handshake failed, a certificate that does not verify included; the latter is final,
    /// the former only if no other scheme answered.
    TlsError,
    /// The answer is not HTTP/1, or breaks its framing or coding.
    ProtocolError,
    /// Connecting, or the whole fetch, took too long.
    Timeout,
    /// The name is not a host name.
    InvalidName,
    /// The scanner's own machine could not try: it had no file, port or memory left for a socket,
    /// or its interface was down. Says nothing about the site, so a finished scan must not contain
    /// it: whoever meets it must fetch the name again, with fewer under way.
    LocalFailure,
}

/// What a crawler may do after an outcome (RFC 9309 §2.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RobotsAccess {
    /// Follow the rules.
    Rules,
    /// Access everything: the file is unavailable, or holds no rules.
    AllowAll,
    /// Access nothing: the file may exist and could not be read.
    DisallowAll,
}

/// The outcome as a ledger of targets counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CoarseOutcome {
    /// There is a robots.txt, an empty one included.
    Found,
    /// There is none.
    Absent,
    /// The peer refused to answer.
    Refused,
    /// No answer in time.
    TimedOut,
    /// The scope forbade it.
    OutOfScope,
    /// Anything else.
    Failed,
}

impl RobotsOutcome {
    /// Every outcome.
    pub const ALL: [Self; 24] = [
        Self::Rules,
        Self::Empty,
        Self::Html,
        Self::Soft404,
        Self::Binary,
        Self::NoRules,
        Self::NotFound,
        Self::Blocked,
        Self::ServerError,
        Self::BadStatus,
        Self::RedirectLoop,
        Self::TooManyRedirects,
        Self::BadRedirect,
        Self::OutOfScope,
        Self::NoSuchName,
        Self::DnsError,
        Self::Refused,
        Self::Reset,
        Self::Unreachable,
        Self::TlsError,
        Self::ProtocolError,
        Self::Timeout,
        Self::InvalidName,
        Self::LocalFailure,
    ];

    /// The class in snake case, as in the record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rules => "rules",
            Self::Empty => "empty",
            Self::Html => "html",
            Self::Soft404 => "soft_404",
            Self::Binary => "binary",
            Self::NoRules => "no_rules",
            Self::NotFound => "not_found",
            Self::Blocked => "blocked",
            Self::ServerError => "server_error",
            Self::BadStatus => "bad_status",
            Self::RedirectLoop => "redirect_loop",
            Self::TooManyRedirects => "too_many_redirects",
            Self::BadRedirect => "bad_redirect",
            Self::OutOfScope => "out_of_scope",
            Self::NoSuchName => "no_such_name",
            Self::DnsError => "dns_error",
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::Unreachable => "unreachable",
            Self::TlsError => "tls_error",
            Self::ProtocolError => "protocol_error",
            Self::Timeout => "timeout",
            Self::InvalidName => "invalid_name",
            Self::LocalFailure => "local_failure",
        }
    }

    /// What a crawler may do now. A 4xx, a blocking one included, makes the file unavailable and
    /// all accessible (§2.3.1.3), and so do too many redirects (§2.3.1.2). What kept the file from
    /// being read forbids all (§2.3.1.4).
    pub fn access(self) -> RobotsAccess {
        match self {
            Self::Rules => RobotsAccess::Rules,
            Self::Empty
            | Self::Html
            | Self::Soft404
            | Self::Binary
            | Self::NoRules
            | Self::NotFound
            | Self::Blocked
            | Self::RedirectLoop
            | Self::TooManyRedirects => RobotsAccess::AllowAll,
            _ => RobotsAccess::DisallowAll,
        }
    }

    /// The outcome as a ledger counts it.
    pub fn coarse(self) -> CoarseOutcome {
        match self {
            Self::Rules | Self::Empty => CoarseOutcome::Found,
            Self::Html
            | Self::Soft404
            | Self::Binary
            | Self::NoRules
            | Self::NotFound
            | Self::NoSuchName => CoarseOutcome::Absent,
            Self::Blocked | Self::Refused => CoarseOutcome::Refused,
            Self::Timeout => CoarseOutcome::TimedOut,
            Self::OutOfScope => CoarseOutcome::OutOfScope,
            _ => CoarseOutcome::Failed,
        }
    }
}

impl fmt::Display for RobotsOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
