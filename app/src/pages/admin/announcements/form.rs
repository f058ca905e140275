//! The form of an announcement as a browser posts it: every field is text, an empty one means "not stated".

use serde::{Deserialize, Serialize};

/// Fields of the form, named `form[…]` in the page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AnnouncementForm {
    pub kind: String,
    pub title: String,
    pub body: String,
    pub audience: String,
    /// `2026-12-01T10:00` in the person's time zone; empty for now.
    pub starts: String,
    /// Likewise; empty for as long as it is not taken away.
    pub ends: String,
    /// Likewise, of a maintenance.
    pub work_starts: String,
    pub work_ends: String,
    pub revision: String,
}

#[cfg(feature = "ssr")]
mod read {
    use chrono::{DateTime, Utc};
    use contract::CustomerId;
    use contract::announcements::{AnnouncementEdit, AnnouncementKind, AnnouncementView, Audience};
    use platform::{Error, Result};

    use super::AnnouncementForm;
    use crate::door::{Refused, look};
    use crate::pages::admin::machines::service_form::instant;

    fn local(at: DateTime<Utc>) -> String {
        at.with_timezone(&look().zone).format("%Y-%m-%dT%H:%M").to_string()
    }

    impl AnnouncementForm {
        /// The form of one that exists.
        pub fn of(view: &AnnouncementView) -> Self {
            Self {
                kind: view.kind.code().to_owned(),
                title: view.title.clone(),
                body: view.body.clone(),
                audience: view.audience.code().to_owned(),
                starts: local(view.starts_at),
                ends: view.ends_at.map(local).unwrap_or_default(),
                work_starts: view.work_starts_at.map(local).unwrap_or_default(),
                work_ends: view.work_ends_at.map(local).unwrap_or_default(),
                revision: view.revision.to_string(),
            }
        }

        /// What came back with a refused form.
        pub fn from_typed(refused: &Refused) -> Self {
            let t = |name: &str| refused.typed.get(name).cloned().unwrap_or_default();
            Self {
                kind: t("kind"),
                title: t("title"),
                body: t("body"),
                audience: t("audience"),
                starts: t("starts"),
                ends: t("ends"),
                work_starts: t("work_starts"),
                work_ends: t("work_ends"),
                revision: t("revision"),
            }
        }

        /// What was typed, to be shown again.
        pub fn typed(&self, customers: &[CustomerId]) -> Vec<(&'static str, String)> {
            let customers: Vec<_> = customers.iter().map(ToString::to_string).collect();
            vec![
                ("kind", self.kind.clone()),
                ("title", self.title.clone()),
                ("body", self.body.clone()),
                ("audience", self.audience.clone()),
                ("starts", self.starts.clone()),
                ("ends", self.ends.clone()),
                ("work_starts", self.work_starts.clone()),
                ("work_ends", self.work_ends.clone()),
                ("revision", self.revision.clone()),
                ("customers", customers.join(" ")),
            ]
        }

        /// What it asks for. Customers that were marked count only where customers are chosen, and times of work only of a
        /// maintenance: without JavaScript both are always there.
        ///
        /// # Errors
        /// Validation with the field that does not read.
        pub fn read(&self, customers: Vec<CustomerId>) -> Result<AnnouncementEdit> {
            let time = |path: &'static str, text: &str| match text.trim() {
                "" => Ok(None),
                text => instant(path, text).map(Some),
            };
            let kind =
                AnnouncementKind::parse(&self.kind).ok_or_else(|| Error::field("kind", "field-unknown-value"))?;
            let audience =
                Audience::parse(&self.audience).ok_or_else(|| Error::field("audience", "field-unknown-value"))?;
            let of_work = |path: &'static str, text: &str| match kind {
                AnnouncementKind::Maintenance => time(path, text),
                AnnouncementKind::Announcement => Ok(None),
            };
            Ok(AnnouncementEdit {
                kind,
                title: self.title.clone(),
                body: self.body.clone(),
                audience,
                customer_ids: if audience == Audience::Chosen { customers } else { Vec::new() },
                starts_at: time("startsAt", &self.starts)?,
                ends_at: time("endsAt", &self.ends)?,
                work_starts_at: of_work("workStartsAt", &self.work_starts)?,
                work_ends_at: of_work("workEndsAt", &self.work_ends)?,
                revision: self.revision.parse().ok(),
            })
        }
    }
}
