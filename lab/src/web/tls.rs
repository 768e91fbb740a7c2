//! Certificates and handshakes.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair,
    PKCS_ECDSA_P256_SHA256, PKCS_ED25519,
};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SigningKey};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::error::LabError;
use crate::name;

/// Certificates kept for names outside the lab's own suffix.
const CACHED: usize = 16_384;

/// The TLS side of the web servers.
#[derive(Clone)]
pub(crate) struct Tls {
    acceptor: TlsAcceptor,
    ca: CertificateDer<'static>,
}

impl Tls {
    /// The same `identity` gives the same certificates.
    pub(crate) fn new(identity: Option<[u8; 32]>) -> Result<Self, LabError> {
        let (certificates, ca) = Certificates::new(identity)?;
        let mut config = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(certificates));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Scanners do not come back: tickets would be made for nobody.
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            ca,
        })
    }

    pub(crate) fn ca(&self) -> &CertificateDer<'static> {
        &self.ca
    }

    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.acceptor.accept(stream).await
    }
}

/// One key, one authority; a wildcard certificate for the generated names, and certificates made
/// when they are first asked for, for all others: a signature each, no new key.
struct Certificates {
    issuer: CertifiedIssuer<'static, KeyPair>,
    key: KeyPair,
    signer: Arc<dyn SigningKey>,
    wildcard: Arc<CertifiedKey>,
    others: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl Certificates {
    fn new(identity: Option<[u8; 32]>) -> Result<(Self, CertificateDer<'static>), LabError> {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "The lab's certificate authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_key = key(identity, 0)?;
        let issuer = CertifiedIssuer::self_signed(params, ca_key)?;
        let ca = issuer.der().clone();

        let key = key(identity, 1)?;
        let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let signer = aws_lc_rs::sign::any_supported_type(&der)?;
        let names = vec![format!("*.{}", name::SUFFIX), name::SUFFIX.to_owned()];
        let wildcard = certify(&issuer, &key, &signer, names)?;
        let others = Mutex::default();
        Ok((
            Self {
                issuer,
                key,
                signer,
                wildcard,
                others,
            },
            ca,
        ))
    }

    fn for_name(&self, name: &str) -> Result<Arc<CertifiedKey>, LabError> {
        let lock = || self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = lock().get(name) {
            return Ok(Arc::clone(found));
        }
        // Made outside the lock; two connections may make the same one, which harms nobody.
        let made = certify(&self.issuer, &self.key, &self.signer, vec![name.to_owned()])?;
        let mut others = lock();
        if others.len() >= CACHED {
            others.clear();
        }
        others.insert(name.to_owned(), Arc::clone(&made));
        Ok(made)
    }
}

/// The key number `number` of an identity, or a new one. Those of an identity are Ed25519, whose
/// signatures have no randomness in them (RFC 8032 §5.1.6): from the same keys come the same
/// certificates.
fn key(identity: Option<[u8; 32]>, number: u8) -> Result<KeyPair, LabError> {
    /// What stands before the 32 bytes of a key in PKCS #8 (RFC 8410 §7).
    const HEAD: [u8; 16] = [
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04,
        0x20,
    ];
    let Some(mut secret) = identity else {
        return Ok(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?);
    };
    secret[31] ^= number;
    let der = PrivatePkcs8KeyDer::from([&HEAD[..], &secret].concat());
    Ok(KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_ED25519)?)
}

fn certify(
    issuer: &CertifiedIssuer<'static, KeyPair>,
    key: &KeyPair,
    signer: &Arc<dyn SigningKey>,
    names: Vec<String>,
) -> Result<Arc<CertifiedKey>, LabError> {
    let certificate = CertificateParams::new(names)?.signed_by(key, issuer)?;
    Ok(Arc::new(CertifiedKey::new(
        vec![certificate.der().clone()],
        Arc::clone(signer),
    )))
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let Some(name) = hello.server_name() else {
            return Some(Arc::clone(&self.wildcard));
        };
        let is_covered = name
            .split_once('.')
            .is_some_and(|(_, suffix)| suffix.eq_ignore_ascii_case(name::SUFFIX));
        if is_covered {
            return Some(Arc::clone(&self.wildcard));
        }
        // A name that no certificate can hold gets one that does not match.
        Some(
            self.for_name(name)
                .unwrap_or_else(|_| Arc::clone(&self.wildcard)),
        )
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}
