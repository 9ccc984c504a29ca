//! The coordinator's shell of a world, its network, and what may befall it.

use super::{
    Call, Packet, Reply, Rng, Sender, TERM, World,
    model::{Model, Violation, ensure},
    truth,
};
use std::collections::BTreeMap;
use sweeper_core::{
    ids::{AttemptId, Millis, SweepId, WorkerId},
    plan::trial_seed,
    record::OutcomeKind,
    scheduler::{ReportAnswer, ReusedOutcome, Scheduler, Settings, TrialReport},
    spec::SweepSpec,
    state::{State, TrialState, apply},
};

/// A worker id that nobody has.
const STRANGER: WorkerId = WorkerId(999_999);

/// How much goes wrong: percent of messages, and per ten thousand steps.
#[derive(Debug)]
pub(super) struct Faults {
    pub(super) loss: u64,
    pub(super) repeat: u64,
    pub(super) late: u64,
    pub(super) worker_crash: u64,
    pub(super) worker_leave: u64,
    pub(super) cut: u64,
    coordinator_crash: u64,
    jump: u64,
    stray: u64,
    user: u64,
}

impl Faults {
    /// Every kind is absent in some worlds, so that each is also seen without the others.
    pub(super) fn some(rng: &mut Rng) -> Self {
        let mut pick = |most: u64| if rng.chance(30) { 0 } else { 1 + rng.below(most) };
        Self {
            loss: pick(30),
            repeat: pick(30),
            late: pick(20),
            worker_crash: pick(120),
            worker_leave: pick(60),
            cut: pick(80),
            coordinator_crash: pick(150),
            jump: pick(40),
            stray: pick(300),
            user: pick(120),
        }
    }
}

impl World {
    pub(super) const fn at(&self) -> Millis {
        Millis(self.now)
    }

    /// Gives a message to the network, which may lose, repeat or delay it.
    pub(super) fn send(&mut self, packet: impl Fn() -> Packet) {
        let copies = if self.calm {
            1
        } else {
            u64::from(!self.rng.chance(self.faults.loss)) + u64::from(self.rng.chance(self.faults.repeat))
        };
        for _ in 0..copies {
            let late = !self.calm && self.rng.chance(self.faults.late);
            let delay = self.rng.below(if late { 5 * TERM } else { 200 });
            self.network.push((self.now + delay, packet()));
        }
    }

    /// A random message that is due, of one direction.
    fn receive(&mut self, to_coordinator: bool) -> Option<Packet> {
        let due = |(at, packet): &(u64, Packet)| {
            *at <= self.now && matches!(packet, Packet::ToCoordinator(..)) == to_coordinator
        };
        let due: Vec<usize> = (0..self.network.len()).filter(|i| due(&self.network[*i])).collect();
        let chosen = *due.get(self.rng.below(due.len().max(1) as u64) as usize)?;
        Some(self.network.swap_remove(chosen).1)
    }

    pub(super) fn deliver_to_process(&mut self) {
        if let Some(Packet::ToProcess { slot, process, reply }) = self.receive(false) {
            self.process_hears(slot, process, reply);
        }
    }

    /// Decide, commit, answer; in a time of faults the coordinator may die between any two.
    pub(super) fn coordinator_turn(&mut self) -> Result<(), Violation> {
        if self.scheduler.is_none() {
            if self.now < self.restart_at {
                return Ok(());
            }
            self.restart()?;
        }
        let mut answers = Vec::new();
        for _ in 0..1 + self.rng.below(6) {
            let Some(Packet::ToCoordinator(sender, call)) = self.receive(true) else { break };
            let reply = self.decide(&call)?;
            answers.push((sender, call, reply));
        }
        let due = self.scheduler.as_ref().and_then(Scheduler::next_deadline).is_some_and(|at| at <= self.at());
        if due && (self.calm || self.rng.chance(70)) {
            self.decide(&Call::Expire)?;
        }
        if !self.calm && self.rng.rarely(self.faults.coordinator_crash) {
            self.summary.lost_decisions += self.uncommitted.len() as u64;
            self.crash_coordinator();
            return Ok(());
        }
        self.commit()?;
        if !self.calm && self.rng.rarely(self.faults.coordinator_crash) {
            self.summary.lost_answers += answers.len() as u64;
            self.crash_coordinator();
            return Ok(());
        }
        self.take_looks()?;
        self.commit()?;
        if !self.calm && self.rng.rarely(self.faults.coordinator_crash) {
            self.summary.lost_answers += answers.len() as u64;
            self.crash_coordinator();
            return Ok(());
        }
        for (sender, call, reply) in answers {
            self.answer(sender, &call, reply)?;
        }
        Ok(())
    }

