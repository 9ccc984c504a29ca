//! The numbers of one comparison, not yet corrected.

use super::{
    robust::{self, Budget},
    worst_rank::{self, Side},
};
use crate::report::analysis::{
    Cell, ComparisonResult, ConfigResult, Equivalence, FEW, Measured, MetricInfo, Observation, Plan, Ranked,
    Robustness, Test, Tested, Untested, Verdict, WorstRank,
};
use sweeper_core::spec::{Missing, Pairing};
use sweeper_stats::{
    Degenerate, EffectSize, TTest,
    equivalence::{equivalence_interval, smallest_margin, tost_of},
    from_summary::{SampleStats, hedges_g_from, welch_t_from},
    power::Arm,
    superiority::{superiority, superiority_paired},
};

/// A config and what it is compared with, on one metric.
struct Sides<'a> {
    config: (&'a ConfigResult, &'a Measured),
    baseline: (&'a ConfigResult, &'a Measured),
    metric: &'a MetricInfo,
    plan: &'a Plan,
    budget: Budget,
}

/// The numbers of one comparison, or why there are none.
pub(super) fn test(
    (config, baseline): (&ConfigResult, &ConfigResult),
    (config_cell, baseline_cell): (&Cell, &Cell),
    metric: &MetricInfo,
    plan: &Plan,
    budget: Budget,
) -> ComparisonResult {
    let produced = |cell: &Cell| !matches!(cell, Cell::NotMeasured);
    if !produced(config_cell) || !produced(baseline_cell) {
        let (config, baseline) = (produced(config_cell), produced(baseline_cell));
        return ComparisonResult::NotTested(Untested::NotMeasured { config, baseline });
    }
    let tested = match (config_cell.measured(), baseline_cell.measured()) {
        (Some(a), Some(b)) => {
            let sides = Sides { config: (config, a), baseline: (baseline, b), metric, plan, budget };
            match plan.pairing {
                Pairing::Common => sides.paired(),
                Pairing::Independent => sides.unpaired(),
            }
        }
        _ => Err(Untested::TooFew { n: 0, needed: 2 }),
    };
    let sides = [(config, config_cell), (baseline, baseline_cell)];
    let rank = worst_rank::of(sides.map(|(config, cell)| Side::of(config, cell, &metric.name)), metric, plan, budget);
    // Without a known better side, or with nothing observed, there is no worst rank: the t-test stays.
    let decides = rank.filter(|_| plan.missing == Missing::WorstRank);
    let by_rank = match plan.pairing {
        Pairing::Common => Test::WorstRankPaired,
        Pairing::Independent => Test::WorstRankUnpaired,
    };
    match (tested, decides) {
        (Ok(tested), None) => ComparisonResult::Tested(Box::new(Tested { worst_rank: rank, ..tested })),
        (Ok(tested), Some(WorstRank { test, .. })) => {
            let (p_value, p_adjusted) = (test.p_value, test.p_value);
            // Single trainings were left out of the t-test, which does not decide.
            let robustness =
                tested.robustness.map(|r| Robustness { flips: Vec::new(), ..r }.compared(p_value, plan.alpha));
            let ranked = Tested { worst_rank: rank, test: by_rank, p_value, p_adjusted, robustness, ..tested };
            ComparisonResult::Tested(Box::new(ranked))
        }
        (Err(instead), Some(rank)) => {
            let (p_adjusted, verdict) = (rank.test.p_value, Verdict::Undecided);
            ComparisonResult::Ranked(Ranked { test: by_rank, rank, p_adjusted, verdict, instead })
        }
        (Err(why), None) => ComparisonResult::NotTested(why),
    }
}

