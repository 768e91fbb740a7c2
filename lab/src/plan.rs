//! What exactly a site does: every choice its behaviour leaves open, drawn from the name.
//!
//! The servers act on the plan and the truth is told from it, so the two cannot disagree.

use std::net::Ipv4Addr;

use crate::behaviour::Behaviour;
use crate::mix::Mix;
use crate::name;

/// What the choices are for; each gets numbers of its own.
#[derive(Clone, Copy)]
pub(crate) enum Choice {
    Https = 1,
    Body,
    Hops,
    Form,
    Status,
    Target,
    Address,
}

/// The plan of one site.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) behaviour: Behaviour,
    /// Whether the site speaks https, where the behaviour leaves it open.
    pub(crate) https: bool,
    pub(crate) elsewhere: bool,
    hash: u64,
}

/// How the sites of [`Behaviour::Www`] differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WwwForm {
    /// https://bare → https://www
    Secure,
    /// https is refused on the bare name; http://bare → https://www
    Upgrade,
    /// https is refused on the bare name; http://bare → http://www → https://www
    UpgradeLate,
}

/// The address of the canary: connections to it are forbidden and counted.
pub const CANARY: Ipv4Addr = Ipv4Addr::new(127, 66, 6, 6);

/// Where the redirects of [`Behaviour::RedirectHostile`] point. `{port}` and `{host}` are filled in.
/// The canary stands in many of them, because a connection to it is seen.
pub(crate) const HOSTILE_TARGETS: [&str; 14] = [
    "http://169.254.169.254:{port}/latest/meta-data/",
    "http://[::ffff:169.254.169.254]:{port}/latest/meta-data/",
    "http://10.0.0.1:{port}/robots.txt",
    "http://[::1]:{port}/robots.txt",
    "http://127.66.6.6:{port}/robots.txt",
    "//127.66.6.6:{port}/robots.txt",
    "http://[::ffff:127.66.6.6]:{port}/robots.txt",
    "http://2852039166:{port}/latest/meta-data/", // 169.254.169.254 in decimal
    "http://2135033350:{port}/robots.txt",        // the canary in decimal
    "http://0177.0102.06.06:{port}/robots.txt",   // the canary in octal
    "http://0x7f420606:{port}/robots.txt",        // the canary in hexadecimal
    "http://127.4326918:{port}/robots.txt",       // the canary in two parts
    "http://[fd00:ec2::254]:{port}/latest/meta-data/",
    "http://127.0.0.1:{port}/robots.txt",
];

/// Where the redirects of [`Behaviour::RedirectBad`] point: nowhere that may be followed.
pub(crate) const BAD_TARGETS: [&str; 8] = [
    "ftp://{host}/robots.txt",
    "gopher://{host}/0robots.txt",
    "file:///etc/passwd",
    "http://",
    "http://[::1",
    "javascript:alert(1)",
    // No client has business with user information in a Location; here it hides the real host.
    "http://{host}@127.66.6.6:{port}/robots.txt",
    "http://{host}:80@169.254.169.254:{port}/latest/meta-data/",
];

impl Plan {
    pub(crate) fn of(host: &str, mix: &Mix) -> Self {
        let hash = name::site_hash(host);
        let elsewhere = name::is_elsewhere(host);
        let behaviour = if elsewhere {
            Behaviour::DeniedAddress
        } else {
            mix.behaviour_of_hash(hash)
        };
        let mut plan = Self {
            behaviour,
            https: false,
            elsewhere,
            hash,
        };
        plan.https = plan.draw(Choice::Https, 100) < mix.https_percent();
        plan
    }

    /// A number below `below` for one choice of this site.
    pub(crate) fn draw(&self, choice: Choice, below: u64) -> u64 {
        self.draw_nth(choice, 0, below)
    }

    /// The same for a choice that is made several times.
    pub(crate) fn draw_nth(&self, choice: Choice, nth: u64, below: u64) -> u64 {
        name::mix(self.hash ^ name::mix((choice as u64) << 32 | nth)) % below
    }

