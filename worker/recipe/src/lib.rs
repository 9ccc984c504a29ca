//! What one training is: typed, range-checked settings and nothing else.
//!
//! Map: `types` the settings and their defaults · `value` untyped trees with places · `de` tree to settings, with
//! `error`s that name key path, expectation and nearest valid name · `check` ranges · `combine` lists and combinations · `canonical`
//! canonical bytes and digests · `metrics` names of what is measured · `trial` what one training is given and gives back.

mod canonical;
mod check;
mod combine;
mod de;
mod error;
mod metrics;
#[cfg(test)]
mod tests;
pub mod trial;
mod types;
mod value;

pub use error::{RecipeError, nearest};
pub use metrics::{MOST_NUMBERS, smoothed_accuracy};
pub use types::*;
pub use value::Value;

/// Version of the numerics: equal recipe, seed, data and version promise equal bits on equal hardware.
/// Raised whenever the same recipe gives other numbers.
pub const TRAINER_VERSION: &str = "3";