impl Sides<'_> {
    fn paired(&self) -> Result<Tested, Untested> {
        let confidence = self.plan.confidence;
        let (replicates, a, b) = common_replicates(&self.config.1.values, &self.baseline.1.values);
        let n = a.len();
        if n > 0 && a.iter().zip(&b).all(|(a, b)| a.to_bits() == b.to_bits()) {
            return Err(Untested::EqualInAll { n });
        }
        let primary = sweeper_stats::paired_t(&a, &b, confidence).map_err(|why| untested(why, n))?;
        let (effect, effect_missing) = split(sweeper_stats::hedges_g_paired(&a, &b, confidence));
        let pairs = replicates.iter().zip(a.iter().zip(&b));
        let pairs = pairs.map(|(&replicate, (a, b))| Observation { replicate, value: a - b }).collect();
        let robust = || robust::paired(&replicates, (&a, &b), &primary, self.plan, self.budget);
        Ok(Tested {
            test: Test::PairedT,
            n_config: n,
            n_baseline: n,
            few: n <= FEW,
            welch: sweeper_stats::welch_t(&self.config.1.plain(), &self.baseline.1.plain(), confidence).ok(),
            effect,
            effect_missing,
            effect_av: sweeper_stats::hedges_g_av(&a, &b, confidence).ok(),
            superiority: superiority_paired(&a, &b, confidence).ok(),
            robustness: self.planned().then(robust),
            seed_correlation: sweeper_stats::correlation(&a, &b).ok(),
            pairs,
            ..self.common(primary, n)?
        })
    }

    fn unpaired(&self) -> Result<Tested, Untested> {
        let confidence = self.plan.confidence;
        let ((_, config), (_, baseline)) = (self.config, self.baseline);
        let (a, b) = (config.plain(), baseline.plain());
        let n = config.n.min(baseline.n);
        // A published table has no values, and its moments are all there is.
        let moments = a.is_empty().then(|| config.moments().zip(baseline.moments())).flatten();
        let (primary, effect) = match &moments {
            Some((a, b)) => (welch_t_from(a, b, confidence), hedges_g_from(a, b, confidence)),
            None => (sweeper_stats::welch_t(&a, &b, confidence), sweeper_stats::hedges_g(&a, &b, confidence)),
        };
        let primary = primary.map_err(|why| untested(why, n))?;
        let (effect, effect_missing) = split(effect);
        let names = [&self.config.0.name, &self.baseline.0.name];
        let robust = || robust::unpaired(names, (config, baseline), &primary, self.plan, self.budget);
        Ok(Tested {
            n_config: config.n,
            n_baseline: baseline.n,
            arms: config
                .sd
                .zip(baseline.sd)
                .map(|(sd, other)| [Arm { n: config.n, sd }, Arm { n: baseline.n, sd: other }]),
            welch: Some(primary),
            effect,
            effect_missing,
            superiority: superiority(&a, &b, confidence).ok(),
            robustness: (self.planned() && moments.is_none()).then(robust),
            ..self.common(primary, n)?
        })
    }

    /// What both kinds of test have in common; the rest is that of an unpaired one without further numbers.
    fn common(&self, primary: TTest, n: usize) -> Result<Tested, Untested> {
        let alpha = self.plan.alpha;
        let interval = equivalence_interval(&primary, alpha).map_err(|why| untested(why, n))?;
        let margin = self.plan.delta.filter(|_| self.metric.primary);
        let equivalence = Equivalence {
            interval,
            tost: margin.and_then(|margin| tost_of(&primary, margin, alpha).ok()),
            smallest_margin: smallest_margin(&interval),
        };
        Ok(Tested {
            test: Test::WelchT,
            p_value: primary.p_value,
            n_config: n,
            n_baseline: n,
            few: n <= FEW,
            primary,
            p_adjusted: primary.p_value,
            simultaneous: None,
            welch: None,
            effect: None,
            effect_missing: None,
            effect_av: None,
            superiority: None,
            equivalence,
            robustness: None,
            worst_rank: None,
            detectable: None,
            needed: None,
            seed_correlation: None,
            arms: None,
            sequential: None,
            extended: None,
            pairs: Vec::new(),
            verdict: Verdict::Undecided,
        })
    }

    /// Whether the plan names the metric; others get no further tests.
    fn planned(&self) -> bool {
        self.metric.primary || self.metric.secondary
    }
}

fn split(effect: Result<EffectSize, Degenerate>) -> (Option<EffectSize>, Option<Degenerate>) {
    match effect {
        Ok(effect) => (Some(effect), None),
        Err(why) => (None, Some(why)),
    }
}

impl Measured {
    /// What is known of it where only moments are.
    fn moments(&self) -> Option<SampleStats> {
        Some(SampleStats { n: self.n, mean: self.mean, sd: self.sd? })
    }

    /// Every value, by replicate.
    pub(in crate::report) fn plain(&self) -> Vec<f64> {
        self.values.iter().map(|o| o.value).collect()
    }
}

/// Replicates in both, with both values; both inputs are ordered by replicate.
pub(in crate::report) fn common_replicates(
    config: &[Observation],
    baseline: &[Observation],
) -> (Vec<u32>, Vec<f64>, Vec<f64>) {
    let mut rest = baseline.iter().peekable();
    let (mut replicates, mut a, mut b) = (Vec::new(), Vec::new(), Vec::new());
    for mine in config {
        while rest.next_if(|other| other.replicate < mine.replicate).is_some() {}
        if let Some(other) = rest.next_if(|other| other.replicate == mine.replicate) {
            replicates.push(mine.replicate);
            a.push(mine.value);
            b.push(other.value);
        }
    }
    (replicates, a, b)
}

fn untested(why: Degenerate, n: usize) -> Untested {
    match why {
        Degenerate::TooFew { n, needed } => Untested::TooFew { n, needed },
        Degenerate::ZeroVariance { value } => Untested::ConstantDifference { n, difference: value },
        other => Untested::Degenerate(other),
    }
}
