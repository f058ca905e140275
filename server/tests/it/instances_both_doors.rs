//! Instances through both doors, on their pages, and what a refused form brings back. No engine answers here: what one does
//! with them is tested in `platform`.

use http::{Method, header};
use serde_json::{Value, json};

use crate::both::{Doors, Through};
use crate::harness::{Answer, Server, Who, sfn};
use crate::sockets::{Live, dial_as};

const PATH: &str = "/api/customer/instances";

/// An image and a spec to make instances of, on a machine whose engine answered just now: their ids.
pub(crate) async fn shop(server: &Server, staff: &Who) -> (u64, u64) {
    let ask = async |path: &str, body: Value| server.post(staff, path, body).await.data();
    ask("/api/admin/machines", json!({ "id": "host-001", "name": "One", "pool": "shared", "listed": true })).await;
    let socket = json!({ "kind": "local", "socket": "/nonexistent/docker.sock" });
    server.put(staff, "/api/admin/machines/host-001/docker", socket).await.data();
    let report = r#"{"version": "28.0.0", "apiVersion": "1.48", "architecture": "amd64", "runtimes": [], "cpus": 64, "memory": 549755813888}"#;
    let answered =
        format!("update engine_connections set last_tested_at = now(), last_report = '{report}' returning kind");
    assert_eq!(server.sql(&answered).await, ["local"]);
    let image = ask("/api/admin/images", json!({ "name": "Small", "address": "library/small:1" })).await["id"].clone();
    ask(&format!("/api/admin/images/{image}/list"), json!({})).await;
    let size = json!({ "name": "Tiny", "cpuCores": 1, "memoryGb": 1, "systemDiskGb": 1, "dataDiskGb": 1 });
    let spec = ask("/api/admin/specs", size).await["id"].clone();
    ask(&format!("/api/admin/specs/{spec}/prices"), json!({ "pricePerHour": "0.5" })).await;
    ask(&format!("/api/admin/specs/{spec}/list"), json!({})).await;
    (image.as_u64().unwrap(), spec.as_u64().unwrap())
}

#[tokio::test]
async fn an_image_is_deployed_by_its_address() {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    let staff = server.token(&admin).await;
    let (image, spec) = shop(&server, &staff).await;
    let owner = server.token(&acme.owner).await;
    let path = format!("/api/customer/images/{image}/deploy");
    let made = server.post(&owner, &path, json!({ "name": "deployed", "spec": spec, "remark": "at once" })).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.header("location"), format!("{PATH}/{}", made.data()["id"]));
    let shown = server.get(&owner, made.header("location")).await.data();
    assert_eq!((&shown["imageName"], &shown["remark"]), (&json!("Small"), &json!("at once")));
    let again = server.post(&owner, &path, json!({ "name": "deployed", "spec": spec })).await;
    assert_eq!((again.status, again.json()["code"].clone()), (409, json!(1401)));
    let named = json!({ "name": "other", "spec": spec, "image": image });
    assert_eq!(server.post(&owner, &path, named).await.status, 400, "the image stands in the address");
    assert_eq!(server.post(&staff, &path, json!({ "name": "staff", "spec": spec })).await.status, 404);
    server.post(&staff, &format!("/api/admin/images/{image}/delist"), json!({})).await.data();
    let body = json!({ "name": "late", "spec": spec });
    assert_eq!(server.post(&owner, &path, body).await.status, 404, "who does not see it does not find it");
}

