//! The live channel.

use std::time::{Duration, Instant};

use futures_util::SinkExt;
use icescope_evidence::Session;
use icescope_model::api::{FromPage, SessionState, ToPage};
use icescope_model::plugin::PluginState;
use icescope_model::signal::{CloseReason, PeerState};
use icescope_model::{Event, Evidence, Lane, Observation, Scope};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::live_page::Page;
use crate::peer::candidate;
use crate::sessions::{browser_event, plugin};
use crate::support::{PATIENCE, event, start};

fn note(session: &Session, kind: &'static str, weight: usize) {
    let observation =
        Observation::new(Scope::Session(session.id()), Evidence::Packet, Lane::Web, Lane::Peer, kind);
    session.observe(observation.with("data", "x".repeat(weight)));
}

fn has_no_gap(events: &[Event]) -> bool {
    events.windows(2).all(|pair| pair[1].sequence == pair[0].sequence + 1)
}

#[tokio::test]
async fn hello_brings_head_events_and_plugins() {
    let server = start();
    server.evidence.set_plugins(vec![plugin(PluginState::Ready)]);
    let opened = server.open().await;
    let mut page = Page::open(&server, &opened, 0).await;
    let (mut head, mut plugins, mut events) = (None, None, Vec::new());
    while head.is_none()
        || plugins.is_none()
        || !events.iter().any(|event: &Event| event.kind == "signalling.live.open")
    {
        match page.hear().await.unwrap() {
            ToPage::Session { session } => head = Some(session),
            ToPage::Plugins { plugins: told } => plugins = Some(told),
            ToPage::Events { events: told } => events.extend(told),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(head.unwrap().state, SessionState::New);
    assert_eq!(plugins.unwrap(), [plugin(PluginState::Ready)]);
    assert_eq!(events[0].sequence, 0);
    server.evidence.set_plugins(vec![plugin(PluginState::BackingOff)]);
    let told = page
        .until(|message| if let ToPage::Plugins { plugins } = message { Some(plugins) } else { None })
        .await;
    assert_eq!(told[0].state, PluginState::BackingOff);
}

#[tokio::test]
async fn only_the_sessions_token_opens_its_channel() {
    let server = start();
    let (mine, other) = (server.open().await, server.open().await);
    for token in [other.token.as_str(), "", &mine.token[1..]] {
        let mut page = Page::connect(server.address, &mine.live).await;
        page.say(&FromPage::Hello { token: token.into(), next: 0 }).await;
        assert_eq!(page.closed().await, 4401);
    }
    for path in [format!("/api/sessions/{:032x}/live", 5), "/api/sessions/x/live".into()] {
        let mut page = Page::connect(server.address, &path).await;
        assert_eq!(page.closed().await, 4404);
    }
    for first in ["{}", "", r#"{"type":"ping","sent":1}"#] {
        let mut page = Page::connect(server.address, &mine.live).await;
        page.send(Message::Text(first.into())).await;
        assert_eq!(page.closed().await, 4400, "{first}");
    }
    let mut silent = Page::connect(server.address, &mine.live).await;
    let began = Instant::now();
    assert_eq!(silent.closed().await, 4408);
    assert!(began.elapsed() >= Duration::from_secs(4));
    let events = server.session(mine.id).events_since(0, 100);
    assert!(!events.iter().any(|event| event.kind == "signalling.live.open"), "none of these was let in");
}

#[tokio::test]
async fn foreign_origins_and_plain_requests_are_refused_before_the_upgrade() {
    let server = start();
    let opened = server.open().await;
    let status = async |origin: &str| {
        let mut request = format!("ws://{}{}", server.address, opened.live).into_client_request().unwrap();
        request.headers_mut().insert("origin", origin.parse().unwrap());
        let stream = TcpStream::connect(server.address).await.unwrap();
        match client_async(request, stream).await {
            Ok(_) => 101,
            Err(Error::Http(response)) => response.status().as_u16(),
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(status("https://evil.example").await, 403);
    assert_eq!(status("null").await, 403);
    assert_eq!(status(&format!("http://{}", server.address)).await, 101);
    let reply = server.ask("GET", &opened.live).send().await;
    reply.refused(426, "websocket-required");
    assert_eq!(reply.field("upgrade"), Some("websocket"));
}

#[tokio::test]
async fn clocks_are_compared_and_set() {
    let server = start();
    let opened = server.open().await;
    let session = server.session(opened.id);
    let mut page = Page::open(&server, &opened, 0).await;
    let before = session.axis(icescope_model::Monotonic::now());
    page.say(&FromPage::Ping { sent: -77 }).await;
    let (sent, received, answered) = page
        .until(|message| match message {
            ToPage::Pong { sent, received, answered } => Some((sent, received, answered)),
            _ => None,
        })
        .await;
    let after = session.axis(icescope_model::Monotonic::now());
    assert_eq!(sent, -77);
    assert!(
        before <= received && received <= answered && answered <= after,
        "{before} {received} {answered} {after}"
    );
    page.say(&FromPage::Clock { offset: 5_000, uncertainty: 40 }).await;
    page.say(&FromPage::Events { events: vec![browser_event(1)] }).await;
    let seen = event(&session, |event| event.kind == "ice.gathering").await;
    assert_eq!((seen.time, seen.uncertainty), (6_000, 40));
}

#[tokio::test]
async fn browser_events_are_acknowledged_and_kept_once() {
    let server = start();
    let opened = server.open().await;
    let session = server.session(opened.id);
    session.set_clock(0, 0);
    let ack = |message| if let ToPage::Ack { number } = message { Some(number) } else { None };
    let mut page = Page::open(&server, &opened, 0).await;
    page.say(&FromPage::Events { events: (1..=3).map(browser_event).collect() }).await;
    assert_eq!(page.until(ack).await, 3);
    drop(page);
    // The page cannot know what came through before the break, so it sends again what was not acknowledged to it.
    let mut page = Page::open(&server, &opened, 0).await;
    page.say(&FromPage::Events { events: (2..=5).map(browser_event).collect() }).await;
    assert_eq!(page.until(ack).await, 5);
    let kept: Vec<String> = session
        .events_since(0, usize::MAX)
        .into_iter()
        .filter(|event| event.kind == "ice.gathering")
        .map(|event| event.summary)
        .collect();
    assert_eq!(kept, ["event 1", "event 2", "event 3", "event 4", "event 5"]);
}

#[tokio::test]
async fn events_come_in_order_and_go_on_where_they_were_after_a_break() {
    let server = start();
    let opened = server.open().await;
    let session = server.session(opened.id);
    let mut page = Page::open(&server, &opened, 0).await;
    for _ in 0..450 {
        note(&session, "test.packet", 10);
    }
    note(&session, "test.last", 0);
    let first = page.events_until(|event| event.kind == "test.last").await;
    assert_eq!(first[0].sequence, 0);
    assert!(has_no_gap(&first));
    drop(page);
    note(&session, "test.meanwhile", 0);
    let next = first.last().unwrap().sequence + 1;
    let mut page = Page::open(&server, &opened, next).await;
    note(&session, "test.again", 0);
    let second = page.events_until(|event| event.kind == "test.again").await;
    assert_eq!(second[0].sequence, next, "nothing twice");
    assert!(has_no_gap(&second) && second.iter().any(|event| event.kind == "test.meanwhile"));
}

#[tokio::test]
async fn a_burst_becomes_few_messages() {
    let server = start();
    let opened = server.open().await;
    let session = server.session(opened.id);
    let mut page = Page::open(&server, &opened, 0).await;
    page.events_until(|event| event.kind == "signalling.live.open").await;
    let began = Instant::now();
    let noting = tokio::spawn(async move {
        for _ in 0..300 {
            note(&session, "test.packet", 10);
            tokio::task::yield_now().await;
        }
        note(&session, "test.last", 0);
    });
    let mut messages = 0_u32;
    loop {
        if let ToPage::Events { events } = page.hear().await.unwrap() {
            messages += 1;
            if events.iter().any(|event| event.kind == "test.last") {
                break;
            }
        }
    }
    noting.await.unwrap();
    let most = 3 + u32::try_from(began.elapsed().as_millis()).unwrap() / 20 + 2;
    assert!(messages <= most, "{messages} messages in {:?}", began.elapsed());
}

#[tokio::test]
async fn candidates_of_the_daemon_come_as_they_are_gathered() {
    let server = start();
    let opened = server.open().await;
    let joined = format!("{}.{}", opened.id, opened.token);
    let mut page = Page::open(&server, &opened, 0).await;
    assert_eq!(server.post_offer("/whep").with("icescope-session", &joined).send().await.status, 201);
    let next = |message| match message {
        ToPage::Candidate { candidate, username_fragment } => Some((candidate, username_fragment)),
        _ => None,
    };
    let told = |port: u16, ufrag: &str| (candidate(port), ufrag.to_owned());
    assert_eq!(page.until(next).await, told(5000, "dmn1"));
    server.peer.gather(opened.id, "dmn1", &[5000, 5001], false);
    assert_eq!(page.until(next).await, told(5001, "dmn1"));
    server.peer.gather(opened.id, "dmn1", &[5000, 5001], true);
    assert_eq!(page.until(next).await, (String::new(), "dmn1".to_owned()), "no more will come");
    // Another generation begins anew; and who comes later hears all of it.
    server.peer.gather(opened.id, "dmn2", &[6000], true);
    assert_eq!(page.until(next).await, told(6000, "dmn2"));
    assert_eq!(page.until(next).await.0, "");
    let mut late = Page::open(&server, &opened, 0).await;
    assert_eq!(late.until(next).await, told(6000, "dmn2"));
    let session = server.session(opened.id);
    let sent = event(&session, |event| {
        event.kind == "signalling.candidate"
            && event.to == Lane::Web
            && event.attributes["candidate"] == candidate(6000)
    });
    sent.await;
}

#[tokio::test]
async fn the_head_is_told_when_the_state_changes() {
    let server = start();
    let opened = server.open().await;
    let joined = format!("{}.{}", opened.id, opened.token);
    let mut page = Page::open(&server, &opened, 0).await;
    server.post_offer("/whep").with("icescope-session", &joined).send().await;
    server.peer.set_state(opened.id, PeerState::Connected);
    let head = |wanted: SessionState| {
        move |message| match message {
            ToPage::Session { session } if session.state == wanted => Some(session),
            _ => None,
        }
    };
    page.until(head(SessionState::Connected)).await;
    server.session(opened.id).close(CloseReason::Deleted).await;
    let last = page.until(head(SessionState::Closed)).await;
    assert_eq!(last.closed.unwrap().code, "deleted");
}

#[tokio::test]
async fn nonsense_is_told_and_does_no_harm_until_it_is_too_much() {
    let server = start();
    let opened = server.open().await;
    let mut page = Page::open(&server, &opened, 0).await;
    let error = |message| if let ToPage::Error { message } = message { Some(message) } else { None };
    for nonsense in [
        "",
        "{",
        "[]",
        r#"{"type":"dance"}"#,
        r#"{"type":"events","events":[{"number":"one"}]}"#,
        r#"{"type":"ping"}"#,
        r#"{"type":"clock","offset":1e99,"uncertainty":-1}"#,
    ] {
        page.send(Message::Text(nonsense.into())).await;
        assert!(!page.until(error).await.is_empty(), "{nonsense}");
    }
    page.send(Message::Binary(vec![1, 2, 3].into())).await;
    page.until(error).await;
    page.say(&FromPage::Hello { token: opened.token.clone(), next: 0 }).await;
    page.until(error).await;
    page.say(&FromPage::Ping { sent: 1 }).await;
    page.until(|message| matches!(message, ToPage::Pong { .. }).then_some(())).await;
    for _ in 0..40 {
        if page.socket.send(Message::Text("{".into())).await.is_err() {
            break;
        }
    }
    assert_eq!(page.closed().await, 4400);
}

#[tokio::test]
async fn a_message_that_is_too_large_is_left_out_and_a_huge_one_ends_the_channel() {
    let server = start();
    let opened = server.open().await;
    let mut page = Page::open(&server, &opened, 0).await;
    page.until(|message| matches!(message, ToPage::Session { .. }).then_some(())).await;
    page.send(Message::Text("x".repeat(300 * 1024).into())).await;
    let told = page
        .until(|message| if let ToPage::Error { message } = message { Some(message) } else { None })
        .await;
    assert!(told.contains("307200"), "{told}");
    // The daemon does not read it to its end.
    let _ = page.socket.send(Message::Text("x".repeat(1_100_000).into())).await;
    let session = server.session(opened.id);
    let closed = event(&session, |event| event.kind == "signalling.live.closed").await;
    assert!(closed.summary.contains("too long"), "{}", closed.summary);
}

#[tokio::test]
async fn a_slow_reader_holds_nobody_up_and_is_let_go() {
    let server = start();
    let opened = server.open().await;
    let session = server.session(opened.id);
    // Small buffers, so that few bytes are on the way.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let stream = socket.connect(server.address).await.unwrap();
    let mut slow = Page::over(stream, server.address, &opened.live).await;
    slow.say(&FromPage::Hello { token: opened.token.clone(), next: 0 }).await;
    event(&session, |event| event.kind == "signalling.live.open").await;
    let mut quick = Page::open(&server, &opened, 0).await;
    for _ in 0..2_500 {
        note(&session, "test.packet", 8_000);
    }
    note(&session, "test.last", 0);
    let began = Instant::now();
    let all = quick.events_until(|event| event.kind == "test.last").await;
    assert!(has_no_gap(&all) && all.len() > 2_500);
    assert!(
        began.elapsed() < Duration::from_secs(9),
        "the quick reader waited {:?} for the slow one",
        began.elapsed()
    );
    let closed = event(&session, |event| event.kind == "signalling.live.closed").await;
    assert!(closed.summary.contains("read nothing"), "{}", closed.summary);
    drop(slow);
}

#[tokio::test]
async fn a_stop_says_good_bye() {
    let server = start();
    let opened = server.open().await;
    let mut page = Page::open(&server, &opened, 0).await;
    let mut before_hello = Page::connect(server.address, &opened.live).await;
    page.until(|message| matches!(message, ToPage::Session { .. }).then_some(())).await;
    server.shutdown.cancel();
    assert_eq!(page.closed().await, 1001);
    assert_eq!(before_hello.closed().await, 1001);
    timeout(PATIENCE, server.served).await.unwrap().unwrap();
}

#[tokio::test]
async fn many_pages_see_the_same() {
    let server = start();
    let opened = server.open().await;
    let session = server.session(opened.id);
    let mut pages = Vec::new();
    for _ in 0..10 {
        pages.push(Page::open(&server, &opened, 0).await);
    }
    for _ in 0..100 {
        note(&session, "test.packet", 10);
    }
    note(&session, "test.last", 0);
    for page in &mut pages {
        let events = page.events_until(|event| event.kind == "test.last").await;
        assert!(has_no_gap(&events));
        assert_eq!(events[0].sequence, 0);
    }
}
