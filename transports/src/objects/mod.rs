//! Large payloads: in memory, in a folder, or in any store that `object_store` knows.

mod key;

use std::error::Error as _;
use std::io;
use std::path::Path as FilePath;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{Error, GetResult, GetResultPayload, ObjectStore, ObjectStoreExt as _};
use task_core::ports::objects::{ObjectError, Objects};

/// [`Objects`] over a store of the crate `object_store`. Clones share it.
///
/// Keys are checked before the store sees them.
///
/// ```
/// # use sortie_transports::objects::ObjectStoreObjects;
/// # use task_core::ports::objects::{ObjectError, Objects};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), ObjectError> {
/// let objects = ObjectStoreObjects::memory();
/// objects.put("payloads/7", "[1, 2, 3]".into()).await?;
/// assert_eq!(objects.get("payloads/7", 1024).await?, "[1, 2, 3]");
/// assert!(objects.get("payloads/7", 4).await.is_err());
/// objects.delete_prefix("payloads").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ObjectStoreObjects {
    store: Arc<dyn ObjectStore>,
}

impl ObjectStoreObjects {
    /// Over any store, S3 for one. The store must put atomically, as those of `object_store` do.
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store }
    }

    /// In memory: for tests, and for runs that need not outlive the process.
    pub fn memory() -> Self {
        Self::new(Arc::new(InMemory::new()))
    }

    /// In a folder, which is made if it does not exist.
    ///
    /// `put` writes a temporary file beside its destination, syncs it to the disk, renames it, and
    /// syncs the folder. Once it returned, the object is whole whatever happens to the process or
    /// (on Unix) the machine. A process killed in the middle may leave a file `…#1`, which is
    /// no object and is never read; `delete_prefix` does not remove it.
    ///
    /// An object cannot lie under the key of another (`a` and `a/b`): one of them would have to
    /// be a folder.
    ///
    /// # Errors
    ///
    /// If the folder cannot be made or is not a folder.
    pub fn local(folder: impl AsRef<FilePath>) -> io::Result<Self> {
        let folder = folder.as_ref();
        std::fs::create_dir_all(folder)?;
        let store = LocalFileSystem::new_with_prefix(folder).map_err(io::Error::other)?;
        Ok(Self::new(Arc::new(
            store.with_fsync(true).with_automatic_cleanup(true),
        )))
    }
}

#[async_trait]
impl Objects for ObjectStoreObjects {
    async fn put(&self, key: &str, bytes: Bytes) -> Result<(), ObjectError> {
        let path = key::parse(key)?;
        let put = self.store.put(&path, bytes.into()).await;
        put.map(|_| ()).map_err(|error| backend(key, error))
    }

    async fn get(&self, key: &str, limit: u64) -> Result<Bytes, ObjectError> {
        let path = key::parse(key)?;
        let found = self
            .store
            .get(&path)
            .await
            .map_err(|error| convert(key, error))?;
        let len = found.meta.size;
        if len > limit {
            return Err(ObjectError::TooLarge {
                key: key.to_owned(),
                len,
                limit,
            });
        }
        read(found, key, limit).await
    }

    async fn delete_prefix(&self, prefix: &str) -> Result<(), ObjectError> {
        let path = key::parse(prefix)?;
        // Stores list what lies under a path, without the path itself.
        match self.store.head(&path).await {
            Ok(_) => {
                self.delete(prefix, futures_util::stream::iter([Ok(path.clone())]))
                    .await?
            }
            Err(error) if is_missing(&error) => {}
            Err(error) => return Err(convert(prefix, error)),
        }
        let below = self
            .store
            .list(Some(&path))
            .map_ok(|object| object.location);
        self.delete(prefix, below).await
    }
}

impl ObjectStoreObjects {
    async fn delete(
        &self,
        prefix: &str,
        paths: impl futures_util::Stream<Item = object_store::Result<Path>> + Send + 'static,
    ) -> Result<(), ObjectError> {
        let mut deleted = self.store.delete_stream(paths.boxed());
        while let Some(result) = deleted.next().await {
            match result {
                // Somebody else was faster.
                Ok(_) => {}
                Err(error) if is_missing(&error) => {}
                Err(error) => return Err(convert(prefix, error)),
            }
        }
        Ok(())
    }
}

/// Reads what was found, and no more than `limit` even if the store sends more than it said.
async fn read(found: GetResult, key: &str, limit: u64) -> Result<Bytes, ObjectError> {
    if let GetResultPayload::File(..) = found.payload {
        // An open file is read up to the length that was checked, in one go.
        return found.bytes().await.map_err(|error| convert(key, error));
    }
    let size = usize::try_from(found.meta.size).unwrap_or(usize::MAX);
    let mut chunks = found.into_stream();
    let mut bytes = BytesMut::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| convert(key, error))?;
        if chunk.len() == size && bytes.is_empty() {
            return Ok(chunk);
        }
        let len = (bytes.len() + chunk.len()) as u64;
        if len > limit {
            return Err(ObjectError::TooLarge {
                key: key.to_owned(),
                len,
                limit,
            });
        }
        bytes.reserve(
            chunk
                .len()
                .max(size.saturating_sub(bytes.len()).min(MAX_RESERVE)),
        );
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

/// The most that is set aside for bytes that have not come yet.
const MAX_RESERVE: usize = 1 << 20;

fn convert(key: &str, error: Error) -> ObjectError {
    if is_missing(&error) {
        return ObjectError::NotFound {
            key: key.to_owned(),
        };
    }
    backend(key, error)
}

fn backend(key: &str, error: Error) -> ObjectError {
    ObjectError::Backend {
        key: key.to_owned(),
        source: Box::new(error),
    }
}

/// Whether there is no such object. In a folder, one is also missing below a key that is an
/// object itself, though the file system has another word for it.
fn is_missing(error: &Error) -> bool {
    let not_a_folder = |error: &(dyn std::error::Error + 'static)| {
        let io = error.downcast_ref::<io::Error>();
        io.is_some_and(|io| io.kind() == io::ErrorKind::NotADirectory)
    };
    let mut causes = std::iter::successors(error.source(), |&error| error.source());
    matches!(error, Error::NotFound { .. }) || causes.any(not_a_folder)
}
