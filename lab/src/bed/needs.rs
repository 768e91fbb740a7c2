//! What a bed needs of the machine.

use std::process::{Command, Stdio};

use super::namespace::Namespace;
use super::responder::Responder;

/// What is missing, in words.
pub(super) fn missing(responder: &Responder) -> Option<String> {
    if let Err(error) = Namespace::new() {
        return Some(error.to_string());
    }
    let programs: &[&str] = match responder {
        Responder::Kernel { .. } => &["ip", "nft"],
        _ => &["ip", "clang"],
    };
    let absent = programs.iter().find(|program| !is_there(program))?;
    Some(format!("there is no program `{absent}`"))
}

/// Whether a program can be started.
fn is_there(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .and_then(|mut child| child.wait())
        .is_ok()
}
