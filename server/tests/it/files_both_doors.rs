//! Files over REST as programs send them, and images of them through both doors, in forms, and on their pages.

use http::Method;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use test_support::image_archive;

use crate::both::{Doors, Through};
use crate::harness::{Answer, Server, Who};

const UPLOADS: &str = "/api/files/uploads";

/// Sends everything; the file's id.
pub(crate) async fn sent(server: &Server, who: &Who, content: &[u8], purpose: &str) -> u64 {
    let body = json!({ "name": "a.tar", "size": content.len(), "purpose": purpose });
    let upload = server.post(who, UPLOADS, body).await.data()["id"].to_string();
    let chunk = server.request(who, Method::PUT, &format!("{UPLOADS}/{upload}/chunks/0")).body(content.to_vec());
    assert_eq!(Answer::of(chunk).await.status, 200);
    let done = server.post(who, &format!("{UPLOADS}/{upload}/complete"), json!({})).await.data();
    assert_eq!(done["state"], "done");
    done["file"].as_u64().unwrap()
}

async fn jobs(through: Through) {
    let server = Server::start().await;
    let (acme, globex) = (server.test.customer("Acme").await, server.test.customer("Globex").await);
    let doors = Doors { server: &server, through };
    let (owner, member) = (doors.who(&acme.owner).await, doors.who(&acme.member).await);
    let other = doors.who(&globex.owner).await;
    sent(&server, &server.token(&acme.owner).await, b"hello", "other").await;
    let body = json!({ "name": "b.tar", "size": 7, "purpose": "image" });
    let going = server.post(&server.token(&acme.owner).await, UPLOADS, body).await.data()["id"].to_string();

    let seen = async |who: &Who| doors.list(who, "/api/customer/jobs", "list_own_jobs").await;
    let page = seen(&owner).await;
    assert_eq!((page["total"].as_u64(), &page["list"][0]["kind"]), (Some(1), &json!("files-assemble")), "{page}");
    assert_eq!(page["list"][0]["subject"]["name"], "a.tar");
    assert_eq!(seen(&member).await["total"], 0, "it is the owner's");
    assert_eq!(seen(&other).await["total"], 0);
    let mine = async |who: &Who| doors.list(who, "/api/customer/jobs/mine", "read_my_jobs").await;
    let drawer = mine(&owner).await;
    assert_eq!((drawer["going"].as_u64(), &drawer["list"][0]["about"]), (Some(1), &json!("a.tar")), "{drawer}");
    assert_eq!((mine(&member).await["going"].as_u64(), mine(&other).await["going"].as_u64()), (Some(0), Some(0)));
    let job = page["list"][0]["id"].to_string();
    for (what, function) in [("cancel", "cancel_own_job"), ("retry", "retry_own_job")] {
        let path = format!("/api/customer/jobs/{job}/{what}");
        let act = async |who: &Who| match through {
            Through::Rest => server.post(who, &path, json!({})).await.code(),
            Through::ServerFns => server.call(who, function, &[("id", &job)]).await.code(),
        };
        let answers = (act(&other).await, act(&member).await, act(&owner).await);
        assert_eq!(answers, (1300, 1300, 1402), "{what}: an upload is given up, and begun, where it was begun");
    }
    let stored = doors.list(&member, "/api/customer/storage/quota", "read_storage").await;
    assert_eq!((stored["used"].as_u64(), stored["ownUsed"].as_u64()), (Some(12), Some(0)), "{stored}");
    assert_eq!(doors.list(&member, UPLOADS, "list_uploads").await[0]["name"], "b.tar");
    let abort = async |who: &Who| match through {
        Through::Rest => Answer::of(server.request(who, Method::DELETE, &format!("{UPLOADS}/{going}"))).await.code(),
        Through::ServerFns => server.call(who, "abort_upload", &[("id", &going)]).await.code(),
    };
    assert_eq!((abort(&other).await, abort(&member).await, abort(&owner).await), (1300, 1200, 0));
    assert_eq!(doors.list(&owner, UPLOADS, "list_uploads").await, json!([]));
    let log = "select action || ' ' || outcome || ' ' || via from audit_events where action = 'files:abort-upload'
               order by id";
    let expected = ["denied", "done"].map(|outcome| format!("files:abort-upload {outcome} {}", doors.via()));
    assert_eq!(server.sql(log).await, expected, "of what one does not see nothing is told");
}

