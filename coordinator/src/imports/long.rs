//! One row per value, as `results.csv` has them.

use super::{LayoutError, Text, Wanted, hex, plan, results, shown};
use crate::results::{SweepResults, TrialResult};
use std::collections::{BTreeMap, BTreeSet};
use sweeper_core::{
    record::Metric,
    spec::{ConfigSpec, Pairing},
};

/// The columns that a file must have, in any order; others are not read, but for `final`, which tells the values that a
/// report compares. Without it the last epoch of each training does.
pub(super) const HEAD: [&str; 5] = ["config", "replicate", "metric", "epoch", "value"];
/// Distinct configs that a file may have.
const MOST_CONFIGS: usize = 10_000;
/// Highest number of a replicate.
const LARGEST_REPLICATE: u32 = 999_999;
/// Longest name, in bytes.
const LONGEST_NAME: usize = 100_000;

pub(super) fn is_head(head: &[String]) -> bool {
    HEAD.iter().all(|column| head.iter().any(|found| found == column))
}

/// Values of one training.
type Training = Vec<Metric>;

/// Reads a file. `config` may be `stratum/config`: it is, if every name has one stroke. Configs keep the order in which
/// they come first.
pub(super) fn read(text: &Text, wanted: &Wanted) -> Result<SweepResults, LayoutError> {
    let (names, trainings) = rows(text)?;
    let metrics: BTreeSet<String> = trainings.values().flatten().map(|m| m.name.clone()).collect();
    let metric = wanted.metric.clone().or_else(|| primary(&metrics)).unwrap_or_default();
    let configs = configs(&names, &trainings);
    let analysis = plan(&text.file, wanted, &configs, (None, &metrics), metric)?;
    let pairing = if wanted.paired { Pairing::Common } else { Pairing::Independent };
    let mut trials: Vec<TrialResult> = trainings
        .into_iter()
        .map(|((config, replicate), metrics)| trial(config, replicate, metrics, &text.file))
        .collect();
    trials.sort_by_key(|t| (t.config, t.replicate));
    Ok(results(text, pairing, (configs, analysis), trials))
}

/// The balanced accuracy, or whatever comes first.
fn primary(metrics: &BTreeSet<String>) -> Option<String> {
    metrics.get("accuracy/balanced").or_else(|| metrics.first()).cloned()
}

/// Names of the configs, and what each training showed by config and replicate.
type Rows = (Vec<String>, BTreeMap<(u32, u32), Training>);

fn rows(text: &Text) -> Result<Rows, LayoutError> {
    let file = &text.file;
    let mut reader = ::csv::ReaderBuilder::new().from_reader(text.text.as_bytes());
    let head = reader.headers().cloned().unwrap_or_default();
    let place = |name: &str| head.iter().position(|column| column.trim() == name);
    // The head was looked at before.
    let Some(places) = HEAD.iter().map(|name| place(name)).collect::<Option<Vec<usize>>>() else {
        return Err(LayoutError::UnknownLayout { file: file.clone(), expected: HEAD.join(",") });
    };
    let columns = Columns { file, places, is_final: place("final") };
    let (mut names, mut trainings) = (Vec::new(), BTreeMap::<(u32, u32), Training>::new());
    let (mut indices, mut seen) = (BTreeMap::new(), BTreeSet::new());
    for record in reader.records() {
        let line = record.as_ref().ok().and_then(|r| r.position()).map_or(0, ::csv::Position::line);
        let row = |line: u64, why: String| LayoutError::Row { file: file.clone(), line, why };
        let record = record.map_err(|e| {
            row(e.position().map_or(0, ::csv::Position::line), format!("not a row of {} cells", head.len()))
        })?;
        let (config, replicate, metric) = columns.value(&record, line)?;
        if names.len() >= MOST_CONFIGS && !indices.contains_key(&config) {
            return Err(row(line, format!("more than {MOST_CONFIGS} configs")));
        }
        let index = *indices.entry(config.clone()).or_insert_with(|| {
            names.push(config.clone());
            names.len() as u32 - 1
        });
        if !seen.insert((index, replicate, metric.name.clone(), metric.epoch, metric.is_final)) {
            let (config, name, epoch) = (shown(&config), shown(&metric.name), metric.epoch);
            let why =
                format!("config `{config}`, replicate {replicate}, metric `{name}` has two values of epoch {epoch}");
            return Err(row(line, why));
        }
        trainings.entry((index, replicate)).or_default().push(metric);
    }
    if trainings.is_empty() {
        return Err(LayoutError::Row { file: file.clone(), line: 2, why: "there is no row".to_owned() });
    }
    if columns.is_final.is_none() {
        trainings.values_mut().for_each(last_is_final);
    }
    Ok((names, trainings))
}

