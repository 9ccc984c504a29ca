//! Whether the trials were made as an experiment should be: looked at before any result is.

use super::tuning::{MoreTuned, more_tuned};
use crate::{
    report::wording::full_name,
    results::{Origin, SweepResults, TrialResult},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use sweeper_core::spec::{FamilyKind, SweepSpec, Tasks};
use sweeper_stats::{
    Interval, TTest,
    ancova::break_even_correlation,
    audit::{contingency, cramers_v, duplicates, run_order_drift, worker_effect},
    summary,
};

/// Trials that one finding names at most.
const MOST_NAMES: usize = 10;

/// How the trials were made.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct DesignAudit {
    /// Whether configs and workers, kinds of device and libraries go together: then their effects cannot be told apart.
    pub associations: Vec<Association>,
    /// Change of the primary metric per trial in the order in which trials ended, configs' means taken off, and where
    /// configs share their seeds those of the replicates, too; none with too few trials.
    pub drift: Option<TTest>,
    /// The same from the first to the last trial.
    #[serde(default)]
    pub drift_span: Option<DriftSpan>,
    /// Trainings that are one and the same, though they count as several; of a file, whose seeds are not known, those of one
    /// config that agree more than chance explains.
    pub copies: Vec<Copies>,
    /// Trainings, copies aside, that are compared as independent with one of the same seed.
    #[serde(default)]
    pub shared_seeds: usize,
    /// Correlation across seeds from which on pairing is worth more than the degrees of freedom it costs, for the
    /// smallest number of replicates; none where trials are not paired.
    pub break_even: Option<f64>,
    /// Configs that were tuned with more trainings than what they are compared with, in sweep order.
    #[serde(default)]
    pub more_tuned: Vec<MoreTuned>,
}

/// Drift over a whole sweep, in the primary metric's unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DriftSpan {
    /// Trials in the order.
    pub trials: usize,
    /// Change from the first to the last one.
    pub change: f64,
    /// Its interval.
    pub interval: Interval,
    /// Standard deviation of the metric within configs, pooled: what a change has to be seen against.
    pub sd: f64,
}

/// How strongly configs go with something that should not matter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Association {
    /// `worker`, `kind of device` or `library`.
    pub what: String,
    /// How many of them there were.
    pub kinds: usize,
    /// Cramér's V, corrected for its bias: 0 none, 1 each config has its own.
    pub v: f64,
    /// p-value of independence.
    pub independence_p: f64,
    /// p-value of an effect on the primary metric beside the configs' and, where configs share their seeds, the seeds';
    /// none where that cannot be told.
    pub effect_p: Option<f64>,
}

/// Trainings that are one and the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Copies {
    /// `config replicate r`, the first ones.
    pub trials: Vec<String>,
    /// How many.
    pub count: usize,
    /// What is equal: `trained parameters` or `every number`.
    pub equal: String,
    /// Whether they have one seed, and are of configs that are compared as independent all the same; else their seeds
    /// differ.
    #[serde(default)]
    pub one_seed: bool,
}

/// A completed trial as the audit sees it.
pub(super) struct Made<'a> {
    pub(super) trial: &'a TrialResult,
    value: f64,
    /// Number of its stratum and replicate where all configs of a stratum share the seed.
    block: Option<usize>,
    worker: Option<&'a str>,
    ended_ms: Option<u64>,
}

