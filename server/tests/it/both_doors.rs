//! One scenario through both doors: programs over REST, people over server functions. Both must mean the same.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Server, Who, sfn};

/// What came of a call, without what differs between the doors by design (201 against 200, words, envelope).
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    code: u64,
    fields: BTreeSet<String>,
    wrong_status: Option<u16>,
}

impl Outcome {
    fn of(answer: &Answer) -> Self {
        let code = answer.code();
        Self {
            code,
            fields: answer.fields().into_keys().collect(),
            wrong_status: (answer.status >= 300).then_some(answer.status),
        }
    }

    fn success() -> Self {
        Self { code: 0, fields: BTreeSet::new(), wrong_status: None }
    }

    fn refused(code: u64, status: u16, fields: &[&str]) -> Self {
        let fields = fields.iter().map(|field| (*field).to_owned()).collect();
        Self { code, fields, wrong_status: Some(status) }
    }
}

#[derive(Clone, Copy, Debug)]
enum Through {
    Rest,
    ServerFns,
}

/// A machine as the scenario types it: field of the form, field of the REST body, value.
const FIELDS: &[(&str, &str)] = &[
    ("id", "/id"),
    ("name", "/name"),
    ("region", "/region"),
    ("private_address", "/privateAddress"),
    ("gpu_model", "/declared/gpuModel"),
    ("gpu_count", "/declared/gpuCount"),
    ("revision", "/revision"),
];

struct Doors<'a> {
    server: &'a Server,
    through: Through,
    who: Who,
}

impl Doors<'_> {
    /// The body of REST from the fields of the form.
    fn body(typed: &[(&str, &str)]) -> Value {
        let mut body = json!({ "monitored": true, "declared": {} });
        for (name, value) in typed {
            let (_, path) = FIELDS.iter().find(|(field, _)| field == name).expect("a known field");
            let (parent, leaf) = path.rsplit_once('/').unwrap();
            let number = ["gpuCount", "revision"].contains(&leaf).then(|| value.parse::<i64>().ok()).flatten();
            body.pointer_mut(parent).unwrap()[leaf] = number.map_or(json!(value), |number| json!(number));
        }
        body
    }

    fn form(typed: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut form: Vec<_> =
            typed.iter().map(|(name, value)| (format!("form[{name}]"), (*value).to_owned())).collect();
        form.push(("form[monitored]".to_owned(), "true".to_owned()));
        form
    }

    async fn call(&self, name: &str, args: &[(String, String)]) -> Answer {
        let args: Vec<_> = args.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.server.call(&self.who, name, &args).await
    }

    async fn create(&self, typed: &[(&str, &str)]) -> Outcome {
        let answer = match self.through {
            Through::Rest => self.server.post(&self.who, "/api/admin/machines", Self::body(typed)).await,
            Through::ServerFns => self.call("create_machine", &Self::form(typed)).await,
        };
        Outcome::of(&answer)
    }

    async fn update(&self, code: &str, typed: &[(&str, &str)]) -> Outcome {
        let answer = match self.through {
            Through::Rest => {
                self.server.put(&self.who, &format!("/api/admin/machines/{code}"), Self::body(typed)).await
            }
            Through::ServerFns => {
                let mut form = Self::form(typed);
                form.push(("code".to_owned(), code.to_owned()));
                self.call("update_machine", &form).await
            }
        };
        Outcome::of(&answer)
    }

    async fn get(&self, code: &str) -> (Outcome, Value) {
        let answer = match self.through {
            Through::Rest => self.server.get(&self.who, &format!("/api/admin/machines/{code}")).await,
            Through::ServerFns => self.call("get_machine", &[("code".to_owned(), code.to_owned())]).await,
        };
        (Outcome::of(&answer), self.content(&answer))
    }

    async fn list(&self, query: &[(&str, &str)]) -> (Outcome, Value) {
        let answer = match self.through {
            Through::Rest => {
                let query = serde_urlencoded::to_string(query).unwrap();
                self.server.get(&self.who, &format!("/api/admin/machines?{query}")).await
            }
            Through::ServerFns => {
                let args: Vec<_> = query.iter().map(|(n, v)| (format!("query[{n}]"), (*v).to_owned())).collect();
                self.call("list_machines", &args).await
            }
        };
        (Outcome::of(&answer), self.content(&answer))
    }

    fn content(&self, answer: &Answer) -> Value {
        match self.through {
            Through::Rest => answer.data(),
            Through::ServerFns => answer.json(),
        }
    }
}

