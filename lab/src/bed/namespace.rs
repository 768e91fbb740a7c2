//! A network namespace without a name.

use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::{io, thread};

use nix::sched::{CloneFlags, setns, unshare};

use super::error::BedError;

/// Lives as long as this, or a process in it, does.
pub(super) struct Namespace {
    file: File,
}

impl Namespace {
    /// A new one, with nothing in it but a loopback interface that is down.
    pub(super) fn new() -> Result<Self, BedError> {
        // On a thread of its own, which takes the namespace along and ends.
        let made = thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            File::open("/proc/thread-self/ns/net")
        });
        let file = match made.join() {
            Ok(file) => file.map_err(BedError::Namespace)?,
            Err(panic) => resume_unwind(panic),
        };
        Ok(Self { file })
    }

    /// Where other programs of this machine find it, while it lives.
    pub(super) fn path(&self) -> PathBuf {
        format!("/proc/{}/fd/{}", std::process::id(), self.file.as_raw_fd()).into()
    }

    /// Runs `inside` on a thread there.
    pub(super) fn enter<T: Send>(&self, inside: impl FnOnce() -> T + Send) -> T {
        let ran = thread::scope(|scope| {
            let there = scope.spawn(|| {
                // The descriptor is a namespace, and whoever made it may enter it.
                setns(&self.file, CloneFlags::CLONE_NEWNET).map(|()| inside())
            });
            there.join()
        });
        match ran {
            Ok(Ok(value)) => value,
            Ok(Err(error)) => panic!("the namespace that this process made refuses it: {error}"),
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Runs a command there to its end.
    pub(super) fn run(&self, command: &mut Command) -> Result<Output, BedError> {
        let failed = |command: &Command, why: String| BedError::Command {
            command: format!("{command:?}").replace('"', ""),
            why,
        };
        let output = self.enter(|| command.output());
        let output = output.map_err(|error: io::Error| failed(command, error.to_string()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(failed(command, format!("{}: {said}", output.status)));
        }
        Ok(output)
    }

    /// Writes a setting of the kernel under /proc/sys/net there. `name` has dots.
    pub(super) fn set(&self, name: &str, value: &str) -> Result<(), BedError> {
        let path = format!("/proc/sys/net/{}", name.replace('.', "/"));
        self.enter(|| std::fs::write(&path, value))
            .map_err(|source| BedError::Setting { path, source })
    }
}
