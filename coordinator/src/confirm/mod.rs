//! A sweep that trains the best configs of another again, on seeds that the other did not use. The best of many configs looks
//! better than it is, because it was chosen for its numbers; what is measured anew is free of that.
//!
//! Pure: the results of a sweep and their analysis in, a checked sweep file out. Map: this page which configs, and whether
//! the file is what it should be · `header` what the file says of itself.

mod header;
#[cfg(test)]
mod tests;

use crate::{
    feasibility::feasibility,
    report::{Analysis, Stratum},
    results::{Origin, SweepResults},
    sweep_file::{self, Narrowed, SweepFileError, narrow},
};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use sweeper_core::{
    plan::trial_seed,
    spec::{ConfigSpec, Direction, FamilyKind, Pairing, SweepSpec},
};
use sweeper_recipe::Recipe;

/// Configs that are taken where nothing is known of the best set.
pub const USUAL_TOP: usize = 3;

/// What a name gets at its end.
const SUFFIX: &str = "-confirm";

/// Characters that a sweep's name may have.
const LONGEST_NAME: usize = 64;

/// What is asked for beside the sweep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Request {
    /// So many configs of every stratum, by their mean on the primary metric; none for the best set.
    pub top: Option<usize>,
    /// Replicates of every config; none for those of the sweep.
    pub replicates: Option<u32>,
    /// Seed of the new sweep; none for one that follows from the old sweep, see [`fresh_seed`].
    pub seed: Option<u64>,
}

/// A sweep file that confirms, as it was read back.
#[derive(Debug, Clone, PartialEq)]
pub struct Confirmation {
    /// The new sweep; its `toml` is the file.
    pub spec: SweepSpec,
    /// Names of the configs that were chosen, in the order of the sweep. The baseline is in the file besides.
    pub best: Vec<String>,
    /// What is worth a line.
    pub notes: Vec<String>,
}

/// Why there is nothing to confirm.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmError {
    /// Trials are open.
    #[error(
        "sweep `{name}` still runs ({open} of {planned} trials are open): which of its configs are best may change"
    )]
    Running {
        /// Name of the sweep.
        name: String,
        /// Trials that are not closed.
        open: usize,
        /// Trials in all.
        planned: usize,
    },
    /// No sweep made the results, so there is no file to train from.
    #[error("`{name}` was not made by a sweep, so there is no sweep file to train from")]
    NotASweep {
        /// Name of the results.
        name: String,
    },
    /// No config has a value.
    #[error("no training of sweep `{name}` gave a value of `{metric}`: there is no best config to train again")]
    NoValues {
        /// Name of the sweep.
        name: String,
        /// The primary metric.
        metric: String,
    },
    /// One config alone would be left.
    #[error("one config of sweep `{name}` would be left, `{config}`: there is nothing to compare it with")]
    TooFew {
        /// Name of the sweep.
        name: String,
        /// The config.
        config: String,
    },
    /// The seeds are not fresh.
    #[error("seed {seed} gives trainings the seeds that sweep `{name}` has used already")]
    SeedUsed {
        /// Name of the sweep.
        name: String,
        /// The seed.
        seed: u64,
    },
    /// This version does not take the old file.
    #[error("the sweep file that is stored with `{name}` has mistakes for this version:\n{source}")]
    Stored {
        /// Name of the sweep.
        name: String,
        /// The mistakes.
        source: SweepFileError,
    },
    /// What was asked for makes no valid sweep.
    #[error("the new sweep file would have mistakes:\n{0}")]
    Invalid(#[source] SweepFileError),
    /// The new file is read as something else than what was to be written.
    #[error("the new sweep file would not be the old one with fewer configs: {what}")]
    Differs {
        /// Where they differ.
        what: String,
    },
}

