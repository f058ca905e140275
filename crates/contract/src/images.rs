//! Images: what instances are made of, where they come from, and who may choose them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::machines::word_enum;
use crate::registries::RegistryFault;
use crate::{CustomerId, FileId, ImageCleanupId, ImageId};

word_enum! {
    /// Where an image comes from.
    ImageSource {
        /// A registry, by its address.
        Registry = "registry",
        /// An archive that somebody uploaded.
        Upload = "upload",
        /// An instance that was saved.
        Instance = "instance",
    }
}

word_enum! {
    /// Where an image stands.
    ImageState {
        /// Somebody of the platform has to look at it first.
        PendingReview = "pending_review",
        Approved = "approved",
        Rejected = "rejected",
    }
}

word_enum! {
    /// What an image runs on.
    Architecture {
        Amd64 = "amd64",
        Arm64 = "arm64",
    }
}

/// What people say of an image, whether it is added by its address or was uploaded. Body of `POST /api/admin/images` and
/// of `PUT` on one, which replaces it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImageWrite {
    /// 1 to 100 characters, unlike any other's of the same owner.
    pub name: String,
    /// Such as `registry.example.org/team/pytorch:2.4`; for one from a registry, and for no other.
    #[serde(default)]
    pub address: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
    /// Such as `PyTorch 2.4`.
    #[serde(default)]
    pub framework: Option<String>,
    /// Such as `12.4`; of an archive it is read where absent.
    #[serde(default)]
    pub cuda_version: Option<String>,
    /// Of an archive it is read, and what is said here does not count.
    #[serde(default)]
    pub architecture: Option<Architecture>,
    /// It works where only a part of a GPU's memory is given.
    #[serde(default)]
    pub memory_split: bool,
    /// For its owners.
    #[serde(default)]
    pub remark: Option<String>,
    /// What one saw; absent overwrites whatever is there.
    #[serde(default)]
    pub revision: Option<i64>,
}

/// Body of `POST …/images/upload`: an image of a file that was uploaded with the purpose `image`, of the same customer, or of
/// the platform for the platform's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImageUpload {
    pub file: FileId,
    /// 1 to 100 characters, unlike any other's of the same owner.
    pub name: String,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub framework: Option<String>,
    #[serde(default)]
    pub cuda_version: Option<String>,
    #[serde(default)]
    pub memory_split: bool,
    #[serde(default)]
    pub remark: Option<String>,
}

/// Body of `POST /api/admin/images/{id}/reject`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImageReject {
    /// What its owner is told, 1 to 1000 characters.
    pub reason: String,
}

/// An image as staff and its owners see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ImageView {
    pub id: ImageId,
    pub name: String,
    pub source: ImageSource,
    pub address: Option<String>,
    pub file: Option<FileId>,
    /// Absent: the platform's.
    pub customer: Option<CustomerId>,
    pub customer_name: Option<String>,
    pub description: Option<String>,
    pub framework: Option<String>,
    pub cuda_version: Option<String>,
    pub architecture: Option<Architecture>,
    pub memory_split: bool,
    pub state: ImageState,
    /// Why it was rejected.
    pub reason: Option<String>,
    /// Name of who reviewed it; for staff.
    pub reviewed_by: Option<String>,
    pub reviewed_at: Option<DateTime<Utc>>,
    /// Customers may choose it.
    pub listed: bool,
    /// All people of its customer find and use it; false: who saved it of an instance, and the owners, alone.
    #[serde(default)]
    pub shared: bool,
    /// Of its configuration, `sha256:…`, where it is known.
    pub digest: Option<String>,
    /// What an engine that loads the archive calls the image, whatever was called so there before.
    pub tags: Vec<String>,
    /// Bytes of the archive, where there is one.
    pub size: Option<u64>,
    pub remark: Option<String>,
    pub revision: i64,
    /// Name of who added it.
    pub created_by: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// An image of the market.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MarketImage {
    pub id: ImageId,
    pub name: String,
    pub source: ImageSource,
    pub description: Option<String>,
    pub framework: Option<String>,
    pub cuda_version: Option<String>,
    pub architecture: Option<Architecture>,
    pub memory_split: bool,
    pub size: Option<u64>,
    pub created_at: DateTime<Utc>,
}

