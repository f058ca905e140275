//! What an instance was saved as, and nobody shared: who finds it, what it is called, and what staff do with it.

use std::sync::Arc;

use chrono::TimeDelta;
use contract::accounts::MemberRole;
use contract::files::{FilePurpose, UploadCreate};
use contract::images::{ImageQuery, ImageUpload, ImageWrite};
use contract::notifications::{NotificationKind, NotificationQuery};
use contract::{ErrorCode, FileId, ImageId, Permission};
use platform::{Credential, Error, OpContext, files, images, notifications};
use test_support::{TestCustomer, TestPlatform, TestUser, image_archive};

async fn archive(test: &TestPlatform, maker: &TestUser, name: &str) -> FileId {
    let bytes = image_archive("amd64", name);
    let new =
        UploadCreate { name: name.to_owned(), size: bytes.len() as u64, sha256: None, purpose: FilePurpose::Image };
    files::store_whole(&test.platform, &maker.ctx(), new, &mut &bytes[..]).await.unwrap().id
}

/// As a server of the version before would write it, which knows nothing of sharing. No engine is there, so that an image becomes
/// one in the database alone.
async fn saved(test: &TestPlatform, of: &TestCustomer, maker: &TestUser, name: &str) -> (ImageId, FileId) {
    let file = archive(test, maker, name).await;
    let made = "insert into images (customer_id, created_by, created_name, name, source, file_id, architecture, state,
                                    took_names)
                values ($1, $2, $3, $4, 'instance', $5, 'amd64', 'pending_review', false) returning id";
    let made = sqlx::query_scalar(made).bind(of.id.0).bind(maker.id.0).bind(&maker.name).bind(name).bind(file.0);
    let id: i64 = made.fetch_one(test.owner_pool()).await.unwrap();
    (ImageId(id), file)
}

async fn uploaded(test: &TestPlatform, maker: &TestUser, name: &str) -> Result<ImageId, Error> {
    let body = ImageUpload {
        file: archive(test, maker, name).await,
        name: name.to_owned(),
        description: None,
        framework: None,
        cuda_version: None,
        memory_split: false,
        remark: None,
    };
    images::upload_own(&test.platform, &maker.ctx(), body).await.map(|view| view.id)
}

async fn renamed(test: &TestPlatform, by: &TestUser, id: ImageId, name: &str) -> Result<(), Error> {
    let body = ImageWrite { name: name.to_owned(), ..ImageWrite::default() };
    images::update_own(&test.platform, &by.ctx(), id, body).await.map(drop)
}

/// One more of its people.
async fn joined(test: &TestPlatform, of: &TestCustomer, name: &str) -> TestUser {
    let mut user = test.outsider(name).await;
    let joins = "insert into memberships (customer_id, user_id, role) values ($1, $2, 'member')";
    sqlx::query(joins).bind(of.id.0).bind(user.id.0).execute(test.owner_pool()).await.unwrap();
    user.principal.memberships = vec![(of.id, MemberRole::Member)];
    user.principal.active_customer = Some(of.id);
    user
}

/// The same person by a token of these scopes.
fn by_token(user: &TestUser, scopes: Option<&[Permission]>) -> OpContext {
    let mut user = user.clone();
    user.principal.credential = Credential::ApiToken { scopes: scopes.map(Arc::from) };
    user.ctx()
}

#[tokio::test]
async fn an_owner_s_token_that_sees_images_sees_those_that_nobody_shared() {
    let test = TestPlatform::new().await;
    let acme = test.customer("Acme").await;
    let platform = &test.platform;
    let (image, file) = saved(&test, &acme, &acme.member, "Mine").await;
    let sees = async |ctx: &OpContext| {
        let listed = images::list_own(platform, ctx, &ImageQuery::default()).await.map(|page| page.total);
        let read = images::get_own(platform, ctx, image).await.map(|view| view.id);
        let archive = files::get(platform, ctx, file).await.map(|view| view.id);
        (listed.map_err(|e| e.code), read.map_err(|e| e.code), archive.map_err(|e| e.code))
    };
    let all = (Ok(1), Ok(image), Ok(file));
    let reads = [Permission::ImagesUse, Permission::FilesView];
    let owner = &acme.owner;
    assert_eq!(sees(&owner.ctx()).await, all, "by a session");
    assert_eq!(sees(&by_token(owner, None)).await, all);
    assert_eq!(sees(&by_token(owner, Some(&reads))).await, all, "what it may change is another question");
    let refused = images::share_own(platform, &by_token(owner, Some(&reads)), image, true).await.unwrap_err();
    assert_eq!((refused.code, refused.key), (ErrorCode::Forbidden, "error-scope-missing"));
    // What a token may not see, it does not see of anybody.
    let archives = sees(&by_token(owner, Some(&[Permission::FilesView]))).await;
    assert_eq!(archives, (Err(ErrorCode::Forbidden), Err(ErrorCode::Forbidden), Ok(file)));
    let neither = sees(&by_token(owner, Some(&[Permission::ImagesUpload]))).await;
    assert_eq!(neither, (Err(ErrorCode::Forbidden), Err(ErrorCode::Forbidden), Err(ErrorCode::Forbidden)));
    // Nor does a token make more of a member than a member is.
    let other = joined(&test, &acme, "other").await;
    for ctx in [other.ctx(), by_token(&other, None), by_token(&other, Some(&reads))] {
        assert_eq!(sees(&ctx).await, (Ok(0), Err(ErrorCode::NotFound), Err(ErrorCode::NotFound)));
    }
    assert_eq!(sees(&acme.member.ctx()).await, all, "its maker");
}

