//! TOML as a tree that knows where everything stands, overrides laid on top, and the collection of mistakes.

use super::error::{MOST_MISTAKES, Mistake, MistakeKind, Place, SweepFileError};
use std::{collections::BTreeMap, ops::Range};
use sweeper_recipe::Value;
use toml_edit::{Item, Key, TableLike};

/// Where something was given. Sorts in reading order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// Nowhere in particular.
    File,
    /// Bytes of the text.
    Text(usize, usize),
    /// The override of this index.
    Override(usize),
}

impl Origin {
    fn of(span: Option<Range<usize>>, otherwise: Self) -> Self {
        span.map_or(otherwise, |s| Self::Text(s.start, s.end))
    }
}

/// A value and its places.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Of its key; of itself for an element of a list.
    pub(super) key: Origin,
    /// Of the value.
    pub(super) at: Origin,
    pub(super) data: Data,
}

/// What a node holds.
#[derive(Debug, Clone)]
pub(super) enum Data {
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(String),
    Date,
    Array(Vec<Node>),
    Table(Table),
}

/// Keys and values.
pub(super) type Table = BTreeMap<String, Node>;

impl Data {
    /// With its article, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Str(_) => "a string",
            Self::Date => "a date",
            Self::Array(_) => "an array",
            Self::Table(_) => "a table",
        }
    }

    /// Without places. A date, which no setting takes, becomes text.
    pub(super) fn to_value(&self) -> Value {
        match self {
            Self::Bool(b) => Value::Bool(*b),
            Self::Int(i) => Value::Int(*i),
            Self::Float(x) => Value::Float(*x),
            Self::Str(s) => Value::Str(s.clone()),
            Self::Date => Value::Str("a date".to_string()),
            Self::Array(items) => Value::Array(items.iter().map(|n| n.data.to_value()).collect()),
            Self::Table(table) => Value::Table(table.iter().map(|(k, n)| (k.clone(), n.data.to_value())).collect()),
        }
    }
}

/// How places of a piece of TOML are found: by its spans, or all in one override.
#[derive(Clone, Copy)]
enum Source {
    Text,
    Override(usize),
}

impl Source {
    fn origin(self, span: Option<Range<usize>>, otherwise: Origin) -> Origin {
        match self {
            Self::Text => Origin::of(span, otherwise),
            Self::Override(i) => Origin::Override(i),
        }
    }

    fn table(self, table: &dyn TableLike, otherwise: Origin) -> Table {
        let mut out = Table::new();
        for (name, _) in table.iter() {
            let Some((key, item)) = table.get_key_value(name) else { continue };
            let key = self.origin(key.span(), otherwise);
            let node = match item {
                Item::None => continue,
                Item::Value(value) => self.value(value, key),
                Item::Table(inner) => self.node(key, inner.span(), |s, at| Data::Table(s.table(inner, at))),
                Item::ArrayOfTables(list) => self.node(key, list.span(), |s, at| {
                    let element = |t: &toml_edit::Table| s.node(at, t.span(), |s, at| Data::Table(s.table(t, at)));
                    Data::Array(list.iter().map(element).collect())
                }),
            };
            out.insert(name.to_string(), node);
        }
        out
    }

    fn value(self, value: &toml_edit::Value, key: Origin) -> Node {
        use toml_edit::Value as Toml;
        self.node(key, value.span(), |s, at| match value {
            Toml::Boolean(b) => Data::Bool(*b.value()),
            Toml::Integer(i) => Data::Int(*i.value()),
            Toml::Float(x) => Data::Float(*x.value()),
            Toml::String(text) => Data::Str(text.value().clone()),
            Toml::Datetime(_) => Data::Date,
            Toml::Array(list) => {
                let element = |v: &toml_edit::Value| s.value(v, s.origin(v.span(), at));
                Data::Array(list.iter().map(element).collect())
            }
            Toml::InlineTable(table) => Data::Table(s.table(table, at)),
        })
    }

    fn node(self, key: Origin, span: Option<Range<usize>>, data: impl FnOnce(Self, Origin) -> Data) -> Node {
        let at = self.origin(span, key);
        Node { key, at, data: data(self, at) }
    }
}

/// The tree of a TOML text, or why it is none.
pub(super) fn read(text: &str, mistakes: &mut Mistakes<'_>) -> Option<Table> {
    match toml_edit::Document::parse(text) {
        Ok(document) => Some(Source::Text.table(document.as_table(), Origin::File)),
        Err(error) => {
            let origin = Origin::of(error.span(), Origin::File);
            let message = format!("not TOML: {}", error.message().trim().replace('\n', ", "));
            mistakes.add(Draft::new(origin, "", MistakeKind::NotToml, message));
            None
        }
    }
}

/// One `KEY=VALUE`, read.
pub(super) struct Override {
    /// The key's parts, at least one.
    pub(super) path: Vec<String>,
    pub(super) node: Node,
}

