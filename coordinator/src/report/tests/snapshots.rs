//! What a user reads, to the letter. Review a change with `cargo insta review`, or with INSTA_UPDATE=always and the diff.

use super::{analysis_of, example};
use crate::report::render;
use serde_json::Value;

#[test]
fn small_sweep() {
    let results = example::small();
    let analysis = analysis_of(&results);
    insta::assert_snapshot!("small_html", readable(&super::html(&analysis)));
    insta::assert_snapshot!("small_md", super::markdown(&analysis));
    insta::assert_snapshot!("small_json", rounded(&render::json(&analysis).unwrap()));
    insta::assert_snapshot!("small_results_csv", render::results_csv(&results).unwrap());
    insta::assert_snapshot!("small_trials_csv", render::trials_csv(&results).unwrap());
    insta::assert_snapshot!("small_terminal", render::terminal(&analysis, false));
}

#[test]
fn sweep_with_strata() {
    let results = example::strata();
    let analysis = analysis_of(&results);
    insta::assert_snapshot!("strata_html", readable(&super::html(&analysis)));
    insta::assert_snapshot!("strata_md", super::markdown(&analysis));
    insta::assert_snapshot!("strata_terminal", render::terminal(&analysis, false));
}

/// A line per element, so that a change shows where it is; the style sheet has a file of its own.
fn readable(html: &str) -> String {
    let (head, rest) = html.split_once("<style>").unwrap();
    let (_, rest) = rest.split_once("</style>").unwrap();
    format!("{head}<style>…</style>{rest}").replace("><", ">\n<")
}

/// Nine significant digits: libraries of other machines may differ in the last ones.
fn rounded(json: &str) -> String {
    fn round(value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(round),
            Value::Object(fields) => fields.values_mut().for_each(round),
            Value::Number(number) if number.is_f64() => {
                let nine: f64 = format!("{:.8e}", number.as_f64().unwrap()).parse().unwrap();
                *value = Value::from(nine);
            }
            _ => {}
        }
    }
    let mut value: Value = serde_json::from_str(json).unwrap();
    round(&mut value);
    serde_json::to_string_pretty(&value).unwrap()
}
