//! Files and options that nobody should give: each ends in a report that is right, or in a message that says where what is
//! wrong, what was expected and what helps. Never in a panic, never in half a folder.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod harness;

use harness::Bench;
use serde_json::Value;
use std::{fmt::Write as _, fs, path::Path, process::Output};

const HEAD: &str = "config,replicate,metric,epoch,value\n";

/// Names that mean something to LaTeX, HTML, Markdown, spreadsheets, file systems, terminals or to a reader's eye.
const NAMES: [&str; 22] = [
    "plain",
    "\\input{/etc/passwd}$x^2$%_&#{}~^\\",
    "<script>alert(1)</script>\"'&amp;",
    "=HYPERLINK(\"http://example.org\",\"y\")",
    "+1+1",
    "-2",
    "@SUM(A1)",
    "\tTab",
    "a|b*_`[x](y)`",
    "\u{202e}gnp.exe\u{202c}",
    "nul\0here",
    "\u{1b}[31mred",
    "line\nbreak",
    "'apostrophe",
    "##head",
    "---",
    "]]>",
    "%d%s",
    "../../etc/passwd",
    "  spaces  ",
    "\"",
    "ünï✓ 汉字 🎉",
];

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A file of `configs` with `runs` values each, made by `value`.
fn rows(configs: &[&str], runs: usize, value: impl Fn(usize, usize) -> String) -> String {
    let mut text = HEAD.to_owned();
    for (config, name) in configs.iter().enumerate() {
        for run in 0..runs {
            writeln!(text, "{},{run},accuracy/balanced,1,{}", quoted(name), value(config, run)).unwrap();
        }
    }
    text
}

fn plain(config: usize, run: usize) -> String {
    (0.5 + 0.01 * config as f64 + 0.001 * ((run * run + config) % 7) as f64).to_string()
}

fn output(bench: &Bench, args: &[&str]) -> Output {
    bench.sweeper(args).output().unwrap()
}

/// `sweeper report`, its file at `in.csv`, its folder at `out`.
fn report(bench: &Bench, content: &[u8], from: &str, options: &[&str]) -> Output {
    fs::write(bench.path("in.csv"), content).unwrap();
    let _ = fs::remove_dir_all(bench.path("out"));
    let mut args = vec!["report", from, "in.csv", "--out", "out"];
    args.extend(options);
    output(bench, &args)
}

/// An error of the documented form, and nothing written.
fn refused(bench: &Bench, output: &Output, says: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let code = output.status.code();
    assert!(code.is_some_and(|code| code != 0 && code != 101), "{code:?} {text}");
    assert!(text.starts_with("error: ") && text.contains("hint: "), "{text}");
    let missing: Vec<&&str> = says.iter().filter(|part| !text.contains(**part)).collect();
    assert!(missing.is_empty(), "{missing:?} not in: {text}");
    let acts = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}');
    assert!(!text.contains(acts) && text.len() < 3_000, "{text:?}");
    assert!(!bench.path("out").exists(), "half a report");
}

/// A whole report: its analysis, after a look at every file.
fn whole(bench: &Bench, output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let read = |name: &str| fs::read_to_string(bench.path("out").join(name)).unwrap();
    let left: Vec<_> = fs::read_dir(bench.path("out")).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with('.')), "{left:?}");
    let page = read("report.html");
    let script = page.matches("<script").count();
    assert!(page.ends_with("</html>\n") && script == page.matches("</script>").count() && script <= 1);
    assert!(!page.contains("alert(1)</"), "a name has become HTML");
    tex(&read("report.tex"));
    assert!(read("report.md").starts_with("# "));
    for name in ["report.csv", "results.csv", "trials.csv"].iter().filter(|name| bench.path("out").join(name).exists())
    {
        spreadsheet(&read(name));
    }
    serde_json::from_str(&read("report.json")).unwrap()
}

/// Braces and environments are balanced, and nothing in a name has become a command.
fn tex(text: &str) {
    let mut open: Vec<String> = Vec::new();
    let mut depth = 0;
    let mut before = ' ';
    for c in text.chars() {
        depth += match c {
            '{' if before != '\\' => 1,
            '}' if before != '\\' => -1,
            _ => 0,
        };
        assert!(depth >= 0, "a brace closes what was not open");
        before = if before == '\\' && c == '\\' { ' ' } else { c };
    }
    assert_eq!(depth, 0, "a brace is left open");
    for part in text.split('\\').skip(1) {
        let name = |rest: &str| rest.split('}').next().unwrap_or_default().to_owned();
        if let Some(rest) = part.strip_prefix("begin{") {
            open.push(name(rest));
        } else if let Some(rest) = part.strip_prefix("end{") {
            assert_eq!(open.pop(), Some(name(rest)));
        }
    }
    assert_eq!(open, [""; 0]);
    assert!(!text.contains("\\input{"), "a name has become a command");
}

