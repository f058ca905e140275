//! What an instance was saved as, and nobody shared: who finds it, what it is called, and what staff do with it.

use std::sync::Arc;

use contract::accounts::MemberRole;
use contract::files::{FilePurpose, UploadCreate};
use contract::images::ImageQuery;
use contract::{ErrorCode, FileId, ImageId, Permission};
use platform::{Credential, OpContext, files, images};
use test_support::{TestCustomer, TestPlatform, TestUser, image_archive};

/// No engine is there, so that an image becomes one in the database alone.
async fn saved(test: &TestPlatform, of: &TestCustomer, maker: &TestUser, name: &str) -> (ImageId, FileId) {
    let bytes = image_archive("amd64", name);
    let new =
        UploadCreate { name: name.to_owned(), size: bytes.len() as u64, sha256: None, purpose: FilePurpose::Image };
    let file = files::store_whole(&test.platform, &maker.ctx(), new, &mut &bytes[..]).await.unwrap().id;
    let made = "insert into images (customer_id, created_by, created_name, name, source, file_id, architecture, state,
                                    took_names, shared)
                values ($1, $2, $3, $4, 'instance', $5, 'amd64', 'pending_review', false, false) returning id";
    let made = sqlx::query_scalar(made).bind(of.id.0).bind(maker.id.0).bind(&maker.name).bind(name).bind(file.0);
    let id: i64 = made.fetch_one(test.owner_pool()).await.unwrap();
    sqlx::query("update files set shared = false where id = $1").bind(file.0).execute(test.owner_pool()).await.unwrap();
    (ImageId(id), file)
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
