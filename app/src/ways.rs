//! Links from one area to another: whoever reads a page need not be allowed to open what it names. Such links are made here,
//! of the menu and of what pages below it demand besides; where the reader would be refused, the words stand alone.

use contract::Permission;
use leptos::prelude::*;
use platform::OpContext;

use crate::{menus, paths};

/// What a page demands that its area's entry in the menu does not say; `*` stands for one step of the address. Of a page that
/// stands here twice, either is enough.
const BENEATH: &[(&str, &[Permission])] = &[
    ("/instances/new", &[Permission::InstancesCreate]),
    ("/instances/*/terminal", &[Permission::InstancesCreate]),
    ("/images/upload", &[Permission::ImagesUpload]),
    ("/images/mine/*/edit", &[Permission::ImagesUpload]),
    ("/machines/*", &[Permission::AllocationsView]),
    ("/admin/machines/new", &[Permission::MachinesCreate]),
    ("/admin/machines/import", &[Permission::MachinesCreate]),
    ("/admin/machines/imports/*", &[Permission::MachinesCreate]),
    ("/admin/machines/*/edit", &[Permission::MachinesUpdate]),
    ("/admin/machines/*/service", &[Permission::MachinesOperate]),
    ("/admin/machines/*/service", &[Permission::MachinesConnect]),
    (
        "/admin/machines/*/allocate",
        &[Permission::MachinesView, Permission::AllocationsCreate, Permission::CustomersManage],
    ),
    ("/admin/instances/access/recordings/*", &[Permission::InstancesOperate]),
    ("/admin/customers/new", &[Permission::CustomersCreate]),
    ("/admin/customers/*/edit", &[Permission::CustomersUpdate]),
    ("/admin/users/new", &[Permission::UsersCreate]),
    ("/admin/users/import", &[Permission::UsersCreate]),
    ("/admin/users/imports/*", &[Permission::UsersCreate]),
    ("/admin/users/*/edit", &[Permission::UsersUpdate]),
    ("/admin/roles/new", &[Permission::RolesManage]),
    ("/admin/roles/*/edit", &[Permission::RolesManage]),
    ("/admin/specs/new", &[Permission::SpecsManage]),
    ("/admin/specs/*/edit", &[Permission::SpecsManage]),
    ("/admin/images/new", &[Permission::ImagesManage]),
    ("/admin/images/cleanup", &[Permission::ImagesManage, Permission::MachinesOperate]),
    ("/admin/images/*/edit", &[Permission::ImagesManage]),
    ("/admin/images/upload", &[Permission::ImagesManage, Permission::FilesUpload]),
    ("/admin/settings/identity", &[Permission::SettingsIdentity]),
    ("/admin/settings/identity/*", &[Permission::SettingsIdentity]),
    ("/admin/settings/identity/new/*", &[Permission::SettingsIdentity]),
    ("/admin/settings/imports/*", &[Permission::SettingsUpdate]),
    ("/admin/settings/registries", &[Permission::SettingsUpdate]),
    // No page, but pages lead to it.
    (FILE, &[Permission::FilesView]),
];

/// A stored file.
const FILE: &str = "/api/files/*/content";

/// True when the page at this address exists for who asks, as far as their permissions say.
pub fn opens(ctx: &OpContext, href: &str) -> bool {
    let path = href.split(['?', '#']).next().unwrap_or_default();
    let mut demands = BENEATH.iter().filter(|(pattern, _)| fits(pattern, path)).peekable();
    match demands.peek() {
        Some(_) => {
            let acts = ctx.user().is_some_and(|user| user.active_customer.is_some());
            // As the group of the menu that such a page is of, whether or not an entry is above it.
            let of_customer = !path.starts_with(paths::ADMIN) && !fits(FILE, path);
            (acts || !of_customer) && demands.any(|(_, all)| all.iter().all(|permission| ctx.holds(*permission)))
        }
        None => menus::entry_over(path).is_none_or(|(group, entry)| menus::shows(group, entry, ctx)),
    }
}

/// Step by step.
fn fits(pattern: &str, path: &str) -> bool {
    let (mut wanted, mut steps) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), steps.next()) {
            (None, None) => return true,
            (Some("*"), Some(step)) if !step.is_empty() => {}
            (Some(one), Some(other)) if one == other => {}
            _ => return false,
        }
    }
}

