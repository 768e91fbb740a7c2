//! The suite of the object store port.
//!
//! Each function holds a store against one promise of [`Objects`], and panics with the promise if
//! it is broken. [`run_all`] runs them all, each against an empty store of its own.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::{join, join_all};

use crate::payload::{Claim, PayloadError};
use crate::ports::objects::{ObjectError, Objects};

/// Enough for every object of the suite.
const AMPLE: u64 = 64 << 20;

/// Runs every check, each against a fresh, empty store from `make`.
///
/// # Panics
///
/// If a promise is broken.
pub async fn run_all<F, Fut>(make: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Arc<dyn Objects>>,
{
    macro_rules! run {
        ($($check:ident),* $(,)?) => {$( $check(&*make().await).await; )*};
    }
    run![
        what_was_put_is_got,
        large_objects_are_whole,
        putting_again_replaces,
        a_missing_object_is_not_found,
        the_limit_of_get_is_kept,
        every_proper_key_is_taken,
        improper_keys_are_refused,
        delete_prefix_removes_whole_segments,
        deleting_nothing_is_fine,
        readers_see_all_or_nothing,
        claims_are_honoured,
    ];
}

/// `get` returns what was `put` under the same key, and an object may be empty.
pub async fn what_was_put_is_got(objects: &dyn Objects) {
    put(objects, "a/one", "1").await;
    put(objects, "a/two", "2").await;
    put(objects, "none", "").await;
    assert_eq!(
        get(objects, "a/one").await,
        "1",
        "`get` returns what was `put`"
    );
    assert_eq!(
        get(objects, "a/two").await,
        "2",
        "each key has its own object"
    );
    assert_eq!(get(objects, "none").await, "", "an object may be empty");
}

/// An object larger than any buffer comes back byte by byte.
pub async fn large_objects_are_whole(objects: &dyn Objects) {
    let large: Bytes = (0..5_000_000_u32).map(|n| (n % 251) as u8).collect();
    put(objects, "large", large.clone()).await;
    assert!(
        get(objects, "large").await == large,
        "`get` returns a large object whole"
    );
}

/// Putting a key again replaces its object, by a shorter one, too.
pub async fn putting_again_replaces(objects: &dyn Objects) {
    for body in ["first, and rather long", "second", "second"] {
        put(objects, "key", body).await;
        assert_eq!(
            get(objects, "key").await,
            body,
            "`put` of a key replaces its object"
        );
    }
}

/// `get` of a key that has no object is `NotFound`, with the key; so is that of a mere prefix.
pub async fn a_missing_object_is_not_found(objects: &dyn Objects) {
    put(objects, "a/b/c", "1").await;
    for missing in ["nope", "a/nope", "a/b/c/d", "a/b", "a"] {
        match objects.get(missing, AMPLE).await {
            Err(ObjectError::NotFound { key }) => {
                assert_eq!(key, missing, "`NotFound` tells the key");
            }
            other => panic!("`{missing}` was never `put`, so it is `NotFound`: {other:?}"),
        }
    }
}

/// `get` returns an object of just the limit, and refuses a larger one with `TooLarge`.
pub async fn the_limit_of_get_is_kept(objects: &dyn Objects) {
    put(objects, "ten", "0123456789").await;
    for limit in [10, 11, u64::MAX] {
        let got = objects.get("ten", limit).await;
        let got = got.unwrap_or_else(|e| panic!("10 bytes are within {limit}: {e}"));
        assert_eq!(got, "0123456789", "an object within the limit is whole");
    }
    for small in [0, 9] {
        match objects.get("ten", small).await {
            Err(ObjectError::TooLarge { key, len, limit }) => {
                assert_eq!(
                    (&key[..], len, limit),
                    ("ten", 10, small),
                    "`TooLarge` tells all"
                );
            }
            other => panic!("10 bytes are over a limit of {small}: {other:?}"),
        }
    }
    put(objects, "empty", "").await;
    let empty = objects.get("empty", 0).await;
    assert!(
        empty.is_ok_and(|e| e.is_empty()),
        "an empty object is within a limit of 0"
    );
}

/// Keys may have any letters, digits, `.`, `_` and `-`, and many segments.
pub async fn every_proper_key_is_taken(objects: &dyn Objects) {
    let keys = [
        "0",
        "AZaz09._-",
        ".hidden",
        "...",
        "a.",
        "-",
        "_/-/..a/b..",
        "a/b/c/d/e/f/g/h",
    ];
    for key in keys {
        put(objects, key, key).await;
    }
    for key in keys {
        assert_eq!(get(objects, key).await, key, "`{key}` is a key of its own");
    }
}

/// What is not a key is refused by every method, and touches nothing.
pub async fn improper_keys_are_refused(objects: &dyn Objects) {
    put(objects, "a/b", "kept").await;
    let keys = [
        "", "/", "/a", "a/", "a//b", ".", "..", "../x", "a/../b", "a/./b", "a/..", "a b", "a\\b",
        "a%2fb", "a\0b", "ä", "a#1", "a*", "~", "c:", "a\nb",
    ];
    for key in keys {
        let outcome = objects.put(key, Bytes::from_static(b"bad")).await;
        assert!(outcome.is_err(), "`put` refuses {key:?}, which is no key");
        let outcome = objects.get(key, AMPLE).await;
        assert!(
            outcome.is_err(),
            "`get` refuses {key:?}, which is no key: {outcome:?}"
        );
        let outcome = objects.delete_prefix(key).await;
        assert!(
            outcome.is_err(),
            "`delete_prefix` refuses {key:?}, which is no path"
        );
    }
    assert_eq!(
        get(objects, "a/b").await,
        "kept",
        "an improper key touches no object"
    );
}

/// `delete_prefix` removes the objects under a path, and none whose key merely begins alike.
pub async fn delete_prefix_removes_whole_segments(objects: &dyn Objects) {
    let (gone, kept) = (
        ["a/b/1", "a/b/2", "a/b/c/d/3"],
        ["a/bc", "a/b.x/1", "a/1", "b/a/b/1"],
    );
    for key in gone.into_iter().chain(kept) {
        put(objects, key, key).await;
    }
    delete(objects, "a/b").await;
    for key in gone {
        let got = objects.get(key, AMPLE).await;
        let missing = matches!(got, Err(ObjectError::NotFound { .. }));
        assert!(missing, "`delete_prefix` of `a/b` removes `{key}`: {got:?}");
    }
    for key in kept {
        assert_eq!(
            get(objects, key).await,
            key,
            "`delete_prefix` of `a/b` leaves `{key}`"
        );
    }
    delete(objects, "a/1").await;
    let got = objects.get("a/1", AMPLE).await;
    let missing = matches!(got, Err(ObjectError::NotFound { .. }));
    assert!(
        missing,
        "`delete_prefix` of a whole key removes its object: {got:?}"
    );
    put(objects, "a/b/1", "new").await;
    assert_eq!(
        get(objects, "a/b/1").await,
        "new",
        "a removed key can be put again"
    );

    let many = (0..1100).map(|n| format!("many/{n}"));
    join_all(many.map(async |key| put(objects, &key, "1").await)).await;
    delete(objects, "many").await;
    for n in [0, 999, 1000, 1099] {
        let got = objects.get(&format!("many/{n}"), AMPLE).await;
        assert!(
            got.is_err(),
            "`delete_prefix` removes every object, not a first page of them"
        );
    }
}

/// `delete_prefix` of a path under which nothing lies is fine, again and again.
pub async fn deleting_nothing_is_fine(objects: &dyn Objects) {
    delete(objects, "nothing/here").await;
    put(objects, "x/1", "1").await;
    delete(objects, "x/1/below").await;
    assert_eq!(
        get(objects, "x/1").await,
        "1",
        "deleting nothing deletes nothing"
    );
    delete(objects, "x").await;
    delete(objects, "x").await;
}

/// While an object is replaced over and over, a reader sees one version or another, whole.
pub async fn readers_see_all_or_nothing(objects: &dyn Objects) {
    let versions = [
        Bytes::from(vec![b'a'; 300_000]),
        Bytes::from(vec![b'b'; 200_000]),
    ];
    put(objects, "versioned", versions[0].clone()).await;
    let write = async {
        for n in 0..30 {
            put(objects, "versioned", versions[n % 2].clone()).await;
        }
    };
    let read = async {
        for _ in 0..60 {
            let got = get(objects, "versioned").await;
            assert!(
                versions.contains(&got),
                "a reader sees all of an object or none"
            );
        }
    };
    join(write, read).await;
}

/// A claim on an object is honoured until the object changes.
pub async fn claims_are_honoured(objects: &dyn Objects) {
    let stored = Claim::store("claims/1".into(), Bytes::from_static(b"{\"n\":1}"), objects).await;
    let claim = stored.unwrap_or_else(|e| panic!("`put` works: {e}"));
    let fetched = claim.fetch(objects).await;
    let fetched = fetched.unwrap_or_else(|e| panic!("a claim is honoured: {e}"));
    assert_eq!(fetched, "{\"n\":1}", "a claim returns what was stored");
    put(objects, "claims/1", "{\"n\":2}").await;
    let fetched = claim.fetch(objects).await;
    let tampered = matches!(fetched, Err(PayloadError::Tampered { .. }));
    assert!(
        tampered,
        "a claim on another object is not honoured: {fetched:?}"
    );
}

async fn put(objects: &dyn Objects, key: &str, bytes: impl Into<Bytes>) {
    let done = objects.put(key, bytes.into()).await;
    done.unwrap_or_else(|e| panic!("`put` under `{key}` works: {e}"));
}

async fn get(objects: &dyn Objects, key: &str) -> Bytes {
    let got = objects.get(key, AMPLE).await;
    got.unwrap_or_else(|e| panic!("`get` of `{key}` works: {e}"))
}

async fn delete(objects: &dyn Objects, prefix: &str) {
    let done = objects.delete_prefix(prefix).await;
    done.unwrap_or_else(|e| panic!("`delete_prefix` of `{prefix}` works: {e}"));
}
