//! The webhooks that a worker knows.

use std::collections::BTreeMap;
use std::fmt;

use ipnet::IpNet;
use secrecy::{ExposeSecret as _, SecretString};

use super::error::NotifyError;
use super::sign::SigningKey;
use crate::web::{LazyClient, Service};

/// The webhooks of a worker, a resource of the worker ([`Resources`](task_core::Resources)).
/// Those that are not set here, and all without one, come from the environment; see the
/// [module](super).
///
/// ```
/// use sortie_task_defs::control::notify::{Webhook, Webhooks};
///
/// let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// let hooks = Webhooks::new().with("ops", Webhook::new("https://hooks.example.com/T0/B1", secret));
/// let shown = format!("{hooks:?}");
/// assert!(shown.contains("ops") && !shown.contains("T0") && !shown.contains("whsec"));
/// ```
#[derive(Default)]
pub struct Webhooks {
    hooks: BTreeMap<String, Webhook>,
    pub(super) client: LazyClient,
}

/// Where a webhook is, and what its messages are signed with. The URL is kept like a secret: with
/// some receivers it is one.
#[derive(Clone)]
pub struct Webhook {
    url: SecretString,
    secret: Option<SecretString>,
    nets: Vec<IpNet>,
}

impl Webhooks {
    /// All from the environment.
    pub fn new() -> Self {
        Self::default()
    }

    /// With the webhook called `name`: 1 to 32 of `a` to `z`, `0` to `9` and `_`.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, hook: Webhook) -> Self {
        self.hooks.insert(name.into(), hook);
        self
    }

    /// Believes this authority, too: a certificate, DER.
    #[must_use]
    pub fn trust(mut self, der: impl Into<Vec<u8>>) -> Self {
        self.client.trust(der.into());
        self
    }

    /// The webhook of this name, ready to be used.
    pub(super) fn get(&self, name: &str) -> Result<(Service, SigningKey), NotifyError> {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
        if !(1..=32).contains(&name.len()) || !name.bytes().all(allowed) {
            return Err(NotifyError::Name {
                found: crate::web::text::cut(name, 64).to_owned(),
            });
        }
        let hook = match self.hooks.get(name) {
            Some(hook) => hook.clone(),
            None => Webhook::from_env(name)?,
        };
        let service =
            Service::new(hook.url.expose_secret().trim(), &hook.nets).map_err(|error| {
                NotifyError::Url {
                    name: name.to_owned(),
                    error,
                }
            })?;
        let key = hook.secret.as_ref().and_then(SigningKey::parse);
        let key = key.ok_or_else(|| NotifyError::Secret {
            name: name.to_owned(),
            env: variable(name, "SECRET"),
        })?;
        Ok((service, key))
    }
}

impl Webhook {
    /// At `url`: https, or http to a loopback address. `secret` is `whsec_` and 24 to 64 random
    /// bytes in base64. Both are checked when they are used.
    pub fn new(url: impl Into<SecretString>, secret: impl Into<SecretString>) -> Self {
        Self {
            url: url.into(),
            secret: Some(secret.into()),
            nets: Vec::new(),
        }
    }

    /// Lets its name lead to reserved addresses in `net`, for a receiver in a network of one's own.
    /// The net must lie inside the reserved range.
    #[must_use]
    pub fn allow_net(mut self, net: impl Into<IpNet>) -> Self {
        self.nets.push(net.into());
        self
    }

    fn from_env(name: &str) -> Result<Self, NotifyError> {
        let read = |what: &str| std::env::var(variable(name, what)).ok();
        let url = read("URL").ok_or_else(|| NotifyError::Unknown {
            name: name.to_owned(),
            env: variable(name, "URL"),
        })?;
        let nets = read("NETS").unwrap_or_default();
        let nets = nets.split(',').map(str::trim).filter(|net| !net.is_empty());
        let nets = nets.map(|net| {
            net.parse().map_err(|_| NotifyError::Nets {
                name: name.to_owned(),
                env: variable(name, "NETS"),
                found: net.to_owned(),
            })
        });
        Ok(Self {
            url: url.into(),
            secret: read("SECRET").map(SecretString::from),
            nets: nets.collect::<Result<_, _>>()?,
        })
    }
}

/// Only variables of this form can be reached by a name in a payload.
fn variable(name: &str, what: &str) -> String {
    format!("SORTIE_WEBHOOK_{}_{what}", name.to_ascii_uppercase())
}

impl fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.hooks.keys()).finish()
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").finish_non_exhaustive()
    }
}
