//! From a request and the plan of its site to the answer.

use super::encode;
use super::request::Request;
use crate::behaviour::Behaviour;
use crate::name;
use crate::pages::{self, Page};
use crate::plan::{Choice, Plan, WwwForm};
use crate::world::World;

/// What is sent.
pub(crate) enum Answer {
    /// A page made before.
    Page(&'static Page),
    /// An answer made for this request.
    Made(Vec<u8>),
    /// The same, and the connection is closed behind it.
    Last(Vec<u8>),
    /// A body without end.
    Endless,
    /// Some bytes at once, then others for ever, one at a time.
    Drip {
        at_once: &'static [u8],
        rest: &'static [u8],
    },
    /// The connection is closed without a byte.
    Nothing,
}

impl Answer {
    pub(crate) fn ends_connection(&self) -> bool {
        matches!(self, Self::Last(_) | Self::Nothing)
    }
}

const ROBOTS: &str = "/robots.txt";
const HOME: &str = "/";
const DRIP_HEAD: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100000\r\n\r\nUser-agent: *\n";

/// The answer to `request`, which came over https if `secure`.
pub(crate) fn decide(request: &Request<'_>, plan: &Plan, secure: bool, world: &World) -> Answer {
    use Behaviour as B;
    if !request.is_get {
        return Answer::Page(pages::status_page(405));
    }
    let (host, path) = (request.host, request.path);
    let go = |hop, location: &str| Answer::Made(redirect(plan.redirect_status(hop), location));
    let to = |secure: bool, host: &str| url(secure, host, path, world);
    let is_robots = path == ROBOTS;

    match plan.behaviour {
        // These answer any path.
        B::Soft404 => Answer::Page(&pages::HTML),
        B::Www if !name::has_prefix(host, "www.") => {
            let late = plan.www_form() == WwwForm::UpgradeLate;
            go(0, &to(!late, &format!("www.{host}")))
        }
        B::Good | B::Www if !secure => go(1, &to(true, host)),
        B::TlsGarbage => go(0, &to(true, host)),
        B::Chain | B::LongChain => match step(path, "/hop/") {
            Some(hop) if hop < plan.chain_length() => {
                go(hop, &next_hop(plan, host, hop + 1, secure, world))
            }
            Some(hop) if hop == plan.chain_length() => Answer::Page(pages::rules(plan)),
            _ => Answer::Page(&pages::NOT_HERE),
        },
        B::Loop => match step(path, "/loop/") {
            Some(hop) if hop + 1 < plan.loop_length() => go(hop, &format!("/loop/{}", hop + 1)),
            // Relative, so that the loop closes whether or not the client wrote the port.
            Some(hop) if hop + 1 == plan.loop_length() => go(hop, ROBOTS),
            _ => Answer::Page(&pages::NOT_HERE),
        },
        B::Blocked | B::ServerError if path == HOME => {
            Answer::Page(pages::status_page(plan.status()))
        }
        _ if path == HOME => Answer::Made(pages::home(host)),
        // All others know robots.txt only.
        _ if !is_robots => Answer::Page(&pages::NOT_HERE),
        B::Cdn if !name::has_prefix(host, "cdn.") => go(0, &to(secure, &format!("cdn.{host}"))),
        B::RedirectAway => {
            let label = name::site(host).replace('.', "-");
            // A label has at most 63 bytes; names are ASCII here.
            let label = label
                .get(..label.len().min(63))
                .unwrap_or("x")
                .trim_matches('-');
            go(0, &to(secure, &format!("{label}.{}", name::ELSEWHERE)))
        }
        B::RedirectHostile => go(0, &fill_in(plan.hostile_target(), host, world)),
        B::RedirectBad => go(0, &fill_in(plan.bad_target(), host, world)),
        B::NotFound | B::Gone | B::Blocked | B::ServerError | B::OddStatus => {
            Answer::Page(pages::status_page(plan.status()))
        }
        B::Html => Answer::Page(&pages::HTML),
        B::NoRules => Answer::Page(&pages::NO_RULES),
        B::Binary => Answer::Page(&pages::BINARY),
        B::Empty => Answer::Page(&pages::EMPTY),
        B::Endless => Answer::Endless,
        B::Huge => Answer::Page(&pages::HUGE),
        B::GzipBomb => Answer::Page(&pages::GZIP_BOMB),
        // Half of them drip the body only, half begin with the status line.
        B::Drip if plan.draw(Choice::Form, 2) == 0 => Answer::Drip {
            at_once: DRIP_HEAD,
            rest: b"Disallow: /\n",
        },
        B::Drip => Answer::Drip {
            at_once: b"",
            rest: DRIP_HEAD,
        },
        B::Close => Answer::Nothing,
        B::ProtocolGarbage => Answer::Last(encode::garbage(plan)),
        B::Gzip => Answer::Made(encode::gzip(pages::rules(plan))),
        B::Chunked => Answer::Made(encode::chunked(pages::rules(plan), plan)),
        B::CloseDelimited => Answer::Last(encode::close_delimited(pages::rules(plan))),
        B::HeaderFlood => Answer::Last(encode::header_flood(pages::rules(plan))),
        B::Informational => Answer::Made(encode::informational(pages::rules(plan))),
        B::Good
        | B::HttpOnly
        | B::Www
        | B::Cdn
        | B::MixedAddresses
        | B::TlsGarbageHttpGood
        | B::DnsTruncated
        | B::Charset => Answer::Page(pages::rules(plan)),
        // The DNS sends nobody here for these.
        B::DeniedAddress
        | B::Silence
        | B::Blackhole
        | B::Reset
        | B::Refused
        | B::NxDomain
        | B::ServFail
        | B::NoData => Answer::Page(pages::status_page(421)),
    }
}

fn redirect(status: u16, location: &str) -> Vec<u8> {
    let reason = match status {
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        307 => "Temporary Redirect",
        _ => "Permanent Redirect",
    };
    format!(
        "HTTP/1.1 {status} {reason}\r\nServer: lab\r\nLocation: {location}\r\n\
         Content-Length: 0\r\n\r\n"
    )
    .into_bytes()
}

fn url(secure: bool, host: &str, path: &str, world: &World) -> String {
    let scheme = if secure { "https" } else { "http" };
    format!("{scheme}://{host}:{}{path}", world.port(secure))
}

fn fill_in(target: &str, host: &str, world: &World) -> String {
    target
        .replace("{port}", &world.http_port.to_string())
        .replace("{host}", host)
}

/// The next step of a chain, in one of the ways a Location can be written.
fn next_hop(plan: &Plan, host: &str, hop: u8, secure: bool, world: &World) -> String {
    let path = format!("/hop/{hop}");
    match plan.draw_nth(Choice::Form, u64::from(hop), 4) {
        0 => path,
        1 => format!("..{path}"),
        2 => format!("//{host}:{}{path}", world.port(secure)),
        _ => url(secure, host, &path, world),
    }
}

/// Which step of a chain or a loop `path` is: robots.txt is step 0.
fn step(path: &str, prefix: &str) -> Option<u8> {
    if path == ROBOTS {
        return Some(0);
    }
    path.strip_prefix(prefix)?
        .parse()
        .ok()
        .filter(|&step| step > 0)
}
