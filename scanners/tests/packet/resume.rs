//! A scan that is killed goes on, misses nothing, and does over no more than was said.

use std::collections::HashMap;
use std::hash::Hasher as _;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use sortie_scanners::engine::{Checkpoint, Found, Observer, PrefixCap, Progress, Report};
use sortie_scanners::link::{FarSide as _, Impairment, MemoryLink, MemoryNetwork, Moment};
use sortie_scanners::output::{Journal, JournalError, Ndjson};
use sortie_scanners::syn::{SynAnswer, SynHost, SynScan};
use sortie_scanners::wire::{Ethernet, Ipv4, Tcp, TcpFlags};

use crate::support::{assert_truth, link, scan, sixteenths, targets};

/// Keeps the last checkpoint, and dies at a given time.
struct Mortal {
    until: Duration,
    found: Vec<Found<SynAnswer>>,
    kept: Option<(usize, Checkpoint)>,
}

impl Observer<SynAnswer> for Mortal {
    fn found(&mut self, found: &Found<SynAnswer>) {
        self.found.push(*found);
    }

    fn progress(&mut self, progress: &Progress) -> ControlFlow<()> {
        match progress.elapsed >= self.until {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint) {
        assert_eq!(checkpoint.found(), self.found.len() as u64);
        // Through its stored form, as if the process were another.
        let stored = Checkpoint::from_bytes(&checkpoint.to_bytes()).unwrap();
        self.kept = Some((self.found.len(), stored));
    }
}

type Probes = Arc<Mutex<HashMap<(SocketAddr, u8), u32>>>;

/// A network that counts the probes of each target and pass.
fn counting(probes: &Probes, delay: Duration) -> MemoryLink {
    let probes = Arc::clone(probes);
    let mut host = SynHost::new(sixteenths);
    let far = move |now: Moment, frame: &[u8], reply: &mut dyn FnMut(&[u8])| {
        let packet = Ipv4::parse(Ethernet::parse(frame).unwrap().payload).unwrap();
        let segment = Tcp::parse(packet.payload).unwrap();
        if segment.flags != TcpFlags::SYN {
            return;
        }
        // 4,536 ports, in blocks for four passes and for canaries.
        let pass = ((segment.source - 61_000) / 907) as u8;
        let target = SocketAddr::new(packet.destination.into(), segment.destination);
        *probes.lock().unwrap().entry((target, pass)).or_default() += 1;
        host.answer(now, frame, reply);
    };
    let way = Impairment {
        delay: delay / 2,
        ..Impairment::default()
    };
    let network = MemoryNetwork {
        forth: way.clone(),
        back: way,
        ..MemoryNetwork::default()
    };
    link(network, far)
}

fn subject(senders: usize, capped: bool) -> SynScan {
    scan(targets("198.18.0.0/19", "80"))
        .rate(1000.0)
        .senders(senders)
        .with(move |config| {
            config.checkpoint_every = Some(Duration::from_secs(2));
            config.canaries = false;
            config.prefix_cap = capped.then(|| PrefixCap::new(40.0));
        })
}

/// Runs until `until`, dies, and goes on to the end. What is kept is what a journal would keep.
fn die_and_go_on(
    scan: &SynScan,
    probes: &Probes,
    deaths: &[Duration],
) -> (Report, Vec<Found<SynAnswer>>) {
    let mut kept: Vec<Found<SynAnswer>> = Vec::new();
    let mut checkpoint: Option<Checkpoint> = None;
    for until in deaths.iter().copied().chain([Duration::MAX]) {
        let link = counting(probes, Duration::from_millis(100));
        let mut mortal = Mortal {
            until,
            found: kept.clone(),
            kept: None,
        };
        let this = match &checkpoint {
            Some(checkpoint) => scan.clone().resume(checkpoint.clone()),
            None => scan.clone(),
        };
        let report = this.run_by_turns(&link, &mut mortal).unwrap();
        if report.complete {
            return (report, mortal.found);
        }
        if let Some((len, last)) = mortal.kept {
            kept = mortal.found;
            kept.truncate(len);
            checkpoint = Some(last);
        }
    }
    panic!("the last run goes to its end");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn the_union_is_exact_and_one_interval_is_sent_twice_at_most(
        deaths in prop::collection::vec(1u64..16_000, 1..4), senders in 1usize..4, capped: bool,
    ) {
        let deaths: Vec<_> = deaths.into_iter().map(Duration::from_millis).collect();
        let scan = subject(senders, capped);
        let probes = Probes::default();
        let (report, found) = die_and_go_on(&scan, &probes, &deaths);
        assert_truth(&found, sixteenths);
        prop_assert_eq!(found.len(), (1 << 13) * 6 / 16);
        prop_assert_eq!(report.class("open"), (1 << 13) / 16);
        prop_assert_eq!(report.silent, (1 << 13) * 10 / 16);

        let probes = probes.lock().unwrap();
        let first_pass = probes.iter().filter(|((_, pass), _)| *pass == 0);
        prop_assert_eq!(first_pass.count(), 1 << 13);
        let again: u32 = probes.values().map(|count| count - 1).sum();
        // 2 s at 1,000 a second for each death.
        prop_assert!(again <= 2000 * deaths.len() as u32, "{} sent again", again);
    }
}

/// A journal whose process dies after 6 s, without a word to anybody.
struct Doomed(Journal);

impl Observer<SynAnswer> for Doomed {
    fn found(&mut self, found: &Found<SynAnswer>) {
        self.0.found(found);
    }

