//! `sweeper-worker`: trains on every device of this machine what a coordinator has to do.
//!
//! Everything but the choice of trainer, and commands that need libtorch, is in crate `sweeper-worker`. libtorch is initialised by the first trial that
//! needs it; built without feature `torch`, this executable does not even link it.

use std::process::ExitCode;
use sweeper_recipe::TrainerKind;
use sweeper_worker::{
    commands::{CommandError, Commands, ModelOptions},
    synthetic::Synthetic,
    trainer::{Outcome, Progress, Task, TrainError, Trainer, TrainerOptions},
};

fn main() -> ExitCode {
    sweeper_worker::run(|options| Ok(Box::new(ByRecipe::new(options))), &Commands { model: torch::model })
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
    use super::{CommandError, ModelOptions, Outcome, Progress, Task, TrainError, Trainer, TrainerOptions};
    use sweeper_train::{Device, Options, model::summary};
    use sweeper_worker::devices;

    /// libtorch, and the data sets it has read: they are read once per process, not once per trial.
    /// The flag: whether it trains on a GPU.
    pub(crate) struct Torch(sweeper_train::Trainer, bool);

    impl Torch {
        pub(crate) fn new(options: &TrainerOptions) -> Self {
            let device = match options.device {
                devices::Device::Cpu(_) => Device::Cpu,
                // Pinned by the environment, it is the only one that this process sees.
                devices::Device::Cuda(_) => Device::Cuda(0),
            };
            let trainer = sweeper_train::Trainer::new(Options {
                data_dir: options.data_dir.clone(),
                device,
                device_name: devices::describe(&options.device),
                checkpoint_dir: options.checkpoint_dir.clone(),
            });
            Self(trainer, device != Device::Cpu)
        }
    }

    /// The table of a network's layers, as text or JSON.
    pub(crate) fn model(options: &ModelOptions) -> Result<String, CommandError> {
        let settings = options.model()?;
        let table = summary(&settings, options.image(), options.classes).map_err(CommandError::usage)?;
        Ok(if options.json { table.to_json() } else { table.to_string() })
    }

    impl Trainer for Torch {
        fn train(
            &mut self,
            task: &Task,
            stop: &dyn Fn() -> bool,
            progress: &mut dyn FnMut(Progress),
        ) -> Result<Outcome, TrainError> {
            let result = self.0.train(task, stop, progress);
            // An illegal access or a device assert poisons the process's CUDA context: whatever it trains next would fail
            // too. Its death costs this trial one attempt that does not count, and the next process begins clean.
            if let Err(TrainError::Failed(message)) = &result
                && self.1
                && message.contains("CUDA error")
            {
                eprintln!("error: {}: {message}; this worker process ends and is replaced", task.label);
                std::process::abort();
            }
            result
        }
    }
}

#[cfg(not(feature = "torch"))]
mod torch {
    use super::{CommandError, ModelOptions, Outcome, Progress, Task, TrainError, Trainer, TrainerOptions};

    const WITHOUT: &str = "this sweeper-worker was built without libtorch (feature `torch`)";

    /// There is no network to follow.
    pub(crate) fn model(_: &ModelOptions) -> Result<String, CommandError> {
        Err(CommandError::usage(WITHOUT))
    }

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
            Err(TrainError::Unusable { exit_code: sweeper_worker::exit::USAGE, message: WITHOUT.to_owned() })
        }
    }
}
