//! Images, labels and splits as a training sees them: files to checked bytes, without libtorch.
//!
//! Map: `dataset` what a data set is once it is read · `seeding` all randomness of a training, counter-based.

pub mod dataset;
pub mod seeding;

pub use dataset::{DataSet, Labels, Pixels, Place};
