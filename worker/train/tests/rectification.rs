//! Class rectification against a loop over all triplets, on random batches with ties, absent classes and every κ and ρ.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use proptest::prelude::*;
use serde_json::{Value, json};
use sweeper_train::loss::{Batch, ClassCounts, Objective};
use tch::{Device, Kind, TchError, Tensor};

const FEATURES: usize = 2;

/// A batch and its settings.
#[derive(Debug, Clone)]
struct Case {
    classes: usize,
    logits: Vec<f32>,
    features: Vec<f32>,
    /// The class of each sample, or a row of 0 and 1 for each.
    labels: Vec<usize>,
    several: bool,
    kappa: usize,
    rho: f64,
    margin: f64,
    active_only: bool,
    how: &'static str,
}

impl Case {
    fn samples(&self) -> usize {
        self.logits.len() / self.classes
    }

    /// (rectification, its gradient to the logits, its gradient to the features).
    fn found(&self) -> (f64, Vec<f64>, Vec<f64>) {
        self.try_found().unwrap()
    }

    fn try_found(&self) -> Result<(f64, Vec<f64>, Vec<f64>), TchError> {
        let (mining, minority) = match self.how {
            "instance" => ("instance", "batch"),
            other => ("class", other),
        };
        // α = 1: the loss is rectification alone.
        let loss: Value = json!({
            "kind": if self.several { "bce" } else { "cross-entropy" },
            "rectification": {
                "enabled": true, "eta": 1.0, "omega": "given", "omega_value": 1.0, "kappa": self.kappa,
                "rho": self.rho, "margin": self.margin, "active_only": self.active_only, "mining": mining,
                "minority": minority,
            },
        });
        let train = vec![1; self.classes];
        let counts = ClassCounts { train: &train, train_rows: 9, balanced: &[], unbalanced: None, perverse: None };
        let objective = Objective::new(&serde_json::from_value(loss).unwrap(), &counts, Device::Cpu).unwrap();
        let (n, classes) = (self.samples() as i64, self.classes as i64);
        let logits = Tensor::from_slice(&self.logits).view([n, classes]).set_requires_grad(true);
        let features = Tensor::from_slice(&self.features).view([n, -1]).set_requires_grad(true);
        let labels: Vec<i64> = self.labels.iter().map(|&label| label as i64).collect();
        let labels = match self.several {
            true => Tensor::from_slice(&labels).to_kind(Kind::Float).view([n, classes]),
            false => Tensor::from_slice(&labels),
        };
        let batch = Batch { logits: &logits, features: Some(&features), labels: &labels, mix: None };
        let value = objective.loss(&batch)?;
        value.backward();
        let gradient = |of: &Tensor| match of.grad() {
            found if found.defined() => Vec::<f64>::try_from(found.to_kind(Kind::Double).view(-1)).unwrap(),
            _ => vec![0.0; of.numel()],
        };
        Ok((value.double_value(&[]), gradient(&logits), gradient(&features)))
    }

    /// Whether sample `i` has class or label `c`.
    fn has(&self, c: usize, i: usize) -> bool {
        if self.several { self.labels[i * self.classes + c] == 1 } else { self.labels[i] == c }
    }

    /// Sides of each class: members, and whether they are those without the label; then which are minorities.
    fn sides(&self) -> (Vec<Vec<bool>>, Vec<bool>, Vec<usize>) {
        let n = self.samples();
        let limit = self.rho * n as f64 + 1e-9;
        let mut members: Vec<Vec<bool>> = (0..self.classes).map(|c| (0..n).map(|i| self.has(c, i)).collect()).collect();
        let count = |row: &Vec<bool>| row.iter().filter(|member| **member).count();
        let mut without = vec![false; self.classes];
        if self.how == "per-label" {
            for (row, without) in members.iter_mut().zip(&mut without) {
                *without = 2 * count(row) > n;
                row.iter_mut().for_each(|member| *member ^= *without);
            }
            let small = (0..self.classes).filter(|&c| count(&members[c]) >= 2 && count(&members[c]) as f64 <= limit);
            let small = small.collect();
            return (members, without, small);
        }
        let mut order: Vec<usize> = (0..self.classes).collect();
        order.sort_by_key(|&c| count(&members[c]));
        let (mut total, mut rare) = (0, Vec::new());
        for c in order {
            total += count(&members[c]);
            if total as f64 > limit {
                break;
            }
            if count(&members[c]) >= 2 {
                rare.push(c);
            }
        }
        (members, without, rare)
    }

