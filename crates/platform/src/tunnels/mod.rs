//! Connections to a machine's Docker Engine, or its sshd, through its agent: asked for over the agent's link, dialed back by
//! the agent, handed to who asked. Nothing listens on the machine.
//!
//! Invariants: a ticket counts once, for its machine, for moments, on the server that made it; which socket is connected to,
//! the agent decides; whoever asks hears within [`WAIT`] that there is a tunnel or why there is none; what broke never reads
//! as an end. Links end on one server: for a machine whose agent is linked elsewhere, that server is asked ([`relay`]).

mod cuts;
pub(crate) mod fuzzing;
mod pass;
mod relay;
mod sealed;
mod stream;
mod ways;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, Weak};
use std::time::Duration;

use contract::MachineId;
use node_protocol::limits::{MAX_TUNNELS, TUNNEL_SILENCE_SECONDS};
use node_protocol::{Hello, OpenTunnel, TunnelEnd, TunnelRefusal, TunnelRefused, TunnelSupport};
pub use runtime::docker::Bytes;
use runtime::docker::{Fault, FaultKind, Opening, Way};
use sha2::{Digest as _, Sha256};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

use cuts::{Cut, Which};
pub use pass::Pass;
pub use relay::{PASS_HEADER, PEER_PATH, PEER_PROTOCOL, PeerCall, admit_peer};
use stream::NearEnd;
pub use stream::{FarEnd, Held};
pub use ways::Ways;

use crate::authz::{Granted, OperateMachine, ReportMetrics};
use crate::metrics::{self, LinkHolder, NodeLink, Peer};
use crate::{Error, OpContext, Platform, Principal, Result, machines, secrets};

/// Longest wait for a tunnel: below what a request to an engine may take.
const WAIT: Duration = Duration::from_secs(8);
/// What of it the agent has: its refusal is to arrive in time.
const AGENTS_PART: Duration = Duration::from_secs(7);
/// Longest wait for a link that is in the database to take orders here.
const ATTACHING: Duration = Duration::from_millis(500);
/// How long a link that ended here is looked for at other servers: after that its tunnels have ended.
const AWAY: Duration = Duration::from_secs(TUNNEL_SILENCE_SECONDS);
/// Between two looks for it.
const LOOK: Duration = Duration::from_millis(500);
/// Requests on their way to one link.
const ORDERS: usize = 16;

/// What this server knows of tunnels.
#[derive(Default)]
pub(crate) struct Tunnels {
    state: Mutex<State>,
    /// Where other servers reach this one; none where they do not.
    address: OnceLock<String>,
}

#[derive(Default)]
struct State {
    links: HashMap<MachineId, Linked>,
    /// By the hash of their tickets.
    waiting: HashMap<[u8; 32], Waiting>,
    /// How many are waited for or open.
    used: HashMap<MachineId, usize>,
    /// By which tunnels are ended that are open or being opened.
    cuts: HashMap<(MachineId, Which), Weak<Cut>>,
    /// Passes of other servers that were used, until when they are remembered.
    passes: HashMap<pass::Nonce, Instant>,
}

/// An agent whose link ends here.
struct Linked {
    id: uuid::Uuid,
    /// To the engine.
    support: TunnelSupport,
    /// It leads to its host's sshd, too.
    to_sshd: bool,
    orders: mpsc::Sender<OpenTunnel>,
}

struct Waiting {
    machine: MachineId,
    id: u64,
    until: Instant,
    slot: Slot,
    cut: Arc<Cut>,
    answer: oneshot::Sender<std::result::Result<NearEnd, Fault>>,
}

impl Tunnels {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics holding this lock")
    }

    /// Whether a machine has tunnels by a link that ended here, and no link came back.
    fn are_left(&self, machine: MachineId) -> bool {
        let state = self.state();
        state.cuts.contains_key(&(machine, Which::Linked)) && !state.links.contains_key(&machine)
    }
}

/// Says where other servers of the installation reach this one, without a slash at the end; once, before agents come.
pub fn announce(platform: &Platform, address: &str) {
    // A second word changes nothing: links that are there were written with the first.
    let _ = platform.tunnels().address.set(address.to_owned());
}

/// See [`announce`].
pub(crate) fn announced(platform: &Platform) -> Option<&str> {
    platform.tunnels().address.get().map(String::as_str)
}

/// One of a machine's tunnels, counted while it lives.
struct Slot {
    tunnels: Arc<Tunnels>,
    machine: MachineId,
}

