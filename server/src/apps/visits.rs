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
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::Door;
use super::dial::{Dial, Found};
use super::people::Turns;

/// How often it is asked whether they may still be here.
const RECHECK: Duration = Duration::from_secs(2);
/// How often it is written that they are.
const RENEW: Duration = Duration::from_secs(60);
/// A browser that asks for nothing for so long is asked for its right again when it comes back.
const IDLE: Duration = Duration::from_secs(300);
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
    pub(super) turns: Turns,
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
        let Some(user) = visit.user().map(|user| user.id) else { return Ok(None) };
        let turns = self.people.turns(user);
        let (visit, over, found) = (Arc::new(visit), CancellationToken::new(), Arc::<Found>::default());
        let dial = Dial {
            platform: platform.clone(),
            visit: visit.clone(),
            found: found.clone(),
            over: over.clone(),
            tasks: self.state.sockets.clone(),
            lines: turns.lines(),
        };
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_idle_timeout(POOLED).pool_max_idle_per_host(MOST_POOLED).pool_timer(TokioTimer::new());
        let client = builder.set_host(false).build(dial);
        let active = Arc::new(Active { visit, over, client, turns, found, used: AtomicBool::new(true) });
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
    // A database that was slow is not asked faster afterwards.
    recheck.set_missed_tick_behavior(MissedTickBehavior::Delay);
    renew.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut used_at = Instant::now();
    loop {
        tokio::select! {
            () = door.state.draining.cancelled() => return None,
            ending = endings.recv() => {
                // Without anybody to tell it, there is nothing to be heard; what was missed, the next look finds.
                if matches!(ending, Err(RecvError::Closed)) { return None }
                let mine = active.visit.user().zip(ending.ok()).is_some_and(|(user, ending)| ending.concerns(user));
                if mine { return Some("access") }
            }
            _ = recheck.tick() => {
                match in_time(active.visit.standing(platform)).await {
                    Ok(AppStanding::Open) => {}
                    Ok(AppStanding::Stopped) => return None,
                    Ok(AppStanding::Over(reason)) => return Some(reason),
                    // A database that is away decides nothing.
                    Err(error) => tracing::debug!(%error, "whether somebody may be at an application could not be asked"),
                }
                if active.turns.are_taken() || active.used.swap(false, Ordering::Relaxed) {
                    used_at = Instant::now();
                }
                if used_at.elapsed() > IDLE { return None }
            }
            _ = renew.tick() => {
                if used_at.elapsed() < RENEW
                    && let Err(error) = in_time(active.visit.renew(platform)).await
                {
                    tracing::debug!(%error, "that somebody is at an application could not be written");
                }
            }
        }
    }
}

/// What it comes to before the next look is due: what else ends the visit is not heard meanwhile.
async fn in_time<T>(asked: impl Future<Output = platform::Result<T>>) -> platform::Result<T> {
    match tokio::time::timeout(RECHECK, asked).await {
        Ok(answered) => answered,
        Err(_late) => Err(Error::new(ErrorCode::Unavailable)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn nothing_is_waited_for_beyond_the_next_look() {
        let before = Instant::now();
        let hangs = std::future::pending::<platform::Result<()>>();
        assert_eq!(in_time(hangs).await.unwrap_err().code, ErrorCode::Unavailable);
        assert_eq!(before.elapsed(), RECHECK);
        in_time(async { Ok(()) }).await.unwrap();
    }
}
