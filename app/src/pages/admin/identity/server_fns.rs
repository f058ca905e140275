//! What the forms of identity providers call.

use std::collections::BTreeMap;

use contract::accounts::ProviderView;
use contract::{ApiError, IdentityProviderId};
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::{door, paths};

/// Every provider as it is now; of secrets only whether they are set.
#[server]
pub async fn list_identity_providers() -> Result<Vec<ProviderView>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::accounts::identity::list(&platform, &ctx).await).await
}

/// Adds a provider, or makes the one with this id what the form says. An empty secret stays what it is unless it is to be
/// forgotten.
#[server]
pub async fn save_identity_provider(
    #[server(default)] id: Option<IdentityProviderId>,
    #[server(default)] form: BTreeMap<String, String>,
) -> Result<(), ApiError> {
    use platform::accounts::identity;
    use platform::settings::ProviderWish;
    let (platform, ctx) = door::door();
    let page = match id {
        Some(id) => paths::identity_provider(id),
        None => paths::identity_provider_new(form.get("kind").map_or("", String::as_str)),
    };
    let mut form = form;
    let carried = super::secret::carry(&platform, &ctx, &page, &mut form).await;
    let typed = super::form::typed(&form);
    let read = async {
        // Who may not do it at all hears that first.
        let wish = id.map_or(ProviderWish::Create, ProviderWish::Update);
        platform::settings::may_manage_identity(&ctx, wish)?;
        carried?;
        let read = super::form::body(&form)?;
        super::form::ask_before_out_of_use(&platform, &ctx, id, &form).await?;
        let saved = match id {
            Some(id) => identity::update(&platform, &ctx, id, read.judged()).await,
            None => identity::create(&platform, &ctx, read.judged()).await,
        };
        saved.map_err(|error| read.in_full(error))
    };
    let result = read.await;
    let next = |view: ProviderView| paths::identity_provider_done(view.id, "saved");
    door::form_answer_sealed((&platform, &ctx), result, next, &page, typed).await
}

/// Removes a provider; the accounts stay. Who presses the button was told how many are bound to it.
#[server]
pub async fn delete_identity_provider(
    id: IdentityProviderId,
    #[server(default)] part_accounts: bool,
) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::accounts::identity::delete(&platform, &ctx, id, part_accounts).await;
    let next = |()| format!("{}?deleted=1", paths::IDENTITY_PROVIDERS);
    door::form_answer((&platform, &ctx), result, next, &paths::identity_provider(id), Vec::new()).await
}

/// Tries a provider out; its page says what was found.
#[server]
pub async fn test_identity_provider(id: IdentityProviderId, #[server(default)] login: String) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let typed = vec![("login", login.clone())];
    let request = contract::accounts::ProviderTestRequest { login: Some(login) };
    let result = platform::accounts::identity::test(&platform, &ctx, id, request).await;
    let next = move |_| format!("{}#test", paths::identity_provider_done(id, "tested"));
    door::form_answer((&platform, &ctx), result, next, &paths::identity_provider(id), typed).await
}
