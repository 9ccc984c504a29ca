//! What a training runs on, and how the process is prepared for it.

use std::{fmt, str::FromStr, sync::OnceLock};

use sweeper_recipe::{Mode, trial::TrainError};

use crate::shim;

/// What a training runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Device {
    /// One thread of the processor.
    #[default]
    Cpu,
    /// The GPU with this index among those that the process sees.
    Cuda(u32),
}

/// A device name that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown device \"{0}\"; write \"cpu\", or \"cuda:0\" for the first visible GPU")]
pub struct UnknownDevice(String);

impl FromStr for Device {
    type Err = UnknownDevice;

    fn from_str(name: &str) -> Result<Self, UnknownDevice> {
        let index = name.strip_prefix("cuda:").map(str::parse::<u32>);
        match (name, index) {
            ("cpu", _) => Ok(Self::Cpu),
            (_, Some(Ok(index))) => Ok(Self::Cuda(index)),
            _ => Err(UnknownDevice(name.to_owned())),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => write!(f, "cpu"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

impl Device {
    /// As libtorch names it.
    #[must_use]
    pub fn torch(self) -> tch::Device {
        match self {
            Self::Cpu => tch::Device::Cpu,
            Self::Cuda(index) => tch::Device::Cuda(index as usize),
        }
    }

    /// Makes the device usable: for a GPU, libtorch's CUDA library is loaded, once per process.
    ///
    /// # Errors
    /// The CUDA library, the driver or the GPU is missing; the text says which and what to do.
    pub fn prepare(self) -> Result<(), String> {
        let Self::Cuda(index) = self else { return Ok(()) };
        static LOADED: OnceLock<Result<(), String>> = OnceLock::new();
        LOADED.get_or_init(shim::load_cuda).clone()?;
        if !tch::Cuda::is_available() {
            return Err("libtorch finds no usable GPU; hint: `nvidia-smi` shows whether the driver works".to_owned());
        }
        let count = tch::Cuda::device_count();
        if i64::from(index) >= count {
            return Err(format!("there is no GPU {index}: this process sees {count}"));
        }
        Ok(())
    }
}

/// Prepares the process: freed memory is kept, kernels are deterministic, libtorch has one thread. Call it at the top
/// of `main`, before any thread or tensor; later calls do nothing. [`crate::Trainer::train`] calls it too.
///
/// # Errors
/// libtorch refused a flag.
pub fn init() -> Result<(), TrainError> {
    static DONE: OnceLock<Result<(), String>> = OnceLock::new();
    let done = DONE.get_or_init(|| {
        shim::keep_freed_memory();
        one_thread();
        tch::set_num_interop_threads(1);
        shim::set_mode(true).map_err(|error| error.to_string())
    });
    done.clone().map_err(TrainError::Failed)
}

/// Makes the process deterministic or fast, for the trainings from now on.
///
/// # Errors
/// libtorch refused a flag.
pub(crate) fn set_mode(mode: Mode) -> Result<(), tch::TchError> {
    shim::set_mode(mode == Mode::Repro)
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_are_read_as_they_are_printed() {
        for name in ["cpu", "cuda:0", "cuda:7"] {
            assert_eq!(name.parse::<Device>().unwrap().to_string(), name);
        }
        for name in ["", "gpu", "cuda", "cuda:", "cuda:x", "cuda:-1", "CPU"] {
            assert_eq!(name.parse::<Device>(), Err(UnknownDevice(name.to_owned())));
        }
    }

    /// Whatever this machine has: a GPU works or says why not, and nothing panics.
    #[test]
    fn a_gpu_is_usable_or_says_why_not() {
        init().unwrap();
        Device::Cpu.prepare().unwrap();
        match Device::Cuda(0).prepare() {
            Ok(()) => assert!(tch::Cuda::is_available()),
            Err(message) => assert!(message.contains("GPU") || message.contains("CUDA"), "{message}"),
        }
        assert!(Device::Cuda(4_000).prepare().is_err());
    }
}
