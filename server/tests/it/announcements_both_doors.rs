//! Announcements through both doors, and on the pages of whom they are for.

use contract::live::NOTIFICATIONS_TOPIC;
use futures_util::StreamExt as _;
use http::Method;
use serde_json::{Value, json};

use crate::both::{Doors, Through};
use crate::harness::{Answer, Server, Who};
use crate::sockets::{Live, dial_as};

const PATH: &str = "/api/admin/announcements";
const MINE: &str = "/api/customer/announcements";

async fn scenario(through: Through) {
    let server = Server::start().await;
    let (acme, globex, admin) =
        (server.test.customer("Acme").await, server.test.customer("Globex").await, server.test.admin().await);
    let doors = Doors { server: &server, through };
    let (owner, other, staff) = (doors.who(&acme.owner).await, doors.who(&globex.owner).await, doors.who(&admin).await);
    let id = acme.id.to_string();
    let form = |title: &'static str| {
        [
            ("form[kind]", "maintenance"),
            ("form[title]", title),
            ("form[body]", "<b>two</b> hours"),
            ("form[audience]", "chosen"),
            ("customers[]", id.as_str()),
            ("form[work_starts]", "2100-01-03T02:00"),
            ("form[work_ends]", "2100-01-03T04:00"),
        ]
    };
    let body = |title: &str| {
        json!({
            "kind": "maintenance", "title": title, "body": "<b>two</b> hours", "audience": "chosen",
            "customerIds": [acme.id], "workStartsAt": "2100-01-03T02:00:00Z", "workEndsAt": "2100-01-03T04:00:00Z",
        })
    };
    let create = ("create_announcement", &form("Power")[..]);
    assert_eq!(doors.call(&owner, (PATH, body("Power")), create).await.0, 1300);
    let faulty = doors.call(&staff, (PATH, body("")), ("create_announcement", &form("")[..])).await;
    assert_eq!(faulty, (1000, vec!["title".to_owned()]));
    assert_eq!(doors.call(&staff, (PATH, body("Power")), create).await, (0, vec![]));

    let list = doors.list(&staff, PATH, "list_announcements").await["list"].clone();
    assert_eq!((&list[0]["title"], &list[0]["state"]), (&json!("Power"), &json!("showing")));
    assert_eq!(list[0]["customers"], json!([{ "id": acme.id, "name": "Acme" }]));
    let told = async |who: &Who| doors.list(who, MINE, "current_announcements").await;
    assert_eq!(told(&owner).await[0]["title"], "Power");
    let work = told(&owner).await[0].clone();
    let at = |name: &str| work[name].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    assert_eq!(at("workEndsAt") - at("workStartsAt"), chrono::TimeDelta::hours(2), "{work}");
    assert_eq!(work["endsAt"], work["workEndsAt"]);
    assert_eq!((told(&other).await, told(&staff).await), (json!([]), json!([])));

    let announcement = list[0]["id"].to_string();
    let act = async |who: &Who, verb: &str| match (through, verb) {
        (Through::Rest, "dismiss") => {
            server.post(who, &format!("{MINE}/{announcement}/dismiss"), json!({})).await.code()
        }
        (Through::Rest, _) => {
            Answer::of(server.request(who, Method::DELETE, &format!("{PATH}/{announcement}"))).await.code()
        }
        (Through::ServerFns, verb) => {
            server.call(who, &format!("{verb}_announcement"), &[("id", announcement.as_str())]).await.code()
        }
    };
    assert_eq!(act(&other, "dismiss").await, 1300);
    assert_eq!(act(&owner, "dismiss").await, 0);
    assert_eq!(told(&owner).await, json!([]));
    let change = [&[("id", announcement.as_str())][..], &form("Power, later")[..]].concat();
    let path = format!("{PATH}/{announcement}");
    assert_eq!(doors.put(&staff, (&path, body("Power, later")), ("update_announcement", &change)).await.0, 0);
    assert_eq!(told(&owner).await[0]["title"], "Power, later");
    assert_eq!((act(&owner, "delete").await, act(&staff, "delete").await), (1300, 0));
    assert_eq!(told(&owner).await, json!([]));

    let actions =
        "select action || ' ' || via from audit_events where outcome = 'done' and target_kind = 'announcement'
                   order by id";
    let expected = ["create", "update", "delete"].map(|verb| format!("announcements:{verb} {}", doors.via()));
    assert_eq!(server.sql(actions).await, expected);
}

