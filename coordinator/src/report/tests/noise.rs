//! Noise of seeds and images against values computed by hand, on tables small enough for that; which trainings and images
//! may be put together; and everything around it.

use super::{example, example::Builder, markdown};
use crate::{
    predictions::{Bits, Predictions},
    report::{
        Analysis, DifferenceResult, ImageNoise, ImagesResult, NoImages, analyze_with, document::Document, render,
        schema,
    },
    results::SweepResults,
};
use sweeper_core::spec::{Direction, Pairing};

const METRIC: &str = "accuracy/balanced";

fn bits(rows: u32, right: impl Fn(u32) -> bool) -> Bits {
    let mut correct = vec![0; rows.div_ceil(8) as usize];
    (0..rows).filter(|&i| right(i)).for_each(|i| correct[i as usize / 8] |= 1 << (i % 8));
    Bits { rows, correct }
}

/// Of a text such as `1101`, image 0 first.
fn written(text: &str) -> Bits {
    bits(text.len() as u32, |i| text.as_bytes()[i as usize] == b'1')
}

/// Configs given by name, recipe and a table of bits, with the accuracies that the bits have.
pub(super) fn tables(configs: &[(&str, &str, &[&str])]) -> (SweepResults, Predictions) {
    let (mut b, mut all) = (Builder::new("bits", METRIC, configs[0].0), Predictions::default());
    for (name, recipe, rows) in configs {
        let config = b.config("", name, rows.len() as u32, recipe);
        for (r, row) in (0..).zip(*rows) {
            let right = row.bytes().filter(|bit| *bit == b'1').count() as f64;
            b.completed(config, r, &[(METRIC, 100.0 * right / row.len() as f64)]);
            all.insert((config, r), "balanced", written(row));
        }
    }
    (b.build(), all)
}

const A: [&str; 3] = ["1101", "1001", "1100"];
const B: [&str; 3] = ["1111", "1101", "1111"];

fn images(analysis: &Analysis) -> &ImageNoise {
    analysis.noise.strata[0].images.as_ref().unwrap()
}

fn config_why(analysis: &Analysis, config: usize) -> NoImages {
    match &images(analysis).configs[config].result {
        ImagesResult::NotUsed(why) => why.clone(),
        ImagesResult::Crossed(found) => panic!("{found:?}"),
    }
}

fn difference_why(analysis: &Analysis) -> NoImages {
    match &images(analysis).comparisons[0].result {
        DifferenceResult::NotUsed(why) => why.clone(),
        found => panic!("{found:?}"),
    }
}

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{found} is not {expected}");
}

/// Mean squares of A: seeds 1/12, images 19/36, rest 7/36; of B - A: seeds 1/12, images 2/9, rest 11/36.
#[test]
fn components_are_those_of_a_hand_computation() {
    let (results, bits) = tables(&[("a", "{}", &A), ("b", "{}", &B)]);
    let analysis = analyze_with(&results, &bits).unwrap();
    let found = images(&analysis);
    assert!(found.primary && found.metric == METRIC && analysis.noise.split.as_deref() == Some("balanced"));
    close(found.gap.unwrap(), 0.0);
    let ImagesResult::Crossed(a) = &found.configs[0].result else { panic!() };
    assert_eq!((a.seeds, a.images, a.variance_seed.clamped, a.variance_image.clamped), (3, 4, true, false));
    close(a.mean, 700.0 / 12.0);
    close(a.variance_seed.value, 0.0);
    close(a.variance_image.value, 1e4 / 9.0);
    close(a.variance_rest, 1e4 * 7.0 / 36.0);
    close(a.se_same_images, 100.0 / 12.0);
    close(a.se_new_images, 100.0 * (1.0f64 / 36.0 + 7.0 / 432.0).sqrt());
    close(a.se_one_model, 100.0 * (2.75f64 / 36.0).sqrt());
    close(a.seeds_until.unwrap(), 1.75);
    // 0.975 quantile of t on 2 degrees of freedom.
    close(a.same_images.unwrap().high - a.mean, 4.302_652_729_749_464 * 100.0 / 12.0);
    let DifferenceResult::Crossed(difference) = &found.comparisons[0].result else { panic!() };
    let d = &difference.components;
    assert!(d.variance_seed.clamped && d.variance_image.clamped && d.seeds_until.is_none());
    close(d.mean, 100.0 / 3.0);
    close(d.se_same_images, 100.0 / 12.0);
    close(d.se_new_images, 100.0 * (11.0f64 / 36.0 / 12.0).sqrt());
    close(d.se_one_model, 100.0 * (2.5f64 / 36.0).sqrt());
    // The interval for these images is that of the planned paired t-test.
    let planned = analysis.strata[0].families[0].comparisons[0].result.tested().unwrap().primary.interval;
    close(d.same_images.unwrap().low, planned.low);
    close(d.same_images.unwrap().high, planned.high);
    let sentence = &found.comparisons[0].sentence;
    assert!(sentence.contains("new seeds on these images") && sentence.contains("no variance of images"), "{sentence}");
    let told = markdown(&analysis);
    assert!(told.contains("Where the noise comes from") && told.contains("0 (clamped)"), "{told}");
}

