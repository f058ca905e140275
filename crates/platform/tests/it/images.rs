//! Images: added by address, uploaded, reviewed, listed, and seen by whom they are for.

use contract::files::{FilePurpose, UploadCreate};
use contract::images::{
    Architecture, ImageQuery, ImageReject, ImageSource, ImageState, ImageUpload, ImageWrite, MarketQuery,
};
use contract::notifications::NotificationQuery;
use contract::{ErrorCode, FileId, Permission};
use platform::{Error, OpContext, files, images, notifications};
use test_support::{TestPlatform, image_archive, loadable_archive, tar};

fn write(name: &str, address: &str) -> ImageWrite {
    ImageWrite { name: name.to_owned(), address: Some(address.to_owned()), ..ImageWrite::default() }
}

fn made_of(file: FileId, name: &str) -> ImageUpload {
    ImageUpload {
        file,
        name: name.to_owned(),
        description: None,
        framework: None,
        cuda_version: None,
        memory_split: false,
        remark: Some("for us".to_owned()),
    }
}

async fn stored(test: &TestPlatform, ctx: &OpContext, bytes: &[u8], purpose: FilePurpose) -> FileId {
    let new = UploadCreate { name: "a.tar".to_owned(), size: bytes.len() as u64, sha256: None, purpose };
    files::store_whole(&test.platform, ctx, new, &mut &bytes[..]).await.unwrap().id
}

fn faults(error: &Error) -> Vec<(&str, &str)> {
    error.fields.iter().map(|fault| (fault.path, fault.key)).collect()
}

#[tokio::test]
async fn one_added_by_its_address_is_usable_at_once_and_listed_when_somebody_lists_it() {
    let test = TestPlatform::new().await;
    let (admin, acme) = (test.admin().await, test.customer("Acme").await);
    let (platform, ctx) = (&test.platform, admin.ctx());
    let error = images::create(platform, &ctx, write("", "HTTP://x")).await.unwrap_err();
    assert_eq!(faults(&error), [("name", "field-required"), ("address", "field-image-address")]);
    let body = ImageWrite { cuda_version: Some("12.x".to_owned()), address: None, ..write("PyTorch", "") };
    let error = images::create(platform, &ctx, body).await.unwrap_err();
    assert_eq!(faults(&error), [("address", "field-required"), ("cudaVersion", "field-cuda-version")]);
    let made = images::create(platform, &ctx, write("PyTorch", "nvcr.io/nvidia/pytorch:24.05-py3")).await.unwrap();
    assert_eq!((made.source, made.state, made.listed), (ImageSource::Registry, ImageState::Approved, false));
    let again = images::create(platform, &ctx, write("PYTORCH", "pytorch")).await.unwrap_err();
    assert_eq!((again.code, faults(&again)), (ErrorCode::AlreadyExists, vec![("name", "field-image-name-taken")]));
    let market = async || images::market(platform, &acme.member.ctx(), &MarketQuery::default()).await.unwrap().list;
    assert!(market().await.is_empty());
    images::set_listed(platform, &ctx, made.id, true).await.unwrap();
    images::set_listed(platform, &ctx, made.id, true).await.expect("again changes nothing");
    let seen = market().await;
    assert_eq!((seen.len(), seen[0].id), (1, made.id));
    assert!(images::market_image(platform, &acme.owner.ctx(), made.id).await.is_ok());
    let theirs = images::get_own(platform, &acme.owner.ctx(), made.id).await.unwrap_err();
    assert_eq!(theirs.code, ErrorCode::NotFound, "of the market, and not theirs");
    let theirs = images::delete_own(platform, &acme.owner.ctx(), made.id).await.unwrap_err();
    assert_eq!(theirs.code, ErrorCode::NotFound);
    let reviewed = images::approve(platform, &ctx, made.id).await.unwrap_err();
    assert_eq!((reviewed.code, reviewed.key), (ErrorCode::WrongState, "error-image-reviewed"));
    let stale = ImageWrite { revision: Some(made.revision), ..write("Torch", "pytorch") };
    let conflict = images::update(platform, &ctx, made.id, stale).await.unwrap_err();
    assert_eq!(conflict.code, ErrorCode::Conflict);
    images::update(platform, &ctx, made.id, write("Torch", "pytorch")).await.unwrap();
    images::delete(platform, &ctx, made.id).await.unwrap();
    assert!(market().await.is_empty());
    assert_eq!(images::get(platform, &ctx, made.id).await.unwrap_err().code, ErrorCode::NotFound);
    images::create(platform, &ctx, write("Torch", "pytorch")).await.expect("the name is free again");
}

