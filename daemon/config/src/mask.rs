//! What in a configuration must not be shown.
//!
//! Secrets have no place in the file; they are found here because people put them there all the same: under a key
//! whose name says so, as the user part of a URL, or as a property inside of a pipeline's text.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A part of a name that says that its value is secret.
const WORDS: [&str; 9] =
    ["password", "passwd", "passphrase", "secret", "credential", "token", "apikey", "api-key", "private-key"];
/// A whole word of a name that says so.
const WHOLE: [&str; 4] = ["pw", "pass", "pwd", "psk"];
/// Keys of our own that name a file: shown when the value looks like a path, for then it is one.
const FILES: [&str; 5] = ["credential-file", "secret-file", "tokens", "key", "certificate"];

/// What of a text must not be shown.
#[derive(Clone, Default)]
pub(crate) struct Secrets {
    /// Where it stands, in order and without overlaps.
    pub spans: Vec<Range<usize>>,
    /// The words themselves, as they are written and as they are read.
    words: Vec<String>,
}

/// What of `text` must not be shown.
pub(crate) fn secrets(text: &str) -> Secrets {
    let mut found = Secrets::default();
    let (tree, _) = DeTable::parse_recoverable(text);
    for (key, value) in tree.get_ref() {
        let plugin = key.get_ref() == "plugin";
        walk(key.get_ref(), value, plugin, &mut found);
    }
    user_parts(text, &mut found.spans);
    properties(text, &mut found.spans);
    let mut spans = std::mem::take(&mut found.spans);
    spans.retain(|span| !span.is_empty());
    spans.sort_by_key(|span| (span.start, span.end));
    for span in spans {
        match found.spans.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => found.spans.push(span),
        }
    }
    for raw in found.spans.iter().filter_map(|span| text.get(span.clone())) {
        found.words.extend([raw.to_owned(), raw.trim_matches(['"', '\'', '\n', ' ']).to_owned()]);
    }
    // Very short ones would tear ordinary words apart; no message of ours quotes them. Longer ones first, for one may be a part of
    // another.
    found.words.retain(|word| word.chars().count() >= 4);
    found.words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    found.words.dedup();
    found
}

impl Secrets {
    /// A message without them.
    pub fn clean(&self, message: String) -> String {
        self.words.iter().fold(message, |message, secret| message.replace(secret, "***"))
    }
}

/// A value that can only be meant as a path: so that a pasted password is told from a file's name.
pub(crate) fn is_path(value: &str) -> bool {
    ["/", "./", "../", "$CREDENTIALS_DIRECTORY/"].iter().any(|start| value.starts_with(start))
        && !value.contains('\n')
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_lowercase().replace('_', "-");
    WORDS.iter().any(|word| name.contains(word)) || name.split(['-', '.']).any(|word| WHOLE.contains(&word))
}

fn walk(name: &str, value: &Spanned<DeValue<'_>>, plugin: bool, found: &mut Secrets) {
    let secret = FILES.contains(&name) || is_secret_name(name);
    match value.get_ref() {
        DeValue::Table(table) => {
            for (key, value) in table {
                // What stands under a secret name is secret, whatever it is called itself.
                let name = if secret { name } else { key.get_ref() };
                walk(name, value, plugin, found);
            }
        }
        DeValue::Array(array) => {
            for value in array {
                walk(name, value, plugin, found);
            }
        }
        DeValue::String(text)
            if secret && FILES.contains(&name) && !(plugin && name == "key") && is_path(text) => {}
        DeValue::String(text) if secret => {
            found.spans.push(value.span());
            // A plugin's schema quotes it as JSON would.
            let json = serde_json::Value::from(text.as_ref()).to_string();
            found.words.extend([text.to_string(), json.trim_matches('"').to_owned()]);
        }
        _ if secret => found.spans.push(value.span()),
        _ => {}
    }
}

/// `user:password@` in `scheme://user:password@host`.
fn user_parts(text: &str, found: &mut Vec<Range<usize>>) {
    for (at, mark) in text.match_indices("://") {
        let start = at + mark.len();
        let rest = &text[start..];
        let end = rest.find(|c: char| c.is_whitespace() || c == '"' || c == '\'').unwrap_or(rest.len());
        if let Some(at) = rest[..end].rfind('@') {
            found.push(start..start + at);
        }
    }
}

/// `password=…` wherever it stands: in a pipeline's text, or in a line that is not sound TOML.
fn properties(text: &str, found: &mut Vec<Range<usize>>) {
    for (at, _) in text.match_indices('=') {
        let before = text[..at].trim_end_matches([' ', '\t', '"', '\'', '\\']);
        let name_start = before
            .rfind(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)))
            .map_or(0, |c| c + before[c..].chars().next().map_or(1, char::len_utf8));
        let name = before[name_start..].rsplit('.').next().unwrap_or_default();
        if FILES.contains(&name) || !is_secret_name(name) {
            continue;
        }
        let rest = &text[at + 1..];
        let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
        let value = line.trim_start();
        let start = at + 1 + (line.len() - value.len());
        let begins_line = text[..name_start].trim_end_matches([' ', '\t', '"', '\'']).ends_with('\n')
            || text[..name_start].trim().is_empty();
        let length = match value.chars().next() {
            _ if begins_line => value.len(),
            Some(quote @ ('"' | '\'')) => value[1..].find(quote).map_or(value.len(), |end| end + 2),
            _ => value.find([' ', '\t', '"', '\'', ',', '}', ']', '\\']).unwrap_or(value.len()),
        };
        found.push(start..start + length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(text: &str) -> Vec<&str> {
        secrets(text).spans.into_iter().map(|span| &text[span]).collect()
    }

    #[test]
    fn a_secret_is_found_by_its_name() {
        assert_eq!(hidden("a = { credential = \"hunter2\", b = 1 }"), ["\"hunter2\""]);
        assert_eq!(hidden("[[plugin]]\n[plugin.config]\nstream-token = [\"abc\", 5]\n"), ["[\"abc\", 5]"]);
        assert_eq!(hidden("[plugin.config.secret]\nany = \"abc\"\n"), ["\"abc\""]);
    }

    #[test]
    fn a_file_is_shown_only_when_it_looks_like_a_path() {
        assert_eq!(hidden("s = [{ credential-file = \"/etc/x\" }]"), Vec::<&str>::new());
        assert_eq!(hidden("s = [{ credential-file = \"hunter2\" }]"), ["\"hunter2\""]);
        assert_eq!(hidden("server.tokens = [\"/a\", \"swordfish\"]"), ["\"swordfish\""]);
    }

    #[test]
    fn a_pipeline_may_hold_secrets() {
        let text = "pipeline = \"rtspsrc location=rtsp://me:pa/ss@host/x user-pw=open1 ! fakesink\"";
        assert_eq!(hidden(text), ["me:pa/ss", "open1"]);
    }

    #[test]
    fn unsound_toml_hides_the_rest_of_the_line() {
        assert_eq!(hidden("credential = hunter 2\nb = 1\n"), ["hunter 2"]);
        assert_eq!(hidden("x = 1\npassword = \"\"\"one\ntwo"), ["\"\"\"one\ntwo"]);
    }
}
