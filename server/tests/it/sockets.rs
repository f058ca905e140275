//! Raw WebSocket clients: a page's live socket and an agent's link.

use std::time::Duration;

use contract::live::{ClientMessage, LiveData, Position, ServerMessage};
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderName, HeaderValue, header};
use node_protocol::{AgentBody, AgentFrame, Hello, Message as _, Ping, ServerBody, ServerFrame, Welcome};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::harness::{Server, Who};

/// Far beyond what a loaded machine needs, and below the silence after which the server hangs up by itself: what ends
/// within it was ended on purpose.
const PATIENCE: Duration = Duration::from_secs(25);

pub type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Opens a socket, or says with which status it was refused.
pub async fn dial(server: &Server, path: &str, headers: &[(&str, &str)]) -> Result<Stream, u16> {
    let mut request = format!("ws://{}{path}", server.address).into_client_request().unwrap();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
    }
    match tokio_tungstenite::connect_async(request).await {
        Ok((stream, _)) => Ok(stream),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{path}: {error}"),
    }
}

/// Opens a socket as somebody: browsers name their origin.
pub async fn dial_as(server: &Server, who: &Who, path: &str) -> Result<Stream, u16> {
    match who {
        Who::Nobody => dial(server, path, &[]).await,
        Who::Bearer(token) => dial(server, path, &[("authorization", &format!("Bearer {token}"))]).await,
        Who::Cookie(cookie) => dial(server, path, &[("cookie", cookie), ("origin", &server.origin())]).await,
    }
}

async fn patiently<T>(awaited: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, awaited).await.expect("the server says what it has to say, or hangs up")
}

/// The next message with content; `None` when the socket has ended.
async fn receive(stream: &mut Stream) -> Option<Message> {
    loop {
        match stream.next().await {
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
            Some(Ok(message)) => return Some(message),
        }
    }
}

/// A page's socket.
pub struct Live(Stream);

impl Live {
    pub async fn open(server: &Server, who: &Who) -> Self {
        Self(dial_as(server, who, "/ws/live").await.expect("a signed-in person may open it"))
    }

    pub fn over(stream: Stream) -> Self {
        Self(stream)
    }

    pub async fn say(&mut self, message: &ClientMessage) {
        self.say_text(serde_json::to_string(message).unwrap()).await;
    }

    /// The server may have hung up already: then the next read says so.
    pub async fn say_text(&mut self, text: String) {
        let _ = self.0.send(Message::text(text)).await;
    }

    pub async fn subscribe(&mut self, topic: &str, resume: Option<Position>) {
        self.say(&ClientMessage::Subscribe { topic: topic.to_owned(), resume }).await;
    }

    /// The next message; `None` when the socket has ended.
    pub async fn hear(&mut self) -> Option<ServerMessage> {
        match patiently(receive(&mut self.0)).await? {
            Message::Text(text) => Some(serde_json::from_str(&text).expect("the contract's messages")),
            other => panic!("only text is spoken here: {other:?}"),
        }
    }

    /// The next message about a topic: pongs pass by.
    pub async fn next(&mut self) -> ServerMessage {
        patiently(async {
            loop {
                match self.hear().await.expect("the socket stays open") {
                    ServerMessage::Pong { .. } => {}
                    message => return message,
                }
            }
        })
        .await
    }

    /// The snapshot that comes next.
    pub async fn snapshot(&mut self) -> (Position, LiveData) {
        match self.next().await {
            ServerMessage::Snapshot { epoch, seq, data, .. } => (Position { epoch, seq }, data),
            other => panic!("a snapshot, not {other:?}"),
        }
    }

    /// The snapshot of this topic; changes that come meanwhile pass by.
    pub async fn snapshot_of(&mut self, topic: &str) -> (Position, LiveData) {
        patiently(async {
            loop {
                match self.next().await {
                    ServerMessage::Snapshot { topic: of, epoch, seq, data } if of == topic => {
                        return (Position { epoch, seq }, data);
                    }
                    ServerMessage::Delta { .. } => {}
                    other => panic!("a snapshot of {topic}, not {other:?}"),
                }
            }
        })
        .await
    }