#[tokio::test]
async fn programs_see_jobs_over_rest() {
    jobs(Through::Rest).await;
}

#[tokio::test]
async fn people_see_jobs_over_server_functions() {
    jobs(Through::ServerFns).await;
}

#[tokio::test]
async fn the_page_of_jobs_shows_what_is_on_its_way_and_what_may_be_done() {
    let server = Server::start().await;
    let acme = server.test.customer("Acme").await;
    let body = json!({ "name": "<b>.tar", "size": 7, "purpose": "image" });
    server.post(&server.token(&acme.owner).await, UPLOADS, body).await.data();
    let (owner, member) = (server.browser(&acme.owner).await, server.browser(&acme.member).await);
    let page = server.get(&owner, "/jobs").await;
    assert_eq!(page.status, 200, "{}", page.text);
    for says in
        ["&lt;b&gt;.tar", "Coming in", "0\u{a0}B of 7\u{a0}B", "Give it up", "7\u{a0}B, without a limit", "lately"]
    {
        assert!(page.text.contains(says), "{says}: {}", page.text);
    }
    let page = server.get(&member, "/jobs").await;
    assert!(page.text.contains("&lt;b&gt;.tar") && !page.text.contains("Give it up"), "another's: {}", page.text);
    let admin = server.browser(&server.test.admin().await).await;
    assert_eq!(server.get(&admin, "/jobs").await.status, 404);
}

/// What an instance was saved as is who saved it's, and the owners', until it is shared; no engine is there, so that an image
/// becomes one in the database alone.
async fn sharing(through: Through) {
    let server = Server::start().await;
    let acme = server.test.customer("Acme").await;
    let doors = Doors { server: &server, through };
    let (owner, member) = (doors.who(&acme.owner).await, doors.who(&acme.member).await);
    let (program, members) = (server.token(&acme.owner).await, server.token(&acme.member).await);
    let file = sent(&server, &program, &image_archive("amd64", "a"), "image").await;
    let made = server.post(&program, "/api/customer/images/upload", json!({ "file": file, "name": "Ours" })).await;
    let id = made.data()["id"].to_string();
    let own = format!("/api/customer/images/mine/{id}");
    let sees = async |who: &Who| match through {
        Through::Rest => server.get(who, &own).await.code(),
        Through::ServerFns => server.call(who, "get_own_image", &[("id", id.as_str())]).await.code(),
    };
    let share = async |who: &Who, shared: bool| {
        let (verb, word) = if shared { ("share", "true") } else { ("unshare", "false") };
        let form = [("id", id.as_str()), ("shared", word)];
        doors.call(who, (&format!("{own}/{verb}"), json!({})), ("share_own_image", &form)).await.0
    };
    let content = format!("/api/files/{file}/content");
    let reads = async || Answer::of(server.request(&members, Method::GET, &content)).await.status;
    assert_eq!((sees(&member).await, share(&owner, false).await), (0, 1402), "it was uploaded");
    let saved = format!("update images set source = 'instance', shared = false where id = {id} returning name");
    assert_eq!(server.sql(&saved).await, ["Ours"]);
    let archive = format!("update files set shared = false where id = {file} returning name");
    assert_eq!(server.sql(&archive).await, ["a.tar"]);
    assert_eq!((sees(&owner).await, sees(&member).await, reads().await), (0, 1300, 404));
    // Staff look at it for a reason, which its customer reads.
    let staff = server.token(&server.test.admin().await).await;
    let looks =
        async |query: &str| Answer::of(server.request(&staff, Method::GET, &format!("{content}{query}"))).await.status;
    assert_eq!((looks("").await, looks("?reason=no").await, looks("?reason=the+review").await), (400, 400, 200));
    let read =
        "select after->>'reason' from audit_events where action = 'files:read-unshared' and customer_id is not null";
    // The same again, as the ranges of a download, is told once.
    let range =
        server.request(&staff, Method::GET, &format!("{content}?reason=the+review")).header("range", "bytes=0-9");
    assert_eq!((Answer::of(range).await.status, looks("?reason=the+review").await), (206, 200));
    assert_eq!(server.sql(read).await, ["the review"]);
    assert_eq!((share(&member, true).await, share(&owner, true).await), (1300, 0));
    assert_eq!((sees(&member).await, reads().await, looks("").await), (0, 200, 200));
    assert_eq!((share(&member, false).await, share(&owner, false).await), (1200, 0), "it is not theirs");
    assert_eq!((sees(&owner).await, sees(&member).await, reads().await), (0, 1300, 404));
    let told = "select action from audit_events where outcome = 'done' and action like 'images:%share' order by id";
    assert_eq!(server.sql(told).await, ["images:share", "images:unshare"]);
}

