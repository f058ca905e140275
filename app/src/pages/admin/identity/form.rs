//! From what is typed to a provider, and back.

use std::collections::BTreeMap;

use contract::accounts::{
    GroupMapping, LdapSecurity, LdapSettings, MappedRole, OidcSettings, ProviderBody, ProviderKind, ProviderView,
};
use contract::{CustomerId, ErrorCode};
use platform::Error;
use platform::error::FieldError;

/// Names in the form, and the paths that faults are named by. What is not here is never shown again.
pub(super) const FIELDS: [(&str, &str); 27] = [
    ("kind", "kind"),
    ("name", "name"),
    ("enabled", "enabled"),
    ("host", "ldap.host"),
    ("port", "ldap.port"),
    ("security", "ldap.security"),
    ("ldap_ca", "ldap.caCertificate"),
    ("bind_dn", "ldap.bindDn"),
    ("user_base", "ldap.userBase"),
    ("user_filter", "ldap.userFilter"),
    ("login_attribute", "ldap.loginAttribute"),
    ("id_attribute", "ldap.idAttribute"),
    ("email_attribute", "ldap.emailAttribute"),
    ("display_name_attribute", "ldap.displayNameAttribute"),
    ("group_base", "ldap.groupBase"),
    ("group_filter", "ldap.groupFilter"),
    ("issuer", "oidc.issuer"),
    ("client_id", "oidc.clientId"),
    ("scopes", "oidc.scopes"),
    ("oidc_ca", "oidc.caCertificate"),
    ("name_claim", "oidc.nameClaim"),
    ("groups_claim", "oidc.groupsClaim"),
    ("creates_accounts", "createsAccounts"),
    ("only_mapped", "onlyMapped"),
    ("mappings", "mappings"),
    ("password_url", "passwordUrl"),
    // That of what the form was filled in with: sending it again does not overwrite what came between.
    ("version", "version"),
];

/// What is shown again when the form was refused; never a secret.
pub(super) fn typed(form: &BTreeMap<String, String>) -> Vec<(&'static str, String)> {
    let mut typed: Vec<_> = FIELDS.iter().filter_map(|(name, _)| Some((*name, form.get(*name)?.clone()))).collect();
    // Boxes that were not ticked are not posted: that the form was, is said by this.
    typed.push(("posted", "1".to_owned()));
    typed
}

/// What was typed, and what of it did not read.
pub(super) struct Typed {
    pub(super) body: ProviderBody,
    pub(super) unread: Vec<FieldError>,
}

impl Typed {
    /// What is to be judged by the operation. Where something did not read, it is a provider that cannot be, so that nothing
    /// is kept and everything else is judged as well.
    pub(super) fn judged(&self) -> ProviderBody {
        let mut body = self.body.clone();
        if !self.unread.is_empty() {
            body.mappings = vec![impossible()];
        }
        body
    }

    /// What the operation said of [`Typed::judged`], with what did not read in place of what stood for it.
    pub(super) fn in_full(self, mut error: Error) -> Error {
        if error.code == ErrorCode::Validation && !self.unread.is_empty() {
            let unread = self.unread;
            error
                .fields
                .retain(|field| field.path != "mappings" && unread.iter().all(|fault| fault.path != field.path));
            error.fields.extend(unread);
        }
        error
    }
}

/// A mapping that is always refused, and grants nothing that the caller would have to hold.
fn impossible() -> GroupMapping {
    GroupMapping { group: String::new(), role: MappedRole::CustomerMember, customer_id: Some(CustomerId(0)) }
}

