//! Hand-made results: fixed input for snapshots, and a ten-config example with made-up numbers.

use crate::results::{AttemptResult, Origin, RESULTS_SCHEMA, SweepResults, TrialResult};
use sweeper_core::{
    record::{Metric, Provenance},
    spec::{AnalysisPlan, ConfigSpec, Correction, Direction, FamilyKind, Missing, Pairing, Stopping, SweepSpec, Tasks},
};

/// 2026-11-22T06:43:05Z.
pub(super) const SUBMITTED: u64 = 1_795_329_785_000;

/// A sweep in the making.
pub(crate) struct Builder {
    pub(crate) results: SweepResults,
}

impl Builder {
    /// An empty finished sweep, judged on `metric` against `baseline`, with common seeds.
    pub(crate) fn new(name: &str, metric: &str, baseline: &str) -> Self {
        let spec = SweepSpec {
            name: name.to_owned(),
            seed: 20_220_801,
            pairing: Pairing::Common,
            priority: 0,
            max_failures: 3,
            configs: Vec::new(),
            analysis: AnalysisPlan {
                metric: metric.to_owned(),
                direction: Direction::Maximize,
                baseline: baseline.to_owned(),
                alpha: 0.05,
                correction: Correction::Holm,
                confidence: 0.95,
                family: FamilyKind::Baseline,
                delta: None,
                secondary: Vec::new(),
                missing: Missing::CompletedPairs,
                tasks: Tasks::None,
                tuning: std::collections::BTreeMap::new(),
                stopping: Stopping::Fixed,
            },
            digest: digest(1),
            plan_digest: digest(2),
            toml: format!("name = \"{name}\"\nreplicates = 5\n"),
            overrides: Vec::new(),
        };
        let results = SweepResults {
            schema: RESULTS_SCHEMA,
            sweep: "s1".to_owned(),
            spec,
            state: "finished".to_owned(),
            submitted_ms: SUBMITTED,
            closed_ms: Some(SUBMITTED + 81_400),
            cancel_reason: None,
            software_version: "0.1.0".to_owned(),
            data_digests: vec![("fashion-mnist".to_owned(), digest(3))],
            trials: Vec::new(),
            attempts: Vec::new(),
            looks: Vec::new(),
            unequal_repeats: 0,
            repeats: 0,
            origin: Origin::Sweep,
            notes: Vec::new(),
        };
        Self { results }
    }

    /// Adds a config and returns its index.
    pub(crate) fn config(&mut self, stratum: &str, name: &str, replicates: u32, recipe: &str) -> u32 {
        let index = self.results.spec.configs.len() as u32;
        self.results.spec.configs.push(ConfigSpec {
            name: name.to_owned(),
            stratum: stratum.to_owned(),
            replicates,
            recipe: recipe.as_bytes().to_vec(),
            recipe_digest: digest(100 + u64::from(index)),
            data_key: "fashion-mnist".to_owned(),
            training_digest: String::new(),
            twins_before: 0,
        });
        index
    }

    fn trial(&mut self, config: u32, replicate: u32, state: &str) -> &mut TrialResult {
        self.results.trials.push(TrialResult {
            config,
            replicate,
            seed: 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(u64::from(replicate) + 1),
            state: state.to_owned(),
            ending: None,
            metrics: Vec::new(),
            provenance: None,
            reused_from: None,
            last_error: None,
            stopped: false,
        });
        self.results.trials.last_mut().unwrap()
    }

    /// A completed trial with final values.
    pub(crate) fn completed(&mut self, config: u32, replicate: u32, finals: &[(&str, f64)]) {
        self.attempt(config, replicate, "completed", None);
        let metric = |&(name, value): &(&str, f64)| Metric { name: name.to_owned(), epoch: 1, value, is_final: true };
        let trial = self.trial(config, replicate, "Finished");
        trial.ending = Some("completed".to_owned());
        trial.metrics = finals.iter().map(metric).collect();
        trial.metrics.sort_by(|a, b| a.name.cmp(&b.name));
        trial.provenance = Some(Box::new(provenance(config, replicate)));
    }

