//! SQL of links that work once.

use chrono::{DateTime, Utc};
use contract::accounts::{InvitationView, MemberRole};
use contract::{CustomerId, LinkId, UserId};

use super::{Link, NewLink, Purpose};
use crate::Result;
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

/// An invitation counts only while who sent it is staff or an owner: else somebody who was removed could come back by one
/// that they had sent to another address of theirs.
pub(super) async fn find(
    tx: &mut Tx,
    purposes: &[Purpose],
    hash: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<Option<Link>> {
    let purposes: Vec<String> = purposes.iter().map(|purpose| purpose.code().to_owned()).collect();
    let row = sqlx::query!(
        r#"select l.id, l.user_id, l.customer_id, l.role, l.address::text as "address!", l.created_by
           from one_time_links l
           where l.hash = $1 and l.purpose = any($2) and l.used_at is null and l.expires_at > $3
             and (l.purpose <> 'invitation' or exists(
               select from users u where u.id = l.created_by and u.state = 'active'
                 and (exists(select from role_assignments a join roles r on r.code = a.role and r.of_staff
                             where a.user_id = u.id)
                      or exists(select from memberships m
                                where m.user_id = u.id and m.customer_id = l.customer_id and m.role = 'owner'))))"#,
        &hash[..],
        &purposes,
        now
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
    let rows = sqlx::query!(
        r#"select l.id, l.address::text as "address!", l.role as "role!", l.created_at, l.expires_at
           from one_time_links l join users u on u.id = l.created_by and u.state = 'active'
           where l.customer_id = $1 and l.purpose = 'invitation' and l.used_at is null and l.expires_at > $2
             and (exists(select from role_assignments a join roles r on r.code = a.role and r.of_staff
                         where a.user_id = u.id)
                  or exists(select from memberships m
                            where m.user_id = u.id and m.customer_id = l.customer_id and m.role = 'owner'))
           order by l.id desc"#,
        customer.0,
        now
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
