//! Several tasks, and the pictures of grids and of power, on made-up numbers in which the truth was planted.

use super::{analysis_of, example, example::Builder};
use crate::{
    report::{
        AcrossTasks, Analysis, SharedSeeds, TaskComparison, TaskDifference, Told,
        document::{Block, Document},
        render,
    },
    results::SweepResults,
};
use sweeper_core::{
    record::Metric,
    spec::{Direction, FamilyKind, Pairing, Stopping, Tasks},
};

const METRIC: &str = "accuracy/balanced";

/// `tasks` tasks of configs `plain`, `better` (by 2) and `same`; tasks differ by 5, seeds move all configs alike.
pub(crate) fn tasks(tasks: u32, replicates: u32) -> SweepResults {
    let mut b = Builder::new("tasks", METRIC, "plain");
    b.results.spec.analysis.tasks = Tasks::Strata;
    for task in 0..tasks {
        let stratum = format!("task {task:02}");
        for (c, (name, effect)) in (0u32..).zip([("plain", 0.0), ("better", 2.0), ("same", 0.0)]) {
            let config = b.config(&stratum, name, replicates, "{}");
            for r in 0..replicates {
                let seed = example::noise(u64::from(r) + 7);
                let own = example::noise(u64::from(10_000 * (task + 1) + 1000 * (c + 1) + r));
                let value = 60.0 + 5.0 * f64::from(task % 5) + effect + seed + 0.7 * own;
                b.completed(config, r, &[(METRIC, value), ("loss/balanced", 3.0 - value / 50.0)]);
            }
        }
    }
    b.build()
}

