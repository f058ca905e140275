//! Applications: a port of an instance that people open in the browser, each link at an origin of its own.
//!
//! Invariants: nothing but ports of the instance itself is reached, by the way that SSH takes; who opens one belongs to its
//! customer, and is let in by a ticket that counts once, for seconds, in the browser that asked for it; what was let in is a row
//! that ends with the portal's session, the right and the link.

mod address;
mod visit;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use contract::access::StaffEnding;
use contract::apps::{AppLinkCreate, AppLinkView, OWN_PATH, SharedAppView};
use contract::instances::{InstanceAction, InstanceState};
use contract::{AppLinkId, CustomerId, ErrorCode, InstanceId};
use serde_json::json;

pub use self::address::{AppName, AppsAddress};
pub use self::visit::{AppEntry, AppStanding, AppVisit, app_visit, redeem_app_ticket};
use super::store::{self, LinkRow, NewAppTicket, NewLink, Row};
use super::{entry, notices, own_row, staff_row, system};
use crate::authz::{
    Action, CustomerRef, EnterOwnInstance, Granted, ManageOwnInstance, OperateInstance, Resource, ViewCustomer,
};
use crate::fields::{Wrong, owed_reason};
use crate::{Credential, Error, OpContext, Platform, Principal, Result, audit, secrets};

/// Most links of an instance.
const MOST: usize = 16;
/// How long a ticket counts.
const TICKET: TimeDelta = TimeDelta::seconds(20);
/// Longest place in an application that is gone on to.
const LONGEST_WAY: usize = 2000;

/// Where applications are.
///
/// # Errors
/// `WrongState` where the installation has no place for them.
fn address(platform: &Platform) -> Result<&AppsAddress> {
    let address = platform.settings().apps.as_ref();
    address.ok_or_else(|| Error::new(ErrorCode::WrongState).with_key("error-apps-off"))
}

/// The links of one of one's own instances.
///
/// # Errors
/// `NotFound` where there is none, `WrongState` where the installation has no place for applications.
pub async fn app_links(platform: &Platform, ctx: &OpContext, id: InstanceId) -> Result<Vec<AppLinkView>> {
    let row = own_row(platform, ctx, id).await?;
    let may = ctx.authorize(ManageOwnInstance, &row.own()).is_ok();
    list(platform, ctx, &row, may).await
}

/// Those of anybody's, for staff.
///
/// # Errors
/// As [`app_links`].
pub async fn app_links_of_any(platform: &Platform, ctx: &OpContext, id: InstanceId) -> Result<Vec<AppLinkView>> {
    let row = staff_row(platform, ctx, id).await?;
    let may = ctx.authorize(OperateInstance, &row.of_staff()).is_ok();
    list(platform, ctx, &row, may).await
}

async fn list(platform: &Platform, ctx: &OpContext, row: &Row, may: bool) -> Result<Vec<AppLinkView>> {
    let address = address(platform)?;
    // Nothing leads into what is gone; its links are taken away soon after.
    if row.deleted_at.is_some() {
        return Ok(Vec::new());
    }
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let rows = store::links_of(&mut tx, row.id).await?;
    tx.commit().await?;
    // One that was made when origins were told apart by other means has none.
    Ok(rows.into_iter().filter_map(|row| view(address, row, may)).collect())
}

fn view(address: &AppsAddress, row: LinkRow, may_remove: bool) -> Option<AppLinkView> {
    Some(AppLinkView {
        url: format!("{}/", address.origin(&row.label, row.place)?),
        id: row.id,
        instance: row.instance,
        name: row.name,
        port: row.port,
        shared: row.shared,
        created_by: row.created_name,
        created_at: row.created_at,
        may_remove,
    })
}

