//! Whose pages may call the daemon.

use axum::http::{HeaderMap, header};

use super::host::Authority;
use crate::options::Options;

/// A tuple origin (RFC 6454 §6.2): scheme and authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    secure: bool,
    pub(crate) authority: Authority,
}

impl Origin {
    /// Reads the origin of an http or https URL.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let authority = Authority::parse(rest.split(['/', '?', '#']).next()?)?;
        Some(Self { secure, authority })
    }

    fn port(&self) -> u16 {
        self.authority.port.unwrap_or(if self.secure { 443 } else { 80 })
    }

    fn same(&self, other: &Self) -> bool {
        self.secure == other.secure
            && self.authority.host == other.authority.host
            && self.port() == other.port()
    }

    /// Whether a page of this origin was served under `host`. The scheme is not compared: a proxy in front may speak
    /// TLS where the daemon does not.
    fn served_as(&self, host: &Authority) -> bool {
        self.authority.host == host.host && host.port.unwrap_or(self.port()) == self.port()
    }
}

/// What the request's origin is to the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Caller {
    /// No page, the daemon's own page, or a person following a link.
    Own,
    /// A page of an origin from the list, as the header has it: it gets CORS headers.
    Allowed(String),
    /// Any other page, with what it calls itself.
    Foreign(String),
}

/// Judges who calls. `host` is the request's checked `Host`.
pub(crate) fn judge(headers: &HeaderMap, host: &Authority, options: &Options) -> Caller {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(value) = origins.next() else {
        return judge_without_origin(headers);
    };
    let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
    if origins.next().is_some() {
        return Caller::Foreign(text);
    }
    let Some(origin) = Origin::parse(&text) else {
        return Caller::Foreign(text);
    };
    let public = options.public_url.as_deref().and_then(Origin::parse);
    if origin.served_as(host) || public.is_some_and(|public| public.same(&origin)) {
        return Caller::Own;
    }
    let mut listed = options.allowed_origins.iter().filter_map(|entry| Origin::parse(entry));
    if listed.any(|entry| entry.same(&origin)) { Caller::Allowed(text) } else { Caller::Foreign(text) }
}

/// A browser leaves `Origin` out of plain GETs, and then says by Fetch Metadata whether another site's page asks: a
/// person who follows a link may come in, a foreign page's `<script>` or `<img>` may not.
fn judge_without_origin(headers: &HeaderMap) -> Caller {
    let field = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match field("sec-fetch-site") {
        Some(site @ ("cross-site" | "same-site")) if field("sec-fetch-mode") != Some("navigate") => {
            Caller::Foreign(site.to_owned())
        }
        _ => Caller::Own,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn judge_with(fields: &[(&'static str, &str)], host: &str) -> Caller {
        let options = Options {
            allowed_origins: vec!["https://ops.example".into(), "http://dev.example:3000/".into()],
            public_url: Some("https://robot.example".into()),
            ..Options::default()
        };
        let headers = fields
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect();
        judge(&headers, &Authority::parse(host).unwrap(), &options)
    }

    #[test]
    fn the_own_page_and_no_page_pass() {
        for (origin, host) in [
            ("http://127.0.0.1:8085", "127.0.0.1:8085"),
            ("http://LOCALHOST:8085", "localhost:8085"),
            ("http://[::1]:8085", "[::1]:8085"),
            ("https://proxied.example", "proxied.example"),
            ("http://proxied.example", "proxied.example:80"),
            ("https://robot.example", "10.0.0.1:8085"),
        ] {
            assert_eq!(judge_with(&[("origin", origin)], host), Caller::Own, "{origin}");
        }
        assert_eq!(judge_with(&[], "localhost"), Caller::Own);
    }

    #[test]
    fn foreign_pages_are_told_apart_from_listed_ones() {
        for origin in ["https://ops.example", "https://ops.example:443", "http://dev.example:3000"] {
            assert_eq!(
                judge_with(&[("origin", origin)], "localhost"),
                Caller::Allowed(origin.into()),
                "{origin}"
            );
        }
        for origin in [
            "null",
            "",
            "https://evil.example",
            "http://ops.example",
            "https://ops.example:444",
            "https://ops.example.evil.example",
            "http://127.0.0.1:9",
            "file://",
            "localhost",
        ] {
            assert_eq!(
                judge_with(&[("origin", origin)], "127.0.0.1:8085"),
                Caller::Foreign(origin.into()),
                "{origin}"
            );
        }
        let twice = [("origin", "http://localhost"), ("origin", "http://localhost")];
        assert!(matches!(judge_with(&twice, "localhost"), Caller::Foreign(_)));
    }

    #[test]
    fn fetch_metadata_tells_of_foreign_pages_that_send_no_origin() {
        let script = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")];
        assert_eq!(judge_with(&script, "localhost"), Caller::Foreign("cross-site".into()));
        let link = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
        assert_eq!(judge_with(&link, "localhost"), Caller::Own);
        assert_eq!(judge_with(&[("sec-fetch-site", "none")], "localhost"), Caller::Own);
        assert_eq!(judge_with(&[("sec-fetch-site", "same-origin")], "localhost"), Caller::Own);
    }
}
