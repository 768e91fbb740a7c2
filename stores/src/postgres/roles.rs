//! Who may do what.

use task_core::ports::store::StoreError;

use super::error::store_error;
use super::{PostgresOptions, PostgresStore};

impl PostgresStore {
    /// The statements of [`create_roles`](Self::create_roles), for those who keep such things
    /// under their own control.
    pub const ROLES: &'static str = include_str!("../../roles/postgres.sql");

    /// Makes the roles `sortie_manager`, `sortie_internal` and `sortie_bare_metal`, and gives each
    /// the least rights with which it works; safe to call again, and to be called again after each
    /// [`migrate`](Self::migrate). They cannot log in: grant them to users.
    ///
    /// | | manager | Internal and bare-metal workers |
    /// |---|---|---|
    /// | collections, containers, tasks | read, insert, update | read names and places only |
    /// | inbox, outbox | read, insert, delete; what is left of a batch | – |
    /// | task data | read, insert, update | read, insert, update, delete |
    /// | values of collections | read | read, insert, update |
    /// | recon data | – | read, insert, update |
    ///
    /// The two kinds of workers have the same rights under two names, so that one of them can be
    /// shut out. An External worker has no role.
    ///
    /// # Errors
    ///
    /// [`StoreError::Backend`] if the server cannot be reached, or the user is not the owner of
    /// the schemas or may not create roles.
    pub async fn create_roles(options: &PostgresOptions) -> Result<(), StoreError> {
        let store = Self::lazily(options);
        // Without parameters, so all of it is one transaction.
        let done = sqlx::raw_sql(Self::ROLES).execute(&store.pool).await;
        store.pool.close().await;
        done.map_err(store_error)?;
        Ok(())
    }

    /// Makes the user `name`, who can log in with this password and has the rights of `role`: one
    /// of those that [`create_roles`](Self::create_roles) makes. One that is there gets this
    /// password, and this role beside those that it has.
    ///
    /// The server may log statements, this one with the password: `log_statement` is `none` unless
    /// somebody has changed it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Backend`] if the server cannot be reached, the user may not create roles, or
    /// there is no such role.
    pub async fn create_login(
        options: &PostgresOptions,
        role: &str,
        name: &str,
        password: &str,
    ) -> Result<(), StoreError> {
        // Such statements take no parameters; the server itself quotes what stands in them.
        const STATEMENTS: &str = "\
            SELECT format(CASE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = $1::text) \
                   THEN 'ALTER' ELSE 'CREATE' END || ' ROLE %1$I LOGIN PASSWORD %2$L; \
                   GRANT %3$I TO %1$I', $1::text, $2::text, $3::text)";
        let store = Self::lazily(options);
        let made = async {
            let statements: String = sqlx::query_scalar(STATEMENTS)
                .bind(name)
                .bind(password)
                .bind(role)
                .fetch_one(&store.pool)
                .await?;
            let statements = sqlx::AssertSqlSafe(statements);
            sqlx::raw_sql(statements).execute(&store.pool).await
        };
        let made = made.await;
        store.pool.close().await;
        made.map_err(store_error)?;
        Ok(())
    }
}
