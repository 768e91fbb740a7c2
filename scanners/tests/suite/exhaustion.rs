//! A machine without a file or a port left for a socket, which is no outcome of the site.

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::Command;

use sortie_scanners::connect::{ConnectScanner, PortOutcome};
use sortie_scanners::http::Tls;
use sortie_scanners::http::robots::{RobotsFetcher, RobotsOutcome as Outcome};
use sortie_scanners::resolve::{DnsOutcome, Resolver};
use sortie_scanners::scope::{Scope, ScopeBuilder};
use tokio::net::{TcpListener, TcpStream};

use crate::support::dns::{Says, serve_dns};
use crate::support::{LOOPBACK, Reply, at_loopback, http_config, in_time, lab_scope, serve};

const CHILD: &str = "SORTIE_TEST_EXHAUSTION";

/// Runs itself again in a process of its own: the limit would starve the tests beside it.
#[test]
fn without_files_left_the_failure_is_local() {
    if std::env::var_os(CHILD).is_some() {
        return starve();
    }
    passes(
        Command::new("sh")
            .args(["-c", "ulimit -n 64 && exec \"$0\" --exact \"$1\""])
            .arg(std::env::current_exe().unwrap())
            .arg("exhaustion::without_files_left_the_failure_is_local"),
    );
}

/// Runs one test of this program, as the child that it is told to be.
fn passes(test: &mut Command) {
    let child = test.env(CHILD, "1").output().unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(
        child.status.success() && said.contains("1 passed"),
        "{said}"
    );
}

#[tokio::main(flavor = "current_thread")]
async fn starve() {
    let plain = serve(|_| Reply::text("User-agent: *\n")).await;
    let zone = [("a.test", Says::Addrs(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]))];
    let names = serve_dns(zone).await;
    let resolvers = [at_loopback(&["a.test"]), Resolver::at(names.addr).unwrap()];
    for (resolver, is_table) in resolvers.into_iter().zip([true, false]) {
        let scope = lab_scope().build().unwrap();
        let name = scope.admit_name("a.test").unwrap();
        let at = scope.admit_ip(LOOPBACK).unwrap().with_port(plain.port());
        let tls = Tls::observing().unwrap();
        let config = http_config(plain.port());
        let fetcher = RobotsFetcher::new(config, scope.clone(), resolver.clone(), tls);
        let rested = in_time(fetcher.fetch("a.test")).await;
        assert_eq!(rested.outcome, Outcome::Rules, "{rested:?}");

        let hoard: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
        let starved = in_time(fetcher.fetch("a.test")).await;
        let looked_up = in_time(resolver.lookup(&scope, &name)).await;
        let probed = in_time(ConnectScanner::default().probe(at)).await;
        drop(hoard);
        // A table needs no file.
        let expected = if is_table {
            DnsOutcome::Found
        } else {
            DnsOutcome::LocalFailure
        };
        assert_eq!(looked_up.outcome, expected, "{looked_up:?}");
        assert!(matches!(probed, PortOutcome::LocalFailure(_)), "{probed:?}");
        assert_eq!(starved.outcome, Outcome::LocalFailure, "{starved:?}");
        assert!(
            starved
                .detail
                .is_some_and(|detail| detail.contains("os error 24"))
        );
    }
}

/// A network of its own that has four ports to dial from, and the rest in it.
const FEW_PORTS: &str = "\
ip link set lo up &&
echo '40000 40003' > /proc/sys/net/ipv4/ip_local_port_range &&
exec \"$@\"";

fn with_few_ports(rest: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--net", "sh", "-c", FEW_PORTS, "sh"]);
    command.args(rest);
    command
}

#[test]
fn without_ports_left_the_failure_is_local_for_ipv6_too() {
    if std::env::var_os(CHILD).is_some() {
        return crowd();
    }
    let may = with_few_ports(&["true"]).output();
    if !may.is_ok_and(|ended| ended.status.success()) {
        eprintln!("skipped: a network of one's own needs root, or user namespaces");
        return;
    }
    let own = std::env::current_exe().unwrap();
    let test = "exhaustion::without_ports_left_the_failure_is_local_for_ipv6_too";
    passes(&mut with_few_ports(&[
        own.to_str().unwrap(),
        "--exact",
        test,
    ]));
}

#[tokio::main(flavor = "current_thread")]
async fn crowd() {
    let nets = ["127.0.0.1/32", "::1/128"].map(|net| net.parse::<ipnet::IpNet>().unwrap());
    let scope = nets
        .into_iter()
        .fold(Scope::builder(), ScopeBuilder::allow_net);
    let scope = scope.build().unwrap();
    for host in [LOOPBACK, Ipv6Addr::LOCALHOST.into()] {
        let listener = match TcpListener::bind((host, 5000)).await {
            Ok(listener) => listener,
            // A kernel without IPv6.
            Err(error) if host.is_ipv6() && std::net::UdpSocket::bind((host, 0)).is_err() => {
                eprintln!("skipped: {host} is not here: {error}");
                continue;
            }
            Err(error) => panic!("{host}: {error}"),
        };
        let at = scope.admit_ip(host).unwrap().with_port(5000);
        let scanner = ConnectScanner::default();
        let mut crowd = Vec::new();
        while let Ok(stream) = in_time(TcpStream::connect(at.get())).await {
            crowd.push(stream);
        }
        let probed = in_time(scanner.probe(at)).await;
        assert!(matches!(probed, PortOutcome::LocalFailure(_)), "{probed:?}");
        drop((crowd, listener));
    }
    // To this one there is no way at all.
    let wide = Scope::builder().allow_net("2001:db8::/32".parse::<ipnet::IpNet>().unwrap());
    let nowhere = wide
        .build()
        .unwrap()
        .admit_ip("2001:db8::1".parse().unwrap());
    let probed = in_time(ConnectScanner::default().probe(nowhere.unwrap().with_port(9))).await;
    assert!(matches!(probed, PortOutcome::NoRoute(_)), "{probed:?}");
}
