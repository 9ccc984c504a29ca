//! Every kind of mistake, as the user sees it.

use super::{SMALL, edited, sweep_with, with_grid};
use crate::sweep_file::{MistakeKind, Place, parse, read_text};

/// The message, and after it the exit code.
fn refusal(text: &str) -> String {
    refusal_with(text, &[])
}

fn refusal_with(text: &str, overrides: &[&str]) -> String {
    let error = sweep_with(text, overrides).expect_err("a mistake was expected");
    format!("error: {error}\nexit code {}", error.exit_code())
}

/// The small sweep with a `[stopping]` table of these lines.
fn with_stopping(lines: &str) -> String {
    format!("{SMALL}\n[stopping]\n{lines}\n")
}

/// The small sweep with an `[analysis.tuning]` table of these lines.
fn with_tuning(lines: &str) -> String {
    format!("{SMALL}\n[analysis.tuning]\n{lines}\n")
}

macro_rules! refused {
    ($($name:ident: $text:expr;)*) => {$(
        #[test]
        fn $name() {
            insta::assert_snapshot!(refusal(&$text));
        }
    )*};
}

refused! {
    not_toml: edited("seed       = 7", "seed       = seven");
    not_toml_unclosed: edited("[[config]]", "[[config]");
    not_toml_key_twice: edited("seed ", "name = \"again\"\nseed ");
    empty_file: edited(SMALL, "");
    unknown_top_key: edited("replicates = 5", "replicats = 5");
    setting_at_the_top: edited("seed ", "lr = 0.1\nseed ");
    unknown_recipe_key: edited("epochs = 2", "epoch = 2");
    recipe_key_in_the_wrong_table: edited("epochs = 2", "lr = 1e-3");
    top_key_below_a_table: edited("epochs = 2", "pairing = \"common\"");
    unknown_key_in_set: edited("\"prior.train\"", "\"prior.trian\"");
    unknown_table_in_set: edited("\"prior.train\"", "\"priors.train\"");
    setting_beside_set: edited("name = \"plain\"", "name = \"plain\"\nepochs = 3");
    unknown_analysis_key: edited("baseline =", "base_line =");
    wrong_type_top: edited("replicates = 5", "replicates = \"five\"");
    wrong_type_in_recipe: edited("epochs = 2", "epochs = 2.5");
    wrong_type_date: edited("epochs = 2", "epochs = 2026-11-22");
    array_instead_of_grid: edited("epochs = 2", "epochs = [1, 2]");
    table_instead_of_name: edited("[[config]]\nname = \"plain\"", "[config]\nname = \"plain\"").replace("[[config]]\nname = \"apriori\"\nset", "[x]\nset");
    recipe_is_no_table: edited("[recipe]\nepochs = 2\n[recipe.data]\nunbalance = { enabled = true }", "recipe = 3");
    out_of_range_top: edited("replicates = 5", "replicates = 0");
    out_of_range_seed: edited("seed       = 7", "seed = -7");
    out_of_range_in_recipe: edited("epochs = 2", "epochs = 0");
    out_of_range_in_set: edited("\"prior.train\" = \"train\"", "\"optimizer.lr\" = -1e-3");
    out_of_range_nan: edited("epochs = 2", "optimizer.lr = nan");
    out_of_range_alpha: edited("baseline =", "alpha = 0.5\nbaseline =");
    conflict_of_ranks_and_values: edited("baseline =", "correction = \"max-t\"\nmissing = \"worst-rank\"\nbaseline =");
    unknown_name_in_recipe: edited("\"prior.train\" = \"train\"", "\"prior.train\" = \"training\"");
    unknown_name_of_pairing: edited("seed ", "pairing = \"comon\"\nseed ");
    conflict_in_a_config: edited(", \"prior.validation\" = \"split\"", "");
    given_twice: edited("epochs = 2", "epochs = 2\noptimizer.lr = 0.1\n\"optimizer.lr\" = 0.2");
    bad_sweep_name: edited("\"small\"", "\"../small\"");
    bad_config_name: edited("\"plain\"", "\"two\\nlines\"");
    duplicate_config: edited("name = \"apriori\"", "name = \"plain\"");
    duplicate_stratum: edited("[analysis]", "[[stratum]]\nname = 's'\n[[stratum]]\nname = 's'\n[analysis]");
    unknown_baseline: edited("baseline = \"plain\"", "baseline = \"plane\"");
    unknown_metric: edited("accuracy/perverse", "acuracy/perverse");
    metric_that_the_baseline_does_not_yield: edited("name = \"plain\"", "name = \"plain\"\nset = { \"data.unbalance.enabled\" = false }");
    metric_of_the_baseline_only: edited("name = \"apriori\"\nset  = {", "name = \"apriori\"\nset  = { \"data.unbalance.enabled\" = false, ");
    missing_baseline: edited("baseline = \"plain\"\n", "");
    missing_analysis: edited(&SMALL[SMALL.find("[analysis]").unwrap()..], "");
    missing_config_name: edited("name = \"plain\"", "replicates = 3");
    grid_level_out_of_range: with_grid("[grid]\n'optimizer.lr' = [0.1, 0, 0.2]", "x");
    grid_unknown_factor: with_grid("[grid]\n'optimizer.rate' = [0.1]", "x");
    grid_without_list: with_grid("[grid]\n'optimizer.lr' = 0.1", "x");
    grid_empty_list: with_grid("[grid]\n'optimizer.lr' = []", "x");
    grid_level_twice: with_grid("[grid]\n'optimizer.lr' = [0.1, 1e-1]", "lr=0.1");
    grid_excludes_unknown_level: with_grid("[grid]\n'optimizer.lr' = [0.1]\nexclude = [{ 'optimizer.lr' = 0.2 }]", "lr=0.1");
    grid_excludes_unknown_factor: with_grid("[grid]\n'optimizer.lr' = [0.1]\nexclude = [{ epochs = 2 }]", "lr=0.1");
    grid_excludes_all: with_grid("[grid]\n'optimizer.lr' = [0.1]\nexclude = [{ 'optimizer.lr' = 0.1 }]", "lr=0.1");
    grid_conflict: with_grid("[grid]\n'prior.train' = ['none', 'train']", "train=none");
    grid_baseline: with_grid("[grid]\n'optimizer.lr' = [1e-3, 1e-2]", "lr=1e-3");
    tasks_without_strata: edited("baseline =", "tasks = 'strata'\nbaseline =");
    tasks_of_one_stratum: edited("baseline =", "tasks = 'strata'\nbaseline =").replace("[analysis]", "[[stratum]]\nname = 'long'\nset = { epochs = 9 }\n[analysis]");
    tasks_unknown: edited("baseline =", "tasks = 'stratum'\nbaseline =");
    tasks_wrong_type: edited("baseline =", "tasks = true\nbaseline =");
    tuning_of_a_misspelt_config: with_tuning("plain = 3\naprior = 40");
    tuning_below_nothing: with_tuning("plain = -1\napriori = 1_000_000_001");
    tuning_wrong_types: with_tuning("plain = 2.0\napriori.lr = 40");
    tuning_is_no_table: edited("baseline =", "tuning = 40\nbaseline =");
    stopping_without_rule: with_stopping("looks = 3");
    stopping_unknown_rule: with_stopping("rule = 'evalue'");
    stopping_unknown_key: with_stopping("rule = 'looks'\nlook = 3");
    stopping_looks_that_descend: with_stopping("rule = 'looks'\nlooks = [4, 3]");
    stopping_look_at_two: with_stopping("rule = 'looks'\nlooks = [2, 4]");
    stopping_look_behind_the_end: with_stopping("rule = 'looks'\nlooks = [3, 6]");
    stopping_look_only_at_the_end: with_stopping("rule = 'looks'\nlooks = [5]");
    stopping_too_few_replicates: with_stopping("rule = 'looks'").replace("replicates = 5", "replicates = 3");
    stopping_more_looks_than_replicates: with_stopping("rule = 'looks'\nlooks = 6");
    stopping_looks_of_another_rule: with_stopping("rule = 'e-value'\nlooks = 3\nfutility = true");
    stopping_wrong_types: with_stopping("rule = 'looks'\nlooks = ['3']\nfutility = 1");
    stopping_futility_without_delta: with_stopping("rule = 'looks'\nlooks = 2\nfutility = true");
    stopping_other_plan: with_stopping("rule = 'e-value'").replace("baseline =", "family = 'all-pairs'\ncorrection = 'none'\nmissing = 'worst-rank'\nbaseline =");
    stopping_unequal_replicates: with_stopping("rule = 'e-value'").replace("name = \"plain\"\n", "name = \"plain\"\nreplicates = 4\n");
    stopping_one_replicate: with_stopping("rule = 'e-value'").replace("replicates = 5", "replicates = 1");
    stopping_too_many_replicates: with_stopping("rule = 'e-value'").replace("replicates = 5", "replicates = 501");
    stopping_one_config: with_stopping("rule = 'e-value'").replace("[[config]]\nname = \"apriori\"\nset  = { \"prior.train\" = \"train\", \"prior.validation\" = \"split\" }\n", "");
    stopping_config_without_metric: with_stopping("rule = 'e-value'").replace("[analysis]", "[[config]]\nname = \"even\"\nset = { \"data.unbalance.enabled\" = false }\n[analysis]");
    too_many_trials: edited("replicates = 5", "replicates = 100_000").replace("[analysis]", "[grid]\nepochs = [1,2,3,4,5,6]\n[analysis]");
    several_at_once: edited("replicates = 5", "replicates = \"5\"").replace("epochs = 2", "epochs = 0\nbatchsize = 3").replace("\"split\"", "\"splat\"");
    terminal_codes: edited("epochs = 2", "\"\\u001b[31mred\" = \"\\u001b[0m\"");
    long_line: edited("epochs = 2", &format!("augment = {{ {}flip = true, flap = false }}", " ".repeat(300)));
}

