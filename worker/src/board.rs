//! The leases this process holds: one that trains, some that wait, some whose report is not acknowledged yet.
//!
//! Shared by the session, the training thread, the lease keeper and the delivery; nobody holds its lock across a wait.

use crate::{
    trainer::{Progress, Task},
    wire::{self, Attempt},
};
use std::{
    collections::{BTreeSet, HashSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use sweeper_proto::v1;
use tokio::sync::{Notify, watch};

/// The next lease is fetched once this share of the running trial is done …
const NEAR_END: f64 = 0.9;
/// … and no more than this is left of it: a trial of hours must not keep another waiting for its last tenth.
const NEAR_END_TIME: Duration = Duration::from_secs(30);
/// Ended attempts that are remembered, so that a repeated answer starts none of them again.
const REMEMBERED: usize = 4_096;

/// A lease that waits for its training.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) id: Attempt,
    /// The coordinator's store that gave it.
    pub(crate) store: String,
    pub(crate) recipe_digest: String,
    /// What to train, or why that cannot be read.
    pub(crate) task: Result<Task, String>,
}

/// The lease that trains.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) lease: Held,
    pub(crate) stop: Arc<AtomicBool>,
    /// Why it was taken away, if it was.
    pub(crate) revoked: Option<String>,
    progress: Progress,
    started: Instant,
    /// When its training last showed that it goes on.
    alive: Instant,
    near_end: bool,
    /// Its training hangs: nobody is told of it any more, so that its lease ends.
    given_up: bool,
}

#[derive(Debug, Default)]
struct Inner {
    store: String,
    running: Option<Running>,
    queue: VecDeque<Held>,
    unacknowledged: BTreeSet<Attempt>,
    ended: HashSet<Attempt>,
    ended_order: VecDeque<Attempt>,
    closed: bool,
}

impl Inner {
    fn remember(&mut self, id: Attempt) {
        if self.ended.insert(id) {
            self.ended_order.push_back(id);
        }
        if self.ended_order.len() > REMEMBERED
            && let Some(oldest) = self.ended_order.pop_front()
        {
            self.ended.remove(&oldest);
        }
    }

    fn knows(&self, id: Attempt) -> bool {
        self.running.as_ref().is_some_and(|running| running.lease.id == id)
            || self.queue.iter().any(|held| held.id == id)
            || self.unacknowledged.contains(&id)
            || self.ended.contains(&id)
    }

    /// Leases to have open at once; 0 for none to be asked for now. While a report is not acknowledged the coordinator
    /// still counts its lease, so asking would only bring that one again.
    fn capacity(&self) -> u32 {
        match &self.running {
            _ if self.closed || !self.unacknowledged.is_empty() || !self.queue.is_empty() => 0,
            None => 1,
            Some(running) if running.near_end && running.lease.store == self.store => 2,
            Some(_) => 0,
        }
    }
}

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Board {
    inner: Mutex<Inner>,
    /// Told after every change that the session may have to act on.
    pub(crate) changed: Notify,
    capacity: watch::Sender<u32>,
}

impl Board {
    pub(crate) fn new() -> Self {
        Self { inner: Mutex::default(), changed: Notify::new(), capacity: watch::Sender::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the board, then tells everyone whom it concerns.
    fn change<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let answer = self.change_by_session(change);
        self.changed.notify_one();
        answer
    }

    /// As [`Board::change`], for what the session itself does: telling it of that would keep it running in circles.
    fn change_by_session<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let mut inner = self.lock();
        let answer = change(&mut inner);
        let capacity = inner.capacity();
        drop(inner);
        self.capacity.send_if_modified(|known| std::mem::replace(known, capacity) != capacity);
        answer
    }

    /// How many leases to ask for, as it changes.
    pub(crate) fn capacity(&self) -> watch::Receiver<u32> {
        self.capacity.subscribe()
    }

