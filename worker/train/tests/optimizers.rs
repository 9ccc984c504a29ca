//! Optimizers, schedules, the finder and loss records against fastai and PyTorch. The fixture is written by
//! `tests/reference/train_optim.py`; SWEEPER_OPTIM_FIXTURE names another one, e.g. of another seed.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "common/fixture.rs"]
mod fixture;

use fixture::{close, numbers};
use proptest::prelude::*;
use serde_json::Value;
use sweeper_recipe::{Decay, DecayOn, LossScale, Optimizer as Settings, OptimizerKind, Schedule, ScheduleKind};
use sweeper_train::{
    finder::{self, Search},
    optim::{LossScaler, Optimizer, Rate, StateError},
    record::Losses,
    schedule::rate,
};
use tch::{Device, Kind, Tensor};

fn reference() -> Value {
    fixture::read("SWEEPER_OPTIM_FIXTURE", "train_optim_1.json")
}

fn float(values: &[f64]) -> Tensor {
    Tensor::from_slice(values).to_kind(Kind::Float)
}

fn host(tensor: &Tensor) -> Vec<f64> {
    Vec::try_from(tensor.to_kind(Kind::Double)).unwrap()
}

fn rates(schedule: &Schedule, optimizer: &Settings, steps: u64) -> Vec<Rate> {
    (0..steps).map(|step| rate(schedule, optimizer, step, steps)).collect()
}

#[track_caller]
fn same_rates(found: &[Rate], expected: &Value, what: &str) {
    let expected: Vec<&Value> = expected.as_array().unwrap().iter().collect();
    let lrs: Vec<f64> = expected.iter().map(|pair| pair[0].as_f64().unwrap()).collect();
    close(&found.iter().map(|rate| rate.lr).collect::<Vec<_>>(), &lrs, 1e-12, what);
    for (found, pair) in found.iter().zip(expected) {
        assert_eq!(found.momentum.is_some(), pair[1].is_f64(), "{what}");
        if let (Some(found), Some(expected)) = (found.momentum, pair[1].as_f64()) {
            close(&[found], &[expected], 1e-12, what);
        }
    }
}

#[test]
fn schedules() {
    for case in reference()["schedules"].as_array().unwrap() {
        let schedule: Schedule = serde_json::from_value(case["schedule"].clone()).unwrap();
        let settings = Settings { lr: case["lr"].as_f64().unwrap(), ..Settings::default() };
        let found = rates(&schedule, &settings, case["steps"].as_u64().unwrap());
        same_rates(&found, &case["rates"], &format!("{schedule:?}"));
    }
}

#[test]
fn trajectories() {
    let reference = reference();
    let cases = reference["trajectories"].as_array().unwrap();
    let mut largest = 0f64;
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let settings: Settings = serde_json::from_value(case["settings"].clone()).unwrap();
        let schedule: Schedule = serde_json::from_value(case["schedule"].clone()).unwrap();
        let path = case["path"].as_array().unwrap();
        let rates = rates(&schedule, &settings, path.len() as u64);
        same_rates(&rates, &case["rates"], name);
        let [values, scales, targets] = ["start", "scales", "targets"].map(|key| float(&numbers(&case[key])));
        let mut optimizer = Optimizer::new(&settings, &values, case["decayed"].as_i64().unwrap()).unwrap();
        for (step, (rate, expected)) in rates.iter().zip(path).enumerate() {
            let gradient = (&values - &targets) * &scales * 2.0;
            let before = gradient.copy();
            optimizer.step(&gradient, rate).unwrap();
            assert_eq!(gradient, before, "{name}: the gradient was changed");
            let (found, expected) = (host(&values), numbers(expected));
            close(&found, &expected, 1e-6, &format!("{name}, step {step}"));
            let scale = expected.iter().fold(0f64, |top, v| top.max(v.abs()));
            largest = found.iter().zip(&expected).fold(largest, |top, (f, e)| top.max((f - e).abs() / scale));
        }
        assert_eq!(optimizer.steps(), path.len() as u64);
    }
    assert!(cases.len() >= 19);
    eprintln!("largest relative difference of {} trajectories: {largest:.1e}", cases.len());
}

