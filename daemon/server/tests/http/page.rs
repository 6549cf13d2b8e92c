//! The page, or what stands in for it.

use crate::support::start;

#[tokio::test]
async fn the_page_is_served_and_asked_for_again_each_time() {
    let server = start();
    for path in ["/", "/index.html"] {
        let reply = server.ask("GET", path).send().await;
        assert_eq!((reply.status, reply.field("content-type")), (200, Some("text/html")), "{path}");
        assert_eq!(reply.field("cache-control"), Some("no-cache"));
        assert!(reply.text().to_ascii_lowercase().starts_with("<!doctype html>"));
        let tag = reply.field("etag").unwrap().to_owned();
        let again = server.ask("GET", path).with("if-none-match", &tag).send().await;
        assert_eq!((again.status, again.body.len()), (304, 0));
        let head = server.ask("HEAD", path).send().await;
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.field("content-length"), reply.field("content-length"));
    }
}

#[tokio::test]
async fn what_the_page_names_is_there_and_may_be_kept_for_ever() {
    let server = start();
    let html = server.ask("GET", "/").send().await.text();
    let assets: Vec<&str> = html.split('"').filter(|part| part.starts_with("/assets/")).collect();
    if html.contains("was not built") {
        eprintln!("SKIPPED: the page was not built, so it names no assets");
        return;
    }
    assert!(!assets.is_empty(), "{html}");
    for asset in assets {
        let reply = server.ask("GET", asset).send().await;
        assert_eq!(reply.status, 200, "{asset}");
        assert_eq!(reply.field("cache-control"), Some("public, max-age=31536000, immutable"));
    }
    let missing = server.ask("GET", "/assets/missing.js").send().await;
    missing.refused(404, "not-found");
    assert_eq!(missing.field("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn nothing_outside_the_page_is_served() {
    let server = start();
    for path in [
        "/../Cargo.toml",
        "/assets/../../Cargo.toml",
        "/%2e%2e/Cargo.toml",
        "/..%2fCargo.toml",
        "//etc/passwd",
    ] {
        server.ask("GET", path).send().await.refused(404, "not-found");
    }
    assert_eq!(server.ask("GET", "/favicon.ico").send().await.status, 204);
}
