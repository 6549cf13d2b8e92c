//! One attempt: all the steps on one address of a server, and the release at its end, however it ends.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use icescope_plugin_sdk::Outcome;
use icescope_probe_kit::clock::milliseconds;
use icescope_probe_kit::observe::Observer;
use icescope_probe_kit::stream::TrustAnchors;
use icescope_probe_kit::url::{Host, Protocol};
use tokio::time::Instant;

use super::allocation::{Allocation, Told};
use super::group::{Group, Holding};
use super::link::Link;
use super::stop::Stop;
use super::{path, stop};
use crate::attempt::Attempt;
use crate::credential::Credential;
use crate::engine::client::{Ask, Grant};
use crate::step::{Action, Failure, Step};

/// RFC 8656 §3.2: the usual lifetime, asked for again.
const LIFETIME: u32 = 600;
/// RFC 8656 §7.2: Allocation Quota Reached, Insufficient Capacity.
const QUOTA: u16 = 486;
const CAPACITY: u16 = 508;
/// How long to wait before a server that is full of this run's own allocations is asked again. It is not asked for ever:
/// see [`Group::may_be_full_of_ours`].
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// What to try.
#[derive(Debug, Clone)]
pub struct Target {
    /// The host of the URL, which a certificate has to name.
    pub host: Host,
    /// What carries the messages.
    pub protocol: Protocol,
    /// The server's address.
    pub address: SocketAddr,
    /// How long its name took to be looked up, in milliseconds, if it was.
    pub looked_up_ms: Option<f64>,
    /// With which credential.
    pub credential: Credential,
    /// Which other attempts share the credential's quota.
    pub group: Group,
}

/// How to try it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long one step waits for its answer.
    pub timeout: Duration,
    /// Datagrams through the relay.
    pub packets: u32,
    /// How long to measure throughput in each direction, if at all.
    pub throughput: Option<Duration>,
    /// Who is trusted to sign a server's certificate.
    pub trust: TrustAnchors,
}

/// One attempt under way.
pub struct Work<'a> {
    pub(super) target: &'a Target,
    pub(super) settings: &'a Settings,
    pub(super) observer: &'a Observer<'a>,
    pub(super) facts: Attempt,
    pub(super) first: Option<Allocation<'a>>,
    pub(super) second: Option<Allocation<'a>>,
    pub(super) doing: Action,
    holding: Vec<Holding>,
}

/// Tries a target. Whatever was allocated is released, also if `stop` comes first.
pub async fn attempt(target: &Target, settings: &Settings, observer: &Observer<'_>, stop: Stop) -> Attempt {
    let mut facts = Attempt::new(target.protocol, &target.host.to_string(), Some(target.address));
    facts.credential = Some(target.credential.told());
    facts.expected_realm.clone_from(&target.credential.realm);
    let mut work = Work {
        target,
        settings,
        observer,
        facts,
        first: None,
        second: None,
        doing: Action::Connect,
        holding: Vec::new(),
    };
    let start = Instant::now();
    let reason = tokio::select! {
        biased;
        reason = stop.requested() => Some(reason),
        () = work.steps() => None,
    };
    if let Some(reason) = reason {
        let ms = milliseconds(start.elapsed());
        work.push(Step::failed(work.doing, ms, Failure::Stopped, reason.word()));
    }
    work.release().await;
    work.facts
}

impl<'a> Work<'a> {
    /// Notes a step and tells the host.
    pub(super) fn push(&mut self, step: Step) {
        let outcome = if step.ok { Outcome::Pass } else { Outcome::Failed };
        let came_back = if step.ok && step.code.is_none() { "ok".to_owned() } else { step.came_back() };
        let mut event = self
            .observer
            .step("icescope.turn.step/1")
            .summary(format!("{} {}: {came_back}", self.facts.place(), step.action.word()))
            .outcome(outcome)
            .with("step", step.action.word())
            .with("protocol", self.target.protocol.as_str())
            .with("milliseconds", step.ms);
        if let Some(code) = step.code {
            event = event.with("errorCode", code);
        }
        if let Some(peer) = step.peer {
            event = event.with("peerAddress", peer.to_string());
        }
        event.emit();
        self.facts.steps.push(step);
    }

    /// The steps up to the release, as far as they go.
    async fn steps(&mut self) {
        if let Some(ms) = self.target.looked_up_ms {
            self.push(Step::passed(Action::Dns, ms).detail(format!(
                "{} is {}",
                self.target.host,
                self.target.address.ip()
            )));
        }
        let Some(link) = self.link(self.target.address, None).await else { return };
        self.first = Some(self.allocation(link));
        self.doing = Action::Allocate;
        let granted = self.allocate().await;
        self.remember();
        if granted.is_none() {
            return self.look_closer().await;
        }
        path::through(self).await;
        self.doing = Action::Refresh;
        let Some(first) = &mut self.first else { return };
        let told = first.ask(Ask::Refresh(LIFETIME)).await;
        self.note(told);
    }

