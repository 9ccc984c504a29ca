//! A worker: one process on one device, and the supervisor that starts one per device.
//!
//! Map: `cli` command line and its defaults · `commands` what else it can be asked · `exit` documented exit codes · `devices` which devices there are and how
//! a child is pinned to one · `supervisor` one child process per device, restarts with back-off · `deaths` when those end · `child` a child's
//! life: signals, outbox, session · `session` join, acquire, train, report · `acquirer` asks for work · `board` the
//! leases this process holds · `training` the dedicated training thread · `lease_keeper` heartbeats while it runs ·
//! `link` the connection, joined again whenever that is needed · `outbox` outcomes are on disk before they are sent ·
//! `delivery` sends them until they are acknowledged · `wire` leases and outcomes to and from the contract · `trainer`
//! what a session needs of a trainer · `synthetic` a trainer with a known effect and no libtorch · `backoff` waits
//! between attempts · `log` events on stderr and their last lines · `random` names that no other process has.

#![cfg(unix)]

mod acquirer;
mod backoff;
mod board;
mod child;
pub mod cli;
pub mod commands;
mod deaths;
mod delivery;
pub mod devices;
pub mod exit;
mod lease_keeper;
mod link;
mod log;
pub mod outbox;
mod random;
pub mod session;
pub mod supervisor;
pub mod synthetic;
pub mod trainer;
mod training;
mod wire;

use std::process::ExitCode;

use commands::Commands;
use trainer::{MakeTrainer, TrainError, Trainer, TrainerOptions};

/// Reads the command line and does what it says: carries out one of `commands`, or is a worker until it ends, that is,
/// the supervisor of one child per device, or such a child.
///
/// `make_trainer` is called in a child only, on its training thread, and again after a panic.
pub fn run<F>(make_trainer: F, commands: &Commands) -> ExitCode
where
    F: Fn(&TrainerOptions) -> Result<Box<dyn Trainer>, TrainError> + Send + 'static,
{
    let options = match cli::parse() {
        Ok(options) => options,
        Err(command) => return ExitCode::from(commands::run_command(&command, commands)),
    };
    log::start(options.log_format, options.log_prefix());
    if options.exit_with_parent {
        child::exit_with_parent();
    }
    let make: MakeTrainer = Box::new(make_trainer);
    let code = if options.child { child::run(&options, make) } else { supervisor::run(&options) };
    ExitCode::from(code)
}
