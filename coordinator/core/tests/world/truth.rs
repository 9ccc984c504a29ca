//! The pure side of a world: random numbers, specs, and what each trial must observe whoever runs it.

use super::Rng;
use sweeper_core::{
    record::{Failure, Metric, Outcome, OutcomeKind, Prediction, Provenance, StopReason, Stopped},
    scheduler::TrialReport,
    spec::{
        AnalysisPlan, ConfigSpec, Correction, Direction, FamilyKind, LookPlan, Missing, Pairing, Spending, Stopping,
        SweepSpec, Tasks,
    },
};

pub(crate) const MAX_FAILURES: u32 = 3;

/// What becomes of a trial, whatever the schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Completes,
    Diverges,
    /// Its code fails in every attempt.
    AlwaysFails,
    /// Its code fails in attempts 1 and 2: fewer than the limit, however many attempts get lost besides.
    Flaky,
    /// It kills the process that runs it.
    Kills,
}

/// Mixes a text and a number into 64 bits (FNV-1a, then one SplitMix64 step).
pub(crate) fn mix(text: &str, number: u64) -> u64 {
    let bytes = text.bytes().chain(number.to_le_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    Rng::new(hash).next()
}

pub(crate) fn fate(recipe_digest: &str, seed: u64) -> Fate {
    match mix(recipe_digest, seed) % 20 {
        0..=1 => Fate::AlwaysFails,
        2..=4 => Fate::Flaky,
        5..=6 => Fate::Diverges,
        7 => Fate::Kills,
        _ => Fate::Completes,
    }
}

pub(crate) fn data_digest(key: &str) -> String {
    format!("digest-of-{key}")
}

/// What the trial observes. Only `seconds` may differ between attempts.
pub(crate) fn outcome(recipe_digest: &str, data_key: &str, seed: u64, seconds: f64) -> Outcome {
    let bits = mix(recipe_digest, seed ^ 1);
    let (kind, last) = match fate(recipe_digest, seed) {
        Fate::Diverges => (OutcomeKind::Diverged { epoch: 1, step: bits % 100, what: "loss".to_owned() }, f64::NAN),
        _ => (OutcomeKind::Completed, (bits >> 11) as f64 / 1e12),
    };
    let metric = |epoch, value, is_final| Metric { name: "accuracy/test".to_owned(), epoch, value, is_final };
    Outcome {
        kind,
        metrics: vec![
            metric(1, (bits % 1000) as f64, false),
            metric(2, last, true),
            Metric { name: "seconds/train".to_owned(), epoch: 1, value: seconds, is_final: false },
        ],
        provenance: Provenance {
            data_digest: data_digest(data_key),
            parameter_digest: format!("{bits:x}"),
            train_seconds: seconds,
            ..Provenance::default()
        },
        predictions: vec![Prediction::new("balanced".to_owned(), 16, bits.to_le_bytes()[..2].to_vec())],
    }
}

/// What attempt number `attempt` of the trial reports, if it comes to that.
pub(crate) fn report(recipe_digest: &str, data_key: &str, seed: u64, attempt: u32, seconds: f64) -> TrialReport {
    match fate(recipe_digest, seed) {
        Fate::AlwaysFails => failure(attempt),
        Fate::Flaky if attempt <= 2 => failure(attempt),
        _ => TrialReport::Outcome(outcome(recipe_digest, data_key, seed, seconds)),
    }
}

fn failure(attempt: u32) -> TrialReport {
    TrialReport::Failure(Failure { error: format!("attempt {attempt} failed"), log_tail: String::new() })
}

/// Some sweep of few names, seeds and recipes, so that equal trials occur in several sweeps.
pub(crate) fn spec(rng: &mut Rng) -> SweepSpec {
    let strata = 1 + rng.below(2);
    let shared = rng.chance(40);
    let mut configs = Vec::new();
    for stratum in 0..strata {
        for config in 0..1 + rng.below(3) {
            configs.push(ConfigSpec {
                name: format!("c{config}"),
                stratum: format!("t{stratum}"),
                replicates: 1 + rng.below(4) as u32,
                recipe: Vec::new(),
                recipe_digest: format!("recipe-{}", rng.below(12)),
                data_key: format!("data-{}", rng.below(2)),
                training_digest: if shared {
                    ["", "one", "two"][rng.below(3) as usize].to_owned()
                } else {
                    String::new()
                },
                twins_before: 0,
            });
        }
    }
    let mut spec = SweepSpec {
        name: ["alpha", "beta"][rng.below(2) as usize].to_owned(),
        seed: rng.below(3),
        pairing: if rng.chance(50) { Pairing::Common } else { Pairing::Independent },
        priority: rng.below(3) as i32 - 1,
        max_failures: MAX_FAILURES,
        configs,
        analysis: AnalysisPlan {
            metric: "accuracy/test".to_owned(),
            direction: Direction::Maximize,
            baseline: "c0".to_owned(),
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
        digest: String::new(),
        plan_digest: String::new(),
        toml: String::new(),
        overrides: Vec::new(),
    };
    if rng.chance(40) {
        // Looks need something to look at.
        for config in &mut spec.configs {
            config.replicates += 1 + rng.below(2) as u32;
        }
        spec.analysis.stopping = stopping(rng);
    }
    spec.number_twins();
    spec.digest = format!("{:016x}", mix(&format!("{spec:?}"), 0));
    spec
}

fn stopping(rng: &mut Rng) -> Stopping {
    let looks = match rng.below(3) {
        0 => return Stopping::EValue,
        1 => LookPlan::Count(1 + rng.below(4) as u32),
        _ => LookPlan::At(vec![2, 3, 5]),
    };
    Stopping::Looks { looks, spending: Spending::OBrienFleming, futility: false }
}

/// What a look decides, whenever it is taken: of the configs undecided so far, all but the baseline, some.
pub(crate) fn decided(spec: &SweepSpec, stratum: &str, replicates: u32, undecided: &[u32]) -> Vec<Stopped> {
    let reasons = [StopReason::Different, StopReason::Equivalent, StopReason::Futile];
    let of = |config: &u32| {
        let name = &spec.configs[*config as usize].name;
        let chance = mix(&format!("{}{stratum}{name}", spec.digest), u64::from(replicates));
        let stops = *name != spec.analysis.baseline && chance.is_multiple_of(3);
        stops.then(|| Stopped { config: *config, why: reasons[(chance / 3 % 3) as usize] })
    };
    undecided.iter().filter_map(of).collect()
}

/// All looks that a stratum has come to in the end, told from the plan alone: (replicates, configs decided).
pub(crate) fn looks(spec: &SweepSpec, stratum: &str) -> Vec<(u32, Vec<u32>)> {
    let inside = |c: &u32| spec.configs[*c as usize].stratum == stratum;
    let mut undecided: Vec<u32> = (0..spec.configs.len() as u32).filter(inside).collect();
    let planned = undecided.iter().map(|c| spec.configs[*c as usize].replicates).max().unwrap_or(0);
    let mut looks = Vec::new();
    for replicates in spec.analysis.stopping.looks(planned) {
        let mut stopped: Vec<u32> =
            decided(spec, stratum, replicates, &undecided).into_iter().map(|s| s.config).collect();
        undecided.retain(|c| !stopped.contains(c));
        let only_baseline = undecided.len() == 1 && spec.configs[undecided[0] as usize].name == spec.analysis.baseline;
        if only_baseline && replicates < planned {
            stopped.append(&mut undecided);
            stopped.sort_unstable();
        }
        looks.push((replicates, stopped));
        if undecided.is_empty() {
            break;
        }
    }
    looks
}
