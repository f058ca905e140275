//! Every address of the pages, as functions: nothing else spells one out.

mod many;

use contract::imports::ImportSubject;

use many::packed;
pub use many::{allocations_bulk, allocations_done, machines_bulk, machines_done, unpacked, with_filters};

/// Sign-in.
pub const LOGIN: &str = "/login";

/// The same; `next` is where to go afterwards.
pub fn login(next: Option<&str>) -> String {
    match next {
        Some(next) if next != "/" => format!("{LOGIN}?next={}", encode(next)),
        _ => LOGIN.to_owned(),
    }
}

/// The same, with a word on what was just done: `account`, `password` or `parted`.
pub fn login_after(done: &str) -> String {
    with_query(LOGIN, [("done", done)])
}

/// The second step of signing in; `next` likewise.
pub fn login_code(next: Option<&str>) -> String {
    with_query("/login/code", [("next", next.filter(|next| *next != "/").unwrap_or_default())])
}

/// Where a form's script gets a new challenge of work.
pub const CAPTCHA_WORK: &str = "/api/auth/captcha?kind=pow";
/// Asks for a link to a new password.
pub const FORGOT: &str = contract::mail::FORGOT_PATH;
/// Asks for the link that makes an account.
pub const REGISTER: &str = "/register";
/// Makes the account, by that link.
pub const REGISTER_ACCOUNT: &str = contract::mail::SIGN_UP_PATH;
/// Sets a new password, by a link.
pub const RESET: &str = contract::mail::RESET_PATH;
/// Confirms a new address, by a link.
pub const EMAIL: &str = contract::mail::EMAIL_PATH;
/// Makes an account, by a link.
pub const INVITATION: &str = contract::mail::INVITATION_PATH;
/// What one was told.
pub const NOTIFICATIONS: &str = "/notifications";
/// The customer's workbench.
pub const HOME: &str = "/";
/// People of the customer.
pub const MEMBERS: &str = "/members";
/// What concerns the customer in the audit log.
pub const OWN_AUDIT: &str = "/audit";
/// One's own account.
pub const ACCOUNT: &str = "/account";
/// One's own password and second factor.
pub const ACCOUNT_SECURITY: &str = "/account/security";
/// Setting up an authenticator app.
pub const ACCOUNT_TOTP: &str = "/account/security/totp";
/// Where one is signed in.
pub const ACCOUNT_SESSIONS: &str = "/account/sessions";
/// One's own public keys for SSH.
pub const ACCOUNT_SSH_KEYS: &str = "/account/ssh-keys";
/// One's own API tokens.
pub const ACCOUNT_TOKENS: &str = "/account/tokens";
/// One's own webhooks.
pub const ACCOUNT_WEBHOOKS: &str = "/account/webhooks";
/// The staff's first page.
pub const ADMIN: &str = "/admin";
/// Who did what to what.
pub const AUDIT: &str = "/admin/audit";
/// The wall.
pub const WALL: &str = "/admin/metrics";
/// The machine list.
pub const MACHINES: &str = "/admin/machines";
/// The form for a new machine.
pub const MACHINE_NEW: &str = "/admin/machines/new";
/// What would become of many machines.
pub const MACHINES_BULK: &str = "/admin/machines/bulk";
/// The upload of a workbook of machines.
pub const MACHINES_IMPORT: &str = "/admin/machines/import";
/// What is found for a text.
pub const SEARCH: &str = "/search";
/// Join tokens.
pub const JOIN_TOKENS: &str = "/admin/machines/join-tokens";

/// The customer list.
pub const CUSTOMERS: &str = "/admin/customers";
/// The form for a new customer.
pub const CUSTOMER_NEW: &str = "/admin/customers/new";
/// Every allocation, and what customers ask for.
pub const ALLOCATIONS: &str = "/admin/allocations";

/// What would become of many allocations.
pub const ALLOCATIONS_BULK: &str = "/admin/allocations/bulk";
/// Machines down, months across.
pub const ALLOCATIONS_TIMELINE: &str = "/admin/allocations/timeline";

