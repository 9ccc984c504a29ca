//! What is known of running trials but never stored: what heartbeats tell, and how fast sweeps advance.

use std::collections::{BTreeMap, HashMap, VecDeque};
use sweeper_core::{
    ids::{AttemptId, Millis, SweepId},
    record::{OutcomeKind, Record, Stopped},
    state::{State, Sweep},
};

/// So many completions back reaches the estimate of a sweep's speed.
const WINDOW: usize = 64;

/// How far an attempt is, as its worker said last.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    /// Waits in the worker's queue.
    pub queued: bool,
    /// Optimizer steps done.
    pub step: u64,
    /// Optimizer steps in all.
    pub steps: u64,
    /// Epochs done.
    pub epoch: u32,
    /// Epochs in all.
    pub epochs: u32,
    /// `loading`, `training` or `evaluating`.
    pub phase: String,
    /// Training loss last seen; NaN before the first.
    pub loss: f64,
}

impl Progress {
    /// Share of the steps that is done, 0 to 1.
    #[allow(clippy::cast_precision_loss)]
    fn fraction(&self) -> f64 {
        if self.queued || self.steps == 0 { 0.0 } else { self.step.min(self.steps) as f64 / self.steps as f64 }
    }
}

/// How fast a sweep advances while this coordinator runs.
#[derive(Debug, Clone)]
struct Pace {
    /// When its first lease was granted, or this coordinator started.
    since: Millis,
    /// Times of the last completions, at most [`WINDOW`].
    completions: VecDeque<Millis>,
}

/// Count, mean and standard deviation of a config's final values of the primary metric, kept value by value. Source:
/// Welford, Technometrics 4 (1962).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Moments {
    /// Completed trials with a value.
    pub count: u32,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.count += 1;
        let step = value - self.mean;
        self.mean += step / f64::from(self.count);
        self.squares += step * (value - self.mean);
    }

    /// None without a value.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// Divisor count less 1; none below two values.
    #[must_use]
    pub fn sd(&self) -> Option<f64> {
        (self.count > 1).then(|| (self.squares / f64::from(self.count - 1)).sqrt())
    }
}

/// Everything volatile that listings show. Means and standard deviations are all that anybody sees of results before the
/// plan allows more.
#[derive(Debug, Clone, Default)]
pub struct Volatile {
    progress: HashMap<AttemptId, Progress>,
    pace: BTreeMap<SweepId, Pace>,
    /// Primary metric of every sweep.
    metrics: BTreeMap<SweepId, String>,
    moments: BTreeMap<(SweepId, u32), Moments>,
}

impl Volatile {
    /// The same for a coordinator that starts with this state.
    pub(super) fn started(mut self, state: &State, now: Millis) -> Self {
        let running = state.open_sweeps().filter(|(_, sweep)| sweep.counts.leased > 0);
        self.pace = running.map(|(id, _)| (id, Pace { since: now, completions: VecDeque::new() })).collect();
        self
    }

    /// What facts alone tell of the results so far.
    #[must_use]
    pub fn of_records(records: &[Record]) -> Self {
        let mut volatile = Self::default();
        records.iter().for_each(|record| volatile.observe(record));
        volatile
    }

    /// The final values so far of a config.
    #[must_use]
    pub fn moments(&self, sweep: SweepId, config: u32) -> Moments {
        self.moments.get(&(sweep, config)).copied().unwrap_or_default()
    }

    fn observe(&mut self, record: &Record) {
        match record {
            Record::SweepSubmitted { sweep, spec, .. } => {
                self.metrics.insert(*sweep, spec.analysis.metric.clone());
            }
            Record::OutcomeAccepted { id, outcome, .. } if outcome.kind == OutcomeKind::Completed => {
                let Some(name) = self.metrics.get(&id.trial.sweep) else { return };
                let value = outcome.metrics.iter().rev().find(|m| m.is_final && m.name == *name).map(|m| m.value);
                if let Some(value) = value.filter(|value| value.is_finite()) {
                    self.moments.entry((id.trial.sweep, id.trial.config)).or_default().add(value);
                }
            }
            _ => {}
        }
    }

