//! Seeds and images as two sources of noise, from which images every training had right.

use super::{
    Input,
    clusters::{self, ClusteredResult},
    sets::Bits,
};
use crate::report::{
    analysis::{Comparison, Plan, Stratum},
    number::{self, signed},
    wording::display_name,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use sweeper_stats::{
    Degenerate, Interval,
    counts::{McNemar, mcnemar},
    crossed::{
        self, ClusterSums, Crossed, crossed_bit_differences, crossed_bits, crossed_values, difference_rows, pigeonhole,
        pigeonhole_clusters,
    },
    distributions::student_t_critical,
};

/// Draws of the bootstrap: its standard error is off by about 5 % of it.
const DRAWS: u32 = 200;
/// Draws times trainings times images that the bootstraps of a report may take, so that it stays fast.
const BOOTSTRAP_WORK: usize = 1_000_000_000;
/// Numbers of a table that is held as numbers and not as bits, 32 MB.
const MOST_CELLS: usize = 4_000_000;
/// Comparisons of a report that are made image by image.
const MOST_COMPARISONS: usize = 2_000;

/// Seeds and images as sources of noise, in one stratum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ImageNoise {
    /// `accuracy/SPLIT`, what the share of images that a training had right is called.
    pub metric: String,
    /// Whether that is the primary metric.
    pub primary: bool,
    /// Largest gap between that share and the metric of the same training, in percentage points; none where no training
    /// has both. Rounding apart it is 0, unless the metric counts something else, such as single labels.
    pub gap: Option<f64>,
    /// In sweep order.
    pub configs: Vec<ConfigImages>,
    /// Every planned comparison, in its order, up to a bound.
    pub comparisons: Vec<ImageComparison>,
    /// Planned comparisons beyond that bound.
    pub more: usize,
}

/// Noise of one config.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigImages {
    /// Name of the config.
    pub config: String,
    /// Whether it is the baseline.
    pub baseline: bool,
    /// Its completed trainings.
    pub completed: usize,
    /// Those of them that kept their bits.
    pub with_bits: usize,
    /// Numbers, or why there are none.
    pub result: ImagesResult,
}

/// Components of variance, or why there are none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ImagesResult {
    /// Numbers.
    Crossed(Box<Components>),
    /// None.
    NotUsed(NoImages),
}

/// Noise of one planned comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ImageComparison {
    /// Name of the config.
    pub config: String,
    /// Name of the config that it is compared with.
    pub baseline: String,
    /// Numbers, or why there are none.
    pub result: DifferenceResult,
    /// What they say.
    pub sentence: String,
}

/// A difference image by image, or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum DifferenceResult {
    /// Several trainings each.
    Crossed(Box<CrossedDifference>),
    /// One training each.
    Single(SinglePair),
    /// None.
    NotUsed(NoImages),
}

/// A difference of two configs with several trainings each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CrossedDifference {
    /// Of the differences per seed and image.
    pub components: Components,
    /// The same by resampling; none where the report's bound on that was reached.
    pub bootstrap: Option<BootstrapCheck>,
}

/// Bootstrap of both seeds and images, a check of `se_new_images`. It errs on the wide side. Where images come in clusters, these are
/// drawn, and it checks the errors with clusters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BootstrapCheck {
    /// Standard error for new seeds and new images, percentage points.
    pub standard_error: f64,
    /// Difference ± t times that, on the degrees of freedom of `se_new_images`.
    pub interval: Interval,
    /// Draws; the standard error is off by about `1 / sqrt(2 draws)` of it.
    pub draws: u32,
}

/// Two single models on the same images. Says nothing of other seeds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SinglePair {
    /// McNemar's exact test.
    pub test: McNemar,
}

/// A component of variance, squared percentage points.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Component {
    /// Estimate, at least 0.
    pub value: f64,
    /// Whether the unbiased estimate was negative and 0 took its place.
    pub clamped: bool,
}

