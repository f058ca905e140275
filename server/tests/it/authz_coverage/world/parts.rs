//! The parts that the world is made of, one after another.

use contract::accounts::{ApiTokenCreate, SshKeyCreate};
use contract::allocations::{AllocationCreate, RenewalRequestCreate};
use contract::announcements::{AnnouncementEdit, Audience};
use contract::budgets::BudgetWrite;
use contract::customers::MemberCreate;
use contract::files::{FilePurpose, UploadCreate};
use contract::images::ImageUpload;
use contract::imports::ImportSubject;
use contract::machines::{JoinTokenCreate, MaintenanceCreate};
use contract::notifications::{ChannelCreate, ChannelKind, WebhookCreate};
use contract::roles::RoleWrite;
use contract::specs::SpecPriceCreate;
use contract::{
    AllocationId, AnnouncementId, BudgetId, ChannelId, FileId, IdentityProviderId, ImageId, ImportId, InstanceId,
    MaintenanceId, Permission, RenewalRequestId, RoleId, SessionId, SettingsImportId, SpecId, SshKeyId, UploadId,
};
use platform::billing::budgets;
use platform::{
    accounts, allocations, announcements, customers, files, images, imports, machines, notifications, roles, settings,
    specs,
};
use serde_json::{Value, json};
use test_support::{TestCustomer, TestNode, TestUser};

use super::PRIVATE;
use crate::harness::Server;

/// Webhooks of the admin's and channels of the platform's. Nothing leaves this host: the address is a private one.
pub(super) async fn channels(server: &Server, admin: &TestUser) -> ([ChannelId; 2], [ChannelId; 2]) {
    let webhook = async || {
        let body = WebhookCreate { name: "pager".to_owned(), url: PRIVATE.to_owned(), secret: None };
        notifications::add_webhook(server.platform(), &admin.ctx(), body).await.unwrap().webhook.id
    };
    let channel = async || {
        let body = ChannelCreate {
            kind: ChannelKind::Wecom,
            name: "group".to_owned(),
            url: PRIVATE.to_owned(),
            secret: None,
            kinds: None,
        };
        notifications::add_channel(server.platform(), &admin.ctx(), body).await.unwrap().id
    };
    ([webhook().await, webhook().await], [channel().await, channel().await])
}

/// What Acme's owner brought in.
pub(super) struct Library {
    /// Open.
    pub(super) upload: UploadId,
    /// Nothing is made of it.
    pub(super) file: FileId,
    /// One for its customer, one for staff.
    pub(super) images: [ImageId; 2],
    /// What the images are made of.
    pub(super) archive: FileId,
    /// The platform's.
    pub(super) platform_archive: FileId,
}

impl Library {
    pub(super) async fn new(server: &Server, admin: &TestUser, owner: &TestUser) -> Self {
        let archive = test_support::image_archive("amd64", "any");
        let new = |size| UploadCreate { name: "a.tar".to_owned(), size, sha256: None, purpose: FilePurpose::Image };
        let stored = async |whose: &TestUser| {
            let new = new(archive.len() as u64);
            let mut body = &archive[..];
            Box::pin(files::store_whole(server.platform(), &whose.ctx(), new, &mut body)).await.unwrap().id
        };
        let platform_archive = stored(admin).await;
        let (file, archive) = (stored(owner).await, stored(owner).await);
        let image = async |name: &str| {
            let body = json!({ "file": archive, "name": name });
            let body: ImageUpload = serde_json::from_value(body).unwrap();
            Box::pin(images::upload_own(server.platform(), &owner.ctx(), body)).await.unwrap().id
        };
        let upload = files::create_upload(server.platform(), &owner.ctx(), new(5)).await.unwrap().id;
        Self { upload, file, images: [image("one").await, image("two").await], archive, platform_archive }
    }
}