#[tokio::test]
async fn programs_share_saved_images_over_rest() {
    sharing(Through::Rest).await;
}

#[tokio::test]
async fn people_share_saved_images_over_server_functions() {
    sharing(Through::ServerFns).await;
}

#[tokio::test]
async fn programs_send_files_in_chunks_and_read_them_back() {
    let server = Server::start().await;
    let acme = server.test.customer("Acme").await;
    let who = server.token(&acme.owner).await;
    let chunk_size = 16 << 20;
    let content: Vec<u8> = (0..chunk_size + 1000u32).map(|at| (at ^ (at >> 8)) as u8).collect();
    let hash = hex::encode(Sha256::digest(&content));
    let body = json!({ "name": "model.bin", "size": content.len(), "sha256": hash, "purpose": "other" });
    let made = server.post(&who, UPLOADS, body).await;
    assert_eq!((made.status, made.data()["chunks"].as_u64()), (201, Some(2)));
    let path = made.header("location").to_owned();
    let put = async |n: u32, bytes: &[u8], hash: String| {
        let request = server.request(&who, Method::PUT, &format!("{path}/chunks/{n}"));
        Answer::of(request.header("x-chunk-sha256", hash).body(bytes.to_vec())).await
    };
    let (first, last) = content.split_at(chunk_size as usize);
    let right = |bytes: &[u8]| hex::encode(Sha256::digest(bytes));
    assert_eq!(put(1, last, right(last)).await.code(), 0);
    let wrong = put(0, first, right(last)).await;
    assert_eq!((wrong.status, wrong.fields().contains_key("sha256")), (400, true));
    assert_eq!(put(0, last, right(last)).await.fields().keys().collect::<Vec<_>>(), ["body"]);
    assert_eq!(put(0, first, "no hash".to_owned()).await.code(), 1000);
    let half = server.get(&who, &path).await.data();
    assert_eq!((&half["received"], &half["state"]), (&json!([{ "from": 1, "to": 1 }]), &json!("open")));
    assert_eq!(server.post(&who, &format!("{path}/complete"), json!({})).await.code(), 1402);
    assert_eq!(put(0, first, right(first)).await.code(), 0);
    let done = server.post(&who, &format!("{path}/complete"), json!({})).await.data();
    let file = format!("/api/files/{}", done["file"]);
    assert_eq!(server.get(&who, &file).await.data()["sha256"], hash.as_str());
    let other = json!({ "name": "other.bin", "size": 5, "sha256": "0".repeat(64), "purpose": "other" });
    let other = server.post(&who, UPLOADS, other).await.header("location").to_owned();
    let chunk = server.request(&who, Method::PUT, &format!("{other}/chunks/0")).body(b"hello".to_vec());
    assert_eq!(Answer::of(chunk).await.code(), 0);
    let ended = server.post(&who, &format!("{other}/complete"), json!({})).await;
    assert_eq!((ended.status, ended.code(), ended.fields().contains_key("sha256")), (400, 1000, true));
    let read = server.get(&who, &other).await.data();
    assert_eq!((&read["state"], &read["fault"]), (&json!("aborted"), &json!("hash")));

    let range = async |range: &str| {
        let request = server.request(&who, Method::GET, &format!("{file}/content")).header("range", range);
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let header = response.headers().get("content-range").map(|value| value.to_str().unwrap().to_owned());
        (status, header, response.bytes().await.unwrap())
    };
    let from = chunk_size as usize - 5;
    let (status, header, bytes) = range(&format!("bytes={from}-{}", from + 9)).await;
    assert_eq!((status, &bytes[..]), (206, &content[from..from + 10]));
    assert_eq!(header, Some(format!("bytes {from}-{}/{}", from + 9, content.len())));
    let (status, _, all) = range("bytes=0-").await;
    assert!(status == 206 && all == content);
    assert_eq!(range("bytes=99999999-").await.0, 416);
    let whole = server.get(&who, &format!("{file}/content")).await;
    assert_eq!((whole.status, whole.header("content-encoding")), (200, ""), "as it is");
    assert!(whole.header("content-disposition").starts_with("attachment"));
    assert_eq!(Answer::of(server.request(&who, Method::DELETE, &file)).await.code(), 0);
    assert_eq!(server.get(&who, &file).await.status, 404);
}

