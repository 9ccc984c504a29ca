//! The places of pending trials in serving order.

use alloc::{collections::BTreeSet, vec, vec::Vec};

/// Places of pending trials, ordered by (losses of the trial, place): a trial that was lost waits until all that were
/// lost less often are leased, so one that kills its workers cannot keep the others from running.
///
/// Nearly all trials are never lost, and a sweep may have a million: those take one bit each.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PendingSet {
    never_lost: BitSet,
    lost: BTreeSet<(u32, usize)>,
}

impl PendingSet {
    /// The places below `n`, of trials that were never lost.
    pub(super) fn full(n: usize) -> Self {
        Self { never_lost: BitSet::full(n), lost: BTreeSet::new() }
    }

    /// Adds `place`, which must be below the size given at first.
    pub(super) fn insert(&mut self, place: usize, losses: u32) {
        if losses == 0 {
            self.never_lost.insert(place);
        } else {
            self.lost.insert((losses, place));
        }
    }

    /// Removes `place`; `losses` as when it was added.
    pub(super) fn remove(&mut self, place: usize, losses: u32) {
        if losses == 0 {
            self.never_lost.remove(place);
        } else {
            self.lost.remove(&(losses, place));
        }
    }

    /// Removes everything.
    pub(super) fn clear(&mut self) {
        self.never_lost.clear();
        self.lost.clear();
    }

    /// In serving order.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        self.never_lost.iter().chain(self.lost.iter().map(|(_, place)| *place))
    }
}

/// An ordered set of small numbers: one bit each, and a hint where the first one may be.
#[derive(Debug, Clone)]
struct BitSet {
    words: Vec<u64>,
    /// No word before this one has a bit set.
    first: usize,
}

impl PartialEq for BitSet {
    fn eq(&self, other: &Self) -> bool {
        self.words == other.words
    }
}

impl BitSet {
    /// The numbers below `n`.
    fn full(n: usize) -> Self {
        let mut words = vec![u64::MAX; n / 64];
        if !n.is_multiple_of(64) {
            words.push((1 << (n % 64)) - 1);
        }
        Self { words, first: 0 }
    }

    /// Adds `place`, which must be below the size given at first.
    fn insert(&mut self, place: usize) {
        if let Some(word) = self.words.get_mut(place / 64) {
            *word |= 1 << (place % 64);
            self.first = self.first.min(place / 64);
        }
    }

    /// Removes `place`.
    fn remove(&mut self, place: usize) {
        if let Some(word) = self.words.get_mut(place / 64) {
            *word &= !(1 << (place % 64));
        }
        while self.words.get(self.first) == Some(&0) {
            self.first += 1;
        }
    }

    /// Removes everything.
    fn clear(&mut self) {
        self.words.fill(0);
        self.first = self.words.len();
    }

    /// Ascending.
    fn iter(&self) -> impl Iterator<Item = usize> {
        let words = self.words.iter().enumerate().skip(self.first);
        words.flat_map(|(at, word)| {
            let mut rest = *word;
            core::iter::from_fn(move || {
                let bit = rest.trailing_zeros() as usize;
                rest &= rest.checked_sub(1)?;
                Some(at * 64 + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::PendingSet;
    use proptest::prelude::*;
    use std::{collections::BTreeSet, vec::Vec};

    proptest! {
        #[test]
        fn behaves_like_an_ordered_set(
            size in 0_usize..200,
            changes in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>(), 0_u32..3), 0..100),
        ) {
            let mut set = PendingSet::full(size);
            let mut model: BTreeSet<(u32, usize)> = (0..size).map(|place| (0, place)).collect();
            for (insert, place, losses) in changes {
                let expected: Vec<usize> = model.iter().map(|(_, place)| *place).collect();
                prop_assert_eq!(set.iter().collect::<Vec<_>>(), expected);
                if size == 0 {
                    continue;
                }
                let place = place.index(size);
                if insert {
                    set.insert(place, losses);
                    model.insert((losses, place));
                } else {
                    set.remove(place, losses);
                    model.remove(&(losses, place));
                }
            }
            set.clear();
            prop_assert_eq!(set.iter().next(), None);
        }
    }
}
