//! A deployment on one PostgreSQL server: many managers, workers, a carrier that repeats itself,
//! and a server that is killed.

#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests")]

mod deployment;
mod repeating;
#[path = "../../stores/tests/server/own.rs"]
mod server;

use std::time::Duration;

use deployment::{Deployment, Managers, Noops};
use server::Server;
use sortie::stores::PostgresOptions;

/// Children of a run; enough for many batches.
const CHILDREN: u32 = 4_000;

fn options(server: &Server) -> PostgresOptions {
    let options = PostgresOptions::parse(&server.address).unwrap();
    options.plain_on_loopback().connections(2)
}

/// That take turns in what they do.
const fn managers(managers: usize, batch: usize) -> Managers {
    Managers {
        managers,
        batch,
        transactions: 1,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_managers_do_everything_once() {
    let Some(server) = Server::find(&[]) else {
        return;
    };
    let noops = Noops {
        children: CHILDREN,
        in_flight: 1_000,
    };
    let deployment =
        Deployment::start(&options(&server), deployment::noops(), managers(8, 200), 20)
            .await
            .unwrap();
    let run = deployment.submit(noops).await.unwrap();
    deployment
        .wait(run, Duration::from_secs(120))
        .await
        .unwrap();
    assert!(
        deployment.repeated() > 0,
        "the carrier has repeated nothing"
    );
    deployment.stop().await;
    deployment::everything_happened_once(&options(&server), run, CHILDREN)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn workflows_side_by_side_do_everything_once() {
    let Some(server) = Server::find(&[]) else {
        return;
    };
    let noops = Noops {
        children: CHILDREN / 6,
        in_flight: 100,
    };
    let how = Managers {
        managers: 2,
        batch: 200,
        transactions: 4,
    };
    let options = options(&server).connections(5);
    let deployment = Deployment::start(&options, deployment::noops(), how, 20)
        .await
        .unwrap();
    let mut runs = Vec::new();
    for _ in 0..6 {
        runs.push(deployment.submit(noops).await.unwrap());
    }
    for run in &runs {
        deployment
            .wait(*run, Duration::from_secs(120))
            .await
            .unwrap();
    }
    deployment.stop().await;
    for run in runs {
        deployment::everything_happened_once(&options, run, noops.children)
            .await
            .unwrap();
    }
}

/// `kill -9` of the server in mid-run, several times. What it has acknowledged is on its disk; what
/// it has not, comes again.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_is_killed_loses_nothing() {
    const KILLS: u64 = 4;
    let Some(server) = Server::find(&["--durable", "--restart"]) else {
        return;
    };
    // So few at once that what was under way when the server died is a small share.
    let noops = Noops {
        children: CHILDREN,
        in_flight: 100,
    };
    let deployment = Deployment::start(&options(&server), deployment::noops(), managers(3, 50), 20)
        .await
        .unwrap();
    let run = deployment.submit(noops).await.unwrap();
    let store = deployment.store();
    for kill in 1..=KILLS {
        // When the next share of the work is done.
        let done = u64::from(CHILDREN) * kill / (KILLS + 2);
        deployment::until(Duration::from_secs(60), async || {
            deployment::ended(store, run)
                .await
                .is_ok_and(|ended| ended >= done)
        })
        .await
        .unwrap();
        assert!(!deployment.is_over(run).await, "it was over too early");
        server.kill();
    }
    deployment
        .wait(run, Duration::from_secs(120))
        .await
        .unwrap();
    deployment.stop().await;
    deployment::everything_happened_once(&options(&server), run, CHILDREN)
        .await
        .unwrap();
}
