//! What reaches the far side, and when.

use std::io::IoSliceMut;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
use nix::sys::time::TimeSpec;

use super::error::BedError;
use super::namespace::Namespace;
use super::tap::{Packet, Tap};

/// A SYN that reached the far side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// When, since 1970, by the kernel's stamp: when the link handed it over.
    pub at: Duration,
    /// To whom.
    pub to: SocketAddr,
}

/// How long nothing must come before it is over.
const QUIET: Duration = Duration::from_millis(50);

/// Runs `inside`, and keeps what reaches `far` meanwhile, in the order of the stamps.
pub(super) fn during<T>(
    far: &Namespace,
    inside: impl FnOnce() -> T,
) -> Result<(T, Vec<Arrival>), BedError> {
    let tap = Tap::open(far)?;
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let keeper = scope.spawn(|| keep(&tap, &over));
        let end = EndAtDrop(&over);
        let value = inside();
        drop(end);
        match keeper.join() {
            Ok(kept) => Ok((value, kept?)),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Ends the keeper where what is run inside panics, too.
struct EndAtDrop<'a>(&'a AtomicBool);

impl Drop for EndAtDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

fn keep(tap: &Tap, over: &AtomicBool) -> Result<Vec<Arrival>, BedError> {
    let mut kept = Vec::new();
    let mut buffer = [0; 128];
    let mut control = nix::cmsg_space!(TimeSpec);
    loop {
        // Before the wait: what comes after it is over is not lost.
        let last = over.load(Ordering::Acquire);
        if !tap.wait(QUIET).map_err(BedError::Tap)? && last {
            // Frames of two threads are stamped in one order and queued in another.
            kept.sort_by_key(|arrival: &Arrival| arrival.at);
            return Ok(kept);
        }
        loop {
            let mut slices = [IoSliceMut::new(&mut buffer)];
            let flags = MsgFlags::MSG_DONTWAIT;
            let message = recvmsg::<()>(tap.fd(), &mut slices, Some(control.as_mut_slice()), flags);
            let (len, at) = match message {
                Ok(message) => (message.bytes, stamp(message.cmsgs())),
                Err(nix::Error::EAGAIN) => break,
                Err(nix::Error::EINTR | nix::Error::ENETDOWN) => continue,
                Err(error) => return Err(BedError::Tap(error.into())),
            };
            let packet = buffer.get(..len).and_then(Packet::of);
            if let (Some(packet), Some(at)) = (packet.filter(Packet::is_syn), at) {
                let to = SocketAddr::new(packet.to, packet.ports[1]);
                kept.push(Arrival { at, to });
            }
        }
    }
}

fn stamp(messages: nix::Result<impl Iterator<Item = ControlMessageOwned>>) -> Option<Duration> {
    messages.ok()?.find_map(|message| match message {
        ControlMessageOwned::ScmTimestampns(at) => Some(Duration::from(at)),
        _ => None,
    })
}
