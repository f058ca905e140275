//! Files come in by chunks, in any order, more than once, over two servers, and through deaths in between.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::time::Duration;

use chrono::TimeDelta;
use contract::accounts::MemberRole;
use contract::files::{CHUNK_BYTES, ChunkRange, FilePurpose, FileQuery, GB, UploadCreate, UploadFault, UploadState};
use contract::quotas::{CountedResource, Quota};
use contract::{ErrorCode, UploadId};
use platform::{OpContext, Platform, files, quotas};
use sha2::{Digest as _, Sha256};
use test_support::TestPlatform;

/// Bytes that differ from place to place.
fn bytes(size: u64, seed: u64) -> Vec<u8> {
    (0..size).map(|at| ((at * 31 + seed) ^ (at >> 9)) as u8).collect()
}

fn announce(content: &[u8]) -> UploadCreate {
    let sha256 = Some(hex::encode(Sha256::digest(content)));
    UploadCreate { name: "a.tar".to_owned(), size: content.len() as u64, sha256, purpose: FilePurpose::Image }
}

fn chunk(content: &[u8], n: u32) -> &[u8] {
    let from = (u64::from(n) * CHUNK_BYTES) as usize;
    &content[from..content.len().min(from + CHUNK_BYTES as usize)]
}

async fn put(platform: &Platform, ctx: &OpContext, id: UploadId, n: u32, mut body: &[u8]) -> platform::Result<()> {
    files::put_chunk(platform, ctx, id, n, Some(Sha256::digest(body).into()), &mut body).await.map(drop)
}

/// Every file of the store, as a path below it.
fn stored(test: &TestPlatform) -> Vec<String> {
    fn walk(folder: &std::path::Path, found: &mut Vec<String>, root: &std::path::Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => walk(&path, found, root),
                false => found.push(path.strip_prefix(root).unwrap().to_string_lossy().into_owned()),
            }
        }
    }
    let mut found = Vec::new();
    walk(test.files_dir(), &mut found, test.files_dir());
    found
}

#[tokio::test]
async fn chunks_come_in_any_order_over_several_servers_and_more_than_once() {
    let test = TestPlatform::new().await;
    let acme = test.customer("Acme").await;
    let (first, second) = (&test.platform, test.another_server().await);
    let ctx = acme.member.ctx();
    let content = bytes(2 * CHUNK_BYTES + 1000, 1);
    let upload = files::create_upload(first, &ctx, announce(&content)).await.unwrap();
    assert_eq!((upload.chunks, upload.state, upload.received.len()), (3, UploadState::Open, 0));
    put(&second, &ctx, upload.id, 2, chunk(&content, 2)).await.unwrap();
    put(first, &ctx, upload.id, 0, chunk(&content, 0)).await.unwrap();
    put(&second, &ctx, upload.id, 0, chunk(&content, 0)).await.expect("the same again is fine");
    let half = files::get_upload(&second, &acme.owner.ctx(), upload.id).await.unwrap();
    assert_eq!(half.received, [ChunkRange { from: 0, to: 0 }, ChunkRange { from: 2, to: 2 }]);
    assert_eq!(half.received_bytes, CHUNK_BYTES + 1000);
    let early = files::complete(first, &ctx, upload.id).await.unwrap_err();
    assert_eq!((early.code, early.key), (ErrorCode::WrongState, "error-upload-incomplete"));
    put(first, &ctx, upload.id, 1, chunk(&content, 1)).await.unwrap();
    let done = files::complete(&second, &ctx, upload.id).await.unwrap();
    assert_eq!(done.state, UploadState::Done);
    let file = done.file.expect("it is a file");
    assert_eq!(files::complete(first, &ctx, upload.id).await.unwrap().file, Some(file), "again changes nothing");
    let (view, mut read) = files::content(first, &ctx, file, None).await.unwrap();
    assert_eq!(Some(view.sha256), announce(&content).sha256);
    let mut back = Vec::new();
    read.read_to_end(&mut back).unwrap();
    assert!(back == content, "what came in comes out");
    read.seek(SeekFrom::Start(CHUNK_BYTES - 3)).unwrap();
    let mut across = [0; 6];
    read.read_exact(&mut across).unwrap();
    assert_eq!(across, content[CHUNK_BYTES as usize - 3..][..6]);
    let late = put(first, &ctx, upload.id, 1, chunk(&content, 1)).await.unwrap_err();
    assert_eq!((late.code, late.key), (ErrorCode::WrongState, "error-upload-state"));
    assert_eq!(stored(&test).len(), 3, "a part per chunk and nothing else");
}

