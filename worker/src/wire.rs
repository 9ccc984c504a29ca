//! Leases and outcomes to and from the wire contract.

use crate::{
    log,
    trainer::{Ending, Outcome, Progress, Task},
};
use std::fmt;
use sweeper_proto::v1::{self, trial_report::Result as Reported};
use sweeper_recipe::{Recipe, TRAINER_VERSION, trial::Prediction};

/// Longest error text in a report, in bytes.
const ERROR_BYTES: usize = 4_000;

/// One attempt of one trial, as a key; printed `s7/c3/r12#2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Attempt {
    pub(crate) sweep: u32,
    pub(crate) config: u32,
    pub(crate) replicate: u32,
    pub(crate) attempt: u32,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s{}/c{}/r{}#{}", self.sweep, self.config, self.replicate, self.attempt)
    }
}

impl From<v1::AttemptId> for Attempt {
    fn from(id: v1::AttemptId) -> Self {
        Self { sweep: id.sweep, config: id.config, replicate: id.replicate, attempt: id.attempt }
    }
}

impl From<Attempt> for v1::AttemptId {
    fn from(id: Attempt) -> Self {
        Self { sweep: id.sweep, config: id.config, replicate: id.replicate, attempt: id.attempt }
    }
}

/// What to train, from a lease; or why this worker cannot read it.
pub(crate) fn task(id: Attempt, lease: &v1::Lease) -> Result<Task, String> {
    let recipe =
        Recipe::from_json(&lease.recipe).map_err(|error| format!("recipe of {id} is not readable: {error}"))?;
    let digest = recipe.digest();
    if digest != lease.recipe_digest {
        // Both sides must mean the same training by the same digest, or results would be mixed up.
        return Err(format!("recipe of {id} has digest {digest} here and {} at the coordinator", lease.recipe_digest));
    }
    let data_digest = Some(lease.data_digest.clone()).filter(|digest| !digest.is_empty());
    Ok(Task { label: id.to_string(), recipe, seed: lease.seed, data_digest })
}

/// A finished or diverged training.
pub(crate) fn outcome(outcome: Outcome) -> Reported {
    let metrics = outcome
        .metrics
        .into_iter()
        .map(|metric| v1::Metric {
            name: metric.name,
            epoch: metric.epoch,
            value: metric.value,
            r#final: metric.is_final,
        })
        .collect();
    let kind = match outcome.ending {
        Ending::Completed => v1::outcome::Kind::Completed(v1::Completed { metrics }),
        Ending::Diverged { epoch, step, what } => {
            v1::outcome::Kind::Diverged(v1::Diverged { epoch, step, what, metrics })
        }
    };
    let provenance = v1::TrialProvenance {
        data_digest: outcome.data_digest,
        trainer_version: TRAINER_VERSION.to_owned(),
        parameter_digest: outcome.parameter_digest,
        device: outcome.device,
        library: outcome.library,
        train_seconds: outcome.train_seconds,
        evaluate_seconds: outcome.evaluate_seconds,
    };
    let prediction = |p: Prediction| v1::Prediction { split: p.split, rows: p.rows, correct: p.correct };
    let predictions = outcome.predictions.into_iter().map(prediction).collect();
    Reported::Outcome(v1::Outcome { kind: Some(kind), provenance: Some(provenance), predictions })
}

/// Code failed; the last log lines go along.
pub(crate) fn failure(error: &str) -> Reported {
    Reported::Failure(v1::Failure { error: bounded(error), log_tail: log::tail() })
}

/// The lease is given back.
pub(crate) fn released(reason: &str) -> Reported {
    Reported::Released(bounded(reason))
}

fn bounded(text: &str) -> String {
    let end = (0..=ERROR_BYTES.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text[..end].to_owned()
}

/// Progress of a held lease.
pub(crate) fn progress(id: Attempt, queued: bool, progress: &Progress) -> v1::Progress {
    v1::Progress {
        id: Some(id.into()),
        queued,
        step: progress.step,
        steps: progress.steps,
        epoch: progress.epoch,
        epochs: progress.epochs,
        phase: progress.phase.to_owned(),
        loss: progress.loss,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Attempt = Attempt { sweep: 7, config: 3, replicate: 12, attempt: 2 };

    #[test]
    fn an_attempt_prints_as_everywhere() {
        assert_eq!(ID.to_string(), "s7/c3/r12#2");
        assert_eq!(Attempt::from(v1::AttemptId::from(ID)), ID);
    }

    #[test]
    fn a_recipe_of_another_digest_is_refused() {
        let mut lease = v1::Lease { recipe: br#"{"trainer":"synthetic"}"#.to_vec(), ..Default::default() };
        assert!(task(ID, &lease).is_err_and(|error| error.contains("digest")));
        lease.recipe = b"{".to_vec();
        assert!(task(ID, &lease).is_err_and(|error| error.contains("not readable")));
    }

    #[test]
    fn a_diverged_training_keeps_its_metrics() {
        let told = Outcome {
            ending: Ending::Diverged { epoch: 1, step: 9, what: "loss".to_owned() },
            metrics: vec![crate::trainer::Metric { name: "loss/train".into(), epoch: 1, value: 2.5, is_final: false }],
            data_digest: "d".into(),
            parameter_digest: String::new(),
            device: "cpu".into(),
            library: "none".into(),
            train_seconds: 1.0,
            evaluate_seconds: 0.5,
            predictions: vec![Prediction { split: "balanced".into(), rows: 9, correct: vec![3, 1] }],
        };
        let Reported::Outcome(v1::Outcome {
            kind: Some(v1::outcome::Kind::Diverged(diverged)),
            provenance,
            predictions,
        }) = outcome(told)
        else {
            panic!("a diverged training became something else");
        };
        assert_eq!((diverged.epoch, diverged.step, diverged.metrics.len()), (1, 9, 1));
        assert_eq!((predictions[0].split.as_str(), predictions[0].rows), ("balanced", 9));
        assert_eq!(predictions[0].correct, [3, 1]);
        assert!(provenance.is_some_and(|p| p.data_digest == "d" && p.trainer_version == TRAINER_VERSION));
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        assert!(bounded(&"é".repeat(ERROR_BYTES)).len() <= ERROR_BYTES);
    }
}
