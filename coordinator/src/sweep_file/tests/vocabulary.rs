//! What the recipe's vocabulary asks of the sweep file: lists, settings without a default, notes, shared trainings.

use super::{SMALL, edited, sweep, sweep_with, with_grid};
use crate::sweep_file::{SweepFileError, parse_with_warnings};
use sweeper_core::spec::SweepSpec;
use sweeper_recipe::Recipe;

fn recipe(spec: &SweepSpec, config: usize) -> Recipe {
    Recipe::from_json(&spec.configs[config].recipe).unwrap()
}

fn names(spec: &SweepSpec) -> Vec<&str> {
    spec.configs.iter().map(|c| c.name.as_str()).collect()
}

fn first_line(result: Result<SweepSpec, SweepFileError>) -> String {
    result.map(|_| String::new()).unwrap_or_else(|e| e.to_string().lines().next().unwrap_or_default().to_string())
}

#[test]
fn lists_are_values_in_the_recipe_in_a_set_and_in_overrides() {
    let text = edited("epochs = 2", "epochs = 2\nevaluate.betas = [3, 1.0]\n\"data.classes\" = [3, 7]");
    let text = text.replace("\"split\" }", "\"split\", \"data.classes\" = [7, 3], loss = { class_weights = [1, 2] } }");
    let spec = sweep(&text);
    assert_eq!(recipe(&spec, 0).evaluate.betas, [3.0, 1.0]);
    assert_eq!((recipe(&spec, 0).data.classes, recipe(&spec, 1).data.classes), (vec![3, 7], vec![7, 3]));
    assert_eq!(recipe(&spec, 1).loss.class_weights, [1.0, 2.0]);
    let spec = sweep_with(&text, &["recipe.evaluate.betas=[1,3]", "recipe.loss.class_weights=[2, 2]"]).unwrap();
    assert_eq!(
        (recipe(&spec, 0).evaluate.betas, recipe(&spec, 0).loss.class_weights),
        (vec![1.0, 3.0], vec![2.0, 2.0])
    );
    let text = edited("epochs = 2", "'data.source' = 'synthetic'\n'data.synthetic_images' = [256, 64]");
    assert_eq!(recipe(&sweep(&text), 0).data.synthetic_images, [256, 64]);
}

#[test]
fn lists_are_levels_of_a_grid() {
    let grid = "[grid]\n'data.classes' = [[3, 7], [1, 2, 5]]\n'evaluate.betas' = [[1, 3], [1.0]]\n\
                exclude = [{ 'data.classes' = [3, 7], 'evaluate.betas' = [1.0, 3.0] }]";
    let spec = sweep(&with_grid(grid, "classes=[3,7],betas=[1]"));
    assert_eq!(names(&spec), ["classes=[3,7],betas=[1]", "classes=[1,2,5],betas=[1,3]", "classes=[1,2,5],betas=[1]"]);
    assert_eq!((recipe(&spec, 1).data.classes, recipe(&spec, 1).evaluate.betas), (vec![1, 2, 5], vec![1.0, 3.0]));
    let spec = sweep_with(
        &with_grid(grid, "classes=[0,9],betas=[1]").replace("exclude", "#"),
        &["grid.data.classes=[[0, 9]]"],
    );
    assert_eq!(names(&spec.unwrap()), ["classes=[0,9],betas=[1,3]", "classes=[0,9],betas=[1]"]);
    let flat = sweep_with(&with_grid("[grid]\n'data.classes' = [3, 7]", "x"), &[]).unwrap_err().to_string();
    assert!(flat.contains("`grid.data.classes` cannot be an integer"), "{flat}");
    assert!(flat.contains("each level of this setting is a list of its own: [[3, 7], [1, 2]]"), "{flat}");
}

#[test]
fn wrong_lists_are_placed() {
    for (line, message) in [
        ("evaluate.betas = []", "`recipe.evaluate.betas` = [] is out of range"),
        ("evaluate.betas = [1, 'x']", "`recipe.evaluate.betas.1` cannot be a string"),
        ("'data.classes' = [3, -7]", "`recipe.data.classes.1` = -7 is out of range"),
        ("'data.synthetic_images' = [10, 20, 30]", "`recipe.data.synthetic_images` cannot be an array of length 3"),
    ] {
        let error = first_line(sweep_with(&edited("epochs = 2", line), &[]));
        assert!(error.contains(message), "{line}: {error}");
    }
}

