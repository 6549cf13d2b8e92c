//! Hairpinning: from one own socket to the other's mapped address (RFC 4787 §6).

use super::{View, ids, mapping, translation};
use crate::engine::test::{Kind, Test};
use crate::facts::{Finding, Mapping};

/// The verdict; without a NAT there is nothing to ask.
pub fn overall(view: &View<'_>) -> Finding<Option<bool>> {
    let tests = || view.tests.iter().filter(|test| test.kind == Kind::Hairpin);
    match translation::nat(view).value {
        Some(false) => return Finding::unknown("there is no NAT that could do it", Vec::new()),
        None => return Finding::unknown("it is not known whether there is a NAT", Vec::new()),
        Some(true) => {}
    }
    if let Some(test) = tests().find(|test| test.heard.iter().any(|heard| heard.answer.is_none())) {
        return Finding::new(
            Some(true),
            format!("what was sent to the own mapped address {} came in", test.to),
            vec![test.id],
        );
    }
    if tests().next().is_none() || !tests().all(Test::is_silent) {
        return Finding::unknown("it was not asked often enough", ids(tests()));
    }
    // Both sockets send to each other's mapped address, so that each opens the filter for the other. With a mapping that
    // depends on the destination they send from yet other addresses; then the filter may be what keeps them out. What
    // RFC 5780 §4.5 asks is whether it comes in, and it does not.
    let because = if mapping::overall(view).value == Mapping::EndpointIndependent {
        "what was sent to the own mapped addresses did not come in"
    } else {
        "what was sent to the own mapped addresses did not come in; with this mapping the filter may be why"
    };
    Finding::new(Some(false), because, ids(tests()))
}
