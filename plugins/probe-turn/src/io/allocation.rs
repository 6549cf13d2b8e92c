//! One allocation on one server, from its link to its release.

use std::net::SocketAddr;
use std::time::Duration;

use icescope_probe_kit::clock::milliseconds;
use icescope_probe_kit::message::{Class, Message, Method};
use icescope_probe_kit::observe::Observer;
use tokio::time::Instant;

use super::link::{Answered, Link};
use crate::credential::Credential;
use crate::engine::channel;
use crate::engine::client::{self, Ask, Client, Grant, Next};
use crate::step::{Action, Failure, Step};

/// A challenge, a new nonce, and what is asked: more than that is a server that goes round in circles.
const MOST_REQUESTS: usize = 4;

/// What a question came to.
#[derive(Debug)]
pub struct Told {
    /// The last step; a challenge before it, if there was one.
    pub steps: Vec<Step>,
    /// What was granted.
    pub grant: Option<Grant>,
    /// Where the server sent the client.
    pub elsewhere: Option<SocketAddr>,
}

/// The client's end.
#[derive(Debug)]
pub struct Allocation<'a> {
    link: Link,
    client: Client,
    observer: &'a Observer<'a>,
    timeout: Duration,
    channels: Vec<(u16, SocketAddr)>,
    relayed: Option<SocketAddr>,
    /// An Allocate with credentials has been sent: there may be an allocation on the server.
    may_exist: bool,
    /// 2 for the one that stands in for a peer.
    number: Option<u8>,
}

impl<'a> Allocation<'a> {
    /// Nothing asked yet.
    pub fn new(link: Link, credential: Credential, observer: &'a Observer<'a>, timeout: Duration) -> Self {
        Self {
            link,
            client: Client::new(credential),
            observer,
            timeout,
            channels: Vec::new(),
            relayed: None,
            may_exist: false,
            number: None,
        }
    }

    /// Its number in its steps; the one under test has none.
    #[must_use]
    pub fn numbered(mut self, number: Option<u8>) -> Self {
        self.number = number;
        self
    }

    /// What the client knows of the server.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The way to the server.
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// XOR-RELAYED-ADDRESS.
    pub fn relayed(&self) -> Option<SocketAddr> {
        self.relayed
    }

    /// There is something to release.
    pub fn may_exist(&self) -> bool {
        self.may_exist
    }

    /// Goes to another server: what the last one said counts no more.
    pub fn move_to(&mut self, link: Link) {
        self.link = link;
        self.client.forget_server();
        self.may_exist = false;
    }

    /// Asks, and asks again as a challenge or a new nonce wants it.
    pub async fn ask(&mut self, ask: Ask) -> Told {
        self.ask_within(ask, self.timeout).await
    }

    async fn ask_within(&mut self, ask: Ask, limit: Duration) -> Told {
        let mut told = Told { steps: Vec::new(), grant: None, elsewhere: None };
        let mut start = Instant::now();
        let mut note = None;
        for _ in 0..MOST_REQUESTS {
            let sent = match self.client.request(ask) {
                Ok(sent) => sent,
                Err(error) => {
                    told.steps.push(self.step(Step::failed(
                        action(ask),
                        0.0,
                        Failure::Credential,
                        error.to_string().trim(),
                    )));
                    return told;
                }
            };
            self.may_exist |= ask == Ask::Allocate && sent.authenticated;
            let bare = ask == Ask::Allocate && !sent.authenticated;
            let action = if bare { Action::Challenge } else { action(ask) };
            let answered = self.link.transact(&sent.bytes, limit, self.observer).await;
            let ms = milliseconds(start.elapsed());
            let answer = match answered {
                Answered::Message(answer) => answer,
                Answered::Failed(failure, detail) => {
                    told.steps.push(self.step(Step::failed(action, ms, failure, detail)));
                    return told;
                }
            };
            let step = match self.client.receive(ask, &sent, &answer) {
                Next::Challenged { reason } => {
                    let step = Step { code: Some(401), reason: Some(reason), ..Step::passed(action, ms) };
                    told.steps
                        .push(self.step(step.detail("the usual challenge: the server names its realm")));
                    start = Instant::now();
                    continue;
                }
                Next::NewNonce => {
                    note = Some("repeated with the new nonce after 438 Stale Nonce");
                    continue;
                }
                Next::Granted(grant) => {
                    told.grant = Some(grant);
                    if ask == Ask::Allocate {
                        self.relayed = grant.relayed;
                        self.may_exist = true;
                    }
                    // A server that asks for no credentials grants the first Allocate.
                    let action = if bare { Action::Allocate } else { action };
                    Step { detail: note.map(str::to_owned), ..Step::passed(action, ms) }
                }
                Next::Elsewhere(address) => {
                    told.elsewhere = Some(address);
                    Step {
                        code: Some(300),
                        reason: answer.error().map(|error| error.reason),
                        ..Step::passed(Action::Redirect, ms)
                            .detail(format!("the server names {address} instead"))
                    }
                }
                Next::Refused { code, reason, detail } => {
                    let detail = detail.or_else(|| note.map(str::to_owned));
                    let action = if code == 300 { Action::Redirect } else { action };
                    Step { detail, ..Step::refused(action, ms, code, reason) }
                }
                Next::Unusable(why) => Step::failed(Action::Allocate, ms, Failure::Credential, why),
                Next::Invalid(why) => Step::failed(action, ms, Failure::Invalid, why),
            };
            told.steps.push(self.step(step));
            return told;
        }
        let ms = milliseconds(start.elapsed());
        let why = format!("{MOST_REQUESTS} requests, and the server still wants another");
        told.steps.push(self.step(Step::failed(action(ask), ms, Failure::Invalid, why)));
        told
    }

