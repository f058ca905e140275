//! What every page shows around its own content: one look at the database for all of it, because it comes with each request.

use contract::accounts::MembershipView;
use contract::announcements::BannerView;
use contract::jobs::MyJobsMark;
use contract::notifications::UnreadView;

use crate::{OpContext, Platform, Result, accounts, announcements, jobs, notifications};

/// What is around a page of somebody who is signed in.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// For the bell.
    pub unread: UnreadView,
    /// For the drawer of jobs; none for who sees no jobs.
    pub jobs: Option<MyJobsMark>,
    /// What the platform has to say now.
    pub banners: Vec<BannerView>,
    /// The number by which an open page finds out that it is something else by now: what the bell tells, too.
    pub announced: i64,
    /// Changes with the person's picture; none where there is none.
    pub avatar_tag: Option<String>,
    /// The customers between which the person may choose.
    pub choices: Vec<MembershipView>,
}

/// See the module.
///
/// # Errors
/// `Unauthenticated` for nobody.
pub async fn surroundings(platform: &Platform, ctx: &OpContext) -> Result<Surroundings> {
    let mut tx = platform.db().begin(ctx).await?;
    let surroundings = Surroundings {
        unread: notifications::unread_in_tx(&mut tx, ctx).await?,
        jobs: jobs::mark_in_tx(&mut tx, ctx).await?,
        banners: announcements::current_in_tx(&mut tx, ctx).await?,
        announced: announcements::mark_of(ctx, &announcements::told_now_in_tx(&mut tx, ctx.now()).await?),
        avatar_tag: accounts::avatar_tag_in_tx(&mut tx, ctx).await?,
        choices: accounts::choices_in_tx(&mut tx, ctx).await?,
    };
    tx.commit().await?;
    Ok(surroundings)
}
