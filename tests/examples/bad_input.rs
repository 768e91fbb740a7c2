//! What users get wrong: an error that names the thing, and the remedy; nothing is touched.

use crate::kill::{place_with_list, resume, start};
use crate::snapshot::done;
use crate::support::{Place, alone, run};

/// Each list, and what must be said of it.
#[test]
fn a_list_that_is_none() {
    let _alone = alone();
    let place = Place::new();
    std::fs::create_dir(place.path("folder")).unwrap();
    place.write("empty", "");
    place.write("comments", "# one\n\n   \r\n#two");
    place.write("gzip", b"good.example\n\x1f\x8b\x08\x00\xff\xfe\n");
    place.write("long", format!("good.example\n\n{}", "a".repeat(1 << 20)));
    let cases: [(&str, &[&str]); 6] = [
        ("missing", &["the list missing: No such file"]),
        ("folder", &["the list folder", "Is a directory"]),
        ("empty", &["the list has no names", "one on each line"]),
        ("comments", &["the list has no names", "one on each line"]),
        (
            "gzip",
            &["the list gzip: line 2 is not UTF-8", "compressed?"],
        ),
        ("long", &["the list long: line 3 has more than 2048 bytes"]),
    ];
    for (list, said) in cases {
        run(&mut place.robots(["--domains", list, "--lab", "--json"])).failed(said);
    }
    assert!(!place.path("out").exists(), "something was left behind");
}

#[test]
fn a_folder_that_cannot_be_one() {
    let _alone = alone();
    let place = Place::new();
    place.write("file", "kept");
    // Root may write nearly everywhere, but not here.
    for out in ["file", "file/below", "/proc/robots"] {
        let command = &mut place.robots_to(out, ["--sites", "10"]);
        run(command).failed(&["cannot make the folder", out, "--out"]);
    }
    assert_eq!(std::fs::read(place.path("file")).unwrap(), b"kept");
}

#[test]
fn nothing_to_resume() {
    let _alone = alone();
    let place = Place::new();
    let said = ["nothing to resume in", "/out", "leave out --resume"];
    run(&mut place.robots(["--resume"])).failed(&said);
    assert!(!place.path("out").exists(), "something was left behind");
    run(&mut place.robots(["--sites", "10", "--json"])).good();
    run(&mut place.robots(["--resume"])).failed(&said);
    assert_eq!(place.records().len(), 10);
}

#[test]
fn a_damaged_state_is_named_and_kept() {
    let _alone = alone();
    let place = place_with_list(300);
    let mut running = start(&place);
    running.until("the first task", |_| !done(&place).is_empty());
    running.kill();
    let job = std::fs::read(place.path("out/state/job.json")).unwrap();
    let garbage: Vec<u8> = (0..40_000u32).map(|n| ((n * 31) >> 3) as u8).collect();

    // Without its log: from that, SQLite would repair the file.
    std::fs::remove_file(place.path("out/state/state.sqlite-wal")).unwrap();
    place.write("out/state/state.sqlite", &garbage);
    let said = ["out/state/state.sqlite", "damaged", "not a SQLite database"];
    resume(&place).end().failed(&said);
    let found = std::fs::read(place.path("out/state/state.sqlite")).unwrap();
    assert!(found == garbage, "the damaged file was written to");
    assert_eq!(
        std::fs::read(place.path("out/state/job.json")).unwrap(),
        job
    );

    // A sound database that has never heard of the scan.
    std::fs::remove_file(place.path("out/state/state.sqlite")).unwrap();
    let said = [
        "out/state is damaged",
        "without --resume",
        "there is no run",
    ];
    resume(&place).end().failed(&said);

    place.write("out/state/job.json", &job[..job.len() / 2]);
    let said = ["out/state/job.json is damaged", "without --resume"];
    resume(&place).end().failed(&said);
    // The remedy is one.
    let ended = run(&mut place.robots(["--sites", "10", "--json"]));
    assert_eq!(ended.good()["targets"], 10);
}

#[test]
fn arguments_that_make_no_sense() {
    let _alone = alone();
    let place = Place::new();
    let cases: [(&[&str], &str); 8] = [
        (&["--sites", "5", "--domains", "list"], "--domains"),
        (&["--lab"], "--domains"),
        (&["--sites", "0"], "--sites"),
        (&["--sites", "ten"], "--sites"),
        (&["--workers", "0"], "--workers"),
        (&["--tasks", "0"], "--tasks"),
        (&["--concurrency", "100000"], "--concurrency"),
        (
            &["--sites", "5", "--resolver", "192.0.2.1:53"],
            "--resolver",
        ),
    ];
    for (args, named) in cases {
        let ended = run(&mut place.robots(args.iter().copied()));
        assert_eq!(ended.code, Some(2), "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.starts_with("error: "), "{}", ended.stderr);
        assert!(
            ended.stderr.lines().any(|line| line.contains(named)),
            "{args:?}: {}",
            ended.stderr
        );
        assert_eq!(ended.stdout, "");
    }
    assert!(!place.path("out").exists(), "something was left behind");
}