    /// The delta that comes next.
    pub async fn delta(&mut self) -> (Position, LiveData) {
        match self.next().await {
            ServerMessage::Delta { epoch, seq, data, .. } => (Position { epoch, seq }, data),
            other => panic!("a delta, not {other:?}"),
        }
    }

    /// The code of the refusal that comes next.
    pub async fn refusal(&mut self) -> u32 {
        match self.next().await {
            ServerMessage::Refused { error, .. } => error.code.number(),
            other => panic!("a refusal, not {other:?}"),
        }
    }

    /// Reads on until the socket ends; the reason, if the server gave one.
    pub async fn ending(&mut self) -> Option<String> {
        patiently(async {
            let mut reason = None;
            while let Some(message) = self.hear().await {
                if let ServerMessage::Bye { reason: given } = message {
                    reason = Some(given);
                }
            }
            reason
        })
        .await
    }
}

impl Live {
    /// Reads on until the server closes; code and reason of its close frame.
    pub async fn close(&mut self) -> Option<(u16, String)> {
        patiently(async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Close(frame))) => {
                        return frame.map(|frame| (frame.code.into(), frame.reason.to_string()));
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return None,
                }
            }
        })
        .await
    }
}

/// An agent's link.
pub struct Link(Stream);

impl Link {
    /// Dials with a key and, on first contact, a join token.
    pub async fn dial(server: &Server, key: &str, join_token: Option<&str>, host_name: &str) -> Result<Self, u16> {
        let bearer = format!("Bearer {key}");
        let mut headers = vec![(header::AUTHORIZATION.as_str(), bearer.as_str())];
        headers.push((node_protocol::HOST_NAME_HEADER, host_name));
        headers.extend(join_token.map(|token| (node_protocol::JOIN_TOKEN_HEADER, token)));
        dial(server, node_protocol::PATH, &headers).await.map(Self)
    }

    /// Dials a known machine's link and says hello.
    pub async fn open(server: &Server, key: &str, hello: Hello) -> (Self, Welcome) {
        let mut link = Self::dial(server, key, None, "").await.expect("the key is known");
        link.send(AgentBody::Hello(hello)).await;
        match link.hear().await {
            Some(ServerBody::Welcome(welcome)) => (link, welcome),
            other => panic!("a welcome, not {other:?}"),
        }
    }

    pub async fn send(&mut self, body: AgentBody) {
        self.send_bytes(AgentFrame { body: Some(body) }.encode_to_vec()).await;
    }

    /// The server may have hung up already: then the next read says so.
    pub async fn send_bytes(&mut self, bytes: Vec<u8>) {
        let _ = self.0.send(Message::binary(bytes)).await;
    }

    pub async fn send_text(&mut self, text: &str) {
        let _ = self.0.send(Message::text(text)).await;
    }

    /// The next frame that is no ping (those are answered); `None` when the link has ended.
    pub async fn hear(&mut self) -> Option<ServerBody> {
        patiently(async {
            loop {
                let body = match receive(&mut self.0).await? {
                    Message::Binary(bytes) => ServerFrame::decode(bytes).expect("a frame").body.expect("with a body"),
                    other => panic!("only frames are spoken here: {other:?}"),
                };
                match body {
                    ServerBody::Ping(Ping { nonce }) => self.send(AgentBody::Pong(Ping { nonce })).await,
                    body => return Some(body),
                }
            }
        })
        .await
    }

    /// The sequence acknowledged next.
    pub async fn ack(&mut self) -> u64 {
        match self.hear().await {
            Some(ServerBody::Ack(ack)) => ack.sequence,
            other => panic!("an acknowledgement, not {other:?}"),
        }
    }

    /// Reads on until the link ends; the reason, if the server gave one, and the sequences acknowledged meanwhile.
    pub async fn ending(&mut self) -> (Option<node_protocol::GoodbyeReason>, Vec<u64>) {
        let (mut reason, mut acks) = (None, Vec::new());
        while let Some(body) = self.hear().await {
            match body {
                ServerBody::Goodbye(goodbye) => reason = Some(goodbye.reason()),
                ServerBody::Ack(ack) => acks.push(ack.sequence),
                _ => {}
            }
        }
        (reason, acks)
    }
}
