//! Whether there is what somebody reached for and may not find. Row-level security answers both alike; the log does not.

use contract::RenewalRequestId;

use crate::error::Denial;
use crate::{OpContext, Platform, Result, SystemActor, allocations, instances, machines};

/// Whether there is the target of an attempt, with the eyes of the system.
pub(super) async fn is_there(platform: &Platform, ctx: &OpContext, denial: &Denial) -> Result<bool> {
    let Some(id) = &denial.target_id else { return Ok(false) };
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let there = match (denial.target_kind, id.parse::<i64>()) {
        ("machine", _) => machines::id_in_tx(&mut tx, id).await?.is_some(),
        ("allocation", Ok(id)) => !allocations::machine_codes(&mut tx, &[id]).await?.is_empty(),
        ("renewal_request", Ok(id)) => allocations::is_requested(&mut tx, RenewalRequestId(id)).await?,
        ("instance", Ok(id)) => !instances::known(&mut tx, &[id]).await?.is_empty(),
        _ => false,
    };
    tx.commit().await?;
    Ok(there)
}