#[test]
fn an_image_and_its_mirror_image_are_one() {
    let recipe = r#"{"evaluate":{"flip":"flip-concat","predictions":true}}"#;
    let double = |rows: [&str; 3]| rows.map(|row| format!("{row}{row}"));
    let (a, b) = (double(A), double(B));
    let (a, b) = (a.each_ref().map(String::as_str), b.each_ref().map(String::as_str));
    let (results, bits) = tables(&[("a", recipe, &a), ("b", recipe, &b)]);
    let mirrored = analyze_with(&results, &bits).unwrap();
    let (results, bits) = tables(&[("a", "{}", &A), ("b", "{}", &B)]);
    let plain = analyze_with(&results, &bits).unwrap();
    for (one, other) in images(&mirrored).configs.iter().zip(&images(&plain).configs) {
        let (ImagesResult::Crossed(one), ImagesResult::Crossed(other)) = (&one.result, &other.result) else { panic!() };
        assert_eq!(one.images, 4);
        close(one.se_new_images, other.se_new_images);
    }
    let of = |analysis: &Analysis| match &images(analysis).comparisons[0].result {
        DifferenceResult::Crossed(found) => found.components.se_one_model,
        other => panic!("{other:?}"),
    };
    close(of(&mirrored), of(&plain));
}

/// 2 (1 + 5) / 2^5 with one of five on the other side; its mid-p lacks the observed table once.
#[test]
fn two_single_models_get_an_exact_test_and_a_warning() {
    let (results, bits) = tables(&[("a", "{}", &["1110000001"]), ("b", "{}", &["0001111001"])]);
    let analysis = analyze_with(&results, &bits).unwrap();
    assert_eq!(config_why(&analysis, 0), NoImages::TooFew { n: 1, needed: 2 });
    let DifferenceResult::Single(pair) = &images(&analysis).comparisons[0].result else { panic!() };
    assert_eq!((pair.test.only_a, pair.test.only_b), (4, 3));
    close(pair.test.exact_p, 1.0);
    close(pair.test.mid_p, 1.0 - 35.0 / 128.0);
    let told = markdown(&analysis);
    assert!(told.contains("Two single models") && told.contains("this ignores seeds"), "{told}");
    // Mirror images are no images of their own: the second half does not count.
    let recipe = r#"{"evaluate":{"flip":"flip-concat"}}"#;
    let (results, bits) = tables(&[("a", recipe, &["1110000000"]), ("b", recipe, &["0001111000"])]);
    let analysis = analyze_with(&results, &bits).unwrap();
    let DifferenceResult::Single(pair) = &images(&analysis).comparisons[0].result else { panic!() };
    assert_eq!((pair.test.only_a, pair.test.only_b), (2, 3));
}

#[test]
fn trainings_without_bits_do_not_count_and_those_that_did_not_complete_neither() {
    let (mut results, all) = tables(&[("a", "{}", &["1101", "1001", "1100", "0111"]), ("b", "{}", &["1111"; 4])]);
    let of = |results: &SweepResults, keep: &dyn Fn((u32, u32)) -> bool| {
        let mut some = Predictions::default();
        for place in (0..2).flat_map(|c| (0..4).map(move |r| (c, r))).filter(|place| keep(*place)) {
            some.insert(place, "balanced", all.bits(place, "balanced").unwrap().clone());
        }
        analyze_with(results, &some).unwrap()
    };
    let some = of(&results, &|place| place != (0, 3));
    let ImagesResult::Crossed(a) = &images(&some).configs[0].result else { panic!() };
    assert_eq!((a.seeds, images(&some).configs[0].with_bits, images(&some).configs[0].completed), (3, 3, 4));
    close(a.se_same_images, 100.0 / 12.0);
    assert!(markdown(&some).contains("a (3 of 4 trainings)"));
    assert_eq!(config_why(&some, 1), NoImages::Constant);
    let DifferenceResult::Crossed(difference) = &images(&some).comparisons[0].result else { panic!() };
    assert_eq!(difference.components.seeds, 3, "of the pairs that both have");
    let none = of(&results, &|(config, _)| config == 1);
    assert_eq!((config_why(&none, 0), difference_why(&none)), (NoImages::NoBits, NoImages::NoBits));
    // Superfluous after a look, diverged, abandoned: as everywhere else.
    for change in [0, 1, 2] {
        let trial = results.trials.iter_mut().find(|t| (t.config, t.replicate) == (0, 3)).unwrap();
        trial.stopped = change == 0;
        trial.ending = Some(if change == 1 { "diverged: loss".to_owned() } else { "completed".to_owned() });
        trial.state = if change == 2 { "Abandoned".to_owned() } else { "Finished".to_owned() };
        let ImagesResult::Crossed(a) = &images(&of(&results, &|_| true)).configs[0].result.clone() else { panic!() };
        assert_eq!(a.seeds, 3, "{change}");
    }
}

