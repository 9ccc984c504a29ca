//! What a training runs on, and how the process is prepared for it.

use std::{str::FromStr, sync::OnceLock};

use sweeper_recipe::trial::TrainError;

use crate::shim;

/// What a training runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Device {
    /// One thread of the processor.
    #[default]
    Cpu,
}

/// A device name that this build does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown device \"{0}\": this build trains on \"cpu\"")]
pub struct UnknownDevice(String);

impl FromStr for Device {
    type Err = UnknownDevice;

    fn from_str(name: &str) -> Result<Self, UnknownDevice> {
        match name {
            "cpu" => Ok(Self::Cpu),
            other => Err(UnknownDevice(other.to_owned())),
        }
    }
}

impl Device {
    /// As an outcome names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
        }
    }
}

/// Prepares the process: freed memory is kept, kernels are deterministic, libtorch has one thread. Call it at the top
/// of `main`, before any thread or tensor; later calls do nothing. [`crate::train`] calls it too.
///
/// # Errors
/// libtorch refused a flag.
pub fn init() -> Result<(), TrainError> {
    static DONE: OnceLock<Result<(), String>> = OnceLock::new();
    let done = DONE.get_or_init(|| {
        shim::keep_freed_memory();
        one_thread();
        tch::set_num_interop_threads(1);
        shim::deterministic().map_err(|error| error.to_string())
    });
    done.clone().map_err(TrainError::Failed)
}

/// Sums depend on how many threads share them, so every training has exactly one. OpenMP keeps the number per calling
/// thread: a process-wide call does not reach threads that were started since.
pub(crate) fn one_thread() {
    tch::set_num_threads(1);
}

/// e.g. `libtorch 2.11.0`.
#[must_use]
pub fn library_version() -> String {
    format!("libtorch {}", shim::torch_version())
}