/// No cell that is no number begins like a formula.
fn spreadsheet(text: &str) {
    let mut at_start = true;
    let mut quoted = false;
    let mut cell = String::new();
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' | '\n' if !quoted => {
                let number = cell.parse::<f64>().is_ok()
                    || cell.starts_with(['+', '-', '−']) && cell[1..].starts_with(|c: char| c.is_ascii_digit());
                assert!(number || !cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell:?}");
                cell.clear();
                at_start = true;
                continue;
            }
            _ => cell.push(c),
        }
        at_start = false;
    }
    assert!(at_start && !quoted, "the last row is cut off");
}

fn primary(analysis: &Value) -> &Value {
    let families = analysis["strata"][0]["families"].as_array().unwrap();
    families.iter().find(|f| f["role"] == "primary").unwrap()
}

#[test]
fn files_that_are_no_tables_are_refused() {
    let bench = Bench::new("");
    let row = |rest: &str| format!("{HEAD}{rest}").into_bytes();
    let mut cut = rows(&["ü", "ö"], 2, plain).into_bytes();
    cut.extend([b'a', 0xc3]);
    let cases: [(Vec<u8>, &[&str]); 20] = [
        (Vec::new(), &["in.csv", "empty"]),
        (HEAD.into(), &["in.csv:2", "no row"]),
        (HEAD.trim_end().into(), &["in.csv:2", "no row"]),
        (vec![0; 5_000], &["in.csv", "expected config,replicate"]),
        ((0..=255).cycle().take(9_000).collect(), &["line 2", "UTF-8"]),
        (cut, &["line 6", "UTF-8"]),
        (HEAD.replace(',', ";").into(), &["in.csv:1", "semicolons", "expected commas"]),
        (HEAD.replace(',', "\t").into(), &["in.csv:1", "tabs", "expected commas"]),
        ("config,replicate,metric,epoch\na,0,m,1\n".into(), &["in.csv:1", "no column value", "expected config"]),
        ("config,config,replicate,metric,epoch,value\n".into(), &["in.csv:1", "`config` is there twice"]),
        (row("a,0,m,1,1\na,1,m\n"), &["in.csv:3", "5 cells"]),
        (row("a,0,m,1,1,7\n"), &["in.csv:2", "5 cells"]),
        (row("a,0,m,1,1\nb,0,m,1,1\na,0,m,1,2\n"), &["in.csv:4", "`a`, replicate 0", "two values of epoch 1"]),
        (row("a,0,m,1,fast\n"), &["in.csv:2", "`value` is `fast`", "expected a number"]),
        (row("a,-1,m,1,1\n"), &["in.csv:2", "`replicate` is `-1`", "expected a number from 0"]),
        (row("a,999999,m,1,1\nb,999999,m,1,2\n"), &["number them from 0"]),
        (row(",0,m,1,1\n"), &["in.csv:2", "`config`", "expected a name"]),
        (row("\u{1b}[2J\u{202e},0,m,1,x\n"), &["in.csv:2", "`value` is `x`"]),
        (row("\"a,0,m,1,1\nb,0,m,1,1\n"), &["in.csv:2", "5 cells"]),
        (format!("{}{}", HEAD.replace("value", "value,final"), "a,0,m,1,1,maybe\n").into(), &["in.csv:2", "`final`"]),
    ];
    for (content, says) in cases {
        refused(&bench, &report(&bench, &content, "--from", &[]), says);
    }
    fs::remove_file(bench.path("in.csv")).unwrap();
    refused(&bench, &output(&bench, &["report", "--from", "in.csv", "--out", "out"]), &["in.csv", "No such file"]);
    fs::create_dir(bench.path("in.csv")).unwrap();
    refused(&bench, &output(&bench, &["report", "--from", "in.csv", "--out", "out"]), &["in.csv", "directory"]);
}

