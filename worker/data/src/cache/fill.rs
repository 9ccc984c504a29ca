//! Makes a cache file: decodes in parallel, writes in order, under a temporary name.

use std::{
    fs::{self, File, OpenOptions, Permissions, TryLockError},
    io::{self, BufWriter, Seek, SeekFrom, Write},
    os::unix::fs::{FileExt, PermissionsExt},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::{
    Images,
    format::{Entry, Header, beginning},
};
use crate::{
    DataError, Place, Preparing,
    decode::{Decoded, Form},
};

/// How often a worker that waits for another one's decoding looks again.
const LOOK: Duration = Duration::from_millis(100);
/// Most bytes of decoded images in one file.
const MAX_BYTES: u64 = 1 << 40;

/// What is decoded, and its key.
pub(super) struct Job<'a> {
    pub(super) images: &'a Images<'a>,
    pub(super) key: [u8; 32],
}

/// The lock of a place, held until it is dropped. `None` where the file system has no locks: then two workers may
/// decode the same images, and the later file replaces the earlier, equal one.
///
/// # Errors
/// [`DataError::Stopped`].
pub(super) fn lock(
    file: File,
    total: u64,
    watch: &mut dyn FnMut(Preparing) -> bool,
) -> Result<Option<File>, DataError> {
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::Error(_)) => return Ok(None),
            Err(TryLockError::WouldBlock) if watch(Preparing { done: 0, total }) => return Err(DataError::Stopped),
            Err(TryLockError::WouldBlock) => thread::sleep(LOOK),
        }
    }
}

/// The first of these folders in which `name` can be opened for writing, and that file.
///
/// # Errors
/// None of them can be written.
pub(super) fn writable(places: &[PathBuf], name: &str) -> Result<(PathBuf, File), DataError> {
    let mut refusal = None;
    for place in places {
        let opened = fs::create_dir_all(place)
            .and_then(|()| OpenOptions::new().create(true).append(true).open(place.join(name)));
        match opened {
            Ok(file) => return Ok((place.clone(), file)),
            Err(error) => {
                refusal.get_or_insert(DataError::Unwritable { path: place.clone(), reason: error.to_string() });
            }
        }
    }
    let none = || DataError::Unwritable { path: PathBuf::new(), reason: "no folder to try".to_owned() };
    Err(refusal.unwrap_or_else(none))
}

/// Decodes everything into `target`, which appears whole or not at all.
///
/// # Errors
/// The first image that is missing or damaged; the disk full; stopped.
pub(super) fn fill(target: &Path, job: &Job<'_>, watch: &mut dyn FnMut(Preparing) -> bool) -> Result<(), DataError> {
    let unwritable = |error: io::Error| DataError::Unwritable { path: target.to_owned(), reason: error.to_string() };
    let place = target.parent().unwrap_or_else(|| Path::new("."));
    let stem = target.file_stem().unwrap_or_default();
    // Other users of the machine may read what this one decoded.
    let readable = Permissions::from_mode(0o644);
    let mut temporary = tempfile::Builder::new();
    let temporary = temporary.prefix(stem).suffix(".tmp").permissions(readable).tempfile_in(place);
    let mut temporary = temporary.map_err(unwritable)?;
    let header = write(temporary.as_file_mut(), job, watch, &unwritable)?;
    temporary.as_file().write_all_at(&header.bytes(), 0).map_err(unwritable)?;
    temporary.as_file().sync_all().map_err(unwritable)?;
    temporary.persist(target).map_err(|error| unwritable(error.error))?;
    // The name is as durable as the content. Where folders cannot be synchronised, a lost name costs another decoding.
    let _ = File::open(place).and_then(|place| place.sync_all());
    Ok(())
}

/// Writes the images behind the header's place.
fn write(
    file: &mut File,
    job: &Job<'_>,
    watch: &mut dyn FnMut(Preparing) -> bool,
    unwritable: &dyn Fn(io::Error) -> DataError,
) -> Result<Header, DataError> {
    let Images { folder, files, form, note } = job.images;
    let rows: Vec<usize> = (0..job.images.len()).collect();
    let mut at = beginning(rows.len());
    file.seek(SeekFrom::Start(at)).map_err(unwritable)?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    let (mut entries, mut hasher, mut done) = (Vec::with_capacity(rows.len()), Sha256::new(), 0);
    // Few at a time: what is decoded and not yet written is in memory.
    for chunk in rows.chunks(4 * rayon::current_num_threads()) {
        if watch(Preparing { done, total: rows.len() as u64 }) {
            return Err(DataError::Stopped);
        }
        let decode = |&row: &usize| {
            let own = &files[row * form.files()..][..form.files()];
            let paths: Vec<PathBuf> = own.iter().map(|file| folder.join(file)).collect();
            form.decode(&paths, &note(row)).map(|image| (crc32fast::hash(&image.pixels), image))
        };
        // In order, so that the first bad image is named whatever thread met it.
        for decoded in chunk.par_iter().map(decode).collect::<Vec<_>>() {
            let (crc, Decoded { pixels, height, width, digest }) = decoded?;
            entries.push(Entry { place: Place { offset: at, height, width }, crc });
            hasher.update(digest);
            at += pixels.len() as u64;
            if at > MAX_BYTES {
                let hint = match form {
                    Form::Photograph(_) => "lower data.cache_size, or leave out data.exact",
                    Form::Planes { .. } => "list fewer images",
                };
                let why = format!("the decoded images take more than {} GiB", MAX_BYTES >> 30);
                return Err(DataError::Setting(format!("{why}; hint: {hint}")));
            }
            out.write_all(&pixels).map_err(unwritable)?;
        }
        done += chunk.len() as u64;
    }
    out.flush().map_err(unwritable)?;
    watch(Preparing { done, total: done });
    Ok(Header { key: job.key, digest: hasher.finalize().into(), entries })
}
