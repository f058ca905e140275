//! SQL of what was recorded in instances.

use chrono::{DateTime, Utc};
use contract::access::{AccessKind, RecordingEnding, RecordingKind, RecordingQuery};
use contract::{CustomerId, InstanceId, UserId};
use uuid::Uuid;

use super::known;
use crate::authz::{Granted, UpdateCustomer};
use crate::db::{Tx, contains};
use crate::{Error, Result};

/// How long a server counts that says nothing of one, seconds.
const LEASE: f64 = 60.0;

/// How long after that one is taken for dead, seconds: a database that was away takes as long to be told.
const DEAD: f64 = 300.0;
/// What a recording counts for against the room of a day beside what is stored of it: rows fill a disk, too.
const ROW_BYTES: i64 = 16 << 10;

/// One that begins.
pub(in crate::instances) struct NewRecording<'a> {
    pub id: Uuid,
    pub access: Uuid,
    pub door: AccessKind,
    pub kind: RecordingKind,
    pub instance: InstanceId,
    pub customer: CustomerId,
    pub user: UserId,
    pub server: Uuid,
    pub sealed_command: Option<&'a [u8]>,
    pub size: Option<(u16, u16)>,
    pub with_input: bool,
}

/// How much there is of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::instances) struct Figures {
    /// Of the text that is played.
    pub bytes: u64,
    /// Pieces in the store.
    pub frames: u32,
    /// Their bytes there.
    pub stored: u64,
}

/// How one ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::instances) struct RecordingEnd {
    pub ending: RecordingEnding,
    pub code: Option<i32>,
    /// What was recorded went on without.
    pub unrecorded: bool,
}

