//! How external ports are chosen, from the first mapping of each fresh socket (RFC 4787 §4.2).

use std::time::Duration;

use super::{View, ids, translation};
use crate::engine::test::Test;
use crate::facts::{Finding, Ports};

/// Fewer sockets than this say nothing of order.
const LEAST: usize = 5;
/// Fewer than this do not even show that ports are kept.
const LEAST_PRESERVED: usize = 3;
/// Steps in a sequence: other sockets of this run, and other hosts behind the same NAT, take numbers in between.
const STEP: usize = 16;
/// Ports that are nearer than this to each other are no sign of chance.
const NEAR: usize = 64;

/// The verdict.
pub fn overall(view: &View<'_>) -> Finding<Ports> {
    if translation::nat(view).value == Some(false) {
        return Finding::new(Ports::Preserved, "nothing is translated", translation::nat(view).evidence);
    }
    let samples = samples(view);
    let evidence = ids(samples.iter().map(|(test, _)| *test));
    let pairs: Vec<(u16, u16)> = samples.iter().map(|(test, mapped)| (test.local.port(), *mapped)).collect();
    match of_pairs(&pairs) {
        Ports::Preserved => Finding::new(Ports::Preserved, "sockets keep their ports", evidence),
        Ports::Sequential => Finding::new(
            Ports::Sequential,
            format!("fresh sockets get ports one after another: {}", list(&pairs)),
            evidence,
        ),
        Ports::Random => Finding::new(
            Ports::Random,
            format!("fresh sockets get ports without order: {}", list(&pairs)),
            evidence,
        ),
        Ports::Unknown => Finding::unknown(unknown(&pairs), evidence),
    }
}

fn list(pairs: &[(u16, u16)]) -> String {
    pairs.iter().map(|(local, mapped)| format!("{local}→{mapped}")).collect::<Vec<_>>().join(", ")
}

fn unknown(pairs: &[(u16, u16)]) -> String {
    match pairs.first() {
        None => "no mapped port was seen".to_owned(),
        Some((local, mapped)) if is_shifted(pairs) => {
            format!("ports are shifted by {}", i32::from(*mapped) - i32::from(*local))
        }
        Some(_) => format!("{} sockets show no clear order: {}", pairs.len(), list(pairs)),
    }
}

/// The first mapping of each socket, in the order in which they were made.
fn samples<'a>(view: &View<'a>) -> Vec<(&'a Test, u16)> {
    let mut first: Vec<(Duration, &Test, u16)> = Vec::new();
    for test in view.mappings() {
        let (Some(sent), Some(mapped)) = (test.sent.first(), test.mapped()) else { continue };
        match first.iter_mut().find(|(_, old, _)| old.socket == test.socket) {
            Some(old) if *sent < old.0 => *old = (*sent, test, mapped.port()),
            Some(_) => {}
            None => first.push((*sent, test, mapped.port())),
        }
    }
    first.sort_by_key(|(sent, test, _)| (*sent, test.id));
    first.into_iter().map(|(_, test, mapped)| (test, mapped)).collect()
}

/// Local and mapped ports, in order.
fn of_pairs(pairs: &[(u16, u16)]) -> Ports {
    let kept = pairs.iter().filter(|(local, mapped)| local == mapped).count();
    if kept >= LEAST_PRESERVED && kept + 1 >= pairs.len() {
        // One may have met a port that was taken (RFC 4787 §4.2.1: «attempts to preserve»).
        return Ports::Preserved;
    }
    if pairs.len() < LEAST || kept > 0 || is_shifted(pairs) {
        return Ports::Unknown;
    }
    let mapped: Vec<u16> = pairs.iter().map(|(_, mapped)| *mapped).collect();
    let range =
        mapped.iter().max().zip(mapped.iter().min()).map_or(0, |(most, least)| usize::from(most - least));
    let backwards: Vec<u16> = mapped.iter().rev().copied().collect();
    let in_order = longest_rising(&mapped).max(longest_rising(&backwards));
    // A request that was lost before the NAT made its mapping later than its turn.
    if range <= STEP * mapped.len() + NEAR && in_order + mapped.len() / 7 >= mapped.len() {
        return Ports::Sequential;
    }
    // What lies close by chance in a small pool is too little for «random».
    let near = mapped.windows(2).filter(|two| usize::from(two[0].abs_diff(two[1])) <= NEAR).count();
    if near * 4 < mapped.len() { Ports::Random } else { Ports::Unknown }
}

/// How many of the ports rise from first to last, the others left out.
fn longest_rising(ports: &[u16]) -> usize {
    let mut longest: Vec<usize> = Vec::with_capacity(ports.len());
    for (index, port) in ports.iter().enumerate() {
        let before = (0..index).filter(|earlier| ports[*earlier] < *port).map(|earlier| longest[earlier]);
        longest.push(before.max().unwrap_or(0) + 1);
    }
    longest.into_iter().max().unwrap_or(0)
}

fn is_shifted(pairs: &[(u16, u16)]) -> bool {
    let shift = |pair: &(u16, u16)| pair.1.wrapping_sub(pair.0);
    pairs.len() > 1 && pairs.iter().all(|pair| shift(pair) == shift(&pairs[0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_ports_are_preserved_even_when_one_was_taken() {
        assert_eq!(of_pairs(&[(40000, 40000), (40001, 40001), (40002, 40002)]), Ports::Preserved);
        assert_eq!(of_pairs(&[(1, 1), (2, 2), (3, 50_000), (4, 4), (5, 5)]), Ports::Preserved);
        assert_eq!(of_pairs(&[(1, 1), (2, 2)]), Ports::Unknown);
        assert_eq!(of_pairs(&[(1, 1), (2, 20_000), (3, 3), (4, 50_000), (5, 10_000)]), Ports::Unknown);
    }

    #[test]
    fn steps_upwards_or_downwards_are_sequential_also_with_one_loss() {
        let mapped = |ports: &[u16]| {
            let local = [51_000, 33_000, 60_001, 42_123, 35_777, 47_000, 39_000];
            local.into_iter().zip(ports.iter().copied()).collect::<Vec<_>>()
        };
        assert_eq!(of_pairs(&mapped(&[2000, 2001, 2002, 2004, 2011])), Ports::Sequential);
        assert_eq!(of_pairs(&mapped(&[2011, 2004, 2003, 2002, 2001])), Ports::Sequential);
        assert_eq!(of_pairs(&mapped(&[2000, 2001, 2090, 2003, 2004, 2005, 2006])), Ports::Sequential);
        assert_eq!(of_pairs(&mapped(&[2000, 60_001, 31_000, 5000, 44_000])), Ports::Random);
        assert_eq!(of_pairs(&mapped(&[2000, 60_001, 31_000, 5000])), Ports::Unknown, "too few");
        assert_eq!(of_pairs(&mapped(&[2000, 2050, 2010, 2060, 2005])), Ports::Unknown, "a small pool");
    }

    #[test]
    fn shifted_ports_are_neither_random_nor_sequential() {
        let pairs = [(50_000, 10_000), (33_000, 58_536), (61_000, 21_000), (40_000, 0), (45_000, 5000)];
        assert_eq!(of_pairs(&pairs), Ports::Unknown);
        assert!(unknown(&pairs).contains("shifted by -40000"));
    }
}
