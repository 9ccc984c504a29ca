//! The unbalanced column of study A and the splits that it makes.
//!
//! Each class has a share p = (k + 0.5) / C of rows to drop, k its place in a random order of the classes. A row of
//! the training file that is drawn leaves the training; a drawn row of the validation file makes up the `perverse`
//! split, whose class proportions are inverted; the rows not drawn are the `unbalanced` split, with the proportions
//! of the training split. The whole validation file is the `balanced` split.

use sweeper_recipe::Data;

use super::DataSet;
use crate::{
    error::Error,
    seeding::{Domain, Stream, mix},
};

/// Rows of one file, ascending, and the class proportions among them.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// Rows of the file.
    pub rows: Vec<usize>,
    /// Share of each class of the full vocabulary; sums to 1.
    pub proportions: Vec<f64>,
}

/// All splits of one training.
#[derive(Debug, Clone, PartialEq)]
pub struct Splits {
    /// What is trained on: rows of the training file.
    pub train: Split,
    /// The validation file.
    pub balanced: Split,
    /// `unbalanced` and `perverse`, disjoint parts of `balanced` that make it up; none while unbalancing is off.
    pub parts: Option<(Split, Split)>,
}

impl Splits {
    /// The splits of `set` by `data`. `seed` is the replicate's, which counts with `per_replicate` only.
    ///
    /// # Errors
    /// A limit beyond the file's length, or a split without any image.
    pub fn new(set: &DataSet, data: &Data, seed: u64) -> Result<Self, Error> {
        let train = limited(&set.train.labels, data.train_limit, "data.train_limit")?;
        let validation = limited(&set.validation.labels, data.validation_limit, "data.validation_limit")?;
        let balanced = Split::of(validation, (0..validation.len()).collect(), set.classes, "balanced")?;
        if !data.unbalance.enabled {
            let train = Split::of(train, (0..train.len()).collect(), set.classes, "train")?;
            return Ok(Self { train, balanced, parts: None });
        }
        let draw = &data.unbalance;
        let draw = Column::new(if draw.per_replicate { mix(seed, draw.seed) } else { draw.seed }, set.classes);
        let (kept, _) = draw.divide(train, 1);
        let (unbalanced, perverse) = draw.divide(validation, 2);
        Ok(Self {
            train: Split::of(train, kept, set.classes, "train")?,
            balanced,
            parts: Some((
                Split::of(validation, unbalanced, set.classes, "unbalanced")?,
                Split::of(validation, perverse, set.classes, "perverse")?,
            )),
        })
    }
}

impl Split {
    fn of(labels: &[u8], rows: Vec<usize>, classes: usize, name: &str) -> Result<Self, Error> {
        if rows.is_empty() {
            let hint = "hint: raise data.train_limit and data.validation_limit, or take another data.unbalance.seed";
            return Err(Error::Setting(format!("the {name} split of {} images has none left; {hint}", labels.len())));
        }
        let proportions = proportions(rows.iter().map(|&row| labels[row]), classes);
        Ok(Self { rows, proportions })
    }
}

fn limited<'a>(labels: &'a [u8], limit: u32, key: &str) -> Result<&'a [u8], Error> {
    match limit as usize {
        0 => Ok(labels),
        limit => labels.get(..limit).ok_or_else(|| {
            Error::Setting(format!("{key} = {limit}, but the file has {} images; hint: 0 takes all", labels.len()))
        }),
    }
}

/// The draw: which share of each class is dropped, and a uniform number per row.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    seed: u64,
    dropped_share: Vec<f64>,
}

impl Column {
    /// The draw of `seed`.
    #[must_use]
    pub fn new(seed: u64, classes: usize) -> Self {
        let mut dropped_share = vec![0.0; classes];
        for (place, class) in Stream::new(seed, Domain::Split, 0).permutation(classes).into_iter().enumerate() {
            dropped_share[class] = (place as f64 + 0.5) / classes as f64;
        }
        Self { seed, dropped_share }
    }

    /// Rows not drawn and rows drawn of a file with these labels; `file` is 1 for training, 2 for validation. A row's number depends on its place in the file only, so a limit changes
    /// nothing about the rows before it.
    #[must_use]
    pub fn divide(&self, labels: &[u8], file: u32) -> (Vec<usize>, Vec<usize>) {
        let stream = Stream::new(self.seed, Domain::Split, file);
        (0..labels.len()).partition(|&row| stream.uniform(row as u64) >= self.dropped_share[usize::from(labels[row])])
    }
}

/// Share of each of `classes` classes; an absent class has 0.
pub fn proportions(labels: impl Iterator<Item = u8>, classes: usize) -> Vec<f64> {
    let mut counts = vec![0u64; classes];
    for label in labels {
        counts[usize::from(label)] += 1;
    }
    let total = counts.iter().sum::<u64>().max(1) as f64;
    counts.into_iter().map(|count| count as f64 / total).collect()
}

/// Natural logs of class proportions, in nats. A share below 1e-8, so an absent class, counts as 1e-8.
#[must_use]
pub fn log_proportions(proportions: &[f64]) -> Vec<f64> {
    proportions.iter().map(|share| share.max(1e-8).ln()).collect()
}