    /// A diverged trial.
    pub(crate) fn diverged(&mut self, config: u32, replicate: u32, what: &str) {
        self.attempt(config, replicate, "diverged", None);
        let trial = self.trial(config, replicate, "Finished");
        trial.ending = Some(format!("diverged: {what}"));
        trial.provenance = Some(Box::new(provenance(config, replicate)));
    }

    /// A trial given up after a failing attempt.
    pub(crate) fn abandoned(&mut self, config: u32, replicate: u32, error: &str) {
        self.attempt(config, replicate, "failed", Some(error));
        self.trial(config, replicate, "Abandoned").last_error = Some(error.to_owned());
    }

    /// A trial that no worker has taken.
    pub(crate) fn pending(&mut self, config: u32, replicate: u32) {
        self.trial(config, replicate, "Pending");
        self.results.state = "running".to_owned();
        self.results.closed_ms = None;
    }

    /// A trial that was called off, as the whole sweep was.
    pub(crate) fn cancelled(&mut self, config: u32, replicate: u32) {
        self.trial(config, replicate, "Cancelled");
        self.results.state = "cancelled".to_owned();
        self.results.cancel_reason = Some("the machine is needed".to_owned());
    }

    fn attempt(&mut self, config: u32, replicate: u32, end: &str, error: Option<&str>) {
        let begin = SUBMITTED + 1000 * u64::from(replicate * 10 + config);
        self.results.attempts.push(AttemptResult {
            config,
            replicate,
            attempt: 1,
            worker: format!("w{}", 1 + config % 2),
            node: "login-1".to_owned(),
            device: format!("cpu:{}", config % 2),
            granted_ms: begin,
            ended_ms: Some(begin + 1450),
            end: end.to_owned(),
            error: error.map(str::to_owned),
        });
    }

    /// The sweep, its trials in order.
    pub(crate) fn build(mut self) -> SweepResults {
        self.results.trials.sort_by_key(|t| (t.config, t.replicate));
        self.results.attempts.sort_by_key(|a| (a.config, a.replicate, a.attempt));
        self.results
    }
}

fn provenance(config: u32, replicate: u32) -> Provenance {
    Provenance {
        data_digest: digest(3),
        trainer_version: "1".to_owned(),
        parameter_digest: digest(u64::from(config) * 1000 + u64::from(replicate)),
        device: "cpu".to_owned(),
        library: "libtorch 2.11.0".to_owned(),
        train_seconds: 1.25,
        evaluate_seconds: 0.125,
    }
}

/// A digest-like text.
pub(crate) fn digest(key: u64) -> String {
    (0..4).map(|i| format!("{:016x}", mix(key * 4 + i))).collect()
}

