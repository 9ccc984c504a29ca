//! One row per value, as `results.csv` has them.

use super::{LayoutError, Text, Wanted, absent, hex, plan, primary, results, rows, shown, training};
use crate::results::{SweepResults, TrialResult};
use rayon::prelude::*;
use std::collections::{BTreeSet, HashMap};
use sweeper_core::{record::Metric, spec::ConfigSpec};

/// The columns that a file must have, in any order. Others are not read, but for `epoch`, without which there is one value
/// of each metric, and `final`, which tells the values that a report compares: without it those of the last epoch.
pub(super) const HEAD: [&str; 4] = ["config", "replicate", "metric", "value"];
/// Distinct configs that a file may have.
const MOST_CONFIGS: usize = 10_000;
/// Pairs of a config and a metric that a file may have: what a report has a mean of.
const MOST_CELLS: usize = 200_000;
/// Replicates that may be missing below the highest number, beside four times those that are there.
const MOST_ABSENT: u64 = 100_000;
/// Highest number of a replicate.
const LARGEST_REPLICATE: u32 = 999_999;
/// Longest name, in bytes.
const LONGEST_NAME: usize = 100_000;

/// The columns that are not there, in a first line that has others of them.
pub(super) fn missing(head: &[String]) -> Option<Vec<&'static str>> {
    let (there, missing): (Vec<_>, Vec<_>) =
        HEAD.into_iter().partition(|column| head.iter().any(|found| found == column));
    (there.len() >= 2 && !missing.is_empty()).then_some(missing)
}

pub(super) fn is_head(head: &[String]) -> bool {
    HEAD.iter().all(|column| head.iter().any(|found| found == column))
}

/// Results of the rows of a file. `config` may be `stratum/config`: it is, if every name has one stroke. Configs keep the
/// order in which they come first.
pub(super) fn read(text: &Text, table: Table, wanted: &Wanted) -> Result<SweepResults, LayoutError> {
    let Table { configs: names, metrics: named, rows: mut values, bare } = table;
    let metrics: BTreeSet<String> = named.iter().cloned().collect();
    let metric = wanted.metric.clone().or_else(|| primary(&named)).unwrap_or_default();
    order(&mut values, &named);
    distinct(text, &values, (&names, &named))?;
    let trainings: Vec<&[Row]> = values.chunk_by(|a, b| a.training() == b.training()).collect();
    let mut trials: Vec<TrialResult> = trainings.par_iter().map(|own| trial(own, &named, &text.file)).collect();
    add_bare(&mut trials, bare, &text.file);
    absent::lose(&mut trials, &metric);
    let configs = configs(&names, &trials);
    let planned: u64 = configs.iter().map(|c| u64::from(c.replicates)).sum();
    if planned > MOST_ABSENT + 4 * trials.len() as u64 {
        let there = trials.len();
        let why = format!("replicates are numbered up to {planned} in all, and {there} are there; number them from 0");
        return Err(LayoutError::Row { file: text.file.clone(), line: 2, why });
    }
    let analysis = plan(&text.file, wanted, &configs, (None, &metrics), metric)?;
    let gaps = absent::gaps(&trials, &configs);
    let short = absent::cut_short(&trials, &configs, &analysis.metric);
    let mut results = results(text, wanted, (configs, analysis), trials);
    results.notes.extend(gaps.into_iter().chain(short));
    Ok(results)
}

/// Adds the trainings of which a file has nothing but the name.
fn add_bare(trials: &mut Vec<TrialResult>, bare: BTreeSet<(u32, u32)>, file: &str) {
    let key = |trial: &TrialResult| (trial.config, trial.replicate);
    let absent = bare.into_iter().filter(|own| trials.binary_search_by_key(own, key).is_err());
    let absent: Vec<TrialResult> = absent.map(|own| training(own, file.to_owned())).collect();
    if !absent.is_empty() {
        trials.extend(absent);
        trials.sort_by_key(key);
    }
}

/// One value.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) config: u32,
    pub(super) replicate: u32,
    pub(super) metric: u32,
    pub(super) epoch: u32,
    pub(super) is_final: bool,
    pub(super) line: u32,
    pub(super) value: f64,
}