#[tokio::test]
async fn programs_announce_over_rest() {
    scenario(Through::Rest).await;
}

#[tokio::test]
async fn people_announce_over_server_functions() {
    scenario(Through::ServerFns).await;
}

/// The banner stands on the portal's pages, as text, and goes away without JavaScript.
#[tokio::test]
async fn a_banner_is_shown_where_it_is_for_and_put_away() {
    let server = Server::start().await;
    let (acme, admin) = (server.test.customer("Acme").await, server.test.admin().await);
    let (owner, staff) = (server.browser(&acme.owner).await, server.browser(&admin).await);
    let program = server.token(&admin).await;
    let work = json!({ "kind": "maintenance", "title": "Fans", "audience": "staff", "endsAt": "2100-02-01T00:00:00Z",
                       "workStartsAt": "2100-01-03T02:00:00Z", "workEndsAt": "2100-01-03T04:00:00Z" });
    server.post(&program, PATH, work).await.data();
    let page = server.get(&staff, "/admin/settings").await.text;
    assert!(page.contains("Work from") && page.contains("2100-01-03") && !page.contains("2100-02-01"), "{page}");
    let mut ids = Vec::new();
    for (title, audience) in [("For <staff>", "staff"), ("For <customers>", "customers")] {
        let made = server.post(&program, PATH, json!({ "title": title, "audience": audience })).await.data();
        ids.push(made["id"].to_string());
    }
    let shows = async |who: &Who, page: &str| {
        let text = server.get(who, page).await.text;
        assert!(!text.contains("<staff>") && !text.contains("<customers>"), "titles are text");
        (text.contains("For &lt;staff&gt;"), text.contains("For &lt;customers&gt;"))
    };
    assert_eq!(shows(&owner, "/").await, (false, true));
    assert_eq!(shows(&staff, "/admin/settings").await, (true, false));
    assert_eq!(shows(&staff, "/account").await, (false, false), "the staff's are in their portal");
    let request = server.bare(Method::POST, &crate::harness::sfn("dismiss_announcement")).header("accept", "text/html");
    let request = server.form(request, &[("id", ids[1].as_str()), ("back", "/members")]);
    let answer = Answer::of(server.signed(&owner, request)).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/members#content"), "{}", answer.text);
    assert_eq!(shows(&owner, "/").await, (false, false));
    assert_eq!(server.get(&owner, "/admin/announcements").await.status, 404);
    let page = server.get(&staff, "/admin/announcements").await;
    assert!(page.status == 200 && page.text.contains("For &lt;customers&gt;"), "{}", page.status);
    let edit = server.get(&staff, &format!("/admin/announcements/{}/edit", ids[0])).await;
    assert!(edit.status == 200 && edit.text.contains("For &lt;staff&gt;"), "{}", edit.status);
    let _: Value = server.get(&program, PATH).await.data();
}

