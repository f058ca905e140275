//! What others may have left on an account before the person came whom it is for.
//!
//! Who makes an account, or gives it another address, knows its password or can set it, and can sign in with it before the
//! person whose address it has. So the first password that somebody sets by a link to this address ends what was put there
//! until then: sessions and tokens end by every new password; keys, webhooks and identities of sign-in services go here. The
//! second factor stays: a mailbox alone must never take it away, and staff can.

use contract::UserId;

use super::{identity, store};
use crate::db::Tx;
use crate::{OpContext, Result, notifications};

/// To be called where a link to a new password is used, in the system's transaction and before it holds the person: customers
/// whose people change come first. What went, for the audit log; nothing where the address was proved before.
pub(super) async fn drop_in_tx(tx: &mut Tx, ctx: &OpContext, user: UserId) -> Result<Option<serde_json::Value>> {
    if store::passwords::address_is_proved(tx, user).await? {
        return Ok(None);
    }
    let identities = identity::unlink_all_in_tx(tx, user).await?;
    let keys = store::ssh_keys::delete_all(tx, user).await?;
    let webhooks = notifications::channels::delete_all_in_tx(tx, user).await?;
    store::passwords::prove_address(tx, user, ctx.now()).await?;
    let dropped = serde_json::json!({ "sshKeys": keys, "webhooks": webhooks, "identities": identities });
    Ok((keys + webhooks + identities > 0).then_some(dropped))
}
