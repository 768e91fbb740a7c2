//! The lab in a process of its own: `lab [MIX]`.
//!
//! Prints one line of JSON that describes it, serves until stdin ends or a signal comes, and prints
//! what it has seen as a second line.

use std::error::Error;

use sortie_lab::{Lab, LabConfig, Mix};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mix = std::env::args().skip(1).collect::<Vec<_>>().join(" ");
    let mix = if mix.is_empty() {
        Mix::default()
    } else {
        mix.parse()?
    };
    let lab = Lab::start(LabConfig::with_mix(mix)).await?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    println!("{}", serde_json::to_string(&lab.info())?);

    // A reader of its own thread: Tokio's stdin would keep the runtime from ending.
    let (closed, mut on_closed) = tokio::sync::mpsc::channel::<()>(1);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        drop(closed);
    });
    tokio::select! {
        _ = on_closed.recv() => {}
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    println!("{}", serde_json::to_string(&lab.shutdown().await)?);
    Ok(())
}
