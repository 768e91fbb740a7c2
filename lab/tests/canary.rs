//! Connections to forbidden addresses are seen; connections to honest ones are not mistaken.

mod client;

use sortie_lab::{Behaviour, CANARY};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

#[tokio::test]
async fn every_connection_to_a_canary_is_counted_at_once() {
    let lab = client::start().await;
    assert_eq!(lab.forbidden_hits(), 0);
    for (n, port) in [lab.http_port(), lab.https_port()].into_iter().enumerate() {
        // Not even a byte is needed, nor time for a task of the lab to run.
        let _first = TcpStream::connect((CANARY, port)).await.unwrap();
        let mut second = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        assert_eq!(lab.forbidden_hits(), 2 * (n as u64 + 1));
        // The canary says nothing and hangs up.
        assert_eq!(second.read(&mut [0; 1]).await.unwrap_or(0), 0);
    }
    let stats = lab.shutdown().await;
    assert_eq!((stats.forbidden_hits, stats.connections), (4, 0));
}

#[tokio::test]
async fn a_careless_client_is_found_out() {
    let lab = client::start().await;
    // It follows a redirect to another site without asking whether it may.
    let away = client::names_of(Behaviour::RedirectAway).next().unwrap();
    let site = format!("{}.{}", away.replace('.', "-"), sortie_lab::ELSEWHERE);
    let address = client::dns::resolve(lab.resolver(), &site).await.unwrap()[0];
    assert!(lab.scope_nets().iter().all(|net| !net.contains(&address)));
    TcpStream::connect((address, lab.http_port()))
        .await
        .unwrap();
    assert_eq!(lab.forbidden_hits(), 1);
}
