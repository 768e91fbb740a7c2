//! Many names at once, and stopping early.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::{pending, ready};
use std::time::Duration;

use sortie_scanners::http::Tls;
use sortie_scanners::http::robots::{
    RobotsConfig, RobotsFetcher, RobotsOutcome as Outcome, fetch_all,
};
use sortie_scanners::resolve::Resolver;
use sortie_scanners::scope::Name;
use tokio::sync::oneshot;

use crate::support::{LOOPBACK, Reply, Seen, Server, http_config, in_time, lab_scope, serve};

fn by_name(seen: &Seen) -> Reply {
    match seen.host.as_bytes()[0] {
        b'r' => Reply::text("User-agent: *\nDisallow: /"),
        b'n' => Reply::status("404 Not Found"),
        b'h' => Reply::Hang,
        _ => Reply::Bytes(Vec::new()),
    }
}

fn fetcher(server: &Server, names: &[String], deadline: Duration) -> RobotsFetcher {
    let known = names.iter().filter_map(|name| Name::parse(name).ok());
    let resolver = Resolver::fixed(known.map(|name| (name, vec![LOOPBACK])));
    let config = RobotsConfig {
        deadline,
        ..http_config(server.port())
    };
    RobotsFetcher::new(
        config,
        lab_scope().build().unwrap(),
        resolver,
        Tls::observing().unwrap(),
    )
}

#[tokio::test]
async fn every_name_gives_one_record() {
    let server = serve(|seen| by_name(&seen)).await;
    let kinds = ["r", "n", "x", "BAD NAME "];
    let names: Vec<_> = (0..200)
        .map(|n| format!("{}{n}.test", kinds[n % 4]))
        .collect();
    let fetcher = fetcher(&server, &names, Duration::from_secs(20));
    let mut seen = BTreeMap::new();
    let batch = in_time(fetch_all(
        &fetcher,
        &names,
        50,
        |record| {
            let before = seen.insert(record.domain, record.outcome);
            assert_eq!(before, None);
        },
        pending(),
    ))
    .await;
    assert_eq!(
        (batch.records, batch.not_started.as_slice()),
        (200, &[][..])
    );
    let count = |outcome| seen.values().filter(|seen| **seen == outcome).count();
    for outcome in [
        Outcome::Rules,
        Outcome::NotFound,
        Outcome::Reset,
        Outcome::InvalidName,
    ] {
        assert_eq!(count(outcome), 50, "{outcome}");
    }
}

#[tokio::test]
async fn no_more_than_the_concurrency_is_started() {
    let server = serve(|seen| by_name(&seen)).await;
    let names: Vec<_> = (0..20).map(|n| format!("h{n}.test")).collect();
    let fetcher = fetcher(&server, &names, Duration::from_millis(200));
    let drawn = RefCell::new(0);
    let counted = names.iter().inspect(|_| *drawn.borrow_mut() += 1);
    let mut most = 0;
    let mut ended = 0;
    let on_record = |_| {
        most = most.max(*drawn.borrow() - ended);
        ended += 1;
    };
    let batch = in_time(fetch_all(&fetcher, counted, 7, on_record, pending())).await;
    assert_eq!((batch.records, most), (20, 7));
}

#[tokio::test]
async fn cancelling_finishes_what_was_started_and_returns_the_rest() {
    let server = serve(|seen| by_name(&seen)).await;
    let names: Vec<_> = (0..1000).map(|n| format!("r{n}.test")).collect();
    let fetcher = fetcher(&server, &names, Duration::from_secs(20));
    let (cancel, cancelled) = oneshot::channel::<()>();
    let mut cancel = Some(cancel);
    let mut records = 0;
    let on_record = |_| {
        records += 1;
        if records == 40 {
            drop(cancel.take());
        }
    };
    let cancelled = async { drop(cancelled.await) };
    let batch = in_time(fetch_all(&fetcher, &names, 10, on_record, cancelled)).await;
    // The ten in flight at most are seen to their end; the list is a prefix and a rest.
    assert!((40..=50).contains(&batch.records), "{}", batch.records);
    assert_eq!(batch.records, records);
    let rest = batch.not_started.as_slice();
    assert_eq!(rest, &names[1000 - rest.len()..]);
    assert_eq!(batch.records as usize + rest.len(), names.len());
}

#[tokio::test]
async fn a_batch_cancelled_before_it_began_starts_nothing() {
    let server = serve(|seen| by_name(&seen)).await;
    let names = vec!["r1.test".to_owned()];
    let fetcher = fetcher(&server, &names, Duration::from_secs(20));
    let batch = in_time(fetch_all(&fetcher, &names, 5, |_| (), ready(()))).await;
    assert_eq!(
        (batch.records, batch.not_started.len(), server.connections()),
        (0, 1, 0)
    );
}
