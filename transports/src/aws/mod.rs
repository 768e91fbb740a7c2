//! What the adapters for AWS share: how they find it, and what it says when it fails.

mod fault;
#[cfg(feature = "secrets")]
mod secret;

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};

pub use self::fault::AwsFault;
#[cfg(feature = "secrets")]
pub use self::secret::secret;

/// The settings of AWS that this process was given: region, credentials and endpoint from the
/// environment, the profile, or the machine it runs on, as every tool of AWS reads them.
///
/// `AWS_ENDPOINT_URL` (or `AWS_ENDPOINT_URL_SQS`, `AWS_ENDPOINT_URL_S3`) leads to an emulator
/// instead, and is all that differs. Without it, TLS is verified against the roots of the
/// operating system.
///
/// A request is tried up to 5 times with a growing, random pause, for as long as the service says
/// that it is busy or does not answer; connecting may take 5 s, and an attempt 40 s, which is
/// longer than the longest poll of SQS.
///
/// Single sign-on is not among the sources of credentials, because it would cost two more
/// crates; who wants it makes an `SdkConfig` of their own.
pub async fn load() -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(Duration::from_secs(40))
        .build();
    aws_config::defaults(BehaviorVersion::latest())
        .retry_config(RetryConfig::standard().with_max_attempts(5))
        .timeout_config(timeouts)
        .load()
        .await
}
