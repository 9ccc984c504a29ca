//! A report once more from its own folder: `input.json` holds all that `report.json` was computed from, so every number
//! can be computed again, and compared to the bit. A report that does not follow from its data is found out.
//!
//! Map: this page what is kept and how it is read · `differences` two JSON values, place by place.

mod differences;

pub use differences::Difference;

use super::{
    ANALYSIS_SCHEMA, Analysis, AnalyzeError, analyze_clustered, analyze_summary,
    document::Document,
    files::{Piece, pieces},
    render::RenderError,
};
use crate::{
    imports::{Clusters, Summary},
    predictions::Predictions,
    results::{AttemptResult, SweepResults, TrialResult},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{
    borrow::Cow,
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};
use sweeper_core::record::Metric;

/// The analysis of a report, and what it was computed from.
pub const REPORT: &str = "report.json";
/// See [`Input`].
pub const INPUT: &str = "input.json";
/// Largest file read, in bytes.
const MOST_BYTES: u64 = 2 << 30;
/// Differences that are kept; all are counted.
const MOST_DIFFERENCES: usize = 50;

/// Everything that a report is computed from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(clippy::large_enum_variant, reason = "there is one of them, and it is borrowed mostly")]
pub enum Input<'a> {
    /// Single trainings.
    Trainings {
        /// Their numbers.
        results: Cow<'a, SweepResults>,
        /// Which images they had right, where that was kept.
        #[serde(default, skip_serializing_if = "nothing_kept")]
        predictions: Cow<'a, Predictions>,
        /// Into which clusters these images fall, where that was given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clusters: Option<Cow<'a, Clusters>>,
    },
    /// A published table.
    Table(Cow<'a, Summary>),
}

impl<'a> Input<'a> {
    /// Single trainings. The order in which they are kept does not depend on how they came.
    #[must_use]
    pub fn of_sweep(results: &'a SweepResults) -> Self {
        Self::Trainings { results: ordered(results), predictions: Cow::default(), clusters: None }
    }

    /// The same, with the images that they had right.
    #[must_use]
    pub fn with_predictions(results: &'a SweepResults, predictions: &'a Predictions) -> Self {
        Self::Trainings { results: ordered(results), predictions: Cow::Borrowed(predictions), clusters: None }
    }

    /// The same, with clusters of these images; none leave it as it is, and a table has no images.
    #[must_use]
    pub fn clustered(self, clusters: Option<&'a Clusters>) -> Self {
        match (self, clusters) {
            (Self::Trainings { results, predictions, .. }, Some(clusters)) => {
                Self::Trainings { results, predictions, clusters: Some(Cow::Borrowed(clusters)) }
            }
            (other, _) => other,
        }
    }

    /// A published table.
    #[must_use]
    pub fn of_table(table: &'a Summary) -> Self {
        Self::Table(Cow::Borrowed(table))
    }

    /// The analysis of it.
    ///
    /// # Errors
    /// Those of [`analyze_clustered`] and [`analyze_summary`].
    pub fn analyze(&self) -> Result<Analysis, AnalyzeError> {
        match self {
            Self::Trainings { results, predictions, clusters } => {
                analyze_clustered(results, predictions, clusters.as_deref())
            }
            Self::Table(table) => analyze_summary(table),
        }
    }

    /// Writes what `input.json` holds: one line, numbers that read back to the same bits.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, mut out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer(&mut out, self)?;
        out.write_all(b"\n")
    }
}

#[allow(clippy::ptr_arg, reason = "serde passes the field as it is")]
fn nothing_kept(predictions: &Cow<'_, Predictions>) -> bool {
    **predictions == Predictions::default()
}

/// Results in the order that they promise.
fn ordered(results: &SweepResults) -> Cow<'_, SweepResults> {
    let trial = |t: &TrialResult| (t.config, t.replicate);
    let attempt = |a: &AttemptResult| (a.config, a.replicate, a.attempt);
    let metric = |a: &Metric, b: &Metric| (&a.name, a.epoch, a.is_final).cmp(&(&b.name, b.epoch, b.is_final));
    let in_order = |t: &TrialResult| t.metrics.is_sorted_by(|a, b| metric(a, b).is_le());
    let sorted = results.trials.is_sorted_by_key(trial) && results.attempts.is_sorted_by_key(attempt);
    if sorted && results.trials.iter().all(in_order) {
        return Cow::Borrowed(results);
    }
    let mut results = results.clone();
    results.trials.sort_by_key(trial);
    results.attempts.sort_by_key(attempt);
    results.trials.iter_mut().for_each(|t| t.metrics.sort_by(metric));
    Cow::Owned(results)
}

