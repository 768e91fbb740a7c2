//! Noting what one peer presents.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};

use crate::handshake::AcceptAny;

use super::record::TlsVersion;

/// A verifier for one handshake: it accepts everything, and keeps what it saw even if the
/// handshake fails later, when the connection no longer tells.
#[derive(Debug)]
pub(super) struct Recorder {
    accept: AcceptAny,
    presented: OnceLock<Presented>,
    version: OnceLock<TlsVersion>,
}

/// The certificates of a peer.
#[derive(Debug)]
pub(super) struct Presented {
    /// The first one. rustls takes no more than 64 KiB of certificates in all.
    pub(super) leaf: CertificateDer<'static>,
    /// How many there are.
    pub(super) chain_len: usize,
}

impl Recorder {
    pub(super) fn new(provider: Arc<CryptoProvider>) -> Self {
        Self {
            accept: AcceptAny::new(provider),
            presented: OnceLock::new(),
            version: OnceLock::new(),
        }
    }

    pub(super) fn presented(&self) -> Option<&Presented> {
        self.presented.get()
    }

    /// Known once the peer has signed something.
    pub(super) fn version(&self) -> Option<TlsVersion> {
        self.version.get().copied()
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.presented.get_or_init(|| Presented {
            leaf: end_entity.clone().into_owned(),
            chain_len: 1 + intermediates.len(),
        });
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.version.get_or_init(|| TlsVersion::V1_2);
        self.accept.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.version.get_or_init(|| TlsVersion::V1_3);
        self.accept.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.accept.supported_verify_schemes()
    }
}
