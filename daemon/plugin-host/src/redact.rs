//! What was granted to a plugin is taken out of all that it says.

use std::collections::VecDeque;

use serde_json::Value;

use crate::options::GrantedServer;

const MARK: &str = "[redacted]";

/// User names shorter than this are left standing: replacing every `a` would make the log unreadable and hide nothing.
const SHORTEST_USERNAME: usize = 4;

/// Replaces secrets in text and JSON. Kept for the whole life of an instance: a plugin may repeat an old credential.
#[derive(Debug, Default, Clone)]
pub(crate) struct Redactor {
    /// In the order in which they were learnt.
    learnt: VecDeque<String>,
    /// The same, the longest first: one secret may be part of another.
    secrets: Vec<String>,
}

/// More than this many secrets at once are not kept; the oldest go first. A run mints a handful.
const KEPT: usize = 256;

impl Redactor {
    /// Takes the servers' secrets in.
    pub(crate) fn learn(&mut self, servers: &[GrantedServer]) {
        for server in servers {
            for (secret, shortest) in [(&server.credential, 1), (&server.username, SHORTEST_USERNAME)] {
                if secret.len() >= shortest && !self.learnt.contains(secret) {
                    self.learnt.push_back(secret.clone());
                }
            }
        }
        self.learnt.drain(..self.learnt.len().saturating_sub(KEPT));
        self.secrets = self.learnt.iter().cloned().collect();
        self.secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    }

    /// `text` without the secrets.
    pub(crate) fn text(&self, text: String) -> String {
        self.secrets.iter().fold(text, |text, secret| {
            if text.contains(secret.as_str()) { text.replace(secret.as_str(), MARK) } else { text }
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
    fn an_empty_or_very_short_user_name_is_left_alone() {
        assert_eq!(redactor("a", "").text("banana".into()), "banana");
    }
}
