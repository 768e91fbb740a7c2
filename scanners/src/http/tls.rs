//! TLS for scanning: fast to begin, and honest about what it checks.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::handshake::{AcceptAny, InvalidTls, provider};

/// Whose certificates are accepted.
#[derive(Clone, Debug)]
pub enum TlsPolicy {
    /// Certificates that chain to one of these roots and carry the name that was asked for. With
    /// any other the fetch ends; it does not go on in the clear.
    Verify(Arc<RootCertStore>),
    /// Any certificate. For reading what a badly kept site serves: the peer is *not*
    /// authenticated, and whoever sits on the path can answer in its place.
    Observe,
}

/// The TLS side of the client. Cloning is cheap; all connections share one configuration.
///
/// Key exchange begins with X25519: the post-quantum share that rustls offers first would fill a
/// whole packet and double the cost of a handshake, to protect pages that are public. Sessions
/// are not resumed, because a scan meets each host once.
#[derive(Clone)]
pub struct Tls {
    connector: TlsConnector,
}

impl Tls {
    /// TLS 1.2 and 1.3 under `policy`.
    ///
    /// # Errors
    ///
    /// [`InvalidTls`] when the cryptography does not support the protocol versions.
    pub fn new(policy: TlsPolicy) -> Result<Self, InvalidTls> {
        let provider = Arc::new(provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;
        let mut config = match policy {
            TlsPolicy::Verify(roots) => builder.with_root_certificates(roots),
            TlsPolicy::Observe => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AcceptAny::new(provider))),
        }
        .with_no_client_auth();
        config.resumption = Resumption::disabled();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            connector: TlsConnector::from(Arc::new(config)),
        })
    }

    /// TLS that trusts Mozilla's roots.
    ///
    /// # Errors
    ///
    /// As for [`Tls::new`].
    pub fn verifying() -> Result<Self, InvalidTls> {
        let roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        Self::new(TlsPolicy::Verify(Arc::new(roots)))
    }

    /// TLS that accepts any certificate; see [`TlsPolicy::Observe`].
    ///
    /// # Errors
    ///
    /// As for [`Tls::new`].
    pub fn observing() -> Result<Self, InvalidTls> {
        Self::new(TlsPolicy::Observe)
    }

    pub(super) fn connector(&self) -> &TlsConnector {
        &self.connector
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}