#[tokio::test]
async fn what_was_uploaded_is_used_by_nobody_before_it_was_approved() {
    let test = TestPlatform::new().await;
    let (admin, acme, globex) = (test.admin().await, test.customer("Acme").await, test.customer("Globex").await);
    let reviewer = test.with_role("reviewer", &[Permission::ImagesReview]).await;
    let platform = &test.platform;
    let (owner, member) = (acme.owner.ctx(), acme.member.ctx());
    let archive = stored(&test, &member, &image_archive("arm64", "a"), FilePurpose::Image).await;
    let made = images::upload_own(platform, &member, made_of(archive, "Ours")).await.unwrap();
    assert_eq!((made.state, made.source), (ImageState::PendingReview, ImageSource::Upload));
    assert_eq!((made.architecture, made.cuda_version.as_deref()), (Some(Architecture::Arm64), Some("12.4.1")));
    assert!(made.digest.as_deref().is_some_and(|digest| digest.starts_with("sha256:")) && made.size.is_some());
    let early = images::set_listed(platform, &admin.ctx(), made.id, true).await.unwrap_err();
    assert_eq!((early.code, early.key), (ErrorCode::WrongState, "error-image-not-approved"));
    assert_eq!(images::waiting(platform, &reviewer.ctx()).await.unwrap(), 1);
    let hidden = images::get_own(platform, &globex.owner.ctx(), made.id).await.unwrap_err();
    assert_eq!(hidden.code, ErrorCode::NotFound);

    let no_reason = ImageReject { reason: " ".to_owned() };
    let error = images::reject(platform, &reviewer.ctx(), made.id, no_reason).await.unwrap_err();
    assert_eq!(faults(&error), [("reason", "field-required")]);
    let reason = ImageReject { reason: "It has no licence.".to_owned() };
    let rejected = images::reject(platform, &reviewer.ctx(), made.id, reason.clone()).await.unwrap();
    assert_eq!((rejected.state, rejected.reason.as_deref()), (ImageState::Rejected, Some("It has no licence.")));
    let twice = images::reject(platform, &reviewer.ctx(), made.id, reason).await.unwrap_err();
    assert_eq!(twice.code, ErrorCode::WrongState);
    images::approve(platform, &reviewer.ctx(), made.id).await.unwrap();
    images::set_listed(platform, &admin.ctx(), made.id, true).await.unwrap();
    for told in [&acme.owner, &acme.member] {
        let list = notifications::list(platform, &told.ctx(), &NotificationQuery::default()).await.unwrap().list;
        assert_eq!(list.len(), 2, "{}", told.name);
        assert!(list[0].message.contains("approved") && list[1].message.contains("licence"));
        assert_eq!(list[0].link, Some(format!("/images/mine/{}", made.id)));
    }
    let market = images::market(platform, &globex.member.ctx(), &MarketQuery::default()).await.unwrap();
    assert_eq!(market.list.len(), 1, "listed for everybody");

    let used = files::delete(platform, &owner, archive).await.unwrap_err();
    assert_eq!(faults(&used), [("id", "field-file-in-use")]);
    images::set_listed(platform, &admin.ctx(), made.id, false).await.unwrap();
    images::update_own(platform, &owner, made.id, ImageWrite { name: "Mine".to_owned(), ..ImageWrite::default() })
        .await
        .unwrap();
    let theirs = images::get(platform, &admin.ctx(), made.id).await.unwrap();
    assert_eq!((theirs.name.as_str(), theirs.architecture), ("Mine", Some(Architecture::Arm64)), "read, not said");
    images::delete_own(platform, &member, made.id).await.expect("who brought it in takes it away");
    let gone = files::get(platform, &owner, archive).await.unwrap_err();
    assert_eq!(gone.code, ErrorCode::NotFound, "its archive goes with it");
    let actions: Vec<String> = sqlx::query_scalar(
        "select action from audit_events where target_kind = 'image' and outcome = 'done' order by id",
    )
    .fetch_all(test.owner_pool())
    .await
    .unwrap();
    let expected =
        ["create", "reject", "approve", "list", "delist", "update", "delete"].map(|verb| format!("images:{verb}"));
    assert_eq!(actions, expected);
}

