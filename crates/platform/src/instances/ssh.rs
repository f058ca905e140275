//! Coming into instances by SSH: which there are, being in one, and what is run there.
//!
//! Invariants: who may come in is asked like of the browser's terminal; being in is a row that its server keeps alive, and
//! ends with the person's session; what is run are words handed to the engine, and no shell of ours reads them. It is marked with
//! the row, which is there before it: what a server that died left running is found by it, and hung up by the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use contract::access::AccessKind;
use contract::instances::InstanceState;
use contract::{CustomerId, ErrorCode, InstanceId, UserId};
use runtime::docker::containers::{Containers, Exit, Order};
pub use runtime::docker::containers::{Piece, ProgramInput, ProgramOutput};
use runtime::docker::{Fault, FaultKind};
use serde_json::json;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use uuid::Uuid;

use super::recordings::{self, Recorded, Recorder, Whose};
use super::store::{self, NewVisit, Row};
use super::terminals::{TerminalSize, running};
use super::work::{Trouble, reach};
use super::{entry, left, own_row, system, worker};
use crate::authz::{EnterOwnInstance, OwnInstanceRef, Scope};
use crate::{Error, OpContext, Platform, Principal, Result, audit, customers};

/// Most connections of a person into instances.
const MOST: i64 = 30;
/// Instances that are shown to choose from.
const MOST_CHOICES: u32 = 100;
/// How long an engine may take to begin something.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the end of a connection waits until what ran for it is hung up; who looks after those that are over does it anew.
const HANG_UP: Duration = Duration::from_secs(2);

/// An instance one may come into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub id: InstanceId,
    pub name: String,
    pub customer: CustomerId,
    pub customer_name: String,
    pub state: InstanceState,
}

/// What one may come into, over all the customers one belongs to; with a wish, those that are called so or have that number.
///
/// # Errors
/// The database is away.
pub async fn ssh_choices(platform: &Platform, ctx: &OpContext, wanted: Option<&str>) -> Result<Vec<Choice>> {
    let Some(user) = ctx.user() else { return Err(Error::not_found()) };
    if wanted.is_some_and(|wanted| wanted.contains('\0')) {
        return Ok(Vec::new());
    }
    let mut choices = Vec::new();
    for (customer, _) in &user.memberships {
        let mut there = user.clone();
        there.active_customer = Some(*customer);
        let ctx = ctx.authenticated(Principal::User(Box::new(there)), ctx.language());
        choices.extend(choices_of(platform, &ctx, *customer, wanted).await?);
    }
    // By its name rather than by its number, where both fit.
    if let Some(wanted) = wanted
        && choices.iter().any(|it| it.name.eq_ignore_ascii_case(wanted))
    {
        choices.retain(|it| it.name.eq_ignore_ascii_case(wanted));
    }
    Ok(choices)
}

async fn choices_of(
    platform: &Platform,
    ctx: &OpContext,
    customer: CustomerId,
    wanted: Option<&str>,
) -> Result<Vec<Choice>> {
    let scope = ctx.authorize_list::<OwnInstanceRef>(contract::Permission::InstancesUse);
    let whose = match scope {
        Ok(Scope::Customer(customer)) => (customer, None),
        Ok(Scope::Own(person)) => (customer, Some(person)),
        // Somebody who may see none there.
        _ => return Ok(Vec::new()),
    };
    let mut tx = platform.db().begin(ctx).await?;
    let rows = store::enterable(&mut tx, whose, wanted, i64::from(MOST_CHOICES)).await?;
    let names = customers::names(&mut tx, &[customer.0]).await?;
    tx.commit().await?;
    let may = |row: &Row| ctx.authorize(EnterOwnInstance, &row.own()).is_ok();
    let choice = |row: Row| Choice {
        state: row.state(),
        id: row.id,
        name: row.name,
        customer: row.customer,
        customer_name: names.get(&customer.0).cloned().unwrap_or_default(),
    };
    Ok(rows.into_iter().filter(may).map(choice).collect())
}

/// Somebody who is in an instance.
pub struct Visit {
    pub id: Uuid,
    pub instance: InstanceId,
    pub name: String,
    user: UserId,
    person: String,
    programs: Programs,
}

/// What runs for somebody.
#[derive(Clone)]
struct Programs {
    /// Stands in the mark of each of them.
    of: Uuid,
    running: TaskTracker,
    /// Something may run on: an engine did not hear that it is to be hung up.
    left: Arc<AtomicBool>,
}

impl Programs {
    fn new(of: Uuid) -> Self {
        Self { of, running: TaskTracker::new(), left: Arc::default() }
    }