impl Row {
    fn training(&self) -> (u32, u32) {
        (self.config, self.replicate)
    }

    /// What no two rows may have in common.
    fn key(&self) -> (u32, u32, u32, u32, bool) {
        (self.config, self.replicate, self.metric, self.epoch, self.is_final)
    }
}

/// A file in numbers: names of configs and metrics in the order in which they come first, and the rows.
pub(super) struct Table {
    configs: Vec<String>,
    metrics: Vec<String>,
    rows: Vec<Row>,
    /// Config and replicate of trainings that have a line without any value.
    bare: BTreeSet<(u32, u32)>,
}

/// Names and their numbers.
#[derive(Default)]
struct Names {
    list: Vec<String>,
    numbers: HashMap<String, u32>,
    last: u32,
}

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        // The name of the row before, or the one that once came after it: most files go round in a circle.
        let next = if (self.last as usize) + 1 < self.list.len() { self.last + 1 } else { 0 };
        let guessed = [self.last, next].into_iter().find(|&at| self.list.get(at as usize).is_some_and(|n| n == name));
        self.last = guessed.or_else(|| self.numbers.get(name).copied()).unwrap_or_else(|| {
            let number = self.list.len() as u32;
            self.list.push(name.to_owned());
            self.numbers.insert(name.to_owned(), number);
            number
        });
        self.last
    }
}

/// A table as it grows, within its bounds.
pub(super) struct Filling<'a> {
    cells: Cells<'a>,
    configs: Names,
    metrics: Names,
    rows: Vec<Row>,
    bare: BTreeSet<(u32, u32)>,
}

impl<'a> Filling<'a> {
    pub(super) fn new(file: &'a str) -> Self {
        Self {
            cells: Cells { file },
            configs: Names::default(),
            metrics: Names::default(),
            rows: Vec::new(),
            bare: BTreeSet::new(),
        }
    }

    /// Adds a training of which a line has no value.
    pub(super) fn add_bare(&mut self, config: &str, replicate: u32, line: u32) -> Result<(), LayoutError> {
        self.bare.insert((self.configs.number(config), replicate));
        self.check(line)
    }

    /// Adds a value; the row's own numbers of config and metric are not read.
    pub(super) fn add(&mut self, config: &str, metric: &str, row: Row) -> Result<(), LayoutError> {
        self.rows.push(Row { config: self.configs.number(config), metric: self.metrics.number(metric), ..row });
        self.check(row.line)
    }

    /// Adds the rows that come after these.
    fn append(&mut self, other: Self) -> Result<(), LayoutError> {
        let numbers = |own: &mut Names, other: &Names| other.list.iter().map(|name| own.number(name)).collect();
        let configs: Vec<u32> = numbers(&mut self.configs, &other.configs);
        let metrics: Vec<u32> = numbers(&mut self.metrics, &other.metrics);
        let renamed =
            |row: Row| Row { config: configs[row.config as usize], metric: metrics[row.metric as usize], ..row };
        let line = other.rows.last().map_or(1, |row| row.line);
        self.rows.extend(other.rows.into_iter().map(renamed));
        self.bare.extend(other.bare.into_iter().map(|(config, replicate)| (configs[config as usize], replicate)));
        self.check(line)
    }

    /// Whether all is within its bounds.
    fn check(&self, line: u32) -> Result<(), LayoutError> {
        let (configs, metrics) = (self.configs.list.len(), self.metrics.list.len());
        if configs > MOST_CONFIGS {
            return Err(self.cells.wrong_row(line, format!("more than {MOST_CONFIGS} configs")));
        }
        if configs * metrics > MOST_CELLS {
            let why = format!("more than {MOST_CELLS} pairs of a config and a metric");
            return Err(self.cells.wrong_row(line, why));
        }
        Ok(())
    }

    /// All of it; `told` says whether the rows themselves tell which of them are final.
    pub(super) fn table(mut self, told: bool) -> Result<Table, LayoutError> {
        if self.rows.is_empty() {
            return Err(self.cells.wrong_row(2, "there is no row with a value".to_owned()));
        }
        if !told {
            last_is_final(&mut self.rows);
        }
        Ok(Table { configs: self.configs.list, metrics: self.metrics.list, rows: self.rows, bare: self.bare })
    }
}

