//! One value of the tree, and the small readers that turn it into a checked one.
//!
//! Every reader gives `None` when the value is wrong, and has then noted why.

use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;

use crate::problem::{Problem, Severity};
use crate::table::{Context, Table, article};
use crate::units;

/// A value and where it stands.
pub(crate) struct Item<'t> {
    pub cx: &'t Context<'t>,
    value: &'t Spanned<DeValue<'t>>,
    pattern: String,
    path: String,
}

impl<'t> Item<'t> {
    pub fn new(cx: &'t Context<'t>, value: &'t Spanned<DeValue<'t>>, pattern: String, path: String) -> Self {
        Self { cx, value, pattern, path }
    }

    pub fn value(&self) -> &'t DeValue<'t> {
        self.value.get_ref()
    }

    pub fn span(&self) -> Range<usize> {
        self.value.span()
    }

    /// The problem that this value is, not yet noted.
    pub fn problem(&self, message: impl Into<String>, help: impl Into<String>) -> Problem {
        self.cx.document.problem(&self.path, &self.span(), message.into(), Some(help.into()))
    }

    /// Notes that this value is wrong.
    pub fn fail<T>(&self, message: impl Into<String>, help: impl Into<String>) -> Option<T> {
        self.cx.push(self.problem(message, help));
        None
    }

    /// Notes that a part of this string is wrong: where it stands in the file as it is read, that part alone is shown.
    pub fn fail_part<T>(&self, part: &str, message: String, help: String) -> Option<T> {
        let span = self.span();
        let raw = self.cx.document.text().get(span.clone()).unwrap_or_default();
        let start = raw.rfind(part).map(|at| span.start + at);
        let span = start.map_or(span, |start| start..start + part.len());
        self.cx.push(self.cx.document.problem(&self.path, &span, message, Some(help)));
        None
    }

    /// A key of this value, which is a table.
    pub fn child(&self, key: &str, value: &'t Spanned<DeValue<'t>>) -> Self {
        let path = format!("{}.{}", self.path, crate::document::quoted_key(key));
        Self::new(self.cx, value, format!("{}.{key}", self.pattern), path)
    }

    /// Notes that this value is allowed but deserves a word.
    pub fn warn(&self, message: impl Into<String>, help: impl Into<String>) {
        self.cx.push(Problem { severity: Severity::Warning, ..self.problem(message, help) });
    }

    fn wrong_type<T>(&self, wanted: &str, example: &str) -> Option<T> {
        self.fail(
            format!("{wanted} is expected here, not {}", article(self.value())),
            format!("write {example}"),
        )
    }

    /// The value in quotes for a message, unless it must not be shown.
    pub fn quoted(&self) -> String {
        match self.value() {
            _ if self.cx.document.is_secret(&self.span()) => "this value".to_owned(),
            DeValue::String(text) => format!("\"{}\"", text.escape_debug()),
            DeValue::Integer(number) => number.to_string(),
            other => article(other).to_owned(),
        }
    }

