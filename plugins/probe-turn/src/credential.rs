//! A server's credential, and the little of it that may be told.

use icescope_plugin_sdk::IceServer;
use serde::Serialize;

/// Long-term credentials (RFC 8489 §9.2), or time-limited ones, which are long-term to the protocol.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// User name.
    pub username: String,
    /// Password.
    pub password: String,
    /// The realm that the configuration expects, if it names one.
    pub realm: Option<String>,
    /// Seconds since the Unix epoch.
    expires_unix_s: Option<i64>,
}

impl std::fmt::Debug for Credential {
    /// Nothing of it: it must not get into a log by way of `{:?}`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential").finish_non_exhaustive()
    }
}

/// How long a credential is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Until somebody changes it.
    Static,
    /// Until the time in its user name.
    TimeLimited,
}

/// What the document tells of a credential: never the password, of the user name the time alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Its kind.
    pub kind: Kind,
    /// When it ends, in seconds since the Unix epoch.
    pub expires_unix_s: Option<i64>,
}

impl Credential {
    /// The credential of a configured server, if it has one.
    pub fn of(server: &IceServer) -> Option<Self> {
        (!server.username.is_empty() && !server.credential.is_empty()).then(|| Self {
            username: server.username.clone(),
            password: server.credential.clone(),
            realm: Some(server.realm.clone()).filter(|realm| !realm.is_empty()),
            expires_unix_s: server.expires_unix_s.or_else(|| expiry(&server.username)),
        })
    }

    /// What may be told.
    pub fn told(&self) -> Told {
        let kind = if self.expires_unix_s.is_some() { Kind::TimeLimited } else { Kind::Static };
        Told { kind, expires_unix_s: self.expires_unix_s }
    }
}

/// The time in a user name of the TURN REST convention: `1700000000:alice`, or the time alone. coturn also reads it
/// behind the separator. Smaller numbers are names, not times: this one is September 2001.
fn expiry(username: &str) -> Option<i64> {
    const LEAST: i64 = 1_000_000_000;
    let time = |part: &str| {
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| part.parse::<i64>().ok()).flatten().filter(|time| *time >= LEAST)
    };
    match username.split_once(':') {
        Some((before, after)) => time(before).or_else(|| time(after)),
        None => time(username),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(username: &str) -> IceServer {
        IceServer {
            url: "turn:192.0.2.1".into(),
            username: username.into(),
            credential: "hush".into(),
            realm: String::new(),
            expires_unix_s: None,
        }
    }

    #[test]
    fn the_time_in_a_user_name_is_found_and_other_numbers_are_not() {
        assert_eq!(expiry("1700000000:alice"), Some(1_700_000_000));
        assert_eq!(expiry("1700000000"), Some(1_700_000_000));
        assert_eq!(expiry("alice:1700000000"), Some(1_700_000_000));
        assert_eq!(expiry("1700000000:17:alice"), Some(1_700_000_000));
        for other in ["alice", "4711:alice", "", ":", "-1700000000:alice", "99999999999999999999999:alice"] {
            assert_eq!(expiry(other), None, "{other}");
        }
    }

    #[test]
    fn the_hosts_own_word_on_the_expiry_is_taken_first() {
        let server = IceServer { expires_unix_s: Some(7), ..server("1700000000:alice") };
        let told = Credential::of(&server).unwrap().told();
        assert_eq!(told, Told { kind: Kind::TimeLimited, expires_unix_s: Some(7) });
    }

    #[test]
    fn a_server_without_user_or_password_has_no_credential() {
        assert_eq!(Credential::of(&server("")), None);
        assert_eq!(Credential::of(&IceServer { credential: String::new(), ..server("alice") }), None);
    }

    #[test]
    fn nothing_of_a_credential_gets_into_a_log() {
        let credential = Credential::of(&server("1700000000:alice")).unwrap();
        let shown = format!("{credential:?} {}", serde_json::to_string(&credential.told()).unwrap());
        assert!(!shown.contains("hush") && !shown.contains("alice"), "{shown}");
    }
}
