//! A sweep file with fewer configs, made from the text and the overrides of another: its recipe, strata, plan and comments stay.
//!
//! What is made is text and not yet checked: whoever uses it reads it back with [`super::parse`].

use super::{
    error::SweepFileError,
    expand::config_name,
    piece::{Piece, Schema},
    read::{self, Entry, SweepFile},
    tree::{self, Mistakes},
};
use std::collections::BTreeSet;
use sweeper_recipe::Value;
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value as Toml};

/// What the new file says otherwise than the old one.
#[derive(Debug, Clone)]
pub struct Narrowed<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its seed, 2^63 − 1 at most.
    pub seed: u64,
    /// Replicates of every config in every stratum; none leaves them as they are.
    pub replicates: Option<u32>,
    /// Names of the configs that stay.
    pub configs: &'a BTreeSet<String>,
    /// Secondary metrics that stay.
    pub secondary: &'a [String],
    /// `analysis.family`; none leaves it as it is.
    pub family: Option<&'a str>,
}

/// The new file. Overrides are worked into it; a grid becomes a list of the configs that stay, each with the name that it
/// had and a `set` of its own.
///
/// # Errors
/// The old file has mistakes.
pub fn narrow(
    text: &str,
    file_name: &str,
    overrides: &[String],
    wanted: &Narrowed<'_>,
) -> Result<String, SweepFileError> {
    let text = text.trim_start_matches('\u{feff}');
    let mut mistakes = Mistakes::new(file_name, text, overrides);
    let file = read::read(text, overrides, &mut mistakes);
    let (Some(file), Ok(mut document)) = (file, text.parse::<DocumentMut>()) else {
        // A text that is no TOML has a mistake already.
        let unreadable = || SweepFileError::unreadable(file_name, "cannot be read".to_string(), None);
        return Err(mistakes.into_error().unwrap_or_else(unreadable));
    };
    let root = document.as_table_mut();
    work_in(root, &file, overrides, &mut mistakes);
    if file.grid.is_empty() {
        keep_listed(root, wanted.configs);
    } else {
        list_combinations(root, &file, wanted.configs);
    }
    place(root, &["name"], wanted.name.into());
    place(root, &["seed"], i64::try_from(wanted.seed).unwrap_or(i64::MAX).into());
    if let Some(replicates) = wanted.replicates {
        place(root, &["replicates"], i64::from(replicates).into());
        for key in ["config", "stratum"] {
            each(root, key, |entry| drop(entry.remove("replicates")));
        }
    }
    if let Some(family) = wanted.family {
        place(root, &["analysis", "family"], family.into());
    }
    let secondary = root.get_mut("analysis").and_then(|a| a.as_table_like_mut()?.get_mut("secondary")?.as_array_mut());
    if let Some(metrics) = secondary {
        metrics.retain(|metric| metric.as_str().is_some_and(|name| wanted.secondary.iter().any(|kept| kept == name)));
    }
    if let Some(tuning) =
        root.get_mut("analysis").and_then(|a| a.as_table_like_mut()?.get_mut("tuning")?.as_table_like_mut())
    {
        let gone: Vec<String> = tuning.iter().map(|(name, _)| name.to_string()).collect();
        for name in gone.iter().filter(|name| !wanted.configs.contains(*name)) {
            tuning.remove(name);
        }
    }
    Ok(document.to_string())
}

/// Works the overrides into the tables, as far as they are not about the grid.
fn work_in(root: &mut Table, file: &SweepFile, overrides: &[String], mistakes: &mut Mistakes<'_>) {
    let schema = Schema::new();
    for (i, text) in overrides.iter().enumerate() {
        let Some(given) = tree::read_override(i, text, mistakes) else { continue };
        let path: Vec<&str> = given.path.iter().map(String::as_str).collect();
        match path.as_slice() {
            ["recipe", rest @ ..] => {
                let piece = Piece::gather(&rest.join("."), &given.node, "recipe", &schema, mistakes);
                // A later override may have changed it again: what counts is the end of it.
                let settings = piece.paths().filter_map(|path| Some((path, file.base.value.get(path)?)));
                settings.for_each(|(path, value)| place_setting(root, path, toml(value)));
            }
            ["grid", factor, ..] if *factor != "exclude" => {}
            path => place(root, path, toml(&given.node.data.to_value())),
        }
    }
}

/// Puts a value at a path and makes the tables on the way. Comments beside a value that was there stay.
fn place(table: &mut dyn TableLike, path: &[&str], value: Toml) {
    match path {
        [] => {}
        [key] => match table.get_mut(key) {
            Some(item) => replace(item, value),
            None => drop(table.insert(key, Item::Value(value))),
        },
        [key, rest @ ..] => {
            if !table.contains_key(key) {
                table.insert(key, Item::Table(Table::new()));
            }
            if let Some(inner) = table.get_mut(key).and_then(Item::as_table_like_mut) {
                place(inner, rest, value);
            }
        }
    }
}

fn replace(item: &mut Item, mut value: Toml) {
    if let Some(old) = item.as_value() {
        *value.decor_mut() = old.decor().clone();
    }
    *item = Item::Value(value);
}