    /// The coordinator's store, at every join. Leases of another store mean nothing to it: they end here.
    pub(crate) fn set_store(&self, store: &str) {
        self.change(|inner| {
            if inner.store == store {
                return;
            }
            inner.store = store.to_owned();
            inner.queue.clear();
            inner.unacknowledged.clear();
            inner.ended.clear();
            inner.ended_order.clear();
            if let Some(running) = &mut inner.running {
                running.revoked = Some("the coordinator has another store now".to_owned());
                running.stop.store(true, Ordering::Relaxed);
            }
        });
    }

    /// Queues a lease; false if this process holds or held it, or takes no more.
    pub(crate) fn accept(&self, held: Held) -> bool {
        self.change(|inner| {
            if inner.closed || inner.store != held.store || inner.knows(held.id) {
                return false;
            }
            inner.queue.push_back(held);
            true
        })
    }

    /// Makes the next queued lease the running one, if none runs.
    pub(crate) fn start_next(&self) -> Option<(Held, Arc<AtomicBool>)> {
        self.change_by_session(|inner| {
            if inner.running.is_some() {
                return None;
            }
            let lease = inner.queue.pop_front()?;
            let stop = Arc::new(AtomicBool::new(false));
            let started = Instant::now();
            inner.running = Some(Running {
                lease: lease.clone(),
                stop: Arc::clone(&stop),
                revoked: None,
                progress: Progress { phase: "loading", loss: f64::NAN, ..Progress::default() },
                started,
                alive: started,
                near_end: false,
                given_up: false,
            });
            Some((lease, stop))
        })
    }

    /// Progress of the running trial, from the training thread, at every step.
    pub(crate) fn progress(&self, progress: Progress) {
        let mut inner = self.lock();
        let Some(running) = &mut inner.running else { return };
        // Steps of a decode say nothing about the end of the trial.
        let share = if progress.steps == 0 || progress.phase == "decoding" {
            0.0
        } else {
            progress.step as f64 / progress.steps as f64
        };
        running.progress = progress;
        running.alive = Instant::now();
        let crossed = !running.near_end && share >= NEAR_END && {
            let left = running.started.elapsed().as_secs_f64() * (1.0 - share) / share;
            left <= NEAR_END_TIME.as_secs_f64()
        };
        drop(inner);
        if crossed {
            self.change(|inner| {
                if let Some(running) = &mut inner.running {
                    running.near_end = true;
                }
            });
        }
    }

    /// The training asked whether to stop: a sign of life, as evaluation gives no other.
    pub(crate) fn alive(&self) {
        if let Some(running) = &mut self.lock().running {
            running.alive = Instant::now();
        }
    }

    /// When the running trial, if any, last showed that it goes on.
    pub(crate) fn last_alive(&self) -> Option<Instant> {
        self.lock().running.as_ref().map(|running| running.alive)
    }

    /// Leaves the running trial, whose training hangs, out of every further heartbeat; returns it.
    pub(crate) fn give_up(&self) -> Option<Attempt> {
        self.change_by_session(|inner| {
            let running = inner.running.as_mut()?;
            running.given_up = true;
            Some(running.lease.id)
        })
    }

    /// Ends the running trial. With `reports`, its lease stays until [`Board::acknowledged`].
    pub(crate) fn finish(&self, reports: bool) -> Option<Running> {
        self.change_by_session(|inner| {
            let running = inner.running.take()?;
            if running.lease.store == inner.store {
                inner.remember(running.lease.id);
                if reports {
                    inner.unacknowledged.insert(running.lease.id);
                }
            }
            Some(running)
        })
    }

    /// The coordinator answered for the report of `id`.
    pub(crate) fn acknowledged(&self, store: &str, id: Attempt) {
        self.change(|inner| {
            if inner.store == store {
                inner.unacknowledged.remove(&id);
            }
        });
    }