async fn scenario(through: Through) {
    let server = Server::start().await;
    let (admin, operator, acme) =
        (server.test.admin().await, server.test.operator("operator").await, server.test.customer("Acme").await);
    let other = server.test.customer("Other").await;
    let (image, spec) = shop(&server, &server.token(&admin).await).await;
    let doors = Doors { server: &server, through };
    let (staff, owner, member) =
        (doors.who(&operator).await, doors.who(&acme.owner).await, doors.who(&acme.member).await);
    let stranger = doors.who(&other.owner).await;
    let (image_text, spec_text) = (image.to_string(), spec.to_string());
    let create = async |who: &Who, name: &str, image: (&str, u64), variable: &str| {
        let (key, value) = variable.split_once('=').unwrap();
        let body = json!({ "name": name, "image": image.1, "spec": spec, "environment": { key: value },
            "command": ["sleep", "600"], "remark": "for the course" });
        let form = [
            ("form[name]", name),
            ("form[image]", image.0),
            ("form[spec]", &spec_text),
            ("form[environment]", variable),
            ("form[command]", "sleep\n600"),
            ("form[remark]", "for the course"),
        ];
        doors.call(who, (PATH, body), ("create_instance", &form)).await
    };
    let good = (image_text.as_str(), image);
    assert_eq!(create(&staff, "one", good, "A=1").await.0, 1300, "staff make none");
    let wrong = vec!["environment".to_owned(), "name".to_owned()];
    assert_eq!(create(&owner, "a b", good, "NVIDIA_VISIBLE_DEVICES=all").await, (1000, wrong));
    assert_eq!(create(&owner, "one", ("999", 999), "A=1").await, (1000, vec!["image".to_owned()]));
    assert_eq!(create(&owner, "one", good, "A=s3cret").await, (0, vec![]));
    assert_eq!(create(&member, "ONE", good, "A=1").await, (1401, vec!["name".to_owned()]));
    assert_eq!(create(&member, "two", good, "A=1").await, (0, vec![]));

    let names = async |who: &Who, path: &str, function: &str| {
        let list = doors.list(who, path, function).await["list"].clone();
        list.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&owner, PATH, "list_own_instances").await, ["two", "one"]);
    assert_eq!(names(&member, PATH, "list_own_instances").await, ["two"]);
    assert!(names(&stranger, PATH, "list_own_instances").await.is_empty());
    assert_eq!(names(&staff, "/api/admin/instances", "list_instances").await, ["two", "one"]);

    let id = server.sql("select id::text from instances where name = 'one'").await.remove(0);
    let read = async |who: &Who, rest: &str, function: &str| match through {
        Through::Rest => server.get(who, rest).await,
        Through::ServerFns => server.call(who, function, &[("id", id.as_str())]).await,
    };
    let content = |answer: &Answer| match through {
        Through::Rest => answer.data(),
        Through::ServerFns => answer.json(),
    };
    let own = format!("{PATH}/{id}");
    let one = content(&read(&owner, &own, "get_own_instance").await);
    assert_eq!(
        (&one["state"], &one["machine"], &one["variables"]),
        (&json!("creating"), &json!("host-001"), &json!(["A"]))
    );
    assert!(!one.to_string().contains("s3cret"), "no value of a variable is shown");
    assert_eq!((&one["spec"]["pricePerHour"], &one["command"]), (&json!("0.5"), &json!(["sleep", "600"])));
    for who in [&member, &stranger, &staff] {
        assert_eq!(read(who, &own, "get_own_instance").await.code(), 1300);
    }
    let of_staff = format!("/api/admin/instances/{id}");
    assert_eq!(content(&read(&staff, &of_staff, "get_instance").await)["customerName"], json!("Acme"));
    assert_eq!(read(&owner, &of_staff, "get_instance").await.code(), 1300);
    let happened = content(&read(&owner, &format!("{own}/events"), "own_instance_events").await);
    assert_eq!(happened[0]["kind"], json!("created"));

    let rename = async |who: &Who, name: &str| match through {
        Through::Rest => {
            let body = json!({ "name": name, "remark": "mine" });
            Answer::of(server.request(who, Method::PATCH, &own).json(&body)).await
        }
        Through::ServerFns => {
            server.call(who, "update_own_instance", &[("id", &id), ("name", name), ("remark", "mine")]).await
        }
    };
    let refused = rename(&owner, "two").await;
    assert_eq!((refused.code(), refused.fields().into_keys().collect::<Vec<_>>()), (1401, vec!["name".to_owned()]));
    assert_eq!((rename(&member, "three").await.code(), rename(&owner, "three").await.code()), (1300, 0));
    let act = async |who: &Who, action: &str| match through {
        Through::Rest if action == "delete" => Answer::of(server.request(who, Method::DELETE, &own)).await.code(),
        Through::Rest => server.post(who, &format!("{own}/{action}"), json!({})).await.code(),
        Through::ServerFns if action == "delete" => {
            server.call(who, "delete_own_instance", &[("id", &id), ("confirm", "three")]).await.code()
        }
        Through::ServerFns => server.call(who, "act_on_own_instance", &[("id", &id), ("action", action)]).await.code(),
    };
    assert_eq!((act(&owner, "restart").await, act(&owner, "stop").await), (1402, 1402), "it does not run yet");
    assert_eq!(act(&stranger, "delete").await, 1300);
    assert_eq!((act(&owner, "delete").await, act(&owner, "start").await), (0, 1402));

    let actions = "select action || ' ' || via from audit_events where outcome = 'done' and target_kind = 'instance'
                   order by id";
    let expected = ["create", "create", "update", "delete"].map(|verb| format!("instances:{verb} {}", doors.via()));
    assert_eq!(server.sql(actions).await, expected);
}

