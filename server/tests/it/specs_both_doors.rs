//! Specs and their prices through both doors, as a workbook, and on their pages.

use http::Method;
use serde_json::json;

use crate::both::{Doors, Through};
use crate::harness::{Answer, Server, Who};

const PATH: &str = "/api/admin/specs";

async fn scenario(through: Through) {
    let server = Server::start().await;
    let (admin, operator, acme) =
        (server.test.admin().await, server.test.operator("operator").await, server.test.customer("Acme").await);
    let doors = Doors { server: &server, through };
    let (staff, reader, owner) = (doors.who(&admin).await, doors.who(&operator).await, doors.who(&acme.owner).await);
    let form = |name: &'static str, cores: &'static str| {
        [
            ("form[name]", name),
            ("form[gpu_model]", "H100"),
            ("form[gpu_count]", "1"),
            ("form[gpu_memory_gb]", "20"),
            ("form[gpu_use]", "share"),
            ("form[cpu_cores]", cores),
            ("form[memory_gb]", "64"),
            ("form[system_disk_gb]", "100"),
        ]
    };
    let body = |name: &str, cores: u32| {
        json!({
            "name": name, "gpuModel": "H100", "gpuCount": 1, "gpuMemoryGb": 20, "gpuUse": "share", "cpuCores": cores,
            "memoryGb": 64, "systemDiskGb": 100,
        })
    };
    let create = async |who: &Who, name: &'static str, cores: (&'static str, u32)| {
        doors.call(who, (PATH, body(name, cores.1)), ("create_spec", &form(name, cores.0))).await
    };
    assert_eq!(create(&owner, "A", ("8", 8)).await.0, 1300);
    assert_eq!(create(&reader, "A", ("8", 8)).await.0, 1200);
    assert_eq!(create(&staff, "", ("0", 0)).await, (1000, vec!["cpuCores".to_owned(), "name".to_owned()]));
    assert_eq!(create(&staff, "A quarter", ("8", 8)).await, (0, vec![]));
    assert_eq!(create(&staff, "A QUARTER", ("8", 8)).await, (1401, vec!["name".to_owned()]));

    let listed = doors.list(&reader, PATH, "list_specs").await["list"].clone();
    assert_eq!((&listed[0]["gpuUse"], &listed[0]["pricePerHour"]), (&json!("share"), &json!(null)));
    let id = listed[0]["id"].to_string();
    let path = format!("{PATH}/{id}");
    let list_it = async |who: &Who, listed: bool| match through {
        Through::Rest => {
            let verb = if listed { "list" } else { "delist" };
            server.post(who, &format!("{path}/{verb}"), json!({})).await.code()
        }
        Through::ServerFns => {
            let listed = listed.to_string();
            server.call(who, "set_spec_listed", &[("id", id.as_str()), ("listed", &listed)]).await.code()
        }
    };
    assert_eq!(list_it(&staff, true).await, 1402, "it has no price");
    let prices = format!("{path}/prices");
    let price = async |who: &Who, text: &str| {
        let function = ("add_spec_price", &[("id", id.as_str()), ("price", text)][..]);
        doors.call(who, (&prices, json!({ "pricePerHour": text })), function).await
    };
    assert_eq!(price(&reader, "5").await.0, 1200);
    assert_eq!(price(&staff, "five").await, (1000, vec!["pricePerHour".to_owned()]));
    assert_eq!(price(&staff, "5.25").await, (0, vec![]));
    assert_eq!((list_it(&reader, true).await, list_it(&staff, true).await), (1200, 0));
    let change = [&[("id", id.as_str())][..], &form("A fifth", "10")].concat();
    assert_eq!(doors.put(&staff, (&path, body("A fifth", 10)), ("update_spec", &change)).await, (0, vec![]));
    let one = match through {
        Through::Rest => server.get(&reader, &path).await.data(),
        Through::ServerFns => server.call(&reader, "get_spec", &[("id", id.as_str())]).await.json(),
    };
    assert_eq!((&one["name"], &one["pricePerHour"], &one["listed"]), (&json!("A fifth"), &json!("5.25"), &json!(true)));
    let known = match through {
        Through::Rest => server.get(&reader, &prices).await.data(),
        Through::ServerFns => server.call(&reader, "list_spec_prices", &[("id", id.as_str())]).await.json(),
    };
    assert_eq!((&known[0]["state"], &known[0]["currency"]), (&json!("current"), &json!("CNY")));
    let delete = async |who: &Who| match through {
        Through::Rest => Answer::of(server.request(who, Method::DELETE, &path)).await.code(),
        Through::ServerFns => server.call(who, "delete_spec", &[("id", id.as_str())]).await.code(),
    };
    assert_eq!((delete(&reader).await, delete(&staff).await, delete(&staff).await), (1200, 0, 1300));

    let actions = "select action || ' ' || via from audit_events where outcome = 'done' and target_kind = 'spec'
                   order by id";
    let expected = ["create", "price", "list", "update", "delete"].map(|verb| format!("specs:{verb} {}", doors.via()));
    assert_eq!(server.sql(actions).await, expected);
}

#[tokio::test]
async fn programs_run_specs_over_rest() {
    scenario(Through::Rest).await;
}

#[tokio::test]
async fn people_run_specs_over_server_functions() {
    scenario(Through::ServerFns).await;
}

/// Every page can be read, and names are text.
#[tokio::test]
async fn the_pages_show_what_there_is() {
    let server = Server::start().await;
    let (admin, operator) = (server.test.admin().await, server.test.operator("operator").await);
    let (program, staff, reader) =
        (server.token(&admin).await, server.browser(&admin).await, server.browser(&operator).await);
    let empty = server.get(&staff, "/admin/specs").await;
    assert!(empty.status == 200 && empty.text.contains("/admin/specs/new"), "{}", empty.status);
    let body = json!({ "name": "<b>CPU</b>", "cpuCores": 4, "memoryGb": 16, "systemDiskGb": 50 });
    let id = server.post(&program, PATH, body).await.data()["id"].to_string();
    server.post(&program, &format!("{PATH}/{id}/prices"), json!({ "pricePerHour": "0.8" })).await.data();
    for page in ["/admin/specs".to_owned(), format!("/admin/specs/{id}"), format!("/admin/specs/{id}/edit")] {
        let answer = server.get(&staff, &page).await;
        assert!(answer.status == 200 && answer.text.contains("&lt;b&gt;CPU&lt;/b&gt;"), "{page}: {}", answer.status);
    }
    let page = server.get(&staff, &format!("/admin/specs/{id}")).await.text;
    assert!(page.contains("0.8") && page.contains("add_spec_price"), "its price, and the form for another");
    let page = server.get(&reader, &format!("/admin/specs/{id}")).await.text;
    assert!(page.contains("0.8") && !page.contains("add_spec_price"), "operators read");
    assert_eq!(server.get(&reader, "/admin/specs/new").await.status, 404);
    let sheet = server.get(&program, &format!("{PATH}/export?q=cpu")).await;
    assert!(sheet.status == 200 && sheet.text.starts_with("PK"), "{}", sheet.status);
    let taken = server.sql("select action from audit_events where action = 'specs:export'").await;
    assert_eq!(taken, ["specs:export"]);
}