/// The sweep file that trains the best configs of a sweep again, and its baseline, if the plan names one. It was read back,
/// and holds the same recipes.
///
/// # Errors
/// [`ConfirmError`].
pub fn confirm(results: &SweepResults, analysis: &Analysis, request: Request) -> Result<Confirmation, ConfirmError> {
    let old = &results.spec;
    check_source(results)?;
    let chosen = Choice::of(analysis, old, request.top)?;
    let mut notes = chosen.notes(old);
    notes.extend(cancelled(results));
    let expected = expected(old, &chosen.kept, request, &mut notes);
    let family = (expected.analysis.family != old.analysis.family).then_some("all-pairs");
    let changes = Narrowed {
        name: &expected.name,
        seed: expected.seed,
        replicates: request.replicates,
        configs: &chosen.kept,
        secondary: &expected.analysis.secondary,
        family,
    };
    let stored = |source| ConfirmError::Stored { name: old.name.clone(), source };
    let file = format!("the file of sweep {}", old.name);
    let body = narrow(&old.toml, &file, &old.overrides, &changes).map_err(stored)?;
    let text = format!("{}\n{body}", header::header(results, &chosen, &expected, &notes));
    let spec = sweep_file::parse(&text, &format!("{}.toml", expected.name), &[]).map_err(ConfirmError::Invalid)?;
    check_same(&spec, &expected)?;
    check_fresh(results, &spec)?;
    Ok(Confirmation { spec, best: chosen.best, notes })
}

fn check_source(results: &SweepResults) -> Result<(), ConfirmError> {
    let name = results.spec.name.clone();
    if results.origin != Origin::Sweep {
        return Err(ConfirmError::NotASweep { name });
    }
    if results.state == "running" {
        let open = results.trials.iter().filter(|t| matches!(t.state.as_str(), "Pending" | "Leased")).count();
        return Err(ConfirmError::Running { name, open, planned: results.trials.len() });
    }
    Ok(())
}

fn cancelled(results: &SweepResults) -> Option<String> {
    let finished = results.trials.iter().filter(|t| t.state == "Finished").count();
    (results.state == "cancelled").then(|| {
        format!(
            "sweep `{}` was cancelled after {finished} of {} trials: the choice rests on those",
            results.spec.name,
            results.trials.len()
        )
    })
}

/// Which configs are trained again.
struct Choice {
    /// Chosen by their numbers, in the order of the sweep.
    best: Vec<String>,
    /// The same and the baseline.
    kept: BTreeSet<String>,
    /// How they were chosen, in words.
    how: String,
}

impl Choice {
    fn of(analysis: &Analysis, old: &SweepSpec, top: Option<usize>) -> Result<Self, ConfirmError> {
        let name = || old.name.clone();
        let ranked: Vec<(&Stratum, Vec<&str>)> = analysis.strata.iter().map(|s| (s, ranked(analysis, s))).collect();
        if ranked.iter().all(|(_, names)| names.is_empty()) {
            return Err(ConfirmError::NoValues { name: name(), metric: old.analysis.metric.clone() });
        }
        let taken = |least: usize| -> BTreeSet<&str> {
            ranked.iter().flat_map(|(stratum, names)| picked(stratum, names, top, least)).collect()
        };
        let baseline = Some(old.analysis.baseline.as_str()).filter(|baseline| !baseline.is_empty());
        let with_baseline = |best: &BTreeSet<&str>| -> BTreeSet<String> {
            best.iter().copied().chain(baseline).map(str::to_owned).collect()
        };
        let mut best = taken(1);
        if with_baseline(&best).len() < 2 && top.is_none() {
            // One config is all that may be the best, and there is no other: its runner-up keeps it company.
            best = taken(2);
        }
        let kept = with_baseline(&best);
        if kept.len() < 2 {
            return Err(ConfirmError::TooFew { name: name(), config: kept.into_iter().next().unwrap_or_default() });
        }
        let mut order: Vec<&str> = Vec::new();
        for config in &old.configs {
            if best.remove(config.name.as_str()) {
                order.push(&config.name);
            }
        }
        let best = order.into_iter().map(str::to_owned).collect();
        let strata: Vec<&Stratum> = ranked.iter().filter(|(_, names)| !names.is_empty()).map(|(s, _)| *s).collect();
        Ok(Self { best, kept, how: how(&strata, &old.analysis.metric, top) })
    }