impl Slot {
    /// Refused when as many as there may be are used.
    fn take(tunnels: &Arc<Tunnels>, machine: MachineId) -> std::result::Result<Self, Fault> {
        Self::take_in(&mut tunnels.state(), tunnels, machine)
    }

    fn take_in(state: &mut State, tunnels: &Arc<Tunnels>, machine: MachineId) -> std::result::Result<Self, Fault> {
        let used = state.used.entry(machine).or_default();
        if *used >= MAX_TUNNELS {
            return Err(Fault::new(FaultKind::TunnelBusy, format!("{MAX_TUNNELS} are open")));
        }
        *used += 1;
        Ok(Self { tunnels: Arc::clone(tunnels), machine })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.tunnels.state();
        if let Some(used) = state.used.get_mut(&self.machine) {
            *used -= 1;
            if *used == 0 {
                state.used.remove(&self.machine);
            }
        }
    }
}

/// The requests for a link to carry to its agent; without it, the agent is asked nothing here.
pub struct Orders {
    tunnels: Arc<Tunnels>,
    machine: MachineId,
    id: uuid::Uuid,
    orders: mpsc::Receiver<OpenTunnel>,
}

impl Orders {
    /// The next one. Cancel safe.
    pub async fn next(&mut self) -> OpenTunnel {
        match self.orders.recv().await {
            Some(order) => order,
            // A newer link of the machine has taken over; this one hears of it in its own way.
            None => std::future::pending().await,
        }
    }
}

impl Drop for Orders {
    fn drop(&mut self) {
        let ended = {
            let mut state = self.tunnels.state();
            if state.links.get(&self.machine).is_none_or(|current| current.id != self.id) {
                return;
            }
            state.links.remove(&self.machine);
            let gone: Vec<_> = state.waiting.extract_if(|_, waiting| waiting.machine == self.machine).collect();
            gone
        };
        for (_, waiting) in ended {
            let _ = waiting.answer.send(Err(Fault::new(FaultKind::AgentOffline, "its link ended")));
        }
    }
}

/// Tells of an agent that is linked here; for as long as the answer lives.
pub fn attach(platform: &Platform, link: &NodeLink, hello: &Hello) -> Orders {
    let tunnels = Arc::clone(platform.tunnels());
    let (sender, orders) = mpsc::channel(ORDERS);
    let id = uuid::Uuid::new_v4();
    let linked = Linked { id, support: hello.tunnels(), to_sshd: hello.keys_account.is_some(), orders: sender };
    tunnels.state().links.insert(link.machine, linked);
    Orders { tunnels, machine: link.machine, id, orders }
}