#[tokio::test]
async fn an_archive_that_no_image_was_made_of_goes_away_after_a_day() {
    let test = TestPlatform::new().await;
    let acme = test.customer("Acme").await;
    let (platform, owner) = (&test.platform, acme.owner.ctx());
    let given_up = stored(&test, &owner, &image_archive("amd64", "a"), FilePurpose::Image).await;
    let used = stored(&test, &owner, &image_archive("amd64", "b"), FilePurpose::Image).await;
    let other = stored(&test, &owner, b"figures", FilePurpose::Other).await;
    images::upload_own(platform, &owner, made_of(used, "Ours")).await.unwrap();
    images::forget_unused_archives(platform).await.unwrap();
    assert!(files::get(platform, &owner, given_up).await.is_ok(), "its form may still be open");
    sqlx::query("update files set created_at = created_at - interval '25 hours'")
        .execute(test.owner_pool())
        .await
        .unwrap();
    images::forget_unused_archives(platform).await.unwrap();
    assert_eq!(files::get(platform, &owner, given_up).await.unwrap_err().code, ErrorCode::NotFound);
    for kept in [used, other] {
        files::get(platform, &owner, kept).await.expect("an image is made of it, or it is none");
    }
}

#[tokio::test]
async fn what_is_no_image_is_refused_with_the_reason() {
    let test = TestPlatform::new().await;
    let acme = test.customer("Acme").await;
    let (platform, ctx) = (&test.platform, acme.owner.ctx());
    for (bytes, purpose, key) in [
        (image_archive("s390x", "a"), FilePurpose::Image, "field-archive-platform"),
        (tar(&[("etc/passwd", b"root")]), FilePurpose::Image, "field-archive-no-image"),
        (vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0], FilePurpose::Image, "field-archive-compressed"),
        (b"no".to_vec(), FilePurpose::Image, "field-archive-not-tar"),
        (image_archive("amd64", "a"), FilePurpose::Dataset, "field-image-purpose"),
    ] {
        let file = stored(&test, &ctx, &bytes, purpose).await;
        let error = images::upload_own(platform, &ctx, made_of(file, "x")).await.unwrap_err();
        assert_eq!(faults(&error), [("file", key)]);
    }
    let missing = images::upload_own(platform, &ctx, made_of(FileId(999_999), "x")).await.unwrap_err();
    assert_eq!(missing.code, ErrorCode::NotFound);
    assert_eq!(images::list_own(platform, &ctx, &ImageQuery::default()).await.unwrap().total, 0);
}

#[tokio::test]
async fn images_are_found_and_sorted() {
    let test = TestPlatform::new().await;
    let (admin, operator, acme) = (test.admin().await, test.operator("operator").await, test.customer("Acme").await);
    let (platform, ctx) = (&test.platform, admin.ctx());
    for (name, framework, split) in [("B", "PyTorch", true), ("A", "JAX", false)] {
        let body = ImageWrite {
            framework: Some(framework.to_owned()),
            memory_split: split,
            architecture: Some(Architecture::Amd64),
            ..write(name, "library/x")
        };
        let id = images::create(platform, &ctx, body).await.unwrap().id;
        images::set_listed(platform, &ctx, id, true).await.unwrap();
    }
    let file = stored(&test, &acme.owner.ctx(), &image_archive("arm64", "c"), FilePurpose::Image).await;
    images::upload_own(platform, &acme.owner.ctx(), made_of(file, "C")).await.unwrap();
    let names = async |query: ImageQuery| -> Vec<String> {
        let page = images::list(platform, &operator.ctx(), &query).await.unwrap();
        page.list.into_iter().map(|image| image.name).collect()
    };
    let all = ImageQuery::default;
    assert_eq!(names(all()).await, ["A", "B", "C"]);
    assert_eq!(names(ImageQuery { sort: Some("-framework".to_owned()), ..all() }).await, ["B", "A", "C"]);
    assert_eq!(names(ImageQuery { state: Some(ImageState::PendingReview), ..all() }).await, ["C"]);
    assert_eq!(names(ImageQuery { architecture: Some(Architecture::Amd64), ..all() }).await, ["A", "B"]);
    assert_eq!(names(ImageQuery { q: Some("torch".to_owned()), ..all() }).await, ["B"]);
    assert_eq!(names(ImageQuery { listed: Some(false), ..all() }).await, ["C"]);
    let split = MarketQuery { memory_split: Some(true), ..MarketQuery::default() };
    let market = images::market(platform, &acme.member.ctx(), &split).await.unwrap();
    assert_eq!(market.list.into_iter().map(|image| image.name).collect::<Vec<_>>(), ["B"]);
    let own = images::list_own(platform, &acme.member.ctx(), &all()).await.unwrap();
    assert_eq!(own.list.into_iter().map(|image| image.name).collect::<Vec<_>>(), ["C"], "not those of the market");
    let mut exported = Vec::new();
    let take = |image: contract::images::ImageView| {
        exported.push(image.customer_name);
        Ok(())
    };
    images::export(platform, &ctx, &all(), take).await.unwrap();
    assert_eq!(exported, [None, None, Some("Acme".to_owned())]);
    let hidden = images::list(platform, &acme.owner.ctx(), &all()).await.unwrap_err();
    assert_eq!(hidden.code, ErrorCode::NotFound);
    let refused = images::create(platform, &operator.ctx(), write("D", "x")).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Forbidden);
}

