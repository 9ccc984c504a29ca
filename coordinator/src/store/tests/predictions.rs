//! Which images were right: in pages, and through trials that took the outcome over. And recipes of one digest.

use super::{HOSTILE, SETTINGS, bits, info, outcome, spec, work};
use crate::{
    predictions::{Collector, Predictions},
    query,
    report::{DifferenceResult, ImagesResult, NoImages, Noise, analyze_with},
    store::{PredictionsPage, Store},
};
use sweeper_core::{
    ids::{Millis, SweepId},
    scheduler::Scheduler,
    spec::Pairing,
};
use sweeper_recipe::TRAINER_VERSION;

/// A store with sweep 1, of which every trial (c, r) had accuracy 10 c + r.
fn finished(dir: &std::path::Path) -> (Store, Scheduler) {
    let mut store = Store::open(dir).unwrap();
    let mut scheduler = Scheduler::new(SETTINGS);
    scheduler.submit(Millis(1), spec("one", 1, Pairing::Common, &[("a", 2), ("b", 2)]), false, Vec::new()).unwrap();
    let worker = scheduler.join(Millis(1), info("process", "slot"));
    work(&mut scheduler, 2, worker, 9, |grant| {
        outcome(f64::from(grant.id.trial.config * 10 + grant.id.trial.replicate), "data")
    });
    store.commit(&scheduler.take_records()).unwrap();
    (store, scheduler)
}

fn trials(page: &PredictionsPage) -> Vec<(u32, u32)> {
    page.trials.iter().map(|t| (t.trial.config, t.trial.replicate)).collect()
}

#[test]
fn predictions_come_in_pages_with_every_bit() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = finished(dir.path());
    let all = store.predictions(SweepId(1), (0, 0), 1 << 20).unwrap();
    assert_eq!((trials(&all), all.more), (vec![(0, 0), (0, 1), (1, 0), (1, 1)], false));
    for found in &all.trials {
        let accuracy = f64::from(found.trial.config * 10 + found.trial.replicate);
        let wanted = [HOSTILE, "balanced"].map(|split| bits(split, accuracy));
        assert_eq!(found.predictions, wanted);
        assert!(found.predictions.iter().zip(&wanted).all(|(a, b)| a.correct == b.correct && !a.correct.is_empty()));
    }
    // Two splits of two bytes each: a page of one byte holds one trial, whole all the same.
    let page = store.predictions(SweepId(1), (0, 1), 1).unwrap();
    assert_eq!((trials(&page), page.trials[0].predictions.len(), page.more), (vec![(0, 1)], 2, true));
    let page = store.predictions(SweepId(1), (0, 1), 8).unwrap();
    assert_eq!((trials(&page), page.more), (vec![(0, 1), (1, 0)], true));
    let page = store.predictions(SweepId(1), (1, 1), 8).unwrap();
    assert_eq!((trials(&page), page.more), (vec![(1, 1)], false));
    assert_eq!(store.predictions(SweepId(1), (1, 2), 8).unwrap(), PredictionsPage::default());
    assert_eq!(store.predictions(SweepId(9), (0, 0), 8).unwrap(), PredictionsPage::default());
}

#[test]
fn a_trial_that_took_an_outcome_over_shows_the_predictions_of_the_one_that_ran() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, mut scheduler) = finished(dir.path());
    for name in ["two", "three"] {
        let again = spec(name, 1, Pairing::Common, &[("b", 2)]);
        let reused = store.reusable(&again, TRAINER_VERSION).unwrap();
        scheduler.submit(Millis(9), again, false, reused).unwrap();
        store.commit(&scheduler.take_records()).unwrap();
    }
    let page = store.predictions(SweepId(3), (0, 0), 1 << 20).unwrap();
    assert_eq!(trials(&page), [(0, 0), (0, 1)]);
    assert_eq!(page.trials[1].predictions[1].correct, bits("balanced", 11.0).correct);
    let rows: u32 = store.conn.query_row("SELECT count(*) FROM predictions", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 8, "the bits are there once");
    // A restart compares later outcomes with the same fingerprints.
    let again = Scheduler::restore(SETTINGS, store.load_records().unwrap(), Millis(9)).unwrap();
    assert_eq!(again.state(), scheduler.state());
}

