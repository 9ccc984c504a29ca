//! A factor on the loss that keeps the small gradients of float16 above zero (Micikevicius et al. 2018, arXiv
//! 1710.03740), with PyTorch's rules of growth.

use serde::{Deserialize, Serialize};
use sweeper_recipe::LossScale;
use tch::{Kind, TchError, Tensor, no_grad};

/// What of a scaler a checkpoint keeps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ScalerState {
    /// The factor.
    pub scale: f64,
    /// Steps without overflow since the factor last changed.
    pub clean: u32,
    /// Steps skipped so far.
    pub skipped: u64,
}

/// The factor on the loss, and how it moves: halved when a gradient overflows, doubled after a number of clean steps.
#[derive(Debug, Clone, PartialEq)]
pub struct LossScaler {
    interval: u32,
    state: ScalerState,
}

/// The factor and its reciprocal stay float32 numbers, even where every gradient is zero or none is finite.
const SMALLEST: f64 = 1.0 / LARGEST;
const LARGEST: f64 = 1.3e36;

impl LossScaler {
    /// At its beginning.
    #[must_use]
    pub fn new(settings: &LossScale) -> Self {
        let state = ScalerState { scale: settings.initial, clean: 0, skipped: 0 };
        Self { interval: settings.interval, state }
    }

    /// `loss` (float32 scalar) times the factor: what gradients are taken of.
    ///
    /// # Errors
    /// libtorch's own.
    pub fn scale(&self, loss: &Tensor) -> Result<Tensor, TchError> {
        loss.f_mul_scalar(self.state.scale)
    }

    /// Divides `gradient` (float32, any shape, in place) by the factor, then moves the factor. Whether all of it is
    /// finite; if not, the step is to be skipped. Reads two numbers back, the one wait for the device in a step.
    ///
    /// # Errors
    /// A gradient that is not float32.
    pub fn unscale(&mut self, gradient: &Tensor) -> Result<bool, TchError> {
        if gradient.kind() != Kind::Float {
            return Err(TchError::Kind(format!("gradient of kind {:?}, expected Float", gradient.kind())));
        }
        let finite = no_grad(|| {
            let scaled = gradient.f_detach()?.f_mul_scalar_(1.0 / self.state.scale)?;
            // NaN wins in both.
            let (smallest, largest) = scaled.f_aminmax(None, false)?;
            let mut range = [0f32; 2];
            Tensor::f_stack(&[smallest, largest], 0)?.f_copy_data(&mut range, 2)?;
            Ok::<_, TchError>(range.iter().all(|value| value.is_finite()))
        })?;
        self.advance(finite);
        Ok(finite)
    }

    fn advance(&mut self, finite: bool) {
        let ScalerState { scale, clean, skipped } = &mut self.state;
        if !finite {
            (*scale, *clean, *skipped) = ((*scale * 0.5).max(SMALLEST), 0, *skipped + 1);
            return;
        }
        *clean += 1;
        if *clean >= self.interval {
            (*scale, *clean) = ((*scale * 2.0).min(LARGEST), 0);
        }
    }

    /// Factor, clean steps and skipped steps now.
    #[must_use]
    pub fn state(&self) -> ScalerState {
        self.state
    }

    /// Goes on from an earlier [`LossScaler::state`].
    pub fn load_state(&mut self, state: ScalerState) {
        self.state = state;
    }
}
