//! The files in `deploy/sweeps` hold what the studies say: how many trainings of what, with which settings. Nothing is
//! trained here; `studies_run.rs` does that.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod harness;

use harness::{
    Bench, assert_success,
    studies::{DEMOS, FULL, PHOTOS, fetch_photos, root, script, text},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};
use sweeper_coordinator::sweep_file::parse;
use sweeper_recipe::{
    Arch, DecayOn, EpsMode, EvaluateFlip, LossKind, MixupLambda, NormalizeKind, Omega, OptimizerKind, Precision,
    Recipe, ResizeKind, Sampler, ScheduleKind, SmoothingKind, SmoothingTarget, Source, Stem, TrainEvaluation,
    TrainPrior, ValidationPrior, When,
};

/// Stratum, configs, trials.
type Planned = &'static [(&'static str, usize, u64)];

const PLANNED: [(&str, Planned); 15] = [
    ("apriori-demo", &[("", 10, 50)]),
    ("apriori-imagenette", &[("5 epochs", 10, 300), ("20 epochs", 10, 150), ("1 epoch", 10, 150)]),
    ("apriori-imagenette-balanced", &[("5 epochs", 4, 120), ("20 epochs", 4, 60), ("1 epoch", 4, 60)]),
    ("apriori-imagenette-matched", &[("5 epochs", 4, 120), ("20 epochs", 4, 60), ("1 epoch", 4, 60)]),
    ("apriori-tiny", &[("", 2, 4)]),
    ("mixup-demo", &[("", 6, 24)]),
    ("mixup-imagenette", &[("1 epoch", 6, 60), ("20 epochs", 6, 60)]),
    ("photos-demo", &[("", 5, 20)]),
    ("rectification-demo", &[("", 6, 30)]),
    ("rectification-mnist", &[("", 3, 30)]),
    ("rectification-multilabel", &[("four channels", 6, 30), ("three channels", 6, 30)]),
    ("rectification-multilabel-demo", &[("", 5, 25)]),
    ("synthetic", &[("calm seeds", 5, 40), ("wild seeds", 5, 60)]),
    ("variance-demo", &[("", 6, 60)]),
    ("variance-imagenette", &[("", 6, 60)]),
];

fn plan(name: &str, options: &[&str]) -> serde_json::Value {
    let bench = Bench::new(&text(name));
    let output = bench.sweeper(&[&["plan", "sweep.toml", "--json"], options].concat()).output().unwrap();
    assert_success(&output);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// The line that the file itself shows.
#[test]
fn study_a_shares_three_of_ten_trainings() {
    let shared = plan("apriori-imagenette", &["--set", "recipe.share_training=true"]);
    assert_eq!((shared["trials"].as_u64(), shared["trainings"].as_u64()), (Some(600), Some(420)));
}

#[test]
fn every_file_plans_the_trials_that_it_should() {
    let mut files: Vec<String> = fs::read_dir(root().join("deploy/sweeps"))
        .unwrap()
        .flatten()
        .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".toml")?.to_owned()))
        .collect();
    files.sort();
    assert_eq!(files, PLANNED.map(|(name, _)| name), "a sweep file without a row here, or the other way round");
    for (name, strata) in PLANNED {
        let spec = parse(&text(name), name, &[]).unwrap_or_else(|e| panic!("{e}"));
        let mut found: Vec<(&str, usize, u64)> = Vec::new();
        for config in &spec.configs {
            if found.last().is_none_or(|last| last.0 != config.stratum) {
                found.push((&config.stratum, 0, 0));
            }
            let last = found.last_mut().unwrap();
            last.1 += 1;
            last.2 += u64::from(config.replicates);
        }
        assert_eq!(found, strata, "{name}");
        assert_eq!(plan(name, &[])["trials"], strata.iter().map(|s| s.2).sum::<u64>(), "{name}");
    }
}

/// What `studies_run.rs` trains: every file is among it, and the overrides are right.
#[test]
fn every_file_can_be_made_small() {
    let all: Vec<_> = DEMOS.iter().chain(&FULL).chain([&PHOTOS]).collect();
    let names: BTreeSet<&str> = all.iter().map(|small| small.name).collect();
    assert_eq!(names, PLANNED.iter().map(|(name, _)| *name).collect());
    for small in all {
        assert_eq!(plan(small.name, &small.options())["trials"], small.trials, "{}", small.name);
    }
}

