//! Writing what was seen.

use std::slice::from_ref;

use super::Subject;
use super::fixture::{Thing, all, clears, model, observe, observers, runs_in, sees};
use crate::conformance::store::fixture::{at, writer};
use crate::ports::recon::ReconError;
use crate::ports::store::StoreError;
use crate::recon::Change::{Changed, Inserted, Unchanged};
use crate::recon::{Filter, MAX_BODY_BYTES, MAX_SET_ITEMS, ModelError, ModelRow, Query};

async fn only(subject: &Subject) -> ModelRow {
    let mut rows = all::<Thing>(subject, &Query::all()).await;
    assert_eq!(rows.len(), 1, "one key is one row");
    rows.remove(0)
}

/// What is new, what is another and what is known are told apart; the first sight is kept.
pub async fn observing_says_what_it_changed(subject: &Subject) {
    let tasks = observers(subject).await;
    let mut thing = Thing::called("a");
    thing.number = Some(1);
    let first = sees(subject, &tasks[0], at(10), &[thing.clone()]).await;
    assert_eq!(first, [Inserted], "a key that was not there");
    let again = sees(subject, &tasks[1], at(20), &[thing.clone()]).await;
    assert_eq!(again, [Unchanged], "the same from another task");
    let row = only(subject).await;
    assert_eq!((row.first_seen, row.last_seen), (at(10), at(20)), "sights");
    assert_eq!(row.changed_at, at(10), "the same is no change");
    assert_eq!(row.changed_by, tasks[0].head.id, "the same is no change");
    thing.number = Some(2);
    let other = sees(subject, &tasks[2], at(30), &[thing.clone()]).await;
    assert_eq!(other, [Changed], "another value");
    let row = only(subject).await;
    assert_eq!(model::<Thing>(&row), thing, "the value is the new one");
    assert_eq!((row.first_seen, row.last_seen), (at(10), at(30)), "sights");
    assert_eq!(row.changed_at, at(30), "when it changed");
    let (found, changed) = (tasks[0].head.id, tasks[2].head.id);
    assert_eq!((row.found_by, row.changed_by), (found, changed), "by whom");
    let collection = tasks[0].head.collection;
    assert_eq!(
        (row.found_in, row.changed_in),
        (collection, collection),
        "where"
    );

    let mut next = thing.clone();
    next.number = Some(3);
    let several = [Thing::called("b"), thing, next, Thing::called("b")];
    let changes = sees(subject, &tasks[1], at(40), &several).await;
    let expected = [Inserted, Unchanged, Changed, Unchanged];
    assert_eq!(
        changes, expected,
        "a key twice in one write: one after the other"
    );
}

/// Fields that an observation lacks stay; an older observation only fills gaps.
pub async fn observations_merge(subject: &Subject) {
    let tasks = observers(subject).await;
    let mut thing = Thing::called("a");
    thing.number = Some(1);
    thing.list = Some(vec!["x".to_owned(), "y".to_owned()]);
    sees(subject, &tasks[0], at(50), &[thing]).await;

    let mut newer = Thing::called("a");
    newer.text = Some("seen later".to_owned());
    newer.list = Some(vec!["z".to_owned()]);
    let changes = sees(subject, &tasks[1], at(60), &[newer]).await;
    assert_eq!(changes, [Changed], "a field that is new");

    let mut older = Thing::called("a");
    older.text = Some("seen before".to_owned());
    older.flag = Some(true);
    let changes = sees(subject, &tasks[2], at(20), &[older]).await;
    assert_eq!(changes, [Changed], "a gap that is filled");

    let row = only(subject).await;
    let merged: Thing = model(&row);
    assert_eq!(merged.number, Some(1), "what nobody else said stays");
    assert_eq!(merged.text.as_deref(), Some("seen later"), "the newer wins");
    assert_eq!(
        merged.list,
        Some(vec!["z".to_owned()]),
        "lists are replaced"
    );
    assert_eq!(merged.flag, Some(true), "the older fills a gap");
    assert_eq!((row.first_seen, row.last_seen), (at(20), at(60)), "sights");
    assert_eq!(row.changed_at, at(60), "time does not go back");
}

