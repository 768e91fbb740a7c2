//! A disk that is full, and has room again. Needs root, for a small file system.

use std::process::Command;

use crate::kill::{place_with_list, resume, start};
use crate::support::{Place, alone, permitted};

const FULL: &str = "the store is full: database or disk is full; free some space";

/// A file system of its own for `out`, unmounted when dropped.
struct Disk<'p>(&'p Place);

impl<'p> Disk<'p> {
    /// Too small for a scan.
    fn small(place: &'p Place) -> Option<Self> {
        std::fs::create_dir(place.path("out")).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=800k", "none"]);
        permitted(mount.arg(place.path("out"))).then_some(Self(place))
    }

    fn make_room(&self) {
        let mut mount = Command::new("mount");
        mount.args(["-o", "remount,size=100m"]);
        assert!(mount.arg(self.0.path("out")).status().unwrap().success());
    }

    /// Takes the last byte.
    fn fill(&self) {
        // Fails, which is what it is for.
        let _ = std::fs::write(self.0.path("out/filler"), vec![0; 1 << 20]);
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path("out")).status();
    }
}

#[test]
fn a_scan_waits_for_room_and_goes_on_by_itself() {
    let _alone = alone();
    let place = place_with_list(500);
    let Some(disk) = Disk::small(&place) else {
        return;
    };
    let mut running = start(&place);
    running.until("the full disk", |run| run.stderr_now().contains(FULL));
    disk.make_room();
    assert_eq!(running.end().good()["targets"], 500);
    assert_eq!(place.records().len(), 500);
}

#[test]
fn a_scan_stopped_on_a_full_disk_is_resumed_when_there_is_room() {
    let _alone = alone();
    let place = place_with_list(500);
    let Some(disk) = Disk::small(&place) else {
        return;
    };
    let mut running = start(&place);
    running.until("the full disk", |run| run.stderr_now().contains(FULL));
    running.signal("INT");
    let ended = running.end();
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);

    disk.fill();
    resume(&place).end().failed(&["out/state", FULL]);

    disk.make_room();
    assert_eq!(resume(&place).end().good()["targets"], 500);
    assert_eq!(place.records().len(), 500);
}