/// Two that ran and were stopped, on a machine that nobody else has anything of.
pub(super) async fn instances(server: &Server, acme: &TestCustomer, image: ImageId, spec: SpecId) -> [InstanceId; 2] {
    let machine = "insert into machines (code, name, pool) values ('host-050', 'Fifty', 'shared') returning id::text";
    let machine = server.sql(machine).await.remove(0);
    let frozen = json!({
        "id": spec, "name": "Small", "gpuCount": 0, "gpuUse": "whole", "cpuCores": 1, "memoryGb": 1, "systemDiskGb": 1,
        "dataDiskGb": 0, "pricePerHour": "1", "currency": "CNY",
    });
    let (customer, owner) = (acme.id, acme.owner.id);
    let one = async |name: &str| {
        let insert = format!(
            "insert into instances (customer_id, created_by, name, machine_id, machine_code, machine_name, image_id,
                                    image_name, spec_id, spec, gpu_count, cpu_cores, memory_gb, disk_gb, wanted,
                                    observed, made_at, state, created_at)
             values ({customer}, {owner}, '{name}', {machine}, 'host-050', 'Fifty', {image}, 'one', {spec}, '{frozen}',
                     0, 1, 1, 1, 'stopped', 'ended', now(), 'stopped', now()) returning id::text"
        );
        InstanceId(server.sql(&insert).await.remove(0).parse().unwrap())
    };
    [one("first").await, one("second").await]
}

/// What the one whose instance it is was recorded doing there.
pub(super) async fn recording(server: &Server, instance: InstanceId) -> String {
    let insert = format!(
        "insert into recordings (id, access_id, door, kind, instance_id, customer_id, user_id, server_id, cols, rows,
                                 began_at, lease_until, ended_at, ending)
         select gen_random_uuid(), gen_random_uuid(), 'ssh', 'screen', id, customer_id, created_by, gen_random_uuid(), 80,
                24, now(), now(), now(), 'over'
         from instances where id = {instance} returning id::text"
    );
    server.sql(&insert).await.remove(0)
}

/// One of Acme's own and one that staff set, for each door.
pub(super) async fn budgets(server: &Server, admin: &TestUser, acme: &TestCustomer) -> [[BudgetId; 2]; 2] {
    let pair = async |door: &str| {
        let body = |whose: &str| BudgetWrite {
            name: format!("{whose} {door}"),
            amount: "100".to_owned(),
            ..BudgetWrite::default()
        };
        let own = budgets::create_own(server.platform(), &acme.owner.ctx(), body("own")).await.unwrap();
        let of_staff = BudgetWrite { customer_id: Some(acme.id), ..body("cap") };
        let of_staff = budgets::create(server.platform(), &admin.ctx(), of_staff).await.unwrap();
        [own.id, of_staff.id]
    };
    [pair("rest").await, pair("pages").await]
}

/// A spec without GPUs.
pub(super) fn spec(name: &str) -> Value {
    json!({ "name": name, "cpuCores": 4, "memoryGb": 16, "systemDiskGb": 50 })
}

/// A sign-in service where nobody answers.
pub(super) fn provider(name: &str) -> Value {
    json!({ "kind": "oidc", "name": name, "oidc": { "issuer": "http://127.0.0.1:1", "clientId": "remotegpu" } })
}

/// Makes the future in this function's frame, not in its caller's.
#[inline(never)]
pub(super) fn boxed<'a, F: Future + 'a>(
    part: impl FnOnce() -> F,
) -> std::pin::Pin<Box<dyn Future<Output = F::Output> + 'a>> {
    Box::pin(part())
}

/// People whom nobody else's test is about.
pub(super) struct People {
    pub(super) custom: TestUser,
    pub(super) extra: [TestUser; 2],
    pub(super) role: RoleId,
}

