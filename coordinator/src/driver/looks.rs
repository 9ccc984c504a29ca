//! Takes the looks of sequential designs. What a look decides is a pure function of the outcomes of its replicates, so
//! neither the order in which workers finish nor a restart can change it.

use crate::{
    stopping::{self, StratumDesign},
    store::{Store, StoreError},
};
use std::collections::BTreeMap;
use sweeper_core::{
    ids::{Millis, SweepId},
    record::{StopReason, Stopped},
    scheduler::Scheduler,
    state::{StratumLooks, Sweep, TrialState},
};
use sweeper_stats::design::{Decision, Monitor, Outcome};

/// The statistics of every stratum that was looked at, and the outcomes they were given. Everything in it can be made
/// again from state and store.
#[derive(Debug, Default)]
pub(super) struct Looks {
    desks: BTreeMap<(SweepId, String), Desk>,
}

#[derive(Debug)]
struct Desk {
    design: StratumDesign,
    monitor: Monitor,
    /// Of the baseline and of every other config, by replicate.
    baseline: Vec<Outcome>,
    configs: Vec<Vec<Outcome>>,
}

impl Looks {
    /// Takes every look at a sweep that is due. Its outcomes must be committed; the looks are not yet.
    ///
    /// # Errors
    /// Errors of reading the store.
    pub(super) fn take_due(
        &mut self,
        scheduler: &mut Scheduler,
        store: &Store,
        sweep: SweepId,
        now: Millis,
    ) -> Result<(), StoreError> {
        loop {
            let state = scheduler.state().sweeps.get(&sweep);
            let Some((looked_at, due)) = state.and_then(|s| Some((s, s.due_look()?))) else { break };
            let stratum = due.name.clone();
            let stopped = self.decide(store, sweep, looked_at, due)?;
            if let Err(error) = scheduler.look(now, sweep, &stratum, stopped) {
                tracing::error!(%sweep, %stratum, %error, "a look cannot be taken");
                break;
            }
        }
        if scheduler.state().sweeps.get(&sweep).is_none_or(|s| s.closed.is_some()) {
            self.desks.retain(|(of, _), _| *of != sweep);
        }
        Ok(())
    }

    /// The configs that the due look decides.
    fn decide(
        &mut self,
        store: &Store,
        id: SweepId,
        sweep: &Sweep,
        due: &StratumLooks,
    ) -> Result<Vec<Stopped>, StoreError> {
        let key = (id, due.name.clone());
        if !self.desks.contains_key(&key)
            && let Some(desk) = Desk::new(sweep, &due.name)
        {
            self.desks.insert(key.clone(), desk);
        }
        let (Some(desk), Some(replicates)) = (self.desks.get_mut(&key), due.next()) else { return Ok(Vec::new()) };
        desk.read(store, id, sweep, due, replicates)?;
        let progress = match desk.monitor.decide(&desk.baseline, &desk.configs) {
            Ok(progress) => progress,
            Err(error) => {
                // Numbers that no statistic can take show nothing; the report says so at the end.
                tracing::error!(sweep = %id, stratum = %due.name, %error, "a look could not be judged and stops nothing");
                return Ok(Vec::new());
            }
        };
        let stopped = desk.design.configs.iter().zip(progress.comparisons).filter_map(|(config, comparison)| {
            let why = match comparison.decision {
                Decision::Rejected => StopReason::Different,
                Decision::Equivalent => StopReason::Equivalent,
                Decision::Futile => StopReason::Futile,
                Decision::Continue | Decision::Exhausted => return None,
            };
            due.stop(*config).is_none().then_some(Stopped { config: *config, why })
        });
        Ok(stopped.collect())
    }
}

impl Desk {
    /// None where nothing can be compared, which no sweep file with a stopping rule leads to.
    fn new(sweep: &Sweep, stratum: &str) -> Option<Self> {
        let design = stopping::designs(&sweep.spec, |_| true).into_iter().find(|d| d.stratum == stratum)?;
        let monitor = match Monitor::new(design.design.clone()) {
            Ok(monitor) => monitor,
            Err(error) => {
                tracing::error!(sweep = %sweep.spec.name, %stratum, %error, "the design cannot be judged: nothing is stopped");
                return None;
            }
        };
        let configs = vec![Vec::new(); design.configs.len()];
        Some(Self { design, monitor, baseline: Vec::new(), configs })
    }

    /// Reads what the look needs and is not here yet.
    fn read(
        &mut self,
        store: &Store,
        id: SweepId,
        sweep: &Sweep,
        due: &StratumLooks,
        replicates: u32,
    ) -> Result<(), StoreError> {
        let arms = std::iter::once((&self.design.baseline, &mut self.baseline));
        for (config, outcomes) in arms.chain(self.design.configs.iter().zip(&mut self.configs)) {
            // A config that was decided is not looked at again; what it showed stays.
            let until = due.stop(*config).map_or(replicates, |(look, _)| look);
            let from = u32::try_from(outcomes.len()).unwrap_or(u32::MAX);
            if from >= until {
                continue;
            }
            let values = store.final_values(id, *config, from..until, &sweep.spec.analysis.metric)?;
            let values: BTreeMap<u32, f64> = values.into_iter().collect();
            outcomes.extend((from..until).map(|replicate| {
                match (sweep.trial(*config, replicate).map(|t| t.state), values.get(&replicate)) {
                    (Some(TrialState::Finished), Some(value)) => Outcome::Value(*value),
                    _ => Outcome::Failed,
                }
            }));
        }
        Ok(())
    }
}