    /// The same by loops; probabilities are libtorch's, so that ties are ties on both sides.
    fn expected(&self) -> (f64, Vec<f64>, Vec<f64>) {
        let (n, classes) = (self.samples(), self.classes);
        let (members, without, rare) = self.sides();
        let logits = Tensor::from_slice(&self.logits).view([n as i64, classes as i64]);
        let signs: Vec<f32> = without.iter().map(|without| if *without { -1.0 } else { 1.0 }).collect();
        let p = match (self.several, self.how) {
            (false, _) => logits.softmax(1, None).transpose(0, 1),
            (true, "batch") => logits.transpose(0, 1).sigmoid(),
            (true, _) => (logits.transpose(0, 1) * Tensor::from_slice(&signs).unsqueeze(1)).sigmoid(),
        };
        let p: Vec<f32> = Vec::try_from(p.contiguous().view(-1)).unwrap();
        let distance = |a: usize, b: usize| {
            let pairs =
                self.features[a * FEATURES..][..FEATURES].iter().zip(&self.features[b * FEATURES..][..FEATURES]);
            pairs.map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt()
        };
        let (mut sum, mut valid, mut active) = (0.0, 0u64, 0u64);
        let mut by_p = vec![0.0; p.len()];
        let mut by_feature = vec![0.0; self.features.len()];
        let mut pull = |a: usize, b: usize, sign: f64| {
            for at in 0..FEATURES {
                let difference = f64::from(self.features[a * FEATURES + at] - self.features[b * FEATURES + at]);
                let slope = if difference == 0.0 { 0.0 } else { sign * difference / f64::from(distance(a, b)) };
                by_feature[a * FEATURES + at] += slope;
                by_feature[b * FEATURES + at] -= slope;
            }
        };
        for c in rare {
            let q = &p[c * n..(c + 1) * n];
            for a in (0..n).filter(|&a| members[c][a]) {
                let mut mates: Vec<usize> = (0..n).filter(|&i| members[c][i] && i != a).collect();
                let mut rest: Vec<usize> = (0..n).filter(|&i| !members[c][i]).collect();
                if self.how == "instance" {
                    mates.sort_by(|&i, &j| distance(a, j).total_cmp(&distance(a, i)));
                    rest.sort_by(|&i, &j| distance(a, i).total_cmp(&distance(a, j)));
                } else {
                    mates.sort_by(|&i, &j| q[i].total_cmp(&q[j]));
                    rest.sort_by(|&i, &j| q[j].total_cmp(&q[i]));
                }
                for &b in mates.iter().take(self.kappa) {
                    for &j in rest.iter().take(self.kappa) {
                        let (near, far) = match self.how {
                            "instance" => (distance(a, b), distance(a, j)),
                            _ => ((q[a] - q[b]).abs(), q[a] - q[j]),
                        };
                        let hinge = near - far + self.margin as f32;
                        valid += 1;
                        if hinge <= 0.0 {
                            continue;
                        }
                        active += 1;
                        sum += f64::from(hinge);
                        if self.how == "instance" {
                            pull(a, b, 1.0);
                            pull(a, j, -1.0);
                        } else {
                            let sign = if q[a] == q[b] { 0.0 } else { f64::from((q[a] - q[b]).signum()) };
                            by_p[c * n + a] += sign - 1.0;
                            by_p[c * n + b] -= sign;
                            by_p[c * n + j] += 1.0;
                        }
                    }
                }
            }
        }
        let divisor = if self.active_only { active } else { valid }.max(1) as f64;
        by_p.iter_mut().chain(&mut by_feature).for_each(|slope| *slope /= divisor);
        (sum / divisor, self.to_logits(&p, &by_p, &without), by_feature)
    }

    /// From slopes of probabilities, C × n, to slopes of logits, n × C.
    fn to_logits(&self, p: &[f32], by_p: &[f64], without: &[bool]) -> Vec<f64> {
        let (n, classes) = (self.samples(), self.classes);
        let at = |c: usize, i: usize| (f64::from(p[c * n + i]), by_p[c * n + i]);
        let mut slopes = Vec::new();
        for i in 0..n {
            let mean: f64 = (0..classes).map(|c| at(c, i)).map(|(p, slope)| p * slope).sum();
            for (c, without) in without.iter().enumerate() {
                let (p, slope) = at(c, i);
                slopes.push(match (self.several, without) {
                    (false, _) => p * (slope - mean),
                    (true, false) => p * (1.0 - p) * slope,
                    (true, true) => -p * (1.0 - p) * slope,
                });
            }
        }
        slopes
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let ((value, by_logit, by_feature), (expected, expected_by_logit, expected_by_feature)) =
            (self.found(), self.expected());
        let near = |found: f64, expected: f64| (found - expected).abs() <= 1e-6 * expected.abs().max(1.0);
        prop_assert!(near(value, expected), "{value} is not {expected}");
        for (what, found, expected) in
            [("logit", by_logit, expected_by_logit), ("feature", by_feature, expected_by_feature)]
        {
            prop_assert_eq!(found.len(), expected.len());
            for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
                prop_assert!(near(*found, *expected), "{what} {at}: {found} is not {expected}");
            }
        }
        Ok(())
    }
}

