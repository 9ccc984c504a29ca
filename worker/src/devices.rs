//! Which devices there are, which of them the user wants, and how a process is pinned to one of them.
//!
//! A process is pinned by its environment before libtorch loads; inside it, its GPU is the only one and has index 0.
//! An inherited `CUDA_VISIBLE_DEVICES` (Slurm, a device plugin) is obeyed and never widened: indices on the command
//! line count inside it, as they do in every CUDA program.

use std::{fmt, process::Command, str::FromStr};

/// Most workers that one `--devices` may ask for.
const MOST_WORKERS: usize = 1024;

/// One device for one worker process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Device {
    /// One thread of this machine. The number only tells workers apart.
    Cpu(u32),
    /// A GPU or a MIG slice, as `CUDA_VISIBLE_DEVICES` names it: its UUID, or an inherited index.
    Cuda(String),
}

impl Device {
    /// Environment that pins a process to this device and its arithmetic to one order.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, &str); 5] {
        let visible = match self {
            // A CPU worker must not open a context on a GPU that others use.
            Self::Cpu(_) => "",
            Self::Cuda(id) => id,
        };
        [
            ("CUDA_VISIBLE_DEVICES", visible),
            ("CUDA_DEVICE_ORDER", "PCI_BUS_ID"),
            ("CUBLAS_WORKSPACE_CONFIG", ":4096:8"),
            ("OMP_NUM_THREADS", "1"),
            ("MKL_NUM_THREADS", "1"),
        ]
    }
}

/// What to call the device in results: a GPU's product name and driver as `nvidia-smi` prints them, else the device.
#[must_use]
pub fn describe(device: &Device) -> String {
    let Device::Cuda(id) = device else { return "cpu".to_owned() };
    let query = ["--query-gpu=name,driver_version", "--format=csv,noheader", "-i", id];
    let output = Command::new("nvidia-smi").args(query).output().ok().filter(|output| output.status.success());
    let text = output.and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    match text.trim().split_once(", ") {
        Some((name, driver)) if !name.is_empty() => format!("{name}, driver {driver}"),
        _ => device.to_string(),
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu(index) => write!(f, "cpu:{index}"),
            Self::Cuda(id) => write!(f, "cuda:{id}"),
        }
    }
}

impl FromStr for Device {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        let bad = || DeviceError::Syntax(text.to_owned());
        match text.split_once(':') {
            Some(("cpu", index)) => index.parse().map(Self::Cpu).map_err(|_| bad()),
            Some(("cuda", id)) if !id.is_empty() => Ok(Self::Cuda(id.to_owned())),
            _ => Err(bad()),
        }
    }
}

/// What the user asked for with `--devices`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceList {
    /// Every visible GPU; without one, every core.
    All,
    /// That many one-thread workers.
    Cpu(u32),
    /// GPUs by index or UUID.
    Gpus(Vec<String>),
}

impl FromStr for DeviceList {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        let bad = || DeviceError::Syntax(text.to_owned());
        match text.trim() {
            "all" => Ok(Self::All),
            "cpu" => Ok(Self::Cpu(1)),
            list => match list.strip_prefix("cpu:") {
                Some(count) => match count.parse::<u32>() {
                    Ok(count) if (1..=MOST_WORKERS as u32).contains(&count) => Ok(Self::Cpu(count)),
                    _ => Err(bad()),
                },
                None => {
                    let names: Vec<String> = list.split(',').map(|name| name.trim().to_owned()).collect();
                    let plain = |name: &String| {
                        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-/".contains(c))
                    };
                    if names.len() <= MOST_WORKERS && names.iter().all(plain) {
                        Ok(Self::Gpus(names))
                    } else {
                        Err(bad())
                    }
                }
            },
        }
    }
}

impl fmt::Display for DeviceList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => write!(f, "all"),
            Self::Cpu(count) => write!(f, "cpu:{count}"),
            Self::Gpus(names) => write!(f, "{}", names.join(",")),
        }
    }
}

/// Why a device list cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// Not a device list.
    #[error("`{0}` names no devices; write `all`, `cpu:2` (1 to 1024), or GPU indices or UUIDs such as `0,1`")]
    Syntax(String),
    /// No such GPU.
    #[error("there is no GPU `{name}`; visible here: {}", list(visible))]
    Unknown {
        /// As written.
        name: String,
        /// What there is.
        visible: Vec<String>,
    },
    /// A UUID prefix that fits several GPUs.
    #[error("`{0}` is the beginning of several GPU UUIDs")]
    Ambiguous(String),
    /// The same GPU twice.
    #[error("`{0}` names a GPU that the list has already")]
    Twice(String),
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none (`cpu:N` works without)".to_owned() } else { names.join(", ") }
}

