//! What a refused form brings back that belongs in no address: it waits in the database, sealed, and is read once.

use std::collections::BTreeMap;

use contract::ApiError;
use platform::accounts::{ShownOnce, keep_for_page, take_for_page};
use platform::{OpContext, Platform};
use serde::{Deserialize, Serialize};

use super::{Refused, form_answer, wants_page};

/// What was typed and belongs in no address, by field, and whose refusal it is of.
#[derive(Serialize, Deserialize)]
struct Kept {
    request_id: String,
    typed: BTreeMap<String, String>,
}

/// As [`form_answer`], of a form some of whose fields belong in no address: when it is refused, what is in `kept` waits,
/// sealed, for the page that the form comes back on.
pub async fn form_answer_keeping<T>(
    (platform, ctx): (&Platform, &OpContext),
    result: platform::Result<T>,
    next: impl FnOnce(T) -> String,
    form: &str,
    typed: Vec<(&'static str, String)>,
    kept: Vec<(&'static str, String)>,
) -> Result<(), ApiError> {
    if result.is_err() && wants_page() && ctx.user().is_some() {
        let typed = kept.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let kept = Kept { request_id: ctx.request_id().to_owned(), typed };
        let text = serde_json::to_string(&kept).unwrap_or_default();
        // What was refused is said, whether or not this could be kept.
        let _ = keep_for_page(platform, ctx, ShownOnce::Typed, &text).await;
    }
    form_answer((platform, ctx), result, next, form, typed).await
}

impl Refused {
    /// With what [`form_answer_keeping`] kept of it.
    ///
    /// # Errors
    /// Whatever keeps the database from saying it.
    pub async fn with_kept(mut self, platform: &Platform, ctx: &OpContext) -> platform::Result<Self> {
        let text = take_for_page(platform, ctx, ShownOnce::Typed).await?;
        let kept: Option<Kept> = text.and_then(|text| serde_json::from_str(&text).ok());
        // Another page's would be somebody's secret in the wrong place.
        if let Some(kept) = kept.filter(|kept| kept.request_id == self.request_id) {
            self.typed.extend(kept.typed);
        }
        Ok(self)
    }
}
