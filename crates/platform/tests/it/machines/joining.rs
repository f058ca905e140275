//! How agents join and what they report; the rest of the machines' tests is beside this.

use super::*;

#[tokio::test]
async fn lists_filter_sort_and_page() {
    let world = World::new().await;
    let declared = |model: &str, count| DeclaredHardware {
        gpu_model: Some(model.to_owned()),
        gpu_count: Some(count),
        ..DeclaredHardware::default()
    };
    for (name, region, address, model, count, pool) in [
        ("alpha", "north", "10.0.0.1", "H100 80G", 8, Pool::Whole),
        ("beta", "north", "10.0.0.2", "RTX 4090", 2, Pool::Shared),
        ("gamma_x", "south", "10.1.0.3", "H100 80G", 4, Pool::Whole),
        ("delta", "south", "10.1.0.4", "RTX 4090", 8, Pool::Whole),
    ] {
        world
            .create(MachineCreate {
                id: Some(name.replace('_', "-")),
                region: Some(region.to_owned()),
                private_address: Some(address.to_owned()),
                pool: Some(pool),
                listed: name == "beta",
                declared: declared(model, count),
                ..named(name)
            })
            .await;
    }
    let all = MachineQuery::default;
    let text = |text: &str| Some(text.to_owned());
    for (what, query, expected) in [
        ("default order", all(), vec!["alpha", "beta", "delta", "gamma-x"]),
        ("name", MachineQuery { q: text("ALPH"), ..all() }, vec!["alpha"]),
        ("address", MachineQuery { q: text("10.1."), ..all() }, vec!["delta", "gamma-x"]),
        ("model", MachineQuery { q: text("h100"), ..all() }, vec!["alpha", "gamma-x"]),
        ("percent sign is itself", MachineQuery { q: text("%"), ..all() }, vec![]),
        ("underscore is itself", MachineQuery { q: text("_"), ..all() }, vec!["gamma-x"]),
        ("quote", MachineQuery { q: text("' or 1=1 --"), ..all() }, vec![]),
        ("region", MachineQuery { region: text("south"), ..all() }, vec!["delta", "gamma-x"]),
        ("pool", MachineQuery { pool: Some(Pool::Shared), ..all() }, vec!["beta"]),
        ("listed", MachineQuery { listed: Some(true), ..all() }, vec!["beta"]),
        ("model filter", MachineQuery { gpu_model: text("RTX 4090"), ..all() }, vec!["beta", "delta"]),
        (
            "several columns",
            MachineQuery { sort: text("-gpuCount,name"), ..all() },
            vec!["alpha", "delta", "gamma-x", "beta"],
        ),
        (
            "region, then name backwards",
            MachineQuery { sort: text("region,-name"), ..all() },
            vec!["beta", "alpha", "gamma-x", "delta"],
        ),
    ] {
        assert_eq!(world.codes(query).await, expected, "{what}");
    }
    let page = |page| MachineQuery { page: Some(page), page_size: Some(3), ..all() };
    for (number, expected) in [(1, vec!["alpha", "beta", "delta"]), (2, vec!["gamma-x"]), (3, vec![])] {
        let found = machines::list(&world.platform, &world.admin.ctx(), &page(number)).await.unwrap();
        let codes: Vec<_> = found.list.iter().map(|row| row.id.as_str()).collect();
        assert_eq!((codes, found.total, found.page, found.page_size), (expected, 4, number, 3));
    }
    for (path, query) in [
        ("sort", MachineQuery { sort: text("name,password"), ..all() }),
        ("pageSize", MachineQuery { page_size: Some(101), ..all() }),
        ("pageSize", MachineQuery { page_size: Some(0), ..all() }),
        ("page", MachineQuery { page: Some(0), ..all() }),
    ] {
        let error = machines::list(&world.platform, &world.admin.ctx(), &query).await.unwrap_err();
        assert_eq!((error.code, paths(&error)), (ErrorCode::Validation, vec![path]));
    }
    let facets = machines::facets(&world.platform, &world.admin.ctx()).await.unwrap();
    assert_eq!(facets.regions, ["north", "south"]);
    assert_eq!(facets.gpu_models, ["H100 80G", "RTX 4090"]);
    assert_eq!((facets.machines, facets.gpus), (4, 22), "as the rows say");
}