/// The UUIDs in the output of `nvidia-smi -L`, in PCI bus order. A GPU that is cut into MIG slices is represented by
/// its slices.
#[must_use]
pub fn parse_smi_list(text: &str) -> Vec<Vec<String>> {
    let mut gpus: Vec<Vec<String>> = Vec::new();
    for line in text.lines() {
        let Some(uuid) = line.rsplit_once("(UUID:").and_then(|(_, rest)| rest.split_once(')')) else { continue };
        let uuid = uuid.0.trim().to_owned();
        if line.starts_with("GPU ") {
            gpus.push(vec![uuid]);
        } else if let Some(slices) = gpus.last_mut() {
            if slices.first().is_some_and(|first| first.starts_with("GPU-")) {
                slices.clear();
            }
            slices.push(uuid);
        }
    }
    gpus
}

/// The devices a CUDA program started here would see, given every GPU of the machine and the inherited variable.
///
/// As in CUDA, the first entry that names nothing ends the list, and so does a repetition. An inherited entry is kept
/// as it is where the machine's GPUs are unknown (no `nvidia-smi` in a container).
#[must_use]
pub fn visible(machine: &[Vec<String>], inherited: Option<&str>) -> Vec<String> {
    let Some(inherited) = inherited else { return machine.concat() };
    let mut seen: Vec<String> = Vec::new();
    for entry in inherited.split(',').map(str::trim) {
        let found = match entry.parse::<usize>() {
            Ok(index) if !machine.is_empty() => machine.get(index).cloned(),
            Ok(_) => Some(vec![entry.to_owned()]),
            Err(_) if entry.starts_with("GPU-") || entry.starts_with("MIG-") => match machine {
                [] => Some(vec![entry.to_owned()]),
                _ => unique(&machine.concat(), entry).ok().map(|uuid| vec![uuid]),
            },
            Err(_) => None,
        };
        match found {
            Some(found) if !found.iter().any(|uuid| seen.contains(uuid)) => seen.extend(found),
            _ => break,
        }
    }
    seen
}

/// The one of `uuids` that begins with `prefix`.
fn unique(uuids: &[String], prefix: &str) -> Result<String, DeviceError> {
    let mut fitting = uuids.iter().filter(|uuid| uuid.starts_with(prefix));
    match (fitting.next(), fitting.next()) {
        (Some(uuid), None) => Ok(uuid.clone()),
        (Some(_), Some(_)) => Err(DeviceError::Ambiguous(prefix.to_owned())),
        (None, _) => Err(DeviceError::Unknown { name: prefix.to_owned(), visible: uuids.to_vec() }),
    }
}

/// One device per worker process.
///
/// # Errors
/// Where the list names a GPU that is not visible, or one twice.
pub fn resolve(list: &DeviceList, visible: &[String], cores: u32) -> Result<Vec<Device>, DeviceError> {
    let names = match list {
        DeviceList::Cpu(count) => return Ok((0..*count).map(Device::Cpu).collect()),
        DeviceList::All if visible.is_empty() => return Ok((0..cores.max(1)).map(Device::Cpu).collect()),
        DeviceList::All => return Ok(visible.iter().cloned().map(Device::Cuda).collect()),
        DeviceList::Gpus(names) => names,
    };
    let mut devices = Vec::new();
    for name in names {
        let uuid = match name.parse::<usize>() {
            Ok(index) => visible
                .get(index)
                .cloned()
                .ok_or_else(|| DeviceError::Unknown { name: name.clone(), visible: visible.to_vec() })?,
            Err(_) => unique(visible, name)?,
        };
        let device = Device::Cuda(uuid);
        if devices.contains(&device) {
            return Err(DeviceError::Twice(name.clone()));
        }
        devices.push(device);
    }
    Ok(devices)
}

