//! A trainer with a known effect and known noise, and no libtorch: for tests, simulations and load.
//!
//! `accuracy/balanced` = base + effect + seed_noise·z(seed) + trial_noise·z(seed, recipe), with z of mean 0 and
//! standard deviation 1. Equal recipe and seed give equal bits on every machine: z is a sum of 48 uniform numbers, for
//! which addition suffices, where the usual logarithm and cosine differ between mathematics libraries. Its excess
//! kurtosis is −1.2/48, too little for any test of means to notice.

use crate::trainer::{Ending, Metric, Outcome, Progress, Task, TrainError, Trainer};
use sha2::{Digest, Sha256};
use std::{
    thread,
    time::{Duration, Instant},
};

/// Longest time between two questions whether to stop.
const SLICE: Duration = Duration::from_millis(10);
/// Steps that an epoch pretends to have.
const STEPS_PER_EPOCH: u64 = 100;
/// Uniform numbers per draw of noise; their sum has variance 48/12 = 2².
const UNIFORMS: u32 = 48;

/// See the module's text.
#[derive(Debug, Clone, Copy, Default)]
pub struct Synthetic;

impl Trainer for Synthetic {
    fn train(
        &mut self,
        task: &Task,
        stop: &dyn Fn() -> bool,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Outcome, TrainError> {
        let settings = &task.recipe.synthetic;
        let epochs = task.recipe.epochs;
        let steps = u64::from(epochs) * STEPS_PER_EPOCH;
        let start = Instant::now();
        wait(Duration::from_secs_f64(settings.seconds), stop, &mut |share| {
            let step = ((steps as f64 * share) as u64).min(steps);
            let epoch = (step / STEPS_PER_EPOCH) as u32;
            progress(Progress { step, steps, epoch, epochs, phase: "training", loss: 1.0 - 0.5 * share });
        })?;
        let digest = task.recipe.digest();
        if Stream::new("fail", task.seed, "").uniform() < settings.fail {
            return Err(TrainError::Failed(format!(
                "synthetic failure, as the recipe asks of seed {:016x}",
                task.seed
            )));
        }
        let diverges = Stream::new("diverge", task.seed, "").uniform() < settings.diverge;
        let accuracy = settings.base
            + settings.effect
            + settings.seed_noise * Stream::new("seed", task.seed, "").normal()
            + settings.trial_noise * Stream::new("trial", task.seed, &digest).normal();
        let metric = |name: &str, value: f64| Metric { name: name.to_owned(), epoch: epochs, value, is_final: true };
        Ok(Outcome {
            ending: match diverges {
                true => Ending::Diverged { epoch: epochs - 1, step: steps / 2, what: "synthetic loss".to_owned() },
                false => Ending::Completed,
            },
            metrics: match diverges {
                true => Vec::new(),
                // A line through (100, 0) makes a loss that says the same as the accuracy.
                false => {
                    vec![metric("accuracy/balanced", accuracy), metric("loss/balanced", (100.0 - accuracy) / 50.0)]
                }
            },
            data_digest: String::new(),
            parameter_digest: hex(&Sha256::digest(format!("{digest} {:016x}", task.seed))),
            device: "cpu".to_owned(),
            library: "synthetic".to_owned(),
            train_seconds: start.elapsed().as_secs_f64(),
            evaluate_seconds: 0.0,
            predictions: Vec::new(),
        })
    }
}

/// Waits in slices, telling the share of the time that has passed.
fn wait(time: Duration, stop: &dyn Fn() -> bool, tell: &mut dyn FnMut(f64)) -> Result<(), TrainError> {
    let start = Instant::now();
    loop {
        if stop() {
            return Err(TrainError::Stopped);
        }
        let elapsed = start.elapsed();
        if elapsed >= time {
            tell(1.0);
            return Ok(());
        }
        tell(elapsed.as_secs_f64() / time.as_secs_f64());
        thread::sleep(SLICE.min(time - elapsed));
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Counted random bits: SplitMix64 from a start that SHA-256 makes of purpose, seed and recipe.
struct Stream(u64);

impl Stream {
    fn new(purpose: &str, seed: u64, recipe: &str) -> Self {
        let digest = Sha256::digest(format!("sweeper synthetic {purpose} {seed:016x} {recipe}"));
        let mut start = [0; 8];
        start.copy_from_slice(&digest[..8]);
        Self(u64::from_le_bytes(start))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In [0, 1).
    fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Mean 0, standard deviation 1.
    fn normal(&mut self) -> f64 {
        let sum: f64 = (0..UNIFORMS).map(|_| self.uniform()).sum();
        (sum - f64::from(UNIFORMS) / 2.0) / 2.0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use sweeper_recipe::Recipe;

    fn task(settings: &str, seed: u64) -> Task {
        let json = format!(r#"{{"trainer":"synthetic","synthetic":{{{settings}}}}}"#);
        let recipe = Recipe::from_json(json.as_bytes()).unwrap();
        Task { label: "s1/c0/r0#1".into(), recipe, seed, data_digest: None }
    }

    fn train(settings: &str, seed: u64) -> Result<Outcome, TrainError> {
        Synthetic.train(&task(settings, seed), &|| false, &mut |_| ())
    }

    fn accuracy(settings: &str, seed: u64) -> f64 {
        train(settings, seed).unwrap().metrics[0].value
    }

    #[test]
    fn equal_seeds_give_equal_bits_and_others_do_not() {
        let values: Vec<u64> = [1, 1, 2].iter().map(|seed| accuracy(r#""effect":1.5"#, *seed).to_bits()).collect();
        assert_eq!(values[0], values[1]);
        assert_ne!(values[0], values[2]);
        let digest = |seed| train("", seed).unwrap().parameter_digest;
        assert_eq!(digest(3), digest(3));
        assert_ne!(digest(3), digest(4));
    }

    #[test]
    fn a_recorded_value_never_changes() {
        // Computed by an independent program; other bits here mean that every stored synthetic result is invalid.
        let value = accuracy(r#""trial_noise":0.0"#, 7);
        assert_eq!(value.to_bits(), 0x40540db8b909ed36, "{value}");
    }

    #[test]
    fn a_seed_is_shared_by_configs_and_cancels_in_their_difference() {
        for seed in 0..20 {
            let base = accuracy(r#""trial_noise":0.0,"seed_noise":3.0"#, seed);
            let with = accuracy(r#""trial_noise":0.0,"seed_noise":3.0,"effect":2.0"#, seed);
            assert!((with - base - 2.0).abs() < 1e-9, "{base} {with}");
        }
    }

    #[test]
    fn noise_has_the_mean_and_deviation_that_were_asked_for() {
        let n = 4_000;
        let values: Vec<f64> = (0..n)
            .map(|seed| accuracy(r#""base":50.0,"effect":1.0,"seed_noise":3.0,"trial_noise":4.0"#, seed))
            .collect();
        let mean = values.iter().sum::<f64>() / n as f64;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1) as f64;
        // True mean 51, true deviation 5; four standard errors.
        assert!((mean - 51.0).abs() < 4.0 * 5.0 / (n as f64).sqrt(), "{mean}");
        assert!((variance.sqrt() - 5.0).abs() < 4.0 * 5.0 / (2.0 * n as f64).sqrt(), "{variance}");
    }

    #[test]
    fn shares_of_trials_diverge_and_fail() {
        let diverged = (0..1_000)
            .filter(|seed| matches!(train(r#""diverge":0.3"#, *seed).unwrap().ending, Ending::Diverged { .. }))
            .count();
        assert!((240..360).contains(&diverged), "{diverged}");
        let failed = (0..1_000).filter(|seed| train(r#""fail":0.3"#, *seed).is_err()).count();
        assert!((240..360).contains(&failed), "{failed}");
        assert!(matches!(train(r#""fail":1.0"#, 5), Err(TrainError::Failed(_))), "every attempt of it fails");
    }

    #[test]
    fn it_stops_when_asked_and_tells_how_far_it_is() {
        let mut told = 0;
        let result = Synthetic.train(&task(r#""seconds":3600.0"#, 1), &|| true, &mut |_| told += 1);
        assert_eq!(result, Err(TrainError::Stopped));
        let mut last = Progress::default();
        Synthetic.train(&task(r#""seconds":0.05"#, 1), &|| false, &mut |progress| last = progress).unwrap();
        assert_eq!((last.step, last.steps, last.epoch), (STEPS_PER_EPOCH, STEPS_PER_EPOCH, 1));
    }
}
