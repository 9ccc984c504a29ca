//! How parameters move: every optimizer on one flat float32 buffer, in place, a handful of kernels per step whatever
//! the number of parameters, and no number read back to the host.
//!
//! One step with gradient g, learning rate η and step number t (from 1), in this order (fastai's):
//!
//! 1. decay, on the front of the buffer: p ← p (1 − η·wd), or g ← g + wd·p with `l2`;
//! 2. moments: m ← β₁ m + (1 − β₁) g; v ← β₂ v + (1 − β₂) g²; a ← μ a + g;
//! 3. movement:
//!    - `sgd`: p ← p − η a, or η g without momentum;
//!    - `rmsprop`: p ← p − η a / (√v + ε), or g in place of a;
//!    - `adamw`: p ← p − η / (1 − β₁ᵗ) · m / (√(v / (1 − β₂ᵗ)) + ε);
//!    - `radam` (Liu et al. 2020, arXiv 1908.03265): with r∞ = 2 / (1 − β₂) − 1 and r = r∞ − 2tβ₂ᵗ / (1 − β₂ᵗ), where
//!      r > 5 as `adamw` times √((r−4)(r−2)r∞ / ((r∞−4)(r∞−2)r)), else p ← p − η / (1 − β₁ᵗ) · m. The denominator d may
//!      become softplus(d), of a given sharpness (Tong et al. 2019, arXiv 1908.00700);
//! 4. lookahead (Zhang et al. 2019, arXiv 1907.08610), after every k-th step: s ← s + α (p − s); p ← s.
//!
//! Map: `state` of a checkpoint · `scaler` of the loss in float16.

mod scaler;
mod state;

use sweeper_recipe::{Decay, DecayOn, EpsMode, Optimizer as Settings, OptimizerKind};
use tch::{Kind, TchError, Tensor, no_grad};

pub use scaler::{LossScaler, ScalerState};
pub use state::StateError;

/// What a schedule says about one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Learning rate.
    pub lr: f64,
    /// In place of `beta1` (`adamw`, `radam`, `ranger`) or `momentum` (`sgd`, `rmsprop`; without effect where that is
    /// 0, as then there is nothing to move).
    pub momentum: Option<f64>,
}

/// An optimizer with its state. All its tensors have the length and the device of the parameters.
#[derive(Debug)]
pub struct Optimizer {
    settings: Settings,
    /// k; 0 for none.
    lookahead: u64,
    values: Tensor,
    /// The front of `values`, where decay does something.
    decaying: Option<Tensor>,
    /// Mean gradient, m.
    mean: Option<Tensor>,
    /// Mean squared gradient, v.
    square: Option<Tensor>,
    /// Sum of gradients, a.
    momentum: Option<Tensor>,
    /// The slow copy of lookahead, s.
    slow: Option<Tensor>,
    /// The gradient with `l2` decay.
    decayed_gradient: Option<Tensor>,
    /// What lives no longer than a step.
    scratch: Tensor,
    /// A number on the device, of no longer life: with it, a scaled sum is one kernel.
    factor: Tensor,
    /// Steps made, t.
    steps: u64,
}

impl Optimizer {
    /// Fresh state for `values`: all parameters in one float32 buffer, which every step changes in place. The first
    /// `decayed` of them decay, and with `decay_on = "all"` all of them. Lookahead's slow copy is taken here.
    ///
    /// # Errors
    /// Values that are not one float32 dimension, or more decayed numbers than there are.
    pub fn new(settings: &Settings, values: &Tensor, decayed: i64) -> Result<Self, TchError> {
        let (size, kind) = (values.size(), values.kind());
        let [count] = size[..] else {
            return Err(TchError::Shape(format!("parameters of shape {size:?}, expected one dimension")));
        };
        if kind != Kind::Float || !(0..=count).contains(&decayed) {
            let expected = "expected Float and no more decayed numbers than parameters";
            return Err(TchError::Shape(format!("{count} parameters of kind {kind:?}, {decayed} decayed; {expected}")));
        }
        let values = values.f_detach()?;
        let decayed = if settings.decay_on == DecayOn::All { count } else { decayed };
        let decays = decayed > 0 && settings.weight_decay > 0.0;
        let zeros = |wanted: bool| wanted.then(|| values.f_zeros_like()).transpose();
        let kind = settings.kind;
        let adam = matches!(kind, OptimizerKind::Adamw | OptimizerKind::Radam | OptimizerKind::Ranger);
        let lookahead = match (kind, settings.lookahead.every) {
            (OptimizerKind::Ranger, 0) => 6,
            (_, every) => u64::from(every),
        };
        Ok(Self {
            decaying: decays.then(|| values.f_narrow(0, 0, decayed)).transpose()?,
            mean: zeros(adam)?,
            square: zeros(kind != OptimizerKind::Sgd)?,
            momentum: zeros(!adam && settings.momentum > 0.0)?,
            slow: (lookahead > 0).then(|| values.f_detach_copy()).transpose()?,
            decayed_gradient: zeros(decays && settings.decay == Decay::L2)?,
            scratch: values.f_zeros_like()?,
            factor: Tensor::f_zeros([0i64; 0], (Kind::Float, values.device()))?,
            settings: settings.clone(),
            lookahead,
            values,
            steps: 0,
        })
    }

