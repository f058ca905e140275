//! Files and how they come in: in chunks that may be sent again, in any order, and side by side.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::machines::word_enum;
use crate::{FileId, UploadId};

/// Bytes of every chunk but the last.
pub const CHUNK_BYTES: u64 = 16 << 20;
/// Uploads that a customer can have open at a time.
pub const MAX_OPEN_UPLOADS: i64 = 50;
/// An open upload that no chunk came for is forgotten after so many hours.
pub const UPLOAD_HOURS: i64 = 48;
/// Largest file that a plain form, or one request, takes.
pub const MAX_FORM_FILE_BYTES: usize = 32 << 20;
/// A GB of storage, bytes: as disks are sold, and as sizes of files and images are shown.
pub const GB: u64 = 1_000_000_000;

word_enum! {
    /// What a file is for.
    FilePurpose {
        /// An archive that an image is made of.
        Image = "image",
        Dataset = "dataset",
        Other = "other",
    }
}

word_enum! {
    /// Where an upload stands.
    UploadState {
        /// Chunks are taken.
        Open = "open",
        /// Everything is there and is being checked.
        Assembling = "assembling",
        /// It is a file.
        Done = "done",
        Aborted = "aborted",
    }
}

word_enum! {
    /// Why an upload was given up.
    UploadFault {
        /// Somebody took it away.
        Cancelled = "cancelled",
        /// No chunk came for long.
        Expired = "expired",
        /// The whole is not what was announced.
        Hash = "hash",
        /// The store could not give back what was put into it.
        Store = "store",
    }
}

/// Body of `POST /api/files/uploads`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UploadCreate {
    /// 1 to 255 characters; of a path the last part.
    pub name: String,
    /// Bytes, at least 1.
    pub size: u64,
    /// Of the whole, 64 hexadecimal digits; what comes in must be that.
    #[serde(default)]
    pub sha256: Option<String>,
    pub purpose: FilePurpose,
}

/// Chunks that are there, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ChunkRange {
    pub from: u32,
    pub to: u32,
}

/// An upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UploadView {
    pub id: UploadId,
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Bytes of every chunk but the last.
    pub chunk_size: u64,
    /// How many there are; they are numbered from 0.
    pub chunks: u32,
    pub sha256: Option<String>,
    pub purpose: FilePurpose,
    pub state: UploadState,
    /// Which are there, in their order.
    pub received: Vec<ChunkRange>,
    /// Bytes that are there.
    pub received_bytes: u64,
    /// What it became.
    pub file: Option<FileId>,
    /// Why it was given up.
    pub fault: Option<UploadFault>,
    /// An open one is forgotten then; every chunk puts it off.
    pub expires_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
}

/// What is stored and on its way in, beside the limits. Answer of `/api/customer/storage/quota`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct StorageView {
    /// Bytes of one's customer.
    pub used: u64,
    /// Bytes it may store; absent, there is no limit.
    pub limit: Option<u64>,
    /// Bytes of oneself, whatever customer they are with.
    pub own_used: u64,
    /// Bytes one may store oneself.
    pub own_limit: Option<u64>,
}

/// Answer to a chunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ChunkView {
    pub n: u32,
    /// Bytes.
    pub size: u64,
    /// What was received and stored, 64 hexadecimal digits.
    pub sha256: String,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct FileView {
    pub id: FileId,
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// 64 hexadecimal digits.
    pub sha256: String,
    pub purpose: FilePurpose,
    /// Name of who uploaded it.
    pub created_by: String,
    pub created_at: DateTime<Utc>,
}

/// Parameters of `GET /api/files/{id}/content`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct FileReason {
    /// Of staff, where its person did not share it: why they read it, at least 5 characters that are no blanks; that person is
    /// told, and its customer reads this in their own log.
    pub reason: Option<String>,
}

/// Parameters of the list of files.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct FileQuery {
    pub page: Option<u32>,
    pub page_size: Option<u32>,
    /// In the name.
    pub q: Option<String>,
    pub purpose: Option<FilePurpose>,
}
