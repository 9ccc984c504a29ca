//! Paired families: one sign for each replicate, over all of its differences.
//!
//! With `S` the sum of a comparison's differences after the change of signs and `Q` the sum of their squares, which
//! no sign changes, `t^2 = (n - 1) u^2 / (1 - u^2)` with `u = |S| / sqrt(n Q)`. So u orders arrangements as |t|
//! does, for every comparison alike, without a division that may fail.

use super::{Family, MaxT, MaxTComparison, restore};
use crate::degenerate::{Degenerate, check_fraction, check_pairs, finite};
use crate::moments::{Moments, compensated_sum};
use crate::permutation::{MAX_ENUMERATED, RANDOM_ARRANGEMENTS};
use crate::random::{Cursor, Draws, MAX_T_PAIRED, count_draws, each_draw};
use crate::summary::Interval;
use crate::units::Differences;

/// Replicates below which the adjusted p-values can hardly become small (`2 / 2^n` is the smallest) and no
/// simultaneous interval is given.
pub const ADVISED_N: usize = 8;

/// Replicates whose signs one byte holds.
const CHUNK: usize = 8;
const PATTERNS: usize = 1 << CHUNK;

/// Paired comparisons of each of `configs` with `control`, value i of each from replicate i, adjusted by changing the
/// signs of whole replicates. Valid under the null hypothesis that a replicate's differences from the control are
/// jointly symmetric about 0.
///
/// Exact up to 19 replicates, else by [`RANDOM_ARRANGEMENTS`] random arrangements, `(b + 1) / (B + 1)`. From
/// [`ADVISED_N`] replicates on there are simultaneous intervals: the difference and `critical` standard errors, which
/// is the `confidence` quantile of the largest |t| when the signs of the centred differences change (a wild
/// bootstrap), but no less than Student's t limit of one comparison.
///
/// Sources: as for the step-down adjustment Westfall and Young, "Resampling-based multiple testing" (Wiley, 1993); for
/// the intervals Romano and Wolf, "Exact and approximate stepdown methods for multiple hypothesis testing", Journal of
/// the American Statistical Association 100 (2005), and Mammen, "Bootstrap and wild bootstrap for high dimensional
/// linear models", Annals of Statistics 21 (1993).
///
/// # Errors
/// [`Degenerate::LengthMismatch`], [`Degenerate::TooFew`] below two replicates or without a comparison,
/// [`Degenerate::NotFinite`], [`Degenerate::Domain`] for a confidence outside of (0, 1) or a result beyond `f64`. A
/// comparison whose differences are all equal answers [`Degenerate::ZeroVariance`] itself and leaves the family.
pub fn max_t_paired(configs: &[&[f64]], control: &[f64], confidence: f64, draws: Draws) -> Result<MaxT, Degenerate> {
    check_fraction("confidence", confidence)?;
    if configs.is_empty() {
        return Err(Degenerate::TooFew { n: 0, needed: 1 });
    }
    let n = control.len();
    let (mut members, mut samples, mut outcomes) = (Vec::new(), Vec::new(), Vec::new());
    for config in configs {
        check_pairs(config, control, 2)?;
        let moments = Moments::of_differences(config, control);
        let differences = Differences::of(config, control);
        if moments.is_constant() || differences.all_zero() {
            outcomes.push(Err(Degenerate::ZeroVariance { value: finite("the difference", moments.mean())? }));
            continue;
        }
        members.push(observed(&moments)?);
        samples.push(Sample::of(&differences, &moments));
        outcomes.push(Ok(()));
    }
    let exact = n < 64 && 1_u64 << n <= MAX_ENUMERATED;
    let arrangements = if exact { 1 << n } else { RANDOM_ARRANGEMENTS };
    let mut critical = None;
    if !members.is_empty() {
        let signs = Signs { n, exact, draws };
        let flips = Table::new(samples.iter().map(|sample| sample.values.as_slice()));
        let sizes: Vec<f64> = samples.iter().map(|s| s.values.iter().sum::<f64>().abs()).collect();
        let tolerances: Vec<f64> = samples.iter().map(|sample| sample.tolerance).collect();
        let family = Family::new(&sizes, &tolerances);
        let counts = signs.count(&flips, &family);
        family.adjust(&counts, arrangements, exact, &mut members);
        if n >= ADVISED_N {
            critical = signs.critical(&Table::new(samples.iter().map(|s| s.residuals.as_slice())), confidence)?;
        }
    }
    if let Some(critical) = critical {
        for member in &mut members {
            let half = critical * member.standard_error;
            member.interval = Some(Interval::around(member.difference, half, confidence)?);
        }
    }
    let family = members.len();
    Ok(MaxT { comparisons: restore(outcomes, members), family, exact, arrangements, critical })
}

