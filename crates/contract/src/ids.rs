//! Typed ids. On the wire a plain number (below 2^53), in code never a bare integer.

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "sqlx", derive(sqlx::Type))]
        #[cfg_attr(feature = "sqlx", sqlx(transparent))]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<i64> for $name {
            fn from(value: i64) -> Self {
                Self(value)
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                s.parse().map(Self)
            }
        }
    )+};
}

id! {
    /// A person or program that can sign in.
    UserId,
    /// An organisation that rents (the sources' tenant).
    CustomerId,
    /// A GPU host. On the wire machines are named by their code; this id stays inside.
    MachineId,
    /// A GPU.
    GpuId,
    /// A browser session, or the session behind an access token or an API token.
    SessionId,
    /// A person's public key for SSH.
    SshKeyId,
    /// A join token for agents.
    JoinTokenId,
    /// A background job.
    JobId,
    /// An audit event.
    AuditId,
    /// A whole machine lent to a customer for a period.
    AllocationId,
    /// A customer's wish for more time.
    RenewalRequestId,
    /// A time in which a machine is out for maintenance.
    MaintenanceId,
    /// A staged import of a workbook.
    ImportId,
    /// Something a person was told.
    NotificationId,
    /// A way of being told beside mail.
    ChannelId,
    /// A message on its way over a channel.
    DeliveryId,
    /// Something the platform has to say.
    AnnouncementId,
    /// A mail on its way out.
    MailId,
    /// A link that works once.
    LinkId,
    /// A configuration that waits to be confirmed.
    SettingsImportId,
    /// A role, built in or made here.
    RoleId,
    /// A container that a customer runs.
    InstanceId,
    /// A port of an instance that is opened in the browser.
    AppLinkId,
    /// An instance on its way to become an image.
    InstanceSaveId,
    /// A stretch of time that something ran at one price.
    LedgerIntervalId,
    /// What a customer means to spend in a month.
    BudgetId,
    /// What an instance gets.
    SpecId,
    /// What an hour of it costs, from a time on.
    SpecPriceId,
    /// A file that came in.
    FileId,
    /// A file on its way in.
    UploadId,
    /// What instances are made of.
    ImageId,
    /// A registry of images.
    RegistryId,
    /// A clean-up of images on a machine.
    ImageCleanupId,
    /// A directory or sign-in service that people come from.
    IdentityProviderId,
    /// A person as an identity provider knows them.
    IdentityId,
}
