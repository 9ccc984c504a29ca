//! Looks of a sequential design: when the next one is due, which trials wait for it, what it stopped.

use super::{Sweep, Trial, TrialState};
use crate::{
    ids::Millis,
    record::{Look, StopReason, Stopped},
    spec::SweepSpec,
};
use alloc::{string::String, vec, vec::Vec};

/// Why a look cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookError {
    /// The sweep has no such stratum, or its plan has no looks.
    #[error("the plan has no looks there")]
    NotPlanned,
    /// The next look is another one.
    #[error("the next look is {0:?}")]
    OutOfOrder(Option<u32>),
    /// The look needs trials that are not closed.
    #[error("{0} trials that it needs are open")]
    TooEarly(u32),
    /// Other trials may run from now on than the fact says.
    #[error("trials may then run until {0:?}")]
    OtherHorizon(Option<u32>),
    /// This config is not of the stratum, is stopped already, or is named out of order.
    #[error("config {0} cannot be stopped there")]
    CannotStop(u32),
}

/// A look that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenLook {
    /// What was seen and what followed.
    pub look: Look,
    /// When.
    pub at: Millis,
}

/// Where the looks of one stratum stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StratumLooks {
    /// Its name; empty when the sweep has none.
    pub name: String,
    /// Its configs: from this one …
    pub first: u32,
    /// … to the one before this.
    pub end: u32,
    /// Replicates at every look, ascending; the last is the end of the plan.
    pub planned: Vec<u32>,
    /// How many were taken.
    pub taken: usize,
    /// Trials below this replicate may run; others wait for a look.
    pub horizon: u32,
    /// Open trials that the next look waits for.
    pub waits_for: u32,
    /// For every config the look that stopped it, and why.
    stops: Vec<Option<(u32, StopReason)>>,
}

impl StratumLooks {
    /// Replicates at the next look; none when there is none.
    #[must_use]
    pub fn next(&self) -> Option<u32> {
        self.planned.get(self.taken).copied().filter(|_| self.undecided().next().is_some())
    }

    /// Configs that no look stopped, ascending.
    pub fn undecided(&self) -> impl Iterator<Item = u32> {
        (self.first..self.end).filter(|config| self.stop(*config).is_none())
    }

    /// The look, in replicates, that stopped a config, and why.
    #[must_use]
    pub fn stop(&self, config: u32) -> Option<(u32, StopReason)> {
        self.stops.get(config.checked_sub(self.first)? as usize).copied().flatten()
    }

    /// Whether the next look needs a trial of this config and replicate.
    fn needs(&self, config: u32, replicate: u32) -> bool {
        self.next().is_some_and(|next| replicate < next) && self.stop(config).is_none()
    }
}

/// The looks of a sweep; without strata for a fixed design.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Looks {
    strata: Vec<StratumLooks>,
}

impl Looks {
    /// Before the first look, with every trial open.
    pub(super) fn new(spec: &SweepSpec) -> Self {
        let (mut strata, mut first) = (Vec::new(), 0_usize);
        for configs in spec.configs.chunk_by(|a, b| a.stratum == b.stratum) {
            let end = first + configs.len();
            let replicates = configs.iter().map(|c| c.replicates).max().unwrap_or(0);
            let planned = spec.analysis.stopping.looks(replicates);
            if let Some(&next) = planned.first() {
                let waits_for = configs.iter().map(|c| c.replicates.min(next)).sum();
                strata.push(StratumLooks {
                    name: configs.first().map(|c| c.stratum.clone()).unwrap_or_default(),
                    first: as_u32(first),
                    end: as_u32(end),
                    horizon: if spec.analysis.stopping.holds() { next } else { u32::MAX },
                    planned,
                    taken: 0,
                    waits_for,
                    stops: vec![None; configs.len()],
                });
            }
            first = end;
        }
        Self { strata }
    }

    fn place(&self, config: u32) -> Option<usize> {
        let at = self.strata.partition_point(|s| s.first <= config).checked_sub(1)?;
        self.strata.get(at).is_some_and(|s| config < s.end).then_some(at)
    }

    fn of(&self, config: u32) -> Option<&StratumLooks> {
        self.strata.get(self.place(config)?)
    }

    /// Whether a trial of this config and replicate waits for a look.
    pub(super) fn holds(&self, config: u32, replicate: u32) -> bool {
        self.of(config).is_some_and(|s| replicate >= s.horizon)
    }

    /// Notes that a trial closed.
    pub(super) fn closed(&mut self, config: u32, replicate: u32) {
        if let Some(stratum) = self.place(config).and_then(|at| self.strata.get_mut(at))
            && stratum.needs(config, replicate)
        {
            stratum.waits_for = stratum.waits_for.saturating_sub(1);
        }
    }
}

fn as_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// What the sweep tells of its looks.
impl Sweep {
    /// Where the looks of each stratum stand; empty for a fixed design.
    #[must_use]
    pub fn strata_looks(&self) -> &[StratumLooks] {
        &self.looks.strata
    }

    /// Where the looks of a config's stratum stand; none for a fixed design.
    #[must_use]
    pub fn looks_of(&self, config: u32) -> Option<&StratumLooks> {
        self.looks.of(config)
    }

