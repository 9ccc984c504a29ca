//! `SweepResults` to `Analysis`: pure, no clock, no randomness, the same bits for the same input.

use super::{
    analysis::{
        ANALYSIS_SCHEMA, Analysis, Cell, ConfigResult, Counts, Determinism, FEW, Measured, MetricInfo, Observation,
        Plan, Stratum, Unit,
    },
    audit,
    beyond::{self, Grouping, ImageSet},
    compare::{self, Standings},
    fractions, planned, sequential,
    trials::{ConfigTrials, by_config, final_metrics, finals},
};
use crate::{
    imports::Clusters,
    predictions::Predictions,
    results::{Origin, RESULTS_SCHEMA, SweepResults, TrialResult},
};
use std::collections::{BTreeMap, BTreeSet};
use sweeper_core::spec::{Direction, Pairing};
use sweeper_recipe::Recipe;

/// Why results cannot be analysed: they contradict themselves or come from another version.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AnalyzeError {
    /// Another version wrote them.
    #[error("results have schema {found}, this version reads {RESULTS_SCHEMA}")]
    Schema {
        /// Their schema.
        found: u32,
    },
    /// A trial that is not in the plan.
    #[error("config {config}, replicate {replicate} is in the results and not in the plan")]
    UnknownTrial {
        /// Index of the config.
        config: u32,
        /// Index of the replicate.
        replicate: u32,
    },
    /// A trial that is there twice.
    #[error("config {config}, replicate {replicate} is in the results twice")]
    DuplicateTrial {
        /// Index of the config.
        config: u32,
        /// Index of the replicate.
        replicate: u32,
    },
    /// A stratum without the baseline.
    #[error("stratum `{stratum}` has no config `{baseline}` to compare with")]
    NoBaseline {
        /// Name of the stratum.
        stratum: String,
        /// Name of the baseline.
        baseline: String,
    },
    /// A family of more comparisons than anybody reads.
    #[error(
        "stratum `{stratum}`: its {configs} configs make more than {most} pairs, which is the most that a report compares"
    )]
    TooManyPairs {
        /// Name of the stratum.
        stratum: String,
        /// Its configs.
        configs: usize,
        /// Pairs that there may be.
        most: usize,
    },
    /// Clusters that do not fit the images.
    #[error(transparent)]
    Clusters(#[from] beyond::ClusterError),
    /// Alpha or confidence outside (0, 1).
    #[error("analysis.{what} is {value}, it must lie strictly between 0 and 1")]
    Range {
        /// Which one.
        what: &'static str,
        /// Its value.
        value: f64,
    },
}

/// [`analyze_with`] without predictions.
///
/// # Errors
/// Those of [`analyze_with`].
pub fn analyze(results: &SweepResults) -> Result<Analysis, AnalyzeError> {
    analyze_with(results, &Predictions::default())
}

/// Analyses a sweep by the plan that its file holds. Predictions of trials that did not complete, or that a look had
/// made superfluous, do not count.
///
/// # Errors
/// [`AnalyzeError`] when the results contradict their own plan or come from another version. Missing, diverged and
/// degenerate data are no errors: they are told in the [`Analysis`].
pub fn analyze_with(results: &SweepResults, predictions: &Predictions) -> Result<Analysis, AnalyzeError> {
    analyze_clustered(results, predictions, None)
}

/// The images that a report of these results is about, for who names their clusters.
///
/// # Errors
/// [`AnalyzeError::Clusters`] where there are none, or where one number would name several images; and when the results
/// contradict their own plan.
pub fn image_set(results: &SweepResults, predictions: &Predictions) -> Result<ImageSet, AnalyzeError> {
    check(results)?;
    Ok(beyond::image_set(&by_config(results)?, predictions, &results.spec.analysis.metric)?)
}

