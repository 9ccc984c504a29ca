//! Trainings that configs of a sweep share, and which of them somebody works on.

use crate::spec::{Pairing, SweepSpec};
use alloc::{collections::BTreeMap, vec::Vec};

/// Groups of configs with one training. Configs that share nothing are in no group.
///
/// Needs memory in proportion to the number of configs, and to the number of open leases.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Trainings {
    /// Group of every config; empty when there is no group.
    groups: Vec<Option<u32>>,
    /// Configs of every group, ascending, two at least.
    members: Vec<Vec<u32>>,
    /// How many leases of a group and replicate are open; never 0.
    held: BTreeMap<(u32, u32), u32>,
}

impl Trainings {
    /// The groups of `spec`. Without common seeds no two configs train the same.
    pub(super) fn new(spec: &SweepSpec) -> Self {
        let mut configs: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        for (config, c) in (0u32..).zip(&spec.configs) {
            if !c.training_digest.is_empty() && spec.pairing == Pairing::Common {
                configs.entry(&c.training_digest).or_default().push(config);
            }
        }
        let mut trainings = Self::default();
        for members in configs.into_values().filter(|members| members.len() > 1) {
            trainings.groups.resize(spec.configs.len(), None);
            let group = u32::try_from(trainings.members.len()).ok();
            for config in &members {
                if let Some(place) = trainings.groups.get_mut(*config as usize) {
                    *place = group;
                }
            }
            trainings.members.push(members);
        }
        trainings
    }

    fn group(&self, config: u32) -> Option<u32> {
        self.groups.get(config as usize).copied().flatten()
    }

    /// Notes that a lease of this trial was granted, or that it ended.
    pub(super) fn hold(&mut self, config: u32, replicate: u32, held: bool) {
        let Some(group) = self.group(config) else { return };
        let leases = self.held.entry((group, replicate)).or_default();
        *leases = if held { *leases + 1 } else { leases.saturating_sub(1) };
        if *leases == 0 {
            self.held.remove(&(group, replicate));
        }
    }

    /// Notes that all leases ended.
    pub(super) fn release_all(&mut self) {
        self.held.clear();
    }

    /// Whether there is any group.
    pub(super) fn is_any(&self) -> bool {
        !self.members.is_empty()
    }

    /// Whether a lease is open that trains what this trial trains.
    pub(super) fn is_held(&self, config: u32, replicate: u32) -> bool {
        self.group(config).is_some_and(|group| self.held.contains_key(&(group, replicate)))
    }

    /// The configs of a config's group: those after it, those before it, then itself, for it may be to do again. So
    /// whoever takes them one by one finds the next one at once.
    pub(super) fn siblings(&self, config: u32) -> impl Iterator<Item = u32> {
        let members = self.group(config).and_then(|group| self.members.get(group as usize)).map_or(&[][..], |m| m);
        let at = members.partition_point(|member| *member <= config);
        let (before, after) = members.split_at(at);
        after.iter().chain(before).copied()
    }
}
