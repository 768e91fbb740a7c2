//! The workflow. What each step requires says where it runs.

use std::time::Duration;

use lab::Lab;
use sortie::defs::data::FilterByScope;
use sortie::defs::recon::{ListModels, UpsertModels};
use sortie::defs::scan::{Aggregate, Dns, Generate, Http, TcpSyn, Tls};
use sortie::defs::source::{Crtsh, Fetch};
use sortie::prelude::*;
use sortie::scanners::scope::ScopeSpec;

/// The families, in the order in which each reads what the one before has found.
pub(crate) const FAMILIES: [&str; 4] = ["dns", "ports", "tls", "pages"];

/// From seeds to pages.
pub(crate) fn workflow(seeds: &[String], lab: &Lab) -> anyhow::Result<Workflow> {
    let scope = ScopeSpec {
        allow_domains: seeds.to_vec(),
        // Somebody else runs it, as it were.
        deny_domains: seeds.iter().map(|seed| format!("wild.{seed}")).collect(),
        allow_nets: lab.scope_nets(),
        ..ScopeSpec::default()
    };
    let dns = Dns {
        resolver: Some(lab.resolver()),
        ..Dns::default()
    };
    // By sockets of the kernel: answers on loopback are no packets that anybody could capture
    // without its help. `examples/syn` does the same ports by packets.
    let ports = TcpSyn {
        ports: vec![lab.http_port(), lab.https_port()],
        timeout: Duration::from_secs(1),
        ..TcpSyn::default()
    };
    let tls = Tls {
        timeout: Duration::from_secs(3),
        ..Tls::default()
    };
    let http = Http {
        resolver: Some(lab.resolver()),
        http_port: lab.http_port(),
        https_port: lab.https_port(),
        timeout: Duration::from_secs(5),
        ..Http::default()
    };
    let in_scope = FilterByScope {
        from: "known".to_owned(),
        at: "/key".parse()?,
        keep: Default::default(),
        scope: None,
    };
    let workflow = Workflow::new("recon")
        .scope(scope.to_json())
        // External: certificate transparency logs.
        .parallel("ct", |ct| {
            seeds.iter().fold(ct, |ct, seed| {
                ct.task(format!("ct.{seed}"), Fetch::new(Crtsh::new(seed.clone())))
            })
        })
        // Internal: models, generators and aggregators. Bare metal: the scans between.
        .task(
            "found",
            UpsertModels::new("domain", "ct").each("/domains".parse()?),
        )
        .task("known", ListModels::new("domain"))
        .task("names", in_scope)
        .generate(
            "dns",
            Generate::new("names", dns).at("/key".parse()?),
            |scans| scans,
        )
        .aggregate("dns.outcomes", Aggregate::<Dns>::new("dns"))
        .generate("ports", Generate::new("dns", ports), |scans| scans)
        .aggregate("ports.outcomes", Aggregate::<TcpSyn>::new("ports"))
        .generate("tls", Generate::new("ports", tls), |scans| scans)
        .aggregate("tls.outcomes", Aggregate::<Tls>::new("tls"))
        .generate("pages", Generate::new("tls", http), |scans| scans)
        .aggregate("pages.outcomes", Aggregate::<Http>::new("pages"));
    Ok(workflow)
}
