//! A source of your own: the shapes of an API, and nothing else.
//!
//! `cargo run --features sources --example custom_source`

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use sortie::prelude::*;
use sortie::source::{Failure, Fetch, Findings, Name, PageRequest, Source, SourceRecords, Sources};

/// The names that a passive DNS service knows under a domain.
#[derive(Serialize, Deserialize)]
struct PassiveDns {
    domain: Name,
}

/// A page: `{"data": {"rows": [{"host": "…"}], "more": true}}`.
#[derive(Deserialize)]
struct Page {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    more: bool,
}

#[derive(Deserialize)]
struct Row {
    host: String,
}

impl Source for PassiveDns {
    const KIND: &'static str = "source.passive_dns";
    const BASE_URL: &'static str = "https://passive-dns.example/api"; // or SORTIE_SOURCE_PASSIVE_DNS_URL
    const ITEMS: &'static [&'static str] = &["data", "rows"];
    type Page = u32;
    type Item = Row;
    type Rest = Page;

    fn request(&self, page: &u32) -> PageRequest {
        PageRequest::get("/names")
            .query("domain", &self.domain)
            .query("page", page)
    }

    fn item(&self, row: Row, found: &mut Findings) {
        found.domain_under(&self.domain, &row.host);
    }

    fn next(&self, page: &u32, rest: Page, _items: u64) -> Result<Option<u32>, Failure> {
        Ok(rest.data.more.then_some(page + 1))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sources = Sources::new().base_url(PassiveDns::KIND, serve()?);
    let registry = registry![Fetch<PassiveDns>];
    let engine = Engine::embedded(registry).resource(sources).start().await?;
    let task = Fetch::new(PassiveDns {
        domain: "example.com".parse()?,
    });
    let run = engine
        .submit(Workflow::new("names").task("names", task))
        .await?;
    run.wait().await?;
    let found = run
        .result::<SourceRecords>("names")
        .await?
        .ok_or("the task failed")?;
    for record in &found.domains {
        println!(
            "{}{}",
            record.name,
            if record.wildcard { " (and *.)" } else { "" }
        );
    }
    println!(
        "{} names on {} pages, {:?}",
        found.domains.len(),
        found.pages,
        found.dropped
    );
    engine.shutdown().await;
    Ok(())
}

/// The service itself, on loopback: two pages.
fn serve() -> std::io::Result<String> {
    let pages = [
        r#"{"data":{"rows":[{"host":"WWW.example.com."},{"host":"*.wild.example.com"}],"more":true}}"#,
        r#"{"data":{"rows":[{"host":"api.example.com"},{"host":"a@example.com"},{"host":"b.test"}],"more":false}}"#,
    ];
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", listener.local_addr()?);
    std::thread::spawn(move || {
        for (page, stream) in pages.iter().zip(listener.incoming()) {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 4096]);
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{page}",
                page.len()
            );
        }
    });
    Ok(url)
}
