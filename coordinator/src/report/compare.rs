//! Configs against the baseline of their stratum: tests, families, correction.

use super::{
    analysis::{
        Cell, Comparison, ComparisonResult, ConfigResult, FEW, Family, Measured, MetricInfo, Observation, Plan, Role,
        Stratum, Test, Tested, Untested, Verdict,
    },
    analyze::AnalyzeError,
    losses, wording,
};
use sweeper_core::spec::{Correction, Direction, Pairing};
use sweeper_stats::{Degenerate, EffectSize, TTest};

/// One family per metric, in the order of `metrics`.
///
/// # Errors
/// [`AnalyzeError::NoBaseline`].
pub(super) fn families(stratum: &Stratum, metrics: &[MetricInfo], plan: &Plan) -> Result<Vec<Family>, AnalyzeError> {
    let baseline = stratum
        .configs
        .iter()
        .find(|c| c.baseline)
        .ok_or_else(|| AnalyzeError::NoBaseline { stratum: stratum.name.clone(), baseline: plan.baseline.clone() })?;
    Ok(metrics.iter().enumerate().map(|(m, metric)| family(stratum, baseline, m, metric, plan)).collect())
}

fn family(stratum: &Stratum, baseline: &ConfigResult, m: usize, metric: &MetricInfo, plan: &Plan) -> Family {
    let others: Vec<&ConfigResult> = stratum.configs.iter().filter(|c| !c.baseline).collect();
    let cell = |config: &ConfigResult| config.cells.get(m).cloned().unwrap_or(Cell::NoData);
    let base = cell(baseline);
    let mut results: Vec<Result<Tested, Untested>> = others.iter().map(|c| test(&cell(c), &base, plan)).collect();
    let raw: Vec<Option<f64>> = results.iter().map(|r| r.as_ref().ok().map(|t| t.primary.p_value)).collect();
    let adjusted = match plan.correction {
        Correction::Holm => sweeper_stats::holm(&raw),
        Correction::None => raw.clone(),
    };
    for (result, p_adjusted) in results.iter_mut().zip(adjusted) {
        if let (Ok(tested), Some(p_adjusted)) = (result.as_mut(), p_adjusted) {
            tested.p_adjusted = p_adjusted;
            tested.verdict = verdict(tested, metric.direction, plan.alpha);
        }
    }
    let size = raw.iter().flatten().count();
    let comparisons = others.iter().zip(results).map(|(config, result)| {
        let result = match result {
            Ok(tested) => ComparisonResult::Tested(Box::new(tested)),
            Err(why) => ComparisonResult::NotTested(why),
        };
        let losses = losses::of(config, baseline);
        let words = wording::of_comparison((&config.name, &baseline.name), &result, &losses, metric, plan);
        Comparison {
            index: config.index,
            config: config.name.clone(),
            baseline: baseline.name.clone(),
            losses,
            result,
            sentence: words.sentence,
            evidence: words.evidence,
        }
    });
    Family {
        metric: metric.name.clone(),
        role: if metric.primary { Role::Primary } else { Role::Secondary },
        size,
        comparisons: comparisons.collect(),
    }
}

/// The numbers of one comparison, not yet corrected.
fn test(config: &Cell, baseline: &Cell, plan: &Plan) -> Result<Tested, Untested> {
    let produced = |cell: &Cell| !matches!(cell, Cell::NotMeasured);
    if !produced(config) || !produced(baseline) {
        return Err(Untested::NotMeasured { config: produced(config), baseline: produced(baseline) });
    }
    let (Some(config), Some(baseline)) = (config.measured(), baseline.measured()) else {
        return Err(Untested::TooFew { n: 0, needed: 2 });
    };
    match plan.pairing {
        Pairing::Common => paired(config, baseline, plan.confidence),
        Pairing::Independent => unpaired(config, baseline, plan.confidence),
    }
}

fn paired(config: &Measured, baseline: &Measured, confidence: f64) -> Result<Tested, Untested> {
    let (replicates, a, b) = common_replicates(&config.values, &baseline.values);
    let n = a.len();
    if n > 0 && a.iter().zip(&b).all(|(a, b)| a.to_bits() == b.to_bits()) {
        return Err(Untested::EqualInAll { n });
    }
    let primary = sweeper_stats::paired_t(&a, &b, confidence).map_err(|why| untested(why, n))?;
    let pairs = replicates.iter().zip(a.iter().zip(&b));
    let (effect, effect_missing) = split(sweeper_stats::hedges_g_paired(&a, &b, confidence));
    Ok(Tested {
        test: Test::PairedT,
        n_config: n,
        n_baseline: n,
        few: n <= FEW,
        primary,
        p_adjusted: primary.p_value,
        welch: welch(config, baseline, confidence).ok(),
        effect,
        effect_missing,
        seed_correlation: sweeper_stats::correlation(&a, &b).ok(),
        pairs: pairs.map(|(&replicate, (a, b))| Observation { replicate, value: a - b }).collect(),
        verdict: Verdict::Undecided,
    })
}

fn unpaired(config: &Measured, baseline: &Measured, confidence: f64) -> Result<Tested, Untested> {
    let n = config.n.min(baseline.n);
    let primary = welch(config, baseline, confidence).map_err(|why| untested(why, n))?;
    let (effect, effect_missing) = split(sweeper_stats::hedges_g(&plain(config), &plain(baseline), confidence));
    Ok(Tested {
        test: Test::WelchT,
        n_config: config.n,
        n_baseline: baseline.n,
        few: n <= FEW,
        primary,
        p_adjusted: primary.p_value,
        welch: Some(primary),
        effect,
        effect_missing,
        seed_correlation: None,
        pairs: Vec::new(),
        verdict: Verdict::Undecided,
    })
}

fn split(effect: Result<EffectSize, Degenerate>) -> (Option<EffectSize>, Option<Degenerate>) {
    match effect {
        Ok(effect) => (Some(effect), None),
        Err(why) => (None, Some(why)),
    }
}

fn plain(measured: &Measured) -> Vec<f64> {
    measured.values.iter().map(|o| o.value).collect()
}

fn welch(config: &Measured, baseline: &Measured, confidence: f64) -> Result<TTest, Degenerate> {
    sweeper_stats::welch_t(&plain(config), &plain(baseline), confidence)
}

/// Replicates in both, with both values; both inputs are ordered by replicate.
fn common_replicates(config: &[Observation], baseline: &[Observation]) -> (Vec<u32>, Vec<f64>, Vec<f64>) {
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

fn verdict(tested: &Tested, direction: Option<Direction>, alpha: f64) -> Verdict {
    let difference = tested.primary.difference;
    let improved = match direction {
        Some(Direction::Maximize) => difference > 0.0,
        Some(Direction::Minimize) => difference < 0.0,
        None => return Verdict::Undecided,
    };
    match (tested.p_adjusted <= alpha && difference != 0.0, improved) {
        (false, _) => Verdict::Undecided,
        (true, true) => Verdict::Better,
        (true, false) => Verdict::Worse,
    }
}