    fn progress(&mut self, progress: &Progress) -> ControlFlow<()> {
        if progress.elapsed.as_secs() >= 6 {
            // No buffer is flushed and nothing is dropped, as with kill -9.
            std::process::abort();
        }
        Observer::<SynAnswer>::progress(&mut self.0, progress)
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint) {
        Observer::<SynAnswer>::checkpoint(&mut self.0, checkpoint);
    }
}

#[test]
fn a_journal_has_every_answer_once_after_its_process_died() {
    const CHILD: &str = "SORTIE_TEST_JOURNAL";
    let scan = subject(1, false);
    let link = || counting(&Probes::default(), Duration::ZERO);
    if let Some(path) = std::env::var_os(CHILD) {
        let mut doomed = Doomed(Journal::create(path).unwrap());
        let report = scan.run_by_turns(&link(), &mut doomed);
        panic!("it was to die, and not to end: {report:?}");
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.ndjson");
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "resume::a_journal_has_every_answer_once_after_its_process_died",
        ])
        .env(CHILD, &path)
        .output()
        .unwrap()
        .status;
    assert_eq!(status.code(), None, "ended by a signal");
    assert!(
        Journal::create(&path).is_err(),
        "an output is not overwritten"
    );

    let (mut journal, checkpoint) = Journal::resume(&path).unwrap();
    let scan = scan.resume(checkpoint.unwrap());
    let report = scan.run_by_turns(&link(), &mut journal).unwrap();
    assert!(
        report.sent.passes[0] < 1 << 13,
        "it went on, and did not start anew"
    );
    journal.finish(report.complete).unwrap();
    let mut seen = std::collections::HashSet::new();
    for line in std::fs::read_to_string(&path).unwrap().lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(
            seen.insert((line["ip"].to_string(), line["port"].to_string())),
            "{line} twice"
        );
    }
    assert_eq!(seen.len(), (1 << 13) * 6 / 16);
    assert_eq!(
        std::fs::read_dir(dir.path()).unwrap().count(),
        1,
        "no checkpoint is left"
    );
}

#[test]
fn a_journal_that_is_complete_is_not_begun_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.ndjson");
    let mut journal = Journal::create(&path).unwrap();
    let link = counting(&Probes::default(), Duration::ZERO);
    let report = subject(1, false).run_by_turns(&link, &mut journal).unwrap();
    journal.finish(report.complete).unwrap();
    let written = std::fs::read(&path).unwrap();
    assert!(!written.is_empty());

    let error = Journal::resume(&path).unwrap_err();
    assert!(matches!(error, JournalError::Complete { .. }), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), written);
}

