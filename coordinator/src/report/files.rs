//! Report files on disk: each one whole or not there, never half.

use super::{analysis::Analysis, render};
use crate::results::SweepResults;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

/// Why a report was not written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The folder cannot be made.
    #[error("cannot make the folder {path}: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Numbers could not be put into a format.
    #[error(transparent)]
    Render(#[from] render::RenderError),
}

/// The files of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// `report.html`
    pub html: PathBuf,
    /// `report.md`
    pub markdown: PathBuf,
    /// `report.json`
    pub json: PathBuf,
    /// `results.csv`
    pub results_csv: PathBuf,
    /// `trials.csv`
    pub trials_csv: PathBuf,
}

/// Writes all five files into `dir`, which is made when it is missing. Everything is rendered before anything is
/// written; each file is written beside its place, synced and renamed, so a reader sees the old or the new one.
///
/// # Errors
/// See [`ReportError`]; files already renamed stay.
pub fn write_all(dir: &Path, results: &SweepResults, analysis: &Analysis) -> Result<Written, ReportError> {
    let html = render::html(analysis);
    let markdown = render::markdown(analysis);
    let json = render::json(analysis)?;
    let results_csv = render::results_csv(results)?;
    let trials_csv = render::trials_csv(results)?;
    fs::create_dir_all(dir).map_err(|source| ReportError::Folder { path: dir.to_owned(), source })?;
    let written = Written {
        html: replace(dir, "report.html", &html)?,
        markdown: replace(dir, "report.md", &markdown)?,
        json: replace(dir, "report.json", &json)?,
        results_csv: replace(dir, "results.csv", &results_csv)?,
        trials_csv: replace(dir, "trials.csv", &trials_csv)?,
    };
    sync_folder(dir).map_err(|source| ReportError::Write { path: dir.to_owned(), source })?;
    Ok(written)
}

/// Puts `content` at `dir/name` in one step.
fn replace(dir: &Path, name: &str, content: &str) -> Result<PathBuf, ReportError> {
    static SERIAL: AtomicU32 = AtomicU32::new(0);
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    let temporary = dir.join(format!(".{name}.{}-{serial}.tmp", std::process::id()));
    let path = dir.join(name);
    let outcome = write_synced(&temporary, content).and_then(|()| fs::rename(&temporary, &path));
    if let Err(source) = outcome {
        // The error that matters is the first one; what is left behind is a hidden temporary file at worst.
        let _ = fs::remove_file(&temporary);
        return Err(ReportError::Write { path, source });
    }
    Ok(path)
}

fn write_synced(path: &Path, content: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()
}

/// Makes the renames durable.
fn sync_folder(dir: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
}