async fn scenario(through: Through) {
    let server = Server::start().await;
    let (admin, acme, globex) =
        (server.test.admin().await, server.test.customer("Acme").await, server.test.customer("Globex").await);
    let doors = Doors { server: &server, through };
    let (staff, owner, other) = (doors.who(&admin).await, doors.who(&acme.owner).await, doors.who(&globex.owner).await);
    let program = server.token(&acme.owner).await;
    let file = sent(&server, &program, &image_archive("amd64", "a"), "image").await;
    let made = server.post(&program, "/api/customer/images/upload", json!({ "file": file, "name": "Ours" })).await;
    assert_eq!((made.status, made.data()["state"].as_str()), (201, Some("pending_review")));
    let id = made.data()["id"].to_string();
    let (own, staffs) = (format!("/api/customer/images/mine/{id}"), format!("/api/admin/images/{id}"));

    let body = json!({ "name": "JAX", "address": "nvcr.io/nvidia/jax:24.04" });
    let form = [("form[name]", "JAX"), ("form[address]", "nvcr.io/nvidia/jax:24.04")];
    let wrong = (json!({ "name": "", "address": "NO" }), [("form[name]", ""), ("form[address]", "NO")]);
    let create = async |who: &Who, body: &serde_json::Value, form: &[(&str, &str)]| {
        doors.call(who, ("/api/admin/images", body.clone()), ("create_image", form)).await
    };
    assert_eq!(create(&owner, &body, &form).await.0, 1300);
    assert_eq!(create(&staff, &wrong.0, &wrong.1).await, (1000, vec!["address".to_owned(), "name".to_owned()]));
    assert_eq!(create(&staff, &body, &form).await, (0, vec![]));
    assert_eq!(create(&staff, &body, &form).await, (1401, vec!["name".to_owned()]));
    let listed = [("id", id.as_str()), ("listed", "true")];
    let list = async |who: &Who| {
        doors.call(who, (&format!("{staffs}/list"), json!({})), ("set_image_listed", &listed)).await.0
    };
    assert_eq!(list(&staff).await, 1402, "nobody approved it");
    let reject = async |reason: &str| {
        let form = [("id", id.as_str()), ("reason", reason)];
        doors.call(&staff, (&format!("{staffs}/reject"), json!({ "reason": reason })), ("reject_image", &form)).await
    };
    assert_eq!(reject("").await, (1000, vec!["reason".to_owned()]));
    assert_eq!(reject("No licence").await.0, 0);
    let approve = (format!("{staffs}/approve"), [("id", id.as_str())]);
    let approved = doors.call(&staff, (&approve.0, json!({})), ("approve_image", &approve.1)).await;
    assert_eq!((approved.0, list(&staff).await), (0, 0));
    let market = doors.list(&other, "/api/customer/images/market", "list_market").await["list"].clone();
    assert_eq!((&market[0]["name"], market[0].get("remark")), (&json!("Ours"), None));
    let change = [("id", id.as_str()), ("form[name]", "Mine")];
    let update =
        async |who: &Who| doors.put(who, (&own, json!({ "name": "Mine" })), ("update_own_image", &change)).await.0;
    assert_eq!((update(&other).await, update(&owner).await), (1300, 1402), "as long as everybody sees it");
    let delisted = [("id", id.as_str()), ("listed", "false")];
    let delist = doors.call(&staff, (&format!("{staffs}/delist"), json!({})), ("set_image_listed", &delisted)).await;
    assert_eq!((delist.0, update(&owner).await), (0, 0));
    let mine = doors.list(&owner, "/api/customer/images/mine", "list_own_images").await["list"].clone();
    assert_eq!((&mine[0]["name"], mine.as_array().map(Vec::len)), (&json!("Mine"), Some(1)));
    assert_eq!((&mine[0]["state"], &mine[0]["reviewedBy"]), (&json!("pending_review"), &json!(null)));
    let delete = async |who: &Who| match through {
        Through::Rest => Answer::of(server.request(who, Method::DELETE, &own)).await.code(),
        Through::ServerFns => server.call(who, "delete_own_image", &[("id", id.as_str())]).await.code(),
    };
    assert_eq!((delete(&other).await, delete(&owner).await, delete(&owner).await), (1300, 0, 1300));
    let actions = format!(
        "select action from audit_events where outcome = 'done' and target_kind = 'image' and via = '{}'
           and action <> 'images:create' order by id",
        doors.via()
    );
    let expected = ["reject", "approve", "list", "delist", "update", "delete"].map(|verb| format!("images:{verb}"));
    assert_eq!(server.sql(&actions).await, expected);
}

