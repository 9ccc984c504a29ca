//! Rows to results, as if they were a sweep that has finished: one stratum per number of epochs, one config per set of
//! flags. Which rows had a seed in common nobody knows any more, so the seeds count as independent.

use super::{ACCURACIES, COLUMNS};
use crate::{
    imports::{self, LayoutError, Text, Wanted, hex, shown},
    results::{SweepResults, TrialResult},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};
use sweeper_core::{
    record::{Metric, Provenance},
    spec::{AnalysisPlan, ConfigSpec},
};

/// The flags, as a config's name lists those that are set.
const FLAGS: [&str; 6] = ["ub", "ap", "tp", "vp", "al", "ls"];
/// The config with `ub` alone: study A's plain training on unbalanced data.
const BASELINE: [bool; 6] = [true, false, false, false, false, false];
/// What becomes a metric of its own name, final or not. Study A's two losses are those of whatever was evaluated last,
/// under a name that says otherwise, so they stay out of the analysis.
const LOSSES: [&str; 2] = ["train_loss/logged", "valid_loss/logged"];

/// What the columns `epochs` to `lr` say. In the order of study A's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    epochs: u32,
    flags: [bool; 6],
    batch: u32,
    /// In units of 1e-5, as the layout writes it.
    rate: u64,
}

/// One training.
struct Row {
    line: u64,
    elapsed: f64,
    losses: [Option<f64>; 2],
    accuracies: [Option<f64>; 4],
}

/// Whether a first line is this layout's.
pub(crate) fn is_head(head: &[String]) -> bool {
    head.iter().map(String::as_str).eq(COLUMNS)
}

/// Reads a file of this layout.
///
/// # Errors
/// Every [`LayoutError`] but those of writing.
pub(crate) fn read(text: &Text, wanted: &Wanted) -> Result<SweepResults, LayoutError> {
    results(text, rows(&text.text, &text.file)?, wanted)
}

fn rows(text: &str, file: &str) -> Result<BTreeMap<Key, Vec<Row>>, LayoutError> {
    let mut reader = ::csv::ReaderBuilder::new().trim(::csv::Trim::All).from_reader(text.as_bytes());
    let mut rows: BTreeMap<Key, Vec<Row>> = BTreeMap::new();
    for record in reader.records() {
        let record = record.map_err(|e| LayoutError::Row {
            file: file.to_owned(),
            line: e.position().map_or(0, ::csv::Position::line),
            why: format!("not a row of {} cells", COLUMNS.len()),
        })?;
        let cells = Cells { file, line: record.position().map_or(0, ::csv::Position::line), record: &record };
        let (key, row) = cells.row()?;
        rows.entry(key).or_default().push(row);
    }
    if rows.is_empty() {
        return Err(LayoutError::Row { file: file.to_owned(), line: 2, why: "there is no row".to_owned() });
    }
    Ok(rows)
}

/// One line of the file.
struct Cells<'a> {
    file: &'a str,
    line: u64,
    record: &'a ::csv::StringRecord,
}

impl Cells<'_> {
    fn wrong<T>(&self, column: usize, expected: &'static str) -> Result<T, LayoutError> {
        let found = shown(self.record.get(column).unwrap_or_default());
        let (file, column) = (self.file.to_owned(), COLUMNS[column].to_owned());
        Err(LayoutError::Cell { file, line: self.line, column, found, expected })
    }

    /// A number for which `holds` is true.
    fn number(&self, column: usize, expected: &'static str, holds: fn(f64) -> bool) -> Result<f64, LayoutError> {
        let number = self.record.get(column).and_then(|cell| cell.parse::<f64>().ok());
        number.filter(|x| holds(*x)).map_or_else(|| self.wrong(column, expected), Ok)
    }

    fn whole(&self, column: usize, expected: &'static str, most: u32) -> Result<u32, LayoutError> {
        let number = self.record.get(column).and_then(|cell| cell.parse::<u32>().ok());
        number.filter(|n| (1..=most).contains(n)).map_or_else(|| self.wrong(column, expected), Ok)
    }

    fn is_absent(&self, column: usize) -> bool {
        self.record.get(column) == Some("-")
    }

    fn row(&self) -> Result<(Key, Row), LayoutError> {
        let mut flags = [false; 6];
        for (flag, column) in flags.iter_mut().zip(1..) {
            *flag = match self.record.get(column) {
                Some("0") => false,
                Some("1") => true,
                _ => return self.wrong(column, "0 or 1"),
            };
        }
        let rate = self.number(8, "a learning rate above 0, at most 100", |x| x > 0.0 && x <= 100.0)?;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let rate = (rate * 1e5).round() as u64;
        let key = Key {
            epochs: self.whole(0, "1 to 10000", 10_000)?,
            flags,
            batch: self.whole(7, "1 to 65536", 65_536)?,
            rate,
        };
        let mut losses = [None; 2];
        for (loss, column) in losses.iter_mut().zip(10..) {
            if !self.is_absent(column) {
                *loss = Some(self.number(column, "a finite number, or `-`", f64::is_finite)?);
            }
        }
        let mut accuracies = [None; 4];
        for (accuracy, column) in accuracies.iter_mut().zip(12..) {
            if !self.is_absent(column) {
                *accuracy = Some(self.number(column, "0 to 100, or `-`", |x| (0.0..=100.0).contains(&x))?);
            }
        }
        // Without unbalanced data there are no such splits: by this layout 0 means that, whatever others have and however
        // zeros are to be taken.
        if !flags[0] {
            for accuracy in &mut accuracies[2..] {
                *accuracy = accuracy.filter(|x| *x != 0.0);
            }
        }
        let elapsed = self.number(9, "seconds, 0 to 1e9", |x| (0.0..=1e9).contains(&x))?;
        Ok((key, Row { line: self.line, elapsed, losses, accuracies }))
    }
}

