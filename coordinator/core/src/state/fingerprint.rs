//! When two outcomes count as one observation.

use crate::record::{Metric, Outcome, OutcomeKind, Prediction};
use alloc::vec::Vec;
use sha2::{Digest, Sha256};

/// What makes two outcomes of a trial equal: SHA-256 over how it ended, every metric bit for bit, and the digests of
/// the trained parameters and of the predictions; not over timings, `seconds/` among the metrics included, or the device. Metrics count as a set ordered by (name, epoch), and every
/// NaN as the same value, because a store need not keep the trainer's order or a NaN's payload.
#[must_use]
pub fn fingerprint(outcome: &Outcome) -> [u8; 32] {
    fn text(hash: &mut Sha256, text: &str) {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    let mut hash = Sha256::new();
    match &outcome.kind {
        OutcomeKind::Completed => hash.update([0]),
        OutcomeKind::Diverged { epoch, step, what } => {
            hash.update([1]);
            hash.update(epoch.to_le_bytes());
            hash.update(step.to_le_bytes());
            text(&mut hash, what);
        }
    }
    let mut metrics: Vec<&Metric> = outcome.metrics.iter().filter(|m| !m.is_timing()).collect();
    metrics.sort_by(|a, b| (&a.name, a.epoch, a.is_final).cmp(&(&b.name, b.epoch, b.is_final)));
    hash.update((metrics.len() as u64).to_le_bytes());
    for metric in metrics {
        text(&mut hash, &metric.name);
        hash.update(metric.epoch.to_le_bytes());
        let bits = if metric.value.is_nan() { 0x7ff8_0000_0000_0000 } else { metric.value.to_bits() };
        hash.update(bits.to_le_bytes());
        hash.update([u8::from(metric.is_final)]);
    }
    text(&mut hash, &outcome.provenance.parameter_digest);
    let mut predictions: Vec<&Prediction> = outcome.predictions.iter().collect();
    predictions.sort_by(|a, b| a.split.cmp(&b.split));
    for prediction in predictions {
        text(&mut hash, &prediction.split);
        hash.update(prediction.rows.to_le_bytes());
        text(&mut hash, &prediction.digest);
    }
    hash.finalize().into()
}
