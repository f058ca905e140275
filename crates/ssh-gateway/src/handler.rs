//! What a client asks for, packet by packet. Nothing here waits for a program or an engine: that is done by tasks.

use std::collections::HashMap;
use std::sync::Arc;

use contract::accounts::Language;
use contract::instances::MAX_TERMINAL_SIDE;
use platform::instances::{self, TerminalSize};
use platform::{OpContext, Principal, Via, accounts, settings};
use russh::keys::{Algorithm, PublicKey};
use russh::server::{Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Response, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId, ChannelOpenFailure, Pty, Sig};
use tokio::sync::watch;

use crate::auth::{self, Answered, Asked, Named};
use crate::channel::{Held, Wanted};
use crate::connection::Connection;
use crate::door::Seat;
use crate::gate::{Gate, Inbox};
use crate::{Gateway, Peer, channel, forward};

/// Channels of a connection that are open.
const MOST_CHANNELS: usize = 64;
/// Longest command, bytes; longer than any kernel takes.
const MAX_COMMAND: usize = 256 << 10;
/// Variables a client may give a program.
const MOST_VARIABLES: usize = 32;
/// Of each, bytes.
const MAX_VARIABLE: usize = 1024;

/// One connection, from its first byte on.
pub(crate) struct Guest {
    gateway: Arc<Gateway>,
    peer: Peer,
    gate: Arc<Gate>,
    seat: Seat,
    known: watch::Sender<bool>,
    asked: Asked,
    asked_as: String,
    connection: Option<Arc<Connection>>,
    channels: HashMap<ChannelId, Held>,
}

type Done = Result<(), russh::Error>;

impl Guest {
    pub(crate) fn new(gateway: Arc<Gateway>, peer: Peer, gate: Arc<Gate>, seat: Seat) -> Self {
        Self {
            gateway,
            peer,
            gate,
            seat,
            known: watch::Sender::new(false),
            asked: Asked::Nothing,
            asked_as: String::new(),
            connection: None,
            channels: HashMap::new(),
        }
    }

    /// Turns true when it is known whose it is.
    pub(crate) fn known(&self) -> watch::Receiver<bool> {
        self.known.subscribe()
    }

    /// Of somebody who is not known yet.
    fn stranger(&self) -> OpContext {
        let platform = &self.gateway.platform;
        let id = format!("ssh-{}", uuid::Uuid::now_v7().simple());
        let language: Language = settings::usual_language(platform);
        let address = Some(self.peer.address);
        OpContext::new(Principal::Anonymous, platform.clock().now(), Via::Ssh, id, address, language)
            .with_user_agent(Some(&self.gate.client()))
    }

    /// Whether anybody comes in by this door.
    async fn open(&self) -> bool {
        settings::ssh(&self.gateway.platform).await.open
    }

    async fn welcome(&mut self, user: &str, proof: accounts::SshProof) -> Auth {
        let (stranger, platform) = (self.stranger(), &self.gateway.platform);
        let Some(place) = self.gateway.people.take(proof.who.user, self.gateway.limits.of_person) else {
            tracing::warn!(user = %proof.who.user, "too many connections by SSH of one person");
            return Auth::reject();
        };
        match auth::settle(platform, &stranger, &proof, proof.who.active_customer).await {
            Ok(ctx) => {
                let (at, who) = ((self.peer, self.gate.clone()), (stranger, ctx));
                let connection = Connection::new(self.gateway.clone(), (at, place), Named::read(user), who, proof);
                self.connection = Some(Arc::new(connection));
                Auth::Accept
            }
            Err(error) => {
                tracing::debug!(%error, "a session by SSH was not begun");
                Auth::reject()
            }
        }
    }

    /// For one more channel; what is over, or was refused, takes none.
    fn has_room(&mut self) -> bool {
        self.channels.retain(|_, held| !held.inbox.is_closed());
        self.channels.len() < MOST_CHANNELS
    }

    fn connection(&self) -> Result<&Arc<Connection>, russh::Error> {
        self.connection.as_ref().ok_or(russh::Error::Inconsistent)
    }

    /// Begins what a channel is for, once.
    fn begin(&mut self, id: ChannelId, wanted: Wanted, session: &mut Session) -> Done {
        let connection = self.connection()?.clone();
        let started = self.channels.get_mut(&id).and_then(Held::start);
        match started {
            Some(start) => {
                session.channel_success(id)?;
                let gateway = self.gateway.clone();
                gateway.tasks.spawn(channel::run(connection, start, wanted));
                Ok(())
            }
            None => session.channel_failure(id),
        }
    }
}

