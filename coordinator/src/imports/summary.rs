//! One row per config and metric: mean, standard deviation and number, as published tables have them.

use super::{LayoutError, Text, Wanted, check_head, plan, primary, shown, unknown_layout, zeros};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
};
use sweeper_core::spec::{AnalysisPlan, ConfigSpec};
use sweeper_stats::from_summary::SampleStats;

/// Columns that a table must have. Of the others `stratum` and `ddof` are read, and every further one is a factor whose
/// level tells configs apart.
const HEAD: [&str; 5] = ["config", "metric", "mean", "sd", "n"];
/// Rows that a table may have.
const MOST_ROWS: usize = 20_000;

/// A published table, and how it is to be judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The file's name without folder and ending.
    pub name: String,
    /// The file.
    pub file: String,
    /// What it holds.
    pub text: String,
    /// When it was changed last, milliseconds since the Unix epoch.
    pub changed_ms: u64,
    /// Configs in the table's order; strata follow each other.
    pub configs: Vec<ConfigSpec>,
    /// One per config: what was measured, by metric.
    pub rows: Vec<BTreeMap<String, SummaryRow>>,
    /// How it is judged.
    pub plan: AnalysisPlan,
    /// How it was read where that is not plain, one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What is known of one config on one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SummaryRow {
    /// Moments, the standard deviation with divisor n − 1.
    pub stats: SampleStats,
    /// The divisor of the printed standard deviation: n − `ddof`.
    pub ddof: u8,
    /// Whether the table leaves it out, so that n − 1 is a guess.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ddof_assumed: bool,
}

/// Reads a table `config,metric,mean,sd,n`, optionally with `stratum`, `ddof` (of the printed SD; 1 without) and factors.
///
/// # Errors
/// Every [`LayoutError`] but those of writing.
pub fn read_summary(path: &Path, wanted: &Wanted) -> Result<Summary, LayoutError> {
    let text = Text::read(path)?;
    let head = text.head();
    check_head(&text, &head)?;
    if !HEAD.iter().all(|column| head.iter().any(|found| found == column)) {
        let expected = format!("{}, and if need be stratum, ddof and factors", HEAD.join(","));
        return Err(unknown_layout(&text, &head, expected));
    }
    let table = Table { text: &text, head: &head };
    let mut places: HashMap<(String, String), usize> = HashMap::new();
    let (mut configs, mut rows): (Vec<ConfigSpec>, Vec<BTreeMap<String, SummaryRow>>) = (Vec::new(), Vec::new());
    // Metrics in the order in which they come first.
    let mut named: Vec<String> = Vec::new();
    let mut reader = ::csv::ReaderBuilder::new().trim(::csv::Trim::All).from_reader(text.text.as_bytes());
    for (at, record) in reader.records().enumerate() {
        let line = record.as_ref().ok().and_then(|r| r.position()).map_or(at as u64 + 2, ::csv::Position::line);
        let row = |why: String| LayoutError::Row { file: text.file.clone(), line, why };
        let record = record.map_err(|_| row(format!("not a row of {} cells", head.len())))?;
        if at >= MOST_ROWS {
            return Err(row(format!("more than {MOST_ROWS} rows")));
        }
        let (config, metric, found) = table.row(&record, line)?;
        let name = (config.stratum.clone(), config.name.clone());
        let place = match places.get(&name).copied() {
            Some(place) if configs[place].recipe != config.recipe => {
                return Err(row(format!("config `{}` has other factors than above", shown(&config.name))));
            }
            Some(place) => place,
            None => {
                places.insert(name, configs.len());
                configs.push(config);
                rows.push(BTreeMap::new());
                configs.len() - 1
            }
        };
        if named.last() != Some(&metric) && !named.contains(&metric) {
            named.push(metric.clone());
        }
        // A config counts as often as its largest sample.
        configs[place].replicates = configs[place].replicates.max(found.stats.n as u32);
        if rows[place].insert(metric.clone(), found).is_some() {
            return Err(row(format!("`{}` of `{}` is there twice", shown(&metric), shown(&configs[place].name))));
        }
    }
    if configs.is_empty() {
        return Err(LayoutError::Row { file: text.file, line: 2, why: "there is no row".to_owned() });
    }
    let (configs, mut rows) = by_stratum(configs, rows);
    let metrics: BTreeSet<String> = rows.iter().flat_map(|row| row.keys().cloned()).collect();
    let metric = wanted.metric.clone().or_else(|| primary(&named)).unwrap_or_default();
    let plan = plan(&text.file, wanted, &configs, (None, &metrics), metric)?;
    let empty = if wanted.zeros_are_values { None } else { leave_zeros_out(&mut rows, &configs) };
    let Text { file, stem, text, changed_ms } = text;
    let notes = empty.into_iter().collect();
    Ok(Summary { name: super::folder(&stem), file, text, changed_ms, configs, rows, plan, notes })
}

