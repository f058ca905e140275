//! What differs between the subjects: who may, what the columns are, how a row is judged and written.

use std::collections::BTreeMap;

use contract::imports::{ImportSubject, RowFault, RowVerdict};
use contract::{ImportId, Permission};

use super::{Judged, SheetColumn, TextRow};
use crate::accounts::users;
use crate::authz::{CreateMachine, CreateUser, Fleet, Granted, MachineRef, Population, UserRef};
use crate::db::Tx;
use crate::{Error, OpContext, Platform, Result, SystemActor, machines};

/// What is fixed about a subject.
pub(super) struct Kind {
    pub columns: &'static [SheetColumn],
    /// Columns of our own export that are read only to say where they were changed: no template has them.
    pub compared: &'static [SheetColumn],
    /// Column that says which one a row is about.
    pub key: &'static str,
    /// Names of that column in our template's example, in both languages: such a row is skipped.
    pub examples: [&'static str; 2],
    pub sheets: [&'static str; 2],
    /// Keys of headings that our own export has beside the columns: nothing is missed where they are not read.
    pub exported: &'static [&'static str],
    /// Whether rows keep what stands under headings that nobody knows, for the answer file. Not of people: it might be what
    /// must not be kept.
    pub keeps_unknown: bool,
    /// Most rows of a workbook.
    pub max_rows: u32,
    pub job: &'static str,
    /// Refusal of a workbook without the key's column.
    pub no_key: &'static str,
    /// Words of the audit log: what an import is, confirming one, discarding one.
    pub target: &'static str,
    pub importing: &'static str,
    pub discarding: &'static str,
}

static MACHINES: Kind = Kind {
    columns: machines::import::COLUMNS,
    compared: &[],
    key: "name",
    examples: ["示例（请删除本行）", "Example (delete this row)"],
    sheets: ["machines", "机器"],
    exported: machines::import::EXPORTED,
    keeps_unknown: true,
    max_rows: 100_000,
    job: "machines-read-import",
    no_key: "import-no-name-column",
    target: "machine_import",
    importing: "machines:import",
    discarding: "machines:discard-import",
};

static USERS: Kind = Kind {
    columns: users::import::COLUMNS,
    compared: users::import::compared::COLUMNS,
    key: "username",
    examples: ["示例（请删除本行）", "Example (delete this row)"],
    sheets: ["users", "用户"],
    exported: &["user-totp", "account-last-sign-in", "customer-created-at"],
    keeps_unknown: false,
    max_rows: 10_000,
    job: "users-read-import",
    no_key: "import-no-username-column",
    target: "user_import",
    importing: "users:import",
    discarding: "users:discard-import",
};

pub(super) fn kind(subject: ImportSubject) -> &'static Kind {
    match subject {
        ImportSubject::Machines => &MACHINES,
        ImportSubject::Users => &USERS,
    }
}

/// In the order of the workbook.
pub fn columns_of(subject: ImportSubject) -> &'static [SheetColumn] {
    kind(subject).columns
}

/// Whether rows keep what stands under headings that nobody knows: see [`super::UNKNOWN_COLUMN`].
pub fn keeps_unknown(subject: ImportSubject) -> bool {
    kind(subject).keeps_unknown
}

/// The Chinese and English heading of a column by its key.
pub fn heading_of(subject: ImportSubject, key: &str) -> Option<(&'static str, &'static str)> {
    let kind = kind(subject);
    let known = kind.columns.iter().chain(kind.compared).find(|known| known.key == key);
    known.map(|known| known.heading)
}

/// Names of the example in our template, in Chinese and English: a row of this name is skipped.
pub fn example_names(subject: ImportSubject) -> [&'static str; 2] {
    kind(subject).examples
}

/// What a staged row would store, by column, and where that is not quite what its cells say.
pub(super) fn stored(
    subject: ImportSubject,
    cells: &BTreeMap<String, String>,
    written: serde_json::Value,
) -> Result<(BTreeMap<String, String>, Vec<RowFault>)> {
    match subject {
        ImportSubject::Machines => machines::import::stored(cells, written),
        ImportSubject::Users => Ok((users::import::stored(written)?, Vec::new())),
    }
}

/// Proof that the caller may import of this subject.
pub(super) struct MayImport {
    pub subject: ImportSubject,
    by: By,
}

enum By {
    Machines(Granted<CreateMachine>),
    Users(Granted<CreateUser>),
}

pub(super) fn authorize(ctx: &OpContext, subject: ImportSubject) -> Result<MayImport> {
    let by = match subject {
        ImportSubject::Machines => By::Machines(ctx.authorize(CreateMachine, &Fleet)?),
        ImportSubject::Users => By::Users(ctx.authorize(CreateUser, &Population)?),
    };
    Ok(MayImport { subject, by })
}

