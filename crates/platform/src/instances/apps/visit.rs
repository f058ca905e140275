//! A browser at the origin of a link: let in by a ticket, and for as long as whoever it is may open it.

use chrono::TimeDelta;
use contract::ErrorCode;
use contract::instances::InstanceState;
use serde_json::json;
use uuid::Uuid;

use super::{AppName, is_gone, opener};
use crate::instances::ssh::{Running, connect_to};
use crate::instances::store::{self, LinkRow, NewAppVisit};
use crate::instances::{entry, system, worker};
use crate::{Error, OpContext, Platform, Principal, Result, UserPrincipal, accounts, audit, secrets};

/// Browsers a person is in with at most, at all applications: the oldest ends for a new one.
const MOST_VISITS: i64 = 30;
/// How many a person may open in [`WHILE`].
const MOST_NEW: i64 = 60;
const WHILE: TimeDelta = TimeDelta::minutes(1);

/// What a browser that was let in gets.
pub struct AppEntry {
    /// What it is known by from now on, at this origin alone.
    pub secret: String,
    /// Where in the application it goes on.
    pub way: String,
    /// What its origin is told apart by for good: another link may have had the same before.
    pub label: String,
}

/// Lets the browser in that brings this ticket, and keeps what it was asked for with.
///
/// # Errors
/// `Forbidden` for a ticket that is another link's or another browser's, was used, or is too old; `NotFound` where there is no such
/// link, or it may not be opened any more; `RateLimited` for who opens one after the other.
pub async fn redeem_app_ticket(
    platform: &Platform,
    ctx: &OpContext,
    name: &AppName,
    (ticket, kept): (&str, &str),
) -> Result<AppEntry> {
    let refused = || Error::new(ErrorCode::Forbidden).with_key("error-app-ticket");
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let link = store::named_link(&mut tx, name).await?.ok_or_else(refused)?;
    let hashes = (link.id, &secrets::sha256(ticket.as_bytes()), &secrets::sha256(kept.as_bytes()));
    let used = store::use_app_ticket(&mut tx, hashes, ctx.now()).await?;
    // Used up, whatever comes of it.
    tx.commit().await?;
    let (session, way) = used.ok_or_else(refused)?;
    let user = accounts::person_of_session(platform, ctx, session).await?.ok_or_else(refused)?;
    let ctx = as_person(ctx, user);
    let mut tx = platform.db().begin(&system(&ctx)).await?;
    let row = store::find(&mut tx, link.instance).await?.filter(|row| !is_gone(row)).ok_or_else(Error::not_found)?;
    let (ctx, proof) = opener(&ctx, &row, &link)?;
    let Some(user) = ctx.user() else { return Err(Error::not_found()) };
    store::lock_limits(&mut tx, row.customer, user.id).await?;
    if store::count_app_visits(&mut tx, user.id, ctx.now() - WHILE).await? >= MOST_NEW {
        return Err(Error::new(ErrorCode::RateLimited).with_arg("seconds", WHILE.num_seconds()));
    }
    let (id, secret) = (Uuid::new_v4(), hex::encode(secrets::random_bytes::<32>()));
    let new = NewAppVisit {
        id,
        link: link.id,
        instance: row.id,
        customer: row.customer,
        user: user.id,
        session,
        secret: &secrets::sha256(secret.as_bytes()),
        address: ctx.address(),
        client: ctx.user_agent(),
    };
    let first = store::open_app_visit(&mut tx, &proof, &new, ctx.now()).await?;
    store::end_oldest_app_visits(&mut tx, user.id, MOST_VISITS, ctx.now()).await?;
    if first {
        let facts = json!({
            "name": row.name, "app": link.name, "port": link.port, "visit": id, "client": ctx.user_agent(),
        });
        audit::record_in_tx(&mut tx, &ctx, entry("instances:open-app", &row, None, Some(facts))).await?;
    }
    tx.commit().await?;
    Ok(AppEntry { secret, way, label: link.label })
}

fn as_person(ctx: &OpContext, user: UserPrincipal) -> OpContext {
    let language = user.language.unwrap_or(ctx.language());
    ctx.authenticated(Principal::User(Box::new(user)), language)
}