    /// What the worker said last of this attempt; none if it never mentioned it, or the lease is over.
    #[must_use]
    pub fn of(&self, id: AttemptId) -> Option<&Progress> {
        self.progress.get(&id)
    }

    /// Whether the worker has said anything of this attempt: then the answer that granted it was not lost.
    pub(super) fn is_confirmed(&self, id: AttemptId) -> bool {
        self.progress.contains_key(&id)
    }

    /// Notes what the holder of an open lease said.
    pub(super) fn set(&mut self, id: AttemptId, progress: Progress) {
        self.progress.insert(id, progress);
    }

    /// Follows the facts: forgets leases that are over, notes completions.
    pub(super) fn follow(&mut self, records: &[Record]) {
        for record in records {
            self.observe(record);
            match record {
                Record::LeaseGranted { id, at, .. } => {
                    self.pace(id.trial.sweep, *at);
                }
                Record::LeaseEnded { id, .. } => drop(self.progress.remove(id)),
                Record::OutcomeAccepted { id, at, .. } if id.attempt != 0 => {
                    self.progress.remove(id);
                    let completions = &mut self.pace(id.trial.sweep, *at).completions;
                    if completions.len() == WINDOW {
                        completions.pop_front();
                    }
                    completions.push_back(*at);
                }
                Record::SweepCancelled { sweep, .. } => {
                    self.progress.retain(|id, _| id.trial.sweep != *sweep);
                    self.pace.remove(sweep);
                }
                Record::LookTaken { sweep, look, .. } if !look.stopped.is_empty() => self.progress.retain(|id, _| {
                    let trial = id.trial;
                    let over = |s: &Stopped| s.config == trial.config && trial.replicate >= look.replicates;
                    trial.sweep != *sweep || !look.stopped.iter().any(over)
                }),
                _ => {}
            }
        }
    }

    /// Forgets what is not leased any more, once more than `slack` entries are there than trials are leased. An
    /// attempt may be overtaken by an outcome that names another one, so [`Self::follow`] cannot know every end.
    pub(super) fn retain_leased_beyond(&mut self, slack: usize, state: &State) {
        let leased: usize = state.open_sweeps().map(|(_, sweep)| sweep.counts.leased as usize).sum();
        if self.progress.len() <= leased + slack {
            return;
        }
        self.progress.retain(|id, _| {
            state.trial(id.trial).and_then(|t| t.lease.as_deref()).is_some_and(|lease| lease.id == *id)
        });
        self.pace.retain(|id, _| state.sweeps.get(id).is_some_and(|s| s.closed.is_none()));
    }

    fn pace(&mut self, sweep: SweepId, at: Millis) -> &mut Pace {
        self.pace.entry(sweep).or_insert_with(|| Pace { since: at, completions: VecDeque::new() })
    }

    /// Estimated milliseconds until the sweep ends, from the trials (and parts of trials) done since its pace is
    /// known; 0 if unknown or nothing runs.
    #[must_use]
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn remaining_ms(&self, id: SweepId, sweep: &Sweep, running: &[AttemptId], now: Millis) -> u64 {
        let Some(pace) = self.pace.get(&id).filter(|_| sweep.counts.leased > 0) else { return 0 };
        let started: f64 = running.iter().filter_map(|id| self.of(*id)).map(Progress::fraction).sum();
        let (from, done) = match pace.completions.front() {
            Some(first) if pace.completions.len() == WINDOW => (*first, WINDOW - 1),
            _ => (pace.since, pace.completions.len()),
        };
        let advanced = done as f64 + started;
        if advanced < 0.02 {
            return 0;
        }
        let left = (f64::from(sweep.counts.open()) - started).max(0.0);
        (left * now.0.saturating_sub(from.0) as f64 / advanced) as u64
    }
}
