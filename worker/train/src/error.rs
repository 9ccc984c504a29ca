//! What can go wrong inside a training, before it becomes the worker's [`TrainError`].

use sweeper_recipe::trial::TrainError;
use tch::TchError;

use crate::data::DataError;

/// Everything that ends a training without an outcome.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// libtorch said no.
    #[error("libtorch: {0}")]
    Torch(#[from] TchError),
    /// The data cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The recipe asks for what this data set does not have.
    #[error("{0}")]
    Setting(String),
    /// The stop check said so.
    #[error("stopped")]
    Stopped,
}

impl From<Error> for TrainError {
    fn from(error: Error) -> Self {
        match error {
            Error::Stopped => Self::Stopped,
            Error::Data(data) => Self::Unusable { exit_code: data.exit_code(), message: data.to_string() },
            Error::Torch(_) | Error::Setting(_) => Self::Failed(error.to_string()),
        }
    }
}
