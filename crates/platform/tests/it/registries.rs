//! Registries that want to know who asks: engines pull from them by what is stored, and a test names what is wrong.

use contract::engines::{EngineKind, EngineWrite};
use contract::files::{FilePurpose, UploadCreate};
use contract::images::{CopyState, ImageCopy, ImagePull, ImageReason, ImageWrite};
use contract::registries::{RegistryFault, RegistryWrite};
use contract::{ErrorCode, ImageId, MachineId, RegistryId};
use platform::{OpContext, Platform, engines, files, images};
use test_support::{
    DockerEngine, PULLER, PULLER_PASSWORD, PrivateRegistry, TestPlatform, image_archive, loadable_archive,
};

fn named(address: &str, password: &str) -> RegistryWrite {
    RegistryWrite {
        address: address.to_owned(),
        plain: true,
        username: Some(PULLER.to_owned()),
        password: Some(password.to_owned()),
        ..RegistryWrite::default()
    }
}

async fn fault(platform: &Platform, ctx: &OpContext, id: RegistryId) -> Option<RegistryFault> {
    let test = images::test_registry(platform, ctx, id).await.unwrap();
    assert_eq!(test.done, test.fault.is_none());
    assert!(!test.message.is_empty());
    test.fault
}

/// What came of bringing it to the machine.
async fn brought(platform: &Platform, ctx: &OpContext, image: ImageId, host: MachineId, wish: i64) -> ImageCopy {
    images::pull(platform, ctx, image, ImagePull { machine: "host-001".to_owned(), reason: None }).await.unwrap();
    images::copy(platform, image, host, wish, true).await.unwrap();
    images::copies(platform, ctx, image).await.unwrap().remove(0)
}

/// A machine with this engine.
async fn machine(test: &TestPlatform, ctx: &OpContext, engine: &DockerEngine) -> MachineId {
    let host = test.node("host-001").await.machine;
    let socket = Some(engine.socket().to_str().unwrap().to_owned());
    let write = EngineWrite { socket, ..EngineWrite::new(EngineKind::Local) };
    engines::set(&test.platform, ctx, "host-001", write).await.unwrap();
    host
}

async fn uploaded(platform: &Platform, ctx: &OpContext, name: &str, archive: &[u8]) -> ImageId {
    let size = archive.len() as u64;
    let new = UploadCreate { name: "a.tar".to_owned(), size, sha256: None, purpose: FilePurpose::Image };
    let file = files::store_whole(platform, ctx, new, &mut &archive[..]).await.unwrap().id;
    let body = serde_json::from_value(serde_json::json!({ "file": file, "name": name })).unwrap();
    images::upload(platform, ctx, body).await.unwrap().id
}

#[tokio::test]
async fn an_engine_pulls_as_who_the_registry_knows() {
    let (engine, registry, test) = (DockerEngine::start(), PrivateRegistry::start(), TestPlatform::new().await);
    let (platform, ctx) = (&test.platform, test.admin().await.ctx());
    let host = machine(&test, &ctx, &engine).await;
    let address = registry.put_image("team/small", "1");
    let body = ImageWrite { name: "Small".to_owned(), address: Some(address), ..ImageWrite::default() };
    let image = images::create(platform, &ctx, body).await.unwrap().id;
    let nobody = brought(platform, &ctx, image, host, 1).await;
    assert_eq!(nobody.state, CopyState::Failed, "{nobody:?}");

    let made = images::create_registry(platform, &ctx, named(&registry.address(), "wrong")).await.unwrap();
    assert!(made.has_password && made.last_test.is_none(), "{made:?}");
    assert_eq!(fault(platform, &ctx, made.id).await, Some(RegistryFault::Credentials));
    assert_eq!(brought(platform, &ctx, image, host, 2).await.state, CopyState::Failed);
    let changed = images::update_registry(platform, &ctx, made.id, named(&registry.address(), PULLER_PASSWORD));
    assert_eq!(changed.await.unwrap().last_test, None, "what was found out is of what was there");
    assert_eq!(fault(platform, &ctx, made.id).await, None);
    let there = brought(platform, &ctx, image, host, 3).await;
    assert_eq!((there.state, there.fault.as_deref()), (CopyState::Present, None), "{there:?}");

    // The engine keeps nothing of who it was.
    images::delete_registry(platform, &ctx, made.id).await.unwrap();
    let (status, body) =
        engine.ask("DELETE", &format!("/images/{}/team/small:1", registry.address()), "text/plain", b"");
    assert_eq!(status, 200, "{body}");
    assert_eq!(brought(platform, &ctx, image, host, 4).await.state, CopyState::Failed);
    let told: i64 = sqlx::query_scalar("select count(*) from audit_events where target_kind = 'image_registry'")
        .fetch_one(test.owner_pool())
        .await
        .unwrap();
    assert_eq!(told, 5, "made, tested twice, changed, forgotten");
}

