//! Reports on numbers that no sweep made: single trainings of a file, and published tables.

use super::{html, markdown};
use crate::{
    imports::{Wanted, read, read_summary},
    report::{Analysis, Input, Source, Unit, analyze, analyze_summary, document::Document, render},
};
use std::fmt::Write as _;
use sweeper_core::spec::{Correction, FamilyKind};

const HEAD: &str = "config,replicate,metric,epoch,value\n";

fn of_file(text: &str, wanted: &Wanted) -> Analysis {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f.csv");
    std::fs::write(&path, text).unwrap();
    analyze(&read(&path, wanted).unwrap()).unwrap()
}

fn of_table(text: &str, wanted: &Wanted) -> Analysis {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.csv");
    std::fs::write(&path, text).unwrap();
    analyze_summary(&read_summary(&path, wanted).unwrap()).unwrap()
}

/// Everything that people read.
fn told(analysis: &Analysis) -> String {
    [html(analysis), markdown(analysis), render::terminal(analysis, false), render::latex(&Document::of(analysis))]
        .concat()
}

/// Uneven numbers between -1 and 1, the same in every run.
fn noise(seed: u32) -> f64 {
    let mixed = (u64::from(seed) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((mixed ^ (mixed >> 32)) % 2_000_001) as f64 / 1e6 - 1.0
}

/// `configs` configs with `runs` each; `value` of config, replicate and metric.
fn rows(configs: u32, runs: u32, metrics: &[&str], value: impl Fn(u32, u32, &str) -> String) -> String {
    let mut text = HEAD.to_owned();
    for (c, r) in (0..configs).flat_map(|c| (0..runs).map(move |r| (c, r))) {
        for metric in metrics {
            writeln!(text, "c{c},{r},{metric},1,{}", value(c, r, metric)).unwrap();
        }
    }
    text
}

/// Programs write NaN as they like, and a training that ended in it is lost: counted, named, and ranked worst.
#[test]
fn trainings_without_a_number_are_lost() {
    for (lost, reason) in
        [("nan", "accuracy is NaN"), ("-inf", "accuracy is -inf"), ("", "the file has no value of accuracy")]
    {
        let mut text = "config,replicate,accuracy,seconds\n".to_owned();
        for r in 0..8 {
            let (a, b) = (80.0 + 0.1 * noise(r), 82.0 + 0.1 * noise(100 + r));
            let b = if r < 3 { lost.to_owned() } else { format!("{b:.3}") };
            writeln!(text, "a,{r},{a:.3},\nb,{r},{b},").unwrap();
        }
        let analysis = of_file(&text, &Wanted::default());
        let [a, b] = [0, 1].map(|at| &analysis.strata[0].configs[at]);
        assert_eq!((a.counts.completed, b.counts.completed, b.lost.as_slice()), (8, 5, [0, 1, 2].as_slice()));
        let rate = &analysis.strata[0].failures[1];
        assert_eq!((rate.diverged + rate.abandoned, rate.ended), (3, 8));
        assert_eq!(analysis.exceptions.iter().map(|e| e.reason.as_str()).collect::<Vec<_>>(), [reason; 3]);
        let shown = render::terminal(&analysis, false);
        assert!(shown.contains("13 of 16 trials completed, 3 "), "{shown}");
        assert!(shown.contains("3 of 8 trai") || shown.contains("3 of 8 trials of “b” were abandoned"), "{shown}");
        assert!(shown.contains("UNSURE: with every lost training ranked worst no difference is shown"), "{shown}");
    }
    // All of a config without a value were not measured, and nothing is lost.
    let analysis = of_file("config,replicate,x,y\na,0,1,1\na,1,2,2\nb,0,,1\nb,1,,3\n", &Wanted::default());
    assert_eq!((analysis.counts.completed, analysis.exceptions.len()), (4, 0));
}

#[test]
fn trainings_that_end_early_are_told() {
    let text = |last: u32| {
        let mut text = HEAD.to_owned();
        for (c, r) in (0..2).flat_map(|c| (0..4).map(move |r| (c, r))) {
            let epochs = if (c, r) == (1, 2) { last } else { 5 };
            (0..epochs)
                .for_each(|e| writeln!(text, "c{c},{r},accuracy,{e},{}", 70.0 + noise(100 * c + 10 * r + e)).unwrap());
        }
        text
    };
    let note = "Trainings end at different epochs, and the last value of each counts: 1 of 4 of c1 before epoch 4.";
    assert!(told(&of_file(&text(3), &Wanted::default())).contains(note));
    assert!(!told(&of_file(&text(5), &Wanted::default())).contains("end at different epochs"));
}

/// What diverged is in no curve, and configs of a stratum need not stand together.
#[test]
fn curves_are_of_survivors_and_of_whole_strata() {
    let mut text = HEAD.to_owned();
    for (config, r) in ["A/x", "B/x", "A/y", "B/y"].into_iter().flat_map(|c| (0..5).map(move |r| (c, r))) {
        for e in 0..6 {
            let value = 70.0 + f64::from(e) + noise(e + 10 * r + 100 * u32::from(config.as_bytes()[0]));
            let lost = config == "B/y" && r == 2 && e > 3;
            writeln!(text, "{config},{r},accuracy,{e},{}", if lost { f64::NAN } else { value }).unwrap();
        }
    }
    let analysis = of_file(&text, &Wanted::default());
    let found: Vec<_> = analysis.curves.iter().map(|c| (c.stratum.as_str(), c.configs.len())).collect();
    assert_eq!(found, [("A", 2), ("B", 2)]);
    let last = &analysis.curves[1].configs[1];
    assert_eq!((last.config.as_str(), last.n, last.epochs.len(), last.difference.is_some()), ("y", 4, 6, true));
}

/// By their names; the first one of a file decides.
#[test]
fn losses_and_errors_are_better_when_lower() {
    for (metric, better) in
        [("loss", "lower"), ("val_loss", "lower"), ("error/top1", "lower"), ("ece", "lower"), ("top1", "higher")]
    {
        let file =
            of_file(&rows(2, 4, &[metric, "accuracy"], |c, r, _| (noise(10 * c + r)).to_string()), &Wanted::default());
        assert!(told(&file).contains(&format!("on {metric} ({better} is better)")), "{metric}");
        let table = format!("config,metric,mean,sd,n\na,{metric},1,1,5\na,acc,2,1,5\nb,{metric},3,1,5\nb,acc,2,1,5\n");
        let table = of_table(&table, &Wanted::default());
        assert_eq!(table.plan.metric, metric);
        assert!(told(&table).contains(&format!("on {metric} ({better} is better)")), "{metric}");
    }
}

/// Nobody planned the trainings of a file, so none is waited for; one that others have is named.
#[test]
fn replicates_that_are_not_there_are_no_open_trials() {
    let seeds =
        of_file(&rows(2, 6, &["m"], |_, r, _| format!("{}", noise(r))).replace(",5,", ",4242,"), &Wanted::default());
    assert!(!seeds.partial && seeds.counts.planned == 12);
    assert!(!told(&seeds).contains("not in the file"));
    let text = rows(2, 6, &["m"], |c, r, _| format!("{}", noise(6 * c + r)));
    let lines: Vec<&str> =
        text.lines().filter(|line| !line.starts_with("c1,3,") && !line.starts_with("c1,5,")).collect();
    let gaps = of_file(&lines.join("\n"), &Wanted::default());
    assert!(!gaps.partial && gaps.counts.planned == 10 && gaps.exceptions.is_empty());
    let shown = told(&gaps);
    assert!(shown.contains("Replicates that other configs have are not in the file: 3, 5 of c1."), "{shown}");
    assert!(!shown.contains("not finished yet") && !shown.contains("PARTIAL"), "{shown}");
}

#[test]
fn one_training_counted_often_is_found_in_a_file() {
    // Four decimals, and all of c1 are one training.
    let of = |c: u32, r: u32| 80.0 + 0.5 * noise(100 * c + if c == 1 { 0 } else { r });
    let copied = of_file(&rows(3, 6, &["accuracy/test"], |c, r, _| format!("{:.4}", of(c, r))), &Wanted::default());
    assert_eq!(copied.audit.copies.len(), 1);
    assert_eq!((copied.audit.copies[0].count, copied.audit.copies[0].trials[5].as_str()), (6, "c1 replicate 5"));
    let shown = told(&copied);
    assert!(shown.contains("COPIES: 6 trainings whose seeds are not known are the same as others"), "{shown}");
    assert!(shown.contains("agree in every number, which chance does not explain"), "{shown}");
    // One pair of losses with all their digits is enough.
    let loss = |c: u32, r: u32| 0.4 + 0.01 * noise(100 * c + r) + 1e-9 * noise(100 * c + r + 7_000);
    let pair = |c: u32, r: u32| loss(c, if c == 4 && r == 9 { 2 } else { r });
    let found = of_file(&rows(10, 30, &["loss/test"], |c, r, _| pair(c, r).to_string()), &Wanted::default());
    let names: Vec<_> = found.audit.copies.iter().map(|c| c.trials.clone()).collect();
    assert_eq!(names, [["c4 replicate 2", "c4 replicate 9"]]);
}

#[test]
fn equal_numbers_of_few_digits_are_no_copies() {
    let clean = |text: &str| {
        let analysis = of_file(text, &Wanted::default());
        assert!(analysis.audit.copies.is_empty(), "{:?}", analysis.audit.copies);
        let shown = told(&analysis);
        assert!(!shown.contains("under different seeds") && shown.contains("unless chance explains it"), "{shown}");
    };
    let on = |c: u32, r: u32, images: f64| ((0.8 + 0.005 * noise(100 * c + r)) * images).round() / images;
    // On a hundred images, and on 3,925 with all digits of the quotient: both tie.
    clean(&rows(3, 12, &["accuracy/test"], |c, r, _| (100.0 * on(c, r, 100.0)).to_string()));
    assert!((0..30).any(|r| (0..r).any(|q| on(0, r, 3925.0).to_bits() == on(0, q, 3925.0).to_bits())));
    clean(&rows(5, 30, &["accuracy/test"], |c, r, _| on(c, r, 3925.0).to_string()));
    // Error and accuracy are one number.
    clean(&rows(5, 30, &["accuracy/test", "error/test"], |c, r, metric| {
        let accuracy = 100.0 * on(c, r, 3925.0);
        if metric == "error/test" { 100.0 - accuracy } else { accuracy }.to_string()
    }));
    // All that can be learnt is an end, and no copy.
    clean(&rows(3, 8, &["accuracy/train"], |c, r, _| {
        if c == 1 { "100".to_owned() } else { (95.0 + noise(10 * c + r)).to_string() }
    }));
    // Where nothing varies there is nothing to hold the numbers against.
    clean(&rows(2, 4, &["m"], |c, _, _| format!("{c}.5")));
}

#[test]
fn zeros_throughout_are_taken_as_not_measured() {
    let text =
        rows(
            3,
            6,
            &["accuracy/test"],
            |c, r, _| {
                if c == 1 { "0".to_owned() } else { (80.0 + noise(9 * c + r)).to_string() }
            },
        );
    let analysis = of_file(&text, &Wanted::default());
    let sentence = &analysis.strata[0].families[0].comparisons[0].sentence;
    assert!(sentence.contains("not measured for this config"), "{sentence}");
    let note = "Taken as not measured: c1 on accuracy/test. Every value there is exactly 0";
    assert!(analysis.deviations.iter().any(|d| d.starts_with(note)) && told(&analysis).contains("zeros-are-values"));
    let kept = of_file(&text, &Wanted { zeros_are_values: true, ..Wanted::default() });
    assert!(kept.strata[0].configs[1].cells[0].measured().is_some());
    assert!(!kept.deviations.iter().any(|d| d.contains("exactly 0")));
    // Some zeros, zeros of all configs, and a training that fell to 0 are values.
    let some = [
        rows(2, 4, &["m"], |c, r, _| if c == 1 && r < 3 { "0".to_owned() } else { noise(r).to_string() }),
        rows(2, 4, &["m"], |_, _, _| "0".to_owned()),
        format!("{HEAD}a,0,m,1,5\na,0,m,2,0\na,1,m,1,4\na,1,m,2,0\nb,0,m,1,2\nb,0,m,2,3\nb,1,m,1,2\nb,1,m,2,4\n"),
    ];
    for text in some {
        let analysis = of_file(&text, &Wanted::default());
        let all = analysis.strata[0].configs.iter().all(|c| c.cells[0].measured().is_some());
        assert!(all && !analysis.deviations.iter().any(|d| d.contains("exactly 0")), "{text}");
    }
}

#[test]
fn zeros_of_a_published_table_are_taken_as_not_measured() {
    let text = "config,metric,mean,sd,n\nplain,accuracy/a,0.000,0.000,5\nplain,accuracy/b,80,0.5,5\n\
                b,accuracy/b,81,0.4,5\nb,accuracy/a,81,0.4,5\nc,accuracy/b,0,0.1,5\n";
    let measured = |analysis: &Analysis| -> Vec<Vec<bool>> {
        let of = |c: &crate::report::ConfigResult| c.cells.iter().map(|cell| cell.measured().is_some()).collect();
        analysis.strata[0].configs.iter().map(of).collect()
    };
    let analysis = of_table(text, &Wanted::default());
    // The first metric stays the primary one.
    assert_eq!(analysis.plan.metric, "accuracy/a");
    assert_eq!(measured(&analysis), [[false, true], [true, true], [false, true]]);
    let note = "Taken as not measured: plain on accuracy/a. Every value";
    assert!(analysis.deviations.iter().any(|d| d.starts_with(note)) && !told(&analysis).contains("81.00 pp higher"));
    let kept = of_table(text, &Wanted { zeros_are_values: true, ..Wanted::default() });
    assert_eq!(measured(&kept), [[true, true], [true, true], [false, true]]);
}

#[test]
fn accuracies_from_0_to_1_are_fractions() {
    let fraction = |c: u32, r: u32| (0.8 + 0.01 * f64::from(c) + 0.002 * noise(31 * c + r)).to_string();
    let text = rows(3, 6, &["accuracy/test"], |c, r, _| fraction(c, r));
    let analysis = of_file(&text, &Wanted { delta: Some(0.5), ..Wanted::default() });
    assert_eq!(analysis.metrics[0].unit, Unit::Fraction);
    let note = |analysis: &Analysis| {
        let found: Vec<&String> = analysis.deviations.iter().filter(|d| d.contains("taken as fractions")).collect();
        assert_eq!(found.len(), 1);
        found[0].clone()
    };
    let unit_free = |analysis: &Analysis| {
        let shown = told(analysis);
        assert!([" pp", "(%)", "(pp)", "in %"].iter().all(|unit| !shown.contains(unit)), "{shown}");
    };
    assert!(note(&analysis).ends_with("not as percent; so is 0.5, the smallest difference that matters."));
    unit_free(&analysis);
    let table = "config,metric,mean,sd,n\na,accuracy/x,0.80,0.005,5\nb,accuracy/x,0.81,0.005,5\n";
    let analysis = of_table(table, &Wanted::default());
    assert!(note(&analysis).starts_with("accuracy/x: all values lie from 0 to 1"));
    unit_free(&analysis);
    // Values above 1 are percent, and so is nothing but 0.
    let above = rows(2, 3, &["accuracy/test"], |c, r, _| (1.0 + noise(c + r).abs()).to_string());
    for text in [above, rows(2, 3, &["accuracy/test"], |_, _, _| "0".to_owned())] {
        assert_eq!(of_file(&text, &Wanted::default()).metrics[0].unit, Unit::Percent);
    }
}

#[test]
fn the_optimality_gap_of_fractions_is_one_from_1() {
    let fraction = |c: u32, r: u32| (0.75 + 0.01 * f64::from(c) + 0.002 * noise(31 * c + r)).to_string();
    let task = |name: &str, more: u32| {
        let text = rows(2, 5, &["accuracy/test"], |c, r, _| fraction(c, r + more));
        text.replace("\nc", &format!("\n{name}/c")).replace(HEAD.trim_end(), "").trim_start().to_owned()
    };
    let text = format!("{HEAD}{}{}", task("first", 0), task("second", 50));
    let analysis = of_file(&text, &Wanted { tasks: true, ..Wanted::default() });
    let across = analysis.across_tasks.as_ref().unwrap();
    let gap = across.configs[0].pooled.as_ref().unwrap();
    assert!(across.one_scale && (gap.optimality_gap - (1.0 - gap.mean)).abs() < 1e-12, "{gap:?}");
    let shown = told(&analysis);
    assert!(shown.contains("the mean shortfall from 1.") && !shown.contains("shortfall from 100"));
    assert!(shown.contains("Seeds are not known: every training counts as one of its own"));
}

#[test]
fn what_is_not_known_of_a_table_is_not_said() {
    let text = "config,metric,mean,sd,n\na,accuracy/x,80,0.5,300\nb,accuracy/x,81,0.5,300\n";
    let analysis = of_table(text, &Wanted::default());
    assert_eq!(analysis.source, Source::Table);
    let shown = told(&analysis);
    for untrue in [
        "trials completed",
        "Every training as a dot",
        "Every trial has a seed",
        "every trial has a seed",
        "under different seeds",
        "every planned trial",
        "All trainings",
        "300 of 300",
        "one worker",
    ] {
        assert!(!shown.contains(untrue), "{untrue}");
    }
    for there in [
        "600 trainings behind the published means; none of them is seen here",
        "A table tells no single training",
        "The mark is the published mean with its 95 % interval",
        "Which trainings had a seed in common is not known, so the test is",
        "not known: taken as independent",
    ] {
        assert!(shown.contains(there), "{there}");
    }
    let value = |c: u32, r: u32| (f64::from(c) + noise(9 * c + r)).to_string();
    let file = of_file(&rows(2, 4, &["m"], |c, r, _| value(c, r)), &Wanted::default());
    let shown = told(&file);
    assert!(file.source == Source::File && shown.contains("8 of 8 trials completed"));
    assert!(
        !shown.contains("earlier sweeps") && !shown.contains("Submitted") && shown.contains("file was last changed")
    );
    assert!(!shown.to_lowercase().contains("every trial has a seed") && shown.contains("None in the file."));
}

#[test]
fn a_divisor_that_is_not_named_is_told_with_what_hangs_on_it() {
    let table = |ddof: &str| {
        let head = if ddof.is_empty() { "config,metric,mean,sd,n" } else { "config,metric,mean,sd,n,ddof" };
        let rows = ["a,accuracy/x,80,1,3", "b,accuracy/x,82.6,1,3", "c,accuracy/x,80,1,3"];
        let text: String = rows.iter().map(|row| format!("{row}{ddof}\n")).collect();
        of_table(&format!("{head}\n{text}"), &Wanted { correction: Some(Correction::None), ..Wanted::default() })
    };
    let divisor =
        |analysis: &Analysis| analysis.deviations.iter().find(|d| d.contains("does not say whether")).cloned();
    // t = 2.6 / sqrt(2 / 3) = 3.18 with four degrees of freedom; with divisor n it is 2.60, and the limit 2.78.
    assert_eq!(
        divisor(&table("")).unwrap(),
        "The table does not say whether 3 standard deviations were divided by n - 1 or by n: n - 1 is assumed; with n, 1 of 2 \
         verdicts would differ: b on accuracy/x (undecided instead of better). A column `ddof` tells it: 1 for n - 1, 0 for n."
    );
    assert_eq!((divisor(&table(",1")), divisor(&table(",0"))), (None, None));
    assert!(divisor(&table(",")).is_some(), "an empty cell says nothing");
    let clear = "config,metric,mean,sd,n\na,accuracy/x,80,1,30\nb,accuracy/x,90,1,30\n";
    let found = divisor(&of_table(clear, &Wanted::default())).unwrap();
    assert!(found.contains("with n, none of 1 verdict would differ."), "{found}");
    assert!(told(&table("")).contains("where the table does not name its divisor, that is an assumption"));
}

#[test]
fn a_table_is_computed_again_from_its_input() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.csv");
    let rows = "a,accuracy/x,0.8,0.1,3\nb,accuracy/x,0.82,0.1,3\nc,accuracy/x,0,0,3\n";
    std::fs::write(&path, format!("config,metric,mean,sd,n\n{rows}")).unwrap();
    let summary = read_summary(&path, &Wanted::default()).unwrap();
    let mut written = Vec::new();
    Input::of_table(&summary).write(&mut written).unwrap();
    let back: Input<'_> = serde_json::from_slice(&written).unwrap();
    let analysis = back.analyze().unwrap();
    assert_eq!((analysis.deviations.len(), &analysis), (4, &analyze_summary(&summary).unwrap()));
}