    fn notes(&self, old: &SweepSpec) -> Vec<String> {
        let all: BTreeSet<&str> = old.configs.iter().map(|c| c.name.as_str()).collect();
        let everything = self.kept.len() == all.len() && self.best.len() > USUAL_TOP;
        let text = "all configs are trained again, since none was left out as worse than the best; --top K takes fewer";
        everything.then(|| text.to_owned()).into_iter().collect()
    }
}

/// Configs of a stratum with a value of the primary metric, the best mean first, equal ones in the order of the sweep.
fn ranked<'a>(analysis: &Analysis, stratum: &'a Stratum) -> Vec<&'a str> {
    let Some(m) = analysis.metrics.iter().position(|m| m.primary) else { return Vec::new() };
    let mean = |config: &'a crate::report::ConfigResult| {
        Some((config.name.as_str(), config.cells.get(m)?.measured()?.mean)).filter(|(_, mean)| mean.is_finite())
    };
    let mut means: Vec<(&str, f64)> = stratum.configs.iter().filter_map(mean).collect();
    means.sort_by(|(_, a), (_, b)| match analysis.plan.direction {
        Direction::Maximize => b.total_cmp(a),
        Direction::Minimize => a.total_cmp(b),
    });
    means.into_iter().map(|(name, _)| name).collect()
}

