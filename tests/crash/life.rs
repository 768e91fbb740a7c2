//! One life of the process, as its killer sees it.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child as Process, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::child::{ENDED, FOLDER, LIFE, STARTED, marker};
use crate::history::{LOG, log};

/// Nothing that is waited for may take longer.
const LONGEST: Duration = Duration::from_secs(60);

pub(crate) struct Life {
    process: Process,
    said: Receiver<String>,
    folder: PathBuf,
}

/// How many children had ended, as the process said it.
#[derive(Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) first: u64,
    /// Before the last.
    pub(crate) before: u64,
    pub(crate) last: u64,
}

impl Life {
    pub(crate) fn start(folder: &Path, life: u32) -> Self {
        let log = File::options()
            .append(true)
            .create(true)
            .open(folder.join(LOG));
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_process_that_is_killed", "--nocapture"])
            .env(FOLDER, folder)
            .env(LIFE, life.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log.unwrap())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        let (says, said) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = says.send(line);
            }
        });
        let folder = folder.to_owned();
        Self {
            process,
            said,
            folder,
        }
    }

    /// Waits until the engine has started.
    pub(crate) fn starts(&mut self) {
        let begin = Instant::now();
        while let Ok(line) = self
            .said
            .recv_timeout(LONGEST - begin.elapsed().min(LONGEST))
        {
            if line == STARTED {
                return;
            }
        }
        panic!("the engine does not start: {}", log(&self.folder));
    }

    /// Lets it live for a while.
    pub(crate) fn goes_on_for(&mut self, time: Duration) {
        std::thread::sleep(time);
        let over = self.process.try_wait().unwrap();
        assert!(
            over.is_none(),
            "it ended by itself, {over:?}: {}",
            log(&self.folder)
        );
    }

    /// SIGKILL, wherever it is. Returns what it has said, if it came so far.
    pub(crate) fn kill(mut self) -> Option<Ended> {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        assert!(!marker(&self.folder).exists(), "the run was over too early");
        let mut ended: Option<Ended> = None;
        for line in self.said.iter() {
            let Some(number) = line.strip_prefix(ENDED) else {
                continue;
            };
            let last = number.parse().unwrap();
            let (first, before) = ended.map_or((last, last), |ended| (ended.first, ended.last));
            ended = Some(Ended {
                first,
                before,
                last,
            });
        }
        ended
    }

    /// Waits for the end that nobody brings about.
    pub(crate) fn ends_well(mut self) {
        let status = self.end();
        assert!(status.success(), "{status}: {}", log(&self.folder));
        assert!(marker(&self.folder).exists(), "the run is not over");
    }

    fn end(&mut self) -> ExitStatus {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(
                begin.elapsed() < LONGEST,
                "the run does not end: {}",
                log(&self.folder)
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
