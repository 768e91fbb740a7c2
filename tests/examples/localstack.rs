//! A whole deployment on an emulator: what its functions find, and what they do not get in the way
//! of.

use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{alone, program, run};

/// A deployment of its own. It ends with its standard input, and so with this process, however that
/// may end.
struct Stack {
    holder: Child,
    state: TempDir,
    variables: Vec<(String, String)>,
}

impl Stack {
    /// `None` where there is no emulator or no PostgreSQL; says so.
    fn up() -> Option<Self> {
        let state = TempDir::new().unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/lab/cloud/stack");
        let mut holder = Command::new(script)
            .args(["hold", "--if-installed"])
            .env("SORTIE_CLOUD_STATE", state.path())
            .env("SORTIE_FUNCTIONS", functions())
            .env_remove("SORTIE_SQS_PREFIX")
            .env_remove("SORTIE_LOG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A runner that ends this test by its group leaves the rest to the holder.
            .process_group(0)
            .spawn()
            .unwrap();
        let mut exports = String::new();
        let mut stdout = holder.stdout.take().unwrap();
        stdout.read_to_string(&mut exports).unwrap();
        if exports.is_empty() {
            let status = holder.wait().unwrap();
            assert_eq!(status.code(), Some(3), "the deployment does not come up");
            eprintln!("skipped: the examples on a cloud");
            return None;
        }
        let variables = exports
            .lines()
            .filter_map(|line| line.strip_prefix("export ")?.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Some(Self {
            holder,
            state,
            variables,
        })
    }

    fn example(&self, name: &str) -> Command {
        let mut command = Command::new(program(name));
        command
            .current_dir(self.state.path())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .arg("--json");
        command
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // Closes its standard input first.
        if !self.holder.wait().is_ok_and(|status| status.success()) {
            eprintln!(
                "the deployment in {} may still run",
                self.state.path().display()
            );
        }
    }
}

/// Where the programs of the last build are.
fn functions() -> PathBuf {
    let example = program("localstack_robots");
    example.parent().and_then(Path::parent).unwrap().to_owned()
}

fn report(command: &mut Command) -> Value {
    let ended = run(command);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let line = ended.stdout.lines().last().unwrap_or_default();
    let report: Value = serde_json::from_str(line).unwrap();
    assert_eq!(report["state"], "succeeded", "{}", ended.stderr);
    for none in ["unaccounted", "forbidden_connections"] {
        assert_eq!(report[none], 0, "{none}: {}", ended.stderr);
    }
    report
}

/// One deployment for both, because it takes a while to come up.
#[test]
fn functions_on_an_emulator_find_what_the_lab_has() {
    let _alone = alone();
    let Some(stack) = Stack::up() else { return };
    let robots = report(
        stack
            .example("localstack_robots")
            .args(["--sites", "60", "--chunk", "10"]),
    );
    assert_eq!(robots["targets"], 60);
    assert_eq!(robots["records"], 60);
    assert_eq!(robots["mismatches"], 0, "{robots}");
    assert_eq!(robots["tasks"], 6);

    let recon = report(stack.example("localstack_recon").arg("lab.test"));
    // Who is named in certificates is known, all of them; who is out of scope is not looked up.
    let names = lab::ct_names("lab.test").len() as u64;
    assert_eq!(recon["families"]["dns"]["records"], names - 1);
    assert_eq!(recon["families"]["ports"]["method"], "connect");
    for family in ["tls", "pages"] {
        let records = recon["families"][family]["records"].as_u64();
        assert!(records > Some(0), "{family}: {recon}");
    }
}
