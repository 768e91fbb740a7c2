//! Every behaviour does what its truth says, seen by a client that shares nothing with the lab.

mod client;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use client::dns::resolve;
use client::http::{get, socket};
use client::judge::{Finding, judge};
use sortie_lab::{Behaviour, Lab, Mix, names};
use tokio::task::JoinSet;

/// Judges all names at once and returns those that differ from their truth.
async fn differences(lab: &Arc<Lab>, names: Vec<String>) -> Vec<String> {
    let tls = client::http::tls(None);
    let mut scans = JoinSet::new();
    for name in names {
        let (lab, tls) = (Arc::clone(lab), tls.clone());
        scans.spawn(async move {
            let slow = lab
                .truth(&name)
                .behaviour
                .parse()
                .is_ok_and(Behaviour::is_slow);
            let deadline = Duration::from_millis(if slow { 700 } else { 30_000 });
            let found = judge(&lab, &tls, &name, deadline).await;
            let expected = Finding::expected(&lab, &name);
            (found != expected).then(|| format!("{name}: {found:?}, expected {expected:?}"))
        });
    }
    scans.join_all().await.into_iter().flatten().collect()
}

#[tokio::test]
async fn every_behaviour_is_as_its_truth_says() {
    let lab = Arc::new(client::start().await);
    for behaviour in Behaviour::ALL {
        // Enough names for every form of a behaviour to be among them, most likely.
        let count = if matches!(
            behaviour,
            Behaviour::RedirectHostile | Behaviour::RedirectBad
        ) {
            80
        } else {
            24
        };
        let names = client::names_of(behaviour).take(count).collect();
        let wrong = differences(&lab, names).await;
        assert!(wrong.is_empty(), "{behaviour}:\n{}", wrong.join("\n"));
    }
    assert_eq!(lab.forbidden_hits(), 0);
    let seen = lab.stats().by_behaviour;
    let unseen: Vec<_> = Behaviour::ALL
        .iter()
        .filter(|b| !seen.contains_key(b.tag()))
        .collect();
    assert!(unseen.is_empty(), "never seen: {unseen:?}");
}

#[tokio::test]
async fn names_of_the_real_internet_have_truths_too() {
    let lab = Arc::new(client::start_with(Mix::without_slow()).await);
    let tlds = ["com", "org", "de", "co.uk", "io"];
    let names: Vec<String> = (0..60)
        .map(|n| format!("{}example{n}.{}", ["", "www.", "cdn."][n % 3], tlds[n % 5]))
        .collect();
    let wrong = differences(&lab, names).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_fast_mix_answers_over_http_only() {
    let lab = Arc::new(client::start_with(Mix::fast()).await);
    let all: Vec<String> = names(0..100).collect();
    let truths: HashSet<_> = all
        .iter()
        .map(|n| (lab.truth(n).outcome, lab.truth(n).https))
        .collect();
    assert_eq!(
        truths,
        HashSet::from([("rules", Some(false)), ("not_found", Some(false))])
    );
    assert_eq!(differences(&lab, all).await, Vec::<String>::new());
    assert_eq!(lab.stats().tls_handshakes, 0);
}

#[tokio::test]
async fn sites_have_home_pages_that_carry_their_names() {
    let lab = client::start().await;
    let home = async |host: &str| {
        let address = resolve(lab.resolver(), host).await.unwrap()[0];
        get(socket(address, &lab, false), None, host, "/")
            .await
            .unwrap()
    };
    for behaviour in [Behaviour::HttpOnly, Behaviour::NotFound, Behaviour::Endless] {
        let host = client::names_of(behaviour).next().unwrap();
        let page = home(&host).await;
        assert_eq!(page.status, 200, "{behaviour}");
        let title = format!("<title>{}</title>", sortie_lab::home_title(&host));
        assert!(
            String::from_utf8(page.body).unwrap().contains(&title),
            "{behaviour}"
        );
    }
    for behaviour in [Behaviour::Blocked, Behaviour::ServerError] {
        let host = client::names_of(behaviour).next().unwrap();
        assert_eq!(
            Some(home(&host).await.status),
            lab.truth(&host).status,
            "{behaviour}"
        );
    }
}
