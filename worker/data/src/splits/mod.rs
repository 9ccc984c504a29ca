//! Which rows train and which are evaluated.
//!
//! In this order: the source's own division, or rows and shares from the recipe; `tiny`; study E's larger validation
//! set; limits; the unbalanced column. A row that the column draws leaves the training; drawn validation rows make up
//! the `perverse` split, whose class proportions are inverted; the others are the `unbalanced` split, with the
//! proportions of the training split. All validation rows are the `balanced` split. Draws go by uncorrupted labels.
//!
//! Map: `column` the unbalanced column · `resplit` the other divisions.

mod column;
mod resplit;

use sweeper_recipe::Data;

pub use self::column::Column;
use crate::{DataError, DataSet, Labels, seeding::mix};

/// Rows of the data set, ascending, and how the classes share them.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// Rows of the data set.
    pub rows: Vec<usize>,
    /// Rows of each class of the full vocabulary, or rows with each label.
    pub counts: Vec<u64>,
    /// `counts` / number of rows: sums to 1 over classes, not over labels.
    pub proportions: Vec<f64>,
}

/// All splits of one training.
#[derive(Debug, Clone, PartialEq)]
pub struct Splits {
    /// What is trained on.
    pub train: Split,
    /// All that validates.
    pub balanced: Split,
    /// `unbalanced` and `perverse`, disjoint parts of `balanced` that make it up; none while unbalancing is off.
    pub parts: Option<(Split, Split)>,
}

impl Splits {
    /// The splits of `set` by `data`. `seed` is the replicate's, which counts with `unbalance.per_replicate` only, and
    /// not where the source has an unbalanced column of its own.
    ///
    /// # Errors
    /// [`DataError::Setting`]: a limit or row beyond what there is, a split without any image, a class of which
    /// there is no training image before the unbalanced column is applied.
    pub fn new(set: &DataSet, data: &Data, seed: u64) -> Result<Self, DataError> {
        let mut division = resplit::division(set, data)?;
        let single = match (&set.clean, &set.labels) {
            (Some(clean), _) => Some(clean),
            (None, Labels::Single(labels)) => Some(labels),
            (None, Labels::Multi(_)) => None,
        };
        let classes = |key: &str| {
            let why = "with several labels per sample there are no classes to divide by";
            single.ok_or_else(|| DataError::Setting(format!("{key}: {why}; hint: leave it out")))
        };
        // Limits cut the source; whatever moves rows works on what is left.
        limit(&mut division.0, data.train_limit, ("data.train_limit", "training"))?;
        limit(&mut division.1, data.validation_limit, ("data.validation_limit", "validation"))?;
        if data.tiny {
            division = resplit::tiny(set, classes("data.tiny")?, division);
        }
        if data.validation_per_class > 0 {
            division = resplit::larger_validation(set, data, classes("data.validation_per_class")?, division)?;
        }
        let (mut train, validation) = division;
        check_classes(set, &train)?;
        let mut parts = None;
        let draw = &data.unbalance;
        if draw.enabled {
            let column = match &set.unbalanced {
                Some(own) => own.clone(),
                None => {
                    let seed = if draw.per_replicate { mix(seed, draw.seed) } else { draw.seed };
                    Column::new(seed, set.classes.len()).drawn(classes("data.unbalance")?)
                }
            };
            train.retain(|&row| !column[row]);
            let (perverse, unbalanced) = validation.iter().partition(|&&row| column[row]);
            parts = Some((Split::of(set, unbalanced, "unbalanced")?, Split::of(set, perverse, "perverse")?));
        }
        Ok(Self { train: Split::of(set, train, "train")?, balanced: Split::of(set, validation, "balanced")?, parts })
    }
}

/// A class that the source does not show cannot be learned. One of which the unbalanced column leaves nothing is another
/// matter: its proportion is 0, and a prior takes 1e-8 for it. A label, of several per sample, may be that rare.
fn check_classes(set: &DataSet, train: &[usize]) -> Result<(), DataError> {
    let Labels::Single(labels) = &set.labels else { return Ok(()) };
    let mut seen = vec![false; set.classes.len()];
    train.iter().for_each(|&row| seen[usize::from(labels[row])] = true);
    match seen.iter().position(|&seen| !seen) {
        Some(class) if !train.is_empty() => {
            let (name, rows) = (&set.classes[class], train.len());
            let why = format!("class {name} has no image in the train split of {rows} images");
            Err(DataError::Setting(format!("{why}; {HINT_SPLIT}, or leave the class out with data.classes")))
        }
        _ => Ok(()),
    }
}

const HINT_SPLIT: &str = "hint: raise data.train_limit and data.validation_limit, or take another data.unbalance.seed";

impl Split {
    fn of(set: &DataSet, rows: Vec<usize>, name: &str) -> Result<Self, DataError> {
        if rows.is_empty() {
            let why = format!("the {name} split of {} has no image left", set.folder.display());
            return Err(DataError::Setting(format!("{why}; {HINT_SPLIT}")));
        }
        let mut counts = vec![0; set.classes.len()];
        for &row in &rows {
            for label in set.labels.of(row, counts.len()) {
                counts[label] += 1;
            }
        }
        let total = rows.len() as f64;
        let proportions = counts.iter().map(|&count| count as f64 / total).collect();
        Ok(Self { rows, counts, proportions })
    }
}

fn limit(rows: &mut Vec<usize>, limit: u32, (key, part): (&str, &str)) -> Result<(), DataError> {
    let limit = limit as usize;
    if limit > rows.len() {
        let found = rows.len();
        return Err(DataError::Setting(format!(
            "{key} = {limit}, but there are {found} {part} images; hint: 0 takes all"
        )));
    }
    if limit > 0 {
        rows.truncate(limit);
    }
    Ok(())
}

/// Natural logs of class proportions, in nats. A share below 1e-8, so an absent class, counts as 1e-8.
#[must_use]
pub fn log_proportions(proportions: &[f64]) -> Vec<f64> {
    proportions.iter().map(|share| share.max(1e-8).ln()).collect()
}
