//! From what is typed to a provider, and back.

use std::collections::BTreeMap;

use contract::accounts::{
    GroupMapping, LdapSecurity, LdapSettings, MappedRole, OidcSettings, ProviderBody, ProviderKind, ProviderView,
};
use contract::{CustomerId, ErrorCode, IdentityProviderId};
use platform::accounts::identity::MAPPING_FAULTS;
use platform::error::FieldError;
use platform::{Error, OpContext, Platform};

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

/// Field with the number of the refused form whose secret is still to be saved; what is kept of the secret is called so, too.
pub(super) const KEPT_SECRET: &str = "kept_secret";

/// The box by which somebody says that a provider in use may be taken out of it.
pub(super) const CONFIRM_OFF: &str = "confirm_off";

/// Whoever takes out of use what accounts are bound to is asked first: it ends sessions and takes roles.
///
/// # Errors
/// `Validation` at `enabled` until [`CONFIRM_OFF`] is ticked.
pub(super) async fn ask_before_out_of_use(
    platform: &Platform,
    ctx: &OpContext,
    id: Option<IdentityProviderId>,
    form: &BTreeMap<String, String>,
) -> Result<(), Error> {
    let Some(id) = id.filter(|_| !form.contains_key("enabled") && !form.contains_key(CONFIRM_OFF)) else {
        return Ok(());
    };
    let now = platform::accounts::identity::get(platform, ctx, id).await?;
    match now.enabled && now.accounts > 0 {
        true => Err(Error::field("enabled", "field-provider-in-use")),
        false => Ok(()),
    }
}

/// What is kept of the form when it was refused, sealed on the server. Of the secret the page says only that there is one.
pub(super) fn typed(form: &BTreeMap<String, String>) -> Vec<(&'static str, String)> {
    let mut typed: Vec<_> = FIELDS.iter().filter_map(|(name, _)| Some((*name, form.get(*name)?.clone()))).collect();
    // Boxes that were not ticked are not posted: that the form was, is said by this.
    typed.push(("posted", "1".to_owned()));
    let secret = form.get("secret").filter(|secret| !secret.is_empty() && !form.contains_key("forget_secret"));
    typed.extend(secret.map(|secret| (KEPT_SECRET, secret.clone())));
    typed
}

/// The number of the refused form whose secret counts: nothing else was typed, and it is not to be forgotten.
pub(super) fn kept_secret(form: &BTreeMap<String, String>) -> Option<&str> {
    let typed = form.get("secret").is_some_and(|secret| !secret.is_empty()) || form.contains_key("forget_secret");
    form.get(KEPT_SECRET).map(String::as_str).filter(|id| !typed && !id.is_empty())
}

/// What was typed, and what of it did not read.
pub(super) struct Typed {
    body: ProviderBody,
    unread: Vec<FieldError>,
    /// The line that each mapping of the body stands in, from 1.
    rows: Vec<usize>,
    /// What is wrong with the other lines.
    lines: BTreeMap<usize, FieldError>,
}

impl Typed {
    /// What is to be judged by the operation. Where something did not read, a mapping comes last that cannot be, so that nothing
    /// is kept and everything else is judged as well.
    pub(super) fn judged(&self) -> ProviderBody {
        let mut body = self.body.clone();
        if !self.unread.is_empty() || !self.lines.is_empty() {
            body.mappings.push(impossible());
        }
        body
    }

