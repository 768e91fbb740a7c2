//! This crate's scanner, in a process of its own like the others.

use std::io::{BufWriter, Write as _};
use std::net::IpAddr;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use sortie_scanners::engine::Found;
use sortie_scanners::link::{AfPacket, AfPacketOptions, Interception};
use sortie_scanners::scope::Scope;
use sortie_scanners::syn::{SynAnswer, SynScan, SynState};
use sortie_scanners::target::TargetSet;

use crate::Failure;
use crate::tool::NET;

/// The environment variable by which the bench tells its child what to do.
const ORDER: &str = "SYN_PEERS_ORDER";

/// What the child is to do.
pub(crate) struct Order {
    rate: f64,
    cooldown: Duration,
    in_driver: bool,
    out: String,
}

/// What makes a process scan at `rate`.
pub(crate) fn command(rate: u64, cooldown: u64, in_driver: bool, out: &Path) -> Command {
    let program = std::env::current_exe().unwrap_or_else(|_| "/proc/self/exe".into());
    let mut command = Command::new(program);
    command.env(
        ORDER,
        format!("{rate} {cooldown} {in_driver} {}", out.display()),
    );
    command
}

/// The order, in the child.
pub(crate) fn order() -> Option<Order> {
    let text = std::env::var(ORDER).ok()?;
    let mut words = text.splitn(4, ' ');
    Some(Order {
        rate: words.next()?.parse().ok()?,
        cooldown: Duration::from_secs(words.next()?.parse().ok()?),
        in_driver: words.next()?.parse().ok()?,
        out: words.next()?.to_owned(),
    })
}

impl Order {
    pub(crate) fn follow(self) -> Result<ExitCode, Failure> {
        let scope = Scope::builder()
            .allow_net(NET.parse::<ipnet::IpNet>()?)
            .build()?;
        let targets = TargetSet::builder()
            .addrs(NET)
            .ports("80-89")
            .build(&scope)?;
        let options = AfPacketOptions {
            interception: match self.in_driver {
                true => Interception::Native,
                false => Interception::Off,
            },
            ..AfPacketOptions::default()
        };
        let first = scope.admit_ip(IpAddr::from([198, 18, 0, 0]))?;
        let link = AfPacket::toward(&[first], &options)?;
        let mut out = BufWriter::with_capacity(1 << 20, std::fs::File::create(&self.out)?);
        // One pass, as the others do: nobody gets a second chance.
        SynScan::new(targets)
            .rate(self.rate)
            .passes(1)
            .senders(2)
            .with(|config| config.cooldown = self.cooldown)
            .run(&link, &mut |found: &Found<SynAnswer>| {
                if found.answer.state == SynState::Open {
                    let (addr, port) = (found.target.addr(), found.target.port());
                    // The file is judged; what is missing in it counts as missed.
                    let _ = writeln!(out, "{addr} {port}");
                }
            })?;
        out.flush()?;
        Ok(ExitCode::SUCCESS)
    }
}
