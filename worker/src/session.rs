//! Join, acquire, train, report, in a loop, until told to leave.
//!
//! Four things go on at once and meet on the `board`: the `acquirer` asks for work, the `training` thread trains, the
//! `lease_keeper` keeps the leases, the `delivery` sends reports. The session itself starts trainings, turns their
//! ends into reports, and knows how to leave.

use crate::{
    acquirer,
    board::{Board, Held},
    delivery::Delivery,
    exit, lease_keeper,
    link::{CallError, Link},
    log,
    outbox::Outbox,
    random,
    trainer::{MakeTrainer, TrainError, TrainerOptions},
    training::{self, Done, Job},
    wire,
};
use std::{
    io::Write,
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::Duration,
};
use sweeper_proto::{
    PROTOCOL_VERSION,
    v1::{JoinRequest, TrialReport, trial_report::Result as Reported},
};
use sweeper_recipe::TRAINER_VERSION;
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout, timeout_at},
};
use tracing::{error, info, warn};

/// What is left after the grace period for handing back, delivering and saying goodbye. The supervisor kills two
/// seconds later, so that the default grace of 25 s fits into the 30 s that Slurm and Kubernetes give.
pub(crate) const FAREWELL: Duration = Duration::from_secs(2);
/// How long giving a lease back may take.
const RELEASE: Duration = Duration::from_millis(1500);

/// What a session needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Address of the coordinator.
    pub coordinator: String,
    /// Stable name of the place this process fills.
    pub slot: String,
    /// Name of the machine.
    pub node: String,
    /// What the trainer is made with.
    pub trainer: TrainerOptions,
    /// Time that a running trial gets to finish after the first signal.
    pub grace: Duration,
    /// End after that long without work.
    pub idle_exit: Option<Duration>,
    /// A training that shows no sign of life for that long hangs, and the process ends; none for no such limit.
    pub stall_limit: Option<Duration>,
    /// Write [`TRIAL_ENDED`] to stdout whenever a training ended, for the supervisor at its other end.
    pub announce: bool,
}

/// What a child tells its supervisor through stdout: it did some work, so that its death is not one of many at once.
/// A byte that no library would print.
pub const TRIAL_ENDED: u8 = 0x06;

/// Why a session ends without having been asked to.
enum End {
    /// The coordinator does not take this worker.
    Refused(String),
    /// Nothing to do for long enough.
    Idle,
    /// This worker cannot train here; the code says why.
    Unusable(u8),
    /// A signal came.
    Signal,
    /// The training thread is gone.
    Broken,
    /// The training thread hangs.
    Stalled(Duration),
}

struct Session {
    settings: Settings,
    link: Arc<Link>,
    board: Arc<Board>,
    delivery: Delivery,
    jobs: mpsc::Sender<Job>,
    thread: JoinHandle<()>,
    done: UnboundedReceiver<Done>,
    saves: JoinSet<()>,
    idle_since: Option<Instant>,
}

/// Works until told to leave by `signals`, refused, or idle for long enough, and returns the exit code. The first
/// signal finishes the running trial within the grace period, the second leaves at once.
pub async fn run(settings: Settings, outbox: Outbox, make: MakeTrainer, mut signals: UnboundedReceiver<()>) -> u8 {
    let board = Arc::new(Board::new());
    let me = JoinRequest {
        protocol_version: PROTOCOL_VERSION,
        software_version: env!("CARGO_PKG_VERSION").to_owned(),
        trainer_version: TRAINER_VERSION.to_owned(),
        process_id: random::hex(32),
        slot: settings.slot.clone(),
        node: settings.node.clone(),
        device: settings.trainer.device.to_string(),
        os_pid: std::process::id(),
    };
    let link = match Link::new(&settings.coordinator, me, Arc::clone(&board)) {
        Ok(link) => Arc::new(link),
        Err(error) => {
            error!(url = settings.coordinator, %error, "this is no address of a coordinator");
            log::fatal(&format!(
                "`{}` is not an address of a coordinator; hint: write it like http://127.0.0.1:7733",
                settings.coordinator
            ));
            return exit::USAGE;
        }
    };
    let (tell_done, done) = unbounded_channel();
    let (jobs, thread) = match training::start(make, settings.trainer.clone(), Arc::clone(&board), tell_done) {
        Ok(started) => started,
        Err(error) => {
            error!(%error, "cannot start the training thread");
            return exit::INTERNAL;
        }
    };
    let delivery = Delivery::new(outbox);
    let saves = JoinSet::new();
    let mut session = Session { settings, link, board, delivery, jobs, thread, done, saves, idle_since: None };
    let mut tasks = session.start_tasks();
    let end = session.work(&mut tasks, &mut signals).await;
    session.end(end, &mut tasks, &mut signals).await
}

