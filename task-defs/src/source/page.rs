//! One page: the request, and its answer as it comes.

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Body as _;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use task_core::TaskContext;

use super::error::SourceError;
use super::failure::{ErrorAnswer, Failure};
use super::fetch::Fetch;
use super::items::{Items, SplitError};
use super::options::SourceOptions;
use super::progress::Progress;
use super::request::PageRequest;
use super::source::Source;
use super::sources::{Credential, Sources};
use crate::web::{Answer, WebError, text, wait_asked_for};

/// Longest item, in bytes. A certificate with thousands of names has some 200 KB.
const MAX_ITEM: usize = 4 << 20;
/// As much of an error's body is read.
const MAX_ERROR_BODY: usize = 16 << 10;
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Reads one page into the findings.
pub(super) struct PageReader<'a, S: Source> {
    query: &'a S,
    options: &'a SourceOptions,
    sources: &'a Sources,
    progress: &'a mut Progress<S::Page>,
    items: u64,
    end: PageEnd<S::Page>,
}

/// How a page ended.
pub(super) enum PageEnd<P> {
    Next(P),
    Last,
    /// There is no room for more records; the rest was not read.
    Full,
    /// The page is longer than may be read; the place of the next one, if there is one, lies
    /// behind what was.
    TooLarge,
}

/// Why an answer is no page.
enum BadPage {
    Split(SplitError),
    Json(serde_json::Error),
    /// There is no room for more records.
    Full,
}

impl<'a, S: Source> PageReader<'a, S> {
    pub(super) fn new(
        fetch: &'a Fetch<S>,
        sources: &'a Sources,
        progress: &'a mut Progress<S::Page>,
    ) -> Self {
        Self {
            query: &fetch.query,
            options: &fetch.options,
            sources,
            progress,
            items: 0,
            end: PageEnd::Last,
        }
    }

    /// The number of the page, from 1.
    pub(super) fn page(&self) -> u32 {
        self.progress.pages.saturating_add(1)
    }

    /// How the page ended, and how many items it had.
    pub(super) fn into_end(self) -> (PageEnd<S::Page>, u64) {
        (self.end, self.items)
    }

    pub(super) async fn read<R>(&mut self, cx: &TaskContext<R>) -> Result<(), SourceError> {
        let page = self.page();
        let exchange = |error: WebError| SourceError::exchange(S::KIND, page, &error);
        let service = self.sources.service::<S>()?;
        let credential = self.sources.credential::<S>()?;
        let client = self.sources.client.get().map_err(exchange)?;
        let request = self.query.request(&self.progress.page);
        tracing::debug!(kind = S::KIND, page, ?request, "asking");
        let request = build(request, &service, credential.as_ref()).map_err(exchange)?;
        cx.meter(0, request.body().size_hint().lower());
        let mut answer = client.send(&service, request).await.map_err(exchange)?;
        let read = if answer.status.is_success() {
            self.read_items(cx, &mut answer).await
        } else {
            Err(self.failed(cx, &mut answer, credential.as_ref()).await)
        };
        cx.meter(answer.read, 0);
        if let Some(wait) = wait_asked_for(&answer, cx.now()) {
            // What a source asks for with a page in hand counts for the next one.
            self.sources.hold::<S>(cx.now().after(wait));
        }
        read.map_err(|error| quotable(error, credential.as_ref()))
    }

    async fn failed<R>(
        &self,
        cx: &TaskContext<R>,
        answer: &mut Answer,
        credential: Option<&Credential>,
    ) -> SourceError {
        let body = answer.beginning(MAX_ERROR_BODY).await;
        // Before anything is cut off: half a key would not be known again.
        let body = match credential {
            Some(credential) => credential
                .redact(&String::from_utf8_lossy(&body))
                .into_bytes(),
            None => body,
        };
        let failure = self.query.failure(&ErrorAnswer {
            status: answer.status.as_u16(),
            body: &body,
            after: wait_asked_for(answer, cx.now()),
        });
        self.failure(answer, failure)
    }

    fn failure(&self, answer: &Answer, failure: Failure) -> SourceError {
        SourceError::Failed {
            kind: S::KIND,
            page: self.page(),
            status: answer.status.as_u16(),
            failure,
        }
    }