/// What staff do with a customer's instance needs a reason, which its people read. Its container is one of the database alone.
async fn by_staff(through: Through) {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    let (image, spec) = shop(&server, &server.token(&admin).await).await;
    let doors = Doors { server: &server, through };
    let (owner, staff) = (doors.who(&acme.owner).await, doors.who(&admin).await);
    let program = server.token(&acme.owner).await;
    let body = json!({ "name": "one", "image": image, "spec": spec });
    let id = server.post(&program, PATH, body).await.data()["id"].to_string();
    let made = "update instances set container_id = 'c', observed = 'running', made_at = now(), started_at = now(),
                state = 'running' returning name";
    assert_eq!(server.sql(made).await, ["one"]);
    let path = format!("/api/admin/instances/{id}");
    let act = async |who: &Who, action: &str, reason: &str| match through {
        Through::Rest if action == "delete" => {
            let path = format!("{path}?reason={}", reason.replace(' ', "+"));
            Answer::of(server.request(who, Method::DELETE, &path)).await
        }
        Through::Rest => server.post(who, &format!("{path}/{action}"), json!({ "reason": reason })).await,
        Through::ServerFns => {
            let form = [("id", id.as_str()), ("action", action), ("confirm", "one"), ("reason", reason)];
            server.call(who, "act_on_instance", &form).await
        }
    };
    for (action, why) in [("stop", ""), ("stop", " a b "), ("restart", ""), ("delete", ""), ("delete", "no")] {
        let refused = act(&staff, action, why).await;
        let fields: Vec<_> = refused.fields().into_keys().collect();
        assert_eq!((refused.code(), fields), (1000, vec!["reason".to_owned()]), "{action} {why:?}");
    }
    assert_eq!(act(&owner, "stop", "they asked").await.code(), 1300);
    assert_eq!(act(&staff, "stop", "the machine is moved").await.code(), 0);
    assert_eq!(
        act(&staff, "stop", "the machine is moved").await.code(),
        0,
        "it is wanted already: nothing is told again"
    );
    let events = server.get(&program, &format!("{PATH}/{id}/events")).await.data();
    assert_eq!(
        (&events[0]["kind"], &events[0]["detail"]),
        (&json!("stop_wanted"), &json!("the machine is moved")),
        "{events}"
    );
    assert_eq!(act(&staff, "delete", "nobody pays for it").await.code(), 0);
    let reasons = "select action || ': ' || (after->>'reason') from audit_events
                   where outcome = 'done' and customer_id is not null and after->>'reason' is not null order by id";
    let told = ["instances:stop: the machine is moved", "instances:delete: nobody pays for it"];
    assert_eq!(server.sql(reasons).await, told);
    let notices = server.get(&program, "/api/customer/notifications").await.data();
    let acted = notices["list"].as_array().unwrap().iter().filter(|notice| notice["kind"] == "instance-acted");
    let words: Vec<_> = acted.map(|notice| notice["message"].as_str().unwrap()).collect();
    assert!(words.len() == 2 && words[0].contains("nobody pays for it") && words[1].contains("is moved"), "{words:?}");
}