/// Sides that no terminal has are those of one that says nothing.
fn size_of(cols: u32, rows: u32) -> TerminalSize {
    let side = |n: u32, usual: u16| match u16::try_from(n) {
        Ok(0) | Err(_) => usual,
        Ok(n) => n.min(MAX_TERMINAL_SIDE),
    };
    instances::terminal_size(Some(side(cols, 80)), Some(side(rows, 24))).unwrap_or_default()
}

/// The text a key is kept as; none for one that is signed with SHA-1.
fn text_of(key: &PublicKey, algorithm: &Algorithm) -> Option<String> {
    if *algorithm == (Algorithm::Rsa { hash: None }) {
        return None;
    }
    let bare = PublicKey::new(key.key_data().clone(), "");
    bare.to_openssh().ok().map(|text| text.trim().to_owned())
}

pub(crate) fn may_be_given(name: &str, value: &str) -> bool {
    let known = name == "LANG" || name == "COLORTERM" || name.starts_with("LC_");
    let word = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    known && word(name) && name.len() + value.len() <= MAX_VARIABLE && !value.contains(['\0', '\n'])
}

impl Handler for Guest {
    type Error = russh::Error;

    async fn auth_publickey_offered(&mut self, user: &str, offer: PublicKeyOffer<'_>) -> Result<Auth, Self::Error> {
        let Some(key) = text_of(offer.public_key, offer.algorithm) else { return Ok(Auth::reject()) };
        let Ok(_turn) = self.gateway.strangers.acquire().await else { return Ok(Auth::reject()) };
        if !self.open().await {
            return Ok(Auth::reject());
        }
        let named = Named::read(user);
        match accounts::ssh_key_counts(&self.gateway.platform, &self.stranger(), &named.person, &key).await {
            Ok(true) => Ok(Auth::Accept),
            Ok(false) => Ok(Auth::reject()),
            Err(error) => {
                tracing::warn!(%error, "a key by SSH was not looked up");
                Ok(Auth::reject())
            }
        }
    }

    async fn auth_publickey(&mut self, user: &str, verified: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        let Some(key) = text_of(verified.public_key, verified.algorithm) else { return Ok(Auth::reject()) };
        if !self.open().await {
            return Ok(Auth::reject());
        }
        let named = Named::read(user);
        let found = accounts::sign_in_by_ssh_key(&self.gateway.platform, &self.stranger(), &named.person, &key).await;
        match found {
            Ok(Some(proof)) => Ok(self.welcome(user, proof).await),
            Ok(None) => Ok(Auth::reject()),
            Err(error) => {
                tracing::warn!(%error, "a key by SSH was not looked up");
                Ok(Auth::reject())
            }
        }
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _submethods: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        if !self.open().await {
            return Ok(Auth::reject());
        }
        // Another name begins anew.
        let response = response.filter(|_| self.asked_as == user);
        user.clone_into(&mut self.asked_as);
        let (ctx, named) = (self.stranger(), Named::read(user));
        match auth::converse(&self.gateway, &ctx, &named, &mut self.asked, response).await {
            Answered::Again(auth) => Ok(auth),
            Answered::Known(proof) => Ok(self.welcome(user, proof).await),
        }
    }