#[tokio::test]
async fn a_token_for_one_lets_one_of_twenty_in() {
    let world = World::new().await;
    let secret = world.token(JoinTokenCreate::default()).await;
    let hosts: Vec<String> = (0..20).map(|n| format!("host-{n}")).collect();
    let tries = hosts.iter().map(|host| {
        let (world, secret) = (&world, &secret);
        async move { world.join(&key(host), Some(secret), "twin").await }
    });
    let results = futures_util::future::join_all(tries).await;
    let errors: Vec<_> = results.iter().filter_map(|result| result.as_ref().err()).map(|error| error.code).collect();
    assert_eq!(errors, vec![ErrorCode::Unauthenticated; 19]);
    assert_eq!(world.number("select count(*) from machines").await, 1);
    assert_eq!(world.number("select sum(uses) from join_tokens").await, 1);
    assert_eq!(world.actions("twin").await, ["machines:join"]);
}

#[tokio::test]
async fn hosts_of_one_name_become_different_machines() {
    let world = World::new().await;
    let secret = world.token(JoinTokenCreate { max_uses: Some(3), ..JoinTokenCreate::default() }).await;
    let mut codes = Vec::new();
    for n in 0..3 {
        let principal = world.join(&key(&n.to_string()), Some(&secret), "GPU_Box.lan").await.unwrap();
        codes.push(code_of(&world.node_ctx(principal)));
    }
    assert_eq!(codes, ["gpu-box-lan", "host-001", "host-002"]);
    let mut names = Vec::new();
    for code in &codes {
        names.push(world.get(code).await.name);
    }
    assert_eq!(names, ["gpu-box-lan", "gpu-box-lan (host-001)", "gpu-box-lan (host-002)"]);
    let error = world.join(&key("4"), Some(&secret), "late").await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Unauthenticated, "used up");
    let long = world.token(JoinTokenCreate { max_uses: Some(2), ..JoinTokenCreate::default() }).await;
    for n in 5..7 {
        world.join(&key(&n.to_string()), Some(&long), &"x".repeat(200)).await.unwrap();
    }
}

#[tokio::test]
async fn a_key_is_good_again_and_again_until_its_machine_is_retired() {
    let world = World::new().await;
    let secret = world.token(JoinTokenCreate::default()).await;
    let first = world.join(&key("a"), Some(&secret), "a").await.unwrap();
    // The agent died before it heard that it had joined: it shows the same key and the spent token.
    assert_eq!(world.join(&key("a"), Some(&secret), "a").await.unwrap(), first);
    assert_eq!(world.join(&key("a"), None, "a").await.unwrap(), first);
    assert_eq!(world.number("select sum(uses) from join_tokens").await, 1);
    for (what, key) in [("unknown", key("b")), ("empty", String::new()), ("short", "k".repeat(31))] {
        assert_eq!(world.join(&key, None, "b").await.unwrap_err().code, ErrorCode::Unauthenticated, "{what}");
    }
    world.execute("update machines set service_state = 'retired'").await;
    let fresh = world.token(JoinTokenCreate::default()).await;
    for token in [None, Some(fresh.as_str())] {
        let error = world.join(&key("a"), token, "a").await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Unauthenticated, "retired, token {}", token.is_some());
    }
    assert_eq!(world.number("select count(*) from machines").await, 1);
}

