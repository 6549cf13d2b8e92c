//! Figures out of exchanges. Pure.

use icescope_probe_kit::clock;
use icescope_probe_kit::udp::Exchange;

use crate::document::{Loss, NetworkProblem, Path, RoundTrips, StunError};

/// Least, median and greatest; `None` of nothing.
pub fn round_trips(samples: Vec<f64>) -> Option<RoundTrips> {
    let mut sorted = samples.clone();
    sorted.sort_by(f64::total_cmp);
    let (min, max) = (*sorted.first()?, *sorted.last()?);
    let middle = sorted.len() / 2;
    let median = if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    };
    Some(RoundTrips { samples, min, median, max })
}

/// Puts what the exchanges of one path say into it. They are single requests, in the order in which they were sent;
/// `unanswered` more were sent and nobody waits for them any longer.
pub fn fill(path: &mut Path, exchanges: &[Exchange], unanswered: u32) {
    let mut samples = Vec::new();
    let mut sent = unanswered;
    let mut answered = 0;
    for exchange in exchanges {
        sent += exchange.sent_ns.len() as u32;
        if let Some(error) = &exchange.error {
            path.network_error.get_or_insert_with(|| NetworkProblem::from(error));
        }
        let Some(answer) = &exchange.answer else { continue };
        answered += 1;
        samples.extend(exchange.rtt.map(clock::milliseconds));
        read(path, &answer.message);
    }
    path.loss = Loss { sent, lost: sent.saturating_sub(answered) };
    path.rtt_ms = round_trips(samples);
    path.reachable = reachable(path, sent, answered);
}

/// Tri-state: without a request on the wire nothing was tried, unless a connection was refused.
fn reachable(path: &Path, sent: u32, answered: u32) -> Option<bool> {
    let local = ["network-unreachable", "no-address", "prohibited"];
    match &path.network_error {
        _ if answered > 0 => Some(true),
        // This machine cannot send there: that says nothing of the server. Once something was sent, the same words come
        // from a router (ICMP).
        Some(problem) if sent == 0 && local.contains(&problem.code) => None,
        Some(_) => Some(false),
        None if sent > 0 => Some(false),
        None => None,
    }
}

fn read(path: &mut Path, message: &icescope_probe_kit::message::Message) {
    if let Some(mapped) = message.mapped() {
        path.mapped_address.get_or_insert(mapped.address);
        if !path.mapped_addresses.contains(&mapped.address) {
            path.mapped_addresses.push(mapped.address);
        }
        path.mapped_without_xor |= !mapped.xor;
    }
    path.software = path.software.take().or_else(|| message.software());
    path.other_address = path.other_address.or_else(|| message.other_address());
    path.response_origin = path.response_origin.or_else(|| message.response_origin());
    path.alternate_server = path.alternate_server.or_else(|| message.alternate_server());
    // RFC 5780 §4.4 needs another address of the server's; another port of the same is not enough.
    path.rfc5780 = Some(path.other_address.is_some_and(|other| other.ip() != path.address.ip()));
    if let Some(error) = message.error() {
        let words = error.words.to_owned();
        path.error.get_or_insert(StunError { code: error.code, reason: error.reason, words });
    }
    for malformed in message.malformed() {
        let words = malformed.to_string();
        if !path.malformed.contains(&words) {
            path.malformed.push(words);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use icescope_probe_kit::message::{Message, Request};
    use icescope_probe_kit::udp::{Answer, NetworkError};
    use icescope_probe_kit::url::Protocol;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_median_is_the_middle_one_or_the_mean_of_the_two() {
        let odd = round_trips(vec![9.0, 1.0, 4.0]).unwrap();
        assert_eq!((odd.min, odd.median, odd.max), (1.0, 4.0, 9.0));
        assert_eq!(odd.samples, [9.0, 1.0, 4.0], "in their order");
        assert_eq!(round_trips(vec![4.0, 1.0]).unwrap().median.to_bits(), 2.5_f64.to_bits());
        assert_eq!(round_trips(Vec::new()), None);
    }

    fn failed(kind: io::ErrorKind, sent: usize) -> Exchange {
        let error = NetworkError { what: "sending".into(), why: "x".into(), kind };
        Exchange { sent_ns: vec![1; sent], error: Some(error), ..Exchange::default() }
    }

    fn reachable_after(exchanges: &[Exchange], unanswered: u32) -> Option<bool> {
        let mut path = Path::new("192.0.2.1:3478".parse().unwrap(), Protocol::Udp, false);
        fill(&mut path, exchanges, unanswered);
        path.reachable
    }

    #[test]
    fn what_this_machine_cannot_send_says_nothing_of_the_server() {
        use io::ErrorKind::{
            AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkUnreachable, PermissionDenied,
        };
        for kind in [NetworkUnreachable, AddrNotAvailable, PermissionDenied] {
            assert_eq!(reachable_after(&[failed(kind, 0)], 0), None, "{kind:?}");
        }
        for kind in [ConnectionRefused, HostUnreachable, PermissionDenied] {
            assert_eq!(reachable_after(&[failed(kind, 1)], 0), Some(false), "{kind:?}");
        }
    }

    #[test]
    fn nothing_sent_is_unknown_and_nothing_answered_is_not_reachable() {
        assert_eq!(reachable_after(&[], 0), None);
        assert_eq!(reachable_after(&[], 1), Some(false));
        let unanswered = Exchange { sent_ns: vec![1], ..Exchange::default() };
        assert_eq!(reachable_after(&[unanswered], 0), Some(false));
    }

    #[test]
    fn one_answer_makes_it_reachable_whatever_the_others_came_to() {
        let message = Message::decode(&Request::binding().encode().unwrap()).unwrap();
        let answer = Answer { message, from: "192.0.2.1:3478".parse().unwrap(), at_ns: 2 };
        let answered = Exchange { sent_ns: vec![1], answer: Some(answer), ..Exchange::default() };
        let refused = failed(io::ErrorKind::ConnectionRefused, 1);
        assert_eq!(reachable_after(&[refused, answered], 3), Some(true));
    }

    proptest! {
        #[test]
        fn the_median_lies_between_the_least_and_the_greatest(samples in prop::collection::vec(0.0..1e6, 1..40)) {
            let found = round_trips(samples).unwrap();
            prop_assert!(found.min <= found.median && found.median <= found.max);
        }
    }
}