/// Few values, so many ties; few samples, so absent classes and fewer candidates than κ.
fn cases() -> impl Strategy<Value = Case> {
    let sizes = (1usize..=5, 1usize..=14, prop_oneof![Just("batch"), Just("per-label"), Just("instance"), Just("own")]);
    let shapes = sizes.prop_flat_map(|(classes, n, how)| {
        // "own" is one class per sample, mined by class.
        let several = matches!(how, "batch" | "per-label");
        let labels = if several { (2, n * classes) } else { (classes, n) };
        (
            Just((classes, several, if how == "own" { "batch" } else { how })),
            prop::collection::vec((-4i8..=4).prop_map(|v| f32::from(v) / 2.0), n * classes),
            prop::collection::vec((-2i8..=2).prop_map(f32::from), n * FEATURES),
            prop::collection::vec(0..labels.0, labels.1),
        )
    });
    let rho = prop_oneof![Just(0.0), Just(0.5), Just(1.0), 0.0..1.0];
    let margin = prop_oneof![Just(0.0), Just(0.5), Just(1.5), 0.0..2.0];
    (shapes, (1usize..=20, rho, margin, any::<bool>())).prop_map(
        |(((classes, several, how), logits, features, labels), (kappa, rho, margin, active_only))| Case {
            classes,
            logits,
            features,
            labels,
            several,
            kappa,
            rho,
            margin,
            active_only,
            how,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn every_batch_is_the_loop_over_its_triplets(case in cases()) {
        case.check()?;
    }
}

fn numbered(n: usize, classes: usize, kappa: usize, several: bool) -> Case {
    // Distinct and in no order: multiples of an odd number modulo a power of two.
    let value = |at: usize| (at * 40_503 % 65_536) as f32 / 16_384.0 - 2.0;
    Case {
        classes,
        logits: (0..n * classes).map(value).collect(),
        features: vec![0.0; n * FEATURES],
        labels: if several {
            (0..n * classes).map(|at| at * 7 % 5 / 4).collect()
        } else {
            (0..n).map(|i| i * i % classes).collect()
        },
        several,
        kappa,
        rho: 1.0,
        margin: 0.5,
        active_only: false,
        how: "batch",
    }
}

#[test]
fn more_triplets_than_are_visited_at_once() {
    // 300 × 251 × 250, and with a row for each sample and label 3 × 300 × 151 × 150: both above 2²⁴.
    numbered(300, 3, 250, false).check().unwrap();
    numbered(300, 3, 150, true).check().unwrap();
}

#[test]
fn one_class_only_has_no_triplet() {
    for rho in [0.0, 1.0] {
        let case = Case { labels: vec![1; 12], rho, ..numbered(12, 3, 4, false) };
        assert_eq!(case.found().0, 0.0);
        assert!(case.found().1.iter().all(|slope| *slope == 0.0));
    }
}

/// κ = 1: the hardest positive of the one with the lowest probability is the second lowest, never itself.
#[test]
fn an_anchor_is_not_its_own_positive() {
    let case = Case {
        logits: vec![-2.0, 0.0, 1.0, 0.0, 0.0, 0.0, 3.0, 0.0],
        labels: vec![0, 0, 1, 1],
        rho: 0.5,
        ..numbered(4, 2, 1, false)
    };
    let p = |z: f64| 1.0 / (1.0 + (-z).exp());
    let (low, high, negative) = (p(-2.0), p(1.0), p(3.0));
    let both = [(low, high), (high, low)].map(|(a, b)| 0.5 + (a - b).abs() - (a - negative));
    assert!((case.found().0 - both.iter().sum::<f64>() / 2.0).abs() < 1e-6);
}

#[test]
fn a_batch_beyond_memory_is_refused() {
    let case = Case { how: "instance", ..numbered(5_793, 2, 3, false) };
    let words = case.try_found().unwrap_err().to_string();
    assert!(words.contains("5793 samples and 2 classes needs n² = 33558849 numbers at once"), "{words}");
    // By class there is no table of pairs.
    assert!(Case { how: "batch", ..case }.found().0 > 0.0);
}
