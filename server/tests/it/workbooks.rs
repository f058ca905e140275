//! Workbooks through REST: what is taken in and what is taken away.

use std::path::Path;
use std::process::Command;

use contract::imports::{ImportSubject, MAX_IMPORT_BYTES, MAX_STAGED_IMPORTS};
use http::Method;
use platform::imports;
use serde_json::json;
use sheets::write::Column;
use sheets::{ReadOptions, SheetWriter};

use crate::harness::{Answer, Server, Who};

const PREVIEW: &str = "/api/admin/machines/import/preview";

async fn preview(server: &Server, who: &Who, language: &str, bytes: Vec<u8>) -> Answer {
    let request = server.request(who, Method::POST, PREVIEW).header("accept-language", language);
    Answer::of(request.body(bytes)).await
}

#[tokio::test]
async fn who_takes_a_list_away_is_in_the_log() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let acme = server.test.customer("Acme").await;
    let (staff, owner) = (server.token(&admin).await, server.token(&acme.owner).await);
    let log = "select action || ' ' || target_kind || ' ' || outcome || ' ' || via || ' ' || after::text
               from audit_events where action like '%:export' and outcome = 'done' order by id";
    let cases = [
        ("/api/admin/customers/export?q=Ac", "customers:export clientele done rest {\"q\": \"Ac\"}"),
        (
            "/api/admin/allocations/export?state=active",
            "allocations:export allocation done rest {\"state\": \"active\"}",
        ),
        ("/api/admin/roles/export?q=adm", "roles:export role done rest {\"q\": \"adm\"}"),
        ("/api/admin/machines/export?region=east", "machines:export fleet done rest {\"region\": \"east\"}"),
        (
            "/api/admin/announcements/export?state=over",
            "announcements:export announcement done rest {\"state\": \"over\"}",
        ),
        ("/api/admin/instances/export?state=running", "instances:export instance done rest {\"state\": \"running\"}"),
        ("/api/admin/audits/export?outcome=denied", "audit:export audit done rest {\"outcome\": \"denied\"}"),
    ];
    for (number, (path, row)) in cases.into_iter().enumerate() {
        assert_eq!(server.get(&owner, path).await.status, 404, "{path}");
        assert_eq!(server.sql(log).await.len(), number, "{path}: who may not has taken nothing");
        let request = server.request(&staff, Method::GET, path).send().await.unwrap();
        let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
        assert!(header("content-type").contains("spreadsheetml"), "{path}");
        let length: usize = header("content-length").parse().unwrap();
        let bytes = request.bytes().await.unwrap();
        assert_eq!((bytes.len(), &bytes[..2]), (length, &b"PK"[..]), "{path}: whole, and not packed twice");
        assert_eq!(server.sql(log).await.last().map(String::as_str), Some(row));
    }
}

#[tokio::test]
async fn customers_take_their_instances_and_images_away() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let acme = server.test.customer("Acme").await;
    let (staff, member) = (server.token(&admin).await, server.token(&acme.member).await);
    let log = "select action || ' ' || customer_id::text || ' ' || after::text
               from audit_events where action like '%:export%' and outcome = 'done' order by id";
    let cases = [
        (
            "/api/customer/instances",
            "?q=one",
            "instances:export",
            "{\"q\": \"one\"}",
            "Name|State|Why|Since (UTC)|Machine|Code|Spec",
        ),
        (
            "/api/customer/images/market",
            "?memorySplit=true",
            "images:export-market",
            "{\"memorySplit\": true}",
            "Name|Framework",
        ),
        (
            "/api/customer/images/mine",
            "?state=approved",
            "images:export-own",
            "{\"state\": \"approved\"}",
            "Name|Source|State",
        ),
    ];
    let program = Path::new(env!("CARGO_BIN_EXE_remotegpu"));
    let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    for (path, filter, action, after, headings) in cases {
        let at = format!("{path}/export{filter}");
        assert_eq!(server.get(&staff, &at).await.status, 404, "{at}");
        let row = format!("{action} {} {after}", acme.id);
        for (address, accepts) in [(at, "application/json"), (format!("{path}{filter}"), kind)] {
            let request = server.signed(&member, server.bare(Method::GET, &address).header("accept", accepts));
            let answer = request.header("accept-language", "en").send().await.unwrap();
            assert!(answer.headers()["content-type"].to_str().unwrap().contains("spreadsheetml"), "{path}");
            let bytes = answer.bytes().await.unwrap().to_vec();
            let mut rows = sheets::read_in_child(program, bytes, &ReadOptions::default()).await.unwrap();
            let first = rows.next().await.unwrap().expect("headings").cells.join("|");
            assert!(first.starts_with(headings), "{first}");
            assert_eq!(server.sql(log).await.last(), Some(&row));
        }
    }
    assert_eq!(server.sql(log).await.len(), 6);
}

