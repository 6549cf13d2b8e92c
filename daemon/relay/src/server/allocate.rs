//! Allocate (RFC 8656 §7.2).

use std::time::Duration;

use super::requests::Asked;
use super::{Allocation, NoPort, Ports, Server, Wanted};
use crate::auth::Holder;
use crate::rate::site;
use crate::wire::attribute;
use crate::wire::read::Message;
use crate::wire::write::{Answer, Refusal};

/// UDP, as REQUESTED-TRANSPORT has it (IANA protocol numbers).
const UDP: u8 = 17;
/// The shortest and the longest life of an allocation between refreshes, in seconds (RFC 8656 §7.2).
const SHORTEST: u32 = 600;
const LONGEST: u32 = 3600;
/// The bit of EVEN-PORT that also asks for the next port (RFC 8656 §18.6).
const RESERVE_NEXT: u8 = 0x80;

/// The lifetime that a request gets, in seconds.
pub(super) fn lifetime(request: &Message<'_>) -> u32 {
    request.number(attribute::LIFETIME).unwrap_or(SHORTEST).clamp(SHORTEST, LONGEST)
}

/// The family that a request asks for; IPv4 where it does not say.
pub(super) fn wants_ipv6(request: &Message<'_>) -> Result<Option<bool>, Refusal> {
    match request.get(attribute::REQUESTED_ADDRESS_FAMILY).map(<[u8]>::first) {
        None => Ok(None),
        Some(Some(1)) => Ok(Some(false)),
        Some(Some(2)) => Ok(Some(true)),
        Some(_) => Err(Refusal::ADDRESS_FAMILY_NOT_SUPPORTED),
    }
}

impl<P: Clone> Server<P> {
    pub(super) fn allocate(
        &mut self,
        asked: &Asked<'_, '_>,
        ports: &mut impl Ports<Port = P>,
    ) -> Result<Answer, Refusal> {
        let request = asked.message;
        // The same transaction's answer was kept: this is another one (RFC 8656 §7.2, step 2).
        if self.allocations.contains_key(&asked.via) {
            return Err(Refusal::ALLOCATION_MISMATCH);
        }
        match request.get(attribute::REQUESTED_TRANSPORT).map(<[u8]>::first) {
            None | Some(None) => return Err(Refusal::BAD_REQUEST),
            Some(Some(transport)) if *transport != UDP => return Err(Refusal::UNSUPPORTED_TRANSPORT),
            Some(Some(_)) => {}
        }
        let wanted = wanted(request)?;
        if asked.who.holder != Holder::Daemon && self.has_enough(asked) {
            return Err(Refusal::ALLOCATION_QUOTA_REACHED);
        }
        if self.allocations.len() >= self.limits.allocations {
            return Err(Refusal::INSUFFICIENT_CAPACITY);
        }
        let opened = ports.open(&asked.via, wanted).map_err(|no| match no {
            NoPort::Family => Refusal::ADDRESS_FAMILY_NOT_SUPPORTED,
            NoPort::Taken => Refusal::INSUFFICIENT_CAPACITY,
        })?;
        let lifetime = lifetime(request);
        let until = asked.now.monotonic.plus(Duration::from_secs(lifetime.into()));
        let relayed = opened.relayed;
        // Two own addresses may be seen as one: then a port of one is taken on the other, too.
        if self.relayed.contains_key(&relayed) {
            return Err(Refusal::INSUFFICIENT_CAPACITY);
        }
        self.relayed.insert(relayed, asked.via);
        self.allocations.insert(asked.via, Allocation::new(asked.who.clone(), relayed, opened.port, until));
        Ok(Answer::success(request).relayed(relayed).lifetime(lifetime).mapped(asked.via.client).software())
    }
}

impl<P> Server<P> {
    /// Whether a client has all that it may have. The daemon's own peer, one holder for all sessions, is bounded by the sum only.
    fn has_enough(&self, asked: &Asked<'_, '_>) -> bool {
        let theirs = self.allocations.values().filter(|other| other.owner.holder == asked.who.holder).count();
        // Whoever collects credentials leaves half of all allocations to others.
        let here = site(asked.via.client.ip());
        let from_here = self.allocations.keys().filter(|other| site(other.client.ip()) == here).count();
        theirs >= self.limits.quota || from_here >= self.limits.allocations.div_ceil(2)
    }
}

fn wanted(request: &Message<'_>) -> Result<Wanted, Refusal> {
    let even = request.get(attribute::EVEN_PORT).and_then(<[u8]>::first);
    let family = wants_ipv6(request)?;
    if request.has(attribute::RESERVATION_TOKEN) {
        // No token was ever given out; beside EVEN-PORT or a family it is wrong in itself (RFC 8656 §7.2, steps 6 and 7).
        let alone = even.is_none() && family.is_none();
        return Err(if alone { Refusal::INSUFFICIENT_CAPACITY } else { Refusal::BAD_REQUEST });
    }
    // Ports in pairs are not kept: nothing that speaks ICE asks for them (RFC 8656 §7.2, step 8).
    if even.is_some_and(|bits| bits & RESERVE_NEXT != 0) {
        return Err(Refusal::INSUFFICIENT_CAPACITY);
    }
    Ok(Wanted { ipv6: family.unwrap_or(false), even: even.is_some() })
}
