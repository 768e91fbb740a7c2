//! The request: one GET, in one write.

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The `Host` header: the host, and the port when it is not the scheme's own
    /// (RFC 9110 §7.2).
    pub host: &'a str,
    /// Path and query, beginning with `/` (RFC 9112 §3.2.1).
    pub target: &'a str,
    /// The `Accept` header (RFC 9110 §12.5.1).
    pub accept: &'a str,
    /// The `User-Agent` header.
    pub user_agent: &'a str,
}

impl Request<'_> {
    /// The bytes of the request. Spaces and control characters in any part, which could smuggle
    /// a second header or request, are left out.
    ///
    /// ```
    /// use sortie_scanners::http::Request;
    ///
    /// let request = Request {
    ///     host: "example.com",
    ///     target: "/robots.txt",
    ///     accept: "text/plain",
    ///     user_agent: "x/1\r\n",
    /// };
    /// let text = String::from_utf8(request.to_bytes())?;
    /// assert!(text.starts_with("GET /robots.txt HTTP/1.1\r\nHost: example.com\r\n"));
    /// assert!(text.contains("User-Agent: x/1\r\n"));
    /// assert!(text.ends_with("\r\n\r\n"));
    /// # Ok::<(), std::string::FromUtf8Error>(())
    /// ```
    pub fn to_bytes(&self) -> Vec<u8> {
        let variable =
            self.host.len() + self.target.len() + self.accept.len() + self.user_agent.len();
        let mut bytes = Vec::with_capacity(variable + 128);
        bytes.extend_from_slice(b"GET ");
        extend_visible(&mut bytes, self.target, false);
        bytes.extend_from_slice(b" HTTP/1.1\r\nHost: ");
        extend_visible(&mut bytes, self.host, false);
        bytes.extend_from_slice(b"\r\nUser-Agent: ");
        extend_visible(&mut bytes, self.user_agent, true);
        bytes.extend_from_slice(b"\r\nAccept: ");
        extend_visible(&mut bytes, self.accept, true);
        bytes.extend_from_slice(b"\r\nAccept-Encoding: gzip, deflate\r\nConnection: close\r\n\r\n");
        bytes
    }
}

fn extend_visible(bytes: &mut Vec<u8>, part: &str, spaces: bool) {
    let kept = |byte: &u8| byte.is_ascii_graphic() || !byte.is_ascii() || (spaces && *byte == b' ');
    bytes.extend(part.bytes().filter(kept));
}