#[tokio::test]
async fn what_was_reviewed_is_what_the_market_shows() {
    let test = TestPlatform::new().await;
    let (admin, acme) = (test.admin().await, test.customer("Acme").await);
    let (platform, staff, member) = (&test.platform, admin.ctx(), acme.member.ctx());
    let file = stored(&test, &member, &image_archive("amd64", "a"), FilePurpose::Image).await;
    let made = images::upload_own(platform, &member, made_of(file, "Ours")).await.unwrap();
    images::approve(platform, &staff, made.id).await.unwrap();
    images::set_listed(platform, &staff, made.id, true).await.unwrap();
    let said = ImageWrite { name: "Ours".to_owned(), cuda_version: made.cuda_version.clone(), ..ImageWrite::default() };
    let write = async |body: &ImageWrite| images::update_own(platform, &member, made.id, body.clone()).await;
    let text = || Some("official".to_owned());
    for change in [
        ImageWrite { name: "PyTorch (official)".to_owned(), ..said.clone() },
        ImageWrite { description: text(), ..said.clone() },
        ImageWrite { framework: text(), ..said.clone() },
        ImageWrite { cuda_version: Some("13.0".to_owned()), ..said.clone() },
        ImageWrite { memory_split: true, ..said.clone() },
    ] {
        let error = write(&change).await.unwrap_err();
        assert_eq!((error.code, error.key), (ErrorCode::WrongState, "error-image-listed"), "{change:?}");
    }
    let noted = write(&ImageWrite { remark: text(), ..said.clone() }).await.unwrap();
    assert_eq!((noted.state, noted.listed, noted.remark), (ImageState::Approved, true, text()));
    images::set_listed(platform, &staff, made.id, false).await.unwrap();
    let free = write(&said).await.unwrap();
    assert_eq!((free.state, free.remark), (ImageState::Approved, None), "the remark is for its owners");
    let renamed = write(&ImageWrite { name: "Theirs".to_owned(), ..said.clone() }).await.unwrap();
    assert_eq!((renamed.state, renamed.reviewed_at), (ImageState::PendingReview, None));
    let early = images::set_listed(platform, &staff, made.id, true).await.unwrap_err();
    assert_eq!(early.key, "error-image-not-approved");
    let states: Vec<(String, String)> = sqlx::query_as(
        "select before ->> 'state', after ->> 'state' from audit_events
         where action = 'images:update' and outcome = 'done' order by id desc limit 1",
    )
    .fetch_all(test.owner_pool())
    .await
    .unwrap();
    assert_eq!(states, [("approved".to_owned(), "pending_review".to_owned())]);
}

