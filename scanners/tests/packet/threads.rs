//! A thread that panics takes the scan with it, and leaves no other that goes on or waits.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use sortie_scanners::engine::{Found, ScanError};
use sortie_scanners::link::{
    Batch, Clock, Filter, Link, LinkError, LinkInfo, MemoryLink, MemoryNetwork, Receive, Transmit,
};
use sortie_scanners::syn::{SynAnswer, SynHost};

use crate::support::{link, scan, sixteenths, targets};

/// What `run` comes to, in a thread of its own: one that hangs is to fail, not to hang the tests.
fn soon<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = mpsc::channel();
    std::thread::spawn(move || done.send(run()));
    let limit = Duration::from_secs(30);
    result.recv_timeout(limit).expect("the scan to end")
}

fn memory() -> MemoryLink {
    link(MemoryNetwork::default(), SynHost::new(sixteenths))
}

#[test]
fn an_observer_that_panics_ends_the_scan() {
    let panicked = soon(|| {
        let scan = scan(targets("198.18.0.0/16", "80")).senders(2);
        let mut panics = |_: &Found<SynAnswer>| panic!("this is meant to be");
        catch_unwind(AssertUnwindSafe(|| scan.run(&memory(), &mut panics))).is_err()
    });
    assert!(panicked);
}

/// A link whose senders panic.
struct Broken(MemoryLink);

impl Link for Broken {
    fn transmit(&self) -> Result<Box<dyn Transmit>, LinkError> {
        Ok(Box::new(BrokenTransmit))
    }

    fn receive(&self, filter: &Filter) -> Result<Box<dyn Receive>, LinkError> {
        self.0.receive(filter)
    }

    fn describe(&self) -> LinkInfo {
        self.0.describe()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.0.clock()
    }
}

struct BrokenTransmit;

impl Transmit for BrokenTransmit {
    fn send(&mut self, _: &Batch, _: Range<usize>) -> Result<usize, LinkError> {
        panic!("this is meant to be");
    }
}

#[test]
fn a_sender_that_panics_is_told_as_an_error() {
    let error = soon(|| {
        let scan = scan(targets("198.18.0.0/24", "80")).senders(2);
        let none = &mut |_: &Found<SynAnswer>| {};
        scan.run(&Broken(memory()), none).unwrap_err()
    });
    assert!(matches!(error, ScanError::Panicked), "{error}");
}
