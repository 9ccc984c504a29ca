//! One child process per device: pinned before libtorch loads, started again with back-off, ended together.

use crate::{
    backoff::Backoff,
    child,
    cli::Options,
    deaths::{Deaths, Work},
    devices::{self, Device},
    exit, log,
    session::FAREWELL,
};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs::{self, File},
    io,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};
use tokio::{
    process::{Child, Command},
    runtime,
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};
use tracing::{error, info, warn};

/// When children are started again, and how long they may take to end.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Wait before the first restart; it doubles with each.
    pub first: Duration,
    /// Longest wait before a restart.
    pub most: Duration,
    /// A child that lived as long as this was healthy: the next wait is the first one again.
    pub healthy: Duration,
    /// A child that lived shorter died at once. Too many of those in a row, and its place is given up.
    pub quick: Duration,
    /// From SIGTERM to SIGKILL.
    pub patience: Duration,
}

impl Policy {
    /// The product's, for a given grace period of running trials.
    #[must_use]
    pub fn new(grace: Duration) -> Self {
        Self {
            first: Duration::from_millis(200),
            most: Duration::from_secs(30),
            healthy: Duration::from_secs(60),
            quick: Duration::from_secs(5),
            patience: grace + FAREWELL + Duration::from_secs(2),
        }
    }
}

/// A place for one child.
pub struct Place {
    /// For messages.
    pub name: String,
    /// Makes the command that fills it.
    pub command: Box<dyn Fn() -> Command + Send>,
}

/// Starts one child per device and stays until all of them ended; returns the exit code.
pub(crate) fn run(options: &Options) -> u8 {
    let places = match places(options) {
        Ok(places) => places,
        Err((code, message)) => {
            error!("{message}");
            log::fatal(&message);
            return code;
        }
    };
    let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            error!(%error, "cannot start");
            return exit::INTERNAL;
        }
    };
    runtime.block_on(async {
        let mut signals = match child::signals() {
            Ok(signals) => signals,
            Err(error) => {
                error!(%error, "cannot listen to signals");
                return exit::INTERNAL;
            }
        };
        let (count, stop) = watch::channel(0);
        let relay = tokio::spawn(async move {
            while signals.recv().await.is_some() {
                count.send_modify(|count| *count += 1);
            }
        });
        let code = supervise(places, Policy::new(options.grace), stop).await;
        relay.abort();
        code
    })
}

fn places(options: &Options) -> Result<Vec<Place>, (u8, String)> {
    let devices = devices::discover(&options.devices).map_err(|error| (exit::USAGE, error.to_string()))?;
    let state_dir = options
        .state_folder()
        .ok_or_else(|| (exit::USAGE, "there is no home folder; name one with --state-dir".to_owned()))?;
    check_writable(&state_dir).map_err(|error| {
        let hint = "hint: check its permissions and the free space, or name another folder with --state-dir";
        (exit::NOT_WRITABLE, format!("cannot write to the state folder {}: {error}; {hint}", state_dir.display()))
    })?;
    let program = std::env::current_exe()
        .map_err(|error| (exit::CANNOT_START, format!("cannot find this executable: {error}")))?;
    let prefix = options.prefix();
    info!(devices = %options.devices, workers = devices.len(), coordinator = options.coordinator, "starting workers");
    Ok(devices
        .into_iter()
        .map(|device| place(&program, options, &state_dir, &format!("{prefix}/{device}"), device))
        .collect())
}

/// Finds out now, with one clear message, what every child would find out.
fn check_writable(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let probe = dir.join(format!("probe-{}", std::process::id()));
    File::create(&probe)?;
    fs::remove_file(probe)
}

fn place(program: &Path, options: &Options, state_dir: &Path, slot: &str, device: Device) -> Place {
    let program: PathBuf = program.to_owned();
    let mut arguments: Vec<String> = ["--child", "--exit-with-parent"].map(str::to_owned).to_vec();
    let mut pass = |flag: &str, value: String| arguments.push(format!("{flag}={value}"));
    pass("--coordinator", options.coordinator.clone());
    pass("--device", device.to_string());
    pass("--slot", slot.to_owned());
    pass("--name", options.node());
    pass("--grace", options.grace.as_secs_f64().to_string());
    pass("--stall-limit", options.stall_limit.as_secs_f64().to_string());
    pass("--log-format", options.log_format.name().to_owned());
    if let Some(idle) = options.idle_exit {
        pass("--idle-exit", idle.as_secs_f64().to_string());
    }
    let (data_dir, state_dir, checkpoints) =
        (options.data_folder(), state_dir.to_owned(), options.checkpoint_dir.clone());
    let name = device.to_string();
    let command = move || {
        let mut command = Command::new(&program);
        command.args(&arguments).arg("--data-dir").arg(&data_dir).arg("--state-dir").arg(&state_dir);
        if let Some(checkpoints) = &checkpoints {
            command.arg("--checkpoint-dir").arg(checkpoints);
        }
        command.envs(device.environment());
        command
    };
    Place { name, command: Box::new(command) }
}