#[test]
fn different_validation_images_are_not_mixed() {
    let other_data = |config: u32, replicate: Option<u32>| {
        let (mut results, bits) = tables(&[("a", "{}", &A), ("b", "{}", &B)]);
        let trials = results.trials.iter_mut().filter(|t| t.config == config);
        for trial in trials.filter(|t| replicate.is_none_or(|r| t.replicate == r)) {
            trial.provenance.as_mut().unwrap().data_digest = "other".to_owned();
        }
        analyze_with(&results, &bits).unwrap()
    };
    let one = other_data(0, Some(1));
    assert_eq!((config_why(&one, 0), difference_why(&one)), (NoImages::OtherImages, NoImages::OtherImages));
    let all = other_data(1, None);
    assert!(matches!(images(&all).configs[1].result, ImagesResult::Crossed(_)));
    assert_eq!(difference_why(&all), NoImages::OtherImages);
    assert!(markdown(&all).contains("were measured on different validation images"));
    // Of the same data, divided otherwise, or of another number of images.
    for (recipe, same) in [
        (r#"{"data":{"validation_limit":20}}"#, false),
        (r#"{"data":{"tiny":true}}"#, false),
        (r#"{"data":{"unbalance":{"enabled":true}}}"#, true),
        (r#"{"data":{"sampler":"class-balanced"},"epochs":2}"#, true),
    ] {
        let (results, bits) = tables(&[("a", "{}", &A), ("b", recipe, &B)]);
        let found = &images(&analyze_with(&results, &bits).unwrap()).comparisons[0].result.clone();
        assert_eq!(matches!(found, DifferenceResult::Crossed(_)), same, "{recipe}: {found:?}");
    }
    let (results, bits) = tables(&[("a", "{}", &A), ("b", "{}", &["11110", "11010", "11110"])]);
    assert_eq!(difference_why(&analyze_with(&results, &bits).unwrap()), NoImages::OtherImages);
}

#[test]
fn replicates_with_images_of_their_own_are_not_crossed() {
    let recipe = r#"{"data":{"unbalance":{"enabled":true,"per_replicate":true}}}"#;
    let (mut results, mut bits) = tables(&[("a", recipe, &A), ("b", recipe, &B)]);
    results.spec.analysis.metric = "accuracy/perverse".to_owned();
    (0..2).for_each(|c| (0..3).for_each(|r| bits.insert((c, r), "perverse", written("10"))));
    let analysis = analyze_with(&results, &bits).unwrap();
    assert_eq!(analysis.noise.split.as_deref(), Some("perverse"));
    assert_eq!((config_why(&analysis, 1), difference_why(&analysis)), (NoImages::OwnImages, NoImages::OwnImages));
}

#[test]
fn another_primary_metric_takes_the_first_split_with_bits_and_says_so() {
    let (mut results, mut bits) = tables(&[("a", "{}", &A), ("b", "{}", &B)]);
    (results.spec.analysis.metric, results.spec.analysis.direction) = ("lr/found".to_owned(), Direction::Minimize);
    (0..2).for_each(|c| (0..3).for_each(|r| bits.insert((c, r), "another", written("10"))));
    let analysis = analyze_with(&results, &bits).unwrap();
    assert!(!images(&analysis).primary && images(&analysis).metric == METRIC);
    assert!(markdown(&analysis).contains("is no accuracy of images whose bits were kept"));
}

#[test]
fn wrong_bits_are_told_and_nothing_worse() {
    let (results, mut bits) = tables(&[("a", "{}", &A), ("b", "{}", &B)]);
    bits.insert((0, 1), "balanced", Bits { rows: 4, correct: vec![1, 2, 3] });
    let analysis = analyze_with(&results, &bits).unwrap();
    assert!(matches!(config_why(&analysis, 0), NoImages::Degenerate(_)), "{:?}", config_why(&analysis, 0));
    // A metric that counts otherwise than whole samples.
    let (mut results, bits) = tables(&[("a", "{}", &A), ("b", "{}", &B)]);
    results.trials[0].metrics[0].value += 12.5;
    let analysis = analyze_with(&results, &bits).unwrap();
    close(images(&analysis).gap.unwrap(), 12.5);
    assert!(markdown(&analysis).contains("differs by up to 12.5 points"));
}

#[test]
fn more_than_the_bound_is_told() {
    let (results, _) = tables(&[("a", "{}", &A), ("b", "{}", &B)]);
    let analysis = analyze_with(&results, &Predictions::beyond(3 << 20)).unwrap();
    assert!(analysis.noise.strata[0].images.is_none() && analysis.noise.left_out_beyond == Some(3 << 20));
    assert!(markdown(&analysis).contains("it takes more than 3 MiB"));
    let none = analyze_with(&results, &Predictions::default()).unwrap();
    assert!(markdown(&none).contains("No completed training kept which validation images it had right"));
}

/// Standard deviations 1 and 2 of pairs whose correlation is 0: t = (4 - 1) sqrt(n - 2) / (2 sqrt(4)).
#[test]
fn spreads_of_pairs_are_compared_by_pitman_and_morgan() {
    let mut b = Builder::new("spread", METRIC, "a");
    let configs = ["a", "b", "c"].map(|name| b.config("", name, 4, "{}"));
    for (r, (x, y)) in (0..).zip([(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)]) {
        b.completed(configs[0], r, &[(METRIC, 50.0 + x)]);
        b.completed(configs[1], r, &[(METRIC, 60.0 + 2.0 * y)]);
        b.completed(configs[2], r, &[(METRIC, 70.0 + x + 0.5 * y)]);
    }
    let mut results = b.build();
    let analysis = analyze_with(&results, &Predictions::default()).unwrap();
    let noise = &analysis.noise.strata[0];
    let first = noise.spreads[0].paired.unwrap();
    close(first.ratio, 2.0);
    close(first.statistic, 3.0 * 2.0f64.sqrt() / 4.0);
    assert_eq!(first.df, 2.0);
    // p of t on 2 degrees of freedom is 1 - t / sqrt(2 + t^2).
    let t = first.statistic;
    close(first.p_value, 1.0 - t / (2.0 + t * t).sqrt());
    let smaller = noise.spreads.iter().map(|s| s.p_value().unwrap()).fold(1.0, f64::min);
    let adjusted: Vec<f64> = noise.spreads.iter().map(|s| s.p_adjusted.unwrap()).collect();
    close(adjusted.iter().copied().fold(1.0, f64::min), (2.0 * smaller).min(1.0));
    // c is a and half of something else: r^2 = 1 / 1.25.
    let r = (1.0f64 / 1.25).sqrt();
    close(noise.gains[1].correlation, r);
    close(noise.gains[1].gain_equal.unwrap(), 1.0 / (1.0 - r));
    close(noise.gains[1].gain, 2.25 / 0.25);
    // Unpaired: deviations from the medians are all 1 or all 2 where nothing varies, so there is no error.
    results.spec.pairing = Pairing::Independent;
    let analysis = analyze_with(&results, &Predictions::default()).unwrap();
    let noise = &analysis.noise.strata[0];
    assert!(noise.gains.is_empty() && noise.adjusted.is_empty());
    assert!(noise.spreads[0].missing.is_some() && noise.spreads[0].p_adjusted.is_none());
    assert!(noise.spreads[1].unpaired.is_some_and(|t| t.df_numerator == 1.0 && t.df_denominator == 6.0));
}

/// The config lost its unlucky seeds; the baseline's runs of all seeds tell by how much.
#[test]
fn the_baselines_further_runs_correct_the_luck_of_the_seeds() {
    let mut b = Builder::new("adjusted", METRIC, "a");
    let (a, c) = (b.config("", "a", 12, "{}"), b.config("", "b", 12, "{}"));
    for r in 0..12u32 {
        let luck = f64::from(r);
        b.completed(a, r, &[(METRIC, 50.0 + luck)]);
        if r < 6 {
            b.abandoned(c, r, "out of memory");
        } else {
            b.completed(c, r, &[(METRIC, 52.0 + 0.5 * luck + 0.1 * f64::from(r % 2))]);
        }
    }
    let analysis = analyze_with(&b.build(), &Predictions::default()).unwrap();
    let found = &analysis.noise.strata[0].adjusted[0];
    assert_eq!((found.n, found.control), (6, 12));
    close(found.unadjusted.difference, 52.05 + 0.5 * 8.5 - 50.0 - 8.5);
    // Sums over r = 6 to 11 around 8.5: 17.5 of squares, 1.5 with the odd ones.
    let slope = 0.5 + 0.1 * 1.5 / 17.5;
    close(found.slope, slope);
    close(found.adjusted.difference, 52.05 + 0.5 * 8.5 - slope * 3.0 - 55.5);
    let told = markdown(&analysis);
    assert!(told.contains("sensitivity") && told.contains("Smoothed accuracy of a config's own trainings is not used"));
}

#[test]
fn smoothed_accuracy_shows_its_bias_and_its_scatter() {
    let mut b = Builder::new("smoothed", METRIC, "a");
    let a = b.config("", "a", 4, "{}");
    for (r, (x, y)) in (0..).zip([(2.0, 1.0), (2.0, -1.0), (-2.0, 1.0), (-2.0, -1.0)]) {
        b.completed(a, r, &[(METRIC, 50.0 + x), ("smoothed_accuracy/balanced", 47.5 + y)]);
    }
    let analysis = analyze_with(&b.build(), &Predictions::default()).unwrap();
    let found = &analysis.noise.strata[0].smoothed[0];
    close(found.bias, -2.5);
    let test = found.test.unwrap();
    close(test.ratio, 0.5);
    close(test.statistic, -3.0 * 2.0f64.sqrt() / 4.0);
    assert!(found.bias_interval.unwrap().contains(-2.5) && markdown(&analysis).contains("another metric"));
}

/// Three configs of 6 trainings on 300 images, the second better by a little and the third by a lot; made-up numbers.
pub(super) fn images_and_bits() -> (SweepResults, Predictions) {
    let (mut b, mut all) = (Builder::new("images", METRIC, "plain"), Predictions::default());
    for (c, (name, effect)) in (0u32..).zip([("plain", 0.0), ("smooth", 0.05), ("wide = \"2\"", 0.6)]) {
        let config = b.config("", name, 6, r#"{"evaluate":{"predictions":true}}"#);
        for r in 0..6u32 {
            let seed = 0.15 * example::noise(u64::from(r)) + 0.1 * example::noise(u64::from(100 * (c + 1) + r));
            let own = |i: u32| example::noise(u64::from((c + 1) * 100_000 + r * 1_000 + i));
            let right = |i: u32| 0.9 + effect + seed + example::noise(u64::from(7_000_000 + i)) + 0.5 * own(i) > 0.0;
            let found = bits(300, right);
            let accuracy = (0..300).filter(|&i| right(i)).count() as f64 / 3.0;
            all.insert((config, r), "balanced", found);
            b.completed(config, r, &[(METRIC, accuracy), ("smoothed_accuracy/balanced", accuracy - 2.0 + seed)]);
        }
    }
    (b.build(), all)
}

pub(super) fn with_bits() -> Analysis {
    let (results, bits) = images_and_bits();
    analyze_with(&results, &bits).unwrap()
}

#[test]
fn a_report_with_bits_is_whole_and_the_same_on_any_number_of_threads() {
    let analysis = with_bits();
    let json = render::json(&analysis).unwrap();
    for threads in [1, 2, 8] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert!(pool.install(|| render::json(&with_bits()).unwrap()) == json, "{threads} threads");
    }
    let back: Analysis = serde_json::from_str(&json).unwrap();
    assert_eq!(back.noise, analysis.noise);
    let validator = jsonschema::draft202012::new(schema().as_value()).unwrap();
    let errors: Vec<_> = validator.iter_errors(&serde_json::from_str(&json).unwrap()).map(|e| e.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let DifferenceResult::Crossed(found) = &images(&analysis).comparisons[1].result else { panic!() };
    let check = found.bootstrap.unwrap();
    let (formula, drawn) = (found.components.se_new_images, check.standard_error);
    assert!((0.8..1.8).contains(&(drawn / formula)), "{drawn} against {formula}");
    assert!(check.interval.contains(found.components.mean));
    let document = Document::of(&analysis);
    assert!(document.figures().iter().any(|figure| figure.id == "noise-figure-s0"));
    let section = document.sections.iter().position(|s| s.id == "noise").unwrap();
    let only = Document { sections: vec![document.sections[section].clone()], ..document };
    insta::assert_snapshot!("noise_md", render::markdown(&only));
}
