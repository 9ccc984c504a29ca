//! What right files mean: defaults, layers, grids, strata, overrides, digests.

use super::{SMALL, edited, sweep, sweep_with, with_grid};
use crate::sweep_file::parse_with_warnings;
use sweeper_core::spec::{
    AnalysisPlan, Correction, Direction, LookPlan, Pairing, Spending, Stopping, SweepSpec, Tasks,
};
use sweeper_recipe::{Recipe, TrainPrior};

fn recipe(spec: &SweepSpec, config: usize) -> Recipe {
    Recipe::from_json(&spec.configs[config].recipe).unwrap()
}

fn names(spec: &SweepSpec) -> Vec<&str> {
    spec.configs.iter().map(|c| c.name.as_str()).collect()
}

#[test]
fn what_is_left_out_has_its_default() {
    let spec = sweep(SMALL);
    assert_eq!((spec.pairing, spec.priority, spec.max_failures), (Pairing::Common, 0, 3));
    let plan = &spec.analysis;
    assert_eq!((plan.direction, plan.correction), (Direction::Maximize, Correction::Holm));
    assert_eq!((plan.alpha, plan.confidence), (0.05, 0.95));
    assert_eq!(names(&spec), ["plain", "apriori"]);
    assert!(spec.configs.iter().all(|c| c.stratum.is_empty() && c.replicates == 5));
    assert_eq!(spec.toml, SMALL);
    let loss = sweep(&edited("accuracy/perverse", "loss/perverse"));
    assert_eq!(loss.analysis.direction, Direction::Minimize);
}

#[test]
fn one_config_needs_neither_list_nor_baseline() {
    let text = "name='n'\nseed=1\nreplicates=3\n[analysis]\nmetric='accuracy/balanced'\n";
    let spec = sweep(text);
    assert_eq!(names(&spec), ["default"]);
    assert_eq!(spec.analysis.baseline, "default");
    assert_eq!(spec.configs[0].recipe, b"{}");
    assert_eq!(spec.configs[0].recipe_digest, Recipe::default().digest());
}

#[test]
fn layers_replace_single_settings() {
    let text = edited(
        "[analysis]",
        "[[stratum]]\nname = 'short'\n[[stratum]]\nname = 'long'\nset = { epochs = 9, batch_size = 64 }\nreplicates = 2\n[analysis]",
    );
    let text = text.replace("\"split\" }", "\"split\", batch_size = 32, \"loss.smoothing\" = { eps = 0.1 } }");
    let spec = sweep(&text);
    let strata: Vec<_> = spec.configs.iter().map(|c| (c.stratum.as_str(), c.name.as_str(), c.replicates)).collect();
    assert_eq!(strata, [("short", "plain", 5), ("short", "apriori", 5), ("long", "plain", 2), ("long", "apriori", 2)]);
    let sizes: Vec<_> = (0..4).map(|i| (recipe(&spec, i).epochs, recipe(&spec, i).batch_size)).collect();
    assert_eq!(sizes, [(2, 128), (2, 32), (9, 64), (9, 32)]);
    assert_eq!(recipe(&spec, 3).prior.train, TrainPrior::Train);
    assert_eq!(recipe(&spec, 3).loss.smoothing.eps, 0.1);
    assert!(recipe(&spec, 3).data.unbalance.enabled);
}

#[test]
fn a_config_may_have_its_own_replicates() {
    let spec = sweep(&edited("name = \"plain\"", "name = \"plain\"\nreplicates = 30"));
    assert_eq!(spec.configs.iter().map(|c| c.replicates).collect::<Vec<_>>(), [30, 5]);
}

#[test]
fn a_grid_is_every_combination() {
    let grid = "[grid]\n'optimizer.lr' = [1e-3, 0.0030, 1]\n'loss.smoothing.eps' = [0.0, 0.1]\nexclude = [{ 'optimizer.lr' = 1.0, 'loss.smoothing.eps' = 0.1 }]";
    let spec = sweep(&with_grid(grid, "lr=0.001,eps=0"));
    assert_eq!(
        names(&spec),
        ["lr=0.001,eps=0", "lr=0.001,eps=0.1", "lr=0.003,eps=0", "lr=0.003,eps=0.1", "lr=1,eps=0"]
    );
    assert_eq!((recipe(&spec, 3).optimizer.lr, recipe(&spec, 3).loss.smoothing.eps), (0.003, 0.1));
    assert_eq!(recipe(&spec, 4).optimizer.lr, 1.0);
}

#[test]
fn names_of_levels_grow_until_they_are_unique() {
    let grid = "[grid]\n'optimizer.eps' = [1e-6]\n'loss.smoothing.eps' = [0.0, 0.1]\n'epochs' = [1]";
    let spec = sweep(&with_grid(grid, "optimizer.eps=0.000001,smoothing.eps=0,epochs=1"));
    assert_eq!(spec.configs[1].name, "optimizer.eps=0.000001,smoothing.eps=0.1,epochs=1");
}