    /// Takes every look that is due, of committed facts alone.
    fn take_looks(&mut self) -> Result<(), Violation> {
        let due = |scheduler: &Scheduler| {
            let (id, sweep, looks) =
                scheduler.state().sweeps.iter().find_map(|(id, sweep)| Some((*id, sweep, sweep.due_look()?)))?;
            let undecided: Vec<u32> = looks.undecided().collect();
            let stopped = truth::decided(&sweep.spec, &looks.name, looks.next()?, &undecided);
            Some(Call::Look { sweep: id, stratum: looks.name.clone(), stopped })
        };
        while let Some(call) = self.scheduler.as_ref().and_then(due) {
            self.decide(&call)?;
        }
        Ok(())
    }

    fn decide(&mut self, call: &Call) -> Result<Reply, Violation> {
        let now = self.at();
        let Some(scheduler) = &mut self.scheduler else { return Ok(Reply::Nothing) };
        let before = scheduler.state().clone();
        let reply = perform(scheduler, now, call.clone());
        let records = scheduler.take_records();
        self.model.judge(now.0, call, &reply, &records, &before, scheduler)?;
        self.uncommitted.extend(records);
        Ok(reply)
    }

    fn commit(&mut self) -> Result<(), Violation> {
        for record in self.uncommitted.drain(..) {
            if let Err(error) = apply(&mut self.shadow, &record) {
                return Err(format!("the store would not restore: {error} in {record:?}"));
            }
            self.committed.push(record);
        }
        let live = self.scheduler.as_ref().map(Scheduler::state);
        ensure!(live.is_none_or(|live| *live == self.shadow), "the committed facts lead to another state");
        Ok(())
    }

    fn answer(&mut self, sender: Sender, call: &Call, reply: Reply) -> Result<(), Violation> {
        if let (Call::Report { id, report: TrialReport::Outcome(_), .. }, Reply::Reported(_, answer)) = (call, &reply)
            && !matches!(answer, ReportAnswer::Refused(_))
        {
            let kept = self.shadow.trial(id.trial).is_some_and(|t| t.state == TrialState::Finished);
            ensure!(kept, "outcome of {id} was acknowledged and is not in the store");
        }
        if let (Call::Submit { spec, .. }, Reply::Submitted(result)) = (call, &reply) {
            check_submission(spec, result, &self.shadow)?;
        }
        if let Some((slot, process)) = sender
            && self.slots[slot].cut_until <= self.now
        {
            self.send(|| Packet::ToProcess { slot, process, reply: reply.clone() });
        }
        Ok(())
    }

    fn crash_coordinator(&mut self) {
        self.scheduler = None;
        self.uncommitted.clear();
        self.restart_at = self.now + self.rng.below(3 * TERM);
    }

    fn restart(&mut self) -> Result<(), Violation> {
        let settings = Settings { lease_term_ms: TERM };
        let restored = Scheduler::restore_planted(settings, self.committed.iter().cloned(), self.at(), self.planted);
        let scheduler = restored.map_err(|error| format!("restart failed: {error}"))?;
        ensure!(*scheduler.state() == self.shadow, "a restart leads to another state");
        self.model = Model::restored(TERM, &self.committed, self.now)?;
        self.scheduler = Some(scheduler);
        Ok(())
    }

    /// What may happen by itself at any time.
    pub(super) fn misfortune(&mut self) {
        if self.rng.rarely(self.faults.jump) {
            self.now += self.rng.below(4 * TERM);
        }
        if self.rng.rarely(self.faults.stray) {
            self.stray_report();
        }
        if self.rng.rarely(self.faults.user) {
            self.user_acts();
        }
    }

    fn user_acts(&mut self) {
        let last = self.submissions.len() as u64;
        match self.rng.below(4) {
            0 => {
                let sweep = SweepId(1 + self.rng.below(last + 1) as u32);
                self.send(|| Packet::ToCoordinator(None, Call::Cancel(sweep)));
            }
            1 => {
                let again = self.submissions[self.rng.below(last) as usize].clone();
                let supersede = self.rng.chance(50);
                self.submit(again, supersede);
            }
            _ if last < 6 => {
                let spec = truth::spec(&mut self.rng);
                let supersede = self.rng.chance(50);
                self.submit(spec, supersede);
            }
            _ => {}
        }
    }

