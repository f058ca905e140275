//! Somebody of the platform looks at what was uploaded, and its owners are told.

use contract::images::{ImageReject, ImageState, ImageView};
use contract::notifications::NotificationKind;
use contract::{ErrorCode, ImageId};

use super::{entry, facts, found, locked, store};
use crate::authz::{ImageRef, ReviewImage};
use crate::db::Tx;
use crate::fields::Wrong;
use crate::notifications::{self, Notice, Value};
use crate::{Error, OpContext, Platform, Result, audit, customers};

/// It may be used from now on.
///
/// # Errors
/// `NotFound` where there is none, `WrongState` for one that is approved already.
pub async fn approve(platform: &Platform, ctx: &OpContext, id: ImageId) -> Result<ImageView> {
    decide(platform, ctx, id, None).await
}

/// It may not be used, or not any more; it is no longer listed either.
///
/// # Errors
/// `NotFound` where there is none, `Validation` without a reason, `WrongState` for one that is rejected already, or that
/// was added by its address and never waited.
pub async fn reject(platform: &Platform, ctx: &OpContext, id: ImageId, body: ImageReject) -> Result<ImageView> {
    ctx.trying_on("images:reject", "image", id).authorize(ReviewImage, &ImageRef::of_platform(id))?;
    let mut wrong = Wrong::new();
    let reason = wrong.required("reason", body.reason, 1000);
    wrong.into_result()?;
    decide(platform, ctx, id, Some(reason)).await
}

async fn decide(platform: &Platform, ctx: &OpContext, id: ImageId, reason: Option<String>) -> Result<ImageView> {
    let action = if reason.is_some() { "images:reject" } else { "images:approve" };
    let ctx = &ctx.trying_on(action, "image", id);
    let granted = ctx.authorize(ReviewImage, &ImageRef::of_platform(id))?;
    let mut tx = platform.db().begin(ctx).await?;
    let before = locked(&mut tx, id).await?;
    let state = if reason.is_some() { ImageState::Rejected } else { ImageState::Approved };
    if before.state == state || before.source == contract::images::ImageSource::Registry {
        let error = Error::new(ErrorCode::WrongState).with_key("error-image-reviewed");
        return Err(error.with_arg("state", before.state.code()));
    }
    store::decide(&mut tx, &granted, ctx, state, reason.as_deref()).await?;
    let after = found(&mut tx, id).await?;
    audit::record_in_tx(&mut tx, ctx, entry(action, &after, Some(facts(&before)), Some(facts(&after)))).await?;
    tell(platform, &mut tx, ctx, &after).await?;
    tx.commit().await?;
    Ok(after)
}

/// Who uploaded it, and the owners of its customer.
async fn tell(platform: &Platform, tx: &mut Tx, ctx: &OpContext, image: &ImageView) -> Result<()> {
    let Some(customer) = image.customer else { return Ok(()) };
    let mut people = customers::people(tx, customer, true).await?;
    let everybody = customers::people(tx, customer, false).await?;
    let uploader = store::owners(tx, image.id).await?.and_then(|(_, owner)| owner);
    // Who left the customer since has nothing to do with it any more.
    people.extend(uploader.filter(|person| everybody.contains(person) && !people.contains(person)));
    let answer = if image.reason.is_some() { "rejected" } else { "approved" };
    let notice = Notice {
        kind: NotificationKind::ImageReviewed,
        args: vec![
            ("image", Value::Text(image.name.clone())),
            ("answer", Value::Text(answer.to_owned())),
            ("word", Value::Text(image.reason.clone().unwrap_or_default())),
            // For staff, who read of many.
            ("customer", Value::Text(image.customer_name.clone().unwrap_or_default())),
        ],
        // Where the customer's portal shows it.
        link: Some(format!("/images/mine/{}", image.id)),
    };
    notifications::notify_in_tx(platform, tx, ctx, &people, &notice).await
}
