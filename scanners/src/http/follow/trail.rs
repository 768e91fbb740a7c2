//! Following redirects (RFC 9309 §2.3.1.2).

use url::Url;

use super::stop::Stop;

/// The way that a fetch has come.
pub(in crate::http) struct Trail {
    /// Every URL that was asked for, in order.
    visited: Vec<Url>,
    max_redirects: usize,
}

impl Trail {
    pub(in crate::http) fn new(start: Url, max_redirects: usize) -> Self {
        Self {
            visited: vec![start],
            max_redirects,
        }
    }

    /// The URL that is asked for now.
    pub(in crate::http) fn current(&self) -> &Url {
        // The start is always there.
        &self.visited[self.visited.len() - 1]
    }

    /// The URLs that redirected.
    pub(in crate::http) fn hops(&self) -> impl Iterator<Item = &Url> {
        self.visited.iter().take(self.visited.len() - 1)
    }

    /// Whether nothing has redirected yet.
    pub(in crate::http) fn is_at_start(&self) -> bool {
        self.visited.len() == 1
    }

    /// Goes where `location` leads from the current URL.
    pub(in crate::http) fn follow(&mut self, location: &str) -> Result<(), Stop> {
        let next =
            join(self.current(), location).map_err(|error| Stop::bad_url(error.to_string()))?;
        if self.visited.contains(&next) {
            return Err(Stop::Loop(next));
        }
        if self.visited.len() > self.max_redirects {
            return Err(Stop::TooMany(next));
        }
        self.visited.push(next);
        Ok(())
    }
}

/// `location` against `base`, without its fragment, which is never sent.
pub(in crate::http) fn join(base: &Url, location: &str) -> Result<Url, url::ParseError> {
    let mut url = base.join(location)?;
    url.set_fragment(None);
    Ok(url)
}
