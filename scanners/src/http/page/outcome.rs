//! How a fetch ends.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The one class that each fetch ends in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PageOutcome {
    /// 2xx.
    Page,
    /// 404, 410, or another 4xx that is not [`PageOutcome::Blocked`].
    NotFound,
    /// 401, 403, 407, 429 or 451.
    Blocked,
    /// 5xx.
    ServerError,
    /// Any other status: 1xx, 3xx without a usable `Location`, 6xx and up.
    BadStatus,
    /// A redirect to a URL that was visited already.
    RedirectLoop,
    /// More redirects than allowed.
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
    /// No connection for another reason, such as a router on the way that knows no route.
    Unreachable,
    /// The scanner's own machine has no route to any address: IPv6 where it has none of its own.
    /// Nothing was sent, so it says nothing about the site.
    NoRoute,
    /// The TLS handshake failed, a certificate that does not verify included.
    TlsError,
    /// The answer is not HTTP/1, or breaks its framing or coding.
    ProtocolError,
    /// Connecting, or the whole fetch, took too long.
    Timeout,
    /// The URL that was asked for is none, or one that is not followed either when a redirect
    /// leads there; or it has an address that is none of those that it was found at.
    InvalidUrl,
    /// The scanner's own machine could not try: it had no file, port or memory left for a socket,
    /// or its interface was down. Says nothing about the site, so a finished scan must not contain
    /// it: whoever meets it must fetch the page again, with fewer under way.
    LocalFailure,
}

impl PageOutcome {
    /// Every outcome.
    pub const ALL: [Self; 20] = [
        Self::Page,
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
        Self::NoRoute,
        Self::TlsError,
        Self::ProtocolError,
        Self::Timeout,
        Self::InvalidUrl,
        Self::LocalFailure,
    ];

    /// The class in snake case, as in the record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
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
            Self::NoRoute => "no_route",
            Self::TlsError => "tls_error",
            Self::ProtocolError => "protocol_error",
            Self::Timeout => "timeout",
            Self::InvalidUrl => "invalid_url",
            Self::LocalFailure => "local_failure",
        }
    }

    /// The class of a final response.
    pub(super) fn of_status(status: u16) -> Self {
        match status {
            200..=299 => Self::Page,
            401 | 403 | 407 | 429 | 451 => Self::Blocked,
            400..=499 => Self::NotFound,
            500..=599 => Self::ServerError,
            _ => Self::BadStatus,
        }
    }
}

impl fmt::Display for PageOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