#[tokio::test]
async fn programs_of_staff_give_a_reason_over_rest() {
    by_staff(Through::Rest).await;
}

#[tokio::test]
async fn staff_give_a_reason_over_server_functions() {
    by_staff(Through::ServerFns).await;
}

/// No engine is there: its container is one of the database alone.
async fn saving(through: Through) {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    let (image, spec) = shop(&server, &server.token(&admin).await).await;
    let doors = Doors { server: &server, through };
    let (owner, member) = (doors.who(&acme.owner).await, doors.who(&acme.member).await);
    let program = server.token(&acme.owner).await;
    let body = json!({ "name": "one", "image": image, "spec": spec });
    let id = server.post(&program, PATH, body).await.data()["id"].to_string();
    let path = format!("{PATH}/{id}/save-image");
    let save = async |who: &Who, name: &str| {
        let form = [("id", id.as_str()), ("name", name), ("description", "with my packages")];
        let body = json!({ "name": name, "description": "with my packages" });
        doors.call(who, (&path, body), ("save_own_instance", &form)).await
    };
    assert_eq!(save(&owner, "Mine").await, (1402, vec![]), "it has no container yet");
    let made = "update instances set container_id = 'c', observed = 'running', made_at = now(), started_at = now(),
                state = 'running' returning name";
    assert_eq!(server.sql(made).await, ["one"]);
    assert_eq!(save(&member, "Mine").await, (1300, vec![]));
    assert_eq!(save(&owner, " ").await, (1000, vec!["name".to_owned()]));
    assert_eq!(save(&owner, "Mine").await, (0, vec![]));
    assert_eq!(save(&owner, "Mine").await.0, 1400, "it is on its way");
    let list = match through {
        Through::Rest => server.get(&owner, &format!("{PATH}/{id}/saves")).await.data(),
        Through::ServerFns => server.call(&owner, "own_instance_saves", &[("id", &id)]).await.json(),
    };
    assert_eq!(list.as_array().map(Vec::len), Some(1), "what was refused is no save");
    let first = &list[0];
    assert_eq!((&first["name"], &first["state"], &first["image"]), (&json!("Mine"), &json!("waiting"), &Value::Null));
    let told = "select via || ' ' || (after->>'image') from audit_events where action = 'instances:save-image'
                and outcome = 'done'";
    assert_eq!(server.sql(told).await, [format!("{} Mine", doors.via())]);
}

