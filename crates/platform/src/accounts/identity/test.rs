//! Trying a provider out, and saying what is wrong with it and what to do.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use contract::accounts::{Language, ProviderStep, ProviderTest, ProviderTestRequest, ProviderTestStep};
use contract::{ErrorCode, IdentityProviderId};
use openidconnect::DiscoveryError;
use openidconnect::core::{CoreClientAuthMethod, CoreResponseType};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::directory::{self, Fault};
use super::network::{Http, HttpFault, in_full, is_service_address};
use super::oidc::{ALGORITHMS, Description, Refusal, Said, Service, describe};
use super::{Provider, Settings, providers, roles, services, store};
use crate::authz::{Installation, ManageIdentity};
use crate::{Error, OpContext, Platform, Result, customers};

/// What a test found out, as it is kept with its provider: without words, because everybody reads it in their own.
#[derive(Serialize, Deserialize)]
pub(super) struct KeptTest {
    done: bool,
    at: DateTime<Utc>,
    steps: Vec<KeptStep>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct KeptStep {
    step: Option<ProviderStep>,
    /// A step that a server of the version before does not know; it leaves it out.
    later: Option<ProviderStep>,
    done: bool,
    key: String,
    args: BTreeMap<String, String>,
    roles: Vec<NamedRole>,
    detail: Option<String>,
    /// Words, of a test that an earlier version kept.
    #[serde(skip_serializing_if = "String::is_empty")]
    message: String,
}

/// What somebody would be here.
#[derive(Serialize, Deserialize)]
struct NamedRole {
    code: String,
    /// Of a role made here.
    name: Option<String>,
    customer: Option<String>,
}

impl NamedRole {
    fn in_words(&self, language: Language) -> String {
        let kind = if self.customer.is_some() { "identity-role" } else { "role" };
        let role = self.name.clone().unwrap_or_else(|| {
            let known = texts::known_message(language, &format!("{kind}-{}", self.code), &[]);
            known.unwrap_or_else(|| self.code.clone())
        });
        match &self.customer {
            Some(customer) => {
                texts::message(language, "identity-role-in", &[("role", role), ("customer", customer.clone())])
            }
            None => role,
        }
    }
}

impl KeptTest {
    pub(super) fn in_words(self, language: Language) -> ProviderTest {
        let steps = self.steps.into_iter().filter_map(|kept| kept.in_words(language)).collect();
        ProviderTest { done: self.done, at: self.at, steps }
    }
}

impl KeptStep {
    fn in_words(self, language: Language) -> Option<ProviderTestStep> {
        let mut args: Vec<_> = self.args.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let roles: Vec<_> = self.roles.iter().map(|role| role.in_words(language)).collect();
        args.push(("roles", roles.join(&texts::message(language, "list-separator", &[]))));
        let message = match self.key.is_empty() {
            true => self.message,
            false => texts::message(language, &self.key, &args),
        };
        let step = self.step.or(self.later)?;
        let untried = step == ProviderStep::Redirect;
        Some(ProviderTestStep { step, done: self.done, untried, message, detail: self.detail })
    }
}

/// What a test found out so far.
#[derive(Default)]
struct Trail {
    steps: Vec<KeptStep>,
}

impl Trail {
    fn add(&mut self, step: ProviderStep, done: bool, (key, args): (&str, &[(&str, String)])) -> &mut KeptStep {
        let args = args.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let is_later = matches!(step, ProviderStep::Client | ProviderStep::Redirect);
        let (step, later) = if is_later { (None, Some(step)) } else { (Some(step), None) };
        let kept = KeptStep { step, later, done, key: key.to_owned(), args, ..KeptStep::default() };
        self.steps.push_mut(kept)
    }

    fn done(&mut self, step: ProviderStep, args: &[(&str, String)]) {
        self.add(step, true, (&format!("identity-done-{}", step.code()), args));
    }

