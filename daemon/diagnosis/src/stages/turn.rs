//! TURN (RFC 8656): what a server refused, to the daemon by the wiretap, to the browser by its own word or our relay's.

use icescope_model::verdict::{Side, Stage};

use crate::course::Course;
use crate::facts::attributes::{Scope, host, scope};
use crate::facts::candidates::has;
use crate::facts::servers::{Error, Server};
use crate::facts::{Facts, keep};
use crate::fault::Fault;

pub fn faults(facts: &Facts, course: &Course, found: &mut Vec<Fault>) {
    for server in &facts.servers.all {
        let ctx = Context { facts, course, server };
        for error in &server.errors {
            if let Some(fault) = refused(&ctx, error) {
                merge(found, fault);
            }
        }
        private_relay(&ctx, found);
        wrong_port(&ctx, found);
    }
    browsers_word(facts, found);
    rules_of_our_relay(facts, found);
}

struct Context<'a> {
    facts: &'a Facts,
    course: &'a Course,
    server: &'a Server,
}

impl Context<'_> {
    fn decides(&self) -> bool {
        self.facts.candidates.lack(self.server.side)
    }

    fn end(&self) -> &'static str {
        if self.server.side == Side::Client { "browser" } else { "daemon" }
    }

    fn fault(&self, cause: &'static str, error: &Error, what: &str) -> Fault {
        let (end, address) = (self.end(), &self.server.address);
        let reason = if error.reason.is_empty() { String::new() } else { format!(" {}", error.reason) };
        let summary = format!(
            "The TURN server {address} answered the {end}'s {} with {}{reason}: {what}.",
            request(&error.kind),
            error.code
        );
        Fault::fatal(cause, Stage::Servers, summary)
            .fatal_if(self.decides())
            .of(Side::Server)
            .proven()
            .with("server", address.as_str())
            .with("end", end)
            .shown_by([error.at])
    }
}

fn request(kind: &str) -> &'static str {
    match kind.split('.').nth(1).unwrap_or_default() {
        "allocate" => "Allocate",
        "refresh" => "Refresh",
        "create_permission" => "CreatePermission",
        "channel_bind" => "ChannelBind",
        _ => "request",
    }
}

fn refused(ctx: &Context<'_>, error: &Error) -> Option<Fault> {
    let about_allocation = error.kind.starts_with("turn.allocate.");
    Some(match error.code {
        401 if error.realm.is_empty() => {
            ctx.fault("D6", error, "there is no REALM, so no client can sign its requests")
        }
        401 if error.refused => credential(ctx, error),
        400 | 404 | 405 if about_allocation => ctx.fault("D25", error, "it does not serve TURN there"),
        300 => {
            let what = format!("it sends its clients to {}", or_nowhere(&error.alternate));
            ctx.fault("D16", error, &what)
        }
        403 if about_allocation => {
            ctx.fault("D7", error, "this user may not have an allocation").with("peer", "this user")
        }
        403 => forbidden(ctx, error),
        437 => ctx.fault("D9", error, "it has another allocation on these addresses, or none any more"),
        438 => return stale_nonce(ctx, error),
        441 => ctx.fault("D11", error, "the allocation belongs to another user name"),
        442 => ctx.fault("D12", error, "it does not relay over UDP"),
        440 | 443 | 446 => {
            let fault = ctx.fault("D13", error, "it does not relay this address family");
            fault.fatal_if(ctx.decides() && ctx.server.relayed.is_empty())
        }
        486 => ctx.fault("D14", error, "this user has as many allocations as it may"),
        508 => ctx.fault("D15", error, "it has no free port to relay from"),
        _ => return None,
    })
}

fn or_nowhere(text: &str) -> &str {
    if text.is_empty() { "another server, without naming it" } else { text }
}

fn credential(ctx: &Context<'_>, error: &Error) -> Fault {
    let late = ctx.server.relayed.first();
    let ended = ctx.facts.servers.ending.as_ref().filter(|(address, ..)| *address == ctx.server.address);
    if let (Some(granted), true) = (late, late.is_some_and(|said| said.time < error.time)) {
        let what = "it had accepted the same credential before, so its time is over";
        let fault = ctx.fault("D3", error, what).of(Side::Server);
        return fault.proven_if(ended.is_some()).shown_by([granted.at]).shown_by(ended.map(|(.., at)| *at));
    }
    let asked = u64::try_from(ctx.course.opened_unix_ms / 1_000 + error.time / 1_000_000).unwrap_or(0);
    if let Some(expires) = error.expires.filter(|expires| *expires <= asked) {
        let what = format!("the credential's time was over {} before", span(asked - expires));
        return ctx.fault("D3", error, &what);
    }
    ctx.fault("D2", error, "it does not accept the user name and password")
}

fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Fatal only if the server permits no peer at all.
fn forbidden(ctx: &Context<'_>, error: &Error) -> Fault {
    let peer = if error.peer.is_empty() { "the peer's address" } else { &error.peer };
    let what = format!("its rules do not let it send to {peer}");
    let all = ctx.server.permitted == 0;
    ctx.fault("D7", error, &what).fatal_if(all).with("peer", peer)
}