#[test]
fn loss_scale() {
    let reference = &reference()["loss_scale"];
    let settings = LossScale {
        initial: reference["initial"].as_f64().unwrap(),
        interval: reference["interval"].as_u64().unwrap() as u32,
    };
    let overflows: Vec<bool> = serde_json::from_value(reference["overflows"].clone()).unwrap();
    let scales = numbers(&reference["scales"]);
    let mut scaler = LossScaler::new(&settings);
    for (step, (&overflow, scale)) in overflows.iter().zip(&scales).enumerate() {
        // A scaler that went through a checkpoint goes on the same.
        let text = serde_json::to_string(&scaler.state()).unwrap();
        scaler = LossScaler::new(&settings);
        scaler.load_state(serde_json::from_str(&text).unwrap());
        assert_eq!(scaler.state().scale, *scale, "step {step}");
        assert_eq!(f64::try_from(scaler.scale(&float(&[0.75]).squeeze()).unwrap()).unwrap(), 0.75 * scale);
        let mut gradient = vec![3.0 * scale, -0.5 * scale, 0.0];
        if overflow {
            gradient[step % 3] = [f64::INFINITY, f64::NEG_INFINITY, f64::NAN][step / 3 % 3];
        }
        let gradient = float(&gradient);
        assert_eq!(scaler.unscale(&gradient).unwrap(), !overflow, "step {step}");
        if !overflow {
            assert_eq!(host(&gradient), [3.0, -0.5, 0.0]);
        }
    }
    assert_eq!(scaler.state().scale, reference["last"].as_f64().unwrap());
    assert_eq!(scaler.state().skipped, overflows.iter().filter(|overflow| **overflow).count() as u64);
    assert!(scaler.unscale(&float(&[1.0]).to_kind(Kind::Half)).is_err());
}

#[test]
fn loss_scale_stays_a_number() {
    let zero = float(&[0.0; 3]);
    let infinite = float(&[f64::INFINITY; 3]);
    for (gradient, finite) in [(zero, true), (infinite, false)] {
        let mut scaler = LossScaler::new(&LossScale { initial: 1.0, interval: 1 });
        for _ in 0..300 {
            assert_eq!(scaler.unscale(&gradient.copy()).unwrap(), finite);
        }
        let scale = scaler.state().scale as f32;
        assert!(scale.is_normal() && (1.0 / scale).is_normal(), "{scale}");
    }
}

#[test]
fn searches() {
    for (at, case) in reference()["searches"].as_array().unwrap().iter().enumerate() {
        let (losses, lrs) = (numbers(&case["losses"]), numbers(&case["rates"]));
        close(&(0..lrs.len() as u64).map(finder::rate).collect::<Vec<_>>(), &lrs, 1e-12, "rates");
        let mut search = Search::default();
        let steps = losses.iter().position(|loss| !search.push(*loss)).unwrap() + 1;
        // fastai goes on to step 100 where a loss is not a number, and throws those losses away.
        let expected = losses.iter().position(|loss| loss.is_nan()).map_or(lrs.len(), |nan| nan + 1);
        assert_eq!(steps, expected, "search {at}");
        close(&[search.suggestion().unwrap()], &[case["suggestion"].as_f64().unwrap()], 1e-12, &format!("search {at}"));
        assert_eq!(finder::suggestion(&losses), search.suggestion());
    }
}

#[test]
fn records() {
    let mut losses = Losses::default();
    for epoch in reference()["records"].as_array().unwrap() {
        for batch in epoch["batches"].as_array().unwrap() {
            losses.push(batch[0].as_f64().unwrap(), batch[1].as_u64().unwrap());
        }
        let found = losses.end_epoch().unwrap();
        let expected = ["running", "mean"].map(|key| epoch[key].as_f64().unwrap());
        close(&[found.running, found.mean], &expected, 1e-12, "losses");
    }
}

