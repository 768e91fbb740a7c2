//! Ctrl-C.

use std::time::{Duration, Instant};

use crate::kill::{assert_kept, place_with_list, resume, start};
use crate::snapshot::done;
use crate::support::alone;

/// What the engine gives its tasks, and a little for the rest.
const GRACE: Duration = Duration::from_secs(15);

#[test]
fn interrupted_it_says_how_to_go_on_and_goes_on() {
    let _alone = alone();
    let place = place_with_list(500);
    let mut running = start(&place);
    running.until("the first tasks", |_| done(&place).len() >= 50);
    let begin = Instant::now();
    running.signal("INT");
    let ended = running.end();
    assert!(begin.elapsed() < GRACE, "{:?}", begin.elapsed());
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    assert!(ended.stderr.contains("--resume"), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
    assert!(!place.path("out/robots.ndjson.gz").exists());

    let before = done(&place);
    let report = resume(&place).end().good();
    assert_eq!(report["targets"], 500);
    assert_eq!(place.records().len(), 500);
    assert_kept(&place, &before);
}