#[tokio::test]
async fn tokens_expire_and_can_be_revoked() {
    let world = World::new().await;
    let made = machines::create_join_token(
        &world.platform,
        &world.admin.ctx(),
        JoinTokenCreate { note: "rack 7".to_owned(), hours: Some(2), max_uses: Some(5), machine: None },
    )
    .await
    .unwrap();
    assert!(made.secret.starts_with("rgj_") && made.secret.len() >= 40, "{}", made.secret);
    let secret = &made.secret;
    let command = format!("curl -fsSL http://gpu.test/install.sh | REMOTEGPU_JOIN_TOKEN={secret} sh");
    assert_eq!(made.install_command, command);
    assert_eq!((made.token.uses, made.token.max_uses, made.token.created_by.as_str()), (0, 5, "admin1"));
    world.join(&key("a"), Some(secret), "a").await.unwrap();
    let listed = machines::list_join_tokens(&world.platform, &world.admin.ctx()).await.unwrap();
    assert_eq!((listed.len(), listed[0].uses, listed[0].note.as_str()), (1, 1, "rack 7"));
    let stored = "select count(*) from join_tokens t where t::text like '%rgj_%'";
    assert_eq!(world.number(stored).await, 0, "the secret is not stored");

    world.clock().advance(TimeDelta::hours(2));
    assert_eq!(world.join(&key("b"), Some(secret), "b").await.unwrap_err().code, ErrorCode::Unauthenticated, "expired");

    let second =
        machines::create_join_token(&world.platform, &world.admin.ctx(), JoinTokenCreate::default()).await.unwrap();
    let revoked = machines::revoke_join_token(&world.platform, &world.admin.ctx(), second.token.id).await.unwrap();
    assert!(revoked.revoked_at.is_some());
    let again = machines::revoke_join_token(&world.platform, &world.admin.ctx(), second.token.id).await.unwrap();
    assert_eq!(again.revoked_at, revoked.revoked_at, "the first revocation counts");
    let error = world.join(&key("c"), Some(&second.secret), "c").await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Unauthenticated, "revoked");
    let missing = machines::revoke_join_token(&world.platform, &world.admin.ctx(), JoinTokenId(999)).await.unwrap_err();
    assert_eq!(missing.code, ErrorCode::NotFound);
    for (path, request) in [
        ("hours", JoinTokenCreate { hours: Some(0), ..JoinTokenCreate::default() }),
        ("hours", JoinTokenCreate { hours: Some(721), ..JoinTokenCreate::default() }),
        ("maxUses", JoinTokenCreate { max_uses: Some(0), ..JoinTokenCreate::default() }),
        ("maxUses", JoinTokenCreate { max_uses: Some(1001), ..JoinTokenCreate::default() }),
        ("note", JoinTokenCreate { note: "n".repeat(101), ..JoinTokenCreate::default() }),
        ("machine", JoinTokenCreate { machine: Some("no-such".to_owned()), ..JoinTokenCreate::default() }),
    ] {
        let error = machines::create_join_token(&world.platform, &world.admin.ctx(), request).await.unwrap_err();
        assert_eq!((error.code, paths(&error)), (ErrorCode::Validation, vec![path]));
    }
}

#[tokio::test]
async fn a_token_for_a_machine_attaches_to_it_unless_its_agent_is_alive() {
    let world = World::new().await;
    let code = world.create(MachineCreate { id: Some("kept".to_owned()), ..named("kept") }).await.id;
    let for_it = || JoinTokenCreate { machine: Some(code.clone()), ..JoinTokenCreate::default() };
    let secret = world.token(for_it()).await;
    let joined = world.join(&key("a"), Some(&secret), "another-name").await.unwrap();
    assert_eq!(code_of(&world.node_ctx(joined)), "kept");
    assert_eq!(world.number("select count(*) from machines").await, 1);

    world.execute("update machines set last_seen_at = now()").await;
    let secret = world.token(for_it()).await;
    let error = world.join(&key("b"), Some(&secret), "b").await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Unauthenticated, "its agent is alive");
    assert_eq!(world.number("select uses::bigint from join_tokens order by id desc limit 1").await, 0, "and not spent");

    world.clock().advance(TimeDelta::minutes(5));
    world.join(&key("b"), Some(&secret), "b").await.unwrap();
    assert_eq!(world.join(&key("a"), None, "a").await.unwrap_err().code, ErrorCode::Unauthenticated, "replaced");
}

