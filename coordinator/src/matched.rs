//! Two sweeps as one value, in which every config of the second is compared with the one of the same name of the first.

use crate::{
    predictions::Predictions,
    results::{AttemptResult, Origin, SweepResults, TrialResult},
};
use std::collections::BTreeMap;
use sweeper_core::spec::{ConfigSpec, FamilyKind, Pairing, Stopping, SweepSpec};

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
/// Sweeps with independent seeds stay unpaired, also where a config has the same seeds in both (the same file under
/// another version): the audit of the report then counts the trainings that share theirs, and names copies.
///
/// # Errors
/// [`MatchError`].
pub fn matched(first: &SweepResults, second: &SweepResults) -> Result<SweepResults, MatchError> {
    if places(first, second).is_empty() {
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
    for [old, new] in places(first, second) {
        merged.add(first, old, &label(first));
        merged.add(second, new, &label(second));
    }
    let pairing = if paired(first, second) { Pairing::Common } else { Pairing::Independent };
    let mut analysis = first.spec.analysis.clone();
    (analysis.family, analysis.baseline) = (FamilyKind::Matched, String::new());
    // What was tuned before either sweep is told by its own report, under the names that its configs have there.
    analysis.tuning.clear();
    // A rule of either sweep stops nothing here.
    analysis.stopping = Stopping::Fixed;
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
        state: state(first, second).to_owned(),
        submitted_ms: first.submitted_ms.min(second.submitted_ms),
        closed_ms: first.closed_ms.zip(second.closed_ms).map(|(a, b)| a.max(b)),
        data_digests: first.data_digests.iter().chain(&second.data_digests).cloned().collect(),
        trials,
        attempts,
        // Each sweep was stopped by a plan of its own; this comparison is another question.
        looks: Vec::new(),
        unequal_repeats: first.unequal_repeats + second.unequal_repeats,
        repeats: first.repeats + second.repeats,
        cancel_reason: first.cancel_reason.clone().or_else(|| second.cancel_reason.clone()),
        origin: Origin::Comparison,
        notes: [first, second].into_iter().filter_map(|sweep| stopped_early(sweep, &label(sweep))).collect(),
        ..first.clone()
    })
}

/// What a rule that may end a sweep early means for numbers that are looked at apart from it.
fn stopped_early(sweep: &SweepResults, label: &str) -> Option<String> {
    (sweep.spec.analysis.stopping != Stopping::Fixed).then(|| {
        format!(
            "{label} has a stopping rule: how many replicates its configs have depends on their values, which p-values and \
             intervals here do not account for."
        )
    })
}

/// Both are over when none goes on, and whole when none was cancelled.
fn state(first: &SweepResults, second: &SweepResults) -> &'static str {
    let any = |state: &str| first.state == state || second.state == state;
    if any("running") {
        "running"
    } else if any("cancelled") {
        "cancelled"
    } else {
        "finished"
    }
}

/// The predictions of both sweeps, of which [`matched`] makes one value; none where one of them was left out.
#[must_use]
pub fn matched_predictions(
    (first, mut first_bits): (&SweepResults, Predictions),
    (second, mut second_bits): (&SweepResults, Predictions),
) -> Predictions {
    if let Some(limit) = first_bits.limit().or(second_bits.limit()) {
        return Predictions::beyond(limit);
    }
    let mut both = Predictions::default();
    for (at, [old, new]) in (0..).zip(places(first, second)) {
        both.move_config(&mut first_bits, old, 2 * at);
        both.move_config(&mut second_bits, new, 2 * at + 1);
    }
    both
}

/// Indices of the configs of one name in both sweeps, in the order of the first.
fn places(first: &SweepResults, second: &SweepResults) -> Vec<[u32; 2]> {
    let name = |c: &ConfigSpec| (c.stratum.clone(), c.name.clone());
    let others: BTreeMap<_, u32> = second.spec.configs.iter().map(name).zip(0..).collect();
    let own = (0..).zip(&first.spec.configs);
    own.filter_map(|(at, config)| Some([at, *others.get(&name(config))?])).collect()
}

/// Configs of both sweeps in turn, with their trials.
#[derive(Default)]
struct Merged {
    configs: Vec<ConfigSpec>,
    trials: Vec<TrialResult>,
    attempts: Vec<AttemptResult>,
}