    /// Steps made. A step that is skipped is simply not made: neither t nor lookahead's count advances.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// One step. `gradient`: float32, as long as the parameters; it is only read.
    ///
    /// # Errors
    /// A gradient of another shape or kind.
    pub fn step(&mut self, gradient: &Tensor, rate: &Rate) -> Result<(), TchError> {
        if gradient.size() != self.values.size() || gradient.kind() != Kind::Float {
            let found = format!("gradient of shape {:?} and kind {:?}", gradient.size(), gradient.kind());
            return Err(TchError::Shape(format!("{found}, expected Float of shape {:?}", self.values.size())));
        }
        no_grad(|| {
            let gradient = self.decay(gradient, rate.lr)?;
            self.steps += 1;
            match self.settings.kind {
                OptimizerKind::Sgd => {
                    let direction = self.accumulate(&gradient, rate)?;
                    self.walk(&direction, rate.lr)?;
                }
                OptimizerKind::Rmsprop => {
                    let direction = self.accumulate(&gradient, rate)?;
                    self.average_square(&gradient)?;
                    self.walk_scaled(&direction, Denominator { root: 1.0, softplus: 0.0, step: rate.lr })?;
                }
                OptimizerKind::Adamw | OptimizerKind::Radam | OptimizerKind::Ranger => self.adam(&gradient, rate)?,
            }
            self.look_ahead()
        })
    }

    /// Decay, and the gradient that goes on: `gradient` itself, or with `l2` a changed copy.
    fn decay(&mut self, gradient: &Tensor, lr: f64) -> Result<Tensor, TchError> {
        let Some(decaying) = &mut self.decaying else { return Ok(gradient.shallow_clone()) };
        let Some(changed) = &mut self.decayed_gradient else {
            let _ = decaying.f_mul_scalar_(1.0 - lr * self.settings.weight_decay)?;
            return Ok(gradient.shallow_clone());
        };
        let front = decaying.size1()?;
        let added = self.scratch.f_narrow(0, 0, front)?;
        let _ = decaying.f_mul_scalar_out(&added, self.settings.weight_decay)?;
        changed.f_copy_(gradient)?;
        let _ = changed.f_narrow(0, 0, front)?.f_add_(&added)?;
        Ok(changed.shallow_clone())
    }

    /// a ← μ a + g, which is the direction; without momentum, g is.
    fn accumulate(&mut self, gradient: &Tensor, rate: &Rate) -> Result<Tensor, TchError> {
        let Some(sum) = &mut self.momentum else { return Ok(gradient.shallow_clone()) };
        let _ = sum.f_mul_scalar_(rate.momentum.unwrap_or(self.settings.momentum))?;
        sum.f_add_(gradient)
    }

    /// v ← β₂ v + (1 − β₂) g².
    fn average_square(&mut self, gradient: &Tensor) -> Result<(), TchError> {
        if let Some(square) = &mut self.square {
            let _ = gradient.f_square_out(&self.scratch)?;
            let _ = square.f_lerp_(&self.scratch, 1.0 - self.settings.beta2)?;
        }
        Ok(())
    }

