//! The ways a site can behave. One list: the enum, its tags and its default weights.

/// Declares the enum, so that a new behaviour cannot be forgotten in `ALL`, its tag or its weight.
macro_rules! behaviours {
    ($($(#[$doc:meta])* $variant:ident = $tag:literal, $weight:literal;)*) => {
        /// How a site behaves. Every name has exactly one, drawn from a hash of the name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Behaviour { $($(#[$doc])* $variant,)* }

        impl Behaviour {
            /// Every behaviour, in the order of declaration.
            pub const ALL: [Self; behaviours!(@count $($variant)*)] = [$(Self::$variant,)*];

            /// A short stable name: `good`, `redirect_loop`, …
            pub const fn tag(self) -> &'static str {
                match self { $(Self::$variant => $tag,)* }
            }

            /// The weight in the default mix. They need not add up to anything.
            pub const fn default_weight(self) -> u32 {
                match self { $(Self::$variant => $weight,)* }
            }
        }
    };
    (@count $($variant:ident)*) => { [$(stringify!($variant)),*].len() };
}

behaviours! {
    /// A valid file over https (http redirects to https).
    Good = "good", 200;
    /// A valid file over http; https is refused at once.
    HttpOnly = "http_only", 280;
    /// The bare name redirects to `www.`, in one step or two, some with https refused.
    Www = "www", 80;
    /// One to five redirects, then a valid file.
    Chain = "chain", 50;
    /// Six to nine redirects.
    LongChain = "long_chain", 10;
    /// Redirects that come back to where they began.
    Loop = "loop", 10;
    /// A redirect to `cdn.` of the same name: another host, in scope by suffix.
    Cdn = "cdn", 20;
    /// A redirect to a name that is not in scope and resolves to the canary.
    RedirectAway = "redirect_away", 10;
    /// A redirect to an address that must never be touched, written in one of many ways.
    RedirectHostile = "redirect_hostile", 15;
    /// A redirect that is no URL, of another scheme, or with user information in it.
    RedirectBad = "redirect_bad", 5;
    /// The name resolves only to addresses that must never be touched.
    DeniedAddress = "denied_address", 10;
    /// The name resolves to one address that must never be touched and to a good one.
    MixedAddresses = "mixed_addresses", 5;
    /// 404.
    NotFound = "not_found", 120;
    /// 410 and other statuses that say that there is no such file.
    Gone = "gone", 10;
    /// 401, 403 or 429.
    Blocked = "blocked", 30;
    /// A status of 5xx.
    ServerError = "server_error", 30;
    /// A status that fits nowhere: 304 without a condition, 999.
    OddStatus = "odd_status", 3;
    /// A page of HTML where robots.txt should be; other paths answer 404.
    Html = "html", 30;
    /// The same page of HTML, with status 200, for every path.
    Soft404 = "soft_404", 30;
    /// 200 and no bytes.
    Empty = "empty", 10;
    /// Text that holds no directive.
    NoRules = "no_rules", 5;
    /// Bytes that are not text.
    Binary = "binary", 5;
    /// A body that never ends: rules and comments.
    Endless = "endless", 5;
    /// A valid file of two megabytes.
    Huge = "huge", 3;
    /// A little gzip that unfolds to 32 MB of rules.
    GzipBomb = "gzip_bomb", 3;
    /// A valid file, compressed.
    Gzip = "gzip", 5;
    /// A valid file in Latin-1 or in UTF-16 with a byte order mark.
    Charset = "charset", 5;
    /// One byte at a time, for longer than anybody waits.
    Drip = "drip", 3;
    /// Connections are accepted and never answered.
    Silence = "silence", 3;
    /// Connections are not even accepted: SYNs are dropped.
    Blackhole = "blackhole", 2;
    /// Connections are reset as soon as they are accepted.
    Reset = "reset", 10;
    /// The request is read and the connection closed without an answer.
    Close = "close", 5;
    /// Connections are refused on both ports.
    Refused = "refused", 20;
    /// Garbage instead of a TLS handshake, and http redirects to https.
    TlsGarbage = "tls_garbage", 10;
    /// Garbage instead of a TLS handshake, and a valid file over http.
    TlsGarbageHttpGood = "tls_garbage_http_good", 5;
    /// Something else than HTTP is spoken.
    ProtocolGarbage = "protocol_garbage", 5;
    /// DNS: there is no such name.
    NxDomain = "nxdomain", 50;
    /// DNS: the server failed.
    ServFail = "servfail", 5;
    /// DNS: the name has no address.
    NoData = "nodata", 5;
    /// DNS: the answer over UDP is truncated, the one over TCP is good. A valid file.
    DnsTruncated = "dns_truncated", 3;
    /// A valid file in chunks, some with extensions and a trailer.
    Chunked = "chunked", 10;
    /// A valid file over HTTP/1.0, ended by the end of the connection.
    CloseDelimited = "close_delimited", 10;
    /// Headers of more than 64 KiB before a valid file.
    HeaderFlood = "header_flood", 2;
    /// Informational responses before a valid file.
    Informational = "informational", 2;
}

impl Behaviour {
    /// The behaviour of `name` in the default mix. Hosts of one site (`www.`, `cdn.`) share it.
    pub fn of(name: &str) -> Self {
        crate::Mix::default().behaviour(name)
    }

    /// Whether meeting it costs a scanner its whole deadline.
    pub const fn is_slow(self) -> bool {
        matches!(self, Self::Drip | Self::Silence | Self::Blackhole)
    }
}

impl std::fmt::Display for Behaviour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.tag())
    }
}

impl std::str::FromStr for Behaviour {
    type Err = UnknownBehaviour;

    fn from_str(tag: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|behaviour| behaviour.tag() == tag)
            .ok_or_else(|| UnknownBehaviour(tag.to_owned()))
    }
}

/// A tag that names no behaviour.
#[derive(Debug, thiserror::Error)]
#[error("there is no behaviour {0:?} in the lab")]
pub struct UnknownBehaviour(String);