#[tokio::test]
async fn what_an_older_server_saves_is_its_maker_s_and_what_it_takes_in_is_not() {
    let test = TestPlatform::new().await;
    let acme = test.customer("Acme").await;
    let (image, file) = saved(&test, &acme, &acme.member, "Mine").await;
    let upload = "insert into images (customer_id, name, source, architecture, state)
                  values ($1, 'Ours', 'upload', 'amd64', 'pending_review')";
    sqlx::query(upload).bind(acme.id.0).execute(test.owner_pool()).await.unwrap();
    let shared = "select name || ' ' || shared from images union all select 'Archive ' || shared from files order by 1";
    let shared: Vec<String> = sqlx::query_scalar(shared).fetch_all(test.owner_pool()).await.unwrap();
    assert_eq!(shared, ["Archive false", "Mine false", "Ours true"]);
    let other = joined(&test, &acme, "other").await;
    let read = images::get_own(&test.platform, &other.ctx(), image).await.unwrap_err();
    let content = files::get(&test.platform, &other.ctx(), file).await.unwrap_err();
    assert_eq!((read.code, content.code), (ErrorCode::NotFound, ErrorCode::NotFound));
}

#[tokio::test]
async fn a_name_that_is_taken_tells_nobody_of_an_image_that_another_has_alone() {
    let test = TestPlatform::new().await;
    let acme = test.customer("Acme").await;
    let (maker, other) = (&acme.member, joined(&test, &acme, "other").await);
    let platform = &test.platform;
    let taken = |error: Error| (error.code, error.fields.first().map_or(error.key, |field| field.key));
    let twice = (ErrorCode::AlreadyExists, "field-image-name-taken");
    let (image, _) = saved(&test, &acme, maker, "Mine").await;
    // To who made it, it is taken; to anybody else the name is free, to have alone, too.
    assert_eq!(uploaded(&test, maker, "MINE").await.map_err(taken), Err(twice));
    let theirs = uploaded(&test, &other, "Mine").await.unwrap();
    saved(&test, &acme, &acme.owner, "Mine").await;
    renamed(&test, maker, image, "Mine").await.expect("it is called so already");
    // Shared it would be the second of its name.
    let share = async || images::share_own(platform, &maker.ctx(), image, true).await.map(|view| view.shared);
    assert_eq!(share().await.map_err(taken), Err((ErrorCode::AlreadyExists, "error-image-name-shared")));
    renamed(&test, maker, image, "Mine, too").await.unwrap();
    assert!(share().await.unwrap());
    assert_eq!(renamed(&test, &other, theirs, "mine, TOO").await.map_err(taken), Err(twice));
    assert_eq!(uploaded(&test, &other, "Mine, too").await.map_err(taken), Err(twice));
}

/// Of how many images that staff reached for somebody was told.
async fn told(test: &TestPlatform, user: &TestUser) -> usize {
    let list = notifications::list(&test.platform, &user.ctx(), &NotificationQuery::default()).await.unwrap().list;
    list.iter().filter(|notice| notice.kind == NotificationKind::ImageActed).count()
}

#[tokio::test]
async fn who_saved_it_is_told_once_of_a_download_and_why_it_was() {
    let test = TestPlatform::new().await;
    let (staff, acme) = (test.admin().await, test.customer("Acme").await);
    let platform = &test.platform;
    let (image, file) = saved(&test, &acme, &acme.member, "Mine").await;
    let read = async |who: &TestUser, why: Option<&str>| {
        let content = files::content(platform, &who.ctx(), file, why.map(str::to_owned)).await;
        content.map(drop).map_err(|error| (error.code, error.fields.first().map(|field| field.path)))
    };
    let rows = async || -> i64 {
        let rows = "select count(*) from audit_events where action = 'files:read-unshared' and customer_id = $1";
        sqlx::query_scalar(rows).bind(acme.id.0).fetch_one(test.owner_pool()).await.unwrap()
    };
    for nothing in [None, Some(""), Some("no"), Some(" a b c d ")] {
        assert_eq!(read(&staff, nothing).await, Err((ErrorCode::Validation, Some("reason"))), "{nothing:?}");
    }
    assert_eq!((rows().await, told(&test, &acme.member).await), (0, 0));
    // A download is as many requests as it has ranges, some of them at once.
    for _ in 0..3 {
        assert_eq!(read(&staff, Some("the review")).await, Ok(()));
    }
    let (one, other) = tokio::join!(read(&staff, Some("a second look")), read(&staff, Some("a second look")));
    assert_eq!((one, other), (Ok(()), Ok(())));
    assert_eq!((rows().await, told(&test, &acme.member).await), (2, 2), "each reason once");
    assert_eq!(read(&test.admin().await, Some("the review")).await, Ok(()));
    test.clock().advance(TimeDelta::minutes(61));
    assert_eq!(read(&staff, Some("the review")).await, Ok(()));
    assert_eq!((rows().await, told(&test, &acme.member).await), (4, 4), "somebody else, and another time");
    assert_eq!(told(&test, &acme.owner).await, 0, "it is not theirs");
    // Staff who are its customer's people themselves find it as these do.
    for own in [&acme.member, &acme.owner] {
        let mut own = own.clone();
        own.principal.platform_admin = true;
        assert_eq!(read(&own, None).await, Ok(()));
    }
    // Where who saved it is gone, the owners have it.
    let gone = sqlx::query("delete from memberships where user_id = $1").bind(acme.member.id.0);
    gone.execute(test.owner_pool()).await.unwrap();
    assert_eq!(read(&staff, Some("they have left")).await, Ok(()));
    assert_eq!((told(&test, &acme.member).await, told(&test, &acme.owner).await), (4, 1));
    images::share_own(platform, &acme.owner.ctx(), image, true).await.unwrap();
    assert_eq!((read(&staff, None).await, rows().await), (Ok(()), 5), "shared, it is as any other");
}
