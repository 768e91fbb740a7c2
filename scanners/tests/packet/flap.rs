//! A link that goes down and comes back is waited for.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::time::Duration;

use lab::bed::{Bed, FAR_INTERFACE, Responder, SCAN_INTERFACE};
use sortie_scanners::engine::{Close, Found, Observer, Progress, Report, ScanError};
use sortie_scanners::link::{
    AfPacket, AfPacketOptions, Arrival, Batch, Clock, Filter, Impairment, Link, LinkCounters,
    LinkError, LinkInfo, MemoryLink, MemoryNetwork, Moment, Receive, Transmit,
};
use sortie_scanners::syn::{SynAnswer, SynHost, SynScan, SynState};
use sortie_scanners::target::TargetSet;

use crate::bed::{bed, scope};
use crate::support::{assert_truth, link, scan, sixteenths, targets};

/// A link that is down for a while. A receiver is told once, or, without `told`, never.
struct Flapping {
    told: bool,
    inside: MemoryLink,
    down: Range<Moment>,
}

struct Sends {
    inside: Box<dyn Transmit>,
    clock: Arc<dyn Clock>,
    down: Range<Moment>,
}

impl Link for Flapping {
    fn transmit(&self) -> Result<Box<dyn Transmit>, LinkError> {
        Ok(Box::new(Sends {
            inside: self.inside.transmit()?,
            clock: self.clock(),
            down: self.down.clone(),
        }))
    }

    fn receive(&self, filter: &Filter) -> Result<Box<dyn Receive>, LinkError> {
        Ok(Box::new(Receives {
            inside: self.inside.receive(filter)?,
            clock: self.clock(),
            tell: self.told.then_some(self.down.start),
        }))
    }

    fn describe(&self) -> LinkInfo {
        self.inside.describe()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.inside.clock()
    }
}

impl Transmit for Sends {
    fn send(&mut self, batch: &Batch, range: Range<usize>) -> Result<usize, LinkError> {
        match self.down.contains(&self.clock.now()) {
            true => Err(LinkError::Down("flapping".into())),
            false => self.inside.send(batch, range),
        }
    }
}

struct Receives {
    inside: Box<dyn Receive>,
    clock: Arc<dyn Clock>,
    /// From when on it is told that the link is down.
    tell: Option<Moment>,
}

impl Receive for Receives {
    fn receive(
        &mut self,
        timeout: Duration,
        each: &mut dyn FnMut(Arrival, &[u8]),
    ) -> Result<usize, LinkError> {
        match self.tell.take_if(|from| *from <= self.clock.now()) {
            Some(_) => Err(LinkError::Down("flapping".into())),
            None => self.inside.receive(timeout, each),
        }
    }

    fn counters(&mut self) -> Result<LinkCounters, LinkError> {
        self.inside.counters()
    }
}

/// Scans over a link that is down for `seconds`, from half a second on.
fn over(seconds: f64, patience: u64) -> (Result<Report, ScanError>, Vec<Found<SynAnswer>>) {
    let at = |seconds: f64| Moment::ZERO + Duration::from_secs_f64(seconds);
    let link = Flapping {
        told: patience > 0,
        inside: link(MemoryNetwork::default(), SynHost::new(sixteenths)),
        down: at(0.5)..at(0.5 + seconds),
    };
    let scan = scan(targets("198.18.0.0/18", "80")).rate(10_000.0);
    let scan = scan.with(|config| config.link_patience = Duration::from_secs(patience));
    let mut found = Vec::new();
    let report = scan.run_by_turns(&link, &mut |one: &Found<SynAnswer>| found.push(*one));
    (report, found)
}

#[test]
fn a_link_that_comes_back_in_time_costs_time_only() {
    let (report, found) = over(5.0, 10);
    let report = report.unwrap();
    assert_truth(&found, sixteenths);
    assert_eq!(report.class("open"), (1 << 14) / 16);
    assert_eq!(report.sent.passes[..2], [1 << 14, 10 * (1 << 14) / 16]);
    // The sender met it, and the receiver.
    assert_eq!(report.sent.link_down, 2);
    // 2.6 s at this rate, the second pass, and the time that it was down: nothing is made up for.
    assert!(
        report.sending > Duration::from_millis(8500),
        "{:?}",
        report.sending
    );
}

#[test]
fn a_link_that_stays_down_ends_the_scan() {
    for (seconds, patience) in [(11.0, 10), (0.2, 0)] {
        let error = over(seconds, patience).0.unwrap_err();
        assert!(
            matches!(error, ScanError::Link(LinkError::Down(_))),
            "{error}"
        );
    }
}

