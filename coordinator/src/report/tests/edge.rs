//! Odd sweeps and hostile names.

use super::{
    analysis_of,
    example::{self, Builder},
};
use crate::{report::render, results::SweepResults};

/// Every text format of a sweep.
fn texts(results: &SweepResults) -> Vec<String> {
    let analysis = analysis_of(results);
    vec![
        super::html(&analysis),
        super::markdown(&analysis),
        render::terminal(&analysis, false),
        render::json(&analysis).unwrap(),
        render::results_csv(results).unwrap(),
        render::trials_csv(results).unwrap(),
    ]
}

const HOSTILE: [&str; 9] = [
    "<script>alert(1)</script>",
    "=cmd()",
    "a | b",
    "line\nbreak",
    "</style><img src=x onerror=alert(1)>",
    "\"quoted\" 'and' `code`, [link](javascript:x)",
    "\u{1b}[31mred\u{1b}[0m \u{202e}drawkcab",
    "@sum",
    "**bold** _and_ ~struck~ &amp;",
];

fn hostile() -> SweepResults {
    let mut b = Builder::new("hostile", "accuracy/<b>", HOSTILE[0]);
    let long = "x<".repeat(5 * 1024);
    b.results.spec.toml = "</pre><script>x</script>\n````\n# not a heading".to_owned();
    for name in HOSTILE.into_iter().chain([long.as_str()]) {
        let config = b.config("<i>|stratum", name, 3, "{\"<script>\":1}");
        b.completed(config, 0, &[("accuracy/<b>", f64::from(config)), ("=metric|x", 1.0)]);
        b.completed(config, 1, &[("accuracy/<b>", f64::from(config * config)), ("=metric|x", 2.5)]);
        b.abandoned(config, 2, "<script>error</script> | \u{1b}[0m");
    }
    b.build()
}

/// Names of all tags in a page.
fn tags(html: &str) -> std::collections::BTreeSet<String> {
    let after = html.split('<').skip(1).map(|rest| rest.trim_start_matches('/'));
    after.map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '!').collect()).collect()
}

#[test]
fn hostile_names_stay_text_in_html() {
    let harmless = tags(&super::html(&analysis_of(&example::small())));
    let mut allowed = harmless;
    allowed.extend(["ul", "li", "table", "h3"].map(str::to_owned));
    let html = &texts(&hostile())[0];
    let found = tags(html);
    let strange: Vec<&String> = found.iter().filter(|t| !allowed.contains(*t)).collect();
    assert!(strange.is_empty(), "{strange:?}");
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(!html.contains('\u{1b}') && !html.contains('\u{202e}'));
}

#[test]
fn a_page_needs_nothing_from_elsewhere() {
    let html = &texts(&example::ten_configs())[0];
    // One script of its own, which the policy knows by its hash, and links inside the page.
    assert_eq!(html.matches("<script").count(), 1);
    let html = html.replace("href=\"#", "");
    for outside in ["<script ", "src=", "href=", "@import", "url(", "http://", "https://"] {
        assert!(!html.contains(outside), "{outside}");
    }
}

#[test]
fn hostile_names_stay_text_in_markdown() {
    let markdown = &texts(&hostile())[1];
    let body = markdown.split("<summary>Sweep file").next().unwrap();
    // Folds are the only elements.
    let folds = ["<details>", "<details open>", "</details>", "<summary>", "</summary>"];
    let text = folds.iter().fold(body.to_owned(), |text, fold| text.replace(fold, ""));
    assert!(!text.contains('<') && !text.contains('\u{1b}'));
    // Every row of a table has as many cells as its head: no name opens a cell or a line.
    let cells = |line: &str| line.replace("\\|", "").matches('|').count();
    let mut head = None;
    for line in body.lines() {
        if !line.starts_with('|') {
            head = None;
            continue;
        }
        assert_eq!(*head.get_or_insert_with(|| cells(line)), cells(line), "{line}");
    }
    assert!(markdown.contains("`````toml\n"), "the fence is longer than any in the file");
}

#[test]
fn hostile_names_stay_text_in_a_terminal() {
    let terminal = &texts(&hostile())[2];
    assert!(!terminal.chars().any(|c| c.is_control() && c != '\n'));
    assert!(terminal.lines().all(|l| l.chars().count() < 400), "long names are shortened");
}