#[test]
fn a_journal_that_was_killed_before_its_first_checkpoint_is_begun_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.ndjson");
    drop(Journal::create(&path).unwrap());
    std::fs::write(&path, "half a li").unwrap();
    let (journal, checkpoint) = Journal::resume(&path).unwrap();
    assert_eq!(checkpoint, None);
    journal.finish(false).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
}

#[test]
fn a_checkpoint_that_is_damaged_anywhere_is_refused_and_the_output_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.ndjson");
    let mut journal = Journal::create(&path).unwrap();
    let link = counting(&Probes::default(), Duration::ZERO);
    let report = subject(1, false).run_by_turns(&link, &mut journal).unwrap();
    assert!(report.complete);
    // As if it were not.
    journal.finish(false).unwrap();
    let written = std::fs::read(&path).unwrap();
    let beside = dir.path().join("out.ndjson.checkpoint");
    let sound = std::fs::read(&beside).unwrap();

    let refused = |bytes: &[u8]| {
        std::fs::write(&beside, bytes).unwrap();
        let error = Journal::resume(&path).unwrap_err();
        assert!(matches!(error, JournalError::Checkpoint { .. }), "{error}");
        assert!(
            error.to_string().contains("out.ndjson.checkpoint"),
            "{error}"
        );
        assert_eq!(std::fs::read(&path).unwrap(), written);
    };
    // The length of the output is in front.
    for at in (0..16).chain((16..sound.len()).step_by(97)) {
        let mut bytes = sound.clone();
        bytes[at] ^= 0x10;
        refused(&bytes);
    }
    for len in [0, 7, 15, 17, sound.len() - 1] {
        refused(&sound[..len]);
    }
    std::fs::write(&beside, &sound).unwrap();
    assert!(Journal::resume(&path).unwrap().1.is_some());
}

#[test]
fn what_waits_for_its_network_waits_again_after_a_resume() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let far = || {
        let times = Arc::clone(&seen);
        move |now: Moment, _: &[u8], _: &mut dyn FnMut(&[u8])| times.lock().unwrap().push(now)
    };
    let scan = scan(targets("198.18.0.0/24", "80"))
        .passes(1)
        .with(|config| {
            config.checkpoint_every = Some(Duration::from_secs(2));
            config.prefix_cap = Some(PrefixCap::new(10.0));
        });
    let mut mortal = Mortal {
        until: Duration::from_secs(8),
        found: Vec::new(),
        kept: None,
    };
    scan.run_by_turns(&link(MemoryNetwork::default(), far()), &mut mortal)
        .unwrap();
    seen.lock().unwrap().clear();
    let (_, checkpoint) = mortal.kept.unwrap();
    scan.resume(checkpoint)
        .run_by_turns(&link(MemoryNetwork::default(), far()), &mut |_: &Found<
            SynAnswer,
        >| {})
        .unwrap();
    let seen = seen.lock().unwrap();
    assert!(seen.len() > 100, "{}", seen.len());
    let took = (*seen.last().unwrap() - seen[0]).as_secs_f64();
    let rate = (seen.len() - 1) as f64 / took;
    assert!(rate <= 10.1, "{rate}");
}

/// `checkpoint` with another head, and the checksum that belongs to it.
fn altered(checkpoint: &Checkpoint, alter: impl FnOnce(&mut serde_json::Value)) -> Checkpoint {
    let bytes = checkpoint.to_bytes();
    let end = bytes.iter().position(|&byte| byte == b'\n').unwrap();
    let mut head = serde_json::from_slice(&bytes[..end]).unwrap();
    alter(&mut head);
    let mut altered = serde_json::to_vec(&head).unwrap();
    altered.extend(&bytes[end..bytes.len() - 8]);
    // SipHash-1-3 without a key, which is also what the standard library has.
    let mut hasher = std::collections::hash_map::DefaultHasher::new();
    hasher.write(&altered);
    altered.extend(hasher.finish().to_be_bytes());
    Checkpoint::from_bytes(&altered).unwrap()
}

