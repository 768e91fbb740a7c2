//! The workflow.

use std::time::Duration;

use lab::Lab;
use sortie::defs::control::notify::TaskResultNotification;
use sortie::defs::control::{Conditional, Test};
use sortie::defs::data::FilterByScope;
use sortie::defs::recon::{Here, ListModels, UpsertModels};
use sortie::defs::scan::{Aggregate, Dns, Generate, Http, TcpSyn, Tls};
use sortie::defs::source::{Crtsh, Fetch};
use sortie::prelude::*;
use sortie::scanners::scope::ScopeSpec;

/// The models that a run can find.
pub(crate) const MODELS: [&str; 4] = ["certificate", "domain", "endpoint", "web_document"];
/// The webhook that is told of what is new.
pub(crate) const WEBHOOK: &str = "ops";

/// The container of what is new, with a list of each model.
pub(crate) fn news_of(model: &str) -> String {
    format!("news.{model}")
}

/// From seeds to news.
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
    let any_news = Conditional {
        from: "news".to_owned(),
        holds: Test::HasRows,
    };
    let workflow = Workflow::new("recon")
        .scope(scope.to_json())
        .parallel("ct", |ct| {
            seeds.iter().fold(ct, |ct, seed| {
                ct.task(format!("ct.{seed}"), Fetch::new(Crtsh::new(seed.clone())))
            })
        })
        .task(
            "found",
            UpsertModels::new("domain", "ct").each("/domains".parse()?),
        )
        // All that were ever found, not only today.
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
        .aggregate("pages.outcomes", Aggregate::<Http>::new("pages"))
        .parallel("news", |news| {
            MODELS.iter().fold(news, |news, model| {
                let list = ListModels::new(*model).only(Here::FoundOrChanged);
                news.task(news_of(model), list)
            })
        })
        .when(
            "any news",
            any_news,
            |then| then.task("tell", TaskResultNotification::new(WEBHOOK, "news")),
            |otherwise| otherwise,
        );
    Ok(workflow)
}
