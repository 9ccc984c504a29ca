//! Messages to core values, every field checked: whatever comes over the wire may be hostile.

use super::limits;
use crate::driver::{Progress, Report};
use sweeper_core::{
    ids::{AttemptId, SweepId, TrialId},
    record::{Failure, Metric, Outcome, OutcomeKind, Prediction, Provenance, WorkerInfo},
    scheduler::TrialReport,
};
use sweeper_proto::v1;
use sweeper_recipe::TRAINER_VERSION;

/// An outcome of another trainer version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the outcome was observed with trainer version `{found}`, this coordinator's sweeps need `{TRAINER_VERSION}`: its \
     numbers would not be comparable"
)]
pub struct OtherTrainer {
    /// Its version.
    pub found: String,
}

/// What is to be done with one report.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Received {
    /// Take it.
    Valid(Report),
    /// Its content can never be taken; the report says so as a failure of the attempt.
    Invalid(Report, Invalid),
    /// Refuse it, and leave attempt and trial alone: the trial's own code did nothing wrong.
    Refused(OtherTrainer),
}

/// What is wrong with a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// A field is not set.
    #[error("`{field}` is missing")]
    Missing {
        /// Its name.
        field: &'static str,
    },
    /// A text is too long.
    #[error("`{field}` has {found} bytes, at most {limit} are allowed")]
    TooLong {
        /// Name of the field.
        field: &'static str,
        /// Its length.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// A name holds control characters.
    #[error("`{field}` holds characters that cannot be printed")]
    NotPrintable {
        /// Name of the field.
        field: &'static str,
    },
    /// A list is too long.
    #[error("{found} {field} in one message, at most {limit} are allowed")]
    TooMany {
        /// Name of the list.
        field: &'static str,
        /// Its length.
        found: u64,
        /// The limit.
        limit: u64,
    },
    /// A number is out of range.
    #[error("`{field}` is {found}, expected {expected}")]
    OutOfRange {
        /// Name of the field.
        field: &'static str,
        /// The value.
        found: String,
        /// What it may be.
        expected: &'static str,
    },
}

/// A name: printable, not empty, not too long.
fn name(field: &'static str, text: String) -> Result<String, Invalid> {
    if text.is_empty() { Err(Invalid::Missing { field }) } else { optional_name(field, text) }
}

fn optional_name(field: &'static str, text: String) -> Result<String, Invalid> {
    bounded_name(field, text, limits::MAX_NAME_BYTES)
}

fn bounded_name(field: &'static str, text: String, limit: usize) -> Result<String, Invalid> {
    if text.len() > limit {
        return Err(Invalid::TooLong { field, found: text.len(), limit });
    }
    if text.chars().any(char::is_control) {
        return Err(Invalid::NotPrintable { field });
    }
    Ok(text)
}