/// Where the columns are.
struct Columns<'a> {
    file: &'a str,
    places: Vec<usize>,
    is_final: Option<usize>,
}

impl Columns<'_> {
    /// Config, replicate, and what was observed.
    fn value(&self, record: &::csv::StringRecord, line: u64) -> Result<(String, u32, Metric), LayoutError> {
        let cell = |column: usize| record.get(self.places[column]).unwrap_or_default();
        let wrong = |column: usize, expected| {
            let (column, found) = (HEAD[column].to_owned(), shown(cell(column)));
            LayoutError::Cell { file: self.file.to_owned(), line, column, found, expected }
        };
        let [config, name] = [0, 2].map(|column| unguarded(cell(column)));
        for (column, name) in [(0, config), (2, name)] {
            if name.is_empty() || name.len() > LONGEST_NAME {
                return Err(wrong(column, "a name"));
            }
        }
        let replicate = cell(1).parse::<u32>().ok().filter(|r| *r <= LARGEST_REPLICATE);
        let replicate = replicate.ok_or_else(|| wrong(1, "a number from 0 to 999999"))?;
        let epoch = cell(3).parse::<u32>().map_err(|_| wrong(3, "a number from 0"))?;
        let value = cell(4).parse::<f64>().map_err(|_| wrong(4, "a number, NaN or inf"))?;
        let is_final = match self.is_final.and_then(|column| record.get(column)) {
            Some("true" | "1") => true,
            None | Some("false" | "0") => false,
            Some(_) => {
                let why = "`final` is neither true nor false".to_owned();
                return Err(LayoutError::Row { file: self.file.to_owned(), line, why });
            }
        };
        Ok((config.to_owned(), replicate, Metric { name: name.to_owned(), epoch, value: value + 0.0, is_final }))
    }
}

/// A text without the apostrophe that keeps a spreadsheet from taking it for a formula.
fn unguarded(cell: &str) -> &str {
    cell.strip_prefix('\'').unwrap_or(cell)
}

fn last_is_final(metrics: &mut Training) {
    let mut last: BTreeMap<String, u32> = BTreeMap::new();
    for metric in metrics.iter() {
        let epoch = last.entry(metric.name.clone()).or_insert(metric.epoch);
        *epoch = metric.epoch.max(*epoch);
    }
    for metric in metrics {
        metric.is_final = last.get(&metric.name) == Some(&metric.epoch);
    }
}

fn configs(names: &[String], trainings: &BTreeMap<(u32, u32), Training>) -> Vec<ConfigSpec> {
    let strata = names.iter().all(|name| name.matches('/').count() == 1);
    let config = |(index, name): (u32, &String)| {
        let (stratum, own) = name.split_once('/').filter(|_| strata).unwrap_or(("", name));
        let last = trainings.range((index, 0)..=(index, u32::MAX)).next_back();
        ConfigSpec {
            name: own.to_owned(),
            stratum: stratum.to_owned(),
            replicates: last.map_or(0, |((_, replicate), _)| replicate + 1),
            // What was trained, nobody wrote down.
            recipe: serde_json::json!({ "config": own }).to_string().into_bytes(),
            recipe_digest: hex(name),
            data_key: String::new(),
            training_digest: String::new(),
        }
    };
    (0u32..).zip(names).map(config).collect()
}

fn trial(config: u32, replicate: u32, mut metrics: Training, file: &str) -> TrialResult {
    metrics.sort_by(|a, b| (&a.name, a.epoch, a.is_final).cmp(&(&b.name, b.epoch, b.is_final)));
    TrialResult {
        config,
        replicate,
        seed: 0,
        state: "Finished".to_owned(),
        ending: Some("completed".to_owned()),
        metrics,
        provenance: None,
        // They were observed before anybody planned this analysis, and the report must say so.
        reused_from: Some(file.to_owned()),
        last_error: None,
        stopped: false,
    }
}
