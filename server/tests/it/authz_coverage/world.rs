//! One of everything the routes are about, and somebody of every kind who calls them.

mod parts;

use std::sync::atomic::{AtomicU32, Ordering};

use contract::accounts::LoginRequest;
use contract::{
    AllocationId, AnnouncementId, BudgetId, ChannelId, IdentityProviderId, ImportId, InstanceId, MaintenanceId,
    RenewalRequestId, RoleId, SessionId, SettingsImportId, SpecId, SshKeyId,
};
use parts::{
    Fleet, Library, Office, People, boxed, budgets, channels, credentials, instances, provider, recording, spec,
};
use platform::accounts;
use serde_json::{Value, json};
use server::router::Door;
use test_support::{TestCustomer, TestNode, TestUser};

use crate::harness::{Answer, Server, Who, sfn};
use crate::sockets::dial_as;

/// No test message goes further than to be refused.
const PRIVATE: &str = "http://localhost:1/hook";

pub struct World {
    pub server: Server,
    pub nowhere: TestUser,
    pub acme: TestCustomer,
    pub globex: TestCustomer,
    pub admin: TestUser,
    pub operator: TestUser,
    /// May see machines, customers and users, and nothing else.
    pub custom: TestUser,
    /// Whose account is worked on.
    pub target: TestUser,
    /// Of Acme: for the staff's door, and for its owners'.
    pub extra: [TestUser; 2],
    /// That is worked on.
    pub role: RoleId,
    pub node: TestNode,
    pub join_token: String,
    /// The admin's.
    pub api_token: SessionId,
    pub ssh_key: SshKeyId,
    /// Of Acme: host-001 is lent to it.
    pub allocation: AllocationId,
    /// For host-002.
    pub request: RenewalRequestId,
    /// Staged; nobody reads it here.
    pub import: ImportId,
    /// The same, of people.
    pub user_import: ImportId,
    /// Planned for host-001.
    pub maintenance: MaintenanceId,
    /// Waits to be confirmed.
    pub settings_import: SettingsImportId,
    /// A sign-in service that nobody answers at.
    pub identity_provider: IdentityProviderId,
    /// The admin's, one for each door: a call of each takes its own away.
    pub webhooks: [ChannelId; 2],
    /// The platform's, likewise.
    pub channels: [ChannelId; 2],
    /// With a price.
    pub spec: SpecId,
    library: Library,
    /// Of Acme's owner: for its people, and for staff.
    instances: [InstanceId; 2],
    /// Of Acme's owner, in the first of these.
    recording: String,
    /// Acme's own, and those that staff set: one of each for each door, a call of which takes it away.
    budgets: [[BudgetId; 2]; 2],
    /// For Acme.
    pub announcement: AnnouncementId,
    /// Of nobody, and of Acme's owner; not to be run before tomorrow.
    jobs: [u64; 2],
    /// Calls so far.
    calls: AtomicU32,
}

impl World {
    /// One part after another, each in a box: all of them in one frame are more than a thread's stack takes.
    pub async fn new() -> Self {
        // Everybody calls often here, each time from an address of its own.
        let server = Box::pin(Server::with(|config| config.trusted_proxies = 1)).await;
        let admin = server.test.admin().await;
        let acme = Box::pin(server.test.customer("Acme")).await;
        let fleet = boxed(|| Fleet::new(&server, &admin, &acme)).await;
        let people = boxed(|| People::new(&server, &admin, &acme)).await;
        let office = boxed(|| Office::new(&server, &admin, &acme)).await;
        let (webhooks, channels) = boxed(|| channels(&server, &admin)).await;
        let (api_token, ssh_key) = boxed(|| credentials(&server, &admin)).await;
        let library = boxed(|| Library::new(&server, &admin, &acme.owner)).await;
        let instances = boxed(|| instances(&server, &acme, library.images[0], office.spec)).await;
        let recording = boxed(|| recording(&server, instances[0])).await;
        let budgets = boxed(|| budgets(&server, &admin, &acme)).await;
        let job = "insert into jobs (kind, run_at) values ('mail-send', now() + interval '1 day') returning id";
        let own_job = format!(
            "insert into jobs (kind, payload, customer_id, user_id, run_at)
             values ('instance-apply', '{{\"instance\": {}}}', {}, {}, now() + interval '1 day') returning id",
            instances[0], acme.id, acme.owner.id
        );
        let jobs = [server.count(job).await, server.count(&own_job).await];
        Self {
            instances,
            recording,
            budgets,
            jobs,
            nowhere: server.test.outsider("stranger").await,
            globex: Box::pin(server.test.customer("Globex")).await,
            operator: server.test.operator("operator").await,
            target: server.test.outsider("target").await,
            custom: people.custom,
            extra: people.extra,
            role: people.role,
            node: fleet.node,
            join_token: fleet.join_token,
            api_token,
            ssh_key,
            allocation: fleet.allocation,
            request: fleet.request,
            import: office.import,
            user_import: office.user_import,
            maintenance: fleet.maintenance,
            settings_import: office.settings_import,
            identity_provider: office.identity_provider,
            webhooks,
            channels,
            spec: office.spec,
            library,
            announcement: office.announcement,
            calls: AtomicU32::new(0),
            acme,
            admin,
            server,
        }
    }

