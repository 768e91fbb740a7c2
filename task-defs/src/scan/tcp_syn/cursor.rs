//! Where a scan goes on.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use scanners::engine::Checkpoint;
use serde::{Deserialize, Serialize, Serializer};
use task_core::{Claim, TaskContext, TaskError};

use crate::scan::cursor::Cursor as Place;

/// Checkpoints up to this long travel in the message; a cursor may have 64 KiB.
const INLINE: usize = 16 << 10;

/// Where the next attempt goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "must be a position, or an object with `next` and `again` or with `from` and `syn`"
)]
pub(super) enum Cursor {
    /// By packets.
    Packets {
        /// Positions of the chunk before this one are done.
        from: u64,
        /// How far the others are.
        syn: Kept,
    },
    /// By connections; or as it likes, if nothing before the next position is left.
    Connections(#[serde(serialize_with = "place")] Place),
}

impl Default for Cursor {
    fn default() -> Self {
        Self::Connections(Place::default())
    }
}

/// As the first version had it, if that can say it, so that its workers can go on from there.
fn place<S: Serializer>(at: &Place, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct First {
        from: u64,
    }
    match at.again.is_empty() {
        true => First { from: at.next }.serialize(serializer),
        false => at.serialize(serializer),
    }
}

/// The stored form of a [`Checkpoint`], and where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kept {
    /// Here, in base64.
    Inline(String),
    /// In the object store.
    Claim(Claim),
}

impl Kept {
    pub(super) async fn keep<R>(
        checkpoint: &Checkpoint,
        cx: &TaskContext<R>,
    ) -> Result<Self, TaskError> {
        let bytes = checkpoint.to_bytes();
        if bytes.len() <= INLINE {
            return Ok(Self::Inline(STANDARD_NO_PAD.encode(bytes)));
        }
        let Some(objects) = cx.objects() else {
            return Err(TaskError::retry(format!(
                "the checkpoint of the scan has {} bytes, which do not fit a message, and no \
                 object store is configured; configure one or lower `chunk`",
                bytes.len()
            )));
        };
        let (collection, task, attempt) = (cx.collection_id(), cx.task_id(), cx.attempt());
        let key = format!("checkpoints/{collection}/{task}-{attempt}");
        Ok(Self::Claim(
            Claim::store(key, bytes.into(), &**objects).await?,
        ))
    }

    pub(super) async fn fetch<R>(&self, cx: &TaskContext<R>) -> Result<Checkpoint, TaskError> {
        let bytes = match self {
            Self::Inline(text) => STANDARD_NO_PAD.decode(text).map_err(TaskError::fatal)?,
            Self::Claim(claim) => {
                let objects = cx.objects().ok_or_else(|| {
                    TaskError::retry(
                        "the checkpoint of the scan lies in an object store, and this worker has none",
                    )
                })?;
                claim.fetch(&**objects).await?.into()
            }
        };
        Checkpoint::from_bytes(&bytes).map_err(TaskError::fatal)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cursors_of_the_first_version_are_read_and_written() {
        let read = |value| serde_json::from_value::<Cursor>(value).ok();
        let position = Cursor::Connections(Place::at(7));
        assert_eq!(read(json!({"from": 7})), Some(position.clone()));
        assert_eq!(read(json!(7)), Some(position.clone()));
        assert_eq!(serde_json::to_value(position).unwrap(), json!({"from": 7}));
        let packets = json!({"from": 7, "syn": {"inline": "AAAA"}});
        let expected = Cursor::Packets {
            from: 7,
            syn: Kept::Inline("AAAA".to_owned()),
        };
        assert_eq!(read(packets.clone()), Some(expected));
        assert_eq!(serde_json::to_value(read(packets)).unwrap()["from"], 7);
        // Whoever forgot the checkpoint would tell again what was told.
        assert_eq!(read(json!({"from": 7, "syn": {"later": 1}})), None);
    }

    #[test]
    fn connections_tell_the_next_position_and_what_is_to_be_done_again() {
        let both = json!({"next": 9, "again": [3, 1]});
        let cursor: Cursor = serde_json::from_value(both.clone()).unwrap();
        assert_eq!(serde_json::to_value(&cursor).unwrap(), both);
    }
}