/// No engine is there: it is stopped in the database alone.
async fn resizing(through: Through) {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    let staff = server.token(&admin).await;
    let (image, spec) = shop(&server, &staff).await;
    let size = json!({ "name": "Larger", "cpuCores": 2, "memoryGb": 4, "systemDiskGb": 1, "dataDiskGb": 1 });
    let larger = server.post(&staff, "/api/admin/specs", size).await.data()["id"].to_string();
    let price = json!({ "pricePerHour": "1.5" });
    server.post(&staff, &format!("/api/admin/specs/{larger}/prices"), price).await.data();
    server.post(&staff, &format!("/api/admin/specs/{larger}/list"), json!({})).await.data();
    let doors = Doors { server: &server, through };
    let (owner, member) = (doors.who(&acme.owner).await, doors.who(&acme.member).await);
    let program = server.token(&acme.owner).await;
    let body = json!({ "name": "one", "image": image, "spec": spec });
    let id = server.post(&program, PATH, body).await.data()["id"].to_string();
    let path = format!("{PATH}/{id}/resize");
    let resize = async |who: &Who, spec: &str| {
        let body = json!({ "spec": spec.parse::<i64>().unwrap() });
        doors.call(who, (&path, body), ("resize_own_instance", &[("id", id.as_str()), ("spec", spec)])).await
    };
    assert_eq!(resize(&owner, &larger).await, (1402, vec![]), "it is not stopped");
    let stopped = "update instances set container_id = 'c', observed = 'ended', made_at = now(), wanted = 'stopped',
                   state = 'stopped' returning name";
    assert_eq!(server.sql(stopped).await, ["one"]);
    assert_eq!(resize(&member, &larger).await, (1300, vec![]));
    assert_eq!(resize(&owner, "999999").await, (1000, vec!["spec".to_owned()]));
    let sizes = match through {
        Through::Rest => server.get(&owner, &format!("{PATH}/{id}/sizes")).await.data(),
        Through::ServerFns => server.call(&owner, "own_instance_sizes", &[("id", &id)]).await.json(),
    };
    let told = |size: &Value| (size["spec"]["name"].clone(), size["current"].clone(), size["fits"].clone());
    let mut sizes: Vec<_> = sizes.as_array().unwrap().iter().map(told).collect();
    sizes.sort_by_key(|(name, ..)| name.to_string());
    assert_eq!(sizes, [(json!("Larger"), json!(false), json!(true)), (json!("Tiny"), json!(true), json!(true))]);
    assert_eq!(resize(&owner, &larger).await, (0, vec![]));
    assert_eq!(resize(&owner, &larger).await, (0, vec![]), "again changes nothing");
    let now = server.get(&program, &format!("{PATH}/{id}")).await.data();
    assert_eq!((&now["spec"]["name"], &now["madeAnew"]), (&json!("Larger"), &json!(true)));
    assert_eq!(now["price"]["perHour"], json!("1.5"));
    let told = "select via || ' ' || (before->>'spec') || ' ' || (after->>'spec') from audit_events
                where action = 'instances:resize' and outcome = 'done'";
    assert_eq!(server.sql(told).await, [format!("{} Tiny Larger", doors.via())]);
    let browser = server.browser(&acme.owner).await;
    let page = server.get(&browser, &format!("/instances/{id}")).await;
    assert!(page.status == 200 && page.text.contains("resize_own_instance") && page.text.contains("Tiny"));
}

#[tokio::test]
async fn programs_change_specs_of_instances_over_rest() {
    resizing(Through::Rest).await;
}

#[tokio::test]
async fn people_change_specs_of_instances_over_server_functions() {
    resizing(Through::ServerFns).await;
}

#[tokio::test]
async fn programs_save_instances_over_rest() {
    saving(Through::Rest).await;
}

#[tokio::test]
async fn people_save_instances_over_server_functions() {
    saving(Through::ServerFns).await;
}

#[tokio::test]
async fn a_page_shows_what_was_saved_and_what_is_on_its_way() {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    let (image, spec) = shop(&server, &server.token(&admin).await).await;
    let owner = server.browser(&acme.owner).await;
    let program = server.token(&acme.owner).await;
    let body = json!({ "name": "one", "image": image, "spec": spec });
    let id = server.post(&program, PATH, body).await.data()["id"].to_string();
    let page = async |path: String| {
        let answer = server.request(&owner, Method::GET, &path).send().await.unwrap();
        let again = answer.headers().get("refresh").is_some();
        (answer.text().await.unwrap(), again)
    };
    let own = format!("/instances/{id}");
    let (text, _) = page(own.clone()).await;
    assert!(text.contains("It can be saved while it runs"), "it is only being made");
    let row = |state: &str, more: &str| {
        format!(
            "with changed as (update instances set container_id = 'c', observed = 'ended', made_at = now(), wanted =
               'stopped', state = 'stopped' returning id, customer_id, machine_id, created_by)
             insert into instance_saves (instance_id, customer_id, machine_id, created_by, created_name, name, state,
               created_at, {more} total_bytes)
             select id, customer_id, machine_id, created_by, 'ann', '{state}-image', '{state}', now(), {} 1048576
             from changed returning name",
            if more.is_empty() { "" } else { "now(), 'quota'," }
        )
    };
    assert_eq!(server.sql(&row("failed", "ended_at, fault,")).await, ["failed-image"]);
    let (text, _) = page(own.clone()).await;
    assert!(text.contains("failed-image") && text.contains("may still store"), "why it failed");
    assert!(text.contains("save_own_instance") && text.contains("Its data disk at /data"), "the form");
    assert_eq!(server.sql(&row("saving", "")).await, ["saving-image"]);
    let (text, again) = page(own.clone()).await;
    assert!(text.contains("Being saved") && !text.contains("save_own_instance") && !again);
    let (text, again) = page(format!("{own}?follow=saves")).await;
    assert!(again && !text.contains("update_own_instance"), "nothing that is typed is lost");
}

