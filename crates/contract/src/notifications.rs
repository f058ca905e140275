//! What people are told, and how they want to be told it.

mod channels;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use channels::*;

use crate::{NotificationId, Permission};

/// What a notification is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum NotificationKind {
    /// An allocation ends soon.
    AllocationEnding,
    /// A wish for more time was answered.
    RenewalDecided,
    /// One was given a machine, now or from a day on.
    AllocationGiven,
    /// One's time on a machine was to begin, and does not yet. A kind of its own: an older server, which has no words for it,
    /// leaves it out, and does not say the opposite.
    AllocationDelayed,
    /// The end of an allocation was moved without being asked for.
    AllocationRenewed,
    /// The period is over, and the grace began.
    AllocationGrace,
    /// A machine is taken back, or was called off before it began.
    AllocationReclaimed,
    /// A machine one has will be out.
    MaintenancePlanned,
    /// It will not, or is back before its time.
    MaintenanceCancelled,
    /// It is out now.
    MaintenanceBegun,
    /// It is back, as was planned.
    MaintenanceOver,
    /// Somebody one invited has joined.
    InvitationAccepted,
    /// Staff made one of a customer's people of the account one has.
    MemberAdded,
    /// One is another in a customer than before.
    MemberChanged,
    /// Somebody took one out of a customer.
    MemberRemoved,
    /// A customer one belongs to was disabled, enabled, deleted or brought back.
    CustomerSwitched,
    /// A role of the platform was given to one or taken away.
    RolesChanged,
    /// One's own password.
    PasswordChanged,
    /// Somebody else gave one's account another e-mail address.
    EmailChanged,
    /// The account was bound to a sign-in service, or parted from one.
    IdentitiesChanged,
    /// The second factor was switched on or off, or a recovery code was used.
    SecondFactorChanged,
    /// A public key was added to the account.
    SshKeyAdded,
    /// An API token of the account was made.
    ApiTokenMade,
    /// A refresh token was shown twice, so that its sign-in ended.
    SignInCopied,
    /// Somebody disabled the account, or enabled it again.
    AccountSwitched,
    /// An image one uploaded was looked at.
    ImageReviewed,
    /// Staff read what one saved and shares with nobody, or took it somewhere, and why.
    ImageActed,
    /// An instance of one's own was given up.
    InstanceFailed,
    /// An instance of one's own is not used, and is stopped soon or was.
    InstanceIdle,
    /// Staff started, stopped, restarted or deleted an instance of one's own, and why.
    InstanceActed,
    /// Staff ended an access of one's own or to what is one's own, or took the link of an application away, and why.
    AccessEnded,
    /// So much of a budget of one's customer is spent.
    BudgetReached,
    /// A customer asks for more time on a machine; for those who may answer.
    RenewalRequested,
    /// A lease waits to begin, because its machine is out of service; for those who may do something about it.
    AllocationWaits,
    /// Certificates of a machine's Docker Engine end soon; for those who may store new ones.
    EngineCertificates,
    /// Another Docker Engine answers at a machine with instances; for those who may say how it is reached.
    EngineOther,
    /// Sessions of a customer have to be recorded and cannot be any more; for those who look after instances.
    RecordingStopped,
}

impl NotificationKind {
    /// Every kind, in the order of the choices.
    pub const ALL: [NotificationKind; 37] = [
        NotificationKind::AllocationGiven,
        NotificationKind::AllocationDelayed,
        NotificationKind::AllocationEnding,
        NotificationKind::RenewalDecided,
        NotificationKind::AllocationRenewed,
        NotificationKind::AllocationGrace,
        NotificationKind::AllocationReclaimed,
        NotificationKind::MaintenancePlanned,
        NotificationKind::MaintenanceBegun,
        NotificationKind::MaintenanceOver,
        NotificationKind::MaintenanceCancelled,
        NotificationKind::InvitationAccepted,
        NotificationKind::MemberAdded,
        NotificationKind::MemberChanged,
        NotificationKind::MemberRemoved,
        NotificationKind::CustomerSwitched,
        NotificationKind::RolesChanged,
        NotificationKind::ImageReviewed,
        NotificationKind::ImageActed,
        NotificationKind::InstanceFailed,
        NotificationKind::InstanceIdle,
        NotificationKind::InstanceActed,
        NotificationKind::AccessEnded,
        NotificationKind::BudgetReached,
        NotificationKind::PasswordChanged,
        NotificationKind::EmailChanged,
        NotificationKind::IdentitiesChanged,
        NotificationKind::SecondFactorChanged,
        NotificationKind::SshKeyAdded,
        NotificationKind::ApiTokenMade,
        NotificationKind::SignInCopied,
        NotificationKind::AccountSwitched,
        NotificationKind::RenewalRequested,
        NotificationKind::AllocationWaits,
        NotificationKind::EngineCertificates,
        NotificationKind::EngineOther,
        NotificationKind::RecordingStopped,
    ];

    /// Whom it can concern at all: holders of a permission, or everybody.
    pub fn concerns(self) -> Option<Permission> {
        match self {
            NotificationKind::EngineCertificates | NotificationKind::EngineOther => Some(Permission::MachinesConnect),
            NotificationKind::RenewalRequested | NotificationKind::AllocationWaits => {
                Some(Permission::AllocationsUpdate)
            }
            NotificationKind::RecordingStopped => Some(Permission::InstancesOperate),
            _ => None,
        }
    }