#[tokio::test]
async fn what_is_not_as_announced_is_refused_and_leaves_nothing() {
    let test = TestPlatform::new().await;
    let acme = test.customer("Acme").await;
    let (platform, ctx) = (&test.platform, acme.owner.ctx());
    let content = bytes(1000, 1);
    let upload = files::create_upload(platform, &ctx, announce(&content)).await.unwrap().id;
    for wrong in [&content[..999], &[&content[..], &[0]].concat()[..], &[]] {
        let error = put(platform, &ctx, upload, 0, wrong).await.unwrap_err();
        assert_eq!((error.code, error.fields[0].key), (ErrorCode::Validation, "field-chunk-size"));
    }
    let error = files::put_chunk(platform, &ctx, upload, 0, Some([7; 32]), &mut &content[..]).await.unwrap_err();
    assert_eq!(error.fields[0].key, "field-chunk-hash");
    assert_eq!(put(platform, &ctx, upload, 1, &content).await.unwrap_err().code, ErrorCode::NotFound);
    assert!(stored(&test).is_empty(), "{:?}", stored(&test));
    let other = bytes(1000, 2);
    put(platform, &ctx, upload, 0, &other).await.expect("as a chunk it is fine");
    let error = put(platform, &ctx, upload, 0, &content).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::Conflict, "error-chunk-differs"));
    for again in [false, true] {
        let error = files::complete(platform, &ctx, upload).await.unwrap_err();
        assert_eq!((error.code, error.fields[0].path), (ErrorCode::Validation, "sha256"), "asked again: {again}");
        assert_eq!(error.fields[0].key, "field-upload-hash");
    }
    let ended = files::get_upload(platform, &ctx, upload).await.unwrap();
    assert_eq!((ended.state, ended.fault, ended.file), (UploadState::Aborted, Some(UploadFault::Hash), None));
    assert!(stored(&test).is_empty(), "what is not what was announced is not kept");
    let error = files::create_upload(
        platform,
        &ctx,
        UploadCreate { name: " /x/ ".to_owned(), size: 0, sha256: Some("12".to_owned()), purpose: FilePurpose::Other },
    )
    .await
    .unwrap_err();
    assert_eq!(error.fields.iter().map(|fault| fault.path).collect::<Vec<_>>(), ["name", "size", "sha256"]);
    let name = UploadCreate { name: "../../etc/C:\\x\\model.bin".to_owned(), ..announce(&content) };
    assert_eq!(files::create_upload(platform, &ctx, name).await.unwrap().name, "model.bin");
    let huge = UploadCreate { size: 101 << 30, ..announce(&content) };
    assert_eq!(files::create_upload(platform, &ctx, huge).await.unwrap_err().code, ErrorCode::TooLarge);
}

#[tokio::test]
async fn parallel_uploads_never_pass_the_quota() {
    let test = TestPlatform::new().await;
    let (admin, acme) = (test.admin().await, test.customer("Acme").await);
    let limit = Quota { storage_gb: Some(3), ..Quota::default() };
    quotas::set_of_customer(&test.platform, &admin.ctx(), acme.id, limit).await.unwrap();
    let second = test.another_server().await;
    let announced = |number: u64| {
        let platform = if number.is_multiple_of(2) { test.platform.clone() } else { second.clone() };
        let ctx = if number.is_multiple_of(3) { acme.member.ctx() } else { acme.owner.ctx() };
        let new = UploadCreate { name: format!("{number}.bin"), size: GB, sha256: None, purpose: FilePurpose::Dataset };
        async move { files::create_upload(&platform, &ctx, new).await }
    };
    let all = futures_util::future::join_all((0..12).map(announced)).await;
    let (made, refused): (Vec<_>, Vec<_>) = all.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), refused.len()), (3, 9));
    for error in refused {
        let error = error.unwrap_err();
        assert_eq!((error.code, error.key), (ErrorCode::QuotaExceeded, "error-storage-quota"));
        assert!(error.args.contains(&("limit", "3 GB".to_owned())), "{error:?}");
    }
    let open = made.into_iter().next().unwrap().unwrap();
    files::abort(&test.platform, &acme.owner.ctx(), open.id).await.unwrap();
    announced(100).await.expect("what was given up counts no more");
}

