//! The buffer of parameters, the state of a model, and number formats.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

mod common;

use common::fixture::{difference, float, host};
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use sweeper_recipe::{Activation, Arch, Model as Settings, Precision};
use sweeper_train::{
    model::{Initial, Model, Parameters, Placement},
    seeding::{Domain, Stream},
};
use tch::{Device, Kind, Tensor};

const IMAGE: [i64; 3] = [3, 28, 28];

fn model(settings: &Settings, precision: Precision) -> Model {
    Model::new(settings, IMAGE, 10, 1, Placement { precision, ..Placement::default() }).unwrap()
}

fn images() -> Tensor {
    float(&Stream::new(3, Domain::Mix, 0).normals(8 * 3 * 28 * 28), &[8, 3, 28, 28])
}

/// Every kind of layer: groups, squeeze-excitation, attention with a γ that counts.
fn every_layer() -> Settings {
    let activation = Activation::Mish;
    Settings { arch: Arch::XseResnext18, activation, self_attention: true, ..Settings::default() }
}

fn wake(model: &Model) {
    for parameter in model.parameters().list() {
        if parameter.name.ends_with("conv1.norm.weight") || parameter.name.ends_with("gamma") {
            let value = if parameter.decay { 0.01 } else { 0.5 };
            let _ = tch::no_grad(|| parameter.tensor.shallow_clone().fill_(value));
        }
    }
}