fn every_kind() -> Vec<Settings> {
    let mut all = Vec::new();
    for kind in
        [OptimizerKind::Adamw, OptimizerKind::Sgd, OptimizerKind::Rmsprop, OptimizerKind::Radam, OptimizerKind::Ranger]
    {
        for (momentum, every, decay) in [(0.0, 0, Decay::Decoupled), (0.9, 4, Decay::L2)] {
            let mut settings = Settings { kind, momentum, decay, lr: 0.01, ..Settings::default() };
            settings.lookahead.every = every;
            all.push(settings);
        }
    }
    all
}

/// Steps `from` to `to` with gradients that follow from the values and the step.
fn walk(optimizer: &mut Optimizer, values: &Tensor, from: u64, to: u64) {
    let schedule = Schedule { kind: ScheduleKind::OneCycle, pct_start: None };
    for step in from..to {
        let gradient = (values * 1.7 + step as f64 * 0.1).sin();
        optimizer.step(&gradient, &rate(&schedule, &Settings::default(), step, 20)).unwrap();
    }
}

#[test]
fn a_restored_state_goes_on_with_the_same_bits() {
    for settings in every_kind() {
        let values = Tensor::linspace(-2, 2, 101, (Kind::Float, Device::Cpu));
        let mut optimizer = Optimizer::new(&settings, &values, 60).unwrap();
        walk(&mut optimizer, &values, 0, 9);
        let (mut state, kept) = (optimizer.state().unwrap(), values.copy());
        walk(&mut optimizer, &values, 9, 20);

        let mut restored = Optimizer::new(&settings, &kept, 60).unwrap();
        // A checkpoint need not keep the order.
        state.reverse();
        restored.load_state(&state).unwrap();
        assert_eq!(restored.steps(), 9);
        walk(&mut restored, &kept, 9, 20);
        assert_eq!(kept, values, "{settings:?}");

        // Without its state it goes elsewhere, so the comparison can fail.
        let mut fresh = Optimizer::new(&settings, &kept.copy(), 60).unwrap();
        let others = fresh.state().unwrap();
        if others.len() > 1 {
            let (a, b) = (&restored.state().unwrap()[1].1, &others[1].1);
            assert_ne!(a, b, "{settings:?}");
        }
        walk(&mut fresh, &kept, 0, 1);
    }
}

#[test]
fn a_foreign_state_is_refused_with_the_first_difference() {
    let values = Tensor::zeros([8], (Kind::Float, Device::Cpu));
    let make = |kind| Optimizer::new(&Settings { kind, momentum: 0.9, ..Settings::default() }, &values, 4).unwrap();
    let mut adamw = make(OptimizerKind::Adamw);
    let good = adamw.state().unwrap();
    assert_eq!(good.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["step", "mean", "square"]);

    let error = |state: &[(String, Tensor)]| make(OptimizerKind::Adamw).load_state(state).unwrap_err();
    let foreign = make(OptimizerKind::Sgd).state().unwrap();
    assert!(matches!(error(&foreign), StateError::Unexpected { name, .. } if name == "momentum"));
    assert!(matches!(error(&good[..2]), StateError::Missing { name, .. } if name == "square"));
    assert!(matches!(error(&good[1..]), StateError::Missing { name, .. } if name == "step"));
    let changed = |at: usize, tensor: Tensor| {
        let mut state = adamw.state().unwrap();
        state[at].1 = tensor;
        error(&state)
    };
    let shorter = changed(1, values.narrow(0, 0, 7).copy());
    assert_eq!(
        shorter.to_string(),
        "`mean` of the optimizer's state is Float of shape [7], expected Float of shape [8]; \
         hint: it belongs to another network"
    );
    assert!(matches!(changed(2, values.to_kind(Kind::Half)), StateError::Shape { .. }));
    assert!(matches!(changed(0, Tensor::from(-1i64)), StateError::Step { found: -1 }));
    let twice: Vec<(String, Tensor)> =
        good.iter().chain(&good[1..2]).map(|(name, tensor)| (name.clone(), tensor.copy())).collect();
    assert!(matches!(error(&twice), StateError::Unexpected { name, .. } if name == "mean"));
    adamw.load_state(&good).unwrap();
}