#[tokio::test]
async fn a_persons_limit_holds_across_their_customers() {
    let test = TestPlatform::new().await;
    let (admin, acme, globex) = (test.admin().await, test.customer("Acme").await, test.customer("Globex").await);
    let limit = Quota { storage_gb: Some(3), ..Quota::default() };
    quotas::set_of_user(&test.platform, &admin.ctx(), acme.owner.id, limit).await.unwrap();
    let mut elsewhere = acme.owner.clone();
    elsewhere.principal.active_customer = Some(globex.id);
    elsewhere.principal.memberships = vec![(globex.id, MemberRole::Member)];
    let new =
        |name: &str| UploadCreate { name: name.to_owned(), size: 2 * GB, sha256: None, purpose: FilePurpose::Dataset };
    files::create_upload(&test.platform, &acme.owner.ctx(), new("a.bin")).await.unwrap();
    let error = files::create_upload(&test.platform, &elsewhere.ctx(), new("b.bin")).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::QuotaExceeded, "error-storage-quota"));
    files::create_upload(&test.platform, &globex.owner.ctx(), new("c.bin")).await.expect("somebody else's limit");
    let used = quotas::usage_of_customer(&test.platform, &admin.ctx(), acme.id).await.unwrap();
    let storage = used.iter().find(|row| row.resource == CountedResource::Storage).unwrap();
    assert_eq!((storage.used, storage.used_bytes), (Some(2), Some(2 * GB)), "what is on its way in counts");
    // A limit of nothing, and a little there: neither is called what it is not.
    files::create_upload(&test.platform, &globex.member.ctx(), UploadCreate { size: 27_000_000, ..new("d.bin") })
        .await
        .unwrap();
    let nothing = Quota { storage_gb: Some(0), ..Quota::default() };
    quotas::set_of_user(&test.platform, &admin.ctx(), globex.member.id, nothing).await.unwrap();
    let error = files::create_upload(&test.platform, &globex.member.ctx(), new("e.bin")).await.unwrap_err();
    assert_eq!(error.args, [("limit", "0 GB".to_owned()), ("used", "27 MB".to_owned())]);
}

#[tokio::test]
async fn the_same_content_is_kept_once_and_until_nobody_has_it() {
    let test = TestPlatform::new().await;
    let (acme, globex) = (test.customer("Acme").await, test.customer("Globex").await);
    let content = bytes(5000, 3);
    let platform = &test.platform;
    let mut made = Vec::new();
    for owner in [&acme.owner, &globex.owner] {
        let file = files::store_whole(platform, &owner.ctx(), announce(&content), &mut &content[..]).await.unwrap();
        made.push(file.id);
    }
    assert_eq!(stored(&test).len(), 1);
    let hidden = files::get(platform, &acme.owner.ctx(), made[1]).await.unwrap_err();
    assert_eq!(hidden.code, ErrorCode::NotFound);
    let hidden = files::content(platform, &globex.owner.ctx(), made[0], None).await.unwrap_err();
    assert_eq!(hidden.code, ErrorCode::NotFound);
    let theirs = files::delete(platform, &acme.member.ctx(), made[0]).await.unwrap_err();
    assert_eq!(theirs.code, ErrorCode::Forbidden, "members take away only what they brought");
    files::delete(platform, &acme.owner.ctx(), made[0]).await.unwrap();
    files::clean(platform).await.unwrap();
    assert_eq!(stored(&test).len(), 1, "the other one still has it");
    files::delete(platform, &globex.owner.ctx(), made[1]).await.unwrap();
    files::clean(platform).await.unwrap();
    assert!(stored(&test).is_empty());
    let listed = files::list(platform, &acme.owner.ctx(), &FileQuery::default()).await.unwrap();
    assert_eq!(listed.total, 0);
}

/// A server that is killed leaves a part without its name, a part without its row, a folder without an upload, or an
/// upload that waits for its job: each is taken up again or swept away.
#[tokio::test]
async fn what_a_killed_server_leaves_is_resumed_or_swept_away() {
    let test = TestPlatform::new().await;
    let acme = test.customer("Acme").await;
    let (platform, ctx) = (&test.platform, acme.owner.ctx());
    let content = bytes(CHUNK_BYTES + 10, 4);
    let upload = files::create_upload(platform, &ctx, announce(&content)).await.unwrap().id;
    put(platform, &ctx, upload, 0, chunk(&content, 0)).await.unwrap();
    let first = test.files_dir().join(&stored(&test)[0]);
    let folder = first.parent().unwrap();
    // Killed while it wrote chunk 1, and once after chunk 1 had its name and before its row was there.
    std::fs::write(folder.join("000001.0123abcd"), b"half").unwrap();
    std::fs::write(folder.join("000001"), b"something else").unwrap();
    // Killed before the row of an upload was there.
    let orphan = test.files_dir().join("0a").join("0a".repeat(16));
    std::fs::create_dir_all(&orphan).unwrap();
    std::fs::write(orphan.join("000000"), b"nobody's").unwrap();
    let resumed = files::get_upload(platform, &ctx, upload).await.unwrap();
    assert_eq!(resumed.received, [ChunkRange { from: 0, to: 0 }]);
    files::sweep(platform, Duration::ZERO).await.unwrap();
    assert!(!orphan.exists() && first.exists(), "what nobody has goes, what an upload has stays");
    put(platform, &ctx, upload, 1, chunk(&content, 1)).await.unwrap();
    // Killed after everything was there and before it was checked: the job is all that is left of the request.
    sqlx::query("update uploads set state = 'assembling'").execute(test.owner_pool()).await.unwrap();
    files::assemble(platform, upload, false).await.unwrap();
    files::assemble(platform, upload, false).await.expect("a job may run twice");
    let done = files::get_upload(platform, &ctx, upload).await.unwrap();
    assert_eq!(done.state, UploadState::Done);
    let (_, mut read) = files::content(platform, &ctx, done.file.unwrap(), None).await.unwrap();
    let mut back = Vec::new();
    read.read_to_end(&mut back).unwrap();
    assert!(back == content);
    assert_eq!(stored(&test).len(), 2, "no half parts are left");
    let rows: i64 = sqlx::query_scalar("select count(*) from files").fetch_one(test.owner_pool()).await.unwrap();
    assert_eq!(rows, 1);
}