#[test]
fn wrong_words_on_the_command_line_are_refused() {
    let bench = Bench::new("");
    let content = rows(&NAMES, 3, plain);
    for (options, says) in [
        (&["--baseline", "nope"], &["no config `nope`", "plain", "more"][..]),
        (&["--metric", "\u{202e}\u{7}"], &["no metric", "accuracy/balanced"]),
    ] {
        refused(&bench, &report(&bench, content.as_bytes(), "--from", options), says);
    }
    for option in [["--delta", "-1"], ["--delta", "nan"], ["--alpha", "0"], ["--alpha", "-0.1"]] {
        let found = report(&bench, content.as_bytes(), "--from", &option);
        let text = String::from_utf8_lossy(&found.stderr).into_owned();
        assert!(found.status.code() == Some(2) && text.contains("expected a number "), "{text}");
    }
    let simulate = ["--effect=nan", "--effect=inf", "--sd=0", "--sd=-1", "--correlation=1", "--correlation=nan"];
    fs::write(bench.path("sweep.toml"), harness::synthetic_sweep(0.0)).unwrap();
    for option in simulate {
        let effect = if option.starts_with("--effect") { "" } else { "--effect=1" };
        let args: Vec<&str> =
            ["simulate", "sweep.toml", effect, option].into_iter().filter(|a| !a.is_empty()).collect();
        refused(&bench, &output(&bench, &args), &[option.split('=').next().unwrap()]);
    }
    for (state, says) in [("in.csv", "no sweeper state"), ("nowhere", "no sweeper state")] {
        refused(&bench, &output(&bench, &["compare", "s1", "s2", "--state", state]), &[says, state]);
    }
}

#[test]
fn tables_of_summaries_that_cannot_be_are_refused() {
    let bench = Bench::new("");
    let cases: [(&str, &[&str]); 7] = [
        ("a,m,NaN,0.1,5", &["in.csv:2", "`mean` is `NaN`", "expected a finite number"]),
        ("a,m,1,-0.1,5", &["in.csv:2", "`sd` is `-0.1`", "expected a number from 0"]),
        ("a,m,1,0.1,1", &["in.csv:2", "`n` is `1`", "expected a number from 2"]),
        ("a,m,1 ± 0.1,,5", &["in.csv:2", "`mean`", "expected a finite number"]),
        ("a,m,1,0.1,5\na,m,1,0.1,5", &["in.csv:3", "is there twice"]),
        ("a,m,1", &["in.csv:2", "5 cells"]),
        ("", &["in.csv:2", "no row"]),
    ];
    for (row, says) in cases {
        let content = format!("config,metric,mean,sd,n\n{row}\n");
        refused(&bench, &report(&bench, content.as_bytes(), "--from-summary", &[]), says);
    }
    let semicolons = b"config;metric;mean;sd;n\na;m;1;2;3\n";
    refused(&bench, &report(&bench, semicolons, "--from-summary", &[]), &["semicolons", "expected commas"]);
    let hostile: String = NAMES.iter().zip(0..).map(|(name, i)| format!("{},m,{i},0.5,5\n", quoted(name))).collect();
    let found = report(&bench, format!("config,metric,mean,sd,n\n{hostile}").as_bytes(), "--from-summary", &[]);
    assert_eq!(primary(&whole(&bench, &found))["comparisons"].as_array().unwrap().len(), NAMES.len() - 1);
}