    async fn auth_succeeded(&mut self, session: &mut Session) -> Done {
        self.seat.known();
        self.known.send_replace(true);
        let (connection, handle) = (self.connection()?.clone(), session.handle());
        let gateway = self.gateway.clone();
        gateway.tasks.spawn(connection.keep(handle));
        Ok(())
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Done {
        if !self.has_room() {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        }
        let inbox = Arc::new(Inbox::new(self.gate.clone()));
        self.connection()?.add_inbox(&inbox);
        let id = channel.id();
        let (_unread, writer) = channel.split();
        self.channels.insert(id, Held::new(inbox, writer));
        reply.accept().await;
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _originator: &str,
        _originator_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Done {
        let connection = self.connection()?.clone();
        let (true, Ok(port @ 1..)) = (self.has_room(), u16::try_from(port)) else {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        };
        let inbox = Arc::new(Inbox::new(self.gate.clone()));
        connection.add_inbox(&inbox);
        let id = channel.id();
        let (_unread, writer) = channel.split();
        let mut held = Held::new(inbox, writer);
        if let Some(start) = held.start() {
            self.channels.insert(id, held);
            let (gateway, host) = (self.gateway.clone(), host.to_owned());
            gateway.tasks.spawn(forward::run(connection, start, (host, port), reply));
        }
        Ok(())
    }

    async fn data(&mut self, channel: ChannelId, data: &[u8], _session: &mut Session) -> Done {
        if let Some(held) = self.channels.get(&channel) {
            held.inbox.push(bytes::Bytes::copy_from_slice(data));
        }
        Ok(())
    }

    async fn channel_eof(&mut self, channel: ChannelId, _session: &mut Session) -> Done {
        if let Some(held) = self.channels.get(&channel) {
            held.inbox.end();
        }
        Ok(())
    }

    async fn channel_close(&mut self, channel: ChannelId, _session: &mut Session) -> Done {
        if let Some(held) = self.channels.remove(&channel) {
            held.close();
        }
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        term: &str,
        col_width: u32,
        row_height: u32,
        _pix_width: u32,
        _pix_height: u32,
        modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Done {
        match self.channels.get_mut(&channel) {
            Some(held) => {
                held.terminal(term, modes, size_of(col_width, row_height));
                session.channel_success(channel)
            }
            None => session.channel_failure(channel),
        }
    }

    async fn window_change_request(
        &mut self,
        channel: ChannelId,
        col_width: u32,
        row_height: u32,
        _pix_width: u32,
        _pix_height: u32,
        session: &mut Session,
    ) -> Done {
        if let Some(held) = self.channels.get_mut(&channel) {
            held.size.send_replace(size_of(col_width, row_height));
        }
        session.channel_success(channel)
    }

    async fn signal(&mut self, channel: ChannelId, signal: Sig, _session: &mut Session) -> Done {
        if let Some(held) = self.channels.get(&channel) {
            held.signal(signal);
        }
        Ok(())
    }

    async fn env_request(&mut self, channel: ChannelId, name: &str, value: &str, session: &mut Session) -> Done {
        match self.channels.get_mut(&channel) {
            Some(held) if held.env.len() < MOST_VARIABLES && may_be_given(name, value) => {
                held.env.push(format!("{name}={value}"));
                session.channel_success(channel)
            }
            _ => session.channel_failure(channel),
        }
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Done {
        self.begin(channel, Wanted::Shell, session)
    }

    async fn exec_request(&mut self, channel: ChannelId, data: &[u8], session: &mut Session) -> Done {
        match std::str::from_utf8(data) {
            Ok(command) if command.len() <= MAX_COMMAND && !command.contains('\0') => {
                self.begin(channel, Wanted::Command(command.to_owned()), session)
            }
            // An engine takes words in UTF-8 alone.
            _ => {
                self.connection()?.note("ssh-command-refused");
                session.channel_failure(channel)
            }
        }
    }

    async fn subsystem_request(&mut self, channel: ChannelId, name: &str, session: &mut Session) -> Done {
        match name {
            "sftp" => self.begin(channel, Wanted::Files, session),
            _ => session.channel_failure(channel),
        }
    }

    async fn agent_request(&mut self, _channel: ChannelId, _session: &mut Session) -> Result<bool, Self::Error> {
        self.connection()?.note("ssh-no-agent");
        Ok(false)
    }

    async fn x11_request(
        &mut self,
        channel: ChannelId,
        _single_connection: bool,
        _protocol: &str,
        _cookie: &str,
        _screen: u32,
        session: &mut Session,
    ) -> Done {
        self.connection()?.note("ssh-no-x11");
        session.channel_failure(channel)
    }

    async fn tcpip_forward(
        &mut self,
        _address: &str,
        _port: &mut u32,
        _session: &mut Session,
    ) -> Result<bool, Self::Error> {
        self.connection()?.note("ssh-no-remote-forward");
        Ok(false)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        for held in self.channels.values() {
            held.close();
        }
        if let Some(connection) = &self.connection {
            connection.leaving.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_variables_are_taken() {
        for (name, value, taken) in [
            ("LANG", "zh_CN.UTF-8", true),
            ("LC_ALL", "C", true),
            ("LD_PRELOAD", "/tmp/x.so", false),
            ("LC_A=B", "C", false),
            ("PATH", "/tmp", false),
            ("LANG", "a\0b", false),
        ] {
            assert_eq!(may_be_given(name, value), taken, "{name}={value}");
        }
    }

    #[test]
    fn every_size_is_one_that_a_terminal_has() {
        for (cols, rows) in [(0, 0), (u32::MAX, 1), (70_000, 70_000), (1001, 2000)] {
            let _ = size_of(cols, rows);
        }
        assert_eq!(size_of(0, 0), TerminalSize::default());
    }
}
