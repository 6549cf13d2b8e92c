//! Who may relay: time-limited credentials (the TURN REST API, draft-uberti-behave-turn-rest-00) by the long-term mechanism
//! of RFC 8489 §9.2, with nonces of which nothing is kept.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use stun_rs::{Algorithm, AlgorithmId, HMACKey};

use crate::tuple::FiveTuple;
use crate::wire::attribute;
use crate::wire::read::Message;

/// How long a nonce is good for (RFC 8489 §9.2.1 leaves it to the server): as long as the default allocation.
const NONCE_LIFETIME_S: u64 = 600;
/// Nonces of one period are alike: a retransmitted request gets the same one.
const NONCE_PERIOD_S: u64 = 4;
/// The longest id in a user name.
const LONGEST_ID: usize = 64;
/// The id of the daemon's own peer; those of sessions are hexadecimal.
const DAEMON: &str = "daemon";

/// Whose a credential is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Holder {
    /// The daemon's own peer.
    Daemon,
    /// Who was given this opaque id.
    Client(Box<str>),
}

impl Holder {
    /// The id of a user name.
    fn of(id: &str) -> Option<Self> {
        match id {
            DAEMON => Some(Self::Daemon),
            _ if (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                Some(Self::Client(id.into()))
            }
            _ => None,
        }
    }

    /// What stands for it in a user name.
    pub fn id(&self) -> &str {
        match self {
            Self::Daemon => DAEMON,
            Self::Client(id) => id,
        }
    }
}

/// What opens the relay for a time. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `expiry:id`, the expiry in seconds since the Unix epoch.
    pub username: String,
    /// The password that belongs to it.
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// Who asks, proven by MESSAGE-INTEGRITY.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Whose credential it is.
    pub holder: Holder,
    /// The whole user name: an allocation stays with it (RFC 8656 §5).
    pub username: Box<str>,
    /// What answers are signed with.
    pub key: HMACKey,
}

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// 401: no credential yet, or a wrong one, or one whose time is over.
    Challenge,
    /// 438: the nonce is too old, or not ours.
    Stale,
    /// 400: MESSAGE-INTEGRITY without what belongs to it.
    Incomplete,
}

/// The secrets that credentials and nonces are made of. They live as long as the daemon.
pub struct Authority {
    credential: [u8; 32],
    nonce: [u8; 32],
    /// REALM.
    pub realm: String,
}

impl Authority {
    /// Both secrets must be random.
    pub fn new(credential: [u8; 32], nonce: [u8; 32], realm: String) -> Self {
        Self { credential, nonce, realm }
    }

    /// Makes a credential that is good until `expires` (Unix seconds).
    pub fn mint(&self, holder: &Holder, expires: u64) -> Credentials {
        let username = format!("{expires}:{}", holder.id());
        let password = self.password(&username);
        Credentials { username, password }
    }

    fn password(&self, username: &str) -> String {
        STANDARD.encode(mac(&self.credential, &[username.as_bytes()]))
    }

    /// The nonce for a client as of now. Twelve characters: with a realm of at most eight, a challenge stays within 1.5 times
    /// the smallest Allocate request.
    pub fn nonce(&self, via: &FiveTuple, unix: u64) -> String {
        self.nonce_of(via, unix / NONCE_PERIOD_S)
    }

