//! SQL of another spec for an instance.

use contract::InstanceId;
use contract::instances::InstanceSpec;

use super::signed;
use crate::authz::{Granted, ManageOwnInstance};
use crate::db::Tx;
use crate::{Error, Result};

/// It gets this from its next start on; its container is then the one of `remakes`.
pub(in crate::instances) async fn set_spec(
    tx: &mut Tx,
    granted: &Granted<ManageOwnInstance>,
    spec: &InstanceSpec,
    remakes: i64,
) -> Result<()> {
    sqlx::query!(
        "update instances
         set spec_id = $2, spec = $3, gpu_count = $4, cpu_cores = $5, memory_gb = $6, disk_gb = $7, remakes_wanted = $8,
             wish = wish + 1, revision = revision + 1
         where id = $1",
        granted.id().0,
        spec.id.0,
        serde_json::to_value(spec).map_err(Error::internal)?,
        signed(spec.gpu_count)?,
        signed(spec.cpu_cores)?,
        signed(spec.memory_gb)?,
        signed(spec.system_disk_gb.saturating_add(spec.data_disk_gb))?,
        remakes
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whether an image is being made of its container.
pub(in crate::instances) async fn is_being_saved(tx: &mut Tx, id: InstanceId) -> Result<bool> {
    let going = sqlx::query_scalar!(
        r#"select exists (select from instance_saves where instance_id = $1 and ended_at is null) as "going!""#,
        id.0
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(going)
}