#[tokio::test]
async fn a_customer_s_people_and_the_invited_are_taken_away_on_both_sides() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let acme = server.test.customer("Acme").await;
    let (staff, owner) = (server.token(&admin).await, server.token(&acme.owner).await);
    let invited = format!(
        "insert into one_time_links (hash, purpose, customer_id, role, address, created_by, created_at, expires_at)
         select sha256('t'), 'invitation', {}, 'member', 'new@example.org', {}, now(), now() + interval '7 days' returning id",
        acme.id, acme.owner.id
    );
    assert_eq!(server.sql(&invited).await.len(), 1);
    let program = Path::new(env!("CARGO_BIN_EXE_remotegpu"));
    let of_staff = format!("/api/admin/customers/{}/members/export", acme.id);
    for (who, path) in [(&owner, "/api/customer/members/export"), (&staff, of_staff.as_str())] {
        let answer = server.request(who, Method::GET, path).header("accept-language", "en").send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let bytes = answer.bytes().await.unwrap().to_vec();
        let mut rows = sheets::read_in_child(program, bytes, &ReadOptions::default()).await.unwrap();
        let mut cells = Vec::new();
        while let Some(row) = rows.next().await.unwrap() {
            cells.push(row.cells.join("|"));
        }
        assert!(cells[0].starts_with("User name|Name|E-mail|Role|State"), "{cells:?}");
        assert!(cells.iter().any(|row| row.contains(&acme.owner.name) && row.contains("|Owner|Active|")), "{cells:?}");
        assert!(cells.iter().any(|row| row.contains("|new@example.org|Member|Invited|")), "{cells:?}");
        assert_eq!(cells.len(), 4, "{cells:?}");
    }
    let log = "select actor_name || ' ' || customer_id::text from audit_events
               where action = 'customers:export-members' order by id";
    let expected = [&acme.owner, &admin].map(|person| format!("{} {}", person.name, acme.id));
    assert_eq!(server.sql(log).await, expected);
    // Members see nobody's list, and take none.
    let member = server.token(&acme.member).await;
    assert_eq!(server.get(&member, "/api/customer/members/export").await.status, 403);
}

#[tokio::test]
async fn too_large_and_too_many_are_refused_in_words() {
    let server = Server::start().await;
    let staff = server.token(&server.test.admin().await).await;
    let refused = preview(&server, &staff, "en", vec![0; MAX_IMPORT_BYTES + 1]).await;
    assert_eq!((refused.status, refused.code()), (413, 1700));
    assert_eq!(preview(&server, &staff, "en", Vec::new()).await.fields().keys().collect::<Vec<_>>(), ["file"]);
    for _ in 0..MAX_STAGED_IMPORTS {
        assert_eq!(preview(&server, &staff, "en", vec![1]).await.status, 201);
    }
    for (language, words) in [("en", "You have 10 imports open"), ("zh", "您已打开 10 个导入")] {
        let refused = preview(&server, &staff, language, vec![1]).await;
        assert_eq!((refused.status, refused.code()), (422, 1500));
        assert!(refused.json()["message"].as_str().unwrap().starts_with(words), "{refused:?}");
    }
    // A browser's form is led back to the upload, which says so.
    let form = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.xlsx\"\r\n\r\nx\r\n--b--\r\n";
    let request = server.bare(Method::POST, PREVIEW).header("accept", "text/html");
    let request = server.signed(&staff, request).header("content-type", "multipart/form-data; boundary=b").body(form);
    let answer = Answer::of(request).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/admin/machines/import?fault=too-many"));
    let page = Answer::of(server.signed(&staff, server.bare(Method::GET, answer.header("location")))).await;
    assert!(page.text.contains("You have too many imports open (10 at most"), "{}", page.text);

    let first = server.count("select min(id) from imports").await;
    let gone = server.request(&staff, Method::DELETE, &format!("/api/admin/machines/import/{first}"));
    assert_eq!(Answer::of(gone).await.status, 200);
    assert_eq!(preview(&server, &staff, "en", vec![1]).await.status, 201);
}