/// Components of the variance of accuracy, or of a difference of accuracies, in percentage points. Every 0 or 100 of a
/// training and an image is mean + seed + image + rest; the rest holds what a seed does to a single image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Components {
    /// Trainings, or pairs of them.
    pub seeds: usize,
    /// Images; one with its mirror image counts once.
    pub images: usize,
    /// Mean, percent or percentage points.
    pub mean: f64,
    /// Of seeds: the variance of a model's accuracy on endlessly many images.
    pub variance_seed: Component,
    /// Of images: how much they differ in difficulty.
    pub variance_image: Component,
    /// Of the rest.
    pub variance_rest: f64,
    /// Standard error of the mean for new seeds on these images.
    pub se_same_images: f64,
    /// Standard error of the mean for new seeds and new images.
    pub se_new_images: f64,
    /// Satterthwaite's degrees of freedom of `se_new_images`.
    pub df_new_images: f64,
    /// Standard error of one of these models, the one deployed, for new images.
    pub se_one_model: f64,
    /// Interval of the mean over all seeds on these very images; none when every training has the same accuracy.
    pub same_images: Option<Interval>,
    /// Interval of the mean over all seeds and all images.
    pub new_images: Option<Interval>,
    /// Number of seeds at which seeds and images add equally to `se_new_images`. None when no variance of images was
    /// found.
    pub seeds_until: Option<f64>,
    /// Errors for new images that count clusters of them, where such were given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clustered: Option<ClusteredResult>,
}

/// Why bits of single images were not used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum NoImages {
    /// No completed training of a config kept them.
    NoBits,
    /// The trainings were not measured on the same images: their number, the data or their division differ.
    OtherImages,
    /// Every replicate has validation images of its own.
    OwnImages,
    /// Too few trainings that kept them, or too few in common.
    TooFew {
        /// How many there are.
        n: usize,
        /// How many it takes.
        needed: usize,
    },
    /// Nothing varies: all trainings agree on all images.
    Constant,
    /// The table is too large to be held as numbers.
    TooLarge {
        /// Numbers in it.
        cells: usize,
        /// How many may be.
        limit: usize,
    },
    /// Another reason of the statistics library.
    Degenerate(Degenerate),
}

impl From<Degenerate> for NoImages {
    fn from(why: Degenerate) -> Self {
        match why {
            Degenerate::TooFew { n, needed } => Self::TooFew { n, needed },
            Degenerate::ZeroVariance { .. } => Self::Constant,
            other => Self::Degenerate(other),
        }
    }
}

impl Components {
    /// In percentage points, with intervals.
    fn of(found: &Crossed, confidence: f64) -> Self {
        let component = |c: crossed::Component| Component { value: 1e4 * c.value, clamped: c.clamped };
        let mean = 100.0 * found.mean;
        let interval = |se: f64, df: f64| around(mean, 100.0 * se, df, confidence);
        Self {
            seeds: found.seeds,
            images: found.examples,
            mean,
            variance_seed: component(found.variance_seed),
            variance_image: component(found.variance_example),
            variance_rest: 1e4 * found.variance_residual.value,
            se_same_images: 100.0 * found.se_same_test_set,
            se_new_images: 100.0 * found.se_new_examples,
            df_new_images: found.df_new_examples,
            se_one_model: 100.0 * found.se_one_model,
            same_images: interval(found.se_same_test_set, (found.seeds - 1) as f64),
            new_images: interval(found.se_new_examples, found.df_new_examples),
            seeds_until: found.seeds_until,
            clustered: None,
        }
    }

    /// What seeds, images and the rest add to the squared standard error for new seeds and new images.
    #[must_use]
    pub fn shares(&self) -> [f64; 3] {
        let (n, m) = (self.seeds as f64, self.images as f64);
        [self.variance_seed.value / n, self.variance_image.value / m, self.variance_rest / (n * m)]
    }
}

/// Centre ± t times a standard error; none without an error.
pub(super) fn around(centre: f64, se: f64, df: f64, confidence: f64) -> Option<Interval> {
    let reach = student_t_critical(confidence, df).ok().filter(|_| se > 0.0)? * se;
    Some(Interval { low: centre - reach, high: centre + reach, confidence })
}

/// What a report spends on its images.
#[derive(Default)]
pub(super) struct Work {
    comparisons: usize,
    bootstrap: usize,
}

impl Work {
    /// Whether the bootstrap of a table of so many cells may still be made.
    fn affords(&self, cells: usize) -> bool {
        self.bootstrap.saturating_add(cells.saturating_mul(DRAWS as usize)) <= BOOTSTRAP_WORK
    }
}

