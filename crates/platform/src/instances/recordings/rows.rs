//! Where the recordings of a session stand: their rows, and their files in the store.

use chrono::TimeDelta;
use contract::access::{AccessKind, RecordingEnding, RecordingKind};
use contract::{CustomerId, InstanceId, UserId};
use runtime::docker::containers::TerminalSize;
use uuid::Uuid;

use super::recorder::{Book, Leaf, Manner, Sign};
use super::sheet::Sheet;
use super::{Recorded, Whose, cast, kept, keyring_of, sealed_for};
use crate::db::Tx;
use crate::files::Appender;
use crate::instances::store::{self, Figures, NewRecording, RecordingEnd, Row};
use crate::instances::{notices, worker};
use crate::{OpContext, Platform, Result, settings};

/// The room of a day counts back so far.
const DAY: TimeDelta = TimeDelta::days(1);
/// Without so much on the disk none is begun.
const LEAST_ROOM: u64 = 1 << 20;

/// See the module.
pub(super) struct Rows {
    platform: Platform,
    access: Uuid,
    door: AccessKind,
    user: UserId,
    instance: InstanceId,
    customer: CustomerId,
    title: String,
    kind: RecordingKind,
    command: Option<String>,
    policy: settings::Recording,
}

impl Rows {
    pub(super) fn new(
        platform: &Platform,
        row: &Row,
        whose: &Whose<'_>,
        recorded: Recorded<'_>,
        policy: settings::Recording,
    ) -> Self {
        Self {
            platform: platform.clone(),
            access: whose.access,
            door: whose.door,
            user: whose.user,
            instance: row.id,
            customer: row.customer,
            title: format!("{}@{}", whose.name, row.name),
            kind: recorded.kind(),
            command: recorded.command(),
            policy,
        }
    }

    /// Where nothing shows what is typed, it is kept whatever the policy says of terminals: else nothing would be.
    fn with_input(&self) -> bool {
        match self.kind {
            RecordingKind::Screen => self.policy.input,
            RecordingKind::Command => true,
            RecordingKind::Files => false,
        }
    }

    pub(super) fn manner(&self, size: TerminalSize) -> Manner {
        let whole = self.kind == RecordingKind::Screen;
        Manner { size, input: self.with_input(), whole, ends: self.policy.ends }
    }

    fn row<'a>(&self, id: Uuid, size: Option<TerminalSize>, sealed_command: Option<&'a [u8]>) -> NewRecording<'a> {
        NewRecording {
            id,
            access: self.access,
            door: self.door,
            kind: self.kind,
            instance: self.instance,
            customer: self.customer,
            user: self.user,
            server: self.platform.server_id(),
            sealed_command,
            size: size.map(|size| (size.cols(), size.rows())),
            with_input: self.with_input(),
        }
    }

    async fn has_room(&self, tx: &mut Tx, ctx: &OpContext) -> Result<bool> {
        Ok(store::recorded_since(tx, self.customer, ctx.now() - DAY).await? < self.policy.day_bytes)
    }

    /// Writes that what was to be recorded goes on without.
    pub(super) async fn note_unrecorded(&self, why: RecordingEnding) -> Result<()> {
        let ctx = worker(&self.platform);
        let mut tx = self.platform.db().begin(&ctx).await?;
        store::note_unrecorded(&mut tx, &self.row(Uuid::new_v4(), None, None), why, ctx.now()).await?;
        tx.commit().await?;
        Ok(())
    }
}

impl Book for Rows {
    type Paper = Appender;

    async fn begin(&self, size: TerminalSize, before: Option<(Uuid, Figures)>) -> Result<Option<Leaf<Appender>>> {
        let (platform, ctx, id) = (&self.platform, worker(&self.platform), Uuid::new_v4());
        let mut tx = platform.db().begin(&ctx).await?;
        if let Some((last, figures)) = before {
            store::renew_recording(&mut tx, (last, platform.server_id()), figures).await?;
        }
        let has_room = self.has_room(&mut tx, &ctx).await?;
        tx.commit().await?;
        if !has_room || platform.files().room().await? < LEAST_ROOM {
            return Ok(None);
        }
        let sheet = match self.kind {
            RecordingKind::Files => None,
            RecordingKind::Screen | RecordingKind::Command => {
                let first = cast::header(size, ctx.now(), &self.title);
                let place = (kept(platform).begin(id).await?, keyring_of(platform, id));
                Some(Sheet::begin(place, id, (size, first), self.policy.most_bytes).await?)
            }
        };
        let sealed = self.command.as_ref().map(|command| platform.keyring().seal(&sealed_for(id), command.as_bytes()));
        let size = (self.kind == RecordingKind::Screen).then_some(size);
        let mut tx = platform.db().begin(&ctx).await?;
        store::begin_recording(&mut tx, &self.row(id, size, sealed.as_deref()), ctx.now()).await?;
        tx.commit().await?;
        Ok(Some(Leaf { id, sheet }))
    }

    async fn renew(&self, id: Uuid, figures: Figures) -> Result<Sign> {
        let ctx = worker(&self.platform);
        let mut tx = self.platform.db().begin(&ctx).await?;
        let there = store::renew_recording(&mut tx, (id, self.platform.server_id()), figures).await?;
        let room = self.has_room(&mut tx, &ctx).await?;
        tx.commit().await?;
        Ok(Sign { there, room })
    }

    async fn end(&self, id: Uuid, end: RecordingEnd, figures: Figures) -> Result<()> {
        let ctx = worker(&self.platform);
        let mut tx = self.platform.db().begin(&ctx).await?;
        let there = store::end_recording(&mut tx, (id, self.platform.server_id()), end, figures, ctx.now()).await?;
        tx.commit().await?;
        if !there {
            tracing::warn!(%id, "a recording was gone before its end was written");
        }
        Ok(())
    }

    async fn stopped(&self, why: RecordingEnding) -> Result<()> {
        let ctx = worker(&self.platform);
        let mut tx = self.platform.db().begin(&ctx).await?;
        if store::tell_of_stop(&mut tx, self.customer, ctx.now()).await? {
            notices::recording_stopped(&self.platform, &mut tx, &ctx, (self.customer, why, self.policy.ends)).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}
