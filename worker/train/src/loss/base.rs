//! The loss of each sample and its reductions.
//!
//! Cross-entropy is −⟨T\[t\], log p⟩ with T the table of `targets`. It equals LSE(z) − ⟨T\[t\], z⟩, and log-softmax keeps
//! the digits of a small loss that the difference of two large numbers would lose. Rows of T are selected without
//! gradient, so nothing in the backward pass gathers, scatters or adds atomically.
//!
//! Class weights w scale the part that looks at the label: (1−ε)·w_t·(−log p_t) + (ε/C)·Σ −log p, fastai's definition.
//! (PyTorch's own `cross_entropy` weights the smoothed part too.) The mean divides the first part by Σ w_t and the
//! second by n; mixed batches, as in fastai, take the plain mean of λ ℓ(t₁) + (1−λ) ℓ(t₂).

use sweeper_recipe::{Loss, LossKind, Reduction, Smoothing, SmoothingKind};
use tch::{Device, Kind, TchError, Tensor};

use super::{Batch, ClassCounts, LossError, Targets, matched_eps};

/// The table of targets that the settings ask for.
pub(super) fn targets(smoothing: &Smoothing, counts: &ClassCounts<'_>) -> Result<Targets, LossError> {
    let classes = counts.train.len();
    let even = vec![smoothing.eps; classes];
    match smoothing.kind {
        SmoothingKind::Uniform => Targets::of_each(&vec![1.0; classes], &even),
        SmoothingKind::TrainPrior => Targets::of_each(&counts.shares()?, &even),
        SmoothingKind::ValMatched => {
            let train = counts.shares()?;
            let eps = matched_eps(&train, counts.proportions(smoothing.target)?, smoothing.eps);
            Targets::of_each(&train, &eps)
        }
    }
}

/// Mean binary cross-entropy of one row, nats, float64: log (1 + e^z) − y·z.
pub(super) fn host_binary(z: &[f64], labels: &[f32]) -> f64 {
    let of_label = |(z, label): (&f64, &f32)| z.max(0.0) + (-z.abs()).exp().ln_1p() - f64::from(*label) * z;
    z.iter().zip(labels).map(of_label).sum::<f64>() / z.len() as f64
}

/// The base loss with its tables on the device.
#[derive(Debug)]
pub(super) struct Base {
    kind: LossKind,
    reduction: Reduction,
    /// T, C × C.
    table: Tensor,
    weights: Option<Weights>,
}

#[derive(Debug)]
struct Weights {
    /// w, C.
    weight: Tensor,
    /// diag((1−ε)·w), C × C.
    hard: Tensor,
    /// What every row has besides: ε/C.
    soft: f64,
}

impl Base {
    pub(super) fn new(settings: &Loss, targets: &Targets, device: Device) -> Result<Self, LossError> {
        let table = targets.tensor_on(device)?;
        let weights = match settings.class_weights.as_slice() {
            [] => None,
            weights => Some(Weights::new(weights, settings.smoothing.eps, targets.classes(), device)?),
        };
        Ok(Self { kind: settings.kind, reduction: settings.reduction, table, weights })
    }

    /// The base loss of a batch that was checked, by the settings' reduction; with several labels that is over labels
    /// and samples, PyTorch's definition.
    pub(super) fn reduced(&self, batch: &Batch<'_>) -> Result<Tensor, TchError> {
        if self.kind == LossKind::Bce {
            let reduction = match self.reduction {
                Reduction::Mean => tch::Reduction::Mean,
                Reduction::Sum => tch::Reduction::Sum,
            };
            return binary(batch, reduction);
        }
        match (self.reduction, &self.weights, batch.mix) {
            (Reduction::Mean, Some(weights), None) => {
                let rows = weights.mean_rows(batch.labels)?;
                cross_entropy(batch.logits, &rows)?.f_mean(None)
            }
            (Reduction::Mean, ..) => self.per_sample(batch)?.f_mean(None),
            (Reduction::Sum, ..) => self.per_sample(batch)?.f_sum(None),
        }
    }

    /// The base loss of each sample of a batch that was checked.
    pub(super) fn per_sample(&self, batch: &Batch<'_>) -> Result<Tensor, TchError> {
        if self.kind == LossKind::Bce {
            return binary(batch, tch::Reduction::None)?.f_mean_dim([1i64].as_slice(), false, None);
        }
        let rows = self.rows(batch.labels)?;
        let Some(mix) = batch.mix else { return cross_entropy(batch.logits, &rows) };
        let partners = self.rows(&batch.labels.f_index_select(0, &mix.partner)?)?;
        let lambda = mix.lambda.f_unsqueeze(1)?;
        let rest = lambda.f_neg()?.f_add_scalar(1.0)?;
        cross_entropy(batch.logits, &rows.f_mul(&lambda)?.f_add(&partners.f_mul(&rest)?)?)
    }

    /// What each sample's −log p is multiplied with, n × C.
    fn rows(&self, labels: &Tensor) -> Result<Tensor, TchError> {
        match &self.weights {
            None => self.table.f_index_select(0, labels),
            Some(weights) => weights.hard.f_index_select(0, labels)?.f_add_scalar(weights.soft),
        }
    }
}

impl Weights {
    fn new(weights: &[f64], eps: f64, classes: usize, device: Device) -> Result<Self, LossError> {
        if weights.len() != classes {
            return Err(LossError::Length { what: "loss.class_weights", given: weights.len(), classes });
        }
        if let Some(class) = weights.iter().position(|weight| !(*weight > 0.0 && weight.is_finite())) {
            let (what, given) = ("loss.class_weights", weights[class]);
            return Err(LossError::Number { what, class, given, expected: "a number above 0" });
        }
        let on_device = |numbers: &[f64]| Tensor::f_from_slice(numbers)?.f_to_kind(Kind::Float)?.f_to_device(device);
        let scaled: Vec<f64> = weights.iter().map(|weight| (1.0 - eps) * weight).collect();
        let hard = on_device(&scaled)?.f_diag_embed(0, 0, 1)?;
        Ok(Self { weight: on_device(weights)?, hard, soft: eps / classes as f64 })
    }

    /// Rows whose plain mean of losses is the weighted mean: the weighted part times n / Σ w_t.
    fn mean_rows(&self, labels: &Tensor) -> Result<Tensor, TchError> {
        let total = self.weight.f_index_select(0, labels)?.f_sum(None)?;
        let scale = total.f_reciprocal()?.f_mul_scalar(labels.size1()? as f64)?;
        self.hard.f_index_select(0, labels)?.f_mul(&scale)?.f_add_scalar(self.soft)
    }
}

/// −⟨row, log softmax z⟩ of each sample.
fn cross_entropy(logits: &Tensor, rows: &Tensor) -> Result<Tensor, TchError> {
    logits.f_log_softmax(1, None)?.f_mul(rows)?.f_sum_dim_intlist([1i64].as_slice(), false, None)?.f_neg()
}

fn binary(batch: &Batch<'_>, reduction: tch::Reduction) -> Result<Tensor, TchError> {
    batch.logits.f_binary_cross_entropy_with_logits::<Tensor>(batch.labels, None, None, reduction)
}