#[tokio::test]
async fn a_test_says_what_is_wrong_with_a_registry() {
    let registry = PrivateRegistry::start_with_tls();
    let test = TestPlatform::new().await;
    let (platform, ctx) = (&test.platform, test.admin().await.ctx());
    let secure = || RegistryWrite { plain: false, ..named(&registry.address(), PULLER_PASSWORD) };
    let id = images::create_registry(platform, &ctx, secure()).await.unwrap().id;
    let told = images::test_registry(platform, &ctx, id).await.unwrap();
    assert_eq!(told.fault, Some(RegistryFault::Tls), "nobody knows who signed its certificate: {told:?}");
    let ca = Some(registry.authority().certificate().to_owned());
    let known = RegistryWrite { ca_certificate: ca.clone(), password: None, ..secure() };
    let view = images::update_registry(platform, &ctx, id, known).await.unwrap();
    assert_eq!(view.ca_certificate.as_deref().map(str::trim), ca.as_deref().map(str::trim));
    assert_eq!(fault(platform, &ctx, id).await, None, "the password stayed");
    let stranger = RegistryWrite { username: None, password: None, ca_certificate: ca, ..secure() };
    images::update_registry(platform, &ctx, id, stranger).await.unwrap();
    assert_eq!(fault(platform, &ctx, id).await, Some(RegistryFault::Credentials));
    let plain = named(&registry.address(), PULLER_PASSWORD);
    images::update_registry(platform, &ctx, id, plain).await.unwrap();
    assert_eq!(fault(platform, &ctx, id).await, Some(RegistryFault::NotRegistry), "it speaks TLS there");
    images::update_registry(platform, &ctx, id, named("127.0.0.1:1", PULLER_PASSWORD)).await.unwrap();
    assert_eq!(fault(platform, &ctx, id).await, Some(RegistryFault::Connect));
}

#[tokio::test]
async fn a_password_is_for_the_address_it_was_typed_for() {
    let test = TestPlatform::new().await;
    let (platform, ctx) = (&test.platform, test.admin().await.ctx());
    let member = test.customer("Acme").await.owner.ctx();
    let hidden = images::create_registry(platform, &member, named("10.0.0.7:5000", "s3cret")).await.unwrap_err();
    assert_eq!(hidden.code, ErrorCode::NotFound);
    let view = images::create_registry(platform, &ctx, named("10.0.0.7:5000", "s3cret")).await.unwrap();
    let stored: Vec<u8> =
        sqlx::query_scalar("select password from image_registries").fetch_one(test.owner_pool()).await.unwrap();
    assert!(!stored.windows(6).any(|bytes| bytes == b"s3cret"), "it is sealed");
    let twice = images::create_registry(platform, &ctx, named("10.0.0.7:5000", "x")).await.unwrap_err();
    assert_eq!((twice.code, twice.fields[0].path), (ErrorCode::AlreadyExists, "address"));

    let keep = || RegistryWrite { password: None, ..named("10.0.0.7:5000", "") };
    let kept = images::update_registry(platform, &ctx, view.id, keep()).await.unwrap();
    assert!(kept.has_password && kept.revision > view.revision);
    let stale = RegistryWrite { revision: Some(view.revision), ..keep() };
    let stale = images::update_registry(platform, &ctx, view.id, stale).await.unwrap_err();
    assert_eq!(stale.code, ErrorCode::Conflict);
    for moved in [
        RegistryWrite { address: "10.0.0.8:5000".to_owned(), ..keep() },
        RegistryWrite { username: Some("somebody-else".to_owned()), ..keep() },
        RegistryWrite { plain: false, ..keep() },
    ] {
        let asked = images::update_registry(platform, &ctx, view.id, moved).await.unwrap_err();
        assert_eq!((asked.fields[0].path, asked.fields[0].key), ("password", "field-required"));
    }
    let forgotten = RegistryWrite { username: None, ..keep() };
    assert!(!images::update_registry(platform, &ctx, view.id, forgotten).await.unwrap().has_password);

    for (address, key) in [
        ("https://registry.example.org", "field-registry-address"),
        ("registry.example.org/team", "field-registry-address"),
        ("169.254.169.254", "field-address-closed"),
        ("8.8.8.8", "field-address-closed"),
        ("", "field-required"),
    ] {
        let wrong = images::create_registry(platform, &ctx, named(address, "x")).await.unwrap_err();
        assert_eq!((wrong.fields[0].path, wrong.fields[0].key), ("address", key), "{address}");
    }
}