impl Merged {
    /// The config `old` of `from`.
    fn add(&mut self, from: &SweepResults, old: u32, label: &str) {
        let Some(config) = from.spec.configs.get(old as usize) else { return };
        let new = self.configs.len() as u32;
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
    use crate::{
        predictions::Bits,
        report::{DifferenceResult, analyze, analyze_with, example},
    };

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
    fn sweeps_that_may_stop_or_were_cancelled_are_told() {
        let (mut first, mut second) = (shifted(0.0, 1), shifted(0.5, 1));
        [&mut first, &mut second].into_iter().for_each(|sweep| sweep.state = "finished".to_owned());
        let plain = matched(&first, &second).unwrap();
        assert_eq!((plain.state.as_str(), plain.notes.len()), ("finished", 0));
        second.state = "cancelled".to_owned();
        second.spec.analysis.stopping = Stopping::EValue;
        let both = matched(&first, &second).unwrap();
        assert_eq!((both.state.as_str(), &both.spec.analysis.stopping), ("cancelled", &Stopping::Fixed));
        let told = analyze(&both).unwrap().deviations;
        assert!(told.iter().any(|d| d.starts_with("s1 has a stopping rule")), "{told:?}");
        first.state = "running".to_owned();
        first.spec.analysis.stopping = Stopping::EValue;
        let both = matched(&first, &second).unwrap();
        assert_eq!((both.state.as_str(), both.notes.len()), ("running", 2));
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

    /// What is not paired counts as independent, and must not be one training seen twice.
    #[test]
    fn unpaired_sweeps_of_equal_seeds_are_told() {
        let unpaired = |by: f64, seed: u64| {
            let mut results = shifted(by, seed);
            results.spec.pairing = Pairing::Independent;
            results.spec.name = format!("by {by}");
            results.trials.iter_mut().for_each(|t| t.seed += 100 * u64::from(t.config));
            results
        };
        let audit = |first: &SweepResults, second: &SweepResults| {
            let both = matched(first, second).unwrap();
            assert_eq!(both.spec.pairing, Pairing::Independent);
            analyze(&both).unwrap().audit
        };
        let (first, mut again, mut other) = (unpaired(0.0, 1), unpaired(0.0, 1), unpaired(0.5, 1));
        again.spec.name = "again".to_owned();
        let primary = |t: &&TrialResult| t.metrics.iter().any(|m| m.name == first.spec.analysis.metric);
        let pairs = first.trials.iter().filter(primary).count();
        let copied = audit(&first, &again);
        assert!(copied.copies.iter().all(|c| c.one_seed && c.count == 2), "{copied:?}");
        assert_eq!((copied.copies.len(), copied.shared_seeds), (pairs, 0));
        for trial in &mut other.trials {
            trial.provenance.iter_mut().for_each(|p| p.parameter_digest.push('x'));
        }
        let near = audit(&first, &other);
        assert_eq!((near.copies.len(), near.shared_seeds), (0, 2 * pairs));
        other.trials.iter_mut().for_each(|t| t.seed += 7_000);
        assert_eq!(audit(&first, &other).shared_seeds, 0);
        // Each pairs inside, but their seeds are not the same.
        let (one, two) = (shifted(0.0, 1), shifted(0.5, 2));
        assert_eq!(audit(&one, &two).shared_seeds, 0);
    }

    #[test]
    fn bits_of_both_sweeps_are_found_under_their_new_places() {
        let (first, mut second) = (shifted(0.0, 1), shifted(0.5, 1));
        second.spec.name = "later".to_owned();
        second.spec.configs.swap(0, 1);
        second.trials.iter_mut().filter(|t| t.config < 2).for_each(|t| t.config = 1 - t.config);
        let bits = |results: &SweepResults, sweep: u8| {
            let mut all = Predictions::default();
            for trial in &results.trials {
                let name = &results.spec.configs[trial.config as usize].name;
                let correct = vec![sweep, name.len() as u8, trial.replicate as u8];
                all.insert((trial.config, trial.replicate), "balanced", Bits { rows: 24, correct });
            }
            all
        };
        let both = matched(&first, &second).unwrap();
        let all = matched_predictions((&first, bits(&first, 1)), (&second, bits(&second, 2)));
        for trial in &both.trials {
            let (config, found) = (&both.spec.configs[trial.config as usize].name, (trial.config, trial.replicate));
            let name = config.split(" (").next().unwrap();
            let sweep = if config.ends_with("(later)") { 2 } else { 1 };
            let wanted = [sweep, name.len() as u8, trial.replicate as u8];
            assert_eq!(all.bits(found, "balanced").unwrap().correct, wanted, "{config}");
        }
        let images = &analyze_with(&both, &all).unwrap().noise.strata[0].images.clone().unwrap();
        assert!(images.comparisons.iter().all(|c| !matches!(c.result, DifferenceResult::NotUsed(_))), "{images:?}");
        let left_out = matched_predictions((&first, Predictions::beyond(7)), (&second, bits(&second, 2)));
        assert_eq!(left_out, Predictions::beyond(7));
    }

    #[test]
    fn nothing_in_common_is_said() {
        let (first, mut second) = (shifted(0.0, 1), shifted(0.0, 2));
        second.spec.configs.iter_mut().for_each(|c| c.name.push('!'));
        let error = matched(&first, &second).unwrap_err().to_string();
        assert!(error.contains("no config of the same name") && error.contains("plain"), "{error}");
    }
}