    /// What the operation said of [`Typed::judged`], with what did not read beside it, and mappings by the lines they stand in.
    pub(super) fn in_full(self, mut error: Error) -> Error {
        if error.code != ErrorCode::Validation {
            return error;
        }
        let Self { unread, rows, mut lines, .. } = self;
        let (of_mappings, mut others): (Vec<_>, Vec<_>) =
            error.fields.into_iter().partition(|fault| MAPPING_FAULTS.contains(&fault.path));
        others.retain(|field| unread.iter().all(|fault| fault.path != field.path));
        others.extend(unread);
        let mut of_all = None;
        for fault in of_mappings {
            let number = fault.args.iter().find(|(name, _)| *name == "row").and_then(|(_, n)| n.parse::<usize>().ok());
            match number.map(|number| number.checked_sub(1).and_then(|index| rows.get(index))) {
                Some(Some(row)) => {
                    lines.insert(*row, with_row(fault, *row));
                }
                // The one that cannot be has no line.
                Some(None) => {}
                // Such as that there are too many.
                None => of_all = Some(fault),
            }
        }
        match of_all {
            Some(fault) => others.push(fault),
            None => {
                let lines = MAPPING_FAULTS.into_iter().zip(lines.into_values());
                others.extend(lines.map(|(path, fault)| FieldError { path, ..fault }));
            }
        }
        error.fields = others;
        error
    }
}

/// The same fault, of this line.
fn with_row(mut fault: FieldError, row: usize) -> FieldError {
    for (name, value) in &mut fault.args {
        if *name == "row" {
            *value = row.to_string();
        }
    }
    fault
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
    let (rows, mappings, lines) = read_mappings(&get("mappings"));
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
    Ok(Typed { body, unread, rows, lines })
}