    /// Submits a sweep with the outcomes that equal trials have already, and one that lies about its data.
    pub(super) fn submit(&mut self, spec: SweepSpec, supersede: bool) {
        let mut known = BTreeMap::new();
        for (id, outcome) in self.model.accepted.iter().filter(|_| !self.rng.chance(20)) {
            let Some(sweep) = self.shadow.sweeps.get(&id.sweep) else { continue };
            let config = &sweep.spec.configs[id.config as usize];
            let key = (&config.recipe_digest, trial_seed(&sweep.spec, id.config, id.replicate));
            if config.data_key == outcome.provenance.data_digest.trim_start_matches("digest-of-") {
                known.insert(key, (*id, outcome));
            }
        }
        let mut reused = Vec::new();
        for (config, replicate) in sweeper_core::plan::trials(&spec) {
            let wanted = &spec.configs[config as usize];
            let key = (&wanted.recipe_digest, trial_seed(&spec, config, replicate));
            let Some((from, outcome)) = known.get(&key) else { continue };
            if outcome.provenance.data_digest == truth::data_digest(&wanted.data_key) {
                let outcome = (*outcome).clone();
                reused.push(ReusedOutcome { config, replicate, from: *from, worker: Some(STRANGER), outcome });
            }
        }
        self.submissions.push(spec.clone());
        let call = || Call::Submit { spec: Box::new(spec.clone()), supersede, reused: reused.clone() };
        if self.submissions.len() == 1 {
            self.network.push((self.now, Packet::ToCoordinator(None, call())));
        } else {
            self.send(|| Packet::ToCoordinator(None, call()));
        }
    }

    /// A report that must be refused, from somebody who holds no lease.
    fn stray_report(&mut self) {
        let tried = self.shadow.sweeps.values().flat_map(|s| &s.trials).filter(|t| t.attempts > 0);
        let tried: Vec<_> = tried.map(|t| (t.id, t.attempts)).collect();
        let Some((trial, attempts)) = tried.get(self.rng.below(tried.len().max(1) as u64) as usize).copied() else {
            return;
        };
        let Some(sweep) = self.shadow.sweeps.get(&trial.sweep) else { return };
        let config = &sweep.spec.configs[trial.config as usize];
        let seed = trial_seed(&sweep.spec, trial.config, trial.replicate);
        let mut outcome = truth::outcome(&config.recipe_digest, &config.data_key, seed, 1.0);
        let mut digest = config.recipe_digest.clone();
        let mut id = AttemptId { trial, attempt: 1 + self.rng.below(attempts.into()) as u32 };
        match self.rng.below(4) {
            0 => digest.push('?'),
            1 => id.attempt = attempts + 1000,
            2 if sweep.data.contains_key(&config.data_key) => outcome.provenance.data_digest.push('?'),
            _ => {
                outcome.kind = OutcomeKind::Completed;
                outcome.metrics[1].value = f64::INFINITY;
            }
        }
        let report = TrialReport::Outcome(outcome);
        let call = || Call::Report { worker: STRANGER, id, digest: digest.clone(), report: report.clone() };
        self.send(|| Packet::ToCoordinator(None, call()));
    }
}

fn perform(scheduler: &mut Scheduler, now: Millis, call: Call) -> Reply {
    match call {
        Call::Join(info) => Reply::Joined(scheduler.join(now, info)),
        Call::Acquire { worker, capacity } => {
            scheduler.acquire(now, worker, capacity).map_or(Reply::UnknownWorker, Reply::Granted)
        }
        Call::Heartbeat { worker, ids } => {
            scheduler.heartbeat(now, worker, &ids).map_or(Reply::UnknownWorker, Reply::Revoked)
        }
        Call::Report { worker, id, digest, report } => {
            Reply::Reported(id, scheduler.report(now, worker, id, &digest, report))
        }
        Call::Leave { worker } => {
            scheduler.leave(now, worker);
            Reply::Nothing
        }
        Call::Submit { spec, supersede, reused } => Reply::Submitted(scheduler.submit(now, *spec, supersede, reused)),
        Call::Cancel(sweep) => {
            scheduler.cancel(now, sweep, "a user").ok();
            Reply::Nothing
        }
        Call::Look { sweep, stratum, stopped } => match scheduler.look(now, sweep, &stratum, stopped) {
            Ok(_) => Reply::Nothing,
            Err(error) => Reply::NoLook(error.to_string()),
        },
        Call::Expire => {
            scheduler.expire(now);
            Reply::Nothing
        }
    }
}

fn check_submission(
    spec: &SweepSpec,
    result: &Result<sweeper_core::scheduler::Submitted, sweeper_core::scheduler::SubmitError>,
    state: &State,
) -> Result<(), Violation> {
    match result {
        Ok(submitted) => {
            let same = state.sweeps.get(&submitted.sweep).is_some_and(|s| s.spec.digest == spec.digest);
            ensure!(same, "{submitted:?} is another sweep");
        }
        Err(sweeper_core::scheduler::SubmitError::NameBusy { sweep }) => {
            let busy = state.sweeps.get(sweep);
            let right = busy.is_some_and(|s| s.spec.name == spec.name && s.spec.digest != spec.digest);
            ensure!(right, "{sweep} is not in the way of `{}`", spec.name);
        }
        Err(error) => return Err(format!("submission failed: {error}")),
    }
    Ok(())
}