/// One round of splitmix64.
fn mix(key: u64) -> u64 {
    let z = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// About normal, mean 0, variance 1: a sum of twelve uniform numbers, exact in f64 on every machine.
pub(crate) fn noise(key: u64) -> f64 {
    let uniform = |i| (mix(mix(key) ^ i) >> 40) as f64 / (1u64 << 24) as f64;
    (0..12).map(uniform).sum::<f64>() - 6.0
}

/// Three configs with five replicates: one that does not measure the primary metric, one diverged trial, one missing.
pub(crate) fn small() -> SweepResults {
    let mut b = Builder::new("small", "accuracy/perverse", "plain");
    let unbalanced = r#"{"data":{"unbalance":{"enabled":true}}}"#;
    let plain = b.config("", "plain", 5, unbalanced);
    let prior = b.config(
        "",
        "with prior",
        5,
        r#"{"data":{"unbalance":{"enabled":true}},"prior":{"train":"train","validation":"split"}}"#,
    );
    let balanced = b.config("", "balanced", 5, "{}");
    let rows = [(24.1, 70.25, 43.2), (25.3, 71.5, 42.75), (23.2, 69.75, 44.0), (24.9, 70.5, 43.1), (24.4, 70.0, 41.9)];
    for (replicate, &(low, middle, high)) in (0..).zip(&rows) {
        b.completed(
            plain,
            replicate,
            &[("accuracy/perverse", low), ("accuracy/balanced", middle), ("loss/balanced", 1.5)],
        );
        b.completed(balanced, replicate, &[("accuracy/balanced", middle + 9.0), ("loss/balanced", 0.5 + low / 1000.0)]);
        match replicate {
            3 => b.diverged(prior, replicate, "loss at epoch 0, step 17"),
            4 => b.cancelled(prior, replicate),
            _ => b.completed(
                prior,
                replicate,
                &[("accuracy/perverse", high), ("accuracy/balanced", middle), ("loss/balanced", 1.25 - low / 1000.0)],
            ),
        }
    }
    b.build()
}

/// Two strata with independent seeds and an abandoned trial.
pub(crate) fn strata() -> SweepResults {
    let mut b = Builder::new("strata", "loss/balanced", "plain");
    b.results.spec.pairing = Pairing::Independent;
    b.results.spec.analysis.direction = Direction::Minimize;
    b.results.spec.overrides = vec!["recipe.epochs=2".to_owned()];
    b.results.repeats = 2;
    for (index, stratum) in ["1 epoch", "5 epochs"].into_iter().enumerate() {
        for (c, name) in ["plain", "smooth", "abandoned"].into_iter().enumerate() {
            let config = b.config(stratum, name, 4, r#"{"trainer":"synthetic"}"#);
            for replicate in 0..4 {
                let key = (config * 10 + replicate).into();
                let loss = 2.0 - index as f64 - 0.2 * c as f64 + 0.02 * noise(key);
                match name {
                    "abandoned" => b.abandoned(config, replicate, "the synthetic trainer failed, as asked"),
                    _ => b.completed(config, replicate, &[("loss/balanced", loss), ("accuracy/balanced", 80.0 - loss)]),
                }
            }
        }
    }
    b.results.trials.iter_mut().for_each(|t| t.seed ^= u64::from(t.config));
    b.build()
}

/// Name, recipe, mean perverse, balanced, unbalanced and train accuracy (first two configs: no unbalanced data), and
/// the key of its own noise: equal keys give equal numbers.
type Row = (&'static str, &'static str, [f64; 4], u64);

const TEN: [Row; 10] = [
    ("balanced", r#"{}"#, [f64::NAN, 84.1, f64::NAN, 86.3], 1),
    ("balanced, LS", r#"{"loss":{"smoothing":{"eps":0.1}}}"#, [f64::NAN, 84.5, f64::NAN, 86.1], 2),
    ("unbalanced", r#"{"data":{"unbalance":{"enabled":true}}}"#, [24.2, 58.6, 84.6, 87.2], 3),
    (
        "layer",
        r#"{"data":{"unbalance":{"enabled":true}},"prior":{"train":"zero","validation":"zero"}}"#,
        [24.2, 58.6, 84.6, 87.2],
        3,
    ),
    (
        "layer, LS",
        r#"{"data":{"unbalance":{"enabled":true}},"loss":{"smoothing":{"eps":0.1}}}"#,
        [22.6, 58.0, 84.7, 87.1],
        5,
    ),
    (
        "training prior",
        r#"{"data":{"unbalance":{"enabled":true}},"prior":{"train":"train","validation":"zero"}}"#,
        [37.9, 67.5, 81.9, 86.8],
        6,
    ),
    (
        "training prior, LS",
        r#"{"data":{"unbalance":{"enabled":true}},"loss":{"smoothing":{"eps":0.1}},"prior":{"train":"train","validation":"zero"}}"#,
        [36.7, 66.2, 79.8, 86.9],
        7,
    ),
    (
        "both priors",
        r#"{"data":{"unbalance":{"enabled":true}},"prior":{"train":"train","validation":"split"}}"#,
        [43.1, 67.5, 84.4, 86.8],
        8,
    ),
    (
        "both priors, LS",
        r#"{"data":{"unbalance":{"enabled":true}},"loss":{"smoothing":{"eps":0.1}},"prior":{"train":"train","validation":"split"}}"#,
        [32.8, 66.2, 84.9, 86.9],
        9,
    ),
    (
        "both priors, apriori LS",
        r#"{"data":{"unbalance":{"enabled":true}},"loss":{"smoothing":{"eps":0.1,"kind":"train-prior"}},"prior":{"train":"train","validation":"split"}}"#,
        [43.6, 67.9, 84.5, 86.7],
        10,
    ),
];

/// The ten-config study at demo scale, with made-up numbers.
pub(crate) fn ten_configs() -> SweepResults {
    let mut b = Builder::new("apriori-demo", "accuracy/perverse", "unbalanced");
    b.results.repeats = 1;
    b.results.spec.toml = include_str!("ten.toml").to_owned();
    for (name, recipe, means, own) in TEN {
        let config = b.config("", name, 5, recipe);
        for replicate in 0..5 {
            if name == "layer, LS" && replicate == 3 {
                b.diverged(config, replicate, "loss at epoch 0, step 41");
                continue;
            }
            let finals = values(means, own, u64::from(replicate));
            let finals: Vec<(&str, f64)> = finals.iter().map(|(name, value)| (name.as_str(), *value)).collect();
            b.completed(config, replicate, &finals);
        }
    }
    b.build()
}

fn values(means: [f64; 4], own: u64, replicate: u64) -> Vec<(String, f64)> {
    let mut list = Vec::new();
    for (split, mean, sd) in [
        ("perverse", means[0], 1.3),
        ("balanced", means[1], 0.6),
        ("unbalanced", means[2], 0.4),
        ("train", means[3], 0.3),
    ] {
        if mean.is_nan() {
            continue;
        }
        let key = mean.to_bits() ^ (own << 8) ^ (replicate << 32);
        let shared = noise(mean.to_bits() >> 60 ^ (replicate << 16));
        let accuracy = mean + sd * (0.7 * shared + 0.7 * noise(key));
        // Shares of a finite number of images, as in real evaluations.
        let accuracy = (accuracy * 50.0).round() / 50.0;
        list.push((format!("accuracy/{split}"), accuracy));
        list.push((format!("smoothed_accuracy/{split}"), accuracy - 2.5 + 0.3 * noise(key ^ 1)));
        list.push((format!("loss/{split}"), 2.9 - accuracy / 40.0 + 0.02 * noise(key ^ 2)));
    }
    list
}

/// `n` configs with 5 replicates each, every tenth clearly better, every fifteenth clearly worse.
pub(crate) fn many(n: u32) -> SweepResults {
    let mut b = Builder::new("many", "accuracy/balanced", "config 000");
    for c in 0..n {
        let config = b.config("", &format!("config {c:03}"), 5, "{}");
        let effect = if c % 10 == 9 {
            5.0
        } else if c % 15 == 14 {
            -6.0
        } else {
            0.0
        };
        for replicate in 0..5 {
            let key = u64::from(c) * 100 + u64::from(replicate);
            let accuracy = 80.0 + effect + noise(u64::from(replicate)) + 0.5 * noise(key);
            let finals: Vec<(String, f64)> =
                (0..12).map(|m| (format!("accuracy/part{m}"), accuracy + f64::from(m))).collect();
            let mut finals: Vec<(&str, f64)> = finals.iter().map(|(name, value)| (name.as_str(), *value)).collect();
            finals.push(("accuracy/balanced", accuracy));
            b.completed(config, replicate, &finals);
        }
    }
    b.build()
}

#[test]
fn the_example_has_recipes_that_exist() {
    for results in [small(), strata(), ten_configs(), many(3)] {
        for config in results.spec.configs {
            let recipe = sweeper_recipe::Recipe::from_json(&config.recipe);
            assert!(recipe.is_ok(), "{}: {recipe:?}", config.name);
        }
    }
}
