//! Outcomes are on the worker's disk before they are sent, and stay there until the coordinator acknowledged them.
//!
//! One folder per slot, locked by the process that fills the slot; one file per report. A file is a frame: eight bytes
//! of magic, the payload's length, its SHA-256, the payload (a [`Stored`] message). It is written under another name,
//! synced, renamed, and the folder is synced, so that a file of the right name is whole whatever was killed when;
//! should a disk nevertheless give back something else, the file is moved aside and logged, never sent.
//!
//! A supervisor's slots have random names, so the folder of a process that was killed may never be opened by a
//! successor: [`Outbox::adopt`] takes the files of every folder whose owner is dead.

use prost::Message;
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs::{self, File, TryLockError},
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use sweeper_proto::v1::TrialReport;
use tracing::{info, warn};

use crate::random;

const MAGIC: &[u8; 8] = b"swoutbx1";
const FRAME_BYTES: usize = 8 + 8 + 32;
/// Larger files are not ours; they are never read into memory.
const MOST_BYTES: u64 = sweeper_proto::MAX_MESSAGE_BYTES as u64;
const SUFFIX: &str = ".report";
const LOCK: &str = "lock";

/// What a file of the outbox holds.
#[derive(Clone, PartialEq, Message)]
pub struct Stored {
    /// Name of the coordinator's store that gave the lease; the report is sent to no other.
    #[prost(string, tag = "1")]
    pub store: String,
    /// What is sent.
    #[prost(message, optional, tag = "2")]
    pub report: Option<TrialReport>,
}

/// Why an outbox cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The folder or a file in it cannot be written or read.
    #[error("cannot {what} {path}: {source}", path = path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Another live process fills the slot.
    #[error("{} is used by another worker process; give every supervisor a --slot-prefix of its own", .0.display())]
    InUse(PathBuf),
}

fn io_error<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> OutboxError + 'a {
    move |source| OutboxError::Io { what, path: path.to_owned(), source }
}

/// The reports of one slot that nobody acknowledged yet.
#[derive(Debug)]
pub struct Outbox {
    dir: PathBuf,
    // Held for as long as the outbox is open; the operating system drops it with the process.
    _lock: File,
    entries: BTreeMap<String, (Stored, usize)>,
    process: String,
    next: u64,
}

impl Outbox {
    /// Opens the outbox of `slot` under `state_dir`, with everything a former process left in it.
    ///
    /// # Errors
    /// Where the folder cannot be written, or another live process has it.
    pub fn open(state_dir: &Path, slot: &str) -> Result<Self, OutboxError> {
        let dir = state_dir.join(folder_name(slot));
        let lock = lock_own(&dir)?;
        let mut outbox = Self { dir, _lock: lock, entries: BTreeMap::new(), process: random::hex(8), next: 0 };
        outbox.scan()?;
        Ok(outbox)
    }

    /// Takes over the reports of every outbox under `state_dir` whose process is dead. Returns how many.
    ///
    /// # Errors
    /// Where the folder cannot be listed or the own one not written. Trouble with one of the others is logged.
    pub fn adopt(&mut self, state_dir: &Path) -> Result<usize, OutboxError> {
        let before = self.entries.len();
        for folder in list(state_dir)? {
            if folder == self.dir || !folder.join(LOCK).is_file() {
                continue;
            }
            match lock(&folder) {
                Err(OutboxError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                    // Its owner left and removed it meanwhile.
                }
                Ok(Some(_held)) => {
                    if let Err(error) = self.take_from(&folder) {
                        warn!(%error, "cannot take over an outbox");
                    }
                }
                Ok(None) => {}
                Err(error) => warn!(%error, "cannot look into an outbox"),
            }
        }
        self.scan()?;
        Ok(self.entries.len() - before)
    }

