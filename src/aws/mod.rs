//! The programs of a deployment on AWS: manager, workers, and the client that submits to them.
//!
//! Each is a binary of two lines, with your own definitions or the stock ones:
//!
//! ```no_run
//! use sortie::prelude::*;
//! # #[derive(Serialize, Deserialize)]
//! # struct Shout { text: String }
//! # impl TaskDefinition for Shout {
//! #     const KIND: &'static str = "example.shout";
//! #     type Requires = needs![];
//! #     type Output = String;
//! #     async fn run(self, _: TaskContext<Self::Requires>) -> Result<String, TaskError> {
//! #         Ok(self.text.to_uppercase())
//! #     }
//! # }
//!
//! fn main() -> std::process::ExitCode {
//!     sortie::aws::external(registry![External: Shout]).main()
//! }
//! ```
//!
//! When Lambda starts it, it is a function that SQS calls; else it is a process that polls the
//! same queues, until SIGTERM. The folder `functions/` of the repository has one package for each,
//! so that what one links another need not: build them one at a time, because cargo gives all that
//! it builds at once the features of each. `external` needs the feature `aws`, and the others
//! `aws-postgres`, which brings the database.
//!
//! # Variables
//!
//! | variable | who | what |
//! |---|---|---|
//! | `SORTIE_SQS_PREFIX` | all | names the queues: see [`SqsConfig::from_env`]. A worker uses its own and the manager's only |
//! | `SORTIE_SQS_MANAGER`, `…_EXTERNAL`, `…_INTERNAL`, `…_BARE_METAL` | all | name or URL of a single one; wins over the prefix |
//! | `SORTIE_BUCKET` | all | the bucket of large payloads |
//! | `SORTIE_BUCKET_FOLDER` | all, optional | a path in it |
//! | `SORTIE_POSTGRES_URL` | all but External | `postgres://user@host:port/database?sslrootcert=…`; the server is verified unless it is on this machine |
//! | `SORTIE_POSTGRES_SECRET` | the same, optional | ARN or name in Secrets Manager: the password, or JSON with `password` and perhaps `username`, as RDS makes it |
//! | `SORTIE_POSTGRES_PROXY` | the same, optional | `true` if the URL is that of RDS Proxy |
//! | `SORTIE_FENCE_KEY` or `SORTIE_FENCE_SECRET` | manager | 32 hexadecimal digits, the same for all managers; or ARN or name of the secret with them |
//! | `SORTIE_EXTERNAL_SENDER` | manager, optional | the unique id of the role of the External workers, `AROA…`: what it sends may neither submit nor cancel. Works where SQS calls the manager as a function |
//! | `SORTIE_INVOKE_EXTERNAL` | manager, optional | name or ARN of a function that gets External tasks directly, without a queue (feature `aws-invoke`) |
//! | `SORTIE_CONCURRENCY` | processes, optional | tasks at once, 4 |
//! | `WORKER_IDLE_TIMEOUT` | bare metal, optional | ends after so many seconds without a task, 300 |
//! | `SORTIE_LOG` | all, optional | what is logged: `info`, or some such as `warn,sortie_task_core=debug` |
//!
//! and those of every tool of AWS: see [`transports::aws::load`]. A secret is read once, when the
//! program starts; after it was changed, start the program anew.
//!
//! # What is not done twice
//!
//! A function sets up all that lasts (credentials, connections, the attributes of the queues, what
//! [`Program::resource`] was given) before its first event. What is wrong with the environment is
//! said then, by the name of the variable, and never with the value of a secret.
//!
//! [`SqsConfig::from_env`]: transports::sqs::SqsConfig::from_env

#[cfg(feature = "aws-postgres")]
mod client;
#[cfg(feature = "aws-postgres")]
mod database;
mod error;
mod log;
#[cfg(feature = "aws-postgres")]
mod manager;
#[cfg(feature = "aws-postgres")]
mod migration;
mod process;
mod program;
mod settings;
mod worker;

#[cfg(feature = "aws-postgres")]
pub use client::client;
pub use error::{SettingsError, StartError};
#[cfg(feature = "aws-postgres")]
pub use manager::manager;
#[cfg(feature = "aws-postgres")]
pub use migration::migration;
pub use program::Program;
pub use settings::Settings;
pub use worker::external;
#[cfg(feature = "aws-postgres")]
pub use worker::{bare_metal, internal};
