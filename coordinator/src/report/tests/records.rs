//! Notes of configs, times among the metrics, and the CSV files of epochs and predictions.

use super::{analysis_of, example::Builder};
use crate::report::render::{self, Predicted};
use crate::results::SweepResults;
use sweeper_core::record::Metric;

fn metric(name: &str, epoch: u32, value: f64, is_final: bool) -> Metric {
    Metric { name: name.to_owned(), epoch, value, is_final }
}

fn noted() -> SweepResults {
    let mut b = Builder::new("noted", "accuracy/balanced", "plain");
    let recipes =
        [r#"{"meta":"on *battery* <b>&\npower"}"#, r#"{"epochs":2}"#, r#"{"meta":"on *battery* <b>&\npower"}"#];
    for (name, recipe) in ["plain", "=two", "three"].into_iter().zip(recipes) {
        let config = b.config("t", name, 2, recipe);
        for replicate in 0..2 {
            b.completed(config, replicate, &[("accuracy/balanced", f64::from(config + replicate))]);
        }
    }
    let mut results = b.build();
    for trial in &mut results.trials {
        trial.metrics.insert(0, metric("seconds/train", 1, 0.25, false));
        trial.metrics.push(metric("seconds/total", 1, 9.0, true));
    }
    results
}

#[test]
fn notes_are_in_the_head_of_every_format() {
    let analysis = analysis_of(&noted());
    let notes: Vec<&str> = analysis.strata[0].configs.iter().map(|c| c.note.as_str()).collect();
    assert_eq!(notes, ["on *battery* <b>&\npower", "", "on *battery* <b>&\npower"]);
    let html = super::html(&analysis);
    assert!(html.contains("Note on t/plain, t/three: on *battery* &lt;b&gt;&amp; power"));
    let markdown = super::markdown(&analysis);
    assert!(markdown.contains("- Note on t/plain, t/three: on \\*battery\\* "), "{markdown}");
    assert!(markdown.find("- Note on") < markdown.find("## Verdicts"));
    let json = render::json(&analysis).unwrap();
    assert_eq!(json.matches(r#""note": "on *battery* <b>&\npower""#).count(), 2, "a config without one has no field");
    // The same note everywhere is said once.
    let mut all = noted();
    for config in &mut all.spec.configs {
        config.recipe = br#"{"meta":"x"}"#.to_vec();
    }
    assert!(super::markdown(&analysis_of(&all)).contains("- Note on all configs: x\n"));
}

#[test]
fn times_are_no_observations() {
    let results = noted();
    let analysis = analysis_of(&results);
    let names: Vec<&str> = analysis.metrics.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(names, ["accuracy/balanced"]);
    assert!(!render::results_csv(&results).unwrap().contains("seconds/"));
    let mut slower = results.clone();
    slower.trials.iter_mut().for_each(|t| t.metrics[0].value = 77.0);
    assert_eq!(render::results_csv(&slower).unwrap(), render::results_csv(&results).unwrap());
}

#[test]
fn every_number_of_every_epoch_has_a_line() {
    let mut results = noted();
    let trial = &mut results.trials[2];
    trial.ending = Some("diverged: loss".to_owned());
    trial.metrics = vec![
        metric("loss/train_running", 2, f64::NAN, false),
        metric("lr/epoch", 1, 1.0 / 3.0, false),
        metric("loss/train_running", 1, 2.5, false),
    ];
    let csv = render::epochs_csv(&results).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "stratum,config,replicate,epoch,metric,value,final");
    assert_eq!(
        lines[1..4],
        [
            "t,plain,0,1,accuracy/balanced,0.0,true",
            "t,plain,0,1,seconds/total,9.0,true",
            "t,plain,0,1,seconds/train,0.25,false"
        ]
    );
    let diverged: Vec<&&str> = lines.iter().filter(|line| line.starts_with("t,'=two,0,")).collect();
    assert_eq!(
        diverged,
        [
            &"t,'=two,0,1,loss/train_running,2.5,false",
            &"t,'=two,0,1,lr/epoch,0.3333333333333333,false",
            &"t,'=two,0,2,loss/train_running,NaN,false"
        ]
    );
}

#[test]
fn every_predicted_image_has_a_line() {
    let results = noted();
    let one = |config, rows, correct| Predicted { config, replicate: 1, split: "balanced", rows, correct };
    let csv = render::predictions_csv(&results, [one(0, 9, &[0b1000_0001, 1]), one(1, 2, &[])], true).unwrap();
    let right = [1, 0, 0, 0, 0, 0, 0, 1, 1];
    let mut expected = "stratum,config,replicate,split,image,correct\n".to_owned();
    expected.extend(right.iter().enumerate().map(|(image, right)| format!("t,plain,1,balanced,{image},{right}\n")));
    expected.push_str("t,'=two,1,balanced,0,0\nt,'=two,1,balanced,1,0\n");
    assert_eq!(csv, expected);
    assert_eq!(render::predictions_csv(&results, [], false).unwrap(), "");
}
