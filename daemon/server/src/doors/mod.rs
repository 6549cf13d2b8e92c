//! What every request passes before anything else: Host, Origin, CORS; and the headers that every answer gets.

pub(crate) mod body;
pub(crate) mod host;
pub(crate) mod origin;
pub(crate) mod rates;
pub(crate) mod seal;

use std::net::{IpAddr, SocketAddr};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use icescope_model::Monotonic;

use crate::app::Shared;
use crate::error::{Refusal, shorten};
use crate::options::Options;
use host::Authority;
use origin::Caller;

/// The two ends of the TCP connection; the accept loop puts them into each request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
}

/// What the doors found out about a request, for the handlers.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(crate) peer: SocketAddr,
    pub(crate) host: Authority,
    pub(crate) began: Monotonic,
}

/// Headers that a proxy adds. They are never believed; where they stand, the connection's address is not the client's.
const FORWARDED: [&str; 5] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];

impl Door {
    /// Someone on this very machine, not through a proxy: the connection and the called host are loopback ones.
    pub(crate) fn is_local_operator(&self, headers: &HeaderMap) -> bool {
        self.peer.ip().to_canonical().is_loopback()
            && self.host.host.is_loopback()
            && FORWARDED.iter().all(|name| !headers.contains_key(*name))
    }
}

/// The layer around all routes.
pub(crate) async fn guard(State(app): State<Shared>, mut request: Request, next: Next) -> Response {
    let began = Monotonic::now();
    let options = app.options();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let (door, caller) = match enter(&request, &options, began) {
        Ok(entered) => entered,
        Err(refusal) => {
            tracing::info!(%method, path = shown_path(&path), status = refusal.status.as_u16(), "refused: {}", refusal.message);
            let trustworthy = is_trustworthy(&request, None, &options);
            return seal::seal(refusal.into_response(), &path, None, &Caller::Own, &[], trustworthy);
        }
    };
    let (host, peer) = (door.host.clone(), door.peer);
    let trustworthy = is_trustworthy(&request, Some(&host), &options);
    let response = if is_preflight(&request) {
        seal::preflight(&path)
    } else {
        request.extensions_mut().insert(door);
        next.run(request).await
    };
    let micros = Monotonic::now().micros_since(began);
    tracing::debug!(%method, path = shown_path(&path), status = response.status().as_u16(), %peer, micros, "request");
    seal::seal(response, &path, Some(&host), &caller, &options.allowed_frames, trustworthy)
}

/// Host first, then Origin.
fn enter(request: &Request, options: &Options, began: Monotonic) -> Result<(Door, Caller), Refusal> {
    let Some(ends) = request.extensions().get::<Ends>() else {
        return Err(Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the request has no connection",
        ));
    };
    let host = called_host(request)?;
    if !host::allowed(&host, ends.local.ip(), options) {
        let message = format!(
            "the daemon is not to be called «{host}»: add the name to allowed-hosts in [server], or call it by one of its addresses"
        );
        return Err(Refusal::new(StatusCode::MISDIRECTED_REQUEST, "host-refused", message));
    }
    let caller = origin::judge(request.headers(), &host, options);
    if let Caller::Foreign(who) = &caller {
        let message = format!(
            "pages of «{}» may not call this daemon: add that origin to allowed-origins in [server]",
            shorten(who)
        );
        return Err(Refusal::new(StatusCode::FORBIDDEN, "origin-refused", message));
    }
    Ok((Door { peer: ends.peer, host, began }, caller))
}

/// The one `Host` field, and the authority of an absolute target, which must not differ (RFC 9112 §3.2).
fn called_host(request: &Request) -> Result<Authority, Refusal> {
    let bad = |message: String| Refusal::new(StatusCode::BAD_REQUEST, "bad-host", message);
    let mut fields = request.headers().get_all(header::HOST).iter();
    let (Some(field), None) = (fields.next(), fields.next()) else {
        return Err(bad("a request has exactly one Host header field (RFC 9112 §3.2)".to_owned()));
    };
    let text = String::from_utf8_lossy(field.as_bytes());
    let Some(host) = Authority::parse(&text) else {
        return Err(bad(format!(
            "the Host «{}» is neither a name nor an address with a port",
            shorten(&text)
        )));
    };
    match request.uri().authority() {
        Some(target) if Authority::parse(target.as_str()).as_ref() != Some(&host) => {
            Err(bad("the request's target and its Host header field name different hosts".to_owned()))
        }
        _ => Ok(host),
    }
}

/// A browser asks before a page's request (Fetch §3.2.2).
fn is_preflight(request: &Request) -> bool {
    let headers = request.headers();
    request.method() == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Whether the browser takes the request's URL for potentially trustworthy (Secure Contexts §3.1): by HTTPS, or on this very
/// machine. Where a proxy ends TLS before us, the browser says so: it sends `Sec-Fetch-Site` to such URLs only (Fetch Metadata, «Integration with Fetch»).
fn is_trustworthy(request: &Request, host: Option<&Authority>, options: &Options) -> bool {
    options.tls.is_some()
        || host.is_some_and(|host| host.host.is_loopback())
        || request.headers().contains_key("sec-fetch-site")
}

/// A path as it may be logged and recorded: without the secret of a WHEP or WHIP session URL.
pub(crate) fn shown_path(path: &str) -> String {
    let secret = path.starts_with("/whep/sessions/") || path.starts_with("/whip/sessions/");
    match path.rfind('.') {
        Some(dot) if secret => format!("{}.…", &path[..dot]),
        _ => shorten(path),
    }
}

/// The address whose rate a request counts against.
pub(crate) fn rated_address(door: &Door) -> IpAddr {
    door.peer.ip()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_paths_are_not_shown() {
        assert_eq!(shown_path("/whep/sessions/0011.secret"), "/whep/sessions/0011.…");
        assert_eq!(shown_path("/whip/sessions/0011.secret"), "/whip/sessions/0011.…");
        assert_eq!(shown_path("/whep/front.door"), "/whep/front.door");
    }
}
