//! A published table to an [`Analysis`]: means, standard deviations and numbers, without the values behind them.

use super::{
    analysis::{
        ANALYSIS_SCHEMA, Analysis, Cell, ConfigResult, Counts, Determinism, FEW, Measured, MetricInfo, Plan,
        Provenance, Scope, Stratum,
    },
    analyze::{AnalyzeError, metric_order},
    beyond::{self, DesignAudit, Noise},
    compare::{self, Standings},
    planned,
    replay::{self, Input},
    time,
};
use crate::imports::{Summary, SummaryRow};
use std::collections::{BTreeMap, BTreeSet};
use sweeper_core::spec::{Pairing, Tasks};
use sweeper_stats::from_summary::mean_interval_from;

/// Analyses a published table as its reader wants it judged. Nothing is known of pairs, so the tests are Welch's.
///
/// # Errors
/// [`AnalyzeError::NoBaseline`].
pub fn analyze_summary(summary: &Summary) -> Result<Analysis, AnalyzeError> {
    let plan = plan(summary);
    let names: BTreeSet<&str> = summary.rows.iter().flat_map(|row| row.keys().map(String::as_str)).collect();
    let metrics = metric_order(names, &plan);
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
        stratum.families = compare::families(stratum, &settings, &metrics, (&plan, 0), &standings)?;
        let primary = metrics.iter().position(|metric| metric.primary).and_then(|m| stratum.families.get(m));
        stratum.power = primary.and_then(|family| beyond::power_curves(family, &plan));
    }
    let counts = strata.iter().flat_map(|s| &s.configs).fold(Counts::default(), |sum, c| sum.plus(c.counts));
    Ok(Analysis {
        schema: ANALYSIS_SCHEMA,
        name: summary.name.clone(),
        state: "finished".to_owned(),
        cancel_reason: None,
        partial: false,
        plan,
        planning: planned::published(),
        counts,
        metrics,
        strata,
        exceptions: Vec::new(),
        deviations: deviations(summary),
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
        list.push(format!(
            "{population} standard deviations were printed with divisor n and are shown here with divisor n - 1."
        ));
    }
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