/// The provider that was typed.
///
/// # Errors
/// Validation for no kind of provider.
pub(super) fn body(form: &BTreeMap<String, String>) -> Result<Typed, Error> {
    let mut unread = Vec::new();
    let get = |name: &str| form.get(name).cloned().unwrap_or_default();
    let some = |name: &str| Some(get(name)).filter(|text| !text.trim().is_empty());
    let ticked = |name: &str| form.contains_key(name);
    let kind = ProviderKind::parse(&get("kind")).ok_or_else(|| Error::field("kind", "field-unknown-value"))?;
    let (ldap, oidc) = match kind {
        ProviderKind::Ldap => (Some(ldap(form, &mut unread)), None),
        ProviderKind::Oidc => {
            let settings = OidcSettings {
                issuer: get("issuer").trim().to_owned(),
                client_id: get("client_id"),
                scopes: get("scopes").split_whitespace().map(str::to_owned).collect(),
                ca_certificate: some("oidc_ca"),
                name_claim: get("name_claim"),
                groups_claim: get("groups_claim"),
            };
            (None, Some(settings))
        }
    };
    let secret = form.get("secret").cloned().filter(|secret| !secret.is_empty());
    let mappings = read_mappings(&get("mappings")).unwrap_or_else(|fault| {
        unread.push(fault);
        Vec::new()
    });
    let body = ProviderBody {
        kind,
        name: get("name"),
        enabled: ticked("enabled"),
        ldap,
        oidc,
        secret: secret.or_else(|| ticked("forget_secret").then(String::new)),
        creates_accounts: ticked("creates_accounts"),
        only_mapped: ticked("only_mapped"),
        mappings,
        password_url: some("password_url"),
        version: form.get("version").and_then(|version| version.parse().ok()),
    };
    Ok(Typed { body, unread })
}

fn ldap(form: &BTreeMap<String, String>, unread: &mut Vec<FieldError>) -> LdapSettings {
    let get = |name: &str| form.get(name).cloned().unwrap_or_default();
    let some = |name: &str| Some(get(name)).filter(|text| !text.trim().is_empty());
    let mut refused = |path: &'static str, key: &'static str| unread.push(FieldError { path, key, args: Vec::new() });
    let port = get("port").trim().parse().unwrap_or_else(|_| {
        refused("ldap.port", "field-not-a-number");
        0
    });
    let security = LdapSecurity::parse(&get("security")).unwrap_or_else(|| {
        refused("ldap.security", "field-unknown-value");
        LdapSettings::default().security
    });
    LdapSettings {
        host: get("host"),
        port,
        security,
        ca_certificate: some("ldap_ca"),
        bind_dn: some("bind_dn"),
        user_base: get("user_base"),
        user_filter: get("user_filter"),
        login_attribute: get("login_attribute"),
        id_attribute: get("id_attribute"),
        email_attribute: get("email_attribute"),
        display_name_attribute: get("display_name_attribute"),
        group_base: some("group_base"),
        group_filter: get("group_filter"),
    }
}

/// One mapping a line: `role [customer]: group`.
fn read_mappings(text: &str) -> Result<Vec<GroupMapping>, FieldError> {
    let mut mappings = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        mappings.push(read_mapping(number, line)?);
    }
    Ok(mappings)
}

/// Longest name that a fault repeats.
const NAMED_CHARS: usize = 60;

/// What is wrong in a line of mappings; `name` is what was typed there.
pub(super) fn mapping_fault(row: usize, key: &'static str, name: &str) -> FieldError {
    let name = name.chars().take(NAMED_CHARS).collect();
    FieldError { path: "mappings", key, args: vec![("row", row.to_string()), ("name", name)] }
}

fn read_mapping(row: usize, line: &str) -> Result<GroupMapping, FieldError> {
    let unread = || mapping_fault(row, "field-mapping-line", "");
    let (who, group) = line.split_once(':').ok_or_else(unread)?;
    let mut words = who.split_whitespace();
    let role = words.next().ok_or_else(unread)?;
    let role = MappedRole::parse(role).ok_or_else(|| mapping_fault(row, "field-mapping-role", role))?;
    let number =
        |word: &str| word.parse().map(CustomerId).map_err(|_| mapping_fault(row, "field-mapping-not-a-number", word));
    let customer_id = words.next().map(number).transpose()?;
    match words.next() {
        None => Ok(GroupMapping { group: group.trim().to_owned(), role, customer_id }),
        Some(_) => Err(unread()),
    }
}