#[test]
fn overrides_are_their_own_place() {
    let mut all = Vec::new();
    for (given, kind) in [
        ("recipe.epoch=5", MistakeKind::UnknownKey),
        ("recipe.epochs=0", MistakeKind::OutOfRange),
        ("recipe.epochs=many", MistakeKind::WrongType),
        ("analysis.baseline=plane", MistakeKind::UnknownReference),
        ("epochs=5", MistakeKind::UnknownKey),
        ("config.name=x", MistakeKind::UnknownKey),
        ("recipe.prior.train=train", MistakeKind::Conflict),
        ("epochs", MistakeKind::Override),
        ("=5", MistakeKind::Override),
        ("name=", MistakeKind::Override),
        ("grid.epochs=[1,", MistakeKind::Override),
    ] {
        let error = sweep_with(SMALL, &[given]).unwrap_err();
        let mistake = error.mistakes().next().unwrap();
        assert_eq!(mistake.kind, kind, "{error}");
        assert_eq!(mistake.place, Place::Override(given.to_string()));
        all.push(refusal_with(SMALL, &[given]));
    }
    insta::assert_snapshot!(all.join("\n\n"));
}

#[test]
fn a_mistake_is_data_too() {
    let error = parse(&edited("epochs = 2", "  epoch = 2"), "f.toml", &[]).unwrap_err();
    let mistake = error.mistakes().next().unwrap();
    let Place::Text { line, column, width, source } = &mistake.place else { panic!("{error}") };
    assert_eq!((*line, *column, *width, source.as_str()), (6, 3, 5, "  epoch = 2"));
    assert_eq!((mistake.file.as_str(), mistake.key.as_str()), ("f.toml", "recipe.epoch"));
    assert_eq!(mistake.nearest.as_deref(), Some("epochs"));
    assert_eq!(error.mistakes().count(), 1);
}

#[test]
fn more_than_ten_are_cut() {
    let many: String = (0..15).map(|i| format!("zz{i} = 1\n")).collect();
    let error = parse(&edited("epochs = 2\n", &many), "f.toml", &[]).unwrap_err();
    assert_eq!(error.mistakes().count(), 10);
    assert!(error.to_string().ends_with("There are more; these are the first ones found."));
}

#[test]
fn files_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("large.toml"), vec![b' '; (1 << 20) + 1]).unwrap();
    std::fs::write(path("latin1.toml"), b"name = \"caf\xe9\"").unwrap();
    let mut all = Vec::new();
    for name in ["missing.toml", "large.toml", "latin1.toml", "."] {
        let error = read_text(&path(name)).unwrap_err();
        assert_eq!(error.exit_code(), 16);
        all.push(format!("error: {error}").replace(&folder.path().display().to_string(), "FOLDER"));
    }
    insta::assert_snapshot!(all.join("\n\n"));
    let large = parse(&" ".repeat((1 << 20) + 1), "f.toml", &[]).unwrap_err();
    assert_eq!(large.exit_code(), 16);
}