/// The file's configs: stratum, name, recipe.
fn configs(name: &str) -> Vec<(String, String, Recipe)> {
    let spec = parse(&text(name), name, &[]).unwrap_or_else(|e| panic!("{e}"));
    let read = |recipe: &[u8]| Recipe::from_json(recipe).unwrap();
    spec.configs.iter().map(|c| (c.stratum.clone(), c.name.clone(), read(&c.recipe))).collect()
}

fn config(name: &str, stratum: &str, config: &str) -> Recipe {
    let found = configs(name).into_iter().find(|(s, c, _)| s == stratum && c == config);
    found.unwrap_or_else(|| panic!("{name} has no config {stratum}/{config}")).2
}

/// Different trainings in a stratum.
fn trainings(name: &str, stratum: &str) -> usize {
    let all = configs(name);
    all.iter().filter(|(s, ..)| s == stratum).map(|(.., r)| r.training_digest()).collect::<BTreeSet<_>>().len()
}

#[test]
fn study_a_is_the_table_of_ten_under_three_budgets() {
    use {SmoothingKind as S, TrainPrior as T, ValidationPrior as V};
    // Unbalanced data, bias in training, bias in evaluation, smoothing: rows 1 to 10.
    let table = [
        (false, T::None, V::None, S::Uniform, 0.0),
        (false, T::None, V::None, S::Uniform, 0.1),
        (true, T::None, V::None, S::Uniform, 0.0),
        (true, T::Zero, V::Zero, S::Uniform, 0.0),
        (true, T::Zero, V::Zero, S::Uniform, 0.1),
        (true, T::Train, V::Zero, S::Uniform, 0.0),
        (true, T::Train, V::Zero, S::Uniform, 0.1),
        (true, T::Train, V::Split, S::Uniform, 0.0),
        (true, T::Train, V::Split, S::Uniform, 0.1),
        (true, T::Train, V::Split, S::TrainPrior, 0.1),
    ];
    for (stratum, epochs) in [("5 epochs", 5), ("20 epochs", 20), ("1 epoch", 1)] {
        let all = configs("apriori-imagenette");
        let rows: Vec<&Recipe> = all.iter().filter(|(s, ..)| s == stratum).map(|(.., r)| r).collect();
        for (recipe, row) in rows.iter().zip(&table) {
            let smoothing = &recipe.loss.smoothing;
            let (data, prior) = (&recipe.data, &recipe.prior);
            assert_eq!((data.unbalance.enabled, prior.train, prior.validation, smoothing.kind, smoothing.eps), *row);
            // What all rows share.
            let mut shared = (*recipe).clone();
            shared.data.unbalance.enabled = true;
            shared.prior = Recipe::default().prior;
            shared.loss = Recipe::default().loss;
            assert_eq!(shared.digest(), rows[2].digest());
        }
        assert_eq!(rows.len(), table.len());
        let r = rows[2];
        assert_eq!((r.epochs, r.batch_size, r.precision), (epochs, 128, Precision::Fp16));
        assert_eq!((r.data.source, r.data.size, r.data.noise, r.data.drop_last), (Source::Imagenette, 128, 0, true));
        assert_eq!((r.data.folder().as_str(), r.data.normalize.kind), ("imagenette2-320", NormalizeKind::Source));
        assert_eq!((r.model.arch, r.augment.flip, r.augment.resize.kind), (Arch::XseResnext18, true, ResizeKind::Crop));
        let o = &r.optimizer;
        assert_eq!((o.kind, o.lr, o.beta1, o.beta2), (OptimizerKind::Ranger, 0.025, 0.9, 0.99));
        assert_eq!((o.eps, o.weight_decay, o.decay_on), (1e-6, 1e-2, DecayOn::Weights));
        assert_eq!((r.schedule.kind, r.schedule.start()), (ScheduleKind::FlatCosine, 0.75));
        assert_eq!((r.evaluate.when, r.evaluate.train), (When::Epoch, TrainEvaluation::Both));
        // Rows 3 and 4, 6 and 8, 7 and 9 train alike.
        assert_eq!(trainings("apriori-imagenette", stratum), 7);
    }
}