#[tokio::test]
async fn what_an_agent_finds_is_kept_apart_and_compared() {
    let world = World::new().await;
    let node = world.joined("worker").await;
    let code = code_of(&node);
    let report = async |inventory: &Inventory| {
        machines::report_inventory(&world.platform, &node, "1.2.3", inventory).await.unwrap();
    };
    let change = MachineUpdate {
        declared: DeclaredHardware {
            gpu_model: Some("H100 80G".to_owned()),
            gpu_count: Some(2),
            gpu_memory_gb: Some(80),
            cpu_cores: Some(64),
            memory_gb: Some(1024),
            data_disk_gb: Some(7680),
            ..DeclaredHardware::default()
        },
        ..change_of(&world.get(&code).await)
    };
    machines::update(&world.platform, &world.admin.ctx(), &code, change).await.unwrap();
    let lost = GpuInfo { lost: true, ..gpu("GPU-1", 1) };
    report(&inventory(vec![gpu("GPU-0", 0), gpu("GPU-1", 1)])).await;
    report(&inventory(vec![gpu("GPU-0", 0), gpu("GPU-1", 1)])).await;
    let view = world.get(&code).await;
    assert_eq!(view.agent_version.as_deref(), Some("1.2.3"));
    assert_eq!((view.revision, view.gpus.len()), (2, 2), "an agent's report is no change by a person");
    let fields: Vec<_> = view.differences.iter().map(|difference| difference.field.as_str()).collect();
    assert_eq!(fields, ["dataDiskGb"]);
    let row = &machines::list(&world.platform, &world.admin.ctx(), &MachineQuery::default()).await.unwrap().list[0];
    assert_eq!((row.gpu_count, row.gpus_lost, row.cpu_cores, row.differences), (Some(2), 0, Some(64), 1));
    assert_eq!(row.gpu_model.as_deref(), Some("NVIDIA H100 80GB HBM3"));
    let changed = |actions: &[String]| actions.iter().filter(|a| *a == "machines:hardware-changed").count();
    assert_eq!(changed(&world.actions(&code).await), 1, "the second report changed nothing");

    report(&inventory(vec![gpu("GPU-0", 0), lost])).await;
    assert!(world.get(&code).await.gpus[1].lost);
    assert_eq!(changed(&world.actions(&code).await), 2);
    report(&inventory(vec![gpu("GPU-0", 0)])).await;
    let view = world.get(&code).await;
    assert_eq!((view.gpus.len(), view.differences[0].field.as_str()), (1, "gpuCount"));
    report(&inventory(vec![gpu("GPU-0", 0), gpu("GPU-1", 1)])).await;
    assert_eq!(world.number("select count(*) from gpus").await, 2, "it came back as the same GPU");

    let other = inventory(vec![GpuInfo { model: "NVIDIA L40S".to_owned(), ..gpu("GPU-0", 0) }, gpu("GPU-1", 1)]);
    report(&other).await;
    let view = world.get(&code).await;
    let row = &machines::list(&world.platform, &world.admin.ctx(), &MachineQuery::default()).await.unwrap().list[0];
    assert!(view.differences.iter().any(|difference| difference.field == "gpuModel"));
    assert_eq!(row.differences as usize, view.differences.len(), "list and page count alike");
}

