//! SQL of what may still run in instances for who is there no more: shells, and what was begun by SSH.
//!
//! What is left is a row that is over, or whose server says nothing any more, and of which it is not known that nothing runs on
//! for it. Whoever takes it has it for a while, and after that it is left again.

use contract::{InstanceId, UserId};
use uuid::Uuid;

use crate::Result;
use crate::db::Tx;

/// How much longer than its lease nothing is ended because its server says nothing: where the database was away, each has to
/// say first what it has, seconds.
pub(super) const GRACE: f64 = 30.0;
/// How long one is left alone after it was taken, seconds.
const AGAIN: f64 = 60.0;

/// A shell that is left.
pub(in crate::instances) struct LeftTerminal {
    pub id: Uuid,
    pub instance: InstanceId,
    pub user: UserId,
}

/// Takes some shells that are left where their engines can be asked, those that wait longest first.
pub(in crate::instances) async fn claim_left_terminals(tx: &mut Tx, most: i64) -> Result<Vec<LeftTerminal>> {
    let left = sqlx::query!(
        "update terminals set hang_up_at = now() + make_interval(secs => $1)
         where id in (select t.id from terminals t join instances i on i.id = t.instance_id
                      where case when t.ended_at is null then t.lease_until < now() - make_interval(secs => $3)
                                 else t.hung_up_at is null end
                        and (t.hang_up_at is null or t.hang_up_at < now()) and i.lost_since is null
                      order by coalesce(t.hang_up_at, t.lease_until) limit $2 for update of t skip locked)
         returning id, instance_id, user_id",
        AGAIN,
        most,
        GRACE
    )
    .fetch_all(&mut **tx)
    .await?;
    let one = |id, instance, user| LeftTerminal { id, instance: InstanceId(instance), user: UserId(user) };
    Ok(left.into_iter().map(|row| one(row.id, row.instance_id, row.user_id)).collect())
}

/// The same of connections by SSH.
pub(in crate::instances) async fn claim_left_visits(tx: &mut Tx, most: i64) -> Result<Vec<(Uuid, InstanceId)>> {
    let left = sqlx::query!(
        "update ssh_visits set hang_up_at = now() + make_interval(secs => $1)
         where id in (select v.id from ssh_visits v join instances i on i.id = v.instance_id
                      where v.hung_up_at is null
                        and (v.ended_at is not null or v.lease_until < now() - make_interval(secs => $3))
                        and (v.hang_up_at is null or v.hang_up_at < now()) and i.lost_since is null
                      order by coalesce(v.hang_up_at, v.lease_until) limit $2 for update of v skip locked)
         returning id, instance_id",
        AGAIN,
        most,
        GRACE
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(left.into_iter().map(|row| (row.id, InstanceId(row.instance_id))).collect())
}

/// Nothing of a shell runs any more.
pub(in crate::instances) async fn note_terminal_hung_up(tx: &mut Tx, id: Uuid) -> Result<()> {
    sqlx::query!("update terminals set hung_up_at = now() where id = $1 and hung_up_at is null", id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Nothing runs for a connection any more.
pub(in crate::instances) async fn note_hung_up(tx: &mut Tx, id: Uuid) -> Result<()> {
    sqlx::query!("update ssh_visits set hung_up_at = now() where id = $1 and hung_up_at is null", id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
