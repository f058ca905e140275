//! Every REST operation, server function and socket, called for real by everybody.
//!
//! The table (`table.rs`) is compared with the router's registry: a route without a line fails, a line without a route too.

mod table;

use std::collections::BTreeSet;

use contract::accounts::{ApiTokenCreate, Language, LoginRequest, SshKeyCreate};
use contract::allocations::{AllocationCreate, RenewalRequestCreate};
use contract::live::{ClientMessage, FLEET_TOPIC, WALL_TOPIC};
use contract::machines::{JoinTokenCreate, MaintenanceCreate};
use contract::{
    AllocationId, IdentityProviderId, ImportId, MaintenanceId, RenewalRequestId, SessionId, SettingsImportId, SshKeyId,
};
use platform::{accounts, allocations, machines, settings};
use serde_json::{Value, json};
use server::router::{self, Door};
use test_support::{TestCustomer, TestNode, TestUser};

use self::table::{CALLERS, PUBLIC, TABLE};
use crate::harness::{Answer, Server, Who};
use crate::sockets::{Live, dial_as};

struct World {
    server: Server,
    nowhere: TestUser,
    acme: TestCustomer,
    globex: TestCustomer,
    admin: TestUser,
    node: TestNode,
    join_token: String,
    /// The admin's.
    api_token: SessionId,
    ssh_key: SshKeyId,
    /// Of Acme: host-001 is lent to it.
    allocation: AllocationId,
    /// For host-002.
    request: RenewalRequestId,
    /// Staged; nobody reads it here.
    import: ImportId,
    /// Planned for host-001.
    maintenance: MaintenanceId,
    /// Waits to be confirmed.
    settings_import: SettingsImportId,
    /// A sign-in service that nobody answers at.
    identity_provider: IdentityProviderId,
}

impl World {
    async fn new() -> Self {
        // Browsers sign in often here, each from an address of its own.
        let server = Server::with(|config| config.trusted_proxies = 1).await;
        let admin = server.test.admin().await;
        let request = JoinTokenCreate { note: "for the table".to_owned(), ..Default::default() };
        let token = machines::create_join_token(server.platform(), &admin.ctx(), request).await.unwrap();
        let (acme, node) = (server.test.customer("Acme").await, server.test.node("host-001").await);
        let lend = async |code: &str| {
            let body = AllocationCreate { customer_id: Some(acme.id), months: Some(3), ..Default::default() };
            allocations::create(server.platform(), &admin.ctx(), code, body).await.unwrap().allocation.id
        };
        let allocation = lend("host-001").await;
        // Another machine's, so that each request is the only open one of its allocation.
        server.test.node("host-002").await;
        lend("host-002").await;
        let wish = RenewalRequestCreate { months: Some(1), ..Default::default() };
        let asked = allocations::request_renewal(server.platform(), &acme.owner.ctx(), "host-002", wish).await.unwrap();
        let now = server.platform().clock().now();
        let window = MaintenanceCreate {
            starts_at: Some(now + chrono::TimeDelta::days(30)),
            ends_at: now + chrono::TimeDelta::days(31),
            message: "New fans".to_owned(),
        };
        let planned = machines::plan_maintenance(server.platform(), &admin.ctx(), "host-001", window).await.unwrap();
        let robot = ApiTokenCreate { name: "a robot".to_owned(), ..Default::default() };
        let robot = accounts::create_api_token(server.platform(), &admin.ctx(), robot, None).await.unwrap();
        let key = SshKeyCreate { name: None, public_key: test_support::SSH_PUBLIC_KEY.to_owned() };
        let staged = machines::stage_import(server.platform(), &admin.ctx(), "a.xlsx", &[1][..]).await.unwrap();
        let wish = br#"{"format":1,"settings":{"branding.name":"Lab"}}"#;
        let waits = settings::stage_import(server.platform(), &admin.ctx(), wish).await.unwrap();
        let service = serde_json::from_value(provider("Sso")).unwrap();
        let provider = accounts::identity::create(server.platform(), &admin.ctx(), service).await.unwrap();
        Self {
            identity_provider: provider.id,
            api_token: robot.token.id,
            settings_import: waits.id,
            ssh_key: accounts::add_ssh_key(server.platform(), &admin.ctx(), key).await.unwrap().id,
            import: staged.id,
            maintenance: planned.maintenance[0].id,
            nowhere: server.test.outsider("stranger").await,
            globex: server.test.customer("Globex").await,
            allocation,
            request: asked.allocation.open_request.unwrap(),
            acme,
            node,
            join_token: token.token.id.to_string(),
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
            _ => None,
        }
    }