/// Reads the override of index `i`. A value that is not TOML is a bare word: text.
pub(super) fn read_override(i: usize, text: &str, mistakes: &mut Mistakes<'_>) -> Option<Override> {
    let origin = Origin::Override(i);
    let mut bad = |message: String, hint: &str| {
        mistakes.add(Draft::new(origin, "", MistakeKind::Override, message).hint(hint));
        None
    };
    let Some((key, value)) = text.split_once('=') else {
        return bad(format!("`{text}` is not of the form KEY=VALUE"), "for example --set recipe.epochs=5");
    };
    let Ok(path) = Key::parse(key.trim()) else {
        return bad(format!("`{}` is not a key", key.trim()), "for example --set recipe.epochs=5");
    };
    let path: Vec<String> = path.iter().map(|k| k.get().to_string()).collect();
    let value = value.trim();
    let node = match value.parse::<toml_edit::Value>() {
        Ok(value) => Source::Override(i).value(&value, origin),
        Err(_) if value.is_empty() => return bad(format!("`{}` has no value", key.trim()), "an empty text is \"\""),
        Err(error) if value.starts_with(['"', '\'', '[', '{']) => {
            let why = error.message().trim().replace('\n', ", ");
            return bad(format!("the value of `{}` is not TOML: {why}", key.trim()), "quote it for your shell");
        }
        Err(_) => Node { key: origin, at: origin, data: Data::Str(value.to_string()) },
    };
    if path.is_empty() {
        return bad(format!("`{text}` has no key"), "for example --set recipe.epochs=5");
    }
    Some(Override { path, node })
}

/// Puts an override into the tree: what was there is replaced.
pub(super) fn apply(root: &mut Table, given: Override, mistakes: &mut Mistakes<'_>) {
    let Override { path, node } = given;
    let whole = path.join(".");
    let mut parts = path.into_iter().peekable();
    let mut table = root;
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            table.insert(part, node);
            return;
        }
        let new = || Node { key: node.key, at: node.at, data: Data::Table(Table::new()) };
        match &mut table.entry(part.clone()).or_insert_with(new).data {
            Data::Table(inner) => table = inner,
            other => {
                let message = format!("`{part}` is {} and has no keys to set one by one", other.kind());
                let hint = "overrides reach top-level keys, `recipe.…`, `grid.…` and `analysis.…`";
                mistakes.add(Draft::new(node.key, whole, MistakeKind::UnknownKey, message).hint(hint));
                return;
            }
        }
    }
}

/// A mistake before its place is worked out.
pub(super) struct Draft {
    origin: Origin,
    key: String,
    kind: MistakeKind,
    message: String,
    expected: Option<String>,
    nearest: Option<String>,
    hint: Option<String>,
}

impl Draft {
    pub(super) fn new(origin: Origin, key: impl Into<String>, kind: MistakeKind, message: impl Into<String>) -> Self {
        let (key, message) = (key.into(), message.into());
        Self { origin, key, kind, message, expected: None, nearest: None, hint: None }
    }

    pub(super) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    pub(super) fn nearest(mut self, nearest: Option<&str>) -> Self {
        self.nearest = nearest.map(str::to_string);
        self
    }

    /// Says more in the message.
    pub(super) fn context(mut self, more: &str) -> Self {
        self.message.push_str(more);
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The mistakes found so far, and what is needed to place them.
pub(super) struct Mistakes<'a> {
    file: &'a str,
    text: &'a str,
    overrides: &'a [String],
    found: Vec<(Origin, Mistake)>,
    cut: bool,
}

impl<'a> Mistakes<'a> {
    pub(super) fn new(file: &'a str, text: &'a str, overrides: &'a [String]) -> Self {
        Self { file, text, overrides, found: Vec::new(), cut: false }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// No more will be taken: time to stop looking.
    pub(super) fn is_full(&self) -> bool {
        self.cut
    }

    /// Adds one, unless the same was said of the same place already.
    pub(super) fn add(&mut self, draft: Draft) {
        let known = |(origin, m): &(Origin, Mistake)| *origin == draft.origin && m.message == draft.message;
        if self.found.iter().any(known) {
            return;
        }
        if self.found.len() == MOST_MISTAKES {
            self.cut = true;
            return;
        }
        let Draft { origin, key, kind, message, expected, nearest, hint } = draft;
        let place = self.place(origin);
        let file = self.file.to_string();
        self.found.push((origin, Mistake { file, place, key, kind, message, expected, nearest, hint }));
    }

    /// All of them in reading order; none if there are none.
    pub(super) fn into_error(mut self) -> Option<SweepFileError> {
        self.found.sort_by_key(|(origin, _)| *origin);
        SweepFileError::new(self.found.into_iter().map(|(_, mistake)| mistake).collect(), self.cut)
    }

    fn place(&self, origin: Origin) -> Place {
        match origin {
            Origin::File => Place::File,
            Origin::Override(i) => Place::Override(self.overrides.get(i).cloned().unwrap_or_default()),
            Origin::Text(start, end) => {
                let before = self.text.get(..start).unwrap_or(self.text);
                let from = before.rfind('\n').map_or(0, |i| i + 1);
                let rest = &self.text[from..];
                let source = rest.split('\n').next().unwrap_or_default().trim_end_matches('\r');
                let marked = self.text.get(start..end).unwrap_or_default();
                Place::Text {
                    line: before.matches('\n').count() + 1,
                    column: before[from..].chars().count() + 1,
                    width: marked.lines().next().unwrap_or_default().chars().count().max(1),
                    source: source.to_string(),
                }
            }
        }
    }
}