pub(in crate::instances) async fn begin_recording(
    tx: &mut Tx,
    new: &NewRecording<'_>,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into recordings (id, access_id, door, kind, instance_id, customer_id, user_id, server_id, sealed_command,
                                 cols, rows, with_input, began_at, lease_until)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, now() + make_interval(secs => $14))",
        new.id,
        new.access,
        new.door.code(),
        new.kind.code(),
        new.instance.0,
        new.customer.0,
        new.user.0,
        new.server,
        new.sealed_command,
        new.size.map(|(cols, _)| i32::from(cols)),
        new.size.map(|(_, rows)| i32::from(rows)),
        new.with_input,
        now,
        LEASE
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Writes of something that goes on without being recorded that it does, once of a session.
pub(in crate::instances) async fn note_unrecorded(
    tx: &mut Tx,
    new: &NewRecording<'_>,
    ending: RecordingEnding,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into recordings (id, access_id, door, kind, instance_id, customer_id, user_id, server_id, began_at, lease_until,
                                 ended_at, ending, unrecorded)
         select $1::uuid, $2::uuid, $3::text, $4::text, $5::bigint, $6::bigint, $7::bigint, $8::uuid, $9::timestamptz,
                $9::timestamptz, $9::timestamptz, $10::text, true
         where not exists (select 1 from recordings r where r.access_id = $2::uuid and r.unrecorded and r.bytes = 0)",
        new.id,
        new.access,
        new.door.code(),
        new.kind.code(),
        new.instance.0,
        new.customer.0,
        new.user.0,
        new.server,
        now,
        ending.code()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Bytes that a customer's recordings take which began at that time or later.
pub(in crate::instances) async fn recorded_since(
    tx: &mut Tx,
    customer: CustomerId,
    from: DateTime<Utc>,
) -> Result<u64> {
    let bytes = sqlx::query_scalar!(
        r#"select coalesce(sum(stored + $3::bigint), 0)::bigint as "bytes!" from recordings
           where customer_id = $1 and began_at >= $2"#,
        customer.0,
        from,
        ROW_BYTES
    );
    Ok(bytes.fetch_one(&mut **tx).await?.unsigned_abs())
}

/// Whether staff are to be told now that a customer's sessions cannot be recorded any more: at most once a day.
pub(in crate::instances) async fn tell_of_stop(tx: &mut Tx, customer: CustomerId, now: DateTime<Utc>) -> Result<bool> {
    let told = sqlx::query_scalar!(
        "insert into recording_stops as s (customer_id, told_at) values ($1, $2)
         on conflict (customer_id) do update set told_at = excluded.told_at
         where s.told_at < excluded.told_at - interval '1 day'
         returning s.customer_id",
        customer.0,
        now
    );
    Ok(told.fetch_optional(&mut **tx).await?.is_some())
}

/// A sign of life, and how much there is by now; one that was taken for dead goes on. False where there is none of this
/// server's that could.
pub(in crate::instances) async fn renew_recording(
    tx: &mut Tx,
    (id, server): (Uuid, Uuid),
    figures: Figures,
) -> Result<bool> {
    let done = sqlx::query!(
        "update recordings set lease_until = now() + make_interval(secs => $3), ended_at = null, ending = null, bytes = $4,
                frames = $5, stored = $6
         where id = $1 and server_id = $2 and (ended_at is null or ending = 'server')",
        id,
        server,
        LEASE,
        signed(figures.bytes)?,
        i32::try_from(figures.frames).map_err(Error::internal)?,
        signed(figures.stored)?
    );
    Ok(done.execute(&mut **tx).await?.rows_affected() > 0)
}

/// Writes how one ended; one that is over stays so, unless it was only taken for dead. False where there is none.
pub(in crate::instances) async fn end_recording(
    tx: &mut Tx,
    (id, server): (Uuid, Uuid),
    end: RecordingEnd,
    figures: Figures,
    now: DateTime<Utc>,
) -> Result<bool> {
    let done = sqlx::query!(
        "update recordings set ended_at = greatest($3, began_at), ending = $4, exit_code = $5, unrecorded = $6, bytes = $7,
                frames = $8, stored = $9
         where id = $1 and server_id = $2 and (ended_at is null or ending = 'server')",
        id,
        server,
        now,
        end.ending.code(),
        end.code,
        end.unrecorded,
        signed(figures.bytes)?,
        i32::try_from(figures.frames).map_err(Error::internal)?,
        signed(figures.stored)?
    );
    Ok(done.execute(&mut **tx).await?.rows_affected() > 0)
}

fn signed(n: u64) -> Result<i64> {
    i64::try_from(n).map_err(Error::internal)
}

/// Writes of those whose server died that they are over.
pub(in crate::instances) async fn tidy_recordings(tx: &mut Tx) -> Result<()> {
    sqlx::query!(
        "update recordings set ended_at = greatest(lease_until, began_at), ending = 'server'
         where ended_at is null and lease_until < now() - make_interval(secs => $1)",
        DEAD
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Forgets those that ended before this time, at most so many.
pub(in crate::instances) async fn forget_recordings(
    tx: &mut Tx,
    before: DateTime<Utc>,
    most: i64,
) -> Result<Vec<Uuid>> {
    let ids = sqlx::query_scalar!(
        "delete from recordings where id in
           (select id from recordings where began_at < $1 and ended_at < $1 limit $2 for update skip locked)
         returning id",
        before,
        most
    );
    Ok(ids.fetch_all(&mut **tx).await?)
}

/// Those of these that no row names.
pub(in crate::instances) async fn unnamed_recordings(tx: &mut Tx, keys: &[Uuid]) -> Result<Vec<Uuid>> {
    let ids = sqlx::query_scalar!(
        r#"select k.id as "id!" from unnest($1::uuid[]) as k(id)
           where not exists (select 1 from recordings r where r.id = k.id)"#,
        keys
    );
    Ok(ids.fetch_all(&mut **tx).await?)
}

/// One as it is kept.
pub(in crate::instances) struct RecordingRow {
    pub id: Uuid,
    pub access: Uuid,
    pub door: AccessKind,
    pub kind: RecordingKind,
    pub instance: InstanceId,
    pub customer: CustomerId,
    pub user: UserId,
    pub sealed_command: Option<Vec<u8>>,
    pub size: Option<(u16, u16)>,
    pub with_input: bool,
    pub began_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub ending: Option<RecordingEnding>,
    pub unrecorded: bool,
    pub exit_code: Option<i32>,
    pub bytes: u64,
    /// Pieces that have to be in the store.
    pub frames: u32,
}

struct Kept {
    id: Uuid,
    access_id: Uuid,
    door: String,
    kind: String,
    instance_id: i64,
    customer_id: i64,
    user_id: i64,
    sealed_command: Option<Vec<u8>>,
    cols: Option<i32>,
    rows: Option<i32>,
    with_input: bool,
    began_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    ending: Option<String>,
    unrecorded: bool,
    exit_code: Option<i32>,
    bytes: i64,
    frames: i32,
    total: i64,
}

impl Kept {
    fn read(self) -> Result<RecordingRow> {
        let side = |n: Option<i32>| n.and_then(|n| u16::try_from(n).ok());
        let ending = self.ending.map(|word| known(RecordingEnding::parse(&word), &word)).transpose()?;
        Ok(RecordingRow {
            id: self.id,
            access: self.access_id,
            door: known(AccessKind::parse(&self.door), &self.door)?,
            kind: known(RecordingKind::parse(&self.kind), &self.kind)?,
            instance: InstanceId(self.instance_id),
            customer: CustomerId(self.customer_id),
            user: UserId(self.user_id),
            sealed_command: self.sealed_command,
            size: side(self.cols).zip(side(self.rows)),
            with_input: self.with_input,
            began_at: self.began_at,
            ended_at: self.ended_at,
            ending,
            unrecorded: self.unrecorded,
            exit_code: self.exit_code,
            bytes: self.bytes.unsigned_abs(),
            frames: self.frames.unsigned_abs(),
        })
    }
}

/// A page, the newest first; of one customer, or of one person, when they are named. Beyond the last one there is no row to say
/// how many there are.
pub(in crate::instances) async fn list_recordings(
    tx: &mut Tx,
    (customer, person): (Option<CustomerId>, Option<UserId>),
    (session, query): (Option<Uuid>, &RecordingQuery),
    (page, page_size): (u32, u32),
) -> Result<(Vec<RecordingRow>, u64)> {
    let found = sqlx::query_as!(
        Kept,
        r#"select r.id, r.access_id, r.door, r.kind, r.instance_id, r.customer_id, r.user_id, r.sealed_command, r.cols,
                  r.rows, r.with_input, r.began_at, r.exit_code, r.bytes, r.frames, r.unrecorded,
                  case when r.ended_at is null and r.lease_until < now() then greatest(r.lease_until, r.began_at)
                       else r.ended_at end as ended_at,
                  case when r.ended_at is null and r.lease_until < now() then 'server' else r.ending end as ending,
                  count(*) over () as "total!"
           from recordings r join instances i on i.id = r.instance_id
           where ($1::bigint is null or r.customer_id = $1) and ($2::bigint is null or r.user_id = $2)
             and ($3::uuid is null or r.access_id = $3) and ($4::text is null or r.door = $4)
             and ($5::text is null or r.kind = $5) and ($6::bigint is null or r.instance_id = $6)
             and ($7::bigint is null or r.user_id = $7) and ($8::timestamptz is null or r.began_at >= $8)
             and ($9::timestamptz is null or r.began_at < $9) and ($10::text is null or i.name ilike $10)
           order by r.began_at desc, r.id limit $11 offset $12"#,
        customer.map(|id| id.0),
        person.map(|id| id.0),
        session,
        query.door.map(AccessKind::code),
        query.kind.map(RecordingKind::code),
        query.instance.map(|id| id.0),
        query.user.map(|id| id.0),
        query.from,
        query.until,
        query.q.as_deref().and_then(contains),
        i64::from(page_size),
        i64::from(page - 1) * i64::from(page_size)
    )
    .fetch_all(&mut **tx)
    .await?;
    let total = found.first().map_or(0, |row| row.total.unsigned_abs());
    Ok((found.into_iter().map(Kept::read).collect::<Result<_>>()?, total))
}

/// One of them.
pub(in crate::instances) async fn find_recording(tx: &mut Tx, id: Uuid) -> Result<Option<RecordingRow>> {
    let found = sqlx::query_as!(
        Kept,
        r#"select id, access_id, door, kind, instance_id, customer_id, user_id, sealed_command, cols, rows, with_input,
                  began_at, exit_code, bytes, frames, unrecorded,
                  case when ended_at is null and lease_until < now() then greatest(lease_until, began_at)
                       else ended_at end as ended_at,
                  case when ended_at is null and lease_until < now() then 'server' else ending end as ending,
                  1::bigint as "total!"
           from recordings where id = $1"#,
        id
    )
    .fetch_optional(&mut **tx)
    .await?;
    found.map(Kept::read).transpose()
}

/// Whether a customer's sessions are recorded whatever holds for everybody.
pub(in crate::instances) async fn is_always_recorded(tx: &mut Tx, customer: CustomerId) -> Result<bool> {
    let found = sqlx::query_scalar!(
        r#"select exists (select 1 from recording_policies where customer_id = $1) as "there!""#,
        customer.0
    );
    Ok(found.fetch_one(&mut **tx).await?)
}

/// Sets it.
pub(in crate::instances) async fn set_always_recorded(
    tx: &mut Tx,
    granted: &Granted<UpdateCustomer>,
    always: bool,
) -> Result<()> {
    let id = granted.id().0;
    if always {
        sqlx::query!("insert into recording_policies (customer_id) values ($1) on conflict do nothing", id)
            .execute(&mut **tx)
            .await?;
    } else {
        sqlx::query!("delete from recording_policies where customer_id = $1", id).execute(&mut **tx).await?;
    }
    Ok(())
}
