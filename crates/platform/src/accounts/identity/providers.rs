//! What admins set: which providers there are, how they are asked, and what their groups mean here.

use contract::accounts::{GroupMapping, LdapSettings, OidcSettings, ProviderBody, ProviderKind, ProviderView};
use contract::{ErrorCode, IdentityProviderId, Permission, SessionId, UserId};
use serde_json::{Value, json};
use url::Url;

use super::super::{SessionEnding, entry};
use super::roles as groups;
use super::store::{Bound, ProviderFields, ProviderRow};
use super::test::KeptTest;
use super::{binding, network, provision, sealed_for, services, store};
use crate::authz::{Granted, Installation, ManageIdentity};
use crate::db::Tx;
use crate::fields::Wrong;
use crate::settings::is_host;
use crate::{Error, OpContext, Platform, Result, SystemActor, audit, customers, roles};

/// Most providers of an installation.
const MOST: usize = 20;
/// Most lines of a mapping.
const MOST_MAPPINGS: usize = 200;
/// Largest set of certificates, characters.
const MAX_CERTIFICATES: usize = 64 * 1024;
const MAX_SECRET: usize = 1024;
/// What the first faults among mappings are named by, one for each line.
pub const MAPPING_FAULTS: [&str; 10] = [
    "mappings",
    "mappings.2",
    "mappings.3",
    "mappings.4",
    "mappings.5",
    "mappings.6",
    "mappings.7",
    "mappings.8",
    "mappings.9",
    "mappings.10",
];

/// Every provider, by name.
pub async fn list(platform: &Platform, ctx: &OpContext) -> Result<Vec<ProviderView>> {
    ctx.authorize_list::<Installation>(Permission::SettingsIdentity)?;
    let mut tx = platform.db().begin(ctx).await?;
    let rows = store::providers(&mut tx, None).await?;
    tx.commit().await?;
    rows.into_iter().map(|row| view(platform, ctx, row)).collect()
}

/// One of them.
///
/// # Errors
/// `NotFound` for one there is not.
pub async fn get(platform: &Platform, ctx: &OpContext, id: IdentityProviderId) -> Result<ProviderView> {
    list(platform, ctx).await?.into_iter().find(|view| view.id == id).ok_or_else(Error::not_found)
}

/// Adds one.
///
/// # Errors
/// `Validation` with every fault at once; `AlreadyExists` for a name that is taken.
pub async fn create(platform: &Platform, ctx: &OpContext, body: ProviderBody) -> Result<ProviderView> {
    let ctx = &ctx.trying(about("settings:create-provider", None));
    let granted = ctx.authorize(ManageIdentity, &Installation)?;
    let mut tx = platform.db().begin(ctx).await?;
    if store::providers(&mut tx, None).await?.len() >= MOST {
        return Err(Error::field("name", "field-too-many"));
    }
    let checked = check(&mut tx, ctx, body, false).await?;
    let id = store::insert_provider(&mut tx, &granted, checked.kind, &checked.fields(), ctx).await?;
    if let Some(secret) = checked.secret.as_deref().filter(|secret| !secret.is_empty()) {
        let sealed = platform.keyring().seal(&sealed_for(id), secret.as_bytes());
        store::set_secret(&mut tx, &granted, id, Some(&sealed)).await?;
    }
    let made = row(&mut tx, id).await?;
    note(&mut tx, ctx, "settings:create-provider", id, (None, Some(facts(&made)))).await?;
    tx.commit().await?;
    view(platform, ctx, made)
}

