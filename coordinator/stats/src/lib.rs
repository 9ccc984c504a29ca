//! Statistics on slices of `f64`: summaries, intervals, tests, effect sizes, multiplicity, power.
//!
//! Everything is pure: no randomness, no clock, no input or output. The same input gives the same bits.
//!
//! | Module | Holds |
//! |---|---|
//! | [`degenerate`] | [`Degenerate`]: why a statistic has no value |
//! | [`summary`](mod@summary) | [`Summary`], [`Interval`], t interval of a mean, quantiles |
//! | [`compare`] | [`TTest`]: paired t and Welch's t of a difference of means |
//! | [`effect`] | [`EffectSize`]: Hedges' g and its relatives with noncentral-t intervals |
//! | [`correlation`](mod@correlation) | Pearson's correlation |
//! | [`multiplicity`] | Holm's adjustment |
//! | [`power`] | smallest p a design can reach, smallest effect it can detect |
//! | [`distributions`] | incomplete beta, Student's t, normal and noncentral t, accurate into the tails |
//!
//! Three rules hold everywhere.
//! 1. A statistic without a value is an `Err(Degenerate)`; no function answers NaN or an infinity.
//! 2. Moments are taken of deviations from the first value, scaled by a power of two and summed with
//!    compensation, so an offset of 1e9 or a scale of 1e152 costs no digits.
//! 3. Tails are computed as tails, never as one minus the other side; beyond the range of `f64` the base-10
//!    logarithm of p still holds.

pub mod compare;
pub mod correlation;
pub mod degenerate;
pub mod distributions;
pub mod effect;
mod moments;
pub mod multiplicity;
pub mod power;
pub mod summary;

pub use compare::{TTest, paired_t, welch_t};
pub use correlation::correlation;
pub use degenerate::Degenerate;
pub use effect::{EffectKind, EffectSize, hedges_g, hedges_g_av, hedges_g_paired};
pub use multiplicity::{holm, holm_log10};
pub use summary::{Interval, Summary, iqr, mean_interval, quantile, summary};
