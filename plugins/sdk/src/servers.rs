//! `icescope.ice-servers/1`.

use icescope_plugin_abi as abi;
use icescope_plugin_abi::{IcsCtx, IcsHost, IcsIceServer, IcsIceServers};

use crate::{Error, Host};

/// One STUN or TURN server, with credentials minted for this run.
#[derive(Clone, PartialEq, Eq)]
pub struct IceServer {
    /// RFC 7064 or RFC 7065 URI.
    pub url: String,
    /// User name; empty for none.
    pub username: String,
    /// Password; empty for none.
    pub credential: String,
    /// Realm; empty if the server will say it.
    pub realm: String,
    /// Seconds since the Unix epoch; `None` for never.
    pub expires_unix_s: Option<i64>,
}

impl std::fmt::Debug for IceServer {
    /// Without the credential: it must not get into a log by way of `{:?}`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IceServer")
            .field("url", &self.url)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

pub(crate) fn list(host: &IcsHost, ctx: *mut IcsCtx) -> Result<Option<Vec<IceServer>>, Error> {
    let Some(table) = Host::query(host, ctx, abi::ICE_SERVERS_ID) else { return Ok(None) };
    // SAFETY: what the host shows under this id is such a table, valid until destroy() returns.
    let Some(list) = unsafe { abi::read(table.cast::<IcsIceServers>()) }.and_then(|table| table.list) else {
        return Err(Error::failed("the host's table icescope.ice-servers/1 is not whole"));
    };
    let mut first: *const IcsIceServer = std::ptr::null();
    let mut count = 0_u32;
    // SAFETY: a function of the host's with its ctx; both targets live here.
    let status = unsafe { list(ctx, &raw mut first, &raw mut count) };
    if status < 0 {
        return Err(Error::failed(format!("the host could not list the ICE servers: status {status}")));
    }
    let mut servers = Vec::new();
    for index in 0..if first.is_null() { 0 } else { count as usize } {
        // SAFETY: the host shows `count` structs, each with the first one's size, with text that is valid until the
        // next call of `list`; it is copied here.
        servers.push(unsafe { copy(first, index)? });
    }
    Ok(Some(servers))
}

/// # Safety
/// `first` shows more than `index` structs whose texts are readable.
unsafe fn copy(first: *const IcsIceServer, index: usize) -> Result<IceServer, Error> {
    // SAFETY: the caller's promise.
    unsafe {
        let raw = abi::read(abi::element(first, index))
            .ok_or_else(|| Error::failed("the host's list of ICE servers holds one that is not whole"))?;
        Ok(IceServer {
            url: raw.url.to_string_lossy(),
            username: raw.username.to_string_lossy(),
            credential: raw.credential.to_string_lossy(),
            realm: raw.realm.to_string_lossy(),
            expires_unix_s: (raw.expires_unix_s != 0).then_some(raw.expires_unix_s),
        })
    }
}
