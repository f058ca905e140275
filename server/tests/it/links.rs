//! Whatever a page offers opens: somebody with a role of a single permission, staff and a customer's people follow every link
//! of every kind of page they come to.

use std::collections::BTreeMap;

use contract::Permission;
use test_support::TestUser;

use crate::authz_coverage::world::World;
use crate::harness::{Server, Who};

/// More kinds of pages and files than anybody comes to: a walk that does not end is a mistake here.
const MOST: usize = 300;

/// Where everybody begins, menu or not.
const EVERYBODYS: [&str; 3] = ["/account", "/notifications", "/search?q=o"];

/// The addresses a page leads to on this server, without what is behind `#`.
fn links(page: &str) -> Vec<String> {
    let hrefs = page.split(" href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    // Styles are no pages, and the way to a sign-in service leads out of here.
    let elsewhere = ["//", "/pkg/", "/api/auth/oidc/"];
    let ours = hrefs.filter(|href| href.starts_with('/') && !elsewhere.iter().any(|start| href.starts_with(start)));
    ours.map(|href| href.split('#').next().unwrap_or_default().replace("&amp;", "&")).collect()
}

/// What kind of page an address is of: which machine, and which of two orders, makes no difference to who may open it.
fn kind(address: &str) -> String {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let varies = |step: &str| step.contains(|c: char| c.is_ascii_digit());
    let path: Vec<_> = path.split('/').map(|step| if varies(step) { "*" } else { step }).collect();
    let names: Vec<_> = query.split('&').filter_map(|pair| pair.split('=').next()).collect();
    format!("{}?{}", path.join("/"), names.join("&"))
}

/// Where the menu leads.
async fn menu(server: &Server, who: &Who) -> Vec<String> {
    let groups = server.get(who, "/api/auth/menus").await.data();
    let groups = groups.as_array().expect("groups").clone();
    let entries = groups.iter().flat_map(|group| group["children"].as_array().cloned().unwrap_or_default());
    entries.filter_map(|entry| entry["path"].as_str().map(str::to_owned)).collect()
}

/// Follows everything, one of each kind; how many that were, of which kinds, and what would not open, with the page that offered
/// it.
async fn walk(server: &Server, person: &TestUser) -> (usize, Vec<String>, Vec<String>) {
    let who = server.token(person).await;
    let mut waiting = menu(server, &who).await;
    waiting.extend(EVERYBODYS.map(str::to_owned));
    let mut from: BTreeMap<String, String> = waiting.iter().map(|start| (kind(start), "the menu".to_owned())).collect();
    let mut refused = Vec::new();
    let mut opened = 0;
    while let Some(address) = waiting.pop() {
        assert!(opened < MOST, "{}: the walk does not end, at {address}", person.name);
        opened += 1;
        let answer = server.get(&who, &address).await;
        if matches!(answer.status, 403 | 404) || answer.status >= 500 {
            refused.push(format!("{}: {address} is {} ({})", person.name, answer.status, from[&kind(&address)]));
        }
        if !answer.header("content-type").starts_with("text/html") {
            continue;
        }
        for link in links(&answer.text) {
            if let std::collections::btree_map::Entry::Vacant(free) = from.entry(kind(&link)) {
                free.insert(address.clone());
                waiting.push(link);
            }
        }
    }
    (opened, from.into_keys().collect(), refused)
}

#[tokio::test]
async fn a_role_of_a_single_permission_is_offered_nothing_that_it_may_not_open() {
    let world = World::new().await;
    let mut refused = Vec::new();
    for permission in Permission::ALL.iter().copied().filter(|p| platform::authz::is_grantable(*p)) {
        let name = format!("walker-{}", permission.name().replace(':', "-"));
        let person = world.server.test.with_role(&name, &[permission]).await;
        let (opened, _, would_not) = walk(&world.server, &person).await;
        // At least the own account, with its tabs.
        assert!(opened > EVERYBODYS.len(), "{permission}: nothing was followed");
        refused.extend(would_not);
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

#[tokio::test]
async fn staff_and_customers_are_offered_nothing_that_they_may_not_open() {
    let world = World::new().await;
    let mut refused = Vec::new();
    for (person, least) in
        [(&world.operator, 25), (&world.acme.owner, 20), (&world.acme.member, 15), (&world.custom, 8)]
    {
        let (opened, kinds, would_not) = walk(&world.server, person).await;
        assert!(opened >= least, "{}: only {opened} were followed", person.name);
        refused.extend(would_not);
        // What a list names leads to its page: a link that is hidden is a fault as well.
        let certain = ["/admin/customers/*?", "/admin/users/*?"].into_iter().filter(|_| person.ctx().is_staff());
        for start in certain {
            assert!(kinds.iter().any(|kind| kind.starts_with(start)), "{}: no link to {start}", person.name);
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

/// Where forms lead with what was chosen, and what is opened by a secret in its address: nobody is led there by a link.
const NOT_LED_TO: [&str; 4] =
    ["/admin/allocations/bulk", "/admin/machines/bulk", "/admin/users/bulk", "/instances/:id/terminal/watch"];

/// Pages before and at sign-in, where everybody begins, and the way to applications: there is no other side to compare with.
const OUTSIDE: [&str; 10] = [
    "/",
    "/apps/:name",
    "/email",
    "/forgot",
    "/invitation",
    "/login",
    "/login/code",
    "/register",
    "/register/account",
    "/reset",
];

/// Every page of the application, for everybody: it opens where links to it are offered, and nowhere else.
#[tokio::test]
async fn pages_open_for_exactly_those_who_are_led_to_them() {
    let world = World::new().await;
    let routes = include_str!("../../../app/src/routes.rs");
    let routes: Vec<_> = routes.split("path!(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(routes.len() > 80, "only {} were found: the search is broken", routes.len());
    let known = NOT_LED_TO.iter().chain(&OUTSIDE);
    assert!(known.clone().all(|route| routes.contains(route)), "no pages among {NOT_LED_TO:?} and {OUTSIDE:?}");
    let callers = [
        &world.admin,
        &world.operator,
        &world.custom,
        &world.nowhere,
        &world.acme.owner,
        &world.acme.member,
        &world.globex.owner,
    ];
    let mut wrong = Vec::new();
    let mut never: std::collections::BTreeSet<_> =
        routes.iter().copied().filter(|route| !known.clone().any(|known| known == route)).collect();
    for person in callers {
        let (who, ctx) = (world.server.token(person).await, person.ctx());
        for route in routes.iter().copied().filter(|route| !known.clone().any(|known| known == route)) {
            let address = world.address(route);
            let answer = world.server.get(&who, &address).await;
            let (led, opened) = (app::ways::opens(&ctx, &address), !matches!(answer.status, 403 | 404));
            // Not everything is everybody's: what is of Acme's owner is not there for others of its customer, nor for the next.
            let theirs = !route.contains(':') || route.starts_with("/admin") || person.id == world.acme.owner.id;
            // Some lead on to where the reader belongs.
            let leads_on = (300..400).contains(&answer.status);
            let opened = opened && (led || !leads_on);
            if answer.status >= 500 || (opened && !led) || (led && !opened && theirs) {
                wrong.push(format!("{}: {address} is {}, led there: {led}", person.name, answer.status));
            }
            if opened {
                never.remove(route);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(never.is_empty(), "opened by nobody, so that nothing was compared: {never:?}");
}

#[tokio::test]
async fn a_page_for_who_acts_for_a_customer_opens_for_no_other() {
    let world = World::new().await;
    let clerk = world.server.test.with_role("clerk", &[Permission::AllocationsView]).await;
    let who = world.server.token(&clerk).await;
    for page in ["/machines/host-001", "/images/upload", "/instances/new"] {
        assert!(!app::ways::opens(&clerk.ctx(), page), "{page}");
        assert!(matches!(world.server.get(&who, page).await.status, 403 | 404), "{page}");
        assert!(app::ways::opens(&world.acme.owner.ctx(), page), "{page}");
    }
    assert!(app::ways::opens(&world.operator.ctx(), "/admin/machines/host-001"));
}

#[test]
fn pages_of_one_kind_are_opened_once() {
    assert_eq!(kind("/admin/users/17?page=2"), kind("/admin/users/4?page=9"));
    assert_ne!(kind("/admin/users/17/edit"), kind("/admin/users/17"));
    let page =
        "<a class=\"link\" href=\"/a?b=1&amp;c=2#d\">x</a> <i data-href=\"/no\"></i> <a href=\"https://else\">y</a>";
    assert_eq!(links(page), ["/a?b=1&c=2"]);
}
