//! The order of events of a sequential design, shared by [`crate::design`] (real data) and [`crate::simulate`].
//!
//! Stage k is look k of every comparison still undecided, all at the same number of replicates. So the decisions
//! are a function of the data by replicate number and cannot depend on which trial finished first.

use crate::degenerate::Degenerate;
use crate::distributions::{normal_sf, student_t_two_sided};
use crate::evalue::{e_critical, ln_e};
use crate::spending::{critical_t, z_of_p};

/// Where a comparison stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// Needs more replicates.
    Continue,
    /// A difference is shown, at the family-wise level.
    Rejected,
    /// Equivalence within the margin is shown.
    Equivalent,
    /// A difference of the margin would most likely not be found any more.
    Futile,
    /// All planned replicates are there, and nothing is shown.
    Exhausted,
}

/// Why a comparison stops on its own data, without a difference shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OwnStop {
    Equivalent,
    Futile,
}

/// What one look at one comparison says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// Fewest other rejections with which this hypothesis is rejected too; the family size when none are enough.
    pub(crate) need: usize,
    pub(crate) stop: Option<OwnStop>,
}

/// A difference with its estimated error at one look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Estimate {
    pub(crate) difference: f64,
    /// Above 0.
    pub(crate) se: f64,
    pub(crate) df: f64,
}

/// One look of planned looks.
#[derive(Debug, Clone)]
pub(crate) struct PlannedLook {
    /// Share of the planned replicates.
    pub(crate) fraction: f64,
    /// Nominal p of the boundary of level `alpha / (family - r)`, by the number r of rejections.
    pub(crate) nominal: Vec<f64>,
    /// Nominal p of the boundary that equivalence is read from, of two-sided level `2 alpha`.
    pub(crate) nominal_equivalence: f64,
}

/// How looks are judged.
#[derive(Debug, Clone)]
pub(crate) enum Judge {
    Planned {
        looks: Vec<PlannedLook>,
        /// Bound of |Z| at the last look and level alpha: the best a comparison can hope for.
        last_z: f64,
    },
    Always {
        c: f64,
        alpha: f64,
        /// Logarithms of the e-values needed, by the number of rejections.
        ln_needed: Vec<f64>,
    },
}

/// Margin and threshold of the stops without a difference.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stops {
    pub(crate) margin: Option<f64>,
    pub(crate) futility: Option<f64>,
}

impl Judge {
    /// Judges `estimate` at `look` (from 0).
    ///
    /// # Errors
    /// [`Degenerate::Domain`] when a statistic is out of range.
    pub(crate) fn judge(&self, look: usize, estimate: &Estimate, stops: Stops) -> Result<Evidence, Degenerate> {
        let t = estimate.difference / estimate.se;
        match self {
            Self::Planned { looks, last_z } => {
                let here = &looks[look];
                let need = planned_need(here, t, estimate.df)?;
                let mut stop = None;
                if let Some(margin) = stops.margin {
                    let room = (margin - estimate.difference.abs()) / estimate.se;
                    if crosses(room, estimate.df, here.nominal_equivalence)? {
                        stop = Some(OwnStop::Equivalent);
                    } else if let Some(threshold) = stops.futility
                        && look + 1 < looks.len()
                        && need == here.nominal.len()
                        && conditional_power(estimate, here.fraction, *last_z, margin)? < threshold
                    {
                        stop = Some(OwnStop::Futile);
                    }
                }
                Ok(Evidence { need, stop })
            }
            Self::Always { c, alpha, ln_needed } => {
                let n = estimate.df + 1.0;
                let ln_e = ln_e(t, estimate.df, n, *c);
                let within = stops.margin.is_some_and(|margin| {
                    let room = (margin - estimate.difference.abs()) / estimate.se;
                    e_critical(estimate.df, n, *c, *alpha).is_some_and(|critical| critical <= room)
                });
                let need = ln_needed.partition_point(|needed| ln_e < *needed);
                Ok(Evidence { need, stop: within.then_some(OwnStop::Equivalent) })
            }
        }
    }
}

/// Whether the upper `t` is beyond the bound with the two-sided `nominal` p.
fn crosses(t: f64, df: f64, nominal: f64) -> Result<bool, Degenerate> {
    // A t tail is heavier than the normal one, so whatever the normal does not let pass needs no t.
    Ok(t > 0.0 && 2.0 * normal_sf(t) <= nominal && student_t_two_sided(t, df)?.p <= nominal)
}

