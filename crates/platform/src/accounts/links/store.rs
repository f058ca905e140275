//! SQL of links that work once.

use chrono::{DateTime, Utc};
use contract::accounts::{InvitationView, MemberRole};
use contract::{CustomerId, LinkId, Permission, UserId};

use super::{Link, NewLink, Purpose};
use crate::Result;
use crate::authz::{given_in, ways_to};
use crate::db::Tx;

fn role(word: &str) -> MemberRole {
    if word == "owner" { MemberRole::Owner } else { MemberRole::Member }
}

pub(super) async fn insert(
    tx: &mut Tx,
    hash: &[u8; 32],
    link: &NewLink<'_>,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<LinkId> {
    let id = sqlx::query_scalar!(
        "insert into one_time_links (hash, purpose, user_id, customer_id, role, address, created_by, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6::text::citext, $7, $8, $9) returning id",
        &hash[..],
        link.purpose.code(),
        link.user.map(|id| id.0),
        link.place.map(|(id, _)| id.0),
        link.place.map(|(_, role)| role.code()),
        link.address,
        link.created_by.map(|id| id.0),
        now,
        expires_at
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(LinkId(id))
}

/// What staff need to invite somebody into a role, and the ways to each, as `invitation_stands` in the database takes them; the
/// same as sending one asks for.
#[derive(Default)]
struct Needed {
    roles: Vec<String>,
    permissions: Vec<String>,
    ways: Vec<String>,
}

impl Needed {
    fn to_invite() -> Self {
        let mut needed = Self::default();
        for role in [MemberRole::Owner, MemberRole::Member] {
            for permission in std::iter::once(Permission::CustomersInvite).chain(given_in(role)) {
                for way in ways_to(permission) {
                    needed.roles.push(role.code().to_owned());
                    needed.permissions.push(permission.name().to_owned());
                    needed.ways.push(way);
                }
            }
        }
        needed
    }
}

/// An invitation counts only while who sent it could still send it: else somebody who was removed could come back by one that
/// they had sent to another address of theirs. Those that do not are soon withdrawn: see [`withdraw_lost`].
pub(super) async fn find(
    tx: &mut Tx,
    purposes: &[Purpose],
    hash: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<Option<Link>> {
    let purposes: Vec<String> = purposes.iter().map(|purpose| purpose.code().to_owned()).collect();
    let needed = Needed::to_invite();
    let row = sqlx::query!(
        r#"select l.id, l.user_id, l.customer_id, l.role, l.address::text as "address!", l.created_by
           from one_time_links l
           where l.hash = $1 and l.purpose = any($2) and l.used_at is null and l.expires_at > $3
             and (l.purpose <> 'invitation' or invitation_stands(l.created_by, l.customer_id, l.role, $4, $5, $6))"#,
        &hash[..],
        &purposes,
        now,
        &needed.roles,
        &needed.permissions,
        &needed.ways
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| Link {
        id: LinkId(row.id),
        user: row.user_id.map(UserId),
        place: row.customer_id.map(CustomerId).zip(row.role.as_deref().map(role)),
        address: row.address,
        created_by: row.created_by.map(UserId),
    }))
}

/// Uses it up; false when somebody else was faster.
pub(in crate::accounts) async fn consume(tx: &mut Tx, link: &Link, now: DateTime<Utc>) -> Result<bool> {
    let done = sqlx::query!(
        "update one_time_links set used_at = $2 where id = $1 and used_at is null and expires_at > $2",
        link.id.0,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The person's account is this transaction's from here on. Taken before any of their links is counted, made or used up:
/// a link that is made while the password changes would outlive it.
pub(in crate::accounts) async fn lock_owner(tx: &mut Tx, user: UserId) -> Result<()> {
    sqlx::query!("select id from users where id = $1 for update", user.0).fetch_optional(&mut **tx).await?;
    Ok(())
}

/// Uses up every link of this kind that a person still has.
pub(in crate::accounts) async fn retire_of_user(
    tx: &mut Tx,
    purpose: Purpose,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update one_time_links set used_at = $3 where user_id = $1 and purpose = $2 and used_at is null",
        user.0,
        purpose.code(),
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// How many of this kind a person got since then.
pub(in crate::accounts) async fn issued_since(
    tx: &mut Tx,
    purpose: Purpose,
    user: UserId,
    since: DateTime<Utc>,
) -> Result<i64> {
    let issued = sqlx::query_scalar!(
        r#"select count(*) as "issued!" from one_time_links where user_id = $1 and purpose = $2 and created_at > $3"#,
        user.0,
        purpose.code(),
        since
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(issued)
}

/// How many invitations went out for a customer since then, taken back and used ones too: to this address, and at all.
pub(in crate::accounts) async fn invited_since(
    tx: &mut Tx,
    customer: CustomerId,
    address: &str,
    since: DateTime<Utc>,
) -> Result<(i64, i64)> {
    let row = sqlx::query!(
        r#"select count(*) filter (where address = $2::text::citext) as "there!", count(*) as "all!" from one_time_links
           where customer_id = $1 and purpose = 'invitation' and created_at > $3"#,
        customer.0,
        address,
        since
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok((row.there, row.all))
}

/// How many links to an account of one's own went to this address since then.
pub(in crate::accounts) async fn sign_ups_since(tx: &mut Tx, address: &str, since: DateTime<Utc>) -> Result<i64> {
    let issued = sqlx::query_scalar!(
        r#"select count(*) as "issued!" from one_time_links
           where address = $1::text::citext and purpose = 'sign_up' and created_at > $2"#,
        address,
        since
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(issued)
}

/// Invitations of a customer that still work (see [`find`]), newest first.
pub(in crate::accounts) async fn open_invitations(
    tx: &mut Tx,
    customer: CustomerId,
    now: DateTime<Utc>,
) -> Result<Vec<InvitationView>> {
    let needed = Needed::to_invite();
    let rows = sqlx::query!(
        r#"select l.id, l.address::text as "address!", l.role as "role!", l.created_at, l.expires_at
           from one_time_links l
           where l.customer_id = $1 and l.purpose = 'invitation' and l.used_at is null and l.expires_at > $2
             and invitation_stands(l.created_by, l.customer_id, l.role, $3, $4, $5)
           order by l.id desc"#,
        customer.0,
        now,
        &needed.roles,
        &needed.permissions,
        &needed.ways
    )
    .fetch_all(&mut **tx)
    .await?;
    let views = rows.into_iter().map(|row| InvitationView {
        id: LinkId(row.id),
        email: row.address,
        role: role(&row.role),
        created_at: row.created_at,
        expires_at: row.expires_at,
    });
    Ok(views.collect())
}

/// An invitation that works no more because who sent it could not send it any more.
pub(in crate::accounts) struct Withdrawn {
    pub id: LinkId,
    pub customer: CustomerId,
    pub address: String,
    pub role: MemberRole,
}

/// Uses up the invitations, of one customer or of all, whose senders could not send them any more: for good, also where somebody
/// may again later.
pub(in crate::accounts) async fn withdraw_lost(
    tx: &mut Tx,
    customer: Option<CustomerId>,
    now: DateTime<Utc>,
) -> Result<Vec<Withdrawn>> {
    let needed = Needed::to_invite();
    let rows = sqlx::query!(
        r#"with sent as materialized (
             select distinct created_by, customer_id, role from one_time_links
             where purpose = 'invitation' and used_at is null and ($2::bigint is null or customer_id = $2)),
           lost as materialized (
             select created_by, customer_id, role from sent
             where not invitation_stands(created_by, customer_id, role, $3, $4, $5))
           update one_time_links l set used_at = $1 from lost
           where l.created_by = lost.created_by and l.customer_id = lost.customer_id and l.role = lost.role
             and l.purpose = 'invitation' and l.used_at is null and l.expires_at > $1
           returning l.id, l.customer_id as "customer_id!", l.address::text as "address!", l.role as "role!""#,
        now,
        customer.map(|id| id.0),
        &needed.roles,
        &needed.permissions,
        &needed.ways
    )
    .fetch_all(&mut **tx)
    .await?;
    let withdrawn = rows.into_iter().map(|row| Withdrawn {
        id: LinkId(row.id),
        customer: CustomerId(row.customer_id),
        address: row.address,
        role: role(&row.role),
    });
    Ok(withdrawn.collect())
}

/// Takes one back; its address, or `None` when there is none that works.
pub(in crate::accounts) async fn revoke_invitation(
    tx: &mut Tx,
    customer: CustomerId,
    id: LinkId,
    now: DateTime<Utc>,
) -> Result<Option<String>> {
    let address = sqlx::query_scalar!(
        r#"update one_time_links set used_at = $3
           where id = $1 and customer_id = $2 and purpose = 'invitation' and used_at is null and expires_at > $3
           returning address::text as "address!""#,
        id.0,
        customer.0,
        now
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(address)
}

pub(in crate::accounts) async fn delete_expired(tx: &mut Tx, before: DateTime<Utc>) -> Result<()> {
    sqlx::query!("delete from one_time_links where expires_at < $1", before).execute(&mut **tx).await?;
    Ok(())
}