/// The same of who reads the page that is being drawn.
pub fn open_here(href: &str) -> bool {
    use_context::<OpContext>().is_some_and(|ctx| opens(&ctx, href))
}

/// A name in a list that leads to its page, or the name alone.
pub fn name(href: impl Into<String>, words: impl IntoView + 'static) -> AnyView {
    let (href, words) = (href.into(), words.into_any());
    match open_here(&href) {
        true => view! { <a href=href>{words}</a> }.into_any(),
        false => words,
    }
}

/// The same in running text and among facts.
pub fn link(href: impl Into<String>, words: impl IntoView + 'static) -> AnyView {
    let (href, words) = (href.into(), words.into_any());
    match open_here(&href) {
        true => view! { <a class="link" href=href>{words}</a> }.into_any(),
        false => words,
    }
}

/// What leads on and says nothing else: nothing where it would lead nowhere.
pub fn button(class: &'static str, href: impl Into<String>, word: String) -> Option<AnyView> {
    let href = href.into();
    open_here(&href).then(|| view! { <a class=class href=href>{word}</a> }.into_any())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pages that are there for everybody, of no entry: before sign-in, and for whoever is signed in.
    const OF_EVERYBODY: [&str; 11] = [
        "/apps/*",
        "/email",
        "/forgot",
        "/invitation",
        "/login",
        "/login/code",
        "/notifications",
        "/register",
        "/register/account",
        "/reset",
        "/search",
    ];

    /// Every page. Rust's sources spell steps that vary `:id`, this table `*`.
    fn routes() -> Vec<String> {
        let routes = include_str!("routes.rs");
        let routes = routes.split("path!(\"").skip(1).filter_map(|rest| rest.split('"').next());
        let step = |step: &str| if step.starts_with(':') { "*".to_owned() } else { step.to_owned() };
        let routes: Vec<_> = routes.map(|route| route.split('/').map(step).collect::<Vec<_>>().join("/")).collect();
        assert!(routes.len() > 80, "only {} were found: the search is broken", routes.len());
        routes
    }

    #[test]
    fn every_address_that_demands_something_is_one_of_a_page() {
        let routes = routes();
        let entries = menus::GROUPS.iter().flat_map(|group| group.entries).map(|entry| entry.href);
        let beneath = BENEATH.iter().map(|(pattern, _)| *pattern).filter(|pattern| *pattern != FILE);
        for address in beneath.chain(entries).chain(OF_EVERYBODY) {
            assert!(routes.iter().any(|route| route == address), "{address} is no page");
        }
        for (pattern, all) in BENEATH {
            assert!(!all.is_empty(), "{pattern} demands nothing");
        }
    }

    #[test]
    fn every_page_is_one_whose_demands_are_known() {
        for route in routes() {
            let beneath = BENEATH.iter().any(|(pattern, _)| *pattern == route);
            let entry = menus::entry_over(&route).map(|(_, entry)| entry.href);
            // What lies below the staff's dashboard alone was forgotten: it is an area of its own.
            let of_entry = entry.is_some_and(|entry| entry != paths::ADMIN || route == paths::ADMIN);
            let everybodys = OF_EVERYBODY.contains(&route.as_str());
            assert!(beneath || of_entry || everybodys, "nobody says who opens {route}");
            assert!(!(everybodys && (beneath || entry.is_some())), "{route} is everybody's, and demands something");
        }
    }

    #[test]
    fn addresses_are_compared_step_by_step() {
        assert!(fits("/admin/users/*/edit", "/admin/users/7/edit"));
        for other in ["/admin/users/7", "/admin/users//edit", "/admin/users/7/edit/more", "/admin/roles/7/edit"] {
            assert!(!fits("/admin/users/*/edit", other), "{other}");
        }
    }

    #[test]
    fn a_page_belongs_to_the_nearest_entry_above_it() {
        let entry = |path: &str| menus::entry_over(path).map(|(_, entry)| entry.href);
        for (path, over) in [
            ("/admin/machines/host-001/passport", Some("/admin/machines")),
            ("/admin/machines/join-tokens", Some("/admin/machines/join-tokens")),
            ("/admin", Some("/admin")),
            ("/", Some("/")),
            ("/images/mine/3", Some("/images/mine")),
            ("/notifications", None),
            ("/api/admin/users/export", None),
        ] {
            assert_eq!(entry(path), over, "{path}");
        }
    }
}