#[tokio::test]
async fn a_workbook_with_the_extension_of_something_else_is_refused_in_words() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let (staff, browser) = (server.token(&admin).await, server.browser(&admin).await);
    let mut sheet = sheets::SheetWriter::new("machines", &["Name", "Code"].map(sheets::write::Column::new)).unwrap();
    sheet.row(&["a", "a"].map(sheets::write::Value::Text)).unwrap();
    let bytes = std::fs::read(sheet.finish().unwrap().path()).unwrap();
    let words = [("en", "Rename it to “fleet.xlsx”"), ("zh", "请改名为“fleet.xlsx”")];

    let request = server.request(&staff, Method::POST, &format!("{PREVIEW}?fileName=fleet.csv")).body(bytes.clone());
    let by_rest = Answer::of(request).await.data()["id"].as_i64().unwrap();
    // A browser says the name with the file.
    let mut form = b"--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"fleet.xlsm\"\r\n\r\n".to_vec();
    form.extend(bytes);
    form.extend(b"\r\n--b--\r\n");
    let request = server.bare(Method::POST, PREVIEW).header("accept", "text/html");
    let request = server.signed(&browser, request).header("content-type", "multipart/form-data; boundary=b").body(form);
    let sent = Answer::of(request).await;
    let by_page: i64 = sent.header("location").rsplit('/').next().unwrap().parse().unwrap();
    for (id, extension) in [(by_rest, ".csv"), (by_page, ".xlsm")] {
        imports::read(server.platform(), id.into(), true).await.unwrap();
        for (language, words) in words {
            let path = format!("/api/admin/machines/import/{id}");
            let request = server.request(&staff, Method::GET, &path).header("accept-language", language);
            let view = Answer::of(request).await.data();
            let message = view["refusal"]["message"].as_str().unwrap();
            assert!(view["state"] == "refused" && message.contains(words) && message.contains(extension), "{message}");
            let request = server.bare(Method::GET, &format!("/admin/machines/imports/{id}"));
            let page = Answer::of(server.signed(&browser, request.header("accept-language", language))).await;
            assert!(page.text.contains(words), "{}", page.text);
        }
    }
}

#[tokio::test]
async fn an_import_is_taken_back_through_both_doors() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let (staff, browser) = (server.token(&admin).await, server.browser(&admin).await);
    let confirmed = async |code: &str| {
        let columns = ["Name", "Code"].map(sheets::write::Column::new);
        let mut sheet = sheets::SheetWriter::new("machines", &columns).unwrap();
        sheet.row(&[code, code].map(sheets::write::Value::Text)).unwrap();
        let bytes = std::fs::read(sheet.finish().unwrap().path()).unwrap();
        let id = preview(&server, &staff, "en", bytes).await.data()["id"].as_i64().unwrap();
        imports::read(server.platform(), id.into(), true).await.unwrap();
        let done = server.post(&staff, &format!("/api/admin/machines/import/{id}/confirm"), json!({})).await;
        assert_eq!(done.status, 200, "{done:?}");
        id
    };
    let page = async |id: i64| {
        let request =
            server.bare(Method::GET, &format!("/admin/machines/imports/{id}")).header("accept-language", "en");
        Answer::of(server.signed(&browser, request)).await.text
    };
    let by_rest = confirmed("a").await;
    assert!(page(by_rest).await.contains("take_back_import"), "the page offers it");
    let path = format!("/api/admin/machines/import/{by_rest}/take-back");
    let done = server.post(&staff, &path, json!({})).await;
    assert_eq!((done.status, &done.data()["takenBackRows"]), (200, &json!(1)), "{done:?}");
    let again = server.post(&staff, &path, json!({})).await;
    assert_eq!((again.status, again.code()), (422, 1402), "{again:?}");

    let by_page = confirmed("b").await;
    let request = server.bare(Method::POST, &crate::harness::sfn("take_back_import")).header("accept", "text/html");
    let answer = Answer::of(server.form(server.signed(&browser, request), &[("id", &by_page.to_string())])).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, format!("/admin/machines/imports/{by_page}").as_str())
    );
    for (id, code) in [(by_rest, "a"), (by_page, "b")] {
        assert_eq!(server.get(&staff, &format!("/api/admin/machines/{code}")).await.status, 404);
        let page = page(id).await;
        assert!(page.contains("1 row was taken back.") && !page.contains("take_back_import"), "{page}");
    }
}

