//! The frames that are under way, in order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::link::{Filter, Moment};

use super::impairment::Lane;
use super::{FarSide, MemoryNetwork};

/// What became of the frames of a [`MemoryLink`](super::MemoryLink).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryStats {
    /// Frames that were sent.
    pub sent: u64,
    /// Frames that the far side saw, copies included.
    pub reached: u64,
    /// Frames that the far side sent back.
    pub replied: u64,
    /// Frames that reached the receiver, copies included.
    pub delivered: u64,
    /// Frames that came while the receiver's ring was full, or before there was a receiver.
    pub overrun: u64,
}

pub(super) struct Wire {
    far: Box<dyn FarSide>,
    forth: Lane,
    back: Lane,
    ring: usize,
    filter: Option<Filter>,
    under_way: BinaryHeap<Reverse<Event>>,
    serial: u64,
    arrived: Vec<(Moment, Box<[u8]>)>,
    stats: MemoryStats,
}

/// Ordered by time, then by when it was made, so that equal times keep the order of sending.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    at: Moment,
    serial: u64,
    way: Way,
    frame: Box<[u8]>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Forth,
    Back,
}

impl Wire {
    pub(super) fn new(network: MemoryNetwork, far: Box<dyn FarSide>) -> Self {
        Self {
            far,
            forth: Lane::new(network.forth, network.seed),
            back: Lane::new(network.back, !network.seed),
            ring: network.ring,
            filter: None,
            under_way: BinaryHeap::new(),
            serial: 0,
            arrived: Vec::new(),
            stats: MemoryStats::default(),
        }
    }

    pub(super) fn listen(&mut self, filter: Filter) {
        self.filter = Some(filter);
    }

    pub(super) fn next_event(&self) -> Option<Moment> {
        let waiting = self.arrived.first().map(|(at, _)| *at);
        waiting.or_else(|| self.under_way.peek().map(|Reverse(event)| event.at))
    }

    pub(super) fn stats(&self) -> MemoryStats {
        self.stats
    }

    /// A frame leaves our side at `now`.
    pub(super) fn depart(&mut self, now: Moment, frame: &[u8]) {
        self.stats.sent += 1;
        for at in self.forth.pass(now).into_iter().flatten() {
            self.push(at, Way::Forth, frame);
        }
    }

    /// Lets everything happen that happens until `now`, in order of time.
    pub(super) fn settle(&mut self, now: Moment) {
        while self.under_way.peek().is_some_and(|next| next.0.at <= now) {
            let Some(Reverse(event)) = self.under_way.pop() else {
                return;
            };
            match event.way {
                Way::Forth => self.reach(event.at, &event.frame),
                Way::Back => self.arrive(event.at, event.frame),
            }
        }
    }

    /// What has arrived since the last call.
    pub(super) fn take(&mut self) -> Vec<(Moment, Box<[u8]>)> {
        std::mem::take(&mut self.arrived)
    }

    fn reach(&mut self, at: Moment, frame: &[u8]) {
        self.stats.reached += 1;
        let mut replies = Vec::new();
        self.far
            .answer(at, frame, &mut |reply| replies.push(Box::from(reply)));
        for reply in replies {
            self.stats.replied += 1;
            let reply: Box<[u8]> = reply;
            for at in self.back.pass(at).into_iter().flatten() {
                self.push(at, Way::Back, &reply);
            }
        }
    }

    fn arrive(&mut self, at: Moment, frame: Box<[u8]>) {
        match &self.filter {
            Some(filter) if !filter.admits(&frame) => {}
            Some(_) if self.arrived.len() < self.ring => {
                self.stats.delivered += 1;
                self.arrived.push((at, frame));
            }
            _ => self.stats.overrun += 1,
        }
    }

    fn push(&mut self, at: Moment, way: Way, frame: &[u8]) {
        self.serial += 1;
        self.under_way.push(Reverse(Event {
            at,
            serial: self.serial,
            way,
            frame: frame.into(),
        }));
    }
}