/// Two sweeps whose recipes differ in a note alone: one digest, and each keeps its own text.
#[test]
fn recipes_of_one_digest_keep_their_texts() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, mut scheduler) = finished(dir.path());
    let mut noted = spec("noted", 1, Pairing::Common, &[("a", 1), ("b", 1)]);
    noted.configs[0].recipe = b"{\"meta\":\"a note\"}".to_vec();
    let reused = store.reusable(&noted, TRAINER_VERSION).unwrap();
    assert_eq!(reused.len(), 2, "outcomes are taken over whatever the note says");
    scheduler.submit(Millis(9), noted.clone(), false, reused).unwrap();
    store.commit(&scheduler.take_records()).unwrap();
    assert_eq!(store.results(SweepId(2)).unwrap().spec.configs, noted.configs);
    let first = spec("one", 1, Pairing::Common, &[("a", 2), ("b", 2)]);
    assert_eq!(store.results(SweepId(1)).unwrap().spec.configs, first.configs);
    let kept = "SELECT count(*) FROM configs WHERE variant IS NOT NULL";
    assert_eq!(store.conn.query_row(kept, [], |row| row.get(0)), Ok(1), "only what differs is kept twice");
    let again = Scheduler::restore(SETTINGS, store.load_records().unwrap(), Millis(9)).unwrap();
    assert_eq!(again.state(), scheduler.state());
}

fn all(store: &Store, sweep: u32, most: usize) -> Predictions {
    let mut all = Collector::new(most);
    while let Some(from) = all.next() {
        all.take(query::predictions(store, SweepId(sweep), from).unwrap());
    }
    all.done()
}

fn noise(store: &Store, sweep: u32, most: usize) -> Noise {
    let mut results = store.results(SweepId(sweep)).unwrap();
    results.spec.analysis.baseline = results.spec.configs[0].name.clone();
    // These recipes are of no version, and recipes that cannot be read count as other divisions of the data.
    results.spec.configs.iter_mut().for_each(|config| config.recipe = b"{}".to_vec());
    analyze_with(&results, &all(store, sweep, most)).unwrap().noise
}

#[test]
fn a_report_reads_the_bits_of_a_sweep_and_of_one_that_took_them_over() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let mut scheduler = Scheduler::new(SETTINGS);
    let two = &[("a", 2), ("b", 2)];
    scheduler.submit(Millis(1), spec("one", 1, Pairing::Common, two), false, Vec::new()).unwrap();
    let worker = scheduler.join(Millis(1), info("process", "slot"));
    // Bits of the low bytes of 80 and a hundredth of the trial's place.
    let accuracy = |config: u32, replicate: u32| 80.0 + f64::from(3 * config + replicate) / 100.0;
    work(&mut scheduler, 2, worker, 9, |grant| {
        outcome(accuracy(grant.id.trial.config, grant.id.trial.replicate), "data")
    });
    store.commit(&scheduler.take_records()).unwrap();
    let found = noise(&store, 1, 1 << 20);
    let images = found.strata[0].images.clone().unwrap();
    assert_eq!((found.split.as_deref(), images.primary), (Some("balanced"), true));
    let right = |config, replicate| {
        let bits = bits("balanced", accuracy(config, replicate)).correct;
        f64::from(bits.iter().map(|byte| byte.count_ones()).sum::<u32>()) / 0.11
    };
    for (config, found) in (0..).zip(&images.configs) {
        let ImagesResult::Crossed(found) = &found.result else { panic!("{found:?}") };
        assert_eq!((found.seeds, found.images), (2, 11));
        assert!((found.mean - (right(config, 0) + right(config, 1)) / 2.0).abs() < 1e-9);
    }
    assert!(matches!(images.comparisons[0].result, DifferenceResult::Crossed(_)));
    // The metric is another number than the share of these bits, and the report says by how much.
    assert!(images.gap.unwrap() > 1.0);

    let again = spec("two", 1, Pairing::Common, two);
    let reused = store.reusable(&again, TRAINER_VERSION).unwrap();
    scheduler.submit(Millis(9), again, false, reused).unwrap();
    store.commit(&scheduler.take_records()).unwrap();
    assert_eq!(noise(&store, 2, 1 << 20).strata[0].images, Some(images));

    // 8 entries of 2 bytes, their names and what it takes to keep them.
    let bounded = noise(&store, 1, 200);
    assert!(bounded.strata[0].images.is_none() && bounded.left_out_beyond == Some(200));
}

/// The low bytes of the doubles 0, 1, 10 and 11 are all 0, and so are the bits made of them.
#[test]
fn bits_that_all_agree_are_no_error() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = finished(dir.path());
    let images = noise(&store, 1, 1 << 20).strata[0].images.clone().unwrap();
    assert_eq!(images.configs[0].result, ImagesResult::NotUsed(NoImages::Constant));
}