/// How an instance stands, as the pages' element puts it together of what REST tells.
fn standing(view: &Value) -> String {
    let word = |name: &str| view[name].as_str().unwrap_or_default().to_owned();
    let since: String = word("startedAt").chars().take(19).collect();
    format!("{} {} {} {} {since}", view["id"], word("state"), word("wanted"), view["revision"])
}

#[tokio::test]
async fn pages_say_what_they_show_as_rest_does() {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    let (image, spec) = shop(&server, &server.token(&admin).await).await;
    let sides = [(&acme.owner, "/instances", PATH), (&admin, "/admin/instances", "/api/admin/instances")];
    let program = server.token(&acme.owner).await;
    let body = json!({ "name": "one", "image": image, "spec": spec });
    let id = server.post(&program, PATH, body).await.data()["id"].to_string();
    let runs = "update instances set container_id = 'c', observed = 'running', made_at = now(), state = 'running',
                started_at = '2026-11-27T14:00:00.123456Z' returning 'runs'";
    for moving in [true, false] {
        if !moving {
            assert_eq!(server.sql(runs).await, ["runs"]);
        }
        for (person, pages, rest) in sides {
            let (browser, token) = (server.browser(person).await, server.token(person).await);
            let list = server.get(&token, rest).await.data();
            let one = server.get(&token, &format!("{rest}/{id}")).await.data();
            let seen = format!("data-seen=\"{}\"", standing(&one));
            let answer = server.get(&browser, &format!("{pages}/{id}")).await;
            assert!(answer.text.contains(&seen), "{seen}: {}", answer.text);
            assert!(!answer.headers.contains_key("refresh"), "with a script it is not read again as a whole");
            let plain = answer.text.contains("<noscript><meta http-equiv=\"refresh\"");
            assert_eq!(plain, moving && person.name == acme.owner.name, "{}", answer.text);
            let seen = format!("data-seen=\"{}; {}\"", list["total"], standing(&list["list"][0]));
            let page = server.get(&browser, pages).await.text;
            assert!(page.contains(&seen) && page.contains(&format!("data-href=\"{rest}\"")), "{seen}: {page}");
        }
    }
}

#[tokio::test]
async fn programs_run_instances_over_rest() {
    scenario(Through::Rest).await;
}

#[tokio::test]
async fn people_run_instances_over_server_functions() {
    scenario(Through::ServerFns).await;
}

#[tokio::test]
async fn a_refused_form_loses_nothing_and_shows_no_secret_in_an_address() {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    let (image, spec) = shop(&server, &server.token(&admin).await).await;
    let (owner, member) = (server.browser(&acme.owner).await, server.browser(&acme.member).await);
    let (image, spec) = (image.to_string(), spec.to_string());
    let post = async || {
        let form = [
            ("form[name]", "a b"),
            ("form[image]", &image),
            ("form[spec]", &spec),
            ("form[environment]", "TOKEN=s3cret"),
            ("form[command]", "sleep\n600"),
            ("form[remark]", "for the course"),
        ];
        let request = server.bare(Method::POST, &sfn("create_instance")).header(header::ACCEPT, "text/html,*/*;q=0.8");
        let answer = Answer::of(server.form(server.signed(&owner, request), &form)).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        let address = answer.header("location").to_owned();
        assert!(address.contains("refused=") && !address.contains("s3cret"), "{address}");
        address
    };
    let address = post().await;
    // A reload shows it again, and so does the choice of another spec, without what was wrong with it.
    let (other, again) = (address.replace("spec=", "spec=0"), format!("{address}&again=1"));
    for (address, refused) in [(&address, true), (&address, true), (&other, true), (&again, false)] {
        let page = server.get(&owner, address).await.text;
        for typed in ["value=\"a b\"", "TOKEN=s3cret", "sleep\n600", "for the course"] {
            assert!(page.contains(typed), "{address}: {typed}");
        }
        assert_eq!(page.contains("aria-invalid"), refused, "{address}");
    }
    let elsewhere = server.browser(&acme.owner).await;
    for (who, of) in [(&elsewhere, "another session"), (&member, "somebody else")] {
        let page = server.get(who, &address).await;
        assert!(page.status == 200 && !page.text.contains("s3cret"), "{of}");
    }
    let page = server.get(&owner, &address.replace("/instances/new", "/images")).await;
    assert!(page.status == 200 && !page.text.contains("s3cret"), "another page");
}

