//! The bare-metal worker: a process beside the functions, as it would be on a machine of its own.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::process::{Child, Command};

/// A running worker; killed if it is dropped before it has [ended](Self::end).
pub(crate) struct BareMetal(Child);

impl BareMetal {
    /// Starts it with the deployment of this environment, as the user of the database that it has
    /// there.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let folder = std::env::var("SORTIE_FUNCTIONS").context(
            "`SORTIE_FUNCTIONS` is not set; it must be the folder of `sortie-bare-metal`",
        )?;
        let program = PathBuf::from(folder).join("sortie-bare-metal");
        let mut command = Command::new(&program);
        if let Ok(url) = std::env::var("SORTIE_BARE_METAL_POSTGRES_URL") {
            command.env("SORTIE_POSTGRES_URL", url);
        }
        command
            .env_remove("SORTIE_FENCE_KEY")
            .env("SORTIE_LOG", "warn")
            .stdout(Stdio::inherit())
            .kill_on_drop(true);
        let child = command.spawn();
        let failed = || format!("cannot start {}", program.display());
        Ok(Self(child.with_context(failed)?))
    }

    /// Tells it to drain, and waits until it has.
    pub(crate) async fn end(mut self) -> anyhow::Result<()> {
        let Some(pid) = self.0.id() else {
            bail!("the bare-metal worker ended before it was told to");
        };
        let told = Command::new("kill").arg(pid.to_string()).status().await?;
        if !told.success() {
            bail!("the bare-metal worker cannot be told to end");
        }
        let ended = tokio::time::timeout(Duration::from_secs(60), self.0.wait()).await;
        match ended.context("the bare-metal worker does not drain")?? {
            status if ExitStatus::success(&status) => Ok(()),
            status => bail!("the bare-metal worker ended with {status}"),
        }
    }
}
