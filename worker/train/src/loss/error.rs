//! Why an objective cannot be what the settings ask for.

use sweeper_recipe::SmoothingTarget;
use tch::TchError;

use crate::error::Error;

/// Why an objective cannot be made. The texts say what was given, what was expected and what to do.
#[derive(Debug, thiserror::Error)]
pub enum LossError {
    /// A list with one number per class has another length.
    #[error("{what} has {given} numbers, but the data have {classes} classes; hint: give one number per class")]
    Length {
        /// The list.
        what: &'static str,
        /// Its length.
        given: usize,
        /// What it should be.
        classes: usize,
    },
    /// A number is outside its range.
    #[error("{what} of class {class} is {given}, expected {expected}")]
    Number {
        /// Of what.
        what: &'static str,
        /// Position in the list.
        class: usize,
        /// The number.
        given: f64,
        /// Its range.
        expected: &'static str,
    },
    /// The numbers that a distribution is made of are all 0.
    #[error("{what} of all {classes} classes are 0, expected one above 0; hint: the split they come from is empty")]
    Nothing {
        /// Of what.
        what: &'static str,
        /// How many there are.
        classes: usize,
    },
    /// A label occurs more often than there are rows.
    #[error("class {class} has {count} training samples, but there are {rows} rows; expected at most one per row")]
    MoreThanRows {
        /// The class.
        class: usize,
        /// Its samples.
        count: u64,
        /// All rows.
        rows: u64,
    },
    /// `val-matched` without a target, or with one that these data do not have.
    #[error(
        "loss.smoothing.target is {given}, but these data have {expected}; hint: name one of these as the split that \
         `val-matched` smoothing aims at, or set data.unbalance.enabled"
    )]
    Target {
        /// The setting.
        given: &'static str,
        /// The splits that there are.
        expected: &'static str,
    },
    /// Rectification would count more than everything.
    #[error(
        "class rectification has weight α = η·Ω = {eta}·{omega} = {alpha}, expected 0 to 1; hint: lower \
         loss.rectification.eta or choose another loss.rectification.omega"
    )]
    Alpha {
        /// η.
        eta: f64,
        /// Ω.
        omega: f64,
        /// Their product.
        alpha: f64,
    },
    /// Two settings exclude each other.
    #[error("{given} does not go together with {with}; expected {expected}")]
    Conflict {
        /// One setting.
        given: &'static str,
        /// The other.
        with: &'static str,
        /// What is possible.
        expected: &'static str,
    },
    /// libtorch said no.
    #[error("libtorch: {0}")]
    Torch(#[from] TchError),
}

impl From<LossError> for Error {
    fn from(error: LossError) -> Self {
        match error {
            LossError::Torch(error) => Self::Torch(error),
            other => Self::Setting(other.to_string()),
        }
    }
}

/// The target as the recipe spells it.
pub(super) fn target_name(target: SmoothingTarget) -> &'static str {
    match target {
        SmoothingTarget::Balanced => "balanced",
        SmoothingTarget::Unbalanced => "unbalanced",
        SmoothingTarget::Perverse => "perverse",
    }
}
