//! The programs of a deployment: what they say when they cannot start, and what the manager makes of
//! those who lie to it.
//!
//! The programs are those of the last build: `./test` builds them before; else run
//! `cargo build --workspace --all-features --bins` first.

#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests")]

mod forged;
mod post;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// In every secret that these tests hand out.
const SECRET: &str = "hunter2";

/// A program with nothing in its environment but this.
fn start(name: &str, variables: &[(&str, &str)]) -> Output {
    let me = std::env::current_exe().unwrap();
    let folder = me.parent().and_then(Path::parent).unwrap();
    let program: PathBuf = folder.join(name);
    assert!(
        program.is_file(),
        "{} has not been built; run ./test, or cargo build --bins",
        program.display()
    );
    Command::new(program)
        .env_clear()
        .env("SORTIE_LOG", "trace")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", format!("{SECRET}-key"))
        .env("AWS_SESSION_TOKEN", format!("{SECRET}-token"))
        .env("AWS_EC2_METADATA_DISABLED", "true")
        // Nobody listens there.
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

/// What a program says that does not start; it must say all of `parts`, and no secret.
fn refused(name: &str, variables: &[(&str, &str)], parts: &[&str]) {
    let ended = start(name, variables);
    let said = String::from_utf8(ended.stdout).unwrap() + &String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(!said.contains(SECRET), "a secret in {said}");
    let last = said.lines().last().unwrap();
    let line: serde_json::Value = serde_json::from_str(last).unwrap();
    assert_eq!(line["level"], "ERROR");
    let error = line["fields"]["error"].as_str().unwrap();
    for part in parts {
        assert!(error.contains(part), "no {part:?} in {error}");
    }
}

const SOUND: [(&str, &str); 3] = [
    ("SORTIE_SQS_PREFIX", "lab"),
    ("SORTIE_BUCKET", "lab"),
    ("SORTIE_FENCE_KEY", "000102030405060708090a0b0c0d0e0f"),
];

#[test]
fn what_is_missing_is_named() {
    for name in ["sortie-external", "sortie-internal", "sortie-manager"] {
        refused(name, &[], &["SORTIE_SQS_PREFIX"]);
        refused(name, &SOUND[..1], &["`SORTIE_BUCKET` is not set"]);
    }
    let queue = [("SORTIE_SQS_EXTERNAL", "scans")];
    refused(
        "sortie-external",
        &queue,
        &["`SORTIE_SQS_MANAGER` is not set"],
    );
    refused(
        "sortie-manager",
        &SOUND[..2],
        &["`SORTIE_FENCE_KEY`", "openssl"],
    );
    refused(
        "sortie-manager",
        &SOUND,
        &["`SORTIE_POSTGRES_URL` is not set"],
    );
    refused("sortie-migrate", &[], &["`SORTIE_POSTGRES_URL` is not set"]);
}

#[test]
fn what_is_wrong_is_named_with_what_is_allowed() {
    let wrong = |name, value| [SOUND[0], SOUND[1], (name, value)];
    let cases = [
        ("SORTIE_LOG", "loud", "must be a level"),
        ("WORKER_IDLE_TIMEOUT", "0", "whole seconds, 1 to 86400"),
        ("SORTIE_SQS_MANAGER", "a queue", "the URL of a queue"),
        ("SORTIE_BUCKET_FOLDER", "../other", "SORTIE_BUCKET_FOLDER"),
    ];
    for (name, value, allowed) in cases {
        refused("sortie-bare-metal", &wrong(name, value), &[name, allowed]);
    }
}

#[test]
fn no_secret_is_shown_whatever_is_wrong() {
    let urls = [
        "postgres://me:hunter2@db.example.com:port/x",
        "mysql://me:hunter2@db.example.com/x",
        "postgres://me:hunter2@db.example.com/x?sslmode=hunter2",
    ];
    for url in urls {
        let variables = [SOUND[0], SOUND[1], SOUND[2], ("SORTIE_POSTGRES_URL", url)];
        refused("sortie-manager", &variables, &["`SORTIE_POSTGRES_URL`"]);
        refused("sortie-migrate", &variables, &["`SORTIE_POSTGRES_URL`"]);
    }
    let key = ("SORTIE_FENCE_KEY", "hunter2hunter2hunter2hunter2hunt");
    refused(
        "sortie-manager",
        &[SOUND[0], SOUND[1], key],
        &["32 hexadecimal digits"],
    );
    // A server that is not there, at `trace`.
    let url = ("SORTIE_POSTGRES_URL", "postgres://me:hunter2@127.0.0.1:9/x");
    refused("sortie-migrate", &[url], &["postgres://me@127.0.0.1:9/x"]);
}

/// Everything is sound here, but nobody answers; the requests are signed.
#[test]
fn aws_out_of_reach_is_said_without_what_was_signed() {
    let url = ("SORTIE_POSTGRES_URL", "postgres://me:hunter2@127.0.0.1:9/x");
    let variables = [SOUND[0], SOUND[1], SOUND[2], url];
    refused("sortie-external", &variables, &["GetQueueUrl"]);
    refused("sortie-manager", &variables, &["GetQueueUrl"]);
    let secret = ("SORTIE_POSTGRES_SECRET", "sortie/postgres");
    refused(
        "sortie-migrate",
        &[url, secret],
        &["`SORTIE_POSTGRES_SECRET`", "GetSecretValue"],
    );
}