#[test]
fn the_questions_that_study_a_leaves_open_have_its_settings() {
    let shared = |mut recipe: Recipe| {
        recipe.data.unbalance.enabled = true;
        recipe.prior = Recipe::default().prior;
        recipe.loss = Recipe::default().loss;
        recipe.digest()
    };
    for (stratum, row_3) in
        ["5 epochs", "20 epochs", "1 epoch"].map(|s| (s, config("apriori-imagenette", s, "unbalanced")))
    {
        let row_3 = shared(row_3);
        for file in ["apriori-imagenette-balanced", "apriori-imagenette-matched"] {
            for (_, name, recipe) in configs(file).into_iter().filter(|(s, ..)| s == stratum) {
                assert_eq!(recipe.data.unbalance.enabled, file.ends_with("matched"));
                assert_eq!(shared(recipe), row_3, "{file}: {stratum}/{name}");
            }
        }
        // Equal recipes under equal seeds: one coordinator trains them once for both files.
        let equal = [
            ("apriori-imagenette-balanced", "balanced"),
            ("apriori-imagenette-balanced", "balanced+ls"),
            ("apriori-imagenette-matched", "apriori+apriori-ls"),
        ];
        for (file, name) in equal {
            assert_eq!(config(file, stratum, name).digest(), config("apriori-imagenette", stratum, name).digest());
        }
        let matched = |name: &str| config("apriori-imagenette-matched", stratum, name).loss.smoothing;
        let targets = ["perverse", "balanced", "unbalanced"].map(|split| matched(&format!("apriori+{split}-ls")));
        use SmoothingTarget as To;
        assert_eq!(targets.clone().map(|s| s.target.unwrap()), [To::Perverse, To::Balanced, To::Unbalanced]);
        assert!(targets.iter().all(|s| s.kind == SmoothingKind::ValMatched && s.eps == 0.1));
        let layer = config("apriori-imagenette-balanced", stratum, "balanced+apriori").prior;
        assert_eq!((layer.train, layer.validation), (TrainPrior::Train, ValidationPrior::Split));
    }
}

#[test]
fn study_b_is_a_plain_network_with_and_without_mixup() {
    let study = |name| config("mixup-imagenette", "1 epoch", name);
    let r = study("mixup");
    assert_eq!((r.epochs, r.batch_size, r.precision), (1, 64, Precision::Fp32));
    assert_eq!((r.data.source, r.data.folder().as_str(), r.data.size), (Source::Folder, "imagenette-160", 128));
    assert_eq!((r.data.drop_last, r.augment.flip, r.augment.resize.kind), (false, false, ResizeKind::Squish));
    let n = &r.data.normalize;
    assert_eq!((n.mean.as_slice(), n.deviation.as_slice()), (&[0.47, 0.48, 0.45][..], &[0.29, 0.28, 0.30][..]));
    assert_eq!((r.model.arch, r.optimizer.kind, r.optimizer.lr), (Arch::PlainCnn, OptimizerKind::Sgd, 0.4));
    assert_eq!((r.optimizer.momentum, r.optimizer.weight_decay), (0.0, 0.0));
    assert_eq!((r.schedule.kind, r.evaluate.batch_size), (ScheduleKind::Constant, 128));
    let m = &r.augment.mixup;
    assert_eq!((m.alpha, m.lambda, m.dedup, m.until, r.loss.smoothing.eps), (0.4, MixupLambda::Sample, true, 1.0, 0.0));
    let smoothing = study("smoothing");
    assert_eq!((smoothing.augment.mixup.alpha, smoothing.loss.smoothing.eps), (0.0, 0.1));
    assert_eq!((study("plain").augment.mixup.alpha, study("plain").loss.smoothing.eps), (0.0, 0.0));
    assert_eq!(study("mixup-batch").augment.mixup.lambda, MixupLambda::Batch);
    assert!(!study("mixup-no-dedup").augment.mixup.dedup);
    assert_eq!(study("mixup-until-half").augment.mixup.until, 0.5);
}

