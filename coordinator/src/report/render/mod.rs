//! One file per format. No number is computed here: the formats for people are renderings of one document, JSON of the
//! analysis, and `results.csv` and `trials.csv` hold the observations themselves.

mod bibtex;
mod csv;
pub(super) mod groups;
mod json;
pub(crate) mod latex;
mod long;
mod markdown;
mod page;
pub(crate) mod shown;
mod terminal;

pub use bibtex::bibtex;
pub use csv::{Predicted, epochs_csv, predictions_csv, results_csv, trials_csv};
pub use json::json;
pub use latex::latex;
pub use long::long_csv;
pub use markdown::markdown;
pub use page::page;
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