#[test]
fn settings_without_a_default_can_be_set_everywhere() {
    let text = edited("epochs = 2", "epochs = 2\nschedule.pct_start = 0.5");
    let text = text.replace("\"split\" }", "\"split\", \"schedule.pct_start\" = 0.25, loss.smoothing = { kind = 'val-matched', eps = 0.1, target = 'perverse' } }");
    let spec = sweep_with(&text, &["grid.schedule.pct_start=[0.5, 1]", "analysis.baseline=plain pct_start=1"]).unwrap();
    assert_eq!(
        names(&spec),
        ["plain pct_start=0.5", "plain pct_start=1", "apriori pct_start=0.5", "apriori pct_start=1"]
    );
    assert_eq!(recipe(&spec, 1).schedule.pct_start, Some(1.0));
    assert_eq!(recipe(&sweep(&text), 0).schedule.pct_start, Some(0.5));
    assert_eq!(recipe(&sweep(&text), 1).schedule.pct_start, Some(0.25));
}

#[test]
fn the_accuracy_of_a_class_can_be_primary_and_time_never() {
    let text = edited("epochs = 2", "epochs = 2\nevaluate.per_class = true");
    let spec = sweep(&text.replace("accuracy/perverse", "accuracy_class_7/perverse"));
    assert_eq!(spec.analysis.metric, "accuracy_class_7/perverse");
    for (metric, nearest) in [
        ("acuracy/perverse", Some("accuracy/perverse")),
        ("accuracy_class_x/perverse", None),
        ("seconds/train", None),
        ("loss/train_running", Some("loss/train")),
    ] {
        let error = sweep_with(&text.replace("accuracy/perverse", metric), &[]).unwrap_err().to_string();
        assert!(error.contains(&format!("does not yield the metric `{metric}`")), "{error}");
        if let Some(nearest) = nearest {
            assert!(error.contains(&format!("did you mean `{nearest}`?")), "{error}");
        }
    }
    let without = sweep_with(&edited("accuracy/perverse", "accuracy_class_7/perverse"), &[]).unwrap_err();
    assert!(without.to_string().contains("does not yield"), "{without}");
}

/// Notes and checkpoints are kept, and are no part of what makes a sweep the sweep it is.
#[test]
fn files_that_differ_in_notes_and_checkpoints_are_one_sweep() {
    let (plain, noted) =
        (sweep(SMALL), sweep(&edited("epochs = 2", "epochs = 2\nmeta = 'before lunch'\ncheckpoint.every = 1")));
    assert_eq!((&plain.digest, &plain.plan_digest), (&noted.digest, &noted.plan_digest));
    for (a, b) in plain.configs.iter().zip(&noted.configs) {
        assert_eq!(a.recipe_digest, b.recipe_digest);
        assert_ne!(a.recipe, b.recipe);
    }
    assert_eq!((recipe(&noted, 1).meta.as_str(), recipe(&noted, 1).checkpoint.every), ("before lunch", 1));
    assert!(sweep_with(&edited("epochs = 2", "meta = \"\\u001b[2J\""), &[]).is_err());
}

#[test]
fn configs_that_share_a_training_have_its_digest() {
    let shared = |pairing: &str| {
        let text = edited("epochs = 2", "epochs = 2\nshare_training = true");
        let text = text.replace("seed ", &format!("pairing = '{pairing}'\nseed "));
        text.replace(
            "[analysis]",
            "[[config]]\nname = 'zero'\nset = { prior = { train = 'zero', validation = 'zero' } }\n[analysis]",
        )
    };
    let digests = |spec: &SweepSpec| spec.configs.iter().map(|c| c.training_digest.clone()).collect::<Vec<_>>();
    let (spec, notes) = parse_with_warnings(&shared("common"), "t", &[]).unwrap();
    let found = digests(&spec);
    assert_eq!((found[0] == found[2], found[0] == found[1], found[0].len()), (true, false, 64));
    assert_eq!(notes, [""; 0]);
    assert_eq!(digests(&sweep(SMALL)), ["", ""]);
    // Without common seeds nothing can be shared, and the user is told.
    let (spec, notes) = parse_with_warnings(&shared("independent"), "t", &[]).unwrap();
    assert_eq!(digests(&spec), ["", "", ""]);
    assert!(notes[0].starts_with("`share_training` has no effect with pairing = \"independent\""), "{notes:?}");
}

#[test]
fn recipes_that_are_too_large_together_are_refused() {
    let rows: Vec<String> = (0..100_000).map(|n| n.to_string()).collect();
    let text = format!(
        "name='big'\nseed=1\nreplicates=1\n[recipe]\nloss.kind='bce'\ndata.source='multi-label'\n\
         data.train_rows=[{}]\n[grid]\n'optimizer.lr'=[{}]\n[analysis]\nmetric='loss/balanced'\nbaseline='lr=0.001'\n",
        rows.join(","),
        (1..200).map(|n| format!("{}", f64::from(n) / 1000.0)).collect::<Vec<_>>().join(",")
    );
    let error = sweep_with(&text, &[]).unwrap_err().to_string();
    assert!(error.contains("the recipes of all configs together are too large"), "{error}");
}
