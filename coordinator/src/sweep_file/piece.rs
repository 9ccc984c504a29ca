//! Parts of a recipe: `[recipe]`, a `set`, one level of the grid. Each is checked alone, where its text stands;
//! only combinations are left for the whole.

use super::{
    error::{MistakeKind, list},
    fields::{TOP, wrong_type},
    tree::{Data, Draft, Mistakes, Node, Origin, Table},
};
use std::collections::BTreeMap;
use sweeper_recipe::{Recipe, RecipeError, Value};

/// Settings by path below `recipe`, and where each was given.
#[derive(Debug, Clone, Default)]
pub(super) struct Piece {
    pub(super) value: Value,
    /// Key path of the piece in the file, `config[1].set`.
    pub(super) label: String,
    /// Path of a setting: origin of key and value.
    origins: BTreeMap<String, (Origin, Origin)>,
}

impl Piece {
    /// An empty piece.
    pub(super) fn new(label: impl Into<String>) -> Self {
        Self { label: label.into(), ..Self::default() }
    }

    /// The piece that a table gives, checked.
    pub(super) fn read(node: &Node, label: impl Into<String>, schema: &Schema, mistakes: &mut Mistakes<'_>) -> Self {
        let mut piece = Self::gather("", node, label, schema, mistakes);
        piece.check(mistakes);
        piece
    }

    /// The piece that a table gives, or, with a path, the piece of that one setting. Names are checked, types and
    /// ranges are not: see [`Piece::check`].
    pub(super) fn gather(
        path: &str,
        node: &Node,
        label: impl Into<String>,
        schema: &Schema,
        mistakes: &mut Mistakes<'_>,
    ) -> Self {
        let mut piece = Self::new(label);
        match &node.data {
            _ if !path.is_empty() => piece.take("", path, node, schema, mistakes),
            Data::Table(table) => piece.take_table(table, "", schema, mistakes),
            _ => mistakes.add(wrong_type(node, &piece.label, "a table of settings")),
        }
        piece
    }

    /// Lays another piece on top.
    pub(super) fn merge(&mut self, over: Self) {
        self.value.merge(over.value);
        self.origins.extend(over.origins);
    }

    /// Where a setting was given in this piece.
    pub(super) fn origin(&self, path: &str) -> Option<Origin> {
        self.origins.get(path).map(|(_, at)| *at)
    }

    /// The settings given.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.origins.keys().map(String::as_str)
    }

    fn take_table(&mut self, table: &Table, prefix: &str, schema: &Schema, mistakes: &mut Mistakes<'_>) {
        for (key, node) in table {
            if mistakes.is_full() {
                return;
            }
            self.take(prefix, key, node, schema, mistakes);
        }
    }

    /// Takes the setting `key`, dotted or not, below `prefix`.
    fn take(&mut self, prefix: &str, key: &str, node: &Node, schema: &Schema, mistakes: &mut Mistakes<'_>) {
        let path = match schema.resolve(prefix, key) {
            Ok(path) => path,
            Err(error) => return mistakes.add(draft(&error, &self.label, node.key, node.at)),
        };
        if let (Data::Table(inner), true) = (&node.data, schema.is_table(&path)) {
            return self.take_table(inner, &path, schema, mistakes);
        }
        let inside = |a: &str, b: &str| a.strip_prefix(b).is_some_and(|rest| rest.starts_with('.'));
        if self.origins.keys().any(|old| *old == path || inside(old, &path) || inside(&path, old)) {
            let full = full(&self.label, &path);
            let message = format!("`{full}` is given twice");
            mistakes.add(Draft::new(node.key, full, MistakeKind::Conflict, message));
            return;
        }
        if matches!(node.data, Data::Date) {
            return mistakes.add(wrong_type(node, &full(&self.label, &path), "text, a number or a boolean"));
        }
        self.value.set(&path, node.data.to_value());
        self.origins.insert(path, (node.key, node.at));
    }

    /// Reports every setting of a wrong type, name or range, and takes it out.
    pub(super) fn check(&mut self, mistakes: &mut Mistakes<'_>) {
        while let Err(error) = Recipe::from_part(&self.value) {
            let path = error.path();
            let (key, at) = self.places(&path);
            mistakes.add(draft(&error, &self.label, key, at));
            if mistakes.is_full() || !self.value.remove(&path) {
                break;
            }
        }
    }

    /// Origins of a path, or of the nearest setting around it.
    fn places(&self, path: &str) -> (Origin, Origin) {
        let mut at = path;
        loop {
            if let Some(places) = self.origins.get(at) {
                return *places;
            }
            match at.rsplit_once('.') {
                Some((outer, _)) => at = outer,
                None => return (Origin::File, Origin::File),
            }
        }
    }
}