#[tokio::test]
async fn announcements_are_found_by_what_they_say_and_how_they_stand() {
    let server = Server::start().await;
    let (acme, admin) = (server.test.customer("Acme").await, server.test.admin().await);
    let (program, page) = (server.token(&admin).await, server.browser(&admin).await);
    let now = server.test.clock().now();
    let at = |minutes: i64| now + chrono::TimeDelta::minutes(minutes);
    for body in [
        json!({ "title": "Old 100% news", "audience": "staff", "startsAt": at(-20), "endsAt": at(-10) }),
        json!({ "title": "Fans", "kind": "maintenance", "body": "Racks 4 and 5", "audience": "chosen",
                "customerIds": [acme.id] }),
        json!({ "title": "Later", "startsAt": at(60) }),
    ] {
        assert_eq!(server.post(&program, PATH, body).await.status, 201);
    }
    let titles = |found: &Value| -> Vec<String> {
        found["list"].as_array().unwrap().iter().map(|one| one["title"].as_str().unwrap().to_owned()).collect()
    };
    /// What is asked, and the titles that are found.
    type Case = (&'static [(&'static str, &'static str)], &'static [&'static str]);
    let cases: [Case; 10] = [
        (&[], &["Later", "Fans", "Old 100% news"]),
        (&[("q", "rACKs")], &["Fans"]),
        (&[("q", "100%")], &["Old 100% news"]),
        (&[("q", "%%")], &[]),
        (&[("state", "planned")], &["Later"]),
        (&[("state", "showing")], &["Fans"]),
        (&[("state", "over")], &["Old 100% news"]),
        (&[("kind", "maintenance")], &["Fans"]),
        (&[("audience", "everybody")], &["Later"]),
        (&[("audience", "chosen"), ("state", "over")], &[]),
    ];
    for (query, expected) in cases {
        let address = serde_urlencoded::to_string(query).unwrap();
        let by_rest = server.get(&program, &format!("{PATH}?{address}")).await.data();
        let named: Vec<_> = query.iter().map(|(name, value)| (format!("query[{name}]"), *value)).collect();
        let fields: Vec<_> = named.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let by_page = server.call(&page, "list_announcements", &fields).await.json();
        assert_eq!(titles(&by_rest), expected, "{address}");
        assert_eq!(by_page, by_rest, "{address}");
        assert_eq!(by_rest["total"], json!(expected.len()), "{address}");
        let shown = server.get(&page, &format!("/admin/announcements?{address}")).await;
        for title in ["Later", "Old 100% news"] {
            assert_eq!(shown.text.contains(&format!(">{title}</a>")), expected.contains(&title), "{address}: {title}");
        }
    }
    assert_eq!(server.get(&program, &format!("{PATH}?state=gone")).await.status, 400);
    let asked = server.request(&program, Method::GET, &format!("{PATH}/export?kind=maintenance"));
    let answer = asked.send().await.unwrap();
    assert!(answer.headers()["content-type"].to_str().unwrap().contains("spreadsheetml"), "{answer:?}");
}

/// What stands on top of a page is brought up to date while it is open: its line hears that there is something else.
#[tokio::test]
async fn an_open_page_hears_of_another_announcement() {
    let server = Server::start().await;
    let (acme, admin) = (server.test.customer("Acme").await, server.test.admin().await);
    let (owner, program) = (server.browser(&acme.owner).await, server.token(&admin).await);
    let mut socket = Live::open(&server, &owner).await;
    socket.subscribe(NOTIFICATIONS_TOPIC, None).await;
    let (_, begun) = socket.snapshot().await;
    let page = server.get(&owner, "/").await.text;
    assert!(page.contains("id=\"announced\"") && !page.contains("Fans are cleaned"), "{page}");
    let made = server.post(&program, PATH, json!({ "title": "Fans are cleaned" })).await.data();
    assert_eq!(socket.delta().await.1, begun, "at the bell itself nothing is new");
    let page = server.get(&owner, "/").await.text;
    let announced = page.split_once("id=\"announced\"").unwrap().1;
    assert!(announced.split_once("class=\"head\"").unwrap().0.contains("Fans are cleaned"), "{page}");
    // Changed, taken away, and by the clock alone.
    let path = format!("{PATH}/{}", made["id"]);
    assert_eq!(server.put(&program, &path, json!({ "title": "Fans are new" })).await.status, 200);
    socket.delta().await;
    assert_eq!(Answer::of(server.request(&program, Method::DELETE, &path)).await.status, 200);
    socket.delta().await;
    let later = server.test.clock().now() + chrono::TimeDelta::minutes(5);
    assert_eq!(server.post(&program, PATH, json!({ "title": "Later", "startsAt": later })).await.status, 201);
    server.test.clock().advance(chrono::TimeDelta::minutes(6));
    socket.delta().await;
    // Programs read which it is.
    let mut raw = dial_as(&server, &owner, "/ws/notifications").await.expect("it is their own");
    let first = raw.next().await.unwrap().unwrap();
    let first: Value = serde_json::from_str(first.to_text().unwrap()).unwrap();
    assert!(first["type"] == "snapshot" && first["announced"].as_i64().is_some_and(|mark| mark > 0), "{first}");
    // And the page says which it was made with, for the element that goes on from there.
    let page = server.get(&owner, "/").await.text;
    assert!(page.contains(&format!("data-mark=\"{}\"", first["announced"])), "{first}");
}
