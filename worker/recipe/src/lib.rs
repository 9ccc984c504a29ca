//! What one training is: typed, range-checked settings and nothing else.
//!
//! Map: `types` the settings and their defaults · `value` untyped trees with places · `de` tree to settings, with
//! `error`s that name key path, expectation and nearest valid name · `check` ranges and combinations · `canonical`
//! canonical bytes and digest · `trial` what one training is given and gives back.

mod canonical;
mod check;
mod de;
mod error;
#[cfg(test)]
mod tests;
pub mod trial;
mod types;
mod value;

pub use error::{RecipeError, nearest};
pub use types::*;
pub use value::Value;

/// Version of the numerics: equal recipe, seed, data and version promise equal bits on equal hardware.
/// Raised whenever the same recipe gives other numbers.
pub const TRAINER_VERSION: &str = "1";
