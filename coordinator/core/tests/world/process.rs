//! Worker processes of a world. What is in a slot's outbox is on disk and survives its process.

use super::{Call, Packet, Reply, TERM, World, truth};
use std::collections::BTreeSet;
use sweeper_core::{
    ids::{AttemptId, WorkerId},
    record::WorkerInfo,
    scheduler::{Grant, TrialReport},
};

/// A place for one worker process at a time.
#[derive(Debug)]
pub(super) struct Slot {
    capacity: u32,
    /// Reports not yet answered: (attempt, recipe digest, report).
    pub(super) outbox: Vec<(AttemptId, String, TrialReport)>,
    process: Option<Process>,
    next_start: u64,
    /// Cut off from the coordinator until then.
    pub(super) cut_until: u64,
}

#[derive(Debug)]
struct Process {
    number: u64,
    worker: Option<WorkerId>,
    jobs: Vec<Job>,
    /// Attempts ever begun here: a late answer must not begin one again.
    begun: BTreeSet<AttemptId>,
    next_call: u64,
    next_heartbeat: u64,
}

#[derive(Debug)]
struct Job {
    id: AttemptId,
    digest: String,
    done_at: u64,
    /// Instead of a report, its process dies.
    kills: bool,
    report: TrialReport,
}

impl Slot {
    pub(super) const fn new(capacity: u32) -> Self {
        Self { capacity, outbox: Vec::new(), process: None, next_start: 0, cut_until: 0 }
    }

    pub(super) fn die_for_ever(&mut self) {
        self.process = None;
        self.next_start = u64::MAX;
    }

    pub(super) const fn is_dead(&self) -> bool {
        self.next_start == u64::MAX
    }
}

impl World {
    /// What the process in a slot does by itself.
    pub(super) fn process_turn(&mut self, slot: usize) {
        let now = self.now;
        if self.slots[slot].process.is_none() {
            if self.slots[slot].next_start <= now {
                self.processes += 1;
                let (worker, jobs, begun) = (None, Vec::new(), BTreeSet::new());
                let process = Process { number: self.processes, worker, jobs, begun, next_call: 0, next_heartbeat: 0 };
                self.slots[slot].process = Some(process);
            }
            return;
        }
        if !self.calm {
            if self.rng.rarely(self.faults.cut) {
                self.slots[slot].cut_until = now + self.rng.below(3 * TERM);
            }
            if self.rng.rarely(self.faults.worker_crash) {
                self.end_process(slot);
                return;
            }
            if self.rng.rarely(self.faults.worker_leave) {
                self.leave(slot);
                return;
            }
        }
        self.finish_jobs(slot);
        self.make_calls(slot);
    }

    fn end_process(&mut self, slot: usize) {
        self.slots[slot].process = None;
        self.slots[slot].next_start = self.now + self.rng.below(3 * TERM);
    }

    /// Hands leases back, some through the outbox, and says goodbye.
    fn leave(&mut self, slot: usize) {
        let Some(process) = self.slots[slot].process.take() else { return };
        let Some(worker) = process.worker else { return self.end_process(slot) };
        for job in process.jobs {
            let report = TrialReport::Released("shutting down".to_owned());
            if self.rng.chance(50) {
                self.slots[slot].outbox.push((job.id, job.digest.clone(), report.clone()));
            }
            let call = || Call::Report { worker, id: job.id, digest: job.digest.clone(), report: report.clone() };
            self.send(|| Packet::ToCoordinator(None, call()));
        }
        self.send(|| Packet::ToCoordinator(None, Call::Leave { worker }));
        self.end_process(slot);
    }

    fn finish_jobs(&mut self, slot: usize) {
        let now = self.now;
        let Slot { process: Some(process), outbox, .. } = &mut self.slots[slot] else { return };
        if process.jobs.iter().any(|job| job.kills && job.done_at <= now) {
            // A supervisor starts the next one soon, mostly before the lease is over.
            self.slots[slot].process = None;
            self.slots[slot].next_start = now + self.rng.below(TERM);
            return;
        }
        for job in process.jobs.extract_if(.., |job| job.done_at <= now) {
            outbox.push((job.id, job.digest, job.report));
        }
    }

    fn make_calls(&mut self, slot: usize) {
        let Slot { process: Some(process), outbox, capacity, cut_until, .. } = &mut self.slots[slot] else { return };
        let mut calls = Vec::new();
        match process.worker {
            None if process.next_call <= self.now => calls.push(Call::Join(WorkerInfo {
                process_id: format!("process-{}", process.number),
                slot: format!("slot-{slot}"),
                node: "node".to_owned(),
                device: "cpu:0".to_owned(),
                software_version: "0".to_owned(),
                os_pid: process.number as u32,
            })),
            None => {}
            Some(worker) => {
                if process.next_heartbeat <= self.now {
                    process.next_heartbeat = self.now + TERM / 6;
                    let ids = process.jobs.iter().map(|job| job.id).collect();
                    calls.push(Call::Heartbeat { worker, ids });
                }
                if process.next_call <= self.now {
                    let capacity = *capacity;
                    if process.jobs.len() < capacity as usize {
                        calls.push(Call::Acquire { worker, capacity });
                    }
                    let reports = outbox.iter().cloned();
                    calls.extend(reports.map(|(id, digest, report)| Call::Report { worker, id, digest, report }));
                }
            }
        }
        if process.next_call <= self.now {
            process.next_call = self.now + 300;
        }
        let sender = Some((slot, process.number));
        if *cut_until <= self.now {
            for call in calls {
                self.send(|| Packet::ToCoordinator(sender, call.clone()));
            }
        }
    }

    /// An answer arrives.
    pub(super) fn process_hears(&mut self, slot: usize, number: u64, reply: Reply) {
        if let Reply::Reported(id, _) = &reply {
            // Answered is answered, also to the successor of the process that asked.
            self.slots[slot].outbox.retain(|(of, _, _)| of != id);
        }
        let Some(process) = self.slots[slot].process.as_mut().filter(|p| p.number == number) else { return };
        match reply {
            Reply::Joined(worker) => process.worker = Some(worker),
            Reply::UnknownWorker => process.worker = None,
            Reply::Revoked(revoked) => process.jobs.retain(|job| revoked.iter().all(|r| r.id != job.id)),
            Reply::Granted(grants) => {
                for grant in grants {
                    self.begin_job(slot, &grant);
                }
            }
            Reply::Reported(..) | Reply::Submitted(_) | Reply::NoLook(_) | Reply::Nothing => {}
        }
    }

    fn begin_job(&mut self, slot: usize, grant: &Grant) {
        let trial = grant.id.trial;
        let Some(sweep) = self.shadow.sweeps.get(&trial.sweep) else { return };
        let config = &sweep.spec.configs[trial.config as usize];
        let time = self.rng.below(TERM);
        let done_at = self.now + 50 + if self.rng.chance(10) { 4 * time } else { time };
        let digest = config.recipe_digest.clone();
        let kills = truth::fate(&digest, grant.seed) == truth::Fate::Kills;
        let report = truth::report(&digest, &config.data_key, grant.seed, grant.id.attempt, time as f64);
        let Some(process) = &mut self.slots[slot].process else { return };
        if process.begun.insert(grant.id) {
            process.jobs.push(Job { id: grant.id, digest, done_at, kills, report });
        }
    }
}
