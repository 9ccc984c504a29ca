#![allow(clippy::unwrap_used, clippy::expect_used)]
//! What `plan` and the help say, to the letter.

use super::{Cli, Command, confirm::write_new, plan::describe, plan_text::text};
use crate::{
    error::{Exit, Failure},
    feasibility::{Pilot, Spread},
    predictions::{Bits, Predictions},
    report::{Input, example, write_all},
};
use clap::{CommandFactory as _, Parser as _};
use sweeper_core::spec::SweepSpec;
use sweeper_proto::v1::{PlanResponse, PlannedConfig};

fn spec(top: &str, analysis: &str) -> SweepSpec {
    let text = format!(
        "name = 'demo'\nseed = 1\n{top}\n[recipe]\ntrainer = 'synthetic'\n[[config]]\nname = 'a'\n[[config]]\nname = 'b'\n\
         set = {{ 'synthetic.effect' = 1.0 }}\n[[config]]\nname = 'c'\nset = {{ 'synthetic.effect' = 2.0 }}\n\
         [analysis]\nmetric = 'accuracy/balanced'\nbaseline = 'a'\n{analysis}\n"
    );
    crate::sweep_file::parse(&text, "p.toml", &[]).unwrap_or_else(|e| panic!("{e}"))
}

/// The plan of a sweep none of which has run, with trials of 90 seconds.
fn planned(spec: &SweepSpec, pilot: Option<Pilot>) -> super::plan::Plan {
    let config = |c: &sweeper_core::spec::ConfigSpec| PlannedConfig {
        name: c.name.clone(),
        recipe_digest: String::new(),
        replicates: c.replicates,
        finished: 0,
        stratum: c.stratum.clone(),
    };
    let answer = PlanResponse {
        configs: spec.configs.iter().map(config).collect(),
        mean_trial_seconds: 90.0,
        ..PlanResponse::default()
    };
    describe(spec, Some(answer), |_| pilot.and_then(|pilot| Spread::given(pilot, spec.pairing)))
}

fn shown(spec: &SweepSpec, pilot: Option<Pilot>) -> String {
    anstream::adapter::strip_str(&text(&planned(spec, pilot))).to_string()
}

const PILOT: Option<Pilot> = Some(Pilot { sd: 0.6, n: Some(5), correlation: 0.5 });

#[test]
fn plans_of_every_kind() {
    let plain = spec("replicates = 4", "");
    insta::assert_snapshot!("plan_without_a_deviation", shown(&plain, None));
    let delta = spec("replicates = 12", "delta = 0.5\nsecondary = ['loss/balanced']");
    insta::assert_snapshot!("plan_with_a_pilot", shown(&delta, PILOT));
    let few = spec("replicates = 4", "delta = 0.5\ncorrection = 'max-t'");
    insta::assert_snapshot!("plan_that_cannot_show_anything", shown(&few, PILOT));
    let exact = Some(Pilot { sd: 0.6, n: None, correlation: 0.0 });
    let dunnett = spec("replicates = 6\npairing = 'independent'", "correction = 'dunnett'\ndelta = 0.5");
    insta::assert_snapshot!("plan_with_dunnett", shown(&dunnett, exact));
    let pairs = spec("replicates = 6\npairing = 'independent'", "correction = 'games-howell'\nfamily = 'all-pairs'");
    insta::assert_snapshot!("plan_of_all_pairs", shown(&pairs, exact));
    let ranks = spec("replicates = 3", "missing = 'worst-rank'\nfamily = 'one-factor'\ncorrection = 'none'");
    insta::assert_snapshot!("plan_by_ranks", shown(&ranks, None));
    let tuned = shown(&spec("replicates = 4", "tuning = { c = 40, a = 2 }"), None);
    let line = "\ntrainings spent on tuning before: a 2, c 40\n";
    assert!(tuned.contains(line), "{tuned}");
    assert_eq!(tuned.replace(line, "\n"), shown(&plain, None), "nothing else changes");
}