/// 438 is ordinary (RFC 8489 §9.2.4), if the request comes again with the new nonce.
fn stale_nonce(ctx: &Context<'_>, error: &Error) -> Option<Fault> {
    let last = ctx.server.turn.last.max(ctx.server.refresh.last);
    let asked_again = last.is_some_and(|last| last > error.time);
    // The next request is sent as soon as the answer is there.
    let waited = ctx.course.now - error.time > 1_000_000;
    (waited && !asked_again).then(|| {
        ctx.fault("D10", error, "the nonce has run out, and the request was not sent again with the new one")
    })
}

/// XOR-RELAYED-ADDRESS is of a network that the server's own address is not in.
fn private_relay(ctx: &Context<'_>, found: &mut Vec<Fault>) {
    let of = |text: &str| host(text).parse().ok().map(scope);
    let server = of(&ctx.server.address);
    for relayed in &ctx.server.relayed {
        let inner = matches!(of(&relayed.text), Some(Scope::Private | Scope::Shared | Scope::Loopback));
        if server == Some(Scope::Public) && inner {
            let summary = format!(
                "The TURN server {} relays from {}, an address that only its own network reaches.",
                ctx.server.address, relayed.text
            );
            let fault = Fault::fatal("D8", Stage::Servers, summary).of(Side::Server).proven();
            found.push(fault.with("server", ctx.server.address.as_str()).shown_by([relayed.at]));
            return;
        }
    }
}

/// It answers STUN and says nothing to TURN.
fn wrong_port(ctx: &Context<'_>, found: &mut Vec<Fault>) {
    let (turn, binding) = (&ctx.server.turn, &ctx.server.binding);
    let waited = turn.first.is_some_and(|first| ctx.course.now - first >= super::SETTLED);
    if turn.requests == 0 || turn.answers > 0 || binding.answers == 0 || !waited {
        return;
    }
    let summary = format!(
        "{} answers STUN and not one of {} TURN requests: it is no TURN server.",
        ctx.server.address, turn.sent
    );
    let fault = Fault::fatal("D25", Stage::Servers, summary).fatal_if(ctx.decides()).of(Side::Server);
    found.push(
        fault
            .with("server", ctx.server.address.as_str())
            .shown_by(turn.at.iter().copied().take(3))
            .shown_by(binding.at.first().copied()),
    );
}

/// What the browser's own relay attempts came to, by icecandidateerror.
fn browsers_word(facts: &Facts, found: &mut Vec<Fault>) {
    let mut told: Vec<(&str, u64)> = Vec::new();
    for error in facts.candidates.errors.iter().filter(|error| error.url.starts_with("turn")) {
        let (cause, what): (&'static str, &str) = match error.code {
            401 => ("D2", "it does not accept the user name and password"),
            403 => ("D7", "it forbids what the browser asks"),
            437 => ("D9", "it has another allocation on these addresses"),
            441 => ("D11", "the allocation belongs to another user name"),
            442 => ("D12", "it does not relay over UDP"),
            440 | 443 | 446 => ("D13", "it does not relay this address family"),
            486 => ("D14", "this user has as many allocations as it may"),
            508 => ("D15", "it has no free port to relay from"),
            300 => ("D16", "it sends its clients elsewhere"),
            400 | 404 => ("D25", "it does not serve TURN there"),
            _ => continue,
        };
        if told.contains(&(error.url.as_str(), error.code)) {
            continue;
        }
        keep(&mut told, (error.url.as_str(), error.code));
        let summary = format!("{} answered the browser with {}: {what}.", error.url, error.code);
        let same = facts
            .candidates
            .errors
            .iter()
            .filter(|other| (&other.url, other.code) == (&error.url, error.code));
        let fault = Fault::fatal(cause, Stage::Servers, summary)
            .fatal_if(facts.candidates.lack(Side::Client))
            .of(Side::Server)
            .proven()
            .with("server", error.url.as_str())
            .with("end", "browser")
            .with("peer", "the peer's address")
            .shown_by(same.map(|error| error.at));
        found.push(fault);
    }
}

fn rules_of_our_relay(facts: &Facts, found: &mut Vec<Fault>) {
    let Some((peer, _)) = facts.servers.peer_refused.first() else { return };
    let summary =
        format!("The daemon's own relay does not let the browser reach {peer}: its rules forbid that peer.");
    let only_relays = facts.candidates.browser.iter().all(|candidate| candidate.kind == "relay");
    let fault = Fault::degraded("D7", Stage::Servers, summary)
        .fatal_if(only_relays && has(&facts.candidates.browser, "relay"))
        .of(Side::Server)
        .proven();
    let evidence = facts.servers.peer_refused.iter().map(|(_, at)| *at);
    found.push(fault.with("server", "the daemon's relay").with("peer", peer.as_str()).shown_by(evidence));
}

/// One fault per server, end and code: it is asked again and again, for one peer after the other.
fn merge(found: &mut Vec<Fault>, fault: Fault) {
    let head = |fault: &Fault| {
        fault.summary.split(':').take(2).collect::<String>().split(" with ").next().map(str::to_owned)
    };
    match found.iter_mut().find(|known| known.cause == fault.cause && head(known) == head(&fault)) {
        Some(known) => *known = known.clone().shown_by(fault.evidence),
        None => found.push(fault),
    }
}