/// Audits the completed trials of a sweep.
pub(in crate::report) fn design_audit(results: &SweepResults, paired: bool) -> DesignAudit {
    let metric = &results.spec.analysis.metric;
    let ends: BTreeMap<(u32, u32), (&str, Option<u64>)> = results
        .attempts
        .iter()
        .filter(|a| a.end == "completed")
        .map(|a| ((a.config, a.replicate), (a.worker.as_str(), a.ended_ms)))
        .collect();
    let made: Vec<Made<'_>> = results
        .trials
        .iter()
        .filter_map(|trial| {
            let value = trial.metrics.iter().find(|m| m.is_final && m.name == *metric)?.value;
            let end = ends.get(&(trial.config, trial.replicate));
            let (worker, ended_ms) = (end.map(|(worker, _)| *worker), end.and_then(|(_, at)| *at));
            let block = if paired { block(results, trial) } else { None };
            value.is_finite().then_some(Made { trial, value, block, worker, ended_ms })
        })
        .filter(|m| !m.trial.stopped)
        .collect();
    // Where seeds are shared by design, equal seeds are no fault; and files do not name theirs.
    let independent = !paired && results.origin != Origin::File;
    let one_seed = if independent { one_seed(results, &made) } else { Vec::new() };
    let copies = copies(results, &made, &one_seed);
    let of_one_seed: usize = one_seed.iter().map(Vec::len).sum();
    let copied: usize = copies.iter().filter(|c| c.one_seed).map(|c| c.count).sum();
    let smallest = results.spec.configs.iter().map(|c| c.replicates as usize).min().unwrap_or(0);
    let break_even = break_even_correlation(smallest, results.spec.analysis.confidence);
    let (drift, drift_span) = drift(&made, results.spec.analysis.confidence).unzip();
    DesignAudit {
        associations: associations(&made),
        drift,
        drift_span,
        copies,
        shared_seeds: of_one_seed.saturating_sub(copied),
        break_even: break_even.ok().filter(|_| paired),
        more_tuned: more_tuned(&results.spec),
    }
}

/// Which stratum and replicate a trial is of, as one number.
fn block(results: &SweepResults, trial: &TrialResult) -> Option<usize> {
    let configs = &results.spec.configs;
    let stratum = &configs.get(trial.config as usize)?.stratum;
    let first = configs.iter().position(|c| c.stratum == *stratum)?;
    let most = configs.iter().map(|c| c.replicates as usize).max()?;
    Some(first * most + trial.replicate as usize)
}

