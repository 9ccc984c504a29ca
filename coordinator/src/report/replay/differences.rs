//! Two JSON values, place by place, and two texts, line by line.

use serde::Serialize;
use serde_json::{Map, Value};

/// Longest text of a place that is shown, in characters.
const LONGEST: usize = 120;
/// What a newer program may write differently without a number being another.
const NOT_COMPARED: &str = "$.provenance.report_version";

/// A place where the file says something else than its data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Where: a JSON path such as `$.strata[0].families[1].size`, or a file and its line.
    pub place: String,
    /// What the file says.
    pub file: String,
    /// What its data give.
    pub recomputed: String,
}

/// Differences found so far.
#[derive(Debug, Default)]
pub(super) struct Found {
    all: Vec<Difference>,
    /// Numbers compared.
    pub(super) numbers: usize,
}

impl Found {
    /// Compares the whole of two values.
    pub(super) fn values(&mut self, file: &Value, recomputed: &Value) {
        self.value("$", Some(file), Some(recomputed));
    }

    /// Compares two texts; of those that differ the first line is told.
    pub(super) fn text(&mut self, name: &str, file: &str, recomputed: &str) {
        if file == recomputed {
            return;
        }
        let (mut old, mut new) = (file.lines(), recomputed.lines());
        for line in 1.. {
            let (a, b) = (old.next(), new.next());
            if a != b || a.is_none() {
                let shown = |line: Option<&str>| line.map_or_else(|| "the end".to_owned(), cut);
                let place = format!("{name}, line {line}");
                self.all.push(Difference { place, file: shown(a), recomputed: shown(b) });
                return;
            }
        }
    }

    /// The first of them, and how many there are.
    pub(super) fn first(mut self, most: usize) -> (Vec<Difference>, usize) {
        let count = self.all.len();
        self.all.truncate(most);
        (self.all, count)
    }

    fn value(&mut self, place: &str, file: Option<&Value>, recomputed: Option<&Value>) {
        match (file, recomputed) {
            (Some(Value::Object(a)), Some(Value::Object(b))) => self.fields(place, a, b),
            (Some(Value::Array(a)), Some(Value::Array(b))) => {
                for index in 0..a.len().max(b.len()) {
                    self.value(&format!("{place}[{index}]"), a.get(index), b.get(index));
                }
            }
            (a, b) => {
                self.numbers += usize::from(b.is_some_and(Value::is_number));
                if !same(a, b) && place != NOT_COMPARED {
                    let shown =
                        |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), |v| cut(&v.to_string()));
                    self.all.push(Difference { place: place.to_owned(), file: shown(a), recomputed: shown(b) });
                }
            }
        }
    }

    fn fields(&mut self, place: &str, file: &Map<String, Value>, recomputed: &Map<String, Value>) {
        let plain = |key: &str| !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let keys = file.keys().chain(recomputed.keys().filter(|key| !file.contains_key(*key)));
        for key in keys {
            let inside =
                if plain(key) { format!("{place}.{key}") } else { format!("{place}[{}]", Value::from(key.as_str())) };
            self.value(&inside, file.get(key), recomputed.get(key));
        }
    }
}

/// Numbers to the bit, however they are written; everything else as it is.
fn same(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a, b) {
        (Some(Value::Number(a)), Some(Value::Number(b))) if a.is_f64() || b.is_f64() => {
            a.as_f64().map(f64::to_bits) == b.as_f64().map(f64::to_bits)
        }
        (a, b) => a == b,
    }
}

fn cut(text: &str) -> String {
    crate::report::wording::shorten(text, LONGEST)
}