    fn person(&self, caller: &str) -> Option<&TestUser> {
        match caller {
            "nowhere" => Some(&self.nowhere),
            "member" => Some(&self.acme.member),
            "owner" => Some(&self.acme.owner),
            "other" => Some(&self.globex.owner),
            "admin" => Some(&self.admin),
            "operator" => Some(&self.operator),
            "custom" => Some(&self.custom),
            _ => None,
        }
    }

    /// New credentials, as this caller brings them to this door.
    pub async fn credentials(&self, caller: &str, door: Door) -> Who {
        match (self.person(caller), door) {
            (Some(user), Door::ServerFn) => self.server.browser(user).await,
            (Some(user), _) => self.server.token(user).await,
            (None, _) if caller == "node" => Who::Bearer(self.node.key.clone()),
            (None, _) => Who::Nobody,
        }
    }

    /// A body the operation would take: what is refused is refused for who asks, not for what they say.
    fn body(&self, method: &str, path: &str) -> Value {
        let name = format!("m-{}", uuid::Uuid::new_v4().simple());
        match (method, path) {
            ("PUT", "/api/auth/profile") => json!({ "displayName": name }),
            ("PATCH", "/api/auth/preferences") => json!({ "theme": "dark" }),
            ("PUT", "/api/auth/customer") => json!({ "customerId": self.acme.id }),
            ("POST", "/api/auth/avatar") => json!({ "no": "picture" }),
            ("POST", "/api/auth/tokens") => json!({ "name": name }),
            ("POST", "/api/customer/settings/ssh-keys") => json!({ "publicKey": "none" }),
            ("POST", "/api/auth/password/change") => {
                json!({ "oldPassword": self.admin.password, "newPassword": "weak" })
            }
            ("POST", "/api/auth/totp/enroll") => json!({ "password": self.admin.password }),
            ("POST", "/api/auth/totp/confirm") => json!({ "code": "123456" }),
            ("POST", "/api/auth/totp/recovery-codes" | "/api/auth/totp/disable") => {
                json!({ "password": self.admin.password, "code": "123456" })
            }
            ("PUT", "/api/customer/settings/notifications") => json!({ "quietFrom": "22:00", "quietUntil": "07:00" }),
            ("POST", "/api/customer/settings/notifications/webhooks") => json!({ "name": name, "url": PRIVATE }),
            ("POST", "/api/admin/specs") | ("PUT", "/api/admin/specs/{id}") => spec(&name),
            ("POST", "/api/admin/specs/{id}/prices") => json!({ "pricePerHour": "2.5" }),
            ("POST", "/api/files/uploads") => json!({ "name": name, "size": 5, "purpose": "other" }),
            ("POST", "/api/admin/images") => json!({ "name": name, "address": "library/pytorch:2.4" }),
            ("POST", "/api/admin/images/upload") => json!({ "file": self.library.platform_archive, "name": name }),
            ("POST", "/api/customer/images/upload") => json!({ "file": self.library.archive, "name": name }),
            ("POST", "/api/admin/images/{id}/machines") => json!({ "machine": "host-001" }),
            ("POST", "/api/admin/settings/registries") | ("PUT", "/api/admin/settings/registries/{id}") => {
                json!({ "address": "registry.example.org:5000" })
            }
            ("POST", "/api/admin/settings/registries/{id}/test") => Value::Null,
            ("POST", "/api/admin/images/cleanup/apply") => json!({ "machine": "host-001", "images": [] }),
            ("POST", "/api/customer/images/{id}/deploy") => json!({ "name": "one", "spec": self.spec }),
            ("POST", "/api/customer/instances") => {
                json!({ "name": "one", "image": self.library.images[0], "spec": self.spec })
            }
            (
                "POST",
                "/api/customer/instances/{id}/terminal/share" | "/api/customer/instances/{id}/terminal/unshare",
            ) => {
                json!({ "terminal": "01940000-0000-7000-8000-000000000000" })
            }
            ("POST", path) if path.contains("/instances/{id}/terminal/") => json!({}),
            ("POST", path) if path.starts_with("/api/admin/instances/{id}/") => json!({ "reason": "they asked" }),
            ("POST", "/api/customer/instances/{id}/keep") => json!({ "hours": 1, "because": "a demo" }),
            ("POST", "/api/customer/instances/{id}/resize") => json!({ "spec": 999_999 }),
            ("POST", "/api/admin/billing/budgets") => {
                json!({ "customerId": self.acme.id, "name": name, "amount": "100" })
            }
            ("POST", "/api/admin/billing/budgets/{id}/lift") => json!({ "because": "a demo" }),
            ("POST", "/api/customer/billing/budgets")
            | ("PUT", "/api/customer/billing/budgets/{id}" | "/api/admin/billing/budgets/{id}") => {
                json!({ "name": name, "amount": "100" })
            }
            ("PUT", "/api/admin/customers/{id}/idle-policy") => json!({ "afterHours": 8 }),
            ("POST", "/api/customer/instances/{id}/links") => json!({ "name": name, "port": 8888 }),
            ("PUT", "/api/admin/customers/{id}/recording-policy") => json!({ "always": true }),
            ("POST", "/api/customer/instances/{id}/save-image") => json!({ "name": "saved" }),
            ("PATCH", "/api/customer/instances/{id}") => json!({ "remark": "for the course" }),
            ("POST", "/api/admin/images/{id}/reject") => json!({ "reason": "It has no licence." }),
            ("POST", "/api/admin/announcements") => json!({ "title": name }),
            ("PUT", "/api/admin/announcements/{id}") => {
                json!({ "title": name, "audience": "chosen", "customerIds": [self.acme.id] })
            }
            ("POST", "/api/admin/notification-channels") => {
                json!({ "kind": "feishu", "name": name, "url": PRIVATE, "secret": "s" })
            }
            ("PUT", "/api/admin/settings/{key}") => json!({ "value": "Lab 7" }),
            ("POST", "/api/admin/settings/identity-providers/{id}/test") => json!({}),
            ("POST" | "PUT", path) if path.starts_with("/api/admin/settings/identity-providers") => provider(&name),
            ("POST", "/api/admin/settings/import") => json!({ "format": 1, "settings": {} }),
            ("POST", "/api/admin/settings/mail/test") => json!({ "to": "a@b.example" }),
            ("PUT", "/api/auth/list-columns/{list}") => json!({ "columns": ["name", "region"] }),
            ("POST", "/api/admin/machines/import/preview" | "/api/admin/users/import/preview") => {
                json!({ "any": "bytes" })
            }
            ("POST", "/api/admin/machines/bulk") => json!({ "ids": ["host-001"], "action": "monitoring-on" }),
            ("POST", "/api/admin/machines/bulk/maintenance") => json!({
                "ids": ["host-002"],
                "window": { "startsAt": "2100-01-01T00:00:00Z", "endsAt": "2100-01-02T00:00:00Z", "message": "New fans" },
            }),
            (
                "POST",
                "/api/admin/machines/{code}/cordon"
                | "/api/admin/machines/{code}/drain"
                | "/api/admin/machines/{code}/uncordon"
                | "/api/admin/machines/{code}/retire",
            ) => json!({}),
            ("POST", "/api/admin/machines/{code}/maintenance") => {
                json!({ "startsAt": "2100-01-01T00:00:00Z", "endsAt": "2100-01-02T00:00:00Z", "message": "New fans" })
            }
            ("PUT", "/api/admin/machines/{code}/connection") => json!({ "user": "root" }),
            ("PUT", "/api/admin/machines/{code}/docker") => {
                json!({ "kind": "local", "socket": "/nonexistent/docker.sock" })
            }
            ("POST", "/api/admin/monitoring/machines") => json!({ "id": "host-001" }),
            ("POST", "/api/auth/login") => json!({ "username": self.admin.name, "password": self.admin.password }),
            ("POST", "/api/auth/password-reset/request") => json!({ "account": name }),
            ("POST", "/api/auth/password-reset/confirm") => json!({ "token": "none", "newPassword": name }),
            ("POST", "/api/auth/register/request") => json!({ "email": "a@b.example" }),
            ("POST", "/api/auth/register") => json!({ "token": "none", "username": name, "password": name }),
            ("POST", "/api/auth/email-change/request") => json!({ "email": "a@b.example", "password": name }),
            ("POST", "/api/auth/email-change/confirm" | "/api/auth/invitation/join") => json!({ "token": "none" }),
            ("POST", "/api/auth/invitation/accept") => json!({ "token": "none", "username": name, "password": name }),
            ("POST", "/api/admin/customers/{id}/invitations" | "/api/customer/members/invitations") => {
                json!({ "email": "new@acme.example" })
            }
            ("PUT", "/api/admin/customers/{id}/members/{userId}" | "/api/customer/members/{userId}") => {
                json!({ "role": "owner" })
            }
            ("PUT", "/api/admin/customers/{id}/owner" | "/api/customer/owner") => {
                json!({ "userId": self.acme.owner.id, "confirm": self.acme.name })
            }
            ("PUT", "/api/admin/customers/{id}/quota" | "/api/admin/users/{id}/quota") => json!({ "gpu": 8 }),
            ("PUT", "/api/admin/users/{id}") => json!({ "username": self.target.name }),
            ("POST", "/api/admin/users") => json!({ "username": name }),
            ("POST", "/api/admin/users/bulk") => json!({ "ids": [self.target.id], "action": "enable" }),
            ("POST", "/api/admin/users/{id}/password") => json!({}),
            ("POST", "/api/admin/users/{id}/roles") => json!({ "roleId": self.role }),
            ("POST", "/api/admin/machines" | "/api/admin/customers" | "/api/admin/roles") | ("PUT", _) => {
                json!({ "name": name })
            }
            ("POST", "/api/admin/customers/{id}/members" | "/api/customer/members") => json!({ "username": name }),
            ("POST", "/api/admin/machines/{code}/allocate") => json!({ "customerId": self.globex.id, "months": 1 }),
            ("POST", "/api/admin/allocations/bulk") => {
                json!({ "ids": [self.allocation], "action": "renew", "months": 1 })
            }
            ("POST", "/api/admin/allocations/{id}/renew") => json!({ "months": 1 }),
            ("POST", "/api/admin/allocations/{id}/reclaim" | "/api/admin/machines/{code}/reclaim") => json!({}),
            ("POST", "/api/admin/renewal-requests/{id}/approve") => json!({}),
            ("POST", "/api/admin/renewal-requests/{id}/refuse") => json!({ "answer": "no" }),
            ("POST", "/api/admin/renewal-requests/{id}/decide") => json!({ "approve": true }),
            ("POST", "/api/customer/machines/{code}/renewal-requests") => json!({ "months": 1 }),
            ("POST", "/api/admin/machines/join-tokens") => json!({ "note": "another" }),
            _ => Value::Null,
        }
    }

