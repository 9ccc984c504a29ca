//! An ordered set of small numbers: one bit each, and a hint where the first one may be.

use alloc::{vec, vec::Vec};

/// Places of pending trials.
#[derive(Debug, Clone)]
pub(super) struct PendingSet {
    words: Vec<u64>,
    /// No word before this one has a bit set.
    first: usize,
}

impl PartialEq for PendingSet {
    fn eq(&self, other: &Self) -> bool {
        self.words == other.words
    }
}

impl PendingSet {
    /// The numbers below `n`.
    pub(super) fn full(n: usize) -> Self {
        let mut words = vec![u64::MAX; n / 64];
        if !n.is_multiple_of(64) {
            words.push((1 << (n % 64)) - 1);
        }
        Self { words, first: 0 }
    }

    /// Adds `place`, which must be below the size given at first.
    pub(super) fn insert(&mut self, place: usize) {
        if let Some(word) = self.words.get_mut(place / 64) {
            *word |= 1 << (place % 64);
            self.first = self.first.min(place / 64);
        }
    }

    /// Removes `place`.
    pub(super) fn remove(&mut self, place: usize) {
        if let Some(word) = self.words.get_mut(place / 64) {
            *word &= !(1 << (place % 64));
        }
        while self.words.get(self.first) == Some(&0) {
            self.first += 1;
        }
    }

    /// Removes everything.
    pub(super) fn clear(&mut self) {
        self.words.fill(0);
        self.first = self.words.len();
    }

    /// Ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
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
            changes in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 0..100),
        ) {
            let mut set = PendingSet::full(size);
            let mut model: BTreeSet<usize> = (0..size).collect();
            for (insert, place) in changes {
                prop_assert_eq!(set.iter().collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
                if size == 0 {
                    continue;
                }
                let place = place.index(size);
                if insert {
                    set.insert(place);
                    model.insert(place);
                } else {
                    set.remove(place);
                    model.remove(&place);
                }
            }
            set.clear();
            prop_assert_eq!(set.iter().next(), None);
        }
    }
}