#[test]
fn a_grid_multiplies_the_list_and_may_be_nested() {
    let text = edited("[analysis]", "[grid.optimizer]\nlr = [0.01, 0.02]\n[analysis]");
    let spec = sweep(&text.replace("baseline = \"plain\"", "baseline = \"plain lr=0.01\""));
    assert_eq!(names(&spec), ["plain lr=0.01", "plain lr=0.02", "apriori lr=0.01", "apriori lr=0.02"]);
    assert_eq!(recipe(&spec, 3).optimizer.lr, 0.02);
    assert_eq!(recipe(&spec, 3).prior.train, TrainPrior::Train);
}

#[test]
fn a_level_may_be_a_table() {
    let grid = "[grid]\n'loss.smoothing' = [{ eps = 0.0 }, { kind = 'train-prior', eps = 0.1 }]";
    let spec = sweep(&with_grid(grid, "smoothing={eps=0}"));
    assert_eq!(names(&spec), ["smoothing={eps=0}", "smoothing={eps=0.1,kind=train-prior}"]);
    assert_eq!(recipe(&spec, 1).loss.smoothing.eps, 0.1);
}

#[test]
fn overrides_come_before_checking_and_are_recorded() {
    let overrides =
        ["recipe.epochs=5", "replicates = 8", "analysis.alpha=0.01", "name=other", "recipe.loss.smoothing={eps=0.2}"];
    let spec = sweep_with(SMALL, &overrides).unwrap();
    assert_eq!((spec.name.as_str(), spec.analysis.alpha, spec.configs[0].replicates), ("other", 0.01, 8));
    assert_eq!((recipe(&spec, 0).epochs, recipe(&spec, 0).loss.smoothing.eps), (5, 0.2));
    assert!(recipe(&spec, 0).data.unbalance.enabled, "other settings stay");
    assert_eq!(spec.overrides, overrides);
    // An override repairs a mistake that the file would have.
    let bad = edited("epochs = 2", "epochs = 0");
    assert_eq!(recipe(&sweep_with(&bad, &["recipe.epochs=1"]).unwrap(), 0).epochs, 1);
    let spec = sweep_with(SMALL, &["analysis.metric=accuracy/balanced", "recipe.epochs=3", "recipe.epochs=4"]).unwrap();
    assert_eq!((spec.analysis.metric.as_str(), recipe(&spec, 0).epochs), ("accuracy/balanced", 4));
}

#[test]
fn overrides_reach_the_grid() {
    let text = with_grid("[grid]\n'optimizer.lr' = [0.1, 0.2]", "lr=0.3");
    let spec = sweep_with(&text, &["grid.optimizer.lr=[0.3, 0.4]"]).unwrap();
    assert_eq!(names(&spec), ["lr=0.3", "lr=0.4"]);
    let text = with_grid("[grid]\n'optimizer.lr' = [0, 0.2]\nepochs = [1, 2]", "lr=0.3,epochs=1");
    let overrides = ["grid.optimizer.lr=[0.7]", "grid.optimizer.lr=[0.3]", "analysis.baseline='lr=0.3,epochs=2'"];
    assert_eq!(names(&sweep_with(&text, &overrides).unwrap()), ["lr=0.3,epochs=1", "lr=0.3,epochs=2"]);
    let spec = sweep_with(SMALL, &["grid.epochs=[1, 2]", "analysis.baseline=plain epochs=2"]).unwrap();
    assert_eq!(names(&spec), ["plain epochs=1", "plain epochs=2", "apriori epochs=1", "apriori epochs=2"]);
}

#[test]
fn the_digest_is_of_the_meaning() {
    let spec = sweep(SMALL);
    let respelt = r#"
        # Another text, the same sweep.
        pairing = "common"
        seed = 0x07
        priority = 3
        replicates = 5
        name = 'small'
        max_failures = 3
        recipe.data.unbalance.enabled = true
        recipe.epochs = 2
        recipe.optimizer.lr = 0.30e-2
        recipe.augment.flip = true
        [analysis]
        correction = "holm"
        alpha = 5e-2
        confidence = 0.950
        baseline = "plain"
        direction = "maximize"
        metric = "accuracy/perverse"
        [[config]]
        set = {}
        name = "plain"
        [[config]]
        name = "apriori"
        [config.set.prior]
        validation = "split"
        train = "train"
    "#;
    let other = sweep(respelt);
    assert_eq!(spec.digest, other.digest);
    assert_eq!(spec.plan_digest, other.plan_digest);
    assert_eq!(spec.digest.len(), 64);
    let overridden = sweep_with(&edited("replicates = 5", "replicates = 9"), &["replicates=5"]).unwrap();
    assert_eq!(spec.digest, overridden.digest);
}

