//! The headers that every answer gets: security, CORS, caching.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;

use super::host::Authority;
use super::origin::Caller;

/// What a page of an allowed origin may send, and read of an answer.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PATCH, DELETE, OPTIONS");
const REQUEST_HEADERS: HeaderValue =
    HeaderValue::from_static("Authorization, Content-Type, If-Match, Icescope-Session");
const RESPONSE_HEADERS: HeaderValue =
    HeaderValue::from_static("Accept-Patch, Accept-Post, ETag, Link, Location, Retry-After");
const PREFLIGHT_AGE: HeaderValue = HeaderValue::from_static("600");

/// The same for every answer.
const FIXED: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(self), microphone=(), geolocation=(), display-capture=()"),
    ),
];

/// Answers a preflight of an allowed page; [`seal`] adds who may.
pub(super) fn preflight(path: &str) -> Response {
    let mut response = Response::new(Body::empty());
    // WHEP -03 and RFC 9725 want 200 here.
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_AGE);
    if path.starts_with("/whep") || path.starts_with("/whip") {
        headers.insert(HeaderName::from_static("accept-post"), HeaderValue::from_static("application/sdp"));
    }
    response
}

/// Puts the last headers on an answer. `host` is the request's, once it was checked. A browser heeds an opener policy only at
/// a `trustworthy` URL (HTML §7.1.3, cross-origin opener policies); elsewhere it complains of the header on its console.
pub(super) fn seal(
    mut response: Response,
    path: &str,
    host: Option<&Authority>,
    caller: &Caller,
    frames: &[String],
    trustworthy: bool,
) -> Response {
    let status = response.status();
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        headers.insert(name, value);
    }
    if trustworthy {
        let name = HeaderName::from_static("cross-origin-opener-policy");
        headers.insert(name, HeaderValue::from_static("same-origin"));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, content_security_policy(host, frames));
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Caller::Allowed(origin) = caller
        && let Ok(origin) = HeaderValue::from_str(origin)
    {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, RESPONSE_HEADERS);
    }
    cache(headers, path, status);
    response
}

/// Vite names what lies under `/assets/` by its content's hash; the other files of the page are asked for again each
/// time (and answered 304); all else is nobody's to keep.
fn cache(headers: &mut HeaderMap, path: &str, status: StatusCode) {
    let page = headers.contains_key(header::ETAG) && headers.contains_key(header::CACHE_CONTROL);
    let policy = match (page, status.is_success() || status == StatusCode::NOT_MODIFIED) {
        (true, true) if path.starts_with("/assets/") => "public, max-age=31536000, immutable",
        (true, true) => "no-cache",
        _ => "no-store",
    };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(policy));
}

/// It may be framed by its own origin and by the `frames` that the operator names: any other page that framed it could have its
/// visitors press its buttons.
/// `connect-src 'self'` covers WebSockets only where the browser follows CSP 3, so the checked host is named too.
fn content_security_policy(host: Option<&Authority>, frames: &[String]) -> HeaderValue {
    let sockets = host.map(|host| format!(" ws://{host} wss://{host}")).unwrap_or_default();
    let ancestors = [&["'self'".to_owned()], frames].concat().join(" ");
    let policy = format!(
        "default-src 'self'; connect-src 'self'{sockets}; media-src 'self' blob: mediastream:; img-src 'self' data: blob:; \
         object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}"
    );
    HeaderValue::from_str(&policy)
        .unwrap_or(HeaderValue::from_static("default-src 'self'; frame-ancestors 'self'"))
}
