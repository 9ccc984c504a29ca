//! Untyped trees, whatever text they came from: what `de` reads and `canonical` writes.

use std::collections::BTreeMap;
use std::fmt;

/// A value of a recipe before it is checked, or of a checked recipe as data.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a point or exponent.
    Float(f64),
    /// Text.
    Str(String),
    /// A list.
    Array(Vec<Value>),
    /// Keys and values.
    Table(BTreeMap<String, Value>),
}

impl Default for Value {
    /// An empty table: the recipe of defaults.
    fn default() -> Self {
        Self::Table(BTreeMap::new())
    }
}

impl Value {
    /// What kind of value this is, with its article: `a string`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Str(_) => "a string",
            Self::Array(_) => "an array",
            Self::Table(_) => "a table",
        }
    }

    /// The value at a dotted path; the tree itself for the empty path.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Self> {
        if path.is_empty() {
            return Some(self);
        }
        path.split('.').try_fold(self, |at, key| match at {
            Self::Table(table) => table.get(key),
            _ => None,
        })
    }

    /// Puts `value` at a dotted path and makes the tables on the way. A table put on a table is merged with it,
    /// anything else is replaced.
    pub fn set(&mut self, path: &str, value: Self) {
        let nested = path.rsplit('.').fold(value, |inner, key| Self::Table(BTreeMap::from([(key.to_string(), inner)])));
        self.merge(nested);
    }

    /// Lays `over` on top of this tree: tables merge, key by key; everything else is replaced.
    pub fn merge(&mut self, over: Self) {
        match (self, over) {
            (Self::Table(table), Self::Table(over)) => {
                for (key, value) in over {
                    match table.get_mut(&key) {
                        Some(old) => old.merge(value),
                        None => {
                            table.insert(key, value);
                        }
                    }
                }
            }
            (place, over) => *place = over,
        }
    }

    /// Takes out the value at a dotted path. False if there is none.
    pub fn remove(&mut self, path: &str) -> bool {
        let (parents, key) = path.rsplit_once('.').unwrap_or(("", path));
        let mut at = self;
        for parent in parents.split('.').filter(|p| !p.is_empty()) {
            let Self::Table(table) = at else { return false };
            let Some(next) = table.get_mut(parent) else { return false };
            at = next;
        }
        match at {
            Self::Table(table) => table.remove(key).is_some(),
            _ => false,
        }
    }

    /// Every dotted path that leads to something other than a table, in order.
    #[must_use]
    pub fn leaves(&self) -> Vec<(String, &Self)> {
        let mut out = Vec::new();
        self.collect_leaves(String::new(), &mut out);
        out
    }

    fn collect_leaves<'a>(&'a self, path: String, out: &mut Vec<(String, &'a Self)>) {
        let Self::Table(table) = self else { return out.push((path, self)) };
        for (key, value) in table {
            value.collect_leaves(join(&path, key), out);
        }
    }

    /// From JSON. `null` and whole numbers beyond 64 bits have no place in a recipe and come out as text, which no
    /// setting accepts.
    #[must_use]
    pub fn from_json(json: serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match json {
            Json::Null => Self::Str("null".to_string()),
            Json::Bool(b) => Self::Bool(b),
            Json::Number(n) => match (n.as_i64(), n.is_f64(), n.as_f64()) {
                (Some(i), _, _) => Self::Int(i),
                (None, true, Some(f)) => Self::Float(f),
                _ => Self::Str(n.to_string()),
            },
            Json::String(s) => Self::Str(s),
            Json::Array(items) => Self::Array(items.into_iter().map(Self::from_json).collect()),
            Json::Object(map) => Self::Table(map.into_iter().map(|(k, v)| (k, Self::from_json(v))).collect()),
        }
    }
}

/// `path.key`, or `key` alone at the root.
pub(crate) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_string() } else { format!("{path}.{key}") }
}

/// The one spelling of a number: the shortest digits that read back as the same number, never an exponent.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(b) => write!(f, "{b}"),
            Self::Int(i) => write!(f, "{i}"),
            Self::Float(x) => write!(f, "{x}"),
            Self::Str(s) => f.write_str(s),
            Self::Array(items) => {
                f.write_str("[")?;
                for (i, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if i == 0 { "" } else { "," })?;
                }
                f.write_str("]")
            }
            Self::Table(table) => {
                f.write_str("{")?;
                for (i, (key, value)) in table.iter().enumerate() {
                    write!(f, "{}{key}={value}", if i == 0 { "" } else { "," })?;
                }
                f.write_str("}")
            }
        }
    }
}
