//! A published table to an [`Analysis`]: means, standard deviations and numbers, without the values behind them.

use super::{
    analysis::{
        ANALYSIS_SCHEMA, Analysis, Cell, Comparison, ConfigResult, Counts, Determinism, FEW, Family, Measured,
        MetricInfo, Plan, Provenance, Scope, Source, Stratum,
    },
    analyze::{AnalyzeError, metric_order},
    beyond::{self, DesignAudit, Noise},
    compare::{self, Standings},
    fractions, planned,
    replay::{self, Input},
    time,
    wording::{Look, display_name, full_name, subject},
};
use crate::imports::{Summary, SummaryRow};
use std::collections::{BTreeMap, BTreeSet};
use sweeper_core::spec::{Pairing, Tasks};
use sweeper_stats::from_summary::{SampleStats, mean_interval_from};

/// Verdicts that one sentence names.
const MOST_NAMED: usize = 5;

/// Analyses a published table as its reader wants it judged. Nothing is known of pairs, so the tests are Welch's.
///
/// # Errors
/// [`AnalyzeError::NoBaseline`].
pub fn analyze_summary(summary: &Summary) -> Result<Analysis, AnalyzeError> {
    let plan = plan(summary);
    let names: BTreeSet<&str> = summary.rows.iter().flat_map(|row| row.keys().map(String::as_str)).collect();
    let mut metrics = metric_order(names, &plan);
    let means = summary.rows.iter().flatten().map(|(name, row)| (name.as_str(), row.stats.mean));
    let fractions = fractions::told(&mut metrics, means, plan.delta);
    let mut strata = strata(summary, &metrics, &plan)?;
    let divisor = divisor(summary, &strata, &metrics, &plan)?;
    for stratum in &mut strata {
        let primary = metrics.iter().position(|metric| metric.primary).and_then(|m| stratum.families.get(m));
        stratum.power = primary.and_then(|family| beyond::power_curves(family, &plan));
    }
    let counts = strata.iter().flat_map(|s| &s.configs).fold(Counts::default(), |sum, c| sum.plus(c.counts));
    Ok(Analysis {
        schema: ANALYSIS_SCHEMA,
        name: summary.name.clone(),
        source: Source::Table,
        state: "finished".to_owned(),
        cancel_reason: None,
        partial: false,
        plan,
        planning: planned::published(),
        counts,
        metrics,
        strata,
        exceptions: Vec::new(),
        deviations: deviations(summary).into_iter().chain(divisor).chain(fractions).collect(),
        determinism: Determinism { repeats: 0, unequal: 0 },
        scope: Scope::default(),
        audit: DesignAudit::default(),
        looks: Vec::new(),
        curves: Vec::new(),
        noise: Noise::default(),
        across_tasks: None,
        provenance: provenance(summary),
    })
}

/// Configs and their comparisons.
fn strata(summary: &Summary, metrics: &[MetricInfo], plan: &Plan) -> Result<Vec<Stratum>, AnalyzeError> {
    let mut strata: Vec<Stratum> = Vec::new();
    for (index, (config, rows)) in (0..).zip(summary.configs.iter().zip(&summary.rows)) {
        let cell = |metric: &MetricInfo| match rows.get(&metric.name) {
            Some(row) => Cell::Measured(Box::new(measured(row, plan.confidence))),
            None => Cell::NotMeasured,
        };
        let n = config.replicates as usize;
        let result = ConfigResult {
            index,
            name: config.name.clone(),
            baseline: config.name == plan.baseline,
            note: String::new(),
            counts: Counts { planned: n, completed: n, ..Counts::default() },
            lost: Vec::new(),
            not_finite: BTreeMap::new(),
            cells: metrics.iter().map(cell).collect(),
        };
        match strata.last_mut().filter(|s| s.name == config.stratum) {
            Some(stratum) => stratum.configs.push(result),
            None => strata.push(Stratum {
                name: config.stratum.clone(),
                configs: vec![result],
                families: Vec::new(),
                failures: Vec::new(),
                best: None,
                factors: None,
                power: None,
            }),
        }
    }
    for stratum in &mut strata {
        let inside = summary.configs.iter().filter(|c| c.stratum == stratum.name);
        let settings: Vec<_> = inside.map(|c| compare::settings(&c.recipe)).collect();
        let standings = Standings { sequential: &BTreeMap::new(), waiting: None, known: &BTreeMap::new() };
        stratum.families = compare::families(stratum, &settings, metrics, (plan, 0), &standings)?;
    }
    Ok(strata)
}

/// Verdicts of a family that another one, of the same comparisons, does not share.
fn differences(stratum: &Stratum, (family, other): (&Family, &Family), plan: &Plan) -> Vec<String> {
    let both = family.comparisons.iter().zip(&other.comparisons);
    let looks = both.map(|(comparison, other)| (comparison, Look::of(&comparison.result), Look::of(&other.result)));
    let told = |(comparison, now, then): (&Comparison, Look, Look)| {
        let (whose, metric) = (subject(comparison, plan.family), display_name(&family.metric));
        format!("{} on {metric} ({} instead of {})", full_name(&stratum.name, &whose), then.word(), now.word())
    };
    looks.filter(|(_, now, then)| now != then).map(told).collect()
}

