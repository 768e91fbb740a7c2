//! How a link fails.

use std::io;
use std::net::IpAddr;

/// Why frames cannot be sent or received. All of these are for whoever runs the machine to mend;
/// none says anything about a target.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The process may not open raw sockets.
    #[error(
        "raw sockets need CAP_NET_RAW: run `setcap cap_net_raw+ep` on the program, or run it as \
         root; without either, `connect::ConnectScan` asks by ordinary connections (slower)"
    )]
    Forbidden,
    /// There is no interface of this name.
    #[error("there is no interface {0:?}; `ip link` lists them")]
    NoInterface(String),
    /// The interface carries no Ethernet frames (a tunnel, for instance).
    #[error(
        "interface {interface} is no Ethernet link (its type is {kind}); scan through another, or \
         with ordinary connections"
    )]
    Medium {
        /// The interface.
        interface: String,
        /// Its hardware type, an `ARPHRD_*` number.
        kind: u16,
    },
    /// The interface is down, or went down.
    #[error("interface {0} is down; `ip link set {0} up` brings it up")]
    Down(String),
    /// No route leads to the target.
    #[error("no route leads to {0}; `ip route get {0}` shows what the system would do")]
    NoRoute(IpAddr),
    /// The target is an address of this machine, which no frame leaves for.
    #[error("{0} is an address of this machine; scan it with ordinary connections")]
    Local(IpAddr),
    /// The target lies behind another interface than the targets before it.
    #[error("{target} lies behind another interface than {interface}; scan it by itself")]
    TwoInterfaces {
        /// The target.
        target: IpAddr,
        /// The interface of the targets before it.
        interface: String,
    },
    /// The target is on the link itself, so frames for others would not arrive.
    #[error(
        "{0} is a neighbour of this machine, and no gateway leads to it; scan the net that it is in \
         with ordinary connections"
    )]
    Neighbour(IpAddr),
    /// There was no target to find the way to.
    #[error("there is no target to find the way to")]
    NoTarget,
    /// The interface has no address to send from to the target.
    #[error("interface {interface} has no address to reach {target} from")]
    NoSource {
        /// The interface.
        interface: String,
        /// The target.
        target: IpAddr,
    },
    /// The next hop has not told its hardware address.
    #[error("{neighbour} does not answer on {interface}, and it is the next hop")]
    NoNeighbour {
        /// The gateway, or the target where it is on the link itself.
        neighbour: IpAddr,
        /// The interface.
        interface: String,
    },
    /// No program could be attached to the interface.
    #[error(
        "cannot take answers in the driver of {interface}: {source}; it needs CAP_NET_ADMIN and \
         CAP_BPF, Linux 5.18, and no other XDP program there (`ip link show {interface}`); turn \
         interception off to do without"
    )]
    Interception {
        /// The interface.
        interface: String,
        /// What the system said.
        source: io::Error,
    },
    /// The system refused something else.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}