fn shapes() -> impl Strategy<Value = Vec<(Vec<i64>, bool)>> {
    let side = || 1..5i64;
    let shape = prop_oneof![
        (1..40i64).prop_map(|n| vec![n]),
        (side(), side()).prop_map(|(a, b)| vec![a, b]),
        (side(), side(), side(), side()).prop_map(|(a, b, c, d)| vec![a, b, c, d]),
    ];
    prop::collection::vec((shape, any::<bool>()), 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// The gradient of Σ w·p is w, in the buffer's order: added to the buffer, each leaf grows by its w.
    #[test]
    fn the_buffer_and_its_gradient_have_one_order(shapes in shapes(), unused in 0..8usize) {
        let stream = Stream::new(1, Domain::Mix, 0);
        let draw = |at: usize, shape: &[i64], from: u64| -> Vec<f32> {
            let count = shape.iter().product::<i64>() as u64;
            (0..count).map(|i| stream.uniform(from + at as u64 * 1000 + i) as f32).collect()
        };
        let initial: Vec<Initial> = shapes
            .iter()
            .enumerate()
            .map(|(at, (shape, decay))| {
                let values = draw(at, shape, 0);
                Initial { name: at.to_string(), shape: shape.clone(), values, decay: *decay }
            })
            .collect();
        let parameters = Parameters::new(initial, Device::Cpu).unwrap();
        let weights: Vec<Tensor> =
            shapes.iter().enumerate().map(|(at, (s, _))| Tensor::from_slice(&draw(at, s, 100_000)).view(s.as_slice())).collect();
        let before: Vec<Vec<f64>> = parameters.list().iter().map(|p| host(&p.tensor)).collect();
        let mut loss = Tensor::from(0f32);
        for (at, (parameter, weight)) in parameters.list().iter().zip(&weights).enumerate() {
            prop_assert_eq!(&before[at], &draw(at, &shapes[at].0, 0).iter().map(|&v| f64::from(v)).collect::<Vec<_>>());
            if at != unused || shapes.len() == 1 {
                loss += (&parameter.tensor * weight).sum(Kind::Float);
            }
        }
        let gradient = parameters.gradient(&loss).unwrap();
        prop_assert_eq!(gradient.size(), parameters.values().size());
        let total = gradient.sum(Kind::Double).double_value(&[]);
        tch::no_grad(|| { let _ = parameters.values().shallow_clone().g_add_(&gradient); });
        let mut expected_total = 0.0;
        for (at, parameter) in parameters.list().iter().enumerate() {
            let counts = at != unused || shapes.len() == 1;
            let grown = if counts { host(&weights[at]) } else { vec![0.0; before[at].len()] };
            expected_total += grown.iter().sum::<f64>();
            for ((after, before), grown) in host(&parameter.tensor).iter().zip(&before[at]).zip(grown) {
                prop_assert_eq!(*after, f64::from((before + grown) as f32));
            }
        }
        // So the gaps hold zeros.
        prop_assert!((total - expected_total).abs() < 1e-4);
    }
}

#[test]
fn what_decays_lies_in_front() {
    let model = model(&every_layer(), Precision::Fp32);
    let parameters = model.parameters();
    assert_eq!(parameters.count(), 13_138_026 + 4_097);
    let start = parameters.values().data_ptr() as usize;
    for parameter in parameters.list() {
        let offset = (parameter.tensor.data_ptr() as usize - start) as i64 / 4;
        assert_eq!(offset % 16, 0, "{}", parameter.name);
        assert_eq!(parameter.decay, offset < parameters.decayed(), "{}", parameter.name);
        let decays = parameter.tensor.dim() > 1 || parameter.name.ends_with("gamma");
        assert_eq!(parameter.decay, decays, "{}", parameter.name);
        assert!(parameter.tensor.is_leaf() && parameter.tensor.requires_grad());
    }
    assert!(!parameters.values().requires_grad());
}

#[test]
fn a_loss_without_parameters_is_an_error() {
    let parameters = Parameters::new(Vec::new(), Device::Cpu).unwrap();
    let error = parameters.gradient(&Tensor::from(1f32)).unwrap_err();
    assert!(error.to_string().contains("no parameter"), "{error}");
    let odd = Initial { name: "a".to_owned(), shape: vec![2, 2], values: vec![0.0; 3], decay: true };
    assert!(Parameters::new(vec![odd], Device::Cpu).is_err());
}

#[test]
fn state_is_sorted_copied_and_restores() {
    let settings = Settings { arch: Arch::Xresnet18, self_attention: true, ..Settings::default() };
    let model = model(&settings, Precision::Fp32);
    wake(&model);
    let before = model.state().unwrap();
    assert!(before.is_sorted_by_key(|(name, _)| name.clone()));
    for name in ["stage0.block1.attention.u", "stage0.block1.attention.v", "stem0.norm.running_var", "head.bias"] {
        assert!(before.iter().any(|(found, _)| found == name), "{name}");
    }
    let digest = model.digest().unwrap();
    let logits = model.frozen().unwrap().logits(&images()).unwrap();
    model.train_pass(&images()).unwrap();
    let after = model.state().unwrap();
    let moved: Vec<&str> = before.iter().zip(&after).filter(|(a, b)| a.1 != b.1).map(|(a, _)| a.0.as_str()).collect();
    assert!(moved.contains(&"stage0.block1.attention.u") && moved.contains(&"stem0.norm.running_mean"), "{moved:?}");
    assert!(!moved.iter().any(|name| name.ends_with("weight")), "{moved:?}");
    assert_ne!(model.digest().unwrap(), digest);

    model.load_state(&before.iter().rev().map(|(n, t)| (n.clone(), t.copy())).collect::<Vec<_>>()).unwrap();
    assert_eq!(model.digest().unwrap(), digest);
    assert_eq!(model.frozen().unwrap().logits(&images()).unwrap(), logits);
    // Another seed's model becomes this one.
    let other = Model::new(&settings, IMAGE, 10, 2, Placement::default()).unwrap();
    assert_ne!(other.digest().unwrap(), digest);
    other.load_state(&before).unwrap();
    assert_eq!(other.digest().unwrap(), digest);
}

#[test]
fn another_models_state_is_refused_with_the_first_difference() {
    let small = |classes| Model::new(&Settings::default(), IMAGE, classes, 1, Placement::default()).unwrap();
    let model = small(10);
    let digest = model.digest().unwrap();
    let refused = |state: Vec<(String, Tensor)>| model.load_state(&state).unwrap_err().to_string();
    assert!(refused(small(9).state().unwrap()).contains("head.bias is [9] instead of [10]"));
    let state = || model.state().unwrap();
    assert!(refused(state().split_off(1)).contains("conv0.norm.bias is missing"));
    let mut state_and_one = state();
    state_and_one.push(("zebra".to_owned(), Tensor::from(0f32)));
    assert!(refused(state_and_one).contains("zebra is unknown"));
    let mut renamed = state();
    renamed[0].0 = "a".to_owned();
    assert!(refused(renamed).contains("a is unknown"));
    let twice: Vec<_> = state().into_iter().chain(state().into_iter().take(1)).collect();
    assert!(refused(twice).contains("there twice"));
    assert_eq!(model.digest().unwrap(), digest);
}

/// The digest's bytes, written a second time.
#[test]
fn the_digest_is_of_names_sizes_and_values() {
    let model = Model::new(&Settings::default(), IMAGE, 10, 5, Placement::default()).unwrap();
    let mut hasher = Sha256::new();
    for (name, tensor) in model.state().unwrap() {
        hasher.update((name.len() as u64).to_le_bytes());
        hasher.update(name.as_bytes());
        tensor.size().iter().for_each(|side| hasher.update(side.to_le_bytes()));
        host(&tensor).iter().for_each(|value| hasher.update((*value as f32).to_le_bytes()));
    }
    let hex: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(model.digest().unwrap(), hex);
}

/// Largest difference of the logits relative to the largest logit, in training and evaluation.
fn distance(settings: &Settings, precision: Precision) -> (f64, f64) {
    let (full, half) = (model(settings, Precision::Fp32), model(settings, precision));
    let images = images();
    let outputs = [&full, &half].map(|model| {
        wake(model);
        let output = model.train_pass(&images).unwrap();
        assert_eq!((output.logits.kind(), output.features.kind()), (Kind::Float, Kind::Float));
        let gradient = model.parameters().gradient(&output.logits.square().mean(Kind::Float)).unwrap();
        assert_eq!(gradient.kind(), Kind::Float);
        assert!(host(&gradient).iter().all(|value| value.is_finite()), "{settings:?} {precision:?}");
        let evaluated = model.frozen().unwrap().logits(&images).unwrap();
        (host(&output.logits), host(&evaluated), host(&gradient))
    });
    let [full, half] = outputs;
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let cosine = dot(&full.2, &half.2) / (dot(&full.2, &full.2) * dot(&half.2, &half.2)).sqrt();
    let (train, evaluated) = (difference(&half.0, &full.0), difference(&half.1, &full.1));
    println!("{} {precision:?}: {train:.1e} training, {evaluated:.1e} evaluation, {cosine:.4}", settings.arch.name());
    assert!(cosine > 0.9, "{settings:?} {precision:?}: the gradients' cosine is {cosine}");
    assert!(train > 1e-6, "{settings:?} {precision:?}: computed in float32");
    (train, evaluated)
}

#[test]
fn half_precision_is_near_full_precision() {
    sweeper_train::init().unwrap();
    let of = |arch| Settings { arch, ..Settings::default() };
    for settings in [of(Arch::SmallCnn), of(Arch::PlainCnn), of(Arch::SimpleCnn), every_layer()] {
        for (precision, tolerance) in [(Precision::Bf16, 0.1), (Precision::Fp16, 0.02)] {
            let (train, evaluated) = distance(&settings, precision);
            let what = format!("{settings:?} {precision:?}");
            assert!(train < tolerance && evaluated < tolerance, "{what}: {train} {evaluated}");
        }
    }
}
