//! Who answers must prove who they are.

use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use sortie_task_defs::source::{Crtsh, Fetch, SourceRecords, Sources};
use task_core::Resources;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::bench::Bench;

/// A server with a certificate for `name`: its base URL, and the certificate.
async fn server(name: &str) -> (String, Vec<u8>) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    drop(tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let _ = stream.read(&mut [0; 4096]).await;
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]";
            let _ = stream.write_all(answer).await;
            let _ = stream.shutdown().await;
        }
    }));
    (url, cert.der().to_vec())
}

fn bench(url: String, trusted: Option<Vec<u8>>) -> Bench {
    let mut sources = Sources::new().base_url("source.crtsh", url);
    if let Some(der) = trusted {
        sources = sources.trust(der);
    }
    Bench::with(Resources::new().with(sources))
}

fn ask() -> Fetch<Crtsh> {
    Fetch::new(Crtsh::new("example.com"))
}

#[tokio::test]
async fn a_certificate_of_nobody_known_is_refused_and_one_that_is_trusted_is_not() {
    let (url, der) = server("127.0.0.1").await;
    let ended = bench(url.clone(), None).run(&ask()).await;
    let (error, _) = ended.retry();
    assert!(
        error.contains("TLS: ") && error.contains("UnknownIssuer"),
        "{error}"
    );
    let records: SourceRecords = bench(url, Some(der)).run(&ask()).await.output();
    assert_eq!(records.pages, 1);
}

#[tokio::test]
async fn a_certificate_of_another_name_is_refused() {
    let (url, der) = server("crt.sh").await;
    let ended = bench(url, Some(der)).run(&ask()).await;
    let (error, _) = ended.retry();
    assert!(error.contains("not valid for name"), "{error}");
}

#[tokio::test]
async fn a_root_that_is_none_is_fatal() {
    let ended = bench("https://127.0.0.1:1".to_owned(), Some(vec![1, 2, 3]))
        .run(&ask())
        .await;
    assert!(
        ended.fatal().contains("the client cannot be set up"),
        "{}",
        ended.fatal()
    );
}