/// Those that everybody in the customer one acts for may open, whoever's instance it is.
///
/// # Errors
/// `Unauthenticated` for who is not signed in, `NotFound` for who acts for none, `WrongState` where the installation has no place for applications.
pub async fn shared_apps(platform: &Platform, ctx: &OpContext) -> Result<Vec<SharedAppView>> {
    let Some(user) = ctx.user() else { return Err(Error::new(ErrorCode::Unauthenticated)) };
    let Some(customer) = user.active_customer else { return Err(Error::not_found()) };
    ctx.authorize(ViewCustomer, &customer_ref(customer))?;
    let address = address(platform)?;
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let links = store::shared_links(&mut tx, customer).await?;
    let ids: Vec<i64> = links.iter().map(|link| link.instance.0).collect();
    let instances = store::rows(&mut tx, &ids).await?;
    tx.commit().await?;
    let app = |link: LinkRow| {
        let instance = instances.iter().find(|row| row.id == link.instance)?;
        Some(SharedAppView {
            url: format!("{}/", address.origin(&link.label, link.place)?),
            running: instance.state() == InstanceState::Running,
            instance_name: instance.name.clone(),
            id: link.id,
            name: link.name,
            created_by: link.created_name,
        })
    };
    Ok(links.into_iter().filter_map(app).collect())
}

fn customer_ref(id: CustomerId) -> CustomerRef {
    CustomerRef { id, customer: Some(id), owner: None, machine: None }
}

/// Makes one of a port of one's own instance.
///
/// # Errors
/// `NotFound` where there is no such instance, `Forbidden` for who may only see it, `Validation` with every fault at once,
/// `AlreadyExists` for a port that has one, `QuotaExceeded` for too many, `NoCapacity` where every origin is taken,
/// `WrongState` for an instance on its way out, or where the installation has no place for applications.
pub async fn add_app_link(
    platform: &Platform,
    ctx: &OpContext,
    id: InstanceId,
    body: AppLinkCreate,
) -> Result<AppLinkView> {
    let ctx = &ctx.trying_on("instances:add-app", "instance", id);
    let row = own_row(platform, ctx, id).await?;
    let granted = ctx.authorize(EnterOwnInstance, &row.own())?;
    let Some(user) = ctx.user() else { return Err(Error::not_found()) };
    let address = address(platform)?;
    let mut wrong = Wrong::new();
    let name = wrong.name("name", &body.name);
    if body.port == 0 {
        wrong.add("port", "field-app-port");
    }
    wrong.into_result()?;
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let row = store::lock(&mut tx, granted.id()).await?.ok_or_else(Error::not_found)?;
    if !row.state().allows(InstanceAction::Rename) {
        let state = row.state().code();
        return Err(Error::new(ErrorCode::WrongState).with_key("error-instance-state").with_arg("state", state));
    }
    if store::links_of(&mut tx, row.id).await?.len() >= MOST {
        return Err(Error::new(ErrorCode::QuotaExceeded).with_key("error-app-limit").with_arg("limit", MOST));
    }
    let place = match address.places() {
        None => None,
        Some(places) => {
            store::remove_links_of_gone(&mut tx, ctx.now()).await?;
            let free = store::free_place(&mut tx, (*places.start(), *places.end())).await?;
            Some(free.ok_or_else(|| Error::new(ErrorCode::NoCapacity).with_key("error-app-places"))?)
        }
    };
    let label = hex::encode(secrets::random_bytes::<10>());
    let new = NewLink {
        customer: row.customer,
        label: &label,
        place,
        name: &name,
        port: body.port,
        shared: body.shared,
        by: user.id,
        by_name: &user.display_name,
    };
    let made = store::insert_link(&mut tx, &granted, &new, ctx.now()).await?;
    let link = store::find_link(&mut tx, made).await?.ok_or_else(Error::not_found)?;
    audit::record_in_tx(&mut tx, ctx, entry("instances:add-app", &row, None, Some(facts(&row, &link)))).await?;
    tx.commit().await?;
    view(address, link, true).ok_or_else(|| Error::internal("a new link has an origin"))
}

fn facts(row: &Row, link: &LinkRow) -> serde_json::Value {
    json!({ "name": row.name, "app": link.name, "port": link.port, "shared": link.shared })
}