#[test]
fn resets_that_cannot_go_do_not_keep_a_scan_from_its_end() {
    let late = Impairment {
        delay: Duration::from_millis(100),
        ..Impairment::default()
    };
    let network = MemoryNetwork {
        back: late,
        ..MemoryNetwork::default()
    };
    // All is sent in 26 ms; the answers come while the link is down.
    let down = Moment::from_nanos(50_000_000);
    let link = Flapping {
        told: false,
        inside: link(network, SynHost::new(|_| Some(SynState::Open))),
        down: down..Moment::from_nanos(u64::MAX),
    };
    let scan = scan(targets("198.18.0.0/24", "80")).rate(10_000.0);
    let scan = scan.with(|config| {
        config.close = Close::Ours;
        config.canaries = false;
    });
    let report = scan.run_by_turns(&link, &mut Impatient).unwrap();
    assert!(report.complete);
    assert_eq!((report.class("open"), report.silent), (256, 0));
    assert_eq!(
        (report.received.closed, report.received.left_open),
        (0, 256)
    );
}

/// After the last probe only the receiver can meet it.
#[test]
fn answers_are_waited_for_as_long_after_the_link_was_down() {
    let late = Impairment {
        delay: Duration::from_millis(5500),
        ..Impairment::default()
    };
    let network = MemoryNetwork {
        back: late,
        ..MemoryNetwork::default()
    };
    let down = Moment::from_nanos(4_000_000_000);
    let link = Flapping {
        told: true,
        inside: link(network, SynHost::new(sixteenths)),
        down: down..Moment::from_nanos(u64::MAX),
    };
    let scan = scan(targets("198.18.0.0/24", "80"))
        .rate(10_000.0)
        .passes(1);
    let scan = scan.with(|config| {
        config.close = Close::Others;
        config.canaries = false;
    });
    let report = scan.run_by_turns(&link, &mut Impatient).unwrap();
    assert_eq!(report.sent.link_down, 1);
    // Sent in 26 ms; five seconds are waited for.
    assert_eq!(report.received.targets(), 6 * 256 / 16);
    assert!(
        report.elapsed >= Duration::from_secs(9),
        "{:?}",
        report.elapsed
    );
}

/// Stops a scan that finds no end.
struct Impatient;

impl Observer<SynAnswer> for Impatient {
    fn found(&mut self, _: &Found<SynAnswer>) {}

    fn progress(&mut self, progress: &Progress) -> ControlFlow<()> {
        match progress.elapsed > Duration::from_secs(60) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

/// Sets an end of the cable down in the middle, and up again when a sender has met that.
struct Puller<'a> {
    bed: &'a Bed,
    end: &'static str,
    /// Whether it is set up again.
    returns: bool,
    pulled: bool,
    back: bool,
}

impl Observer<SynAnswer> for Puller<'_> {
    fn found(&mut self, _: &Found<SynAnswer>) {}

    fn progress(&mut self, progress: &Progress) -> ControlFlow<()> {
        let ip = |state: &str| {
            let set = || {
                let words = ["link", "set", self.end, state];
                let status = std::process::Command::new("ip").args(words).status();
                assert!(status.unwrap().success());
            };
            match self.end {
                SCAN_INTERFACE => self.bed.enter(set),
                _ => self.bed.enter_far(set),
            }
        };
        if progress.sent.passes[0] > 2000 && !self.pulled {
            self.pulled = true;
            ip("down");
        }
        // Told by a sender, so that it is down while something is to be sent.
        if progress.sent.link_down > 0 && self.returns && !self.back {
            self.back = true;
            ip("up");
        }
        ControlFlow::Continue(())
    }
}

/// A scan on the bed, of which `end` is set down; `None` where there is no bed.
fn pull(end: &'static str, returns: bool) -> Option<Result<Report, ScanError>> {
    let bed = bed(Responder::kernel([80]))?;
    let scope = scope(&[]);
    let targets = TargetSet::builder().addrs("198.18.0.0/19").ports("80");
    let scan = SynScan::new(targets.build(&scope).unwrap())
        .rate(4000.0)
        .passes(3)
        .with(|config| {
            config.cooldown = Duration::from_secs(1);
            if !returns {
                config.link_patience = Duration::from_secs(1);
            }
        });
    Some(bed.enter(|| {
        let toward = [scope.admit_ip([198, 18, 0, 1].into()).unwrap()];
        let link = AfPacket::toward(&toward, &AfPacketOptions::default()).unwrap();
        let mut puller = Puller {
            bed: &bed,
            end,
            returns,
            pulled: false,
            back: false,
        };
        scan.run(&link, &mut puller)
    }))
}

#[test]
fn a_real_interface_may_go_down_and_come_back() {
    for end in [SCAN_INTERFACE, FAR_INTERFACE] {
        let Some(report) = pull(end, true) else {
            return;
        };
        let report = report.unwrap();
        assert!(report.complete);
        assert!(report.sent.link_down > 0);
        // Eight of sixteen listen, and two say that they do not.
        assert_eq!(report.class("open"), 8192 / 2, "{end}");
        assert_eq!(report.class("closed"), 8192 / 8, "{end}");
    }
}

/// The far end of the cable: sends are not refused, and frames do not go.
#[test]
fn a_real_interface_whose_carrier_is_lost_ends_the_scan() {
    for end in [SCAN_INTERFACE, FAR_INTERFACE] {
        let Some(result) = pull(end, false) else {
            return;
        };
        let error = result.unwrap_err();
        assert!(
            matches!(error, ScanError::Link(LinkError::Down(_))),
            "{error}"
        );
    }
}
