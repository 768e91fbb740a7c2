//! Rows on their way out of the database, column by column in the order of [`columns`].
//!
//! [`columns`]: super::columns

use std::sync::Arc;

use sqlx::postgres::{PgRow, Postgres};
use sqlx::types::Uuid;
use sqlx::{Decode, Row as _, Type};
use task_core::id::{CollectionId, ContainerId, TaskId};
use task_core::ledger::Coverage;
use task_core::policy::TaskOptions;
use task_core::ports::store::{
    Closed, CollectionRow, ContainerRow, Counters, OutboxRow, StoreError, Task, TaskHead,
    TaskStatus, Trouble,
};
use task_core::time::Timestamp;

use super::error::store_error;
use crate::codes::Code;
use crate::text::{corrupt, parse, parse_or_default, payload};

/// A row, read from left to right.
pub(super) struct Reader<'r> {
    row: &'r PgRow,
    next: usize,
}

impl<'r> Reader<'r> {
    pub(super) fn new(row: &'r PgRow) -> Self {
        Self { row, next: 0 }
    }

    pub(super) fn get<T: Decode<'r, Postgres> + Type<Postgres>>(
        &mut self,
    ) -> Result<T, StoreError> {
        let value = self.row.try_get(self.next).map_err(store_error)?;
        self.next += 1;
        Ok(value)
    }

    fn uuid(&mut self) -> Result<Uuid, StoreError> {
        self.get()
    }

    pub(super) fn int<T: TryFrom<i64>>(&mut self) -> Result<T, StoreError> {
        let value: i64 = self.get()?;
        T::try_from(value).map_err(|_| corrupt(format_args!("the number {value} is out of range")))
    }

    fn opt_int(&mut self) -> Result<Option<u64>, StoreError> {
        let value: Option<i64> = self.get()?;
        value
            .map(|value| {
                u64::try_from(value)
                    .map_err(|_| corrupt(format_args!("the number {value} is out of range")))
            })
            .transpose()
    }

    fn time(&mut self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.opt_int()?.map(Timestamp::from_millis))
    }

    fn code<T: Code>(&mut self) -> Result<T, StoreError> {
        let code: i16 = self.get()?;
        of_code(code)
    }

    fn opt_code<T: Code>(&mut self) -> Result<Option<T>, StoreError> {
        let code: Option<i16> = self.get()?;
        code.map(of_code).transpose()
    }

    fn text(&mut self) -> Result<Option<&'r str>, StoreError> {
        self.get()
    }

    pub(super) fn collection(&mut self) -> Result<CollectionRow, StoreError> {
        Ok(CollectionRow {
            id: CollectionId::from_uuid(self.uuid()?),
            name: self.get()?,
            state: self.code()?,
            cancelled: self.get()?,
            scope: self
                .text()?
                .map(|text| parse(text, "a scope"))
                .transpose()?,
            created_at: Timestamp::from_millis(self.int()?),
            deadline_at: self.time()?,
            finished_at: self.time()?,
        })
    }

    pub(super) fn container(&mut self) -> Result<ContainerRow, StoreError> {
        Ok(ContainerRow {
            id: ContainerId::from_uuid(self.uuid()?),
            collection: CollectionId::from_uuid(self.uuid()?),
            parent: self.get::<Option<Uuid>>()?.map(ContainerId::from_uuid),
            position: self.int()?,
            name: self.text()?.map(Arc::from),
            mode: self.code()?,
            arm: self.opt_code()?,
            generator: self.get::<Option<Uuid>>()?.map(TaskId::from_uuid),
            policy: parse_or_default(self.text()?, "a policy")?,
            max_in_flight: self.int()?,
            state: self.code()?,
            chosen: self.opt_code()?,
            cursor: self.int()?,
            expected: self.opt_int()?,
            children: Counters {
                created: self.int()?,
                waiting: self.int()?,
                running: self.int()?,
                succeeded: self.int()?,
                partial: self.int()?,
                failed: self.int()?,
                timeout: self.int()?,
                disabled: self.int()?,
            },
            targets: self.int()?,
            outcomes: parse_or_default::<Coverage>(self.text()?, "outcomes")?,
            usage: parse_or_default(self.text()?, "a usage")?,
            cut_off_at: self.time()?,
            started_at: self.time()?,
            finished_at: self.time()?,
        })
    }

    pub(super) fn outbox(&mut self) -> Result<OutboxRow, StoreError> {
        Ok(OutboxRow {
            task: TaskId::from_uuid(self.uuid()?),
            attempt: self.int()?,
            send_at: Timestamp::from_millis(self.int()?),
            batch: (TaskId::from_uuid(self.uuid()?), self.int()?),
        })
    }

    pub(super) fn trouble(&mut self) -> Result<Trouble, StoreError> {
        Ok(Trouble {
            task: TaskId::from_uuid(self.uuid()?),
            kind: self.get::<&str>()?.into(),
            state: self.code()?,
            attempts: self.int()?,
            error: self.get()?,
        })
    }

    /// What was closed in a container; the targets come as a text, for they may exceed an `i64`.
    pub(super) fn closed(&mut self) -> Result<Closed, StoreError> {
        let container = ContainerId::from_uuid(self.uuid()?);
        let (waiting, running) = (self.int()?, self.int()?);
        let targets: &str = self.get()?;
        Ok(Closed {
            container,
            waiting,
            running,
            targets: targets.parse().unwrap_or(u64::MAX),
        })
    }
}

