//! Large payloads in Amazon S3.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
pub use aws_sdk_s3::Client;
use aws_sdk_s3::error::BuildError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use aws_smithy_types::timeout::TimeoutConfig;
use bytes::{Bytes, BytesMut};
use task_core::ports::objects::{ObjectError, Objects};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::aws::AwsFault;
use crate::key;

/// [`Objects`] in a bucket of S3, or of what speaks its protocol. Clones share the client and its limits.
///
/// - Each object is one `PutObject`, which is atomic, of up to 5 GiB; a larger one is refused.
/// - Up to 64 requests are on their way at the same time; others wait for their turn.
/// - The client adds a checksum to what it sends and verifies that of what it gets. A
///   [`Claim`](task_core::payload::Claim) verifies its own, stronger one.
/// - The rights it takes: `s3:PutObject` and `s3:GetObject` on the objects; `s3:DeleteObject`, too,
///   where collections are removed; and `s3:ListBucket` on the bucket, without which S3 says of a
///   missing object that access is denied, and that is [`ObjectError::Backend`].
/// - In a bucket with versions, what was removed or replaced stays as an old version: let a
///   lifecycle rule expire those.
///
/// ```no_run
/// use sortie_transports::{aws, s3::S3Objects};
/// use task_core::ports::objects::{ObjectError, Objects as _};
///
/// # async fn run() -> Result<(), ObjectError> {
/// let objects = S3Objects::new(&aws::load().await, "my-bucket").folder("sortie/prod")?;
/// objects.put("payloads/7", "[1, 2, 3]".into()).await?;
/// assert_eq!(objects.get("payloads/7", 1024).await?, "[1, 2, 3]");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct S3Objects {
    client: Client,
    bucket: String,
    /// Empty, or ends with `/`.
    folder: String,
    requests: Arc<Semaphore>,
}

/// What one `PutObject` takes.
const LONGEST: u64 = 5 << 30;

/// Requests on their way at the same time. Each has a connection of its own, and thousands of
/// those at once are more than a small machine opens in time.
const AT_ONCE: usize = 64;

/// Keys in one `DeleteObjects`, and in one page of a list.
const PAGE: usize = 1000;

impl S3Objects {
    /// In this bucket, which must be there. With an endpoint of its own, as an emulator has, the
    /// bucket is part of the path and not of the host's name.
    pub fn new(aws: &SdkConfig, bucket: impl Into<String>) -> Self {
        let path_style = aws.endpoint_url().is_some();
        let mut timeouts = aws
            .timeout_config()
            .map_or_else(TimeoutConfig::builder, TimeoutConfig::to_builder);
        // An attempt includes the upload of the object.
        timeouts.set_operation_attempt_timeout(Some(ATTEMPT));
        let config = aws_sdk_s3::config::Builder::from(aws)
            .force_path_style(path_style)
            .timeout_config(timeouts.build())
            .build();
        Self::with_client(Client::from_conf(config), bucket)
    }

