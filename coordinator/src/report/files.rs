//! Report files on disk: each one whole or not there, never half.

use super::{
    analysis::Analysis,
    document::Document,
    render::{self, shown},
    replay::{self, Input},
};
use std::{
    collections::BTreeSet,
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

/// The files of a report that a user is told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// `report.html`
    pub html: PathBuf,
    /// All of them, in the order in which they were written.
    pub all: Vec<PathBuf>,
}

/// A file of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Its path in the report's folder, parts apart by `/`; at most one folder deep.
    pub name: String,
    /// What it holds.
    pub content: String,
}

impl Piece {
    fn new(name: impl Into<String>, content: String) -> Self {
        Self { name: name.into(), content }
    }
}

/// The page, and the folder of the pictures.
const PAGE: &str = "report.html";
const FIGURES: &str = "figures";

/// The files that are renderings of a document: HTML, Markdown, LaTeX, CSV and one per figure.
///
/// # Errors
/// [`render::RenderError`].
pub fn document_pieces(document: &Document) -> Result<Vec<Piece>, render::RenderError> {
    let ((page, markdown), (latex, csv)) = rayon::join(
        || rayon::join(|| render::page(document), || render::markdown(document)),
        || rayon::join(|| render::latex(document), || render::long_csv(document)),
    );
    let mut pieces = vec![
        Piece::new(PAGE, page),
        Piece::new("report.md", markdown),
        Piece::new("report.tex", latex),
        Piece::new("report.csv", csv?),
        Piece::new("references.bib", render::bibtex(document)),
    ];
    for figure in document.figures() {
        pieces.push(Piece::new(format!("{FIGURES}/{}.svg", shown::id(&figure.id)), figure.file.clone()));
    }
    Ok(pieces)
}

/// Every file of a report but `input.json` and `report.json`. A published table has none of its observations.
///
/// # Errors
/// [`render::RenderError`].
pub(super) fn pieces(document: &Document, input: &Input<'_>) -> Result<Vec<Piece>, render::RenderError> {
    let observations = || match input {
        Input::Trainings { results, .. } => {
            Some(rayon::join(|| render::results_csv(results), || render::trials_csv(results)))
        }
        Input::Table(_) => None,
    };
    let (documents, observations) = rayon::join(|| document_pieces(document), observations);
    let mut pieces = documents?;
    if let Some((results, trials)) = observations {
        pieces.push(Piece::new("results.csv", results?));
        pieces.push(Piece::new("trials.csv", trials?));
    }
    Ok(pieces)
}

/// Writes all files into `dir`, which is made when it is missing: the `analysis` of `input` in every format, and the input
/// itself. Everything is rendered before anything is put in its place. The input can be larger than all of the rest, and
/// is never held as a text. The report comes last: whoever finds it finds what it was made from.
///
/// # Errors
/// See [`ReportError`]; files already renamed stay.
pub fn write_all(dir: &Path, input: &Input<'_>, analysis: &Analysis) -> Result<Written, ReportError> {
    fs::create_dir_all(dir).map_err(|source| ReportError::Folder { path: dir.to_owned(), source })?;
    let document = Document::of(analysis);
    let ((pieces, report), kept) = rayon::join(
        || rayon::join(|| pieces(&document, input), || render::json(analysis)),
        || Staged::write(dir, replay::INPUT, |file| input.write(file)),
    );
    let (pieces, report, kept) = (pieces?, report?, kept?);
    let mut all = write_pieces(dir, &pieces)?;
    all.push(kept.put()?);
    all.push(replace(dir, replay::REPORT, |file| file.write_all(report.as_bytes()))?);
    sync_folder(dir).map_err(|source| ReportError::Write { path: dir.to_owned(), source })?;
    Ok(Written { html: dir.join(PAGE), all })
}

/// Writes `pieces` into `dir`, which is made when it is missing, and takes away pictures of an earlier report that are
/// not among them. Each file is written beside its place, synced and renamed, so a reader sees the old or the new one.
/// Answers with their paths.
///
/// # Errors
/// [`ReportError::Folder`], [`ReportError::Write`]; files already renamed stay.
pub fn write_pieces(dir: &Path, pieces: &[Piece]) -> Result<Vec<PathBuf>, ReportError> {
    let mut written = Vec::with_capacity(pieces.len());
    let mut folders: BTreeSet<PathBuf> = BTreeSet::from([dir.to_owned()]);
    for piece in pieces {
        let (folder, name) = match piece.name.rsplit_once('/') {
            Some((folder, name)) => (dir.join(folder), name),
            None => (dir.to_owned(), piece.name.as_str()),
        };
        fs::create_dir_all(&folder).map_err(|source| ReportError::Folder { path: folder.clone(), source })?;
        written.push(replace(&folder, name, |file| file.write_all(piece.content.as_bytes()))?);
        folders.insert(folder);
    }
    remove_stale(&dir.join(FIGURES), &written)?;
    for folder in folders {
        sync_folder(&folder).map_err(|source| ReportError::Write { path: folder.clone(), source })?;
    }
    Ok(written)
}

/// Takes away the pictures in `folder` that are not among `written`; other files are not ours.
fn remove_stale(folder: &Path, written: &[PathBuf]) -> Result<(), ReportError> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let picture = path.extension().is_some_and(|e| e == "svg") && path.is_file();
        if picture && !written.contains(&path) {
            fs::remove_file(&path).map_err(|source| ReportError::Write { path, source })?;
        }
    }
    Ok(())
}

/// Puts what `write` writes at `dir/name` in one step.
fn replace(
    dir: &Path,
    name: &str,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<PathBuf, ReportError> {
    Staged::write(dir, name, write)?.put()
}

/// A file that is whole and not yet in its place; it goes away unless it is put there.
struct Staged {
    temporary: PathBuf,
    path: PathBuf,
}

impl Staged {
    fn write(
        dir: &Path,
        name: &str,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<Self, ReportError> {
        static SERIAL: AtomicU32 = AtomicU32::new(0);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let temporary = dir.join(format!(".{name}.{}-{serial}.tmp", std::process::id()));
        let staged = Self { temporary, path: dir.join(name) };
        match write_synced(&staged.temporary, write) {
            Ok(()) => Ok(staged),
            Err(source) => Err(ReportError::Write { path: staged.path.clone(), source }),
        }
    }

    /// Puts it in its place; answers with that.
    fn put(self) -> Result<PathBuf, ReportError> {
        let renamed = fs::rename(&self.temporary, &self.path);
        renamed.map(|()| self.path.clone()).map_err(|source| ReportError::Write { path: self.path.clone(), source })
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Not there any more where it was put in its place; else what is left behind is a hidden file at worst.
        let _ = fs::remove_file(&self.temporary);
    }
}

fn write_synced(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut file = io::BufWriter::new(OpenOptions::new().write(true).create(true).truncate(true).open(path)?);
    write(&mut file)?;
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

/// Makes the renames durable.
fn sync_folder(dir: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
}