/// Makes one what the body says. When it is taken out of use, the sessions and API tokens end that came in by it, and the roles
/// that its groups gave are taken back until the next sign-in by it.
///
/// # Errors
/// As [`create`]; `NotFound`; `Conflict` when somebody changed it after it was read.
pub async fn update(
    platform: &Platform,
    ctx: &OpContext,
    id: IdentityProviderId,
    body: ProviderBody,
) -> Result<ProviderView> {
    let ctx = &ctx.trying(about("settings:update-provider", Some(id)));
    let granted = ctx.authorize(ManageIdentity, &Installation)?;
    // Sign-ins that wait for a code are nobody's to end but the system's.
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let before = store::lock_provider(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    if body.version.is_some_and(|seen| seen != before.version) {
        return Err(Error::new(ErrorCode::Conflict).with_key("error-settings-changed"));
    }
    if body.kind != before.kind {
        return Err(Error::field("kind", "field-provider-kind"));
    }
    let place = place_of(before.kind, &before.config);
    let checked = check(&mut tx, ctx, body, before.secret.is_some()).await?;
    let moved = place_of(checked.kind, &checked.config) != place;
    store::update_provider(&mut tx, &granted, id, &checked.fields(), ctx).await?;
    match checked.secret.as_deref() {
        // A secret belongs to whom it was told: who is somebody else now has to be told again.
        None if moved => store::set_secret(&mut tx, &granted, id, None).await?,
        None => {}
        Some("") => store::set_secret(&mut tx, &granted, id, None).await?,
        Some(secret) => {
            let sealed = platform.keyring().seal(&sealed_for(id), secret.as_bytes());
            store::set_secret(&mut tx, &granted, id, Some(&sealed)).await?;
        }
    }
    let (mut ended, mut changed) = (Vec::new(), Vec::new());
    if before.enabled && !checked.enabled {
        ended = store::end_sessions_through(&mut tx, &granted, id, ctx.now()).await?;
        changed = take_back(&mut tx, ctx, &granted, &before).await?;
    }
    let now = row(&mut tx, id).await?;
    note(&mut tx, ctx, "settings:update-provider", id, (Some(facts(&before)), Some(facts(&now)))).await?;
    tx.commit().await?;
    tell(platform, &ended, &changed);
    view(platform, ctx, now)
}

/// Removes one, with what binds accounts to it and the roles that its groups gave; the accounts stay, their owners are told,
/// and the sessions end that came in by it.
///
/// # Errors
/// `NotFound` for one there is not; `WrongState` for one that accounts are bound to, unless `part_accounts` says that these may
/// be parted from it.
pub async fn delete(platform: &Platform, ctx: &OpContext, id: IdentityProviderId, part_accounts: bool) -> Result<()> {
    let ctx = &ctx.trying(about("settings:delete-provider", Some(id)));
    let granted = ctx.authorize(ManageIdentity, &Installation)?;
    // What is told, and the roles that go, are the system's.
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let before = store::lock_provider(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let ended = store::end_sessions_through(&mut tx, &granted, id, ctx.now()).await?;
    let mut changed = Vec::new();
    let bound = store::delete_identities_through(&mut tx, &granted, id).await?;
    if !bound.is_empty() && !part_accounts {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-provider-bound").with_arg("n", bound.len()));
    }
    for parted in bound {
        if part(platform, &mut tx, ctx, &before.name, &parted).await? {
            changed.push(parted.user);
        }
    }
    store::delete_provider(&mut tx, &granted, id).await?;
    note(&mut tx, ctx, "settings:delete-provider", id, (Some(facts(&before)), None)).await?;
    tx.commit().await?;
    tell(platform, &ended, &changed);
    Ok(())
}

/// Takes back what the groups of a provider gave that is out of use now; who is somebody else by it, so that every session of
/// theirs ends.
async fn take_back(
    tx: &mut Tx,
    ctx: &OpContext,
    granted: &Granted<ManageIdentity>,
    provider: &ProviderRow,
) -> Result<Vec<UserId>> {
    let mut changed = Vec::new();
    for bound in store::given_through(tx, granted, provider.id).await? {
        let (left, roles) = groups::take_back(tx, bound.user, Some(bound.id), bound.granted).await?;
        store::set_granted(tx, bound.id, &serde_json::to_value(left).map_err(Error::internal)?).await?;
        provision::note_roles(tx, ctx, bound.user, &provider.name, &roles).await?;
        if !roles.removed.is_empty() {
            store::end_sessions_of(tx, bound.user).await?;
            changed.push(bound.user);
        }
    }
    Ok(changed)
}

/// What parting means for one of them; whether they are somebody else here now, so that every session of theirs ends.
async fn part(platform: &Platform, tx: &mut Tx, ctx: &OpContext, provider: &str, parted: &Bound) -> Result<bool> {
    let (roles, changes) = binding::take_back_in_tx(tx, parted.user, parted.granted.clone()).await?;
    let entry = audit::Entry {
        before: Some(json!({ "provider": provider, "label": parted.label })),
        after: Some(json!({ "roles": roles })),
        ..entry("users:unlink-identity", parted.user)
    };
    audit::record_of_person_in_tx(tx, ctx, parted.user, entry).await?;
    binding::tell(platform, tx, ctx, parted.user, ("parted", provider, &parted.label)).await?;
    if changes {
        store::end_sessions_of(tx, parted.user).await?;
    }
    Ok(changes)
}

/// Cuts off what is open of these sessions, and everything of these people.
fn tell(platform: &Platform, ended: &[SessionId], changed: &[UserId]) {
    let sessions = ended.iter().map(|session| SessionEnding::Session(*session));
    for ending in sessions.chain(changed.iter().map(|user| SessionEnding::User(*user))) {
        let _ = platform.endings().send(ending);
    }
}

pub(super) async fn note(
    tx: &mut Tx,
    ctx: &OpContext,
    action: &'static str,
    id: IdentityProviderId,
    (before, after): (Option<Value>, Option<Value>),
) -> Result<()> {
    audit::record_in_tx(tx, ctx, audit::Entry { before, after, ..about(action, Some(id)) }).await
}

fn about(action: &'static str, id: Option<IdentityProviderId>) -> audit::Entry {
    let target_id = id.map(|id| id.to_string());
    audit::Entry { action, target_kind: "identity-provider", target_id, customer: None, before: None, after: None }
}

async fn row(tx: &mut Tx, id: IdentityProviderId) -> Result<ProviderRow> {
    let found = store::providers(tx, Some(id)).await?.into_iter().next();
    found.ok_or_else(|| Error::internal("a provider is gone at once"))
}

/// What the audit log keeps: of the secret only whether there is one.
fn facts(row: &ProviderRow) -> Value {
    json!({
        "kind": row.kind, "name": row.name, "enabled": row.enabled, "config": row.config,
        "secret": { "set": row.secret.is_some() }, "createsAccounts": row.creates_accounts,
        "onlyMapped": row.only_mapped, "mappings": row.mappings, "passwordUrl": row.password_url,
    })
}

fn view(platform: &Platform, ctx: &OpContext, row: ProviderRow) -> Result<ProviderView> {
    fn read<T: serde::de::DeserializeOwned>(value: Value) -> Result<T> {
        serde_json::from_value(value).map_err(Error::internal)
    }
    let (ldap, oidc): (Option<LdapSettings>, Option<OidcSettings>) = match row.kind {
        ProviderKind::Ldap => (Some(read(row.config)?), None),
        ProviderKind::Oidc => (None, Some(read(row.config)?)),
    };
    let last_test: Option<KeptTest> = row.last_test.map(read).transpose()?;
    Ok(ProviderView {
        id: row.id,
        kind: row.kind,
        name: row.name,
        enabled: row.enabled,
        redirect_url: oidc.is_some().then(|| services::redirect_url(platform)),
        ldap,
        oidc,
        secret_set: row.secret.is_some(),
        creates_accounts: row.creates_accounts,
        only_mapped: row.only_mapped,
        mappings: read(row.mappings)?,
        password_url: row.password_url,
        accounts: row.accounts.unsigned_abs(),
        version: row.version,
        last_test: last_test.map(|test| test.in_words(ctx.language())),
        updated_by: Some(row.updated_name).filter(|name| !name.is_empty()),
        updated_at: row.updated_at,
    })
}

/// Who is told the secret.
fn place_of(kind: ProviderKind, config: &Value) -> Vec<Value> {
    let names: &[&str] = match kind {
        ProviderKind::Ldap => &["host", "port", "security", "bindDn"],
        ProviderKind::Oidc => &["issuer", "clientId"],
    };
    names.iter().map(|name| config.get(*name).cloned().unwrap_or_default()).collect()
}

/// A body that holds.
struct Checked {
    kind: ProviderKind,
    name: String,
    enabled: bool,
    config: Value,
    secret: Option<String>,
    creates_accounts: bool,
    only_mapped: bool,
    mappings: Value,
    password_url: Option<String>,
}

impl Checked {
    fn fields(&self) -> ProviderFields<'_> {
        ProviderFields {
            name: &self.name,
            enabled: self.enabled,
            config: &self.config,
            creates_accounts: self.creates_accounts,
            only_mapped: self.only_mapped,
            mappings: &self.mappings,
            password_url: self.password_url.as_deref(),
        }
    }
}

async fn check(tx: &mut Tx, ctx: &OpContext, body: ProviderBody, has_secret: bool) -> Result<Checked> {
    let mut wrong = Wrong::new();
    let name = wrong.name("name", &body.name);
    let secret = body.secret;
    if let Some(text) = &secret {
        if text.len() > MAX_SECRET {
            wrong.add_with("secret", "field-too-long", vec![("max", MAX_SECRET.to_string())]);
        } else if text.chars().any(char::is_control) {
            wrong.add("secret", "field-control-characters");
        }
    }
    let config = match body.kind {
        ProviderKind::Ldap => {
            let settings = check_ldap(&mut wrong, body.ldap.unwrap_or_default());
            // Without a password, a directory would take whoever searches for nobody.
            let will_have = secret.as_ref().map_or(has_secret, |secret| !secret.is_empty());
            if settings.bind_dn.is_some() && !will_have {
                wrong.add("secret", "field-required");
            }
            serde_json::to_value(settings)
        }
        ProviderKind::Oidc => serde_json::to_value(check_oidc(&mut wrong, body.oidc.unwrap_or_default())),
    };
    let password_url = wrong.text("passwordUrl", body.password_url, 500);
    let is_page = |text: &str| Url::parse(text).is_ok_and(|url| ["http", "https"].contains(&url.scheme()));
    if password_url.as_deref().is_some_and(|text| !is_page(text)) {
        wrong.add("passwordUrl", "field-page-address");
    }
    let mappings = check_mappings(tx, ctx, &mut wrong, body.mappings).await?;
    wrong.into_result()?;
    Ok(Checked {
        kind: body.kind,
        name,
        enabled: body.enabled,
        config: config.map_err(Error::internal)?,
        secret,
        creates_accounts: body.creates_accounts,
        only_mapped: body.only_mapped,
        mappings: serde_json::to_value(mappings).map_err(Error::internal)?,
        password_url,
    })
}

fn certificates(wrong: &mut Wrong, path: &'static str, text: Option<String>) -> Option<String> {
    let text = text.map(|text| text.replace('\r', "").trim().to_owned()).filter(|text| !text.is_empty());
    if text
        .as_deref()
        .is_some_and(|pem| pem.len() > MAX_CERTIFICATES || super::certificates::certificates(pem).is_none())
    {
        wrong.add(path, "field-certificates");
    }
    text
}

fn check_ldap(wrong: &mut Wrong, body: LdapSettings) -> LdapSettings {
    let host = wrong.required("ldap.host", body.host, 253);
    if !host.is_empty() && !is_host(&host) {
        wrong.add("ldap.host", "field-address");
    }
    if body.port == 0 {
        wrong.add_with("ldap.port", "field-number-range", vec![("min", "1".to_owned()), ("max", "65535".to_owned())]);
    }
    let user_filter = wrong.required("ldap.userFilter", body.user_filter, 1000);
    if !is_filter(&user_filter, &["{login}"]) {
        wrong.add("ldap.userFilter", "field-ldap-user-filter");
    }
    let group_base = wrong.text("ldap.groupBase", body.group_base, 500);
    let group_filter = wrong.text("ldap.groupFilter", Some(body.group_filter), 1000).unwrap_or_default();
    if group_base.is_some() && !is_filter(&group_filter, &["{dn}", "{login}"]) {
        wrong.add("ldap.groupFilter", "field-ldap-group-filter");
    }
    let mut attribute = |path: &'static str, text: String| {
        let text = wrong.required(path, text, 100);
        if !text.is_empty() && !is_attribute(&text) {
            wrong.add(path, "field-ldap-attribute");
        }
        text
    };
    let login_attribute = attribute("ldap.loginAttribute", body.login_attribute);
    let id_attribute = attribute("ldap.idAttribute", body.id_attribute);
    let email_attribute = attribute("ldap.emailAttribute", body.email_attribute);
    let display_name_attribute = attribute("ldap.displayNameAttribute", body.display_name_attribute);
    LdapSettings {
        host,
        port: body.port,
        security: body.security,
        ca_certificate: certificates(wrong, "ldap.caCertificate", body.ca_certificate),
        bind_dn: wrong.text("ldap.bindDn", body.bind_dn, 500),
        user_base: wrong.required("ldap.userBase", body.user_base, 500),
        user_filter,
        login_attribute,
        id_attribute,
        email_attribute,
        display_name_attribute,
        group_base,
        group_filter,
    }
}

