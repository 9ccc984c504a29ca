//! Pairs of configs of one stratum: tests, families, correction.
//!
//! Map: this page the families · `pairs` which configs are compared · `pair` the numbers of one comparison · `adjust`
//! correction inside a family · `extended` p-values of what grew after it was known · `robust` other tests beside the planned
//! one · `worst_rank` that in which lost trainings count · `verdict` what the numbers say.

mod adjust;
mod extended;
mod pair;
mod pairs;
mod robust;
mod verdict;
mod worst_rank;

pub use self::extended::Extended;
pub(crate) use self::pairs::{Members, Pair, Settings, of as pairs_of, settings};
use self::robust::Budget;
pub(super) use self::{
    extended::{Known, known},
    pair::common_replicates,
};
use super::{
    Sequential,
    analysis::{
        Cell, Comparison, ComparisonResult, ConfigResult, Family, Instead, MetricInfo, Plan, Role, Stratum, Untested,
    },
    analyze::AnalyzeError,
    losses, wording,
};
use rayon::prelude::*;
use std::collections::BTreeMap;
use sweeper_core::spec::Correction;

/// What a plan allows, and what it cannot undo.
pub(super) struct Standings<'a> {
    /// States of a sequential design, by index of the config.
    pub(super) sequential: &'a BTreeMap<u32, Sequential>,
    /// Planned trials that are open, while the plan allows no test but those of its looks.
    pub(super) waiting: Option<usize>,
    /// What was known before.
    pub(super) known: &'a Known,
}

/// One family per metric, in the order of `metrics`. `settings` are those of the stratum's configs, in the same order;
/// `seed` is what every random number of the report derives from. As long as planned trials are waited for, only what the
/// looks of a sequential design allow is compared.
///
/// # Errors
/// [`AnalyzeError::NoBaseline`].
pub(super) fn families(
    stratum: &Stratum,
    settings: &[Option<Settings>],
    metrics: &[MetricInfo],
    (plan, seed): (&Plan, u64),
    Standings { sequential, waiting, known }: &Standings<'_>,
) -> Result<Vec<Family>, AnalyzeError> {
    let baseline = stratum.configs.iter().position(|config| config.baseline);
    let members = Members { stratum: &stratum.name, count: stratum.configs.len(), baseline };
    let pairs = pairs::of(members, settings, (plan.family, &plan.baseline))?;
    let numbered = metrics.iter().enumerate();
    let mut tests: Vec<Tests<'_>> =
        numbered.map(|(m, metric)| Tests::of(stratum, &pairs, (m, metric), (plan, seed))).collect();
    if let Some(open) = *waiting {
        tests.iter_mut().for_each(|tests| tests.wait(open, sequential));
    }
    tests.iter_mut().for_each(|tests| tests.extend(known, plan));
    adjust::alone(&mut tests, plan);
    adjust::secondary(&mut tests);
    tests.iter_mut().filter(|tests| tests.metric.primary).for_each(|tests| tests.looked(sequential, plan));
    Ok(tests.into_iter().map(|tests| tests.judged(plan)).collect())
}

/// The comparisons of one metric before they are put into words.
struct Tests<'a> {
    stratum: &'a Stratum,
    metric: &'a MetricInfo,
    /// Index of the metric.
    m: usize,
    pairs: &'a [Pair],
    results: Vec<ComparisonResult>,
    /// What the correction counts.
    corrected_over: usize,
    /// Why Holm's correction took the place of the planned one.
    instead: Option<Instead>,
    /// Random arrangements of a max-T correction.
    drawn: Option<u64>,
    /// Which stream of random numbers is its own.
    seed: u64,
}