/// Its badge and words are on both portals' pages and in REST, and follow from what is known now.
#[tokio::test]
async fn a_part_of_a_gpu_shows_how_it_is_kept_to() {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    let (program, staff) = (server.token(&admin).await, server.browser(&admin).await);
    let (own, owner) = (server.token(&acme.owner).await, server.browser(&acme.owner).await);
    let (image, spec) = shop(&server, &program).await;
    let body = json!({ "name": "one", "image": image, "spec": spec });
    let id = server.post(&own, PATH, body).await.data()["id"].to_string();
    assert_eq!(server.get(&own, &format!("{PATH}/{id}")).await.data()["memorySplit"], Value::Null, "it has no part");
    let part = r#"{"gpuUse": "share", "gpuCount": 1, "gpuMemoryGb": 8, "gpuModel": "H100"}"#;
    let made = format!("made_at = now(), observed = 'running', state = 'running', spec = spec || '{part}'");
    for (known, state, reason, badge) in [
        ("split_setup = null", "advisory", "no-library", "Advisory"),
        ("split_setup = 'image'", "advisory", "image", "Advisory"),
        ("split_setup = 'held'", "advisory", "not-measured", "Advisory"),
        ("gpu_memory_bytes = 5368709120, gpu_memory_at = now()", "enforced", "held", "Enforced"),
        ("split_broken_since = now()", "enforced", "held", "Enforced"),
        ("split_broken_since = now() - interval '20 seconds'", "broken", "over", "Broken"),
        ("split_bare = true", "broken", "bare", "Broken"),
        ("gpu_memory_at = now() - interval '5 minutes'", "advisory", "not-measured", "Advisory"),
        ("wanted = 'stopped', observed = 'ended'", "enforced", "ready", "Enforced"),
    ] {
        server.sql(&format!("update instances set {made} returning name")).await;
        server.sql(&format!("update instances set {known} returning name")).await;
        for (who, path) in [(&own, format!("{PATH}/{id}")), (&program, format!("/api/admin/instances/{id}"))] {
            let split = server.get(who, &path).await.data()["memorySplit"].clone();
            assert_eq!((&split["state"], &split["reason"]), (&json!(state), &json!(reason)), "{known}");
            assert_eq!(split["limitBytes"], 7629_u64 << 20);
            let words = split["message"].as_str().unwrap();
            assert!(!words.is_empty() && !words.contains("instance-split"), "{words}");
        }
        for (who, path) in [(&owner, format!("/instances/{id}")), (&staff, format!("/admin/instances/{id}"))] {
            let request = server.signed(who, server.bare(Method::GET, &path)).header("accept", "text/html");
            let page = Answer::of(request.header(header::ACCEPT_LANGUAGE, "en")).await;
            assert!(page.status == 200 && page.text.contains(badge), "{known}: {badge}");
        }
    }
}