    /// The first stratum whose next look can be taken, for every trial that it needs is closed.
    #[must_use]
    pub fn due_look(&self) -> Option<&StratumLooks> {
        let due = |s: &&StratumLooks| s.next().is_some() && s.waits_for == 0;
        self.looks.strata.iter().find(due).filter(|_| self.cancelled.is_none())
    }

    /// Whether a pending trial waits for a look, so that nobody may get it.
    #[must_use]
    pub fn is_held(&self, trial: &Trial) -> bool {
        trial.state == TrialState::Pending && self.looks.holds(trial.id.config, trial.id.replicate)
    }

    /// The look, in replicates, that made a trial superfluous, and why; none if the trial is needed. It may have run
    /// all the same.
    #[must_use]
    pub fn stopped(&self, config: u32, replicate: u32) -> Option<(u32, StopReason)> {
        self.looks.of(config)?.stop(config).filter(|(look, _)| replicate >= *look)
    }

    /// The fact that the next look of a stratum would be if it decided `stopped`. The baseline is stopped with the last
    /// of the others.
    ///
    /// # Errors
    /// [`LookError::NotPlanned`].
    pub fn next_look(&self, stratum: &str, mut stopped: Vec<Stopped>) -> Result<Look, LookError> {
        let looks = self.looks.strata.iter().find(|s| s.name == stratum).ok_or(LookError::NotPlanned)?;
        let replicates = looks.next().ok_or(LookError::OutOfOrder(None))?;
        let is_baseline =
            |config: u32| self.spec.configs.get(config as usize).is_some_and(|c| c.name == self.spec.analysis.baseline);
        let is_stopped = |config: &u32| stopped.iter().any(|s| s.config == *config);
        let left: Vec<u32> = looks.undecided().filter(|config| !is_stopped(config)).collect();
        if let [last] = left[..]
            && is_baseline(last)
            && looks.taken + 1 < looks.planned.len()
        {
            stopped.push(Stopped { config: last, why: StopReason::NothingLeft });
        }
        stopped.sort_unstable_by_key(|s| s.config);
        let until = self.horizon_after(looks, &stopped);
        Ok(Look { stratum: stratum.into(), replicates, until, stopped })
    }

    /// What a look that stops these lets run; none for everything.
    fn horizon_after(&self, looks: &StratumLooks, stopped: &[Stopped]) -> Option<u32> {
        let goes_on = looks.undecided().any(|config| stopped.iter().all(|s| s.config != config));
        let next = looks.planned.get(looks.taken + 1).copied();
        // Behind the end of the plan there is nothing that could wait.
        next.filter(|_| goes_on && self.spec.analysis.stopping.holds() && looks.taken + 2 < looks.planned.len())
    }

    /// Whether a look can follow the facts so far.
    pub(crate) fn check_look(&self, look: &Look) -> Result<(), LookError> {
        let looks = self.looks.strata.iter().find(|s| s.name == look.stratum).ok_or(LookError::NotPlanned)?;
        if looks.next() != Some(look.replicates) {
            return Err(LookError::OutOfOrder(looks.next()));
        }
        if looks.waits_for > 0 {
            return Err(LookError::TooEarly(looks.waits_for));
        }
        let mut before = None;
        for Stopped { config, .. } in &look.stopped {
            let inside = (looks.first..looks.end).contains(config) && looks.stop(*config).is_none();
            if !inside || before >= Some(*config) {
                return Err(LookError::CannotStop(*config));
            }
            before = Some(*config);
        }
        match self.horizon_after(looks, &look.stopped) {
            right if right == look.until => Ok(()),
            right => Err(LookError::OtherHorizon(right)),
        }
    }

    /// Takes a look that [`Self::check_look`] allowed, after the trials of the configs it stops were closed: trials of
    /// the others that waited for it are served from now on.
    pub(super) fn note_look(&mut self, look: &Look) {
        let Some(at) = self.looks.strata.iter().position(|s| s.name == look.stratum) else { return };
        let Some(looks) = self.looks.strata.get_mut(at) else { return };
        let held_from = looks.horizon;
        looks.taken += 1;
        looks.horizon = look.until.unwrap_or(u32::MAX);
        for stopped in &look.stopped {
            if let Some(stop) = stopped.config.checked_sub(looks.first).and_then(|i| looks.stops.get_mut(i as usize)) {
                *stop = Some((look.replicates, stopped.why));
            }
        }
        let (free, entering) = (held_from..looks.horizon, look.replicates..looks.next().unwrap_or(0));
        let undecided: Vec<u32> = looks.undecided().collect();
        let mut waits_for = 0;
        for config in undecided {
            let replicates = self.spec.configs.get(config as usize).map_or(0, |c| c.replicates);
            for replicate in free.start..free.end.min(replicates) {
                self.free(config, replicate);
            }
            let open = |r: &u32| self.trial(config, *r).is_some_and(|t| t.state.is_open());
            waits_for += (entering.start..entering.end.min(replicates)).filter(open).count();
        }
        if let Some(looks) = self.looks.strata.get_mut(at) {
            looks.waits_for = as_u32(waits_for);
        }
    }

    /// Serves a trial, if it is pending, that waited for a look.
    fn free(&mut self, config: u32, replicate: u32) {
        let Some(place) = self.place(config, replicate) else { return };
        if let Some(trial) = self.trials.get(place).filter(|t| t.state == TrialState::Pending) {
            self.counts.held = self.counts.held.saturating_sub(1);
            self.pending.insert(place, trial.losses);
        }
    }
}
