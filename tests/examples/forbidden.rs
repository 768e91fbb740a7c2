//! The forbidden addresses, for once on a machine that has them. Needs root, for a network of its
//! own.

use std::process::Command;

use crate::support::{Place, alone, permitted, program, run};

/// Gives the loopback device of a fresh network what no scanner may touch, and runs the rest.
const WITH_ADDRESSES: &str = "\
set -e
ip link set lo up
ip addr add 169.254.169.254/32 dev lo
ip addr add 10.0.0.1/32 dev lo
ip addr add fd00:ec2::254/128 dev lo nodad
exec \"$@\"";

/// The same without them.
const WITHOUT: &str = "ip link set lo up && exec \"$@\"";

/// What the lab says of an address where it cannot count connections.
const NOT_WATCHED: &str = "no canary here";

fn in_fresh_network(place: &Place, setup: &str, rest: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--net", "sh", "-c", setup, "sh"]).args(rest);
    command.current_dir(place.path(""));
    command.env("RUST_LOG", "error,sortie_lab=debug");
    command
}

#[test]
fn no_forbidden_address_is_touched_where_they_all_exist() {
    let _alone = alone();
    let place = Place::new();
    if !permitted(&mut in_fresh_network(&place, WITH_ADDRESSES, &["true"])) {
        return;
    }
    let robots = program("robots");
    let scan = |setup, sites| {
        let args = [robots.to_str().unwrap(), "--json", "--sites", sites];
        let mut command = in_fresh_network(&place, setup, &args);
        run(command.args(["--out", "out", "--concurrency", "64"]))
    };
    // The test would prove nothing if nobody listened there.
    let unwatched = scan(WITHOUT, "10").stderr.matches(NOT_WATCHED).count();
    assert_eq!(unwatched, 2 * 3, "of http and https on three addresses");
    let ended = scan(WITH_ADDRESSES, "3000");
    assert!(!ended.stderr.contains(NOT_WATCHED), "{}", ended.stderr);
    let report = ended.good();
    assert_eq!(report["targets"], 3000);
    // Names that resolve to them, and redirects that lead there, were among the sites.
    let refused = report["outcomes"]["out_of_scope"].as_u64().unwrap();
    assert!(refused >= 30, "only {refused} sites led out of scope");
}
