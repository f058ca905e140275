//! Browsers that are at applications now: each is watched, and everything it has open ends with its right to it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::body::Body;
use contract::ErrorCode;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use platform::instances::{AppName, AppStanding, AppVisit, app_visit};
use platform::{Error, OpContext, accounts, secrets};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Door;
use super::dial::{Dial, Found};

/// How often it is asked whether they may still be here.
const RECHECK: Duration = Duration::from_secs(2);
/// How often it is written that they are.
const RENEW: Duration = Duration::from_secs(60);
/// A browser that asks for nothing for so long is asked for its right again when it comes back.
const IDLE: Duration = Duration::from_secs(300);
/// Requests and sockets of one browser at one application.
pub(super) const SLOTS: usize = 64;
/// A connection that is not used for so long is closed.
const POOLED: Duration = Duration::from_secs(20);
/// Connections that are kept for the next request.
const MOST_POOLED: usize = 8;
/// Tries to write that one is over.
const WRITES: u32 = 10;

/// A browser that was let in.
pub(super) struct Active {
    pub(super) visit: Arc<AppVisit>,
    /// Ends all it has open.
    pub(super) over: CancellationToken,
    /// Its own: no two people share a connection, so that nobody gets an answer that is another's.
    pub(super) client: Client<Dial, Body>,
    pub(super) slots: Arc<Semaphore>,
    pub(super) found: Arc<Found>,
    used: AtomicBool,
}

type Key = (AppName, [u8; 32]);

/// Those of this process.
#[derive(Default)]
pub(super) struct Visits(Mutex<HashMap<Key, Arc<Active>>>);

impl Visits {
    fn all(&self) -> MutexGuard<'_, HashMap<Key, Arc<Active>>> {
        self.0.lock().expect("nobody panics holding this lock")
    }
}

impl Door {
    /// The browser with this secret at this origin, unless it is none that was let in.
    pub(super) async fn visitor(
        self: &Arc<Self>,
        ctx: &OpContext,
        name: &AppName,
        secret: &str,
    ) -> platform::Result<Option<Arc<Active>>> {
        let key = (name.clone(), secrets::sha256(secret.as_bytes()));
        if let Some(active) = self.visits.all().get(&key).filter(|active| !active.over.is_cancelled()) {
            active.used.store(true, Ordering::Relaxed);
            return Ok(Some(active.clone()));
        }
        // Who guesses costs no more here than at the portal.
        if self.is_flood(ctx) {
            return Err(Error::new(ErrorCode::RateLimited));
        }
        let platform = &self.state.platform;
        let Some(visit) = app_visit(platform, ctx, name, secret).await? else { return Ok(None) };
        let (visit, over, found) = (Arc::new(visit), CancellationToken::new(), Arc::<Found>::default());
        let dial = Dial {
            platform: platform.clone(),
            visit: visit.clone(),
            found: found.clone(),
            over: over.clone(),
            tasks: self.state.sockets.clone(),
        };
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_idle_timeout(POOLED).pool_max_idle_per_host(MOST_POOLED).pool_timer(TokioTimer::new());
        let client = builder.set_host(false).build(dial);
        let slots = Arc::new(Semaphore::new(SLOTS));
        let active = Arc::new(Active { visit, over, client, slots, found, used: AtomicBool::new(true) });
        {
            let mut all = self.visits.all();
            // Somebody else was quicker.
            if let Some(there) = all.get(&key).filter(|active| !active.over.is_cancelled()) {
                return Ok(Some(there.clone()));
            }
            all.insert(key.clone(), active.clone());
        }
        self.state.sockets.spawn(keep(self.clone(), key, active.clone()));
        Ok(Some(active))
    }
}

/// Watches over one to its end, and writes that.
async fn keep(door: Arc<Door>, key: Key, active: Arc<Active>) {
    let reason = watch(&door, &active).await;
    active.over.cancel();
    {
        let mut all = door.visits.all();
        if all.get(&key).is_some_and(|there| Arc::ptr_eq(there, &active)) {
            all.remove(&key);
        }
    }
    let Some(reason) = reason else { return };
    for _ in 0..WRITES {
        match active.visit.leave(&door.state.platform, reason).await {
            Ok(()) => return,
            Err(error) => tracing::warn!(%error, "the end of a visit to an application was not written"),
        }
        tokio::time::sleep(RECHECK).await;
    }
}

/// Why it is over for good; none where it may come back.
async fn watch(door: &Door, active: &Active) -> Option<&'static str> {
    let platform = &door.state.platform;
    let mut endings = accounts::session_endings(platform);
    let mut recheck = tokio::time::interval_at(Instant::now() + RECHECK, RECHECK);
    let mut renew = tokio::time::interval_at(Instant::now() + RENEW, RENEW);
    let mut used_at = Instant::now();
    loop {
        tokio::select! {
            () = door.state.draining.cancelled() => return None,
            ending = endings.recv() => {
                let mine = active.visit.user().zip(ending.ok()).is_some_and(|(user, ending)| ending.concerns(user));
                if mine { return Some("access") }
            }
            _ = recheck.tick() => {
                match active.visit.standing(platform).await {
                    Ok(AppStanding::Open) => {}
                    Ok(AppStanding::Stopped) => return None,
                    Ok(AppStanding::Over(reason)) => return Some(reason),
                    // A database that is away decides nothing.
                    Err(error) => tracing::debug!(%error, "whether somebody may be at an application could not be asked"),
                }
                let busy = active.slots.available_permits() < SLOTS;
                if busy || active.used.swap(false, Ordering::Relaxed) {
                    used_at = Instant::now();
                }
                if used_at.elapsed() > IDLE { return None }
            }
            _ = renew.tick() => {
                if used_at.elapsed() < RENEW
                    && let Err(error) = active.visit.renew(platform).await
                {
                    tracing::debug!(%error, "that somebody is at an application could not be written");
                }
            }
        }
    }
}
