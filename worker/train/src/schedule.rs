//! How learning rate and momentum move.
//!
//! Position s of a step is steps done / all steps, so the last of N is at (N − 1) / N. cos(a → b, s) is half a cosine
//! from a at s = 0 to b at s = 1. The `v1` schedules are those of fastai's first version, which counts whole steps: step i
//! falls by (i − a) / (N − a) with a whole number a, and the two forms differ by some thousandths of the peak.

use sweeper_recipe::{Optimizer, Schedule, ScheduleKind};

use crate::{finder, optim::Rate};

/// Ends of momentum in a one-cycle schedule: at its start and end, and at the peak of the learning rate.
const MOMENTUM: (f64, f64) = (0.95, 0.85);

/// Learning rate and momentum of step `step` (from 0) of `steps`, at the peak `lr` that `optimizer` says:
///
/// - `flat-cosine` (fastai's `fit_flat_cos`): `lr` until `pct_start`, then cos(lr → lr/10⁵) over the rest;
/// - `flat-cosine-v1`: `lr` up to and with step a = ⌈pct_start·N⌉, then cos(lr → 0, (i − a) / ((1 − pct_start)·N));
/// - `one-cycle` (`fit_one_cycle`): cos(lr/25 → lr) until `pct_start`, then cos(lr → lr/10⁵); momentum against it,
///   between 0.95 and 0.85;
/// - `one-cycle-v1`: the same up to lr/250,000, with a = ⌊pct_start·N⌋ and positions i/a and (i − a) / (N − a);
/// - `constant`; and `finder`, whatever `lr` and `steps`.
#[must_use]
pub fn rate(schedule: &Schedule, optimizer: &Optimizer, step: u64, steps: u64) -> Rate {
    let (lr, start) = (optimizer.lr, schedule.start());
    let (i, all) = (step as f64, steps.max(1) as f64);
    let position = i / all;
    let flat = |lr| Rate { lr, momentum: None };
    match schedule.kind {
        ScheduleKind::Constant => flat(lr),
        ScheduleKind::Finder => flat(finder::rate(step)),
        ScheduleKind::FlatCosine if position < start || start >= 1.0 => flat(lr),
        ScheduleKind::FlatCosine => flat(cosine(lr, lr / 1e5, (position - start) / (1.0 - start))),
        ScheduleKind::FlatCosineV1 => match i - (start * all).ceil() {
            fallen if fallen <= 0.0 => flat(lr),
            fallen => flat(cosine(lr, 0.0, fallen / ((1.0 - start) * all))),
        },
        ScheduleKind::OneCycle if position < start => rise(lr, position / start),
        ScheduleKind::OneCycle if start >= 1.0 => fall(lr, 1e5, 0.0),
        ScheduleKind::OneCycle => fall(lr, 1e5, (position - start) / (1.0 - start)),
        ScheduleKind::OneCycleV1 => {
            let peak = (start * all).floor();
            if i < peak { rise(lr, i / peak) } else { fall(lr, 2.5e5, (i - peak) / (all - peak).max(1.0)) }
        }
    }
}

/// The first part of a one-cycle schedule.
fn rise(lr: f64, s: f64) -> Rate {
    Rate { lr: cosine(lr / 25.0, lr, s), momentum: Some(cosine(MOMENTUM.0, MOMENTUM.1, s)) }
}

/// The second part, down to `lr` / `divisor`.
fn fall(lr: f64, divisor: f64, s: f64) -> Rate {
    Rate { lr: cosine(lr, lr / divisor, s), momentum: Some(cosine(MOMENTUM.1, MOMENTUM.0, s)) }
}

/// Half a cosine from `from` at s = 0 to `to` at s = 1.
fn cosine(from: f64, to: f64, s: f64) -> f64 {
    from + (1.0 + (std::f64::consts::PI * (1.0 - s)).cos()) * (to - from) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lr(kind: ScheduleKind, pct_start: Option<f64>, step: u64, steps: u64) -> f64 {
        let optimizer = Optimizer { lr: 2.0, ..Optimizer::default() };
        rate(&Schedule { kind, pct_start }, &optimizer, step, steps).lr
    }

    #[test]
    fn flat_then_half_a_cosine() {
        let rate = |step| lr(ScheduleKind::FlatCosine, None, step, 100);
        assert_eq!((rate(0), rate(75)), (2.0, 2.0));
        // Halfway down between 2 and 2e-5, at position 0.875.
        assert!((lr(ScheduleKind::FlatCosine, None, 7, 8) - 1.00001).abs() < 1e-12);
        assert!(rate(99) > 2e-5 && rate(99) < 0.01);
        assert!((75..99).all(|step| rate(step + 1) < rate(step)));
    }

    /// Every schedule at both ends of `pct_start` and with few steps is positive, or zero at the last, and finite.
    #[test]
    fn ends_of_the_range_are_defined() {
        use ScheduleKind::{Constant, FlatCosine, FlatCosineV1, OneCycle, OneCycleV1};
        for kind in [Constant, FlatCosine, FlatCosineV1, OneCycle, OneCycleV1] {
            for (start, steps) in [(0.0, 1), (0.0, 3), (0.5, 1), (0.5, 2), (1.0, 1), (1.0, 9), (0.3, 10)] {
                for step in 0..steps {
                    let lr = lr(kind, Some(start), step, steps);
                    assert!((0.0..=2.0).contains(&lr), "{kind:?} {start} {step}/{steps}: {lr}");
                }
            }
        }
        assert_eq!(lr(FlatCosine, Some(1.0), 9, 10), 2.0);
        assert_eq!(lr(FlatCosine, Some(0.0), 0, 10), 2.0);
        assert_eq!(lr(Constant, Some(0.1), 9, 10), 2.0);
    }
}