    /// Whether all of them ended or were hung up, within a moment.
    async fn are_over(&self) -> bool {
        self.running.close();
        tokio::time::timeout(HANG_UP, self.running.wait()).await.is_ok() && !self.left.load(Ordering::Relaxed)
    }
}

/// Comes into an instance of the customer one acts for.
///
/// # Errors
/// `NotFound` where there is none, `Forbidden` for who may only see it, `WrongState` while it does not run, `QuotaExceeded`
/// for too many connections.
pub async fn enter_by_ssh(
    platform: &Platform,
    ctx: &OpContext,
    id: InstanceId,
    fingerprint: Option<&str>,
) -> Result<Visit> {
    let Some(user) = ctx.user() else { return Err(Error::not_found()) };
    let ctx = &ctx.trying_on("instances:open-ssh", "instance", id);
    let row = own_row(platform, ctx, id).await?;
    let granted = ctx.authorize(EnterOwnInstance, &row.own())?;
    running(&row)?;
    let visit = Uuid::new_v4();
    let mut tx = platform.db().begin(&system(ctx)).await?;
    store::lock_limits(&mut tx, row.customer, user.id).await?;
    if store::count_visits(&mut tx, user.id).await? >= MOST {
        return Err(Error::new(ErrorCode::QuotaExceeded).with_key("error-ssh-limit").with_arg("limit", MOST));
    }
    let new = NewVisit {
        id: visit,
        customer: row.customer,
        user: user.id,
        session: user.session,
        server: platform.server_id(),
        address: ctx.address(),
        client: ctx.user_agent(),
        fingerprint,
    };
    store::open_visit(&mut tx, &granted, &new, ctx.now()).await?;
    let facts = json!({ "visit": visit, "client": ctx.user_agent(), "fingerprint": fingerprint });
    audit::record_in_tx(&mut tx, ctx, entry("instances:open-ssh", &row, None, Some(facts))).await?;
    tx.commit().await?;
    let (person, programs) = (user.name.clone(), Programs::new(visit));
    Ok(Visit { id: visit, instance: row.id, name: row.name, user: user.id, person, programs })
}

/// How somebody's being in an instance stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VisitStanding {
    Open,
    /// Somebody ended it.
    Ended,
    /// The instance is gone, or does not run.
    Stopped,
}

impl Visit {
    /// Says that it is still there: every ten seconds, or it counts as over soon.
    ///
    /// # Errors
    /// The database is away.
    pub async fn renew(&self, platform: &Platform) -> Result<()> {
        let mut tx = platform.db().begin(&worker(platform)).await?;
        store::renew_visit(&mut tx, self.id).await?;
        tx.commit().await?;
        Ok(())
    }

    /// How it stands.
    ///
    /// # Errors
    /// The database is away.
    pub async fn standing(&self, platform: &Platform) -> Result<VisitStanding> {
        let mut tx = platform.db().begin(&worker(platform)).await?;
        let open = store::visit_is_open(&mut tx, self.id).await?;
        let row = store::find(&mut tx, self.instance).await?;
        tx.commit().await?;
        let gone = row.is_none_or(|row| {
            let left = [InstanceState::Deleting, InstanceState::Deleted, InstanceState::Stopped];
            left.contains(&row.state())
        });
        Ok(match (open, gone) {
            (false, _) => VisitStanding::Ended,
            (true, true) => VisitStanding::Stopped,
            (true, false) => VisitStanding::Open,
        })
    }

