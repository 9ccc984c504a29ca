//! How the learning rate moves.

use sweeper_recipe::{Schedule, ScheduleKind};

/// Learning rate of step `step` (from 0) of `steps`, at peak `lr`.
///
/// Position s = step / steps, so the last step is at (steps − 1) / steps. Flat-cosine is fastai's `fit_flat_cos`: `lr`
/// up to `pct_start`, then a half cosine from `lr` to `lr` / 100,000 over the rest.
#[must_use]
pub fn learning_rate(schedule: &Schedule, lr: f64, step: u64, steps: u64) -> f64 {
    match schedule.kind {
        ScheduleKind::Constant => lr,
        _ => {
            let position = step as f64 / steps.max(1) as f64;
            if position < schedule.start() || schedule.start() >= 1.0 {
                return lr;
            }
            let fallen = (position - schedule.start()) / (1.0 - schedule.start());
            cosine(lr, lr / 1e5, fallen)
        }
    }
}

/// Half a cosine from `from` at s = 0 to `to` at s = 1.
fn cosine(from: f64, to: f64, s: f64) -> f64 {
    from + (1.0 + (std::f64::consts::PI * (1.0 - s)).cos()) * (to - from) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(pct_start: f64) -> Schedule {
        Schedule { kind: ScheduleKind::FlatCosine, pct_start: Some(pct_start) }
    }

    #[test]
    fn flat_then_half_a_cosine() {
        let rate = |step| learning_rate(&flat(0.75), 2.0, step, 100);
        assert_eq!(rate(0), 2.0);
        assert_eq!(rate(75), 2.0);
        // Halfway down between 2 and 2e-5, at position 0.875.
        assert!((learning_rate(&flat(0.75), 2.0, 7, 8) - 1.00001).abs() < 1e-12);
        assert!(rate(99) > 2e-5 && rate(99) < 0.01);
        assert!((75..99).all(|step| rate(step + 1) < rate(step)));
    }

    #[test]
    fn ends_of_the_range_are_defined() {
        assert_eq!(learning_rate(&flat(1.0), 2.0, 9, 10), 2.0);
        assert_eq!(learning_rate(&flat(0.0), 2.0, 0, 10), 2.0);
        let constant = Schedule { kind: ScheduleKind::Constant, pct_start: Some(0.1) };
        assert_eq!(learning_rate(&constant, 2.0, 9, 10), 2.0);
    }
}
