//! Following redirects (RFC 9309 §2.3.1.2).

use url::Url;

use super::outcome::RobotsOutcome;
use super::target::End;

/// The way that a fetch has come.
pub(super) struct Trail {
    /// Every URL that was asked for, in order.
    visited: Vec<Url>,
    max_redirects: usize,
}

impl Trail {
    pub(super) fn new(start: Url, max_redirects: usize) -> Self {
        Self {
            visited: vec![start],
            max_redirects,
        }
    }

    /// The URL that is asked for now.
    pub(super) fn current(&self) -> &Url {
        // The start is always there.
        &self.visited[self.visited.len() - 1]
    }

    /// The URLs that redirected.
    pub(super) fn hops(&self) -> impl Iterator<Item = &Url> {
        self.visited.iter().take(self.visited.len() - 1)
    }

    /// Where `location` leads from the current URL.
    pub(super) fn follow(&mut self, location: &str) -> Result<&Url, End> {
        let next = join(self.current(), location)
            .map_err(|error| End::new(RobotsOutcome::BadRedirect, error.to_string()))?;
        if self.visited.contains(&next) {
            return Err(End::new(
                RobotsOutcome::RedirectLoop,
                format!("back to {next}"),
            ));
        }
        if self.visited.len() > self.max_redirects {
            return Err(End::new(
                RobotsOutcome::TooManyRedirects,
                format!("next was {next}"),
            ));
        }
        self.visited.push(next);
        Ok(self.current())
    }
}

/// `location` against `base`, without its fragment, which is never sent.
pub(super) fn join(base: &Url, location: &str) -> Result<Url, url::ParseError> {
    let mut url = base.join(location)?;
    url.set_fragment(None);
    Ok(url)
}