/// None when no training of the stratum has bits of the split.
pub(super) fn of(input: &Input<'_>, stratum: &Stratum, split: &str, work: &mut Work) -> Option<ImageNoise> {
    let bits = |index: u32| match input.configs.get(index as usize) {
        Some(config) => Bits::of(input.predictions, config, split),
        None => Err(NoImages::NoBits),
    };
    let metric = format!("accuracy/{split}");
    let column = input.metrics.iter().position(|m| m.name == metric);
    let (mut configs, mut any, mut gap) = (Vec::new(), false, None::<f64>);
    for config in &stratum.configs {
        let own = bits(config.index);
        any |= !matches!(own, Err(NoImages::NoBits));
        let measured = column.and_then(|m| config.cells.get(m)?.measured());
        if let (Ok(own), Some(measured)) = (&own, measured) {
            let values: BTreeMap<u32, f64> = measured.values.iter().map(|o| (o.replicate, o.value)).collect();
            let gaps = own.accuracies().filter_map(|(replicate, right)| Some((values.get(&replicate)? - right).abs()));
            gap = gaps.chain(gap).reduce(f64::max);
        }
        let with_bits = own.as_ref().map_or(0, Bits::len);
        let result = match own.and_then(|own| components(input, &own)) {
            Ok(found) => ImagesResult::Crossed(Box::new(found)),
            Err(why) => ImagesResult::NotUsed(why),
        };
        let (name, completed) = (config.name.clone(), config.counts.completed);
        configs.push(ConfigImages { config: name, baseline: config.baseline, completed, with_bits, result });
    }
    if !any {
        return None;
    }
    let family = stratum.families.get(input.primary).map_or(&[][..], |family| &family.comparisons);
    let some = family.len().min(MOST_COMPARISONS.saturating_sub(work.comparisons));
    work.comparisons += some;
    let compare = |c: &Comparison| {
        let result = match difference(input, (c.index, c.baseline_index), (&bits, &mut *work)) {
            Ok(result) => result,
            Err(why) => DifferenceResult::NotUsed(why),
        };
        let (config, baseline) = (c.config.clone(), c.baseline.clone());
        let sentence = sentence((&config, &baseline), split, &result, input.plan);
        ImageComparison { config, baseline, result, sentence }
    };
    let primary = input.metrics[input.primary].name == metric;
    let comparisons = family[..some].iter().map(compare).collect();
    Some(ImageNoise { primary, metric, gap, configs, comparisons, more: family.len() - some })
}

fn components(input: &Input<'_>, bits: &Bits<'_>) -> Result<Components, NoImages> {
    let found = if bits.is_mirrored() {
        check_size(bits)?;
        crossed_values(&bits.values()?)?
    } else {
        crossed_bits(&bits.matrix()?)?
    };
    let confidence = input.plan.confidence;
    let clustered = input.clusters.map(|grouping| clusters::errors(grouping, (bits, None), &found, confidence).0);
    Ok(Components { clustered, ..Components::of(&found, confidence) })
}

fn check_size(bits: &Bits<'_>) -> Result<(), NoImages> {
    let (cells, limit) = (bits.cells(), MOST_CELLS);
    if cells > limit { Err(NoImages::TooLarge { cells, limit }) } else { Ok(()) }
}

fn difference<'a>(
    input: &Input<'_>,
    (config, baseline): (u32, u32),
    (bits, work): (&impl Fn(u32) -> Result<Bits<'a>, NoImages>, &mut Work),
) -> Result<DifferenceResult, NoImages> {
    let (a, b) = (bits(config)?, bits(baseline)?);
    if !a.same_images(&b) {
        return Err(NoImages::OtherImages);
    }
    if let Some((only_a, only_b)) = a.disagreements(&b) {
        let test = mcnemar(only_a, only_b).map_err(|_| NoImages::Constant)?;
        return Ok(DifferenceResult::Single(SinglePair { test }));
    }
    let (a, b) = a.common(b, input.paired());
    if a.len() < 2 {
        return Err(NoImages::TooFew { n: a.len(), needed: 2 });
    }
    let confidence = input.plan.confidence;
    let affordable = a.cells() <= MOST_CELLS && work.affords(a.cells());
    if a.is_mirrored() {
        check_size(&a)?;
    }
    let values = if affordable || a.is_mirrored() { Some(difference_rows(&a.values()?, &b.values()?)?) } else { None };
    let found = match values.as_ref().filter(|_| a.is_mirrored()) {
        Some(values) => crossed_values(values)?,
        None => crossed_bit_differences(&a.matrix()?, &b.matrix()?)?,
    };
    let (clustered, sums) = match input.clusters {
        Some(grouping) => {
            let (result, sums) = clusters::errors(grouping, (&a, Some(&b)), &found, confidence);
            (Some(result), sums)
        }
        None => (None, None),
    };
    let components = Components { clustered, ..Components::of(&found, confidence) };
    // A stream of its own for each comparison.
    let seed = input.seed ^ (u64::from(config) << 32 | u64::from(baseline));
    let bootstrap = values.filter(|_| affordable).and_then(|values| {
        work.bootstrap += a.cells().saturating_mul(DRAWS as usize);
        check(&components, (&values, sums.as_ref()), seed, confidence)
    });
    Ok(DifferenceResult::Crossed(Box::new(CrossedDifference { components, bootstrap })))
}

