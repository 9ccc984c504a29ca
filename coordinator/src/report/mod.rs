//! Outcomes and plan to an [`Analysis`], and its renderings.
//!
//! Map, in the direction of the data: `trials` how each of them stands · `analysis` the value · `analyze` summaries ·
//! `compare` tests and families · `losses` trials lost from a comparison · `planned` whether the plan came first · `audit`
//! missing trials, deviations, provenance · `summaries` published tables · `fractions` accuracies from 0 to 1 · `source` what
//! is not known of numbers that were read · `wording` sentences · `number`, `time` their digits · `render` one file per
//! format · `methods` how they were made, with formulas and sources · `files` the folder that a user gets · `replay` the same
//! numbers once more from it. Every number in every format comes from one [`Analysis`]; the CSV files hold the observations
//! themselves. The same input gives the same bytes.

mod analysis;
mod analyze;
mod audit;
mod beyond;
mod compare;
pub mod document;
pub mod figures;
mod files;
mod fractions;
mod losses;
mod methods;
mod number;
mod planned;
pub mod render;
pub mod replay;
mod schema;
mod sequential;
mod source;
mod summaries;
mod text;
mod time;
mod trials;
mod wording;

pub use analysis::*;
pub use analyze::{AnalyzeError, analyze, analyze_clustered, analyze_with, image_set};
pub use beyond::*;
pub use compare::Extended;
pub use files::{Piece, ReportError, Written, document_pieces, write_all, write_pieces};
pub use losses::Loss;
pub use planned::{PlanStatus, Planning};
pub use replay::Input;
pub use schema::schema;
pub use sequential::{LookTaken, Sequential, Step};
pub use summaries::analyze_summary;
pub use wording::Look;

pub(crate) use analyze::usual;
pub(crate) use compare::{Members, Settings, pairs_of, settings};
pub(crate) use number::{exact, fixed};

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::example;