impl<'a> Tests<'a> {
    fn of(
        stratum: &'a Stratum,
        pairs: &'a [Pair],
        (m, metric): (usize, &'a MetricInfo),
        (plan, seed): (&Plan, u64),
    ) -> Self {
        let results = Vec::new();
        let tests = Self { stratum, metric, m, pairs, results, corrected_over: 0, instead: None, drawn: None, seed };
        let one = |(at, pair): (usize, &Pair)| {
            let (config, baseline) = tests.sides(pair);
            let budget = Budget { comparisons: pairs.len(), draws: tests.draws(at) };
            pair::test((config, baseline), (tests.cell(config), tests.cell(baseline)), metric, plan, budget)
        };
        // In order of the pairs, whichever thread makes them.
        let results = pairs.par_iter().enumerate().map(one).collect();
        Self { results, ..tests }
    }

    fn sides(&self, pair: &Pair) -> (&'a ConfigResult, &'a ConfigResult) {
        (&self.stratum.configs[pair.config], &self.stratum.configs[pair.baseline])
    }

    fn cell(&self, config: &'a ConfigResult) -> &'a Cell {
        config.cells.get(self.m).unwrap_or(&Cell::NoData)
    }

    /// A stream of random numbers of its own for each comparison of the report.
    fn draws(&self, at: usize) -> sweeper_stats::Draws {
        let first = self.stratum.configs.first().map_or(0, |config| config.index);
        // Strata, metrics and comparisons are far fewer than 2^32 together; where they are not, streams repeat, which
        // costs independence between far-apart comparisons and nothing else.
        let part = (first.wrapping_mul(1_000_003) ^ (self.m as u32).wrapping_mul(65_537)).wrapping_add(at as u32);
        sweeper_stats::Draws { seed: self.seed, part }
    }

    fn role(&self) -> Role {
        match self.metric {
            MetricInfo { primary: true, .. } => Role::Primary,
            MetricInfo { secondary: true, .. } => Role::Secondary,
            _ => Role::Other,
        }
    }

    /// Takes away every comparison that the plan does not allow while `open` trials have no outcome: all of a fixed design,
    /// and of a sequential one those that no look has seen.
    fn wait(&mut self, open: usize, states: &BTreeMap<u32, Sequential>) {
        let (stratum, primary) = (self.stratum, self.metric.primary);
        for (pair, result) in self.pairs.iter().zip(&mut self.results) {
            let state = states.get(&stratum.configs[pair.config].index).filter(|_| primary);
            let looked = state.is_some_and(|state| state.p_value.is_some());
            let structural = matches!(
                result,
                ComparisonResult::NotTested(Untested::NotMeasured { .. } | Untested::EqualInAll { .. })
            );
            if !looked && !structural {
                *result = ComparisonResult::NotTested(Untested::Waiting { open });
            }
        }
    }

    /// Puts the p-values and intervals that hold whenever somebody looks in the place of those that hold once. A comparison
    /// before its first look has none yet.
    fn looked(&mut self, states: &BTreeMap<u32, Sequential>, plan: &Plan) {
        for (pair, result) in self.pairs.iter().zip(&mut self.results) {
            let (config, _) = (&self.stratum.configs[pair.config], pair.baseline);
            let (Some(tested), Some(state)) = (result.tested_mut(), states.get(&config.index)) else { continue };
            tested.p_value = state.p_value.unwrap_or(1.0);
            tested.p_adjusted = state.p_adjusted.unwrap_or(1.0);
            tested.simultaneous = state.simultaneous;
            // The two one-sided tests hold once, and the decision of the design holds whenever it is made.
            let decided = state.decision == "equivalent";
            tested.equivalence.tost = tested.equivalence.tost.filter(|_| decided && plan.delta.is_some());
            tested.robustness = None;
            tested.sequential = Some(state.clone());
        }
    }

    /// Uncorrected p-values, in the order of the pairs.
    fn raw(&self) -> Vec<Option<f64>> {
        self.results.iter().map(ComparisonResult::p_value).collect()
    }

    fn judged(mut self, plan: &Plan) -> Family {
        // Declared secondary metrics share a correction of their own, whatever that of the primary one.
        let (role, corrected) = (self.role(), plan.correction != Correction::None || self.role() == Role::Secondary);
        let over = self.corrected_over;
        let size = self.raw().iter().flatten().count();
        let (metric, family) = (self.metric, if corrected { over } else { 1 });
        self.results.par_iter_mut().for_each(|result| match result {
            ComparisonResult::Tested(tested) => verdict::judge(tested, metric, plan, family),
            ComparisonResult::Ranked(ranked) => verdict::judge_ranks(ranked, metric, plan),
            ComparisonResult::NotTested(_) => {}
        });
        let results = std::mem::take(&mut self.results);
        let comparison = |(pair, result): (&Pair, ComparisonResult)| {
            let (config, baseline) = self.sides(pair);
            let losses = losses::of(config, baseline, &metric.name);
            let words =
                wording::of_comparison((&config.name, &baseline.name), (&result, family), &losses, metric, plan);
            Comparison {
                index: config.index,
                config: config.name.clone(),
                baseline: baseline.name.clone(),
                baseline_index: baseline.index,
                factor: pair.factor.clone(),
                losses,
                result,
                sentence: words.sentence,
                evidence: words.evidence,
            }
        };
        Family {
            metric: self.metric.name.clone(),
            role,
            size,
            corrected_over: over,
            instead: self.instead,
            drawn: self.drawn,
            comparisons: self.pairs.iter().zip(results).map(comparison).collect(),
        }
    }
}
