//! The one thread that owns scheduler and store.
//!
//! **Law: decide, commit, only then answer.** A turn takes all waiting commands, decides each, ends what is due, serves
//! waiting Acquire calls, commits everything decided in one transaction, and only then answers. So the cost of an fsync
//! is shared by all callers of a turn. If the commit fails nobody gets a positive answer and the driver ends.
//!
//! Map: `handle` the async face · `command` what can be asked · `turn` the loop · `looks` looks of
//! sequential designs · `waiters` calls that wait for work ·
//! `progress` what is never stored · `clock` time · `error`.

mod clock;
mod command;
mod error;
mod handle;
mod looks;
#[cfg(test)]
mod looks_tests;
mod progress;
#[cfg(test)]
mod tests;
mod turn;
mod waiters;

pub use clock::{Clock, SystemClock};
pub use command::Report;
pub use error::DriverError;
pub use handle::DriverHandle;
pub use progress::{Moments, Progress, Volatile};

use crate::store::Store;
use looks::Looks;
use std::sync::{Arc, mpsc};
use sweeper_core::{
    ids::{Millis, SweepId},
    record::Record,
    scheduler::{Scheduler, Settings},
};
use sweeper_recipe::TRAINER_VERSION;
use tokio::sync::watch;
use turn::Turns;

/// Whether the driver runs.
#[derive(Debug, Clone)]
enum End {
    Running,
    Stopped,
    Failed(DriverError),
}

/// Starts drivers. See [`DriverHandle`] for what they do.
#[derive(Debug)]
pub struct Driver;

impl Driver {
    /// Restores the scheduler from the store and starts the thread that owns both.
    ///
    /// # Errors
    /// [`DriverError::Store`], [`DriverError::Restore`], [`DriverError::Thread`].
    pub fn start(store: Store, settings: Settings) -> Result<DriverHandle, DriverError> {
        let records = store.load_records()?;
        let last = records.iter().map(time).max().unwrap_or_default();
        Self::launch(store, settings, records, SystemClock::starting_at_least(last))
    }

    /// The same with another clock, for tests.
    ///
    /// # Errors
    /// Those of [`Driver::start`].
    pub fn start_with_clock(store: Store, settings: Settings, clock: impl Clock) -> Result<DriverHandle, DriverError> {
        let records = store.load_records()?;
        Self::launch(store, settings, records, clock)
    }

    fn launch(
        mut store: Store,
        settings: Settings,
        records: Vec<Record>,
        mut clock: impl Clock,
    ) -> Result<DriverHandle, DriverError> {
        let volatile = Volatile::of_records(&records);
        let mut scheduler = Scheduler::restore(settings, records, clock.now())
            .map_err(|source| DriverError::Restore { path: store.dir().to_owned(), source })?;
        call_off_incomparable(&mut scheduler, &mut store, clock.now())?;
        let mut looks = Looks::default();
        let sweeps: Vec<SweepId> = scheduler.state().sweeps.keys().copied().collect();
        for sweep in sweeps {
            // The crash may have come between an outcome and the look that it made due.
            looks.take_due(&mut scheduler, &store, sweep, clock.now())?;
        }
        store.commit(&scheduler.take_records())?;
        let (commands, receiver) = mpsc::channel();
        let (ending, end) = watch::channel(End::Running);
        let (dir, store_name) = (Arc::from(store.dir()), Arc::from(store.name()));
        let handle = DriverHandle { commands, end, settings, dir, store_name };
        let volatile = volatile.started(scheduler.state(), clock.now());
        let turns = Turns::new(scheduler, store, (looks, volatile), clock, settings);
        std::thread::Builder::new()
            .name("driver".to_owned())
            .spawn(move || turns.run(&receiver, &ending))
            .map_err(|e| DriverError::Thread(Arc::new(e)))?;
        Ok(handle)
    }
}

/// Cancels the open sweeps that another trainer version began: the rest of their trials would give numbers that cannot
/// be compared with the first ones, and no worker that may join trains as they need it.
fn call_off_incomparable(scheduler: &mut Scheduler, store: &mut Store, now: Millis) -> Result<(), DriverError> {
    for sweep in store.sweeps_of_other_trainers(TRAINER_VERSION)? {
        let reason = format!("begun with another version of the trainer than `{TRAINER_VERSION}`: submit it again");
        match scheduler.cancel(now, sweep, &reason) {
            Ok(0) | Err(_) => {}
            Ok(open) => tracing::warn!(%sweep, open, "sweep cancelled: {reason}"),
        }
    }
    let records = scheduler.take_records();
    if !records.is_empty() {
        store.commit(&records)?;
    }
    Ok(())
}

/// When a fact happened.
fn time(record: &Record) -> Millis {
    match record {
        Record::SweepSubmitted { at, .. }
        | Record::SweepCancelled { at, .. }
        | Record::WorkerJoined { at, .. }
        | Record::WorkerGone { at, .. }
        | Record::LeaseGranted { at, .. }
        | Record::LeaseEnded { at, .. }
        | Record::OutcomeAccepted { at, .. }
        | Record::OutcomeRepeated { at, .. }
        | Record::TrialAbandoned { at, .. }
        | Record::LookTaken { at, .. } => *at,
        Record::DataPinned { .. } => Millis(0),
    }
}
