//! What a worker sets up once and lends to all its tasks: parsed scopes, resolvers, TLS.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use scanners::http::Tls;
use scanners::resolve::Resolver;
use task_core::{Resources, TaskError};

pub(crate) use crate::scope::scope;

/// How many of each a worker keeps; the oldest goes first.
const KEPT: usize = 4;

/// Resolvers by the server they ask.
#[derive(Default)]
struct Resolvers(Mutex<Vec<(Option<SocketAddr>, Resolver)>>);

/// TLS by whether it verifies.
#[derive(Default)]
struct TlsKinds(Mutex<Vec<(bool, Tls)>>);

/// The worker's resolver that asks `server`; the system's servers if it is `None`.
pub(crate) fn resolver(
    resources: &Resources,
    server: Option<SocketAddr>,
) -> Result<Resolver, TaskError> {
    let resolvers = resources.get_or_init(Resolvers::default);
    kept(&resolvers.0, server, |server| {
        // The worker's own configuration is at fault; another worker may do better.
        server
            .map_or_else(Resolver::system, Resolver::at)
            .map_err(TaskError::retry)
    })
}

/// The worker's TLS, which verifies certificates or only shows them.
pub(crate) fn tls(resources: &Resources, verify: bool) -> Result<Tls, TaskError> {
    let kinds = resources.get_or_init(TlsKinds::default);
    kept(&kinds.0, verify, |verify| {
        let tls = if verify {
            Tls::verifying()
        } else {
            Tls::observing()
        };
        tls.map_err(TaskError::fatal)
    })
}

/// The value kept under `key`, or a new one.
fn kept<K: PartialEq + Copy, V: Clone>(
    cache: &Mutex<Vec<(K, V)>>,
    key: K,
    make: impl FnOnce(K) -> Result<V, TaskError>,
) -> Result<V, TaskError> {
    // Whole between any two statements, so a panic elsewhere does not matter.
    let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, value)) = cache.iter().find(|(of, _)| *of == key) {
        return Ok(value.clone());
    }
    let value = make(key)?;
    if cache.len() >= KEPT {
        cache.remove(0);
    }
    cache.push((key, value.clone()));
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_first() {
        let cache = Mutex::default();
        for key in [1, 2, 3, 4, 1, 5] {
            assert_eq!(kept(&cache, key, |key| Ok(key * 10)).unwrap(), key * 10);
        }
        let mut made = false;
        let make = |key| {
            made = true;
            Ok(key)
        };
        assert_eq!(kept(&cache, 2, make).unwrap(), 20);
        assert!(!made);
        assert_eq!(kept(&cache, 1, |_| Ok(11)).unwrap(), 11);
    }

    #[test]
    fn a_failure_is_not_kept() {
        let cache = Mutex::default();
        assert!(kept(&cache, 1, |_| Err::<u8, _>(TaskError::retry("no"))).is_err());
        assert_eq!(kept(&cache, 1, |_| Ok(7)).unwrap(), 7);
    }
}
