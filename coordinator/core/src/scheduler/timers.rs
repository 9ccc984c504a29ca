//! Deadlines by key, earliest first. Volatile: never stored.

use crate::ids::Millis;
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::ops::RangeBounds;

/// At most one deadline for every key.
#[derive(Debug, Clone)]
pub(super) struct Timers<K> {
    by_key: BTreeMap<K, Millis>,
    by_time: BTreeSet<(Millis, K)>,
}

impl<K: Copy + Ord> Timers<K> {
    pub(super) const fn new() -> Self {
        Self { by_key: BTreeMap::new(), by_time: BTreeSet::new() }
    }

    /// Sets or moves a deadline.
    pub(super) fn set(&mut self, key: K, at: Millis) {
        self.remove(key);
        self.by_key.insert(key, at);
        self.by_time.insert((at, key));
    }

    pub(super) fn remove(&mut self, key: K) {
        if let Some(at) = self.by_key.remove(&key) {
            self.by_time.remove(&(at, key));
        }
    }

    /// Removes every deadline whose key lies in `keys`.
    pub(super) fn remove_range(&mut self, keys: impl RangeBounds<K>) {
        let keys: Vec<K> = self.by_key.range(keys).map(|(key, _)| *key).collect();
        for key in keys {
            self.remove(key);
        }
    }

    pub(super) fn get(&self, key: K) -> Option<Millis> {
        self.by_key.get(&key).copied()
    }

    /// The earliest deadline.
    pub(super) fn first(&self) -> Option<Millis> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes the earliest deadline that is not after `now`.
    pub(super) fn pop_due(&mut self, now: Millis) -> Option<K> {
        let (at, key) = *self.by_time.first().filter(|(at, _)| *at <= now)?;
        self.by_time.remove(&(at, key));
        self.by_key.remove(&key);
        Some(key)
    }
}