    /// The coordinator took the lease away: a running trial is told to stop, a queued one is dropped.
    pub(crate) fn revoke(&self, id: Attempt, reason: &str) -> bool {
        self.change(|inner| {
            let queued = inner.queue.len();
            inner.queue.retain(|held| held.id != id);
            let mut found = inner.queue.len() != queued;
            if found {
                inner.remember(id);
            }
            let store = &inner.store;
            if let Some(running) = inner.running.as_mut().filter(|r| r.lease.id == id && r.lease.store == *store) {
                running.revoked = Some(reason.to_owned());
                running.stop.store(true, Ordering::Relaxed);
                found = true;
            }
            found
        })
    }

    /// Everything the coordinator should keep for this worker, for a heartbeat.
    pub(crate) fn held(&self) -> Vec<v1::Progress> {
        let inner = self.lock();
        let running = inner.running.iter().filter(|running| running.lease.store == inner.store && !running.given_up);
        let mut held: Vec<v1::Progress> =
            running.map(|running| wire::progress(running.lease.id, false, &running.progress)).collect();
        let waiting = Progress { loss: f64::NAN, ..Progress::default() };
        held.extend(inner.queue.iter().map(|lease| wire::progress(lease.id, true, &waiting)));
        let done = Progress { step: 1, steps: 1, phase: "evaluating", loss: f64::NAN, ..Progress::default() };
        held.extend(inner.unacknowledged.iter().map(|id| wire::progress(*id, false, &done)));
        held
    }

    /// Takes no more work and hands out what was queued.
    pub(crate) fn close(&self) -> Vec<Held> {
        self.change_by_session(|inner| {
            inner.closed = true;
            inner.queue.drain(..).collect()
        })
    }