#[tokio::test]
async fn a_gpu_moves_with_its_id_but_cannot_be_taken_from_a_machine_alive() {
    let world = World::new().await;
    let (a, b) = (world.joined("a").await, world.joined("b").await);
    let report = async |node: &OpContext, gpus| {
        machines::report_inventory(&world.platform, node, "1", &inventory(gpus)).await.unwrap();
    };
    report(&a, vec![gpu("GPU-0", 0)]).await;
    world.execute("update machines set last_seen_at = now() where code = 'a'").await;
    report(&b, vec![gpu("GPU-0", 0), gpu("GPU-1", 1)]).await;
    assert_eq!(
        (world.get("a").await.gpus.len(), world.get("b").await.gpus.len()),
        (1, 1),
        "still in a, which is alive"
    );

    report(&a, vec![]).await;
    report(&b, vec![gpu("GPU-0", 0), gpu("GPU-1", 1)]).await;
    assert_eq!((world.get("a").await.gpus.len(), world.get("b").await.gpus.len()), (0, 2), "taken out, put in there");
    assert_eq!(world.number("select count(*) from gpus").await, 2);
}

#[tokio::test]
async fn an_inventory_is_bounded_and_clean() {
    let world = World::new().await;
    let node = world.joined("worker").await;
    let many = |n: usize| (0..n).map(|n| gpu(&format!("GPU-{n}"), n as u32)).collect::<Vec<_>>();
    for (what, wrong) in [
        ("GPUs", inventory(many(65))),
        ("UUID", inventory(vec![gpu("", 0)])),
        ("long UUID", inventory(vec![gpu(&"u".repeat(513), 0)])),
        ("disks", Inventory { disks: vec![Disk::default(); 257], ..inventory(vec![]) }),
    ] {
        let error = machines::report_inventory(&world.platform, &node, "1", &wrong).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Validation, "{what}");
    }
    let odd = Inventory {
        nvml_error: Some("driver\0 not loaded".to_owned()),
        cuda_version: Some("9".repeat(100_000)),
        disks: vec![Disk { name: "sd\0a".to_owned(), total_bytes: u64::MAX, ..Disk::default() }],
        ..inventory(vec![GpuInfo {
            index: u32::MAX,
            memory_bytes: Some(u64::MAX),
            power_limit_w: Some(f32::NAN),
            ..gpu("GPU-0", 0)
        }])
    };
    machines::report_inventory(&world.platform, &node, "1\0", &odd).await.unwrap();
    let view = world.get("worker").await;
    let found = view.discovered.unwrap();
    assert_eq!(found.nvml_error.as_deref(), Some("driver not loaded"));
    assert!(found.cuda_version.unwrap().len() <= node_protocol::limits::MAX_TEXT_BYTES);
    assert_eq!(view.gpus[0].power_limit_w, None, "not a number is not a measurement");
}

#[tokio::test]
async fn presence_follows_the_last_sign_of_life() {
    let world = World::new().await;
    world.joined("seen").await;
    world.joined("unseen").await;
    world.execute("update machines set last_seen_at = now() where code = 'seen'").await;
    let online = MachineQuery { presence: Some(Presence::Online), ..MachineQuery::default() };
    let offline = MachineQuery { presence: Some(Presence::Offline), ..MachineQuery::default() };
    let never = MachineQuery { presence: Some(Presence::NeverSeen), ..MachineQuery::default() };
    assert_eq!(world.get("seen").await.presence, Presence::Online);
    assert_eq!(world.codes(online.clone()).await, ["seen"]);
    assert_eq!(world.codes(never).await, ["unseen"]);
    world.clock().advance(TimeDelta::seconds(contract::machines::OFFLINE_AFTER_SECONDS));
    assert_eq!(world.get("seen").await.presence, Presence::Offline);
    assert_eq!(world.codes(offline.clone()).await, ["seen"]);
    assert!(world.codes(online).await.is_empty());
    // Where monitoring is off nobody listens: silence is not absence.
    world.execute("update machines set monitored = false where code = 'seen'").await;
    assert!(world.codes(offline).await.is_empty());
}
