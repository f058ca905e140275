//! Registries that want to know who asks: engines pull from them by what is stored, and a test names what is wrong.

use contract::engines::{EngineKind, EngineWrite};
use contract::images::{CopyState, ImageCopy, ImagePull, ImageWrite};
use contract::registries::{RegistryFault, RegistryWrite};
use contract::{ErrorCode, ImageId, MachineId, RegistryId};
use platform::{OpContext, Platform, engines, images};
use test_support::{DockerEngine, PULLER, PULLER_PASSWORD, PrivateRegistry, TestPlatform};

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
    images::pull(platform, ctx, image, ImagePull { machine: "host-001".to_owned() }).await.unwrap();
    images::copy(platform, image, host, wish, true).await.unwrap();
    images::copies(platform, ctx, image).await.unwrap().remove(0)
}

#[tokio::test]
async fn an_engine_pulls_as_who_the_registry_knows() {
    let (engine, registry, test) = (DockerEngine::start(), PrivateRegistry::start(), TestPlatform::new().await);
    let (platform, ctx) = (&test.platform, test.admin().await.ctx());
    let host = test.node("host-001").await.machine;
    let socket = Some(engine.socket().to_str().unwrap().to_owned());
    let write = EngineWrite { socket, ..EngineWrite::new(EngineKind::Local) };
    engines::set(platform, &ctx, "host-001", write).await.unwrap();
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
    assert_eq!(fault(platform, &ctx, id).await, Some(RegistryFault::Tls), "nobody knows who signed its certificate");
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
