//! Tables of the parsed tree, and the place where problems gather.

use std::cell::RefCell;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue, Error};

use crate::document::{Document, quoted_key};
use crate::keys;
use crate::problem::{Problem, Severity};
use crate::reader::Item;
use crate::secret::Environment;

/// What one reading of a file shares: its text, its surroundings, and the problems so far.
pub(crate) struct Context<'t> {
    pub document: &'t Document,
    pub environment: &'t Environment,
    problems: RefCell<Vec<Problem>>,
}

impl<'t> Context<'t> {
    pub fn new(document: &'t Document, environment: &'t Environment) -> Self {
        Self { document, environment, problems: RefCell::default() }
    }

    pub fn push(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    /// A fault of the TOML itself.
    pub fn syntax(&self, fault: &Error) {
        let span = fault.span().unwrap_or(0..0);
        let problem = match fault.message() {
            "duplicate key" => self.document.problem(
                "",
                &span,
                "this key or table stands in the file a second time".to_owned(),
                Some("keep one of the two".to_owned()),
            ),
            words => {
                let words = words.trim_end_matches(", expected nothing");
                let bare =
                    ["invalid float", "invalid integer", "invalid date", "string values must be quoted"];
                let help = if bare.iter().any(|start| words.starts_with(start)) {
                    "a text stands in quotes: key = \"text\"; all keys are checked once the syntax is right"
                } else {
                    "see https://toml.io for the syntax; all keys are checked once it is right"
                };
                self.document.problem("", &span, format!("this is not TOML: {words}"), Some(help.to_owned()))
            }
        };
        // A fault often drags others of the same line behind it.
        let line = |problem: &Problem| problem.place.as_ref().map(|place| place.line);
        let known = self.problems.borrow().iter().any(|other| line(other) == line(&problem));
        if !known {
            self.push(problem);
        }
    }

    /// Errors and warnings, in the order of lines.
    pub fn finish(self) -> (Vec<Problem>, Vec<Problem>) {
        let mut all = self.problems.into_inner();
        all.sort_by_key(|problem| problem.place.as_ref().map(|place| (place.line, place.column)));
        all.into_iter().partition(|problem| problem.severity == Severity::Error)
    }
}

/// One table, or the absence of one, which reads like an empty one.
pub(crate) struct Table<'t> {
    cx: &'t Context<'t>,
    entries: Option<&'t DeTable<'t>>,
    span: Range<usize>,
    /// As in [`keys::KEYS`]: `ice.servers[]`.
    pattern: String,
    /// As people read it: `ice.servers[1]`.
    path: String,
}

impl<'t> Table<'t> {
    pub fn root(cx: &'t Context<'t>, table: &'t DeTable<'t>) -> Self {
        Self { cx, entries: Some(table), span: 0..0, pattern: String::new(), path: String::new() }
    }

    /// A table that is the value of a key or an entry of a list.
    pub fn of(
        cx: &'t Context<'t>,
        value: &'t Spanned<DeValue<'t>>,
        pattern: String,
        path: String,
    ) -> Option<Self> {
        let table = value.get_ref().as_table()?;
        Some(Self { cx, entries: Some(table), span: value.span(), pattern, path })
    }

    /// The value of a key, if it is there.
    pub fn get(&self, key: &str) -> Option<Item<'t>> {
        let join = |to: &str| if to.is_empty() { key.to_owned() } else { format!("{to}.{key}") };
        let value = self.entries?.get(key)?;
        Some(Item::new(self.cx, value, join(&self.pattern), join(&self.path)))
    }

    /// The table under a key; an empty one if it is absent or (which is noted by [`finish`](Self::finish)) no table.
    pub fn table(&self, key: &str) -> Self {
        let join = |to: &str| if to.is_empty() { key.to_owned() } else { format!("{to}.{key}") };
        let (pattern, path) = (join(&self.pattern), join(&self.path));
        self.entries
            .and_then(|table| table.get(key))
            .and_then(|value| Self::of(self.cx, value, pattern.clone(), path.clone()))
            .unwrap_or(Self { cx: self.cx, entries: None, span: self.span.clone(), pattern, path })
    }

    /// Whether the file has it at all.
    pub fn is_there(&self) -> bool {
        self.entries.is_some()
    }

    /// The value of a key, read; `None` if it is absent or wrong.
    pub fn optional<T>(&self, key: &str, read: impl FnOnce(&Item<'t>) -> Option<T>) -> Option<T> {
        self.get(key).and_then(|item| read(&item))
    }

    /// The value of a key, read; the default if it is absent or wrong.
    pub fn or<T>(&self, key: &str, default: T, read: impl FnOnce(&Item<'t>) -> Option<T>) -> T {
        self.optional(key, read).unwrap_or(default)
    }

    /// The value of a key that must be there.
    pub fn required<T>(&self, key: &str, help: &str, read: impl FnOnce(&Item<'t>) -> Option<T>) -> Option<T> {
        if let Some(item) = self.get(key) {
            return read(&item);
        }
        self.fail(format!("the key «{key}» is missing"), help)
    }

    /// A problem of the table as a whole.
    pub fn fail<T>(&self, message: impl Into<String>, help: impl Into<String>) -> Option<T> {
        let problem = self.cx.document.problem(&self.path, &self.span, message.into(), Some(help.into()));
        self.cx.push(problem);
        None
    }

    /// Notes `enabled = true` of what this version does not have.
    pub fn refuse_enabled(&self, what: &str) {
        let Some(item) = self.get("enabled") else { return };
        if item.boolean() == Some(true) {
            item.fail::<()>(
                format!("this version does not have {what}"),
                "write false, or leave the key out",
            );
        }
    }

    /// Notes every key that does not exist. To be called once for every table.
    pub fn finish(&self) {
        let known = keys::children(&self.pattern);
        for (key, value) in self.entries.into_iter().flatten() {
            let name = key.get_ref().as_ref();
            let path = match self.path.as_str() {
                "" => quoted_key(name),
                path => format!("{path}.{}", quoted_key(name)),
            };
            let problem = if let Some(known) = known.iter().find(|known| known.name == name) {
                match known.kind_of_value(value.get_ref(), &path) {
                    Ok(()) => continue,
                    Err(wanted) => {
                        let message = format!("a table is expected here, not {}", article(value.get_ref()));
                        self.cx.document.problem(&path, &value.span(), message, Some(wanted))
                    }
                }
            } else {
                let (message, help) = keys::unknown(&self.pattern, name, &known);
                self.cx.document.problem(&path, &key.span(), message, Some(help))
            };
            self.cx.push(problem);
        }
    }
}

/// «an integer», for messages.
pub(crate) fn article(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