    /// Writes that it is over, and why: `left`, `access`, `lost` or `stopped`; after what ran for it, where that ends soon.
    ///
    /// # Errors
    /// The database is away.
    pub async fn leave(&self, platform: &Platform, reason: &'static str) -> Result<()> {
        let over = self.programs.are_over().await;
        let ctx = worker(platform);
        let mut tx = platform.db().begin(&ctx).await?;
        if over {
            store::note_hung_up(&mut tx, self.id).await?;
        }
        let opened_at = store::end_visit(&mut tx, self.id, reason, ctx.now()).await?;
        if let (Some(opened_at), Some(row)) = (opened_at, store::find(&mut tx, self.instance).await?) {
            let seconds = (ctx.now() - opened_at).num_seconds();
            let facts = json!({ "visit": self.id, "person": self.person, "seconds": seconds, "reason": reason });
            audit::record_in_tx(&mut tx, &ctx, entry("instances:end-ssh", &row, None, Some(facts))).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Begins to record what is done there, where the policy has it so; to be told to the person.
    ///
    /// # Errors
    /// `Unavailable` where it has to be recorded and cannot be.
    pub async fn record(&self, platform: &Platform, recorded: Recorded<'_>) -> Result<Option<Recorder>> {
        let mut tx = platform.db().begin(&worker(platform)).await?;
        let row = store::find(&mut tx, self.instance).await?.ok_or_else(Error::not_found)?;
        tx.commit().await?;
        let whose = Whose { access: self.id, door: AccessKind::Ssh, user: self.user, name: &self.person };
        recordings::begin(platform, &row, &whose, recorded).await
    }

    /// Runs something in the instance.
    ///
    /// # Errors
    /// `WrongState` while it does not run, `NodeUnreachable` and `EngineFailed` where there is no way in.
    pub async fn run(
        &self,
        platform: &Platform,
        words: &[&str],
        env: &[String],
        terminal: Option<TerminalSize>,
    ) -> Result<Running> {
        run_in(platform, self.instance, (words, env), terminal, &self.programs).await
    }

    /// Connects to a port of the instance. Something is said on the output for errors before anything is carried; where nothing
    /// listens, it ends without.
    ///
    /// # Errors
    /// As [`Visit::run`].
    pub async fn connect(&self, platform: &Platform, port: u16) -> Result<Running> {
        let (script, port) = ([LISTENS, RELAY].concat(), port.to_string());
        let words = ["/bin/sh", "-c", &script, "sh", &port];
        run_in(platform, self.instance, (&words, &[]), None, &self.programs).await
    }
}

/// Hangs up what runs for connections that are over where their server did not: it died, or the engine did not hear it; for how
/// many. What made itself independent of a connection stays. It may be dropped anywhere; what is left then is taken again later.
///
/// # Errors
/// The database is away.
pub async fn hang_up_left(platform: &Platform) -> Result<usize> {
    let mut tx = platform.db().begin(&worker(platform)).await?;
    let visits = store::claim_left_visits(&mut tx, left::MOST).await?;
    tx.commit().await?;
    let tries = visits.into_iter().map(|(visit, instance)| hang_up_all(platform.clone(), visit, instance));
    Ok(left::each("ssh", tries.collect()).await)
}

/// All that runs for a connection, with its process group, as a terminal that is closed does.
async fn hang_up_all(platform: Platform, visit: Uuid, instance: InstanceId) -> Result<(), Trouble> {
    let ctx = worker(&platform);
    let mut tx = platform.db().begin(&ctx).await?;
    let row = store::find(&mut tx, instance).await?.filter(|row| row.deleted_at.is_none());
    tx.commit().await.map_err(Error::from)?;
    // What has no container has no programs.
    if let Some((machine, container)) = row.and_then(|row| Some((row.machine, row.container?))) {
        reach(&platform, machine).await?.signal(&container, &visit.to_string(), "HUP").await?;
    }
    let mut tx = platform.db().begin(&ctx).await?;
    store::note_hung_up(&mut tx, visit).await?;
    tx.commit().await.map_err(Error::from)?;
    Ok(())
}

/// Runs something in an instance, for who may.
async fn run_in(
    platform: &Platform,
    instance: InstanceId,
    (words, env): (&[&str], &[String]),
    terminal: Option<TerminalSize>,
    programs: &Programs,
) -> Result<Running> {
    let counted = (programs.clone(), programs.running.token());
    let mut tx = platform.db().begin(&worker(platform)).await?;
    let row = store::find(&mut tx, instance).await?.ok_or_else(Error::not_found)?;
    tx.commit().await?;
    let container = running(&row)?;
    let (words, env) = (words.iter().map(|word| (*word).to_owned()).collect(), env.to_vec());
    let engine = reach(platform, row.machine).await.map_err(Trouble::told)?;
    let (begun, beginning) = oneshot::channel();
    // To its end, whoever waits for it: what was begun and is nobody's would run on.
    tokio::spawn(async move {
        if let Err(Ok(running)) = begun.send(begin((engine, container), (words, env), terminal, counted).await) {
            running.handle.hang_up().await;
        }
    });
    beginning.await.map_err(Error::internal)?
}

/// Says so where something listens on a port, or nobody knows; ends where nothing does. What listens stands first in these files.
const LISTENS: &str = r#"h=$(printf ':%04X' "$1") l=
for f in /proc/net/tcp /proc/net/tcp6; do
  while read -r n a r s x; do
    case $s in st) ;; 0A) case $a in *"$h") l=1; break ;; esac ;; *) break ;; esac
  done <"$f"
done 2>/dev/null
[ -n "$l" ] || [ ! -r /proc/net/tcp ] || exit 111
echo >&2
"#;

