//! What the bell shows while a page is open: how many are unread, and the newest; and, for the elements beside it, that there is
//! something else to look at among the announcements, and how one's own jobs stand.
//!
//! Nobody's browser asks. Each server asks the database once every two seconds for everybody who watches there, in one
//! query, and reads a person's list only when their numbers moved; so it does not matter which server told them.

use std::sync::Arc;
use std::time::Duration;

use contract::UserId;
use contract::jobs::MyJobsMark;
use contract::live::{LiveData, NOTIFICATIONS_TOPIC, ServerMessage};
use contract::notifications::{NotificationQuery, NotificationsLive};
use serde::Serialize;

use super::{list, readable, store, unread};
use crate::rechecks::Wanted;
use crate::{OpContext, Platform, Result, SystemActor, announcements, jobs};

/// How many of the newest are shown.
const LATEST: u32 = 10;
/// How often an open socket looks at what was read last for everybody.
const LOOK: Duration = Duration::from_secs(1);

/// By which a change is seen: how many are unread, the newest one's id, what is announced, to whomever, and the person's jobs
/// that are under way.
pub(crate) type Mark = (i64, i64, Arc<Vec<announcements::ToldNow>>, Vec<jobs::Going>);

/// What an open page is told. Elements that know nothing of announcements or jobs read the message as it was.
#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    message: ServerMessage,
    /// Another number than before: what is announced is not what the page shows on top.
    announced: i64,
    /// Absent for who sees no jobs.
    #[serde(skip_serializing_if = "Option::is_none")]
    jobs: Option<MyJobsMark>,
}

/// An open subscription. Dropping it ends it.
pub struct BellWatch {
    platform: Platform,
    ctx: OpContext,
    wanted: Wanted<UserId, Mark>,
    epoch: String,
    seq: u64,
    /// The same of what was shown last, with what stands for what is announced to who watches, and for their jobs.
    shown: Option<(i64, i64, i64, Option<MyJobsMark>)>,
    /// What was shown last of the list: that something else is announced, or a job stands otherwise, is no reason to read it again.
    live: NotificationsLive,
}

/// Begins to watch what the caller is told; it goes on for as long as the caller's session.
///
/// # Errors
/// As for the list of notifications.
pub async fn watch_bell(platform: &Platform, ctx: &OpContext) -> Result<BellWatch> {
    let user = readable(ctx)?.id();
    Ok(BellWatch {
        platform: platform.clone(),
        ctx: ctx.clone(),
        wanted: platform.bells().want(user),
        epoch: uuid::Uuid::new_v4().simple().to_string(),
        seq: 0,
        shown: None,
        live: NotificationsLive::default(),
    })
}

impl BellWatch {
    /// The next encoded [`ServerMessage`]: at first a snapshot, then a delta whenever something changed.
    pub async fn next(&mut self) -> Arc<str> {
        loop {
            if self.shown.is_some() {
                tokio::time::sleep(LOOK).await;
            }
            match self.change().await {
                Ok(Some(text)) => return text,
                Ok(None) => {}
                // What is shown stays until the database is there again.
                Err(error) => {
                    tracing::debug!(%error, "the bell could not be read");
                    tokio::time::sleep(LOOK).await;
                }
            }
        }
    }

    async fn change(&mut self) -> Result<Option<Arc<str>>> {
        let platform = &self.platform;
        let (count, newest, told, going) = self.wanted.ask(|users| marks(platform, users)).await?.unwrap_or_default();
        let jobs = jobs::mark_of(&self.ctx, &going);
        let mark = (count, newest, announcements::mark_of(&self.ctx, &told), jobs);
        if self.shown == Some(mark) {
            return Ok(None);
        }
        if self.shown.is_none_or(|(before, last, ..)| (before, last) != (count, newest)) {
            let query = NotificationQuery { page_size: Some(LATEST), ..NotificationQuery::default() };
            let latest = list(platform, &self.ctx, &query).await?.list;
            let unread = unread(platform, &self.ctx).await?.unread;
            self.live = NotificationsLive { unread, latest };
        }
        let data = LiveData::Notifications(self.live.clone());
        let (topic, epoch) = (NOTIFICATIONS_TOPIC.to_owned(), self.epoch.clone());
        let message = match self.shown {
            None => ServerMessage::Snapshot { topic, epoch, seq: self.seq, data },
            Some(_) => {
                self.seq += 1;
                ServerMessage::Delta { topic, epoch, seq: self.seq, data }
            }
        };
        self.shown = Some(mark);
        let told = Told { message, announced: mark.2, jobs };
        Ok(Some(serde_json::to_string(&told).expect("live messages have string keys only").into()))
    }
}

async fn marks(platform: &Platform, users: Vec<UserId>) -> Result<std::collections::HashMap<UserId, Mark>> {
    let ctx = platform.system(SystemActor::Worker);
    let mut tx = platform.db().begin(&ctx).await?;
    let told = Arc::new(announcements::told_now_in_tx(&mut tx, ctx.now()).await?);
    let mut going = jobs::going_in_tx(&mut tx, &users).await?;
    let marks = store::marks(&mut tx, &users).await?;
    tx.commit().await?;
    let mark = |(user, (unread, newest)): (UserId, (i64, i64))| {
        (user, (unread, newest, told.clone(), going.remove(&user).unwrap_or_default()))
    };
    Ok(marks.into_iter().map(mark).collect())
}