#[test]
fn every_change_of_meaning_changes_the_digest() {
    let spec = sweep(SMALL);
    for (from, to, plan_too) in [
        ("\"small\"", "\"Small\"", false),
        ("seed       = 7", "seed = 8", false),
        ("seed ", "max_failures = 4\nseed ", false),
        ("epochs = 2", "epochs = 3", false),
        ("seed ", "pairing = \"independent\"\nseed ", true),
        ("replicates = 5", "replicates = 6", true),
        ("name = \"apriori\"", "name = \"prior\"", true),
        ("accuracy/perverse", "accuracy/balanced", true),
        ("baseline =", "alpha = 0.01\nbaseline =", true),
        ("baseline =", "confidence = 0.9\nbaseline =", true),
        ("baseline =", "correction = 'none'\nbaseline =", true),
        ("baseline =", "direction = 'minimize'\nbaseline =", true),
        ("[analysis]", "[[stratum]]\nname = 's'\n[analysis]", true),
    ] {
        let other = sweep(&edited(from, to));
        assert_ne!(spec.digest, other.digest, "{to}");
        assert_eq!(spec.plan_digest != other.plan_digest, plan_too, "{to}");
    }
}

#[test]
fn equal_recipes_are_noted() {
    let text = edited("\"prior.train\" = \"train\", \"prior.validation\" = \"split\"", "epochs = 2");
    let (_, notes) = parse_with_warnings(&text, "t", &[]).unwrap();
    assert_eq!(notes, ["configs `plain` and `apriori` have equal recipes"]);
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_are_fine() {
    let spec = sweep(&format!("\u{feff}{}", SMALL.replace('\n', "\r\n")));
    assert_eq!(spec.digest, sweep(SMALL).digest);
}

/// Two settings have no default of their own, so they are not in the tree of defaults.
#[test]
fn settings_without_a_default_can_be_set_too() {
    let matched = "{ kind = 'val-matched', eps = 0.1, target = 'perverse' }";
    let set = format!(
        "set  = {{ \"prior.train\" = 'train', \"prior.validation\" = 'split', \"loss.smoothing\" = {matched}, \
         \"schedule.pct_start\" = 0.5 }}"
    );
    let text = edited("set  = { \"prior.train\" = \"train\", \"prior.validation\" = \"split\" }", &set);
    let second = recipe(&sweep(&text), 1);
    assert_eq!(second.loss.smoothing.target, Some(sweeper_recipe::SmoothingTarget::Perverse));
    assert_eq!(second.schedule.pct_start, Some(0.5));
    let spec = sweep_with(SMALL, &["recipe.schedule.pct_start=0.25"]).unwrap();
    assert_eq!(recipe(&spec, 0).schedule.pct_start, Some(0.25));
    for wrong in ["recipe.schedule.pct_start.x=1", "recipe.schedule.pct_start=true", "recipe.schedule.pct=1"] {
        sweep_with(SMALL, &[wrong]).unwrap_err();
    }
}

#[test]
fn a_stopping_rule_is_part_of_the_plan() {
    let with = |lines: &str| sweep(&format!("{SMALL}[stopping]\n{lines}\n"));
    let fixed = sweep(SMALL);
    assert_eq!((&fixed.analysis.stopping, fixed.analysis.stopping.looks(5)), (&Stopping::Fixed, vec![]));
    // Said or not, a fixed design is the same sweep.
    assert_eq!(with("rule = 'fixed'").digest, fixed.digest);
    let looks = with("rule = 'looks'\nlooks = [3, 4]");
    assert_eq!(
        looks.analysis.stopping,
        Stopping::Looks { looks: LookPlan::At(vec![3, 4]), spending: Spending::Quadratic, futility: false }
    );
    assert_eq!(looks.analysis.stopping.looks(5), [3, 4, 5]);
    let usual = with("rule = 'looks'").analysis.stopping;
    assert_eq!((usual.looks(5), usual.looks(16)), (vec![3, 4, 5], vec![4, 6, 8, 10, 12, 14, 16]));
    let others = [
        with("rule = 'looks'\nlooks = [3, 4]\nspending = 'pocock'"),
        with("rule = 'looks'\nlooks = 3"),
        with("rule = 'e-value'"),
    ];
    assert_eq!(others[1].analysis.stopping.looks(5), [4, 5]);
    let mut digests: Vec<_> = others.iter().chain([&fixed, &looks]).map(|s| (&s.digest, &s.plan_digest)).collect();
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), 5, "another rule is another plan");
    let text = format!("{SMALL}delta = 0.5\n[stopping]\nrule = 'looks'\nlooks = 2\nfutility = true\n");
    assert!(matches!(sweep(&text).analysis.stopping, Stopping::Looks { futility: true, .. }));
    assert_eq!(sweep_with(SMALL, &["stopping.rule=e-value"]).unwrap().analysis.stopping, Stopping::EValue);
}