#[test]
fn no_spreadsheet_takes_a_name_for_a_formula() {
    for text in &texts(&hostile())[4..] {
        let mut reader = ::csv::ReaderBuilder::new().from_reader(text.as_bytes());
        for record in reader.records() {
            for cell in record.unwrap().iter() {
                let number = cell.parse::<f64>().is_ok();
                assert!(number || !cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "{cell}");
            }
        }
        assert!(text.contains("/=cmd()") || text.contains("'=metric"));
    }
}

#[test]
fn a_name_without_a_stratum_is_guarded_too() {
    let mut b = Builder::new("x", "accuracy/balanced", "=1+1");
    let config = b.config("", "=1+1", 1, "{}");
    b.completed(config, 0, &[("accuracy/balanced", -1.5)]);
    let csv = render::results_csv(&b.build()).unwrap();
    assert_eq!(csv, "sweep,config,replicate,metric,epoch,value,final\nx,'=1+1,0,accuracy/balanced,1,-1.5,true\n");
}

fn odd() -> Vec<(&'static str, SweepResults)> {
    let mut diverged = Builder::new("diverged", "accuracy/balanced", "a");
    let mut waiting = Builder::new("waiting", "accuracy/balanced", "a");
    for name in ["a", "b"] {
        let (d, w) = (diverged.config("", name, 3, "{}"), waiting.config("", name, 3, "{}"));
        for r in 0..3 {
            diverged.diverged(d, r, "loss at epoch 0, step 1");
            waiting.pending(w, r);
        }
    }
    let mut alone = Builder::new("alone", "accuracy/balanced", "a");
    let config = alone.config("", "a", 4, "{}");
    (0..4).for_each(|r| alone.completed(config, r, &[("accuracy/balanced", 80.0 + f64::from(r))]));
    let mut once = Builder::new("once", "accuracy/balanced", "a");
    for name in ["a", "b"] {
        let config = once.config("", name, 1, "{}");
        once.completed(config, 0, &[("accuracy/balanced", 80.0 + f64::from(config))]);
    }
    let mut same = Builder::new("same", "accuracy/balanced", "a");
    for name in ["a", "b"] {
        let config = same.config("", name, 4, "{}");
        (0..4).for_each(|r| same.completed(config, r, &[("accuracy/balanced", 80.0)]));
    }
    let [diverged, waiting, alone, once, same] = [diverged, waiting, alone, once, same].map(Builder::build);
    vec![("diverged", diverged), ("waiting", waiting), ("alone", alone), ("once", once), ("same", same)]
}

#[test]
fn odd_sweeps_have_a_report() {
    let expected = [
        ("diverged", "1 not tested", "0 usable replicates"),
        ("waiting", "1 not tested", "PARTIAL"),
        ("alone", "nothing to compare", "81.50"),
        ("once", "1 not tested", "1 usable replicate,"),
        ("same", "1 equal", "equal in all 4 replicates"),
    ];
    for ((name, results), (also, tally, phrase)) in odd().into_iter().zip(expected) {
        assert_eq!(name, also);
        for text in &texts(&results)[..3] {
            assert!(text.contains(tally), "{name}: {tally}\n{text}");
            assert!(text.contains(phrase), "{name}: {phrase}\n{text}");
        }
    }
}

#[test]
fn no_report_claims_what_it_must_not() {
    let mut all: Vec<SweepResults> = odd().into_iter().map(|(_, results)| results).collect();
    all.extend([example::small(), example::strata(), example::ten_configs()]);
    for text in all.iter().flat_map(|results| texts(results).into_iter().take(4)) {
        // Style sheets name every look there is, and the script knows what is no number.
        let without = |text: String, of: &str| -> String {
            let (begin, end) = (format!("<{of}>"), format!("</{of}>"));
            text.split(&begin).map(|part| part.split_once(&end).map_or(part, |(_, rest)| rest)).collect()
        };
        let text = without(without(text, "style"), "script");
        for word in ["quivalent", "±", "+/-", "NaN", "p = 0 ", "p = 0,", "p = 0.0,", "inf,"] {
            assert!(!text.contains(word), "{word}: {}", text.split(word).next().unwrap_or_default().len());
        }
    }
}

#[test]
fn two_hundred_configs_stay_readable() {
    let results = example::many(200);
    let analysis = analysis_of(&results);
    let html = super::html(&analysis);
    assert!(html.len() < 2_000_000, "{} bytes", html.len());
    assert!(html.contains("<details open"), "verdicts are folded");
    assert!(html.contains("report.json holds all"));
}
