//! The database of a program, and what else is secret.

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use stores::PostgresOptions;
use task_core::manager::FenceKey;
use transports::sqs::SdkConfig;

use super::{Settings, SettingsError, StartError};

const URL: &str = "SORTIE_POSTGRES_URL";
const SECRET: &str = "SORTIE_POSTGRES_SECRET";
const PROXY: &str = "SORTIE_POSTGRES_PROXY";
const FENCE_KEY: &str = "SORTIE_FENCE_KEY";
const FENCE_SECRET: &str = "SORTIE_FENCE_SECRET";

const LOGINS: &str = "SORTIE_LOGIN_SECRETS";

/// A secret of RDS, which makes and turns it by itself. It has more in it.
#[derive(Deserialize)]
struct Login {
    username: Option<String>,
    password: SecretString,
}

/// Where the database is, and as whom to go there.
pub(super) async fn options(
    settings: &Settings,
    aws: &SdkConfig,
) -> Result<PostgresOptions, StartError> {
    let url = settings.required(URL, "postgres://user@host:port/database")?;
    let options = PostgresOptions::parse(&url).map_err(SettingsError::Postgres)?;
    // A server on this machine is one of a lab or a test.
    let mut options = options.plain_on_loopback();
    match settings.get(PROXY).as_deref() {
        None | Some("false") => {}
        Some("true") => options = options.behind_a_proxy(),
        Some(value) => {
            return Err(SettingsError::Invalid {
                name: PROXY,
                value: value.to_owned(),
                allowed: "`true` or `false`",
            }
            .into());
        }
    }
    let Some(id) = settings.get(SECRET) else {
        return Ok(options);
    };
    let secret = secret(aws, SECRET, &id).await?;
    let text = secret.expose_secret();
    if !text.trim_start().starts_with('{') {
        return Ok(options.password(text));
    }
    // What serde says may repeat a part of it.
    let login: Login = serde_json::from_str(text).map_err(|_| SettingsError::Secret {
        name: SECRET,
        allowed: "a password, or JSON with a `password` and perhaps a `username`, as RDS makes it",
    })?;
    if let Some(username) = login.username {
        options = options.user(&username);
    }
    Ok(options.password(login.password.expose_secret()))
}

/// The users that are to be made: a role, and the secret with name and password.
pub(super) fn logins(settings: &Settings) -> Result<Vec<(String, String)>, SettingsError> {
    let value = settings.get(LOGINS).unwrap_or_default();
    let pairs = value.split(',').filter(|pair| !pair.trim().is_empty());
    let parsed: Option<Vec<_>> = pairs
        .map(|pair| {
            let (role, id) = pair.trim().split_once('=')?;
            ROLES
                .contains(&role)
                .then(|| (role.to_owned(), id.to_owned()))
        })
        .collect();
    parsed.ok_or(SettingsError::Invalid {
        name: LOGINS,
        value,
        allowed: "`role=secret` pairs with commas between; the roles are sortie_manager, sortie_internal and sortie_bare_metal",
    })
}

/// What [`stores::PostgresStore::create_roles`] makes.
const ROLES: [&str; 3] = ["sortie_manager", "sortie_internal", "sortie_bare_metal"];

/// Name and password of a user that is to be made.
pub(super) async fn login(aws: &SdkConfig, id: &str) -> Result<(String, SecretString), StartError> {
    let secret = secret(aws, LOGINS, id).await?;
    let login = serde_json::from_str(secret.expose_secret());
    match login {
        Ok(Login {
            username: Some(name),
            password,
        }) => Ok((name, password)),
        _ => Err(SettingsError::Secret {
            name: LOGINS,
            allowed: "JSON with a `username` and a `password`",
        }
        .into()),
    }
}

/// The key that all managers of a deployment share.
pub(super) async fn fence_key(
    settings: &Settings,
    aws: &SdkConfig,
) -> Result<FenceKey, StartError> {
    const ALLOWED: &str = "32 hexadecimal digits, such as `openssl rand -hex 16` makes";
    let (name, secret) = match settings.get(FENCE_SECRET) {
        Some(id) => (FENCE_SECRET, secret(aws, FENCE_SECRET, &id).await?),
        None => (FENCE_KEY, settings.required(FENCE_KEY, ALLOWED)?.into()),
    };
    let text = secret.expose_secret().trim();
    let key = u128::from_str_radix(text, 16)
        .ok()
        .filter(|_| text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit()));
    let allowed = ALLOWED;
    let key = key.ok_or(SettingsError::Secret { name, allowed })?;
    Ok(FenceKey::new(key.to_be_bytes()))
}

async fn secret(aws: &SdkConfig, name: &'static str, id: &str) -> Result<SecretString, StartError> {
    transports::aws::secret(aws, id)
        .await
        .map_err(|fault| StartError::Secret { name, fault })
}