/// The first of the programs that an image may have which connects to a port.
const RELAY: &str = r#"p=$1
if command -v socat >/dev/null 2>&1; then exec socat - "TCP:127.0.0.1:$p"; fi
for y in python3 python; do
if command -v $y >/dev/null 2>&1; then exec $y -c '
import os, socket, sys, threading
s = socket.create_connection(("localhost", int(sys.argv[1])))
def up():
    while True:
        b = os.read(0, 65536)
        if not b: break
        s.sendall(b)
    s.shutdown(socket.SHUT_WR)
t = threading.Thread(target=up); t.daemon = True; t.start()
while True:
    b = s.recv(65536)
    if not b: break
    while b: b = b[os.write(1, b):]
os._exit(0)
' "$p"; fi
done
if command -v nc >/dev/null 2>&1; then exec nc 127.0.0.1 "$p"; fi
if command -v busybox >/dev/null 2>&1 && busybox nc --help >/dev/null 2>&1; then exec busybox nc 127.0.0.1 "$p"; fi
if [ -x /bin/bash ]; then exec /bin/bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
cat <&0 >&3 & cat <&3; kill $! 2>/dev/null' sh "$p"; fi
exit 127"#;

/// A port of the instance itself, for who may, and nothing else: a small program in it connects to its own `localhost`. What
/// listens there alone is reached too, and no address of an engine's network has to be reachable from here.
pub(super) async fn connect_to(platform: &Platform, instance: InstanceId, port: u16) -> Result<Running> {
    let port = port.to_string();
    // Nothing is kept of it: its input ends with the server, and it with that.
    let programs = Programs::new(Uuid::new_v4());
    run_in(platform, instance, (&["/bin/sh", "-c", RELAY, "sh", &port], &[]), None, &programs).await
}

async fn begin(
    (engine, container): (Containers, String),
    (words, env): (Vec<String>, Vec<String>),
    terminal: Option<TerminalSize>,
    (programs, running): (Programs, TaskTrackerToken),
) -> Result<Running> {
    let mark = format!("{}.{}", programs.of, Uuid::new_v4());
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let order = Order { words: &words, env: &env, mark: &mark, terminal };
    let begun = tokio::time::timeout(PATIENCE, engine.run(&container, order)).await;
    let late = || Err(Fault::new(FaultKind::Timeout, ""));
    match begun.unwrap_or_else(|_| late()) {
        Ok(program) => {
            let handle = Handle { engine, container, exec: program.exec, mark, left: programs.left, _running: running };
            Ok(Running { output: program.output, input: program.input, handle })
        }
        Err(fault) => {
            // It may have been begun all the same.
            programs.left.store(true, Ordering::Relaxed);
            if fault.kind == FaultKind::Timeout {
                let _ = tokio::time::timeout(PATIENCE, engine.hang_up(&container, &mark)).await;
            }
            Err(Trouble::Engine(fault).told())
        }
    }
}

/// Something that runs in an instance.
pub struct Running {
    pub output: ProgramOutput,
    pub input: ProgramInput,
    pub handle: Handle,
}

/// By what it is found again.
#[derive(Clone)]
pub struct Handle {
    engine: Containers,
    container: String,
    exec: String,
    mark: String,
    left: Arc<AtomicBool>,
    /// As long as anybody may still have to hang it up.
    _running: TaskTrackerToken,
}

impl Handle {
    /// Gives its terminal another size. An engine refuses it for a moment while the program is being started.
    pub async fn resize(&self, size: TerminalSize) -> bool {
        matches!(tokio::time::timeout(PATIENCE, self.engine.resize_terminal(&self.exec, size)).await, Ok(Ok(())))
    }

    /// How it ended, after its output did; `None` where nobody knows.
    pub async fn exit_code(&self) -> Option<i32> {
        match tokio::time::timeout(PATIENCE, self.engine.terminal_ending(&self.exec)).await {
            Ok(Ok(Exit::Ended(code))) => code,
            _ => None,
        }
    }

    /// Sends it a signal, by its name without `SIG`; what is none is sent to nobody.
    pub async fn signal(&self, name: &str) {
        // Nobody hears whether it came: the protocol has no answer to it.
        let _ = tokio::time::timeout(PATIENCE, self.engine.signal(&self.container, &self.mark, name)).await;
    }

    /// Ends it, as a terminal that is closed does.
    pub async fn hang_up(&self) {
        let hung_up = tokio::time::timeout(PATIENCE, self.engine.hang_up(&self.container, &self.mark)).await;
        // Without an answer, whoever looks after those that are over does it.
        if !matches!(hung_up, Ok(Ok(()))) {
            self.left.store(true, Ordering::Relaxed);
        }
    }
}
