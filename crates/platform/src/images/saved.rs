//! Images that instances were saved as.

use contract::images::{ImageSource, ImageWrite};
use contract::{CustomerId, ErrorCode, FileId, ImageId, UserId};

use super::archive::ArchiveFacts;
use super::{check, entry, facts, found, store};
use crate::db::Tx;
use crate::{Error, OpContext, Result, audit, files};

/// What an image of an instance is called, and whose it is.
pub(crate) struct Saved {
    pub customer: CustomerId,
    /// Who wanted it.
    pub person: UserId,
    pub person_name: String,
    pub name: String,
    pub description: Option<String>,
    pub remark: Option<String>,
    /// What the instance was made of; what it is good for, the other is good for, too.
    pub base: ImageId,
}

impl Saved {
    /// With what people said of it, without fault.
    ///
    /// # Errors
    /// `Validation` with every fault at once.
    pub(crate) fn checked(self) -> Result<Self> {
        let said =
            ImageWrite { name: self.name, description: self.description, remark: self.remark, ..ImageWrite::default() };
        let check::Checked { name, description, remark, .. } = check::check(said, ImageSource::Instance)?;
        Ok(Self { name, description, remark, ..self })
    }
}

/// Refuses what could not become an image of that name.
///
/// # Errors
/// `AlreadyExists` for a name that is taken, `WrongState` where the instance is of an image that was rejected.
pub(crate) async fn refuse_saving(tx: &mut Tx, saved: &Saved) -> Result<()> {
    if store::is_rejected(tx, saved.base).await? {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-save-image-rejected"));
    }
    refuse_name(tx, (saved.customer, Some(saved.person)), &saved.name, None).await
}

/// Refuses a name that a person of a customer could take for another image of theirs. What somebody else has alone does not count:
/// to find its name taken would tell of it.
///
/// # Errors
/// `AlreadyExists` for a name that is taken.
pub(super) async fn refuse_name(
    tx: &mut Tx,
    of: (CustomerId, Option<UserId>),
    name: &str,
    except: Option<ImageId>,
) -> Result<()> {
    match store::has_name(tx, of, name, except).await? {
        true => Err(Error::new(ErrorCode::AlreadyExists).with_field("name", "field-image-name-taken")),
        false => Ok(()),
    }
}

/// Adds it, in the transaction that makes its archive a file.
///
/// # Errors
/// As [`refuse_saving`]'s.
pub(crate) async fn insert_saved(
    tx: &mut Tx,
    ctx: &OpContext,
    saved: &Saved,
    archive: (FileId, u64),
    read: &ArchiveFacts,
) -> Result<ImageId> {
    refuse_saving(tx, saved).await?;
    let id = store::insert_saved(tx, ctx, saved, archive, read).await?;
    files::set_shared_in_tx(tx, archive.0, false).await?;
    let view = found(tx, id).await?;
    audit::record_in_tx(tx, ctx, entry("images:create", &view, None, Some(facts(&view)))).await?;
    Ok(id)
}
