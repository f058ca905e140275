//! Navigation by area, drawn from the menu ([`crate::menus`]).

use leptos::prelude::*;
use platform::OpContext;

use crate::menus::{GROUPS, Group, visible};
use crate::words::Words;

/// Where a page belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    Dashboard,
    Wall,
    Customers,
    Users,
    Roles,
    Allocations,
    Machines,
    JoinTokens,
    Audit,
    Jobs,
    Announcements,
    Specs,
    Images,
    Instances,
    Billing,
    Market,
    OwnImages,
    OwnInstances,
    OwnJobs,
    OwnBilling,
    Settings,
    Home,
    Members,
    OwnAudit,
    Account,
    /// No entry leads here.
    Elsewhere,
}

/// Every place the reader may go to: word and address.
pub fn destinations(words: Words) -> Vec<(String, String)> {
    let Some(ctx) = use_context::<OpContext>() else { return Vec::new() };
    let places = GROUPS.iter().flat_map(|group| visible(group, &ctx));
    places.map(|entry| (words.t(entry.key), entry.href.to_owned())).collect()
}

/// The entries with their headings.
pub(super) fn entries(words: Words, here: Area) -> impl IntoView {
    let ctx = use_context::<OpContext>();
    let group = |group: &'static Group| {
        let links: Vec<_> = ctx
            .iter()
            .flat_map(|ctx| visible(group, ctx))
            .map(|entry| {
                let current = (entry.area == here).then_some("page");
                view! { <li><a href=entry.href aria-current=current>{words.t(entry.key)}</a></li> }
            })
            .collect();
        (!links.is_empty()).then(|| {
            view! {
                <h2>{words.t(group.key)}</h2>
                <ul>{links}</ul>
            }
        })
    };
    GROUPS.iter().map(group).collect_view()
}
