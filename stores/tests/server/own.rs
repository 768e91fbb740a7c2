//! A PostgreSQL server of one's own.

#![allow(dead_code, reason = "each program uses its part")]
// Clippy knows tests by their attribute, and so not their helpers.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

/// Takes all rows out of the tables of a store.
pub(crate) const TRUNCATE: &str = "DO $$ DECLARE tables text; BEGIN \
     SELECT string_agg(schemaname || '.' || tablename, ', ') INTO tables FROM pg_tables \
     WHERE schemaname IN ('task_manager', 'recon') AND tablename <> 'migrations'; \
     EXECUTE 'TRUNCATE ' || tables; END $$";

/// A server of one's own. It ends when this is dropped, or the program dies.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: String,
    folder: PathBuf,
    script: Child,
    input: Option<ChildStdin>,
}

impl Server {
    /// Starts one, with the options of `.ci/postgres`; says why if there can be none.
    pub(crate) fn start(options: &[&str]) -> Result<Self, String> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .map(|folder| folder.join(".ci/postgres"))
            .find(|script| script.exists())
            .ok_or("`.ci/postgres` is not here")?;
        let mut script = Command::new(script)
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("`.ci/postgres` does not run: {error}"))?;
        let input = script.stdin.take();
        let mut lines = BufReader::new(script.stdout.take().unwrap()).lines();
        let (Some(Ok(address)), Some(Ok(folder))) = (lines.next(), lines.next()) else {
            script.wait().unwrap();
            return Err("PostgreSQL does not start; see above".to_owned());
        };
        Ok(Self {
            address,
            folder: folder.into(),
            script,
            input,
        })
    }

    /// Starts one, or says why there is none. Under `SORTIE_POSTGRES=required` that is a failure;
    /// under `none` somebody has tried, and said so.
    pub(crate) fn find(options: &[&str]) -> Option<Self> {
        let asked = std::env::var("SORTIE_POSTGRES").unwrap_or_default();
        if asked == "none" {
            return None;
        }
        match Self::start(options) {
            Ok(server) => Some(server),
            Err(why) => {
                assert_ne!(asked, "required", "{why}");
                eprintln!("skipped: what needs PostgreSQL; {why}");
                None
            }
        }
    }

    /// Runs statements by the server's own client.
    pub(crate) fn sql(&self, text: &str) {
        let homes = std::fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten();
        let client = homes
            .filter_map(|home| Some(home.ok()?.path().join("bin/psql")))
            .find(|client| client.exists())
            .unwrap_or_else(|| "psql".into());
        let ran = Command::new(client)
            .args(["--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1"])
            .args(["--command", text, "--dbname", &self.address])
            .output()
            .expect("`psql` comes with the server");
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{said}");
    }

    /// SIGKILL, wherever it is. Under `--restart` it comes again.
    pub(crate) fn kill(&self) {
        // Absent for a moment if it is just about to start again.
        let Ok(said) = std::fs::read_to_string(self.folder.join("postmaster.pid")) else {
            return;
        };
        let pid = said.lines().next().unwrap();
        Command::new("kill").args(["-9", pid]).status().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.script.wait();
    }
}
