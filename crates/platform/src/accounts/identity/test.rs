//! Trying a provider out, and saying what is wrong with it and what to do.

use contract::accounts::{ProviderStep, ProviderTest, ProviderTestRequest, ProviderTestStep};
use contract::{ErrorCode, IdentityProviderId};
use openidconnect::DiscoveryError;
use openidconnect::core::CoreResponseType;
use serde_json::json;

use super::directory::{self, Fault};
use super::network::{Http, HttpFault, in_full};
use super::oidc::{Description, describe};
use super::{Provider, Settings, providers, roles, store};
use crate::authz::{Installation, ManageIdentity};
use crate::{Error, OpContext, Platform, Result, customers};

/// What a test found out so far.
struct Trail<'a> {
    ctx: &'a OpContext,
    steps: Vec<ProviderTestStep>,
}

impl Trail<'_> {
    fn add(&mut self, step: ProviderStep, done: bool, (key, args): (&str, &[(&str, String)]), detail: Option<String>) {
        let message = texts::message(self.ctx.language(), key, args);
        self.steps.push(ProviderTestStep { step, done, message, detail });
    }

    fn done(&mut self, step: ProviderStep, args: &[(&str, String)]) {
        self.add(step, true, (&format!("identity-done-{}", step.code()), args), None);
    }

    fn failed(&mut self, fault: Fault) {
        let detail = Some(fault.detail).filter(|detail| !detail.is_empty());
        self.add(fault.step, false, (fault.key, &[]), detail);
    }
}

/// Tries a provider as it is stored, in use or not; the result is kept with it. Nobody is signed in, and no account made.
///
/// # Errors
/// `NotFound` for one there is not.
pub async fn test(
    platform: &Platform,
    ctx: &OpContext,
    id: IdentityProviderId,
    request: ProviderTestRequest,
) -> Result<ProviderTest> {
    let granted = ctx.authorize(ManageIdentity, &Installation)?;
    let mut tx = platform.db().begin(ctx).await?;
    let row = store::providers(&mut tx, Some(id)).await?.into_iter().next().ok_or_else(Error::not_found)?;
    tx.commit().await?; // asking takes a while: hold no connection meanwhile
    let login = request.login.map(|login| login.trim().to_owned()).filter(|login| !login.is_empty());
    if login.as_ref().is_some_and(|login| login.chars().count() > 128) {
        return Err(Error::new(ErrorCode::Validation).with_field("login", "field-malformed"));
    }
    let provider = Provider::read(platform, row)?;
    let mut trail = Trail { ctx, steps: Vec::new() };
    let result = match &provider.settings {
        Settings::Ldap(_) => test_directory(platform, &provider, login.as_deref(), &mut trail).await?,
        Settings::Oidc(_) => test_service(&provider, &mut trail).await,
    };
    let done = result.is_ok();
    if let Err(fault) = result {
        trail.failed(fault);
    }
    let test = ProviderTest { done, at: ctx.now(), steps: trail.steps };
    let kept = serde_json::to_value(&test).map_err(Error::internal)?;
    let mut tx = platform.db().begin(ctx).await?;
    store::set_last_test(&mut tx, &granted, id, &kept).await?;
    let failed = test.steps.iter().find(|step| !step.done).map(|step| step.step.code());
    let after = json!({ "name": provider.name, "done": done, "failedAt": failed });
    providers::note(&mut tx, ctx, "settings:test-provider", id, (None, Some(after))).await?;
    tx.commit().await?;
    Ok(test)
}

async fn test_directory(
    platform: &Platform,
    provider: &Provider,
    login: Option<&str>,
    trail: &mut Trail<'_>,
) -> Result<std::result::Result<(), Fault>> {
    let Settings::Ldap(settings) = &provider.settings else { return Ok(Ok(())) };
    let nobody_searches = settings.bind_dn.is_none();
    let mut passed = Vec::new();
    let opened = directory::open(settings, provider.secret.as_ref(), &mut passed).await;
    for step in passed {
        match step {
            ProviderStep::Bind if nobody_searches => trail.add(step, true, ("identity-done-anonymous", &[]), None),
            step => trail.done(step, &[]),
        }
    }
    let mut line = match opened {
        Ok(line) => line,
        Err(fault) => return Ok(Err(fault)),
    };
    // Somebody who is hardly there: whether the place can be searched shows all the same.
    let found = match line.find(login.unwrap_or("remotegpu-test")).await {
        Ok(found) => found,
        Err(fault) => return Ok(Err(fault)),
    };
    trail.done(ProviderStep::Search, &[]);
    let Some(login) = login else {
        line.close().await;
        return Ok(Ok(()));
    };
    let fault = |key: &'static str| Ok(Err(Fault::new(ProviderStep::Person, key, "")));
    let Some(person) = found else { return fault("identity-fault-nobody") };
    let Some(id) = &person.id else { return fault("identity-fault-no-id") };
    if person.disabled {
        return fault("identity-fault-disabled");
    }
    let args = [("dn", person.dn.clone()), ("id", id.clone()), ("name", person.login.clone().unwrap_or_default())];
    trail.done(ProviderStep::Person, &args);
    let groups = match line.groups(&person, login).await {
        Ok(groups) => groups,
        Err(fault) => return Ok(Err(fault)),
    };
    line.close().await;
    let given = roles::wanted(&provider.mappings, &groups, roles::GroupNames::Entries);
    let named = role_names(platform, trail.ctx, &given).await?;
    let key = if named.is_empty() { "identity-done-groups-none" } else { "identity-done-groups" };
    let args = [("n", groups.len().to_string()), ("roles", named)];
    trail.add(ProviderStep::Groups, true, (key, &args), Some(groups.join("\n")).filter(|text| !text.is_empty()));
    Ok(Ok(()))
}

