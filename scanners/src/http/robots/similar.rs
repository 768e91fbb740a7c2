//! Whether two pages are the same page in all but details.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

/// Bytes and words of a page that are looked at.
const MAX_BYTES: usize = 64 * 1024;
const MAX_WORDS: usize = 4096;

/// Whether more than half of the distinct words of both pages are common to them. A page that
/// quotes its own address or the time of day is similar to itself so; two articles in one frame
/// are not.
pub(super) fn similar(a: &[u8], b: &[u8]) -> bool {
    if a == b {
        return true;
    }
    let hasher = RandomState::new();
    let (a, b) = (words(a, &hasher), words(b, &hasher));
    let common = a.intersection(&b).count();
    let all = a.len() + b.len() - common;
    common * 2 > all
}

/// The hashes of the distinct words.
fn words(page: &[u8], hasher: &RandomState) -> HashSet<u64> {
    let page = &page[..page.len().min(MAX_BYTES)];
    page.split(|byte| !byte.is_ascii_alphanumeric() && byte.is_ascii())
        .filter(|word| !word.is_empty())
        .take(MAX_WORDS)
        .map(|word| hasher.hash_one(word))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::similar;

    #[test]
    fn a_page_that_quotes_its_address_is_similar_to_itself() {
        let page = |path: &str| {
            format!(
                "<html><title>Not found</title><p>Sorry, {path} does not exist here.</p></html>"
            )
        };
        assert!(similar(
            page("/robots.txt").as_bytes(),
            page("/x82hd.txt").as_bytes()
        ));
    }

    #[test]
    fn different_pages_are_not_similar() {
        assert!(!similar(
            b"<h1>Welcome to our shop</h1>",
            b"<p>404 nothing here, sorry</p>"
        ));
        assert!(!similar(b"", b"words"));
        assert!(similar(b"", b""));
    }
}
