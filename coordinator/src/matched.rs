//! Two sweeps as one value, in which every config of the second is compared with the one of the same name of the first.

use crate::results::{AttemptResult, SweepResults, TrialResult};
use std::collections::{BTreeMap, BTreeSet};
use sweeper_core::spec::{ConfigSpec, FamilyKind, Pairing, SweepSpec};

/// Why two sweeps cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum MatchError {
    /// They have no config of one name.
    #[error("sweeps `{first}` and `{second}` have no config of the same name; the first has {names}")]
    NothingInCommon {
        /// Name of the first sweep.
        first: String,
        /// Name of the second sweep.
        second: String,
        /// Names of the first one's configs.
        names: String,
    },
}

/// Both sweeps, judged by the plan of the first. Trials are paired where both sweeps pair and every replicate that both
/// have has one seed; then nothing but what changed between the sweeps tells them apart.
///
/// # Errors
/// [`MatchError`].
pub fn matched(first: &SweepResults, second: &SweepResults) -> Result<SweepResults, MatchError> {
    let names = |results: &SweepResults| -> BTreeSet<(String, String)> {
        results.spec.configs.iter().map(|c| (c.stratum.clone(), c.name.clone())).collect()
    };
    let common: BTreeSet<_> = names(first).intersection(&names(second)).cloned().collect();
    if common.is_empty() {
        let all: Vec<&str> = first.spec.configs.iter().map(|c| c.name.as_str()).take(20).collect();
        return Err(MatchError::NothingInCommon {
            first: first.spec.name.clone(),
            second: second.spec.name.clone(),
            names: all.join(", "),
        });
    }
    // Two sweeps of one name are told apart by their ids.
    let label = |results: &SweepResults| {
        if first.spec.name == second.spec.name { results.sweep.clone() } else { results.spec.name.clone() }
    };
    let mut merged = Merged::default();
    for config in first.spec.configs.iter().filter(|c| common.contains(&(c.stratum.clone(), c.name.clone()))) {
        merged.add(first, config, &label(first));
        merged.add(second, config, &label(second));
    }
    let pairing = if paired(first, second) { Pairing::Common } else { Pairing::Independent };
    let mut analysis = first.spec.analysis.clone();
    (analysis.family, analysis.baseline) = (FamilyKind::Matched, String::new());
    let toml = format!("# {}\n{}\n# {}\n{}", label(first), first.spec.toml, label(second), second.spec.toml);
    let Merged { configs, trials, attempts } = merged;
    Ok(SweepResults {
        sweep: format!("{} and {}", first.sweep, second.sweep),
        spec: SweepSpec {
            name: format!("{}-v-{}", label(second), label(first)),
            pairing,
            configs,
            analysis,
            toml,
            overrides: Vec::new(),
            digest: String::new(),
            plan_digest: String::new(),
            ..first.spec.clone()
        },
        state: if first.state == second.state { first.state.clone() } else { "running".to_owned() },
        submitted_ms: first.submitted_ms.min(second.submitted_ms),
        closed_ms: first.closed_ms.zip(second.closed_ms).map(|(a, b)| a.max(b)),
        data_digests: first.data_digests.iter().chain(&second.data_digests).cloned().collect(),
        trials,
        attempts,
        // Each sweep was stopped by a plan of its own; this comparison is another question.
        looks: Vec::new(),
        unequal_repeats: first.unequal_repeats + second.unequal_repeats,
        repeats: first.repeats + second.repeats,
        ..first.clone()
    })
}

/// Configs of both sweeps in turn, with their trials.
#[derive(Default)]
struct Merged {
    configs: Vec<ConfigSpec>,
    trials: Vec<TrialResult>,
    attempts: Vec<AttemptResult>,
}

impl Merged {
    /// The config of `from` that has the name of `named`.
    fn add(&mut self, from: &SweepResults, named: &ConfigSpec, label: &str) {
        let same = |c: &ConfigSpec| (&c.stratum, &c.name) == (&named.stratum, &named.name);
        let Some(old) = from.spec.configs.iter().position(same) else { return };
        let (old, new) = (old as u32, self.configs.len() as u32);
        let config = &from.spec.configs[old as usize];
        let recipe: serde_json::Value = serde_json::from_slice(&config.recipe).unwrap_or_default();
        let settings = serde_json::json!({ "config": config.name, "sweep": label, "recipe": recipe });
        self.configs.push(ConfigSpec {
            name: format!("{} ({label})", config.name),
            recipe: settings.to_string().into_bytes(),
            ..config.clone()
        });
        self.trials.extend(from.trials.iter().filter(|t| t.config == old).map(|t| TrialResult {
            config: new,
            // Whoever compares two sweeps knows both of them.
            reused_from: (t.state == "Finished").then(|| format!("{}/c{old}/r{}", from.sweep, t.replicate)),
            ..t.clone()
        }));
        let attempts = from.attempts.iter().filter(|a| a.config == old);
        self.attempts.extend(attempts.map(|a| AttemptResult { config: new, ..a.clone() }));
    }
}

/// Whether replicate r has one seed in all of both.
fn paired(first: &SweepResults, second: &SweepResults) -> bool {
    let mut seeds: BTreeMap<u32, u64> = BTreeMap::new();
    let common = |results: &SweepResults| results.spec.pairing == Pairing::Common;
    let mut trials = first.trials.iter().chain(&second.trials);
    common(first) && common(second) && trials.all(|t| *seeds.entry(t.replicate).or_insert(t.seed) == t.seed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::report::{analyze, example};

    fn shifted(by: f64, seed: u64) -> SweepResults {
        let mut results = example::small();
        (results.sweep, results.spec.name) = (format!("s{seed}"), format!("sweep-{seed}"));
        for trial in &mut results.trials {
            trial.seed = seed * 1000 + u64::from(trial.replicate);
            trial.metrics.iter_mut().for_each(|m| m.value += by * (1.0 + f64::from(trial.replicate)));
        }
        results
    }

    #[test]
    fn configs_of_one_name_are_compared_in_pairs_where_seeds_are_equal() {
        let (first, mut second) = (shifted(0.0, 1), shifted(0.5, 1));
        second.spec.name = "later".to_owned();
        let both = matched(&first, &second).unwrap();
        assert_eq!(both.spec.pairing, Pairing::Common);
        let analysis = analyze(&both).unwrap();
        let family = &analysis.strata[0].families[0];
        assert_eq!(family.comparisons.len(), first.spec.configs.len());
        let comparison = &family.comparisons[0];
        assert_eq!((comparison.config.as_str(), comparison.baseline.as_str()), ("plain (later)", "plain (sweep-1)"));
        assert!(comparison.result.tested().unwrap().primary.difference > 0.5);
        assert_eq!(matched(&first, &shifted(0.5, 2)).unwrap().spec.pairing, Pairing::Independent);
        // Names that differ in nothing else than the sweep have its id.
        let same = matched(&first, &SweepResults { sweep: "s9".to_owned(), ..first.clone() }).unwrap();
        assert!(same.spec.configs[1].name.ends_with("(s9)"), "{}", same.spec.configs[1].name);
    }

    #[test]
    fn nothing_in_common_is_said() {
        let (first, mut second) = (shifted(0.0, 1), shifted(0.0, 2));
        second.spec.configs.iter_mut().for_each(|c| c.name.push('!'));
        let error = matched(&first, &second).unwrap_err().to_string();
        assert!(error.contains("no config of the same name") && error.contains("plain"), "{error}");
    }
}