impl Session {
    /// Starts everything that goes on beside the session; a task ends only when the coordinator refuses this worker.
    fn start_tasks(&self) -> JoinSet<String> {
        let mut tasks = JoinSet::new();
        let (link, board) = (Arc::clone(&self.link), Arc::clone(&self.board));
        tasks.spawn(async move { acquirer::run(&link, &board).await });
        let (link, board) = (Arc::clone(&self.link), Arc::clone(&self.board));
        tasks.spawn(async move { lease_keeper::run(&link, &board).await });
        let (link, board, delivery) = (Arc::clone(&self.link), Arc::clone(&self.board), self.delivery.clone());
        tasks.spawn(async move { delivery.run(&link, &board).await });
        tasks
    }

    async fn work(&mut self, tasks: &mut JoinSet<String>, signals: &mut UnboundedReceiver<()>) -> End {
        let board = Arc::clone(&self.board);
        loop {
            if !self.start_next() {
                return End::Broken;
            }
            let idle_until = self.idle_until();
            tokio::select! {
                Some(()) = signals.recv() => return End::Signal,
                done = self.done.recv() => match done {
                    Some(done) => if let Some(code) = self.finished(done).await {
                        return End::Unusable(code);
                    },
                    None => return End::Broken,
                },
                () = board.changed.notified() => {}
                Some(_) = self.saves.join_next() => {}
                Some(ended) = tasks.join_next() => return match ended {
                    Ok(why) => End::Refused(why),
                    Err(error) => {
                        error!(%error, "a part of the worker broke");
                        End::Broken
                    }
                },
                () = sleep_until(idle_until.unwrap_or_else(Instant::now)), if idle_until.is_some() => return End::Idle,
                limit = stalled(&board, self.settings.stall_limit) => return End::Stalled(limit),
            }
        }
    }

    /// When to end for want of work, if it stays away.
    fn idle_until(&mut self) -> Option<Instant> {
        if !self.board.is_idle() {
            self.idle_since = None;
            return None;
        }
        let since = *self.idle_since.get_or_insert_with(Instant::now);
        self.settings.idle_exit.map(|time| since + time)
    }

    /// Hands the next queued trial to the training thread, if that is free; false if the thread is gone.
    fn start_next(&mut self) -> bool {
        while let Some((held, stop)) = self.board.start_next() {
            match held.task {
                Ok(task) => {
                    info!(trial = task.label, "training begins");
                    return self.jobs.send(Job { task, stop }).is_ok();
                }
                Err(why) => {
                    error!(trial = %held.id, error = why, "a trial cannot be read");
                    if let Some(running) = self.board.finish(true) {
                        self.keep(&running.lease, wire::failure(&why));
                    }
                }
            }
        }
        true
    }

    /// Turns the end of a training into a report; returns an exit code where this worker cannot go on.
    async fn finished(&mut self, done: Done) -> Option<u8> {
        let done = match done {
            Err(TrainError::Stopped) if !self.board.is_told_to_stop() => {
                Err(TrainError::Failed("the trainer stopped although nobody asked it to".to_owned()))
            }
            done => done,
        };
        let unreported = matches!(done, Err(TrainError::Stopped | TrainError::Unusable { .. }));
        let running = self.board.finish(!unreported)?;
        let trial = running.lease.id;
        if self.settings.announce && !unreported {
            announce();
        }
        match done {
            Ok(outcome) => {
                info!(%trial, ending = ?outcome.ending, seconds = outcome.train_seconds, "training ended");
                self.keep(&running.lease, wire::outcome(outcome));
            }
            Err(TrainError::Failed(error)) => {
                error!(%trial, error, "training failed");
                self.keep(&running.lease, wire::failure(&error));
            }
            Err(TrainError::Stopped) => match running.revoked {
                Some(reason) => info!(%trial, reason, "training stopped"),
                None => self.release(vec![running.lease], "the worker is leaving").await,
            },
            Err(TrainError::Unusable { exit_code, message }) => {
                error!(%trial, error = message, "this worker cannot train here");
                log::fatal(&message);
                self.release(vec![running.lease], &message).await;
                return Some(exit_code);
            }
        }
        None
    }

    /// Makes a report durable beside everything else, so that the next training need not wait for the disk.
    fn keep(&mut self, lease: &Held, result: Reported) {
        let report = report(lease, result);
        self.saves.spawn(self.delivery.clone().keep(lease.store.clone(), report));
    }

    /// Gives leases back, as far as the coordinator can be reached; if it cannot, they lapse.
    async fn release(&self, leases: Vec<Held>, reason: &str) {
        let Some(at) = self.link.current() else { return };
        let reports: Vec<TrialReport> = leases
            .iter()
            .filter(|lease| lease.store == at.store)
            .map(|lease| report(lease, wire::released(reason)))
            .collect();
        if reports.is_empty() {
            return;
        }
        match timeout(RELEASE, self.link.report(&at, reports)).await {
            Ok(Ok(_)) => info!(trials = leases.len(), "gave trials back"),
            Ok(Err(CallError::Later(_) | CallError::Refused(_))) | Err(_) => {
                warn!(trials = leases.len(), "could not give trials back; their leases will lapse");
            }
        }
    }

