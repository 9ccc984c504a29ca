//! Results that come from a file instead of a sweep: reports on anything.
//!
//! Map: this page finds out which layout a file has · `long` one row per value, as `results.csv` · `wide` one row per
//! training · `summary` one row per config and metric, with mean, standard deviation and number · `clusters` of validation
//! images, beside a sweep's results · `rows` cells of a text · `zeros` those that stand for nothing · `absent` what is not
//! there · `error`. Study A's layout has a module of its own, `crate::apriori`.

mod absent;
mod clusters;
mod error;
mod long;
mod rows;
mod summary;
#[cfg(test)]
mod tests;
mod wide;
mod zeros;

pub use clusters::{Clusters, read_clusters};
pub use error::LayoutError;
pub use summary::{Summary, SummaryRow, read_summary};

use crate::{
    apriori,
    results::{Origin, RESULTS_SCHEMA, SweepResults, TrialResult},
};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    io::Read as _,
    path::Path,
    time::UNIX_EPOCH,
};
use sweeper_core::spec::{
    AnalysisPlan, ConfigSpec, Correction, Direction, FamilyKind, Missing, Pairing, Stopping, SweepSpec, Tasks,
};

/// Names that a message lists.
const MOST_LISTED: usize = 20;
/// Largest file read, in bytes.
const MOST_BYTES: u64 = 256 << 20;

/// How the rows are to be judged; what is left out gets the default of its layout or of sweep files.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Name of the config to compare with.
    pub baseline: Option<String>,
    /// Primary metric.
    pub metric: Option<String>,
    /// Which way it improves.
    pub direction: Option<Direction>,
    /// Family-wise error rate.
    pub alpha: Option<f64>,
    /// Smallest difference that matters.
    pub delta: Option<f64>,
    /// Which pairs are compared.
    pub family: Option<FamilyKind>,
    /// Correction.
    pub correction: Option<Correction>,
    /// What becomes of trainings that were lost.
    pub missing: Missing,
    /// Whether replicate r of every config had one seed.
    pub paired: bool,
    /// Whether strata are tasks.
    pub tasks: bool,
    /// Whether a config that has nothing but exact zeros on a metric was measured there.
    pub zeros_are_values: bool,
}

/// A file that was read whole.
pub(crate) struct Text {
    /// Its name, for messages.
    pub(crate) file: String,
    /// Its name without folder and ending.
    pub(crate) stem: String,
    /// What it holds, without a byte-order mark.
    pub(crate) text: String,
    /// When it was changed last, milliseconds since the Unix epoch.
    pub(crate) changed_ms: u64,
}

impl Text {
    /// Reads a file.
    ///
    /// # Errors
    /// [`LayoutError::Unreadable`].
    pub(crate) fn read(path: &Path) -> Result<Self, LayoutError> {
        let file = path.display().to_string();
        let unreadable = |why: String| LayoutError::Unreadable { file: file.clone(), why };
        let opened = std::fs::File::open(path).map_err(|e| unreadable(e.to_string()))?;
        let changed = opened.metadata().ok().and_then(|m| m.modified().ok());
        let at = changed.and_then(|at| at.duration_since(UNIX_EPOCH).ok()).map_or(0, |d| d.as_millis());
        let length = opened.metadata().map_or(0, |m| m.len().min(MOST_BYTES));
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default() + 1);
        opened.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|e| unreadable(e.to_string()))?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(unreadable(format!("it is larger than {} MiB", MOST_BYTES >> 20)));
        }
        let text = String::from_utf8(bytes).map_err(|e| {
            let line = 1 + e.as_bytes()[..e.utf8_error().valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
            unreadable(format!("line {line} is not UTF-8; expected a text file in UTF-8 that is whole"))
        })?;
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        Ok(Self { file, stem, text, changed_ms: u64::try_from(at).unwrap_or_default() })
    }

    /// The columns that the first line names.
    fn head(&self) -> Vec<String> {
        let mut reader = ::csv::ReaderBuilder::new().trim(::csv::Trim::All).from_reader(self.text.as_bytes());
        reader.headers().map(|head| head.iter().map(str::to_owned).collect()).unwrap_or_default()
    }
}

