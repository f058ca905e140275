//! Pictures: every page of `app/src/routes.rs` is in the list of `end2end/fixtures/pages.ts`, which is photographed and
//! looked at for accessibility, and has its two pictures in `docs/screenshots`.

use std::collections::BTreeSet;

use anyhow::Result;

use super::{Finding, Source};
use crate::env::root;

const ROUTES: &str = "app/src/routes.rs";
const LIST: &str = "end2end/fixtures/pages.ts";
const FOLDER: &str = "docs/screenshots";
/// Routes that may go without, each with the reason.
///
/// `/login/code` exists only between a right password and its code; `security.spec.ts` looks at it.
const EXCEPTIONS: &[&str] = &["/login/code"];

/// File names of the pictures there are.
pub fn on_disk() -> Result<BTreeSet<String>> {
    let entries = std::fs::read_dir(root().join(FOLDER))?;
    Ok(entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect::<std::io::Result<_>>()?)
}

/// What stands between `before` and the next `after`, everywhere in the text.
fn between<'a>(text: &'a str, before: &str, after: char) -> impl Iterator<Item = &'a str> {
    text.split(before).skip(1).filter_map(move |rest| rest.split(after).next())
}

/// See the module.
pub fn check(sources: &[Source], pictures: &BTreeSet<String>) -> Vec<Finding> {
    let text = |path: &str| sources.iter().find(|one| one.path == path).map_or("", |one| one.text.as_str());
    let (routes, list) = (text(ROUTES), text(LIST));
    let routes: BTreeSet<&str> = between(routes, "path=path!(\"", '"').collect();
    let listed: BTreeSet<&str> = between(list, "route: '", '\'').collect();
    let finding = |place: &str, what: String| Finding { place: place.to_owned(), what };
    let unseen = routes.iter().filter(|route| !listed.contains(*route) && !EXCEPTIONS.contains(route));
    let mut found: Vec<_> = unseen.map(|route| finding(LIST, format!("the page {route} is not in the list"))).collect();
    let gone = listed.iter().filter(|route| !routes.contains(*route));
    found.extend(gone.map(|route| finding(LIST, format!("there is no page {route}"))));
    // Other things than pages have names, too.
    let names = between(list, "{ name: '", '}').filter_map(|entry| Some(entry.split_once("', route: '")?.0));
    for name in names {
        let missing = ["light", "dark"].map(|theme| format!("{name}-{theme}.png"));
        let missing = missing.into_iter().filter(|file| !pictures.contains(file));
        found.extend(missing.map(|file| finding(FOLDER, format!("{file} is missing: cargo xtask screenshots"))));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_page_a_page_that_is_gone_and_a_missing_picture_are_found() {
        let source = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
        let pages = |paths: &[&str]| -> String {
            paths.iter().map(|path| format!("<Route\n  path=path!(\"{path}\") view=x />")).collect()
        };
        let list = "{ name: 'home', route: '/', as: 'admin' },\n{ name: 'wall', route: '/wall', as: 'admin' },\npost({ name: 'Acme' })";
        let pictures = ["home-light.png", "home-dark.png", "wall-light.png"].map(str::to_owned).into();
        let what = |routes: &[&str]| -> Vec<String> {
            let sources = [source(ROUTES, &pages(routes)), source(LIST, list)];
            check(&sources, &pictures).into_iter().map(|finding| finding.what).collect()
        };
        let missing = "wall-dark.png is missing: cargo xtask screenshots";
        assert_eq!(what(&["/", "/wall"]), [missing]);
        assert_eq!(what(&["/", "/wall", "/new/:id"]), ["the page /new/:id is not in the list", missing]);
        assert_eq!(what(&["/"]), ["there is no page /wall", missing]);
    }
}