    /// Credentials as this caller brings them to this door; always new, because some calls end them.
    async fn credentials(&self, caller: &str, door: Door) -> Who {
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
            ("POST", "/api/auth/tokens") => json!({ "name": name }),
            ("POST", "/api/customer/settings/ssh-keys") => json!({ "publicKey": "none" }),
            ("POST", "/api/auth/password/change") => {
                json!({ "oldPassword": self.admin.password, "newPassword": "weak" })
            }
            ("POST", "/api/auth/totp/confirm") => json!({ "code": "123456" }),
            ("POST", "/api/auth/totp/disable") => json!({ "password": self.admin.password, "code": "123456" }),
            ("PUT", "/api/customer/settings/notifications") => json!({ "quietFrom": "22:00", "quietUntil": "07:00" }),
            ("PUT", "/api/admin/settings/{key}") => json!({ "value": "Lab 7" }),
            ("POST", "/api/admin/settings/identity-providers/{id}/test") => json!({}),
            ("POST" | "PUT", path) if path.starts_with("/api/admin/settings/identity-providers") => provider(&name),
            ("POST", "/api/admin/settings/import") => json!({ "format": 1, "settings": {} }),
            ("PUT", "/api/auth/list-columns/{list}") => json!({ "columns": ["name", "region"] }),
            ("POST", "/api/admin/machines/import/preview") => json!({ "any": "bytes" }),
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
            ("POST", "/api/admin/monitoring/machines") => json!({ "id": "host-001" }),
            ("POST", "/api/auth/login") => json!({ "username": self.admin.name, "password": self.admin.password }),
            ("POST", "/api/auth/password-reset/request") => json!({ "account": name }),
            ("POST", "/api/auth/password-reset/confirm") => json!({ "token": "none", "newPassword": name }),
            ("POST", "/api/auth/email-change/request") => json!({ "email": "a@b.example", "password": name }),
            ("POST", "/api/auth/email-change/confirm") => json!({ "token": "none" }),
            ("POST", "/api/auth/invitation/accept") => json!({ "token": "none", "username": name, "password": name }),
            ("POST", "/api/admin/customers/{id}/invitations" | "/api/customer/members/invitations") => {
                json!({ "email": "new@acme.example" })
            }
            ("POST", "/api/admin/settings/mail/test") => json!({ "to": "a@b.example" }),
            ("POST", "/api/admin/machines" | "/api/admin/customers") | ("PUT", _) => json!({ "name": name }),
            ("POST", "/api/admin/customers/{id}/members") => json!({ "username": name }),
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
                    otp: None,
                };
                let ctx = self.server.test.anonymous();
                let answer = accounts::issue_access_token(self.server.platform(), &ctx, &request, None).await.unwrap();
                json!({ "refreshToken": answer.refresh_token })
            }
            _ => self.body(method, path),
        };
        let id = match path.split('/').nth(3) {
            Some("customers") => self.acme.id.to_string(),
            Some("allocations") => self.allocation.to_string(),
            Some("renewal-requests") => self.request.to_string(),
            Some("sessions") => self.admin.principal.session.to_string(),
            Some("tokens") => self.api_token.to_string(),
            Some("settings") => self.ssh_key.to_string(),
            _ => self.join_token.clone(),
        };
        let id = if path.contains("/import/") { self.import.to_string() } else { id };
        let id = if path.contains("/notifications/") { "999999".to_owned() } else { id };
        let id = if path.contains("/settings/import/") { self.settings_import.to_string() } else { id };
        let of_provider = path.contains("/identity-providers/");
        let id = if of_provider { self.identity_provider.to_string() } else { id };
        let id = if path.contains("/maintenance/") { self.maintenance.to_string() } else { id };
        let path = path.replace("{code}", "host-001").replace("{id}", &id).replace("{step}", "processes");
        let path = path.replace("{list}", "machines").replace("{key}", "branding.name").replace("{invitation}", "0");
        let request = self.server.request(who, method.parse().unwrap(), &path);
        Answer::of(if body.is_null() { request } else { request.json(&body) }).await
    }

    async fn server_fn(&self, who: &Who, name: &str) -> Answer {
        let fresh = format!("m-{}", uuid::Uuid::new_v4().simple());
        let (acme, globex) = (self.acme.id.to_string(), self.globex.id.to_string());
        let (allocation, request) = (self.allocation.to_string(), self.request.to_string());
        let (maintenance, import) = (self.maintenance.to_string(), self.import.to_string());
        let (session, api_token) = (self.admin.principal.session.to_string(), self.api_token.to_string());
        let waits = self.settings_import.to_string();
        let ssh_key = self.ssh_key.to_string();
        let service = self.identity_provider.to_string();
        let args: Vec<(&str, &str)> = match name {
            "sign_in" => vec![("username", &self.admin.name), ("password", self.admin.password)],
            "request_password_reset" => vec![("account", &fresh)],
            "confirm_password_reset" => vec![("token", "none"), ("new_password", &fresh)],
            "confirm_email_change" => vec![("token", "none")],
            "accept_invitation" => vec![("token", "none"), ("username", &fresh), ("password", &fresh)],
            "request_email_change" => vec![("email", "a@b.example"), ("password", &fresh)],
            "invite_person" => vec![("customer", &acme), ("email", "new@acme.example")],
            "revoke_invitation" => vec![("customer", &acme), ("id", "0")],
            "test_mail" => vec![("to", "a@b.example")],
            "read_notification" => vec![("id", "999999")],
            "choose_notifications" => vec![("mail[]", "renewal-decided")],
            "save_settings" => vec![("form[sign_in.captcha]", "image")],
            "confirm_settings_import" => vec![("id", &waits)],
            "set_preferences" => vec![("theme", "dark")],
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
            "sign_in_code" | "confirm_totp" => vec![("code", "123456")],
            "update_profile" => vec![("display_name", &fresh)],
            "end_session" => vec![("id", &session)],
            "revoke_api_token" => vec![("id", &api_token)],
            "remove_ssh_key" => vec![("id", &ssh_key)],
            "add_ssh_key" => vec![("public_key", "none")],
            "create_api_token" => vec![("name", &fresh), ("reach", "all")],
            "change_password" => vec![("old_password", self.admin.password), ("new_password", "weak")],
            "disable_totp" => vec![("password", self.admin.password), ("code", "123456")],
            "get_machine" | "machine_live" => vec![("code", "host-001")],
            "confirm_import" | "discard_import" => vec![("id", &import)],
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
            "machine_history" => vec![("code", "host-001"), ("range", "1h")],
            "create_machine" => vec![("form[name]", &fresh)],
            "update_machine" => vec![("code", "host-001"), ("form[name]", &fresh)],
            "create_join_token" => vec![("body[note]", "another")],
            "revoke_join_token" => vec![("id", &self.join_token)],
            "create_customer" => vec![("form[name]", &fresh)],
            "update_customer" => vec![("id", &acme), ("form[name]", &fresh)],
            "set_customer_active" => vec![("id", &acme), ("active", "true")],
            "add_customer_member" => vec![("id", &acme), ("body[username]", &fresh)],
            "allocate_machine" => {
                vec![("code", "host-001"), ("form[customer]", &globex), ("form[months]", "1")]
            }
            "renew_allocation" => vec![("id", &allocation), ("form[months]", "1")],
            "end_allocation" => vec![("id", &allocation)],
            "skip_reclaim_step" => vec![("id", &allocation), ("step", "processes")],
            "decide_renewal" => vec![("id", &request), ("form[decision]", "approve")],
            "request_renewal" => vec![("code", "host-001"), ("form[months]", "1")],
            _ => vec![],
        };
        self.server.call(who, name, &args).await
    }

    async fn call(&self, who: &Who, door: Door, method: &str, path: &str) -> (u16, Option<Answer>) {
        let answer = match door {
            Door::Rest => self.rest(who, method, path).await,
            Door::ServerFn => self.server_fn(who, path).await,
            Door::Socket | Door::Public => {
                // By now the allocation of host-001 has been ended.
                let opened = dial_as(&self.server, who, &path.replace("{code}", "host-002")).await;
                return (opened.err().unwrap_or(101), None);
            }
        };
        (answer.status, Some(answer))
    }
}

