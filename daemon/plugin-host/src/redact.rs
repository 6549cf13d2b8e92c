//! What was granted to a plugin is taken out of all that it says.

use std::collections::VecDeque;

use serde_json::Value;

use crate::options::GrantedServer;

const MARK: &str = "[redacted]";

/// User names shorter than this are left standing: replacing every `a` would make the log unreadable and hide nothing.
const SHORTEST_USERNAME: usize = 4;

/// Passwords shorter than this are taken out only where they stand alone, as user names always are: a user called
/// `icescope` or a password `turn` would otherwise tear holes into the names of schemas and servers.
const SHORTEST_ANYWHERE: usize = 6;

/// Something to be taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Secret {
    text: String,
    /// Only where it is a word of its own.
    alone: bool,
}

/// Replaces secrets in text and JSON. Kept for the whole life of an instance: a plugin may repeat an old credential.
#[derive(Debug, Default, Clone)]
pub(crate) struct Redactor {
    /// In the order in which they were learnt.
    learnt: VecDeque<Secret>,
    /// The same, the longest first: one secret may be part of another.
    secrets: Vec<Secret>,
}

/// More than this many secrets at once are not kept; the oldest go first. A run mints a handful.
const KEPT: usize = 256;

impl Redactor {
    /// Takes the servers' secrets in.
    pub(crate) fn learn(&mut self, servers: &[GrantedServer]) {
        for server in servers {
            let credential = (&server.credential, 1, server.credential.len() < SHORTEST_ANYWHERE);
            for (text, shortest, alone) in [credential, (&server.username, SHORTEST_USERNAME, true)] {
                let secret = Secret { text: text.clone(), alone };
                if text.len() >= shortest && !self.learnt.contains(&secret) {
                    self.learnt.push_back(secret);
                }
            }
        }
        self.learnt.drain(..self.learnt.len().saturating_sub(KEPT));
        self.secrets = self.learnt.iter().cloned().collect();
        self.secrets.sort_by_key(|secret| std::cmp::Reverse(secret.text.len()));
    }

    /// `text` without the secrets.
    pub(crate) fn text(&self, text: String) -> String {
        self.secrets.iter().fold(text, |text, secret| {
            if !text.contains(&secret.text) {
                text
            } else if secret.alone {
                without_word(&text, &secret.text)
            } else {
                text.replace(&secret.text, MARK)
            }
        })
    }

    /// `value` without the secrets, keys included.
    pub(crate) fn value(&self, value: Value) -> Value {
        if self.secrets.is_empty() {
            return value;
        }
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::Object(map) => Value::Object(self.map(map)),
            other => other,
        }
    }

    /// The same for a table.
    pub(crate) fn map(&self, map: serde_json::Map<String, Value>) -> serde_json::Map<String, Value> {
        if self.secrets.is_empty() {
            return map;
        }
        map.into_iter().map(|(key, value)| (self.text(key), self.value(value))).collect()
    }
}

/// `text` with `word` replaced where it is part of no longer word or dotted name.
fn without_word(text: &str, word: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = 0;
    for (at, _) in text.match_indices(word) {
        let end = at + word.len();
        let (before, after) = (text[..at].chars().rev(), text[end..].chars());
        if !goes_on(before) && !goes_on(after) {
            out.push_str(&text[rest..at]);
            out.push_str(MARK);
            rest = end;
        }
    }
    out.push_str(&text[rest..]);
    out
}

/// Whether a word goes on with these characters: a point counts where more follows it, as in `icescope.nat/1`.
fn goes_on(mut next: impl Iterator<Item = char>) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    match next.next() {
        Some('.') => next.next().is_some_and(is_word),
        Some(c) => is_word(c),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn redactor(username: &str, credential: &str) -> Redactor {
        let mut redactor = Redactor::default();
        redactor.learn(&[GrantedServer {
            url: "turn:example.org".into(),
            username: username.into(),
            credential: credential.into(),
            realm: String::new(),
            expires_unix_s: 0,
        }]);
        redactor
    }

    #[test]
    fn secrets_vanish_from_text_keys_and_nested_values() {
        let redactor = redactor("1700000000:robot", "s3cret");
        assert_eq!(
            redactor.text("user 1700000000:robot pass s3cret!".into()),
            "user [redacted] pass [redacted]!"
        );
        assert_eq!(
            redactor.value(json!({"s3cret": [{"p": "xs3crety"}, 1, null]})),
            json!({"[redacted]": [{"p": "x[redacted]y"}, 1, null]})
        );
    }

    #[test]
    fn a_secret_within_another_does_not_leave_the_rest_standing() {
        let mut redactor = redactor("user-of-it", "abc");
        redactor.learn(&[GrantedServer {
            url: String::new(),
            username: String::new(),
            credential: "abcdef".into(),
            realm: String::new(),
            expires_unix_s: 0,
        }]);
        assert_eq!(redactor.text("abcdef abc".into()), "[redacted] [redacted]");
    }

    #[test]
    fn user_names_and_short_passwords_leave_longer_words_whole() {
        let redactor = redactor("icescope", "turn");
        for whole in ["icescope.nat/1", "org.icescope.probe", "icescope-1", "returned", "turns", "turn_x"] {
            assert_eq!(redactor.text(whole.into()), whole);
        }
        assert_eq!(redactor.text("icescope logs in by turn.".into()), "[redacted] logs in by [redacted].");
        assert_eq!(redactor.text("user=icescope:turn@host".into()), "user=[redacted]:[redacted]@host");
        assert_eq!(redactor.value(json!(["turn", "icescope"])), json!(["[redacted]", "[redacted]"]));
    }

    #[test]
    fn an_empty_or_very_short_user_name_is_left_alone() {
        assert_eq!(redactor("a", "").text("banana".into()), "banana");
    }
}