/// Whether the caller may look at imports.
pub(super) fn may_look(ctx: &OpContext, subject: ImportSubject) -> Result<()> {
    match subject {
        ImportSubject::Machines => ctx.authorize_list::<MachineRef>(Permission::MachinesView)?,
        ImportSubject::Users => ctx.authorize_list::<UserRef>(Permission::UsersView)?,
    };
    authorize(ctx, subject).map(|_| ())
}

/// Whether the caller may add anything of this subject.
pub(super) fn may_bring_in(ctx: &OpContext, subject: ImportSubject) -> Result<()> {
    match subject {
        ImportSubject::Machines => ctx.authorize_list::<MachineRef>(Permission::MachinesCreate)?,
        ImportSubject::Users => ctx.authorize_list::<UserRef>(Permission::UsersCreate)?,
    };
    Ok(())
}

/// A workbook changes what is there, too.
pub(super) fn may_update(ctx: &OpContext, subject: ImportSubject) -> Result<()> {
    match subject {
        ImportSubject::Machines => ctx.authorize_list::<MachineRef>(Permission::MachinesUpdate)?,
        ImportSubject::Users => ctx.authorize_list::<UserRef>(Permission::UsersUpdate)?,
    };
    Ok(())
}

/// The transaction of a confirmation. What belongs to people, links and sessions, is the system's to write; what the
/// caller may is decided before.
pub(super) async fn begin(platform: &Platform, ctx: &OpContext, subject: ImportSubject) -> Result<Tx> {
    match subject {
        ImportSubject::Machines => platform.db().begin(ctx).await,
        ImportSubject::Users => platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await,
    }
}

/// Judges the rows of one workbook in their order, and writes them.
pub(super) enum Judge {
    Machines(machines::import::Evaluation),
    Users(Box<users::import::Evaluation>),
}

impl Judge {
    /// For who stages or confirms: what they may counts. Holds no connection afterwards.
    pub async fn new(platform: &Platform, ctx: &OpContext, subject: ImportSubject) -> Result<Self> {
        Ok(match subject {
            ImportSubject::Machines => Self::Machines(machines::import::Evaluation::default()),
            ImportSubject::Users => Self::Users(Box::new(users::import::Evaluation::new(platform, ctx).await?)),
        })
    }

    /// What takes long and needs no transaction, for rows that come from the workbook itself.
    pub async fn prepare(&mut self, platform: &Platform, rows: &mut [TextRow]) -> Result<()> {
        match self {
            Self::Machines(_) => Ok(()),
            Self::Users(users) => users.take_passwords(platform, rows).await,
        }
    }

    pub async fn judge(&mut self, tx: &mut Tx, rows: Vec<TextRow>) -> Result<Vec<Judged>> {
        match self {
            Self::Machines(machines) => machines.judge(tx, rows).await,
            Self::Users(users) => users.judge(tx, rows).await,
        }
    }

    /// What a row would write, of a change without what it leaves as it is.
    pub fn effect(&self, judged: &Judged) -> Result<serde_json::Value> {
        let Some(written) = judged.written.clone() else { return Ok(serde_json::Value::Null) };
        if judged.verdict != RowVerdict::Update {
            return Ok(written);
        }
        match self {
            Self::Machines(_) => {
                let (mut stored, _) = machines::import::stored(&judged.cells, written)?;
                stored.retain(|column, _| judged.changes.contains(column));
                serde_json::to_value(stored).map_err(Error::internal)
            }
            Self::Users(_) => Ok(users::import::effect(written, &judged.changes)),
        }
    }

    /// Whether rows may turn out differently from how they were judged.
    pub async fn is_stale(&self, tx: &mut Tx, id: ImportId) -> Result<bool> {
        match self {
            Self::Machines(_) => machines::import::is_stale(tx, id).await,
            // They were judged by what somebody else may, or may have been.
            Self::Users(_) => Ok(true),
        }
    }

    /// Writes the staged rows: how many are new and how many changed. What changed since is left out or a `Conflict`.
    pub async fn apply(
        &mut self,
        platform: &Platform,
        ctx: &OpContext,
        tx: &mut Tx,
        granted: &MayImport,
        id: ImportId,
    ) -> Result<(u32, u32)> {
        match (self, &granted.by) {
            (Self::Machines(_), By::Machines(granted)) => machines::import::apply(tx, ctx, granted, id).await,
            (Self::Users(users), By::Users(granted)) => users.apply(platform, tx, granted, id).await,
            _ => Err(Error::internal("an import is judged as something else")),
        }
    }

    /// After the commit.
    pub fn done(&self, platform: &Platform) {
        match self {
            Self::Machines(_) => platform.live().forget_catalog(),
            Self::Users(users) => users.sign_out(platform),
        }
    }
}