    async fn rest(&self, who: &Who, method: &str, path: &str) -> Answer {
        let body = match path {
            "/api/auth/refresh" => {
                let request = LoginRequest {
                    username: self.admin.name.clone(),
                    password: self.admin.password.to_owned(),
                    ..Default::default()
                };
                let ctx = self.server.test.anonymous();
                let answer = accounts::issue_access_token(self.server.platform(), &ctx, &request).await.unwrap();
                json!({ "refreshToken": answer.refresh_token })
            }
            _ => self.body(method, path),
        };
        let id = match path.split('/').nth(3) {
            Some("customers") => self.acme.id.to_string(),
            Some("users") => self.target.id.to_string(),
            Some("roles") => self.role.to_string(),
            Some("allocations") => self.allocation.to_string(),
            Some("renewal-requests") => self.request.to_string(),
            Some("sessions") => self.admin.principal.session.to_string(),
            Some("tokens") => self.api_token.to_string(),
            Some("settings") if path.contains("/webhooks/") => self.webhooks[0].to_string(),
            Some("settings") => self.ssh_key.to_string(),
            Some("specs") => self.spec.to_string(),
            Some("jobs") => self.jobs[usize::from(path.contains("/customer/"))].to_string(),
            Some("uploads") => self.library.upload.to_string(),
            Some("images") => self.library.images[usize::from(!path.contains("/mine/"))].to_string(),
            Some("instances") => self.instances[usize::from(path.contains("/admin/"))].to_string(),
            Some("access") => self.recording.clone(),
            Some("billing") => self.budgets[0][usize::from(path.contains("/admin/"))].to_string(),
            Some("{id}") if path.starts_with("/ws/instances/") => self.instances[0].to_string(),
            Some("{id}") => self.library.file.to_string(),
            Some("announcements") => self.announcement.to_string(),
            Some("notification-channels") => self.channels[0].to_string(),
            _ => self.join_token.clone(),
        };
        let id = if path.contains("/import/") { self.import.to_string() } else { id };
        let id = if path.contains("/users/import/") { self.user_import.to_string() } else { id };
        let id = if path.contains("customer/notifications/") { "999999".to_owned() } else { id };
        let id = if path.contains("/settings/import/") { self.settings_import.to_string() } else { id };
        let of_provider = path.contains("/identity-providers/");
        let id = if of_provider { self.identity_provider.to_string() } else { id };
        let id = if path.contains("/maintenance/") { self.maintenance.to_string() } else { id };
        let why = if method == "DELETE" && path.starts_with("/api/admin/instances/") { "?reason=they+ask" } else { "" };
        let path = path.replace("{code}", "host-001").replace("{id}", &id).replace("{step}", "processes");
        let extra = &self.extra[usize::from(path.starts_with("/api/customer/"))];
        let path = path.replace("{userId}", &extra.id.to_string()).replace("{roleId}", &self.role.to_string());
        let path = path.replace("{sessionId}", &self.target.principal.session.to_string());
        let path = path
            .replace("{list}", "machines")
            .replace("{key}", "branding.name")
            .replace("{identityId}", "999999")
            .replace("{link}", "999999")
            .replace("{invitation}", "0");
        let path = path.replace("{n}", "0") + why;
        let request = self.elsewhere(self.server.request(who, method.parse().unwrap(), &path));
        Answer::of(if body.is_null() { request } else { request.json(&body) }).await
    }