/// What instances get, and what an hour of it costs.
pub const SPECS: &str = "/admin/specs";
/// The form for a new one.
pub const SPEC_NEW: &str = "/admin/specs/new";

/// The library of images.
pub const IMAGES: &str = "/admin/images";
/// The form for one by its address.
pub const IMAGE_NEW: &str = "/admin/images/new";
/// The form for an archive.
pub const IMAGE_UPLOAD: &str = "/admin/images/upload";
/// What nothing uses on machines, and what became of it.
pub const IMAGE_CLEANUP: &str = "/admin/images/cleanup";
/// What waits for review.
pub const IMAGES_WAITING: &str = "/admin/images?state=pending_review&sort=createdAt";
/// Everybody's instances.
pub const INSTANCES: &str = "/admin/instances";
/// Who is, or was, in instances.
pub const ACCESS: &str = "/admin/instances/access";
/// What was recorded there.
pub const RECORDINGS: &str = "/admin/instances/access/recordings";
/// What everybody used and what it costs.
pub const BILLING: &str = "/admin/billing";
/// What one's customer, or oneself, used and what it costs.
pub const OWN_BILLING: &str = "/billing";
/// Instances of one's own.
pub const OWN_INSTANCES: &str = "/instances";
/// Who is, or was, in one's instances.
pub const OWN_ACCESS: &str = "/instances/access";
/// What was recorded there.
pub const OWN_RECORDINGS: &str = "/instances/access/recordings";
/// The form of an instance.
pub const INSTANCE_NEW: &str = "/instances/new";
/// What is done in the background.
pub const JOBS: &str = "/admin/jobs";
/// What is done in the background for one's customer, and what is on its way in.
pub const OWN_JOBS: &str = "/jobs";
/// The images that customers may choose.
pub const MARKET: &str = "/images";
/// A customer's own.
pub const OWN_IMAGES: &str = "/images/mine";
/// The form for an archive of a customer.
pub const OWN_IMAGE_UPLOAD: &str = "/images/upload";

/// What the platform has to say.
pub const ANNOUNCEMENTS: &str = "/admin/announcements";
/// The form for something new.
pub const ANNOUNCEMENT_NEW: &str = "/admin/announcements/new";

/// The installation's settings.
pub const SETTINGS: &str = "/admin/settings";

/// The platform's robots in chat groups.
pub const CHANNELS: &str = "/admin/settings/channels";

/// What people sign in through.
pub const IDENTITY_PROVIDERS: &str = "/admin/settings/identity";
/// Registries of images.
pub const REGISTRIES: &str = "/admin/settings/registries";

/// Mail that went out or is to go out.
pub const MAILS: &str = "/admin/settings/mails";

/// The same after a change that was taken.
pub fn settings_saved() -> String {
    format!("{SETTINGS}?saved=1")
}

/// The settings after something else was done: `logo`, `logo-removed`.
pub fn settings_done(what: &str) -> String {
    format!("{SETTINGS}?done={what}")
}

/// The announcements after one was `made`, `changed` or `removed`.
pub fn announcements_done(what: &str) -> String {
    format!("{ANNOUNCEMENTS}?done={what}")
}

/// A page of channels after one was `added`, `saved` or `removed`.
pub fn channels_done(page: &str, what: &str) -> String {
    format!("{page}?done={what}")
}

/// The settings after a test mail: how far it came, and the server's number.
pub fn mail_tested(step: &str, code: &str) -> String {
    with_query(SETTINGS, [("tested", step), ("code", code)])
}

/// A configuration that waits to be confirmed.
pub fn settings_import(id: contract::SettingsImportId) -> String {
    format!("{SETTINGS}/imports/{id}")
}

/// A spec.
pub fn spec(id: contract::SpecId) -> String {
    format!("{SPECS}/{id}")
}

/// The form of a spec.
pub fn spec_edit(id: contract::SpecId) -> String {
    format!("{SPECS}/{id}/edit")
}