    fn nonce_of(&self, via: &FiveTuple, period: u64) -> String {
        let client = via.client.to_string();
        let mac = mac(&self.nonce, &[&period.to_be_bytes(), client.as_bytes()]);
        let mut bytes = [0; 9];
        bytes[..2].copy_from_slice(&(period as u16).to_be_bytes());
        bytes[2..].copy_from_slice(&mac[..7]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn is_fresh(&self, nonce: &str, via: &FiveTuple, unix: u64) -> bool {
        let mut bytes = [0; 9];
        if !matches!(URL_SAFE_NO_PAD.decode_slice(nonce, &mut bytes), Ok(9)) {
            return false;
        }
        let now = unix / NONCE_PERIOD_S;
        // The nonce has the period's low bits: its age is what the present is ahead of them.
        let age = u64::from((now as u16).wrapping_sub(u16::from_be_bytes([bytes[0], bytes[1]])));
        let Some(period) = now.checked_sub(age) else { return false };
        age <= NONCE_LIFETIME_S / NONCE_PERIOD_S && self.nonce_of(via, period) == nonce
    }

    /// Checks a request (RFC 8489 §9.2.4). `expiring`: a credential whose time is over is refused; an allocation that was
    /// made in time lives on with it.
    pub fn check(
        &self,
        request: &Message<'_>,
        via: &FiveTuple,
        unix: u64,
        expiring: bool,
    ) -> Result<Identity, Denial> {
        if !request.has(attribute::MESSAGE_INTEGRITY) {
            return Err(Denial::Challenge);
        }
        let (Some(username), Some(_), Some(nonce)) = (
            request.text(attribute::USERNAME),
            request.get(attribute::REALM),
            request.text(attribute::NONCE),
        ) else {
            return Err(Denial::Incomplete);
        };
        if !self.is_fresh(nonce, via, unix) {
            return Err(Denial::Stale);
        }
        let (expires, id) = username.split_once(':').ok_or(Denial::Challenge)?;
        let expires: u64 = expires.parse().map_err(|_| Denial::Challenge)?;
        let holder = Holder::of(id).ok_or(Denial::Challenge)?;
        if expiring && expires <= unix {
            return Err(Denial::Challenge);
        }
        let md5 = Algorithm::from(AlgorithmId::MD5);
        let key = HMACKey::new_long_term(username, &self.realm, self.password(username), md5)
            .map_err(|_| Denial::Challenge)?;
        if !request.is_signed_with(key.as_bytes()) {
            return Err(Denial::Challenge);
        }
        Ok(Identity { holder, username: username.into(), key })
    }
}

fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 20] {
    // HMAC takes keys of any length (RFC 2104 §2).
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(key) else { return [0; 20] };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tuple::Transport;

    fn authority() -> Authority {
        Authority::new([1; 32], [2; 32], "icescope".to_owned())
    }

    fn via(client: &str) -> FiveTuple {
        FiveTuple {
            client: client.parse().unwrap(),
            server: "192.0.2.1:3478".parse().unwrap(),
            transport: Transport::Udp,
        }
    }

    #[test]
    fn a_nonce_is_good_for_its_client_and_its_time() {
        let authority = authority();
        let here = via("192.0.2.9:1000");
        for unix in [4 * 65_530, 1_800_000_000] {
            let nonce = authority.nonce(&here, unix);
            assert_eq!(nonce.len(), 12);
            assert!(authority.is_fresh(&nonce, &here, unix) && authority.is_fresh(&nonce, &here, unix + 600));
            assert!(!authority.is_fresh(&nonce, &here, unix + 608), "too old");
            assert!(!authority.is_fresh(&nonce, &here, unix - 8), "from the future");
            assert!(!authority.is_fresh(&nonce, &here, unix + 4 * 65_536), "its low bits came round again");
            assert!(!authority.is_fresh(&nonce, &via("192.0.2.9:1001"), unix), "another port");
        }
        assert!(!authority.is_fresh("", &here, 5) && !authority.is_fresh("AAAAAAAAAAAA", &here, 5));
    }

    #[test]
    fn ids_that_were_never_given_out_are_nobodys() {
        assert_eq!(Holder::of("daemon"), Some(Holder::Daemon));
        assert_eq!(Holder::of("00ff"), Some(Holder::Client("00ff".into())));
        for wrong in ["", "Daemon", "a b", "täglich", &"a".repeat(65)] {
            assert_eq!(Holder::of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn credentials_differ_and_are_not_shown() {
        let authority = authority();
        let [a, b] = ["aa", "bb"].map(|id| authority.mint(&Holder::Client(id.into()), 7));
        assert_eq!(a.username, "7:aa");
        assert_ne!(a.password, b.password);
        assert!(!format!("{a:?}").contains(&a.password));
    }
}
