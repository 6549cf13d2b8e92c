//! The text of a configuration, and where things stand in it.

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::mask::{self, Secrets};
use crate::problem::{Place, Problem, Severity};

/// Longest line that is shown whole, in characters; of a longer one the part around the culprit.
const SHOWN: usize = 110;

/// A range of bytes in the file.
pub type Span = Range<usize>;

/// A configuration's text.
#[derive(Clone, Default)]
pub(crate) struct Document {
    path: PathBuf,
    text: String,
    secrets: Secrets,
}

/// The text may hold what somebody took for a good place for a secret.
impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Document")
            .field("path", &self.path)
            .field("bytes", &self.text.len())
            .finish_non_exhaustive()
    }
}

/// A place in a plugin's table.
pub(crate) struct Found {
    pub span: Span,
    pub key: String,
}

impl Document {
    pub fn new(path: &Path, text: String) -> Self {
        let secrets = mask::secrets(&text);
        Self { path: path.to_owned(), text, secrets }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether any of this span must not be shown.
    pub fn is_secret(&self, span: &Span) -> bool {
        self.secrets.spans.iter().any(|secret| secret.start < span.end && span.start < secret.end)
    }

    /// A problem at a span. What is secret in the file is taken out of its words, too.
    pub fn problem(&self, key: &str, span: &Span, message: String, help: Option<String>) -> Problem {
        Problem {
            severity: Severity::Error,
            key: key.to_owned(),
            message: self.secrets.clean(message),
            help: help.map(|help| self.secrets.clean(help)),
            place: Some(self.place(span)),
            permission: false,
        }
    }

    /// Line, column and what to show of them.
    fn place(&self, span: &Span) -> Place {
        let start = floor(&self.text, span.start);
        let line_start = self.text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = self.text[start..].find('\n').map_or(self.text.len(), |newline| start + newline);
        let end = floor(&self.text, span.end).clamp(start, line_end);
        let (text, caret) = self.show(line_start..line_end, start..end);
        Place {
            file: self.path.clone(),
            line: self.text[..start].matches('\n').count() + 1,
            column: self.text[line_start..start].chars().count() + 1,
            text,
            caret,
        }
    }

    /// The line as it may be shown, and the culprit's characters in it.
    fn show(&self, line: Span, culprit: Span) -> (String, Range<usize>) {
        let mut shown = String::new();
        let mut width = 0;
        let mut caret = None;
        let mut caret_end = 0;
        let mut hidden_until = 0;
        for (offset, character) in self.text[line.clone()].char_indices() {
            let at = line.start + offset;
            if at == culprit.start {
                caret = Some(width);
            }
            let secret = self.secrets.spans.iter().find(|secret| secret.contains(&at));
            let piece = match secret {
                Some(_) if at < hidden_until => String::new(),
                Some(secret) => {
                    hidden_until = secret.end;
                    // A caret that starts inside of a secret points at the mask.
                    "***".to_owned()
                }
                None if character == '\t' => "    ".to_owned(),
                None if character.is_control() => char::REPLACEMENT_CHARACTER.to_string(),
                None => character.to_string(),
            };
            width += piece.chars().count();
            shown.push_str(&piece);
            if at < culprit.end {
                caret_end = width;
            }
        }
        let length = shown.trim_end().chars().count();
        let start = caret.unwrap_or(length).min(length);
        window(shown.trim_end(), start..caret_end.clamp(start + 1, length.max(start + 1)))
    }

    /// Where a message about a plugin's table belongs: to the key that it names in single quotes, as JSON Schema's messages
    /// about keys that should not be there do, else to the place itself. What is about no place is about the plugin.
    pub fn locate_named(&self, plugin: usize, pointer: &str, message: &str) -> Found {
        let found = self.locate(plugin, pointer);
        let tree = DeTable::parse_recoverable(&self.text).0;
        let entry = tree.get_ref().get("plugin").and_then(|plugins| plugins.get_ref().get(plugin));
        let Some(entry) = entry else { return found };
        let mut here = entry.get_ref().get("config");
        for token in tokens(pointer) {
            here = here.and_then(|here| step(here, &token, &mut String::new()));
        }
        let table = here.and_then(|here| here.get_ref().as_table());
        let named = table
            .and_then(|table| table.keys().find(|key| message.contains(&format!("'{}'", key.get_ref()))));
        match named {
            Some(key) => {
                Found { span: key.span(), key: format!("{}.{}", found.key, quoted_key(key.get_ref())) }
            }
            None if pointer.is_empty() => Found { span: entry.span(), key: format!("plugin[{plugin}]") },
            None => found,
        }
    }

    /// Where a JSON pointer leads in the `config` table of the plugin with this index.
    pub fn locate(&self, plugin: usize, pointer: &str) -> Found {
        let mut found = Found { span: 0..0, key: format!("plugin[{plugin}].config") };
        let Ok(tree) = DeTable::parse(&self.text) else { return found };
        let Some(entry) = tree.get_ref().get("plugin").and_then(|plugins| plugins.get_ref().get(plugin))
        else {
            return found;
        };
        found.span = entry.span();
        let Some(mut here) = entry.get_ref().get("config") else { return found };
        found.span = here.span();
        for token in tokens(pointer) {
            let Some(next) = step(here, &token, &mut found.key) else { return found };
            here = next;
            found.span = here.span();
        }
        found
    }
}

/// The steps of a JSON pointer (RFC 6901 §4).
fn tokens(pointer: &str) -> impl Iterator<Item = String> {
    pointer.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~"))
}

fn step<'t>(
    here: &'t Spanned<DeValue<'t>>,
    token: &str,
    key: &mut String,
) -> Option<&'t Spanned<DeValue<'t>>> {
    match here.get_ref() {
        DeValue::Table(table) => {
            let next = table.get(token)?;
            *key = format!("{key}.{}", quoted_key(token));
            Some(next)
        }
        DeValue::Array(array) => {
            let next = array.get(token.parse::<usize>().ok()?)?;
            *key = format!("{key}[{token}]");
            Some(next)
        }
        _ => None,
    }
}

/// A key as TOML would write it in a path.
pub(crate) fn quoted_key(key: &str) -> String {
    let bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if bare { key.to_owned() } else { format!("\"{}\"", key.escape_default()) }
}

/// The nearest character boundary at or before `index`.
fn floor(text: &str, index: usize) -> usize {
    let mut index = index.min(text.len());
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}

/// Cuts a long line to the part around the caret.
fn window(line: &str, caret: Range<usize>) -> (String, Range<usize>) {
    let length = line.chars().count();
    if length <= SHOWN {
        return (line.to_owned(), caret);
    }
    let first = caret.start.saturating_sub(SHOWN / 3).min(length - SHOWN);
    let last = first + SHOWN;
    let mut shown: String = line.chars().skip(first).take(SHOWN).collect();
    let mut shift = 0;
    if first > 0 {
        shown.insert(0, '…');
        shift = 1;
    }
    if last < length {
        shown.push('…');
    }
    (shown, caret.start - first + shift..caret.end.min(last) - first + shift)
}
