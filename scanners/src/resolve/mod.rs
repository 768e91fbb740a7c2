//! Names to addresses, and only to addresses that the scope admits.
//!
//! A [`Resolver`] asks the system's servers or one given server, over UDP and, for answers that
//! do not fit, TCP. It takes admitted names only and asks the scope about every address of the
//! answer, so whoever runs the DNS of a name in scope cannot point the scanner at the machine's
//! own network. Both are asked once for each lookup: what comes out are the addresses themselves,
//! admitted, and connecting to them looks up nothing again.
//!
//! [`Resolver::resolve`] is for who goes on to connect; [`Resolver::lookup`] is for who wants to
//! know what the DNS says, and makes a [`DnsRecord`] of it: which addresses of which
//! [version of IP](AddressFamily), by which aliases, and how it ended if there are none. A name that
//! is an alias of one that does not exist is told from one that does not exist itself
//! ([`DnsOutcome::Dangling`]).

mod answer;
mod error;
mod fixed;
mod options;
mod record;
mod server;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

pub use error::ResolveError;
pub use options::{AddressFamily, ResolverOptions};
pub use record::{DnsOutcome, DnsRecord};

use crate::scope::{InScope, Name, OutOfScope, Scope};

use answer::Answer;
use fixed::Fixed;
use server::Server;

/// Looks up the addresses of names. Cloning is cheap; hundreds of lookups may run at once.
#[derive(Clone)]
pub struct Resolver {
    source: Source,
    max_addresses: usize,
    family: AddressFamily,
}

#[derive(Clone)]
enum Source {
    Server(Arc<Server>),
    Fixed(Arc<Fixed>),
}

/// What a lookup found: at least one admitted address.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answers {
    /// The admitted addresses, in the order of the answer, without duplicates.
    pub addrs: Vec<InScope<IpAddr>>,
    /// How many addresses the scope refused.
    pub refused: usize,
    /// Whether the answer had more addresses than [`ResolverOptions::max_addresses`]; the others
    /// were not looked at.
    pub cut: bool,
}

impl Resolver {
    /// A resolver over the servers, and the hosts file, that the system is configured with.
    ///
    /// # Errors
    ///
    /// [`ResolveError::Config`] when the system's configuration cannot be read.
    pub fn system() -> Result<Self, ResolveError> {
        Self::system_with(&ResolverOptions::default())
    }

    /// As [`Resolver::system`], with other limits.
    ///
    /// # Errors
    ///
    /// As for [`Resolver::system`].
    pub fn system_with(options: &ResolverOptions) -> Result<Self, ResolveError> {
        Ok(Self::over(
            Source::Server(Arc::new(Server::system(options)?)),
            options,
        ))
    }

    /// A resolver that asks the server at `addr` over UDP and TCP, and nothing else: no hosts
    /// file, no search list.
    ///
    /// # Errors
    ///
    /// [`ResolveError::Config`] when the client cannot be set up.
    pub fn at(addr: SocketAddr) -> Result<Self, ResolveError> {
        Self::at_with(addr, &ResolverOptions::default())
    }

    /// As [`Resolver::at`], with other limits.
    ///
    /// # Errors
    ///
    /// As for [`Resolver::at`].
    pub fn at_with(addr: SocketAddr, options: &ResolverOptions) -> Result<Self, ResolveError> {
        Ok(Self::over(
            Source::Server(Arc::new(Server::at(addr, options)?)),
            options,
        ))
    }

    /// A resolver that answers from `table`, for names resolved elsewhere. Other names do not
    /// exist.
    pub fn fixed(table: impl IntoIterator<Item = (Name, Vec<IpAddr>)>) -> Self {
        let source = Source::Fixed(Arc::new(Fixed::new(table)));
        Self::over(source, &ResolverOptions::default())
    }

    /// The same resolver, asking for these addresses. Cheap: the servers, and the connections to
    /// them, are shared.
    #[must_use]
    pub fn with_family(&self, family: AddressFamily) -> Self {
        Self {
            family,
            ..self.clone()
        }
    }

