//! Lines of JSON on standard output, which is what Lambda keeps.

use tracing::Level;
use tracing_subscriber::filter::{Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::{Settings, SettingsError};

/// What these libraries say beyond `info` may hold what nobody should read: headers that were
/// signed, tokens, whole events. It is left out, whatever is asked for.
const DISCREET: [&str; 8] = [
    "aws_",
    "h2",
    "hyper",
    "lambda_runtime",
    "rustls",
    "sqlx",
    "tower",
    "want",
];

/// Logs from now on. A log that was there before stays.
pub(super) fn start(settings: &Settings) -> Result<(), SettingsError> {
    let (targets, wrong) = match settings.log() {
        Ok(targets) => (targets, None),
        Err(error) => (Targets::new().with_default(Level::INFO), Some(error)),
    };
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .with_current_span(false);
    let discreet = filter_fn(|line| {
        let of = |library: &&str| line.target().starts_with(*library);
        *line.level() <= Level::INFO || !DISCREET.iter().any(of)
    });
    let _ = tracing_subscriber::registry()
        .with(targets)
        .with(discreet)
        .with(lines)
        .try_init();
    wrong.map_or(Ok(()), Err)
}
