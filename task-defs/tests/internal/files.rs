use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use sortie_task_defs::data::{Compression, OutputFolder, ToFile};
use task_core::{Payload, Resources};

use crate::bench::Setup;
use crate::filters::{from, rows};

fn setup(rows: &[Value], folder: &Path) -> Setup {
    Setup {
        resources: Arc::new(Resources::new().with(OutputFolder(folder.to_owned()))),
        ..Setup::new(rows)
    }
}

fn to(name: &str, compression: Compression) -> ToFile {
    ToFile {
        from: from(),
        name: name.parse().unwrap(),
        compression,
    }
}

fn text(path: &Path) -> String {
    let mut text = String::new();
    let file = fs::File::open(path).unwrap();
    match path.extension().unwrap().to_str().unwrap() {
        "gz" => flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text),
        #[cfg(feature = "zstd")]
        "zst" => zstd::Decoder::new(file).unwrap().read_to_string(&mut text),
        _ => {
            let mut file = file;
            file.read_to_string(&mut text)
        }
    }
    .unwrap();
    text
}

fn lines(rows: &[Value]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect()
}

#[tokio::test]
async fn all_rows_are_in_the_file_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let mut forms = vec![
        ("a.ndjson", Compression::None),
        ("b.ndjson.gz", Compression::Gzip),
    ];
    forms.extend(cfg!(feature = "zstd").then_some(("c.ndjson.zst", Compression::Zstd)));
    for (name, compression) in forms {
        let all = rows(1000);
        let ended = setup(&all, folder.path()).run(&to(name, compression)).await;
        let path = folder.path().join(name);
        assert_eq!(text(&path), lines(&all), "{name}");
        let expected = json!({"rows": 1000, "bytes": fs::metadata(&path).unwrap().len(),
            "text_bytes": lines(&all).len(), "path": path});
        assert_eq!(ended.output(), expected);
        // In pieces, and over the one that is there.
        let (ended, attempts) = setup(&all[..6], folder.path())
            .run_in_pieces(&to(name, compression))
            .await;
        assert!(attempts > 1);
        assert_eq!(ended.output()["rows"], 6);
        assert_eq!(text(&path), lines(&all[..6]), "{name}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        fs::remove_file(path).unwrap();
    }
}

#[tokio::test]
async fn another_worker_begins_anew() {
    let [here, there] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let all = rows(4);
    let task = to("out.ndjson", Compression::None);
    let mut first = setup(&all, here.path());
    first.time = Some(std::time::Duration::from_secs(3));
    let ended = first.run(&task).await;
    let task_core::message::Outcome::Deadline { cursor, .. } = ended.complete.outcome else {
        panic!("{:?}", ended.complete.outcome)
    };
    assert!(!here.path().join("out.ndjson").exists());
    let second = Setup {
        cursor: Some(cursor),
        attempt: 2,
        ..setup(&all, there.path())
    };
    assert_eq!(second.run(&task).await.output()["rows"], 4);
    assert_eq!(text(&there.path().join("out.ndjson")), lines(&all));
}

#[tokio::test]
async fn a_row_of_several_lines_becomes_one() {
    let folder = tempfile::tempdir().unwrap();
    let raw = serde_json::value::RawValue::from_string("{\n \"a\": 1\n}".to_owned()).unwrap();
    let setup = Setup {
        rows: vec![Payload::Inline(raw)],
        ..setup(&[], folder.path())
    };
    setup.run(&to("a.ndjson", Compression::None)).await;
    assert_eq!(text(&folder.path().join("a.ndjson")), "{\"a\":1}\n");
}

#[tokio::test]
async fn only_the_folder_of_the_worker_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    for name in [
        "../x",
        "/etc/x",
        "a/b",
        "..",
        ".hidden",
        "",
        "a\0b",
        "é",
        &"x".repeat(129),
    ] {
        let payload = Payload::encode(&json!({"from": "rows", "name": name})).unwrap();
        let ended = setup(&rows(3), &inner)
            .run_payload("data.to_file", payload)
            .await;
        let error = ended.fatal();
        assert!(
            error.contains("name: ") && error.contains("is no file name"),
            "{error}"
        );
    }
    // A link in the folder is replaced, not followed.
    #[cfg(unix)]
    {
        let outside = folder.path().join("outside.ndjson");
        fs::write(&outside, "mine").unwrap();
        std::os::unix::fs::symlink(&outside, inner.join("link.ndjson")).unwrap();
        setup(&rows(3), &inner)
            .run(&to("link.ndjson", Compression::None))
            .await
            .output();
        assert_eq!(text(&inner.join("link.ndjson")), lines(&rows(3)));
        assert_eq!(fs::read(&outside).unwrap(), b"mine");
        fs::remove_file(inner.join("link.ndjson")).unwrap();
    }
    let ended = Setup::new(&rows(3)).run(&to("x", Compression::None)).await;
    assert!(
        ended.fatal().contains("this worker has no `OutputFolder`"),
        "{}",
        ended.fatal()
    );
    let ended = setup(&rows(3), &folder.path().join("gone"))
        .run(&to("x", Compression::None))
        .await;
    assert!(
        ended.fatal().starts_with("name: there is no folder for"),
        "{}",
        ended.fatal()
    );
    assert_eq!(fs::read_dir(&inner).unwrap().count(), 0);
}
