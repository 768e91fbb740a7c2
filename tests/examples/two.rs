//! Two scans in one folder.

use crate::kill::{assert_kept, place_with_list, resume, start};
use crate::snapshot::done;
use crate::support::{alone, run};

#[test]
fn the_second_one_is_turned_away_and_harms_nothing() {
    let _alone = alone();
    let place = place_with_list(300);
    let mut first = start(&place);
    first.until("the first tasks", |_| done(&place).len() >= 30);
    let before = done(&place);
    let said = ["/out is in use by another scan", "another by --out"];
    run(&mut place.robots(["--domains", "list", "--lab"])).failed(&said);
    run(&mut place.robots(["--resume"])).failed(&said);
    // Once the first one has gone, nothing stands in the way.
    first.kill();
    let report = resume(&place).end().good();
    assert_eq!(report["targets"], 300);
    assert_kept(&place, &before);
}

#[test]
fn the_first_one_ends_well_beside_a_second_one() {
    let _alone = alone();
    let place = place_with_list(300);
    let mut first = start(&place);
    first.until("the first task", |_| !done(&place).is_empty());
    run(&mut place.robots(["--sites", "10"])).failed(&["in use"]);
    assert_eq!(first.end().good()["targets"], 300);
    assert_eq!(place.records().len(), 300);
}