/// A grid of learning rates and epochs with an interaction, each combination a config.
pub(crate) fn grid(family: FamilyKind, rates: u32, epochs: u32) -> SweepResults {
    let name = |rate: u32, epoch: u32| format!("rate {rate}, epochs {epoch}");
    let mut b = Builder::new("grid", METRIC, &name(1, 1));
    (b.results.spec.analysis.family, b.results.spec.analysis.delta) = (family, Some(1.0));
    for rate in 1..=rates {
        for epoch in 1..=epochs {
            let recipe = format!(r#"{{"epochs":{epoch},"optimizer":{{"lr":0.00{rate}}}}}"#);
            let config = b.config("", &name(rate, epoch), 8, &recipe);
            for r in 0..8u32 {
                let (seed, own) = (example::noise(u64::from(r)), example::noise(u64::from(100 * config + r + 50)));
                let effect = 1.5 * f64::from(epoch) - 0.6 * f64::from(rate) * f64::from(epoch);
                b.completed(config, r, &[(METRIC, 70.0 + effect + seed + 0.5 * own)]);
            }
        }
    }
    b.build()
}

/// Values after each of eight epochs, rising to the final ones.
pub(crate) fn with_curves(mut results: SweepResults) -> SweepResults {
    let metric = results.spec.analysis.metric.clone();
    for trial in &mut results.trials {
        let Some(last) = trial.metrics.iter().find(|m| m.name == metric).map(|m| m.value) else { continue };
        trial.metrics.iter_mut().for_each(|m| m.epoch = 8);
        for epoch in 1..8u32 {
            let key = u64::from(1000 * trial.config + 10 * trial.replicate + epoch);
            let value = last - 30.0 / f64::from(epoch * epoch) + example::noise(key);
            trial.metrics.push(Metric { name: metric.clone(), epoch, value, is_final: false });
        }
    }
    results
}

fn across(results: &SweepResults) -> AcrossTasks {
    analysis_of(results).across_tasks.expect("tasks")
}

fn better(across: &AcrossTasks) -> &TaskComparison {
    across.comparisons.iter().find(|c| c.config == "better").unwrap()
}

fn why(told: &Told) -> &str {
    match told {
        Told::Hidden { why } => why,
        Told::Interval { .. } => panic!("shown"),
    }
}

/// Values of a config, task by task.
fn values(results: &SweepResults, name: &str) -> Vec<Vec<f64>> {
    let configs: Vec<u32> = (0..).zip(&results.spec.configs).filter(|(_, c)| c.name == name).map(|(i, _)| i).collect();
    let of = |config: u32| {
        let own = results.trials.iter().filter(|t| t.config == config);
        own.filter_map(|t| t.metrics.iter().find(|m| m.name == METRIC)).map(|m| m.value).collect()
    };
    configs.into_iter().map(of).collect()
}

/// Twenty seeds on four tasks: 80 values, of which the middle 40 make the interquartile mean.
#[test]
fn statistics_over_all_tasks_are_those_of_all_values() {
    let results = tasks(4, 20);
    let found = across(&results);
    assert_eq!((found.seeds, found.one_scale, found.tasks.len()), (SharedSeeds::AcrossTasks, true, 4));
    let (a, b) = (values(&results, "better"), values(&results, "plain"));
    let iqm = |values: &[Vec<f64>]| {
        let mut all: Vec<f64> = values.concat();
        all.sort_by(f64::total_cmp);
        all[20..60].iter().sum::<f64>() / 40.0
    };
    let own = found.configs.iter().find(|c| c.config == "better").unwrap();
    let pooled = own.pooled.unwrap();
    assert_eq!((own.n, pooled.n), ((80, 20), 80));
    assert!((pooled.iqm - iqm(&a)).abs() < 1e-9);
    assert!((pooled.optimality_gap - (100.0 - pooled.mean)).abs() < 1e-9);
    let comparison = better(&found);
    let wins = |task: usize| {
        let won = a[task].iter().flat_map(|x| b[task].iter().map(move |y| x > y)).filter(|won| *won).count();
        won as f64 / 400.0
    };
    let (difference, improvement) = (comparison.iqm.as_ref().unwrap(), comparison.improvement.as_ref().unwrap());
    assert!((difference.estimate - (iqm(&a) - iqm(&b))).abs() < 1e-9);
    assert!((improvement.estimate - (0..4).map(wins).sum::<f64>() / 4.0).abs() < 1e-12);
    for TaskDifference { estimate, these_tasks, new_tasks } in [difference, improvement] {
        let interval = these_tasks.interval().unwrap();
        assert!(interval.low < *estimate && *estimate < interval.high);
        assert_eq!(why(new_tasks), "4 tasks, below 15");
    }
    let mean = comparison.mean_difference.as_ref().unwrap();
    let by_hand = (0..4).map(|t| (a[t].iter().sum::<f64>() - b[t].iter().sum::<f64>()) / 20.0).sum::<f64>() / 4.0;
    assert!((mean.estimate - by_hand).abs() < 1e-9 && mean.these_tasks.interval().is_some_and(|i| i.low > 1.5));
    assert!(mean.new_tasks.interval().is_some_and(|i| i.low < by_hand && by_hand < i.high));
    let profiles = found.profiles.unwrap();
    assert_eq!((profiles.configs[0].config.as_str(), profiles.configs[1].config.as_str()), ("plain", "better"));
    for profile in &profiles.configs {
        assert!(profile.band.is_some() && (profile.shares[0] - 1.0).abs() < 1e-12, "{profile:?}");
        assert_eq!(profile.shares.last(), Some(&0.0));
    }
}

#[test]
fn few_trainings_hide_resampled_intervals_and_keep_those_by_t() {
    let found = across(&tasks(3, 5));
    let comparison = better(&found);
    assert_eq!(why(&comparison.iqm.as_ref().unwrap().these_tasks), "n = 5, below 15");
    assert_eq!(why(&comparison.improvement.as_ref().unwrap().new_tasks), "n = 5, below 15");
    let mean = comparison.mean_difference.as_ref().unwrap();
    assert!(mean.these_tasks.interval().is_some() && mean.new_tasks.interval().is_some());
    assert!(found.configs.iter().all(|c| c.iqm_interval.as_ref().is_some_and(|told| told.interval().is_none())));
    assert!(found.profiles.unwrap().configs.iter().all(|c| c.band.is_none()));
}

#[test]
fn intervals_of_new_tasks_take_tasks_and_trainings_enough() {
    let comparison = better(&across(&tasks(15, 15))).clone();
    for told in
        [comparison.iqm.unwrap(), comparison.improvement.unwrap()].iter().flat_map(|d| [&d.these_tasks, &d.new_tasks])
    {
        let Told::Interval { interval, monte_carlo_error: Some(error), .. } = told else { panic!("{told:?}") };
        assert!(*error > 0.0 && *error < 0.1 * (interval.high - interval.low), "{told:?}");
    }
}

#[test]
fn seeds_are_kept_together_as_the_trials_have_them() {
    let mut results = tasks(2, 16);
    results.spec.pairing = Pairing::Independent;
    let own = across(&results);
    assert_eq!(own.seeds, SharedSeeds::Own);
    results.spec.pairing = Pairing::Common;
    results.trials.iter_mut().filter(|t| t.config >= 3).for_each(|t| t.seed += 1);
    let within = across(&results);
    assert_eq!(within.seeds, SharedSeeds::WithinTasks);
    let width = |found: &AcrossTasks| {
        let told = better(found).iqm.as_ref().unwrap().these_tasks.interval().copied().unwrap();
        told.high - told.low
    };
    assert!(width(&within) < 0.8 * width(&own), "pairs drop what seeds share");
}

#[test]
fn a_metric_without_one_scale_has_no_mean_over_tasks() {
    let mut results = tasks(3, 16);
    (results.spec.analysis.metric, results.spec.analysis.direction) = ("loss/balanced".to_owned(), Direction::Minimize);
    let analysis = analysis_of(&results);
    let found = analysis.across_tasks.as_ref().unwrap();
    let comparison = better(found);
    assert!(
        !found.one_scale
            && comparison.iqm.is_none()
            && comparison.mean_difference.is_none()
            && found.profiles.is_none()
    );
    // A lower loss is an improvement.
    assert!(comparison.improvement.as_ref().unwrap().estimate > 0.8);
    let told = format!("{:?}", Document::of(&analysis));
    assert!(told.contains("has no scale that all tasks share") && !told.contains("difference of IQMs"));
}

#[test]
fn looks_leave_estimates_without_intervals() {
    let mut results = tasks(2, 16);
    results.spec.analysis.stopping = Stopping::EValue;
    let found = across(&results);
    let comparison = better(&found);
    let reason = "looks decided how many trainings there are";
    assert_eq!(why(&comparison.iqm.as_ref().unwrap().these_tasks), reason);
    assert_eq!(why(&comparison.mean_difference.as_ref().unwrap().new_tasks), reason);
}

#[test]
fn lost_trainings_and_missing_configs_are_left_out() {
    let mut results = tasks(3, 16);
    results.trials.retain(|t| !(t.config == 5 || t.config == 1 && t.replicate == 3));
    let found = across(&results);
    assert_eq!(found.left_out, ["same"]);
    let comparison = better(&found);
    assert_eq!((found.comparisons.len(), comparison.n), (1, 15));
    assert!(comparison.improvement.as_ref().unwrap().these_tasks.interval().is_some());
}

#[test]
fn strata_are_no_tasks_unless_the_plan_says_so() {
    let mut results = tasks(2, 5);
    results.spec.analysis.tasks = Tasks::None;
    let analysis = analysis_of(&results);
    assert!(analysis.across_tasks.is_none());
    // A report of an earlier version knows nothing of tasks, power curves and grids.
    let mut json: serde_json::Value = serde_json::from_str(&render::json(&analysis).unwrap()).unwrap();
    json.as_object_mut().unwrap().remove("across_tasks");
    json["plan"].as_object_mut().unwrap().remove("tasks");
    json["strata"].as_array_mut().unwrap().iter_mut().for_each(|s| drop(s.as_object_mut().unwrap().remove("power")));
    let read: Analysis = serde_json::from_value(json).unwrap();
    assert!(read.across_tasks.is_none() && read.plan.tasks == Tasks::None && read.strata[0].power.is_none());
}

fn figures(analysis: &Analysis) -> Vec<(String, String)> {
    Document::of(analysis).figures().iter().map(|f| (f.id.clone(), f.caption.clone())).collect()
}

#[test]
fn grids_have_a_heat_map_and_an_interaction() {
    let analysis = analysis_of(&grid(FamilyKind::Baseline, 3, 4));
    let drawn = figures(&analysis);
    let has = |id: &str| drawn.iter().any(|(own, _)| own == id);
    assert!(has("heat-m0-s0") && has("interaction-s0-0") && has("power-curve-s0"), "{drawn:?}");
    let stratum = &analysis.strata[0];
    let factors = stratum.factors.as_ref().unwrap();
    assert_eq!((factors.cells.len(), factors.means.len()), (12, 1));
    let means = &factors.means[0];
    for (cell, config) in factors.cells.iter().zip(&stratum.configs) {
        let found = means.means[cell.levels[0]][cell.levels[1]].unwrap();
        let measured = config.cells[0].measured().unwrap();
        assert!((found.mean - measured.mean).abs() < 1e-9, "{cell:?}");
        let (a, b) = (found.interval.unwrap(), measured.interval.unwrap());
        assert!((a.low - b.low).abs() < 1e-9 && (a.high - b.high).abs() < 1e-9);
    }
}

#[test]
fn a_heat_map_of_all_pairs_shows_the_best() {
    let small = figures(&analysis_of(&grid(FamilyKind::AllPairs, 2, 3)));
    let heat = small.iter().find(|(id, _)| id == "heat-m0-s0").unwrap();
    assert!(!heat.1.contains("Shown are"));
    let large = figures(&analysis_of(&grid(FamilyKind::AllPairs, 8, 4)));
    let heat = large.iter().find(|(id, _)| id == "heat-m0-s0").unwrap();
    assert!(heat.1.contains("Shown are the 30 best of 32 configs."), "{}", heat.1);
    let one_factor = figures(&analysis_of(&grid(FamilyKind::OneFactor, 2, 3)));
    assert!(!one_factor.iter().any(|(id, _)| id.starts_with("heat")), "chains of pairs are no grid");
}

/// The level at no difference, and 0.8 where another function finds the detectable difference.
#[test]
fn power_rises_from_the_level_through_the_detectable_difference() {
    for pairing in [Pairing::Common, Pairing::Independent] {
        let mut results = grid(FamilyKind::Baseline, 3, 4);
        results.spec.pairing = pairing;
        let analysis = analysis_of(&results);
        let curves = analysis.strata[0].power.as_ref().unwrap();
        assert_eq!((curves.curves.len(), curves.comparisons, curves.level), (3, 11, 0.05 / 11.0));
        for curve in &curves.curves {
            assert!((curve.power[0] - curves.level).abs() < 1e-9 && curve.power.is_sorted());
            let after = curves.differences.partition_point(|d| *d < curve.detectable);
            assert!(curve.power[after - 1] < 0.8 && curve.power[after] >= 0.8, "{curve:?}");
        }
        let detectable: Vec<f64> = curves.curves.iter().map(|c| c.detectable).collect();
        assert!(detectable.is_sorted());
    }
}

#[test]
fn pictures_of_very_many_configs_are_cut_and_say_so() {
    let drawn = figures(&analysis_of(&example::many(320)));
    for (id, what) in [("values-m0-s0", "300 of 320 configs"), ("differences-m0-s0", "300 of 319 comparisons")] {
        let caption = &drawn.iter().find(|(own, _)| own == id).unwrap().1;
        assert!(caption.contains(what), "{caption}");
    }
}

#[test]
fn every_task_is_told_for_itself() {
    let document = Document::of(&analysis_of(&tasks(14, 5)));
    let section = document.sections.iter().find(|s| s.id == "tasks").unwrap();
    let tables: Vec<_> =
        section.blocks.iter().filter_map(|b| if let Block::Table(t) = b { Some(t) } else { None }).collect();
    let means = tables.iter().find(|t| t.id == "tasks-means").unwrap();
    assert_eq!((means.columns.len(), means.rows.len()), (13, 3));
    assert!(means.note.contains("2 further tasks have no column"));
    assert!(tables.iter().all(|t| t.rows.iter().all(|row| row.cells.len() == t.columns.len())));
}