/// Reads the rows.
pub(super) fn table(text: &Text) -> Result<Table, LayoutError> {
    let head = text.head();
    let place = |name: &str| head.iter().position(|column| column == name);
    // The head was looked at before.
    let places = HEAD.map(|name| place(name).unwrap_or_default());
    let columns =
        Columns { cells: Cells { file: &text.file }, places, epoch: place("epoch"), is_final: place("final") };
    let add = |filling: &mut Filling<'_>, line: u32, cells: &[&str]| {
        if cells.len() != head.len() {
            return Err(columns.cells.wrong_row(line, format!("not a row of {} cells", head.len())));
        }
        let (config, metric, row) = columns.row(cells, line)?;
        filling.add(config, metric, row)
    };
    let new = || Filling::new(&text.file);
    let pieces = rows::pieces(&text.text, new, add)?;
    let mut all = new();
    all.rows.reserve_exact(pieces.iter().map(|piece| piece.rows.len()).sum());
    if pieces.into_iter().try_for_each(|piece| all.append(piece)).is_err() {
        // Together they are beyond the bounds: row by row it shows in which line.
        all = new();
        rows::each(&text.text, |line, cells| add(&mut all, line, cells))?;
    }
    all.table(columns.is_final.is_some())
}

/// By config, replicate, metric in the order of the names, epoch.
fn order(rows: &mut [Row], named: &[String]) {
    let mut by_name: Vec<usize> = (0..named.len()).collect();
    by_name.sort_by_key(|&at| &named[at]);
    let mut places = vec![0_u32; named.len()];
    (0..).zip(by_name).for_each(|(place, at)| places[at] = place);
    let key = |row: &Row| (row.training(), places[row.metric as usize], row.epoch, row.is_final, row.line);
    if rows.par_windows(2).any(|pair| key(&pair[0]) > key(&pair[1])) {
        rows.par_sort_unstable_by_key(key);
    }
}

/// Refuses the first row that says again what an earlier one has said.
fn distinct(text: &Text, rows: &[Row], (configs, metrics): (&[String], &[String])) -> Result<(), LayoutError> {
    let again = rows.par_windows(2).filter(|pair| pair[0].key() == pair[1].key()).map(|pair| pair[1]);
    let Some(row) = again.min_by_key(|row| row.line) else { return Ok(()) };
    let [config, name] = [&configs[row.config as usize], &metrics[row.metric as usize]].map(|name| shown(name));
    let Row { replicate, epoch, line, .. } = row;
    let why = format!("config `{config}`, replicate {replicate}, metric `{name}` has two values of epoch {epoch}");
    Err(LayoutError::Row { file: text.file.clone(), line: u64::from(line), why })
}

/// What the cells of a file may hold.
#[derive(Clone, Copy)]
pub(super) struct Cells<'a> {
    pub(super) file: &'a str,
}

impl Cells<'_> {
    pub(super) fn wrong_row(&self, line: u32, why: String) -> LayoutError {
        LayoutError::Row { file: self.file.to_owned(), line: u64::from(line), why }
    }

    fn wrong(&self, line: u32, column: &str, found: &str, expected: &'static str) -> LayoutError {
        let (file, found) = (self.file.to_owned(), shown(found));
        LayoutError::Cell { file, line: u64::from(line), column: shown(column), found, expected }
    }

    pub(super) fn name<'b>(&self, line: u32, column: &str, cell: &'b str) -> Result<&'b str, LayoutError> {
        let name = unguarded(cell);
        let is_name = !name.is_empty() && name.len() <= LONGEST_NAME;
        if is_name { Ok(name) } else { Err(self.wrong(line, column, name, "a name")) }
    }

    pub(super) fn replicate(&self, line: u32, cell: &str) -> Result<u32, LayoutError> {
        let replicate = cell.parse::<u32>().ok().filter(|r| *r <= LARGEST_REPLICATE);
        replicate.ok_or_else(|| self.wrong(line, "replicate", cell, "a number from 0 to 999999"))
    }

    pub(super) fn epoch(&self, line: u32, cell: &str) -> Result<u32, LayoutError> {
        cell.parse::<u32>().map_err(|_| self.wrong(line, "epoch", cell, "a number from 0"))
    }

    pub(super) fn value(&self, line: u32, column: &str, cell: &str) -> Result<f64, LayoutError> {
        // One zero, whichever sign it was written with.
        cell.parse::<f64>().map(|v| v + 0.0).map_err(|_| self.wrong(line, column, cell, "a number, NaN or inf"))
    }
}