    /// A string that is not empty.
    pub fn string(&self, example: &str) -> Option<&'t str> {
        match self.value() {
            DeValue::String(text) if text.trim().is_empty() => {
                self.fail("this string is empty", format!("write {example}, or leave the key out"))
            }
            DeValue::String(text) => Some(text),
            _ => self.wrong_type("a string", example),
        }
    }

    /// A string that a pure reader understands; its error is what is wrong with it.
    pub fn parsed<T>(&self, example: &str, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let text = self.string(example)?;
        match read(text) {
            Ok(value) => Some(value),
            Err(what) => self.fail(format!("{} {what}", self.quoted()), format!("write {example}")),
        }
    }

    pub fn boolean(&self) -> Option<bool> {
        self.value().as_bool().or_else(|| self.wrong_type("a boolean", "true or false"))
    }

    /// A whole number within a range; `unit` says of what.
    pub fn integer(&self, range: &RangeInclusive<i64>, unit: &str) -> Option<i64> {
        let wanted = format!("a whole number from {} to {} ({unit})", range.start(), range.end());
        let DeValue::Integer(digits) = self.value() else { return self.wrong_type("an integer", &wanted) };
        match i64::from_str_radix(digits.as_str(), digits.radix()) {
            Ok(number) if range.contains(&number) => Some(number),
            _ => self.fail(format!("{} is out of range", self.quoted()), format!("write {wanted}")),
        }
    }

    /// A count: an integer that is never negative.
    pub fn count<T: TryFrom<i64>>(&self, range: &RangeInclusive<i64>, unit: &str) -> Option<T> {
        self.integer(range, unit).and_then(|number| T::try_from(number).ok())
    }

    /// A duration within a range: `"100ms"`.
    pub fn duration(&self, range: &RangeInclusive<Duration>) -> Option<Duration> {
        self.measure(
            range,
            "a duration with its unit",
            "ms, s, min, h or d",
            units::duration,
            units::show_duration,
        )
    }

    /// A size within a range, in bytes: `"64KiB"`.
    pub fn size(&self, range: &RangeInclusive<u64>) -> Option<u64> {
        self.measure(range, "a size with its unit", "B, kB, KiB, MB or MiB", units::size, units::show_size)
    }

    /// A bit rate within a range, in bits per second: `"2Mbit/s"`.
    pub fn bit_rate(&self, range: &RangeInclusive<u64>) -> Option<u64> {
        self.measure(
            range,
            "a bit rate with its unit",
            "bit/s, kbit/s or Mbit/s",
            units::bit_rate,
            units::show_bit_rate,
        )
    }

    fn measure<T: PartialOrd + Copy>(
        &self,
        range: &RangeInclusive<T>,
        what: &str,
        units: &str,
        read: fn(&str) -> Option<T>,
        show: fn(T) -> String,
    ) -> Option<T> {
        let (least, most) = (show(*range.start()), show(*range.end()));
        let wanted = format!("{what} ({units}), from \"{least}\" to \"{most}\"");
        let DeValue::String(text) = self.value() else { return self.wrong_type("a string", &wanted) };
        match read(text) {
            Some(value) if range.contains(&value) => Some(value),
            Some(_) => self.fail(format!("{} is out of range", self.quoted()), format!("write {wanted}")),
            None => self.fail(format!("{} is not {what}", self.quoted()), format!("write {wanted}")),
        }
    }

    /// One of a few words.
    pub fn one_of<T: Copy>(&self, words: &[(&str, T)]) -> Option<T> {
        let list: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let list = list.join(" or ");
        let text = self.string(&list)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let near = crate::keys::nearest(text, words.iter().map(|(word, _)| *word));
        let near = near.map_or_else(String::new, |word| format!("; did you mean \"{word}\"?"));
        self.fail(
            format!("{} is not one of the values of this key", self.quoted()),
            format!("write {list}{near}"),
        )
    }

    /// The entries of an array.
    pub fn entries(&self, example: &str) -> Option<Vec<Item<'t>>> {
        let Some(array) = self.value().as_array() else { return self.wrong_type("an array", example) };
        let entry = |(index, value)| {
            Item::new(self.cx, value, format!("{}[]", self.pattern), format!("{}[{index}]", self.path))
        };
        Some(array.iter().enumerate().map(entry).collect())
    }

    /// An array whose entries are all read by one reader; all wrong ones are noted.
    pub fn list<T>(&self, example: &str, read: impl FnMut(&Item<'t>) -> Option<T>) -> Option<Vec<T>> {
        let entries = self.entries(example)?;
        let read: Vec<Option<T>> = entries.iter().map(read).collect();
        read.into_iter().collect()
    }

    /// A table.
    pub fn table(&self, example: &str) -> Option<Table<'t>> {
        Table::of(self.cx, self.value, self.pattern.clone(), self.path.clone())
            .or_else(|| self.wrong_type("a table", example))
    }
}
