//! Tables and roles, before anything else runs.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use stores::{PostgresOptions, PostgresStore};
use task_core::Registry;
use transports::sqs::SdkConfig;

use super::program::{Program, Role};
use super::{Settings, StartError, database};

/// Makes the tables, or brings them up to date, and makes the roles of manager and workers. Needs
/// the owner of the database, which no other program does. Safe to repeat.
///
/// Makes users, too, if `SORTIE_LOGIN_SECRETS` says so: `role=secret`, separated by commas, with the
/// ARN or name of a secret such as RDS has them, `{"username": …, "password": …}`. The roles are
/// those of [`PostgresStore::create_roles`]. A user that is there gets the password of the secret.
///
/// As a function it does so when it is called, whatever the event; as a process at once.
pub fn migration() -> Program {
    Program::new(Role::Migration, Registry::new())
}

pub(super) async fn run(settings: &Settings, aws: &SdkConfig) -> Result<(), StartError> {
    let options = database::options(settings, aws).await?;
    let logins = database::logins(settings)?;
    if !settings.is_function() {
        return migrate(&options, aws, &logins).await;
    }
    let served = lambda_runtime::run(service_fn(|_: LambdaEvent<Value>| async {
        migrate(&options, aws, &logins).await?;
        Ok::<_, Error>(json!({ "migrated": true }))
    }));
    let served = served.await;
    served.map_err(|error| StartError::Lambda(error.to_string()))
}

async fn migrate(
    options: &PostgresOptions,
    aws: &SdkConfig,
    logins: &[(String, String)],
) -> Result<(), StartError> {
    PostgresStore::migrate(options).await?;
    PostgresStore::create_roles(options).await?;
    for (role, id) in logins {
        // Read each time, so that a password that was changed is, too.
        let (name, password) = database::login(aws, id).await?;
        PostgresStore::create_login(options, role, &name, password.expose_secret()).await?;
        tracing::info!(role, name, "may log in");
    }
    tracing::info!(database = %options, "tables and roles are up to date");
    Ok(())
}