fn of_code<T: Code>(code: i16) -> Result<T, StoreError> {
    T::of(u64::try_from(code).unwrap_or(u64::MAX))
}

/// What neighbouring rows nearly always have in common, decoded once.
#[derive(Default)]
pub(super) struct Shared {
    kind: Option<Arc<str>>,
    options: Option<(String, TaskOptions)>,
}

impl Shared {
    pub(super) fn heads(&mut self, rows: &[PgRow]) -> Result<Vec<TaskHead>, StoreError> {
        rows.iter()
            .map(|row| self.head(&mut Reader::new(row)))
            .collect()
    }

    pub(super) fn tasks(&mut self, rows: &[PgRow]) -> Result<Vec<Task>, StoreError> {
        rows.iter()
            .map(|row| {
                let mut reader = Reader::new(row);
                Ok(Task {
                    head: self.head(&mut reader)?,
                    name: reader.text()?.map(Arc::from),
                    version: reader.int()?,
                    payload: payload(reader.get()?)?,
                })
            })
            .collect()
    }

    fn head(&mut self, row: &mut Reader<'_>) -> Result<TaskHead, StoreError> {
        Ok(TaskHead {
            id: TaskId::from_uuid(row.uuid()?),
            collection: CollectionId::from_uuid(row.uuid()?),
            container: ContainerId::from_uuid(row.uuid()?),
            role: row.code()?,
            ordinal: row.int()?,
            kind: self.kind(row.get()?),
            route: row.code()?,
            targets: row.int()?,
            options: self.options(row.text()?)?,
            status: TaskStatus {
                state: row.code()?,
                attempt: row.int()?,
                failures: row.int()?,
                accounted: row.int()?,
                due_at: row.time()?,
                give_up_at: row.time()?,
                cursor: row.get::<Option<String>>()?.map(payload).transpose()?,
                error: row.get()?,
            },
        })
    }

    fn kind(&mut self, kind: &str) -> Arc<str> {
        match &self.kind {
            Some(last) if **last == *kind => Arc::clone(last),
            _ => Arc::clone(self.kind.insert(kind.into())),
        }
    }

    fn options(&mut self, text: Option<&str>) -> Result<TaskOptions, StoreError> {
        let Some(text) = text else {
            return Ok(TaskOptions::default());
        };
        match &self.options {
            Some((last, options)) if *last == text => Ok(*options),
            _ => {
                let options = parse(text, "options")?;
                self.options = Some((text.to_owned(), options));
                Ok(options)
            }
        }
    }
}
