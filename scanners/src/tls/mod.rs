//! Which certificate a port presents.
//!
//! A [`TlsScanner`] does a handshake, notes the certificate and closes. It trusts nothing and
//! claims nothing: neither chain nor signatures nor dates are checked, so a record says what was
//! presented, not who presented it. [`LeafCertificate::parse`] is the parser, for who has the bytes
//! already.
//!
//! TLS 1.2 and 1.3 are spoken. A server that knows only older versions, or only ciphers that are
//! broken, answers with an alert or hangs up, and the record says so.
//!
//! ```
//! use sortie_scanners::scope::{Name, Scope};
//! use sortie_scanners::tls::{TlsOptions, TlsOutcome, TlsScanner};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! // Somebody who speaks no TLS.
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let port = listener.local_addr()?.port();
//! tokio::spawn(async move {
//!     while let Ok((mut stream, _)) = listener.accept().await {
//!         let (mut from, mut to) = stream.split();
//!         let _ = tokio::io::AsyncWriteExt::write_all(&mut to, b"SSH-2.0-example\r\n").await;
//!         let _ = tokio::io::copy(&mut from, &mut tokio::io::sink()).await;
//!     }
//! });
//!
//! let scope = Scope::builder().allow_net("127.0.0.1/32".parse::<ipnet::IpNet>()?).build()?;
//! let at = scope.admit_ip("127.0.0.1".parse()?)?.with_port(port);
//! let scanner = TlsScanner::new(TlsOptions::default())?;
//! let record = scanner.capture(at, Some(&Name::parse("www.example.com")?)).await;
//! assert_eq!(record.outcome, TlsOutcome::NoTls);
//! assert!(record.leaf.is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod leaf;
mod outcome;
mod record;
mod recorder;
mod scanner;

pub use crate::handshake::InvalidTls;
pub use leaf::{InvalidCertificate, LeafCertificate};
pub use outcome::TlsOutcome;
pub use record::{TlsRecord, TlsVersion};
pub use scanner::{TlsOptions, TlsScanner};