/// The bootstrap of what the components say of new images, or of new clusters of them.
fn check(
    components: &Components,
    (values, sums): (&[Vec<f64>], Option<&ClusterSums<'_>>),
    seed: u64,
    confidence: f64,
) -> Option<BootstrapCheck> {
    let (drawn, df) = match (&components.clustered, sums) {
        (Some(ClusteredResult::Clustered(errors)), Some(sums)) => {
            (pigeonhole_clusters(sums, DRAWS, seed), errors.df_new_images)
        }
        (Some(_), _) => return None,
        (None, _) => (pigeonhole(values, DRAWS, seed), components.df_new_images),
    };
    let se = 100.0 * drawn.ok()?.standard_error;
    let interval = around(components.mean, se, df, confidence)?;
    Some(BootstrapCheck { standard_error: se, interval, draws: DRAWS })
}

impl NoImages {
    /// As a clause.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::NoBits => "no completed training kept which images it had right".to_owned(),
            Self::OtherImages => "the trainings were measured on different validation images".to_owned(),
            Self::OwnImages => "every replicate has validation images of its own".to_owned(),
            Self::TooFew { n, needed } => {
                format!("too few trainings or images with bits ({n} where {needed} are needed)")
            }
            Self::Constant => "all trainings agree on all images".to_owned(),
            Self::TooLarge { cells, limit } => format!("{cells} numbers are more than the {limit} that are held"),
            Self::Degenerate(why) => why.to_string(),
        }
    }
}

/// `more seeds help until n ≈ 12 (n is 30); then only more test data does`.
fn advice(c: &Components) -> String {
    let until = match &c.clustered {
        Some(ClusteredResult::Clustered(errors)) => errors.seeds_until,
        _ => c.seeds_until,
    };
    match until {
        Some(until) => {
            let until = number::fixed(until, usize::from(until < 9.95));
            format!("more seeds help until n ≈ {until} (n is {}); then only more test data does", c.seeds)
        }
        None => "no variance of images was found: more seeds help, more test data does not".to_owned(),
    }
}

fn sentence((config, baseline): (&str, &str), split: &str, result: &DifferenceResult, plan: &Plan) -> String {
    let [config, baseline, split] = [config, baseline, split].map(display_name);
    let whose = format!("“{config}” minus “{baseline}” on the images of {split}");
    match result {
        DifferenceResult::NotUsed(why) => format!("{whose}: {}.", why.words()),
        DifferenceResult::Single(SinglePair { test }) => format!(
            "{whose}: of two single models the first alone had {} right, the second alone {} (McNemar's exact {}, mid-{}); this \
             ignores seeds: another pair of trainings of the same configs may tell another story.",
            test.only_a,
            test.only_b,
            number::p_equals(test.exact_p, plan.alpha),
            number::p_equals(test.mid_p, plan.alpha)
        ),
        DifferenceResult::Crossed(found) => {
            let c = &found.components;
            let d = number::decimals(Some(c.se_new_images));
            let range = |interval: &Option<Interval>| match interval {
                Some(i) => format!("{} to {} pp", signed(i.low, d), signed(i.high, d)),
                None => "none, for nothing varies".to_owned(),
            };
            let (clusters, last, ordinal) = match &c.clustered {
                Some(ClusteredResult::Clustered(errors)) => {
                    let told = format!(", for new seeds and new clusters of images {}", range(&errors.new_images));
                    (told, &errors.new_images, "last")
                }
                Some(ClusteredResult::NotUsed(why)) => {
                    (format!(" (clusters were not used: {})", why.words()), &c.new_images, "second")
                }
                None => (String::new(), &c.new_images, "second"),
            };
            let outside = |i: &Option<Interval>| i.as_ref().is_some_and(|i| !i.contains(0.0));
            let clause = if outside(&c.same_images) && !outside(last) {
                format!(
                    "; 0 lies outside of the first and inside of the {ordinal}, so the difference may be one of these images"
                )
            } else {
                String::new()
            };
            format!(
                "{whose}: {} pp; {} interval for new seeds on these images {}, for new seeds and new images {}{clusters}{clause}; {}.",
                signed(c.mean, d),
                number::percent(plan.confidence),
                range(&c.same_images),
                range(&c.new_images),
                advice(c)
            )
        }
    }
}