/// What somebody would be here, in words.
async fn role_names(platform: &Platform, ctx: &OpContext, given: &[roles::Given]) -> Result<String> {
    let ids: Vec<i64> = given.iter().filter_map(|given| Some(given.customer_id?.0)).collect();
    let mut tx = platform.db().begin(ctx).await?;
    let customers = customers::names(&mut tx, &ids).await?;
    let platform_roles = crate::roles::assignable_in_tx(&mut tx).await?;
    tx.commit().await?;
    let language = ctx.language();
    let words = given.iter().map(|given| {
        let code = given.role.code();
        let made_here = platform_roles.iter().find(|role| role.code == code && !role.builtin);
        let role = made_here.map(|role| role.name.clone()).unwrap_or_else(|| {
            let kind = if given.customer_id.is_some() { "identity-role" } else { "role" };
            texts::known_message(language, &format!("{kind}-{code}"), &[]).unwrap_or_else(|| code.to_owned())
        });
        match given.customer_id.and_then(|id| customers.get(&id.0)) {
            Some(customer) => {
                texts::message(language, "identity-role-in", &[("role", role), ("customer", customer.clone())])
            }
            None => role,
        }
    });
    Ok(words.collect::<Vec<_>>().join(&texts::message(language, "list-separator", &[])))
}

async fn test_service(provider: &Provider, trail: &mut Trail<'_>) -> std::result::Result<(), Fault> {
    use ProviderStep::{Abilities, Discovery, Issuer, Keys};
    let Settings::Oidc(settings) = &provider.settings else { return Ok(()) };
    let http = Http::new(settings.ca_certificate.as_deref());
    let http = http.map_err(|fault| Fault::new(Discovery, "identity-fault-discovery", fault))?;
    let description = match describe(&http, settings).await {
        Ok(description) => description,
        Err(error) => {
            let fault = fault_of(&error);
            // It was heard; it is only another than it should be.
            if fault.step != Discovery {
                trail.done(Discovery, &[]);
            }
            return Err(fault);
        }
    };
    trail.done(Discovery, &[]);
    trail.done(Issuer, &[]);
    check_abilities(&description)?;
    trail.done(Abilities, &[]);
    let keys = description.jwks().keys().len();
    if keys == 0 {
        return Err(Fault::new(Keys, "identity-fault-keys", ""));
    }
    trail.done(Keys, &[("n", keys.to_string())]);
    Ok(())
}

fn fault_of(error: &DiscoveryError<HttpFault>) -> Fault {
    match error {
        DiscoveryError::Validation(why) => Fault::new(ProviderStep::Issuer, "identity-fault-issuer", why),
        DiscoveryError::Parse(_) | DiscoveryError::Response(..) => {
            Fault::new(ProviderStep::Discovery, "identity-fault-description", in_full(error))
        }
        DiscoveryError::Request(HttpFault { key: Some(key), .. }) => {
            Fault::new(ProviderStep::Discovery, key, in_full(error))
        }
        _ => Fault::new(ProviderStep::Discovery, "identity-fault-discovery", in_full(error)),
    }
}

/// What has to be there for the way that is taken.
fn check_abilities(description: &Description) -> std::result::Result<(), Fault> {
    let fault = |detail: &str| Fault::new(ProviderStep::Abilities, "identity-fault-abilities", detail);
    if description.token_endpoint().is_none() {
        return Err(fault("token_endpoint"));
    }
    let code = |types: &openidconnect::ResponseTypes<CoreResponseType>| types.iter().eq([&CoreResponseType::Code]);
    if !description.response_types_supported().iter().any(code) {
        return Err(fault("response_types_supported: code"));
    }
    let methods = description.additional_metadata().code_challenge_methods_supported.as_ref();
    // Silence about it is no refusal: many services do it without a word.
    if methods.is_some_and(|methods| !methods.iter().any(|method| method == "S256")) {
        return Err(fault("code_challenge_methods_supported: S256"));
    }
    Ok(())
}
