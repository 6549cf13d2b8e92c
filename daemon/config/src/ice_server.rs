//! `ice.servers` and `[ice.browser]`: STUN and TURN servers, and what opens them.

use crate::ice_url::{EXAMPLE, IceUrl, Scheme, Transport};
use crate::reader::Item;
use crate::secret::{Secret, secret_file};
use crate::table::Table;

/// Where secrets are written by mistake; each is a problem already, as a key that does not exist.
pub(crate) const INLINE: [&str; 3] = ["credential", "password", "secret"];
const ENTRY: &str = "[{ urls = [\"stun:stun.example.net\"] }]";

/// `[ice.browser]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Browser {
    /// The servers that pages get. Where the file has no list of them, these are the daemon's own, without those whose
    /// password is static.
    pub servers: Vec<IceServer>,
}

/// One entry of a list of servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IceServer {
    /// At least one.
    pub urls: Vec<IceUrl>,
    /// What opens them.
    pub credential: Credential,
}

/// What opens a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// Nothing does: STUN.
    Open,
    /// A name and a password that stay the same.
    Static {
        /// TURN user name.
        username: String,
        /// Its password.
        password: Secret,
    },
    /// A secret that is shared with the server, from which names and passwords are made that last for a time (the TURN
    /// REST API, draft-uberti-behave-turn-rest-00).
    TimeLimited {
        /// What stands in the user name after the time, if anything.
        username: Option<String>,
        /// The shared secret.
        secret: Secret,
    },
}

/// The daemon's own list, and the browser's.
pub(crate) fn read(ice: &Table<'_>) -> (Vec<IceServer>, Browser) {
    let browser = ice.table("browser");
    let listed = browser.optional("servers", |item| servers(item));
    let inherits = browser.get("servers").is_none();
    browser.finish();
    for (item, server) in listed.iter().flatten() {
        if matches!(server.credential, Credential::Static { .. }) {
            item.warn(
                "every page sees this server's password, and it stays valid",
                "let the server make time-limited ones: the TURN REST API, with secret-file",
            );
        }
    }
    let own = ice.optional("servers", |item| servers(item)).unwrap_or_default();
    let shared = own.iter().filter(|(item, server)| inherits && is_shared(item, server));
    let shared: Vec<IceServer> = shared.map(|(_, server)| server.clone()).collect();
    let own = own.into_iter().filter_map(|(item, server)| spoken(&item, server, inherits)).collect();
    let servers = listed.map_or(shared, |listed| listed.into_iter().map(|(_, server)| server).collect());
    (own, Browser { servers })
}

/// Whether pages get one of the daemon's servers when the file has no list for them.
fn is_shared(item: &Item<'_>, server: &IceServer) -> bool {
    let shared = !matches!(server.credential, Credential::Static { .. });
    if !shared {
        item.warn(
            "pages do not get this server, for its password is static",
            "use secret-file (the TURN REST API), or list what pages get in ice.browser.servers",
        );
    }
    shared
}

/// What of a server the daemon itself can use: STUN over UDP and TLS (the latter for its probes only), TURN over UDP, TCP and TLS.
fn spoken(item: &Item<'_>, server: IceServer, inherited: bool) -> Option<IceServer> {
    let speaks = |url: &IceUrl| match url.scheme {
        Scheme::Stun => url.transport == Transport::Udp,
        Scheme::Turn | Scheme::Stuns => true,
        Scheme::Turns => url.transport == Transport::Tcp,
    };
    let shown = inherited && !matches!(server.credential, Credential::Static { .. });
    for url in server.urls.iter().filter(|url| !speaks(url)) {
        let message = format!("the daemon itself cannot use {url}: it does not speak DTLS with servers");
        let help = "for pages alone, list it in ice.browser.servers";
        if shown { item.warn(message, help) } else { item.fail(message, help).unwrap_or(()) }
    }
    let urls: Vec<IceUrl> = server.urls.into_iter().filter(speaks).collect();
    (!urls.is_empty()).then_some(IceServer { urls, credential: server.credential })
}

fn servers<'t>(item: &Item<'t>) -> Option<Vec<(Item<'t>, IceServer)>> {
    let entries = item.entries(ENTRY)?;
    let read: Vec<Option<IceServer>> = entries.iter().map(server).collect();
    Some(entries.into_iter().zip(read).filter_map(|(item, server)| Some((item, server?))).collect())
}

fn server(item: &Item<'_>) -> Option<IceServer> {
    let table = item.table("{ urls = [\"stun:stun.example.net\"] }")?;
    let urls = table.required("urls", &format!("add urls = [{EXAMPLE}]"), urls);
    let username = table.optional("username", |item| item.string("the user name").map(str::to_owned));
    let password = table.optional("credential-file", secret_file);
    let secret = table.optional("secret-file", secret_file);
    table.finish();
    let urls = urls?;
    // What is there counts here, right or wrong: one problem per slip.
    let has = |key| table.get(key).is_some();
    let turn = urls.iter().any(IceUrl::is_turn);
    if has("credential-file") && has("secret-file") {
        return table.fail(
            "a server has either a password (credential-file) or a shared secret (secret-file), not both",
            "take one of the two out",
        );
    }
    if !turn {
        let idle = ["username", "credential-file", "secret-file"].into_iter().find_map(|key| table.get(key));
        return match idle {
            Some(idle) => idle
                .fail("STUN needs no credential: this key has no effect", "take it out, or add a turn: URL"),
            None => Some(IceServer { urls, credential: Credential::Open }),
        };
    }
    let credential = if has("secret-file") {
        Credential::TimeLimited { username, secret: secret? }
    } else if has("credential-file") {
        if !has("username") {
            return table.fail("a password without its user name", "add username = \"NAME\"");
        }
        Credential::Static { username: username?, password: password? }
    } else if INLINE.iter().any(|key| has(key)) {
        return None;
    } else {
        return table.fail(
            "a TURN server lets nobody in without a credential",
            "add username and credential-file, or secret-file (the shared secret of the TURN REST API)",
        );
    };
    Some(IceServer { urls, credential })
}

fn urls(item: &Item<'_>) -> Option<Vec<IceUrl>> {
    let url = |item: &Item<'_>| item.parsed(EXAMPLE, IceUrl::parse);
    let list = match item.value().as_str() {
        Some(_) => vec![url(item)?],
        None => item.list(&format!("[{EXAMPLE}]"), url)?,
    };
    if list.is_empty() {
        return item.fail("a server without a URL", format!("write [{EXAMPLE}]"));
    }
    Some(list)
}