    /// What the platform's channels can carry: what is about customers, and nobody's own.
    pub const OF_PLATFORM: [NotificationKind; 13] = [
        NotificationKind::AllocationGiven,
        NotificationKind::AllocationDelayed,
        NotificationKind::AllocationEnding,
        NotificationKind::RenewalDecided,
        NotificationKind::AllocationRenewed,
        NotificationKind::AllocationGrace,
        NotificationKind::AllocationReclaimed,
        NotificationKind::MaintenancePlanned,
        NotificationKind::MaintenanceBegun,
        NotificationKind::MaintenanceOver,
        NotificationKind::MaintenanceCancelled,
        NotificationKind::InvitationAccepted,
        NotificationKind::ImageReviewed,
    ];

    /// Word on the wire and in the database; with `notification-` the key of its text.
    pub fn code(self) -> &'static str {
        match self {
            NotificationKind::AllocationEnding => "allocation-ending",
            NotificationKind::RenewalDecided => "renewal-decided",
            NotificationKind::AllocationGiven => "allocation-given",
            NotificationKind::AllocationDelayed => "allocation-delayed",
            NotificationKind::AllocationRenewed => "allocation-renewed",
            NotificationKind::AllocationGrace => "allocation-grace",
            NotificationKind::AllocationReclaimed => "allocation-reclaimed",
            NotificationKind::MaintenancePlanned => "maintenance-planned",
            NotificationKind::MaintenanceCancelled => "maintenance-cancelled",
            NotificationKind::MaintenanceBegun => "maintenance-begun",
            NotificationKind::MaintenanceOver => "maintenance-over",
            NotificationKind::InvitationAccepted => "invitation-accepted",
            NotificationKind::MemberAdded => "member-added",
            NotificationKind::MemberChanged => "member-changed",
            NotificationKind::MemberRemoved => "member-removed",
            NotificationKind::CustomerSwitched => "customer-switched",
            NotificationKind::RolesChanged => "roles-changed",
            NotificationKind::PasswordChanged => "password-changed",
            NotificationKind::EmailChanged => "email-changed",
            NotificationKind::IdentitiesChanged => "identities-changed",
            NotificationKind::SecondFactorChanged => "second-factor-changed",
            NotificationKind::SshKeyAdded => "ssh-key-added",
            NotificationKind::ApiTokenMade => "api-token-made",
            NotificationKind::SignInCopied => "sign-in-copied",
            NotificationKind::AccountSwitched => "account-switched",
            NotificationKind::ImageReviewed => "image-reviewed",
            NotificationKind::ImageActed => "image-acted",
            NotificationKind::InstanceFailed => "instance-failed",
            NotificationKind::InstanceIdle => "instance-idle",
            NotificationKind::InstanceActed => "instance-acted",
            NotificationKind::AccessEnded => "access-ended",
            NotificationKind::BudgetReached => "budget-reached",
            NotificationKind::RenewalRequested => "renewal-requested",
            NotificationKind::AllocationWaits => "allocation-waits",
            NotificationKind::EngineCertificates => "engine-certificates",
            NotificationKind::EngineOther => "engine-other",
            NotificationKind::RecordingStopped => "recording-stopped",
        }
    }

    /// Reads what [`NotificationKind::code`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == text)
    }

    /// True for what is told in every way at once, whatever was chosen: it may be somebody else's doing.
    pub fn is_security(self) -> bool {
        matches!(
            self,
            NotificationKind::PasswordChanged
                | NotificationKind::EmailChanged
                | NotificationKind::IdentitiesChanged
                | NotificationKind::SecondFactorChanged
                | NotificationKind::SshKeyAdded
                | NotificationKind::ApiTokenMade
                | NotificationKind::SignInCopied
                | NotificationKind::AccountSwitched
        )
    }
}

/// A notification as its reader sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct NotificationView {
    pub id: NotificationId,
    pub kind: NotificationKind,
    /// In the reader's language and time zone.
    pub message: String,
    /// The page it is about.
    pub link: Option<String>,
    pub created_at: DateTime<Utc>,
    pub read_at: Option<DateTime<Utc>>,
}

/// Parameters of the list of notifications.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct NotificationQuery {
    pub page: Option<u32>,
    pub page_size: Option<u32>,
    /// True: only what was not read yet.
    pub unread: Option<bool>,
}

/// How many were not read yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UnreadView {
    pub unread: u64,
}

/// What the bell shows: the snapshot and every delta of topic `notifications`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct NotificationsLive {
    /// How many were not read yet.
    pub unread: u64,
    /// The newest, read or not.
    pub latest: Vec<NotificationView>,
}

/// How a person wants to be told of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NotificationChoice {
    pub kind: NotificationKind,
    pub in_app: bool,
    pub mail: bool,
    /// Over one's webhooks, where one has any.
    pub webhook: bool,
}

/// Answer and body of `/api/customer/settings/notifications`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct NotificationPreferences {
    /// Every kind in an answer; kinds that a body does not name stay as they are. What concerns the safety of the account is
    /// told in every way: a body that says otherwise is refused.
    pub choices: Vec<NotificationChoice>,
    /// Mail and webhooks wait from this time of day, `22:00`, in one's own time zone … In a body, absent leaves the hours as
    /// they are, and two empty texts end them.
    pub quiet_from: Option<String>,
    /// … until this one.
    pub quiet_until: Option<String>,
}