#[tokio::test]
async fn rows_that_turn_out_differently_are_listed() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let staff = server.token(&admin).await;
    let mut sheet = sheets::SheetWriter::new("machines", &["Name", "Code"].map(sheets::write::Column::new)).unwrap();
    sheet.row(&["a", "a"].map(sheets::write::Value::Text)).unwrap();
    sheet.row(&["b", "b"].map(sheets::write::Value::Text)).unwrap();
    let bytes = std::fs::read(sheet.finish().unwrap().path()).unwrap();
    let id = preview(&server, &staff, "en", bytes).await.data()["id"].as_i64().unwrap();
    imports::read(server.platform(), id.into(), true).await.unwrap();
    assert_eq!(server.post(&staff, "/api/admin/machines", json!({ "id": "b", "name": "taken" })).await.status, 201);

    let at = |rest: &str| format!("/api/admin/machines/import/{id}{rest}");
    let refused = server.post(&staff, &at("/confirm"), json!({})).await;
    assert_eq!((refused.status, refused.code()), (409, 1400));
    assert!(refused.json()["message"].as_str().unwrap().starts_with("1 row would now"), "{refused:?}");
    assert_eq!(server.get(&staff, &at("")).await.data()["changedRows"], 1);
    let rows = server.get(&staff, &at("/rows?changed=true")).await.data();
    assert_eq!(rows["total"], 1);
    let row = &rows["list"][0];
    assert_eq!((&row["row"], &row["was"], &row["verdict"]), (&json!(3), &json!("new"), &json!("update")));
    // The page leads there, and shows it.
    let browser = server.browser(&admin).await;
    let request = server.bare(Method::POST, &crate::harness::sfn("confirm_import")).header("accept", "text/html");
    // Nothing changed since the last look: this time it is written.
    let answer = Answer::of(server.form(server.signed(&browser, request), &[("id", &id.to_string())])).await;
    assert_eq!((answer.status, answer.header("location")), (303, format!("/admin/machines/imports/{id}").as_str()));
    assert_eq!(server.get(&staff, "/api/admin/machines/b").await.data()["name"], "b");
}

#[tokio::test]
async fn the_page_shows_what_was_and_what_is() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let browser = server.browser(&admin).await;
    let mut sheet = sheets::SheetWriter::new("machines", &["Name", "Code"].map(sheets::write::Column::new)).unwrap();
    sheet.row(&["a", "a"].map(sheets::write::Value::Text)).unwrap();
    let bytes = std::fs::read(sheet.finish().unwrap().path()).unwrap();
    let staged =
        imports::stage(server.platform(), &admin.ctx(), ImportSubject::Machines, "a.xlsx", &bytes[..]).await.unwrap();
    imports::read(server.platform(), staged.id, true).await.unwrap();
    let token = server.token(&admin).await;
    assert_eq!(server.post(&token, "/api/admin/machines", json!({ "id": "a", "name": "other" })).await.status, 201);
    let request = server.bare(Method::POST, &crate::harness::sfn("confirm_import")).header("accept", "text/html");
    let answer = Answer::of(server.form(server.signed(&browser, request), &[("id", &staged.id.to_string())])).await;
    let location = answer.header("location");
    assert!(
        location.starts_with(&format!("/admin/machines/imports/{}?changed=true&refused=", staged.id)),
        "{location}"
    );
    let request = server.bare(Method::GET, location).header("accept-language", "en");
    let page = Answer::of(server.signed(&browser, request)).await.text;
    let plain: String = page.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text).collect();
    for words in ["1 row would now turn out differently", "Changed since", "before:"] {
        assert!(plain.contains(words), "{words}: {plain}");
    }
}