/// Which settings exist, as a tree.
pub(super) struct Schema(Value);

impl Schema {
    pub(super) fn new() -> Self {
        Self(Recipe::settings())
    }

    /// Whether a path leads to a table of settings.
    pub(super) fn is_table(&self, path: &str) -> bool {
        matches!(self.0.get(path), Some(Value::Table(_)))
    }

    /// The path of `key`, dotted or not, below `prefix`.
    ///
    /// # Errors
    /// As the recipe itself would answer, at the first part that does not exist; the rest is not looked at, however
    /// long it is.
    pub(super) fn resolve(&self, prefix: &str, key: &str) -> Result<String, RecipeError> {
        let mut path = prefix.to_string();
        for part in key.split('.') {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(part);
            // An empty first part would read as the root.
            if path.is_empty() || self.0.get(&path).is_none() {
                let mut probe = Value::default();
                probe.set(&path, Value::Bool(true));
                return Recipe::from_part(&probe).map(|_| path);
            }
        }
        Ok(path)
    }
}

fn full(label: &str, path: &str) -> String {
    if path.is_empty() { label.to_string() } else { format!("{label}.{path}") }
}

/// A recipe's own mistake as one of the sweep file.
pub(super) fn draft(error: &RecipeError, label: &str, key: Origin, at: Origin) -> Draft {
    let full = full(label, &error.path());
    match error {
        RecipeError::UnknownKey { path, key: name, expected, nearest } => {
            let table = if path.is_empty() { "`recipe`".to_string() } else { format!("`recipe.{path}`") };
            let draft = Draft::new(key, full, MistakeKind::UnknownKey, format!("unknown key `{name}` in {table}"));
            let draft = draft.expected(format!("one of {}", list(expected.iter().copied())));
            if path.is_empty() && nearest.is_none() && TOP.contains(&name.as_str()) {
                return draft.hint(format!(
                    "`{name}` belongs to the file itself: move it to the top, above the first `[table]`"
                ));
            }
            draft.nearest(nearest.as_deref())
        }
        RecipeError::UnknownName { value, expected, nearest, .. } => {
            let message = format!("`{full}` has no choice `{value}`");
            let draft = Draft::new(at, full, MistakeKind::UnknownName, message);
            draft.expected(format!("one of {}", list(expected.iter().copied()))).nearest(nearest.as_deref())
        }
        RecipeError::WrongType { found, expected, .. } => {
            let message = format!("`{full}` cannot be {found}");
            let draft = Draft::new(at, full, MistakeKind::WrongType, message).expected(expected);
            match (found.as_str(), expected.as_str()) {
                ("an array", _) => draft.hint("several levels to compare belong in `[grid]`"),
                (_, "an array") if label == "grid" => {
                    draft.hint("each level of this setting is a list of its own: [[3, 7], [1, 2]]")
                }
                _ => draft,
            }
        }
        RecipeError::OutOfRange { value, range, .. } => {
            let message = format!("`{full}` = {value} is out of range");
            Draft::new(at, full, MistakeKind::OutOfRange, message).expected(range)
        }
        RecipeError::Missing { .. } => Draft::new(at, &full, MistakeKind::Missing, format!("`{full}` is missing")),
        RecipeError::Conflict { why, paths } => {
            let paths: Vec<String> = paths.iter().map(|p| format!("`{p}`")).collect();
            let message = format!("{} do not go together", paths.join(" and "));
            Draft::new(at, full, MistakeKind::Conflict, message).hint(why)
        }
        RecipeError::NotJson { why } => Draft::new(at, full, MistakeKind::WrongType, why),
    }
}
