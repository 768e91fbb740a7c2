//! The right answer for any name: what a correct robots.txt fetcher reports.
//!
//! The fetcher meant here tries https and falls back to http when the connection fails (refused,
//! reset, timed out, TLS error); if that fails too, the https failure is the outcome. It follows
//! five redirects, reads [`BODY_CAP`] decoded bytes, does not verify certificates, and asks for a
//! second, random path when the first answer is HTML or holds no directive.

use serde::{Deserialize, Serialize};

use crate::behaviour::Behaviour;
use crate::mix::Mix;
use crate::name;
use crate::pages;
use crate::plan::{Plan, WwwForm};

/// The number of decoded bytes after which a body is cut off (and what was read still parsed).
pub const BODY_CAP: usize = 512_000;

/// The number of redirects that are followed.
pub const REDIRECT_LIMIT: u8 = 5;

/// The right answer for one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Truth {
    /// The tag of the behaviour, or `invalid_name`.
    pub behaviour: &'static str,
    /// The outcome class: `rules`, `html`, `not_found`, …
    pub outcome: &'static str,
    /// The status of the last answer, for a redirect that must not be followed the 3xx; none if
    /// the outcome is not the answer's but the connection's or the name's.
    pub status: Option<u16>,
    /// The redirects that were followed. A redirect that is refused is not counted.
    pub hops: u8,
    /// Whether the last answer came over https; none where there was no answer.
    pub https: Option<bool>,
    /// Whether the body is longer than [`BODY_CAP`].
    pub truncated: bool,
    /// The body, for `rules` that are not truncated.
    pub body: Option<BodyTruth>,
}

/// A body after its transfer and content encodings are undone, in the charset it was sent in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BodyTruth {
    /// The number of bytes.
    pub len: usize,
    /// The SHA-256 of the bytes, in lower-case hexadecimal.
    pub sha256: String,
}

impl Truth {
    /// The right answer for `host` in the default mix.
    pub fn of(host: &str) -> Self {
        Self::in_mix(host, &Mix::default())
    }

    /// The right answer for `host` under `mix`.
    pub fn in_mix(host: &str, mix: &Mix) -> Self {
        if name::is_valid(host) {
            Self::of_plan(host, &Plan::of(host, mix))
        } else {
            Self::silent("invalid_name", "invalid_name")
        }
    }

    fn of_plan(host: &str, plan: &Plan) -> Self {
        use Behaviour as B;
        let silent = |outcome| Self::silent(plan.behaviour.tag(), outcome);
        let answer = |outcome| Self {
            status: Some(plan.status()),
            https: Some(plan.speaks_https(host)),
            ..silent(outcome)
        };
        let refused_redirect = |outcome, hops| Self {
            status: Some(plan.redirect_status(hops)),
            hops,
            ..answer(outcome)
        };
        let rules = |hops| Self {
            hops,
            body: body(plan),
            ..answer("rules")
        };
        match plan.behaviour {
            B::Good
            | B::HttpOnly
            | B::MixedAddresses
            | B::TlsGarbageHttpGood
            | B::DnsTruncated
            | B::Gzip
            | B::Charset
            | B::Chunked
            | B::CloseDelimited
            | B::Informational => rules(0),
            B::Chain => rules(plan.chain_length()),
            B::Cdn => rules(u8::from(!name::has_prefix(host, "cdn."))),
            B::Www if name::has_prefix(host, "www.") => rules(0),
            B::Www => {
                let late = plan.www_form() == WwwForm::UpgradeLate;
                Self {
                    https: Some(true),
                    ..rules(1 + u8::from(late))
                }
            }
            B::Endless | B::Huge | B::GzipBomb => Self {
                truncated: true,
                ..answer("rules")
            },
            B::LongChain => refused_redirect("too_many_redirects", REDIRECT_LIMIT),
            B::Loop => refused_redirect("redirect_loop", plan.loop_length() - 1),
            B::RedirectAway | B::RedirectHostile => refused_redirect("out_of_scope", 0),
            B::RedirectBad => refused_redirect("bad_redirect", 0),
            B::DeniedAddress => silent("out_of_scope"),
            B::NotFound | B::Gone => answer("not_found"),
            B::Blocked => answer("blocked"),
            B::ServerError => answer("server_error"),
            B::OddStatus => answer("bad_status"),
            B::Html => answer("html"),
            B::Soft404 => answer("soft_404"),
            B::Empty => answer("empty"),
            B::NoRules => answer("no_rules"),
            B::Binary => answer("binary"),
            B::Drip | B::Silence | B::Blackhole => silent("timeout"),
            B::Reset | B::Close => silent("reset"),
            B::Refused => silent("refused"),
            B::TlsGarbage => Self {
                hops: 1,
                ..silent("tls_error")
            },
            B::ProtocolGarbage | B::HeaderFlood => silent("protocol_error"),
            B::NxDomain | B::NoData => silent("no_such_name"),
            B::ServFail => silent("dns_error"),
        }
    }

    /// An outcome without an answer.
    fn silent(behaviour: &'static str, outcome: &'static str) -> Self {
        Self {
            behaviour,
            outcome,
            status: None,
            hops: 0,
            https: None,
            truncated: false,
            body: None,
        }
    }
}

fn body(plan: &Plan) -> Option<BodyTruth> {
    let page = pages::rules(plan);
    Some(BodyTruth {
        len: page.body().len(),
        sha256: page.sha256().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_www_host_is_where_its_bare_name_redirects_to() {
        let mix = Mix::only(Behaviour::Www);
        let bare = Truth::in_mix("example.com", &mix);
        let www = Truth::in_mix("www.example.com", &mix);
        assert!((1..=2).contains(&bare.hops));
        assert_eq!((www.hops, &www.body), (0, &bare.body));
    }

    #[test]
    fn names_elsewhere_are_out_of_scope_in_any_mix() {
        let truth = Truth::in_mix("abc.elsewhere.invalid-lab.test", &Mix::fast());
        assert_eq!(truth.outcome, "out_of_scope");
    }

    #[test]
    fn what_is_no_name_has_its_own_outcome() {
        assert_eq!(Truth::of("ex ample.com").outcome, "invalid_name");
    }
}
