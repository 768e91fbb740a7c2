//! A whole deployment on an emulator: what its functions find, and what they do not get in the way
//! of.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{alone, program, run};

/// A deployment of its own; ended when it is dropped.
struct Stack {
    state: TempDir,
    variables: Vec<(String, String)>,
}

impl Stack {
    /// `None` where there is no emulator or no PostgreSQL; says so.
    fn up() -> Option<Self> {
        let state = TempDir::new().unwrap();
        let mut command = Self::script(state.path());
        command.args(["up", "--if-installed"]);
        let up = command.stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8_lossy(&up.stderr);
        if up.status.code() == Some(3) {
            eprintln!("skipped: the examples on a cloud; {}", said.trim());
            return None;
        }
        assert!(up.status.success(), "{said}");
        let exports = String::from_utf8(up.stdout).unwrap();
        let variables = exports
            .lines()
            .filter_map(|line| line.strip_prefix("export ")?.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Some(Self { state, variables })
    }

    fn script(state: &Path) -> Command {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/lab/cloud/stack");
        let mut command = Command::new(script);
        command
            .env("SORTIE_CLOUD_STATE", state)
            .env("SORTIE_FUNCTIONS", functions())
            .env_remove("SORTIE_SQS_PREFIX")
            .env_remove("SORTIE_LOG");
        command
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
        let down = Self::script(self.state.path()).arg("down").status();
        if !down.is_ok_and(|down| down.success()) {
            eprintln!(
                "the deployment in {} still runs",
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
            .args(["--sites", "300", "--chunk", "25"]),
    );
    assert_eq!(robots["targets"], 300);
    assert_eq!(robots["records"], 300);
    assert_eq!(robots["mismatches"], 0, "{robots}");
    assert_eq!(robots["tasks"], 12);

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
