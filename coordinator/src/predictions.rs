//! `Predictions`: which validation images every trial of a sweep had right, as one value of bounded size beside
//! `SweepResults`. It is gathered page by page, from a coordinator or a state directory alike.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use sweeper_proto::v1::FetchPredictionsResponse;

/// Bytes of predictions that a report holds at most, 128 MiB: 1,000 configs of 30 trainings on 10,000 images take 36 MiB
/// per split.
pub const MOST_BYTES: usize = 128 << 20;

/// Bytes counted for an entry beside its bits and its name.
const ENTRY_BYTES: usize = 96;

/// Config and replicate of a trial.
pub type Place = (u32, u32);

/// Which images of one split one training had right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bits {
    /// Images.
    pub rows: u32,
    /// Image i is bit i mod 8 of byte ⌊i / 8⌋, lowest bit first.
    pub correct: Vec<u8>,
}

/// The predictions of a sweep. Trials whose recipe does not ask for them have none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "Kept", try_from = "Kept")]
pub struct Predictions {
    trials: BTreeMap<Place, BTreeMap<String, Bits>>,
    limit: Option<usize>,
}

/// The JSON form of [`Predictions`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    /// See [`Predictions::limit`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    left_out_beyond: Option<usize>,
    trials: Vec<KeptBits>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptBits {
    config: u32,
    replicate: u32,
    split: String,
    rows: u32,
    /// [`Bits::correct`] in Base64.
    correct: String,
}

impl From<Predictions> for Kept {
    fn from(predictions: Predictions) -> Self {
        let of_trial = |((config, replicate), splits): (Place, BTreeMap<String, Bits>)| {
            splits.into_iter().map(move |(split, bits)| KeptBits {
                config,
                replicate,
                split,
                rows: bits.rows,
                correct: BASE64_STANDARD.encode(bits.correct),
            })
        };
        Self { left_out_beyond: predictions.limit, trials: predictions.trials.into_iter().flat_map(of_trial).collect() }
    }
}

impl TryFrom<Kept> for Predictions {
    type Error = base64::DecodeError;

    fn try_from(kept: Kept) -> Result<Self, Self::Error> {
        let mut predictions = Self { trials: BTreeMap::new(), limit: kept.left_out_beyond };
        for KeptBits { config, replicate, split, rows, correct } in kept.trials {
            let bits = Bits { rows, correct: BASE64_STANDARD.decode(correct)? };
            predictions.insert((config, replicate), &split, bits);
        }
        Ok(predictions)
    }
}

impl Predictions {
    /// Adds those of one trial on one split.
    pub fn insert(&mut self, trial: Place, split: &str, bits: Bits) {
        self.trials.entry(trial).or_default().insert(split.to_owned(), bits);
    }

    /// Those of one trial on one split.
    #[must_use]
    pub fn bits(&self, trial: Place, split: &str) -> Option<&Bits> {
        self.trials.get(&trial)?.get(split)
    }

    /// The splits of one trial.
    pub fn splits(&self, trial: Place) -> impl Iterator<Item = &str> {
        self.trials.get(&trial).into_iter().flat_map(|splits| splits.keys().map(String::as_str))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.trials.is_empty()
    }

    /// The number of bytes that they would have taken more of, where they were left out for that; then there is none.
    #[must_use]
    pub fn limit(&self) -> Option<usize> {
        self.limit
    }

    /// Left out, for they take more than `limit` bytes.
    #[must_use]
    pub fn beyond(limit: usize) -> Self {
        Self { trials: BTreeMap::new(), limit: Some(limit) }
    }

    /// Moves those of the config `from` of another sweep to the config `to`.
    pub fn move_config(&mut self, other: &mut Self, from: u32, to: u32) {
        let mut rest = other.trials.split_off(&(from, 0));
        let mut after = from.checked_add(1).map(|next| rest.split_off(&(next, 0))).unwrap_or_default();
        other.trials.append(&mut after);
        self.trials.extend(rest.into_iter().map(|((_, replicate), splits)| ((to, replicate), splits)));
    }
}

/// Gathers pages of predictions.
#[derive(Debug)]
pub struct Collector {
    most: usize,
    held: usize,
    next: Option<Place>,
    found: Predictions,
}

