//! How parameters move, and how the learning rate does.

use serde::{Deserialize, Serialize};

/// How parameters move. Decay comes first in every step, and is decoupled from the gradient unless `decay` says else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Optimizer {
    /// Which.
    pub kind: OptimizerKind,
    /// Peak learning rate, above 0, at most 100.
    pub lr: f64,
    /// Decay of the mean gradient (`adamw`, `radam`, `ranger`), 0 up to but not 1.
    pub beta1: f64,
    /// Decay of the mean squared gradient (all but `sgd`), 0 up to but not 1.
    pub beta2: f64,
    /// Momentum of `sgd` and `rmsprop`, 0 up to but not 1.
    pub momentum: f64,
    /// Added to the root of the squared gradient, above 0, at most 1.
    pub eps: f64,
    /// `radam` and `ranger`: whether eps is added to the root of the corrected or of the raw squared gradient.
    pub eps_mode: EpsMode,
    /// `radam` and `ranger`: sharpness of a softplus around the denominator; 0 for none. 0 to 1,000.
    pub softplus: f64,
    /// Decay of parameters, 0 to 1.
    pub weight_decay: f64,
    /// How decay acts.
    pub decay: Decay,
    /// Which parameters decay.
    pub decay_on: DecayOn,
    /// A slow copy that follows.
    pub lookahead: Lookahead,
    /// `fp16` only: the factor on the loss that keeps small gradients above zero.
    pub loss_scale: LossScale,
}

/// An optimizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptimizerKind {
    /// Adam with decoupled decay; with `decay = "l2"`, plain Adam.
    #[default]
    Adamw,
    /// Stochastic gradient descent.
    Sgd,
    /// Divided by the root of the mean squared gradient, without bias correction.
    Rmsprop,
    /// Rectified Adam.
    Radam,
    /// Lookahead around `radam`.
    Ranger,
}

/// What eps is added to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EpsMode {
    /// √(v / (1 − β₂ᵗ)) + eps (studies A to D).
    #[default]
    Corrected,
    /// √v + eps, with √(1 − β₂ᵗ) in the step's size (study E).
    Raw,
}

/// How decay acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decay {
    /// p ← p (1 − lr·wd) before the step.
    #[default]
    Decoupled,
    /// wd·p is added to the gradient.
    L2,
}

/// Which parameters decay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecayOn {
    /// Convolution and linear weights, and self-attention's γ; never biases and norm parameters.
    #[default]
    Weights,
    /// Everything (study C).
    All,
}

/// Every k-th step the slow copy moves by α towards the parameters, and they become it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lookahead {
    /// k; 0 for none, or 6 with `ranger`. 0 to 1,000.
    pub every: u32,
    /// α, above 0, at most 1.
    pub alpha: f64,
}

impl Default for Lookahead {
    fn default() -> Self {
        Self { every: 0, alpha: 0.5 }
    }
}

/// Starts at `initial`; halves when a gradient overflows, which skips the step; doubles after `interval` clean steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LossScale {
    /// At the first step, 1 to 2^40.
    pub initial: f64,
    /// Clean steps before it doubles, 1 to 1,000,000.
    pub interval: u32,
}

impl Default for LossScale {
    fn default() -> Self {
        Self { initial: 65_536.0, interval: 2_000 }
    }
}

impl Default for Optimizer {
    fn default() -> Self {
        Self {
            kind: OptimizerKind::Adamw,
            lr: 3e-3,
            beta1: 0.9,
            beta2: 0.99,
            momentum: 0.0,
            eps: 1e-6,
            eps_mode: EpsMode::Corrected,
            softplus: 0.0,
            weight_decay: 0.01,
            decay: Decay::Decoupled,
            decay_on: DecayOn::Weights,
            lookahead: Lookahead::default(),
            loss_scale: LossScale::default(),
        }
    }
}

/// How the learning rate moves, over optimizer steps.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// Which.
    pub kind: ScheduleKind,
    /// The share of steps before the rate falls, 0 to 1. Left out, the schedule's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pct_start: Option<f64>,
}

/// A schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScheduleKind {
    /// Flat, then from 0.75 a cosine from lr to lr/100,000.
    #[default]
    FlatCosine,
    /// Flat up to and with batch ⌈0.72·N⌉, then a cosine to 0 counted in batches (study E).
    FlatCosineV1,
    /// Up from lr/25 until 0.25, down to lr/100,000, momentum against it between 0.95 and 0.85.
    OneCycle,
    /// The same with 0.3 and lr/250,000, counted in batches (study C).
    OneCycleV1,
    /// Flat.
    Constant,
    /// No training but a search: 100 steps of growing rate, and a suggestion as the metric `lr/suggested`.
    Finder,
}

impl Schedule {
    /// `pct_start`, or the schedule's own.
    #[must_use]
    pub fn start(&self) -> f64 {
        self.pct_start.unwrap_or(match self.kind {
            ScheduleKind::FlatCosine | ScheduleKind::Constant | ScheduleKind::Finder => 0.75,
            ScheduleKind::FlatCosineV1 => 0.72,
            ScheduleKind::OneCycle => 0.25,
            ScheduleKind::OneCycleV1 => 0.3,
        })
    }
}

/// Number format of the forward and backward pass. Parameters, optimizer state, norm statistics and the loss are
/// always float32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// 32 bits.
    #[default]
    Fp32,
    /// 16 bits with the exponent of 32; no loss scaling.
    Bf16,
    /// 16 bits with loss scaling.
    Fp16,
}