/// An image.
pub fn image(id: contract::ImageId) -> String {
    format!("{IMAGES}/{id}")
}

/// A registry.
pub fn registry(id: contract::RegistryId) -> String {
    format!("{REGISTRIES}?id={id}")
}

/// The form of an image.
pub fn image_edit(id: contract::ImageId) -> String {
    format!("{IMAGES}/{id}/edit")
}

/// A job of the queue.
pub fn job(id: contract::JobId) -> String {
    format!("{JOBS}/{id}")
}

/// One's own image.
pub fn own_image(id: contract::ImageId) -> String {
    format!("{OWN_IMAGES}/{id}")
}

/// The form of one's own image.
pub fn own_image_edit(id: contract::ImageId) -> String {
    format!("{OWN_IMAGES}/{id}/edit")
}

/// Anybody's instance, for staff.
pub fn instance(id: contract::InstanceId) -> String {
    format!("{INSTANCES}/{id}")
}

/// The instances on a machine, for staff.
pub fn instances_on(code: &str) -> String {
    with_query(INSTANCES, [("machine", code)])
}

/// An instance of one's own.
pub fn own_instance(id: contract::InstanceId) -> String {
    format!("{OWN_INSTANCES}/{id}")
}

/// What was recorded of a session.
pub fn recordings_of(session: &str, staff: bool) -> String {
    with_query(if staff { RECORDINGS } else { OWN_RECORDINGS }, [("session", session)])
}

/// A recording, as staff see it.
pub fn recording(id: &str) -> String {
    format!("{RECORDINGS}/{id}")
}

/// A recording of oneself, or of somebody of one's customer.
pub fn own_recording(id: &str) -> String {
    format!("{OWN_RECORDINGS}/{id}")
}

/// A terminal in an own instance.
pub fn own_instance_terminal(id: contract::InstanceId) -> String {
    format!("{}/terminal", own_instance(id))
}

/// On to an application: `name` is what its origin is told apart by, `way` where in it, as `platform` writes that.
pub fn app_open(name: &str, state: &str, way: &str) -> String {
    with_query(&format!("/apps/{}", encode(name)), [("state", state), ("way", way)])
}

/// The applications of an own instance.
pub fn own_instance_apps(id: contract::InstanceId) -> String {
    format!("{}#apps", own_instance(id))
}

/// The same of anybody's, for staff.
pub fn instance_apps(id: contract::InstanceId) -> String {
    format!("{}#apps", instance(id))
}

/// Looking on at a terminal, with what somebody's link says behind it.
pub fn watch_terminal(id: contract::InstanceId) -> String {
    format!("{}/watch", own_instance_terminal(id))
}

/// The form of an instance with this image and this spec.
pub fn new_instance(image: &str, spec: &str) -> String {
    with_query(INSTANCE_NEW, [("image", image), ("spec", spec)])
}

/// The form of an announcement.
pub fn announcement_edit(id: contract::AnnouncementId) -> String {
    format!("{ANNOUNCEMENTS}/{id}/edit")
}

/// One's own account after something was done with it: `picture` or `picture-removed`.
pub fn account_done(what: &str) -> String {
    format!("{ACCOUNT}?done={what}")
}

/// One's own picture.
pub fn avatar(tag: &str) -> String {
    format!("{}?v={tag}", contract::accounts::AVATAR_PATH)
}

/// The form for a new provider of this kind.
pub fn identity_provider_new(kind: &str) -> String {
    format!("{IDENTITY_PROVIDERS}/new/{}", encode(kind))
}

/// A provider.
pub fn identity_provider(id: contract::IdentityProviderId) -> String {
    format!("{IDENTITY_PROVIDERS}/{id}")
}

/// The same after something was done with it: `saved` or `tested`.
pub fn identity_provider_done(id: contract::IdentityProviderId, what: &str) -> String {
    format!("{IDENTITY_PROVIDERS}/{id}?done={what}")
}