/// A sign-in service where nobody answers.
fn provider(name: &str) -> Value {
    json!({ "kind": "oidc", "name": name, "oidc": { "issuer": "http://127.0.0.1:1", "clientId": "remotegpu" } })
}

/// What the status means, in the number every door gives.
fn code_of(status: u16) -> Option<u64> {
    match status {
        200 | 201 => Some(0),
        400 => Some(1000),
        401 => Some(1100),
        403 => Some(1200),
        404 => Some(1300),
        409 => Some(1400),
        422 => Some(1402),
        _ => None,
    }
}

#[test]
fn every_route_has_its_line_and_every_line_its_route() {
    let mut mounted = BTreeSet::new();
    let mut public = BTreeSet::new();
    for route in router::registry() {
        let place = match route.door {
            Door::Public => {
                public.insert(route.path);
                continue;
            }
            Door::ServerFn => route.path.rsplit('/').next().unwrap().to_owned(),
            Door::Rest | Door::Socket => route.path.clone(),
        };
        let line = (format!("{:?}", route.door), route.method, place);
        assert!(mounted.insert(line), "mounted twice: {}", route.path);
    }
    let table: BTreeSet<_> = TABLE
        .iter()
        .map(|(door, method, place, _)| (format!("{door:?}"), (*method).to_owned(), (*place).to_owned()))
        .collect();
    assert_eq!(table.len(), TABLE.len(), "a line stands twice");
    let missing: Vec<_> = mounted.difference(&table).collect();
    assert!(missing.is_empty(), "say who may call these: {missing:?}");
    let stale: Vec<_> = table.difference(&mounted).collect();
    assert!(stale.is_empty(), "these are mounted nowhere: {stale:?}");
    assert_eq!(public.iter().map(String::as_str).collect::<Vec<_>>(), PUBLIC, "public routes carry nothing of anybody");
}

