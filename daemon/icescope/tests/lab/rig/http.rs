//! A bare HTTP client that asks from inside a namespace.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use icescope_natlab::Site;
use serde::de::DeserializeOwned;

use super::config::LISTEN;

/// Only a hung daemon needs longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// GET of a JSON document of the daemon on that host.
pub fn get<T: DeserializeOwned>(site: &Site, path: &str, token: &str) -> Result<T, String> {
    let asked = format!("GET {path}");
    let answer = site.run(|| exchange(path, token)).map_err(|error| error.to_string())?;
    let answer = answer.map_err(|error| format!("{asked}: {error}"))?;
    let (head, body) =
        answer.split_once("\r\n\r\n").ok_or_else(|| format!("{asked}: no HTTP: {answer:?}"))?;
    if head.split(' ').nth(1) != Some("200") {
        return Err(format!("{asked}: {} {body}", head.lines().next().unwrap_or_default()));
    }
    serde_json::from_str(body).map_err(|error| format!("{asked}: {error}"))
}

fn exchange(path: &str, token: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(LISTEN)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {LISTEN}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