    /// A page of this route, of something that is there: for staff on their side, for Acme's owner on the other.
    pub fn address(&self, route: &str) -> String {
        let staff = usize::from(route.starts_with("/admin"));
        let id = match route.split('/').nth(1 + staff) {
            Some("machines") => self.import.to_string(),
            Some("users") if route.contains("/imports/") => self.user_import.to_string(),
            Some("users") => self.target.id.to_string(),
            Some("settings") if route.contains("/imports/") => self.settings_import.to_string(),
            Some("settings") => self.identity_provider.to_string(),
            Some("customers") => self.acme.id.to_string(),
            Some("roles") => self.role.to_string(),
            Some("allocations") => self.allocation.to_string(),
            Some("specs") => self.spec.to_string(),
            Some("jobs") => self.jobs[1 - staff].to_string(),
            Some("announcements") => self.announcement.to_string(),
            Some("images") => self.library.images[staff].to_string(),
            Some("instances") if route.contains("/recordings/") => self.recording.clone(),
            Some("instances") => self.instances[staff].to_string(),
            _ => String::new(),
        };
        route.replace(":code", "host-001").replace(":id", &id).replace(":kind", "ldap").replace(":name", "none")
    }

    async fn server_fn(&self, who: &Who, name: &str) -> Answer {
        let fresh = format!("m-{}", uuid::Uuid::new_v4().simple());
        let (acme, globex) = (self.acme.id.to_string(), self.globex.id.to_string());
        let (allocation, request) = (self.allocation.to_string(), self.request.to_string());
        let (maintenance, import) = (self.maintenance.to_string(), self.import.to_string());
        let (session, api_token) = (self.admin.principal.session.to_string(), self.api_token.to_string());
        let their_session = self.target.principal.session.to_string();
        let (ssh_key, waits) = (self.ssh_key.to_string(), self.settings_import.to_string());
        let (target, role, extra) = (self.target.id.to_string(), self.role.to_string(), self.extra[0].id.to_string());
        let owner = self.acme.owner.id.to_string();
        let (announcement, spec) = (self.announcement.to_string(), self.spec.to_string());
        let (service, upload) = (self.identity_provider.to_string(), self.library.upload.to_string());
        let [own_instance, instance] = self.instances.map(|id| id.to_string());
        let [own_image, image] = self.library.images.map(|id| id.to_string());
        let (webhook, channel) = (self.webhooks[1].to_string(), self.channels[1].to_string());
        let [own_budget, budget] = self.budgets[1].map(|id| id.to_string());
        let [job, own_job] = self.jobs.map(|id| id.to_string());
        let args: Vec<(&str, &str)> = match name {
            "save_budget" => vec![("form[customer_id]", &acme), ("form[name]", &fresh), ("form[amount]", "100")],
            "save_own_budget" => vec![("form[name]", &fresh), ("form[amount]", "100")],
            "lift_budget" => vec![("id", &budget), ("customer_id", &acme), ("because", "a demo")],
            "delete_budget" => vec![("id", &budget), ("customer_id", &acme)],
            "delete_own_budget" => vec![("id", &own_budget)],
            "get_job" | "cancel_job" | "retry_job" => vec![("id", &job)],
            "cancel_own_job" | "retry_own_job" => vec![("id", &own_job)],
            "set_customer_idle" => vec![("id", &acme), ("after_hours", "8")],
            "set_customer_recording" => vec![("id", &acme), ("always", "true")],
            "keep_own_instance" => vec![("id", &own_instance), ("hours", "1"), ("because", "a demo")],
            "add_existing_member" => vec![("id", &acme), ("username", &fresh), ("role", "member")],
            "set_member_role" => vec![("id", &acme), ("user", &extra), ("role", "owner")],
            "remove_member" => vec![("id", &acme), ("user", &extra)],
            "transfer_ownership" => vec![("id", &acme), ("user", &owner), ("confirm", &self.acme.name)],
            "set_customer_quota" => vec![("id", &acme), ("form[gpu]", "8")],
            "create_user" => vec![("form[username]", &fresh)],
            "update_user" => vec![("id", &target), ("form[username]", &self.target.name)],
            "act_on_users" => vec![("ids[]", &target), ("action", "enable")],
            "make_user_password" | "delete_user" | "restore_user" => vec![("id", &target)],
            "list_user_sessions" | "end_user_sessions" | "reset_user_second_factor" => vec![("id", &target)],
            "unlink_user_identity" => vec![("id", &target), ("identity", "999999")],
            "end_user_session" => vec![("id", &target), ("session", &their_session)],
            "set_user_password" => vec![("id", &target), ("password", "a long enough password")],
            "set_user_quota" => vec![("id", &target), ("form[gpu]", "8")],
            "set_user_active" => vec![("id", &target), ("active", "true")],
            "create_role" => vec![("form[name]", &fresh)],
            "update_role" => vec![("id", &role), ("form[name]", &fresh)],
            "assign_role" | "revoke_role" => vec![("id", &target), ("role", &role)],
            "delete_role" => vec![("id", &role)],
            "sign_in" => vec![("username", &self.admin.name), ("password", self.admin.password)],
            "request_password_reset" => vec![("account", &fresh)],
            "confirm_password_reset" => vec![("token", "none"), ("new_password", &fresh)],
            "confirm_email_change" | "join_by_invitation" => vec![("token", "none")],
            "request_sign_up" => vec![("email", "a@b.example")],
            "accept_invitation" | "sign_up" => vec![("token", "none"), ("username", &fresh), ("password", &fresh)],
            "request_email_change" => vec![("email", "a@b.example"), ("password", &fresh)],
            "invite_person" => vec![("customer", &acme), ("email", "new@acme.example")],
            "revoke_invitation" => vec![("customer", &acme), ("id", "0")],
            "test_mail" => vec![("to", "a@b.example")],
            "read_notification" => vec![("id", "999999")],
            "choose_notifications" => vec![("mail[]", "renewal-decided")],
            "add_webhook" => vec![("name", &fresh), ("url", PRIVATE)],
            "change_webhook" | "test_webhook" | "remove_webhook" => vec![("id", &webhook), ("name", "pager")],
            "add_channel" => {
                vec![("kind", "wecom"), ("name", &fresh), ("url", PRIVATE), ("kinds[]", "allocation-ending")]
            }
            "change_channel" | "test_channel" | "remove_channel" => vec![("id", &channel), ("name", "group")],
            "create_spec" | "update_spec" => vec![
                ("id", &spec),
                ("form[name]", &fresh),
                ("form[cpu_cores]", "4"),
                ("form[memory_gb]", "16"),
                ("form[system_disk_gb]", "50"),
            ],
            "get_spec" | "list_spec_prices" | "delete_spec" => vec![("id", &spec)],
            "set_spec_listed" => vec![("id", &spec), ("listed", "true")],
            "add_spec_price" => vec![("id", &spec), ("price", "2.5")],
            "create_image" => vec![("form[name]", &fresh), ("form[address]", "library/pytorch:2.4")],
            "update_image" => vec![("id", &image), ("form[name]", &fresh)],
            "save_registry" => vec![("form[address]", "registry.example.org:5000")],
            "test_registry" | "delete_registry" => vec![("id", "999999")],
            "start_image_cleanup" => vec![("machine", "host-001")],
            "pull_image" | "cancel_image_pull" => vec![("id", &image), ("machine", "host-001")],
            "get_image_registry" | "push_image" | "forget_image_push" => vec![("id", &image)],
            "get_image" | "list_image_copies" | "approve_image" | "delete_image" => vec![("id", &image)],
            "reject_image" => vec![("id", &image), ("reason", "It has no licence.")],
            "set_image_listed" => vec![("id", &image), ("listed", "true")],
            "update_own_image" => vec![("id", &own_image), ("form[name]", &fresh)],
            "get_instance" | "instance_events" | "read_instance_logs" | "read_instance_stats" | "app_links" => {
                vec![("id", &instance)]
            }
            "get_recording" | "get_own_recording" => vec![("id", &self.recording)],
            "end_access" | "end_own_access" | "end_machine_access" | "end_own_machine_access" => {
                vec![("id", "01940000-0000-7000-8000-000000000000")]
            }
            "act_on_instance" => vec![("id", &instance), ("action", "stop"), ("reason", "they asked")],
            "get_own_instance"
            | "own_instance_events"
            | "own_ssh_command"
            | "own_instance_logs"
            | "own_instance_stats"
            | "own_instance_saves"
            | "own_instance_sizes"
            | "own_app_links"
            | "delete_own_instance" => {
                vec![("id", &own_instance)]
            }
            "add_own_app_link" => vec![("id", &own_instance), ("name", &fresh), ("port", "8888")],
            "remove_own_app_link" => vec![("id", &own_instance), ("link", "999999")],
            "remove_app_link" => vec![("id", &instance), ("link", "999999"), ("reason", "they asked")],
            "save_own_instance" => vec![("id", &own_instance), ("name", &fresh)],
            "resize_own_instance" => vec![("id", &own_instance), ("spec", "999999")],
            "update_own_instance" => vec![("id", &own_instance), ("name", &fresh)],
            "act_on_own_instance" => vec![("id", &own_instance), ("action", "stop")],
            "get_own_image" | "delete_own_image" | "share_own_image" => vec![("id", &own_image)],
            "abort_upload" => vec![("id", &upload)],
            "create_announcement" => {
                vec![("form[kind]", "announcement"), ("form[title]", &fresh), ("form[audience]", "staff")]
            }
            "update_announcement" => vec![
                ("id", &announcement),
                ("form[kind]", "maintenance"),
                ("form[title]", &fresh),
                ("form[audience]", "chosen"),
                ("customers[]", &acme),
            ],
            "dismiss_announcement" | "delete_announcement" => vec![("id", &announcement)],
            "test_identity_provider" | "delete_identity_provider" => vec![("id", &service)],
            "unlink_identity" => vec![("id", "0")],
            "save_identity_provider" => vec![
                ("form[kind]", "oidc"),
                ("form[name]", &fresh),
                ("form[issuer]", "http://127.0.0.1:1"),
                ("form[client_id]", "remotegpu"),
                ("form[name_claim]", "email"),
                ("form[groups_claim]", "groups"),
            ],
            "save_settings" => vec![("form[sign_in.captcha]", "image")],
            "confirm_settings_import" => vec![("id", &waits)],
            "switch_customer" | "leave_customer" => vec![("customer", &acme)],
            "set_preferences" => vec![("theme", "dark")],
            "sign_in_code" | "confirm_totp" => vec![("code", "123456")],
            "update_profile" => vec![("display_name", &fresh)],
            "end_session" => vec![("id", &session)],
            "revoke_api_token" => vec![("id", &api_token)],
            "remove_ssh_key" => vec![("id", &ssh_key)],
            "add_ssh_key" => vec![("public_key", "none")],
            "create_api_token" => vec![("name", &fresh), ("reach", "all")],
            "change_password" => vec![("old_password", self.admin.password), ("new_password", "weak")],
            "enroll_totp" => vec![("password", self.admin.password)],
            "renew_recovery_codes" | "disable_totp" => vec![("password", self.admin.password), ("code", "123456")],
            "get_machine" | "machine_live" => vec![("code", "host-001")],
            "confirm_import" | "take_back_import" | "discard_import" => vec![("id", &import)],
            "act_on_allocations" => vec![("ids[]", &allocation), ("action", "renew"), ("months", "1")],
            "choose_columns" => vec![("list", "machines"), ("columns[]", "name")],
            "act_on_machine" => vec![("code", "host-001"), ("action", "monitoring-off")],
            "act_on_machines" => vec![("ids[]", "host-001"), ("action", "monitoring-on")],
            "plan_maintenance" => vec![
                ("code", "host-001"),
                ("form[starts]", "2100-01-01T00:00"),
                ("form[ends]", "2100-01-02T00:00"),
                ("form[message]", "New fans"),
            ],
            "plan_maintenance_for_many" => vec![
                ("ids[]", "host-002"),
                ("form[starts]", "2100-01-01T00:00"),
                ("form[ends]", "2100-01-02T00:00"),
                ("form[message]", "New fans"),
            ],
            "cancel_maintenance" => vec![("code", "host-001"), ("id", &maintenance)],
            "set_connection" => vec![("code", "host-001"), ("form[user]", "root")],
            "set_engine" => {
                vec![("code", "host-001"), ("form[kind]", "local"), ("form[socket]", "/nonexistent/docker.sock")]
            }
            "get_engine" | "test_engine" | "accept_engine" | "remove_engine" => vec![("code", "host-001")],
            "machine_history" => vec![("code", "host-001"), ("range", "1h")],
            "create_machine" => vec![("form[name]", &fresh)],
            "update_machine" => vec![("code", "host-001"), ("form[name]", &fresh)],
            "create_join_token" => vec![("note", "another")],
            "revoke_join_token" => vec![("id", &self.join_token)],
            "create_customer" => vec![("form[name]", &fresh)],
            "update_customer" => vec![("id", &acme), ("form[name]", &fresh)],
            "set_customer_active" => vec![("id", &acme), ("active", "true")],
            "delete_customer" | "restore_customer" => vec![("id", &acme)],
            "add_customer_member" => vec![("id", &acme), ("new_username", &fresh), ("role", "member")],
            "allocate_machine" => {
                vec![("code", "host-001"), ("form[customer]", &globex), ("form[months]", "1")]
            }
            "renew_allocation" => vec![("id", &allocation), ("form[months]", "1")],
            "end_allocation" => vec![("id", &allocation)],
            "skip_reclaim_step" => vec![("id", &allocation), ("step", "processes")],
            "decide_renewal" => vec![("id", &request), ("form[decision]", "approve")],
            "request_renewal" => vec![("code", "host-001"), ("form[months]", "1")],
            "withdraw_renewal" => vec![("code", "host-001")],
            _ => vec![],
        };
        let request = self.elsewhere(self.server.request(who, "POST".parse().unwrap(), &sfn(name)));
        Answer::of(self.server.form(request, &args)).await
    }

    /// From an address of its own, so that no rate limit answers instead.
    fn elsewhere(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        request.header("x-forwarded-for", format!("203.0.{}.{}", number / 256, number % 256))
    }

    pub async fn call(&self, who: &Who, door: Door, method: &str, path: &str) -> (u16, Option<Answer>) {
        let answer = match door {
            Door::Rest => self.rest(who, method, path).await,
            Door::ServerFn => self.server_fn(who, path).await,
            Door::Socket | Door::Public => {
                // By now the allocation of host-001 has been ended.
                let path = path.replace("{code}", "host-002").replace("{id}", &self.instances[0].to_string());
                let opened = dial_as(&self.server, who, &path).await;
                return (opened.err().unwrap_or(101), None);
            }
        };
        (answer.status, Some(answer))
    }
}
