//! One port, one handshake, one record.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, InvalidMessage, RootCertStore};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

use crate::connect::{ConnectError, dial};
use crate::handshake::{InvalidTls, provider};
use crate::local::is_local;
use crate::scope::{InScope, Name};
use crate::text::tidy;

use super::leaf::LeafCertificate;
use super::outcome::TlsOutcome;
use super::record::TlsRecord;
use super::recorder::Recorder;

/// Longest reason in a record, in characters.
const MAX_DETAIL: usize = 200;

/// Settings of a [`TlsScanner`].
#[derive(Clone, Debug)]
pub struct TlsOptions {
    /// How long a capture may take, connecting and handshake together. 5 s by default.
    pub timeout: Duration,
}

impl Default for TlsOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
        }
    }
}

/// Captures certificates.
///
/// It keeps no state between captures and may be shared by any number of them. How many run at
/// once is for the caller to bound: each holds a descriptor, and up to some 150 KiB while the peer
/// presents as many certificates as TLS permits.
#[derive(Clone)]
pub struct TlsScanner {
    options: TlsOptions,
    config: ClientConfig,
    provider: Arc<CryptoProvider>,
}

/// How a capture ended, and why.
type End = (TlsOutcome, Option<String>);

impl TlsScanner {
    /// A scanner with these settings.
    ///
    /// # Errors
    ///
    /// [`InvalidTls`] when the cryptography does not support the protocol versions.
    pub fn new(options: TlsOptions) -> Result<Self, InvalidTls> {
        let provider = Arc::new(provider());
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            // No root at all: each capture puts its own verifier in place of this.
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        Ok(Self {
            options,
            config,
            provider,
        })
    }

    /// The settings.
    pub fn options(&self) -> &TlsOptions {
        &self.options
    }

    /// Does a handshake with the port `at` and notes the certificate that it presents to who asks
    /// for `name`, or for no name.
    ///
    /// It never fails and never takes longer than [`TlsOptions::timeout`]: whatever happens is in
    /// the record. Nothing is sent but the handshake, and `name` is looked up nowhere.
    pub async fn capture(&self, at: InScope<SocketAddr>, name: Option<&Name>) -> TlsRecord {
        let start = Instant::now();
        let mut record = TlsRecord::new(*at.get(), name);
        let recorder = Arc::new(Recorder::new(Arc::clone(&self.provider)));
        let work = self.shake_hands(at, name, &recorder);
        let (outcome, detail) = timeout(self.options.timeout, work)
            .await
            .unwrap_or((TlsOutcome::Timeout, None));
        record.outcome = outcome;
        record.detail = detail.map(|detail| tidy(&detail, MAX_DETAIL));
        record.version = recorder.version();
        note_certificate(&recorder, &mut record);
        record.millis = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        record
    }

    /// The class, were there no certificate.
    async fn shake_hands(
        &self,
        at: InScope<SocketAddr>,
        name: Option<&Name>,
        recorder: &Arc<Recorder>,
    ) -> End {
        let stream = match dial(&[at], self.options.timeout).await {
            Ok(stream) => stream,
            Err(error) => return connect_failure(&error),
        };
        let mut config = self.config.clone();
        config
            .dangerous()
            .set_certificate_verifier(Arc::clone(recorder) as _);
        // Every name is a DNS name to rustls too; were one not, the peer would be asked for none.
        let name = name.and_then(|name| ServerName::try_from(name.as_str().to_owned()).ok());
        let name = name.unwrap_or_else(|| ServerName::from(at.get().ip()));
        let connector = TlsConnector::from(Arc::new(config));
        match connector.connect(name, stream).await {
            // A handshake without a certificate was not offered, so this is not reached without.
            Ok(_) => (TlsOutcome::HandshakeFailed, None),
            Err(error) => handshake_failure(&error),
        }
    }
}

impl std::fmt::Debug for TlsScanner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsScanner")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// A certificate is a result, whatever came of the handshake behind it.
fn note_certificate(recorder: &Recorder, record: &mut TlsRecord) {
    let Some(presented) = recorder.presented() else {
        return;
    };
    record.chain_len = u32::try_from(presented.chain_len).unwrap_or(u32::MAX);
    match LeafCertificate::parse(&presented.leaf) {
        Ok(leaf) => {
            record.outcome = TlsOutcome::Certificate;
            record.leaf = Some(leaf);
        }
        Err(error) => {
            record.outcome = TlsOutcome::BadCertificate;
            record.detail = Some(tidy(&error.to_string(), MAX_DETAIL));
        }
    }
}

fn connect_failure(error: &ConnectError) -> End {
    let outcome = match error {
        ConnectError::Local(_) => TlsOutcome::LocalFailure,
        ConnectError::Refused => TlsOutcome::Refused,
        ConnectError::Reset => TlsOutcome::Reset,
        ConnectError::Timeout => return (TlsOutcome::Timeout, None),
        ConnectError::NoRoute(_) => TlsOutcome::NoRoute,
        ConnectError::Unreachable(_) | ConnectError::NoAddress => TlsOutcome::Unreachable,
    };
    (outcome, Some(error.to_string()))
}

fn handshake_failure(error: &io::Error) -> End {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    let outcome = match cause {
        Some(rustls::Error::AlertReceived(alert)) => {
            // Two fields, because the number is what the RFC lists.
            let alert = format!("{alert:?} ({})", u8::from(*alert));
            return (TlsOutcome::Alert, Some(alert));
        }
        // The first bytes are those of no TLS record.
        Some(rustls::Error::InvalidMessage(
            InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
        )) => return (TlsOutcome::NoTls, None),
        Some(_) => TlsOutcome::HandshakeFailed,
        None if is_local(error) => TlsOutcome::LocalFailure,
        // The peer hung up within the handshake.
        None => TlsOutcome::Reset,
    };
    (outcome, Some(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_machine_could_not_reach_is_not_said_of_the_peer() {
        let text = || "the cause".to_owned();
        for (error, outcome) in [
            (ConnectError::Local(text()), TlsOutcome::LocalFailure),
            (ConnectError::Refused, TlsOutcome::Refused),
            (ConnectError::Reset, TlsOutcome::Reset),
            (ConnectError::Timeout, TlsOutcome::Timeout),
            (ConnectError::Unreachable(text()), TlsOutcome::Unreachable),
            (ConnectError::NoRoute(text()), TlsOutcome::NoRoute),
        ] {
            assert_eq!(connect_failure(&error).0, outcome, "{error}");
        }
    }
}
