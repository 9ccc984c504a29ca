//! Images, labels and splits as a training sees them: files to checked bytes, without libtorch.
//!
//! Map: `library` what a process has loaded · `dataset` what a data set is once it is read · `source` readers, one per
//! form · `decode` one photograph · `cache` all photographs of a data set in one file · `splits` which rows train and
//! which are evaluated · `sampler` in what order · `seeding` all randomness of a training, counter-based · `error`.

mod cache;
pub mod dataset;
mod decode;
mod error;
mod library;
mod sampler;
pub mod seeding;
mod source;
mod splits;

pub use dataset::{DataSet, Labels, Pixels, Place};
pub use error::DataError;
pub use library::{Library, Preparing};
pub use sampler::order;
pub use splits::{Column, Split, Splits, log_proportions};
