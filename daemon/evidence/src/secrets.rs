//! Secrets that a page's events carry by their nature are not kept: a record is read by others than the session's owner (pure).

use icescope_model::Attributes;
use serde_json::Value;

/// What stands in the place of a secret.
const HIDDEN: &str = "…";

/// Hides the ICE passwords of descriptions (RFC 8839 §5.4) and the secret part of signalling URLs, however deep they lie.
pub(crate) fn hide(attributes: &mut Attributes) {
    attributes.values_mut().for_each(hide_in);
}

fn hide_in(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(shown) = without_passwords(text).or_else(|| without_secret(text)) {
                *text = shown;
            }
        }
        Value::Array(list) => list.iter_mut().for_each(hide_in),
        Value::Object(map) => map.values_mut().for_each(hide_in),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn without_passwords(text: &str) -> Option<String> {
    const NAME: &str = "ice-pwd:";
    let mut parts = text.split(NAME);
    let mut shown = parts.next()?.to_owned();
    let mut found = false;
    for part in parts {
        let end = part.find(|c: char| c.is_whitespace() || c == '"').unwrap_or(part.len());
        shown.extend([NAME, HIDDEN, &part[end..]]);
        found = true;
    }
    found.then_some(shown)
}

/// `/whep/sessions/{id}.{secret}`: the id stays.
fn without_secret(text: &str) -> Option<String> {
    let (_, key) = text.split_once("/sessions/")?;
    let (id, secret) = key.split_once('.')?;
    let after = secret.find(['/', '?', '#']).unwrap_or(secret.len());
    let before = text.len() - key.len() + id.len() + 1;
    (!secret[..after].is_empty()).then(|| format!("{}{HIDDEN}{}", &text[..before], &secret[after..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn hidden(value: Value) -> Value {
        let mut attributes = Attributes::from_iter([("one".to_owned(), value)]);
        hide(&mut attributes);
        attributes.remove("one").unwrap()
    }

    #[test]
    fn a_description_keeps_all_but_its_passwords() {
        let sdp = "a=ice-ufrag:LayQ\r\na=ice-pwd:pXEnFOjZwuyz\r\nm=video 9\r\na=ice-pwd:x";
        assert_eq!(
            hidden(json!({"sdp": [sdp]})),
            json!({"sdp": ["a=ice-ufrag:LayQ\r\na=ice-pwd:…\r\nm=video 9\r\na=ice-pwd:…"]})
        );
    }

    #[test]
    fn a_signalling_url_keeps_the_session_and_not_its_secret() {
        for (url, shown) in [
            ("/whep/sessions/ec5e.451c59", "/whep/sessions/ec5e.…"),
            (
                "https://host.example:1/whip/sessions/ec5e.451c59?x=1",
                "https://host.example:1/whip/sessions/ec5e.…?x=1",
            ),
            ("/whep/sessions/ec5e.…", "/whep/sessions/ec5e.…"),
            ("/api/sessions/ec5e/live", "/api/sessions/ec5e/live"),
        ] {
            assert_eq!(hidden(json!(url)), json!(shown));
        }
    }
}