fn observed(moments: &Moments) -> Result<MaxTComparison, Degenerate> {
    Ok(MaxTComparison {
        difference: finite("the difference", moments.mean())?,
        standard_error: finite("the standard error", moments.se())?,
        statistic: finite("the t statistic", moments.mean_over_se())?,
        p_raw: 1.0,
        p_single_step: 1.0,
        p_step_down: 1.0,
        monte_carlo_se: None,
        interval: None,
    })
}

/// Differences of one comparison over `sqrt(n Q)`, and the same of their deviations from the mean.
struct Sample {
    values: Vec<f64>,
    residuals: Vec<f64>,
    /// What the rounding of inputs and sums can make of u.
    tolerance: f64,
}

impl Sample {
    fn of(differences: &Differences, moments: &Moments) -> Self {
        let n = moments.n() as f64;
        let over_length = |x: &[f64]| -> (Vec<f64>, f64) {
            let length = (n * compensated_sum(x.iter().map(|v| v * v))).sqrt();
            (x.iter().map(|v| v / length).collect(), length)
        };
        let (values, length) = over_length(&differences.values);
        let (residuals, _) = over_length(moments.deviations());
        Self { values, residuals, tolerance: n * (differences.rounding / length + 4.0 * f64::EPSILON) }
    }
}

/// Sums of eight values at a time for every choice of their signs, all members of a family side by side.
struct Table {
    members: usize,
    chunks: usize,
    sums: Vec<f64>,
}

impl Table {
    fn new<'a>(samples: impl Iterator<Item = &'a [f64]>) -> Self {
        let samples: Vec<&[f64]> = samples.collect();
        let members = samples.len();
        let chunks = samples.first().map_or(0, |sample| sample.len().div_ceil(CHUNK));
        let mut sums = vec![0.0; chunks * PATTERNS * members];
        for (member, sample) in samples.iter().enumerate() {
            for (chunk, values) in sample.chunks(CHUNK).enumerate() {
                for pattern in 0..PATTERNS {
                    let signed = |(i, v): (usize, &f64)| if pattern >> i & 1 == 1 { -v } else { *v };
                    let sum = values.iter().enumerate().map(signed).sum();
                    sums[(chunk * PATTERNS + pattern) * members + member] = sum;
                }
            }
        }
        Self { members, chunks, sums }
    }

    /// |S| of every member, for the signs in `bytes`.
    fn sizes(&self, bytes: impl Iterator<Item = u8>, sizes: &mut Vec<f64>) {
        sizes.clear();
        sizes.resize(self.members, 0.0);
        for (chunk, pattern) in bytes.take(self.chunks).enumerate() {
            let start = (chunk * PATTERNS + usize::from(pattern)) * self.members;
            sizes.iter_mut().zip(&self.sums[start..start + self.members]).for_each(|(size, sum)| *size += sum);
        }
        sizes.iter_mut().for_each(|size| *size = size.abs());
    }
}

/// The arrangements of a family.
struct Signs {
    n: usize,
    exact: bool,
    draws: Draws,
}

impl Signs {
    /// Arrangements to go through. The sizes do not change when all signs do, so half of them is enough.
    fn number(&self) -> u64 {
        if self.exact { 1 << (self.n - 1) } else { RANDOM_ARRANGEMENTS }
    }

    fn sizes(&self, table: &Table, draw: u64, sizes: &mut Vec<f64>) {
        if self.exact {
            table.sizes(draw.to_le_bytes().into_iter(), sizes);
            return;
        }
        let stream = self.draws.stream(MAX_T_PAIRED);
        let mut cursor = Cursor::new(&stream, draw);
        let bytes = std::iter::repeat_with(|| cursor.words()).flatten().flat_map(u64::to_le_bytes);
        table.sizes(bytes, sizes);
    }

    /// Counts of the family over all arrangements.
    fn count(&self, table: &Table, family: &Family) -> Vec<u64> {
        let mut counts = count_draws(self.number(), family.width(), Vec::new, |draw, sizes, counts| {
            self.sizes(table, draw, sizes);
            family.count(sizes, counts);
        });
        if self.exact {
            counts.iter_mut().for_each(|count| *count *= 2);
        }
        counts
    }

    /// The `confidence` quantile of the largest |t|; `None` where that is infinite.
    fn critical(&self, residuals: &Table, confidence: f64) -> Result<Option<f64>, Degenerate> {
        let mut largest = each_draw(self.number(), Vec::new, |draw, sizes| {
            self.sizes(residuals, draw, sizes);
            sizes.iter().copied().fold(0.0, f64::max)
        });
        let rank = ((largest.len() as f64 * confidence).ceil() as usize).clamp(1, largest.len()) - 1;
        let (_, u, _) = largest.select_nth_unstable_by(rank, f64::total_cmp);
        let df = (self.n - 1) as f64;
        let t = *u * (df / (1.0 - *u * *u)).sqrt();
        if !t.is_finite() {
            return Ok(None);
        }
        Ok(Some(t.max(crate::distributions::student_t_critical(confidence, df)?)))
    }
}
