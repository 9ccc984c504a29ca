//! Which validation images a training was measured on, and which of them it had right.

use super::{clusters::ClusterError, images::NoImages, split_of};
use crate::{predictions::Predictions, report::trials::ConfigTrials};
use std::collections::BTreeSet;
use sweeper_recipe::{EvaluateFlip, Recipe};
use sweeper_stats::{Degenerate, crossed::BitMatrix};

/// Splits in the order in which one is chosen, behind the primary metric's.
const ORDER: [&str; 3] = ["balanced", "unbalanced", "perverse"];

/// Settings of the data that do not choose validation images.
const ELSEWHERE: [&str; 9] =
    ["size", "cache_size", "exact", "channels", "noise", "label_count", "normalize", "sampler", "drop_last"];

/// What makes images of two trainings the same ones, in the same order.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Images<'a> {
    rows: u32,
    /// Of the data set, as the worker found it.
    data: &'a str,
    /// The settings that divide it.
    division: String,
    /// The second half of the rows are the mirror images of the first.
    mirrored: bool,
}

/// The validation images that a report is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSet {
    /// Their split.
    pub split: String,
    /// How many there are; one with its mirror image counts once.
    pub images: u32,
    /// Whether the mirror images of some training stand behind them.
    pub mirrored: bool,
}

/// The bits of a config's completed trainings.
pub(super) struct Bits<'a> {
    images: Images<'a>,
    trainings: Vec<(u32, &'a [u8])>,
}