/// A browser that was let in.
pub struct AppVisit {
    id: Uuid,
    link: LinkRow,
    ctx: OpContext,
}

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppStanding {
    Open,
    /// The instance does not run now.
    Stopped,
    /// For good, and why: `access`, `removed` or `stopped`.
    Over(&'static str),
}

/// The browser with this secret at this link; none for one that is not let in (any more).
///
/// # Errors
/// The database is away.
pub async fn app_visit(platform: &Platform, ctx: &OpContext, name: &AppName, secret: &str) -> Result<Option<AppVisit>> {
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let Some(link) = store::named_link(&mut tx, name).await? else { return Ok(None) };
    let hash = secrets::sha256(secret.as_bytes());
    let found = store::find_app_visit(&mut tx, (link.id, &hash), ctx.now()).await?;
    tx.commit().await?;
    let Some((id, session)) = found else { return Ok(None) };
    let Some(user) = accounts::person_of_session(platform, ctx, session).await? else { return Ok(None) };
    let visit = AppVisit { id, link, ctx: as_person(ctx, user) };
    match visit.standing(platform).await? {
        AppStanding::Over(_) => Ok(None),
        AppStanding::Open | AppStanding::Stopped => {
            visit.renew(platform).await?;
            Ok(Some(visit))
        }
    }
}

impl AppVisit {
    /// Whose it is.
    pub fn user(&self) -> Option<&UserPrincipal> {
        self.ctx.user()
    }

    /// The port inside of the instance.
    pub fn port(&self) -> u16 {
        self.link.port
    }

    /// What the link's origin is told apart by for good.
    pub fn label(&self) -> &str {
        &self.link.label
    }

    /// What the application is called.
    pub fn name(&self) -> &str {
        &self.link.name
    }

    /// The same request at this moment, as whose it is.
    pub fn ctx(&self, platform: &Platform) -> OpContext {
        self.ctx.at(platform.clock().now())
    }

    /// How it stands now: the session, the right, the link and the instance are looked at anew.
    ///
    /// # Errors
    /// The database is away.
    pub async fn standing(&self, platform: &Platform) -> Result<AppStanding> {
        let ctx = self.ctx(platform);
        let Some(user) = self.user() else { return Ok(AppStanding::Over("access")) };
        let user = accounts::person_of_session(platform, &ctx, user.session).await?;
        let mut tx = platform.db().begin(&worker(platform)).await?;
        let over = store::app_visit_over(&mut tx, self.id).await?;
        let row = store::find(&mut tx, self.link.instance).await?;
        tx.commit().await?;
        if let Some(reason) = over {
            return Ok(AppStanding::Over(reason));
        }
        let Some(user) = user else { return Ok(AppStanding::Over("access")) };
        let Some(row) = row.filter(|row| !is_gone(row)) else {
            return Ok(AppStanding::Over("stopped"));
        };
        if opener(&as_person(&ctx, user), &row, &self.link).is_err() {
            return Ok(AppStanding::Over("access"));
        }
        Ok(match row.state() {
            InstanceState::Running => AppStanding::Open,
            _ => AppStanding::Stopped,
        })
    }

    /// Connects to the port.
    ///
    /// # Errors
    /// `WrongState` while the instance does not run, `NodeUnreachable` and `EngineFailed` where there is no way in.
    pub async fn connect(&self, platform: &Platform) -> Result<Running> {
        connect_to(platform, self.link.instance, self.link.port).await
    }

    /// Writes that it is used.
    ///
    /// # Errors
    /// The database is away.
    pub async fn renew(&self, platform: &Platform) -> Result<()> {
        let ctx = worker(platform);
        let mut tx = platform.db().begin(&ctx).await?;
        store::renew_app_visit(&mut tx, self.id, ctx.now()).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Writes that it is over, and why.
    ///
    /// # Errors
    /// The database is away.
    pub async fn leave(&self, platform: &Platform, reason: &'static str) -> Result<()> {
        let ctx = worker(platform);
        let mut tx = platform.db().begin(&ctx).await?;
        store::end_app_visit(&mut tx, self.id, reason, ctx.now()).await?;
        tx.commit().await?;
        Ok(())
    }
}
