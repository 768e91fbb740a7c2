//! Titles of pages, as they are written in the wild.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use proptest::prelude::*;
use sortie_scanners::http::page::title;

fn of(html: &str) -> Option<String> {
    title(html.as_bytes(), Some("text/html; charset=utf-8"))
}

#[test]
fn the_first_title_of_the_page_is_it() {
    for (html, expected) in [
        ("<title>a</title><title>b</title>", "a"),
        ("<!doctype html><HEAD><TITLE lang='de'\n>a</TITLE >", "a"),
        ("<!-- <title>no</title> --><title>a</title>", "a"),
        (
            "<script>x = '<title>no</title>'</script><title>a</title>",
            "a",
        ),
        ("<SVG><title>no</title></SVG><title>a</title>", "a"),
        ("<style>a</style\n><title>a<b>c</title>", "a<b>c"),
        ("<titles>no</titles><title>a", "a"),
        ("<title>Grüße &ndash; ä&#228;</title>", "Grüße – ää"),
    ] {
        assert_eq!(of(html).as_deref(), Some(expected), "{html}");
    }
}

#[test]
fn where_there_is_none_there_is_none() {
    for html in [
        "",
        "<",
        "<title",
        "<title>",
        "<title> \u{200b} </title>",
        "<!-- <title>no</title>",
        "<script><title>no</title>",
        "title>no</title>",
    ] {
        assert_eq!(of(html), None, "{html}");
    }
}

#[test]
fn only_html_has_a_title() {
    let page = b"<title>a</title>";
    assert_eq!(title(page, None).as_deref(), Some("a"));
    assert_eq!(
        title(page, Some("Application/XHTML+xml")).as_deref(),
        Some("a")
    );
    assert_eq!(title(page, Some("text/plain")), None);
    assert_eq!(title(b"see <title>a</title>", None), None);
}

#[test]
fn the_encoding_is_that_of_mark_header_or_page() {
    let latin = b"<title>M\xfcnchen</title>";
    let declared = b"<meta charset=\"ISO-8859-1\"><title>M\xfcnchen</title>";
    let utf16: Vec<u8> = "\u{feff}<title>München</title>"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let sjis = b"<title>\x93\x8c\x8b\x9e</title>";
    for (page, header, expected) in [
        (&latin[..], "text/html", "München"),
        (&latin[..], "text/html; charset=latin1", "München"),
        (&declared[..], "text/html", "München"),
        (&utf16[..], "text/html; charset=utf-8", "München"),
        (&sjis[..], "text/html; charset=\"Shift_JIS\"", "東京"),
    ] {
        assert_eq!(
            title(page, Some(header)).as_deref(),
            Some(expected),
            "{header}"
        );
    }
}

#[test]
fn a_title_is_bounded_and_cannot_steer_a_terminal() {
    let long = format!("<title>\x1b[2J\u{202e}{}</title>", "ü".repeat(100_000));
    let title = of(&long).unwrap();
    assert_eq!(title.chars().count(), 256);
    assert!(title.starts_with("[2Jüü"));
}

/// Each of these would take hours if every tag were followed to the end of the page.
#[test]
fn pages_made_to_be_slow_are_not() {
    for piece in [
        "<title",
        "<script ",
        "<script>",
        "<!--",
        "<svg></sv",
        "&#x",
        "<title/",
        "</",
    ] {
        of(&piece.repeat(2_000_000 / piece.len()));
    }
}

proptest! {
    #[test]
    fn no_page_breaks_it(
        page in prop::collection::vec(any::<u8>(), 0..200),
        header in prop::option::of("[ -~]{0,30}"),
    ) {
        title(&page, header.as_deref());
    }

    #[test]
    fn a_plain_title_is_found_in_any_surroundings(
        before in "[a-z ]{0,20}(<p>|<br/>|<meta x>){0,3}",
        text in "[A-Za-z0-9äöü]{1,40}",
        after in "[a-z<>/ ]{0,20}",
    ) {
        let html = format!("{before}<title>{text}</title>{after}");
        prop_assert_eq!(of(&html), Some(text));
    }
}