#[test]
fn study_c_is_two_digits_and_the_demo_has_something_to_rectify() {
    let crl = config("rectification-mnist", "", "rectification");
    let d = &crl.data;
    assert_eq!((d.source, d.classes.as_slice(), d.channels), (Source::Mnist, &[3, 7][..], 3));
    assert_eq!((d.normalize.kind, d.drop_last, crl.augment.flip), (NormalizeKind::None, true, false));
    assert_eq!((crl.model.arch, crl.batch_size, crl.epochs), (Arch::SimpleCnn, 64, 5));
    let o = &crl.optimizer;
    assert_eq!((o.kind, o.lr, o.beta1, o.beta2), (OptimizerKind::Adamw, 3e-3, 0.9, 0.99));
    assert_eq!((o.weight_decay, o.decay_on, crl.schedule.kind), (0.01, DecayOn::All, ScheduleKind::OneCycleV1));
    let l = &crl.loss.rectification;
    assert_eq!((l.enabled, l.eta, l.margin, l.kappa, l.rho, l.omega), (true, 0.01, 0.5, 25, 0.5, Omega::MaxDeficit));
    let first = config("rectification-mnist", "", "cross-entropy, 1 epoch");
    assert_eq!((first.epochs, first.schedule.kind), (1, ScheduleKind::Constant));
    assert!(!first.loss.rectification.enabled);
    // The baseline is the second training less its loss.
    let mut baseline = config("rectification-mnist", "", "cross-entropy");
    assert!(!baseline.loss.rectification.enabled);
    baseline.loss.rectification.enabled = true;
    assert_eq!(baseline.digest(), crl.digest());
    // The largest weight must stay a weight: alpha = eta * omega, omega at most 1.
    for (_, name, recipe) in configs("rectification-demo") {
        assert!(recipe.data.unbalance.enabled && recipe.loss.rectification.eta < 1.0, "{name}");
    }
}

#[test]
fn study_d_has_28_labels_and_two_ways_of_reading() {
    for (_, name, r) in configs("rectification-multilabel") {
        assert_eq!((r.data.source, r.data.label_count, r.batch_size), (Source::MultiLabel, 28, 32), "{name}");
        assert_eq!((r.loss.kind, r.data.drop_last), (LossKind::Bce, false), "{name}");
        let l = &r.loss.rectification;
        assert_eq!((l.eta, l.margin, l.kappa), (0.01, 0.5, 3), "{name}");
        assert_eq!(r.data.sampler == Sampler::ClassBalanced, name.ends_with("balanced draws"));
    }
    let four = config("rectification-multilabel", "four channels", "rectification, study's omega");
    assert_eq!((four.data.channels, four.data.size, four.augment.flip), (0, 0, false));
    assert_eq!((four.data.normalize.kind, four.loss.rectification.omega), (NormalizeKind::None, Omega::MinOverMax));
    let three = config("rectification-multilabel", "three channels", "bce");
    let resize = &three.augment.resize;
    assert_eq!((three.data.channels, three.data.size, three.augment.flip), (3, 224, true));
    assert_eq!((resize.kind, resize.min_scale, resize.max_scale), (ResizeKind::RandomCrop, 0.08, 1.0));
    assert_eq!((resize.evaluation_size, three.data.normalize.kind), (256, NormalizeKind::Imagenet));
}

#[test]
fn study_e_trains_twice_and_evaluates_six_ways() {
    let r = config("variance-imagenette", "", "original, both mirrored");
    assert_eq!((r.epochs, r.batch_size, r.precision), (5, 64, Precision::Fp16));
    assert_eq!((r.data.folder().as_str(), r.data.size, r.data.split_seed), ("imagenette-160", 128, 1234));
    assert_eq!((r.model.arch, r.model.stem, r.model.self_attention), (Arch::Xresnet18, Stem::Wide, true));
    let o = &r.optimizer;
    assert_eq!((o.kind, o.lr, o.beta1, o.beta2), (OptimizerKind::Ranger, 4e-3, 0.95, 0.99));
    assert_eq!((o.eps, o.eps_mode, o.weight_decay, o.decay_on), (1e-6, EpsMode::Raw, 1e-2, DecayOn::Weights));
    assert_eq!((r.schedule.kind, r.loss.smoothing.eps), (ScheduleKind::FlatCosineV1, 0.1));
    let resize = &r.augment.resize;
    assert_eq!((resize.kind, resize.min_scale, resize.max_scale), (ResizeKind::RandomCrop, 0.35, 1.0));
    assert_eq!((resize.evaluation_size, r.evaluate.betas.as_slice()), (160, &[3.0][..]));
    for (file, moved) in [("variance-imagenette", 250), ("variance-demo", 200)] {
        use EvaluateFlip as F;
        let all = configs(file);
        assert!(all.iter().all(|(.., r)| r.share_training), "{file}");
        let ways: BTreeSet<_> =
            all.iter().map(|(.., r)| (r.data.validation_per_class, format!("{:?}", r.evaluate.flip))).collect();
        let flips = [F::FlipConcat, F::FlipMeanLogits, F::None].map(|f| format!("{f:?}"));
        let expected = [0, moved].into_iter().flat_map(|n| flips.clone().map(|flip| (n, flip)));
        assert_eq!(ways, expected.collect(), "{file}");
        assert_eq!(trainings(file, ""), 2, "{file}");
    }
}

