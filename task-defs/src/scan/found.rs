//! Models on their way to the recon tables.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use task_core::recon::{DynModel, Filter, Model, Observation, Query};
use task_core::{Recon, TaskError};

/// Collects the models that follow from records, of any type, to be written many at a time.
#[derive(Debug, Default)]
pub struct Found {
    models: BTreeMap<&'static str, Sights>,
    len: usize,
    bytes: usize,
}

/// What was seen of one model.
#[derive(Debug)]
struct Sights {
    model: DynModel,
    certain: Vec<Observation>,
    if_known: Vec<Observation>,
}

impl Found {
    /// Observations after which they are written.
    const FULL: usize = 500;
    /// Bytes of them after which they are written, however few they are.
    const FULL_BYTES: usize = 4 << 20;

    /// Adds a sight of `model`.
    ///
    /// One that cannot be stored, because what a peer sent makes it too large, is left out, and
    /// the worker's log has the reason; its record stands all the same.
    pub fn add<M: Model>(&mut self, model: &M) {
        self.add_without(model, &[]);
    }

    /// Adds a sight of `model`, which is known to have none of the fields `cleared`: what was
    /// stored of them is [cleared](Observation::clearing).
    pub fn add_without<M: Model>(&mut self, model: &M, cleared: &[&str]) {
        if let Some((sights, seen)) = self.observe(model, cleared) {
            sights.certain.push(seen);
        }
    }

    /// Adds a sight of `model` that is worth storing only if there is a row of that key already:
    /// a closed port is news if it was open, and one of 65,000 otherwise.
    pub fn add_if_known<M: Model>(&mut self, model: &M) {
        self.add_if_known_without(model, &[]);
    }

    /// The same, of a model that is known to have none of the fields `cleared`.
    pub fn add_if_known_without<M: Model>(&mut self, model: &M, cleared: &[&str]) {
        if let Some((sights, seen)) = self.observe(model, cleared) {
            sights.if_known.push(seen);
        }
    }

    /// What is to be stored of each model, in the order of their names.
    #[cfg(test)]
    pub(super) fn bodies(&self) -> Vec<serde_json::Value> {
        let sights = self.models.values();
        let all = sights.flat_map(|sights| sights.certain.iter().chain(&sights.if_known));
        all.map(|seen| serde_json::from_str(seen.body.get()).unwrap())
            .collect()
    }

    fn observe<M: Model>(
        &mut self,
        model: &M,
        cleared: &[&str],
    ) -> Option<(&mut Sights, Observation)> {
        match Observation::clearing(model, cleared) {
            Ok(seen) => {
                self.len += 1;
                self.bytes += seen.key.len() + seen.body.get().len();
                let sights = self.models.entry(M::NAME).or_insert_with(|| Sights {
                    model: DynModel::of::<M>(),
                    certain: Vec::new(),
                    if_known: Vec::new(),
                });
                Some((sights, seen))
            }
            Err(error) => {
                tracing::warn!(%error, "a model that follows from a record is not stored");
                None
            }
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.len >= Self::FULL || self.bytes >= Self::FULL_BYTES
    }

    /// Writes what there is.
    pub(super) async fn store(&mut self, recon: &Recon) -> Result<(), TaskError> {
        (self.len, self.bytes) = (0, 0);
        for sights in std::mem::take(&mut self.models).into_values() {
            let Sights {
                model,
                mut certain,
                if_known,
            } = sights;
            if !if_known.is_empty() {
                let known = known(recon, &model, &if_known).await?;
                certain.extend(
                    if_known
                        .into_iter()
                        .filter(|seen| known.contains(&seen.key)),
                );
            }
            recon.observe(model.schema(), &once(certain)).await?;
        }
        Ok(())
    }
}

/// Without those that say again what the one before them said of the same key: many records have
/// something to say of what they have in common.
fn once(sights: Vec<Observation>) -> Vec<Observation> {
    let mut kept: Vec<Observation> = Vec::with_capacity(sights.len());
    let mut last: HashMap<String, usize> = HashMap::new();
    for seen in sights {
        let before = last.get(&seen.key).and_then(|&place| kept.get(place));
        if before.is_some_and(|before| before.body.get() == seen.body.get()) {
            continue;
        }
        last.insert(seen.key.clone(), kept.len());
        kept.push(seen);
    }
    kept
}

/// Those of the keys that have a row.
async fn known(
    recon: &Recon,
    model: &DynModel,
    seen: &[Observation],
) -> Result<BTreeSet<String>, TaskError> {
    let keys = seen.iter().map(|seen| seen.key.clone()).collect();
    let mut rows = recon.list_as(model, Query::all().filter(Filter::KeyIn(keys)))?;
    let mut known = BTreeSet::new();
    while let Some(row) = rows.next().await? {
        known.insert(row.key);
    }
    Ok(known)
}
