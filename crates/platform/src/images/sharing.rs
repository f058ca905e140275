//! Who of a customer finds what an instance was saved as. It holds what a person wrote there, so that it is theirs and the
//! owners' alone at first; row-level security hides it, with its archive, from everybody else at every door.

use contract::images::{ImageSource, ImageView};
use contract::{ErrorCode, ImageId};
use serde_json::{Value, json};

use super::own::{customer, resource, without_names};
use super::{entry, facts, found, locked, store};
use crate::authz::ManageOwnImage;
use crate::db::Tx;
use crate::files::unshared::{self, Maker, Reached};
use crate::{Error, OpContext, Platform, Result, audit, files};

/// Shares one's own with all people of its customer, or not any more; again changes nothing. What was made of it stays.
///
/// # Errors
/// `NotFound` where there is none, `Forbidden` for another person's, `WrongState` for one that no instance was saved as
/// (`error-image-not-saved`): those are their customer's from the beginning; or that is everybody's (`error-image-listed`),
/// `AlreadyExists` (`error-image-name-shared`) where its customer's people find another of its name.
pub async fn share_own(platform: &Platform, ctx: &OpContext, id: ImageId, shared: bool) -> Result<ImageView> {
    let action = if shared { "images:share" } else { "images:unshare" };
    let ctx = &ctx.trying_on(action, "image", id);
    customer(ctx)?;
    let mut tx = platform.db().begin(ctx).await?;
    let (_, resource) = resource(&mut tx, id).await?;
    let granted = ctx.authorize(ManageOwnImage, &resource)?;
    let before = locked(&mut tx, id).await?;
    if before.shared == shared && before.source == ImageSource::Instance {
        return Ok(without_names(before));
    }
    may_be_shared(&before, shared)?;
    if let Some(customer) = before.customer
        && shared
        && store::has_name(&mut tx, (customer, None), &before.name, Some(id)).await?
    {
        return Err(Error::new(ErrorCode::AlreadyExists).with_key("error-image-name-shared"));
    }
    store::set_shared(&mut tx, &granted, shared).await?;
    if let Some(file) = before.file {
        files::set_shared_in_tx(&mut tx, file, shared).await?;
    }
    let after = found(&mut tx, id).await?;
    audit::record_in_tx(&mut tx, ctx, entry(action, &after, Some(facts(&before)), Some(facts(&after)))).await?;
    tx.commit().await?;
    Ok(without_names(after))
}

/// Where staff want one, for the log: with the reason where it is shared with nobody, of which who saved it is told.
///
/// # Errors
/// `Validation` without a reason where there has to be one.
pub(super) async fn reached_for(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    image: &ImageView,
    (reached, given): (Reached, Option<String>),
    (place, called): (&str, &str),
) -> Result<Value> {
    let mut wanted = json!({ place: called });
    if !image.shared {
        let (customer, person) = store::owners(tx, image.id).await?.unwrap_or_default();
        let of = Maker { customer, person };
        if let Some(reason) = unshared::reason(ctx, of, given)? {
            let what = (image.name.as_str(), format!("/images/mine/{}", image.id));
            unshared::tell(platform, tx, ctx, of, what, (reached, &reason)).await?;
            wanted["reason"] = reason.into();
        }
    }
    Ok(wanted)
}

/// Whether it can be shared, or be one person's alone again.
///
/// # Errors
/// `WrongState` for one that was uploaded, or that everybody finds in the market.
pub fn may_be_shared(image: &ImageView, shared: bool) -> Result<()> {
    let refused = |key| Err(Error::new(ErrorCode::WrongState).with_key(key));
    match image.source {
        ImageSource::Registry | ImageSource::Upload => refused("error-image-not-saved"),
        ImageSource::Instance if image.listed && !shared => refused("error-image-listed"),
        ImageSource::Instance => Ok(()),
    }
}