fn ldap(form: &BTreeMap<String, String>, unread: &mut Vec<FieldError>) -> LdapSettings {
    let get = |name: &str| form.get(name).cloned().unwrap_or_default();
    let some = |name: &str| Some(get(name)).filter(|text| !text.trim().is_empty());
    let mut refused = |path: &'static str, key: &'static str| unread.push(FieldError { path, key, args: Vec::new() });
    // 0 is no port either: the operation says which are.
    let port = get("port").trim().parse::<i64>().map(|port| u16::try_from(port).unwrap_or(0)).unwrap_or_else(|_| {
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

/// One mapping a line, `role [customer]: group`: the lines that read and what they are, and what is wrong with the others.
fn read_mappings(text: &str) -> (Vec<usize>, Vec<GroupMapping>, BTreeMap<usize, FieldError>) {
    let (mut rows, mut mappings, mut faults) = (Vec::new(), Vec::new(), BTreeMap::new());
    for (row, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        match read_mapping(row, line) {
            Ok(mapping) => {
                rows.push(row);
                mappings.push(mapping);
            }
            Err(fault) => {
                faults.insert(row, fault);
            }
        }
    }
    (rows, mappings, faults)
}

/// Longest name that a fault repeats.
const NAMED_CHARS: usize = 60;

/// What is wrong in a line of mappings; `name` is what was typed there.
fn mapping_fault(row: usize, key: &'static str, name: &str) -> FieldError {
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
    if words.next().is_some() {
        return Err(unread());
    }
    let group = group.trim();
    // A customer's number stands exactly where the role is one in a customer.
    if group.is_empty() || role.of_platform().is_some() == customer_id.is_some() {
        return Err(mapping_fault(row, "field-mapping", ""));
    }
    Ok(GroupMapping { group: group.to_owned(), role, customer_id })
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
        let (rows, read, faults) = read_mappings(text);
        assert!(faults.is_empty() && rows == [1, 2, 3, 4], "{faults:?}");
        assert_eq!(read.len(), 4);
        assert_eq!((read[2].customer_id, read[3].group.as_str()), (Some(CustomerId(12)), "urn:lab:heads"));
        assert_eq!(write_mappings(&read), text);
        assert!(read_mappings("\n  \n").1.is_empty());
        let cases = [
            ("gpu-admins", "field-mapping-line", ""),
            ("King!: gpu", "field-mapping-role", "King!"),
            ("customer_member twelve: lab", "field-mapping-not-a-number", "twelve"),
            ("customer_member 1 2: lab", "field-mapping-line", ""),
            ("customer_member: lab", "field-mapping", ""),
            ("operator 7: lab", "field-mapping", ""),
            ("operator:", "field-mapping", ""),
        ];
        // Every one of them at once, each with its own line and fault; what reads is kept between them.
        let text = cases.map(|(bad, ..)| format!("{bad}\n\noperator: good")).join("\n");
        let (rows, read, faults) = read_mappings(&text);
        assert_eq!((read.len(), rows[1]), (cases.len(), 6));
        let said = faults.values().map(|fault| (fault.key, fault.args[0].1.clone(), fault.args[1].1.clone()));
        let wanted = (0..).zip(cases).map(|(n, (_, key, name))| (key, (3 * n + 1).to_string(), name.to_owned()));
        assert_eq!(said.collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
    }

    #[test]
    fn every_faulty_line_comes_back_by_a_path_of_its_own_up_to_ten() {
        let typed = |mappings: String| {
            let form = [("kind", "oidc".to_owned()), ("mappings", mappings)];
            body(&form.map(|(name, value)| (name.to_owned(), value)).into()).expect("it reads")
        };
        let paths = |lines: usize| {
            let mut said = Error::new(ErrorCode::Validation);
            let args = vec![("row", "1".to_owned())];
            said.fields.push(FieldError { path: "mappings", key: "field-mapping", args });
            let error = typed("x\n".repeat(lines)).in_full(said);
            error.fields.iter().map(|field| field.path).collect::<Vec<_>>()
        };
        assert_eq!(paths(2), ["mappings", "mappings.2"]);
        // What the operation says of the second mapping stands in the fourth line, between two that do not read; what it says
        // of the one that cannot be is nobody's.
        let typed = typed("operator: a\n\nx\nghost: b\ny".to_owned());
        assert_eq!(typed.judged().mappings.len(), 3);
        let fault = |path, row: &str| FieldError { path, key: "of-it", args: vec![("row", row.to_owned())] };
        let mut said = Error::field("name", "field-required");
        said.fields.extend([fault("mappings", "2"), fault("mappings.2", "3")]);
        let said = typed.in_full(said).fields;
        let said: Vec<_> = said.iter().map(|it| (it.path, it.key, it.args.first().map(|it| it.1.as_str()))).collect();
        let unread = "field-mapping-line";
        let wanted = [
            ("name", "field-required", None),
            ("mappings", unread, Some("3")),
            ("mappings.2", "of-it", Some("4")),
            ("mappings.3", unread, Some("5")),
        ];
        assert_eq!(said, wanted);
        assert_eq!(paths(30), MAPPING_FAULTS);
    }

    #[test]
    fn a_port_that_is_none_is_left_to_the_operation_and_a_word_is_not() {
        let port = |port: &str| {
            let form = [("kind", "ldap"), ("security", "tls"), ("port", port)];
            let typed = body(&form.map(|(name, value)| (name.to_owned(), value.to_owned())).into()).expect("it reads");
            (typed.body.ldap.expect("a directory").port, typed.unread.first().map(|fault| fault.key))
        };
        assert_eq!(port("636"), (636, None));
        assert_eq!(port("70000"), (0, None));
        assert_eq!(port("x"), (0, Some("field-not-a-number")));
    }

    #[test]
    fn a_secret_is_carried_only_where_no_other_is_typed() {
        let form = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        assert_eq!(kept_secret(&form(&[("kept_secret", "7"), ("secret", "")])), Some("7"));
        assert_eq!(kept_secret(&form(&[("kept_secret", "7"), ("secret", "new")])), None);
        assert_eq!(kept_secret(&form(&[("kept_secret", "7"), ("forget_secret", "true")])), None);
        let shown = typed(&form(&[("secret", "s3cret"), ("kind", "oidc")]));
        assert!(shown.contains(&(KEPT_SECRET, "s3cret".to_owned())));
        assert!(FIELDS.iter().all(|(name, _)| *name != KEPT_SECRET && *name != "secret"), "neither is shown");
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
