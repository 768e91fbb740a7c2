//! Certificates: clients that verify are content with the lab's authority, and with no other.

mod client;

use client::dns::resolve;
use client::http::{Failure, get, socket, tls};
use rustls::RootCertStore;
use sortie_lab::{Behaviour, Mix};

#[tokio::test]
async fn clients_that_verify_are_served_under_any_name() {
    let lab = client::start_with(Mix::only(Behaviour::Good)).await;
    let tls = tls(Some(lab.roots().unwrap()));
    for name in [
        "s0000007.lab.test",
        "www.s0000007.lab.test",
        "example.com",
        "example.com",
    ] {
        let address = resolve(lab.resolver(), name).await.unwrap()[0];
        let response = get(socket(address, &lab, true), Some(&tls), name, "/robots.txt").await;
        assert_eq!(response.unwrap().status, 200, "{name}");
    }
}

#[tokio::test]
async fn the_authority_is_made_for_this_lab() {
    let lab = client::start_with(Mix::only(Behaviour::Good)).await;
    let other = client::start().await;
    let mut roots = RootCertStore::empty();
    roots.add(other.ca_der().to_vec().into()).unwrap();
    let name = "s0000007.lab.test";
    let address = resolve(lab.resolver(), name).await.unwrap()[0];
    let tls = tls(Some(roots));
    let result = get(socket(address, &lab, true), Some(&tls), name, "/robots.txt").await;
    assert_eq!(result.map(|r| r.status), Err(Failure("tls_error")));
}