impl People {
    pub(super) async fn new(server: &Server, admin: &TestUser, acme: &TestCustomer) -> Self {
        let powers = [Permission::MachinesView, Permission::CustomersManage, Permission::UsersView];
        let custom = server.test.with_role("custom", &powers).await;
        let spare = RoleWrite { name: "Spare".to_owned(), ..Default::default() };
        let role = roles::create(server.platform(), &admin.ctx(), spare).await.unwrap().id;
        let extra = [server.test.outsider("extra1").await, server.test.outsider("extra2").await];
        for person in &extra {
            let body = MemberCreate { username: person.name.clone(), existing: true, ..Default::default() };
            customers::add_member(server.platform(), &admin.ctx(), acme.id, body).await.unwrap();
        }
        Self { custom, extra, role }
    }
}

/// Two machines, both lent to Acme.
pub(super) struct Fleet {
    pub(super) node: TestNode,
    pub(super) join_token: String,
    pub(super) allocation: AllocationId,
    pub(super) request: RenewalRequestId,
    pub(super) maintenance: MaintenanceId,
}

impl Fleet {
    pub(super) async fn new(server: &Server, admin: &TestUser, acme: &TestCustomer) -> Self {
        let request = JoinTokenCreate { note: "for the table".to_owned(), ..Default::default() };
        let token = machines::create_join_token(server.platform(), &admin.ctx(), request).await.unwrap();
        let node = server.test.node("host-001").await;
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
        Self {
            node,
            join_token: token.token.id.to_string(),
            allocation,
            request: asked.allocation.open_request.unwrap(),
            maintenance: planned.maintenance[0].id,
        }
    }
}

/// What waits to be confirmed, and what is set up of the platform itself.
pub(super) struct Office {
    pub(super) import: ImportId,
    pub(super) user_import: ImportId,
    pub(super) settings_import: SettingsImportId,
    pub(super) identity_provider: IdentityProviderId,
    pub(super) announcement: AnnouncementId,
    pub(super) spec: SpecId,
}

impl Office {
    pub(super) async fn new(server: &Server, admin: &TestUser, acme: &TestCustomer) -> Self {
        let stage = async |subject| {
            let staged = imports::stage(server.platform(), &admin.ctx(), subject, "a.xlsx", &[1][..]).await;
            staged.unwrap().id
        };
        let (import, user_import) = (stage(ImportSubject::Machines).await, stage(ImportSubject::Users).await);
        let wish = br#"{"format":1,"settings":{"branding.name":"Lab"}}"#;
        let waits = settings::stage_import(server.platform(), &admin.ctx(), wish).await.unwrap();
        let service = serde_json::from_value(provider("Sso")).unwrap();
        let service = accounts::identity::create(server.platform(), &admin.ctx(), service).await.unwrap();
        let said = AnnouncementEdit {
            title: "New fans".to_owned(),
            audience: Audience::Chosen,
            customer_ids: vec![acme.id],
            ..Default::default()
        };
        let said = announcements::create(server.platform(), &admin.ctx(), said).await.unwrap();
        let spec = serde_json::from_value(spec("Small")).unwrap();
        let spec = specs::create(server.platform(), &admin.ctx(), spec).await.unwrap().id;
        let price = SpecPriceCreate { price_per_hour: "1".to_owned(), starts_at: None };
        specs::add_price(server.platform(), &admin.ctx(), spec, price).await.unwrap();
        Self {
            import,
            user_import,
            settings_import: waits.id,
            identity_provider: service.id,
            announcement: said.id,
            spec,
        }
    }
}

/// The admin's own.
pub(super) async fn credentials(server: &Server, admin: &TestUser) -> (SessionId, SshKeyId) {
    let robot = ApiTokenCreate { name: "a robot".to_owned(), ..Default::default() };
    let robot = accounts::create_api_token(server.platform(), &admin.ctx(), robot).await.unwrap();
    let key = SshKeyCreate { name: None, public_key: test_support::SSH_PUBLIC_KEY.to_owned() };
    (robot.token.id, accounts::add_ssh_key(server.platform(), &admin.ctx(), key).await.unwrap().id)
}