#[tokio::test]
async fn an_archive_is_put_into_a_registry_and_pulled_from_there() {
    let (engine, registry, test) = (DockerEngine::start(), PrivateRegistry::start(), TestPlatform::new().await);
    let (platform, ctx) = (&test.platform, test.admin().await.ctx());
    let host = machine(&test, &ctx, &engine).await;
    let image = uploaded(platform, &ctx, "Ours", &loadable_archive("ours:1")).await;
    let early = images::push(platform, &ctx, image, ImageReason::default()).await.unwrap_err();
    assert_eq!((early.code, early.key), (ErrorCode::WrongState, "error-image-not-approved"));
    images::approve(platform, &ctx, image).await.unwrap();
    let nowhere = images::push(platform, &ctx, image, ImageReason::default()).await.unwrap_err();
    assert_eq!((nowhere.code, nowhere.key), (ErrorCode::WrongState, "error-no-registry-holds"));
    let holds = |password: &str| RegistryWrite { holds_archives: true, ..named(&registry.address(), password) };
    let docker = RegistryWrite { address: "docker.io".to_owned(), plain: false, ..holds("x") };
    let docker = images::create_registry(platform, &ctx, docker).await.unwrap_err();
    assert_eq!((docker.fields[0].path, docker.fields[0].key), ("holdsArchives", "field-registry-holds"));
    let attached = images::create_registry(platform, &ctx, holds("wrong")).await.unwrap();
    let second = RegistryWrite { address: "10.0.0.7:5000".to_owned(), ..holds("x") };
    let second = images::create_registry(platform, &ctx, second).await.unwrap_err();
    assert_eq!((second.fields[0].path, second.fields[0].key), ("holdsArchives", "field-registry-holds-taken"));

    let wanted = images::push(platform, &ctx, image, ImageReason::default()).await.unwrap();
    assert_eq!(wanted.holder.as_deref(), Some(registry.address().as_str()));
    assert_eq!(wanted.push.unwrap().state, CopyState::Waiting);
    let twice = images::push(platform, &ctx, image, ImageReason::default()).await.unwrap_err();
    assert_eq!((twice.code, twice.key), (ErrorCode::Conflict, "error-image-being-put"));
    images::push_archive(platform, image, 1, false).await.unwrap();
    let failed = images::image_registry(platform, &ctx, image).await.unwrap().push.unwrap();
    assert_eq!((failed.state, failed.fault), (CopyState::Failed, Some(RegistryFault::Credentials)), "{failed:?}");
    images::update_registry(platform, &ctx, attached.id, holds(PULLER_PASSWORD)).await.unwrap();
    images::push(platform, &ctx, image, ImageReason::default()).await.expect("it may be tried again");
    images::push_archive(platform, image, 2, false).await.unwrap();
    images::push_archive(platform, image, 2, false).await.expect("a job may run twice");
    let there = images::image_registry(platform, &ctx, image).await.unwrap().push.unwrap();
    assert_eq!((there.state, there.done == there.total, there.total > 100_000), (CopyState::Present, true, true));
    let reference = there.reference.unwrap();
    assert!(reference.starts_with(&format!("{}/remotegpu/image-{image}@sha256:", registry.address())), "{reference}");
    // All of it is there already, under the same digest.
    images::push(platform, &ctx, image, ImageReason::default()).await.expect("once more");
    images::push_archive(platform, image, 3, false).await.unwrap();
    let again = images::image_registry(platform, &ctx, image).await.unwrap().push.unwrap();
    assert_eq!(again.reference, Some(reference.clone()));

    assert_eq!(brought(platform, &ctx, image, host, 1).await.state, CopyState::Present);
    let digest = images::get(platform, &ctx, image).await.unwrap().digest.unwrap();
    let own = format!("/images/remotegpu.invalid/image-{image}:{}", digest.trim_start_matches("sha256:"));
    let named_so = |engine: &DockerEngine| engine.ask("GET", &format!("{own}/json"), "text/plain", b"");
    let (status, body) = named_so(&engine);
    assert!(status == 200 && body.contains("/remotegpu/image-"), "it came from the registry: {body}");
    let (status, _) = engine.ask("DELETE", &format!("/images/{reference}?force=1"), "text/plain", b"");
    assert_eq!(status, 200);
    engine.ask("DELETE", &own, "text/plain", b"");
    // What the registry does not give is sent.
    drop(registry);
    assert_eq!(brought(platform, &ctx, image, host, 2).await.state, CopyState::Present);
    let (status, body) = named_so(&engine);
    assert!(status == 200 && !body.contains("/remotegpu/image-"), "it came from the store: {body}");
    let (status, _) = engine.ask("GET", "/images/ours:1/json", "text/plain", b"");
    assert_eq!(status, 404, "the archive's own name is nobody's");

    assert!(images::forget_push(platform, &ctx, image).await.unwrap().push.is_none());
    let none = images::forget_push(platform, &ctx, image).await.unwrap_err();
    assert_eq!(none.code, ErrorCode::NotFound);
}

