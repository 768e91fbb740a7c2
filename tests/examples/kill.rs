//! SIGKILL in the middle, and going on.

use lab::{Behaviour, Lab};
use serde_json::Value;

use crate::snapshot::{Done, done};
use crate::support::{Place, Running, alone, run};

const SITES: usize = 500;
/// So few at once, in such small tasks, that there is a middle to be killed in.
const SLOWLY: [&str; 8] = [
    "--tasks",
    "100",
    "--workers",
    "2",
    "--concurrency",
    "4",
    "--lab",
    "--json",
];

/// A place with a list of `n` sites that do not cost a scan its whole deadline.
pub(crate) fn place_with_list(n: usize) -> Place {
    let place = Place::new();
    let names: Vec<String> = (0..)
        .map(Lab::name)
        .filter(|name| !Behaviour::of(name).is_slow())
        .take(n)
        .collect();
    place.write("list", names.join("\n"));
    place
}

/// Starts a scan of the list.
pub(crate) fn start(place: &Place) -> Running {
    Running::start(place.robots(["--domains", "list"]).args(SLOWLY))
}

pub(crate) fn resume(place: &Place) -> Running {
    Running::start(&mut place.robots(["--resume", "--json"]))
}

/// The records of `before` are in the file as they were: the time that a site took is among what
/// is compared, so one that was asked again would differ.
pub(crate) fn assert_kept(place: &Place, before: &Done) {
    let records: Done = place
        .records()
        .into_iter()
        .map(|record| (record.domain.clone(), record))
        .collect();
    for (domain, record) in before {
        assert_eq!(records.get(domain), Some(record), "{domain} was done again");
    }
}

#[test]
fn killed_twice_in_the_middle_it_does_the_rest_only() {
    let _alone = alone();
    let place = place_with_list(SITES);
    let mut running = start(&place);
    running.until("the first tasks", |_| done(&place).len() >= 50);
    running.kill();
    let first = done(&place);

    let mut running = resume(&place);
    running.until("more of them", |_| done(&place).len() >= first.len() + 150);
    running.kill();
    let second = done(&place);
    assert!(second.len() < SITES, "all was done before the second kill");
    for (domain, record) in &first {
        assert_eq!(second.get(domain), Some(record), "{domain} was done again");
    }

    let ended = resume(&place).end();
    let report = ended.good();
    assert_eq!(report["targets"], SITES);
    assert!(
        ended.stderr.contains("resuming 500 names"),
        "{}",
        ended.stderr
    );
    assert_eq!(place.records().len(), SITES);
    assert_kept(&place, &second);
    assert!(!place.path("out/state").exists());
}

#[test]
fn killed_while_the_file_is_made_it_makes_the_file_only() {
    let _alone = alone();
    let place = place_with_list(SITES);
    let mut running = start(&place);
    running.until("the last task", |_| done(&place).len() == SITES);
    running.kill();
    let before = done(&place);
    let report = resume(&place).end().good();
    assert_eq!(report["targets"], SITES);
    assert_eq!(place.records().len(), SITES);
    assert_kept(&place, &before);
}

#[test]
fn killed_while_it_starts_it_goes_on_or_says_that_nothing_began() {
    let _alone = alone();
    let job = |place: &Place| {
        let json = std::fs::read(place.path("out/state/job.json")).ok()?;
        serde_json::from_slice::<Value>(&json).ok()
    };
    type Moment<'a> = (&'a str, &'a dyn Fn(&Place) -> bool, Option<bool>);
    let moments: [Moment<'_>; 6] = [
        ("at once", &|_| true, None),
        ("the lock", &|p| p.path("out/robots.lock").exists(), None),
        (
            "the state's folder",
            &|p| p.path("out/state").exists(),
            None,
        ),
        (
            "the database",
            &|p| p.path("out/state/state.sqlite").exists(),
            None,
        ),
        ("the job", &|p| job(p).is_some(), None),
        (
            "the run",
            &|p| job(p).is_some_and(|job| !job["run"].is_null()),
            Some(true),
        ),
    ];
    for (moment, reached, must_resume) in moments {
        let place = place_with_list(40);
        let mut running = start(&place);
        running.until(moment, |_| reached(&place));
        running.kill();
        let resumed = resume(&place).end();
        let report = if must_resume == Some(true) || resumed.code == Some(0) {
            resumed.good()
        } else {
            resumed.failed(&["leave out --resume"]);
            start(&place).end().good()
        };
        assert_eq!(report["targets"], 40, "killed at: {moment}");
        assert_eq!(place.records().len(), 40, "killed at: {moment}");
    }
}

#[test]
fn an_unfinished_run_that_is_not_resumed_is_discarded() {
    let _alone = alone();
    let place = place_with_list(SITES);
    let mut running = start(&place);
    running.until("the first task", |_| !done(&place).is_empty());
    running.kill();
    let ended = run(&mut place.robots(["--sites", "20", "--json"]));
    let said = "discarding an unfinished run; use --resume to go on with one";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    assert_eq!(ended.good()["targets"], 20);
}
