//! One run of one tool.

use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use lab::bed::Bed;
use nix::sys::resource::{UsageWho, getrusage};
use serde_json::json;

use crate::far::Flow;
use crate::judge::{Verdict, judge};
use crate::tool::{TARGETS, Tool};
use crate::{Failure, far};

/// What a run came to.
pub(crate) struct Run {
    tool: Tool,
    wanted: u64,
    /// As the far side counted.
    pub(crate) sent_per_second: f64,
    reached: u64,
    /// Of the tool's processes, user and system.
    pub(crate) cpu_seconds: f64,
    /// Of the whole machine, interrupts and the kernel's threads included.
    busy_seconds: f64,
    seconds: f64,
    pub(crate) verdict: Verdict,
}

impl Run {
    pub(crate) fn line(&self, scene: &str, round: usize) -> serde_json::Value {
        json!({
            "scene": scene,
            "round": round,
            "tool": self.tool.name(),
            "wanted_per_second": self.wanted,
            "sent_per_second": self.sent_per_second.round(),
            "reached": self.reached,
            "right": self.verdict.right,
            "missed": self.verdict.missed,
            "invented": self.verdict.invented,
            "twice": self.verdict.twice,
            "cpu_seconds": self.cpu_seconds,
            "busy_seconds": self.busy_seconds,
            "seconds": self.seconds,
        })
    }
}

/// Runs `tool` at `rate` over all targets.
pub(crate) fn run(bed: &Bed, tool: Tool, rate: u64) -> Result<Run, Failure> {
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("out");
    let in_driver = tool == Tool::SortieDriver;
    if in_driver {
        bed.near_program(false)?;
    }
    let (cpu, busy, started) = (children_seconds()?, busy_seconds(), Instant::now());
    let limit = Duration::from_secs(40 + 2 * TARGETS / rate.max(1));
    let flow = with_heartbeat(bed, || {
        let mut flow = Flow::default();
        for command in &mut tool.commands(rate, &out) {
            let (ended, more) = far::watch(bed, || to_its_end(bed, command, limit));
            ended?;
            flow = flow.and(more);
        }
        Ok::<_, Failure>(flow)
    })?;
    let run = Run {
        tool,
        wanted: rate,
        sent_per_second: flow.per_second(TARGETS),
        reached: flow.reached,
        cpu_seconds: children_seconds()? - cpu,
        busy_seconds: busy_seconds() - busy,
        seconds: started.elapsed().as_secs_f64(),
        verdict: judge(bed, tool, &out)?,
    };
    if in_driver {
        bed.near_program(true)?;
    }
    Ok(run)
}

/// Ends a command that does not end: masscan sometimes waits for a packet that never comes.
fn to_its_end(bed: &Bed, command: &mut Command, limit: Duration) -> Result<(), Failure> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = bed.enter(|| command.spawn())?;
    let end = Instant::now() + limit;
    while child.try_wait()?.is_none() {
        if Instant::now() > end {
            child.kill()?;
            child.wait()?;
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// A datagram to the near side every 50 ms, because some tools look at the time only when something
/// comes. They are nobody's answers.
fn with_heartbeat<T: Send>(bed: &Bed, during: impl FnOnce() -> T + Send) -> T {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            bed.enter_far(|| {
                let Ok(socket) = UdpSocket::bind("192.0.2.2:0") else {
                    return;
                };
                while !over.load(Ordering::Acquire) {
                    // Nobody listens; that it is refused does not matter.
                    let _ = socket.send_to(b"tick", "192.0.2.1:9");
                    std::thread::sleep(Duration::from_millis(50));
                }
            });
        });
        let value = during();
        over.store(true, Ordering::Release);
        value
    })
}

/// Processor time of the processes that have ended, user and system.
fn children_seconds() -> Result<f64, Failure> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds =
        |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
}

/// Processor time of the whole machine that was not idle, since it started.
fn busy_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let ticks = stat.lines().next().map_or(Vec::new(), |line| {
        line.split_whitespace()
            .skip(1)
            .filter_map(|word| word.parse::<f64>().ok())
            .collect()
    });
    // user, nice, system, then idle and iowait, then irq and softirq, in hundredths.
    let of =
        |range: std::ops::Range<usize>| ticks.get(range).unwrap_or_default().iter().sum::<f64>();
    (of(0..3) + of(5..7)) / 100.0
}
