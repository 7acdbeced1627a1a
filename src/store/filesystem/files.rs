//! The folder of snapshots: how its files are written, found, read and deleted.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::names::safe_name;
use crate::error::{Code, RealtimeError, Result};
use crate::ids::RoomId;
use crate::store::private::{private_folder, sync_folder};
use crate::store::snapshot::Header;

const DATA: &str = "snapshot";
const META: &str = "meta.json";
const TEMPORARY: &str = "tmp";

/// A snapshot that is there, whether it is any good or not.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) header: Header,
    /// It is a row of the database, not a file.
    pub(super) in_database: bool,
    /// What is known about it cannot be read, so neither can it.
    pub(super) problem: Option<String>,
}

impl Found {
    pub(super) const fn row(header: Header) -> Self {
        Self { header, in_database: true, problem: None }
    }
}

/// What is written beside a snapshot's bytes.
#[derive(Debug, Serialize, Deserialize)]
struct Meta {
    id: String,
    room_id: String,
    version: u64,
    integrity_hash: String,
    format_version: u64,
    byte_size: u64,
    created_at: i64,
}

impl Meta {
    fn into_header(self) -> Header {
        Header {
            id: self.id,
            version: self.version,
            integrity_hash: self.integrity_hash,
            format_version: self.format_version,
            byte_size: self.byte_size,
            created_at_ms: self.created_at,
        }
    }
}

/// The folder of snapshots, one folder in it per room.
#[derive(Debug)]
pub(super) struct SnapshotFolder {
    root: PathBuf,
}

impl SnapshotFolder {
    /// Makes the folder if it is not there, and clears away what interrupted writes left.
    pub(super) fn open(root: &Path) -> Result<Self> {
        private_folder(root).map_err(|error| failed(root, "create", error))?;
        for folder in entries(root)? {
            if folder.is_dir() {
                clear_left_overs(&folder)?;
            }
        }
        Ok(Self { root: root.to_owned() })
    }

    /// Stores a snapshot; when this returns, it survives a power failure.
    pub(super) fn write(&self, room: &RoomId, header: &Header, packed: &[u8]) -> Result<()> {
        let folder = self.folder(room);
        private_folder(&folder).map_err(|error| failed(&folder, "create", error))?;
        let meta = Meta {
            id: header.id.clone(),
            room_id: room.to_string(),
            version: header.version,
            integrity_hash: header.integrity_hash.clone(),
            format_version: header.format_version,
            byte_size: header.byte_size,
            created_at: header.created_at_ms,
        };
        let meta = serde_json::to_vec_pretty(&meta).map_err(|error| {
            RealtimeError::new(Code::Internal, "cannot describe a snapshot").caused_by(error)
        })?;
        let files = [(DATA, packed), (META, &meta[..])]
            .map(|(extension, bytes)| (self.path(room, header, extension), bytes));
        let placed =
            place(&files).and_then(|()| sync_folder(&folder).map_err(|error| failed(&folder, "sync", error)));
        if placed.is_err() {
            // On a full disk they are in the way of everything else.
            for (path, _) in &files {
                let _ = fs::remove_file(temporary(path));
            }
        }
        placed
    }

    /// A room's snapshots, in no order.
    pub(super) fn list(&self, room: &RoomId) -> Result<Vec<Found>> {
        let folder = self.folder(room);
        let mut list = Vec::new();
        for path in entries(&folder)? {
            let Some((version, created_at_ms)) = stamp(&path, META) else { continue };
            let meta = match fs::read(&path) {
                Ok(bytes) => serde_json::from_slice::<Meta>(&bytes).map_err(|error| error.to_string()),
                Err(error) => return Err(failed(&path, "read", error)),
            };
            let meta = meta.and_then(|meta| {
                let is_its_own = meta.room_id == room.as_str()
                    && meta.version == version
                    && meta.created_at == created_at_ms;
                if is_its_own { Ok(meta) } else { Err("it describes another snapshot".to_owned()) }
            });
            let (header, problem) = match meta {
                Ok(meta) => (meta.into_header(), None),
                Err(problem) => {
                    let header = Header {
                        id: path.display().to_string(),
                        version,
                        integrity_hash: String::new(),
                        format_version: 0,
                        byte_size: 0,
                        created_at_ms,
                    };
                    (header, Some(format!("{}: {problem}", path.display())))
                }
            };
            list.push(Found { header, in_database: false, problem });
        }
        Ok(list)
    }