fn results(text: &Text, rows: BTreeMap<Key, Vec<Row>>, wanted: &Wanted) -> Result<SweepResults, LayoutError> {
    // Batch size and rate are told only where they tell something apart.
    let several = rows.keys().map(|key| (key.batch, key.rate)).collect::<BTreeSet<_>>().len() > 1;
    let configs: Vec<ConfigSpec> = rows.iter().map(|(key, found)| config(key, found.len(), several)).collect();
    let analysis = plan(&text.file, &rows, &configs, wanted)?;
    let trials = (0u32..).zip(rows).flat_map(|(config, (key, found))| {
        (0u32..).zip(found).map(move |(replicate, row)| trial(config, replicate, key.epochs, row, &text.file))
    });
    Ok(imports::results(text, wanted, (configs, analysis), trials.collect()))
}

fn config_name(key: &Key, several: bool) -> String {
    let set: Vec<&str> = FLAGS.iter().zip(key.flags).filter_map(|(flag, set)| set.then_some(*flag)).collect();
    let flags = if set.is_empty() { "plain".to_owned() } else { set.join("+") };
    if several { format!("{flags} bs={} lr={:.5}", key.batch, rate(key)) } else { flags }
}

#[allow(clippy::cast_precision_loss)]
fn rate(key: &Key) -> f64 {
    key.rate as f64 / 1e5
}

fn config(key: &Key, replicates: usize, several: bool) -> ConfigSpec {
    let plural = if key.epochs == 1 { "" } else { "s" };
    let mut flags = String::new();
    for (flag, set) in FLAGS.iter().zip(key.flags) {
        let _ = write!(flags, r#""{flag}":{},"#, u8::from(set));
    }
    // What the row says, and no recipe: what else was set, nobody wrote down.
    let row = format!(r#"{{"epochs":{},{flags}"bs":{},"lr":{:.5}}}"#, key.epochs, key.batch, rate(key));
    ConfigSpec {
        name: config_name(key, several),
        stratum: format!("{} epoch{plural}", key.epochs),
        replicates: u32::try_from(replicates).unwrap_or(u32::MAX),
        recipe_digest: hex(&row),
        recipe: row.into_bytes(),
        data_key: String::new(),
        training_digest: String::new(),
        twins_before: 0,
    }
}

fn plan(
    file: &str,
    rows: &BTreeMap<Key, Vec<Row>>,
    configs: &[ConfigSpec],
    wanted: &Wanted,
) -> Result<AnalysisPlan, LayoutError> {
    let plain = || rows.keys().zip(configs).find(|(key, _)| key.flags == BASELINE).map(|(_, c)| c.name.clone());
    let baseline = plain().unwrap_or_else(|| "ub".to_owned());
    let metric = wanted.metric.clone().unwrap_or_else(|| ACCURACIES[1].to_owned());
    let metrics = ACCURACIES.map(str::to_owned).into();
    imports::plan(file, wanted, configs, (Some(baseline), &metrics), metric)
}

fn trial(config: u32, replicate: u32, epochs: u32, row: Row, file: &str) -> TrialResult {
    let metric = |name: &str, value: Option<f64>, is_final| {
        value.map(|value| Metric { name: name.to_owned(), epoch: epochs, value, is_final })
    };
    let accuracies = ACCURACIES.iter().zip(row.accuracies).filter_map(|(name, value)| metric(name, value, true));
    let losses = LOSSES.iter().zip(row.losses).filter_map(|(name, value)| metric(name, value, false));
    let mut metrics: Vec<Metric> = accuracies.chain(losses).collect();
    metrics.sort_by(|a, b| a.name.cmp(&b.name));
    TrialResult {
        metrics,
        provenance: Some(Box::new(Provenance { train_seconds: row.elapsed, ..Provenance::default() })),
        ..imports::training((config, replicate), format!("{file}:{}", row.line))
    }
}
