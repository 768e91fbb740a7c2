//! The folder: the engine's state, and where the lab was.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use lab::{Lab, LabConfig, LabPorts};
use serde::{Deserialize, Serialize};

/// A folder of this example.
pub(crate) struct Place {
    folder: PathBuf,
    lab: Known,
}

/// What makes the lab of a later run the same one: its ports and its certificates.
#[derive(Default, Serialize, Deserialize)]
struct Known {
    ports: LabPorts,
    identity: [u8; 32],
}

impl Place {
    pub(crate) fn open(folder: &Path) -> anyhow::Result<Self> {
        let folder = std::path::absolute(folder)?;
        std::fs::create_dir_all(&folder).with_context(|| {
            format!(
                "cannot make the folder {}; choose another by --out",
                folder.display()
            )
        })?;
        let path = folder.join("lab.json");
        let lab = match std::fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Known::new()?,
            read => {
                let json = read.with_context(|| format!("cannot read {}", path.display()))?;
                serde_json::from_slice(&json).map_err(|error| {
                    let folder = folder.display();
                    anyhow!("{} is damaged ({error}); remove {folder}", path.display())
                })?
            }
        };
        Ok(Self { folder, lab })
    }

    /// Where the engine keeps its state.
    pub(crate) fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// The lab, where it was in the run before.
    pub(crate) async fn start_lab(&self) -> anyhow::Result<Lab> {
        let config = LabConfig {
            ports: self.lab.ports,
            identity: Some(self.lab.identity),
            ..LabConfig::default()
        };
        let lab = Lab::start(config).await.context("cannot start the lab")?;
        let known = Known {
            ports: lab.ports(),
            ..self.lab
        };
        let path = self.folder.join("lab.json");
        std::fs::write(&path, serde_json::to_vec(&known)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(lab)
    }
}

impl Known {
    fn new() -> anyhow::Result<Self> {
        let mut known = Self::default();
        getrandom::fill(&mut known.identity).map_err(|error| anyhow!("no randomness: {error}"))?;
        Ok(known)
    }
}
