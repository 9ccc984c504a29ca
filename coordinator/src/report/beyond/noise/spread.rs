//! How much trainings of two configs scatter, and what makes differences between them more exact: pairing, the baseline's
//! run of the same seed, smoothed accuracy. All of it is computed from final values; no bits are needed.

use super::{Input, split_of};
use crate::report::{
    analysis::{Comparison, ConfigResult, Measured, Stratum},
    compare::common_replicates,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sweeper_stats::{
    Degenerate, FTest, Interval, TTest,
    ancova::{PairingGain, control_adjusted, pairing_gain},
    holm, paired_t, summary,
    variances::{VarianceTest, brown_forsythe, pitman_morgan},
};

/// Standard deviations of the two configs of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spread {
    /// Name of the config.
    pub config: String,
    /// Name of the config that it is compared with.
    pub baseline: String,
    /// Trainings of each; of pairs, those of the replicates that both completed.
    pub n: (usize, usize),
    /// Sample standard deviations of these, in the metric's unit.
    pub sd: (f64, f64),
    /// Pitman and Morgan's test; none when unpaired.
    pub paired: Option<VarianceTest>,
    /// Brown and Forsythe's test; none when paired.
    pub unpaired: Option<FTest>,
    /// p of either test, adjusted by Holm over the comparisons of the stratum.
    pub p_adjusted: Option<f64>,
    /// Why there is no test.
    pub missing: Option<Degenerate>,
}

impl Spread {
    /// Uncorrected p-value.
    #[must_use]
    pub fn p_value(&self) -> Option<f64> {
        self.paired.map(|t| t.p_value).or(self.unpaired.map(|t| t.p_value))
    }
}

/// What pairing on the seed gains in one comparison. For display: whether to pair is part of the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SeedGain {
    /// Name of the config.
    pub config: String,
    /// Name of the config that it is compared with.
    pub baseline: String,
    /// Pairs.
    pub n: usize,
    /// Correlation over shared seeds.
    pub correlation: f64,
    /// `1 / (1 - correlation)`: how many times as many runs the unpaired comparison would need, were both standard
    /// deviations equal. None where that is beyond numbers.
    pub gain_equal: Option<f64>,
    /// The same with the standard deviations as they are.
    pub gain: f64,
    /// Correlation from which on pairing narrows the interval.
    pub break_even: f64,
}

/// A difference adjusted for the run of the same seed of what is compared with, beside the unadjusted one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Adjusted {
    /// Name of the config.
    pub config: String,
    /// Name of the config that it is compared with.
    pub baseline: String,
    /// Pairs.
    pub n: usize,
    /// All trainings of what is compared with; without more than the pairs the adjustment has nothing to correct.
    pub control: usize,
    /// The planned difference of pairs.
    pub unadjusted: TTest,
    /// The adjusted one.
    pub adjusted: TTest,
    /// Slope on the run of the same seed.
    pub slope: f64,
    /// How many times as many runs the plain, unpaired comparison would need.
    pub gain: f64,
}

/// A smoothed accuracy beside the plain one of the same trainings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Smoothed {
    /// Name of the config.
    pub config: String,
    /// The smoothed metric.
    pub metric: String,
    /// The plain one.
    pub plain: String,
    /// Trainings that have both.
    pub n: usize,
    /// Mean of smoothed minus plain, percentage points.
    pub bias: f64,
    /// Its interval; none for one training, or where the gap is the same in all.
    pub bias_interval: Option<Interval>,
    /// Standard deviations of smoothed and plain; none for one training.
    pub sd: Option<(f64, f64)>,
    /// Pitman and Morgan's test of the two.
    pub test: Option<VarianceTest>,
    /// Why there is no test.
    pub missing: Option<Degenerate>,
}

/// Both sides of a planned comparison on the primary metric.
struct Sides<'a> {
    comparison: &'a Comparison,
    config: &'a Measured,
    baseline: &'a Measured,
}

impl<'a> Sides<'a> {
    fn all(input: &Input<'_>, stratum: &'a Stratum) -> impl Iterator<Item = Self> {
        let m = input.primary;
        let measured = move |index: u32| stratum.config(index)?.cells.get(m)?.measured();
        let family = stratum.families.get(m).map_or(&[][..], |family| &family.comparisons);
        family.iter().filter_map(move |comparison| {
            let (config, baseline) = (measured(comparison.index)?, measured(comparison.baseline_index)?);
            Some(Self { comparison, config, baseline })
        })
    }

    fn names(&self) -> (String, String) {
        (self.comparison.config.clone(), self.comparison.baseline.clone())
    }

    /// Values of the replicates that both completed.
    fn pairs(&self) -> (Vec<f64>, Vec<f64>) {
        let (_, a, b) = common_replicates(&self.config.values, &self.baseline.values);
        (a, b)
    }
}

