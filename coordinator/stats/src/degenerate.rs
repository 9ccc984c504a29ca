//! Why a statistic has no value.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a statistic has no value. Every fallible function of this crate answers with one of these.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[serde(tag = "reason", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Degenerate {
    /// A sample is smaller than the statistic needs.
    #[error("{n} values where at least {needed} are needed")]
    TooFew {
        /// Values there are.
        n: usize,
        /// Values there must be.
        needed: usize,
    },
    /// Nothing varies, so no error can be estimated.
    #[error("no variance: every value is {value}")]
    ZeroVariance {
        /// The common value of one sample; for two samples the difference that every pair, or both constant
        /// samples, share.
        value: f64,
    },
    /// A value is NaN or infinite.
    #[error("value {index} is not a finite number")]
    NotFinite {
        /// Index of the first such value in its sample.
        index: usize,
    },
    /// Paired samples have different lengths.
    #[error("paired samples of different length: {a} and {b}")]
    LengthMismatch {
        /// Length of the first sample.
        a: usize,
        /// Length of the second sample.
        b: usize,
    },
    /// A parameter is outside of its range, or the result is outside of the range of `f64`.
    #[error("{what}")]
    Domain {
        /// Which one, and the range it must lie in.
        what: String,
    },
}

impl Degenerate {
    pub(crate) fn domain(what: impl Into<String>) -> Self {
        Self::Domain { what: what.into() }
    }
}

/// `Ok` when every value is finite and there are at least `needed` of them.
pub(crate) fn check_sample(x: &[f64], needed: usize) -> Result<(), Degenerate> {
    if let Some(index) = x.iter().position(|v| !v.is_finite()) {
        return Err(Degenerate::NotFinite { index });
    }
    if x.len() < needed {
        return Err(Degenerate::TooFew { n: x.len(), needed });
    }
    Ok(())
}

/// [`check_sample`] of two samples of equal length.
pub(crate) fn check_pairs(a: &[f64], b: &[f64], needed: usize) -> Result<(), Degenerate> {
    if a.len() != b.len() {
        return Err(Degenerate::LengthMismatch { a: a.len(), b: b.len() });
    }
    check_sample(a, needed)?;
    check_sample(b, needed)
}

/// `Ok` when `value` lies strictly between 0 and 1.
pub(crate) fn check_fraction(name: &str, value: f64) -> Result<(), Degenerate> {
    if value > 0.0 && value < 1.0 {
        Ok(())
    } else {
        Err(Degenerate::domain(format!("{name} is {value}, it must lie strictly between 0 and 1")))
    }
}

/// `value` when it is finite, else the typed refusal that names it.
pub(crate) fn finite(name: &str, value: f64) -> Result<f64, Degenerate> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(Degenerate::domain(format!("{name} is beyond the range of a double")))
    }
}