/// Keeps every place filled until its child ends for good or `stop` counts a signal. Returns the first exit code that
/// is not 0.
pub async fn supervise(places: Vec<Place>, policy: Policy, stop: watch::Receiver<u32>) -> u8 {
    let mut keepers = JoinSet::new();
    for place in places {
        keepers.spawn(keep(place, policy, stop.clone()));
    }
    let mut first = exit::OK;
    while let Some(ended) = keepers.join_next().await {
        let code = ended.unwrap_or(exit::INTERNAL);
        if first == exit::OK {
            first = code;
        }
    }
    first
}

/// Keeps one place filled; returns the exit code of its last child.
async fn keep(place: Place, policy: Policy, mut stop: watch::Receiver<u32>) -> u8 {
    let mut backoff = Backoff::new(policy.first, policy.most);
    let mut deaths = Deaths::default();
    while *stop.borrow_and_update() == 0 {
        let started = Instant::now();
        match start(&place) {
            Ok(mut child) => {
                // Held open for as long as this process lives: its end is how the child learns of our death.
                let _stdin = child.stdin.take();
                let mut work = Work::watch(child.stdout.take());
                let status = tokio::select! {
                    status = child.wait() => status,
                    () = told(&mut stop) => return end(&place.name, child, policy, stop).await,
                };
                match status {
                    Ok(status) => {
                        let at_once = started.elapsed() < policy.quick && !work.was_done().await;
                        if let Some(code) = deaths.verdict(&place.name, status, at_once) {
                            return code;
                        }
                    }
                    Err(error) => warn!(device = place.name, %error, "a worker is lost"),
                }
            }
            Err(error)
                if error.kind() == io::ErrorKind::NotFound || error.kind() == io::ErrorKind::PermissionDenied =>
            {
                error!(device = place.name, %error, "a worker cannot be started");
                return exit::CANNOT_START;
            }
            Err(error) => warn!(device = place.name, %error, "a worker cannot be started now"),
        }
        if started.elapsed() >= policy.healthy {
            backoff.reset();
        }
        let wait = backoff.wait();
        info!(device = place.name, wait_s = wait.as_secs_f64(), "starting the worker again");
        tokio::select! {
            () = sleep(wait) => {}
            () = told(&mut stop) => {}
        }
    }
    exit::OK
}

fn start(place: &Place) -> io::Result<Child> {
    let mut command = (place.command)();
    // A group of its own: Ctrl-C at the terminal reaches this process alone, which passes it on once.
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).process_group(0);
    command.spawn()
}

/// Waits for the next signal; for ever once none can come.
async fn told(stop: &mut watch::Receiver<u32>) {
    if stop.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Ends a child: SIGTERM, time, SIGKILL; a further signal to us is passed on.
async fn end(name: &str, mut child: Child, policy: Policy, mut stop: watch::Receiver<u32>) -> u8 {
    signal(&child, Signal::TERM);
    let waiting = async {
        loop {
            tokio::select! {
                status = child.wait() => return status,
                () = told(&mut stop) => signal(&child, Signal::TERM),
            }
        }
    };
    match timeout(policy.patience, waiting).await {
        // One that had not got as far as listening to signals did what it was told, too.
        Ok(Ok(status)) if status.signal() == Some(Signal::TERM.as_raw()) => exit::OK,
        Ok(Ok(status)) => code_of(status),
        Ok(Err(error)) => {
            warn!(device = name, %error, "a worker is lost");
            exit::INTERNAL
        }
        Err(_) => {
            warn!(device = name, "a worker does not end and is killed");
            let _ = child.kill().await;
            exit::INTERNAL
        }
    }
}

fn signal(child: &Child, signal: Signal) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        let _ = kill_process(pid, signal);
    }
}

/// The exit code, or 1 for a child that a signal ended.
fn code_of(status: ExitStatus) -> u8 {
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(exit::INTERNAL)
}
