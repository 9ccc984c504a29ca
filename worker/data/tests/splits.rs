//! Splits and orders: exhaustive, disjoint, of the stated shares, and stable where they must be.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::collections::BTreeSet;

use proptest::prelude::*;
use sweeper_data::{DataError, DataSet, Labels, Pixels, Split, Splits, log_proportions, order};
use sweeper_recipe::{Data, Recipe, Sampler, Source, Value};

fn set(labels: Labels, classes: usize, validation: Vec<bool>) -> DataSet {
    DataSet {
        name: "test".to_owned(),
        folder: "test".into(),
        pixels: Pixels::Uniform { bytes: Vec::new().into(), height: 1, width: 1, channels: 1 },
        labels,
        clean: None,
        validation,
        unbalanced: None,
        files: None,
        classes: (0..classes).map(|class| format!("c{class}")).collect(),
        mean: vec![0.0],
        deviation: vec![1.0],
        digest: String::new(),
    }
}

/// Classes in turn; the last `validation` rows validate.
fn turns(train: usize, validation: usize, classes: usize) -> DataSet {
    let rows = train + validation;
    let labels = (0..rows).map(|row| (row % classes) as u16).collect();
    set(Labels::Single(labels), classes, (0..rows).map(|row| row >= train).collect())
}

/// Settings whose other half, the source, may stand elsewhere.
fn data(json: &str) -> Data {
    let json = serde_json::from_str(&format!(r#"{{"data": {json}}}"#)).unwrap();
    Recipe::from_part(&Value::from_json(json)).unwrap().data
}

fn refused(set: &DataSet, data: &Data, words: &[&str]) {
    let Err(DataError::Setting(message)) = Splits::new(set, data, 1) else { panic!("expected {words:?}") };
    for word in words.iter().chain(&["hint: "]) {
        assert!(message.contains(word), "no \"{word}\" in: {message}");
    }
}

fn together(a: &Split, b: &Split) -> Vec<usize> {
    let mut all = [a.rows.clone(), b.rows.clone()].concat();
    all.sort_unstable();
    all
}

/// Whether counts and proportions are those of the rows, and the rows ascend.
fn is_consistent(set: &DataSet, split: &Split) -> bool {
    let Labels::Single(labels) = &set.labels else { return false };
    let count = |class: usize| split.rows.iter().filter(|&&row| usize::from(labels[row]) == class).count() as u64;
    let counts: Vec<u64> = (0..set.classes.len()).map(count).collect();
    let total = split.rows.len() as f64;
    split.counts == counts
        && split.proportions == counts.iter().map(|&n| n as f64 / total).collect::<Vec<_>>()
        && split.rows.windows(2).all(|pair| pair[0] < pair[1])
}

proptest! {
    #[test]
    fn unbalanced_splits_are_disjoint_and_exhaustive(
        seed in any::<u64>(), train in 2000usize..3000, validation in 2000usize..3000, classes in 2usize..6,
    ) {
        let set = turns(train, validation, classes);
        let mut data = data(r#"{"unbalance": {"enabled": true}}"#);
        data.unbalance.seed = seed >> 1;
        let splits = Splits::new(&set, &data, 0).unwrap();
        let (unbalanced, perverse) = splits.parts.as_ref().unwrap();
        prop_assert_eq!(together(unbalanced, perverse), splits.balanced.rows.clone());
        prop_assert_eq!(splits.balanced.rows.clone(), (train..train + validation).collect::<Vec<_>>());
        prop_assert!(splits.train.rows.iter().all(|&row| row < train));
        for split in [&splits.train, &splits.balanced, unbalanced, perverse] {
            prop_assert!(is_consistent(&set, split));
        }
        // Kept shares are 1 − (k + 0.5) / C, some k for each class, alike in training and unbalanced validation. What is
        // found differs from that by chance only: 0.15 are six standard deviations.
        let share = |counts: &[u64], rows: usize, class: usize| counts[class] as f64 * classes as f64 / rows as f64;
        let kept: Vec<f64> = (0..classes).map(|class| share(&splits.train.counts, train, class)).collect();
        for (class, kept) in kept.iter().enumerate() {
            let alike = share(&unbalanced.counts, validation, class);
            let inverted = 1.0 - share(&perverse.counts, validation, class);
            prop_assert!((kept - alike).abs() < 0.15 && (kept - inverted).abs() < 0.15, "{kept} {alike} {inverted}");
        }
        let mut sorted = kept;
        sorted.sort_by(f64::total_cmp);
        for (k, kept) in sorted.iter().enumerate() {
            prop_assert!((kept - (k as f64 + 0.5) / classes as f64).abs() < 0.15, "{k} {kept}");
        }
    }

    #[test]
    fn a_limit_changes_nothing_about_earlier_rows(seed in any::<u32>(), limit in 400u32..1000) {
        let set = turns(1000, 500, 3);
        let whole = data(&format!(r#"{{"unbalance": {{"enabled": true, "seed": {seed}}}}}"#));
        let cut = Data { train_limit: limit, validation_limit: limit / 2, ..whole.clone() };
        let (whole, cut) = (Splits::new(&set, &whole, 0).unwrap(), Splits::new(&set, &cut, 0).unwrap());
        let below = |split: &Split, end: usize| split.rows.iter().copied().filter(|&row| row < end).collect::<Vec<_>>();
        prop_assert_eq!(&cut.train.rows, &below(&whole.train, limit as usize));
        let end = 1000 + limit as usize / 2;
        prop_assert_eq!(&cut.parts.unwrap().1.rows, &below(&whole.parts.unwrap().1, end));
    }

    #[test]
    fn a_share_validates(rows in 20usize..300, share in 0.05f64..0.95, seed in any::<u32>()) {
        let set = turns(rows, 0, 2);
        let data = Data { source: Source::Folder, validation_share: share, split_seed: seed, ..Data::default() };
        match Splits::new(&set, &data, 0) {
            Ok(splits) => {
                prop_assert_eq!(together(&splits.train, &splits.balanced), (0..rows).collect::<Vec<_>>());
                let wanted = (share * rows as f64).round() as usize;
                prop_assert_eq!(splits.balanced.rows.len(), wanted.clamp(1, rows - 1));
            }
            // So few are left that they happen to be of one class.
            Err(error) => prop_assert!(error.to_string().contains("in the train split of"), "{error}"),
        }
    }

    #[test]
    fn larger_validation_sets_are_exhaustive(seed in any::<u32>(), wanted in 11u32..40) {
        let set = turns(160, 40, 4);
        let data = Data { validation_per_class: wanted, split_seed: seed, ..Data::default() };
        let splits = Splits::new(&set, &data, 0).unwrap();
        prop_assert_eq!(together(&splits.train, &splits.balanced), (0..200).collect::<Vec<_>>());
        // Ten are there, and stay.
        prop_assert!(splits.balanced.counts.iter().all(|&count| count == u64::from(wanted)));
        prop_assert!((160..200).all(|row| splits.balanced.rows.contains(&row)));
    }

    #[test]
    fn orders_hold_rows_of_the_split(seed in any::<u64>(), epoch in any::<u32>()) {
        let set = turns(90, 10, 3);
        let splits = Splits::new(&set, &Data::default(), 0).unwrap();
        let mut shuffled = order(&splits.train, &set.labels, Sampler::Shuffle, seed, epoch);
        shuffled.sort_unstable();
        prop_assert_eq!(&shuffled, &splits.train.rows);
        let drawn = order(&splits.train, &set.labels, Sampler::ClassBalanced, seed, epoch);
        prop_assert_eq!(drawn.len(), 90);
        prop_assert!(drawn.iter().all(|&row| row < 90));
        prop_assert!(drawn.iter().collect::<BTreeSet<_>>().len() < 90, "with replacement");
    }
}

#[test]
fn class_balanced_draws_balance_classes() {
    let labels: Vec<u16> = (0..10_000).map(|row| u16::from(row % 100 == 0) + u16::from(row % 10 == 0)).collect();
    let mut set = set(Labels::Single(labels.clone()), 3, vec![false; 10_000]);
    set.validation[1..30].fill(true);
    let splits = Splits::new(&set, &Data::default(), 0).unwrap();
    let mut drawn = [0; 3];
    for row in order(&splits.train, &set.labels, Sampler::ClassBalanced, 3, 0) {
        drawn[usize::from(labels[row])] += 1;
    }
    assert!(drawn.iter().all(|&n: &i32| (3_100..3_550).contains(&n)), "{drawn:?} of {:?}", splits.train.counts);
}

/// Study E on the first edition: 50 validation images of each class become 250.
#[test]
fn study_e_sizes() {
    let mut counts =
        [963 + 337, 955 + 345, 993 + 307, 858 + 336, 941 + 359, 956 + 344, 961 + 339, 931 + 369, 951 + 349, 960 + 340];
    counts[3] = 1194;
    let labels: Vec<u16> = counts.iter().enumerate().flat_map(|(class, &n)| vec![class as u16; n]).collect();
    let mut validation = vec![false; labels.len()];
    let rows = labels.len();
    let mut labels = labels;
    for class in 0..10 {
        labels.extend(vec![class; 50]);
        validation.extend([true; 50]);
    }
    assert_eq!((rows, labels.len()), (12_894, 13_394));
    let set = set(Labels::Single(labels), 10, validation);
    let splits = Splits::new(&set, &data(r#"{"validation_per_class": 250, "split_seed": 1234}"#), 0).unwrap();
    assert_eq!((splits.train.rows.len(), splits.balanced.rows.len()), (10_894, 2_500));
    assert_eq!(splits.balanced.counts, [250; 10]);
}

#[test]
fn tiny_takes_the_first_of_each_class_by_name() {
    let mut set = turns(200, 100, 4);
    set.files = Some((0..300).map(|row| format!("{:03}", 999 - row)).collect());
    let splits = Splits::new(&set, &data(r#"{"tiny": true}"#), 0).unwrap();
    assert_eq!((&splits.train.counts[..], &splits.balanced.counts[..]), (&[16; 4][..], &[16; 4][..]));
    // The last rows have the first names.
    assert_eq!(splits.train.rows, (136..200).collect::<Vec<_>>());
    let unbalanced = Splits::new(&set, &data(r#"{"tiny": true, "unbalance": {"enabled": true}}"#), 0).unwrap();
    assert!(
        unbalanced.train.rows.len() < 64 && unbalanced.train.rows.iter().all(|row| splits.train.rows.contains(row))
    );
    // Draws go by clean labels, counts by those that are trained on.
    set.clean = Some((0..300).map(|row| (row / 50 % 4) as u16).collect());
    let splits = Splits::new(&set, &data(r#"{"tiny": true}"#), 0).unwrap();
    assert_eq!(splits.train.rows, [34..50, 84..100, 134..150, 184..200].into_iter().flatten().collect::<Vec<_>>());
    assert_eq!(splits.train.counts.iter().sum::<u64>(), 64);
}

#[test]
fn the_sources_own_column_comes_first() {
    let mut set = turns(100, 50, 2);
    set.unbalanced = Some((0..150).map(|row| row % 3 == 0).collect());
    let plain = Splits::new(&set, &data("{}"), 0).unwrap();
    assert_eq!((plain.train.rows.len(), plain.parts), (100, None));
    for more in ["", r#", "seed": 7"#, r#", "per_replicate": true"#] {
        let splits = Splits::new(&set, &data(&format!(r#"{{"unbalance": {{"enabled": true{more}}}}}"#)), 5).unwrap();
        assert!(splits.train.rows.iter().all(|row| row % 3 != 0) && splits.train.rows.len() == 66);
        assert_eq!(splits.parts.unwrap().1.rows, (102..150).step_by(3).collect::<Vec<_>>());
    }
}

#[test]
fn seeds_of_the_column() {
    let set = turns(300, 100, 2);
    let rows = |seed: u64, per_replicate: bool, replicate: u64| {
        let json = format!(r#"{{"unbalance": {{"enabled": true, "seed": {seed}, "per_replicate": {per_replicate}}}}}"#);
        Splits::new(&set, &data(&json), replicate).unwrap().train.rows
    };
    assert_eq!(rows(1, false, 1), rows(1, false, 2));
    assert_ne!(rows(1, false, 1), rows(2, false, 1));
    assert_ne!(rows(1, true, 1), rows(1, true, 2));
    assert_ne!(rows(1, true, 1), rows(2, true, 1));
}

#[test]
fn rows_given_by_the_recipe() {
    let targets: Vec<u8> = (0..20 * 3).map(|at| u8::from(at % 3 == at / 3 % 4)).collect();
    let set = set(Labels::Multi(targets), 3, vec![false; 20]);
    let data = |json: &str| Data { source: Source::MultiLabel, ..data(json) };
    let both = Splits::new(&set, &data(r#"{"train_rows": [7, 3], "validation_rows": [0, 19]}"#), 0).unwrap();
    assert_eq!((&both.train.rows[..], &both.balanced.rows[..]), (&[3, 7][..], &[0, 19][..]));
    // Row 0 has label 0, row 19 none; an absent label is no mistake where there are several.
    assert_eq!((&both.balanced.counts[..], &both.balanced.proportions[..]), (&[1, 0, 0][..], &[0.5, 0.0, 0.0][..]));
    let validation = Splits::new(&set, &data(r#"{"validation_rows": [4]}"#), 0).unwrap();
    assert_eq!((validation.train.rows.len(), &validation.balanced.rows[..]), (19, &[4][..]));
    let train = Splits::new(&set, &data(r#"{"train_rows": [4, 5, 6], "validation_share": 0.25}"#), 0).unwrap();
    assert_eq!((&train.train.rows[..], train.balanced.rows.len()), (&[4, 5, 6][..], 5));
    assert!(train.balanced.rows.iter().all(|row| !(4..7).contains(row)));
    let drawn = Splits::new(&set, &data("{}"), 0).unwrap();
    assert_eq!((drawn.train.rows.len(), drawn.balanced.rows.len()), (16, 4));
    refused(&set, &data(r#"{"train_rows": [20]}"#), &["data.train_rows names row 20", "rows 0 to 19"]);
    refused(&set, &data(r#"{"tiny": true}"#), &["data.tiny", "several labels"]);
    refused(&set, &data(r#"{"unbalance": {"enabled": true}}"#), &["data.unbalance", "several labels"]);
}

#[test]
fn splits_without_an_image() {
    let mut set = turns(100, 40, 4);
    refused(&set, &data(r#"{"train_limit": 101}"#), &["data.train_limit = 101", "100 training images"]);
    refused(&set, &data(r#"{"validation_limit": 41}"#), &["data.validation_limit = 41", "40 validation images"]);
    let more = r#"{"validation_per_class": 40}"#;
    refused(&set, &data(more), &["data.validation_per_class = 40", "30 more images of class c0", "has 25"]);
    refused(&set, &data(r#"{"validation_per_class": 35}"#), &["train split", "no image left"]);
    refused(&set, &data(r#"{"validation_per_class": 10}"#), &["data.validation_per_class = 10", "moves nothing"]);
    // Limits cut first: of the 20 images left in validation, 5 are of each class.
    let moved = Splits::new(&set, &data(r#"{"validation_limit": 20, "validation_per_class": 10}"#), 0).unwrap();
    assert_eq!((&moved.balanced.counts[..], moved.train.rows.len()), (&[10, 10, 10, 10][..], 80));
    let absent = |set: &DataSet, class: u16| {
        let Labels::Single(labels) = &set.labels else { panic!() };
        DataSet {
            labels: Labels::Single(labels.iter().map(|&l| if l == class { 0 } else { l }).collect()),
            ..set.clone()
        }
    };
    refused(&absent(&set, 3), &data("{}"), &["class c3 has no image in the train split of 100 images"]);
    // In validation it may be absent.
    let Labels::Single(labels) = &mut set.labels else { panic!() };
    labels[100..].fill(1);
    let splits = Splits::new(&set, &data("{}"), 0).unwrap();
    assert_eq!((&splits.balanced.counts[..], splits.balanced.proportions[0]), (&[0, 40, 0, 0][..], 0.0));
    assert_eq!(log_proportions(&splits.balanced.proportions), [1e-8f64.ln(), 0.0, 1e-8f64.ln(), 1e-8f64.ln()]);
    set.unbalanced = Some((0..140).map(|row| row < 100).collect());
    refused(&set, &data(r#"{"unbalance": {"enabled": true}}"#), &["perverse split", "no image left"]);
    set.unbalanced = Some((0..140).map(|row| row >= 100).collect());
    refused(&set, &data(r#"{"unbalance": {"enabled": true}}"#), &["unbalanced split", "no image left"]);
    set.validation.fill(false);
    refused(&set, &data("{}"), &["balanced split", "no image left"]);
}