#[test]
fn json_tells_all_of_it() {
    let few = spec("replicates = 4", "delta = 0.5\ncorrection = 'max-t'");
    let json = serde_json::to_value(planned(&few, PILOT)).unwrap();
    assert_eq!(json["warnings"].as_array().unwrap().len(), 1);
    let power = &json["power"][0];
    assert_eq!((power["comparisons"].as_u64(), power["correction"].as_str()), (Some(2), Some("max-t")));
    assert_eq!((power["floor"]["decides"].as_bool(), power["floor"]["reachable"].as_bool()), (Some(true), Some(false)));
    assert_eq!(power["floor"]["replicates_needed"], 6);
    let needed = power["needs"]["detect"]["power_80"].as_f64().unwrap();
    // Three configs of 90 seconds.
    assert_eq!(power["device_seconds"]["detect"][0].as_f64(), Some(270.0 * needed));
    assert!(json.get("tuning").is_none());
    assert_eq!((json["missing"].as_str(), json["secondary"].as_array().unwrap().len()), (Some("completed-pairs"), 0));
    let plain = serde_json::to_value(planned(&spec("replicates = 8", ""), None)).unwrap();
    assert!(plain["warnings"].as_array().unwrap().is_empty() && plain["power"][0]["needs"].is_null());
}

#[test]
fn help_of_what_is_said_before_and_after() {
    let mut command = Cli::command();
    command.build();
    // As `--help` shows them: short where no option says more.
    let plan = command.find_subcommand_mut("plan").unwrap().render_help().to_string();
    insta::assert_snapshot!("help_plan", plan);
    let report = command.find_subcommand_mut("report").unwrap().render_long_help().to_string();
    insta::assert_snapshot!("help_report", report);
    let confirm = command.find_subcommand_mut("confirm").unwrap().render_help().to_string();
    insta::assert_snapshot!("help_confirm", confirm);
}

/// What `report --verify` ends with.
fn verified(path: &std::path::Path, more: &[&str]) -> Result<Exit, Failure> {
    reported("--verify", path, more)
}

fn reported(option: &str, path: &std::path::Path, more: &[&str]) -> Result<Exit, Failure> {
    let path = path.display().to_string();
    let arguments = ["sweeper", "report", option, &path].into_iter().chain(more.iter().copied());
    let Command::Report(arguments) = Cli::try_parse_from(arguments).unwrap().command else { panic!() };
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(super::report::report(arguments))
}

#[test]
fn a_changed_report_ends_with_its_own_code_and_names_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let results = example::small();
    let input = Input::of_sweep(&results);
    write_all(folder.path(), &input, &input.analyze().unwrap()).unwrap();
    assert_eq!(verified(folder.path(), &[]).unwrap(), Exit::Ok);
    let report = folder.path().join("report.json");
    let text = std::fs::read_to_string(&report).unwrap();
    std::fs::write(&report, text.replacen("\"completed\": 13", "\"completed\": 14", 1)).unwrap();
    for more in [&[][..], &["--json"]] {
        let failure = verified(&report, more).unwrap_err();
        let said = failure.to_string();
        assert!(said.contains("$.counts.completed: the file says 14, its data give 13"), "{said}");
        assert!(said.contains("hint: ") && failure.exit == Exit::ReportDiffers, "{said}");
    }
    let missing = verified(&folder.path().join("nowhere"), &[]).unwrap_err();
    assert!(missing.exit == Exit::FileUnreadable, "{missing}");
}

