//! Files and folders that only their owner can read: they hold what people write. And what makes their names stay, or
//! tells that they have not.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

/// Makes an empty file that only its owner can read, if there is none. SQLite gives the files beside
/// it the same mode, and syncs the folder that they are in.
pub(super) fn create_private(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        private_folder(folder)?;
    }
    let mut options = fs::OpenOptions::new();
    // A file that is there is not even opened: closing it again would take away the locks that a
    // connection of this process may hold on it.
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Which file a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    #[cfg(unix)]
    place: (u64, u64),
}

impl Identity {
    #[cfg(unix)]
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::MetadataExt;
        let found = fs::metadata(path)?;
        Ok(Self { place: (found.dev(), found.ino()) })
    }

    /// Elsewhere a file that is open cannot be deleted.
    #[cfg(not(unix))]
    pub(super) fn of(_: &Path) -> io::Result<Self> {
        Ok(Self {})
    }
}

/// Makes a folder that only its owner can enter, if there is none, and those above it. Then a loss of power takes
/// none of them away.
pub(super) fn private_folder(folder: &Path) -> io::Result<()> {
    if let Err(error) = make(folder) {
        match folder.parent() {
            Some(parent) if error.kind() == ErrorKind::NotFound => private_folder(parent)?,
            _ => return Err(error),
        }
        make(folder)?;
    }
    sync_names_beside(folder)
}

/// Makes one folder, if there is none.
fn make(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Err(_) if folder.is_dir() => Ok(()),
        made => made,
    }
}

/// Makes sure that a folder's own name survives a loss of power, also if it was made by a process that was killed
/// before it could.
fn sync_names_beside(folder: &Path) -> io::Result<()> {
    let beside = match folder.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return Ok(()),
    };
    match sync_folder(beside) {
        // Somebody else made the folder for us, in a place that we may not read.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(()),
        synced => synced,
    }
}

/// Makes sure that new names in a folder survive a loss of power.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    // Elsewhere a folder cannot be opened, and its entries are written through.
    if cfg!(unix) { fs::File::open(folder)?.sync_all() } else { Ok(()) }
}
