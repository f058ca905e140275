//! The wall's page: rendered whole, kept alive by its islands.

use contract::Permission;
use contract::metrics::{FleetTotals, WallSnapshot};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::islands::{LINK_WORDS, LiveChip, LiveWall, WALL_EMPTY_ID, WALL_ID, WALL_WORDS};
use super::order::{WallOptions, WallSort};
use super::tile::{TILE_WAY, TILE_WORDS, tile_element};
use crate::door::{door, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::lexicon::Lexicon;
use crate::ui::{icons, time};
use crate::ways;
use crate::words::Words;

/// `/admin/metrics`.
#[component]
pub fn WallPage() -> impl IntoView {
    let query = use_query_map().get_untracked();
    let options = WallOptions {
        sort: WallSort::parse(&query.get("sort").unwrap_or_default()),
        dense: query.get("view").as_deref() == Some("dense"),
        q: query.get("q").unwrap_or_default(),
    };
    let (platform, ctx) = door();
    page(async move { platform::metrics::wall(&platform, &ctx).await }, move |snapshot| wall_view(options, snapshot))
}

fn wall_view(options: WallOptions, snapshot: WallSnapshot) -> AnyView {
    let (words, zone, now) = (Words::now(), look().zone, door().1.now());
    let totals = FleetTotals::of(snapshot.machines.iter());
    let none_at_all = snapshot.machines.is_empty();
    let mut lexicon = words.lexicon(&[&WALL_WORDS[..], &TILE_WORDS].concat());
    // Where it is missing, tiles lead nowhere.
    if ways::open_here(&paths::machine("")) {
        lexicon.0.insert(TILE_WAY.to_owned(), paths::machine(""));
    }
    let mut tiles: Vec<_> = snapshot.machines.into_iter().filter(|tile| options.shows(tile)).collect();
    tiles.sort_by(|a, b| options.compare(a, b));
    let mut html = String::new();
    for tile in &tiles {
        tile_element(&mut html, tile, &lexicon, now.timestamp());
    }
    let as_of = time::clock(snapshot.at.unwrap_or(now), zone);
    let class = if options.dense { "wall dense" } else { "wall" };
    let empty = empty_view(words, none_at_all, !tiles.is_empty());
    let head = PageFrame::new(words.t("wall-title"), Area::Wall)
        .beside(link_chip(words, as_of))
        .actions(controls(words, &options))
        .live();
    frame(
        head,
        view! {
            <LiveWall words=lexicon options=Some(options) totals=totals />
            <div class=class id=WALL_ID inner_html=html></div>
            {empty}
        },
    )
}

/// The sentence instead of tiles; the browser hides and shows it too.
fn empty_view(words: Words, none_at_all: bool, hidden: bool) -> impl IntoView {
    let (text, href, action) = if none_at_all {
        (words.t("wall-empty"), paths::JOIN_TOKENS.to_owned(), words.t("wall-empty-action"))
    } else {
        (words.t("list-none-match"), paths::WALL.to_owned(), words.t("list-clear-filters"))
    };
    view! {
        <div class="empty card" id=WALL_EMPTY_ID hidden=hidden>
            <p>{text}</p>
            {ways::button("btn", href, action)}
        </div>
    }
}

fn address(options: &WallOptions) -> String {
    let sort = if options.sort == WallSort::default() { "" } else { options.sort.code() };
    paths::with_query(
        paths::WALL,
        [("sort", sort), ("view", if options.dense { "dense" } else { "" }), ("q", &options.q)],
    )
}

fn controls(words: Words, options: &WallOptions) -> impl IntoView + use<> {
    // Without the customers on the tiles, there is nothing to order by.
    let leases = door().1.holds(Permission::AllocationsManage);
    let sorts = WallSort::ALL
        .into_iter()
        .filter(|sort| leases || *sort != WallSort::Customer)
        .map(|sort| {
            let href = address(&WallOptions { sort, ..options.clone() });
            let here = (sort == options.sort).then_some("true");
            view! { <a href=href aria-current=here>{words.t(&format!("wall-sort-{}", sort.code()))}</a> }
        })
        .collect_view();
    let views = [(false, "wall-comfortable"), (true, "wall-dense")]
        .into_iter()
        .map(|(dense, key)| {
            let href = address(&WallOptions { dense, ..options.clone() });
            view! { <a href=href aria-current=(dense == options.dense).then_some("true")>{words.t(key)}</a> }
        })
        .collect_view();
    let sort = (options.sort != WallSort::default()).then(|| options.sort.code());
    view! {
        <form class="filter-inline" method="get" action=paths::WALL role="search">
            <span class="icon" inner_html=icons::SEARCH></span>
            <input r#type="search" name="q" value=options.q.clone() placeholder=words.t("wall-filter") aria-label=words.t("wall-filter") />
            {sort.map(|sort| view! { <input r#type="hidden" name="sort" value=sort /> })}
            {options.dense.then(|| view! { <input r#type="hidden" name="view" value="dense" /> })}
        </form>
        <nav class="seg" aria-label=words.t("wall-sort")>{sorts}</nav>
        <nav class="seg" aria-label=words.t("wall-view")>{views}</nav>
    }
}

/// The chip beside a heading.
pub fn link_chip(words: Words, as_of: String) -> impl IntoView {
    chip(words.lexicon(&LINK_WORDS), as_of)
}

/// The chip on a page of a customer's machine, which is over when the period is.
pub fn lease_chip(words: Words, as_of: String) -> impl IntoView {
    let mut lexicon = words.lexicon(&LINK_WORDS);
    lexicon.0.insert("live-over".to_owned(), words.t("my-machine-live-over"));
    chip(lexicon, as_of)
}

fn chip(words: Lexicon, as_of: String) -> impl IntoView {
    view! { <LiveChip words=words zone=look().zone.name().to_owned() as_of=as_of /> }
}
