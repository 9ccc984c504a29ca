//! Every file that is made is read back: with the sweep file's own reader, against the sweep that it comes from.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{ConfirmError, Confirmation, Request, confirm, fresh_seed};
use crate::{
    report::{analyze, example::Builder},
    results::{Origin, SweepResults},
    sweep_file::parse,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use sweeper_core::{
    plan::trial_seed,
    record::Metric,
    spec::{ConfigSpec, FamilyKind, Stopping, SweepSpec},
};

const LIST: &str = r#"# The list of a study.
name       = "list"   # a name
replicates = 6
seed       = 7
priority   = 2

[recipe]
trainer = "synthetic" # fast
epochs = 2

[[config]]
name = "plain"

# Worse than the others.
[[config]]
name = "bad"
set  = { "synthetic.effect" = -5.0 }

[[config]]
name = "good"
set  = { "synthetic.effect" = 1.0 }
replicates = 8

[[config]]
name = "better"
[config.set.synthetic]
effect = 2.0

[[config]]
name = "best"
set  = { "synthetic.effect" = 3.0 }

# How to judge.
[analysis]
metric    = "accuracy/balanced"
baseline  = "plain"
secondary = ["loss/balanced"]
delta     = 0.5
"#;

const GRID: &str = r#"name = "grid"
replicates = 5
seed = 99
recipe.trainer = "synthetic"

[[config]]
name = "a"
set = { meta = "the first" }
replicates = 7

[[config]]
name = "b"

# Twelve combinations.
[grid]
"synthetic.effect" = [0.0, 1e-3, 2]
"optimizer.lr"     = [1e-3, 0.01]
exclude = [{ "synthetic.effect" = 2.0, "optimizer.lr" = 0.01 }]

[analysis]
metric   = "accuracy/balanced"
baseline = "b effect=0,lr=0.001"
"#;

fn spec(text: &str, overrides: &[&str]) -> SweepSpec {
    let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
    parse(text, "old.toml", &overrides).unwrap_or_else(|e| panic!("{e}"))
}

/// A finished sweep whose trainings gave `value` of their config, with a little noise of their replicate.
fn finished(spec: &SweepSpec, value: impl Fn(&ConfigSpec) -> f64) -> SweepResults {
    let mut made = Builder::new("x", "accuracy/balanced", "");
    let mut noise = BTreeMap::new();
    for (c, config) in (0..).zip(&spec.configs) {
        for r in 0..config.replicates {
            let jitter = f64::from((c * 7 + r * 13) % 5) / 50.0;
            noise.insert((c, r), jitter);
            made.completed(c, r, &[("accuracy/balanced", value(config) + jitter), ("loss/balanced", 0.1 + jitter)]);
        }
    }
    let mut results = made.results;
    for trial in &mut results.trials {
        trial.seed = trial_seed(spec, trial.config, trial.replicate);
    }
    results.spec = spec.clone();
    results
}

/// The number at the end of a config's own setting.
fn effect(config: &ConfigSpec) -> f64 {
    let recipe: serde_json::Value = serde_json::from_slice(&config.recipe).unwrap();
    50.0 + recipe.pointer("/synthetic/effect").and_then(serde_json::Value::as_f64).unwrap_or(0.0)
}

fn made(results: &SweepResults, request: Request) -> Result<Confirmation, ConfirmError> {
    confirm(results, &analyze(results).unwrap(), request)
}

fn top(top: usize) -> Request {
    Request { top: Some(top), ..Request::default() }
}

fn names(spec: &SweepSpec) -> Vec<&str> {
    spec.configs.iter().map(|c| c.name.as_str()).collect()
}

/// What every confirmation promises, checked from its text alone.
fn holds(results: &SweepResults, found: &Confirmation, replicates: Option<u32>) {
    let (old, text) = (&results.spec, &found.spec.toml);
    let read = parse(text, "again.toml", &[]).unwrap_or_else(|e| panic!("{e}\n{text}"));
    assert_eq!(read, found.spec);
    let of = |spec: &SweepSpec| -> BTreeMap<(String, String), (String, Vec<u8>, u32)> {
        let entry = |c: &ConfigSpec| {
            ((c.stratum.clone(), c.name.clone()), (c.recipe_digest.clone(), c.recipe.clone(), c.replicates))
        };
        spec.configs.iter().map(entry).collect()
    };
    let (before, after) = (of(old), of(&read));
    for (key, (digest, recipe, count)) in &after {
        let (old_digest, old_recipe, old_count) = &before[key];
        assert_eq!((digest, recipe), (old_digest, old_recipe), "{key:?}");
        assert_eq!(*count, replicates.unwrap_or(*old_count), "{key:?}");
    }
    let strata = |spec: &SweepSpec| spec.configs.iter().map(|c| c.stratum.clone()).collect::<BTreeSet<_>>();
    assert_eq!(strata(&read), strata(old));
    let seeds = |spec: &SweepSpec| -> BTreeSet<u64> {
        let all = spec.configs.iter().zip(0..).flat_map(|(c, at)| (0..c.replicates).map(move |r| (at, r)));
        all.map(|(at, r)| trial_seed(spec, at, r)).collect()
    };
    assert!(seeds(old).is_disjoint(&seeds(&read)), "not one training is taken over");
    assert!(read.name.ends_with("-confirm") && read.seed != old.seed);
    assert_eq!((read.pairing, read.priority, read.max_failures), (old.pairing, old.priority, old.max_failures));
    assert!(text.starts_with("# Made by `sweeper confirm` from sweep `") && text.contains(&old.plan_digest));
}

#[test]
fn a_list_keeps_what_is_best_and_all_comments() {
    let results = finished(&spec(LIST, &[]), effect);
    let found = made(&results, top(2)).unwrap();
    holds(&results, &found, None);
    assert_eq!(found.best, ["better", "best"]);
    insta::assert_snapshot!(found.spec.toml);
    // The plan is the old one to the letter.
    assert_eq!(found.spec.analysis, results.spec.analysis);
    let again = made(&results, top(2)).unwrap();
    assert_eq!(again, found, "the same sweep gives the same file");
    let other = made(&results, Request { replicates: Some(30), seed: Some(1), ..top(1) }).unwrap();
    holds(&results, &other, Some(30));
    assert_eq!((names(&other.spec), other.spec.seed), (vec!["plain", "best"], 1));
}

#[test]
fn a_grid_becomes_a_list() {
    let results = finished(&spec(GRID, &[]), effect);
    let found = made(&results, top(2)).unwrap();
    holds(&results, &found, None);
    let wanted = ["a effect=2,lr=0.001", "b effect=0,lr=0.001", "b effect=2,lr=0.001"];
    assert_eq!(names(&found.spec), wanted);
    insta::assert_snapshot!(found.spec.toml);
}

#[test]
fn strata_stay_and_their_best_are_united() {
    let strata =
        "[[stratum]]\nname = 'short'\nset = { epochs = 1 }\n[[stratum]]\nname = 'long'\nreplicates = 3\n[analysis]";
    let text = LIST.replace("[analysis]", strata);
    let value = |c: &ConfigSpec| if c.stratum == "long" { 100.0 - effect(c) } else { effect(c) };
    let results = finished(&spec(&text, &[]), value);
    let found = made(&results, top(1)).unwrap();
    holds(&results, &found, None);
    assert_eq!(found.best, ["bad", "best"], "the best of either stratum");
    assert_eq!(found.spec.configs.len(), 6);
    assert!(
        found
            .spec
            .toml
            .contains("the best by its mean of accuracy/balanced in each stratum, and the baseline; 3 of 5:")
    );
    let more = made(&results, Request { replicates: Some(4), ..top(1) }).unwrap();
    holds(&results, &more, Some(4));
}

#[test]
fn overrides_are_worked_in() {
    let overrides = [
        "recipe.epochs=3",
        "recipe.epochs=4",
        "recipe.loss.smoothing={eps=0.2}",
        "replicates=9",
        "analysis.alpha=0.01",
        "name=other",
        "stopping.rule=e-value",
        "stratum=[{name='one', set={batch_size=64}}]",
    ];
    let list = LIST.replace("replicates = 8\n", "");
    let results = finished(&spec(&list, &overrides), effect);
    let found = made(&results, top(1)).unwrap();
    holds(&results, &found, None);
    let text = &found.spec.toml;
    assert!(text.contains("name       = \"other-confirm\"   # a name") && text.contains("epochs = 4\n"), "{text}");
    assert_eq!((found.spec.analysis.alpha, &found.spec.analysis.stopping), (0.01, &Stopping::EValue));
    assert!(found.spec.overrides.is_empty());

    let grid = ["grid.optimizer.lr=[0.5, 0.25]", "grid.exclude=[]", "analysis.baseline=b effect=0,lr=0.5"];
    let results = finished(&spec(GRID, &grid), effect);
    let found = made(&results, top(1)).unwrap();
    holds(&results, &found, None);
    assert_eq!(names(&found.spec), ["a effect=2,lr=0.5", "b effect=0,lr=0.5"]);
    // A list and a recipe that come from the command line alone.
    let bare = "name='n'\nseed=1\nreplicates=4\n[recipe.data]\nunbalance={enabled=true}\n[analysis]\nmetric='accuracy/balanced'\n";
    let overrides = ["config=[{name='x'},{name='y',set={epochs=9}},{name='z'}]", "recipe.trainer=synthetic"];
    let family = ["analysis.family=all-pairs", "recipe.data.unbalance.enabled=false", "recipe.schedule.pct_start=0.5"];
    let results = finished(&spec(bare, &[&overrides[..], &family].concat()), |c| c.name.len() as f64);
    let found = made(&results, top(2)).unwrap();
    holds(&results, &found, None);
    assert_eq!(found.spec.configs.len(), 2);
}

#[test]
fn the_best_set_is_the_usual_choice() {
    let results = finished(&spec(LIST, &[]), |c| if c.name == "bad" { 1.0 } else { 90.0 });
    let analysis = analyze(&results).unwrap();
    let among = analysis.strata[0].best.as_ref().unwrap().contenders.iter().filter(|c| c.among_best);
    let among: BTreeSet<String> = among.map(|c| c.config.clone()).collect();
    assert!(among.len() > 1 && !among.contains("bad"), "{among:?}");
    let found = made(&results, Request::default()).unwrap();
    holds(&results, &found, None);
    assert_eq!(found.best.iter().cloned().collect::<BTreeSet<_>>(), among);
    assert!(found.spec.toml.contains("those not shown to be worse than the best"), "{}", found.spec.toml);
    // The baseline alone may be the best: its runner-up comes along.
    let results = finished(&spec(LIST, &[]), |c| if c.name == "plain" { 90.0 } else { effect(c) });
    let found = made(&results, Request::default()).unwrap();
    assert_eq!(names(&found.spec), ["plain", "best"]);
    // Of one training each there is no best set.
    let few = spec(&LIST.replace("replicates = 6", "replicates = 1").replace("replicates = 8", "replicates = 1"), &[]);
    let found = made(&finished(&few, effect), Request { replicates: Some(10), ..Request::default() }).unwrap();
    assert_eq!(names(&found.spec), ["plain", "good", "better", "best"]);
    assert!(found.spec.toml.contains("the 3 best by their mean"), "{}", found.spec.toml);
    // Smaller is better where the plan says so.
    let losses = spec(&LIST.replace("delta", "direction = 'minimize'\ndelta"), &[]);
    assert_eq!(made(&finished(&losses, effect), top(1)).unwrap().best, ["bad"]);
}

#[test]
fn what_fewer_configs_cannot_have_leaves_the_plan() {
    // Neither of the two best has a setting in common with the other alone: nothing would be compared.
    let text = LIST
        .replace("baseline  = \"plain\"", "family = 'one-factor'")
        .replace("set  = { \"synthetic.effect\" = 3.0 }", "set  = { \"synthetic.effect\" = 3.0, epochs = 3 }");
    let results = finished(&spec(&text, &[]), effect);
    let found = made(&results, top(2)).unwrap();
    holds(&results, &found, None);
    assert_eq!(found.spec.analysis.family, FamilyKind::AllPairs);
    assert!(found.notes[0].starts_with("every two configs are compared"), "{:?}", found.notes);
    let three = made(&results, top(3)).unwrap();
    assert_eq!((three.spec.analysis.family, three.notes.len()), (FamilyKind::OneFactor, 0));
    // A metric that one config alone has, which does not stay.
    let text = LIST
        .replace("trainer = \"synthetic\" # fast\n", "")
        .replace("\"synthetic.effect\" = -5.0", "\"evaluate.train\" = \"both\"")
        .replace("[\"loss/balanced\"]", "[\"accuracy/train_clean\", \"loss/balanced\"]");
    let results = finished(&spec(&text, &[]), effect);
    let found = made(&results, top(1)).unwrap();
    assert_eq!(found.spec.analysis.secondary, ["loss/balanced"]);
    assert!(found.notes[0].ends_with("yields them: accuracy/train_clean"), "{:?}", found.notes);
}

#[test]
fn tuning_of_what_stays_stays() {
    let results =
        finished(&spec(&format!("{LIST}[analysis.tuning]\nplain = 2 # few\nbad = 3\nbest = 40\n"), &[]), effect);
    let found = made(&results, top(1)).unwrap();
    holds(&results, &found, None);
    let tuning: Vec<(&str, u32)> = found.spec.analysis.tuning.iter().map(|(c, n)| (c.as_str(), *n)).collect();
    assert_eq!(tuning, [("best", 40), ("plain", 2)]);
    assert!(found.spec.toml.contains("plain = 2 # few\n"), "{}", found.spec.toml);
}

#[test]
fn what_cannot_be_confirmed_is_refused() {
    let results = finished(&spec(LIST, &[]), effect);
    let refused = |results: &SweepResults, request| made(results, request).unwrap_err().to_string();
    let mut running = results.clone();
    running.state = "running".to_owned();
    running.trials[3].state = "Pending".to_owned();
    let text = refused(&running, top(1));
    assert!(text.contains("`list` still runs (1 of 32 trials are open)"), "{text}");
    let file = SweepResults { origin: Origin::File, ..results.clone() };
    assert!(refused(&file, top(1)).contains("was not made by a sweep"));
    let mut lost = results.clone();
    for trial in &mut lost.trials {
        (trial.ending, trial.metrics) = (Some("diverged: loss".to_owned()), Vec::<Metric>::new());
    }
    assert!(
        refused(&lost, Request::default()).contains("no training of sweep `list` gave a value of `accuracy/balanced`")
    );
    let baseline_wins = finished(&spec(LIST, &[]), |c| if c.name == "plain" { 90.0 } else { 1.0 });
    assert!(refused(&baseline_wins, top(1)).contains("one config of sweep `list` would be left, `plain`"));
    let used = Request { seed: Some(results.spec.seed), ..top(1) };
    assert!(refused(&results, used).contains("seed 7 gives trainings the seeds that sweep `list` has used"));
    // A stored file of which nothing can be made is named as such.
    let mut broken = results.clone();
    broken.spec.toml = broken.spec.toml.replace("epochs", "epoch");
    assert!(refused(&broken, top(1)).contains("stored with `list` has mistakes for this version"));
    let mut other = results.clone();
    other.spec.toml = other.spec.toml.replace("epochs = 2", "epochs = 3");
    assert!(refused(&other, top(1)).contains("the recipe of config `plain`"));
    let looks =
        spec(&format!("{}[stopping]\nrule = 'looks'\nlooks = [4]\n", LIST.replace("replicates = 8\n", "")), &[]);
    let looks = finished(&looks, effect);
    assert!(refused(&looks, Request { replicates: Some(3), ..top(1) }).contains("a look at 4 replicates"));
    holds(&looks, &made(&looks, top(1)).unwrap(), None);
}

#[test]
fn a_cancelled_sweep_says_so() {
    let mut results = finished(&spec(LIST, &[]), effect);
    results.state = "cancelled".to_owned();
    let last = results.trials.last_mut().unwrap();
    (last.state, last.ending) = ("Cancelled".to_owned(), None);
    last.metrics.clear();
    let found = made(&results, top(1)).unwrap();
    assert_eq!(found.notes, ["sweep `list` was cancelled after 31 of 32 trials: the choice rests on those"]);
    assert!(
        found.spec.toml.contains("# Note: sweep `list` was cancelled after 31 of 32 trials"),
        "{}",
        found.spec.toml
    );
}

#[test]
fn a_confirmation_can_be_confirmed() {
    let results = finished(&spec(LIST, &[]), effect);
    let first = made(&results, top(3)).unwrap();
    let second = made(&finished(&first.spec, effect), top(1)).unwrap();
    assert_eq!(second.spec.name, "list-confirm-confirm");
    assert_eq!(BTreeSet::from([results.spec.seed, first.spec.seed, second.spec.seed]).len(), 3);
    let long = spec(LIST, &[&format!("name={}", "n".repeat(64))]);
    assert_eq!(made(&finished(&long, effect), top(1)).unwrap().spec.name.len(), 64);
    // Sweeps that differ in anything that counts get seeds of their own.
    assert_ne!(fresh_seed(&spec(LIST, &[])), fresh_seed(&spec(LIST, &["replicates=7"])));
}

#[test]
fn the_seed_is_the_documented_one() {
    // Made outside: SHA-256 of the text, the seed's bytes and the digest.
    let mut old = spec(LIST, &[]);
    (old.seed, old.digest) = (7, "abc".to_owned());
    assert_eq!(fresh_seed(&old), 3_607_001_885_563_198_104);
}

/// A sweep file with strata or not, a list or not, a grid or not, and overrides of some of it.
fn any_file() -> impl Strategy<Value = (String, Vec<String>)> {
    let levels = prop::sample::subsequence(vec!["0.0", "1e-4", "0.25", "1", "-2.5", "1e2"], 2..=4);
    let parts = (2_usize..6, prop::option::of(levels), 0_u8..3, any::<bool>(), any::<bool>(), 0_u32..4);
    parts.prop_map(|(listed, grid, strata, independent, dotted, chosen)| {
        let pairing = if independent { "pairing = 'independent'\n" } else { "" };
        let recipe = if dotted {
            "recipe.trainer = 'synthetic'\nrecipe.\"optimizer.lr\" = 0.1\n".to_owned()
        } else {
            "[recipe]\ntrainer = 'synthetic'\n[recipe.optimizer]\nlr = 0.1 # so\n".to_owned()
        };
        let mut text = format!("name = 'any'\nseed = 3\nreplicates = 4\n{pairing}{recipe}");
        for at in 0..listed {
            text += &format!("[[config]]\nname = 'c \"{at}\" é'\nset = {{ 'batch_size' = {} }}\n", at + 1);
        }
        let mut baseline = "c \"0\" é".to_owned();
        if let Some(levels) = grid {
            text += &format!("[grid]\nsynthetic.effect = [{}]\n", levels.join(", "));
            let first: f64 = levels[0].parse().unwrap();
            baseline += &format!(" effect={first}");
        }
        for at in 0..strata {
            text += &format!("[[stratum]]\nname = 's{at}'\nset = {{ epochs = {} }}\nreplicates = {}\n", at + 1, at + 3);
        }
        text += &format!("[analysis]\nmetric = 'accuracy/balanced'\nbaseline = '{baseline}'\n");
        let all = ["recipe.optimizer.lr=0.5", "recipe.loss.smoothing.eps=0.1", "replicates=5", "analysis.alpha=0.1"];
        (text, all.iter().take(chosen as usize).map(ToString::to_string).collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_sweep_is_confirmed_by_its_own_recipes(
        (text, overrides) in any_file(),
        count in 1_usize..5,
        replicates in prop::option::of(2_u32..6),
        salt in 0_usize..100,
    ) {
        let overrides: Vec<&str> = overrides.iter().map(String::as_str).collect();
        let old = spec(&text, &overrides);
        let results = finished(&old, |c| ((c.name.len() * 31 + c.recipe.len() * 17 + salt) % 13) as f64);
        match made(&results, Request { replicates, ..top(count) }) {
            Ok(found) => {
                holds(&results, &found, replicates);
                prop_assert!(names(&found.spec).contains(&old.analysis.baseline.as_str()));
            }
            Err(ConfirmError::TooFew { .. }) => prop_assert_eq!(count, 1),
            Err(error) => return Err(TestCaseError::fail(format!("{error}\n{text}"))),
        }
    }
}
