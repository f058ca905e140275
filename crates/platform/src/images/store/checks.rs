//! SQL of what the platform itself brought to machines.

use contract::{ImageId, MachineId};

use crate::Result;
use crate::db::Tx;

/// How many leases of the machine had ended when it was brought there last; nothing where the platform never brought it.
pub(in crate::images) async fn brought(tx: &mut Tx, image: ImageId, machine: MachineId) -> Result<Option<i64>> {
    let leases = sqlx::query_scalar!(
        "select leases from image_checks where image_id = $1 and machine_id = $2",
        image.0,
        machine.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(leases)
}

/// It was brought there after so many leases.
pub(in crate::images) async fn note_brought(
    tx: &mut Tx,
    image: ImageId,
    machine: MachineId,
    leases: i64,
) -> Result<()> {
    sqlx::query!(
        "insert into image_checks as c (image_id, machine_id, leases) values ($1, $2, $3)
         on conflict (image_id, machine_id) do update set leases = greatest(c.leases, excluded.leases)",
        image.0,
        machine.0,
        leases
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Its engine is another one.
pub(in crate::images) async fn forget_brought(tx: &mut Tx, machine: MachineId) -> Result<()> {
    sqlx::query!("delete from image_checks where machine_id = $1", machine.0).execute(&mut **tx).await?;
    Ok(())
}

/// What was there is not known to be there any more; what is on its way goes on.
pub(in crate::images) async fn forget_all_copies(tx: &mut Tx, machine: MachineId) -> Result<()> {
    sqlx::query!("delete from image_copies where machine_id = $1 and state not in ('waiting', 'running')", machine.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Whether there are customers' archives that may have been brought to machines under the tags that they say.
pub(in crate::images) async fn any_may_have_taken_names(tx: &mut Tx) -> Result<bool> {
    let may = sqlx::query_scalar!(
        r#"select exists (select from images
                          where took_names and customer_id is not null and tags <> '{}') as "may!""#
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(may)
}