/// Puts a setting into `[recipe]`: where the file gives it, else as a dotted key of the table itself.
fn place_setting(root: &mut Table, path: &str, value: Toml) {
    let recipe = root.entry("recipe").or_insert_with(|| Item::Table(Table::new()));
    if let Some(table) = recipe.as_table_like_mut() {
        if let Some(item) = setting(table, path) {
            replace(item, value);
            return;
        }
        table.insert(path, Item::Value(value));
    }
    // A table that only had others inside has a heading from now on.
    if let Some(table) = recipe.as_table_mut().filter(|table| !table.is_dotted()) {
        table.set_implicit(false);
    }
}

/// Where a table gives the setting at a path. A key may be one part of it or several, joined by points.
fn setting<'t>(table: &'t mut dyn TableLike, path: &str) -> Option<&'t mut Item> {
    let below = |key: &str| path.strip_prefix(key)?.strip_prefix('.').map(str::to_string);
    let keys: Vec<String> = table.iter().map(|(key, _)| key.to_string()).collect();
    if keys.iter().any(|key| key == path) {
        return table.get_mut(path);
    }
    // Several keys may begin the path; at most one leads to its end.
    let leads = |table: &mut dyn TableLike, key: &str, rest: &str| {
        table.get_mut(key).and_then(Item::as_table_like_mut).is_some_and(|inner| setting(inner, rest).is_some())
    };
    let (key, rest) = keys.iter().filter_map(|key| Some((key, below(key)?))).find(|(k, rest)| leads(table, k, rest))?;
    setting(table.get_mut(key)?.as_table_like_mut()?, &rest)
}

/// Leaves in the list what stays.
fn keep_listed(root: &mut Table, configs: &BTreeSet<String>) {
    let stays = |entry: &dyn TableLike| entry.get("name").and_then(Item::as_str).is_some_and(|n| configs.contains(n));
    match root.get_mut("config") {
        Some(Item::ArrayOfTables(list)) => list.retain(|table| stays(table)),
        Some(Item::Value(Toml::Array(list))) => list.retain(|v| v.as_inline_table().is_some_and(|t| stays(t))),
        _ => {}
    }
}

/// Writes a list in place of the grid: every combination that stays, with its name and all that its list entry and its
/// levels set.
fn list_combinations(root: &mut Table, file: &SweepFile, configs: &BTreeSet<String>) {
    let position = ["config", "grid"].into_iter().filter_map(|key| first_position(root.get(key)?)).min();
    root.remove("grid");
    root.remove("config");
    let one = [Entry::unnamed()];
    let listed: &[Entry] = if file.configs.is_empty() { &one } else { &file.configs };
    let combinations = file.grid.combinations();
    let mut list = ArrayOfTables::new();
    for entry in listed {
        for combination in &combinations {
            let name = config_name(&entry.name, &combination.name);
            if !configs.contains(&name) {
                continue;
            }
            let mut value = entry.set.value.clone();
            combination.pieces.iter().for_each(|piece| value.merge(piece.value.clone()));
            let pieces = std::iter::once(&entry.set).chain(combination.pieces.iter().copied());
            let paths: BTreeSet<&str> = pieces.flat_map(Piece::paths).collect();
            let settings = paths.into_iter().filter_map(|path| Some((path, toml(value.get(path)?))));
            let mut table = Table::new();
            table.set_position(position);
            table.insert("name", Item::Value(name.into()));
            table.insert("set", Item::Value(Toml::InlineTable(settings.collect())));
            if let Some(replicates) = entry.replicates {
                table.insert("replicates", Item::Value(i64::from(replicates).into()));
            }
            list.push(table);
        }
    }
    root.insert("config", Item::ArrayOfTables(list));
}

/// Where the first table of an item stands among the tables of the file.
fn first_position(item: &Item) -> Option<isize> {
    let of_table = |table: &Table| {
        let inner = table.iter().filter_map(|(_, item)| first_position(item));
        table.position().into_iter().chain(inner).min()
    };
    match item {
        Item::Table(table) => of_table(table),
        Item::ArrayOfTables(list) => list.iter().filter_map(of_table).min(),
        Item::None | Item::Value(_) => None,
    }
}

/// Changes every `[[config]]` or `[[stratum]]`.
fn each(root: &mut Table, key: &str, change: impl Fn(&mut dyn TableLike)) {
    match root.get_mut(key) {
        Some(Item::ArrayOfTables(list)) => list.iter_mut().for_each(|table| change(table)),
        Some(Item::Value(Toml::Array(list))) => {
            list.iter_mut().filter_map(Toml::as_inline_table_mut).for_each(|table| change(table));
        }
        _ => {}
    }
}

fn toml(value: &Value) -> Toml {
    match value {
        Value::Bool(b) => (*b).into(),
        Value::Int(i) => (*i).into(),
        Value::Float(x) => (*x).into(),
        Value::Str(text) => text.as_str().into(),
        Value::Array(items) => Toml::Array(items.iter().map(toml).collect::<Array>()),
        Value::Table(table) => {
            Toml::InlineTable(table.iter().map(|(key, value)| (key.as_str(), toml(value))).collect::<InlineTable>())
        }
    }
}