/// The page names every file, and for each file of full scale the folder that its data lie in.
#[test]
fn the_page_of_the_studies_names_files_and_folders() {
    let page = fs::read_to_string(root().join("docs/studies.md")).unwrap();
    for (name, _) in PLANNED {
        assert!(page.contains(&format!("{name}.toml")), "docs/studies.md does not name {name}.toml");
        for (.., recipe) in configs(name) {
            let folder = recipe.data.folder();
            assert!(
                page.contains(&format!("`{folder}`")),
                "docs/studies.md does not name the folder of {name}: {folder}"
            );
        }
    }
}

/// Every file below a folder and its content, the stamp left out.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for file in [folder.to_owned(), folder.join("train")].iter().flat_map(|f| fs::read_dir(f).unwrap().flatten()) {
        let name = file.file_name().into_string().unwrap();
        if name != "stamp.json" && file.path().is_file() {
            found.insert(name, fs::read(file.path()).unwrap());
        }
    }
    found
}

#[test]
fn made_images_are_a_function_of_their_options() {
    let dir = tempfile::tempdir().unwrap();
    let make = |folder: &str, samples: &str, seed: &str| {
        let mut command = script("deploy/demo-data.py");
        command.args(["multi-label", "--size", "16", "--samples", samples, "--seed", seed, "--out"]);
        command.arg(dir.path().join(folder)).output().unwrap()
    };
    for (folder, samples, seed) in [("a", "20", "1"), ("b", "20", "1"), ("c", "12", "1"), ("d", "20", "2")] {
        assert_success(&make(folder, samples, seed));
    }
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|folder| contents(&dir.path().join(folder)));
    assert_eq!(a, b);
    assert_ne!(a, d);
    let table = |files: &BTreeMap<String, Vec<u8>>| String::from_utf8(files["train.csv"].clone()).unwrap();
    assert!(table(&a).starts_with("Id,Target\n") && table(&a).lines().count() == 21, "{}", table(&a));
    assert_eq!(a.len(), 1 + 4 * 20);
    // Fewer samples are a part of more.
    assert!(table(&a).starts_with(&table(&c)));
    assert!(c.iter().all(|(name, content)| name == "train.csv" || a[name] == *content));
    for line in table(&a).lines().skip(1) {
        let (id, labels) = line.split_once(',').unwrap();
        assert!(labels.split(' ').all(|label| label.parse::<u32>().unwrap() < 8), "{line}");
        for colour in ["red", "green", "blue", "yellow"] {
            let image = &a[&format!("{id}_{colour}.png")];
            // Signature; then the header says 16 x 16, 8 bits, grey.
            assert_eq!(image[..8], *b"\x89PNG\r\n\x1a\n");
            assert_eq!(image[16..26], [0, 0, 0, 16, 0, 0, 0, 16, 8, 0]);
        }
    }
    // A second time nothing happens; what is not its own is left alone.
    assert!(harness::text(&make("a", "20", "1")).contains("are there already"));
    fs::write(dir.path().join("a/train.csv"), "Id,Target\n").unwrap();
    assert_eq!(make("a", "20", "1").status.code(), Some(1));
    assert_eq!(make("b", "21", "1").status.code(), Some(1));
    assert_eq!(make("e", "0", "1").status.code(), Some(2));
    assert_eq!(contents(&dir.path().join("b")), b);
}

#[test]
fn the_photographs_are_complete_or_cannot_be_fetched() {
    let data = match fetch_photos() {
        Ok(data) => data.join("photos"),
        Err(why) => return eprintln!("SKIPPED: the photographs cannot be fetched here.\n{why}"),
    };
    let mut counts = BTreeMap::new();
    for class in fs::read_dir(data).unwrap().flatten() {
        let pictures = fs::read_dir(class.path()).unwrap().count();
        counts.insert(class.file_name().into_string().unwrap(), pictures);
    }
    assert_eq!(counts.len(), 7, "{counts:?}");
    assert_eq!(counts.values().sum::<usize>(), 341, "{counts:?}");
}