#[tokio::test]
async fn what_nobody_wants_in_a_registry_is_not_put_there() {
    let test = TestPlatform::new().await;
    let (platform, ctx) = (&test.platform, test.admin().await.ctx());
    let image = uploaded(platform, &ctx, "Ours", &image_archive("amd64", "o")).await;
    images::approve(platform, &ctx, image).await.unwrap();
    let holds = RegistryWrite { holds_archives: true, ..named("127.0.0.1:1", "x") };
    let attached = images::create_registry(platform, &ctx, holds).await.unwrap();
    images::push(platform, &ctx, image, ImageReason::default()).await.unwrap();
    images::push_archive(platform, image, 1, false).await.expect_err("it is tried again while nobody listens");
    images::tidy_copies(platform).await.unwrap();
    let waits = images::image_registry(platform, &ctx, image).await.unwrap().push.unwrap();
    assert_eq!(waits.state, CopyState::Running, "its job is there");
    images::push_archive(platform, image, 1, true).await.expect("nobody tries again");
    let failed = images::image_registry(platform, &ctx, image).await.unwrap().push.unwrap();
    assert_eq!((failed.state, failed.fault), (CopyState::Failed, Some(RegistryFault::Connect)));
    assert!(failed.message.is_some());

    images::push(platform, &ctx, image, ImageReason::default()).await.unwrap();
    images::forget_push(platform, &ctx, image).await.unwrap();
    images::push_archive(platform, image, 2, true).await.expect("it leaves it alone");
    assert!(images::image_registry(platform, &ctx, image).await.unwrap().push.is_none());
    images::push(platform, &ctx, image, ImageReason::default()).await.unwrap();
    images::delete_registry(platform, &ctx, attached.id).await.expect("with what is on its way there");
    let left = images::image_registry(platform, &ctx, image).await.unwrap();
    assert_eq!((left.holder, left.push), (None, None));
    let by_address = ImageWrite {
        name: "By address".to_owned(),
        address: Some("library/small:1".to_owned()),
        ..ImageWrite::default()
    };
    let by_address = images::create(platform, &ctx, by_address).await.unwrap().id;
    let none = images::push(platform, &ctx, by_address, ImageReason::default()).await.unwrap_err();
    assert_eq!((none.code, none.key), (ErrorCode::WrongState, "error-image-no-archive"));
}