#[tokio::test]
async fn people_come_in_through_both_doors_and_what_goes_out_changes_nothing() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    server.test.customer("Acme, Inc.").await;
    let (staff, browser) = (server.token(&admin).await, server.browser(&admin).await);
    let stage = async |bytes: Vec<u8>| {
        let request = server.request(&staff, Method::POST, "/api/admin/users/import/preview").body(bytes);
        let staged = Answer::of(request).await;
        assert_eq!(staged.status, 201, "{staged:?}");
        let id = staged.data()["id"].as_i64().unwrap();
        assert_eq!(staged.header("location"), format!("/api/admin/users/import/{id}"));
        imports::read(server.platform(), id.into(), true).await.unwrap();
        id
    };
    let sheet = |name: &str| {
        let headings = ["用户名", "姓名", "Roles", "客户", "初始密码"].map(sheets::write::Column::new);
        let mut sheet = sheets::SheetWriter::new("people", &headings).unwrap();
        let row = [name, "Ada", "Operator; 平台管理员", "Acme, Inc. (Owner)", "three unusual words: quokka"];
        sheet.row(&row.map(sheets::write::Value::Text)).unwrap();
        std::fs::read(sheet.finish().unwrap().path()).unwrap()
    };

    let by_rest = stage(sheet("ada")).await;
    let at = |id: i64, rest: &str| format!("/api/admin/users/import/{id}{rest}");
    let rows = server.get(&staff, &at(by_rest, "/rows")).await.data();
    assert_eq!((&rows["list"][0]["verdict"], &rows["list"][0]["cells"]["password"]), (&json!("new"), &json!("••••")));
    assert_eq!(server.post(&staff, &at(by_rest, "/confirm"), json!({})).await.data()["newRows"], 1);
    let by_page = stage(sheet("bea")).await;
    let request = server.bare(Method::POST, &crate::harness::sfn("confirm_import")).header("accept", "text/html");
    let id = by_page.to_string();
    let form = [("subject", "users"), ("id", id.as_str())];
    let answer = Answer::of(server.form(server.signed(&browser, request), &form)).await;
    assert_eq!((answer.status, answer.header("location")), (303, format!("/admin/users/imports/{id}").as_str()));
    let found = server.get(&staff, "/api/admin/users?q=bea").await.data();
    assert_eq!(found["list"][0]["memberships"][0]["role"], "owner");
    assert_eq!(found["list"][0]["roles"].as_array().unwrap().len(), 2);
    // The same number is no import of machines.
    assert_eq!(server.get(&staff, &format!("/api/admin/machines/import/{id}")).await.status, 404);

    for language in ["en", "zh"] {
        let export = server.request(&staff, Method::GET, "/api/admin/users/export").header("accept-language", language);
        let bytes = export.send().await.unwrap().bytes().await.unwrap().to_vec();
        let again = server.get(&staff, &at(stage(bytes).await, "")).await.data();
        assert_eq!((&again["unchangedRows"], &again["rows"]), (&json!(5), &json!(5)), "{language}: {again}");
        assert_eq!(again["unknownColumns"], json!([]), "{language}: our own columns are nothing to warn about");
    }
    for path in ["/api/admin/users/import/template".to_owned(), at(by_rest, "/result")] {
        let bytes = server.request(&staff, Method::GET, &path).send().await.unwrap().bytes().await.unwrap();
        assert_eq!(&bytes[..2], b"PK", "{path}");
    }
}

/// The rows of a workbook, cells joined by a bar.
async fn rows_of(bytes: Vec<u8>) -> Vec<String> {
    let program = Path::new(env!("CARGO_BIN_EXE_remotegpu"));
    let mut rows = sheets::read_in_child(program, bytes, &ReadOptions::default()).await.unwrap();
    let mut lines = Vec::new();
    while let Some(row) = rows.next().await.unwrap() {
        lines.push(row.cells.join("|"));
    }
    lines
}