    /// Looks up the addresses of `name` and asks `scope` about each.
    ///
    /// # Errors
    ///
    /// [`ResolveError`] tells a name without addresses, a failing server and a silent one apart;
    /// [`ResolveError::OutOfScope`] means that the scope refused every address.
    pub async fn resolve(
        &self,
        scope: &Scope,
        name: &InScope<Name>,
    ) -> Result<Answers, ResolveError> {
        let answer = self.find(name.get()).await?;
        self.admit(scope, name, &answer.addrs)
    }

    /// Looks up the addresses of `name`, asks `scope` about each, and says what came of it. It
    /// never fails: whatever happens is in the record.
    ///
    /// ```
    /// # use sortie_scanners::{resolve::{DnsOutcome, Resolver}, scope::{Name, Scope}};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let scope = Scope::builder().allow_domain("example.com").build()?;
    /// let addresses = vec!["93.184.216.34".parse()?, "10.0.0.1".parse()?];
    /// let resolver = Resolver::fixed([(Name::parse("www.example.com")?, addresses)]);
    ///
    /// let found = resolver.lookup(&scope, &scope.admit_name("www.example.com")?).await;
    /// assert_eq!(found.outcome, DnsOutcome::Found);
    /// // The scope admits no private address, whoever runs the DNS of the name.
    /// assert_eq!((found.addresses.len(), found.refused), (1, 1));
    /// let none = resolver.lookup(&scope, &scope.admit_name("api.example.com")?).await;
    /// assert_eq!(none.outcome, DnsOutcome::NoSuchName);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn lookup(&self, scope: &Scope, name: &InScope<Name>) -> DnsRecord {
        let start = Instant::now();
        let mut record = DnsRecord::new(name.get());
        let addrs = match self.find(name.get()).await {
            Ok(answer) => {
                record.aliases = answer.aliases;
                record.partial = answer.unheard.is_some();
                record.detail = answer.unheard;
                match answer.lack {
                    _ if !answer.addrs.is_empty() => self.admit(scope, name, &answer.addrs),
                    lack => {
                        record.lacks(lack);
                        return record.took(start);
                    }
                }
            }
            Err(error) => Err(error),
        };
        match addrs {
            Ok(answers) => {
                record.outcome = DnsOutcome::Found;
                record.addresses = answers.addrs.iter().map(|addr| *addr.get()).collect();
                record.refused = answers.refused as u64;
                record.cut = answers.cut;
            }
            Err(error) => {
                record.outcome = DnsOutcome::from(&error);
                if let ResolveError::OutOfScope { refused, .. } = error {
                    record.refused = refused as u64;
                }
                if !matches!(error, ResolveError::Timeout) {
                    record.detail = Some(error.to_string());
                }
            }
        }
        record.took(start)
    }

    async fn find(&self, name: &Name) -> Result<Answer, ResolveError> {
        match &self.source {
            Source::Server(server) => server.lookup(name, self.family).await,
            Source::Fixed(fixed) => Ok(fixed.lookup(name, self.family)),
        }
    }

    fn over(source: Source, options: &ResolverOptions) -> Self {
        Self {
            source,
            max_addresses: options.max_addresses.max(1),
            family: options.family,
        }
    }

    fn admit(
        &self,
        scope: &Scope,
        name: &InScope<Name>,
        found: &[IpAddr],
    ) -> Result<Answers, ResolveError> {
        let looked_at = &found[..found.len().min(self.max_addresses)];
        let mut answers = Answers {
            addrs: Vec::new(),
            refused: 0,
            cut: looked_at.len() < found.len(),
        };
        let mut refusal: Option<OutOfScope> = None;
        for addr in looked_at {
            match scope.admit_addr(name, *addr) {
                Ok(addr) if answers.addrs.contains(&addr) => {}
                Ok(addr) => answers.addrs.push(addr),
                Err(refused) => {
                    answers.refused += 1;
                    refusal = Some(refused);
                }
            }
        }
        match refusal {
            _ if !answers.addrs.is_empty() => Ok(answers),
            Some(last) => Err(ResolveError::OutOfScope {
                refused: answers.refused,
                last,
            }),
            None => Err(ResolveError::NoSuchName),
        }
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = match &self.source {
            Source::Server(_) => "server",
            Source::Fixed(_) => "fixed",
        };
        f.debug_struct("Resolver")
            .field("source", &source)
            .finish_non_exhaustive()
    }
}
