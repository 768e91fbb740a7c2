//! Who answers on the far side.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use ipnet::IpNet;

use super::error::BedError;
use super::namespace::Namespace;
use super::{FAR_INTERFACE, SCAN_INTERFACE};

const PROGRAM: &str = include_str!("responder.bpf.c");

/// Who answers on the far side, and what.
///
/// The kernel's own TCP is the truth itself, but it answers some 200,000 probes a second on a core
/// and so slows down whoever sends faster. The others are programs in the driver (XDP), which know
/// IPv4 only and need clang to build.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Responder {
    /// The kernel, with rules before it.
    Kernel {
        /// The ports that are open.
        ports: Vec<u16>,
        /// Percent of packets that are lost, in each direction; at most 100.
        loss: u8,
        /// Nets whose packets are counted ([`Bed::watched`](super::Bed::watched)).
        watched: Vec<IpNet>,
    },
    /// Nobody: every frame is dropped in the driver.
    Silence,
    /// A SYN-ACK to every SYN.
    AllOpen,
    /// 1 of 160 open, the rest half closed and half silent.
    Sparse,
}

impl Responder {
    /// The kernel, with these ports open and nothing lost.
    pub fn kernel(ports: impl IntoIterator<Item = u16>) -> Self {
        Self::Kernel {
            ports: ports.into_iter().collect(),
            loss: 0,
            watched: Vec::new(),
        }
    }
}

impl Default for Responder {
    /// The kernel, with port 80 open.
    fn default() -> Self {
        Self::kernel([80])
    }
}

/// Builds the program and attaches it to the driver of the far side.
pub(super) fn attach(
    responder: &Responder,
    scan: &Namespace,
    far: &Namespace,
) -> Result<(), BedError> {
    let program = match responder {
        Responder::Kernel { .. } => return Ok(()),
        Responder::Silence => "silence",
        Responder::AllOpen => "all_open",
        Responder::Sparse => "sparse",
    };
    load(far, FAR_INTERFACE, program)?;
    pass(scan, true)
}

/// Answers of a driver are taken by a driver only, so the near end needs a program too: one that
/// passes everything on.
pub(super) fn pass(scan: &Namespace, on: bool) -> Result<(), BedError> {
    if on {
        return load(scan, SCAN_INTERFACE, "pass");
    }
    scan.run(Command::new("ip").args(["link", "set", "dev", SCAN_INTERFACE, "xdpdrv", "off"]))?;
    Ok(())
}

/// Builds the programs and attaches one of them.
fn load(side: &Namespace, interface: &str, program: &str) -> Result<(), BedError> {
    // Several beds of one process may build at the same time.
    static BUILT: AtomicU64 = AtomicU64::new(0);
    let build_number = BUILT.fetch_add(1, Ordering::Relaxed);
    let name = format!("sortie-bed-{}-{build_number}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    let failed = |source| BedError::Setting {
        path: folder.display().to_string(),
        source,
    };
    // Ours alone, and new: root is about to load what is in it.
    let made = std::fs::DirBuilder::new().mode(0o700).create(&folder);
    made.map_err(failed)?;
    let attached = build(&folder, side).and_then(|object| {
        side.run(
            Command::new("ip")
                .args(["link", "set", "dev", interface, "xdpdrv", "object"])
                .arg(object)
                .args(["program", program]),
        )
    });
    std::fs::remove_dir_all(&folder).map_err(failed)?;
    attached.map(drop)
}

fn build(folder: &Path, side: &Namespace) -> Result<std::path::PathBuf, BedError> {
    let (source, object) = (folder.join("responder.bpf.c"), folder.join("responder.o"));
    std::fs::write(&source, PROGRAM).map_err(|error| BedError::Setting {
        path: source.display().to_string(),
        source: error,
    })?;
    // Debian keeps the headers of each machine type in a folder that the target bpf does not know.
    let headers = format!("/usr/include/{}-linux-gnu", std::env::consts::ARCH);
    side.run(
        Command::new("clang")
            .args([
                "-O2", "-Wall", "-Werror", "-target", "bpf", "-I", &headers, "-c",
            ])
            .arg(&source)
            .arg("-o")
            .arg(&object),
    )?;
    Ok(object)
}