/// Reads a file with one row per value or per training.
///
/// # Errors
/// Every [`LayoutError`] but those of writing.
pub fn read(path: &Path, wanted: &Wanted) -> Result<SweepResults, LayoutError> {
    let text = Text::read(path)?;
    let head = text.head();
    check_head(&text, &head)?;
    if apriori::is_head(&head) {
        return apriori::read(&text, wanted);
    }
    if long::is_head(&head) {
        return long::read(&text, long::table(&text)?, wanted);
    }
    if wide::is_head(&head) {
        return long::read(&text, wide::table(&text)?, wanted);
    }
    if let Some(missing) = long::missing(&head) {
        let why = format!("there is no column {}; expected {}", missing.join(", "), long::HEAD.join(","));
        return Err(LayoutError::Row { file: text.file, line: 1, why });
    }
    let [long, wide] = [long::HEAD.as_slice(), wide::HEAD.as_slice()].map(|head| head.join(","));
    let expected = format!("{long}; or {wide} and a column for each metric; or {}", apriori::COLUMNS.join(","));
    Err(unknown_layout(&text, &head, expected))
}

/// Refuses a file without a first line, and one in which two columns have one name.
///
/// # Errors
/// [`LayoutError::Unreadable`], [`LayoutError::Row`].
fn check_head(text: &Text, head: &[String]) -> Result<(), LayoutError> {
    let file = text.file.clone();
    if text.text.trim().is_empty() {
        return Err(LayoutError::Unreadable { file, why: "it is empty".to_owned() });
    }
    let twice = |(at, name): &(usize, &String)| !name.is_empty() && head[..*at].contains(name);
    match head.iter().enumerate().find(twice) {
        Some((_, name)) => {
            Err(LayoutError::Row { file, line: 1, why: format!("column `{}` is there twice", shown(name)) })
        }
        None => Ok(()),
    }
}

/// What is wrong with a first line. Spreadsheets of many countries write semicolons for commas, which deserves a word.
fn unknown_layout(text: &Text, head: &[String], expected: String) -> LayoutError {
    let file = text.file.clone();
    let separator =
        [(';', "semicolons"), ('\t', "tabs")].into_iter().find(|(c, _)| head.first().is_some_and(|h| h.contains(*c)));
    if let (Some((_, found)), 1) = (separator, head.len()) {
        return LayoutError::Row { file, line: 1, why: format!("columns are separated by {found}; expected commas") };
    }
    LayoutError::UnknownLayout { file, expected }
}

/// The plan that a user asks for, with the defaults of sweep files. The baseline must be in every stratum.
///
/// # Errors
/// [`LayoutError::Unknown`].
pub(crate) fn plan(
    file: &str,
    wanted: &Wanted,
    configs: &[ConfigSpec],
    (baseline, metrics): (Option<String>, &BTreeSet<String>),
    metric: String,
) -> Result<AnalysisPlan, LayoutError> {
    let strata: BTreeSet<&str> = configs.iter().map(|c| c.stratum.as_str()).collect();
    let in_all = |name: &str| strata.iter().all(|s| configs.iter().any(|c| c.stratum == *s && c.name == name));
    let unknown = |what, name: &str, known: Vec<String>| {
        let (count, mut known): (_, Vec<String>) =
            (known.len(), known.iter().take(MOST_LISTED).map(|name| shown(name)).collect());
        if count > MOST_LISTED {
            known.push(format!("{} more", count - MOST_LISTED));
        }
        Err(LayoutError::Unknown { file: file.to_owned(), what, name: shown(name), known })
    };
    let family = wanted.family.unwrap_or_default();
    let baseline = match (wanted.baseline.clone().or(baseline), family) {
        (Some(baseline), _) => baseline,
        // Pairs need none.
        (None, FamilyKind::OneFactor | FamilyKind::AllPairs | FamilyKind::Matched) => String::new(),
        (None, FamilyKind::Baseline) => configs.first().map(|c| c.name.clone()).unwrap_or_default(),
    };
    if !baseline.is_empty() && !in_all(&baseline) {
        let names: BTreeSet<&str> = configs.iter().map(|c| c.name.as_str()).collect();
        let known: Vec<String> = names.into_iter().filter(|name| in_all(name)).map(str::to_owned).collect();
        return unknown("config", &baseline, known);
    }
    if !metrics.contains(&metric) {
        return unknown("metric", &metric, metrics.iter().cloned().collect());
    }
    if wanted.tasks && strata.len() < 2 {
        let strata = strata.iter().filter(|name| !name.is_empty()).count();
        return Err(LayoutError::Tasks { file: file.to_owned(), strata });
    }
    let natural = natural_direction(&metric);
    Ok(AnalysisPlan {
        metric,
        direction: wanted.direction.unwrap_or(natural),
        baseline,
        alpha: wanted.alpha.unwrap_or(0.05),
        correction: wanted.correction.unwrap_or(Correction::Holm),
        confidence: 0.95,
        family,
        delta: wanted.delta,
        secondary: Vec::new(),
        missing: wanted.missing,
        tasks: if wanted.tasks { Tasks::Strata } else { Tasks::None },
        tuning: BTreeMap::new(),
        stopping: Stopping::Fixed,
    })
}

