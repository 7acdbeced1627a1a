//! Our database file: who may read it, how it is opened, when it is refused, and one way to run a
//! transaction in it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode};

use super::{log, table};
use crate::config::Durability;
use crate::error::{Code, RealtimeError, Result};
use crate::store::private::{Identity, create_private};

/// The schema written by this version, kept in the file's `user_version`. The snapshots of version 2 may be
/// compressed: a release that would have to skip them refuses the file instead.
pub(super) const SCHEMA_VERSION: i64 = 3;

/// Marks a file as ours, kept in its `application_id`: "CPRT" in ASCII.
pub(super) const APPLICATION_ID: i64 = 0x4350_5254;

/// What the write-ahead log may keep of its largest size once it has been written back, in bytes.
const WAL_BYTES_KEPT_MAX: i64 = 16 * 1024 * 1024;

/// Statements kept compiled; more than there are in the code.
const STATEMENTS_CACHED: usize = 32;

/// How the database file is used.
#[derive(Debug, Clone)]
pub struct SqliteSettings {
    /// What survives a power failure.
    pub durability: Durability,
    /// How long a call waits for a file that somebody else has locked, before it fails and is retried.
    pub busy_timeout: Duration,
}

impl Default for SqliteSettings {
    fn default() -> Self {
        Self { durability: Durability::Normal, busy_timeout: Duration::from_millis(100) }
    }
}

/// Why work inside the database did not succeed.
#[derive(Debug)]
pub(in crate::store) enum Problem {
    /// SQLite said so.
    Sqlite(rusqlite::Error),
    /// We said so.
    Refused(RealtimeError),
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<RealtimeError> for Problem {
    fn from(error: RealtimeError) -> Self {
        Self::Refused(error)
    }
}

/// A transaction that is rolled back unless it is committed. Unlike rusqlite's it has its statements compiled once: each
/// group of updates begins and ends with them.
struct OpenTransaction<'a>(&'a Connection);

impl<'a> OpenTransaction<'a> {
    fn begin(connection: &'a Connection) -> rusqlite::Result<Self> {
        // Immediate: a lock that somebody else holds is met here, not halfway through.
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        Ok(Self(connection))
    }

    fn commit(self) -> rusqlite::Result<()> {
        self.0.prepare_cached("COMMIT")?.execute([]).map(drop)
    }
}

impl Drop for OpenTransaction<'_> {
    fn drop(&mut self) {
        if !self.0.is_autocommit()
            && let Err(error) = self.0.execute_batch("ROLLBACK")
        {
            tracing::warn!(
                operation = "realtime:store:write",
                "a transaction cannot be rolled back: {error}"
            );
        }
    }
}

/// The open file.
#[derive(Debug)]
pub(in crate::store) struct Database {
    connection: Connection,
    path: PathBuf,
    /// The file that was there when it was opened.
    identity: Identity,
}

impl Database {
    pub(in crate::store) fn open(path: &Path, settings: &SqliteSettings) -> Result<Self> {
        create_private(path).map_err(|error| {
            RealtimeError::new(Code::StorageFailed, format!("cannot create {}: {error}", path.display()))
                .with("path", path.display().to_string())
                .caused_by(error)
        })?;
        let connection = Connection::open(path).map_err(|error| failed(path, "open", error.into()))?;
        let identity = Identity::of(path).map_err(|error| gone(path, "open", error))?;
        let database = Self { connection, path: path.to_owned(), identity };
        database.read("open", |connection| {
            connection.busy_timeout(settings.busy_timeout)?;
            // Until the file is known to be ours, not even its write-ahead log is written back.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
            Ok(())
        })?;
        let found_version = database.recognise()?;
        database.read("prepare", |connection| {
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
            connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
            if found_version.is_none() {
                connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
            }
            // In this mode readers such as a backup do not hold up the log.
            connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
            connection.pragma_update(
                None,
                "synchronous",
                match settings.durability {
                    Durability::Normal => "NORMAL",
                    Durability::Full => "FULL",
                },
            )?;
            // On macOS, what is only synced may still be in a cache of the drive. Elsewhere this changes nothing.
            connection.pragma_update(None, "fullfsync", settings.durability == Durability::Full)?;
            connection
                .query_row(&format!("PRAGMA journal_size_limit = {WAL_BYTES_KEPT_MAX}"), [], |_| Ok(()))?;
            Ok(())
        })?;
        let mut database = database;
        match found_version {
            None => database.create_schema()?,
            Some(SCHEMA_VERSION) => {}
            Some(found) => database.write("raise the schema version", |transaction| {
                if found < 2 {
                    transaction.execute_batch(log::FROM_VERSION_1)?;
                }
                transaction.execute_batch(log::FROM_VERSION_2)?;
                Ok(transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?)
            })?,
        }
        Ok(database)
    }

