//! Why a bed cannot be made.

use std::io;

/// Why a bed could not be made, or asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BedError {
    /// The system refused a namespace.
    #[error("cannot make a network namespace (root is needed): {0}")]
    Namespace(io::Error),
    /// A program failed, or is not there.
    #[error("`{command}`: {why}")]
    Command {
        /// The program and its arguments.
        command: String,
        /// What it said last, or what the system said.
        why: String,
    },
    /// A setting of the kernel could not be written.
    #[error("cannot write {path}: {source}")]
    Setting {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// A port could not be opened on the far side.
    #[error("cannot listen on port {port} of the far side: {source}")]
    Listen {
        /// The port.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// A socket that sees the frames of a side could not be opened, or failed.
    #[error("cannot see the frames of a side (root is needed): {0}")]
    Tap(io::Error),
    /// A program said something that could not be read.
    #[error("cannot read what {program} said")]
    Unreadable {
        /// The program.
        program: &'static str,
    },
}
