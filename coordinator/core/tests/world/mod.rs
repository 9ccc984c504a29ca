//! A seeded world: one coordinator over a store that keeps what was committed, workers with durable outboxes, and a
//! network that loses, repeats, delays and reorders. One seed is one history; nothing here reads a clock.

mod coordinator;
mod model;
mod process;
pub(crate) mod truth;

pub(crate) use model::Violation;

use coordinator::Faults;
use model::{Model, ensure, is_death};
use process::Slot;
use std::collections::BTreeMap;
use sweeper_core::{
    ids::{AttemptId, SweepId, WorkerId},
    plan::trial_seed,
    record::{LeaseEnd, Record, Stopped, WorkerEnd, WorkerInfo},
    scheduler::{
        Grant, PlantedBug, ReportAnswer, ReusedOutcome, Revocation, Scheduler, Settings, SubmitError, Submitted,
        TrialReport,
    },
    spec::SweepSpec,
    state::{State, Sweep, TrialState},
};

/// Lease term of every world, milliseconds.
pub(crate) const TERM: u64 = 3_000;
/// Steps after which a calm world that still has open trials is stuck; each is about 50 ms.
const CALM_STEPS: u32 = 20_000;

/// SplitMix64.
#[derive(Debug, Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let a = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let b = (a ^ (a >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        b ^ (b >> 31)
    }

    /// Below `n`, which is not 0.
    pub(crate) const fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// True in `percent` of a hundred cases.
    pub(crate) const fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// True in `n` of ten thousand cases.
    pub(crate) const fn rarely(&mut self, n: u64) -> bool {
        self.below(10_000) < n
    }
}

/// A call of the core.
#[derive(Debug, Clone)]
pub(crate) enum Call {
    Join(WorkerInfo),
    Acquire { worker: WorkerId, capacity: u32 },
    Heartbeat { worker: WorkerId, ids: Vec<AttemptId> },
    Report { worker: WorkerId, id: AttemptId, digest: String, report: TrialReport },
    Leave { worker: WorkerId },
    Submit { spec: Box<SweepSpec>, supersede: bool, reused: Vec<ReusedOutcome> },
    Cancel(SweepId),
    Look { sweep: SweepId, stratum: String, stopped: Vec<Stopped> },
    Expire,
}

/// What the core answered.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Joined(WorkerId),
    Granted(Vec<Grant>),
    Revoked(Vec<Revocation>),
    UnknownWorker,
    Reported(AttemptId, ReportAnswer),
    Submitted(Result<Submitted, SubmitError>),
    /// A look was refused.
    NoLook(String),
    Nothing,
}

/// Where a message comes from: a process in a slot, or nobody who waits for the answer.
type Sender = Option<(usize, u64)>;

#[derive(Debug)]
enum Packet {
    ToCoordinator(Sender, Call),
    ToProcess { slot: usize, process: u64, reply: Reply },
}

/// What happened in a world, to prove that its faults fired.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Summary {
    pub(crate) lost_decisions: u64,
    pub(crate) lost_answers: u64,
    pub(crate) expired: u64,
    pub(crate) worker_left: u64,
    pub(crate) replaced: u64,
    pub(crate) workers_lost: u64,
    pub(crate) released: u64,
    pub(crate) failed: u64,
    pub(crate) deaths: u64,
    pub(crate) abandoned: u64,
    pub(crate) diverged: u64,
    pub(crate) late: u64,
    pub(crate) superseded: u64,
    pub(crate) repeated: u64,
    pub(crate) reused: u64,
    pub(crate) cancelled: u64,
    pub(crate) looks: u64,
    pub(crate) stopped_pending: u64,
    pub(crate) stopped_leased: u64,
    pub(crate) run_ahead: u64,
    pub(crate) steps: u64,
}