#[tokio::test]
async fn a_part_that_the_store_lost_ends_the_upload_and_not_the_server() {
    let test = TestPlatform::new().await;
    let acme = test.customer("Acme").await;
    let (platform, ctx) = (&test.platform, acme.owner.ctx());
    let content = bytes(100, 5);
    let upload = files::create_upload(platform, &ctx, announce(&content)).await.unwrap().id;
    put(platform, &ctx, upload, 0, &content).await.unwrap();
    std::fs::write(test.files_dir().join(&stored(&test)[0]), b"short").unwrap();
    let waits = files::complete(platform, &ctx, upload).await.unwrap();
    assert_eq!(waits.state, UploadState::Assembling, "the job tries again");
    assert!(files::assemble(platform, upload, false).await.is_err());
    files::assemble(platform, upload, true).await.unwrap();
    let ended = files::get_upload(platform, &ctx, upload).await.unwrap();
    assert_eq!((ended.state, ended.fault), (UploadState::Aborted, Some(UploadFault::Store)));
    assert!(stored(&test).is_empty());
}

#[tokio::test]
async fn an_upload_that_nobody_goes_on_with_is_forgotten() {
    let test = TestPlatform::new().await;
    let acme = test.customer("Acme").await;
    let platform = &test.platform;
    let content = bytes(CHUNK_BYTES + 10, 6);
    let upload = files::create_upload(platform, &acme.owner.ctx(), announce(&content)).await.unwrap().id;
    test.clock().advance(TimeDelta::hours(40));
    put(platform, &acme.owner.ctx(), upload, 0, chunk(&content, 0)).await.unwrap();
    test.clock().advance(TimeDelta::hours(40));
    files::clean(platform).await.unwrap();
    let open = files::uploads(platform, &acme.owner.ctx()).await.unwrap();
    assert_eq!(open.len(), 1, "a chunk put its end off");
    test.clock().advance(TimeDelta::hours(10));
    files::clean(platform).await.unwrap();
    let ended = files::get_upload(platform, &acme.owner.ctx(), upload).await.unwrap();
    assert_eq!((ended.state, ended.fault), (UploadState::Aborted, Some(UploadFault::Expired)));
    assert!(files::uploads(platform, &acme.owner.ctx()).await.unwrap().is_empty() && stored(&test).is_empty());
}

#[tokio::test]
async fn uploads_are_their_customers_alone() {
    let test = TestPlatform::new().await;
    let (admin, operator) = (test.admin().await, test.operator("operator").await);
    let (acme, globex, outsider) =
        (test.customer("Acme").await, test.customer("Globex").await, test.outsider("nobody").await);
    let platform = &test.platform;
    let content = bytes(100, 7);
    let upload = files::create_upload(platform, &acme.owner.ctx(), announce(&content)).await.unwrap().id;
    for stranger in [&globex.owner, &outsider, &operator] {
        let ctx = stranger.ctx();
        for error in [
            files::get_upload(platform, &ctx, upload).await.unwrap_err(),
            put(platform, &ctx, upload, 0, &content).await.unwrap_err(),
            files::complete(platform, &ctx, upload).await.unwrap_err(),
            files::abort(platform, &ctx, upload).await.unwrap_err(),
        ] {
            assert_eq!(error.code, ErrorCode::NotFound);
        }
    }
    let member = put(platform, &acme.member.ctx(), upload, 0, &content).await.unwrap_err();
    assert_eq!(member.code, ErrorCode::Forbidden, "seen, and the owner's to go on with");
    assert!(files::get_upload(platform, &admin.ctx(), upload).await.is_ok());
    files::store_whole(platform, &admin.ctx(), announce(&content), &mut &content[..]).await.expect("the platform's");
    let refused = files::create_upload(platform, &outsider.ctx(), announce(&content)).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::NotFound);
}