/// What a thing has no longer is cleared: said once, kept from older observations, found by nobody.
pub async fn what_is_gone_is_cleared(subject: &Subject) {
    let tasks = observers(subject).await;
    let bare = Thing::called("a");
    let full = Thing {
        text: Some("a title".to_owned()),
        owner: Some("somebody".to_owned()),
        set: Some(vec!["x".to_owned()]),
        number: Some(1),
        ..bare.clone()
    };
    sees(subject, &tasks[0], at(10), from_ref(&full)).await;
    let gone = ["owner", "set", "text"];
    let change = clears(subject, &tasks[1], at(20), &bare, &gone).await;
    assert_eq!(change, Changed, "what was known is true no longer");
    let row = only(subject).await;
    let left = Thing {
        number: Some(1),
        ..bare.clone()
    };
    assert_eq!(model::<Thing>(&row), left, "what nobody cleared stays");
    assert_eq!(row.changed_at, at(20), "when it changed");
    assert_eq!(row.changed_by, tasks[1].head.id, "by whom");
    for asked in [
        Filter::Has("text".into()),
        Filter::Has("set".into()),
        Filter::equals("text", "a title"),
        Filter::refers_to("owner", "somebody"),
        Filter::refers_to("domain", "x"),
    ] {
        let found = all::<Thing>(subject, &Query::all().filter(asked.clone())).await;
        assert!(found.is_empty(), "what was cleared is not found: {asked:?}");
        let not = Query::all().filter(Filter::Not(Box::new(asked)));
        let found = all::<Thing>(subject, &not).await;
        assert_eq!(found.len(), 1, "and is not there: {:?}", not.filters);
    }

    let again = clears(subject, &tasks[2], at(30), &bare, &gone).await;
    assert_eq!(again, Unchanged, "what was cleared before");
    let silent = sees(subject, &tasks[2], at(31), from_ref(&bare)).await;
    assert_eq!(silent, [Unchanged], "what says nothing of it");
    let older = sees(subject, &tasks[2], at(15), from_ref(&full)).await;
    assert_eq!(older, [Unchanged], "an older sight of it");
    let row = only(subject).await;
    assert_eq!(
        model::<Thing>(&row),
        left,
        "an older sight is no gap filled"
    );
    assert_eq!(row.changed_at, at(20), "what is no change");

    // What was never known cannot go, but it is known from now on that it was not there.
    let never = clears(subject, &tasks[2], at(32), &bare, &["flag"]).await;
    assert_eq!(never, Unchanged, "what was never known");
    let mut flag = bare.clone();
    flag.flag = Some(true);
    let older = sees(subject, &tasks[2], at(16), &[flag.clone()]).await;
    assert_eq!(older, [Unchanged], "a sight from before it was cleared");
    let newer = sees(subject, &tasks[2], at(40), &[full.clone(), flag]).await;
    assert_eq!(newer, [Changed, Changed], "what is there again");
    let expected = Thing {
        flag: Some(true),
        ..full
    };
    let row = only(subject).await;
    assert_eq!(model::<Thing>(&row), expected, "what is there again");
    // Nor does an older clearing take what was seen since.
    let older = clears(subject, &tasks[2], at(35), &bare, &gone).await;
    assert_eq!(older, Unchanged, "a clearing from before");
    let row = only(subject).await;
    assert_eq!(model::<Thing>(&row), expected, "a clearing from before");
}

/// A set grows by what is new, in one order whatever came first, up to a limit.
pub async fn sets_grow(subject: &Subject) {
    let tasks = observers(subject).await;
    let with = |items: &[&str]| {
        let mut thing = Thing::called("a");
        thing.set = Some(items.iter().map(|item| (*item).to_owned()).collect());
        thing
    };
    sees(subject, &tasks[0], at(10), &[with(&["c", "a", "c"])]).await;
    let known = sees(subject, &tasks[1], at(20), &[with(&["a"])]).await;
    assert_eq!(known, [Unchanged], "what is in it already");
    // An older sight adds as well.
    let more = sees(subject, &tasks[1], at(5), &[with(&["b"])]).await;
    assert_eq!(more, [Changed], "what is new in it");
    let thing: Thing = model(&only(subject).await);
    assert_eq!(thing, with(&["a", "b", "c"]), "sorted, each once");
    let many: Vec<String> = (0..2 * MAX_SET_ITEMS).map(|n| format!("n{n:05}")).collect();
    let mut thing = Thing::called("a");
    thing.set = Some(many);
    sees(subject, &tasks[2], at(30), &[thing]).await;
    let thing: Thing = model(&only(subject).await);
    assert_eq!(
        thing.set.map(|set| set.len()),
        Some(MAX_SET_ITEMS),
        "no more than fit"
    );
}

/// What a failed attempt did is reported by the one that comes after it.
pub async fn an_attempt_after_a_failed_one_reports_the_same(subject: &Subject) {
    let tasks = observers(subject).await;
    let mut old = Thing::called("old");
    sees(
        subject,
        &tasks[1],
        at(1),
        &[old.clone(), Thing::called("known")],
    )
    .await;
    old.number = Some(1);
    let things = [Thing::called("new"), old, Thing::called("known")];
    let first = sees(subject, &tasks[0], at(10), &things).await;
    assert_eq!(first, [Inserted, Changed, Unchanged], "the first attempt");
    let second = runs_in(subject, &tasks[0], 2).await;
    let again = observe(subject, second, &[2], at(20), &things).await;
    assert_eq!(
        again.expect("the second attempt writes"),
        [Inserted, Changed, Unchanged],
        "the second attempt, which knows nothing of the first"
    );
}

