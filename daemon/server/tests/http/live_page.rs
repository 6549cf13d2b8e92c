//! A page at its end of the live channel.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use icescope_model::Event;
use icescope_model::api::{FromPage, SessionOpened, ToPage};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::support::{PATIENCE, Running};

pub struct Page {
    pub socket: WebSocketStream<TcpStream>,
}

impl Page {
    pub async fn connect(address: SocketAddr, path: &str) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap(), address, path).await
    }

    pub async fn over(stream: TcpStream, address: SocketAddr, path: &str) -> Self {
        let (socket, _) = client_async(format!("ws://{address}{path}"), stream).await.unwrap();
        Self { socket }
    }

    /// Connects and says hello.
    pub async fn open(server: &Running, opened: &SessionOpened, next: u64) -> Self {
        let mut page = Self::connect(server.address, &opened.live).await;
        page.say(&FromPage::Hello { token: opened.token.clone(), next }).await;
        page
    }

    pub async fn say(&mut self, message: &FromPage) {
        self.send(Message::Text(serde_json::to_string(message).unwrap().into())).await;
    }

    pub async fn send(&mut self, message: Message) {
        self.socket.send(message).await.unwrap();
    }

    /// The next message; `Err` with the close code at the end.
    pub async fn hear(&mut self) -> Result<ToPage, u16> {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("a message in time") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => return Err(frame.map_or(1005, |frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(error)) => panic!("{error}"),
                None => return Err(1006),
            }
        }
    }

    /// The first message that fits; others before it are passed over.
    pub async fn until<T>(&mut self, fits: impl Fn(ToPage) -> Option<T>) -> T {
        loop {
            if let Some(found) = fits(self.hear().await.expect("still open")) {
                return found;
            }
        }
    }

    /// Collects events until one fits.
    pub async fn events_until(&mut self, fits: impl Fn(&Event) -> bool) -> Vec<Event> {
        let mut all = Vec::new();
        while !all.last().is_some_and(&fits) {
            if let ToPage::Events { events } = self.hear().await.expect("still open") {
                assert!(events.len() <= 200, "{}", events.len());
                for event in events {
                    let done = fits(&event);
                    all.push(event);
                    if done {
                        return all;
                    }
                }
            }
        }
        all
    }

    pub async fn closed(&mut self) -> u16 {
        loop {
            if let Err(code) = self.hear().await {
                return code;
            }
        }
    }
}
