//! A loop that sends one prebuilt frame and does nothing else: what the machine gives at best.

use std::net::IpAddr;
use std::time::Instant;

use lab::bed::Bed;
use sortie_scanners::link::{AfPacket, AfPacketOptions, Batch, Link as _};
use sortie_scanners::scope::Scope;

use crate::Failure;
use crate::tool::{NET, TARGETS};

const THREADS: u64 = 2;
const SLOTS: usize = 256;

/// Frames a second, from two threads, by `sendmmsg` past the queueing discipline.
pub(crate) fn rate(bed: &Bed) -> Result<f64, Failure> {
    bed.enter(|| {
        let scope = Scope::builder()
            .allow_net(NET.parse::<ipnet::IpNet>()?)
            .build()?;
        let target = scope.admit_ip(IpAddr::from([198, 18, 0, 0]))?;
        let link = AfPacket::toward(&[target], &AfPacketOptions::default())?;
        let info = link.describe();
        let next_hop = info.v4.ok_or("no way for IPv4")?.next_hop;
        // As long as a SYN with the options of Windows; nobody looks inside.
        let mut frame = [
            &next_hop.0[..],
            &info.mac.0,
            &[8, 0, 0x45, 0, 0, 52, 0, 1, 0x40, 0, 64, 6],
        ]
        .concat();
        frame.resize(66, 0);
        let mut batch = Batch::new(SLOTS, 128);
        for slot in 0..SLOTS {
            batch.set(slot, &frame);
        }
        let started = Instant::now();
        std::thread::scope(|scope| -> Result<(), Failure> {
            let senders: Vec<_> = (0..THREADS)
                .map(|_| {
                    let (link, batch) = (&link, &batch);
                    scope.spawn(move || -> Result<(), Failure> {
                        let mut transmit = link.transmit()?;
                        let mut left = TARGETS / THREADS;
                        while left > 0 {
                            let burst = left.min(SLOTS as u64) as usize;
                            left -= transmit.send(batch, 0..burst)? as u64;
                        }
                        Ok(())
                    })
                })
                .collect();
            senders
                .into_iter()
                .try_for_each(|sender| sender.join().unwrap())
        })?;
        Ok(TARGETS as f64 / started.elapsed().as_secs_f64())
    })
}