    /// Tells the running trial, if any, to stop.
    pub(crate) fn stop_running(&self) {
        if let Some(running) = &self.lock().running {
            running.stop.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the running trial was told to stop.
    pub(crate) fn is_told_to_stop(&self) -> bool {
        self.lock().running.as_ref().is_some_and(|running| running.stop.load(Ordering::Relaxed))
    }

    /// Whether a trial trains.
    pub(crate) fn is_training(&self) -> bool {
        self.lock().running.is_some()
    }

    /// Whether nothing trains and nothing waits to be trained.
    pub(crate) fn is_idle(&self) -> bool {
        let inner = self.lock();
        inner.running.is_none() && inner.queue.is_empty()
    }

    /// Whether every report was acknowledged.
    pub(crate) fn is_settled(&self) -> bool {
        self.lock().unacknowledged.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(replicate: u32) -> Held {
        let id = Attempt { sweep: 1, config: 0, replicate, attempt: 1 };
        Held { id, store: "a".into(), recipe_digest: "d".into(), task: Err("not needed".into()) }
    }

    fn board() -> Board {
        let board = Board::new();
        board.set_store("a");
        board
    }

    fn step(board: &Board, step: u64) {
        board.progress(Progress { step, steps: 100, ..Progress::default() });
    }

    #[test]
    fn one_lease_while_idle_and_a_second_near_the_end() {
        let board = board();
        let capacity = board.capacity();
        assert_eq!(*capacity.borrow(), 1);
        assert!(board.accept(held(0)));
        assert_eq!(*capacity.borrow(), 0);
        assert!(board.start_next().is_some());
        step(&board, 89);
        assert_eq!(*capacity.borrow(), 0, "the tail of a sweep is not hoarded");
        step(&board, 90);
        assert_eq!(*capacity.borrow(), 2);
        assert!(board.accept(held(1)));
        assert_eq!(*capacity.borrow(), 0);
        assert!(board.finish(true).is_some());
        assert!(board.start_next().is_some(), "the next training does not wait for the acknowledgement");
        step(&board, 95);
        assert_eq!(*capacity.borrow(), 0);
        board.acknowledged("a", held(0).id);
        assert_eq!(*capacity.borrow(), 2);
    }

    #[test]
    fn a_long_trial_keeps_none_waiting_for_its_last_tenth() {
        let board = board();
        let capacity = board.capacity();
        board.accept(held(0));
        board.start_next();
        // As if it had trained for an hour: 4 minutes are left at 94 %.
        if let (Some(running), Some(before)) =
            (&mut board.lock().running, Instant::now().checked_sub(Duration::from_secs(3600)))
        {
            running.started = before;
        }
        step(&board, 94);
        assert_eq!(*capacity.borrow(), 0);
        step(&board, 100);
        assert_eq!(*capacity.borrow(), 2);
    }

    #[test]
    fn a_lease_is_never_taken_twice() {
        let board = board();
        assert!(board.accept(held(0)));
        assert!(!board.accept(held(0)), "while queued");
        board.start_next();
        assert!(!board.accept(held(0)), "while it trains");
        board.finish(true);
        assert!(!board.accept(held(0)), "while its report is on the way");
        board.acknowledged("a", held(0).id);
        assert!(!board.accept(held(0)), "ever again");
        for replicate in 1..=REMEMBERED as u32 + 5 {
            assert!(board.accept(held(replicate)));
            board.start_next();
            board.finish(false);
        }
        assert_eq!(board.lock().ended.len(), REMEMBERED, "memory is bounded");
    }

    #[test]
    fn revocation_stops_or_drops() {
        let board = board();
        board.accept(held(0));
        let stop = board.start_next().map(|(_, stop)| stop);
        board.accept(held(1));
        assert!(board.revoke(held(1).id, "cancelled"));
        assert!(!board.accept(held(1)));
        assert!(!board.revoke(held(9).id, "unknown here"));
        assert!(stop.as_ref().is_some_and(|stop| !stop.load(Ordering::Relaxed)));
        assert!(board.revoke(held(0).id, "cancelled"));
        assert!(stop.is_some_and(|stop| stop.load(Ordering::Relaxed)));
        assert!(board.finish(false).is_some_and(|running| running.revoked.as_deref() == Some("cancelled")));
    }

    #[test]
    fn another_store_ends_everything_of_the_former() {
        let board = board();
        board.accept(held(0));
        let stop = board.start_next().map(|(_, stop)| stop);
        board.accept(held(1));
        board.set_store("b");
        assert!(stop.is_some_and(|stop| stop.load(Ordering::Relaxed)));
        assert!(board.held().is_empty(), "its leases are not spoken of to the other store");
        assert!(!board.accept(held(2)), "nor taken from an answer that is late");
        board.finish(true);
        assert!(board.is_settled());
        let other = Held { store: "b".into(), ..held(0) };
        assert!(board.accept(other), "the same numbers are another trial there");
    }

    #[test]
    fn every_sign_of_life_counts_and_a_hanging_trial_is_not_spoken_of() {
        let board = board();
        assert!(board.last_alive().is_none() && board.give_up().is_none(), "nothing runs");
        board.accept(held(0));
        board.start_next();
        let first = board.last_alive();
        assert!(first.is_some(), "its start is the first one");
        std::thread::sleep(Duration::from_millis(2));
        step(&board, 1);
        let second = board.last_alive();
        assert!(second > first);
        std::thread::sleep(Duration::from_millis(2));
        board.alive();
        assert!(board.last_alive() > second);
        assert_eq!(board.held().len(), 1);
        assert_eq!(board.give_up(), Some(held(0).id));
        assert!(board.held().is_empty(), "its lease must lapse");
        assert!(!board.accept(held(0)), "nor is it taken again here");
    }

    #[test]
    fn a_heartbeat_carries_everything_held() {
        let board = board();
        board.accept(held(0));
        board.start_next();
        board.finish(true);
        board.accept(held(1));
        board.start_next();
        step(&board, 40);
        board.accept(held(2));
        let held: Vec<(u32, bool, u64)> =
            board.held().iter().map(|p| (p.id.unwrap_or_default().replicate, p.queued, p.step)).collect();
        assert_eq!(held, [(1, false, 40), (2, true, 0), (0, false, 1)]);
        assert_eq!(board.close().len(), 1);
        assert!(!board.accept(self::held(3)));
    }
}