#[tokio::test]
async fn programs_run_images_over_rest() {
    scenario(Through::Rest).await;
}

#[tokio::test]
async fn people_run_images_over_server_functions() {
    scenario(Through::ServerFns).await;
}

/// Without JavaScript, a form brings a small archive in, and leads on or back.
#[tokio::test]
async fn a_plain_form_brings_an_archive_in() {
    let server = Server::start().await;
    let acme = server.test.customer("Acme").await;
    let owner = server.browser(&acme.owner).await;
    let post = async |archive: &[u8], name: &str| {
        let field = |name: &str, value: &str| {
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").into_bytes()
        };
        let head = b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.tar\"\r\n\r\n".to_vec();
        let body =
            [field("name", name), field("memory_split", "true"), head, archive.to_vec(), b"\r\n--b--\r\n".to_vec()];
        let request = server.signed(&owner, server.bare(Method::POST, "/api/customer/images/upload"));
        let request = request.header("accept", "text/html").header("content-type", "multipart/form-data; boundary=b");
        Answer::of(request.body(body.concat())).await
    };
    let answer = post(&image_archive("amd64", "a"), "Ours").await;
    assert!(answer.status == 303 && answer.header("location").starts_with("/images/mine/"), "{}", answer.text);
    let page = server.get(&owner, answer.header("location")).await;
    assert!(page.status == 200 && page.text.contains("amd64") && page.text.contains("12.4.1"));
    let refused = post(b"this is no archive", "Theirs").await;
    assert!(refused.header("location").starts_with("/images/upload?"), "{}", refused.header("location"));
    let page = server.get(&owner, refused.header("location")).await;
    assert!(page.text.contains("docker save") && page.text.contains("Theirs"), "with what was typed, and the reason");
    assert_eq!(server.count("select count(*) from files").await, 1, "what is no image is not kept");
    for page in ["/images", "/images/mine", "/images/upload"] {
        assert_eq!(server.get(&owner, page).await.status, 200, "{page}");
    }
    let upload = server.get(&owner, "/images/upload").await.text;
    assert!(upload.contains("<rg-upload") && upload.contains("32 MiB"), "the limit is said");
}

