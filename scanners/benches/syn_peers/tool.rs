//! The tools, and how each is told to do the same.

use std::path::Path;
use std::process::Command;

use lab::bed::{Bed, SCAN_INTERFACE};

use crate::{Failure, ours};

/// The targets: 131,072 addresses and ten ports.
pub(crate) const NET: &str = "198.18.0.0/15";
pub(crate) const PORTS: std::ops::RangeInclusive<u16> = 80..=89;
pub(crate) const TARGETS: u64 = 131_072 * 10;
/// A rate that no tool here reaches.
pub(crate) const AS_FAST_AS_IT_GOES: u64 = 20_000_000;
/// How long each tool waits for late answers, in seconds.
const COOLDOWN: u64 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    /// This crate; the kernel resets.
    Sortie,
    /// This crate, taking answers in the driver.
    SortieDriver,
    Masscan,
    Zmap,
}

impl Tool {
    /// Those that are installed.
    pub(crate) fn all(bed: &Bed) -> Vec<Self> {
        let is_there = |tool: &Self| match tool {
            Self::Sortie | Self::SortieDriver => true,
            Self::Masscan | Self::Zmap => bed.enter(|| version(tool.name())).is_some(),
        };
        let all = [Self::Sortie, Self::SortieDriver, Self::Masscan, Self::Zmap];
        all.into_iter().filter(is_there).collect()
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sortie => "sortie",
            Self::SortieDriver => "sortie, in the driver",
            Self::Masscan => "masscan",
            Self::Zmap => "zmap",
        }
    }

    pub(crate) fn versions() -> Vec<String> {
        ["masscan", "zmap"]
            .into_iter()
            .filter_map(version)
            .collect()
    }

    /// What makes it scan all targets at `rate` probes a second and write what is open to `out`.
    /// ZMap of Debian knows one port at a time, so it is started for each.
    pub(crate) fn commands(self, rate: u64, out: &Path) -> Vec<Command> {
        match self {
            Self::Sortie | Self::SortieDriver => {
                vec![ours::command(
                    rate,
                    COOLDOWN,
                    self == Self::SortieDriver,
                    out,
                )]
            }
            Self::Masscan => vec![masscan(rate, out)],
            Self::Zmap => PORTS
                .map(|port| zmap(port, rate, &out.with_extension(port.to_string())))
                .collect(),
        }
    }
}

fn masscan(rate: u64, out: &Path) -> Command {
    let mut command = Command::new("masscan");
    command
        .args([
            NET,
            "-p80-89",
            "--rate",
            &rate.to_string(),
            "--wait",
            &COOLDOWN.to_string(),
        ])
        .args(["--interface", SCAN_INTERFACE, "--source-ip", "192.0.2.1"])
        .args([
            "--router-mac",
            "02-00-00-00-00-02",
            "--source-port",
            "61000-61255",
        ])
        .arg("-oL")
        .arg(out);
    command
}

fn zmap(port: u16, rate: u64, out: &Path) -> Command {
    let mut command = Command::new("zmap");
    command
        .args([NET, "-p", &port.to_string(), "-r", &rate.to_string()])
        .args([
            "-i",
            SCAN_INTERFACE,
            "-S",
            "192.0.2.1",
            "-G",
            "02:00:00:00:00:02",
        ])
        .args([
            "-c",
            &COOLDOWN.to_string(),
            "-b",
            "/dev/null",
            "-q",
            "-v",
            "0",
        ])
        .args([
            "-f",
            "saddr,sport",
            "--output-filter=success = 1 && repeat = 0",
            "-o",
        ])
        .arg(out);
    command
}

/// Makes the link fair: with offloads on, masscan's ring starves and it finds half.
pub(crate) fn prepare(bed: &Bed) -> Result<(), Failure> {
    let off = ["tso", "off", "gso", "off", "gro", "off", "tx", "off"];
    bed.run(
        Command::new("ethtool")
            .args(["-K", SCAN_INTERFACE])
            .args(off),
    )?;
    Ok(())
}

/// The first line with a digit of what a program says of its version.
fn version(program: &str) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.lines()
        .map(str::trim)
        .find(|line| line.contains(|c: char| c.is_ascii_digit()))
        .map(str::to_owned)
}
