//! What all requests of TURN have in common: who asks, whether they asked before, and whose allocation it is about.

use super::binding::room;
use super::{Outcome, Ports, Reply, Server};
use crate::auth::{Denial, Identity};
use crate::tuple::{FiveTuple, Now};
use crate::wire::read::Message;
use crate::wire::write::{Answer, Refusal};
use crate::wire::{attribute, method};

/// What TURN requests may carry. DONT-FRAGMENT is missing on purpose: a relay that cannot set the DF bit must refuse it as
/// unknown (RFC 8656 §7.2).
const KNOWN: &[u16] = &[
    attribute::USERNAME,
    attribute::MESSAGE_INTEGRITY,
    attribute::MESSAGE_INTEGRITY_SHA256,
    attribute::REALM,
    attribute::NONCE,
    attribute::CHANNEL_NUMBER,
    attribute::LIFETIME,
    attribute::XOR_PEER_ADDRESS,
    attribute::REQUESTED_ADDRESS_FAMILY,
    attribute::EVEN_PORT,
    attribute::REQUESTED_TRANSPORT,
    attribute::RESERVATION_TOKEN,
];

/// A request whose sender is known.
pub(super) struct Asked<'a, 'm> {
    pub now: Now,
    pub via: FiveTuple,
    pub message: &'a Message<'m>,
    pub who: Identity,
}

impl<P: Clone> Server<P> {
    pub(super) fn request(
        &mut self,
        now: Now,
        via: FiveTuple,
        message: &Message<'_>,
        ports: &mut impl Ports<Port = P>,
    ) -> Outcome<P> {
        // An allocation that was made in time outlives its credential's end.
        let is_new = message.method == method::ALLOCATE;
        let who = match self.authority.check(message, &via, now.unix, is_new) {
            Ok(who) => who,
            Err(denial) => return self.deny(now, &via, message, denial),
        };
        if self.revoked.contains_key(&who.holder) {
            return self.deny(now, &via, message, Denial::Challenge);
        }
        let holder = Some(who.holder.clone());
        let reply = |bytes| {
            Outcome::Answer(Reply { from: via.server, to: via.client, bytes, holder, refused: false })
        };
        if let Some(bytes) = self.replay.find(&via, message.transaction, now.monotonic) {
            return reply(bytes);
        }
        let key = who.key.clone();
        let asked = Asked { now, via, message, who };
        let answer = self.decide(&asked, ports).unwrap_or_else(|refusal| Answer::error(message, refusal));
        let bytes = answer.encode(Some(&key));
        self.replay.keep(via, message.transaction, &bytes, now.monotonic);
        reply(bytes)
    }

    fn decide(&mut self, asked: &Asked<'_, '_>, ports: &mut impl Ports<Port = P>) -> Result<Answer, Refusal> {
        let message = asked.message;
        if !message.is_whole() {
            return Err(Refusal::BAD_REQUEST);
        }
        let unknown: Vec<u16> = message.unknown(KNOWN).collect();
        if !unknown.is_empty() {
            return Ok(Answer::error(message, Refusal::UNKNOWN_ATTRIBUTE).unknown(unknown));
        }
        if message.method == method::ALLOCATE {
            return self.allocate(asked, ports);
        }
        let allocation = self.allocations.get(&asked.via).ok_or(Refusal::ALLOCATION_MISMATCH)?;
        if allocation.owner.username != asked.who.username {
            return Err(Refusal::WRONG_CREDENTIALS);
        }
        match message.method {
            method::REFRESH => self.refresh(asked),
            method::CREATE_PERMISSION => self.create_permission(asked),
            _ => self.channel_bind(asked),
        }
    }

    /// The answer to who has proven nothing: short, and not too often.
    fn deny(&mut self, now: Now, via: &FiveTuple, message: &Message<'_>, denial: Denial) -> Outcome<P> {
        if !self.sources.take(via.client.ip(), now.monotonic) {
            return Outcome::Nothing;
        }
        let challenge = |refusal| {
            let nonce = self.authority.nonce(via, now.unix);
            Answer::short_error(message, refusal).challenge(&self.authority.realm, &nonce).encode(None)
        };
        let bad = || Answer::short_error(message, Refusal::BAD_REQUEST).encode(None);
        let bytes = match denial {
            Denial::Challenge => challenge(Refusal::UNAUTHENTICATED),
            Denial::Stale => challenge(Refusal::STALE_NONCE),
            Denial::Incomplete => bad(),
        };
        let refused = denial == Denial::Challenge && message.has(attribute::MESSAGE_INTEGRITY);
        // Only requests that lack what they must have are that short.
        let bytes = if bytes.len() <= room(via, message) { bytes } else { bad() };
        Outcome::Answer(Reply { from: via.server, to: via.client, bytes, holder: None, refused })
    }
}