/// The line of the form that each mapping stands in, from 1.
pub(super) fn rows_of_mappings(text: &str) -> Vec<usize> {
    (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()).map(|(row, _)| row).collect()
}

fn write_mappings(mappings: &[GroupMapping]) -> String {
    let line = |mapping: &GroupMapping| {
        let customer = mapping.customer_id.map(|id| format!(" {id}")).unwrap_or_default();
        format!("{}{customer}: {}", mapping.role.code(), mapping.group)
    };
    mappings.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A provider as it stands in the form; boxes that are not ticked are left out.
pub(super) fn values(view: &ProviderView) -> BTreeMap<&'static str, String> {
    let mut values = BTreeMap::from([
        ("kind", view.kind.code().to_owned()),
        ("name", view.name.clone()),
        ("mappings", write_mappings(&view.mappings)),
        ("password_url", view.password_url.clone().unwrap_or_default()),
    ]);
    for (name, ticked) in
        [("enabled", view.enabled), ("creates_accounts", view.creates_accounts), ("only_mapped", view.only_mapped)]
    {
        if ticked {
            values.insert(name, "true".to_owned());
        }
    }
    if let Some(ldap) = &view.ldap {
        values.extend([
            ("host", ldap.host.clone()),
            ("port", ldap.port.to_string()),
            ("security", ldap.security.code().to_owned()),
            ("ldap_ca", ldap.ca_certificate.clone().unwrap_or_default()),
            ("bind_dn", ldap.bind_dn.clone().unwrap_or_default()),
            ("user_base", ldap.user_base.clone()),
            ("user_filter", ldap.user_filter.clone()),
            ("login_attribute", ldap.login_attribute.clone()),
            ("id_attribute", ldap.id_attribute.clone()),
            ("email_attribute", ldap.email_attribute.clone()),
            ("display_name_attribute", ldap.display_name_attribute.clone()),
            ("group_base", ldap.group_base.clone().unwrap_or_default()),
            ("group_filter", ldap.group_filter.clone()),
        ]);
    }
    if let Some(oidc) = &view.oidc {
        values.extend([
            ("issuer", oidc.issuer.clone()),
            ("client_id", oidc.client_id.clone()),
            ("scopes", oidc.scopes.join(" ")),
            ("oidc_ca", oidc.ca_certificate.clone().unwrap_or_default()),
            ("name_claim", oidc.name_claim.clone()),
            ("groups_claim", oidc.groups_claim.clone()),
        ]);
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_are_read_as_they_are_written() {
        let text = "platform_admin: gpu-admins\ncustom-7: ops\ncustomer_member 12: cn=lab,ou=groups,dc=example,dc=org\n\
                    customer_owner 7: urn:lab:heads";
        let read = read_mappings(text).expect("they read");
        assert_eq!(read.len(), 4);
        assert_eq!((read[2].customer_id, read[3].group.as_str()), (Some(CustomerId(12)), "urn:lab:heads"));
        assert_eq!(write_mappings(&read), text);
        assert_eq!(read_mappings("\n  \n").map(|list| list.len()).ok(), Some(0));
        let cases = [
            ("gpu-admins", "field-mapping-line", ""),
            ("King!: gpu", "field-mapping-role", "King!"),
            ("customer_member twelve: lab", "field-mapping-not-a-number", "twelve"),
            ("customer_member 1 2: lab", "field-mapping-line", ""),
        ];
        for (bad, key, name) in cases {
            let fault = read_mappings(&format!("\n{bad}")).expect_err(bad);
            let said = (fault.path, fault.key, fault.args[0].1.as_str(), fault.args[1].1.as_str());
            assert_eq!(said, ("mappings", key, "2", name));
        }
    }

    #[test]
    fn a_form_without_ticks_says_no() {
        let form: BTreeMap<_, _> = [("kind", "oidc"), ("name", "Sso"), ("scopes", "profile  email"), ("secret", "")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let body = body(&form).expect("it reads").body;
        assert!(!body.enabled && !body.creates_accounts && body.secret.is_none());
        assert_eq!(body.oidc.expect("a service").scopes, ["profile", "email"]);
    }
}
