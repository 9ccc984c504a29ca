//! Reading one table of the sweep file field by field, with every mistake placed.

use super::{
    error::{MistakeKind, list},
    tree::{Data, Draft, Mistakes, Node, Origin, Table},
};
use std::ops::RangeInclusive;
use sweeper_core::ids::SweepId;
use sweeper_recipe::{Recipe, nearest};

/// Keys of the file itself.
pub(super) const TOP: [&str; 12] = [
    "name",
    "replicates",
    "seed",
    "pairing",
    "priority",
    "max_failures",
    "recipe",
    "config",
    "grid",
    "stratum",
    "analysis",
    "stopping",
];
/// Keys of `[analysis]`.
pub(super) const ANALYSIS: [&str; 12] = [
    "metric",
    "direction",
    "baseline",
    "alpha",
    "correction",
    "confidence",
    "family",
    "delta",
    "secondary",
    "missing",
    "tasks",
    "tuning",
];
/// Keys of `[stopping]`.
pub(super) const STOPPING: [&str; 4] = ["rule", "looks", "spending", "futility"];
/// Keys of a `[[config]]` and a `[[stratum]]`.
pub(super) const ENTRY: [&str; 3] = ["name", "set", "replicates"];

/// A table being read.
pub(super) struct Fields<'t> {
    table: &'t Table,
    path: String,
    at: Origin,
    /// Keys that unknown ones were probably meant to be: they are not missing as well.
    meant: Vec<String>,
}

impl<'t> Fields<'t> {
    /// Begins to read a table at `path` and reports every key that is not `known`.
    pub(super) fn new(
        table: &'t Table,
        path: impl Into<String>,
        at: Origin,
        known: &[&str],
        mistakes: &mut Mistakes<'_>,
    ) -> Self {
        let mut fields = Self { table, path: path.into(), at, meant: Vec::new() };
        for (key, node) in table.iter().filter(|(key, _)| !known.contains(&key.as_str())) {
            if mistakes.is_full() {
                break;
            }
            let place = if fields.path.is_empty() { "a sweep file".into() } else { format!("`{}`", fields.path) };
            let meant = nearest(key, known.iter().copied()).map(str::to_string).or_else(|| elsewhere(key));
            let draft = Draft::new(
                node.key,
                fields.full(key),
                MistakeKind::UnknownKey,
                format!("unknown key `{key}` in {place}"),
            );
            mistakes.add(draft.expected(format!("one of {}", list(known.iter().copied()))).nearest(meant.as_deref()));
            fields.meant.extend(meant);
        }
        fields
    }

