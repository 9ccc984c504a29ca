//! What can go wrong inside a training, before it becomes the worker's [`TrainError`].

use sweeper_data::DataError;
use sweeper_recipe::trial::TrainError;
use tch::TchError;

use crate::{augment::ImagesError, evaluate::metrics::MetricError};

/// The worker's exit code where it has no such device; `docs/exit-codes.md` documents it.
const NO_SUCH_DEVICE: u8 = 2;

/// Everything that ends a training without an outcome.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// libtorch said no.
    #[error("libtorch: {0}")]
    Torch(#[from] TchError),
    /// The data cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The images cannot be brought to the device.
    #[error(transparent)]
    Images(#[from] ImagesError),
    /// Logits and labels do not fit each other: a defect.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// The recipe asks for what this data set does not have.
    #[error("{0}")]
    Setting(String),
    /// This process cannot use its device.
    #[error("{0}")]
    Device(String),
    /// The stop check said so.
    #[error("stopped")]
    Stopped,
}

impl From<Error> for TrainError {
    fn from(error: Error) -> Self {
        match error {
            Error::Stopped | Error::Data(DataError::Stopped) => Self::Stopped,
            // Without a code it is the recipe that does not fit the data, on whatever machine.
            Error::Data(ref data) => unusable(data.exit_code(), data.to_string()),
            Error::Images(ref images) => unusable(images.exit_code(), images.to_string()),
            Error::Device(message) => Self::Unusable { exit_code: NO_SUCH_DEVICE, message },
            Error::Torch(_) | Error::Metric(_) | Error::Setting(_) => Self::Failed(error.to_string()),
        }
    }
}

fn unusable(exit_code: Option<u8>, message: String) -> TrainError {
    match exit_code {
        Some(exit_code) => TrainError::Unusable { exit_code, message },
        None => TrainError::Failed(message),
    }
}