    async fn read_items<R>(
        &mut self,
        cx: &TaskContext<R>,
        answer: &mut Answer,
    ) -> Result<(), SourceError> {
        let page = self.page();
        let mut items = Items::new(S::ITEMS, MAX_ITEM);
        let mut first: Option<Bytes> = None;
        loop {
            let chunk = match answer.chunk(self.options.max_page_bytes).await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                // The items that came whole, of this page and of those before it, are as good as
                // those of a page that ends there.
                Err(WebError::TooLarge { .. }) if self.progress.items + self.items > 0 => {
                    self.end = PageEnd::TooLarge;
                    return Ok(());
                }
                Err(WebError::TooLarge { limit }) => {
                    return Err(SourceError::Shape {
                        kind: S::KIND,
                        page,
                        place: "the answer".to_owned(),
                        error: format!(
                            "it has no item in its first {limit} bytes; raise options.max_page_bytes"
                        ),
                    });
                }
                Err(error) => return Err(SourceError::exchange(S::KIND, page, &error)),
            };
            let pushed = items.push(&chunk, &mut |item| self.take(item));
            let first = first.get_or_insert(chunk);
            match pushed {
                Ok(()) => {}
                Err(BadPage::Full) => {
                    self.end = PageEnd::Full;
                    return Ok(());
                }
                Err(bad) => {
                    let place = format!("item {}", self.items + 1);
                    return Err(self.bad_page(bad, place, first));
                }
            }
            cx.checkpoint();
        }
        let first = first.unwrap_or_default();
        let around = || "around the items".to_owned();
        let rest = items
            .finish()
            .map_err(|error| self.bad_page(BadPage::Split(error), around(), &first))?;
        let rest = serde_json::from_slice(&rest)
            .map_err(|error| self.bad_page(BadPage::Json(error), around(), &first))?;
        match self.query.next(&self.progress.page, rest, self.items) {
            Ok(Some(next)) => self.end = PageEnd::Next(next),
            Ok(None) => self.end = PageEnd::Last,
            Err(failure) => return Err(self.failure(answer, failure)),
        }
        Ok(())
    }

    fn take(&mut self, item: &[u8]) -> Result<(), BadPage> {
        let found = &mut self.progress.found;
        if found.is_full(self.options.max_records) {
            return Err(BadPage::Full);
        }
        let item = serde_json::from_slice(item).map_err(BadPage::Json)?;
        self.query.item(item, found);
        self.items += 1;
        Ok(())
    }

    fn bad_page(&self, bad: BadPage, place: String, first: &[u8]) -> SourceError {
        let (kind, page) = (S::KIND, self.page());
        let not_json = |error: String| SourceError::NotJson {
            kind,
            page,
            error,
            beginning: text::beginning(first, MAX_UNCUT),
        };
        match bad {
            // The text may quote the item.
            BadPage::Json(error) if error.is_data() => SourceError::Shape {
                kind,
                page,
                place,
                error: error.to_string(),
            },
            BadPage::Json(error) => not_json(format!("not JSON: {error}")),
            BadPage::Split(error @ (SplitError::Truncated | SplitError::Unbalanced)) => {
                not_json(error.to_string())
            }
            BadPage::Split(error) => SourceError::Shape {
                kind,
                page,
                place,
                error: error.to_string(),
            },
            // Met where pages are read.
            BadPage::Full => not_json("there is no room for more records".to_owned()),
        }
    }
}

fn build(
    request: PageRequest,
    service: &crate::web::Service,
    credential: Option<&Credential>,
) -> Result<hyper::Request<Full<Bytes>>, WebError> {
    let request = match credential {
        Some(credential) => credential.sign(request),
        None => request,
    };
    let target = service.target(request.target());
    let (method, body) = match request.body {
        Some(body) => (hyper::Method::POST, Bytes::from(body)),
        None => (hyper::Method::GET, Bytes::new()),
    };
    let mut builder = hyper::Request::builder()
        .method(&method)
        .uri(target)
        .header(ACCEPT, JSON);
    if method == hyper::Method::POST {
        builder = builder.header(CONTENT_TYPE, JSON);
    }
    if let Some((name, value)) = credential.and_then(Credential::header) {
        builder = builder.header(name, value);
    }
    // The error says what is wrong, and quotes nothing.
    let request = builder.body(Full::new(body));
    request.map_err(|error| WebError::Setup(format!("the request: {error}")))
}

/// Texts of the source may quote the key that was sent, and be long. The key goes first: half of it
/// would not be known again.
fn quotable(mut error: SourceError, credential: Option<&Credential>) -> SourceError {
    let fit = |text: &str, max| match credential {
        Some(credential) => text::cut(&credential.redact(text), max).to_owned(),
        None => text::cut(text, max).to_owned(),
    };
    match &mut error {
        SourceError::Failed {
            failure:
                Failure::Retry { message, .. }
                | Failure::RateLimited { message, .. }
                | Failure::Fatal { message },
            ..
        } => *message = fit(message, MAX_QUOTE),
        SourceError::NotJson {
            error, beginning, ..
        } => {
            *error = fit(error, MAX_QUOTE);
            *beginning = fit(beginning, 80);
        }
        SourceError::Shape { error, .. } => *error = fit(error, MAX_QUOTE),
        _ => {}
    }
    error
}

/// Bytes of a source's text that stand in an error.
const MAX_QUOTE: usize = 200;
/// The same, before the key is taken out of it: no key is that long.
const MAX_UNCUT: usize = 4096;

impl From<SplitError> for BadPage {
    fn from(error: SplitError) -> Self {
        Self::Split(error)
    }
}