/// The small sweep on two tasks.
fn with_tasks(analysis: &str, second: &str) -> String {
    let strata = format!("[[stratum]]\nname = 'one'\n[[stratum]]\nname = 'two'\nset = {{ {second} }}\n[analysis]");
    SMALL.replacen("[analysis]", &strata, 1) + analysis
}

#[test]
fn strata_may_be_tasks() {
    let strata = sweep(&with_tasks("", "epochs = 3"));
    let none = sweep(&with_tasks("tasks = 'none'\n", "epochs = 3"));
    let tasks = sweep(&with_tasks("tasks = 'strata'\n", "epochs = 3"));
    assert_eq!((strata.analysis.tasks, tasks.analysis.tasks), (Tasks::None, Tasks::Strata));
    // Said or not, no tasks are the same plan; tasks are another.
    assert_eq!((&strata.digest, &strata.plan_digest), (&none.digest, &none.plan_digest));
    assert!(tasks.digest != strata.digest && tasks.plan_digest != strata.plan_digest);
    let looks = with_tasks("tasks = 'strata'\n[stopping]\nrule = 'looks'\nlooks = [3]\n", "epochs = 3");
    assert_eq!(sweep(&looks).analysis.tasks, Tasks::Strata);
    // A plan that was stored before there were tasks has none.
    let mut stored = serde_json::to_value(&tasks.analysis).unwrap();
    assert_eq!(stored.as_object_mut().unwrap().remove("tasks"), Some("strata".into()));
    assert_eq!(serde_json::from_value::<AnalysisPlan>(stored).unwrap(), strata.analysis);
}

#[test]
fn configs_that_some_tasks_do_not_measure_are_named() {
    let own = "\"data.unbalance.enabled\" = true";
    let text = with_tasks("tasks = 'strata'\n", "'data.unbalance.enabled' = false")
        .replacen("name = \"plain\"", &format!("name = \"plain\"\nset = {{ {own} }}"), 1)
        .replacen("set  = {", &format!("set  = {{ {own},"), 1)
        .replacen("[[stratum]]", "[[config]]\nname = 'third'\n[[stratum]]", 1);
    let notes = parse_with_warnings(&text, "test.toml", &[]).unwrap().1;
    let note = "not told over all tasks, since in some they do not yield `accuracy/perverse`: `third`";
    assert!(notes.iter().any(|n| n == note), "{notes:?}");
    let without = parse_with_warnings(&text.replace("tasks = 'strata'\n", ""), "test.toml", &[]).unwrap().1;
    assert!(without.iter().all(|n| !n.contains("tasks")), "{without:?}");
}

#[test]
fn tuning_is_part_of_the_plan_where_it_is_declared() {
    let plain = sweep(SMALL);
    assert!(plain.analysis.tuning.is_empty());
    let with = |lines: &str| sweep(&format!("{SMALL}{lines}\n"));
    assert_eq!(with("[analysis.tuning]").plan_digest, plain.plan_digest, "nothing said is nothing said");
    let spec = with("[analysis.tuning]\nplain = 2\napriori = 40");
    assert_eq!(
        spec.analysis.tuning.iter().map(|(c, n)| (c.as_str(), *n)).collect::<Vec<_>>(),
        [("apriori", 40), ("plain", 2)]
    );
    let inline = with("tuning = { apriori = 40, plain = 2 }");
    assert_eq!((&inline.digest, &inline.plan_digest), (&spec.digest, &spec.plan_digest));
    let others = [with("[analysis.tuning]\napriori = 40"), with("tuning = { apriori = 41, plain = 2 }")];
    for other in others.iter().chain([&plain]) {
        assert!(other.digest != spec.digest && other.plan_digest != spec.plan_digest);
    }
    let given = sweep_with(SMALL, &["analysis.tuning.plain=2", "analysis.tuning={apriori=40, plain=2}"]).unwrap();
    assert_eq!(given.plan_digest, spec.plan_digest);
    // The names are those of configs, also of a grid's, whatever the strata.
    let grid = with_grid("[grid]\n'optimizer.lr' = [0.1, 0.2]\n[[stratum]]\nname = 's'", "lr=0.1");
    let grid = sweep(&format!("{grid}\n[analysis.tuning]\n\"lr=0.2\" = 0\n"));
    assert_eq!(grid.analysis.tuning["lr=0.2"], 0);
    // A plan that was stored before tuning could be declared has none, and is written as it was.
    let stored = serde_json::to_value(&plain.analysis).unwrap();
    assert!(stored.get("tuning").is_none());
    assert_eq!(serde_json::from_value::<AnalysisPlan>(stored).unwrap(), plain.analysis);
}