pub(crate) struct World {
    rng: Rng,
    now: u64,
    calm: bool,
    faults: Faults,
    planted: Option<PlantedBug>,
    /// None while the coordinator is down.
    scheduler: Option<Scheduler>,
    restart_at: u64,
    /// Decided, not committed: lost in a crash.
    uncommitted: Vec<Record>,
    committed: Vec<Record>,
    /// What the committed facts add up to.
    shadow: State,
    model: Model,
    network: Vec<(u64, Packet)>,
    slots: Vec<Slot>,
    processes: u64,
    submissions: Vec<SweepSpec>,
    summary: Summary,
}

impl World {
    fn new(seed: u64, planted: Option<PlantedBug>) -> Self {
        let mut rng = Rng::new(seed);
        let faults = Faults::some(&mut rng);
        let slots = (0..1 + rng.below(5)).map(|_| Slot::new(1 + rng.below(3) as u32)).collect();
        let settings = Settings { lease_term_ms: TERM };
        Self {
            now: 1_000_000,
            calm: false,
            faults,
            planted,
            scheduler: Some(Scheduler::new_planted(settings, planted)),
            restart_at: 0,
            uncommitted: Vec::new(),
            committed: Vec::new(),
            shadow: State::default(),
            model: Model::new(TERM),
            network: Vec::new(),
            slots,
            processes: 0,
            submissions: Vec::new(),
            summary: Summary::default(),
            rng,
        }
    }

    /// Runs the world of a seed: a time of faults, then calm until every sweep is closed.
    pub(crate) fn run(seed: u64, planted: Option<PlantedBug>) -> Result<Summary, Violation> {
        let mut world = Self::new(seed, planted);
        let first = truth::spec(&mut world.rng);
        world.submit(first, false);
        for _ in 0..300 + world.rng.below(1200) {
            world.step()?;
        }
        world.calm_down();
        for _ in 0..CALM_STEPS {
            if world.is_done() {
                world.check_end()?;
                world.count_facts();
                return Ok(world.summary);
            }
            world.step()?;
        }
        let open: Vec<_> = world.shadow.open_sweeps().map(|(id, s)| (id, s.counts)).collect();
        Err(format!("no faults for {CALM_STEPS} steps, and still open: {open:?}"))
    }

    fn step(&mut self) -> Result<(), Violation> {
        self.summary.steps += 1;
        self.now += self.rng.below(100);
        if !self.calm {
            self.misfortune();
        }
        self.coordinator_turn()?;
        for _ in 0..1 + self.rng.below(4) {
            self.deliver_to_process();
        }
        for slot in 0..self.slots.len() {
            self.process_turn(slot);
        }
        Ok(())
    }

    /// Faults stop; one place may stay empty for ever.
    fn calm_down(&mut self) {
        self.calm = true;
        self.restart_at = self.now;
        for slot in &mut self.slots {
            slot.cut_until = 0;
        }
        if self.slots.len() > 1 && self.rng.chance(50) {
            self.slots[0].die_for_ever();
        }
    }

    fn is_done(&self) -> bool {
        let delivered = self.slots.iter().all(|slot| slot.is_dead() || slot.outbox.is_empty());
        let looked = self.shadow.sweeps.values().all(|s| s.due_look().is_none());
        self.network.is_empty()
            && looked
            && delivered
            && self.shadow.open_sweeps().next().is_none()
            && self.scheduler.is_some()
    }

    /// Results do not depend on the schedule: every trial of a sweep that was not cancelled ended as its content says.
    fn check_end(&self) -> Result<(), Violation> {
        for (id, sweep) in &self.shadow.sweeps {
            for trial in &sweep.trials {
                let config = &sweep.spec.configs[trial.id.config as usize];
                let seed = trial_seed(&sweep.spec, trial.id.config, trial.id.replicate);
                let fate = truth::fate(&config.recipe_digest, seed);
                let expected = match fate {
                    truth::Fate::AlwaysFails | truth::Fate::Kills => TrialState::Abandoned,
                    // It was often at work when its process died: that can be an accident.
                    _ if self.model.killers.contains(&trial.id) && trial.state == TrialState::Abandoned => trial.state,
                    _ => TrialState::Finished,
                };
                let cancelled = sweep.cancelled.is_some() && trial.state == TrialState::Cancelled;
                // It may also have run before its config was stopped.
                let stopped = self.model.is_stopped(trial.id) && trial.state == TrialState::Cancelled;
                ensure!(
                    cancelled || stopped || trial.state == expected,
                    "{} ended {}, its fate was {fate:?}",
                    trial.id,
                    trial.state
                );
                let diverged = fate == truth::Fate::Diverges && trial.state == TrialState::Finished;
                ensure!(trial.diverged == diverged, "{} diverged: {}, {fate:?}", trial.id, trial.diverged);
            }
            ensure!(sweep.closed.is_some(), "{id} is not closed");
            self.check_looks(*id, sweep)?;
        }
        let replayed = Scheduler::restore(Settings { lease_term_ms: TERM }, self.committed.iter().cloned(), self.at());
        ensure!(replayed.is_ok_and(|s| *s.state() == self.shadow), "a last restart leads to another state");
        Ok(())
    }

