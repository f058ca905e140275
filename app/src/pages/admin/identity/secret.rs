//! A secret that was typed into a form that was refused: it stays on the server, and the page says only that it does.

use std::collections::BTreeMap;

use leptos::prelude::*;
use platform::{Error, OpContext, Platform};

use super::form::{KEPT_SECRET, kept_secret};
use crate::door::{KeptForm, Refused};

/// Puts the secret of the refused form, which this one follows, into its place.
///
/// # Errors
/// Validation where it is not kept any more: saved without it, the provider would have another secret than its owner thinks.
pub(super) async fn carry(
    platform: &Platform,
    ctx: &OpContext,
    page: &str,
    form: &mut BTreeMap<String, String>,
) -> platform::Result<()> {
    let Some(id) = kept_secret(form) else { return Ok(()) };
    let kept = match id.parse() {
        Ok(id) => platform::accounts::kept_form(platform, ctx, page, id).await?,
        Err(_) => None,
    };
    let kept = kept.and_then(|text| serde_json::from_str::<Refused>(&text).ok());
    match kept.and_then(|mut kept| kept.typed.remove(KEPT_SECRET)) {
        Some(secret) => {
            form.insert("secret".to_owned(), secret);
            Ok(())
        }
        None => Err(Error::field("secret", "field-secret-again")),
    }
}

/// The field that says where the secret is kept; nothing where there is none.
pub(super) fn kept_field(refused: Option<&Refused>) -> Option<AnyView> {
    refused.filter(|refused| refused.typed.contains_key(KEPT_SECRET))?;
    let id = use_context::<KeptForm>()?.id()?;
    Some(view! { <input r#type="hidden" name=format!("form[{KEPT_SECRET}]") value=id.to_string() /> }.into_any())
}
