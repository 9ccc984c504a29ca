//! What the session needs of a trainer: (trial, stop check, progress sink) → outcome.

use std::path::PathBuf;

pub use sweeper_recipe::trial::{Ending, Metric, Outcome, Progress, Task, TrainError};

use crate::devices::Device;

/// Runs one training after another on one thread. `stop` is asked, and `progress` told, at least once a step.
pub trait Trainer: Send {
    /// Trains `task` to its end.
    ///
    /// # Errors
    /// See [`TrainError`].
    fn train(
        &mut self,
        task: &Task,
        stop: &dyn Fn() -> bool,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Outcome, TrainError>;
}

/// What a trainer may need to know about the process it is made in.
#[derive(Debug, Clone)]
pub struct TrainerOptions {
    /// The folder that holds one folder per data set.
    pub data_dir: PathBuf,
    /// The folder of checkpoints, which several workers may share; none where there is no place for it.
    pub checkpoint_dir: Option<PathBuf>,
    /// The device this process is pinned to. A GPU is always the process's only one, so its index is 0.
    pub device: Device,
}

/// Makes a trainer; called on the training thread, and again after a panic.
pub type MakeTrainer = Box<dyn Fn(&TrainerOptions) -> Result<Box<dyn Trainer>, TrainError> + Send>;