/// One entry per planned comparison with at least two trainings on both sides.
pub(super) fn spreads(input: &Input<'_>, stratum: &Stratum) -> Vec<Spread> {
    let one = |sides: Sides<'_>| {
        let (a, b) = if input.paired() { sides.pairs() } else { (sides.config.plain(), sides.baseline.plain()) };
        let sd = (summary(&a).ok()?.sd?, summary(&b).ok()?.sd?);
        let (mut paired, mut unpaired, mut missing) = (None, None, None);
        if input.paired() {
            pitman_morgan(&a, &b, input.plan.confidence).map_or_else(|why| missing = Some(why), |t| paired = Some(t));
        } else {
            brown_forsythe(&[&a, &b]).map_or_else(|why| missing = Some(why), |t| unpaired = Some(t));
        }
        let (config, baseline) = sides.names();
        Some(Spread { config, baseline, n: (a.len(), b.len()), sd, paired, unpaired, p_adjusted: None, missing })
    };
    let mut all: Vec<Spread> = Sides::all(input, stratum).filter_map(one).collect();
    let raw: Vec<Option<f64>> = all.iter().map(Spread::p_value).collect();
    all.iter_mut().zip(holm(&raw)).for_each(|(spread, p)| spread.p_adjusted = p);
    all
}

/// One entry per planned comparison of pairs whose correlation can be measured.
pub(super) fn gains(input: &Input<'_>, stratum: &Stratum) -> Vec<SeedGain> {
    let one = |sides: Sides<'_>| {
        let (a, b) = sides.pairs();
        let PairingGain { correlation, gain, break_even } = pairing_gain(&a, &b).ok()?;
        let gain_equal = Some(1.0 / (1.0 - correlation)).filter(|gain| gain.is_finite());
        let (config, baseline) = sides.names();
        Some(SeedGain { config, baseline, n: a.len(), correlation, gain_equal, gain, break_even })
    };
    Sides::all(input, stratum).filter(|_| input.paired()).filter_map(one).collect()
}

/// One entry per planned comparison of at least three pairs.
pub(super) fn adjusted(input: &Input<'_>, stratum: &Stratum) -> Vec<Adjusted> {
    let confidence = input.plan.confidence;
    let one = |sides: Sides<'_>| {
        let (replicates, a, same) = common_replicates(&sides.config.values, &sides.baseline.values);
        let others = sides.baseline.values.iter().filter(|o| replicates.binary_search(&o.replicate).is_err());
        let others: Vec<f64> = others.map(|o| o.value).collect();
        let unadjusted = paired_t(&a, &same, confidence).ok()?;
        let found = control_adjusted(&a, &same, &others, confidence).ok()?;
        let (config, baseline) = sides.names();
        let (n, control) = (a.len(), same.len() + others.len());
        let (adjusted, slope, gain) = (found.test, found.slope, found.gain);
        Some(Adjusted { config, baseline, n, control, unadjusted, adjusted, slope, gain })
    };
    Sides::all(input, stratum).filter(|_| input.paired()).filter_map(one).collect()
}

/// One entry per config and smoothed accuracy of the primary metric's split, where it has the plain one, too.
pub(super) fn smoothed(input: &Input<'_>, stratum: &Stratum) -> Vec<Smoothed> {
    let split = split_of(&input.metrics[input.primary].name);
    let plain = format!("accuracy/{split}");
    let place = |name: &str| input.metrics.iter().position(|m| m.name == name);
    let Some(plain_at) = place(&plain) else { return Vec::new() };
    let is_smoothed = |name: &str| name.starts_with("smoothed_accuracy") && split_of(name) == split;
    let metrics = input.metrics.iter().enumerate().filter(|(_, metric)| is_smoothed(&metric.name));
    let one = |(at, metric): (usize, &str), config: &ConfigResult| {
        let of = |at: usize| config.cells.get(at)?.measured();
        let (_, a, b) = common_replicates(&of(at)?.values, &of(plain_at)?.values);
        let gaps: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a - b).collect();
        let bias = summary(&gaps).ok()?.mean;
        let (test, missing) = match pitman_morgan(&a, &b, input.plan.confidence) {
            Ok(test) => (Some(test), None),
            Err(why) => (None, Some(why)),
        };
        Some(Smoothed {
            config: config.name.clone(),
            metric: metric.to_owned(),
            plain: plain.clone(),
            n: a.len(),
            bias,
            bias_interval: paired_t(&a, &b, input.plan.confidence).ok().map(|t| t.interval),
            sd: summary(&a).ok().and_then(|s| s.sd).zip(summary(&b).ok().and_then(|s| s.sd)),
            test,
            missing,
        })
    };
    let pairs =
        metrics.flat_map(|(at, metric)| stratum.configs.iter().map(move |config| ((at, metric.name.as_str()), config)));
    pairs.filter_map(|(metric, config)| one(metric, config)).collect()
}
