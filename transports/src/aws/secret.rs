//! Secrets, from where they are kept.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use secrecy::SecretString;

use super::AwsFault;

/// The current value of the secret with this name or ARN in AWS Secrets Manager.
///
/// Neither the value nor an error shows it. It takes the right `secretsmanager:GetSecretValue` on
/// this secret, and `kms:Decrypt` if it has a key of your own.
///
/// ```no_run
/// use sortie_transports::aws;
///
/// # async fn run() -> Result<(), aws::AwsFault> {
/// let password = aws::secret(&aws::load().await, "sortie/postgres").await?;
/// assert_eq!(format!("{password:?}"), "SecretBox<str>([REDACTED])");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`AwsFault`] if Secrets Manager does not give it out, or if it is bytes and no text.
pub async fn secret(aws: &SdkConfig, id: &str) -> Result<SecretString, AwsFault> {
    const OPERATION: &str = "GetSecretValue";
    let asked = Client::new(aws).get_secret_value().secret_id(id).send();
    let given = asked
        .await
        .map_err(|error| AwsFault::new(OPERATION, &error))?;
    given
        .secret_string
        .map(SecretString::from)
        .ok_or_else(|| AwsFault::malformed(OPERATION, "the secret is bytes; it must be a text"))
}
