//! What AWS said, without what nobody should read in a log.

use std::error::Error;
use std::fmt;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// A request to AWS that failed, after all its attempts.
///
/// Holds neither the request nor the response. The message of AWS is cut at 400 bytes, and left
/// out where it would repeat what was signed, the session token among it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsFault {
    operation: &'static str,
    code: Option<String>,
    message: String,
    request_id: Option<String>,
    temporary: bool,
}

impl AwsFault {
    pub(crate) fn new<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let meta = error.meta();
        let code = meta.code().map(plain);
        let status = error.raw_response().map(|raw| raw.status().as_u16());
        let temporary = match error {
            SdkError::ServiceError(_) => {
                status.is_some_and(|status| status >= 500 || status == 429)
                    || code.as_deref().is_some_and(is_throttling)
            }
            SdkError::ConstructionFailure(_) => false,
            _ => true,
        };
        let message = match (error, meta.message()) {
            (SdkError::ServiceError(_), _)
                if code.as_deref().is_some_and(quotes_what_was_signed) =>
            {
                "the credentials or the clock of this machine are wrong".to_owned()
            }
            (SdkError::ServiceError(_), Some(message)) => cut(message.to_owned()),
            (SdkError::ServiceError(_), None) => {
                format!("HTTP status {}", status.unwrap_or_default())
            }
            _ => cut(chain(error)),
        };
        Self {
            operation,
            code,
            message,
            request_id: meta.extra("aws_request_id").map(plain),
            temporary,
        }
    }

    /// One entry of a batch that failed alone.
    #[cfg(feature = "sqs")]
    pub(crate) fn from_entry(
        operation: &'static str,
        entry: &aws_sdk_sqs::types::BatchResultErrorEntry,
    ) -> Self {
        Self {
            temporary: !entry.sender_fault || is_throttling(&entry.code),
            ..Self::told(operation, Some(&entry.code), entry.message.as_deref())
        }
    }

    /// What is told inside of an answer that is no error itself.
    pub(crate) fn told(operation: &'static str, code: Option<&str>, message: Option<&str>) -> Self {
        Self {
            operation,
            code: code.map(plain),
            message: plain(message.unwrap_or("no reason is given")),
            request_id: None,
            temporary: true,
        }
    }

    /// A request or an answer that lacks what the interface of AWS promises.
    pub(crate) fn malformed(operation: &'static str, what: &str) -> Self {
        Self::told(operation, None, Some(what))
    }

    /// The operation, as AWS names it: `SendMessageBatch`.
    pub const fn operation(&self) -> &'static str {
        self.operation
    }

    /// The error code of AWS, if the request came that far.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// Whether trying again later may help by itself: the service was busy or out of reach.
    pub const fn is_temporary(&self) -> bool {
        self.temporary
    }

    pub(crate) fn has_code(&self, codes: &[&str]) -> bool {
        self.code
            .as_deref()
            .is_some_and(|code| codes.contains(&short(code)))
    }

    #[cfg(feature = "sqs")]
    pub(crate) fn says(&self, words: &str) -> bool {
        self.message.contains(words)
    }
}

impl fmt::Display for AwsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.operation)?;
        if let Some(code) = &self.code {
            write!(f, "{code}: ")?;
        }
        f.write_str(&self.message)?;
        match &self.request_id {
            Some(id) => write!(f, " (request {id})"),
            None => Ok(()),
        }
    }
}

impl Error for AwsFault {}

/// The code without what the older protocol puts before it.
fn short(code: &str) -> &str {
    code.rsplit('.').next().unwrap_or(code)
}

fn is_throttling(code: &str) -> bool {
    matches!(
        short(code),
        "RequestThrottled"
            | "RequestThrottledException"
            | "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "TooManyRequestsException"
            | "RequestLimitExceeded"
            | "KmsThrottled"
            | "SlowDown"
            | "OverLimit"
    )
}

fn quotes_what_was_signed(code: &str) -> bool {
    code.contains("Signature") || code.contains("Token") || code.contains("Credential")
}

fn plain(text: &str) -> String {
    cut(text.to_owned())
}

fn cut(mut text: String) -> String {
    const MOST: usize = 400;
    if text.len() > MOST {
        text.truncate(text.floor_char_boundary(MOST));
        text.push('…');
    }
    text
}

/// An error and its causes, in one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let causes: Vec<String> = std::iter::successors(Some(error), |&error| error.source())
        .map(ToString::to_string)
        .collect();
    causes.join(": ")
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::metadata::ErrorMetadata;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("said by the service")]
    struct Said(ErrorMetadata);

    impl ProvideErrorMetadata for Said {
        fn meta(&self) -> &ErrorMetadata {
            &self.0
        }
    }

    fn fault(status: u16, code: &str, message: &str) -> AwsFault {
        let meta = ErrorMetadata::builder().code(code).message(message).build();
        let status = status.try_into().unwrap();
        let raw = HttpResponse::new(status, SdkBody::empty());
        AwsFault::new("SendMessage", &SdkError::service_error(Said(meta), raw))
    }

    #[test]
    fn what_was_signed_is_not_repeated() {
        let message = "The Canonical String should have been 'POST\nx-amz-security-token:SECRET'";
        let fault = fault(403, "SignatureDoesNotMatch", message);
        assert!(!format!("{fault} {fault:?}").contains("SECRET"));
        assert!(!fault.is_temporary());
    }

    #[test]
    fn busy_is_temporary_and_wrong_is_not() {
        assert!(fault(400, "RequestThrottled", "slower").is_temporary());
        assert!(fault(503, "ServiceUnavailable", "later").is_temporary());
        assert!(!fault(400, "InvalidMessageContents", "no").is_temporary());
        let old = fault(400, "AWS.SimpleQueueService.NonExistentQueue", "no");
        assert!(old.has_code(&["NonExistentQueue"]));
    }

    #[test]
    fn long_messages_are_cut_at_a_character() {
        let fault = fault(400, "X", &"ü".repeat(1000));
        assert!(fault.to_string().len() < 450, "{fault}");
    }
}