/// What the attempts before a cursor reported is not reported again.
pub async fn a_course_reports_a_row_once(subject: &Subject) {
    let tasks = observers(subject).await;
    let thing = [Thing::called("a")];
    let first = sees(subject, &tasks[0], at(10), &thing).await;
    assert_eq!(
        first,
        [Inserted],
        "the first attempt, which ends with a cursor"
    );
    // That somebody else sees it, too, does not make it new again.
    sees(subject, &tasks[1], at(15), &thing).await;
    let second = runs_in(subject, &tasks[0], 2).await;
    let things = [Thing::called("a"), Thing::called("b")];
    let second = observe(subject, second, &[1, 2], at(20), &things).await;
    let second = second.expect("the second attempt writes");
    assert_eq!(
        second,
        [Unchanged, Inserted],
        "the second, which goes on, and fails"
    );
    let third = runs_in(subject, &tasks[0], 3).await;
    let third = observe(subject, third, &[1, 3], at(30), &things).await;
    let third = third.expect("the third attempt writes");
    assert_eq!(
        third,
        [Unchanged, Inserted],
        "the third, which goes on from the first"
    );
}

/// Two runs of one attempt, which a message that arrives twice makes, each report all of it.
pub async fn twins_report_a_row_once_each(subject: &Subject) {
    let tasks = observers(subject).await;
    let who = writer(&tasks[0], 1);
    let thing = [Thing::called("a")];
    for (run, expected) in [(1, Inserted), (2, Inserted), (1, Unchanged), (2, Unchanged)] {
        let said = observe(subject, who, &[run], at(10), &thing).await;
        assert_eq!(
            said.expect("a running task writes"),
            [expected],
            "run {run}"
        );
    }
    let mut other = Thing::called("a");
    other.number = Some(1);
    sees(subject, &tasks[1], at(20), &[Thing::called("b")]).await;
    sees(subject, &tasks[1], at(20), &[other.clone()]).await;
    other.number = Some(2);
    for (run, expected) in [(3, Inserted), (4, Inserted), (3, Unchanged), (4, Unchanged)] {
        let said = observe(subject, who, &[run], at(30), &[other.clone()]).await;
        assert_eq!(
            said.expect("a running task writes"),
            [expected],
            "run {run}"
        );
    }
    let others = [Thing {
        number: Some(1),
        ..Thing::called("b")
    }];
    for (run, expected) in [(5, Changed), (6, Changed), (5, Unchanged), (6, Unchanged)] {
        let said = observe(subject, who, &[run], at(30), &others).await;
        assert_eq!(
            said.expect("a running task writes"),
            [expected],
            "run {run}"
        );
    }
}

/// Only the running attempt writes.
pub async fn observers_are_fenced(subject: &Subject) {
    let tasks = observers(subject).await;
    let things = [Thing::called("a")];
    for attempt in [0, 2] {
        let refused = observe(subject, writer(&tasks[0], attempt), &[1], at(1), &things).await;
        assert!(
            matches!(&refused, Err(ReconError::Store(StoreError::Fenced { task, attempt: named }))
                if *task == tasks[0].head.id && *named == attempt),
            "attempt {attempt} of a task that runs in attempt 1: {refused:?}"
        );
    }
    let none = all::<Thing>(subject, &Query::all()).await;
    assert!(none.is_empty(), "what is refused leaves nothing");
}

/// One observation that cannot be stored leaves nothing of the others of its write.
pub async fn a_refused_batch_leaves_nothing(subject: &Subject) {
    let tasks = observers(subject).await;
    let half = "x".repeat(MAX_BODY_BYTES * 2 / 3);
    let mut large = Thing::called("large");
    large.text = Some(half.clone());
    sees(subject, &tasks[0], at(1), &[large.clone()]).await;
    // Each is small enough, but not what they become together.
    large.text = None;
    large.beside = Some(half);
    let things = [Thing::called("first"), large, Thing::called("last")];
    let refused = observe(subject, writer(&tasks[1], 1), &[1], at(2), &things).await;
    assert!(
        matches!(&refused, Err(ReconError::Model(ModelError::TooLarge { key, .. })) if key == "large"),
        "a row that would become too large: {refused:?}"
    );
    let row = only(subject).await;
    assert_eq!(
        (row.key.as_str(), row.last_seen),
        ("large", at(1)),
        "what stays"
    );
    let next = sees(subject, &tasks[1], at(3), &[Thing::called("first")]).await;
    assert_eq!(next, [Inserted], "the store goes on");
}

/// Of two writes of one key neither is lost, and one of them finds it.
pub async fn writers_of_one_key_follow_one_another(subject: &Subject) {
    let tasks = observers(subject).await;
    let mut finders = 0;
    for round in 0..20 {
        let name = format!("thing {round}");
        let (mut first, mut second) = (Thing::called(&name), Thing::called(&name));
        first.number = Some(1);
        second.flag = Some(true);
        let (first, second) = ([first], [second]);
        let (a, b) = futures_util::future::join(
            sees(subject, &tasks[0], at(10), &first),
            sees(subject, &tasks[1], at(10), &second),
        )
        .await;
        finders += [a, b]
            .concat()
            .iter()
            .filter(|change| **change == Inserted)
            .count();
    }
    assert_eq!(finders, 20, "each is found once");
    for row in all::<Thing>(subject, &Query::all()).await {
        let thing: Thing = model(&row);
        assert_eq!(
            (thing.number, thing.flag),
            (Some(1), Some(true)),
            "{}",
            row.key
        );
    }
}
