//! Replicates that the declared difference needs.

use super::{Design, HIGH_POWER, POWER};
use serde::Serialize;
use sweeper_stats::{
    distributions::student_t_quantile,
    power::{Arm, required_n_equivalence_paired, required_n_equivalence_welch, tost_power_paired, tost_power_welch},
};

/// More replicates than any sweep has.
const MOST_REPLICATES: usize = 1_000_000;

/// Replicates of each config, by the probability to succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Sizes {
    /// With probability 0.8; none where a million are not enough.
    pub power_80: Option<usize>,
    /// With probability 0.9; none where a million are not enough.
    pub power_90: Option<usize>,
}

/// What the smallest difference that matters needs, at the standard deviation planned with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Needs {
    /// That difference, in the metric's unit.
    pub delta: f64,
    /// To find a true difference of `delta`.
    pub detect: Sizes,
    /// Probability that the planned replicates find it.
    pub detect_power: f64,
    /// To show equivalence within `delta` when there is no difference.
    pub equivalence: Sizes,
    /// Probability that the planned replicates show it.
    pub equivalence_power: f64,
    /// Whether they can: not where the interval alone is wider than from −`delta` to `delta` at the standard deviation
    /// planned with.
    pub equivalence_possible: bool,
}

/// Of `n` planned replicates; `sd` is of the per-seed differences when paired, of a config's replicates when not.
pub(super) fn of(design: &Design, n: usize, delta: f64, sd: f64) -> Needs {
    let detect = |power: f64| smallest(|n| design.power(n, delta / sd) >= power);
    let equivalence = |power: f64| {
        if design.paired {
            required_n_equivalence_paired(delta, sd, design.alpha, power).ok()
        } else {
            required_n_equivalence_welch(delta, sd, sd, design.alpha, power).ok()
        }
    };
    let arm = Arm { n, sd };
    let equivalence_power = if design.paired {
        tost_power_paired(n, sd, 0.0, delta, design.alpha)
    } else {
        tost_power_welch(arm, arm, 0.0, delta, design.alpha)
    };
    Needs {
        delta,
        detect: Sizes { power_80: detect(POWER), power_90: detect(HIGH_POWER) },
        detect_power: design.power(n, delta / sd),
        equivalence: Sizes { power_80: equivalence(POWER), power_90: equivalence(HIGH_POWER) },
        equivalence_power: equivalence_power.unwrap_or(0.0),
        equivalence_possible: half_interval(design, n, sd).is_some_and(|half| half < delta),
    }
}

/// Half the width of the interval that must lie inside, at a standard deviation of exactly `sd`.
#[allow(clippy::cast_precision_loss)]
fn half_interval(design: &Design, n: usize, sd: f64) -> Option<f64> {
    if n < 2 {
        return None;
    }
    let df = if design.paired { n - 1 } else { 2 * n - 2 } as f64;
    Some(-student_t_quantile(design.alpha, df).ok()? * sd / design.unit(n))
}

/// The smallest number from 2 on that is enough, where every larger one is, too.
fn smallest(enough: impl Fn(usize) -> bool) -> Option<usize> {
    let (mut fails, mut holds) = (1, 2);
    while !enough(holds) {
        if holds >= MOST_REPLICATES {
            return None;
        }
        fails = holds;
        holds = (2 * holds).min(MOST_REPLICATES);
    }
    while holds - fails > 1 {
        let middle = usize::midpoint(fails, holds);
        if enough(middle) { holds = middle } else { fails = middle }
    }
    Some(holds)
}