/// Takes one of one's own instance away: what is open by it ends within seconds. One that is gone stays so.
///
/// # Errors
/// `NotFound` where there is no such instance, or never was such a link, `Forbidden` for who may only see it.
pub async fn remove_app_link(platform: &Platform, ctx: &OpContext, id: InstanceId, link: AppLinkId) -> Result<()> {
    let ctx = &ctx.trying_on("instances:remove-app", "instance", id);
    let row = own_row(platform, ctx, id).await?;
    let granted = ctx.authorize(ManageOwnInstance, &row.own())?;
    remove(platform, ctx, (&granted, &row), link, None).await
}

/// The same of anybody's, for staff: whose instance it is is told why, and its customer reads it in its own log.
///
/// # Errors
/// As [`remove_app_link`], and `Validation` without a reason that says something.
pub async fn remove_any_app_link(
    platform: &Platform,
    ctx: &OpContext,
    id: InstanceId,
    link: AppLinkId,
    why: StaffEnding,
) -> Result<()> {
    let ctx = &ctx.trying_on("instances:remove-app", "instance", id);
    let row = staff_row(platform, ctx, id).await?;
    let granted = ctx.authorize(OperateInstance, &row.of_staff())?;
    let reason = owed_reason(Some(why.reason))?;
    remove(platform, ctx, (&granted, &row), link, reason).await
}

