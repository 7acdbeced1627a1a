//! One engine for each database. Two would give different updates the same number, and a snapshot of one would take
//! from the log what only the other has seen.

use std::collections::HashSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use super::private::private_folder;
use super::{Attempt, Backend, Entry, Expired, NewSnapshot, SavedSnapshot, StoredRoom};
use crate::error::{Code, RealtimeError, Result};
use crate::ids::RoomId;

/// Held while a database is open. It is a lock on a file of its own, since SQLite has locks on the others; the system
/// takes it back from a process that ends, however it does.
#[derive(Debug)]
pub struct Exclusive {
    _file: File,
}

impl Exclusive {
    /// Fails if another engine has it, in this process or in another. Makes its folder, if that is not there.
    pub fn take(database: &Path) -> Result<Self> {
        let failed = |problem: String| {
            RealtimeError::new(Code::StorageFailed, format!("cannot open {}: {problem}", database.display()))
                .with("path", database.display().to_string())
        };
        if let Some(folder) = database.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            private_folder(folder)
                .map_err(|error| failed(format!("{}: {error}", folder.display())).caused_by(error))?;
        }
        let mut path = database.as_os_str().to_owned();
        path.push("-lock");
        let mut options = OpenOptions::new();
        options.create(true).write(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options
            .open(&path)
            .map_err(|error| failed(format!("{}: {error}", Path::new(&path).display())).caused_by(error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let problem = "another engine has it open, in this process or in another; each needs a \
                               `storage.file` of its own";
                return Err(failed(problem.to_owned()));
            }
            // Some file systems have no locks; an engine that is alone there does no harm.
            Err(TryLockError::Error(error)) => tracing::warn!(
                operation = "realtime:store:open",
                "whether another engine has {} open cannot be seen: {error}",
                database.display()
            ),
        }
        Ok(Self { _file: file })
    }

    /// The backend that opens the database; when it is closed, the next engine may.
    pub fn around(self, backend: impl Backend) -> Box<dyn Backend> {
        Box::new(Alone { backend, _exclusive: self })
    }
}

struct Alone<B> {
    backend: B,
    // Behind it, so that it is given back last.
    _exclusive: Exclusive,
}

impl<B: Backend> Backend for Alone<B> {
    fn load(&mut self, room: &RoomId) -> Result<StoredRoom> {
        self.backend.load(room)
    }

    fn commit(&mut self, batch: &[Entry]) -> Result<()> {
        self.backend.commit(batch)
    }

    fn save_snapshot(&mut self, snapshot: &NewSnapshot) -> Result<SavedSnapshot> {
        self.backend.save_snapshot(snapshot)
    }

    fn attempt(&mut self, room: &RoomId, attempt: &Attempt) -> Result<()> {
        self.backend.attempt(room, attempt)
    }

    fn sweep(&mut self, active: &HashSet<RoomId>, now_ms: i64, older_than_ms: i64) -> Result<Vec<Expired>> {
        self.backend.sweep(active, now_ms, older_than_ms)
    }
}