/// Text for people: control characters (but line ends and tabs) replaced, so that it cannot act on a terminal.
fn harmless(text: &str) -> String {
    let bad = |c: char| c.is_control() && c != '\n' && c != '\t';
    text.chars().map(|c| if bad(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Harmless text of which only the beginning is kept.
pub(super) fn beginning(text: &str, limit: usize) -> String {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    harmless(&text[..end])
}

/// Harmless text of which only the end is kept.
fn ending(text: &str, limit: usize) -> String {
    let mut start = text.len().saturating_sub(limit);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    harmless(&text[start..])
}

/// Refuses a list that is too long.
pub(super) fn few(field: &'static str, found: usize, limit: usize) -> Result<(), Invalid> {
    if found > limit { Err(Invalid::TooMany { field, found: found as u64, limit: limit as u64 }) } else { Ok(()) }
}

/// What a worker says of itself when it joins.
pub(super) fn worker_info(request: v1::JoinRequest) -> Result<WorkerInfo, Invalid> {
    Ok(WorkerInfo {
        process_id: name("process_id", request.process_id)?,
        slot: name("slot", request.slot)?,
        node: name("node", request.node)?,
        device: name("device", request.device)?,
        software_version: name("software_version", request.software_version)?,
        os_pid: request.os_pid,
    })
}

/// How many leases a worker wants.
pub(super) fn capacity(found: u32) -> Result<u32, Invalid> {
    if (1..=limits::MAX_CAPACITY).contains(&found) {
        Ok(found)
    } else {
        Err(Invalid::OutOfRange { field: "capacity", found: found.to_string(), expected: "1 to 1024" })
    }
}

/// The id of an attempt.
pub(super) fn attempt(id: Option<v1::AttemptId>) -> Result<AttemptId, Invalid> {
    let id = id.ok_or(Invalid::Missing { field: "id" })?;
    let trial = TrialId { sweep: SweepId(id.sweep), config: id.config, replicate: id.replicate };
    Ok(AttemptId { trial, attempt: id.attempt })
}

/// One entry of a heartbeat.
pub(super) fn progress(p: v1::Progress) -> Result<(AttemptId, Progress), Invalid> {
    let id = attempt(p.id)?;
    let phase = optional_name("phase", p.phase)?;
    let v1::Progress { queued, step, steps, epoch, epochs, loss, .. } = p;
    Ok((id, Progress { queued, step, steps, epoch, epochs, phase, loss }))
}

/// One report.
///
/// Content that can never be taken becomes a failure of the attempt: were the whole call refused, the worker's outbox
/// would hold it for ever, and were it dropped, the trial would be tried for ever. An outcome of another trainer version
/// comes from an outbox that outlived an upgrade, and is only refused.
pub(super) fn report(report: v1::TrialReport) -> Result<Received, Invalid> {
    let id = attempt(report.id)?;
    let recipe_digest = optional_name("recipe_digest", report.recipe_digest)?;
    if let Some(other) = other_trainer(report.result.as_ref()) {
        return Ok(Received::Refused(other));
    }
    Ok(match result(report.result) {
        Ok(result) => Received::Valid(Report { id, recipe_digest, result }),
        Err(invalid) => {
            let error = format!("the worker's report is invalid: {invalid}");
            let result = TrialReport::Failure(Failure { error, log_tail: String::new() });
            Received::Invalid(Report { id, recipe_digest, result }, invalid)
        }
    })
}

/// The trainer version of an outcome, if it gives one that is not ours.
fn other_trainer(result: Option<&v1::trial_report::Result>) -> Option<OtherTrainer> {
    let Some(v1::trial_report::Result::Outcome(outcome)) = result else { return None };
    let found = &outcome.provenance.as_ref()?.trainer_version;
    let other = !found.is_empty() && found != TRAINER_VERSION;
    other.then(|| OtherTrainer { found: beginning(found, limits::MAX_NAME_BYTES) })
}

fn result(result: Option<v1::trial_report::Result>) -> Result<TrialReport, Invalid> {
    use v1::trial_report::Result as Wire;
    match result.ok_or(Invalid::Missing { field: "result" })? {
        Wire::Outcome(o) => outcome(o).map(TrialReport::Outcome),
        Wire::Failure(f) => Ok(TrialReport::Failure(Failure {
            error: beginning(&f.error, limits::MAX_TEXT_BYTES),
            log_tail: ending(&f.log_tail, limits::MAX_LOG_TAIL_BYTES),
        })),
        Wire::Released(reason) => Ok(TrialReport::Released(beginning(&reason, limits::MAX_TEXT_BYTES))),
    }
}

fn outcome(outcome: v1::Outcome) -> Result<Outcome, Invalid> {
    use v1::outcome::Kind;
    let (kind, wire_metrics) = match outcome.kind.ok_or(Invalid::Missing { field: "kind" })? {
        Kind::Completed(c) => (OutcomeKind::Completed, c.metrics),
        Kind::Diverged(d) => {
            let what = beginning(&d.what, limits::MAX_TEXT_BYTES);
            (OutcomeKind::Diverged { epoch: d.epoch, step: steps("step", d.step)?, what }, d.metrics)
        }
    };
    few("metrics", wire_metrics.len(), limits::MAX_METRICS)?;
    let metrics = wire_metrics.into_iter().map(metric).collect::<Result<_, _>>()?;
    let provenance = provenance(outcome.provenance.ok_or(Invalid::Missing { field: "provenance" })?)?;
    let predictions = predictions(outcome.predictions)?;
    Ok(Outcome { kind, metrics, provenance, predictions })
}

fn predictions(wire: Vec<v1::Prediction>) -> Result<Vec<Prediction>, Invalid> {
    few("predictions", wire.len(), limits::MAX_PREDICTIONS)?;
    let rows: u64 = wire.iter().map(|p| u64::from(p.rows)).sum();
    if rows > limits::MAX_PREDICTION_ROWS {
        return Err(Invalid::TooMany { field: "predicted images", found: rows, limit: limits::MAX_PREDICTION_ROWS });
    }
    let mut taken: Vec<Prediction> = Vec::with_capacity(wire.len());
    for prediction in wire {
        let prediction = prediction_of_one_split(prediction)?;
        if taken.iter().any(|p| p.split == prediction.split) {
            let (field, found) = ("predictions.split", format!("`{}` twice", prediction.split));
            return Err(Invalid::OutOfRange { field, found, expected: "each split once" });
        }
        taken.push(prediction);
    }
    // As the store gives them back; the trainer's order says nothing.
    taken.sort_by(|a, b| a.split.cmp(&b.split));
    Ok(taken)
}

fn prediction_of_one_split(wire: v1::Prediction) -> Result<Prediction, Invalid> {
    let v1::Prediction { split, rows, correct } = wire;
    let split = name("predictions.split", split)?;
    if rows == 0 {
        let (field, found) = ("predictions.rows", "0".to_owned());
        return Err(Invalid::OutOfRange { field, found, expected: "at least one image" });
    }
    let wrong = |found: String, expected| Invalid::OutOfRange { field: "predictions.correct", found, expected };
    if correct.len() as u64 != u64::from(rows).div_ceil(8) {
        let found = format!("{} bytes for {rows} images", correct.len());
        return Err(wrong(found, "one bit per image"));
    }
    // Equal predictions must be equal bytes, for they are compared by digest.
    let unused = 0xff_u32 << ((rows - 1) % 8 + 1);
    if correct.last().is_some_and(|last| u32::from(*last) & unused & 0xff != 0) {
        return Err(wrong("a byte with bits beyond the last image".to_owned(), "unused bits of 0"));
    }
    Ok(Prediction::new(split, rows, correct))
}

fn steps(field: &'static str, found: u64) -> Result<u64, Invalid> {
    if found <= limits::MAX_STEPS {
        Ok(found)
    } else {
        Err(Invalid::OutOfRange { field, found: found.to_string(), expected: "at most 2^53" })
    }
}

/// A number as the store can keep it: one zero, one NaN. Whether a final value must be finite the core decides.
fn metric(m: v1::Metric) -> Result<Metric, Invalid> {
    if m.name.is_empty() {
        return Err(Invalid::Missing { field: "metric name" });
    }
    let name = bounded_name("metric name", m.name, limits::MAX_METRIC_NAME_BYTES)?;
    // Adding zero turns -0 into 0 and changes nothing else.
    let value = if m.value.is_nan() { f64::NAN } else { m.value + 0.0 };
    Ok(Metric { name, epoch: m.epoch, value, is_final: m.r#final })
}

fn provenance(p: v1::TrialProvenance) -> Result<Provenance, Invalid> {
    Ok(Provenance {
        data_digest: optional_name("data_digest", p.data_digest)?,
        trainer_version: name("trainer_version", p.trainer_version)?,
        parameter_digest: optional_name("parameter_digest", p.parameter_digest)?,
        device: optional_name("device", p.device)?,
        library: optional_name("library", p.library)?,
        train_seconds: seconds("train_seconds", p.train_seconds)?,
        evaluate_seconds: seconds("evaluate_seconds", p.evaluate_seconds)?,
    })
}

fn seconds(field: &'static str, found: f64) -> Result<f64, Invalid> {
    if (0.0..=1e9).contains(&found) {
        Ok(found + 0.0)
    } else {
        Err(Invalid::OutOfRange { field, found: found.to_string(), expected: "0 to 1e9" })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn texts_are_cut_at_characters_and_cannot_act_on_a_terminal() {
        assert_eq!(beginning("aäb", 2), "a");
        assert_eq!(ending("aäb", 2), "b");
        assert_eq!(beginning("a\u{1b}[31m\0\nb", 100), "a\u{fffd}[31m\u{fffd}\nb");
    }

    #[test]
    fn numbers_become_what_the_store_can_keep() {
        let value = |value: f64| {
            let m = v1::Metric { name: "loss/train".into(), epoch: 1, value, r#final: false };
            metric(m).unwrap().value.to_bits()
        };
        assert_eq!(value(-0.0), 0.0f64.to_bits());
        assert_eq!(value(-f64::NAN), f64::NAN.to_bits());
        assert_eq!(value(f64::NEG_INFINITY), f64::NEG_INFINITY.to_bits());
        assert_eq!(value(-1.5), (-1.5f64).to_bits());
    }

    #[test]
    fn names_are_bounded_and_printable() {
        assert_eq!(name("slot", String::new()), Err(Invalid::Missing { field: "slot" }));
        assert_eq!(name("slot", "a\u{7}".into()), Err(Invalid::NotPrintable { field: "slot" }));
        assert!(matches!(name("slot", "x".repeat(257)), Err(Invalid::TooLong { found: 257, limit: 256, .. })));
        assert_eq!(name("slot", "Knoten-ä 1'; DROP TABLE".into()).unwrap(), "Knoten-ä 1'; DROP TABLE");
    }

    #[test]
    fn content_that_can_never_be_taken_becomes_a_failure() {
        let bad = v1::TrialReport {
            id: Some(v1::AttemptId { sweep: 1, config: 0, replicate: 0, attempt: 1 }),
            recipe_digest: "d".into(),
            result: Some(v1::trial_report::Result::Outcome(v1::Outcome {
                kind: Some(v1::outcome::Kind::Completed(v1::Completed::default())),
                provenance: Some(v1::TrialProvenance {
                    trainer_version: TRAINER_VERSION.into(),
                    train_seconds: f64::NAN,
                    ..v1::TrialProvenance::default()
                }),
                predictions: Vec::new(),
            })),
        };
        let Received::Invalid(report, invalid) = report(bad).unwrap() else { panic!("it was taken") };
        assert!(matches!(invalid, Invalid::OutOfRange { field: "train_seconds", .. }));
        assert!(matches!(report.result, TrialReport::Failure(f) if f.error.contains("train_seconds")));
    }

    #[test]
    fn predictions_are_one_bit_per_image() {
        let one =
            |split: &str, rows, correct: &[u8]| v1::Prediction { split: split.into(), rows, correct: correct.into() };
        let taken = predictions(vec![one("balanced", 9, &[0xff, 1]), one("perverse", 8, &[0x80])]).unwrap();
        assert_eq!((taken[0].rows, taken[0].correct.as_slice(), taken[0].digest.len()), (9, &[0xff, 1][..], 64));
        for (wire, why) in [
            (vec![one("", 1, &[1])], "`predictions.split` is missing"),
            (vec![one("a\n", 1, &[1])], "`predictions.split` holds characters that cannot be printed"),
            (vec![one("a", 0, &[])], "`predictions.rows` is 0, expected at least one image"),
            (vec![one("a", 9, &[1])], "`predictions.correct` is 1 bytes for 9 images, expected one bit per image"),
            (vec![one("a", 8, &[1, 0])], "`predictions.correct` is 2 bytes for 8 images, expected one bit per image"),
            (
                vec![one("a", 7, &[0x80])],
                "`predictions.correct` is a byte with bits beyond the last image, expected unused bits of 0",
            ),
            (vec![one("a", 1, &[1]), one("a", 1, &[1])], "`predictions.split` is `a` twice, expected each split once"),
            (vec![one("a", 1, &[1]); 9], "9 predictions in one message, at most 8 are allowed"),
            (
                vec![one("a", u32::MAX, &[1]); 2],
                "8589934590 predicted images in one message, at most 10000000 are allowed",
            ),
        ] {
            assert_eq!(predictions(wire).unwrap_err().to_string(), why);
        }
    }

    #[test]
    fn the_largest_outcome_fits_into_a_message() {
        // Of ten digits and more, as the shortest spelling of a β can have.
        let beta = sweeper_recipe::smoothed_accuracy(1, 0.001_000_000_000_000_000_2);
        let metric = v1::Metric { name: format!("{beta}/train_clean"), epoch: u32::MAX, value: 1.0, r#final: true };
        let rows = u32::try_from(limits::MAX_PREDICTION_ROWS).unwrap();
        let outcome = v1::Outcome {
            kind: Some(v1::outcome::Kind::Completed(v1::Completed { metrics: vec![metric; limits::MAX_METRICS] })),
            provenance: None,
            predictions: vec![v1::Prediction {
                split: "x".repeat(256),
                rows,
                correct: vec![0; rows.div_ceil(8) as usize],
            }],
        };
        let size = prost::Message::encoded_len(&outcome);
        assert!(size < sweeper_proto::MAX_MESSAGE_BYTES - (64 << 10), "{size} bytes");
    }
}