    pub(super) fn allocation(&self, link: Link) -> Allocation<'a> {
        Allocation::new(link, self.target.credential.clone(), self.observer, self.settings.timeout)
    }

    /// The way to a server's address, with its own steps for TCP and TLS.
    pub(super) async fn link(&mut self, address: SocketAddr, allocation: Option<u8>) -> Option<Link> {
        self.doing = Action::Connect;
        let made = Link::make(
            address,
            self.target.protocol,
            &self.target.host,
            &self.settings.trust,
            self.settings.timeout,
        )
        .await;
        if made.tls.is_some() {
            self.facts.tls = made.tls;
        }
        for step in made.steps {
            self.push(Step { allocation, ..step });
        }
        made.link
    }

    fn note(&mut self, told: Told) -> Option<Grant> {
        for step in told.steps {
            self.push(step);
        }
        told.grant
    }

    /// Allocate, with a redirection followed once, and asked again while the server is full of this run's own
    /// allocations.
    async fn allocate(&mut self) -> Option<Grant> {
        let group = &self.target.group;
        let mut turn = None;
        loop {
            let holding = group.hold();
            let mut told = self.allocate_somewhere().await?;
            if let Some(grant) = told.grant {
                self.holding.push(holding.granted());
                self.facts.relayed_address = grant.relayed;
                self.facts.mapped_address = grant.mapped;
                self.facts.lifetime_s = grant.lifetime;
                return self.note(told);
            }
            let last = told.steps.last_mut().filter(|step| matches!(step.code, Some(QUOTA | CAPACITY)));
            let Some(last) = last.filter(|_| group.may_be_full_of_ours()) else { return self.note(told) };
            let why = "while the server counted other allocations of this run's; asked again after them";
            last.detail = Some(why.to_owned());
            self.note(told);
            drop(holding);
            if turn.is_none() {
                turn = Some(group.turn().await);
            }
            group.alone().await;
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    /// Allocate here, or where the server sends the client.
    async fn allocate_somewhere(&mut self) -> Option<Told> {
        let told = self.first.as_mut()?.ask(Ask::Allocate).await;
        let Some(elsewhere) = told.elsewhere else { return Some(told) };
        self.note(told);
        self.remember();
        self.facts.alternate_server = Some(elsewhere);
        let link = self.link(elsewhere, None).await?;
        self.doing = Action::Allocate;
        let first = self.first.as_mut()?;
        first.move_to(link);
        let mut told = first.ask(Ask::Allocate).await;
        if told.elsewhere.take().is_some()
            && let Some(step) = told.steps.last_mut()
        {
            // RFC 8489 §10: a client has to see to it that it does not go round in circles.
            *step =
                Step::failed(Action::Redirect, step.ms, Failure::Invalid, "it sends the client on once more");
        }
        Some(told)
    }

    /// What the client has learnt of the server beside the answers.
    fn remember(&mut self) {
        let Some(first) = &self.first else { return };
        self.facts.software = first.client().software().map(str::to_owned).or(self.facts.software.take());
        self.facts.realm = first.client().realm().map(str::to_owned).or(self.facts.realm.take());
    }

    /// There is no allocation: a Binding tells a server without TURN from one that is not there.
    async fn look_closer(&mut self) {
        let failed = self.facts.failed(Action::Allocate).or_else(|| self.facts.failed(Action::Challenge));
        let worth_it = failed.is_some_and(|step| {
            matches!(step.code, Some(400 | 404)) || step.failure == Some(Failure::Timeout)
        });
        if let Some(first) = self.first.as_mut().filter(|_| worth_it) {
            self.doing = Action::Binding;
            let told = first.ask(Ask::Binding).await;
            self.note(told);
            self.remember();
        }
    }

    /// Gives back all that may have been allocated.
    async fn release(&mut self) {
        self.doing = Action::Release;
        let made = [self.first.take(), self.second.take()].into_iter().flatten();
        let mut made: Vec<_> = made.filter(Allocation::may_exist).collect();
        let existed = made.iter().any(|allocation| allocation.relayed().is_some());
        let releases = made.iter_mut().map(|allocation| allocation.release(stop::RELEASE));
        let steps = join_all(releases).await;
        if existed {
            self.facts.released = Some(steps.iter().all(|step| step.ok));
            for step in steps {
                self.push(step);
            }
        }
        self.holding.clear();
    }
}