/// SHA-256, hex, of what [`Input::write`] writes, as `sha256sum` gives it for the file.
pub(super) fn digest(input: &Input<'_>) -> String {
    struct Hasher(Sha256);
    impl Write for Hasher {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut hasher = io::BufWriter::new(Hasher(Sha256::new()));
    let written = input.write(&mut hasher).is_ok();
    // What cannot be written has no digest, and no file either: writing the report says why.
    hasher.into_inner().ok().filter(|_| written).map_or_else(String::new, |Hasher(hash)| hex(&hash.finalize()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Why a report could not be computed again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A file that is not there, too large or not text.
    #[error("cannot read {path}: {why}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What was wrong.
        why: String,
    },
    /// Not what sweeper writes under this name.
    #[error("{path} is not a {what} that this version reads: {why}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
        /// What was wrong, and where.
        why: String,
    },
    /// A report of another form.
    #[error("{path} has the form {found}, made by sweeper {made_by}; this version, {}, reads form {ANALYSIS_SCHEMA}", env!("CARGO_PKG_VERSION"))]
    Schema {
        /// The file.
        path: PathBuf,
        /// Its form.
        found: String,
        /// The version that made it.
        made_by: String,
    },
    /// The input contradicts itself.
    #[error(transparent)]
    Analyze(#[from] AnalyzeError),
    /// The recomputed report could not be put into a format.
    #[error(transparent)]
    Render(#[from] RenderError),
}

/// What became of computing a report again.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verification {
    /// The report.
    pub report: PathBuf,
    /// Version that made it; empty where it does not say.
    pub made_by: String,
    /// Version that computed it again.
    pub recomputed_by: String,
    /// Numbers of `report.json` that were compared.
    pub numbers: usize,
    /// SHA-256 that the report names for its input.
    pub input_named: String,
    /// SHA-256 of the input that was read.
    pub input_found: String,
    /// Places that differ, at most fifty; in `report.json` first, then in the files made of it.
    pub differences: Vec<Difference>,
    /// How many there are in all.
    pub differing: usize,
    /// Files of the report that were compared, besides `report.json`.
    pub files: usize,
}

impl Verification {
    /// Whether every number is what its data give.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.differing == 0 && self.input_named == self.input_found
    }

    /// Whether another version made the report.
    #[must_use]
    pub fn is_of_another_version(&self) -> bool {
        self.made_by != self.recomputed_by
    }
}

/// Computes the report in the folder `at`, or the `report.json` at this path, again from the `input.json` beside it. Of the
/// other files those that are there are compared with what the recomputed report would write.
///
/// # Errors
/// [`ReplayError`]; a report that differs is none.
pub fn verify(at: &Path) -> Result<Verification, ReplayError> {
    let report = if at.is_dir() { at.join(REPORT) } else { at.to_owned() };
    let dir = report.parent().unwrap_or(Path::new("")).to_owned();
    let stored: Value = parse(&report, "report", &read(&report)?)?;
    let text = |pointer: &str| stored.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let made_by = text("/provenance/report_version");
    if stored.get("schema") != Some(&Value::from(ANALYSIS_SCHEMA)) {
        let found = stored.get("schema").map_or_else(|| "none".to_owned(), Value::to_string);
        return Err(ReplayError::Schema { path: report, found, made_by });
    }
    let source = dir.join(INPUT);
    let bytes = read(&source)?;
    let input: Input<'static> = parse(&source, "report's input", &bytes)?;
    let analysis = input.analyze()?;
    let again = serde_json::to_value(&analysis).map_err(RenderError::from)?;
    let mut found = differences::Found::default();
    found.values(&stored, &again);
    let numbers = found.numbers;
    let mut files = 0;
    for piece in pieces(&Document::of(&analysis), &input)? {
        files += usize::from(compare(&dir, &piece, &mut found)?);
    }
    let (differences, differing) = found.first(MOST_DIFFERENCES);
    Ok(Verification {
        report,
        made_by,
        recomputed_by: env!("CARGO_PKG_VERSION").to_owned(),
        numbers,
        input_named: text("/provenance/input_digest"),
        input_found: hex(&Sha256::digest(&bytes)),
        differences,
        differing,
        files,
    })
}

/// Compares a file with what it should hold; answers whether it is there.
fn compare(dir: &Path, piece: &Piece, found: &mut differences::Found) -> Result<bool, ReplayError> {
    let path = dir.join(&piece.name);
    if !path.exists() {
        return Ok(false);
    }
    let bytes = read(&path)?;
    found.text(&piece.name, &String::from_utf8_lossy(&bytes), &piece.content);
    Ok(true)
}

fn read(path: &Path) -> Result<Vec<u8>, ReplayError> {
    let unreadable = |why: String| ReplayError::Unreadable { path: path.to_owned(), why };
    let file = File::open(path).map_err(|e| unreadable(e.to_string()))?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|e| unreadable(e.to_string()))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(unreadable(format!("it is larger than {} GiB", MOST_BYTES >> 30)));
    }
    Ok(bytes)
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path, what: &'static str, bytes: &[u8]) -> Result<T, ReplayError> {
    let format = |e: serde_json::Error| ReplayError::Format { path: path.to_owned(), what, why: e.to_string() };
    serde_json::from_slice(bytes).map_err(format)
}
