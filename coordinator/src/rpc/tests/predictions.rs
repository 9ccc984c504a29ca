//! Which images were right, from a worker's report to a user's question; and sweeps that differ in what changes no
//! result.

use super::{ControlClient, Coordinator, acquire, completed, join, report, report_of, results, sweep_file};
use crate::{
    predictions::{Collector, Predictions},
    report::{DifferenceResult, analyze_with},
};
use sweeper_core::ids::SweepId;
use sweeper_proto::v1::{self, report_answer::Verdict, trial_report};
use sweeper_recipe::Recipe;

fn predicted(rows: u32, correct: &[u8]) -> trial_report::Result {
    let prediction = v1::Prediction { split: "balanced".to_owned(), rows, correct: correct.to_vec() };
    trial_report::Result::Outcome(v1::Outcome { predictions: vec![prediction], ..completed(80.0) })
}

async fn fetch(control: &mut ControlClient, sweep: u32, config: u32) -> v1::FetchPredictionsResponse {
    let request = v1::FetchPredictionsRequest { sweep, config, replicate: 0 };
    control.fetch_predictions(request).await.unwrap().into_inner()
}

/// The same file with another name, a note and checkpoints.
fn noted(name: &str) -> v1::SubmitRequest {
    let mut request = sweep_file(name, 1);
    request.toml = request.toml.replace("[recipe]\n", "[recipe]\nmeta = 'second try'\ncheckpoint.every = 2\n");
    request
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn predictions_arrive_or_are_refused_and_are_found_through_sweeps_that_reuse_them() {
    let dir = tempfile::tempdir().unwrap();
    let coordinator = Coordinator::start(dir.path()).await;
    let (mut worker, mut control) = (coordinator.worker().await, coordinator.control().await);
    let id = join(&mut worker, "p").await;
    control.submit(sweep_file("first", 1)).await.unwrap();
    assert_eq!(fetch(&mut control, 1, 0).await, v1::FetchPredictionsResponse::default());

    let lease = acquire(&mut worker, id, 1, 0).await.remove(0);
    let answers = report(&mut worker, id, vec![report_of(&lease, predicted(9, &[1]))]).await;
    assert_eq!(answers[0].0, Verdict::Refused);
    assert_eq!(answers[0].1, "`predictions.correct` is 1 bytes for 9 images, expected one bit per image");
    for _ in 0..2 {
        let lease = acquire(&mut worker, id, 1, 0).await.remove(0);
        let bits = [0b101, u8::try_from(lease.id.unwrap().config).unwrap()];
        let answers = report(&mut worker, id, vec![report_of(&lease, predicted(9, &bits))]).await;
        assert_eq!(answers[0].0, Verdict::Accepted, "{answers:?}");
        // The same again is equal, other bits are not.
        for (bits, equal) in [(bits, true), ([0, 0], false)] {
            let again = report(&mut worker, id, vec![report_of(&lease, predicted(9, &bits))]).await;
            assert_eq!((again[0].0, again[0].1.contains("equal outcome")), (Verdict::Duplicate, equal), "{again:?}");
        }
    }
    let found = fetch(&mut control, 1, 0).await;
    let bits = |t: &v1::TrialPredictions| (t.config, t.predictions[0].rows, t.predictions[0].correct.clone());
    let all: Vec<_> = found.trials.iter().map(bits).collect();
    assert_eq!((all, found.more), (vec![(0, 9, vec![0b101, 0]), (1, 9, vec![0b101, 1])], false));
    assert_eq!(fetch(&mut control, 1, 1).await.trials.len(), 1);

    // A note and checkpoints change no result: of another name everything is taken over, of the same it is the sweep.
    let second = control.submit(noted("second")).await.unwrap().into_inner();
    assert_eq!(second, v1::SubmitResponse { sweep: 2, trials: 2, finished: 2, created: true });
    let same = control.submit(noted("first")).await.unwrap().into_inner();
    assert_eq!((same.sweep, same.created), (1, false));
    assert_eq!(fetch(&mut control, 2, 0).await.trials, found.trials);
    // A report has them from a coordinator as from its store: one training each, of which image 8 tells them apart.
    let mut all = Collector::new(1 << 20);
    while let Some((config, replicate)) = all.next() {
        let request = v1::FetchPredictionsRequest { sweep: 2, config, replicate };
        all.take(control.fetch_predictions(request).await.unwrap().into_inner());
    }
    let all = all.done();
    assert_eq!(coordinator.driver.all_predictions(SweepId(2), 1 << 20).await.unwrap(), all);
    assert_eq!(coordinator.driver.all_predictions(SweepId(2), 100).await.unwrap(), Predictions::beyond(100));
    let analysis = analyze_with(&results(&mut control, 2).await, &all).unwrap();
    let images = analysis.noise.strata[0].images.as_ref().unwrap();
    let DifferenceResult::Single(pair) = &images.comparisons[0].result else { panic!("{images:?}") };
    assert_eq!(pair.test.only_a + pair.test.only_b, 1);
    coordinator.stop().await;

    // Each sweep has its own text after a restart too.
    let coordinator = Coordinator::start(dir.path()).await;
    let mut control = coordinator.control().await;
    for (sweep, note, every) in [(1, "", 0), (2, "second try", 2)] {
        let spec = results(&mut control, sweep).await.spec;
        let recipe = Recipe::from_json(&spec.configs[1].recipe).unwrap();
        assert_eq!((recipe.meta.as_str(), recipe.checkpoint.every), (note, every));
    }
    coordinator.stop().await;
}