/// Ends the tunnels of a link that ended here as soon as another server has the machine's: what uses them is to ask there. Those of
/// one that comes back here go on. To be awaited beside whatever else is done at the end of a link.
pub async fn end_moved(platform: Platform, link: NodeLink) {
    let until = Instant::now() + AWAY;
    while platform.tunnels().are_left(link.machine) && Instant::now() < until {
        match metrics::link_holder(&platform, link.machine).await {
            Ok(LinkHolder::Elsewhere(_)) => return Cut::all(platform.tunnels(), link.machine, Which::Linked),
            Ok(LinkHolder::Here | LinkHolder::Nobody) => {}
            Err(error) => tracing::debug!(%error, "where an agent is linked could not be looked up"),
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What an agent says of a tunnel it does not make.
pub fn refused(platform: &Platform, link: &NodeLink, refused: &TunnelRefused) {
    let waiting = {
        let mut state = platform.tunnels().state();
        let found = state.waiting.iter().find(|(_, one)| one.machine == link.machine && one.id == refused.id);
        let ticket = found.map(|(ticket, _)| *ticket);
        ticket.and_then(|ticket| state.waiting.remove(&ticket))
    };
    // Nobody waits any more: it came late.
    let Some(waiting) = waiting else { return };
    let _ = waiting.answer.send(Err(of_refusal(refused)));
}

fn of_refusal(refused: &TunnelRefused) -> Fault {
    let kind = match refused.reason() {
        TunnelRefusal::Off => FaultKind::TunnelOff,
        TunnelRefusal::NoSocket => FaultKind::NoSocket,
        TunnelRefusal::Permission => FaultKind::Permission,
        TunnelRefusal::Refused => FaultKind::Refused,
        TunnelRefusal::Busy => FaultKind::TunnelBusy,
        TunnelRefusal::NoWayBack => FaultKind::TunnelBack,
        TunnelRefusal::Unspecified => FaultKind::Other,
    };
    Fault::new(kind, &refused.detail)
}

/// A tunnel whose agent has dialed back and showed its ticket.
pub struct Claim {
    waiting: Waiting,
}

impl Claim {
    /// The end to copy bytes to and from; `None` when nobody waits any more.
    pub fn connect(self) -> Option<FarEnd> {
        let (near, far) = stream::pair(self.waiting.slot, Some(self.waiting.cut));
        self.waiting.answer.send(Ok(near)).ok()?;
        Some(far)
    }
}

/// Uses a ticket up.
///
/// # Errors
/// `NotFound` for every ticket that is not this node's, not now, or not of this server: agents try again, since that may be
/// another server behind the same address.
pub fn claim(platform: &Platform, ctx: &OpContext, ticket: &str) -> Result<Claim> {
    let Principal::Node { machine, .. } = ctx.principal() else { return Err(Error::not_found()) };
    ctx.authorize(ReportMetrics, &machines::resource(*machine))?;
    let hash = hash(ticket);
    let mut state = platform.tunnels().state();
    // Somebody else's stays with whom it is for.
    if state.waiting.get(&hash).is_none_or(|waiting| waiting.machine != *machine) {
        return Err(Error::not_found());
    }
    let waiting = state.waiting.remove(&hash).ok_or_else(Error::not_found)?;
    drop(state);
    if waiting.until <= Instant::now() { Err(Error::not_found()) } else { Ok(Claim { waiting }) }
}

fn hash(ticket: &str) -> [u8; 32] {
    Sha256::digest(ticket.as_bytes()).into()
}

/// The way to a machine's engine through its agent.
pub fn way(platform: &Platform, granted: &Granted<OperateMachine>) -> Arc<dyn Way> {
    Arc::new(AgentWay { platform: platform.clone(), machine: granted.id() })
}

struct AgentWay {
    platform: Platform,
    machine: MachineId,
}

impl std::fmt::Debug for AgentWay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgentWay").field("machine", &self.machine).finish_non_exhaustive()
    }
}

impl Way for AgentWay {
    fn open(&self) -> Opening {
        let (platform, machine) = (self.platform.clone(), self.machine);
        Box::pin(async move { open(&platform, machine, TunnelEnd::Engine).await })
    }
}

/// A connection to a machine's sshd through its agent, for a slice that has decided that the caller may have it.
pub(crate) async fn to_sshd(platform: &Platform, machine: MachineId) -> std::result::Result<Box<dyn Bytes>, Fault> {
    // Before it is asked for: what ends the right meanwhile ends this, too.
    let cut = Cut::of(platform.tunnels(), machine, Which::Sshd);
    let bytes = open(platform, machine, TunnelEnd::Sshd).await?;
    Ok(Box::new(stream::Cuttable::new(bytes, cut)))
}

/// Ends all ways to the machine's sshd from here, those of other servers by this one too: who had it has it no more.
pub(crate) fn cut_sshd(platform: &Platform, machine: MachineId) {
    Cut::all(platform.tunnels(), machine, Which::Sshd);
}

/// What is asked for, and forgotten when nobody waits for it.
struct Asked {
    tunnels: Arc<Tunnels>,
    ticket: [u8; 32],
}

impl Drop for Asked {
    fn drop(&mut self) {
        // What it holds wants the lock, too.
        let waiting = self.tunnels.state().waiting.remove(&self.ticket);
        drop(waiting);
    }
}

async fn open(platform: &Platform, machine: MachineId, to: TunnelEnd) -> std::result::Result<Box<dyn Bytes>, Fault> {
    match timeout(WAIT, by_whoever_is_linked(platform, machine, to)).await {
        Ok(opened) => Ok(Box::new(opened?)),
        Err(_) => Err(Fault::new(FaultKind::TunnelLate, format!("no tunnel within {} s", WAIT.as_secs()))),
    }
}

/// Here, or by the server that has the link. One that cannot be asked, or has it no more, may have lost it since it was
/// looked up: then it is looked up once more.
async fn by_whoever_is_linked(
    platform: &Platform,
    machine: MachineId,
    to: TunnelEnd,
) -> std::result::Result<NearEnd, Fault> {
    let mut missed: Option<(uuid::Uuid, Fault)> = None;
    loop {
        let peer = match here(platform, machine, to, AGENTS_PART).await? {
            Found::Tunnel(near) => return Ok(near),
            Found::Elsewhere(peer) => peer,
        };
        if let Some((server, fault)) = missed.take()
            && server == peer.server
        {
            return Err(fault);
        }
        match relay::ask(platform, &peer, machine, to).await {
            Ok(near) => return Ok(near),
            Err(relay::Missed::Fault(fault)) => return Err(fault),
            Err(relay::Missed::Away(fault)) => missed = Some((peer.server, fault)),
        }
    }
}

/// A tunnel, or which other server makes it.
enum Found {
    Tunnel(NearEnd),
    Elsewhere(Peer),
}

/// By the agent that is linked here, which has `agents_part` for it. The caller bounds the time.
async fn here(
    platform: &Platform,
    machine: MachineId,
    to: TunnelEnd,
    agents_part: Duration,
) -> std::result::Result<Found, Fault> {
    let ticket = hex::encode(secrets::random_bytes::<32>());
    let order = OpenTunnel {
        id: u64::from_le_bytes(secrets::random_bytes()),
        ticket: ticket.clone(),
        wait_ms: u32::try_from(agents_part.as_millis()).unwrap_or(u32::MAX),
        to: to.into(),
    };
    let (orders, answered, _asked) = match begin(platform, machine, &order, hash(&ticket)).await? {
        Begin::Here(begun) => begun,
        Begin::Elsewhere(peer) => return Ok(Found::Elsewhere(peer)),
    };
    let offline = || Fault::new(FaultKind::AgentOffline, "its link ended");
    orders.send(order).await.map_err(|_| offline())?;
    answered.await.map_err(|_| offline())?.map(Found::Tunnel)
}

type Answered = oneshot::Receiver<std::result::Result<NearEnd, Fault>>;
type Begun = (mpsc::Sender<OpenTunnel>, Answered, Asked);

/// Who is asked.
enum Begin {
    Here(Begun),
    Elsewhere(Peer),
}

/// `None` where no agent of that machine is linked here.
fn ask(
    tunnels: &Arc<Tunnels>,
    machine: MachineId,
    order: &OpenTunnel,
    ticket: [u8; 32],
) -> Option<std::result::Result<Begun, Fault>> {
    let mut state = tunnels.state();
    let link = state.links.get(&machine)?;
    let orders = link.orders.clone();
    match (order.to(), link.support) {
        (TunnelEnd::Sshd, _) if !link.to_sshd => return Some(Err(Fault::new(FaultKind::TunnelOff, ""))),
        (TunnelEnd::Engine, TunnelSupport::Unknown) => return Some(Err(Fault::new(FaultKind::AgentOld, ""))),
        (TunnelEnd::Engine, TunnelSupport::Off) => return Some(Err(Fault::new(FaultKind::TunnelOff, ""))),
        (TunnelEnd::Sshd, _) | (TunnelEnd::Engine, TunnelSupport::On) => {}
    }
    let slot = match Slot::take_in(&mut state, tunnels, machine) {
        Ok(slot) => slot,
        Err(busy) => return Some(Err(busy)),
    };
    let (answer, answered) = oneshot::channel();
    let cut = Cut::of_in(&mut state, tunnels, machine, Which::Linked);
    let waiting = Waiting { machine, id: order.id, until: Instant::now() + WAIT, slot, cut, answer };
    state.waiting.insert(ticket, waiting);
    Some(Ok((orders, answered, Asked { tunnels: Arc::clone(tunnels), ticket })))
}

/// Asks the agent that is linked here, or says why there is none. A link is in the database a moment before it takes
/// orders, and a moment after: who comes in between waits for it.
async fn begin(
    platform: &Platform,
    machine: MachineId,
    order: &OpenTunnel,
    ticket: [u8; 32],
) -> std::result::Result<Begin, Fault> {
    let until = Instant::now() + ATTACHING;
    loop {
        if let Some(begun) = ask(platform.tunnels(), machine, order, ticket) {
            return begun.map(Begin::Here);
        }
        let offline = Fault::new(FaultKind::AgentOffline, "");
        match metrics::link_holder(platform, machine).await {
            Ok(LinkHolder::Here) if Instant::now() < until => tokio::time::sleep(Duration::from_millis(20)).await,
            Ok(LinkHolder::Here | LinkHolder::Nobody) => return Err(offline),
            Ok(LinkHolder::Elsewhere(peer)) => return Ok(Begin::Elsewhere(peer)),
            Err(error) => {
                tracing::warn!(%error, "where an agent is linked could not be looked up");
                return Err(offline);
            }
        }
    }
}