/// [`analyze_with`] for images that come in clusters.
///
/// # Errors
/// Those of [`analyze_with`]; [`AnalyzeError::Clusters`] for clusters of other images than the report's.
pub fn analyze_clustered(
    results: &SweepResults,
    predictions: &Predictions,
    clusters: Option<&Clusters>,
) -> Result<Analysis, AnalyzeError> {
    check(results)?;
    let configs = by_config(results)?;
    let plan = plan(results);
    let grouping = match clusters {
        Some(clusters) => Some(Grouping::of(clusters, &beyond::image_set(&configs, predictions, &plan.metric)?)?),
        None => None,
    };
    let mut metrics = metrics(&configs, &plan);
    let notes = notes(results, &configs, &mut metrics);
    let states = sequential::states(results, &configs);
    let waiting = waiting(results, &configs);
    let known = compare::known(results);
    let standings = Standings { sequential: &states, waiting, known: &known };
    // Provenance has the digest of all that entered, which is to be written out for that: work for a thread of its own.
    let (strata, provenance) = rayon::join(
        || strata(&configs, &metrics, (&plan, results.spec.seed), &standings),
        || audit::provenance(results, predictions, clusters),
    );
    let strata = strata?;
    let counts = strata.iter().flat_map(|s| &s.configs).fold(Counts::default(), |sum, c| sum.plus(c.counts));
    let noise = match waiting {
        Some(_) => beyond::Noise::default(),
        None => {
            beyond::noise(&configs, (predictions, grouping.as_ref()), &strata, &metrics, (&plan, results.spec.seed))
        }
    };
    let across_tasks = if waiting.is_some() { None } else { beyond::across_tasks(results, &strata, &metrics) };
    Ok(Analysis {
        schema: ANALYSIS_SCHEMA,
        name: results.spec.name.clone(),
        source: results.origin.into(),
        state: results.state.clone(),
        cancel_reason: results.cancel_reason.clone(),
        partial: counts.open + counts.cancelled > 0,
        plan,
        planning: planned::planning(results, &strata),
        counts,
        metrics,
        strata,
        exceptions: audit::exceptions(&configs),
        deviations: audit::deviations(results, &configs).into_iter().chain(notes).collect(),
        determinism: Determinism { repeats: results.repeats, unequal: results.unequal_repeats },
        scope: audit::scope(&results.spec),
        audit: beyond::design_audit(results, results.spec.pairing == Pairing::Common),
        looks: sequential::looks(results),
        curves: curves(results, &configs, waiting),
        noise,
        across_tasks,
        provenance,
    })
}

