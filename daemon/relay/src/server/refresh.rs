//! Refresh (RFC 8656 §8.2).

use std::time::Duration;

use super::allocate::{lifetime, wants_ipv6};
use super::requests::Asked;
use super::{End, Server};
use crate::wire::attribute;
use crate::wire::write::{Answer, Refusal};

impl<P: Clone> Server<P> {
    pub(super) fn refresh(&mut self, asked: &Asked<'_, '_>) -> Result<Answer, Refusal> {
        let request = asked.message;
        let allocation = self.allocations.get_mut(&asked.via).ok_or(Refusal::ALLOCATION_MISMATCH)?;
        if wants_ipv6(request)?.is_some_and(|ipv6| ipv6 != allocation.relayed.is_ipv6()) {
            return Err(Refusal::PEER_ADDRESS_FAMILY_MISMATCH);
        }
        if request.number(attribute::LIFETIME) == Some(0) {
            self.end(&asked.via, End::Released);
            return Ok(Answer::success(request).lifetime(0).software());
        }
        let seconds = lifetime(request);
        allocation.until = asked.now.monotonic.plus(Duration::from_secs(seconds.into()));
        Ok(Answer::success(request).lifetime(seconds).software())
    }
}