/// What is another's is not offered to be changed, shared or taken away, and their form is refused.
#[tokio::test]
async fn the_page_of_an_image_offers_what_its_reader_may() {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    let (program, staff) = (server.token(&acme.owner).await, server.token(&admin).await);
    let file = sent(&server, &program, &image_archive("amd64", "a"), "image").await;
    let made = server.post(&program, "/api/customer/images/upload", json!({ "file": file, "name": "Ours" })).await;
    let id = made.data()["id"].to_string();
    let saved = format!("update images set source = 'instance', state = 'approved' where id = {id} returning name");
    assert_eq!(server.sql(&saved).await, ["Ours"]);
    let (owner, member) = (server.browser(&acme.owner).await, server.browser(&acme.member).await);
    let page = format!("/images/mine/{id}");
    let form = format!("{page}/edit");
    let (own, others) = (server.get(&owner, &page).await, server.get(&member, &page).await);
    assert_eq!((own.status, others.status), (200, 200), "it is shared");
    for change in ["share_own_image", "delete_own_image", form.as_str()] {
        assert!(own.text.contains(change) && !others.text.contains(change), "{change}: {}", others.text);
    }
    assert!(others.text.contains("All people of your customer find it"), "{}", others.text);
    assert_eq!((server.get(&owner, &form).await.status, server.get(&member, &form).await.status), (200, 403));
    // What everybody finds is nobody's alone, and what is one's alone is for nobody else: each says why.
    let listed = server.post(&staff, &format!("/api/admin/images/{id}/list"), json!({})).await;
    assert_eq!(listed.code(), 0, "{}", listed.text);
    assert_eq!(server.post(&program, &format!("/api/customer{page}/unshare"), json!({})).await.code(), 1402);
    let shown = server.get(&owner, &page).await.text;
    assert!(!shown.contains("share_own_image") && shown.contains("delist it first"), "{shown}");
    let alone = format!("update images set listed = false, shared = false where id = {id} returning name");
    assert_eq!(server.sql(&alone).await, ["Ours"]);
    assert_eq!(server.post(&staff, &format!("/api/admin/images/{id}/list"), json!({})).await.code(), 1402);
    let shown = server.get(&server.browser(&admin).await, &format!("/admin/images/{id}")).await.text;
    assert!(!shown.contains("set_image_listed") && shown.contains("shares it with nobody"), "{shown}");
}

/// Every page can be read, and names are text.
#[tokio::test]
async fn the_pages_show_what_there_is() {
    let server = Server::start().await;
    let (admin, operator) = (server.test.admin().await, server.test.operator("operator").await);
    let (program, staff, reader) =
        (server.token(&admin).await, server.browser(&admin).await, server.browser(&operator).await);
    let empty = server.get(&staff, "/admin/images").await;
    assert!(empty.status == 200 && empty.text.contains("/admin/images/new"), "{}", empty.status);
    let body = json!({ "name": "<b>JAX</b>", "address": "library/jax" });
    let id = server.post(&program, "/api/admin/images", body).await.data()["id"].to_string();
    let pages = ["/admin/images".to_owned(), format!("/admin/images/{id}"), format!("/admin/images/{id}/edit")];
    for page in pages {
        let answer = server.get(&staff, &page).await;
        assert!(answer.status == 200 && answer.text.contains("&lt;b&gt;JAX&lt;/b&gt;"), "{page}: {}", answer.status);
    }
    let file = sent(&server, &program, &image_archive("amd64", "p"), "image").await;
    let made = server.post(&program, "/api/admin/images/upload", json!({ "file": file, "name": "Uploaded" })).await;
    let waits = made.data()["id"].to_string();
    let page = server.get(&staff, &format!("/admin/images/{waits}")).await.text;
    assert!(page.contains("approve_image") && page.contains("reject_image") && page.contains("disabled"));
    let page = server.get(&reader, &format!("/admin/images/{waits}")).await.text;
    assert!(page.contains("sha256:") && !page.contains("approve_image"), "operators read");
    for page in ["/admin/images/new", "/admin/images/upload"] {
        assert_eq!(server.get(&staff, page).await.status, 200, "{page}");
        assert_eq!(server.get(&reader, page).await.status, 404, "{page}");
    }
    let list = server.get(&staff, "/admin/images?state=pending_review").await.text;
    assert!(list.contains("Uploaded") && !list.contains("library/jax") && list.contains("image waits for review"));
    let sheet = server.get(&program, "/api/admin/images/export?q=jax").await;
    assert!(sheet.status == 200 && sheet.text.starts_with("PK"), "{}", sheet.status);
    assert_eq!(server.sql("select action from audit_events where action = 'images:export'").await, ["images:export"]);
}
