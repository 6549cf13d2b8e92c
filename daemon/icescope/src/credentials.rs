//! Time-limited TURN credentials (the TURN REST API, draft-uberti-behave-turn-rest-00 §2.2).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha1::Sha1;

/// User name `expiry[:name]` and password `base64(HMAC-SHA1(secret, user name))`; `expires` in seconds since the Unix epoch.
pub fn time_limited(secret: &str, name: Option<&str>, expires: u64) -> (String, String) {
    let username = match name {
        Some(name) => format!("{expires}:{name}"),
        None => expires.to_string(),
    };
    // HMAC takes keys of any length (RFC 2104 §2).
    let mac =
        Hmac::<Sha1>::new_from_slice(secret.as_bytes()).map(|mac| mac.chain_update(username.as_bytes()));
    let password = mac.map(|mac| STANDARD.encode(mac.finalize().into_bytes())).unwrap_or_default();
    (username, password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_what_openssl_makes_of_the_same_words() {
        // printf '%s' 1433895918:ninefingers | openssl dgst -sha1 -hmac north -binary | base64
        let (username, password) = time_limited("north", Some("ninefingers"), 1_433_895_918);
        assert_eq!(username, "1433895918:ninefingers");
        assert_eq!(password, OPENSSL);
    }

    const OPENSSL: &str = "jy8hTxmOO7UtEKXqSkSlvakPVYA=";
}