    /// The bytes of a snapshot, or why they can never be read.
    pub(super) fn read(&self, room: &RoomId, header: &Header) -> Result<Result<Bytes, String>> {
        let path = self.path(room, header, DATA);
        match fs::read(&path) {
            Ok(data) => Ok(Ok(Bytes::from(data))),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Ok(Err(format!("{} is gone", path.display())))
            }
            Err(error) => Err(failed(&path, "read", error)),
        }
    }

    /// Deletes a snapshot, if it is a file.
    pub(super) fn delete(&self, room: &RoomId, header: &Header) -> Result<()> {
        // The description first: bytes without it count for nothing.
        for extension in [META, DATA] {
            remove(&self.path(room, header, extension))?;
        }
        Ok(())
    }

    /// Deletes a room's folder if nothing is left in it.
    pub(super) fn delete_room(&self, room: &RoomId) {
        // What is left is not ours to judge, and an empty folder does no harm.
        let _ = fs::remove_dir(self.folder(room));
    }

    /// The rooms that have snapshots.
    pub(super) fn rooms(&self) -> Result<Vec<RoomId>> {
        let mut rooms = Vec::new();
        for folder in entries(&self.root)? {
            // A long room id cannot be read back from the folder's name, so its snapshots tell.
            let room = entries(&folder)?.iter().filter(|path| stamp(path, META).is_some()).find_map(|path| {
                let meta = serde_json::from_slice::<Meta>(&fs::read(path).ok()?).ok()?;
                RoomId::parse(&meta.room_id).ok()
            });
            rooms.extend(room.filter(|room| self.folder(room) == folder));
        }
        Ok(rooms)
    }

    fn folder(&self, room: &RoomId) -> PathBuf {
        self.root.join(safe_name(room))
    }

    fn path(&self, room: &RoomId, header: &Header, extension: &str) -> PathBuf {
        let name = safe_name(room);
        let file = format!("{name}-{}-{}.{extension}", header.version, header.created_at_ms);
        self.root.join(name).join(file)
    }
}

/// The version and the time in a file's name, if it is a name of ours with that extension.
fn stamp(path: &Path, extension: &str) -> Option<(u64, i64)> {
    let stem = path.file_name()?.to_str()?.strip_suffix(extension)?.strip_suffix('.')?;
    let (rest, created_at_ms) = stem.rsplit_once('-')?;
    let (_, version) = rest.rsplit_once('-')?;
    Some((version.parse().ok()?, created_at_ms.parse().ok()?))
}

/// Deletes temporary files, and bytes whose description was never written.
fn clear_left_overs(folder: &Path) -> Result<()> {
    for path in entries(folder)? {
        let is_temporary = path.extension().is_some_and(|extension| extension == TEMPORARY);
        let is_orphan = stamp(&path, DATA).is_some() && !path.with_extension(META).exists();
        if is_temporary || is_orphan {
            remove(&path)?;
        }
    }
    Ok(())
}

/// Writes files so that each appears whole or not at all, and in this order: a snapshot counts when its
/// description, the last, is there.
fn place(files: &[(PathBuf, &[u8])]) -> Result<()> {
    for (path, bytes) in files {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(temporary(path)).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        });
        written.map_err(|error| failed(path, "write", error))?;
    }
    for (path, _) in files {
        fs::rename(temporary(path), path).map_err(|error| failed(path, "write", error))?;
    }
    Ok(())
}

/// Where a file is until it is whole.
fn temporary(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(TEMPORARY);
    name.into()
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(path, "delete", error)),
        _ => Ok(()),
    }
}

/// The paths in a folder; none if there is no such folder.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = || fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>();
    match read() {
        Ok(paths) => Ok(paths),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(Vec::new())
        }
        Err(error) => Err(failed(folder, "list", error)),
    }
}

fn failed(path: &Path, doing: &str, error: io::Error) -> RealtimeError {
    RealtimeError::new(Code::StorageFailed, format!("cannot {doing} {}: {error}", path.display()))
        .with("path", path.display().to_string())
        .caused_by(error)
}