word_enum! {
    /// Columns a list of images can be sorted by.
    ImageSort {
        Name = "name",
        Framework = "framework",
        State = "state",
        Size = "size",
        Listed = "listed",
        Created = "createdAt",
    }
}

/// Parameters of the lists of images.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ImageQuery {
    pub page: Option<u32>,
    pub page_size: Option<u32>,
    /// `name`, `-createdAt`, several with commas; by name when absent.
    pub sort: Option<String>,
    /// Name, address, framework, description or remark.
    pub q: Option<String>,
    pub state: Option<ImageState>,
    pub source: Option<ImageSource>,
    pub architecture: Option<Architecture>,
    pub listed: Option<bool>,
}

/// Parameters of the market.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct MarketQuery {
    pub page: Option<u32>,
    pub page_size: Option<u32>,
    /// Name, framework or description.
    pub q: Option<String>,
    pub architecture: Option<Architecture>,
    /// True: only those that work with a part of a GPU's memory.
    pub memory_split: Option<bool>,
}

word_enum! {
    /// Where the bringing of an image to a machine stands.
    CopyState {
        Waiting = "waiting",
        Running = "running",
        /// It was there when the job ended.
        Present = "present",
        Failed = "failed",
        Cancelled = "cancelled",
    }
}

/// Body of `POST /api/admin/images/{id}/machines`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImagePull {
    /// Code of the machine, whose engine is asked.
    pub machine: String,
    /// Why, at least 5 characters that are no blanks, where who saved it shares it with nobody: they are told, and its customer
    /// reads it in their own log.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Body of `POST /api/admin/images/{id}/registry`, which may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ImageReason {
    /// Why, at least 5 characters that are no blanks, where who saved it shares it with nobody: they are told, and its customer
    /// reads it in their own log.
    pub reason: Option<String>,
}

/// An image on a machine, or on its way there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ImageCopy {
    /// Code of the machine.
    pub machine: String,
    pub machine_name: String,
    pub state: CopyState,
    /// Bytes.
    pub done: u64,
    /// Bytes, as far as they are known; 0 while nothing is.
    pub total: u64,
    /// Code of what went wrong.
    pub fault: Option<String>,
    /// What went wrong, in the reader's language.
    pub message: Option<String>,
    /// What the other end said of it.
    pub detail: Option<String>,
    /// Name of who wanted it; a word that says so where nobody did, and containers of it are there.
    pub wanted_by: String,
    pub wanted_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// The archive of an image in a registry, or on its way there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ImagePush {
    /// Its address.
    pub registry: String,
    pub state: CopyState,
    /// Bytes.
    pub done: u64,
    /// Bytes, as far as they are known; 0 while nothing is.
    pub total: u64,
    pub fault: Option<RegistryFault>,
    /// What went wrong, in the reader's language.
    pub message: Option<String>,
    /// What the other end said of it.
    pub detail: Option<String>,
    /// What it is called there, with its digest.
    pub reference: Option<String>,
    /// Name of who wanted it.
    pub wanted_by: String,
    pub wanted_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// How an image stands to the registry that takes archives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ImageRegistry {
    /// Address of the registry that takes archives now, where there is one.
    pub holder: Option<String>,
    pub push: Option<ImagePush>,
}

word_enum! {
    /// Why an image on a machine may go, the weakest reason first.
    CleanupReason {
        /// It can be chosen, and was not needed there for as long as was asked.
        Unused = "unused",
        /// The platform's, and customers cannot choose it.
        Delisted = "delisted",
        /// Somebody of the platform rejected it.
        Rejected = "rejected",
        /// It is in no library any more.
        Deleted = "deleted",
        /// It has no tag: what had it before got another content.
        Dangling = "dangling",
    }
}

/// What was not needed for so many days counts as unused where nobody says otherwise.
pub const USUAL_UNUSED_DAYS: u32 = 30;
/// Most days that may be asked for.
pub const MAX_UNUSED_DAYS: u32 = 3650;
/// Most images that one clean-up takes away.
pub const MAX_CLEANUP_IMAGES: usize = 200;