    fn adam(&mut self, gradient: &Tensor, rate: &Rate) -> Result<(), TchError> {
        let Settings { beta1, beta2, kind, eps_mode, softplus, .. } = self.settings;
        let beta1 = rate.momentum.unwrap_or(beta1);
        let Some(mean) = &mut self.mean else { return Ok(()) };
        let mean = mean.f_lerp_(gradient, 1.0 - beta1)?;
        self.average_square(gradient)?;

        let t = self.steps as f64;
        let step = rate.lr / (1.0 - beta1.powf(t));
        let corrected = 1.0 / (1.0 - beta2.powf(t)).sqrt();
        if kind == OptimizerKind::Adamw {
            return self.walk_scaled(&mean, Denominator { root: corrected, softplus: 0.0, step });
        }
        match (rectification(beta2, t), eps_mode) {
            (None, _) => self.walk(&mean, step),
            (Some(factor), EpsMode::Corrected) => {
                self.walk_scaled(&mean, Denominator { root: corrected, softplus, step: step * factor })
            }
            (Some(factor), EpsMode::Raw) => {
                self.walk_scaled(&mean, Denominator { root: 1.0, softplus, step: step * factor / corrected })
            }
        }
    }

    /// p ← p − `step` · `direction`.
    fn walk(&mut self, direction: &Tensor, step: f64) -> Result<(), TchError> {
        let _ = self.factor.f_fill_(-step)?;
        self.values.f_addcmul_(direction, &self.factor).map(drop)
    }

    /// p ← p − step · `direction` / (root·√v + ε). The step divides the denominator, which needs no kernel of its own.
    fn walk_scaled(&mut self, direction: &Tensor, by: Denominator) -> Result<(), TchError> {
        let Some(square) = &self.square else { return Ok(()) };
        // A smaller step moves no float32, and its reciprocal might leave their range.
        if by.step < 1e-30 {
            return Ok(());
        }
        let scale = -1.0 / by.step;
        let _ = square.f_sqrt_out(&self.scratch)?;
        if by.softplus > 0.0 {
            let _ = self.scratch.f_mul_scalar_(by.root * by.softplus)?;
            let _ = self.scratch.f_add_scalar_(self.settings.eps * by.softplus)?;
            let _ = self.scratch.f_softplus_out(&self.scratch)?;
            let _ = self.scratch.f_mul_scalar_(scale / by.softplus)?;
        } else {
            let _ = self.scratch.f_mul_scalar_(by.root * scale)?;
            let _ = self.scratch.f_add_scalar_(self.settings.eps * scale)?;
        }
        self.values.f_addcdiv_(direction, &self.scratch).map(drop)
    }

    fn look_ahead(&mut self) -> Result<(), TchError> {
        match &mut self.slow {
            Some(slow) if self.steps.is_multiple_of(self.lookahead) => {
                let _ = slow.f_lerp_(&self.values, self.settings.lookahead.alpha)?;
                self.values.f_copy_(slow)
            }
            _ => Ok(()),
        }
    }
}

/// How a step is divided: `step` · direction / softplus(`root` · √v + ε).
struct Denominator {
    root: f64,
    /// Sharpness; 0 for no softplus.
    softplus: f64,
    step: f64,
}

/// RAdam's factor at step t, or none while the variance of the mean square cannot be told.
fn rectification(beta2: f64, t: f64) -> Option<f64> {
    let limit = 2.0 / (1.0 - beta2) - 1.0;
    let power = beta2.powf(t);
    let r = limit - 2.0 * t * power / (1.0 - power);
    (r > 5.0).then(|| ((r - 4.0) * (r - 2.0) * limit / ((limit - 4.0) * (limit - 2.0) * r)).sqrt())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn rectification_begins_at_step_six() {
        for beta2 in [0.99, 0.999] {
            assert!(rectification(beta2, 5.0).is_none() && rectification(beta2, 6.0).is_some(), "{beta2}");
        }
        for (t, expected) in [(6.0, 0.082), (20.0, 0.27), (100.0, 0.63), (365.0, 0.95)] {
            assert!((rectification(0.99, t).unwrap() - expected).abs() < 0.006, "{t}");
        }
        // Averages too short for a variance never are rectified.
        assert!((1..10_000).all(|t| rectification(0.6, f64::from(t)).is_none()));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let values = Tensor::zeros([4], (Kind::Float, tch::Device::Cpu));
        let settings = Settings::default();
        assert!(Optimizer::new(&settings, &values.view([2, 2]), 0).is_err());
        assert!(Optimizer::new(&settings, &values.to_kind(Kind::Half), 0).is_err());
        assert!(Optimizer::new(&settings, &values, 5).is_err());
        let mut optimizer = Optimizer::new(&settings, &values, 4).unwrap();
        let rate = Rate { lr: 0.1, momentum: None };
        // Both would broadcast or convert.
        assert!(optimizer.step(&values.get(0), &rate).is_err());
        assert!(optimizer.step(&values.to_kind(Kind::Double), &rate).is_err());
        assert_eq!(optimizer.steps(), 0);
    }
}
