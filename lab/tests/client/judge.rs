//! What a careful scanner finds out about a name: written for this test, slow and plain.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use sha2::{Digest, Sha256};
use sortie_lab::{Lab, REDIRECT_LIMIT};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use super::dns::resolve;
use super::http::{Failure, Response, get};

/// The comparable part of a truth.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    pub outcome: &'static str,
    pub status: Option<u16>,
    pub hops: u8,
    pub https: Option<bool>,
    pub truncated: bool,
    pub sha256: Option<String>,
}

impl Finding {
    pub fn expected(lab: &Lab, name: &str) -> Self {
        let truth = lab.truth(name);
        Self {
            outcome: truth.outcome,
            status: truth.status,
            hops: truth.hops,
            https: truth.https,
            truncated: truth.truncated,
            sha256: truth.body.map(|body| body.sha256),
        }
    }

    fn silent(outcome: &'static str, hops: u8) -> Self {
        Self {
            outcome,
            status: None,
            hops,
            https: None,
            truncated: false,
            sha256: None,
        }
    }
}

/// Scans one name.
pub async fn judge(lab: &Lab, tls: &TlsConnector, name: &str, deadline: Duration) -> Finding {
    let scan = async {
        let secure = format!("https://{name}:{}/robots.txt", lab.https_port());
        let first = walk(lab, tls, name, &secure).await;
        if !first.is_of_connection {
            return first.finding;
        }
        let plain = format!("http://{name}:{}/robots.txt", lab.http_port());
        let second = walk(lab, tls, name, &plain).await;
        // A failure behind a redirect is the later story of the name, and tells more.
        if second.is_of_connection && second.finding.hops == 0 {
            first
        } else {
            second
        }
        .finding
    };
    timeout(deadline, scan)
        .await
        .unwrap_or_else(|_| Finding::silent("timeout", 0))
}

struct Walk {
    finding: Finding,
    is_of_connection: bool,
}

impl From<Finding> for Walk {
    fn from(finding: Finding) -> Self {
        Self {
            finding,
            is_of_connection: false,
        }
    }
}

async fn walk(lab: &Lab, tls: &TlsConnector, name: &str, start: &str) -> Walk {
    let mut url = Url::parse(start).unwrap();
    let mut seen = vec![url.clone()];
    for hops in 0.. {
        let response = match fetch(lab, tls, name, &url).await {
            Ok(response) => response,
            Err(failure) => {
                let finding = Finding::silent(failure.0, hops);
                return Walk {
                    finding,
                    is_of_connection: failure.is_of_connection(),
                };
            }
        };
        let found = |outcome| Finding {
            status: Some(response.status),
            https: Some(url.scheme() == "https"),
            ..Finding::silent(outcome, hops)
        };
        if !matches!(response.status, 301 | 302 | 303 | 307 | 308) {
            return classify(lab, tls, name, &url, &response, found)
                .await
                .into();
        }
        let next = match response
            .header("location")
            .map(|location| url.join(location))
        {
            Some(Ok(next)) if is_followable(&next) => next,
            _ => return found("bad_redirect").into(),
        };
        if allowed(lab, name, &next).await == Err(Failure("out_of_scope")) {
            return found("out_of_scope").into();
        }
        if seen.contains(&next) {
            return found("redirect_loop").into();
        }
        if hops == REDIRECT_LIMIT {
            return found("too_many_redirects").into();
        }
        seen.push(next.clone());
        url = next;
    }
    unreachable!("the limit ends the loop")
}

fn is_followable(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.username().is_empty()
}

/// The addresses of a URL that may be connected to.
async fn allowed(lab: &Lab, name: &str, url: &Url) -> Result<Vec<IpAddr>, Failure> {
    let Some(Host::Domain(host)) = url.host() else {
        return Err(Failure("out_of_scope"));
    };
    if host != name && !host.ends_with(&format!(".{name}")) {
        return Err(Failure("out_of_scope"));
    }
    let mut addresses = resolve(lab.resolver(), host).await.map_err(Failure)?;
    addresses.retain(|address| lab.scope_nets().iter().any(|net| net.contains(address)));
    if addresses.is_empty() {
        Err(Failure("out_of_scope"))
    } else {
        Ok(addresses)
    }
}

async fn fetch(lab: &Lab, tls: &TlsConnector, name: &str, url: &Url) -> Result<Response, Failure> {
    let address = allowed(lab, name, url).await?[0];
    let port = url.port_or_known_default().unwrap();
    let tls = (url.scheme() == "https").then_some(tls);
    get(
        SocketAddr::new(address, port),
        tls,
        url.host_str().unwrap(),
        url.path(),
    )
    .await
}

async fn classify(
    lab: &Lab,
    tls: &TlsConnector,
    name: &str,
    url: &Url,
    response: &Response,
    found: impl Fn(&'static str) -> Finding,
) -> Finding {
    match response.status {
        200 => {}
        401 | 403 | 429 => return found("blocked"),
        400..500 => return found("not_found"),
        500..600 => return found("server_error"),
        _ => return found("bad_status"),
    }
    let body = &response.body;
    if body.is_empty() {
        return found("empty");
    }
    if has_directive(body) {
        let truncated = response.truncated;
        let sha256 = Sha256::digest(body)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        return Finding {
            truncated,
            sha256: (!truncated).then_some(sha256),
            ..found("rules")
        };
    }
    if body.contains(&0) {
        return found("binary");
    }
    let is_html = body.starts_with(b"<!DOCTYPE html>");
    let elsewhere = url.join("/1f0c9d3ab2").unwrap();
    match fetch(lab, tls, name, &elsewhere).await {
        Ok(second) if is_html && second.status == 200 => found("soft_404"),
        Ok(_) if is_html => found("html"),
        _ => found("no_rules"),
    }
}

fn has_directive(body: &[u8]) -> bool {
    const KNOWN: [&str; 5] = ["user-agent", "allow", "disallow", "sitemap", "crawl-delay"];
    // Good enough for UTF-16: without its zero bytes it is ASCII where it matters.
    let wide = body.starts_with(b"\xff\xfe") || body.starts_with(b"\xfe\xff");
    let text: Vec<u8> = body
        .iter()
        .copied()
        .filter(|&byte| !(wide && byte == 0))
        .collect();
    let text = String::from_utf8_lossy(&text);
    let keys = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(key, _)| key.trim());
    keys.into_iter()
        .any(|key| KNOWN.iter().any(|known| key.eq_ignore_ascii_case(known)))
}
