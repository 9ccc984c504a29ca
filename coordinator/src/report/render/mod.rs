//! One file per format. No number is computed here: all come from an `Analysis` (the CSV files: from the results).

mod csv;
mod groups;
mod html;
mod json;
mod markdown;
mod terminal;

pub use csv::{Predicted, epochs_csv, predictions_csv, results_csv, trials_csv};
pub use html::html;
pub use json::json;
pub use markdown::markdown;
pub use terminal::terminal;

/// Why a format could not be written.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A value that JSON cannot hold.
    #[error("cannot write the report as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A row that CSV cannot hold.
    #[error("cannot write CSV: {0}")]
    Csv(String),
}
