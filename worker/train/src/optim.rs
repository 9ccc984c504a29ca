//! How parameters move: AdamW with decoupled decay (the order of steps of fastai and PyTorch), all state float32.
//!
//! Step t of a parameter p with gradient g: p ← p (1 − lr·wd) for convolution and linear weights only;
//! m ← β₁ m + (1 − β₁) g; v ← β₂ v + (1 − β₂) g²; p ← p − lr / (1 − β₁ᵗ) · m / (√(v / (1 − β₂ᵗ)) + ε).

use sweeper_recipe::Optimizer as Settings;
use tch::{Kind, TchError, Tensor};

use crate::{
    model::Parameter,
    shim::{AdamwStep, fused_adamw},
};

/// Optimizer state of one model.
#[derive(Debug)]
pub struct AdamW {
    settings: Settings,
    /// With decay, and without.
    groups: [Group; 2],
    step: u64,
}

#[derive(Debug, Default)]
struct Group {
    parameters: Vec<Tensor>,
    means: Vec<Tensor>,
    squares: Vec<Tensor>,
}

impl AdamW {
    /// Fresh state for `parameters`.
    ///
    /// # Errors
    /// libtorch's own.
    pub fn new(settings: &Settings, parameters: &[Parameter]) -> Result<Self, TchError> {
        let mut groups = [Group::default(), Group::default()];
        for parameter in parameters {
            let group = &mut groups[usize::from(!parameter.decay)];
            let tensor = parameter.tensor.shallow_clone();
            // zeros_like keeps the strides, which the fused kernel relies on.
            group.means.push(tensor.f_detach()?.f_zeros_like()?);
            group.squares.push(tensor.f_detach()?.f_zeros_like()?);
            group.parameters.push(tensor);
        }
        Ok(Self { settings: settings.clone(), groups, step: 0 })
    }

    /// One step at learning rate `lr` with the gradients of `loss`.
    ///
    /// # Errors
    /// A parameter that `loss` does not depend on.
    pub fn minimize(&mut self, loss: &Tensor, lr: f64) -> Result<(), TchError> {
        for parameter in self.groups.iter_mut().flat_map(|group| &mut group.parameters) {
            let mut gradient = parameter.f_grad()?;
            if gradient.defined() {
                let _ = gradient.f_zero_()?;
            }
        }
        loss.f_backward()?;
        self.step += 1;
        let step = Tensor::f_from_slice(&[self.step as f32])?.f_squeeze()?;
        debug_assert_eq!(step.kind(), Kind::Float);
        for (group, weight_decay) in self.groups.iter().zip([self.settings.weight_decay, 0.0]) {
            let gradients = group.parameters.iter().map(Tensor::f_grad).collect::<Result<Vec<_>, _>>()?;
            let Settings { beta1, beta2, eps, .. } = self.settings;
            let numbers = AdamwStep { step: &step, lr, beta1, beta2, weight_decay, eps };
            fused_adamw(&group.parameters, &gradients, &group.means, &group.squares, &numbers)?;
        }
        Ok(())
    }
}