async fn remove<A>(
    platform: &Platform,
    ctx: &OpContext,
    (granted, row): (&Granted<A>, &Row),
    link: AppLinkId,
    reason: Option<String>,
) -> Result<()>
where
    A: Action,
    A::Resource: Resource<Id = InstanceId>,
{
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let found =
        store::find_link(&mut tx, link).await?.filter(|it| it.instance == row.id).ok_or_else(Error::not_found)?;
    if store::remove_link(&mut tx, granted, link, ctx.now()).await? {
        let before = Some(facts(row, &found));
        let after = reason.as_ref().map(|reason| json!({ "reason": reason }));
        audit::record_in_tx(&mut tx, ctx, entry("instances:remove-app", row, before, after)).await?;
        if let Some(reason) = reason.as_deref() {
            let what = ("link", found.name.as_str(), reason);
            notices::access_ended(platform, &mut tx, ctx, row, None, what).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}

/// Proof that somebody may open a link.
pub(super) enum Opener {
    /// As who may open a shell in the instance.
    Own(#[expect(dead_code, reason = "a proof is had, not read")] Granted<EnterOwnInstance>),
    /// As one of the customer's people.
    Shared(#[expect(dead_code, reason = "a proof is had, not read")] Granted<ViewCustomer>),
}

/// Who asks, as one of the link's customer, whichever they act for; and that they may open it.
///
/// # Errors
/// `NotFound` for who is none of its people, or may not see the instance, `Forbidden` for who may only see it.
fn opener(ctx: &OpContext, row: &Row, link: &LinkRow) -> Result<(OpContext, Opener)> {
    let Some(user) = ctx.user() else { return Err(Error::not_found()) };
    let ctx = ctx.trying_on("instances:open-app", "instance", row.id);
    if !user.memberships.iter().any(|(customer, _)| *customer == row.customer) {
        // Whatever else they may: no application. Asked for as what is refused, so that the log has it.
        ctx.authorize(EnterOwnInstance, &row.own())?;
        return Err(Error::not_found());
    }
    let mut there = user.clone();
    there.active_customer = Some(row.customer);
    let ctx = ctx.authenticated(Principal::User(Box::new(there)), ctx.language());
    let proof = match link.shared {
        false => Opener::Own(ctx.authorize(EnterOwnInstance, &row.own())?),
        true => Opener::Shared(ctx.authorize(ViewCustomer, &customer_ref(row.customer))?),
    };
    Ok((ctx, proof))
}

/// Whether nothing is opened in it any more: it is deleted, or will be.
fn is_gone(row: &Row) -> bool {
    row.deleted_at.is_some() || [InstanceState::Deleting, InstanceState::Deleted].contains(&row.state())
}

/// Where the portal sends a browser.
pub enum AppWay {
    /// To the origin of the link, with a ticket.
    On(String),
    /// Nowhere yet: whoever it is looks at what they would open, and where.
    Look { link: AppLinkView, instance_name: String, address: String },
}

/// Sends the browser of who is signed in on to an application, where `state` says that this is where it came from: the SHA-256,
/// in hexadecimal digits, of what it keeps there. `way` is [`way_in_address`] of where it was going.
///
/// # Errors
/// `Unauthenticated` for who is not signed in, `NotFound` where there is no such link or they may not open it, or its instance is
/// being deleted.
pub async fn enter_app(
    platform: &Platform,
    ctx: &OpContext,
    name: &str,
    (state, way): (Option<&str>, Option<&str>),
) -> Result<AppWay> {
    let Some(user) = ctx.user() else { return Err(Error::new(ErrorCode::Unauthenticated)) };
    if user.credential != Credential::Browser {
        return Err(Error::not_found());
    }
    let address = address(platform)?;
    let name = AppName::parse(name).ok_or_else(Error::not_found)?;
    let origin = address.origin_of(&name).ok_or_else(Error::not_found)?;
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let link = store::named_link(&mut tx, &name).await?.ok_or_else(Error::not_found)?;
    let row = store::find(&mut tx, link.instance).await?.ok_or_else(Error::not_found)?;
    if is_gone(&row) {
        return Err(Error::not_found());
    }
    let (_, proof) = opener(ctx, &row, &link)?;
    let way = way.and_then(read_way).unwrap_or_else(|| "/".to_owned());
    let mut read = [0; 32];
    if hex::decode_to_slice(state.unwrap_or_default(), &mut read).is_err() {
        tx.commit().await?;
        let link = view(address, link, false).ok_or_else(Error::not_found)?;
        return Ok(AppWay::Look { link, instance_name: row.name, address: format!("{origin}{way}") });
    }
    let ticket = hex::encode(secrets::random_bytes::<32>());
    let new = NewAppTicket {
        hash: &secrets::sha256(ticket.as_bytes()),
        link: link.id,
        session: user.session,
        state: &read,
        way: &way,
    };
    store::keep_app_ticket(&mut tx, &proof, &new, (ctx.now(), TICKET)).await?;
    tx.commit().await?;
    Ok(AppWay::On(format!("{origin}{OWN_PATH}enter?ticket={ticket}")))
}

/// Whether it is a place of the application at the same origin, however a browser reads it.
pub fn is_way(way: &str) -> bool {
    let plain = way.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    let inside = way.starts_with('/') && !way.starts_with("//") && !way.starts_with(OWN_PATH);
    plain && inside && way.len() <= LONGEST_WAY
}

/// A place in an application, for the query of an address: in letters that nothing reads as an escape, however often it is read.
pub fn way_in_address(way: &str) -> String {
    URL_SAFE_NO_PAD.encode(way)
}

fn read_way(text: &str) -> Option<String> {
    let way = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    is_way(&way).then_some(way)
}

#[cfg(test)]
mod tests {
    use super::{is_way, read_way, way_in_address};

    #[test]
    fn ways_stay_at_their_origin() {
        for good in ["/", "/lab?token=a%20b", "/a//b"] {
            assert!(is_way(good), "{good}");
        }
        for bad in ["", "lab", "//evil.example", "/\\evil.example", "/\t/evil.example", "https://evil.example", "/é"] {
            assert!(!is_way(bad), "{bad:?}");
            assert_eq!(read_way(&way_in_address(bad)), None, "{bad:?}");
        }
        assert!(!is_way("/~remotegpu/enter"), "what is ours is no place of the application");
        let way = "/lab?token=a%20b&c=%2525";
        let written = way_in_address(way);
        assert!(written.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{written}");
        assert_eq!(read_way(&written).as_deref(), Some(way));
        assert_eq!((read_way("/"), read_way("L2w=")), (None, None));
    }
}