#[tokio::test]
async fn the_machines_go_out_in_order_with_what_was_found_and_come_back_unchanged() {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    let staff = server.token(&admin).await;
    for code in ["a1", "b2", "c3"] {
        let node = server.test.node(code).await;
        platform::machines::report_inventory(server.platform(), &node.ctx(), "1", &node.inventory(2)).await.unwrap();
    }
    let lent = json!({ "customerId": acme.id, "months": 2 });
    assert_eq!(server.post(&staff, "/api/admin/machines/b2/allocate", lent).await.status, 201);
    assert_eq!(server.post(&staff, "/api/admin/machines/c3/cordon", json!({})).await.status, 200);
    let take = async |who: &Who, language: &str| {
        let path = "/api/admin/machines/export?sort=-id";
        let answer = server.request(who, Method::GET, path).header("accept-language", language).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.bytes().await.unwrap().to_vec()
    };
    let lines = rows_of(take(&staff, "en").await).await;
    assert_eq!(
        lines.iter().skip(1).map(|line| line.split('|').nth(1).unwrap()).collect::<Vec<_>>(),
        ["c3", "b2", "a1"]
    );
    assert!(lines[0].contains("|Held by|Held until (UTC)|Detected GPU model|"), "{}", lines[0]);
    assert!(lines[1].contains("|Cordoned|"), "{}", lines[1]);
    assert!(lines[2].contains("|Acme|") && lines[2].contains("|NVIDIA H100 80GB HBM3|2|80|"), "{}", lines[2]);
    // Who sees no allocations takes none away.
    let keeper = server.token(&server.test.with_role("keeper", &[contract::Permission::MachinesView]).await).await;
    assert!(!rows_of(take(&keeper, "en").await).await.concat().contains("Acme"));

    for language in ["en", "zh"] {
        let staged = preview(&server, &staff, language, take(&staff, language).await).await;
        let id = staged.data()["id"].as_i64().unwrap();
        imports::read(server.platform(), id.into(), true).await.unwrap();
        let again = server.get(&staff, &format!("/api/admin/machines/import/{id}")).await.data();
        assert_eq!((&again["unchangedRows"], &again["rows"]), (&json!(3), &json!(3)), "{again}");
        assert_eq!(again["unknownColumns"], json!([]), "our own columns are nothing to warn about");
    }
}

/// By customer: in the order of their names, of one alone, at both doors, on the page and in the workbook.
#[tokio::test]
async fn machines_are_found_and_ordered_by_who_has_them() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let (globex, acme) = (server.test.customer("Globex").await, server.test.customer("acme").await);
    let idle = server.test.customer("Idle").await;
    let (staff, browser) = (server.token(&admin).await, server.browser(&admin).await);
    for code in ["a1", "b2", "c3", "d4"] {
        server.test.node(code).await;
    }
    for (code, customer) in [("a1", globex.id), ("c3", acme.id), ("d4", globex.id)] {
        let lent = json!({ "customerId": customer, "months": 2 });
        let made = server.post(&staff, &format!("/api/admin/machines/{code}/allocate"), lent).await;
        assert_eq!(made.status, 201, "{}", made.text);
    }
    let of_globex = format!("customerId={}", globex.id);
    for (query, wanted) in [
        ("sort=customer", vec!["c3", "a1", "d4", "b2"]),
        ("sort=-customer,-id", vec!["d4", "a1", "c3", "b2"]),
        (of_globex.as_str(), vec!["a1", "d4"]),
        ("sort=customer&lent=true", vec!["c3", "a1", "d4"]),
    ] {
        let ids = |list: &serde_json::Value| {
            list.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let list = server.get(&staff, &format!("/api/admin/machines?{query}")).await.data();
        assert_eq!(ids(&list["list"]), wanted, "{query}");
        assert_eq!(list["total"], wanted.len(), "{query}");
        let args: Vec<_> = query.split('&').map(|pair| pair.split_once('=').unwrap()).collect();
        let args: Vec<_> = args.into_iter().map(|(name, value)| (format!("query[{name}]"), value)).collect();
        let args: Vec<_> = args.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let list = server.call(&browser, "list_machines", &args).await.json();
        assert_eq!(ids(&list["list"]), wanted, "{query}");
        let path = format!("/api/admin/machines/export?{query}");
        let bytes = server.request(&staff, Method::GET, &path).send().await.unwrap().bytes().await.unwrap().to_vec();
        let lines = rows_of(bytes).await;
        assert_eq!(lines.iter().skip(1).map(|line| line.split('|').nth(1).unwrap()).collect::<Vec<_>>(), wanted);
    }
    // There are those to choose from who have one, and the one who is chosen.
    let facets = server.get(&staff, "/api/admin/machines/facets").await.data();
    let names: Vec<_> = facets["customers"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["acme", "Globex"]);
    let page = server.get(&browser, &format!("/admin/machines?customerId={}", idle.id)).await.text;
    for (id, name, chosen) in [(acme.id, "acme", ""), (globex.id, "Globex", ""), (idle.id, "Idle", " selected")] {
        assert!(page.contains(&format!("<option value=\"{id}\"{chosen}>{name}")), "{name}: {page}");
    }
    assert!(server.get(&browser, "/admin/machines").await.text.contains("sort=customer"), "its heading orders by it");
    // Who sees no allocations neither orders by them, nor is offered to.
    let keeper = server.test.with_role("keeper", &[contract::Permission::MachinesView]).await;
    let (program, person) = (server.token(&keeper).await, server.browser(&keeper).await);
    assert_eq!(server.get(&program, "/api/admin/machines?sort=customer").await.code(), 1300);
    assert_eq!(server.get(&program, "/api/admin/machines/facets").await.data()["customers"], json!([]));
    let page = server.get(&person, "/admin/machines").await;
    assert!(
        page.status == 200 && !page.text.contains("sort=customer") && !page.text.contains("Globex"),
        "{}",
        page.text
    );
}