/// Every page can be read, and names are text.
#[tokio::test]
async fn the_pages_show_what_there_is() {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    let (program, staff) = (server.token(&admin).await, server.browser(&admin).await);
    let owner = server.browser(&acme.owner).await;
    let empty = server.get(&owner, "/instances").await;
    assert!(empty.status == 200 && empty.text.contains("/instances/new"), "{}", empty.status);
    let nothing = server.get(&owner, "/instances/new").await;
    assert!(nothing.status == 200 && !nothing.text.contains("create_instance"), "there is nothing to make one of");
    let (image, spec) = shop(&server, &program).await;
    let form = server.get(&owner, &format!("/instances/new?image={image}&spec={spec}")).await;
    assert!(form.status == 200 && form.text.contains("create_instance"), "{}", form.status);
    let body =
        json!({ "name": "one", "image": image, "spec": spec, "command": ["<b>sleep</b>"], "remark": "<i>r</i>" });
    let id = server.post(&server.token(&acme.owner).await, PATH, body).await.data()["id"].to_string();
    for (who, pages) in [
        (&owner, ["/instances".to_owned(), format!("/instances/{id}")]),
        (&staff, ["/admin/instances".to_owned(), format!("/admin/instances/{id}")]),
    ] {
        for page in pages {
            let answer = server.get(who, &page).await;
            assert!(answer.status == 200 && answer.text.contains("one"), "{page}: {}", answer.status);
            assert!(!answer.text.contains("<b>sleep") && !answer.text.contains("<i>r"), "{page}");
        }
    }
    assert!(server.get(&owner, &format!("/instances/{id}")).await.text.contains("&lt;b&gt;sleep"));
    assert_eq!(server.get(&owner, &format!("/admin/instances/{id}")).await.status, 404);
    assert_eq!(server.get(&staff, &format!("/instances/{id}")).await.status, 404);
    // An image is where a container of it was seen, whoever brought it there.
    let at = format!("/api/admin/images/{image}/machines");
    assert_eq!(server.get(&program, &at).await.data(), json!([]));
    let seen = format!("update instances set made_at = now(), observed = 'running' where id = {id} returning name");
    assert_eq!(server.sql(&seen).await, ["one"]);
    let there = server.get(&program, &at).await.data();
    assert_eq!((&there[0]["machine"], &there[0]["state"]), (&json!("host-001"), &json!("present")));
    let page = server.get(&staff, &format!("/admin/images/{image}")).await.text;
    assert!(page.contains("Instances there"), "{page}");
}

/// What an instance says is heard by whose it is, until it or their session is gone.
#[tokio::test]
async fn a_socket_that_follows_an_instance_ends_with_it_and_with_the_session() {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    let other = server.test.customer("Other").await;
    let (image, spec) = shop(&server, &server.token(&admin).await).await;
    let (owner, browser) = (server.token(&acme.owner).await, server.browser(&acme.owner).await);
    let create = async |name: &str| {
        let body = json!({ "name": name, "image": image, "spec": spec });
        server.post(&owner, PATH, body).await.data()["id"].as_i64().unwrap()
    };
    let (first, second) = (create("first").await, create("second").await);
    let path = |id: i64| format!("/ws/instances/{id}/logs");
    let mut open = Vec::new();
    for (who, id) in [(&owner, first), (&browser, first), (&owner, second), (&browser, second)] {
        open.push(Live::over(dial_as(&server, who, &path(id)).await.expect("it is theirs")));
    }
    for who in [&acme.member, &other.owner, &admin] {
        assert_eq!(dial_as(&server, &server.token(who).await, &path(first)).await.err(), Some(404), "{}", who.name);
    }
    let mark = format!("{}?after=nonsense", path(first));
    assert_eq!(dial_as(&server, &owner, &mark).await.err(), Some(400));

    Answer::of(server.request(&owner, Method::DELETE, &format!("{PATH}/{first}"))).await.data();
    platform::instances::apply(server.platform(), contract::InstanceId(first)).await.unwrap();
    let begun = std::time::Instant::now();
    for live in &mut open[..2] {
        assert_eq!(live.close().await, Some((1008, "topic_ended".to_owned())));
    }
    platform::customers::set_active(server.platform(), &admin.ctx(), acme.id, false).await.unwrap();
    for live in &mut open[2..] {
        assert_eq!(live.close().await, Some((1008, "session_ended".to_owned())));
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(8), "{:?}", begun.elapsed());
}
