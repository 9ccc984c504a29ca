//! Acquire calls that wait for work.

use super::{command::Reply, progress::Volatile};
use sweeper_core::{
    ids::{Millis, WorkerId},
    scheduler::{Grant, Scheduler},
};
use sweeper_proto::v1::Lease;

/// A worker that asks for work holds leases that it never mentioned: perhaps the answer that granted them was lost,
/// so it gets them again after at most this wait, in milliseconds.
const UNCONFIRMED_WAIT_MS: u64 = 1_000;

/// One waiting call.
pub(super) struct Waiter {
    pub(super) worker: WorkerId,
    pub(super) capacity: u32,
    /// When it is answered with whatever there is.
    pub(super) until: Millis,
    pub(super) reply: Reply<Vec<Lease>>,
}

/// What an attempt to serve a call came to.
pub(super) enum Served {
    /// The answer.
    Now(Vec<Grant>),
    /// Nothing new: wait until then.
    Later(Millis),
}

/// Asks the scheduler for work, and decides whether the call should wait for more. `until` is when it gives up.
///
/// A call is answered at once if it got something new, holds as much as it can, or its time is over.
pub(super) fn serve(
    scheduler: &mut Scheduler,
    volatile: &Volatile,
    now: Millis,
    (worker, capacity, until): (WorkerId, u32, Millis),
) -> Result<Served, sweeper_core::scheduler::UnknownWorker> {
    let before = scheduler.state().workers.get(&worker).map_or(0, |w| w.leases.len());
    let grants = scheduler.acquire(now, worker, capacity)?;
    let confirmed = grants.iter().all(|grant| volatile.is_confirmed(grant.id));
    let until = if confirmed { until } else { until.min(now.plus(UNCONFIRMED_WAIT_MS)) };
    if grants.len() > before || grants.len() >= capacity as usize || until <= now {
        Ok(Served::Now(grants))
    } else {
        Ok(Served::Later(until))
    }
}

/// Whether any trial waits for a worker, and not for a look.
pub(super) fn work_is_pending(scheduler: &Scheduler) -> bool {
    scheduler.state().open_sweeps().any(|(_, sweep)| sweep.counts.ready() > 0)
}
