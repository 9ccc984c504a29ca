//! What is minimised: [`Objective`], one value per batch with a gradient to the logits, and the same loss per row on the
//! host for evaluation.
//!
//! Map: `targets` the table behind cross-entropy and every smoothing · `base` the loss of each sample, class weights,
//! mixup, binary cross-entropy, reductions · `rectify` class rectification · `counts` what a loss knows of the data ·
//! `inspect` a batch in words · `error` what cannot be minimised.

mod base;
mod counts;
mod error;
mod inspect;
mod rectify;
mod targets;

use sweeper_recipe::{Loss, LossKind, Mining, Minority, Rectification};
use tch::{Device, Kind, TchError, Tensor};

pub use crate::augment::mixup::Mix;
pub use counts::ClassCounts;
pub use error::LossError;
pub use targets::{Targets, log_sum_exp, matched_eps};

use base::Base;

/// A batch as the loss sees it.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// Biased logits, n × C, float32.
    pub logits: &'a Tensor,
    /// Inputs of the last linear layer, n × f; only rectification by instance reads them, and demands them.
    pub features: Option<&'a Tensor>,
    /// The class of each sample, n, int64; with several labels per sample 0 or 1 for each, n × C, float32.
    pub labels: &'a Tensor,
    /// How the images were mixed, if they were.
    pub mix: Option<&'a Mix>,
}

/// What one sample is labelled, on the host.
#[derive(Debug, Clone, Copy)]
pub enum Truth<'a> {
    /// One class.
    Class(usize),
    /// Several labels: 0 or 1 for each.
    Labels(&'a [f32]),
}

/// The loss of one training.
#[derive(Debug)]
pub struct Objective {
    kind: LossKind,
    targets: Targets,
    base: Base,
    rectification: Rectification,
    /// Weight of rectification; none when it is off.
    alpha: Option<f64>,
}

impl Objective {
    /// The loss that `settings` ask for on data with these `counts`, its tables on `device`.
    ///
    /// # Errors
    /// Counts or class weights that do not fit each other, a split to match that is not there, α above 1, settings that
    /// exclude each other; see [`LossError`].
    pub fn new(settings: &Loss, counts: &ClassCounts<'_>, device: Device) -> Result<Self, LossError> {
        check_settings(settings)?;
        let rectification = settings.rectification.clone();
        let alpha = rectification.enabled.then(|| counts.alpha(&rectification)).transpose()?;
        let targets = base::targets(&settings.smoothing, counts)?;
        let base = Base::new(settings, &targets, device)?;
        Ok(Self { kind: settings.kind, targets, base, rectification, alpha })
    }

    /// The loss of a batch, a scalar: its samples' losses by the settings' reduction and, with class rectification,
    /// (1−α)·base + α·rectification, also where the batch has no triplet at all.
    ///
    /// # Errors
    /// Tensors of another shape or kind than [`Batch`] says; mixup together with several labels or rectification;
    /// rectification of a batch that needs more memory than it may have; libtorch's own.
    pub fn loss(&self, batch: &Batch<'_>) -> Result<Tensor, TchError> {
        self.check(batch)?;
        let base = self.base.reduced(batch)?;
        let Some(alpha) = self.alpha else { return Ok(base) };
        let rectification = rectify::value(self.kind, batch, &self.rectification)?;
        base.f_mul_scalar(1.0 - alpha)?.f_add(&rectification.f_mul_scalar(alpha)?)
    }

    /// The base loss of each sample, n, unreduced: class weights are in, rectification, which is a property of the
    /// batch, is not. With several labels, the mean over labels.
    ///
    /// # Errors
    /// As [`Objective::loss`].
    pub fn per_sample(&self, batch: &Batch<'_>) -> Result<Tensor, TchError> {
        self.check(batch)?;
        self.base.per_sample(batch)
    }

