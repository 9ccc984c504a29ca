//! The worker process of one device, around its session.

use crate::{
    cli::Options,
    exit, log,
    outbox::{Outbox, OutboxError},
    session::{self, Settings},
    trainer::{MakeTrainer, TrainerOptions},
};
use std::{io::Read, thread, time::Duration};
use tokio::{
    runtime,
    signal::unix::{SignalKind, signal},
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
};
use tracing::{error, info, warn};

/// Runs the session of this process's device; returns the exit code.
pub(crate) fn run(options: &Options, make: MakeTrainer) -> u8 {
    log_panics();
    let (Some(device), Some(slot)) = (options.device.clone(), options.slot.clone()) else { return exit::USAGE };
    let Some(state_dir) = options.state_folder() else { return exit::USAGE };
    let opened = Outbox::open(&state_dir, &slot).and_then(|mut outbox| {
        let adopted = outbox.adopt(&state_dir)?;
        if adopted > 0 {
            info!(reports = adopted, "took over reports of processes that are gone");
        }
        Ok(outbox)
    });
    let outbox = match opened {
        Ok(outbox) => outbox,
        Err(error) => {
            error!(%error, "cannot use the state folder");
            return refused(&error);
        }
    };
    let settings = Settings {
        coordinator: options.coordinator.clone(),
        slot,
        node: options.node(),
        trainer: TrainerOptions {
            data_dir: options.data_folder(),
            checkpoint_dir: options.checkpoint_folder(),
            device,
        },
        grace: options.grace,
        idle_exit: options.idle_exit,
        stall_limit: Some(options.stall_limit).filter(|limit| !limit.is_zero()),
        announce: true,
    };
    // One thread for the network: the device's own thread belongs to the training.
    let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            error!(%error, "cannot start");
            return exit::INTERNAL;
        }
    };
    let code = runtime.block_on(async {
        match signals() {
            Ok(signals) => session::run(settings, outbox, make, signals).await,
            Err(error) => {
                error!(%error, "cannot listen to signals");
                exit::INTERNAL
            }
        }
    });
    if code == exit::INTERNAL {
        die_anyway();
    }
    runtime.shutdown_timeout(Duration::from_millis(500));
    code
}

/// Says for people why the outbox cannot be opened; returns the exit code.
fn refused(error: &OutboxError) -> u8 {
    match error {
        OutboxError::InUse(dir) => {
            log::fatal(&format!(
                "the state folder {} is used by another worker process; hint: end that one, or give this supervisor a \
                 --state-dir or --slot-prefix of its own",
                dir.display()
            ));
            exit::STATE_IN_USE
        }
        OutboxError::Io { .. } => {
            log::fatal(&format!(
                "the state folder cannot be used: {error}; hint: check its permissions and the free space, or name \
                 another folder with --state-dir"
            ));
            exit::NOT_WRITABLE
        }
    }
}

/// Ends the process soon, come what may: where a training hangs in a library, that library's exit handlers may hang too.
fn die_anyway() {
    let wait = || {
        thread::sleep(Duration::from_secs(5));
        kill_self();
    };
    if let Err(error) = thread::Builder::new().name("end".to_owned()).spawn(wait) {
        warn!(%error, "cannot make sure that this process ends");
    }
}

fn kill_self() {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
}

/// One item per SIGTERM or SIGINT.
pub(crate) fn signals() -> std::io::Result<UnboundedReceiver<()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (tell, signals) = unbounded_channel();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if tell.send(()).is_err() {
                return;
            }
        }
    });
    Ok(signals)
}

/// Ends the process the moment stdin ends, from a thread of its own: the parent is dead, and nobody would ever stop
/// this process. Killing needs no help from a training thread deep in a library, and runs no exit handler beside it.
pub(crate) fn exit_with_parent() {
    let watch = || {
        let mut stdin = std::io::stdin().lock();
        let mut bytes = [0; 64];
        while matches!(stdin.read(&mut bytes), Ok(1..)) {}
        kill_self();
    };
    if let Err(error) = thread::Builder::new().name("parent".to_owned()).spawn(watch) {
        warn!(%error, "cannot watch the parent process");
    }
}

/// A panic becomes an event, so that it is in the log's tail and thereby in the failure report.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or_default();
        error!(place, "panic: {text}");
    }));
}