    /// The key path of a field.
    pub(super) fn full(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_string() } else { format!("{}.{key}", self.path) }
    }

    /// A field as it stands.
    pub(super) fn get(&self, key: &str) -> Option<&'t Node> {
        self.table.get(key)
    }

    /// Where a field's value stands, or the table if it is not there.
    pub(super) fn origin(&self, key: &str) -> Origin {
        self.table.get(key).map_or(self.at, |node| node.at)
    }

    /// Reports that a field is not there, unless it is there and misspelt.
    pub(super) fn missing(&self, key: &str, expected: &str, kind: MistakeKind, mistakes: &mut Mistakes<'_>) {
        if self.meant.iter().any(|meant| meant == key) {
            return;
        }
        let full = self.full(key);
        mistakes.add(Draft::new(self.at, &full, kind, format!("`{full}` is missing")).expected(expected));
    }

    fn wrong(&self, key: &str, node: &Node, expected: &str, mistakes: &mut Mistakes<'_>) {
        let full = self.full(key);
        mistakes.add(wrong_type(node, &full, expected));
    }

    /// Text.
    pub(super) fn text(&self, key: &str, expected: &str, mistakes: &mut Mistakes<'_>) -> Option<&'t str> {
        let node = self.get(key)?;
        if let Data::Str(text) = &node.data {
            return Some(text);
        }
        self.wrong(key, node, expected, mistakes);
        None
    }

    /// A whole number in a range.
    pub(super) fn integer(
        &self,
        key: &str,
        range: RangeInclusive<i64>,
        words: &str,
        mistakes: &mut Mistakes<'_>,
    ) -> Option<i64> {
        let node = self.get(key)?;
        match node.data {
            Data::Int(i) if range.contains(&i) => return Some(i),
            Data::Int(i) => mistakes.add(self.out_of_range(key, node.at, &i.to_string(), words)),
            _ => self.wrong(key, node, &format!("an integer, {words}"), mistakes),
        }
        None
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self, key: &str, mistakes: &mut Mistakes<'_>) -> Option<bool> {
        let node = self.get(key)?;
        match node.data {
            Data::Bool(given) => return Some(given),
            _ => self.wrong(key, node, "true or false", mistakes),
        }
        None
    }

    /// A number for which `holds` is true.
    pub(super) fn number(
        &self,
        key: &str,
        holds: fn(f64) -> bool,
        words: &str,
        mistakes: &mut Mistakes<'_>,
    ) -> Option<f64> {
        let node = self.get(key)?;
        let x = match node.data {
            #[allow(clippy::cast_precision_loss)]
            Data::Int(i) => i as f64,
            Data::Float(x) => x,
            _ => {
                self.wrong(key, node, &format!("a number, {words}"), mistakes);
                return None;
            }
        };
        if !holds(x) {
            mistakes.add(self.out_of_range(key, node.at, &x.to_string(), words));
            return None;
        }
        Some(x)
    }

    /// One of a few names.
    pub(super) fn choice<T: Copy>(&self, key: &str, choices: &[(&str, T)], mistakes: &mut Mistakes<'_>) -> Option<T> {
        let names = || choices.iter().map(|(name, _)| *name);
        let expected = format!("one of {}", list(names()));
        let given = self.text(key, &format!("a string, {expected}"), mistakes)?;
        let found = choices.iter().find(|(name, _)| *name == given);
        if found.is_none() {
            let message = format!("`{}` has no choice `{given}`", self.full(key));
            let draft = Draft::new(self.origin(key), self.full(key), MistakeKind::UnknownName, message);
            mistakes.add(draft.expected(expected).nearest(nearest(given, names())));
        }
        found.map(|(_, value)| *value)
    }

    /// A list of texts, each with its place.
    pub(super) fn texts(&self, key: &str, expected: &str, mistakes: &mut Mistakes<'_>) -> Vec<(&'t str, Origin)> {
        let Some(node) = self.get(key) else { return Vec::new() };
        let Data::Array(items) = &node.data else {
            self.wrong(key, node, expected, mistakes);
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in items {
            match &item.data {
                Data::Str(text) => texts.push((text.as_str(), item.at)),
                _ => self.wrong(key, item, expected, mistakes),
            }
        }
        texts
    }

    /// A list of tables.
    pub(super) fn tables(&self, key: &str, mistakes: &mut Mistakes<'_>) -> Vec<(&'t Node, &'t Table)> {
        let Some(node) = self.get(key) else { return Vec::new() };
        let expected = format!("a list of tables, each headed `[[{}]]`", self.full(key));
        let Data::Array(items) = &node.data else {
            self.wrong(key, node, &expected, mistakes);
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in items {
            match &item.data {
                Data::Table(table) => tables.push((item, table)),
                _ => self.wrong(key, item, &expected, mistakes),
            }
        }
        tables
    }

    fn out_of_range(&self, key: &str, origin: Origin, value: &str, words: &str) -> Draft {
        let full = self.full(key);
        let message = format!("`{full}` = {value} is out of range");
        Draft::new(origin, full, MistakeKind::OutOfRange, message).expected(words)
    }

    /// A name of `most` characters at most, by the rules of `sweep` names or of names that are only shown.
    pub(super) fn name(&self, sweep: bool, mistakes: &mut Mistakes<'_>) -> Option<&'t str> {
        let expected = if sweep {
            "1 to 64 letters, digits, `.`, `_` and `-`, not beginning with `.` or `-`, neither `latest` nor like `s7`: it \
             becomes part of file names and stands for the sweep in commands"
        } else {
            "1 to 200 characters, no line breaks or other control characters, no blank at either end"
        };
        if self.get("name").is_none() {
            self.missing("name", expected, MistakeKind::Missing, mistakes);
            return None;
        }
        let name = self.text("name", &format!("a string, {expected}"), mistakes)?;
        let fine = if sweep { is_sweep_name(name) } else { is_name(name) };
        if !fine {
            let message = format!("`{}` cannot be `{name}`", self.full("name"));
            let draft = Draft::new(self.origin("name"), self.full("name"), MistakeKind::OutOfRange, message);
            mistakes.add(draft.expected(expected));
            return None;
        }
        Some(name)
    }
}

fn is_sweep_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        && !name.starts_with(['.', '-'])
        // These already mean something where a command wants a sweep.
        && name != "latest"
        && name.parse::<SweepId>().is_err()
}

/// Whether a config or stratum may have this name.
pub(super) fn is_name(name: &str) -> bool {
    (1..=200).contains(&name.chars().count()) && !name.chars().any(char::is_control) && name.trim() == name
}

/// A value of a type that nobody wants.
pub(super) fn wrong_type(node: &Node, key: &str, expected: &str) -> Draft {
    let message = format!("`{key}` cannot be {}", node.data.kind());
    Draft::new(node.at, key, MistakeKind::WrongType, message).expected(expected)
}

/// The path of a field that has this very name in another table.
pub(super) fn elsewhere(key: &str) -> Option<String> {
    if TOP.contains(&key) {
        return Some(key.to_string());
    }
    if ANALYSIS.contains(&key) {
        return Some(format!("analysis.{key}"));
    }
    if STOPPING.contains(&key) {
        return Some(format!("stopping.{key}"));
    }
    let recipe = Recipe::settings();
    let leaf = recipe.leaves().into_iter().map(|(leaf, _)| leaf).find(|leaf| leaf.rsplit('.').next() == Some(key));
    leaf.or_else(|| recipe.get(key).map(|_| key.to_string())).map(|leaf| format!("recipe.{leaf}"))
}
