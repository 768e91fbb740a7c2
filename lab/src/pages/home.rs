//! Home pages: what sites serve beside robots.txt, for scanners of pages.

use super::Page;

/// The title of the home page of `host`, for the sites that have one: a scanner that mixes up two
/// answers is found out by it.
///
/// ```
/// assert_eq!(sortie_lab::home_title("www.example.com"), "Welcome to www.example.com");
/// ```
pub fn home_title(host: &str) -> String {
    // What a client sends as its host stands in a page.
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    format!(
        "Welcome to {}",
        host.chars().filter(plain).collect::<String>()
    )
}

/// The home page of `host`, head and body.
pub(crate) fn home(host: &str) -> Vec<u8> {
    let title = home_title(host);
    let body = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\
         <title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n</body>\n</html>\n"
    );
    Page::ok(super::wrong::HTML_TYPE, body.as_bytes()).answer
}
