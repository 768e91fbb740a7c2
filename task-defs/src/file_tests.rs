use std::io::Read as _;

use flate2::read::GzDecoder;

use super::*;

fn task() -> TaskId {
    "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn a_file_appears_whole_and_replaces_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.gz");
    fs::write(&path, "old").unwrap();
    let mut file = OutFile::create(&path, task(), 1, Compression::Gzip).unwrap();
    file.line(b"one").unwrap();
    file.line(b"two").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"old");
    let bytes = file.commit().unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), bytes);
    let mut text = String::new();
    GzDecoder::new(File::open(&path).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text, "one\ntwo\n");
    assert_eq!(names(folder.path()), ["out.gz"]);
}

#[test]
fn what_is_not_committed_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut file =
        OutFile::create(&folder.path().join("out.gz"), task(), 1, Compression::Gzip).unwrap();
    file.line(b"one").unwrap();
    assert_eq!(names(folder.path()).len(), 1);
    drop(file);
    assert!(names(folder.path()).is_empty());
}

#[test]
fn leftovers_of_earlier_attempts_go_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = prefix(OsStr::new("out.gz"), task());
    let stay = [
        format!("{prefix}2-b.tmp"),
        format!("{prefix}3-c.tmp"),
        ".out.gz.tmp".to_owned(),
    ];
    for name in stay.iter().chain([&format!("{prefix}1-a.tmp")]) {
        fs::write(folder.path().join(name), "").unwrap();
    }
    drop(OutFile::create(&folder.path().join("out.gz"), task(), 2, Compression::Gzip).unwrap());
    let mut left = names(folder.path());
    left.sort();
    let mut stay = stay.to_vec();
    stay.sort();
    assert_eq!(left, stay);
}

#[test]
fn errors_name_the_path_and_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let error = |path: &Path| {
        OutFile::create(path, task(), 1, Compression::Gzip)
            .err()
            .unwrap()
    };
    assert!(matches!(error(folder.path()), FileError::NotAFile(_)));
    assert!(matches!(error(Path::new("/")), FileError::NotAFile(_)));
    let path = folder.path().join("gone/out.gz");
    assert_eq!(
        error(&path).to_string(),
        format!(
            "there is no folder for `{}` on this worker; create it or choose another path",
            path.display()
        )
    );
    let denied = FileError::new(&path, io::ErrorKind::PermissionDenied.into());
    assert!(matches!(denied, FileError::Denied(_)));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_called_so() {
    // The kernel's own full disk.
    let mut full = File::options().write(true).open("/dev/full").unwrap();
    let error = FileError::new(Path::new("/x/out.gz"), full.write_all(b"x").unwrap_err());
    assert_eq!(
        error.to_string(),
        "the disk is full at `/x/out.gz`; free space or choose another path"
    );
}

#[cfg(unix)]
#[test]
fn others_may_read_it_as_far_as_the_umask_lets_them() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let plain = folder.path().join("plain");
    fs::write(&plain, "").unwrap();
    let path = folder.path().join("out.gz");
    OutFile::create(&path, task(), 1, Compression::Gzip)
        .unwrap()
        .commit()
        .unwrap();
    assert_eq!(mode(&path), mode(&plain));
}

#[test]
fn what_was_put_aside_is_gone_on_with_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let mut forms = vec![Compression::None, Compression::Gzip];
    forms.extend(cfg!(feature = "zstd").then_some(Compression::Zstd));
    for compression in forms {
        let mut file = OutFile::create(&path, task(), 1, compression).unwrap();
        file.line(b"one").unwrap();
        let half = file.put_aside(task(), 1).unwrap();
        assert!(!path.exists());
        let resume = || OutFile::resume(&path, task(), 2, compression, half).unwrap();
        let mut file = resume().unwrap();
        assert!(resume().is_none(), "the twin begins anew");
        file.line(b"two").unwrap();
        file.commit().unwrap();
        let written = File::open(&path).unwrap();
        let mut text = String::new();
        match compression {
            Compression::None => (&written).read_to_string(&mut text).unwrap(),
            Compression::Gzip => flate2::read::MultiGzDecoder::new(written)
                .read_to_string(&mut text)
                .unwrap(),
            #[cfg(feature = "zstd")]
            Compression::Zstd => zstd::Decoder::new(written)
                .unwrap()
                .read_to_string(&mut text)
                .unwrap(),
            #[cfg(not(feature = "zstd"))]
            Compression::Zstd => unreachable!(),
        };
        assert_eq!(text, "one\ntwo\n", "{compression:?}");
        assert_eq!(names(folder.path()), ["out"]);
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn what_was_put_aside_and_lost_its_end_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let mut file = OutFile::create(&path, task(), 1, Compression::None).unwrap();
    file.line(b"one").unwrap();
    let half = file.put_aside(task(), 1).unwrap();
    let [name] = names(folder.path()).try_into().unwrap();
    fs::write(folder.path().join(name), "o").unwrap();
    let resumed = OutFile::resume(&path, task(), 2, Compression::None, half).unwrap();
    assert!(resumed.is_none());
    assert_eq!(names(folder.path()), [""; 0]);
}