    fn step(&self, step: Step) -> Step {
        Step { allocation: self.number, ..step }
    }

    /// A permission for `peer`.
    pub async fn permit(&mut self, peer: SocketAddr) -> Step {
        let told = self.ask(Ask::Permission(peer)).await;
        Step { peer: Some(peer), ..last(told) }
    }

    /// A channel to `peer`, which data to it takes from now on.
    pub async fn bind(&mut self, peer: SocketAddr) -> Step {
        let number = channel::FIRST + self.channels.len() as u16;
        let told = self.ask(Ask::ChannelBind(number, peer)).await;
        if told.grant.is_some() {
            self.channels.push((number, peer));
        }
        Step { peer: Some(peer), ..last(told) }
    }

    /// Data to `peer`: by its channel if it has one, else by a Send indication. False if the link is gone.
    pub async fn send(&self, peer: SocketAddr, data: &[u8]) -> bool {
        let channel = self.channels.iter().find(|(_, bound)| *bound == peer);
        let message = match channel {
            Some((number, _)) => channel::encode(*number, data, self.link.is_stream()),
            None => match client::send_indication(peer, data) {
                Ok(message) => message,
                Err(_) => return false,
            },
        };
        self.link.send(&message).await
    }

    /// The next data from a peer; `None` if the link is gone. May be dropped at any time without losing data.
    pub async fn receive(&self) -> Option<(SocketAddr, Vec<u8>)> {
        loop {
            let message = self.link.unclaimed().await?;
            if let Some((number, data)) = channel::decode(&message) {
                if let Some((_, peer)) = self.channels.iter().find(|(bound, _)| *bound == number) {
                    return Some((*peer, data.to_vec()));
                }
            } else if let Some(found) = data_indication(&message) {
                return Some(found);
            }
        }
    }

    /// Gives the allocation back, within `limit`.
    pub async fn release(&mut self, limit: Duration) -> Step {
        // RFC 8656 §8.2: a lifetime of zero deletes it.
        let told = self.ask_within(Ask::Refresh(0), limit).await;
        let step = Step { action: Action::Release, ..last(told) };
        if step.code == Some(437) {
            // There is none: that is what was wanted.
            return Step { ok: true, failure: None, ..step }
                .detail("the server has no such allocation any more");
        }
        step
    }
}

fn action(ask: Ask) -> Action {
    match ask {
        Ask::Binding => Action::Binding,
        Ask::Allocate => Action::Allocate,
        Ask::Refresh(_) => Action::Refresh,
        Ask::Permission(_) => Action::Permission,
        Ask::ChannelBind(..) => Action::ChannelBind,
    }
}

fn last(mut told: Told) -> Step {
    // `ask` pushes one at every end.
    told.steps
        .pop()
        .unwrap_or_else(|| Step::failed(Action::Refresh, 0.0, Failure::Invalid, "nothing was asked"))
}

/// A Data indication (RFC 8656 §11.4): where it came from, and the data.
fn data_indication(message: &[u8]) -> Option<(SocketAddr, Vec<u8>)> {
    let message = Message::decode(message).ok()?;
    if (message.method(), message.class()) != (Method::Data, Class::Indication) {
        return None;
    }
    Some((message.peer_address()?, message.data()?.to_vec()))
}
