//! Running a program, with time-outs, one test at a time.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use flate2::read::MultiGzDecoder;
use serde_json::Value;
use sortie::robots::RobotsRecord;
use tempfile::TempDir;

/// No program may take longer.
const LONGEST: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(5);

/// Held by each test: the lab wants the machine for itself.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The example called `name`, beside the folder of this test.
pub(crate) fn program(name: &str) -> PathBuf {
    let me = std::env::current_exe().unwrap();
    let folder = me.parent().and_then(Path::parent).unwrap();
    let program = folder.join("examples").join(name);
    assert!(
        program.is_file(),
        "{} has not been built; run ./test, or cargo build --examples",
        program.display()
    );
    program
}

/// A folder for a scan, its list beside it.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A scan that writes to `out` in this place.
    pub(crate) fn robots<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Command {
        self.robots_to("out", args)
    }

    /// The same to another folder.
    pub(crate) fn robots_to<'a>(
        &self,
        out: &str,
        args: impl IntoIterator<Item = &'a str>,
    ) -> Command {
        let mut command = Command::new(program("robots"));
        command.current_dir(self.0.path()).args(["--out", out]);
        command.args(args);
        command
    }

    /// Writes a file of this place.
    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), contents).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The records of the file that the scan wrote, in its order.
    pub(crate) fn records(&self) -> Vec<RobotsRecord> {
        let file = File::open(self.path("out/robots.ndjson.gz")).unwrap();
        BufReader::new(MultiGzDecoder::new(file))
            .lines()
            .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
            .collect()
    }
}

/// A started program, killed when it is dropped.
pub(crate) struct Running {
    child: Child,
    stderr: PathBuf,
    stdout: PathBuf,
    _output: TempDir,
}

/// What a program said, and how it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// None if it was killed.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        // Files, so that nobody needs to read along.
        let output = tempfile::tempdir().unwrap();
        let (stdout, stderr) = (output.path().join("stdout"), output.path().join("stderr"));
        // What is asserted must not depend on the environment.
        if !command.get_envs().any(|(name, _)| name == "RUST_LOG") {
            command.env_remove("RUST_LOG");
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(File::create(&stdout).unwrap())
            .stderr(File::create(&stderr).unwrap())
            .spawn()
            .unwrap();
        Self {
            child,
            stderr,
            stdout,
            _output: output,
        }
    }

    /// SIGKILL, wherever it is.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success(), "SIG{name} was not sent");
    }

    /// Whether it has a handler for the signal with this number.
    pub(crate) fn catches(&self, signal: u32) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        caught.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
    }

    /// Whether it still runs.
    pub(crate) fn is_there(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits until `holds`, which must come true while the program runs.
    pub(crate) fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let begin = Instant::now();
        while !holds(self) {
            let over = self.child.try_wait().unwrap();
            assert!(
                over.is_none(),
                "it ended before {what}: {}",
                self.stderr_now()
            );
            assert!(
                begin.elapsed() < LONGEST,
                "{what} did not come: {}",
                self.stderr_now()
            );
            std::thread::sleep(POLL);
        }
    }

    pub(crate) fn stderr_now(&self) -> String {
        text(&self.stderr)
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> Ended {
        let begin = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                begin.elapsed() < LONGEST,
                "it does not end: {}",
                self.stderr_now()
            );
            std::thread::sleep(POLL);
        };
        Ended {
            code: status.code(),
            stdout: text(&self.stdout),
            stderr: text(&self.stderr),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // What it has started itself would outlive it.
        if matches!(self.child.try_wait(), Ok(None)) {
            let parent = self.child.id().to_string();
            let _ = Command::new("pkill")
                .args(["-KILL", "-P", &parent])
                .status();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts the program and waits for its end.
pub(crate) fn run(command: &mut Command) -> Ended {
    Running::start(command).end()
}

impl Ended {
    /// The JSON object on the last line, after a scan that went well in each respect.
    pub(crate) fn good(&self) -> Value {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        let line = self.stdout.lines().last().unwrap_or_default();
        let report: Value = serde_json::from_str(line).unwrap();
        assert_eq!(report["state"], "succeeded");
        for none in ["unaccounted", "mismatches", "forbidden_connections"] {
            assert_eq!(report[none], 0, "{none}: {}", self.stderr);
        }
        report
    }

    /// The one line on stderr that says what was wrong; it must say all of `parts`.
    pub(crate) fn failed(&self, parts: &[&str]) {
        assert_eq!(self.code, Some(1), "{}", self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        assert_eq!(self.stderr.lines().count(), 1, "{}", self.stderr);
        assert!(self.stderr.starts_with("error: "), "{}", self.stderr);
        for part in parts {
            assert!(self.stderr.contains(part), "no {part:?} in {}", self.stderr);
        }
        assert_eq!(self.stdout, "");
    }
}

/// What has been written so far.
fn text(path: &Path) -> String {
    let mut bytes = Vec::new();
    File::open(path).unwrap().read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether this process may do what only root may, by trying it. If not, says so.
pub(crate) fn permitted(command: &mut Command) -> bool {
    let tried = command.stderr(Stdio::piped()).output();
    let refused = match tried {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    eprintln!("skipped: {command:?} is not permitted here: {refused}");
    false
}
