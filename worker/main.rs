//! `sweeper-worker`: trains on every device of this machine what a coordinator has to do.
//!
//! Everything but the choice of trainer is in crate `sweeper-worker`. libtorch is initialised by the first trial that
//! needs it; built without feature `torch`, this executable does not even link it.

use std::process::ExitCode;
use sweeper_recipe::TrainerKind;
use sweeper_worker::{
    synthetic::Synthetic,
    trainer::{Outcome, Progress, Task, TrainError, Trainer, TrainerOptions},
};

fn main() -> ExitCode {
    sweeper_worker::run(|options| Ok(Box::new(ByRecipe::new(options))))
}

/// Gives every trial to the trainer that its recipe names.
struct ByRecipe {
    synthetic: Synthetic,
    torch: torch::Torch,
}

impl ByRecipe {
    fn new(options: &TrainerOptions) -> Self {
        Self { synthetic: Synthetic, torch: torch::Torch::new(options) }
    }
}

impl Trainer for ByRecipe {
    fn train(
        &mut self,
        task: &Task,
        stop: &dyn Fn() -> bool,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Outcome, TrainError> {
        match task.recipe.trainer {
            TrainerKind::Synthetic => self.synthetic.train(task, stop, progress),
            TrainerKind::Torch => self.torch.train(task, stop, progress),
        }
    }
}

#[cfg(feature = "torch")]
mod torch {
    use super::{Outcome, Progress, Task, TrainError, Trainer, TrainerOptions};
    use sweeper_train::{Device, data::Library};
    use sweeper_worker::{devices, exit};

    /// libtorch, and the data sets it has read: they are read once per process, not once per trial.
    pub(crate) struct Torch {
        library: Library,
        device: devices::Device,
    }

    impl Torch {
        pub(crate) fn new(options: &TrainerOptions) -> Self {
            Self { library: Library::new(&options.data_dir), device: options.device.clone() }
        }

        /// The device as libtorch knows it: pinned by the environment, a GPU is the only one this process sees.
        fn device(&self) -> Result<Device, TrainError> {
            let name = match self.device {
                devices::Device::Cpu(_) => "cpu",
                devices::Device::Cuda(_) => "cuda:0",
            };
            // No failure of the trial: another worker can train it.
            name.parse().map_err(|error| TrainError::Unusable {
                exit_code: exit::USAGE,
                message: format!("{}: {error}; start the worker with --devices cpu:N", self.device),
            })
        }
    }

    impl Trainer for Torch {
        fn train(
            &mut self,
            task: &Task,
            stop: &dyn Fn() -> bool,
            progress: &mut dyn FnMut(Progress),
        ) -> Result<Outcome, TrainError> {
            let device = self.device()?;
            sweeper_train::train(task, &mut self.library, device, stop, progress)
        }
    }
}

#[cfg(not(feature = "torch"))]
mod torch {
    use super::{Outcome, Progress, Task, TrainError, Trainer, TrainerOptions};

    /// Stands where libtorch would.
    pub(crate) struct Torch;

    impl Torch {
        pub(crate) fn new(_: &TrainerOptions) -> Self {
            Self
        }
    }

    impl Trainer for Torch {
        fn train(
            &mut self,
            _: &Task,
            _: &dyn Fn() -> bool,
            _: &mut dyn FnMut(Progress),
        ) -> Result<Outcome, TrainError> {
            // Given back unharmed, for a worker that can.
            let message = "this sweeper-worker was built without libtorch (feature `torch`)".to_owned();
            Err(TrainError::Unusable { exit_code: sweeper_worker::exit::USAGE, message })
        }
    }
}
