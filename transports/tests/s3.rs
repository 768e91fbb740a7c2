//! The object store on S3, against an emulator.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod cloud;

use std::sync::Arc;

use sortie_transports::s3::{Client, S3Objects};
use task_core::conformance::objects;
use task_core::ports::objects::{ObjectError, Objects};

use self::cloud::{cloud, name};

async fn bucket(aws: &aws_config::SdkConfig) -> String {
    let config = aws_sdk_s3::config::Builder::from(aws).force_path_style(true);
    let bucket = name();
    let client = Client::from_conf(config.build());
    client.create_bucket().bucket(&bucket).send().await.unwrap();
    bucket
}

#[tokio::test]
async fn objects_in_s3_keep_the_promises_of_the_port() {
    let Some(aws) = cloud().await else { return };
    // Each store is a folder of the same bucket, and none sees the others.
    let bucket = bucket(&aws).await;
    objects::run_all(async || {
        let folder = S3Objects::new(&aws, &*bucket).folder(&name()).unwrap();
        Arc::new(folder) as Arc<dyn Objects>
    })
    .await;
}

#[tokio::test]
async fn a_folder_of_a_bucket_is_a_store_of_its_own() {
    let Some(aws) = cloud().await else { return };
    let whole = S3Objects::new(&aws, bucket(&aws).await);
    let [one, other] = ["a/b", "a/bc"].map(|path| whole.clone().folder(path).unwrap());
    one.put("x", "1".into()).await.unwrap();
    other.put("x", "2".into()).await.unwrap();
    one.delete_prefix("x").await.unwrap();
    assert_eq!(other.get("x", 10).await.unwrap(), "2");
    assert_eq!(whole.get("a/bc/x", 10).await.unwrap(), "2");
    let gone = whole.get("a/b/x", 10).await;
    assert!(
        matches!(gone, Err(ObjectError::NotFound { .. })),
        "{gone:?}"
    );
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_no_missing_object() {
    let Some(aws) = cloud().await else { return };
    let objects = S3Objects::new(&aws, name());
    let error = objects.get("a", 10).await.unwrap_err();
    assert!(matches!(error, ObjectError::Backend { .. }), "{error:?}");
    assert!(error.to_string().contains("NoSuchBucket"), "{error}");
}