#[test]
fn names_stay_names_in_every_format() {
    let bench = Bench::new("");
    let long = "x".repeat(10_000);
    let names: Vec<&str> = NAMES.into_iter().chain([long.as_str()]).collect();
    for options in [&[][..], &["--paired", "--delta", "0.01"], &["--family", "all-pairs"]] {
        let analysis = whole(&bench, &report(&bench, rows(&names, 4, plain).as_bytes(), "--from", options));
        let found: Vec<&str> =
            analysis["strata"][0]["configs"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
        // One leading apostrophe is what keeps a spreadsheet from calculating.
        let expected: Vec<&str> = names.iter().map(|name| name.strip_prefix('\'').unwrap_or(name)).collect();
        assert_eq!(found, expected);
        assert!(fs::metadata(bench.path("out/report.html")).unwrap().len() < 2_000_000);
    }
    // What was written is read back as the same report.
    let first = fs::read(bench.path("out/results.csv")).unwrap();
    fs::copy(bench.path("out/results.csv"), bench.path("results.csv")).unwrap();
    whole(&bench, &report(&bench, &fs::read(bench.path("results.csv")).unwrap(), "--from", &[]));
    assert_eq!(fs::read(bench.path("out/results.csv")).unwrap(), first);
}

/// The same in commands that take sweeps, with the names that a sweep file may have.
#[test]
fn names_stay_names_where_sweeps_are_compared_and_simulated() {
    let bench = Bench::new("");
    let allowed = |name: &&&str| !name.chars().any(char::is_control) && name.trim() == **name;
    let names: Vec<&str> = NAMES.iter().filter(allowed).copied().collect();
    assert!(names.len() > 10);
    for (file, base) in [("one", 80.0), ("two", 81.0)] {
        let mut text = format!("name = '{file}'\nreplicates = 4\nseed = 1\n[recipe]\ntrainer = 'synthetic'\n");
        writeln!(text, "[recipe.synthetic]\nbase = {base:?}\nseconds = 0.0").unwrap();
        for (effect, name) in names.iter().enumerate() {
            let name = serde_json::to_string(name).unwrap();
            writeln!(text, "[[config]]\nname = {name}\nset = {{ 'synthetic.effect' = {effect}.5 }}").unwrap();
        }
        text.push_str("[analysis]\nmetric = 'accuracy/balanced'\nbaseline = 'plain'\n");
        fs::write(bench.path(file), text).unwrap();
        let run = output(&bench, &["run", file, "--devices", "cpu:1", "--out", "swept"]);
        assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
    }
    let compared = output(&bench, &["compare", "one", "two", "--state", "swept", "--out", "out"]);
    let analysis = whole(&bench, &compared);
    assert_eq!(primary(&analysis)["comparisons"].as_array().unwrap().len(), names.len());
    let simulated = output(&bench, &["simulate", "one", "--effect", "0.5", "--runs", "200"]);
    assert_eq!(simulated.status.code(), Some(0), "{}", String::from_utf8_lossy(&simulated.stderr));
    for shown in [&compared.stdout, &simulated.stdout] {
        let text = String::from_utf8_lossy(shown);
        let acts = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}');
        assert!(!text.is_empty() && !text.contains(acts), "{text:?}");
    }
}

#[test]
fn every_way_to_end_a_line_reads_the_same() {
    let bench = Bench::new("");
    let text = rows(&["a", "b", "c"], 4, plain).replace('"', "");
    let bytes = |text: &str| {
        let analysis = whole(&bench, &report(&bench, text.as_bytes(), "--from", &[]));
        analysis["strata"].to_string()
    };
    let expected = bytes(&text);
    for other in [
        text.replace('\n', "\r\n"),
        text.replace('\n', "\r"),
        format!("\u{feff}{text}"),
        text.trim_end().to_owned(),
        text.replace('\n', "\n\n"),
        text.replace(",accuracy", ",\"accuracy").replace("balanced", "balanced\""),
    ] {
        assert_eq!(bytes(&other), expected);
    }
    // In any order of rows.
    let mut lines: Vec<&str> = text.lines().skip(1).collect();
    let configs: Vec<String> = (0..3).map(|c| lines[4 * c].to_owned()).collect();
    lines.retain(|line| !configs.iter().any(|first| first == line));
    lines.reverse();
    assert_eq!(bytes(&format!("{HEAD}{}\n{}\n", configs.join("\n"), lines.join("\n"))), expected);
}