fn associations(made: &[Made<'_>]) -> Vec<Association> {
    let provenance = |m: &Made<'_>| m.trial.provenance.clone().unwrap_or_default();
    let kinds: [(&str, Vec<Option<String>>); 3] = [
        ("worker", made.iter().map(|m| m.worker.map(str::to_owned)).collect()),
        ("kind of device", made.iter().map(|m| Some(provenance(m).device).filter(|d| !d.is_empty())).collect()),
        ("library", made.iter().map(|m| Some(provenance(m).library).filter(|l| !l.is_empty())).collect()),
    ];
    kinds.into_iter().filter_map(|(what, names)| association(what, made, &names)).collect()
}

/// None where there is one kind only, or nothing is known.
fn association(what: &str, made: &[Made<'_>], names: &[Option<String>]) -> Option<Association> {
    let distinct: BTreeSet<&String> = names.iter().flatten().collect();
    if distinct.len() < 2 {
        return None;
    }
    let known = || made.iter().zip(names).filter_map(|(m, name)| Some((m, name.as_ref()?)));
    let kind: Vec<usize> = known().filter_map(|(_, name)| distinct.iter().position(|d| *d == name)).collect();
    let config: Vec<usize> = known().map(|(m, _)| m.trial.config as usize).collect();
    let blocks: Option<Vec<usize>> = known().map(|(m, _)| m.block).collect();
    let values: Vec<f64> = known().map(|(m, _)| m.value).collect();
    let found = cramers_v(&contingency(&config, &kind).ok()?).ok()?;
    Some(Association {
        what: what.to_owned(),
        kinds: distinct.len(),
        v: found.v_corrected,
        independence_p: found.p_value,
        effect_p: worker_effect(&values, &config, blocks.as_deref(), &kind).ok().map(|test| test.p_value),
    })
}

fn drift(made: &[Made<'_>], confidence: f64) -> Option<(TTest, DriftSpan)> {
    let mut timed: Vec<(u64, &Made<'_>)> = made.iter().filter_map(|m| Some((m.ended_ms?, m))).collect();
    timed.sort_by_key(|(at, m)| (*at, m.trial.config, m.trial.replicate));
    let values: Vec<f64> = timed.iter().map(|(_, m)| m.value).collect();
    let configs: Vec<usize> = timed.iter().map(|(_, m)| m.trial.config as usize).collect();
    let blocks: Option<Vec<usize>> = timed.iter().map(|(_, m)| m.block).collect();
    let order: Vec<f64> = (0..timed.len()).map(|at| at as f64).collect();
    let test = run_order_drift(&values, &configs, blocks.as_deref(), &order, confidence).ok()?;
    let steps = values.len().saturating_sub(1) as f64;
    let [change, low, high] = [test.difference, test.interval.low, test.interval.high].map(|slope| slope * steps);
    let interval = Interval { low, high, ..test.interval };
    let span = DriftSpan { trials: values.len(), change, interval, sd: sd_within(&values, &configs)? };
    [change, low, high].iter().all(|v| v.is_finite()).then_some((test, span))
}

/// Standard deviation within groups: squares and degrees of freedom are added up over them.
fn sd_within(values: &[f64], groups: &[usize]) -> Option<f64> {
    let mut by_group: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    values.iter().zip(groups).for_each(|(value, group)| by_group.entry(*group).or_default().push(*value));
    let df = values.len().checked_sub(by_group.len()).filter(|df| *df > 0)? as f64;
    let share = |own: &Vec<f64>| Some(summary(own).ok()?.sd? * ((own.len() - 1) as f64 / df).sqrt());
    let sd = by_group.values().filter_map(share).fold(0.0, f64::hypot);
    Some(sd).filter(|sd| sd.is_finite())
}

/// Trainings of one seed, of two configs or more that are compared as independent.
fn one_seed<'a, 'r>(results: &SweepResults, made: &'a [Made<'r>]) -> Vec<Vec<&'a Made<'r>>> {
    let SweepSpec { configs, analysis, .. } = &results.spec;
    // Who is told together with whom: two sweeps config by config, tasks all together, else strata each by itself.
    let circle = |config: u32| match (analysis.family, analysis.tasks) {
        (FamilyKind::Matched, _) => (config / 2, ""),
        (_, Tasks::Strata) => (0, ""),
        (_, Tasks::None) => (0, configs.get(config as usize).map_or("", |c| c.stratum.as_str())),
    };
    let mut groups: BTreeMap<_, Vec<&Made<'r>>> = BTreeMap::new();
    for m in made {
        groups.entry((circle(m.trial.config), m.trial.seed)).or_default().push(m);
    }
    groups.into_values().filter(|members| has_several_configs(members)).collect()
}

fn has_several_configs(members: &[&Made<'_>]) -> bool {
    members.windows(2).any(|two| two[0].trial.config != two[1].trial.config)
}

fn copies(results: &SweepResults, made: &[Made<'_>], one_seed: &[Vec<&Made<'_>>]) -> Vec<Copies> {
    let name = |m: &Made<'_>| {
        let config = results.spec.configs.get(m.trial.config as usize);
        let config = config.map(|c| full_name(&c.stratum, &c.name)).unwrap_or_default();
        format!("{config} replicate {}", m.trial.replicate)
    };
    let found = |members: &[&Made<'_>], equal: &str, one_seed: bool| Copies {
        trials: members.iter().take(MOST_NAMES).map(|m| name(m)).collect(),
        count: members.len(),
        equal: equal.to_owned(),
        one_seed,
    };
    let mut by_digest: BTreeMap<&str, Vec<&Made<'_>>> = BTreeMap::new();
    for m in made {
        if let Some(digest) = parameter_digest(m) {
            by_digest.entry(digest).or_default().push(m);
        }
    }
    let seeds = |members: &[&Made<'_>]| members.iter().map(|m| m.trial.seed).collect::<BTreeSet<u64>>().len();
    let same = by_digest.values().filter(|members| seeds(members) > 1);
    let mut copies: Vec<Copies> = same.map(|members| found(members, "trained parameters", false)).collect();
    if results.origin == Origin::File {
        // Their seeds are not known, so all of them count as different.
        let stratum = |config: u32| {
            let name = |at: usize| results.spec.configs.get(at).map(|c| &c.stratum);
            results.spec.configs.iter().position(|c| Some(&c.stratum) == name(config as usize)).unwrap_or_default()
        };
        copies.extend(super::copies::groups(made, stratum).iter().map(|members| found(members, "every number", false)));
    } else if copies.is_empty() {
        copies.extend(equal_numbers(made).iter().map(|members| found(members, "every number", false)));
    }
    for members in one_seed {
        copies.extend(equal(members, parameter_digest).iter().map(|same| found(same, "trained parameters", true)));
        // A digest says more than numbers do.
        let bare = |m: &Made<'_>| parameter_digest(m).is_none().then(|| numbers(results, m)).flatten();
        copies.extend(equal(members, bare).iter().map(|same| found(same, "every number", true)));
    }
    copies
}

fn parameter_digest<'r>(made: &Made<'r>) -> Option<&'r str> {
    made.trial.provenance.as_ref().map(|p| p.parameter_digest.as_str()).filter(|digest| !digest.is_empty())
}

/// Those of several configs of which something is equal.
fn equal<'a, 'r, T: Ord>(members: &[&'a Made<'r>], what: impl Fn(&'a Made<'r>) -> Option<T>) -> Vec<Vec<&'a Made<'r>>> {
    let mut groups: BTreeMap<T, Vec<&'a Made<'r>>> = BTreeMap::new();
    for m in members {
        if let Some(what) = what(m) {
            groups.entry(what).or_default().push(m);
        }
    }
    groups.into_values().filter(|members| has_several_configs(members)).collect()
}

/// The final numbers of a training, bit for bit. One number alone may be equal by chance, unless it is of one recipe.
fn numbers(results: &SweepResults, made: &Made<'_>) -> Option<(String, Vec<(String, u64)>)> {
    let finals = made.trial.metrics.iter().filter(|m| m.is_final && !m.is_timing());
    let bits: Vec<(String, u64)> = finals.map(|m| (m.name.clone(), m.value.to_bits())).collect();
    let recipe = results.spec.configs.get(made.trial.config as usize)?.recipe_digest.clone();
    Some((if bits.len() > 1 { String::new() } else { recipe }, bits))
}

/// Trials of one config whose final numbers, several of them, are all equal to the bit under different seeds. One
/// number alone may be equal by chance.
fn equal_numbers<'a, 'r>(made: &'a [Made<'r>]) -> Vec<Vec<&'a Made<'r>>> {
    let mut by_config: BTreeMap<u32, Vec<&Made<'r>>> = BTreeMap::new();
    for m in made {
        by_config.entry(m.trial.config).or_default().push(m);
    }
    let finals = |m: &Made<'_>| -> Vec<f64> {
        m.trial.metrics.iter().filter(|m| m.is_final && !m.is_timing()).map(|m| m.value).collect()
    };
    let mut groups = Vec::new();
    for members in by_config.into_values() {
        let numbers: Vec<Vec<f64>> = members.iter().map(|m| finals(m)).collect();
        let seeds: Vec<u64> = members.iter().map(|m| m.trial.seed).collect();
        if numbers.iter().any(|n| n.len() < 2 || n.iter().any(|x| !x.is_finite())) {
            continue;
        }
        for copy in duplicates(&numbers, &seeds).unwrap_or_default() {
            groups.push(copy.runs.iter().filter_map(|&run| members.get(run).copied()).collect());
        }
    }
    groups
}