/// Whether it reads as a filter, and names one of what it is to be filled with.
pub(super) fn is_filter(text: &str, one_of: &[&str]) -> bool {
    let filled = one_of.iter().fold(text.to_owned(), |text, place| text.replace(place, "x"));
    one_of.iter().any(|place| text.contains(place)) && ldap3::parse_filter(&filled).is_ok()
}

/// RFC 4512: a name, or numbers with dots; options of it follow after semicolons.
pub(super) fn is_attribute(text: &str) -> bool {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.;".contains(&b));
    plain && text.starts_with(|c: char| c.is_ascii_alphanumeric())
}

fn check_oidc(wrong: &mut Wrong, body: OidcSettings) -> OidcSettings {
    let issuer = wrong.required("oidc.issuer", body.issuer, 500);
    let fine = |url: &Url| network::is_service_address(url) && url.query().is_none() && url.fragment().is_none();
    if !issuer.is_empty() && !Url::parse(&issuer).is_ok_and(|url| fine(&url)) {
        wrong.add("oidc.issuer", "field-oidc-issuer");
    }
    let scopes: Vec<String> = body.scopes.into_iter().map(|scope| scope.trim().to_owned()).collect();
    let scopes: Vec<_> = scopes.into_iter().filter(|scope| !scope.is_empty() && scope != "openid").collect();
    // RFC 6749, appendix A.4
    let sane =
        |scope: &String| scope.len() <= 100 && scope.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
    if scopes.len() > 20 || !scopes.iter().all(sane) {
        wrong.add("oidc.scopes", "field-oidc-scopes");
    }
    OidcSettings {
        issuer,
        client_id: wrong.required("oidc.clientId", body.client_id, 255),
        scopes,
        ca_certificate: certificates(wrong, "oidc.caCertificate", body.ca_certificate),
        name_claim: wrong.required("oidc.nameClaim", body.name_claim, 100),
        groups_claim: wrong.required("oidc.groupsClaim", body.groups_claim, 200),
    }
}