#[test]
fn clusters_are_for_sweeps_that_kept_predictions() {
    for other in ["--from", "--from-summary", "--verify"] {
        let error = Cli::try_parse_from(["sweeper", "report", "--clusters", "c.csv", other, "f.csv"]).unwrap_err();
        let said = error.to_string();
        assert!(said.contains("--clusters <FILE>") && said.contains("cannot be used with"), "{said}");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.csv");
    std::fs::write(&file, "image,cluster\n0,a\n1,a\n1,b\n").unwrap();
    let results = example::small();
    let none = super::report::clusters(&file, &results, &Predictions::default()).unwrap_err();
    assert!(none.exit == Exit::NotFound && none.message.contains("clusters need predictions"), "{none}");
    assert!(none.hint.as_deref().is_some_and(|hint| hint.contains("evaluate.predictions = true")), "{none}");
    let mut bits = Predictions::default();
    bits.insert((0, 0), "balanced", Bits { rows: 2, correct: vec![1] });
    let twice = super::report::clusters(&file, &results, &bits).unwrap_err();
    let place = format!("{}:4: image 1 is there twice, first in line 3", file.display());
    assert!(twice.exit == Exit::OutOfRange && twice.message.contains(&place), "{twice}");
    assert!(twice.hint.as_deref().is_some_and(|hint| hint.contains("`image,cluster`")), "{twice}");
    let missing = super::report::clusters(&folder.path().join("nowhere.csv"), &results, &bits).unwrap_err();
    assert!(missing.exit == Exit::FileUnreadable && missing.hint.is_some(), "{missing}");
    std::fs::write(&file, "image,cluster\n1,b\n0,a\n").unwrap();
    assert_eq!(super::report::clusters(&file, &results, &bits).unwrap().of_image, [0, 1]);
}

#[test]
fn a_file_that_is_there_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a-confirm.toml");
    write_new(&path, "first").unwrap();
    let failure = write_new(&path, "second").unwrap_err();
    let said = failure.to_string();
    assert!(failure.exit == Exit::NotWritable && said.contains("is there already") && said.contains("--out"), "{said}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "first");
    let nowhere = write_new(&folder.path().join("nowhere/b.toml"), "x").unwrap_err();
    assert!(nowhere.exit == Exit::NotWritable && nowhere.to_string().contains("cannot write"), "{nowhere}");
}

#[test]
fn confirm_says_what_it_cannot_take() {
    let folder = tempfile::tempdir().unwrap();
    let mut arguments = vec!["sweeper", "confirm", "latest", "--state"];
    let state = folder.path().display().to_string();
    arguments.push(&state);
    let Command::Confirm(arguments) = Cli::try_parse_from(arguments).unwrap().command else { panic!() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let failure = runtime.block_on(super::confirm::confirm(arguments)).unwrap_err();
    assert_eq!(failure.exit, Exit::NotFound, "{failure}");
    for (wrong, right) in [("--top=0", "--top=1"), ("--replicates=0", "--replicates=1"), ("--seed=-1", "--seed=0")] {
        assert!(Cli::try_parse_from(["sweeper", "confirm", "latest", wrong]).is_err(), "{wrong}");
        assert!(Cli::try_parse_from(["sweeper", "confirm", "latest", right]).is_ok(), "{right}");
    }
    let above = format!("--seed={}", u64::MAX);
    assert!(Cli::try_parse_from(["sweeper", "confirm", "latest", &above]).is_err(), "a sweep file cannot hold it");
}

#[test]
fn files_are_judged_by_options_that_fit_them() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("t.csv");
    std::fs::write(&table, "config,metric,mean,sd,n\na,m,1,1,5\nb,m,2,1,5\n").unwrap();
    let refused = |option: &str, path: &std::path::Path, more: &[&str]| reported(option, path, more).unwrap_err();
    let paired = refused("--from-summary", &table, &["--paired"]);
    assert!(paired.exit == Exit::Usage && paired.to_string().contains("hint: leave it out"), "{paired}");
    let file = folder.path().join("f.csv");
    std::fs::write(&file, "config,replicate,metric,value\na,0,m,1\nb,0,m,2\n").unwrap();
    let baseline = refused("--from", &file, &["--baseline", "zzz"]);
    let said = "has no config `zzz`; there are a, b\n  hint: --baseline takes a config that every stratum has";
    assert!(baseline.exit == Exit::UnknownReference && baseline.to_string().contains(said), "{baseline}");
    let metric = refused("--from", &file, &["--metric", "k"]).to_string();
    assert!(metric.ends_with("hint: --metric takes the name of one of them"), "{metric}");
    for (alpha, taken) in [("1e-12", true), ("0.499", true), ("1e-13", false), ("1e-320", false), ("0.5", false)] {
        let parsed = Cli::try_parse_from(["sweeper", "report", "--from", "f.csv", "--alpha", alpha]);
        let why = parsed.err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(why.is_empty(), taken, "{alpha}: {why}");
        assert!(taken || why.contains("expected a number from 1e-12, below 0.5"), "{why}");
    }
}
