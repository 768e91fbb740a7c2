//! A link with a hundred thousand hosts behind it, in network namespaces of this process.
//!
//! Two namespaces, joined by a pair of virtual Ethernet interfaces: the scanner's, which has one
//! address and a route, and the far one, which owns every address of 198.18.0.0/15 (the range for
//! benchmarks, RFC 2544) and of 2001:db8:1::/48. Neither has another link, so nothing that is sent
//! there can leave the machine. They have no names: they end with the [`Bed`], and when the process
//! dies in any way.
//!
//! | | scanner's side | far side |
//! |---|---|---|
//! | interface | `scan0` | `far0` |
//! | hardware address | 02:00:00:00:00:01 | 02:00:00:00:00:02 |
//! | addresses | 192.0.2.1/24, 2001:db8::1/64 | 192.0.2.2/24, 2001:db8::2/64 |
//!
//! Between the two there may be a [`Relay`], in a third namespace.
//!
//! Who answers is a [`Responder`], and what it answers is known: [`Bed::fate`].
//!
//! ```
//! use sortie_lab::bed::{Bed, Responder};
//!
//! if let Some(why) = Bed::missing(&Responder::default()) {
//!     println!("skipped: {why}");
//!     return Ok(());
//! }
//! let bed = Bed::up(Responder::kernel([80]))?;
//! let connected = bed.enter(|| std::net::TcpStream::connect("198.18.7.0:80").is_ok());
//! assert!(connected);
//! # Ok::<(), sortie_lab::bed::BedError>(())
//! ```

mod arrivals;
mod error;
mod fate;
mod listeners;
mod namespace;
mod needs;
mod policy;
mod relay;
mod responder;
mod tap;
mod wiring;

use std::net::IpAddr;
use std::process::{Command, Output};

use ipnet::IpNet;

pub use arrivals::Arrival;
pub use error::BedError;
pub use fate::Fate;
pub use relay::Relay;
pub use responder::Responder;

use listeners::Listeners;
use namespace::Namespace;

/// The scanner's interface.
pub const SCAN_INTERFACE: &str = "scan0";
/// The interface of the far side.
pub const FAR_INTERFACE: &str = "far0";

/// A link with hosts behind it. Ends when it is dropped.
pub struct Bed {
    scan: Namespace,
    far: Namespace,
    responder: Responder,
    relay: Option<relay::Running>,
    /// Only kept: they listen until the bed ends.
    _listeners: Option<Listeners>,
}

impl Bed {
    /// What is missing here for a bed with this responder, in words; `None` when nothing is.
    pub fn missing(responder: &Responder) -> Option<String> {
        needs::missing(responder)
    }

    /// Makes the namespaces, and who answers in them.
    ///
    /// # Errors
    ///
    /// [`BedError`], when a step fails; nothing is left behind.
    pub fn up(responder: Responder) -> Result<Self, BedError> {
        Self::joined(responder, None)
    }

    /// The same, with a network in between that takes its time and loses some: a third namespace,
    /// and a thread of this process that carries frames through it, some 100,000 a second.
    ///
    /// # Errors
    ///
    /// As [`up`](Self::up).
    pub fn behind(relay: Relay, responder: Responder) -> Result<Self, BedError> {
        Self::joined(responder, Some(relay))
    }

    fn joined(responder: Responder, relay: Option<Relay>) -> Result<Self, BedError> {
        let (scan, far) = (Namespace::new()?, Namespace::new()?);
        let middle = relay.map(|_| Namespace::new()).transpose()?;
        wiring::join(&scan, &far, middle.as_ref())?;
        let relay = match (relay, &middle) {
            (Some(relay), Some(middle)) => Some(relay::Running::start(relay, middle)?),
            _ => None,
        };
        let listeners = match &responder {
            Responder::Kernel {
                ports,
                loss,
                watched,
            } => {
                policy::apply(&far, *loss, watched)?;
                Some(far.enter(|| Listeners::open(ports))?)
            }
            _ => {
                responder::attach(&responder, &scan, &far)?;
                None
            }
        };
        Ok(Self {
            scan,
            far,
            responder,
            relay,
            _listeners: listeners,
        })
    }

    /// The addresses behind the link.
    pub fn nets() -> [IpNet; 2] {
        wiring::NETS
    }

    /// What becomes of a SYN to `port` of `addr`; `None` for an address that is not behind the
    /// link.
    pub fn fate(&self, addr: IpAddr, port: u16) -> Option<Fate> {
        let behind = wiring::NETS.iter().any(|net| net.contains(&addr));
        behind.then(|| fate::fate(&self.responder, addr, port))
    }

    /// Runs `inside` on a thread in the scanner's namespace. Threads and processes that it starts
    /// are there too.
    pub fn enter<T: Send>(&self, inside: impl FnOnce() -> T + Send) -> T {
        self.scan.enter(inside)
    }

    /// The same in the far namespace.
    pub fn enter_far<T: Send>(&self, inside: impl FnOnce() -> T + Send) -> T {
        self.far.enter(inside)
    }

    /// Runs a command in the scanner's namespace to its end.
    ///
    /// # Errors
    ///
    /// [`BedError::Command`] when it cannot be started or fails.
    pub fn run(&self, command: &mut Command) -> Result<Output, BedError> {
        self.scan.run(command)
    }

    /// Takes the bed's own program out of the driver of the scanner's interface, or puts it back. A
    /// responder in the driver needs one there, for its answers to be taken; a scanner that brings
    /// one needs the place.
    ///
    /// # Errors
    ///
    /// [`BedError::Command`], when it is put where one is, or clang is not there.
    pub fn near_program(&self, on: bool) -> Result<(), BedError> {
        responder::pass(&self.scan, on)
    }

    /// How many frames reached the far side, by the count of its interface.
    ///
    /// # Errors
    ///
    /// [`BedError`] when the count cannot be read.
    pub fn reached(&self) -> Result<u64, BedError> {
        wiring::received(&self.far, FAR_INTERFACE)
    }

    /// Runs `inside` in the scanner's namespace as [`enter`](Self::enter) does, and keeps every SYN
    /// that reaches the far side meanwhile, in the order of their times. Its kernel stamps them, so it
    /// does not matter when they are read.
    ///
    /// # Errors
    ///
    /// [`BedError::Tap`].
    pub fn arrivals<T: Send>(
        &self,
        inside: impl FnOnce() -> T + Send,
    ) -> Result<(T, Vec<Arrival>), BedError> {
        arrivals::during(&self.far, || self.enter(inside))
    }

    /// How many packets were lost on the way between the sides; 0 where there is no relay.
    pub fn lost(&self) -> u64 {
        self.relay.as_ref().map_or(0, relay::Running::lost)
    }

    /// How many packets reached the far side for each of the nets that are watched, in their
    /// order, whatever became of them there.
    ///
    /// # Errors
    ///
    /// [`BedError`] when the counts cannot be read.
    pub fn watched(&self) -> Result<Vec<u64>, BedError> {
        match &self.responder {
            Responder::Kernel { watched, .. } => policy::counts(&self.far, watched.len()),
            _ => Ok(Vec::new()),
        }
    }
}

impl std::fmt::Debug for Bed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bed")
            .field("responder", &self.responder)
            .finish_non_exhaustive()
    }
}
