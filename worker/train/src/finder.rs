//! The learning-rate finder: up to 100 steps of growing rate, and the rate at which the loss falls best. All of it is
//! fastai's default form (its `valley`).

use crate::record::Smoothed;

/// Steps of a search that nothing ends before.
pub const STEPS: u64 = 100;

const FIRST: f64 = 1e-7;
const LAST: f64 = 10.0;
/// Points left out at both ends.
const SKIPPED: (usize, usize) = (10, 5);

/// Learning rate of step `step`, from 0.
#[must_use]
pub fn rate(step: u64) -> f64 {
    FIRST * (LAST / FIRST).powf(step as f64 / STEPS as f64)
}

/// Why a search found nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoSuggestion {
    /// The search ended too early.
    #[error(
        "{found} losses before the loss left its range, expected at least {needed}; hint: the first rates are already too high for this network"
    )]
    TooShort {
        /// Losses before the search stopped or the first that is not a number.
        found: usize,
        /// How many make a suggestion possible.
        needed: usize,
    },
    /// No loss that counts is below an earlier one.
    #[error("the loss does not fall at any rate; hint: look at the network and its loss, or choose a rate by hand")]
    NothingFalls,
}

/// A search under way.
#[derive(Debug, Clone, Default)]
pub struct Search {
    smoothed: Smoothed,
    losses: Vec<f64>,
    best: Option<f64>,
}

impl Search {
    /// Takes the batch loss of the next step; whether the search goes on. It ends after 100 steps, above four times
    /// the best smoothed loss, and where the loss is not a number.
    pub fn push(&mut self, loss: f64) -> bool {
        self.smoothed.push(loss);
        let value = self.smoothed.value().unwrap_or(f64::NAN);
        self.losses.push(value);
        let best = self.best.map_or(value, |best| if value < best { value } else { best });
        self.best = Some(best);
        !value.is_nan() && value <= 4.0 * best && self.losses.len() < STEPS as usize
    }

    /// The rate to train with. Of the smoothed losses without the first 10, the last 5 and all from the first that is
    /// not a number, take the first of the longest decreasing subsequences: length L, last index e. The rate is the one
    /// at e − L + ⌊L/3⌋ + ⌊L/6⌋, about half-way down.
    ///
    /// # Errors
    /// [`NoSuggestion`] where there is no such index.
    pub fn suggestion(&self) -> Result<f64, NoSuggestion> {
        let numbers = self.losses.iter().take_while(|loss| !loss.is_nan()).count();
        // A search that met no number would have gone on to its last step, all without one.
        let steps = if numbers < self.losses.len() { STEPS as usize } else { numbers };
        let end = numbers.min(steps.saturating_sub(SKIPPED.1));
        let counted = self.losses.get(SKIPPED.0..end).unwrap_or_default();
        if counted.is_empty() {
            return Err(NoSuggestion::TooShort { found: numbers, needed: SKIPPED.0 + SKIPPED.1 + 1 });
        }
        let (length, last) = longest_fall(counted);
        let index = (last + length / 3 + length / 6).checked_sub(length).filter(|_| length > 1);
        index.map(|index| rate((SKIPPED.0 + index) as u64)).ok_or(NoSuggestion::NothingFalls)
    }
}

/// What [`Search::suggestion`] says after these batch losses, in order; those after its end do not count.
///
/// # Errors
/// [`NoSuggestion`].
pub fn suggestion(losses: &[f64]) -> Result<f64, NoSuggestion> {
    let mut search = Search::default();
    for loss in losses {
        if !search.push(*loss) {
            break;
        }
    }
    search.suggestion()
}

/// Length and last index of the first of the longest decreasing subsequences.
fn longest_fall(losses: &[f64]) -> (usize, usize) {
    let mut lengths = vec![1; losses.len()];
    let mut last = 0;
    for at in 1..losses.len() {
        let before = (0..at).filter(|&earlier| losses[at] < losses[earlier]).map(|earlier| lengths[earlier]).max();
        lengths[at] = 1 + before.unwrap_or(0);
        if lengths[at] > lengths[last] {
            last = at;
        }
    }
    (lengths.get(last).copied().unwrap_or(0), last)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn rates_grow_from_first_to_last() {
        assert_eq!(rate(0), 1e-7);
        assert!((rate(50) / 1e-3 - 1.0).abs() < 1e-12);
        assert!((rate(99) * 10f64.powf(0.08) / 10.0 - 1.0).abs() < 1e-12);
    }

    #[test]
    fn falls() {
        assert_eq!(longest_fall(&[1.0, 2.0, 3.0]), (1, 0));
        assert_eq!(longest_fall(&[5.0, 1.0, 4.0, 2.0, 3.0]), (3, 3));
        // Equal losses do not fall, and of equally long falls the first counts.
        assert_eq!(longest_fall(&[2.0, 2.0, 1.0, 1.0]), (2, 2));
    }

    #[test]
    fn no_suggestion_says_why() {
        let rising: Vec<f64> = (0..100).map(|step| 1.0 + f64::from(step) / 100.0).collect();
        assert_eq!(suggestion(&rising), Err(NoSuggestion::NothingFalls));
        assert_eq!(suggestion(&[]), Err(NoSuggestion::TooShort { found: 0, needed: 16 }));
        assert_eq!(suggestion(&rising[..15]), Err(NoSuggestion::TooShort { found: 15, needed: 16 }));
        let numbers = [&[1.0; 4][..], &[f64::NAN; 96]].concat();
        assert_eq!(suggestion(&numbers), Err(NoSuggestion::TooShort { found: 4, needed: 16 }));
    }

    #[test]
    fn a_search_ends_at_what_is_no_number_and_loses_nothing_by_it() {
        let mut losses: Vec<f64> = (0..100).map(|step| 3.0 - f64::from(step) / 50.0).collect();
        losses[60] = f64::NAN;
        let mut search = Search::default();
        assert_eq!(losses.iter().take_while(|loss| search.push(**loss)).count(), 60);
        // 50 falling losses, 10 to 59: index 59 − 10 − 50 + 16 + 8 counted from 10.
        assert_eq!(search.suggestion(), Ok(rate(10 + 49 - 50 + 16 + 8)));
    }
}