/// The split whose images are used, if any completed training kept bits.
pub(super) fn split(configs: &[ConfigTrials<'_>], predictions: &Predictions, metric: &str) -> Option<String> {
    if predictions.is_empty() {
        return None;
    }
    let mut found = BTreeSet::new();
    for config in configs {
        for trial in config.completed() {
            found.extend(predictions.splits((config.index, trial.replicate)));
        }
    }
    let primary = split_of(metric);
    let known = std::iter::once(primary).chain(ORDER).find(|split| found.contains(split));
    known.or_else(|| found.first().copied()).map(str::to_owned)
}

/// The images that a report with the primary metric `metric` is about, where they are the same ones for all trainings that kept
/// bits: only then a number names one image.
///
/// # Errors
/// [`ClusterError::NoBits`], [`ClusterError::LeftOut`], [`ClusterError::OtherImages`].
pub(in crate::report) fn image_set(
    configs: &[ConfigTrials<'_>],
    predictions: &Predictions,
    metric: &str,
) -> Result<ImageSet, ClusterError> {
    if let Some(limit) = predictions.limit() {
        return Err(ClusterError::LeftOut { limit });
    }
    let split = split(configs, predictions, metric).ok_or(ClusterError::NoBits)?;
    let other = || ClusterError::OtherImages { split: split.clone() };
    let mut found: Option<(Images<'_>, ImageSet)> = None;
    for config in configs {
        let Images { rows, data, division, mirrored } = match Bits::of(predictions, config, &split) {
            Ok(bits) => bits.images,
            Err(NoImages::NoBits) => continue,
            Err(_) => return Err(other()),
        };
        let images = if mirrored { rows / 2 } else { rows };
        // Mirror images do not make other images of those before them.
        let own = Images { rows: images, data, division, mirrored: false };
        let (first, set) =
            found.get_or_insert_with(|| (own.clone(), ImageSet { split: split.clone(), images, mirrored: false }));
        if *first != own {
            return Err(other());
        }
        set.mirrored |= mirrored;
    }
    found.map(|(_, set)| set).ok_or(ClusterError::NoBits)
}

/// How the recipe divides the data for `split`. `Err` when every replicate has images of its own.
fn division(recipe: &[u8], split: &str) -> Result<(String, bool), NoImages> {
    let parsed = Recipe::from_json(recipe).ok().or_else(|| {
        // Two sweeps in one value keep the recipe beside the sweep's name.
        let whole: serde_json::Value = serde_json::from_slice(recipe).ok()?;
        Recipe::from_json(whole.get("recipe")?.to_string().as_bytes()).ok()
    });
    // Of another version: equal bytes are equal settings, and nothing else is known.
    let Some(recipe) = parsed else { return Ok((String::from_utf8_lossy(recipe).into_owned(), false)) };
    let draw = &recipe.data.unbalance;
    let whole = split == "balanced";
    if draw.enabled && draw.per_replicate && !whole {
        return Err(NoImages::OwnImages);
    }
    let mirrored = recipe.evaluate.flip == EvaluateFlip::FlipConcat;
    let mut data = serde_json::to_value(&recipe.data).unwrap_or_default();
    if let Some(settings) = data.as_object_mut() {
        settings.retain(|key, _| !ELSEWHERE.contains(&key.as_str()));
        if whole || !draw.enabled {
            settings.remove("unbalance");
        }
        if recipe.data.validation_per_class == 0 {
            settings.remove("train_limit");
        }
    }
    Ok((data.to_string(), mirrored))
}

impl<'a> Bits<'a> {
    /// Those of a config's completed trainings on `split`; trainings without any do not count.
    pub(super) fn of(predictions: &'a Predictions, config: &ConfigTrials<'a>, split: &str) -> Result<Self, NoImages> {
        let (division, mirrored) = division(&config.spec.recipe, split)?;
        let mut found: Option<Self> = None;
        for trial in config.completed() {
            let Some(bits) = predictions.bits((config.index, trial.replicate), split) else { continue };
            let data = trial.provenance.as_ref().map_or("", |p| p.data_digest.as_str());
            let images = Images { rows: bits.rows, data, division: division.clone(), mirrored };
            let all = found.get_or_insert_with(|| Self { images: images.clone(), trainings: Vec::new() });
            if all.images != images {
                return Err(NoImages::OtherImages);
            }
            all.trainings.push((trial.replicate, &bits.correct));
        }
        found.ok_or(NoImages::NoBits)
    }

    pub(super) fn len(&self) -> usize {
        self.trainings.len()
    }

    pub(super) fn same_images(&self, other: &Self) -> bool {
        self.images == other.images
    }

    pub(super) fn is_mirrored(&self) -> bool {
        self.images.mirrored
    }

    /// Numbers in the table of these trainings.
    pub(super) fn cells(&self) -> usize {
        (self.images.rows as usize).saturating_mul(self.len())
    }

    /// Trainings of both, row by row: those of one seed where they are `paired`, else one after the other.
    pub(super) fn common(self, other: Self, paired: bool) -> (Self, Self) {
        let both: Vec<_> = if paired {
            let of = |replicate: u32| other.trainings.iter().find(|(r, _)| *r == replicate);
            self.trainings.iter().filter_map(|own| Some((*own, *of(own.0)?))).collect()
        } else {
            self.trainings.iter().copied().zip(other.trainings.iter().copied()).collect()
        };
        let (own, others) = both.into_iter().unzip();
        (Self { trainings: own, images: self.images }, Self { trainings: others, images: other.images })
    }

    /// Right in percent, by replicate.
    pub(super) fn accuracies(&self) -> impl Iterator<Item = (u32, f64)> {
        let right = |bits: &[u8]| bits.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>() as f64;
        self.trainings.iter().map(move |(r, bits)| (*r, 100.0 * right(bits) / f64::from(self.images.rows)))
    }

    pub(super) fn matrix(&self) -> Result<BitMatrix, Degenerate> {
        let rows: Vec<&[u8]> = self.trainings.iter().map(|(_, bits)| *bits).collect();
        BitMatrix::new(&rows, self.images.rows as usize)
    }

    /// The table as numbers. An image and its mirror image are one image, right by a half where one of them is.
    pub(super) fn values(&self) -> Result<Vec<Vec<f64>>, Degenerate> {
        let rows = self.matrix()?.to_rows();
        if !self.is_mirrored() {
            return Ok(rows);
        }
        let fold = |row: Vec<f64>| {
            let (plain, mirrored) = row.split_at(row.len() / 2);
            match plain.len() == mirrored.len() {
                true => Ok(plain.iter().zip(mirrored).map(|(a, b)| 0.5 * (a + b)).collect()),
                false => Err(Degenerate::LengthMismatch { a: plain.len(), b: mirrored.len() }),
            }
        };
        rows.into_iter().map(fold).collect()
    }

    /// Images that only the only training of `self`, and that only the one of `other`, had right. Mirror images, which
    /// stand behind the others, are left out: they are no images of their own.
    pub(super) fn disagreements(&self, other: &Self) -> Option<(u64, u64)> {
        let ([(_, a)], [(_, b)]) = (self.trainings.as_slice(), other.trainings.as_slice()) else { return None };
        let rows = self.images.rows as usize / if self.is_mirrored() { 2 } else { 1 };
        let bit = |bits: &[u8], at: usize| bits.get(at / 8).is_some_and(|byte| byte >> (at % 8) & 1 == 1);
        let count = |a: &[u8], b: &[u8]| (0..rows).filter(|&at| bit(a, at) && !bit(b, at)).count() as u64;
        Some((count(a, b), count(b, a)))
    }
}