#[tokio::test]
async fn the_answer_file_has_the_rows_under_the_numbers_they_had() {
    let server = Server::start().await;
    let staff = server.token(&server.test.admin().await).await;
    let headings = ["Name", "Colour", "Code"].map(Column::new);
    let mut sheet = SheetWriter::new("Our fleet", &["Title", "", ""].map(Column::new)).unwrap();
    sheet.row(&headings.iter().map(|column| sheets::write::Value::Text(&column.header)).collect::<Vec<_>>()).unwrap();
    for row in [["a", "red", "a"], ["", "", ""], ["a", "blue", "b"]] {
        sheet
            .row(&row.map(
                |text| if text.is_empty() { sheets::write::Value::Blank } else { sheets::write::Value::Text(text) },
            ))
            .unwrap();
    }
    let bytes = std::fs::read(sheet.finish().unwrap().path()).unwrap();
    let id = preview(&server, &staff, "en", bytes).await.data()["id"].as_i64().unwrap();
    imports::read(server.platform(), id.into(), true).await.unwrap();
    let path = format!("/api/admin/machines/import/{id}/result");
    let answer = server.request(&staff, Method::GET, &path).header("accept-language", "en").send().await.unwrap();
    let bytes = answer.bytes().await.unwrap().to_vec();
    let lines = rows_of(bytes.clone()).await;
    assert!(lines[0].starts_with("Row|Name *|Code|") && lines[0].ends_with("|Colour|Result"), "{}", lines[0]);
    assert!(lines[1].starts_with("3|a|a|") && lines[1].contains("|red|"), "{}", lines[1]);
    assert!(lines[2].starts_with("5|a|b|") && lines[2].contains("|blue|"), "{}", lines[2]);
    assert!(lines[2].contains("Row 3 has"), "the other row by the number it had: {}", lines[2]);
    // Mended and sent back, its own columns are nothing to warn about.
    let id = preview(&server, &staff, "en", bytes).await.data()["id"].as_i64().unwrap();
    imports::read(server.platform(), id.into(), true).await.unwrap();
    let again = server.get(&staff, &format!("/api/admin/machines/import/{id}")).await.data();
    assert_eq!(again["unknownColumns"], json!(["Colour"]));
}

/// The server's program reads workbooks in a child of itself, with its own allocator: what that one reserves ahead must not
/// be what the limit leaves.
#[tokio::test]
async fn the_program_itself_reads_a_workbook_within_its_limit() {
    let program = Path::new(env!("CARGO_BIN_EXE_remotegpu"));
    let book = SheetWriter::new("machines", &["Name", "Code"].map(Column::new)).unwrap().finish().unwrap();
    let mut rows = sheets::read_in_child(program, book.reopen().unwrap(), &ReadOptions::default()).await.unwrap();
    assert_eq!(rows.next().await.unwrap().unwrap().cells, ["Name", "Code"]);
    assert!(rows.next().await.unwrap().is_none());

    // Started in another way it says so, rather than fail with one workbook in a hundred.
    let started = Command::new(program).arg(sheets::SUBCOMMAND).env_remove("MIMALLOC_ARENA_RESERVE").output().unwrap();
    assert_eq!(started.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&started.stderr).contains("reserved before the workbook is read"));
}