    /// The file's schema version, if it is not empty; refuses it if it is not ours or from the future.
    fn recognise(&self) -> Result<Option<i64>> {
        let (application, version, objects) = self.read("recognise", |connection| {
            let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
            let objects =
                connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get::<_, i64>(0));
            Ok((pragma("application_id")?, pragma("user_version")?, objects?))
        })?;
        if objects == 0 && application == 0 {
            return Ok(None);
        }
        let path = self.path.display();
        let message = if application != APPLICATION_ID {
            format!("{path} is a database of something else; the realtime module needs a file of its own")
        } else if version > SCHEMA_VERSION {
            format!(
                "{path} has schema version {version}, written by a newer release; this one reads up to version \
                 {SCHEMA_VERSION}. Install the newer release again, or move the file away to start without it"
            )
        } else {
            return Ok(Some(version));
        };
        let refusal = RealtimeError::new(Code::StorageFailed, message).with("path", path.to_string());
        Err(refusal.with("found_version", version).with("supported_version", SCHEMA_VERSION))
    }

    fn create_schema(&mut self) -> Result<()> {
        self.write("create the tables", |transaction| {
            transaction.execute_batch(table::SCHEMA)?;
            transaction.execute_batch(log::SCHEMA)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
            Ok(())
        })
    }

    /// Runs work that only reads; `doing` completes "cannot ...".
    pub(in crate::store) fn read<T>(
        &self,
        doing: &str,
        work: impl FnOnce(&Connection) -> Result<T, Problem>,
    ) -> Result<T> {
        work(&self.connection).map_err(|problem| failed(&self.path, doing, problem))
    }

    /// Runs work in a transaction of its own; whatever goes wrong, nothing of it stays.
    pub(in crate::store) fn write<T>(
        &mut self,
        doing: &str,
        work: impl FnOnce(&Connection) -> Result<T, Problem>,
    ) -> Result<T> {
        self.check_in_place(doing)?;
        let run = || -> Result<T, Problem> {
            let transaction = OpenTransaction::begin(&self.connection)?;
            let value = work(&self.connection)?;
            transaction.commit()?;
            Ok(value)
        };
        run().map_err(|problem| failed(&self.path, doing, problem))
    }

    /// A file that was deleted goes on taking what is written to it, and nobody will ever read that again.
    fn check_in_place(&self, doing: &str) -> Result<()> {
        match Identity::of(&self.path) {
            Ok(identity) if identity == self.identity => Ok(()),
            Ok(_) => Err(gone(&self.path, doing, io::Error::other("another file has taken its place"))),
            Err(error) => Err(gone(&self.path, doing, error)),
        }
    }

    /// Gives free pages back to the file system. It is no loss if it fails.
    pub(super) fn vacuum(&self, pages_max: u32) {
        let pragma = format!("PRAGMA incremental_vacuum({pages_max})");
        if let Err(error) = self.connection.execute_batch(&pragma) {
            tracing::debug!(operation = "realtime:store:vacuum", "free pages stay in the file: {error}");
        }
    }

    /// Keeps the file locked until this is dropped.
    #[cfg(test)]
    pub(in crate::store) fn lock_for_test(&self) {
        self.connection.execute_batch("BEGIN EXCLUSIVE").unwrap();
    }

    /// Flips bits of an update in the log, as a failing disk may.
    #[cfg(test)]
    pub(in crate::store) fn damage_update_for_test(&self, room: &crate::ids::RoomId, seq: u64) {
        let sql = "UPDATE realtime_updates SET update_data = CAST('?' || substr(update_data, 2) AS BLOB)
                   WHERE place = ?2 | (SELECT room_key << 36 FROM realtime_rooms WHERE room_id = ?1)";
        assert_eq!(self.connection.execute(sql, (room.as_str(), to_sql(seq))).unwrap(), 1);
    }

    #[cfg(test)]
    pub(super) const fn connection(&self) -> &Connection {
        &self.connection
    }
}

fn gone(path: &Path, doing: &str, error: io::Error) -> RealtimeError {
    let shown = path.display().to_string();
    let message = format!("cannot {doing} in {shown}: the file is not there any more: {error}");
    RealtimeError::new(Code::StorageFailed, message).with("path", shown).caused_by(error)
}

fn failed(path: &Path, doing: &str, problem: Problem) -> RealtimeError {
    let path = path.display();
    let error = match problem {
        Problem::Refused(error) => return error,
        Problem::Sqlite(error) => error,
    };
    let message = match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => {
            format!("{path} is not a database; move it away, or name another file")
        }
        _ => format!("cannot {doing} in {path}: {error}"),
    };
    RealtimeError::new(Code::StorageFailed, message).with("path", path.to_string()).caused_by(error)
}

/// Whether reading again would fail again: the bytes themselves are bad.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    match error.sqlite_error_code() {
        Some(code) => matches!(code, ErrorCode::DatabaseCorrupt | ErrorCode::TooBig),
        None => true,
    }
}

/// SQLite's integers have a sign. Our numbers count from 1 and never come near its end.
pub(super) fn to_sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The way back; a negative number was not written by us and counts as 0.
pub(super) fn from_sql(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