    /// Looks do not depend on the schedule either.
    fn check_looks(&self, id: SweepId, sweep: &Sweep) -> Result<(), Violation> {
        for stratum in sweep.spec.configs.chunk_by(|a, b| a.stratum == b.stratum).filter_map(|c| c.first()) {
            let mut expected = truth::looks(&sweep.spec, &stratum.stratum);
            let of_stratum = sweep.looks_taken.iter().filter(|t| t.look.stratum == stratum.stratum);
            let taken: Vec<(u32, Vec<u32>)> =
                of_stratum.map(|t| (t.look.replicates, t.look.stopped.iter().map(|s| s.config).collect())).collect();
            if sweep.cancelled.is_some() {
                expected.truncate(taken.len());
            }
            ensure!(taken == expected, "{id} looked at `{}` {taken:?}, planned {expected:?}", stratum.stratum);
        }
        Ok(())
    }

    fn count_facts(&mut self) {
        let summary = &mut self.summary;
        let mut last_attempt = BTreeMap::new();
        for record in &self.committed {
            match record {
                Record::LeaseGranted { id, .. } => {
                    last_attempt.insert(id.trial, Some(*id));
                }
                Record::LeaseEnded { id, end, .. } => {
                    last_attempt.insert(id.trial, None);
                    *match end {
                        LeaseEnd::Expired => &mut summary.expired,
                        LeaseEnd::WorkerLeft => &mut summary.worker_left,
                        LeaseEnd::Released(_) => &mut summary.released,
                        LeaseEnd::AttemptFailed(failure) if is_death(failure) => &mut summary.deaths,
                        LeaseEnd::AttemptFailed(_) => &mut summary.failed,
                    } += 1;
                }
                Record::OutcomeAccepted { id, reused_from, .. } => {
                    let open = last_attempt.get(&id.trial).copied().flatten();
                    summary.reused += u64::from(reused_from.is_some());
                    summary.late += u64::from(reused_from.is_none() && open != Some(*id));
                    summary.superseded += u64::from(open.is_some_and(|open| open != *id));
                }
                Record::WorkerGone { why: WorkerEnd::Replaced, .. } => summary.replaced += 1,
                Record::WorkerGone { why: WorkerEnd::Lost, .. } => summary.workers_lost += 1,
                Record::OutcomeRepeated { .. } => summary.repeated += 1,
                Record::TrialAbandoned { .. } => summary.abandoned += 1,
                Record::SweepCancelled { .. } => summary.cancelled += 1,
                Record::LookTaken { .. } => summary.looks += 1,
                _ => {}
            }
        }
        for sweep in self.shadow.sweeps.values() {
            for trial in sweep.trials.iter().filter(|t| sweep.stopped(t.id.config, t.id.replicate).is_some()) {
                *match trial.state {
                    TrialState::Cancelled if last_attempt.get(&trial.id).copied().flatten().is_some() => {
                        &mut summary.stopped_leased
                    }
                    TrialState::Cancelled => &mut summary.stopped_pending,
                    _ => &mut summary.run_ahead,
                } += 1;
            }
        }
        let diverged = self.shadow.sweeps.values().map(|s| u64::from(s.counts.diverged));
        summary.diverged += diverged.sum::<u64>();
    }
}