#[test]
fn values_at_the_edge_have_the_right_difference_or_a_reason() {
    let bench = Bench::new("");
    let three = ["a", "b", "c"];
    let result = |value: &dyn Fn(usize, usize) -> String, runs| {
        let analysis = whole(&bench, &report(&bench, rows(&three, runs, value).as_bytes(), "--from", &[]));
        let comparisons = primary(&analysis)["comparisons"].as_array().unwrap().clone();
        assert_eq!(comparisons.len(), 2);
        (comparisons[0].clone(), analysis)
    };
    let difference = |comparison: &Value| comparison.pointer("/result/primary/difference").and_then(Value::as_f64);
    // Hand-computed: a quarter between the means, on an offset of a thousand million.
    let (offset, _) = result(&|c, r| format!("{}", 1e9 + 0.125 * r as f64 + 0.25 * c as f64), 6);
    assert_eq!(difference(&offset), Some(0.25), "{offset}");
    let (huge, _) = result(&|c, r| format!("{}", (1.0 + 0.1 * r as f64 + c as f64) * 1e307), 6);
    assert!((difference(&huge).unwrap() / 1e307 - 1.0).abs() < 1e-12, "{huge}");
    // Beyond what a double holds there is a reason, and no number.
    let (beyond, _) = result(&|_, r| if r % 2 == 0 { "1.7e308".to_owned() } else { "-1.7e308".to_owned() }, 6);
    assert!(difference(&beyond).is_none_or(|d| d == 0.0), "{beyond}");
    for (value, runs) in [
        (&(|_: usize, _: usize| "0.5".to_owned()) as &dyn Fn(usize, usize) -> String, 4),
        (&|_, _| "NaN".to_owned(), 4),
        (&|_, _| "inf".to_owned(), 4),
        (&|c, _| c.to_string(), 4),
        (&plain, 1),
    ] {
        let (untested, _) = result(value, runs);
        assert!(difference(&untested).is_none() && !untested["sentence"].as_str().unwrap().is_empty(), "{untested}");
    }
    let (_, analysis) = result(&|c, r| if c == 1 && r == 1 { "NaN".to_owned() } else { plain(c, r) }, 5);
    assert!(analysis["exceptions"].to_string().contains("NaN"));
    let (tiny, _) = result(&|c, r| format!("{:e}", 5e-324 * (c + r) as f64), 6);
    assert!(tiny["result"].is_object());
}

#[test]
fn one_config_and_very_many() {
    let bench = Bench::new("");
    let one = whole(&bench, &report(&bench, rows(&["only"], 4, plain).as_bytes(), "--from", &[]));
    assert_eq!(primary(&one)["comparisons"].as_array().unwrap().len(), 0);
    let names: Vec<String> = (0..300).map(|i| format!("c{i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let many = rows(&names, 1, plain);
    let analysis = whole(&bench, &report(&bench, many.as_bytes(), "--from", &[]));
    let comparisons = primary(&analysis)["comparisons"].as_array().unwrap();
    assert!(comparisons.len() == 299 && comparisons.iter().all(|c| c["result"]["primary"].is_null()));
    let all_pairs = report(&bench, many.as_bytes(), "--from", &["--family", "all-pairs"]);
    refused(&bench, &all_pairs, &["300 configs", "pairs"]);
    // All pairs of 60 configs are in the files and not on the page.
    whole(&bench, &report(&bench, rows(&names[..60], 3, plain).as_bytes(), "--from", &["--family", "all-pairs"]));
    let read = |name: &str| fs::read_to_string(bench.path("out").join(name)).unwrap();
    assert!(read("report.csv").matches("\nprimary,comparisons-m0-s0,").count() > 1_770);
    assert!(
        !read("report.html").contains("id=\"table-comparisons-m0-s0\"") && read("report.html").contains("1770 rows")
    );
    assert!(read("report.html").len() < 5_000_000);
    let too_many: String = (0..10_001).map(|i| format!("c{i},0,m,1,1\n")).collect();
    refused(
        &bench,
        &report(&bench, format!("{HEAD}{too_many}").as_bytes(), "--from", &[]),
        &["in.csv:10002", "10000 configs"],
    );
}

/// A thousand configs with `runs` of `metrics` each; answers with the size of the page in bytes.
fn thousand(bench: &Bench, runs: usize, metrics: usize) -> u64 {
    let mut text = HEAD.to_owned();
    for (config, run, metric) in
        (0..1000).flat_map(|c| (0..runs).flat_map(move |r| (0..metrics).map(move |m| (c, r, m))))
    {
        let value =
            0.7 + 0.001 * f64::from(config % 7) + 0.0001 * ((run * 7919 + config as usize * 31 + metric) % 101) as f64;
        writeln!(text, "c{config:03},{run},accuracy/{metric},5,{value:.6}").unwrap();
    }
    let found = report(bench, text.as_bytes(), "--from", &[]);
    let analysis = whole(bench, &found);
    assert_eq!(primary(&analysis)["comparisons"].as_array().unwrap().len(), 999);
    fs::metadata(Path::new(&bench.path("out/report.html"))).unwrap().len()
}

#[test]
fn a_thousand_configs_make_a_page_that_opens() {
    let page = thousand(&Bench::new(""), 20, 1);
    assert!(page < 5_000_000, "{page} bytes");
}

#[test]
#[ignore = "a million rows take seconds, and in a build without optimisation minutes"]
fn a_million_rows_make_a_page_that_opens() {
    let page = thousand(&Bench::new(""), 250, 4);
    assert!(page < 5_000_000, "{page} bytes");
}
