//! The signature of a message.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret as _, SecretString};

/// What messages are signed with.
pub(super) struct SigningKey(hmac::Key);

impl SigningKey {
    /// Of a secret as Standard Webhooks writes it: base64 of 24 to 64 bytes, usually behind
    /// `whsec_`. `None` if it is none.
    pub(super) fn parse(secret: &SecretString) -> Option<Self> {
        let text = secret.expose_secret().trim();
        let text = text.strip_prefix("whsec_").unwrap_or(text);
        let bytes = BASE64_STANDARD.decode(text).ok()?;
        (24..=64)
            .contains(&bytes.len())
            .then(|| Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// The header `webhook-signature`.
    pub(super) fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(format!("{id}.{timestamp}.").as_bytes());
        context.update(body);
        format!("v1,{}", BASE64_STANDARD.encode(context.sign()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Option<SigningKey> {
        SigningKey::parse(&SecretString::from(text.to_owned()))
    }

    #[test]
    fn the_signature_is_that_of_other_implementations() {
        // Computed with `hmac.new(base64.b64decode(…), …, "sha256")` of Python 3.
        let key = key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        assert_eq!(
            key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn what_is_too_short_or_no_base64_is_no_secret() {
        let of = |len: usize| BASE64_STANDARD.encode(vec![7; len]);
        assert!(key(&of(24)).is_some() && key(&format!(" whsec_{}\n", of(64))).is_some());
        for text in ["", "whsec_", "secret", "whsec_secret!", &of(23), &of(65)] {
            assert!(key(text).is_none(), "{text}");
        }
    }
}