/// The address to be entered at every sign-in service, below the installation's.
pub fn oidc_redirect(public_url: &str) -> String {
    format!("{public_url}/api/auth/oidc/callback")
}

/// Where a browser begins its way to a sign-in service; `next` is where to go afterwards.
pub fn sign_in_service(id: contract::IdentityProviderId, next: Option<&str>) -> String {
    let id = id.to_string();
    with_query("/api/auth/oidc/start", [("provider", id.as_str()), ("next", next.unwrap_or_default())])
}

/// The installation's logo.
pub fn logo(tag: &str) -> String {
    format!("/branding/logo-{tag}.png")
}

/// Everybody's accounts.
pub const USERS: &str = "/admin/users";
/// The form for a new account.
pub const USER_NEW: &str = "/admin/users/new";
/// What would become of many accounts.
pub const USERS_BULK: &str = "/admin/users/bulk";
/// The upload of a workbook of people.
pub const USERS_IMPORT: &str = "/admin/users/import";
/// The roles.
pub const ROLES: &str = "/admin/roles";
/// The form for a new role.
pub const ROLE_NEW: &str = "/admin/roles/new";

/// Somebody's account.
pub fn user(id: contract::UserId) -> String {
    format!("{USERS}/{id}")
}

/// The same after something was done with it.
pub fn user_done(id: contract::UserId, what: &str) -> String {
    format!("{USERS}/{id}?done={what}")
}

/// The form of an account.
pub fn user_edit(id: contract::UserId) -> String {
    format!("{USERS}/{id}/edit")
}

/// What is left of many accounts, some of which are done already.
pub fn users_bulk(action: &str, ids: &[String], done: usize) -> String {
    let (ids, more) = packed(ids);
    format!("{USERS_BULK}?action={action}&done={done}&more={more}&ids={ids}")
}

/// A role.
pub fn role(id: contract::RoleId) -> String {
    format!("{ROLES}/{id}")
}

/// The same after it was `made` or `changed`.
pub fn role_done(id: contract::RoleId, what: &str) -> String {
    format!("{ROLES}/{id}?done={what}")
}

/// The roles after one was deleted.
pub fn role_deleted() -> String {
    format!("{ROLES}?done=deleted")
}

/// The form of a role.
pub fn role_edit(id: contract::RoleId) -> String {
    format!("{ROLES}/{id}/edit")
}

/// A customer.
pub fn customer(id: contract::CustomerId) -> String {
    format!("{CUSTOMERS}/{id}")
}

/// A customer's allocations in the list of all.
pub fn allocations_of(id: contract::CustomerId) -> String {
    format!("{ALLOCATIONS}?customerId={id}")
}

/// The instances of a customer, for staff.
pub fn instances_of(id: contract::CustomerId) -> String {
    format!("{INSTANCES}?customerId={id}")
}

/// Use and costs of a customer, for staff.
pub fn billing_of(id: contract::CustomerId) -> String {
    format!("{BILLING}?customerId={id}")
}

/// How one wants to be told.
pub fn notification_choices() -> String {
    format!("{ACCOUNT}#notifications")
}

/// Where a customer's people are: the staff's page of it, or its own.
pub fn people(id: Option<contract::CustomerId>) -> String {
    id.map_or_else(|| MEMBERS.to_owned(), customer)
}

/// The form of a customer.
pub fn customer_edit(id: contract::CustomerId) -> String {
    format!("{CUSTOMERS}/{id}/edit")
}

/// An allocation.
pub fn allocation(id: contract::AllocationId) -> String {
    format!("{ALLOCATIONS}/{id}")
}

/// The form that lends a machine.
pub fn machine_allocate(code: &str) -> String {
    format!("{MACHINES}/{code}/allocate")
}

/// The search from a page, without what is searched for.
pub fn search_on(page: &str) -> String {
    format!("{SEARCH}?on={}", encode(page))
}

/// A machine one's customer has.
pub fn my_machine(code: &str) -> String {
    format!("/machines/{code}")
}

