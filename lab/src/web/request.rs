//! Requests: the four things of them that matter here.

/// The request at the beginning of a buffer.
pub(crate) struct Request<'a> {
    pub(crate) is_get: bool,
    /// Without the query.
    pub(crate) path: &'a str,
    /// Empty if there is none.
    pub(crate) query: &'a str,
    /// Without the port; empty if there is none.
    pub(crate) host: &'a str,
    /// Whether the client wants another answer on this connection.
    pub(crate) keep_alive: bool,
    /// The bytes of the buffer it takes up.
    pub(crate) len: usize,
}

/// The first request in `bytes`; none if it is not complete yet.
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Request<'_>>, httparse::Error> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut raw = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(len) = raw.parse(bytes)? else {
        return Ok(None);
    };
    let target = raw.path.unwrap_or("/");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut request = Request {
        is_get: raw.method == Some("GET"),
        path,
        query,
        host: "",
        keep_alive: raw.version == Some(1),
        len,
    };
    for header in raw.headers.iter() {
        let value = std::str::from_utf8(header.value).unwrap_or("").trim();
        if header.name.eq_ignore_ascii_case("host") {
            request.host = value.split(':').next().unwrap_or(value);
        } else if header.name.eq_ignore_ascii_case("connection") {
            request.keep_alive = !value.eq_ignore_ascii_case("close");
        }
    }
    Ok(Some(request))
}