/// Nobody gives by groups what they do not hold themselves.
async fn check_mappings(
    tx: &mut Tx,
    ctx: &OpContext,
    wrong: &mut Wrong,
    mappings: Vec<GroupMapping>,
) -> Result<Vec<GroupMapping>> {
    if mappings.len() > MOST_MAPPINGS {
        wrong.add("mappings", "field-too-many");
        return Ok(Vec::new());
    }
    let ids: Vec<i64> = mappings.iter().filter_map(|mapping| Some(mapping.customer_id?.0)).collect();
    let known = customers::names(tx, &ids).await?;
    let roles = roles::assignable_in_tx(tx).await?;
    let mut kept = Vec::with_capacity(mappings.len());
    let mut paths = MAPPING_FAULTS.into_iter();
    for (number, mut mapping) in (1..).zip(mappings) {
        mapping.group = mapping.group.trim().to_owned();
        let named = (1..=500).contains(&mapping.group.chars().count()) && !mapping.group.chars().any(char::is_control);
        let fault = match (mapping.role.of_platform(), mapping.customer_id) {
            _ if !named => Some(("field-mapping", String::new())),
            (Some(_), Some(_)) | (None, None) => Some(("field-mapping", String::new())),
            (Some(code), None) => match roles.iter().find(|role| role.code == code) {
                Some(role) => {
                    let covered = ctx.must_cover(role.powers.iter().copied());
                    covered.map_err(|refused| refused.with_attempt("role", role.name.as_str()))?;
                    None
                }
                None => Some(("field-mapping-role", code.to_owned())),
            },
            (None, Some(id)) if known.contains_key(&id.0) => None,
            (None, Some(id)) => Some(("field-mapping-customer", id.to_string())),
        };
        if let Some((key, name)) = fault {
            let Some(path) = paths.next() else { break };
            let shown = name.chars().take(100).collect();
            wrong.add_with(path, key, vec![("row", number.to_string()), ("name", shown)]);
            continue;
        }
        kept.push(mapping);
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_have_their_place_and_read() {
        // One comparison reads without its brackets too: the library and many directories' own tools take it so.
        for good in ["(uid={login})", "uid={login}", "(&(objectClass=person)(|(uid={login})(mail={login})))"] {
            assert!(is_filter(good, &["{login}"]), "{good}");
        }
        for bad in ["(uid=x)", "(uid={login}", "(&(uid={login})", ""] {
            assert!(!is_filter(bad, &["{login}"]), "{bad}");
        }
        assert!(is_filter("(member:1.2.840.113556.1.4.1941:={dn})", &["{dn}", "{login}"]));
    }

    #[test]
    fn attributes_are_names_or_numbers() {
        for good in ["uid", "entryUUID", "1.3.6.1.1.16.4", "cn;lang-de", "sAMAccountName"] {
            assert!(is_attribute(good), "{good}");
        }
        for bad in ["", "-x", "a b", "*", "uid)(x", "ü"] {
            assert!(!is_attribute(bad), "{bad}");
        }
    }
}
