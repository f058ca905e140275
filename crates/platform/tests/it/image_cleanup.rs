//! Images that nothing uses are shown and taken away; what something needs stays, also where it needs it only since then.

use std::collections::BTreeMap;

use contract::images::{
    CleanupApply, CleanupItemState, CleanupPreview, CleanupQuery, CleanupReason, CleanupRun, CleanupState, ImageWrite,
};
use contract::{ErrorCode, ImageCleanupId, ImageId, PageQuery};
use platform::{OpContext, Platform, images, instances};
use test_support::{BUSYBOX, TestPlatform};

use crate::instances::{Shop, host, named};
use crate::instances_on_engine::World;

const NOWHERE: &str = "/nonexistent/docker.sock";

async fn added(platform: &Platform, ctx: &OpContext, address: &str) -> ImageId {
    let body = ImageWrite { name: address.to_owned(), address: Some(address.to_owned()), ..ImageWrite::default() };
    let id = images::create(platform, ctx, body).await.unwrap().id;
    images::set_listed(platform, ctx, id, true).await.unwrap();
    id
}

async fn preview(platform: &Platform, ctx: &OpContext, unused_days: Option<u32>) -> CleanupPreview {
    let query = CleanupQuery { machine: Some("host-001".to_owned()), unused_days, ..CleanupQuery::default() };
    let mut page = images::preview_cleanup(platform, ctx, &query).await.unwrap();
    assert_eq!((page.list.len(), page.total), (1, 1));
    page.list.remove(0)
}

/// By what an image is called, or nothing.
fn reasons(preview: &CleanupPreview) -> BTreeMap<String, CleanupReason> {
    preview.images.iter().map(|image| (image.names.join(" "), image.reason)).collect()
}

fn apply(images: Vec<String>) -> CleanupApply {
    CleanupApply { machine: "host-001".to_owned(), images, unused_days: None }
}

async fn latest(platform: &Platform, ctx: &OpContext) -> CleanupRun {
    images::list_cleanups(platform, ctx, PageQuery::default()).await.unwrap().list.remove(0)
}

fn came(run: &CleanupRun, name: &str) -> CleanupItemState {
    run.items.iter().find(|item| item.names.join(" ") == name).expect("it was chosen").state
}

#[tokio::test]
async fn what_nothing_needs_goes_and_nothing_else() {
    use CleanupReason as R;
    let world = World::new().await;
    let (platform, staff) = (&world.test.platform, world.test.admin().await.ctx());
    let runs = world.create("runs", "exec sleep 600").await;
    world.apply(runs).await;
    for (name, content) in [("old", "a"), ("gone", "b"), ("foreign", "c"), ("moved", "d"), ("moved", "e"), ("off", "f")]
    {
        world.engine.import_files(name, &[(format!("opt/{name}"), content.repeat(10_000).into_bytes())]);
    }
    let old = added(platform, &staff, "docker.io/library/old:1").await;
    let gone = added(platform, &staff, "gone:1").await;
    images::delete(platform, &staff, gone).await.unwrap();
    let off = added(platform, &staff, "off:1").await;
    images::set_listed(platform, &staff, off, false).await.unwrap();
    // As if somebody had brought both there, one of them just now.
    for (image, days) in [(gone, 0), (off, 40)] {
        sqlx::query(
            "insert into image_copies (image_id, machine_id, state, wanted_at)
             select $1, id, 'present', now() - make_interval(days => $2) from machines where code = 'host-001'",
        )
        .bind(image.0)
        .bind(days)
        .execute(world.test.owner_pool())
        .await
        .unwrap();
    }

    let shown = preview(platform, &staff, None).await;
    let expected = [("old:1", R::Unused), ("gone:1", R::Deleted), ("off:1", R::Delisted), ("", R::Dangling)];
    assert_eq!(reasons(&shown), expected.map(|(name, reason)| (name.to_owned(), reason)).into(), "{shown:?}");
    // What images share, engines say from API 1.42 on; of older ones it is not known what would come free.
    let says = world.engine_says_what_is_shared();
    let right = |frees: Option<u64>| if says { frees > Some(10_000) } else { frees.is_none() };
    assert!(shown.images.iter().all(|image| image.size > 10_000 && right(image.frees)), "{shown:?}");
    assert_eq!(shown.frees, shown.images.iter().filter_map(|image| image.frees).sum::<u64>());
    assert_eq!(world.engine_images(), 7, "looking takes nothing away");
    let wanted_lately = preview(platform, &staff, Some(50)).await;
    assert!(!reasons(&wanted_lately).contains_key("off:1"), "{wanted_lately:?}");

    let chosen: Vec<String> = shown.images.iter().map(|image| image.engine_id.clone()).collect();
    let operator = world.test.operator("operator").await.ctx();
    let refused = images::clean_up(platform, &operator, apply(chosen.clone())).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Forbidden);
    let run = images::clean_up(platform, &staff, apply(chosen.clone())).await.unwrap();
    assert_eq!((run.state, run.items.len(), run.freed), (CleanupState::Waiting, 4, 0));
    assert!(preview(platform, &staff, None).await.going);
    let twice = images::clean_up(platform, &staff, apply(chosen)).await.unwrap_err();
    assert_eq!((twice.code, twice.key), (ErrorCode::Conflict, "error-cleanup-going"));

    // Meanwhile somebody wants an instance of one of them.
    let shop = Shop { image: old, spec: world.shop.spec };
    instances::create(platform, &world.mine(), named("wants-it", &shop)).await.unwrap();
    images::run_cleanup(platform, run.id, false).await.unwrap();
    images::run_cleanup(platform, run.id, false).await.expect("a job may run twice");
    let done = latest(platform, &staff).await;
    assert_eq!((done.id, done.state, done.fault.as_deref()), (run.id, CleanupState::Done, None));
    assert_eq!(came(&done, "old:1"), CleanupItemState::Kept);
    for name in ["gone:1", "off:1", ""] {
        assert_eq!(came(&done, name), CleanupItemState::Removed, "{done:?}");
    }
    assert!(done.freed > 30_000 || (!says && done.freed == 0), "{done:?}");
    assert!(done.ended_at.is_some(), "{done:?}");
    assert_eq!(world.engine_images(), 4);
    let copies: i64 =
        sqlx::query_scalar("select count(*) from image_copies").fetch_one(world.test.owner_pool()).await.unwrap();
    assert_eq!(copies, 0, "what was taken away is on no machine");
    let nothing = images::clean_up(platform, &staff, apply(vec![done.items[0].engine_id.clone()])).await.unwrap_err();
    assert_eq!((nothing.code, nothing.key), (ErrorCode::Conflict, "error-cleanup-nothing"));
}