/// Leaves out rows with mean and standard deviation 0 on metrics of which other configs have others, and says so.
fn leave_zeros_out(rows: &mut [BTreeMap<String, SummaryRow>], configs: &[ConfigSpec]) -> Option<String> {
    let mut seen = zeros::Seen::default();
    for (config, row) in rows.iter().enumerate() {
        row.iter().for_each(|(metric, found)| {
            seen.add(config, metric, [found.stats.mean, found.stats.sd].into_iter());
        });
    }
    let empty = seen.empty();
    for (metric, configs) in &empty {
        for config in configs {
            rows.get_mut(*config).and_then(|row| row.remove(metric));
        }
    }
    zeros::note(&empty, configs)
}

/// Strata one after the other, each in the order in which it came first.
fn by_stratum<R>(configs: Vec<ConfigSpec>, rows: Vec<R>) -> (Vec<ConfigSpec>, Vec<R>) {
    let mut strata: Vec<String> = Vec::new();
    for config in &configs {
        if !strata.contains(&config.stratum) {
            strata.push(config.stratum.clone());
        }
    }
    let mut both: Vec<(ConfigSpec, R)> = configs.into_iter().zip(rows).collect();
    both.sort_by_key(|(config, _)| strata.iter().position(|s| *s == config.stratum));
    both.into_iter().unzip()
}

/// A table and its columns.
struct Table<'a> {
    text: &'a Text,
    head: &'a [String],
}

impl Table<'_> {
    fn cell<'r>(&self, record: &'r ::csv::StringRecord, column: &str) -> Option<&'r str> {
        record.get(self.head.iter().position(|found| found == column)?)
    }

    fn row(&self, record: &::csv::StringRecord, line: u64) -> Result<(ConfigSpec, String, SummaryRow), LayoutError> {
        let of = |column: &str| self.cell(record, column).unwrap_or_default();
        let wrong = |column: &str, expected| LayoutError::Cell {
            file: self.text.file.clone(),
            line,
            column: column.to_owned(),
            found: shown(of(column)),
            expected,
        };
        for column in ["config", "metric"] {
            if of(column).is_empty() {
                return Err(wrong(column, "a name"));
            }
        }
        let number = |column: &str, expected, holds: fn(f64) -> bool| {
            let number = of(column).parse::<f64>().ok().filter(|x| x.is_finite() && holds(*x));
            number.ok_or_else(|| wrong(column, expected))
        };
        let (mean, sd) = (number("mean", "a finite number", |_| true)?, number("sd", "a number from 0", |x| x >= 0.0)?);
        let n = of("n").parse::<usize>().ok().filter(|n| (2..=100_000_000).contains(n));
        let n = n.ok_or_else(|| wrong("n", "a number from 2 to 100000000"))?;
        let (ddof, ddof_assumed) = match self.cell(record, "ddof") {
            None | Some("") => (1, true),
            Some("1") => (1, false),
            Some("0") => (0, false),
            Some(_) => return Err(wrong("ddof", "0 or 1: the SD's divisor is n - ddof")),
        };
        let stats = SampleStats::printed(mean, sd, n, usize::from(ddof)).map_err(|_| wrong("sd", "a usable number"))?;
        let known =
            |column: &&String| !HEAD.contains(&column.as_str()) && !["stratum", "ddof"].contains(&column.as_str());
        let factors: BTreeMap<&str, &str> = self.head.iter().filter(known).map(|c| (c.as_str(), of(c))).collect();
        let config = ConfigSpec {
            name: of("config").to_owned(),
            stratum: of("stratum").to_owned(),
            replicates: n as u32,
            recipe: serde_json::to_vec(&factors).unwrap_or_default(),
            recipe_digest: String::new(),
            data_key: String::new(),
            training_digest: String::new(),
            twins_before: 0,
        };
        Ok((config, of("metric").to_owned(), SummaryRow { stats, ddof, ddof_assumed }))
    }
}