#[tokio::test]
async fn everybody_gets_from_rest_and_sockets_what_the_table_says() {
    calls_answer_as_the_table_says(&[Door::Rest, Door::Socket]).await;
}

#[tokio::test]
async fn everybody_gets_from_server_functions_what_the_table_says() {
    calls_answer_as_the_table_says(&[Door::ServerFn]).await;
}

/// A world per kind of door, because some calls use up what they are about.
async fn calls_answer_as_the_table_says(doors: &[Door]) {
    let world = World::new().await;
    let mut wrong = Vec::new();
    for (door, method, path, expected) in TABLE.iter().filter(|(door, ..)| doors.contains(door)) {
        for (caller, expected) in CALLERS.iter().zip(expected) {
            let who = world.credentials(caller, *door).await;
            let (status, answer) = world.call(&who, *door, method, path).await;
            // A workbook is no envelope.
            let code = answer.as_ref().filter(|answer| !answer.text.starts_with("PK")).map(Answer::code);
            if status != *expected || (code.is_some() && code != code_of(*expected)) {
                let text = answer.map(|answer| answer.text).unwrap_or_default();
                wrong.push(format!("{door:?} {method} {path} as {caller}: {status} {code:?}, not {expected}: {text}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // What all these calls left in the log can be read in both languages.
    for word in world.server.sql("select distinct action || ' ' || target_kind from audit_events").await {
        let (action, kind) = word.split_once(' ').unwrap();
        for language in [Language::Zh, Language::En] {
            assert_ne!(texts::audit_action(language, action), action, "no {language:?} word for it");
            assert_ne!(texts::audit_kind(language, kind), kind, "no {language:?} word for it");
        }
    }
}

#[tokio::test]
async fn the_live_socket_shows_its_topics_to_those_they_are_for() {
    let world = World::new().await;
    world.server.test.node("host-003").await;
    for caller in ["nowhere", "member", "owner", "other"] {
        let mut live = Live::open(&world.server, &world.credentials(caller, Door::Socket).await).await;
        for topic in [WALL_TOPIC, FLEET_TOPIC, "machine/host-003", "machine/no-such", "machine/../..", "nothing"] {
            live.subscribe(topic, None).await;
            assert_eq!(live.refusal().await, 1300, "{caller}: {topic}");
        }
        live.subscribe("machine/host-001", None).await;
        if ["member", "owner"].contains(&caller) {
            live.snapshot().await;
        } else {
            assert_eq!(live.refusal().await, 1300, "{caller}: a machine that Acme has");
        }
    }
    let mut live = Live::open(&world.server, &world.credentials("admin", Door::Socket).await).await;
    for topic in [WALL_TOPIC, FLEET_TOPIC, "machine/host-001"] {
        live.subscribe(topic, None).await;
        live.snapshot().await;
        live.say(&ClientMessage::Unsubscribe { topic: topic.to_owned() }).await;
    }
    live.subscribe("machine/no-such", None).await;
    assert_eq!(live.refusal().await, 1300, "staff see what there is");
}

#[tokio::test]
async fn people_see_their_own_customer_and_no_other() {
    let world = World::new().await;
    for (caller, own, foreign) in [("owner", &world.acme, &world.globex), ("other", &world.globex, &world.acme)] {
        let (program, browser) =
            (world.credentials(caller, Door::Rest).await, world.credentials(caller, Door::ServerFn).await);
        let customer = world.server.get(&program, "/api/customer").await;
        assert_eq!(customer.data()["name"], own.name);
        let by_rest = world.server.get(&program, "/api/customer/members").await.data();
        let by_page = world.server.call(&browser, "list_members", &[]).await.json();
        for list in [by_rest, by_page] {
            let names: BTreeSet<_> =
                list.as_array().unwrap().iter().map(|member| member["name"].as_str().unwrap().to_owned()).collect();
            assert_eq!(names, BTreeSet::from([own.owner.name.clone(), own.member.name.clone()]));
            assert!(!names.contains(&foreign.owner.name));
        }
    }
}

#[tokio::test]
async fn a_refused_attempt_is_written_down() {
    let world = World::new().await;
    let who = world.credentials("member", Door::Rest).await;
    assert_eq!(world.server.get(&who, "/api/admin/audits").await.status, 404);
    let statement = format!(
        "select action from audit_events where outcome = 'denied' and actor_id = {} and via = 'rest'",
        world.acme.member.id
    );
    assert_eq!(world.server.sql(&statement).await, ["audit:view"]);
}