#[tokio::test]
async fn who_reviewed_is_told_to_staff_alone() {
    let test = TestPlatform::new().await;
    let (admin, acme) = (test.admin().await, test.customer("Acme").await);
    let (platform, staff, owner) = (&test.platform, admin.ctx(), acme.owner.ctx());
    let file = stored(&test, &owner, &image_archive("amd64", "a"), FilePurpose::Image).await;
    let made = images::upload_own(platform, &owner, made_of(file, "Ours")).await.unwrap();
    images::approve(platform, &staff, made.id).await.unwrap();
    assert_eq!(images::get(platform, &staff, made.id).await.unwrap().reviewed_by, Some(admin.name.clone()));
    let list = images::list_own(platform, &owner, &ImageQuery::default()).await.unwrap().list;
    let same = ImageWrite { name: made.name.clone(), cuda_version: made.cuda_version, ..ImageWrite::default() };
    let changed = images::update_own(platform, &owner, made.id, same).await.unwrap();
    for seen in [&list[0], &images::get_own(platform, &owner, made.id).await.unwrap(), &changed] {
        assert!(seen.reviewed_by.is_none() && seen.reviewed_at.is_some());
    }
}

#[tokio::test]
async fn an_image_is_made_of_its_owners_files() {
    let test = TestPlatform::new().await;
    let (admin, acme) = (test.admin().await, test.customer("Acme").await);
    let (platform, staff) = (&test.platform, admin.ctx());
    let (owner, member) = (acme.owner.ctx(), acme.member.ctx());
    let owners = stored(&test, &owner, &image_archive("amd64", "a"), FilePurpose::Image).await;
    let members = stored(&test, &member, &image_archive("amd64", "b"), FilePurpose::Image).await;
    let platforms = stored(&test, &staff, &image_archive("amd64", "c"), FilePurpose::Image).await;
    let error = images::upload(platform, &staff, made_of(owners, "Taken")).await.unwrap_err();
    assert_eq!(faults(&error), [("file", "field-image-file-of-customer")]);
    let error = images::upload_own(platform, &member, made_of(owners, "Taken")).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Forbidden, "a member could take it away with its image");
    let error = images::upload_own(platform, &owner, made_of(platforms, "Taken")).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
    images::upload(platform, &staff, made_of(platforms, "Platform's")).await.unwrap();
    images::upload_own(platform, &owner, made_of(members, "Member's")).await.unwrap();
    let own = images::upload_own(platform, &owner, made_of(owners, "Owner's")).await.unwrap();

    // As one could be made before: its customer does not see that use, and neither loses the file nor fails for it.
    sqlx::query(
        "insert into images (name, source, file_id, architecture, state) values ('Old', 'upload', $1, 'amd64', 'approved')",
    )
    .bind(owners.0)
    .execute(test.owner_pool())
    .await
    .unwrap();
    images::delete_own(platform, &owner, own.id).await.unwrap();
    assert!(files::get(platform, &owner, owners).await.is_ok());
}

#[tokio::test]
async fn tags_of_an_archive_are_shown_to_who_reviews_it() {
    let test = TestPlatform::new().await;
    let (admin, acme) = (test.admin().await, test.customer("Acme").await);
    let (platform, owner) = (&test.platform, acme.owner.ctx());
    let tag = "nvcr.io/nvidia/pytorch:24.05-py3";
    let file = stored(&test, &owner, &loadable_archive(tag), FilePurpose::Image).await;
    let made = images::upload_own(platform, &owner, made_of(file, "Ours")).await.unwrap();
    assert_eq!(made.tags, [tag]);
    assert_eq!(images::get(platform, &admin.ctx(), made.id).await.unwrap().tags, [tag]);
    let kept: Vec<serde_json::Value> =
        sqlx::query_scalar("select after -> 'tags' from audit_events where action = 'images:create'")
            .fetch_all(test.owner_pool())
            .await
            .unwrap();
    assert_eq!(kept, [serde_json::json!([tag])]);
    let config = r#"{"architecture":"amd64","os":"linux"}"#.as_bytes();
    let manifest = br#"[{"Config":"c.json","Layers":["l"]}]"#;
    let twice = tar(&[("l", b"x"), ("c.json", config), ("manifest.json", manifest), ("d/../manifest.json", b"[]")]);
    let file = stored(&test, &owner, &twice, FilePurpose::Image).await;
    let error = images::upload_own(platform, &owner, made_of(file, "x")).await.unwrap_err();
    assert_eq!(faults(&error), [("file", "field-archive-names")]);
}