/// A machine one's customer has, with a range of its charts.
pub fn my_machine_range(code: &str, range: &str) -> String {
    format!("/machines/{code}?range={range}")
}

/// Machines that are lent as a whole and are in service.
pub fn machines_lendable() -> String {
    format!("{MACHINES}?serviceState=in_service&pool=whole")
}

/// A machine.
pub fn machine(code: &str) -> String {
    format!("{MACHINES}/{code}")
}

/// A machine with a range of its charts.
pub fn machine_range(code: &str, range: &str) -> String {
    format!("{MACHINES}/{code}?range={range}")
}

/// The form of a machine.
pub fn machine_edit(code: &str) -> String {
    format!("{MACHINES}/{code}/edit")
}

/// Where a subject's list is.
fn list_of(subject: ImportSubject) -> &'static str {
    match subject {
        ImportSubject::Machines => MACHINES,
        ImportSubject::Users => USERS,
    }
}

/// The upload of a workbook.
pub fn import_upload(subject: ImportSubject) -> String {
    format!("{}/import", list_of(subject))
}

/// A workbook that is staged.
pub fn import(subject: ImportSubject, id: contract::ImportId) -> String {
    format!("{}/imports/{id}", list_of(subject))
}

/// The rows of a staged workbook that would turn out differently from what was shown.
pub fn import_changed(subject: ImportSubject, id: contract::ImportId) -> String {
    format!("{}?changed=true", import(subject, id))
}

/// The upload of a workbook, after one that was not taken: `too-large`, `no-file` or `too-many`.
pub fn import_refused(subject: ImportSubject, fault: &str) -> String {
    format!("{}?fault={fault}", import_upload(subject))
}

/// How the machine's Docker Engine is reached.
pub fn machine_docker(code: &str) -> String {
    format!("{MACHINES}/{code}/docker")
}

/// The same after a change that was taken.
pub fn machine_docker_saved(code: &str) -> String {
    format!("{}?done=saved", machine_docker(code))
}

/// A machine's passport.
pub fn machine_passport(code: &str) -> String {
    format!("{MACHINES}/{code}/passport")
}

/// What staff do with a machine.
pub fn machine_service(code: &str) -> String {
    format!("{MACHINES}/{code}/service")
}

/// The page to print when a machine is handed over or comes back.
pub fn handover(id: contract::AllocationId) -> String {
    format!("{ALLOCATIONS}/{id}/handover")
}

/// `path` when it leads to a page of ours, else nothing: never a redirect to a foreign address.
pub fn local(path: &str) -> Option<&str> {
    // Browsers leave out tabs and line ends, and take a backslash for a slash: `/<tab>/host` would lead away.
    let plain = path.bytes().all(|b| b.is_ascii_graphic() || b == b' ') && !path.contains('\\');
    let ok = plain && path.starts_with('/') && !path.starts_with("//");
    ok.then_some(path)
}

/// Percent-encodes a value of a query.
pub fn encode(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte as char),
            _ => {
                out.push('%');
                out.push(char::from(b"0123456789ABCDEF"[usize::from(byte >> 4)]));
                out.push(char::from(b"0123456789ABCDEF"[usize::from(byte & 15)]));
            }
        }
    }
    out
}

/// `path?a=b&c=d`, without the pairs that are empty.
pub fn with_query<'a>(path: &str, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let query: Vec<_> = pairs
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_local_paths_are_followed() {
        for good in ["/", "/admin/machines?q=a", "/account"] {
            assert_eq!(local(good), Some(good));
        }
        for bad in ["", "//evil.example", "https://evil.example", "/\\evil", "/a\r\nSet-Cookie: x", "/\t/evil.example"]
        {
            assert_eq!(local(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn queries_are_encoded() {
        assert_eq!(with_query("/x", [("q", "a b&c"), ("empty", ""), ("名", "值")]), "/x?q=a%20b%26c&名=%E5%80%BC");
    }
}
