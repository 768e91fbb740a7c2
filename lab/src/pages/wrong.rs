//! Pages that are no robots.txt: HTML, binary data, prose, and the pages of other statuses.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::Page;

pub(super) const HTML_TYPE: &str = "Content-Type: text/html; charset=utf-8\r\n";

/// A home page, served where robots.txt should be.
pub(crate) static HTML: LazyLock<Page> = LazyLock::new(|| {
    let mut body = String::from(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\
         <title>Welcome</title></head>\n<body>\n<h1>Welcome</h1>\n",
    );
    for n in 1..=20 {
        body.push_str(&format!(
            "<p>Paragraph {n} of a page that is <em>not</em> rules.</p>\n"
        ));
    }
    body.push_str("</body>\n</html>\n");
    Page::ok(HTML_TYPE, body.as_bytes())
});

/// The bytes of a small picture, and every byte value once.
pub(crate) static BINARY: LazyLock<Page> = LazyLock::new(|| {
    let mut body = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0".to_vec();
    for _ in 0..4 {
        body.extend(0..=u8::MAX);
    }
    Page::ok("Content-Type: application/octet-stream\r\n", &body)
});

/// Prose: no line of it is a directive.
pub(crate) static NO_RULES: LazyLock<Page> = LazyLock::new(|| {
    let body = "Robots are welcome here.\nPlease be gentle with our small server\n\n# thank you\n";
    Page::ok("Content-Type: text/plain\r\n", body.as_bytes())
});

/// No bytes at all.
pub(crate) static EMPTY: LazyLock<Page> =
    LazyLock::new(|| Page::ok("Content-Type: text/plain\r\n", b""));

/// 404, for the paths that a site does not have.
pub(crate) static NOT_HERE: LazyLock<Page> = LazyLock::new(|| {
    Page::new(
        "404 Not Found",
        "Content-Type: text/plain\r\n",
        b"not here\n",
    )
});

/// The pages of the statuses that the plans name.
static STATUS_PAGES: LazyLock<BTreeMap<u16, Page>> = LazyLock::new(|| {
    let page = |status: u16, reason: &str, headers: &str| {
        let line = format!("{status} {reason}");
        let headers = format!("{HTML_TYPE}{headers}");
        let body = format!("<html><head><title>{line}</title></head><body>{line}</body></html>\n");
        // A 304 has no body, whatever it says about its length.
        let body = if status == 304 { "" } else { &body };
        (status, Page::new(&line, &headers, body.as_bytes()))
    };
    BTreeMap::from([
        page(304, "Not Modified", ""),
        page(400, "Bad Request", ""),
        page(
            401,
            "Unauthorized",
            "WWW-Authenticate: Basic realm=\"lab\"\r\n",
        ),
        page(403, "Forbidden", ""),
        page(404, "Not Found", ""),
        page(405, "Method Not Allowed", "Allow: POST\r\n"),
        page(410, "Gone", ""),
        page(418, "I'm a teapot", ""),
        page(421, "Misdirected Request", ""),
        page(429, "Too Many Requests", "Retry-After: 3600\r\n"),
        page(431, "Request Header Fields Too Large", ""),
        page(500, "Internal Server Error", ""),
        page(502, "Bad Gateway", ""),
        page(503, "Service Unavailable", "Retry-After: 120\r\n"),
        page(504, "Gateway Timeout", ""),
        page(520, "Web Server Returned an Unknown Error", ""),
        page(999, "Request denied", ""),
    ])
});

/// The page of a status; of one that nobody planned, the 404.
pub(crate) fn status_page(status: u16) -> &'static Page {
    STATUS_PAGES.get(&status).unwrap_or(&NOT_HERE)
}