    /// Moves every report of `folder` here and removes the folder if nothing else is in it.
    fn take_from(&self, folder: &Path) -> Result<(), OutboxError> {
        for path in list(folder)? {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if name.ends_with(SUFFIX) {
                let to = self.dir.join(name);
                fs::rename(&path, &to).map_err(io_error("move", &path))?;
            } else if name.ends_with(".part") {
                fs::remove_file(&path).map_err(io_error("remove", &path))?;
            }
        }
        sync_folder(&self.dir)?;
        // The lock file goes first, so whoever waits for it sees that it is gone; set-aside files keep the folder.
        fs::remove_file(folder.join(LOCK)).map_err(io_error("remove", folder))?;
        let _ = fs::remove_dir(folder);
        Ok(())
    }

    /// Reads what is in the folder and not known yet.
    fn scan(&mut self) -> Result<(), OutboxError> {
        for path in list(&self.dir)? {
            let Some(name) = path.file_name().and_then(|name| name.to_str()).map(str::to_owned) else { continue };
            if name.ends_with(".part") {
                // Its writer died before the report was promised to anyone.
                fs::remove_file(&path).map_err(io_error("remove", &path))?;
            } else if name.ends_with(SUFFIX) && !self.entries.contains_key(&name) {
                match read(&path)? {
                    Ok(entry) => drop(self.entries.insert(name, entry)),
                    Err(damage) => {
                        warn!(file = %path.display(), damage, "an outbox file is set aside; its trial runs again");
                        self.move_aside(&name, "damaged")?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Makes `report` durable and returns the name under which [`Outbox::acknowledge`] removes it.
    ///
    /// # Errors
    /// Where the disk does not take it; nothing is kept then.
    pub fn put(&mut self, store: &str, report: &TrialReport) -> Result<String, OutboxError> {
        let millis = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let name = format!("{millis:015}-{}-{:06}{SUFFIX}", self.process, self.next);
        self.next += 1;
        let stored = Stored { store: store.to_owned(), report: Some(report.clone()) };
        let bytes = frame(&stored.encode_to_vec());
        let part = self.dir.join(format!("{name}.part"));
        let path = self.dir.join(&name);
        let written = (|| {
            let mut file = File::create(&part).map_err(io_error("create", &part))?;
            file.write_all(&bytes).map_err(io_error("write", &part))?;
            file.sync_all().map_err(io_error("sync", &part))?;
            fs::rename(&part, &path).map_err(io_error("rename", &part))?;
            sync_folder(&self.dir)
        })();
        if let Err(error) = written {
            let _ = fs::remove_file(&part);
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        self.entries.insert(name.clone(), (stored, bytes.len()));
        Ok(name)
    }

    /// The oldest reports for `store`, by name: at most `most` of them and `most_bytes` in all, but at least one.
    #[must_use]
    pub fn batch(&self, store: &str, most: usize, most_bytes: usize) -> Vec<(String, TrialReport)> {
        let mut bytes = 0;
        let mut batch = Vec::new();
        for (name, (stored, size)) in &self.entries {
            let Some(report) = stored.report.as_ref().filter(|_| stored.store == store) else { continue };
            bytes += size;
            if batch.len() == most || (bytes > most_bytes && !batch.is_empty()) {
                break;
            }
            batch.push((name.clone(), report.clone()));
        }
        batch
    }

    /// Forgets a report that the coordinator answered for.
    ///
    /// # Errors
    /// Where its file cannot be removed; it would be sent again by a successor, which does no harm.
    pub fn acknowledge(&mut self, name: &str) -> Result<(), OutboxError> {
        if self.entries.remove(name).is_none() {
            return Ok(());
        }
        let path = self.dir.join(name);
        fs::remove_file(&path).map_err(io_error("remove", &path))
    }

    /// Keeps a report for a person to look at, but sends it no more.
    ///
    /// # Errors
    /// Where its file cannot be renamed.
    pub fn set_aside(&mut self, name: &str) -> Result<(), OutboxError> {
        self.entries.remove(name);
        self.move_aside(name, "rejected")
    }

    fn move_aside(&self, name: &str, why: &str) -> Result<(), OutboxError> {
        let path = self.dir.join(name);
        fs::rename(&path, self.dir.join(format!("{name}.{why}"))).map_err(io_error("rename", &path))
    }

    /// How many reports wait for `store`.
    #[must_use]
    pub fn waiting(&self, store: &str) -> usize {
        self.entries.values().filter(|(stored, _)| stored.store == store).count()
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        if self.entries.is_empty() {
            // An empty folder tells nobody anything; set-aside files keep it.
            let _ = fs::remove_file(self.dir.join(LOCK));
            let _ = fs::remove_dir(&self.dir);
        } else {
            info!(reports = self.entries.len(), folder = %self.dir.display(), "unacknowledged reports stay here");
        }
    }
}

/// A folder name made of a slot's name: readable, of safe characters, different for different slots.
fn folder_name(slot: &str) -> String {
    let readable: String =
        slot.chars().take(80).map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    let digest = Sha256::digest(slot.as_bytes());
    format!("{readable}-{:02x}{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2], digest[3])
}

/// Locks the own folder. Someone who adopts it holds it for a moment, so this tries for a while.
fn lock_own(dir: &Path) -> Result<File, OutboxError> {
    for _ in 0..100 {
        fs::create_dir_all(dir).map_err(io_error("create", dir))?;
        match lock(dir) {
            Ok(Some(file)) => return Ok(file),
            Ok(None) => thread::sleep(Duration::from_millis(50)),
            // The folder was removed between the two calls.
            Err(OutboxError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Err(OutboxError::InUse(dir.to_owned()))
}

/// Locks a folder if nobody has it.
fn lock(dir: &Path) -> Result<Option<File>, OutboxError> {
    let path = dir.join(LOCK);
    let open = || File::options().create(true).append(true).open(&path);
    let file = open().map_err(io_error("open", &path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(source)) => return Err(io_error("lock", &path)(source)),
    }
    // A former owner removes the file while it holds the lock; then this one is a lock on nothing.
    let current = match fs::metadata(&path) {
        Ok(current) => current,
        Err(_) => return Ok(None),
    };
    let ours = file.metadata().map_err(io_error("look at", &path))?;
    Ok((ours.ino() == current.ino() && ours.dev() == current.dev()).then_some(file))
}

fn sync_folder(dir: &Path) -> Result<(), OutboxError> {
    File::open(dir).and_then(|folder| folder.sync_all()).map_err(io_error("sync", dir))
}

fn list(dir: &Path) -> Result<Vec<PathBuf>, OutboxError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir).map_err(io_error("list", dir))? {
        paths.push(entry.map_err(io_error("list", dir))?.path());
    }
    paths.sort();
    Ok(paths)
}

fn frame(payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(FRAME_BYTES + payload.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&(payload.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&Sha256::digest(payload));
    bytes.extend_from_slice(payload);
    bytes
}

/// The entry in a file and its size, or what is wrong with the file.
fn read(path: &Path) -> Result<Result<(Stored, usize), &'static str>, OutboxError> {
    let size = fs::metadata(path).map_err(io_error("look at", path))?.len();
    if size > MOST_BYTES {
        return Ok(Err("larger than any report"));
    }
    let bytes = fs::read(path).map_err(io_error("read", path))?;
    Ok(unframe(&bytes).map(|stored| (stored, bytes.len())))
}

fn unframe(bytes: &[u8]) -> Result<Stored, &'static str> {
    let (head, payload) = bytes.split_at_checked(FRAME_BYTES).ok_or("shorter than a frame")?;
    let (magic, rest) = head.split_at(MAGIC.len());
    let (length, digest) = rest.split_at(8);
    if magic != MAGIC {
        return Err("not an outbox file of this version");
    }
    if length != (payload.len() as u64).to_le_bytes() {
        return Err("truncated");
    }
    if digest != Sha256::digest(payload).as_slice() {
        return Err("digest differs");
    }
    let stored = Stored::decode(payload).map_err(|_| "not a report")?;
    if stored.report.is_none() { Err("without a report") } else { Ok(stored) }
}