impl Collector {
    /// For at most `most` bytes.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, held: 0, next: Some((0, 0)), found: Predictions::default() }
    }

    /// Where the next page begins; none when all are there, or more than may be held.
    #[must_use]
    pub fn next(&self) -> Option<Place> {
        self.next
    }

    /// Takes the page that begins at [`Collector::next`].
    pub fn take(&mut self, page: FetchPredictionsResponse) {
        let Some(from) = self.next.take() else { return };
        let mut after = from;
        for trial in page.trials {
            let place = (trial.config, trial.replicate);
            // What was there before would come again and again.
            let (false, Some(later)) = (place < after, following(place)) else { return };
            after = later;
            for found in trial.predictions {
                self.held += found.correct.len() + found.split.len() + ENTRY_BYTES;
                self.found.insert(place, &found.split, Bits { rows: found.rows, correct: found.correct });
            }
            if self.held > self.most {
                self.found = Predictions::beyond(self.most);
                return;
            }
        }
        self.next = Some(after).filter(|after| page.more && *after > from);
    }

    /// What was gathered.
    #[must_use]
    pub fn done(self) -> Predictions {
        self.found
    }
}

fn following((config, replicate): Place) -> Option<Place> {
    replicate.checked_add(1).map(|next| (config, next)).or_else(|| config.checked_add(1).map(|next| (next, 0)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use sweeper_proto::v1::{Prediction, TrialPredictions};

    fn page(trials: &[Place], bytes: usize, more: bool) -> FetchPredictionsResponse {
        let rows = 8 * bytes as u32;
        let one = |&(config, replicate): &Place| TrialPredictions {
            config,
            replicate,
            predictions: vec![Prediction { split: "balanced".to_owned(), rows, correct: vec![1; bytes] }],
        };
        FetchPredictionsResponse { trials: trials.iter().map(one).collect(), more }
    }

    #[test]
    fn pages_add_up() {
        let mut all = Collector::new(10_000);
        assert_eq!(all.next(), Some((0, 0)));
        all.take(page(&[(0, 0), (0, 3)], 4, true));
        assert_eq!(all.next(), Some((0, 4)));
        all.take(page(&[(2, u32::MAX)], 4, true));
        assert_eq!(all.next(), Some((3, 0)));
        all.take(page(&[(3, 0)], 2, false));
        assert_eq!(all.next(), None);
        let all = all.done();
        assert_eq!(all.bits((0, 3), "balanced"), Some(&Bits { rows: 32, correct: vec![1; 4] }));
        assert_eq!(all.bits((3, 0), "balanced").unwrap().rows, 16);
        assert!(all.bits((3, 0), "other").is_none() && all.bits((1, 0), "balanced").is_none());
        assert_eq!(all.limit(), None);
    }

    #[test]
    fn more_than_the_bound_is_left_out_whole_and_asks_no_more() {
        let mut all = Collector::new(2000);
        all.take(page(&[(0, 0)], 1000, true));
        assert_eq!(all.next(), Some((0, 1)));
        all.take(page(&[(0, 1), (0, 2)], 1000, true));
        assert_eq!(all.next(), None);
        assert_eq!(all.done(), Predictions::beyond(2000));
    }

    #[test]
    fn a_page_that_does_not_go_on_is_the_last() {
        for wrong in [page(&[], 1, true), page(&[(0, 1)], 1, true), page(&[(u32::MAX, u32::MAX)], 1, true)] {
            let mut all = Collector::new(10_000);
            all.take(page(&[(0, 5)], 1, true));
            all.take(wrong);
            assert_eq!(all.next(), None);
            assert!(all.done().bits((0, 5), "balanced").is_some());
        }
    }

    #[test]
    fn configs_move_to_other_places() {
        let mut from = Collector::new(10_000);
        from.take(page(&[(0, 0), (1, 0), (1, 7), (2, 0)], 1, false));
        let (mut from, mut to) = (from.done(), Predictions::default());
        to.move_config(&mut from, 1, 9);
        assert!(to.bits((9, 0), "balanced").is_some() && to.bits((9, 7), "balanced").is_some());
        assert!(from.bits((1, 0), "balanced").is_none() && from.bits((2, 0), "balanced").is_some());
        assert_eq!(from.splits((0, 0)).collect::<Vec<_>>(), ["balanced"]);
    }
}