/// What another divisor of the standard deviations would change, where the table does not name it.
fn divisor(
    summary: &Summary,
    strata: &[Stratum],
    metrics: &[MetricInfo],
    plan: &Plan,
) -> Result<Option<String>, AnalyzeError> {
    let mut other = summary.clone();
    let (mut assumed, mut beyond) = (0, 0);
    for row in other.rows.iter_mut().flat_map(BTreeMap::values_mut).filter(|row| row.ddof_assumed) {
        assumed += 1;
        match SampleStats::printed(row.stats.mean, row.stats.sd, row.stats.n, 0) {
            Ok(stats) => row.stats = stats,
            // Near the largest of all numbers.
            Err(_) => beyond += 1,
        }
    }
    if assumed == 0 {
        return Ok(None);
    }
    let others = self::strata(&other, metrics, plan)?;
    let (mut count, mut differing) = (0, Vec::new());
    for (stratum, other) in strata.iter().zip(&others) {
        for (family, other) in stratum.families.iter().zip(&other.families) {
            count += family.comparisons.len();
            differing.extend(differences(stratum, (family, other), plan));
        }
    }
    let changed = match differing.len() {
        0 => format!("none of {count} verdict{} would differ", if count == 1 { "" } else { "s" }),
        n => {
            let more = if n > MOST_NAMED { format!(" and {} more", n - MOST_NAMED) } else { String::new() };
            differing.truncate(MOST_NAMED);
            format!("{n} of {count} verdicts would differ: {}{more}", differing.join(", "))
        }
    };
    let beyond = if beyond > 0 { format!(" ({beyond} of them are too large for that)") } else { String::new() };
    let s = if assumed == 1 { "standard deviation was" } else { "standard deviations were" };
    Ok(Some(format!(
        "The table does not say whether {assumed} {s} divided by n - 1 or by n: n - 1 is assumed; with n{beyond}, {changed}. A \
         column `ddof` tells it: 1 for n - 1, 0 for n."
    )))
}

fn plan(summary: &Summary) -> Plan {
    let plan = &summary.plan;
    Plan {
        metric: plan.metric.clone(),
        direction: plan.direction,
        baseline: plan.baseline.clone(),
        family: plan.family,
        delta: plan.delta,
        secondary: plan.secondary.clone(),
        missing: plan.missing,
        tasks: plan.tasks,
        tuning: Vec::new(),
        alpha: plan.alpha,
        correction: plan.correction,
        confidence: plan.confidence,
        pairing: Pairing::Independent,
        digest: String::new(),
    }
}

fn measured(row: &SummaryRow, confidence: f64) -> Measured {
    let stats = &row.stats;
    Measured {
        n: stats.n,
        few: stats.n <= FEW,
        mean: stats.mean,
        sd: Some(stats.sd),
        se: Some(stats.sd / (stats.n as f64).sqrt()),
        interval: mean_interval_from(stats, confidence).ok(),
        min: None,
        max: None,
        median: None,
        iqm: None,
        values: Vec::new(),
    }
}

fn deviations(summary: &Summary) -> Vec<String> {
    let mut list = vec![
        "These are published means and standard deviations: they were known before this analysis was planned, the values \
         behind them are not known, and neither is which trainings had a seed in common."
            .to_owned(),
    ];
    let population = summary.rows.iter().flat_map(|row| row.values()).filter(|row| row.ddof == 0).count();
    if summary.plan.tasks == Tasks::Strata {
        list.push("Tasks were to be told together, for which the values of single trainings are needed.".to_owned());
    }
    if population > 0 {
        let were = if population == 1 { "standard deviation was" } else { "standard deviations were" };
        let are = if population == 1 { "is" } else { "are" };
        list.push(format!("{population} {were} printed with divisor n and {are} shown here with divisor n - 1."));
    }
    list.extend(summary.notes.iter().cloned());
    list
}

fn provenance(summary: &Summary) -> Provenance {
    let changed = time::utc(summary.changed_ms, false);
    Provenance {
        sweep: "published table".to_owned(),
        submitted: changed.clone(),
        closed: Some(changed),
        wall_seconds: None,
        train_seconds: 0.0,
        evaluate_seconds: 0.0,
        software_version: env!("CARGO_PKG_VERSION").to_owned(),
        report_version: env!("CARGO_PKG_VERSION").to_owned(),
        input_digest: replay::digest(&Input::of_table(summary)),
        modes: Vec::new(),
        trainer_versions: Vec::new(),
        libraries: Vec::new(),
        devices: Vec::new(),
        nodes: Vec::new(),
        attempt_ends: Vec::new(),
        data_digests: Vec::new(),
        spec_digest: String::new(),
        recipes: Vec::new(),
        seed: "none".to_owned(),
        seeds: Vec::new(),
        overrides: Vec::new(),
        toml: summary.text.clone(),
    }
}