#[test]
fn lookahead_moves_at_its_steps_only() {
    let settings = Settings { kind: OptimizerKind::Ranger, ..Settings::default() };
    let values = Tensor::ones([3], (Kind::Float, Device::Cpu));
    let start = values.copy();
    let mut optimizer = Optimizer::new(&settings, &values, 0).unwrap();
    let slow = |optimizer: &Optimizer| optimizer.state().unwrap().pop().unwrap();
    for step in 1..=12 {
        optimizer.step(&values.ones_like(), &Rate { lr: 0.1, momentum: None }).unwrap();
        let (name, slow) = slow(&optimizer);
        assert_eq!(name, "slow");
        assert_eq!(slow == start, step < 6, "step {step}");
        assert_eq!(slow == values, step % 6 == 0, "step {step}");
    }
}

#[test]
fn only_the_front_decays() {
    for decay_on in [DecayOn::Weights, DecayOn::All] {
        let settings = Settings { kind: OptimizerKind::Sgd, weight_decay: 0.5, decay_on, ..Settings::default() };
        let values = Tensor::ones([4], (Kind::Float, Device::Cpu));
        let mut optimizer = Optimizer::new(&settings, &values, 3).unwrap();
        optimizer.step(&values.zeros_like(), &Rate { lr: 0.5, momentum: None }).unwrap();
        let last = if decay_on == DecayOn::All { 0.75 } else { 1.0 };
        assert_eq!(host(&values), [0.75, 0.75, 0.75, last]);
    }
}

#[test]
fn views_of_the_buffer_move_with_it() {
    let values = Tensor::ones([6], (Kind::Float, Device::Cpu));
    let leaf = values.narrow(0, 0, 4).view([2, 2]).set_requires_grad(true);
    let mut optimizer = Optimizer::new(&Settings::default(), &values, 4).unwrap();
    let gradients = Tensor::run_backward(&[leaf.square().sum(Kind::Float)], &[&leaf], false, false);
    let gradient = Tensor::cat(&[gradients[0].view(-1), Tensor::zeros([2], (Kind::Float, Device::Cpu))], 0);
    optimizer.step(&gradient, &Rate { lr: 0.1, momentum: None }).unwrap();
    assert!(host(&leaf.detach().view(-1)).iter().all(|value| *value < 0.95));
    assert!(!values.requires_grad());
}

proptest! {
    #[test]
    fn rates_stay_in_range(kind in 0usize..5, start in 0.0..=1.0f64, steps in 1u64..400, lr in 1e-6..10.0f64) {
        let kind = [
            ScheduleKind::FlatCosine,
            ScheduleKind::FlatCosineV1,
            ScheduleKind::OneCycle,
            ScheduleKind::OneCycleV1,
            ScheduleKind::Constant,
        ][kind];
        let settings = Settings { lr, ..Settings::default() };
        for pct_start in [start, 0.0, 1.0] {
            for found in rates(&Schedule { kind, pct_start: Some(pct_start) }, &settings, steps) {
                prop_assert!(found.lr >= 0.0 && found.lr <= lr * (1.0 + 1e-12), "{found:?}");
                prop_assert!(found.momentum.is_none_or(|m| (0.85 - 1e-12..=0.95 + 1e-12).contains(&m)), "{found:?}");
            }
        }
    }

    /// What a search says follows from its losses up to its end, and is one of the rates tried.
    #[test]
    fn a_suggestion_is_a_rate_that_was_tried(losses in prop::collection::vec(0.01..3.0f64, 0..130)) {
        if let Ok(found) = finder::suggestion(&losses) {
            let tried = (10..losses.len().min(100) as u64 - 5).any(|step| finder::rate(step) == found);
            prop_assert!(tried, "{found}");
        }
    }
}