#[test]
fn one_narrow_contender_does_not_set_the_digits_of_the_others() {
    let text = rows(3, 6, &["accuracy/test"], |c, r, _| {
        let scale = if c == 2 { 1e-9 } else { 0.5 };
        format!("{:.12}", 80.0 + 0.1 * f64::from(c) + scale * noise(31 * c + r))
    });
    let document = Document::of(&of_file(&text, &Wanted { family: Some(FamilyKind::AllPairs), ..Wanted::default() }));
    let tables = document.tables();
    let best = tables.iter().find(|(_, table)| table.id == "best-s0").unwrap().1;
    for row in &best.rows {
        let decimals = row.cells[2].shown.split('.').nth(1).unwrap().len();
        assert_eq!(row.cells[0].shown == "c2", decimals > 6, "{row:?}");
    }
}

#[test]
fn a_constant_difference_is_told_in_six_digits() {
    let value = |c: u32, r: u32| 80.0 + f64::from(r) + 0.01 * f64::from(c);
    let wanted = Wanted { paired: true, ..Wanted::default() };
    let analysis = of_file(&rows(2, 4, &["accuracy/test"], |c, r, _| value(c, r).to_string()), &wanted);
    let sentence = &analysis.strata[0].families[0].comparisons[0].sentence;
    assert!(!sentence.contains("0.0100000"), "{sentence}");
}