impl World {
    fn engine_says_what_is_shared(&self) -> bool {
        let (_, version) = self.engine.ask("GET", "/version", "application/json", b"");
        let version: serde_json::Value = serde_json::from_str(&version).unwrap();
        let (major, minor) = version["ApiVersion"].as_str().unwrap().split_once('.').unwrap();
        (major.parse::<u32>().unwrap(), minor.parse::<u32>().unwrap()) >= (1, 42)
    }

    /// Images on the engine, with or without a name.
    fn engine_images(&self) -> usize {
        let (_, list) = self.engine.ask("GET", "/images/json", "application/json", b"");
        assert!(list.contains(BUSYBOX), "{list}");
        serde_json::from_str::<Vec<serde_json::Value>>(&list).unwrap().len()
    }
}

#[tokio::test]
async fn an_engine_that_does_not_answer_is_told_of_and_ends_its_clean_up() {
    let test = TestPlatform::new().await;
    let (platform, staff) = (&test.platform, test.admin().await.ctx());
    let none = images::preview_cleanup(platform, &staff, &CleanupQuery::default()).await.unwrap();
    assert_eq!((none.list.len(), none.total), (0, 0));
    host(&test, &staff, "host-001", 1, NOWHERE).await;
    let shown = preview(platform, &staff, None).await;
    assert_eq!((shown.fault.as_deref(), shown.images.len()), (Some("no-socket"), 0));
    assert!(shown.message.is_some());
    let failed = images::clean_up(platform, &staff, apply(vec!["sha256:a".to_owned()])).await.unwrap_err();
    assert_eq!(failed.code, ErrorCode::EngineFailed);

    let query = CleanupQuery { machine: Some("host-009".to_owned()), ..CleanupQuery::default() };
    let unknown = images::preview_cleanup(platform, &staff, &query).await.unwrap_err();
    assert_eq!(unknown.fields[0].key, "field-machine-unknown");
    let query = CleanupQuery { unused_days: Some(3651), ..CleanupQuery::default() };
    let many = images::preview_cleanup(platform, &staff, &query).await.unwrap_err();
    assert_eq!(many.fields[0].path, "unusedDays");
    let empty = images::clean_up(platform, &staff, apply(Vec::new())).await.unwrap_err();
    assert_eq!((empty.fields[0].path, empty.fields[0].key), ("images", "field-required"));
    let too_many = images::clean_up(platform, &staff, apply(vec![String::new(); 201])).await.unwrap_err();
    assert_eq!(too_many.fields[0].key, "field-too-many");

    // What is on a machine that somebody has is theirs, whatever it is called.
    test.customer("Acme").await;
    let lend = "insert into allocations (machine_id, customer_id, starts_at, ends_at, state, hold)
                select m.id, c.id, now(), now() + interval '1 day', 'active', tstzrange(now(), now() + interval '1 day')
                from machines m, customers c where c.name = 'Acme'";
    assert!(!preview(platform, &staff, None).await.lent);
    sqlx::query(lend).execute(test.owner_pool()).await.unwrap();
    assert!(preview(platform, &staff, None).await.lent);
    let theirs = images::clean_up(platform, &staff, apply(vec!["sha256:a".to_owned()])).await.unwrap_err();
    assert_eq!((theirs.code, theirs.key), (ErrorCode::Conflict, "error-cleanup-lent"));

    let begun = begun(&test).await;
    images::run_cleanup(platform, begun, false).await.unwrap();
    let run = latest(platform, &staff).await;
    assert_eq!((run.state, run.fault.as_deref()), (CleanupState::Failed, Some("no-socket")));
    assert_eq!(run.items[0].state, CleanupItemState::Waiting, "it was not looked at");
    // Its job is no more.
    let forgotten = self::begun(&test).await;
    images::tidy_copies(platform).await.unwrap();
    let run = latest(platform, &staff).await;
    assert_eq!((run.id, run.state, run.fault.as_deref()), (forgotten, CleanupState::Failed, Some("other")));
}

/// One of an image, without a job.
async fn begun(test: &TestPlatform) -> ImageCleanupId {
    let id: i64 = sqlx::query_scalar(
        "with run as (insert into image_cleanups (machine_id, unused_days, created_at)
                      select id, 30, now() from machines where code = 'host-001' returning id),
              item as (insert into image_cleanup_items (cleanup_id, engine_id, names, size_bytes, reason)
                       select id, 'sha256:a', '{a:1}', 1, 'unused' from run)
         select id from run",
    )
    .fetch_one(test.owner_pool())
    .await
    .unwrap();
    ImageCleanupId(id)
}
