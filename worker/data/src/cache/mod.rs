//! Images that are files of their own are decoded once: into one file of raw pixels that every worker of the machine maps.
//!
//! The file lies in `.cache` of the data directory, or, where that cannot be written, in the system's folder for
//! caches. Its key covers the names, sizes and times of all image files, how an image comes of them and the format's version, so
//! that opening it reads no image file. What does not fit the key or is damaged is made again.
//!
//! Map: `format` the file's form and its checks · `fill` decoding and writing.

mod fill;
mod format;

use std::{
    env, fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::UNIX_EPOCH,
};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use self::{
    fill::Job,
    format::{Header, VERSION},
};
use crate::{
    DataError, Pixels, Place, Preparing,
    decode::Form,
    error::{HINT_OWN, hex},
};

/// Images to be decoded.
pub(crate) struct Images<'a> {
    pub(crate) folder: &'a Path,
    /// Their files relative to the folder, image after image, [`Form::files`] of each.
    pub(crate) files: &'a [String],
    pub(crate) form: Form,
    /// Where an image is asked for, for messages.
    pub(crate) note: &'a (dyn Fn(usize) -> String + Sync),
}

impl Images<'_> {
    fn len(&self) -> usize {
        self.files.len() / self.form.files()
    }
}

/// Decoded images, and the SHA-256 over their files' contents.
pub(crate) struct Cached {
    pub(crate) pixels: Pixels,
    pub(crate) digest: [u8; 32],
}

/// Where the caches of a data directory may lie, best first.
pub(crate) fn places(data_dir: &Path) -> Vec<PathBuf> {
    let mut places = vec![data_dir.join(".cache")];
    let folder = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if let Some(system) = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache"))) {
        let whole = fs::canonicalize(data_dir).unwrap_or_else(|_| data_dir.to_owned());
        let name = hex(&Sha256::digest(whole.as_os_str().as_encoded_bytes())[..8]);
        places.push(system.join("sweeper").join(name));
    }
    places
}

/// The decoded images, from the cache if it has them. `name` begins the file's name; it tells the
/// data set and the way of listing it.
///
/// # Errors
/// An image missing or damaged; no place to write; stopped.
pub(crate) fn open(
    places: &[PathBuf],
    name: &str,
    images: &Images<'_>,
    watch: &mut dyn FnMut(Preparing) -> bool,
) -> Result<Cached, DataError> {
    let key = key(images)?;
    let prefix = format!("{}-{}-v{VERSION}-", name.replace('/', "+"), images.form.name());
    let file = format!("{prefix}{}.images", hex(&key[..8]));
    let existing = |place: &PathBuf| read(place.join(&file), &key, images);
    if let Some(cached) = places.iter().find_map(existing) {
        return Ok(cached);
    }
    let (place, lock) = fill::writable(places, &format!("{prefix}lock"))?;
    let lock = fill::lock(lock, images.len() as u64, watch)?;
    // Another worker may have made it while this one waited.
    if let Some(cached) = existing(&place) {
        return Ok(cached);
    }
    if lock.is_some() {
        remove_stale(&place, &prefix);
    }
    fill::fill(&place.join(&file), &Job { images, key }, watch)?;
    existing(&place).ok_or_else(|| DataError::Unwritable {
        path: place.join(&file),
        reason: "what was written does not read back as it was".to_owned(),
    })
}

fn read(file: PathBuf, key: &[u8; 32], images: &Images<'_>) -> Option<Cached> {
    let channels = images.form.channels();
    let (header, length) = Header::read(&file, key, images.len(), channels)?;
    let places: Vec<Place> = header.entries.iter().map(|entry| entry.place).collect();
    let pixels = Pixels::Cached { file, length, channels, places: Arc::new(places) };
    Some(Cached { pixels, digest: header.digest })
}

/// Under the lock: what an earlier state of the images left, and what a worker left that died while it decoded.
/// A process that has mapped such a file keeps it.
fn remove_stale(place: &Path, prefix: &str) {
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let ours = name
            .to_str()
            .is_some_and(|name| name.starts_with(prefix) && (name.ends_with(".images") || name.ends_with(".tmp")));
        if ours {
            // One that cannot be removed only takes space.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// SHA-256 over name, size and time of change of every image file, form and version.
fn key(images: &Images<'_>) -> Result<[u8; 32], DataError> {
    let Images { folder, files, form, note } = images;
    let stats: Vec<_> = files.par_iter().map(|file| fs::metadata(folder.join(file))).collect();
    let absent = |stat: &std::io::Result<fs::Metadata>| {
        stat.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
    };
    let missing = stats.iter().filter(|stat| absent(stat)).count();
    let mut hasher = Sha256::new();
    hasher.update(format!("{VERSION} {}", form.name()));
    for (at, (file, stat)) in files.iter().zip(&stats).enumerate() {
        let path = || folder.join(file);
        let stat = match stat {
            Ok(stat) if stat.is_file() => stat,
            Ok(_) => return Err(DataError::malformed(path(), "a file", "something else")),
            Err(_) if absent(&stats[at]) => {
                let more =
                    if missing > 1 { format!(", the first of {missing} that are missing") } else { String::new() };
                let note = format!("{}{more}", note(at / form.files()));
                return Err(DataError::Missing { path: path(), note, hint: HINT_OWN });
            }
            Err(error) => return Err(DataError::reading(path(), &note(at / form.files()), error)),
        };
        let changed = stat.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        hasher.update((file.len() as u64).to_le_bytes());
        hasher.update(file);
        hasher.update(stat.len().to_le_bytes());
        hasher.update(changed.as_nanos().to_le_bytes());
        // A copy that keeps the modification time still has a time of its own.
        hasher.update(stat.ctime().to_le_bytes());
        hasher.update(stat.ctime_nsec().to_le_bytes());
    }
    Ok(hasher.finalize().into())
}