/// Finds the devices of this machine and picks those that the user asked for.
///
/// # Errors
/// As [`resolve`].
pub fn discover(list: &DeviceList) -> Result<Vec<Device>, DeviceError> {
    let cores = std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX));
    if let DeviceList::Cpu(_) = list {
        return resolve(list, &[], cores);
    }
    let machine = match Command::new("nvidia-smi").arg("-L").output() {
        Ok(output) if output.status.success() => parse_smi_list(&String::from_utf8_lossy(&output.stdout)),
        // No driver, no GPUs: that is the common case and no error.
        _ => Vec::new(),
    };
    let inherited = std::env::var("CUDA_VISIBLE_DEVICES").ok();
    resolve(list, &visible(&machine, inherited.as_deref()), cores)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const TWO: &str = "GPU 0: Example A (UUID: GPU-aaaa-1)\nGPU 1: Example B (UUID: GPU-bbbb-2)\n";
    const MIG: &str = "GPU 0: Example A (UUID: GPU-aaaa-1)\n  MIG 1g.10gb     Device  0: (UUID: MIG-1111)\n  \
                       MIG 1g.10gb     Device  1: (UUID: MIG-2222)\nGPU 1: Example A (UUID: GPU-bbbb-2)\n";

    fn cuda(names: &[&str]) -> Vec<Device> {
        names.iter().map(|name| Device::Cuda((*name).to_owned())).collect()
    }

    #[test]
    fn reads_gpus_and_slices() {
        assert_eq!(parse_smi_list(TWO), [["GPU-aaaa-1"], ["GPU-bbbb-2"]]);
        assert_eq!(parse_smi_list(MIG).concat(), ["MIG-1111", "MIG-2222", "GPU-bbbb-2"]);
        assert!(parse_smi_list("No devices found.\n").is_empty());
    }

    #[test]
    fn reads_lists() {
        assert_eq!("all".parse(), Ok(DeviceList::All));
        assert_eq!("cpu:2".parse(), Ok(DeviceList::Cpu(2)));
        assert_eq!("0, GPU-aaaa".parse(), Ok(DeviceList::Gpus(vec!["0".into(), "GPU-aaaa".into()])));
        for bad in ["", "cpu:0", "cpu:x", "cpu:2000", "0,,1", "0;1", "../x"] {
            assert!(bad.parse::<DeviceList>().is_err(), "{bad}");
        }
        assert_eq!("cpu:3".parse::<Device>().unwrap().to_string(), "cpu:3");
        assert_eq!("cuda:MIG-1111".parse(), Ok(Device::Cuda("MIG-1111".into())));
        assert!("gpu".parse::<Device>().is_err());
    }

    #[test]
    fn all_is_every_visible_gpu_else_every_core() {
        let machine = parse_smi_list(MIG);
        assert_eq!(
            resolve(&DeviceList::All, &visible(&machine, None), 8),
            Ok(cuda(&["MIG-1111", "MIG-2222", "GPU-bbbb-2"]))
        );
        assert_eq!(resolve(&DeviceList::All, &[], 2), Ok(vec![Device::Cpu(0), Device::Cpu(1)]));
    }

    #[test]
    fn an_inherited_list_is_obeyed_and_never_widened() {
        let machine = parse_smi_list(TWO);
        assert_eq!(visible(&machine, Some("1")), ["GPU-bbbb-2"]);
        assert_eq!(visible(&machine, Some("1,0")), ["GPU-bbbb-2", "GPU-aaaa-1"]);
        assert_eq!(visible(&machine, Some("GPU-bb")), ["GPU-bbbb-2"]);
        assert!(visible(&machine, Some("")).is_empty());
        assert_eq!(visible(&machine, Some("0,-1,1")), ["GPU-aaaa-1"], "the first that names nothing ends the list");
        assert_eq!(visible(&machine, Some("0,0")), ["GPU-aaaa-1"], "a device is never there twice");
        assert_eq!(visible(&[], Some("3,MIG-1")), ["3", "MIG-1"], "a container without nvidia-smi");

        let one = visible(&machine, Some("1"));
        assert_eq!(resolve(&"0".parse().unwrap(), &one, 2), Ok(cuda(&["GPU-bbbb-2"])), "indices count inside it");
        let error = resolve(&"1".parse().unwrap(), &one, 2).unwrap_err();
        assert_eq!(error.to_string(), "there is no GPU `1`; visible here: GPU-bbbb-2");
        assert!(resolve(&"GPU-aaaa-1".parse().unwrap(), &one, 2).is_err());
    }

    #[test]
    fn a_gpu_is_taken_once() {
        let both = visible(&parse_smi_list(TWO), None);
        assert_eq!(resolve(&"0,GPU-aa".parse().unwrap(), &both, 2), Err(DeviceError::Twice("GPU-aa".into())));
        assert_eq!(resolve(&"GPU-".parse().unwrap(), &both, 2), Err(DeviceError::Ambiguous("GPU-".into())));
    }

    #[test]
    fn the_environment_pins_one_device_and_one_thread() {
        let gpu = Device::Cuda("MIG-1111".into());
        assert!(gpu.environment().contains(&("CUDA_VISIBLE_DEVICES", "MIG-1111")));
        assert!(Device::Cpu(0).environment().contains(&("CUDA_VISIBLE_DEVICES", "")));
        assert!(Device::Cpu(0).environment().contains(&("OMP_NUM_THREADS", "1")));
    }
}