/// Where the columns are.
struct Columns<'a> {
    cells: Cells<'a>,
    places: [usize; HEAD.len()],
    epoch: Option<usize>,
    is_final: Option<usize>,
}

impl Columns<'_> {
    /// The names of config and metric, and the row without them.
    fn row<'b>(&self, cells: &[&'b str], line: u32) -> Result<(&'b str, &'b str, Row), LayoutError> {
        let [config, replicate, metric, value] = self.places.map(|at| cells.get(at).copied().unwrap_or_default());
        let config = self.cells.name(line, HEAD[0], config)?;
        let metric = self.cells.name(line, HEAD[2], metric)?;
        let replicate = self.cells.replicate(line, replicate)?;
        let epoch = match self.epoch.and_then(|column| cells.get(column)) {
            Some(epoch) => self.cells.epoch(line, epoch)?,
            None => 0,
        };
        let value = self.cells.value(line, HEAD[3], value)?;
        let is_final = match self.is_final.and_then(|column| cells.get(column)) {
            Some(&("true" | "1")) => true,
            None | Some(&("false" | "0")) => false,
            Some(_) => return Err(self.cells.wrong_row(line, "`final` is neither true nor false".to_owned())),
        };
        Ok((config, metric, Row { config: 0, replicate, metric: 0, epoch, is_final, line, value }))
    }
}

/// A text without the apostrophe that keeps a spreadsheet from taking it for a formula.
fn unguarded(cell: &str) -> &str {
    cell.strip_prefix('\'').unwrap_or(cell)
}

fn last_is_final(rows: &mut [Row]) {
    let mut last: HashMap<(u32, u32, u32), u32> = HashMap::new();
    let of = |row: &Row| (row.config, row.replicate, row.metric);
    // Where all epochs are one, as in a table of final values, nothing has to be looked up.
    let first = rows.first().map(|row| row.epoch);
    if rows.iter().all(|row| Some(row.epoch) == first) {
        return rows.iter_mut().for_each(|row| row.is_final = true);
    }
    for row in rows.iter() {
        let epoch = last.entry(of(row)).or_insert(row.epoch);
        *epoch = row.epoch.max(*epoch);
    }
    rows.iter_mut().for_each(|row| row.is_final = last.get(&of(row)) == Some(&row.epoch));
}

/// `trials` are in order.
fn configs(names: &[String], trials: &[TrialResult]) -> Vec<ConfigSpec> {
    let strata = names.iter().all(|name| name.matches('/').count() == 1);
    let mut replicates = vec![0; names.len()];
    trials.iter().for_each(|trial| replicates[trial.config as usize] = trial.replicate + 1);
    let config = |(name, replicates): (&String, u32)| {
        let (stratum, own) = name.split_once('/').filter(|_| strata).unwrap_or(("", name));
        ConfigSpec {
            name: own.to_owned(),
            stratum: stratum.to_owned(),
            replicates,
            // What was trained, nobody wrote down.
            recipe: serde_json::json!({ "config": own }).to_string().into_bytes(),
            recipe_digest: hex(name),
            data_key: String::new(),
            training_digest: String::new(),
            twins_before: 0,
        }
    };
    names.iter().zip(replicates).map(config).collect()
}

/// A training by its rows, in order.
fn trial(rows: &[Row], named: &[String], file: &str) -> TrialResult {
    let metric = |row: &Row| Metric {
        name: named[row.metric as usize].clone(),
        epoch: row.epoch,
        value: row.value,
        is_final: row.is_final,
    };
    let (config, replicate) = rows.first().map(Row::training).unwrap_or_default();
    TrialResult { metrics: rows.iter().map(metric).collect(), ..training((config, replicate), file.to_owned()) }
}