async fn scenario(through: Through) {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let acme = server.test.customer("Acme").await;
    let (staff, member) = match through {
        Through::Rest => (server.token(&admin).await, server.token(&acme.member).await),
        Through::ServerFns => (server.browser(&admin).await, server.browser(&acme.member).await),
    };
    let doors = Doors { server: &server, through, who: staff };

    let typed =
        [("id", "host-007"), ("name", "Rack 7"), ("region", "north"), ("gpu_model", "H100"), ("gpu_count", "8")];
    assert_eq!(doors.create(&typed).await, Outcome::success());
    assert_eq!(doors.create(&[("id", "host-008"), ("name", "Rack 8"), ("region", "south")]).await, Outcome::success());
    // Every wrong field at once.
    let wrong = [("id", "UPPER"), ("name", ""), ("private_address", "10.0.0.999"), ("gpu_count", "65")];
    let named = ["declared.gpuCount", "id", "name", "privateAddress"];
    assert_eq!(doors.create(&wrong).await, Outcome::refused(1000, 400, &named));
    let taken = doors.create(&[("id", "host-007"), ("name", "Another")]).await;
    assert_eq!((taken.code, taken.wrong_status), (1401, Some(409)));

    let (outcome, list) = doors.list(&[("region", "north"), ("sort", "-name")]).await;
    assert_eq!(outcome, Outcome::success());
    assert_eq!((&list["total"], &list["list"][0]["id"], &list["page"]), (&json!(1), &json!("host-007"), &json!(1)));
    let (_, list) = doors.list(&[("sort", "-id"), ("pageSize", "1")]).await;
    assert_eq!((&list["total"], &list["list"][0]["id"]), (&json!(2), &json!("host-008")));
    let (outcome, _) = doors.list(&[("sort", "colour")]).await;
    assert_eq!((outcome.code, outcome.wrong_status), (1000, Some(400)), "{outcome:?}");

    let (outcome, machine) = doors.get("host-007").await;
    assert_eq!(outcome, Outcome::success());
    assert_eq!(machine["declared"]["gpuCount"], json!(8));
    let read = machine["revision"].to_string();
    let change = [("name", "Rack 7b"), ("region", "north"), ("revision", read.as_str())];
    assert_eq!(doors.update("host-007", &change).await, Outcome::success());
    // Somebody else read the same revision and is too late.
    assert_eq!(doors.update("host-007", &change).await, Outcome::refused(1400, 409, &[]));
    assert_eq!(doors.update("host-007", &[("name", " ")]).await, Outcome::refused(1000, 400, &["name"]));
    let (_, machine) = doors.get("host-007").await;
    assert_eq!((&machine["name"], &machine["declared"]["gpuModel"]), (&json!("Rack 7b"), &Value::Null));

    let missing = Outcome::refused(1300, 404, &[]);
    assert_eq!(doors.get("host-999").await.0, missing);
    assert_eq!(doors.update("host-999", &[("name", "x")]).await, missing);

    // For a member of a customer, what is there looks exactly like what is not.
    let doors = Doors { who: member, ..doors };
    assert_eq!(doors.get("host-007").await.0, missing);
    assert_eq!(doors.update("host-007", &[("name", "mine")]).await, missing);
    assert_eq!(doors.create(&[("name", "mine")]).await, missing);
    assert_eq!(doors.list(&[]).await.0, missing);

    let audit = "select via || ' ' || outcome from audit_events where action = 'machines:update' and outcome = 'done'";
    let door = match through {
        Through::Rest => "rest done",
        Through::ServerFns => "page done",
    };
    assert_eq!(server.sql(audit).await, [door], "the one change that happened, and its door");
}

#[tokio::test]
async fn programs_over_rest() {
    scenario(Through::Rest).await;
}

#[tokio::test]
async fn people_over_server_functions() {
    scenario(Through::ServerFns).await;
}

#[tokio::test]
async fn a_plain_form_is_sent_on_without_a_script() {
    let server = Server::start().await;
    let staff = server.browser(&server.test.admin().await).await;
    let submit = async |fields: &[(&str, &str)]| {
        // As a browser submits a form: pages are wanted back.
        let request = server.bare(Method::POST, &sfn("create_machine")).header("accept", "text/html,*/*;q=0.8");
        Answer::of(server.form(server.signed(&staff, request), fields)).await
    };
    let answer = submit(&[("form[id]", "host-001"), ("form[name]", "One")]).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/admin/machines/host-001"));
    let answer = submit(&[("form[id]", "host-001"), ("form[name]", "")]).await;
    assert_eq!(answer.status, 303);
    assert!(answer.header("location").starts_with("/admin/machines/new?refused="), "{answer:?}");
}

#[tokio::test]
async fn a_refused_form_names_who_is_in_the_way_and_a_made_up_link_names_nobody() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let staff = server.browser(&admin).await;
    let other = server.browser(&server.test.admin().await).await;
    let shown = async |who: &Who, path: &str, language: &str| {
        let request = server.signed(who, server.bare(Method::GET, path)).header("accept", "text/html");
        Answer::of(request.header("accept-language", language)).await.text
    };
    for (code, name) in [("host-001", "Initech Vision"), ("host-002", "启明视觉 & Söhne")] {
        server.test.node(code).await;
        let made = server.sql(&format!("insert into customers (name) values ('{name}') returning id")).await;
        let submit = async || {
            let request = server.bare(Method::POST, &sfn("allocate_machine")).header("accept", "text/html,*/*;q=0.8");
            let form = [("code", code), ("form[customer]", made[0].as_str()), ("form[months]", "1")];
            Answer::of(server.form(server.signed(&staff, request), &form)).await.header("location").to_owned()
        };
        assert!(submit().await.starts_with("/admin/allocations/"));
        let refused = submit().await;
        assert!(refused.starts_with(&format!("/admin/machines/{code}/allocate?refused=")), "{refused}");
        let name = name.replace('&', "&amp;");
        for language in ["en", "zh"] {
            let page = shown(&staff, &refused, language).await;
            let fault = page.split("form-fault").nth(1).expect("a message").split("</p>").next().unwrap();
            assert!(fault.contains(&name), "{language}: {fault}");
        }
        // Somebody else's link, one of another page, one that says other words: nothing of theirs is said.
        let forged = refused.replace("error-allocation-overlap", "error-machine-allocated");
        let elsewhere = refused.replace(code, "host-001").replace("/allocate", "/service");
        for (who, link) in [(&other, &refused), (&staff, &forged), (&staff, &elsewhere)] {
            let page = shown(who, link, "en").await;
            let fault = page.split("form-fault").nth(1).expect("a message").split("</p>").next().unwrap();
            assert!(fault.contains("is no longer kept") && !fault.contains(&name), "{link}: {fault}");
        }
    }
}