    fn pick<T: Copy>(&self, choice: Choice, from: &[T]) -> T {
        from[self.draw(choice, from.len() as u64) as usize]
    }

    /// The number of redirects before the file (`Chain`, `LongChain`).
    pub(crate) fn chain_length(&self) -> u8 {
        let draw = |below| self.draw(Choice::Hops, below) as u8;
        match self.behaviour {
            Behaviour::Chain => 1 + draw(5),
            Behaviour::LongChain => 6 + draw(4),
            _ => 0,
        }
    }

    /// The number of different URLs in the loop: 1 means that robots.txt redirects to itself.
    pub(crate) fn loop_length(&self) -> u8 {
        1 + self.draw(Choice::Hops, 3) as u8
    }

    /// The status of the redirect that is answered at step `hop`.
    pub(crate) fn redirect_status(&self, hop: u8) -> u16 {
        const STATUSES: [u16; 5] = [301, 302, 303, 307, 308];
        STATUSES[self.draw_nth(Choice::Status, u64::from(hop), 5) as usize]
    }

    pub(crate) fn www_form(&self) -> WwwForm {
        self.pick(
            Choice::Form,
            &[WwwForm::Secure, WwwForm::Upgrade, WwwForm::UpgradeLate],
        )
    }

    pub(crate) fn hostile_target(&self) -> &'static str {
        self.pick(Choice::Target, &HOSTILE_TARGETS)
    }

    pub(crate) fn bad_target(&self) -> &'static str {
        self.pick(Choice::Target, &BAD_TARGETS)
    }

    /// The status of the final answer, for the behaviours that answer with a page of their own.
    pub(crate) fn status(&self) -> u16 {
        match self.behaviour {
            Behaviour::NotFound => 404,
            Behaviour::Gone => self.pick(Choice::Status, &[410, 400, 405, 418]),
            Behaviour::Blocked => self.pick(Choice::Status, &[403, 401, 429]),
            Behaviour::ServerError => self.pick(Choice::Status, &[500, 502, 503, 504, 520]),
            Behaviour::OddStatus => self.pick(Choice::Status, &[304, 999]),
            _ => 200,
        }
    }

    /// Whether `host` answers https at all; what it answers is another matter.
    pub(crate) fn speaks_https(&self, host: &str) -> bool {
        match self.behaviour {
            // A refused https would be the outcome of a site that closes http without an answer.
            Behaviour::Good | Behaviour::Close => true,
            Behaviour::HttpOnly | Behaviour::TlsGarbage | Behaviour::TlsGarbageHttpGood => false,
            Behaviour::Www => name::has_prefix(host, "www.") || self.www_form() == WwwForm::Secure,
            _ => self.https,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_of_a_choice_cover_their_range() {
        let mix = Mix::only(Behaviour::RedirectHostile);
        let mut seen = [0_u32; HOSTILE_TARGETS.len()];
        for name in name::names(0..2_000) {
            let plan = Plan::of(&name, &mix);
            seen[plan.draw(Choice::Target, seen.len() as u64) as usize] += 1;
        }
        assert!(
            seen.iter().all(|&count| (60..200).contains(&count)),
            "{seen:?}"
        );
    }

    #[test]
    fn the_odd_spellings_are_the_canary() {
        let [a, b, c, d] = CANARY.octets();
        let number = u32::from(CANARY);
        let spellings = [
            format!("http://{number}:"),
            format!("http://0{a:o}.0{b:o}.0{c:o}.0{d:o}:"),
            format!("http://{number:#x}:"),
            format!("http://{a}.{}:", number & 0x00ff_ffff),
        ];
        for spelling in spellings {
            assert!(
                HOSTILE_TARGETS.iter().any(|t| t.starts_with(&spelling)),
                "{spelling}"
            );
        }
    }
}