    /// The loss of one row of biased logits in float64, nats, for evaluation: the same ε and distribution as in
    /// training, but neither class weights nor rectification. With several labels, their mean.
    ///
    /// # Panics
    /// If the class is none of the table's.
    #[must_use]
    pub fn host_loss(&self, z: &[f64], truth: Truth<'_>) -> f64 {
        match truth {
            Truth::Class(class) => self.targets.loss(z, class),
            Truth::Labels(labels) => base::host_binary(z, labels),
        }
    }

    /// The table of targets; one-hot with several labels.
    #[must_use]
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// α = η·Ω, the weight of class rectification; none when it is off.
    #[must_use]
    pub fn alpha(&self) -> Option<f64> {
        self.alpha
    }

    /// A batch in words: per class the count, the samples and whether it is a minority, then the first three samples'
    /// targets and logits. Waits for the device: for the few batches that `loss.rectification.inspect` names.
    ///
    /// # Errors
    /// As [`Objective::loss`].
    pub fn inspect(&self, batch: &Batch<'_>) -> Result<String, TchError> {
        self.check(batch)?;
        inspect::text(self.kind, batch, &self.rectification)
    }

    fn check(&self, batch: &Batch<'_>) -> Result<(), TchError> {
        let classes = self.targets.classes() as i64;
        let rows = batch.logits.size().first().copied().unwrap_or(0);
        demand("logits", batch.logits, &[rows.max(1), classes], Kind::Float)?;
        match self.kind {
            LossKind::CrossEntropy => demand("labels", batch.labels, &[rows], Kind::Int64)?,
            LossKind::Bce => demand("labels", batch.labels, &[rows, classes], Kind::Float)?,
        }
        if let Some(mix) = batch.mix {
            if self.kind == LossKind::Bce || self.alpha.is_some() {
                let what = if self.kind == LossKind::Bce { "several labels per sample" } else { "class rectification" };
                return Err(TchError::Shape(format!("a mixed batch, but {what} needs samples that are not mixed")));
            }
            // λ of shape n × 1 would broadcast a B × B table of losses whose mean forgets which λ belongs to which.
            demand("mixup λ", &mix.lambda, &[rows], Kind::Float)?;
            demand("mixup partners", &mix.partner, &[rows], Kind::Int64)?;
        }
        Ok(())
    }
}

fn demand(what: &str, tensor: &Tensor, shape: &[i64], kind: Kind) -> Result<(), TchError> {
    if tensor.size() != shape {
        return Err(TchError::Shape(format!("{what} of shape {:?}, expected {shape:?}", tensor.size())));
    }
    match tensor.f_kind()? {
        found if found == kind => Ok(()),
        found => Err(TchError::Kind(format!("{what} are {found:?}, expected {kind:?}"))),
    }
}

fn check_settings(settings: &Loss) -> Result<(), LossError> {
    let conflict = |given, with, expected| Err(LossError::Conflict { given, with, expected });
    let (several, rectification) = (settings.kind == LossKind::Bce, &settings.rectification);
    if several && settings.smoothing.eps > 0.0 {
        return conflict(
            "loss.smoothing.eps above 0",
            "loss.kind = \"bce\"",
            "0: smoothing is for one class per sample",
        );
    }
    if several && !settings.class_weights.is_empty() {
        return conflict("loss.class_weights", "loss.kind = \"bce\"", "none: weights are for one class per sample");
    }
    if !settings.class_weights.is_empty() && settings.smoothing.kind != sweeper_recipe::SmoothingKind::Uniform {
        return conflict("loss.class_weights", "smoothing towards a prior", "one of them: they undo each other");
    }
    if rectification.enabled && several && rectification.mining == Mining::Instance {
        return conflict("loss.rectification.mining = \"instance\"", "loss.kind = \"bce\"", "\"class\"");
    }
    if rectification.enabled && !several && rectification.minority == Minority::PerLabel {
        let given = "loss.rectification.minority = \"per-label\"";
        return conflict(given, "loss.kind = \"cross-entropy\"", "\"batch\"");
    }
    Ok(())
}
