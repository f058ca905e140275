//! One's picture: uploaded by programs and by the page's form, shown with a tag, taken away through both doors.

use http::Method;

use crate::harness::{Answer, Server, Who, sfn};

const PATH: &str = "/api/auth/avatar";

/// A PNG of one pixel.
const PNG: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00, 0x00, 0x00,
    0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06, 0x00, 0x00, 0x00, 0x1f, 0x15, 0xc4, 0x89, 0x00, 0x00, 0x00, 0x0d, 0x49,
    0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0x48, 0xf9, 0x71, 0xfe, 0x3f, 0x00, 0x07, 0x1a, 0x03, 0x2b, 0x1f, 0xbb, 0x3d,
    0x4c, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
];

#[tokio::test]
async fn a_picture_is_kept_shown_and_taken_away() {
    let server = Server::start().await;
    let acme = server.test.customer("Acme").await;
    let (owner, browser) = (server.token(&acme.owner).await, server.browser(&acme.owner).await);
    let member = server.token(&acme.member).await;
    assert_eq!(server.get(&owner, PATH).await.status, 404);
    let put = server.request(&owner, Method::POST, PATH).body(PNG);
    assert_eq!(Answer::of(put).await.code(), 0);
    let address = server.get(&owner, "/api/auth/profile").await.data()["avatar"].as_str().unwrap().to_owned();
    assert!(address.starts_with("/api/auth/avatar?v="), "{address}");

    let shown = server.request(&owner, Method::GET, &address).send().await.unwrap();
    let header = |name: &str| shown.headers()[name].to_str().unwrap().to_owned();
    assert_eq!((header("content-type"), header("x-content-type-options")), ("image/png".into(), "nosniff".into()));
    assert!(header("cache-control").starts_with("private"), "{:?}", shown.headers());
    let etag = header("etag");
    let again = server.request(&owner, Method::GET, PATH).header("if-none-match", etag).send().await.unwrap();
    assert_eq!((again.status().as_u16(), again.bytes().await.unwrap().len()), (304, 0));
    let page = server.get(&browser, "/account").await.text;
    assert!(page.contains(&format!("src=\"{address}\"")), "it is on the page");
    // It is one's own.
    assert_eq!(server.get(&member, PATH).await.status, 404);
    assert_eq!(server.get(&Who::Nobody, PATH).await.status, 401);

    let removed = Answer::of(server.request(&owner, Method::DELETE, PATH)).await;
    assert_eq!((removed.code(), server.get(&owner, PATH).await.status), (0, 404));
    let form = server.bare(Method::POST, PATH).header("accept", "text/html");
    let body = [
        &b"--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"me.png\"\r\n\r\n"[..],
        PNG,
        b"\r\n--x--\r\n",
    ];
    let form = form.header("content-type", "multipart/form-data; boundary=x").body(body.concat());
    let answer = Answer::of(server.signed(&browser, form)).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/account?done=picture"), "{}", answer.text);
    assert_eq!(server.count("select count(*) from avatars").await, 1);
    assert_eq!(server.call(&browser, "remove_avatar", &[]).await.code(), 0);
    assert_eq!(server.count("select count(*) from avatars").await, 0);
    let actions = "select action || ' ' || via from audit_events where action like '%-avatar' order by id";
    let expected = ["set-avatar rest", "remove-avatar rest", "set-avatar rest", "remove-avatar page"];
    assert_eq!(server.sql(actions).await, expected.map(|word| format!("accounts:{word}")));
    assert!(sfn("remove_avatar").starts_with("/sfn/"));
}

#[tokio::test]
async fn what_is_no_picture_is_refused_where_it_came_from() {
    let server = Server::start().await;
    let acme = server.test.customer("Acme").await;
    let (owner, browser) = (server.token(&acme.owner).await, server.browser(&acme.owner).await);
    let refused = Answer::of(server.request(&owner, Method::POST, PATH).body("<svg/>")).await;
    assert_eq!(refused.fields().into_keys().collect::<Vec<_>>(), ["file"]);
    let large = Answer::of(server.request(&owner, Method::POST, PATH).body(vec![0; 2 * 1024 * 1024 + 1])).await;
    assert_eq!((large.status, large.code()), (413, 1700));
    let mut form = b"--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\n".to_vec();
    form.resize(form.len() + 3 * 1024 * 1024, 0);
    form.extend_from_slice(b"\r\n--b--\r\n");
    let form =
        server.request(&owner, Method::POST, PATH).header("content-type", "multipart/form-data; boundary=b").body(form);
    let large = Answer::of(form).await;
    assert_eq!((large.status, large.code()), (413, 1700), "as a form's file too");
    let form = server.bare(Method::POST, PATH).header("accept", "text/html").body("<svg/>");
    let answer = Answer::of(server.signed(&browser, form)).await;
    assert!(answer.header("location").starts_with("/account?refused="), "{answer:?}");
    let page = server.get(&browser, answer.header("location")).await.text;
    assert!(page.contains("id=\"avatar-file-fault\""), "the fault stands at the field");
}