/// Parameters of `GET /api/admin/images/cleanup`: the engines of a page of machines are asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct CleanupQuery {
    pub page: Option<u32>,
    pub page_size: Option<u32>,
    /// Code of the only machine that is asked; every one with an engine when absent.
    pub machine: Option<String>,
    /// 0 to 3650 days without need, 30 when absent.
    pub unused_days: Option<u32>,
}

/// What a clean-up of a machine would take away, as its engine says it now. Nothing is changed by asking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CleanupPreview {
    /// Code of the machine.
    pub machine: String,
    pub machine_name: String,
    /// By which days this was found.
    pub unused_days: u32,
    /// Code of why its engine did not say it.
    pub fault: Option<String>,
    /// The same in the reader's language.
    pub message: Option<String>,
    /// What the other end said of it.
    pub detail: Option<String>,
    /// The largest first.
    pub images: Vec<CleanupCandidate>,
    /// Bytes that all of them free at least.
    pub frees: u64,
    /// Its clean-up is waiting or running.
    pub going: bool,
    /// A customer has the whole machine: what is on it is theirs.
    pub lent: bool,
}

/// An image on a machine that nothing uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CleanupCandidate {
    /// The engine's own id of it.
    pub engine_id: String,
    /// What the engine calls it.
    pub names: Vec<String>,
    /// What the library calls it, where it knows it.
    pub images: Vec<String>,
    pub reason: CleanupReason,
    /// Bytes of all its layers.
    pub size: u64,
    /// Bytes that it frees at least: those of layers that no other image there has; absent where the engine does not say.
    pub frees: Option<u64>,
    /// When somebody wanted it there last, or the last instance of it there was deleted; absent where nobody knows.
    pub needed_at: Option<DateTime<Utc>>,
}

/// Body of `POST /api/admin/images/cleanup/apply`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CleanupApply {
    /// Code of the machine.
    pub machine: String,
    /// The engine's own ids of what goes, 1 to 200 of those that the preview shows.
    pub images: Vec<String>,
    /// As in the preview; 30 when absent.
    #[serde(default)]
    pub unused_days: Option<u32>,
}

word_enum! {
    /// Where a clean-up stands.
    CleanupState {
        Waiting = "waiting",
        Running = "running",
        /// Every image of it was looked at.
        Done = "done",
        /// The engine could not be asked to the end.
        Failed = "failed",
    }
}

word_enum! {
    /// What came of an image of a clean-up.
    CleanupItemState {
        Waiting = "waiting",
        Removed = "removed",
        /// Something needs it by now.
        Kept = "kept",
        /// It was not there any more.
        Gone = "gone",
        /// The engine did not take it away.
        Failed = "failed",
    }
}

/// An image of a clean-up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CleanupItem {
    /// The engine's own id of it.
    pub engine_id: String,
    /// What the engine called it.
    pub names: Vec<String>,
    pub reason: CleanupReason,
    pub state: CleanupItemState,
    /// Bytes of all its layers.
    pub size: u64,
    /// Bytes that it freed at least.
    pub freed: u64,
    /// Code of why it is still there.
    pub fault: Option<String>,
    /// What the engine said of it.
    pub detail: Option<String>,
}

/// A clean-up of a machine, with how far it is and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CleanupRun {
    pub id: ImageCleanupId,
    /// Code of the machine.
    pub machine: String,
    pub machine_name: String,
    pub unused_days: u32,
    pub state: CleanupState,
    /// Code of why it went no further.
    pub fault: Option<String>,
    /// The same in the reader's language.
    pub message: Option<String>,
    /// What the other end said of it.
    pub detail: Option<String>,
    pub items: Vec<CleanupItem>,
    /// Bytes freed so far, at least.
    pub freed: u64,
    /// Name of who wanted it.
    pub wanted_by: String,
    pub created_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
}

impl CleanupRun {
    /// How many of its images stand there.
    pub fn count(&self, state: CleanupItemState) -> usize {
        self.items.iter().filter(|item| item.state == state).count()
    }
}