/// What is taken of a stratum: the asked number of its ranked configs, else its best set, else the usual number; `least` of
/// them in any case.
fn picked<'a>(stratum: &'a Stratum, ranked: &[&'a str], top: Option<usize>, least: usize) -> BTreeSet<&'a str> {
    let first = |count: usize| ranked.iter().copied().take(count);
    match (top, &stratum.best) {
        (Some(top), _) => first(top).collect(),
        (None, Some(best)) => {
            let among = best.contenders.iter().filter(|c| c.among_best).map(|c| c.config.as_str());
            among.chain(first(least)).collect()
        }
        (None, None) => first(USUAL_TOP).collect(),
    }
}

fn how(strata: &[&Stratum], metric: &str, top: Option<usize>) -> String {
    let place = if strata.len() > 1 { " in each stratum" } else { "" };
    let sets = strata.iter().filter(|s| s.best.is_some()).count();
    let best = |count: usize| format!("the {count} best by their mean of {metric}");
    match top {
        Some(1) => format!("the best by its mean of {metric}{place}"),
        Some(top) => format!("{}{place}", best(top)),
        None if sets == 0 => format!("{}{place}", best(USUAL_TOP)),
        None if sets == strata.len() => format!("those not shown to be worse than the best on {metric}{place}"),
        None => format!(
            "those not shown to be worse than the best on {metric} in each stratum, and where that is not known {}",
            best(USUAL_TOP)
        ),
    }
}

/// The new sweep as it must be read back, but for its digests and its text.
fn expected(old: &SweepSpec, kept: &BTreeSet<String>, request: Request, notes: &mut Vec<String>) -> SweepSpec {
    let mut new = old.clone();
    new.name = format!("{}{SUFFIX}", old.name.get(..LONGEST_NAME - SUFFIX.len()).unwrap_or(&old.name));
    new.seed = request.seed.unwrap_or_else(|| fresh_seed(old));
    new.configs.retain(|config| kept.contains(&config.name));
    if let Some(replicates) = request.replicates {
        new.configs.iter_mut().for_each(|config| config.replicates = replicates);
    }
    new.analysis.tuning.retain(|config, _| kept.contains(config));
    let metrics = |config: &ConfigSpec| Recipe::from_json(&config.recipe).map(|r| r.metric_names()).unwrap_or_default();
    let yielded: BTreeSet<String> = new.configs.iter().flat_map(metrics).collect();
    new.analysis.secondary.retain(|metric| yielded.contains(metric));
    if new.analysis.secondary != old.analysis.secondary {
        let gone = old.analysis.secondary.iter().filter(|metric| !yielded.contains(*metric));
        let gone: Vec<&str> = gone.map(String::as_str).collect();
        notes.push(format!("no longer secondary, since no config that is left yields them: {}", gone.join(", ")));
    }
    let nothing_compared = || feasibility(&new, |_| None).iter().all(|stratum| stratum.comparisons == 0);
    if new.analysis.family == FamilyKind::OneFactor && nothing_compared() {
        new.analysis.family = FamilyKind::AllPairs;
        notes.push(
            "every two configs are compared (family = \"all-pairs\"), since no two that are left differ in one setting only"
                .to_owned(),
        );
    }
    new
}

/// The seed of a confirming sweep: the first eight bytes, little endian, of the SHA-256 of `"sweeper/confirm-seed/1"`, the
/// sweep's seed (8 bytes, little endian) and its digest as text; of these the lower 63 bits, which a sweep file can hold.
/// So the same sweep gets the same seed whenever it is asked for, and no two sweeps get one.
#[must_use]
pub fn fresh_seed(spec: &SweepSpec) -> u64 {
    let mut hash = Sha256::new();
    hash.update(b"sweeper/confirm-seed/1");
    hash.update(spec.seed.to_le_bytes());
    hash.update(spec.digest.as_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    digest.iter().take(8).rev().fold(0, |seed: u64, byte| seed << 8 | u64::from(*byte)) & (u64::MAX >> 1)
}

/// Whether the new file says what it should.
fn check_same(found: &SweepSpec, expected: &SweepSpec) -> Result<(), ConfirmError> {
    let differs = |what: String| Err(ConfirmError::Differs { what });
    let head = |spec: &SweepSpec| (spec.name.clone(), spec.seed, spec.pairing, spec.priority, spec.max_failures);
    if head(found) != head(expected) {
        return differs("name, seed, pairing, priority or max_failures".to_owned());
    }
    if found.analysis != expected.analysis {
        return differs("the plan of analysis".to_owned());
    }
    let key = |config: &ConfigSpec| (config.stratum.clone(), config.name.clone());
    if !found.configs.iter().map(key).eq(expected.configs.iter().map(key)) {
        return differs("the names of its configs".to_owned());
    }
    for (a, b) in found.configs.iter().zip(&expected.configs) {
        if a.recipe_digest != b.recipe_digest {
            return differs(format!("the recipe of config `{}`", a.name));
        }
        if a.replicates != b.replicates {
            return differs(format!("the replicates of config `{}`", a.name));
        }
    }
    Ok(())
}

/// Whether no training has a seed that one of the old sweep had.
fn check_fresh(results: &SweepResults, new: &SweepSpec) -> Result<(), ConfirmError> {
    let old: BTreeSet<u64> = results.trials.iter().map(|trial| trial.seed).collect();
    let used = |config: usize, replicate: u32| {
        u32::try_from(config).is_ok_and(|config| old.contains(&trial_seed(new, config, replicate)))
    };
    let most = new.configs.iter().map(|c| c.replicates).max().unwrap_or(0);
    let any = match new.pairing {
        // All configs of a replicate share its seed.
        Pairing::Common => (0..most).any(|replicate| used(0, replicate)),
        Pairing::Independent => {
            let mut configs = new.configs.iter().enumerate();
            configs.any(|(at, config)| (0..config.replicates).any(|replicate| used(at, replicate)))
        }
    };
    match any {
        true => Err(ConfirmError::SeedUsed { name: results.spec.name.clone(), seed: new.seed }),
        false => Ok(()),
    }
}