    fn failed(&mut self, fault: Fault) {
        self.add(fault.step, false, (fault.key, &[])).detail = Some(fault.detail).filter(|detail| !detail.is_empty());
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
    let ctx = &ctx.trying_on("settings:test-provider", "identity-provider", id);
    let granted = ctx.authorize(ManageIdentity, &Installation)?;
    let mut tx = platform.db().begin(ctx).await?;
    let row = store::providers(&mut tx, Some(id)).await?.into_iter().next().ok_or_else(Error::not_found)?;
    tx.commit().await?; // asking takes a while: hold no connection meanwhile
    let login = request.login.map(|login| login.trim().to_owned()).filter(|login| !login.is_empty());
    if login.as_ref().is_some_and(|login| login.chars().count() > 128) {
        return Err(Error::new(ErrorCode::Validation).with_field("login", "field-malformed"));
    }
    let provider = Provider::read(platform, row)?;
    let mut trail = Trail::default();
    let result = match &provider.settings {
        Settings::Ldap(_) => test_directory((platform, ctx), &provider, login.as_deref(), &mut trail).await?,
        Settings::Oidc(_) => test_service(platform, &provider, &mut trail).await,
    };
    let done = result.is_ok();
    if let Err(fault) = result {
        trail.failed(fault);
    }
    let test = KeptTest { done, at: ctx.now(), steps: trail.steps };
    let kept = serde_json::to_value(&test).map_err(Error::internal)?;
    let test = test.in_words(ctx.language());
    let mut tx = platform.db().begin(ctx).await?;
    store::set_last_test(&mut tx, &granted, id, &kept).await?;
    let failed = test.steps.iter().find(|step| !step.done).map(|step| step.step.code());
    let after = json!({ "name": provider.name, "done": done, "failedAt": failed });
    providers::note(&mut tx, ctx, "settings:test-provider", id, (None, Some(after))).await?;
    tx.commit().await?;
    Ok(test)
}

async fn test_directory(
    (platform, ctx): (&Platform, &OpContext),
    provider: &Provider,
    login: Option<&str>,
    trail: &mut Trail,
) -> Result<std::result::Result<(), Fault>> {
    let Settings::Ldap(settings) = &provider.settings else { return Ok(Ok(())) };
    let nobody_searches = settings.bind_dn.is_none();
    let mut passed = Vec::new();
    let opened = directory::open(settings, provider.secret.as_ref(), &mut passed).await;
    for step in passed {
        match step {
            ProviderStep::Bind if nobody_searches => {
                trail.add(step, true, ("identity-done-anonymous", &[]));
            }
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
    let Some(name) = &person.login else {
        return Ok(Err(Fault::new(ProviderStep::Person, "identity-fault-no-login", &settings.login_attribute)));
    };
    if person.disabled {
        return fault(if person.must_choose { "identity-fault-must-choose" } else { "identity-fault-disabled" });
    }
    let args = [("dn", person.dn.clone()), ("id", id.clone()), ("name", name.clone())];
    trail.done(ProviderStep::Person, &args);
    let groups = match line.groups(&person, login).await {
        Ok(groups) => groups,
        Err(fault) => return Ok(Err(fault)),
    };
    line.close().await;
    let given = roles::wanted(&provider.mappings, &groups, roles::GroupNames::Entries);
    let key = if given.is_empty() { "identity-done-groups-none" } else { "identity-done-groups" };
    let step = trail.add(ProviderStep::Groups, true, (key, &[("n", groups.len().to_string())]));
    step.roles = named_roles(platform, ctx, &given).await?;
    step.detail = Some(groups.join("\n")).filter(|text| !text.is_empty());
    Ok(Ok(()))
}

/// What somebody would be here, with the names of what was made here.
async fn named_roles(platform: &Platform, ctx: &OpContext, given: &[roles::Given]) -> Result<Vec<NamedRole>> {
    let ids: Vec<i64> = given.iter().filter_map(|given| Some(given.customer_id?.0)).collect();
    let mut tx = platform.db().begin(ctx).await?;
    let customers = customers::names(&mut tx, &ids).await?;
    let platform_roles = crate::roles::assignable_in_tx(&mut tx).await?;
    tx.commit().await?;
    let named = given.iter().map(|given| {
        let code = given.role.code();
        let made_here = platform_roles.iter().find(|role| role.code == code && !role.builtin);
        NamedRole {
            code: code.to_owned(),
            name: made_here.map(|role| role.name.clone()),
            customer: given.customer_id.and_then(|id| customers.get(&id.0)).cloned(),
        }
    });
    Ok(named.collect())
}

async fn test_service(platform: &Platform, provider: &Provider, trail: &mut Trail) -> std::result::Result<(), Fault> {
    use ProviderStep::{Abilities, Client, Discovery, Issuer, Keys, Redirect};
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
    check_client_way(&description, provider.secret.is_some())?;
    match offers_pkce(&description) {
        true => trail.done(Abilities, &[]),
        // Signing in goes without asking for it: many services do it without a word, or with another one.
        false => {
            trail.add(Abilities, true, ("identity-done-abilities-no-pkce", &[]));
        }
    }
    let keys = description.jwks().keys().len();
    if keys == 0 {
        return Err(Fault::new(Keys, "identity-fault-keys", ""));
    }
    trail.done(Keys, &[("n", keys.to_string())]);
    let redirect = services::redirect_url(platform);
    let tried = match Service::new(provider, settings, platform.descriptions(), redirect.clone()) {
        Ok(service) => service.try_client(&description).await,
        Err(refusal) => Err(refusal),
    };
    match tried {
        Ok(None) => trail.done(Client, &[]),
        Ok(Some(error)) => {
            trail.add(Client, true, ("identity-done-client-unclear", &[("error", error)]));
        }
        Err(refusal) => {
            let key = match refusal {
                Refusal::Said(Said::Client, _) => "identity-fault-client",
                Refusal::Said(..) => "identity-fault-token-answer",
                _ => "identity-fault-token",
            };
            return Err(Fault::new(Client, key, refusal.detail()));
        }
    }
    // Nothing is wrong so far; what is left only a browser can try.
    trail.done(Redirect, &[("url", redirect)]);
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
    let Some(tokens) = description.token_endpoint() else {
        return Err(fault("token_endpoint"));
    };
    // As signing in looks at them: there it would only say that the service is away.
    for url in [description.authorization_endpoint().url(), tokens.url()] {
        if !is_service_address(url) {
            return Err(Fault::new(ProviderStep::Abilities, "identity-fault-endpoints", url));
        }
    }
    let code = |types: &openidconnect::ResponseTypes<CoreResponseType>| types.iter().eq([&CoreResponseType::Code]);
    if !description.response_types_supported().iter().any(code) {
        return Err(fault("response_types_supported: code"));
    }
    Ok(())
}

/// Whether the service does not say that it cannot do what protects codes on their way.
fn offers_pkce(description: &Description) -> bool {
    let methods = description.additional_metadata().code_challenge_methods_supported.as_ref();
    methods.is_none_or(|methods| methods.iter().any(|method| method == "S256"))
}

/// Whether the service offers a signature that can be checked, and a way to show our secret that we have.
fn check_client_way(description: &Description, has_secret: bool) -> std::result::Result<(), Fault> {
    let fault = |key, detail: String| Fault::new(ProviderStep::Abilities, key, detail);
    let offered = description.id_token_signing_alg_values_supported();
    if !offered.iter().any(|algorithm| ALGORITHMS.contains(algorithm)) {
        return Err(fault("identity-fault-algorithms", in_words(offered)));
    }
    let ours = [CoreClientAuthMethod::ClientSecretBasic, CoreClientAuthMethod::ClientSecretPost];
    match description.token_endpoint_auth_methods_supported() {
        // Silence means the first of ours (OpenID Connect Discovery, 3).
        Some(methods) if has_secret && !methods.iter().any(|method| ours.contains(method)) => {
            Err(fault("identity-fault-authentication", in_words(methods)))
        }
        _ => Ok(()),
    }
}

/// A list as the service wrote it, kept short.
fn in_words<T: Serialize>(list: &[T]) -> String {
    let text = serde_json::to_string(list).unwrap_or_default();
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_in_every_language() {
        let mut trail = Trail::default();
        let step = trail.add(ProviderStep::Groups, true, ("identity-done-groups", &[("n", "2".to_owned())]));
        step.roles = vec![
            NamedRole { code: "platform_admin".to_owned(), name: None, customer: None },
            NamedRole { code: "customer_owner".to_owned(), name: None, customer: Some("Acme".to_owned()) },
        ];
        trail.failed(Fault::new(ProviderStep::Keys, "identity-fault-keys", ""));
        let kept = serde_json::to_value(KeptTest { done: false, at: Utc::now(), steps: trail.steps }).expect("is JSON");
        let said = |language| {
            let test: KeptTest = serde_json::from_value(kept.clone()).expect("as it was kept");
            test.in_words(language).steps.into_iter().map(|step| step.message).collect::<Vec<_>>()
        };
        let (en, zh) = (said(Language::En), said(Language::Zh));
        assert_eq!(en[0], "In 2 groups, which make: Platform administrator, owner of Acme.");
        assert!(zh[0].contains("平台管理员") && zh[0].contains("Acme"), "{zh:?}");
        assert!(en[1].contains("keys") && !zh[1].contains("keys"), "{zh:?}");
    }

    #[test]
    fn a_test_that_an_earlier_version_kept_is_read_as_it_was() {
        let kept = json!({ "done": true, "at": "2026-11-26T00:00:00Z", "steps": [
            { "step": "bind", "done": true, "message": "The searching account is let in.", "detail": null }] });
        let test: KeptTest = serde_json::from_value(kept).expect("is read");
        assert_eq!(test.in_words(Language::Zh).steps[0].message, "The searching account is let in.");
    }
}