/// How a file was read, and which of its accuracies are fractions: they get that unit.
fn notes(results: &SweepResults, configs: &[ConfigTrials<'_>], metrics: &mut [MetricInfo]) -> Vec<String> {
    let mut notes = results.notes.clone();
    if results.origin == Origin::File {
        let all = configs.iter().flat_map(ConfigTrials::completed).flat_map(final_metrics);
        let values = all.map(|m| (m.name.as_str(), m.value));
        notes.extend(fractions::told(metrics, values, results.spec.analysis.delta));
    }
    notes
}

/// Planned trials that are open, of a sweep that goes on: so long its plan allows no test but those of its looks.
fn waiting(results: &SweepResults, configs: &[ConfigTrials<'_>]) -> Option<usize> {
    let open = configs.iter().map(|c| Counts::of(&c.trials).open).sum();
    (results.state == "running" && open > 0).then_some(open)
}

/// Learning curves, without their differences as long as nothing may be compared.
fn curves(results: &SweepResults, configs: &[ConfigTrials<'_>], waiting: Option<usize>) -> Vec<beyond::LearningCurves> {
    let mut curves = beyond::learning_curves(results, configs);
    if waiting.is_some() {
        curves.iter_mut().flat_map(|c| &mut c.configs).for_each(|config| config.difference = None);
    }
    curves
}

fn check(results: &SweepResults) -> Result<(), AnalyzeError> {
    if results.schema != RESULTS_SCHEMA {
        return Err(AnalyzeError::Schema { found: results.schema });
    }
    let plan = &results.spec.analysis;
    for (what, value) in [("alpha", plan.alpha), ("confidence", plan.confidence)] {
        if !(value > 0.0 && value < 1.0) {
            return Err(AnalyzeError::Range { what, value });
        }
    }
    Ok(())
}

fn plan(results: &SweepResults) -> Plan {
    let spec = &results.spec;
    Plan {
        metric: spec.analysis.metric.clone(),
        direction: spec.analysis.direction,
        baseline: spec.analysis.baseline.clone(),
        family: spec.analysis.family,
        delta: spec.analysis.delta,
        secondary: spec.analysis.secondary.clone(),
        missing: spec.analysis.missing,
        tasks: spec.analysis.tasks,
        tuning: beyond::tuned(spec),
        alpha: spec.analysis.alpha,
        correction: spec.analysis.correction,
        confidence: spec.analysis.confidence,
        pairing: spec.pairing,
        digest: spec.plan_digest.clone(),
    }
}

/// Every final metric of any config, in the order of [`metric_order`].
fn metrics(configs: &[ConfigTrials<'_>], plan: &Plan) -> Vec<MetricInfo> {
    let mut names: BTreeSet<&str> = BTreeSet::from([plan.metric.as_str()]);
    // One by one: collected, all of them would be sorted.
    configs.iter().flat_map(ConfigTrials::completed).flat_map(finals_names).for_each(|name| {
        names.insert(name);
    });
    metric_order(names, plan)
}

/// The primary metric, then the others: its own kind first, then accuracies, losses and the rest; splits in the order
/// balanced, unbalanced, perverse, train and the rest. Independent of values and of the schedule.
pub(super) fn metric_order(names: BTreeSet<&str>, plan: &Plan) -> Vec<MetricInfo> {
    let kind = |name: &str| name.split('/').next().unwrap_or_default().to_owned();
    let primary_kind = kind(&plan.metric);
    let rank_of = |list: &[&str], item: &str| list.iter().position(|&x| x == item).unwrap_or(list.len());
    let mut names: Vec<&str> = names.into_iter().collect();
    names.sort_by_cached_key(|&name| {
        let (kind, split) = name.split_once('/').unwrap_or((name, ""));
        (
            name != plan.metric,
            kind != primary_kind,
            rank_of(&["accuracy", "average_precision", "smoothed_accuracy", "macro_f1", "loss"], kind),
            kind.to_owned(),
            rank_of(&["balanced", "unbalanced", "perverse", "train", "train_clean"], split),
            name.to_owned(),
        )
    });
    let info = |name: &str| {
        let kind = kind(name);
        let (unit, usual) = match usual(&kind) {
            Some((unit, direction)) => (unit, Some(direction)),
            None if kind == primary_kind => (Unit::None, Some(plan.direction)),
            None => (Unit::None, None),
        };
        let primary = name == plan.metric;
        MetricInfo {
            name: name.to_owned(),
            primary,
            secondary: plan.secondary.iter().any(|declared| declared == name),
            direction: if primary { Some(plan.direction) } else { usual },
            unit,
        }
    };
    names.into_iter().map(info).collect()
}

/// Unit and better side of a kind of metric, what stands before the stroke of its name; none where they are not known.
pub(crate) fn usual(kind: &str) -> Option<(Unit, Direction)> {
    match kind {
        "average_precision" | "macro_f1" => Some((Unit::Percent, Direction::Maximize)),
        kind if kind.starts_with("accuracy") || kind.starts_with("smoothed_accuracy") => {
            Some((Unit::Percent, Direction::Maximize))
        }
        "loss" => Some((Unit::Nats, Direction::Minimize)),
        _ => None,
    }
}

fn finals_names(trial: &TrialResult) -> impl Iterator<Item = &str> {
    final_metrics(trial).map(|m| m.name.as_str())
}

fn strata(
    configs: &[ConfigTrials<'_>],
    metrics: &[MetricInfo],
    (plan, seed): (&Plan, u64),
    standings: &Standings<'_>,
) -> Result<Vec<Stratum>, AnalyzeError> {
    let mut strata: Vec<Stratum> = Vec::new();
    for config in configs {
        let name = &config.spec.stratum;
        let result = config_result(config, metrics, plan);
        match strata.iter_mut().find(|s| s.name == *name) {
            Some(stratum) => stratum.configs.push(result),
            None => strata.push(Stratum {
                name: name.clone(),
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
        let inside = configs.iter().filter(|c| c.spec.stratum == stratum.name);
        let settings: Vec<_> = inside.map(|c| compare::settings(&c.spec.recipe)).collect();
        stratum.families = compare::families(stratum, &settings, metrics, (plan, seed), standings)?;
        stratum.failures = beyond::failure_rates(stratum, plan.confidence);
        if standings.waiting.is_some() {
            // Everything that compares waits for the end of the plan.
            stratum.failures.iter_mut().for_each(|failure| failure.p_value = None);
            continue;
        }
        let paired = (plan.pairing == Pairing::Common, plan.confidence);
        if let Some((m, metric)) = metrics.iter().enumerate().find(|(_, metric)| metric.primary) {
            stratum.best = beyond::best_set(stratum, m, metric.direction, paired);
            stratum.factors = beyond::factors(stratum, &settings, m, paired);
            stratum.power = stratum.families.get(m).and_then(|family| beyond::power_curves(family, plan));
        }
    }
    Ok(strata)
}

fn config_result(config: &ConfigTrials<'_>, metrics: &[MetricInfo], plan: &Plan) -> ConfigResult {
    let finals: Vec<(u32, BTreeMap<&str, f64>)> = config.completed().map(|t| (t.replicate, finals(t))).collect();
    // None when it is of another version.
    let recipe = Recipe::from_json(&config.spec.recipe).ok();
    let cell = |metric: &MetricInfo| {
        let found = finals.iter().filter_map(|(r, values)| Some((*r, *values.get(metric.name.as_str())?)));
        let values: Vec<Observation> = found
            .clone()
            .filter(|(_, v)| v.is_finite())
            .map(|(replicate, value)| Observation { replicate, value })
            .collect();
        // What completed trials gave decides; before the first one, the recipe does.
        let by_design = if finals.is_empty() {
            recipe.as_ref().is_some_and(|recipe| !recipe.yields_metric(&metric.name))
        } else {
            found.count() == 0
        };
        match measured(values, plan.confidence) {
            Some(measured) => Cell::Measured(Box::new(measured)),
            None if by_design => Cell::NotMeasured,
            None => Cell::NoData,
        }
    };
    ConfigResult {
        index: config.index,
        name: config.spec.name.clone(),
        baseline: config.spec.name == plan.baseline,
        lost: config.trials.iter().filter(|slot| slot.standing.is_loss()).map(|slot| slot.replicate).collect(),
        not_finite: not_finite(&finals),
        note: recipe.as_ref().map(|recipe| recipe.meta.clone()).unwrap_or_default(),
        counts: Counts::of(&config.trials),
        cells: metrics.iter().map(cell).collect(),
    }
}

/// Replicates whose final value of a metric is not a finite number, by metric.
fn not_finite(finals: &[(u32, BTreeMap<&str, f64>)]) -> BTreeMap<String, Vec<u32>> {
    let mut found: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for (replicate, values) in finals {
        for (name, _) in values.iter().filter(|(_, value)| !value.is_finite()) {
            found.entry((*name).to_owned()).or_default().push(*replicate);
        }
    }
    found
}

fn measured(values: Vec<Observation>, confidence: f64) -> Option<Measured> {
    let plain: Vec<f64> = values.iter().map(|o| o.value).collect();
    let summary = sweeper_stats::summary(&plain).ok()?;
    Some(Measured {
        n: summary.n,
        few: summary.n <= FEW,
        mean: summary.mean,
        sd: summary.sd,
        se: summary.se,
        interval: sweeper_stats::mean_interval(&plain, confidence).ok(),
        min: Some(summary.min),
        max: Some(summary.max),
        median: Some(summary.median),
        iqm: sweeper_stats::robust::iqm(&plain).ok(),
        values,
    })
}
