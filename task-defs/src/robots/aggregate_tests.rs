use std::fs;
use std::io::Read as _;

use flate2::read::GzDecoder;
use task_core::Progress;

use super::*;
use crate::robots::parts::tests::record;

fn begin(path: &Path, memory: usize) -> Merge {
    let task = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
    Merge::begin(path.to_owned(), task, 1, memory).unwrap()
}

fn sign() -> Sign {
    Sign {
        progress: Progress::default(),
        stop: Arc::default(),
    }
}

fn records(n: u32) -> Vec<RobotsRecord> {
    let domain = |n: u32| format!("{:05}.example", n.wrapping_mul(7919) % 10_007);
    (0..n)
        .map(|n| record(&domain(n), "User-agent: *\nDisallow: /"))
        .collect()
}

fn lines(path: &Path) -> Vec<RobotsRecord> {
    let mut text = String::new();
    GzDecoder::new(fs::File::open(path).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn the_file_has_every_record_by_domain_and_does_not_depend_on_memory_or_order() {
    let folder = tempfile::tempdir().unwrap();
    let (large, small) = (
        folder.path().join("large.gz"),
        folder.path().join("small.gz"),
    );
    let mut records = records(5000);
    let mut merge = begin(&large, MEMORY_BYTES);
    let sign = sign();
    merge.add(&records, &sign).unwrap();
    let summary = merge.finish(&sign).unwrap();
    assert_eq!(summary.records, 5000);
    assert_eq!(
        summary.outcomes,
        BTreeMap::from([("rules".to_owned(), 5000)])
    );
    assert_eq!(summary.bytes, fs::metadata(&large).unwrap().len());
    assert!(sign.progress.count() > 0);

    records.reverse();
    let mut merge = begin(&small, 10_000);
    let (inline, part) = records.split_at(3000);
    merge.add(inline, &sign).unwrap();
    let part: Vec<u8> = part
        .iter()
        .flat_map(|record| [serde_json::to_vec(record).unwrap(), b"\n".to_vec()].concat())
        .collect();
    merge.add_lines("part", &part, &sign).unwrap();
    merge.finish(&sign).unwrap();
    assert_eq!(fs::read(&large).unwrap(), fs::read(&small).unwrap());

    records.sort_by(|a, b| a.domain.cmp(&b.domain));
    assert_eq!(lines(&small), records);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn no_records_are_an_empty_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.gz");
    let summary = begin(&path, 1).finish(&sign()).unwrap();
    assert_eq!((summary.records, summary.text_bytes), (0, 0));
    assert!(lines(&path).is_empty());
}

#[test]
fn a_part_that_is_none_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut merge = begin(&folder.path().join("out.gz"), 1);
    let error = merge
        .add_lines("results/x/y.parts/z", b"{\"domain\":1}", &sign())
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the part `results/x/y.parts/z`: "),
        "{error}"
    );
}

#[test]
fn dropping_the_attempt_stops_the_thread_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut merge = begin(&folder.path().join("out.gz"), MEMORY_BYTES);
    merge.add(&records(2000), &sign()).unwrap();
    let stop = Stop::default();
    let sign = Sign {
        progress: Progress::default(),
        stop: Arc::clone(&stop.0),
    };
    drop(stop);
    assert!(matches!(merge.finish(&sign), Err(TaskError::Cancelled)));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