    /// Leaves: hands back, delivers, says goodbye.
    async fn end(mut self, end: End, tasks: &mut JoinSet<String>, signals: &mut UnboundedReceiver<()>) -> u8 {
        let queued = self.board.close();
        let (code, reason, grace) = match end {
            End::Refused(why) => {
                error!(reason = why, "the coordinator refuses this worker; install the same version on both sides");
                log::fatal(&format!("the coordinator refuses this worker: {why}; hint: use one version on both sides"));
                self.board.stop_running();
                return self.stop_thread(exit::VERSION_MISMATCH).await;
            }
            End::Signal => (exit::OK, "told to leave", self.settings.grace),
            End::Idle => (exit::OK, "no work", Duration::ZERO),
            End::Unusable(code) => (code, "cannot train here", Duration::ZERO),
            End::Broken => (exit::INTERNAL, "broke", Duration::ZERO),
            End::Stalled(limit) => return self.end_stalled(limit, queued).await,
        };
        info!(reason, grace_s = grace.as_secs_f64(), "leaving");
        let deadline = Instant::now() + grace;
        let farewell = async {
            if !queued.is_empty() {
                self.release(queued, reason).await;
            }
            let code = self.finish_running(deadline).await.unwrap_or(code);
            self.flush().await;
            code
        };
        let code = tokio::select! {
            ended = timeout_at(deadline + FAREWELL, farewell) => ended.unwrap_or(code),
            Some(()) = signals.recv() => {
                warn!("told again: leaving at once");
                self.board.stop_running();
                code
            }
        };
        self.link.leave(reason, Duration::from_millis(700)).await;
        tasks.abort_all();
        self.stop_thread(code).await
    }

    /// Leaves behind a training that hangs: nothing can stop its thread, so the process has to end with it. No goodbye is
    /// said, as this is a death: the coordinator is to count it as one when the lease lapses or a successor joins.
    async fn end_stalled(mut self, limit: Duration, queued: Vec<Held>) -> u8 {
        let trial = self.board.give_up().map(|id| id.to_string()).unwrap_or_default();
        error!(
            trial,
            limit_s = limit.as_secs_f64(),
            "the training shows no progress and is given up with this process; --stall-limit or SWEEPER_STALL_LIMIT \
             sets another limit, 0 none"
        );
        self.board.stop_running();
        let farewell = async {
            self.release(queued, "the training before it hangs").await;
            self.flush().await;
        };
        if timeout(FAREWELL, farewell).await.is_err() {
            warn!("reports wait in the outbox for the next process");
        }
        exit::INTERNAL
    }

    /// Waits for the running trial, and stops it when its time is over.
    async fn finish_running(&mut self, deadline: Instant) -> Option<u8> {
        let mut overdue = false;
        while self.board.is_training() {
            tokio::select! {
                done = self.done.recv() => if let Some(code) = self.finished(done?).await {
                    return Some(code);
                },
                () = sleep_until(deadline), if !overdue => {
                    info!("the grace period is over; the running trial is given back");
                    self.board.stop_running();
                    overdue = true;
                }
            }
        }
        None
    }

    /// Waits until everything is on disk and acknowledged.
    async fn flush(&mut self) {
        while self.saves.join_next().await.is_some() {}
        while let Some(at) = self.link.current() {
            if self.board.is_settled() && self.delivery.is_empty(at.store).await {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Lets the training thread end, so that its trainer is dropped before the process ends; not for ever, because a
    /// long step may still be going on.
    async fn stop_thread(self, code: u8) -> u8 {
        drop(self.jobs);
        let until = Instant::now() + Duration::from_millis(200);
        while !self.thread.is_finished() && Instant::now() < until {
            sleep(Duration::from_millis(5)).await;
        }
        code
    }
}

/// Resolves once the running trial has shown no sign of life for `limit`, which it returns; never without a limit.
async fn stalled(board: &Board, limit: Option<Duration>) -> Duration {
    let Some(limit) = limit else { return std::future::pending().await };
    // Trainings begin where this future is made anew, so without one there is nothing to wait for.
    while let Some(alive) = board.last_alive() {
        // The last tenth is waited for on its own: a process that was suspended as a whole is late without hanging.
        sleep_until((alive + limit.mul_f64(0.9)).into()).await;
        if board.last_alive() == Some(alive) {
            sleep(limit.mul_f64(0.1)).await;
            if board.last_alive() == Some(alive) {
                return limit;
            }
        }
    }
    std::future::pending().await
}

/// See [`TRIAL_ENDED`].
fn announce() {
    let mut stdout = std::io::stdout().lock();
    // Without a supervisor nobody wants to know.
    let _ = stdout.write_all(&[TRIAL_ENDED]).and_then(|()| stdout.flush());
}

fn report(lease: &Held, result: Reported) -> TrialReport {
    TrialReport { id: Some(lease.id.into()), recipe_digest: lease.recipe_digest.clone(), result: Some(result) }
}
