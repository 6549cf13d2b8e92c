//! What the page says and is told, whichever way it comes.

use icescope_evidence::Session;
use icescope_model::Monotonic;
use icescope_model::api::{FromPage, ToPage};
use icescope_model::signal::LocalCandidates;

/// Events in one message, so that a long record does not hold up an answer to a `ping`.
pub(crate) const EVENTS_PER_MESSAGE: usize = 200;

/// Browser events taken from one message.
const MOST_BROWSER_EVENTS: usize = 1_000;

/// Takes one message of the page in; returns what to answer. `received` is when it came.
pub(crate) fn take(session: &Session, message: FromPage, received: Monotonic) -> Option<ToPage> {
    match message {
        FromPage::Hello { .. } => Some(error("hello is the first message of a live channel, and comes once")),
        FromPage::Ping { sent } => Some(ToPage::Pong {
            sent,
            received: session.axis(received),
            answered: session.axis(Monotonic::now()),
        }),
        FromPage::Clock { offset, uncertainty } => {
            session.set_clock(offset, uncertainty);
            None
        }
        FromPage::Events { events } if events.len() > MOST_BROWSER_EVENTS => Some(error(format!(
            "{} events in one message; at most {MOST_BROWSER_EVENTS} are taken",
            events.len()
        ))),
        FromPage::Events { events } => Some(ToPage::Ack { number: session.browser_events(events) }),
    }
}

/// The page is told what it said wrong.
pub(crate) fn error(message: impl Into<String>) -> ToPage {
    ToPage::Error { message: message.into() }
}

/// Which of the daemon's candidates a page has been told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    ufrag: String,
    count: usize,
    complete: bool,
}

/// The messages for candidates that the page has not been told yet.
pub(crate) fn candidates(local: &LocalCandidates, told: &mut Told) -> Vec<ToPage> {
    if local.ufrag != told.ufrag {
        *told = Told { ufrag: local.ufrag.clone(), ..Told::default() };
    }
    let message = |candidate: &str| ToPage::Candidate {
        candidate: candidate.to_owned(),
        username_fragment: local.ufrag.clone(),
    };
    let mut messages: Vec<ToPage> =
        local.candidates.iter().skip(told.count).map(|candidate| message(candidate)).collect();
    told.count = told.count.max(local.candidates.len());
    if local.complete && !told.complete {
        told.complete = true;
        messages.push(message(""));
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(ufrag: &str, ports: &[u16], complete: bool) -> LocalCandidates {
        let candidates =
            ports.iter().map(|port| format!("candidate:1 1 udp 1 192.0.2.1 {port} typ host")).collect();
        LocalCandidates { ufrag: ufrag.into(), pwd: "p".into(), candidates, complete }
    }

    fn told(messages: &[ToPage]) -> Vec<(String, String)> {
        let of = |message: &ToPage| match message {
            ToPage::Candidate { candidate, username_fragment } => {
                let port = candidate.split(' ').nth(5).unwrap_or("end").to_owned();
                (username_fragment.clone(), port)
            }
            other => panic!("{other:?}"),
        };
        messages.iter().map(of).collect()
    }

    #[test]
    fn each_candidate_is_told_once_per_generation() {
        let mut state = Told::default();
        assert!(candidates(&LocalCandidates::default(), &mut state).is_empty());
        let pair = |ufrag: &str, port: &str| (ufrag.to_owned(), port.to_owned());
        assert_eq!(told(&candidates(&local("a", &[1], false), &mut state)), [pair("a", "1")]);
        assert!(candidates(&local("a", &[1], false), &mut state).is_empty());
        assert_eq!(
            told(&candidates(&local("a", &[1, 2], true), &mut state)),
            [pair("a", "2"), pair("a", "end")]
        );
        assert!(candidates(&local("a", &[1, 2], true), &mut state).is_empty());
        assert_eq!(told(&candidates(&local("b", &[1], false), &mut state)), [pair("b", "1")]);
    }
}
