//! What an epoch of training leaves behind: its losses in two forms.

use serde::{Deserialize, Serialize};

/// Decay of the exponential average of batch losses, as in fastai.
const DECAY: f64 = 0.98;

/// Exponential average of batch losses, corrected for its beginning at 0: s ← 0.98 s + 0.02 ℓ, shown as
/// s / (1 − 0.98ᵏ) after k batches.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Smoothed {
    sum: f64,
    batches: u64,
}

impl Smoothed {
    /// Takes the next batch loss.
    pub fn push(&mut self, loss: f64) {
        self.sum = DECAY * self.sum + (1.0 - DECAY) * loss;
        self.batches += 1;
    }

    /// The average; none before the first batch.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        (self.batches > 0).then(|| self.sum / (1.0 - DECAY.powf(self.batches as f64)))
    }
}

/// Training losses of one epoch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EpochLoss {
    /// The smoothed loss at the epoch's end, earlier epochs included.
    pub running: f64,
    /// The mean over the samples of this epoch alone.
    pub mean: f64,
}

/// Batch losses of a training as they come. A checkpoint keeps it whole.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Losses {
    smoothed: Smoothed,
    /// Sum over the samples of the epoch under way.
    total: f64,
    samples: u64,
}

impl Losses {
    /// Takes the mean loss of the next batch and its number of samples.
    pub fn push(&mut self, loss: f64, samples: u64) {
        self.smoothed.push(loss);
        self.total += loss * samples as f64;
        self.samples += samples;
    }

    /// Closes the epoch: its mean begins anew, the smoothed loss goes on. None for an epoch without samples.
    pub fn end_epoch(&mut self) -> Option<EpochLoss> {
        let (total, samples) = (std::mem::take(&mut self.total), std::mem::take(&mut self.samples));
        let running = self.smoothed.value()?;
        (samples > 0).then(|| EpochLoss { running, mean: total / samples as f64 })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn an_epoch_without_samples_has_no_loss() {
        let mut losses = Losses::default();
        assert_eq!(losses.end_epoch(), None);
        losses.push(2.0, 3);
        let first = losses.end_epoch().unwrap();
        assert!((first.running - 2.0).abs() < 1e-15 && first.mean == 2.0);
        assert_eq!(losses.end_epoch(), None);
    }

    #[test]
    fn goes_on_from_its_serialized_form() {
        let mut losses = Losses::default();
        (1..7).for_each(|batch| losses.push(1.0 / f64::from(batch), 5));
        let text = serde_json::to_string(&losses).unwrap();
        let mut restored: Losses = serde_json::from_str(&text).unwrap();
        for each in [&mut losses, &mut restored] {
            each.push(0.1, 2);
        }
        assert_eq!(losses.end_epoch(), restored.end_epoch());
    }
}