fn planned_need(look: &PlannedLook, t: f64, df: f64) -> Result<usize, Degenerate> {
    let family = look.nominal.len();
    if !crosses(t.abs(), df, look.nominal[family - 1])? {
        return Ok(family);
    }
    let p = student_t_two_sided(t, df)?.p;
    Ok(look.nominal.partition_point(|nominal| p > *nominal))
}

/// Probability that the statistic of the full data exceeds `last_z` when the true difference is `margin`, on the side
/// where that is more likely. With information fraction f, `B = Z sqrt(f)` and `theta = margin / (se sqrt(f))`
/// it is `1 - cdf((last_z - B - theta (1 - f)) / sqrt(1 - f))`; chances at looks in between are left out.
///
/// Source: Lan, Simon and Halperin, "Stochastically curtailed tests in long-term clinical trials", Sequential Analysis
/// 1 (1982).
pub(crate) fn conditional_power(
    estimate: &Estimate,
    fraction: f64,
    last_z: f64,
    margin: f64,
) -> Result<f64, Degenerate> {
    let tail = student_t_two_sided(estimate.difference / estimate.se, estimate.df)?;
    let score = z_of_p(tail.log10_p.min(0.0))? * fraction.sqrt();
    let drift = margin / (estimate.se * fraction.sqrt());
    let left = 1.0 - fraction;
    // Upwards from a |Z| is likelier than downwards.
    Ok(normal_sf((last_z - score - drift * left) / left.sqrt()))
}

/// Critical t of a planned look after `rejections`.
pub(crate) fn look_critical(look: &PlannedLook, rejections: usize, df: f64) -> Result<f64, Degenerate> {
    critical_t(look.nominal[rejections.min(look.nominal.len() - 1)], df)
}

/// Where the looks find their data.
pub(crate) trait Source {
    /// Whether the replicates of `look` are there for the baseline and all `undecided` comparisons.
    fn ready(&mut self, look: usize, undecided: &[usize]) -> bool;

    /// What the data of `look` say about `comparison`; nothing when they have no test.
    fn evidence(&mut self, look: usize, comparison: usize) -> Evidence;
}

/// The state after all looks that could be taken.
#[derive(Debug, Clone)]
pub(crate) struct Replay {
    /// Looks taken.
    pub(crate) looks: usize,
    /// Number of hypotheses rejected.
    pub(crate) rejected: usize,
    /// Which: those of comparisons that had stopped as equivalent may be among them.
    pub(crate) shown: Vec<bool>,
    pub(crate) decisions: Vec<Decision>,
    /// Looks each comparison took part in; the last of them decided it.
    pub(crate) looks_of: Vec<usize>,
}

/// Takes the looks in order, each when all undecided comparisons are ready for it, and Holm's step-down test after
/// each: a hypothesis whose bound at level `alpha / (family - r)` was crossed at any of its looks is rejected as soon
/// as r others are. A decision once made stays.
pub(crate) fn replay(family: usize, planned_looks: usize, source: &mut impl Source) -> Replay {
    let mut replay = Replay {
        looks: 0,
        rejected: 0,
        shown: vec![false; family],
        decisions: vec![Decision::Continue; family],
        looks_of: vec![0; family],
    };
    let mut need = vec![family; family];
    let mut undecided: Vec<usize> = (0..family).collect();
    while replay.looks < planned_looks && !undecided.is_empty() && source.ready(replay.looks, &undecided) {
        let look = replay.looks;
        let mut stops = Vec::with_capacity(undecided.len());
        for &i in &undecided {
            let evidence = source.evidence(look, i);
            need[i] = need[i].min(evidence.need);
            replay.looks_of[i] = look + 1;
            stops.push(evidence.stop);
        }
        replay.looks += 1;
        replay.rejected = rejections(&need, replay.rejected);
        for (shown, need) in replay.shown.iter_mut().zip(&need) {
            *shown = *need < family && *need <= replay.rejected;
        }
        let last = replay.looks == planned_looks;
        for (&i, stop) in undecided.iter().zip(stops) {
            replay.decisions[i] = match stop {
                _ if replay.shown[i] => Decision::Rejected,
                Some(OwnStop::Equivalent) => Decision::Equivalent,
                Some(OwnStop::Futile) => Decision::Futile,
                None if last => Decision::Exhausted,
                None => Decision::Continue,
            };
        }
        undecided.retain(|&i| replay.decisions[i] == Decision::Continue);
    }
    replay
}

/// Number of hypotheses that Holm's step-down test rejects, not fewer than `before`.
fn rejections(need: &[usize], before: usize) -> usize {
    let mut rejected = before;
    loop {
        let next = need.iter().filter(|&&need_i| need_i < need.len() && need_i <= rejected).count();
        if next <= rejected {
            return rejected;
        }
        rejected = next;
    }
}