#[test]
fn a_checkpoint_that_would_leave_something_out_is_refused() {
    let mut mortal = Mortal {
        until: Duration::from_secs(4),
        found: Vec::new(),
        kept: None,
    };
    let link = counting(&Probes::default(), Duration::ZERO);
    let scan = subject(2, false);
    scan.run_by_turns(&link, &mut mortal).unwrap();
    let (_, checkpoint) = mortal.kept.unwrap();
    let refused = |checkpoint| {
        let scan = scan.clone().resume(checkpoint);
        let none = &mut |_: &Found<SynAnswer>| {};
        scan.run_by_turns(&link, none).unwrap_err().to_string()
    };

    let one_less = altered(&checkpoint, |head| {
        head["senders"].as_array_mut().unwrap().pop();
    });
    assert!(refused(one_less).contains("share of each sender"));
    let twice = altered(&checkpoint, |head| {
        head["senders"][1] = head["senders"][0].clone();
    });
    assert!(refused(twice).contains("share of each sender"));
    let many = altered(&checkpoint, |head| {
        let mut nobody = head["senders"][1].clone();
        nobody["range"]["start"] = nobody["range"]["end"].clone();
        let senders = head["senders"].as_array_mut().unwrap();
        senders.extend(std::iter::repeat_n(nobody, 100_000));
    });
    assert!(refused(many).contains("share of each sender"));
    let miscounts: [fn(&mut serde_json::Value); 4] = [
        |head| head["by_class"] = serde_json::json!(vec![u64::MAX; 8]),
        |head| head["by_pass"] = serde_json::json!(vec![u64::MAX; 8]),
        |head| head["by_class"].as_array_mut().unwrap().rotate_left(1),
        |head| head["steady_by_pass"] = serde_json::json!(vec![u64::MAX; 8]),
    ];
    for miscount in miscounts {
        assert!(refused(altered(&checkpoint, miscount)).contains("number of answers"));
    }
}

#[test]
fn a_checkpoint_of_another_scan_is_refused() {
    let probes = Probes::default();
    let mut mortal = Mortal {
        until: Duration::from_secs(4),
        found: Vec::new(),
        kept: None,
    };
    let link = counting(&probes, Duration::ZERO);
    subject(1, false).run_by_turns(&link, &mut mortal).unwrap();
    let (_, checkpoint) = mortal.kept.unwrap();
    let none = &mut |_: &Found<SynAnswer>| {};
    let other = scan(targets("198.18.0.0/19", "81")).resume(checkpoint.clone());
    let error = other.run_by_turns(&link, none).unwrap_err();
    assert!(error.to_string().contains("set of targets"), "{error}");
    let other = subject(1, false).passes(3).resume(checkpoint.clone());
    let error = other.run_by_turns(&link, none).unwrap_err();
    assert!(error.to_string().contains("number of passes"), "{error}");

    let mut bytes = checkpoint.to_bytes();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let error = Checkpoint::from_bytes(&bytes).unwrap_err();
    assert!(error.to_string().contains("checksum"), "{error}");
}

#[test]
fn lines_have_a_form() {
    let link = link(MemoryNetwork::default(), SynHost::new(sixteenths));
    let mut lines = Ndjson::new(Vec::new());
    scan(targets("198.18.0.0/28, 2001:db8::7", "443"))
        .run_by_turns(&link, &mut lines)
        .unwrap();
    let mut lines: Vec<_> = String::from_utf8(lines.finish().unwrap())
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    lines.sort();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn an_output_that_cannot_be_written_stops_the_scan() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let link = link(MemoryNetwork::default(), SynHost::new(sixteenths));
    let mut lines = Ndjson::new(Full);
    let report = scan(targets("198.18.0.0/17", "443"))
        .run_by_turns(&link, &mut lines)
        .unwrap();
    assert!(!report.complete);
    assert!(report.sent.passes[0] < 10_000);
    assert_eq!(
        lines.finish().map(|_| ()).unwrap_err().kind(),
        std::io::ErrorKind::StorageFull
    );
}
