//! Comparisons that went on after somebody could have looked: an earlier sweep had some of their replicates, and this one
//! added more. A p-value for a number of replicates fixed in advance does not hold then; an e-value does, for whatever
//! reason a sweep goes on.

use super::Tests;
use crate::{
    report::analysis::{ComparisonResult, Measured, Observation, Plan, Test, Tested},
    results::{Origin, SweepResults},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use sweeper_core::spec::{Correction, Pairing, Stopping};
use sweeper_stats::{
    Interval,
    evalue::{DEFAULT_C, EValue, e_interval, e_value},
};

/// What replaces the p-value of a comparison that grew.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Extended {
    /// Replicates of which earlier sweeps had the outcomes of both configs.
    pub known: usize,
    /// Replicates that the e-value rests on: pairs, or values matched in the order in which they came.
    pub n: usize,
    /// The p-value of the planned test, which would hold had the number of replicates been fixed in advance.
    pub classical: f64,
    /// Base-10 logarithm of the e-value after the last replicate.
    pub log10_e: f64,
    /// Interval at the plan's confidence that holds after every replicate, for this comparison alone; none while it is
    /// unbounded.
    pub interval: Option<Interval>,
}

/// By config the replicates whose outcomes were taken over from earlier sweeps.
pub(in crate::report) type Known = BTreeMap<u32, BTreeSet<u32>>;

/// What was known before a plan with a fixed number of replicates was stored. Of what was read from a file nobody knows,
/// and a sequential design has p-values of its own.
pub(in crate::report) fn known(results: &SweepResults) -> Known {
    let mut known = Known::new();
    if results.origin != Origin::Sweep || results.spec.analysis.stopping != Stopping::Fixed {
        return known;
    }
    for trial in results.trials.iter().filter(|trial| trial.reused_from.is_some()) {
        known.entry(trial.config).or_default().insert(trial.replicate);
    }
    known
}

impl Tests<'_> {
    /// Puts always-valid p-values and intervals in the place of those of a fixed number of replicates, wherever both
    /// configs of a pair had outcomes before and got more.
    pub(super) fn extend(&mut self, known: &Known, plan: &Plan) {
        if known.is_empty() {
            return;
        }
        let none = BTreeSet::new();
        let of = |config: u32| known.get(&config).unwrap_or(&none);
        let mut extended: Vec<(usize, Vec<f64>)> = Vec::new();
        for (at, pair) in self.pairs.iter().enumerate() {
            let (config, baseline) = self.sides(pair);
            if let ComparisonResult::Ranked(ranked) = &self.results[at] {
                // A rank test holds once, and there are no differences for an e-value.
                if [config, baseline].iter().any(|side| (1..side.counts.planned).contains(&of(side.index).len())) {
                    self.results[at] = ComparisonResult::NotTested(ranked.instead.clone());
                }
                continue;
            }
            let (Some(a), Some(b)) = (self.cell(config).measured(), self.cell(baseline).measured()) else { continue };
            let (known, differences) = differences((a, of(config.index)), (b, of(baseline.index)), plan.pairing);
            if let (Some(tested), true) = (self.results[at].tested_mut(), known > 0 && known < differences.len()) {
                extend(tested, known, &differences, plan);
                extended.push((at, differences));
            }
        }
        if plan.correction == Correction::None {
            return;
        }
        let family = self.raw().iter().flatten().count();
        let coverage = 1.0 - (1.0 - plan.confidence) / family.max(1) as f64;
        for (at, differences) in extended {
            let found = e_interval(&differences, DEFAULT_C, coverage).ok();
            if let Some(tested) = self.results[at].tested_mut() {
                tested.simultaneous = found.map(|found| Interval { confidence: plan.confidence, ..found });
            }
        }
    }

    /// Whether any comparison has an always-valid p-value, which no correction but those that hold under any dependence
    /// can take.
    pub(super) fn is_extended(&self) -> bool {
        self.results.iter().filter_map(ComparisonResult::tested).any(|tested| tested.extended.is_some())
    }
}

fn extend(tested: &mut Tested, known: usize, differences: &[f64], plan: &Plan) {
    let e = e_value(differences, DEFAULT_C);
    // Differences without variance give no evidence that holds: the p-value is 1 then.
    let (p_value, log10_e) = e.map_or((1.0, 0.0), |EValue { p_value, log10_e, .. }| (p_value, log10_e));
    tested.extended = Some(Extended {
        known,
        n: differences.len(),
        classical: tested.p_value,
        log10_e,
        interval: e_interval(differences, DEFAULT_C, plan.confidence).ok(),
    });
    // An e-value is of differences, and ranks have none.
    tested.test = if tested.test.is_paired() { Test::PairedT } else { Test::WelchT };
    tested.p_value = p_value;
    tested.p_adjusted = p_value;
    // All of these hold once.
    tested.equivalence.tost = None;
    tested.robustness = None;
}

/// How many differences were known before, and all of them: those first, as they came first.
fn differences(
    (a, known_a): (&Measured, &BTreeSet<u32>),
    (b, known_b): (&Measured, &BTreeSet<u32>),
    pairing: Pairing,
) -> (usize, Vec<f64>) {
    match pairing {
        Pairing::Common => {
            let (replicates, a, b) = super::pair::common_replicates(&a.values, &b.values);
            let both = |r: &u32| known_a.contains(r) && known_b.contains(r);
            let order: Vec<usize> = known_first(replicates.iter().map(both));
            let before = replicates.iter().filter(|r| both(r)).count();
            (before, order.into_iter().map(|at| a[at] - b[at]).collect())
        }
        Pairing::Independent => {
            let ordered = |measured: &Measured, known: &BTreeSet<u32>| -> (usize, Vec<f64>) {
                let is_known = |o: &Observation| known.contains(&o.replicate);
                let order = known_first(measured.values.iter().map(is_known));
                let before = measured.values.iter().filter(|o| is_known(o)).count();
                (before, order.into_iter().map(|at| measured.values[at].value).collect())
            };
            let ((known_a, a), (known_b, b)) = (ordered(a, known_a), ordered(b, known_b));
            (known_a.min(known_b), a.iter().zip(&b).map(|(a, b)| a - b).collect())
        }
    }
}

/// Places of those that were known, then of the others, each in their order.
fn known_first(known: impl Iterator<Item = bool>) -> Vec<usize> {
    let known: Vec<bool> = known.collect();
    let of = |wanted: bool| known.iter().enumerate().filter(move |(_, k)| **k == wanted).map(|(at, _)| at);
    of(true).chain(of(false)).collect()
}