/// Which way a metric improves by its name: everything is better when higher but losses and errors.
fn natural_direction(metric: &str) -> Direction {
    let kind = metric.split('/').next().unwrap_or_default().to_ascii_lowercase();
    let lower = ["loss", "error", "perplexity"].iter().any(|name| kind.ends_with(name));
    if lower || matches!(kind.as_str(), "nll" | "ece" | "mse" | "rmse" | "mae") {
        Direction::Minimize
    } else {
        Direction::Maximize
    }
}

/// The balanced accuracy, or whatever comes first.
fn primary(metrics: &[String]) -> Option<String> {
    metrics.iter().find(|name| *name == "accuracy/balanced").or_else(|| metrics.first()).cloned()
}

/// A completed training that `source` tells of, as yet without values.
pub(crate) fn training((config, replicate): (u32, u32), source: String) -> TrialResult {
    TrialResult {
        config,
        replicate,
        seed: 0,
        state: "Finished".to_owned(),
        ending: Some("completed".to_owned()),
        metrics: Vec::new(),
        provenance: None,
        // It was observed before anybody planned this analysis, and the report must say so.
        reused_from: Some(source),
        last_error: None,
        stopped: false,
    }
}

/// Results as if they were a sweep that has finished.
pub(crate) fn results(
    text: &Text,
    wanted: &Wanted,
    (configs, analysis): (Vec<ConfigSpec>, AnalysisPlan),
    mut trials: Vec<TrialResult>,
) -> SweepResults {
    let file = &text.file;
    let zeros = if wanted.zeros_are_values { None } else { zeros::leave_out(&mut trials, &configs) };
    let digest = |what: &str| hex(&format!("{file} {what} {analysis:?} {configs:?}"));
    SweepResults {
        schema: RESULTS_SCHEMA,
        sweep: "imported".to_owned(),
        spec: SweepSpec {
            name: folder(&text.stem),
            seed: 0,
            pairing: if wanted.paired { Pairing::Common } else { Pairing::Independent },
            priority: 0,
            max_failures: 1,
            digest: digest("sweep"),
            plan_digest: digest("plan"),
            configs,
            analysis,
            toml: format!("# No sweep file: the results were read from {file}.\n"),
            overrides: Vec::new(),
        },
        state: "finished".to_owned(),
        submitted_ms: text.changed_ms,
        closed_ms: Some(text.changed_ms),
        cancel_reason: None,
        software_version: env!("CARGO_PKG_VERSION").to_owned(),
        data_digests: Vec::new(),
        trials,
        attempts: Vec::new(),
        looks: Vec::new(),
        unequal_repeats: 0,
        repeats: 0,
        origin: Origin::File,
        notes: zeros.into_iter().collect(),
    }
}

/// A name that can be part of a file name.
fn folder(name: &str) -> String {
    let clean = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let name: String = name.chars().take(64).map(clean).collect();
    if name.is_empty() || name.starts_with(['.', '-']) { format!("imported{name}") } else { name }
}

/// What a cell holds, short and harmless on a terminal: no character that acts instead of showing.
pub(crate) fn shown(cell: &str) -> String {
    let acts = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    cell.chars().take(40).map(|c| if acts(c) { '\u{fffd}' } else { c }).collect()
}

/// `config`, or `stratum/config`, as [`shown`].
fn shown_config(config: &ConfigSpec) -> String {
    let name = shown(&config.name);
    if config.stratum.is_empty() { name } else { format!("{}/{name}", shown(&config.stratum)) }
}

/// SHA-256, hex.
pub(crate) fn hex(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::with_capacity(64), |mut out, byte| {
        // Writing to a string cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}
