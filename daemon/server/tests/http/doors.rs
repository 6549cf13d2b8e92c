//! Who may come in.

use std::time::Duration;

use icescope_server::Options;

use crate::support::{Reply, evidence_options, options, start, start_with};

#[tokio::test]
async fn only_known_hosts_pass_on_every_path() {
    let server = start();
    for path in ["/", "/api/health", "/api/sessions", "/whep", "/offer", "/nowhere", "/assets/x.js"] {
        for host in ["evil.example", "evil.example:8085", "192.0.2.99", "localhost.evil.example"] {
            let error = server.ask("GET", path).with("host", host).send().await.refused(421, "host-refused");
            assert!(
                error.message.contains("allowed-hosts") && error.message.contains(host),
                "{}",
                error.message
            );
        }
        for host in ["", "user@localhost", "a b", "localhost:port"] {
            server.ask("GET", path).with("host", host).send().await.refused(400, "bad-host");
        }
    }
    let own = server.address.to_string();
    server.ask("GET", "/api/health").also("host", &own).send().await.refused(400, "bad-host");
    server.ask("GET", "http://evil.example/api/health").send().await.refused(400, "bad-host");
    for host in [own.as_str(), "localhost", "LocalHost:9", "127.0.0.1", "[::1]:80"] {
        assert_eq!(server.ask("GET", "/api/health").with("host", host).send().await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn a_listed_host_passes_after_a_reload_and_not_before() {
    let server = start();
    let ask = server.ask("GET", "/api/health").with("host", "robot.example:8085");
    ask.clone().send().await.refused(421, "host-refused");
    server.handle.reconfigure(Options { allowed_hosts: vec!["robot.example".into()], ..options() });
    assert_eq!(ask.clone().send().await.status, 200);
    server.handle.reconfigure(options());
    ask.send().await.refused(421, "host-refused");
}

#[tokio::test]
async fn a_foreign_page_is_refused_everywhere_and_gets_no_cors_header() {
    let server = start();
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/api/sessions"),
        ("GET", "/api/health"),
        ("POST", "/api/sessions"),
        ("POST", "/whep"),
        ("POST", "/whip"),
        ("POST", "/offer"),
        ("PATCH", "/whep/sessions/x.y"),
        ("DELETE", "/whep/sessions/x.y"),
        ("OPTIONS", "/whep"),
        ("GET", "/api/sessions/00000000000000000000000000000000/live"),
    ] {
        for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
            let reply = server.ask(method, path).with("origin", origin).send().await;
            let error = reply.refused(403, "origin-refused");
            assert!(error.message.contains("allowed-origins"), "{}", error.message);
            assert_eq!(reply.field("access-control-allow-origin"), None, "{method} {path}");
        }
    }
    assert!(server.evidence.sessions().is_empty(), "nothing was opened");
    let script = server
        .ask("GET", "/api/sessions")
        .with("sec-fetch-site", "cross-site")
        .with("sec-fetch-mode", "no-cors");
    script.send().await.refused(403, "origin-refused");
    let link = server.ask("GET", "/").with("sec-fetch-site", "cross-site").with("sec-fetch-mode", "navigate");
    assert_eq!(link.send().await.status, 200);
}

#[tokio::test]
async fn a_foreign_preflight_is_refused() {
    let server = start();
    let preflight = server
        .ask("OPTIONS", "/whep")
        .with("origin", "https://evil.example")
        .with("access-control-request-method", "POST");
    let reply = preflight.send().await;
    reply.refused(403, "origin-refused");
    assert_eq!(reply.field("access-control-allow-methods"), None);
}

#[tokio::test]
async fn an_allowed_origin_gets_cors_and_the_own_page_needs_none() {
    let options = Options { allowed_origins: vec!["https://ops.example".into()], ..options() };
    let server = start_with(options, evidence_options());
    let preflight = |path: &str| {
        server
            .ask("OPTIONS", path)
            .with("origin", "https://ops.example")
            .with("access-control-request-method", "PATCH")
            .with("access-control-request-headers", "if-match,content-type")
    };
    for path in ["/whep", "/whep/bars", "/whep/sessions/a.b", "/whip", "/offer", "/api/sessions"] {
        let reply = preflight(path).send().await;
        assert_eq!(reply.status, 200, "{path}");
        assert_eq!(reply.field("access-control-allow-origin"), Some("https://ops.example"));
        let methods = reply.field("access-control-allow-methods").unwrap();
        assert!(
            ["GET", "POST", "PATCH", "DELETE"].iter().all(|method| methods.contains(method)),
            "{methods}"
        );
        let fields = reply.field("access-control-allow-headers").unwrap().to_ascii_lowercase();
        for name in ["authorization", "content-type", "if-match", "icescope-session"] {
            assert!(fields.contains(name), "{fields}");
        }
        assert_eq!(reply.field("access-control-allow-credentials"), None, "no cookies are in use");
    }
    assert_eq!(preflight("/whep").send().await.field("accept-post"), Some("application/sdp"));
    let reply = server.post_offer("/whep").with("origin", "https://ops.example").send().await;
    assert_eq!(reply.status, 201);
    assert_eq!(reply.field("access-control-allow-origin"), Some("https://ops.example"));
    let exposed = reply.field("access-control-expose-headers").unwrap().to_ascii_lowercase();
    assert!(["location", "etag", "link"].iter().all(|name| exposed.contains(name)), "{exposed}");
    assert!(reply.all("vary").iter().any(|value| value.eq_ignore_ascii_case("origin")));
    let own = format!("http://{}", server.address);
    let reply = server.ask("POST", "/api/sessions").with("origin", &own).send().await;
    assert_eq!((reply.status, reply.field("access-control-allow-origin")), (201, None));
}

#[tokio::test]
async fn the_opener_policy_is_sent_where_a_browser_heeds_it() {
    let options = Options { allowed_hosts: vec!["camera.example".to_owned()], ..options() };
    let server = start_with(options, evidence_options());
    let page = || server.ask("GET", "/");
    let policy = |reply: &Reply| reply.field("cross-origin-opener-policy").map(str::to_owned);
    let same_origin = Some("same-origin".to_owned());
    assert_eq!(policy(&page().send().await), same_origin, "a loopback address");
    assert_eq!(policy(&page().with("host", "localhost").send().await), same_origin, "localhost");
    assert_eq!(policy(&page().with("host", "camera.example").send().await), None, "plain HTTP");
    let proxied = page().with("host", "camera.example").with("sec-fetch-site", "none").send().await;
    assert_eq!(policy(&proxied), same_origin, "HTTPS to a proxy");
    assert_eq!(policy(&page().with("host", "evil.example").send().await), None, "a refusal by plain HTTP");
}

#[tokio::test]
async fn every_answer_has_the_security_headers_and_no_banner() {
    let server = start();
    let asks = [
        server.ask("GET", "/"),
        server.ask("GET", "/api/health"),
        server.ask("GET", "/nowhere"),
        server.ask("GET", "/").with("host", "evil.example"),
    ];
    for ask in asks {
        let reply = ask.send().await;
        let policy = reply.field("content-security-policy").unwrap();
        assert!(
            policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'self'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe") && !policy.contains("evil"), "{policy}");
        assert_eq!(reply.field("x-content-type-options"), Some("nosniff"));
        assert_eq!(reply.field("referrer-policy"), Some("no-referrer"));
        assert!(reply.field("permissions-policy").unwrap().contains("camera=(self)"));
        assert_eq!(reply.field("server"), None);
        assert_eq!(reply.all("content-security-policy").len(), 1);
    }
    let policy = server.ask("GET", "/").send().await;
    let sockets = format!("connect-src 'self' ws://{0} wss://{0};", server.address);
    assert!(policy.field("content-security-policy").unwrap().contains(&sockets));
}

#[tokio::test]
async fn the_page_may_be_framed_by_its_own_origin_and_by_those_that_are_named() {
    let server = start();
    let ancestors = async || {
        let reply = server.ask("GET", "/").send().await;
        let policy = reply.field("content-security-policy").unwrap().to_owned();
        policy.split("; ").find(|part| part.starts_with("frame-ancestors")).unwrap().to_owned()
    };
    assert_eq!(ancestors().await, "frame-ancestors 'self'");
    let allowed_frames = vec!["https://ops.example".into(), "http://dev.example:3000".into()];
    server.handle.reconfigure(Options { allowed_frames, ..options() });
    assert_eq!(ancestors().await, "frame-ancestors 'self' https://ops.example http://dev.example:3000");
    let refusal = server.ask("GET", "/").with("host", "evil.example").send().await;
    assert!(refusal.field("content-security-policy").unwrap().ends_with("frame-ancestors 'self'"));
}

#[tokio::test]
async fn bodies_are_bounded() {
    let server = start();
    let large = vec![b'a'; 64 * 1024 + 1];
    for (path, kind) in
        [("/whep", "application/sdp"), ("/whip", "application/sdp"), ("/offer", "application/json")]
    {
        let ask = server.ask("POST", path).with("content-type", kind).body(&large);
        ask.send().await.refused(413, "body-too-large");
    }
    assert!(server.evidence.sessions().is_empty());
    server.handle.reconfigure(Options { body_limit: 100, ..options() });
    server.post_offer("/whep").send().await.refused(413, "body-too-large");
    let chunked = server
        .ask("POST", "/whep")
        .with("content-type", "application/sdp")
        .with("transfer-encoding", "chunked");
    let reply = chunked.with("content-length", "").send_chunked(&[&[b'v'; 90], &[b'v'; 90]]).await;
    reply.refused(413, "body-too-large");
}

#[tokio::test]
async fn one_address_cannot_open_sessions_without_end() {
    let options = Options { session_burst: 3, session_interval: Duration::from_hours(1), ..options() };
    let server = start_with(options, evidence_options());
    let opened = server.open().await;
    assert_eq!(server.post_offer("/whep").send().await.status, 201);
    assert_eq!(server.post_offer("/whip").send().await.status, 201);
    for path in ["/whep", "/whip"] {
        let reply = server.post_offer(path).send().await;
        reply.refused(429, "too-fast");
        let wait: u64 = reply.field("retry-after").unwrap().parse().unwrap();
        assert!((3_590..=3_600).contains(&wait), "{wait}");
    }
    server.ask("POST", "/api/sessions").send().await.refused(429, "too-fast");
    let joined = format!("{}.{}", opened.id, opened.token);
    let reply = server.post_offer("/whep").with("icescope-session", &joined).send().await;
    assert_eq!(reply.status, 201, "a session that is open already costs no token");
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_in_json() {
    let server = start();
    server.ask("GET", "/api/nothing").send().await.refused(404, "not-found");
    server.ask("GET", "/nothing").send().await.refused(404, "not-found");
    server.ask("GET", "/whep/sessions/%ff").send().await.refused(400, "bad-path");
    for (method, path, allowed) in [
        ("DELETE", "/api/sessions", "GET,HEAD,POST"),
        ("POST", "/api/health", "GET,HEAD"),
        ("GET", "/offer", "POST"),
        ("PUT", "/", "GET,HEAD"),
    ] {
        let reply = server.ask(method, path).send().await;
        reply.refused(405, "method-not-allowed");
        assert_eq!(reply.field("allow"), Some(allowed), "{method} {path}");
    }
}
