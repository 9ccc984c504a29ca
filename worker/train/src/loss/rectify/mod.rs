//! Class rectification (arXiv 1804.10851): hinges over triplets of a minority sample (the anchor), a hard sample of its
//! class and a hard sample of another class. The anchor's own probability should be like the former's and above the
//! latter's by a margin.
//!
//! Shapes are static, nothing waits for the device, and ties go by sample number, so equal input gives equal bits.
//!
//! Gradients. Given which triplets are active, the loss is linear in the probabilities (or distances) and its slopes
//! are counts. So triplets are counted on detached tensors, and what enters the graph is ⟨probabilities, slopes⟩ with
//! the slopes constant. The gradient is the one that differentiating every selected element would give; but selecting
//! inside the graph would mean the backward pass of an index (an atomic addition, or an error under deterministic
//! algorithms) or one-hot matrices of C·κ·n, and the triplets' memory would be held until the backward pass.
//!
//! Map: `minority` which classes, and their probabilities · `class` and `instance` where hard samples are looked for ·
//! `triplets` the hinges · `rank` sorted order and back.

mod class;
mod instance;
mod minority;
mod rank;
mod triplets;

use sweeper_recipe::{LossKind, Mining, Rectification};
use tch::{TchError, Tensor};

use super::Batch;
pub(super) use minority::Sides;

/// Numbers that one tensor of rectification may have: 2²⁵, a quarter of a gigabyte of float64. There are about ten.
const MOST_NUMBERS: i64 = 1 << 25;

/// Class rectification of a batch that was checked, a scalar; 0 where it has no triplet.
///
/// Memory grows as n·κ with one class per sample, C·n·κ with several labels, n² by instance; triplets are visited in
/// chunks. A batch for which one of these is above 2²⁵ is refused: by instance, one of more than 5,792 samples.
pub(super) fn value(kind: LossKind, batch: &Batch<'_>, settings: &Rectification) -> Result<Tensor, TchError> {
    let (samples, classes) = batch.logits.size2()?;
    let candidates = (i64::from(settings.kappa) + 1).min(samples);
    let (numbers, formula) = match (kind, settings.mining) {
        (LossKind::CrossEntropy, Mining::Instance) => (samples * samples, "n²"),
        (LossKind::CrossEntropy, Mining::Class) => (samples * candidates.max(classes), "n·max(κ + 1, C)"),
        (LossKind::Bce, _) => (samples * candidates * classes, "C·n·(κ + 1)"),
    };
    if numbers > MOST_NUMBERS {
        return Err(TchError::Shape(format!(
            "class rectification of {samples} samples and {classes} classes needs {formula} = {numbers} numbers at \
             once, at most {MOST_NUMBERS} are allowed; hint: lower batch_size or loss.rectification.kappa"
        )));
    }
    let sides = Sides::new(kind, batch, settings)?;
    match (kind, settings.mining) {
        (LossKind::CrossEntropy, Mining::Instance) => {
            let features = batch.features.ok_or_else(|| {
                TchError::Shape("no features, but rectification by instance compares them; expected n × f".to_owned())
            })?;
            instance::value(features, batch.labels, &sides, settings)
        }
        (LossKind::CrossEntropy, Mining::Class) => class::value(&sides, Some(batch.labels), settings),
        (LossKind::Bce, _) => class::value(&sides, None, settings),
    }
}

/// `value` with the gradient of ⟨variable, slopes⟩.
fn attach(value: &Tensor, variable: &Tensor, slopes: &Tensor) -> Result<Tensor, TchError> {
    let linear = variable.f_mul(slopes)?.f_sum(None)?;
    value.f_add(&linear.f_sub(&linear.f_detach()?)?)
}