    /// The same with a client of your own.
    pub fn with_client(client: Client, bucket: impl Into<String>) -> Self {
        Self {
            client,
            bucket: bucket.into(),
            folder: String::new(),
            requests: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// Only under this path of the bucket, which others may then share. It is not part of the keys.
    ///
    /// # Errors
    ///
    /// [`ObjectError::InvalidKey`] if it is no path such as keys are.
    pub fn folder(mut self, folder: &str) -> Result<Self, ObjectError> {
        key::check(folder)?;
        self.folder = format!("{folder}/");
        Ok(self)
    }

    /// Waits for its turn.
    async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.requests.acquire().await.ok()
    }

    fn place(&self, key: &str) -> Result<String, ObjectError> {
        key::check(key)?;
        Ok(format!("{}{key}", self.folder))
    }

    /// Removes objects by the names that they have in the bucket, up to [`PAGE`] of them.
    async fn delete(&self, prefix: &str, names: Vec<String>) -> Result<(), ObjectError> {
        const OPERATION: &str = "DeleteObjects";
        if names.is_empty() {
            return Ok(());
        }
        let objects: Result<Vec<_>, BuildError> = names
            .into_iter()
            .map(|name| ObjectIdentifier::builder().key(name).build())
            .collect();
        let delete = objects
            .and_then(|objects| {
                Delete::builder()
                    .set_objects(Some(objects))
                    .quiet(true)
                    .build()
            })
            .map_err(|error| AwsFault::malformed(OPERATION, &error.to_string()))
            .map_err(|fault| backend(prefix, fault))?;
        let deleted = self
            .client
            .delete_objects()
            .bucket(&self.bucket)
            .delete(delete)
            .send()
            .await
            .map_err(|error| backend(prefix, AwsFault::new(OPERATION, &error)))?;
        // One that is gone already is no error there.
        match deleted.errors().first() {
            None => Ok(()),
            Some(error) => {
                let fault = AwsFault::told(OPERATION, error.code(), error.message());
                Err(backend(prefix, fault))
            }
        }
    }
}

/// How long an attempt to put or get an object may take.
const ATTEMPT: Duration = Duration::from_secs(300);

#[async_trait]
impl Objects for S3Objects {
    async fn put(&self, key: &str, bytes: Bytes) -> Result<(), ObjectError> {
        let place = self.place(key)?;
        let len = bytes.len() as u64;
        if len > LONGEST {
            return Err(too_large(key, len, LONGEST));
        }
        let _turn = self.turn().await;
        let put = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(place)
            .body(ByteStream::from(bytes));
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(backend(key, AwsFault::new("PutObject", &error))),
        }
    }

    async fn get(&self, key: &str, limit: u64) -> Result<Bytes, ObjectError> {
        const OPERATION: &str = "GetObject";
        let place = self.place(key)?;
        let _turn = self.turn().await;
        let get = self.client.get_object().bucket(&self.bucket).key(place);
        let found = get.send().await.map_err(|error| {
            let fault = AwsFault::new(OPERATION, &error);
            if fault.has_code(&["NoSuchKey"]) {
                let key = key.to_owned();
                return ObjectError::NotFound { key };
            }
            backend(key, fault)
        })?;
        let len = found.content_length().unwrap_or_default().unsigned_abs();
        if len > limit {
            return Err(too_large(key, len, limit));
        }
        read(found.body, key, len, limit).await
    }

    async fn delete_prefix(&self, prefix: &str) -> Result<(), ObjectError> {
        const OPERATION: &str = "ListObjectsV2";
        let place = self.place(prefix)?;
        let _turn = self.turn().await;
        // What lies below the path, and the object that has just this key.
        self.delete(prefix, vec![place.clone()]).await?;
        let mut pages = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(format!("{place}/"))
            .max_keys(PAGE as i32)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| backend(prefix, AwsFault::new(OPERATION, &error)))?;
            let names = page.contents.unwrap_or_default();
            let names = names.into_iter().filter_map(|object| object.key).collect();
            self.delete(prefix, names).await?;
        }
        Ok(())
    }
}

impl fmt::Debug for S3Objects {
    /// Leaves out the client, which knows the credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Objects")
            .field("bucket", &self.bucket)
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// Reads a body, and no more than `limit` even if it is longer than it said.
async fn read(mut body: ByteStream, key: &str, len: u64, limit: u64) -> Result<Bytes, ObjectError> {
    // What is set aside for bytes that have not come yet is bounded.
    let expected = usize::try_from(len).unwrap_or(usize::MAX).min(1 << 20);
    let mut bytes = BytesMut::with_capacity(expected);
    while let Some(chunk) = body.next().await {
        // A connection that broke, or a checksum that is not that of the object.
        let chunk = chunk.map_err(|error| {
            let why = error.to_string();
            backend(key, AwsFault::told("GetObject", None, Some(&why)))
        })?;
        let len = (bytes.len() + chunk.len()) as u64;
        if len > limit {
            return Err(too_large(key, len, limit));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

fn too_large(key: &str, len: u64, limit: u64) -> ObjectError {
    ObjectError::TooLarge {
        key: key.to_owned(),
        len,
        limit,
    }
}

fn backend(key: &str, fault: AwsFault) -> ObjectError {
    ObjectError::Backend {
        key: key.to_owned(),
        source: Box::new(fault),
    }
}
