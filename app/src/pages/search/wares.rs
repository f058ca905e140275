//! Instances, images and specs that are found: staff find everybody's, customers their own and what they may choose.

use contract::Permission;
use contract::images::{ImageQuery, MarketQuery};
use contract::instances::{InstanceQuery, InstanceView};
use contract::specs::{SpecQuery, SpecView};
use platform::{OpContext, Platform, Result};

use super::{Hit, MOST};
use crate::paths;
use crate::ui::money::per_hour;
use crate::words::Words;

/// What one may see of them, in the order of the menu.
pub(super) async fn found(platform: &Platform, ctx: &OpContext, words: Words, text: &str) -> Result<Vec<Hit>> {
    let mut hits = of_staff(platform, ctx, words, text).await?;
    if ctx.user().is_some_and(|user| user.active_customer.is_some()) {
        hits.extend(own(platform, ctx, words, text).await?);
    }
    Ok(hits)
}

async fn of_staff(platform: &Platform, ctx: &OpContext, words: Words, text: &str) -> Result<Vec<Hit>> {
    let (q, page_size) = (Some(text.to_owned()), Some(MOST));
    let mut hits = Vec::new();
    if ctx.holds(Permission::InstancesView) {
        let query = InstanceQuery { q: q.clone(), page_size, ..InstanceQuery::default() };
        let found = platform::instances::list_all(platform, ctx, &query).await?.list;
        hits.extend(found.into_iter().map(|view| {
            let of = view.customer_name.clone().unwrap_or_default();
            let href = paths::instance(view.id);
            instance(words, view, &of, href)
        }));
    }
    if ctx.holds(Permission::ImagesView) {
        let query = ImageQuery { q: q.clone(), page_size, ..ImageQuery::default() };
        let found = platform::images::list(platform, ctx, &query).await?.list;
        hits.extend(found.into_iter().map(|view| image(view.name, view.framework, paths::image(view.id))));
    }
    if ctx.holds(Permission::SpecsView) {
        let query = SpecQuery { q, page_size, ..SpecQuery::default() };
        let found = platform::specs::list(platform, ctx, &query).await?.list;
        hits.extend(found.into_iter().map(|view| {
            let href = paths::spec(view.id);
            spec(words, view, href)
        }));
    }
    Ok(hits)
}

async fn own(platform: &Platform, ctx: &OpContext, words: Words, text: &str) -> Result<Vec<Hit>> {
    let (q, page_size) = (Some(text.to_owned()), Some(MOST));
    let mut hits = Vec::new();
    if ctx.holds(Permission::InstancesUse) {
        let query = InstanceQuery { q: q.clone(), page_size, ..InstanceQuery::default() };
        let found = platform::instances::list(platform, ctx, &query).await?.list;
        hits.extend(found.into_iter().map(|view| {
            let of = view.created_by.clone();
            let href = paths::own_instance(view.id);
            instance(words, view, &of, href)
        }));
    }
    if ctx.holds(Permission::ImagesUse) {
        let query = ImageQuery { q: q.clone(), page_size, ..ImageQuery::default() };
        let mine = platform::images::list_own(platform, ctx, &query).await?.list;
        let query = MarketQuery { q, page_size, ..MarketQuery::default() };
        let market = platform::images::market(platform, ctx, &query).await?.list;
        let others = market.into_iter().filter(|view| mine.iter().all(|own| own.id != view.id));
        // An image of the market has no page of its own: the market with it alone.
        let others: Vec<Hit> = others
            .map(|view| {
                let href = paths::with_query(paths::MARKET, [("q", view.name.as_str())]);
                image(view.name, view.framework, href)
            })
            .collect();
        hits.extend(mine.into_iter().map(|view| image(view.name, view.framework, paths::own_image(view.id))));
        hits.extend(others);
    }
    if ctx.holds(Permission::InstancesCreate) {
        let lower = text.to_lowercase();
        let meant = |view: &SpecView| {
            let model = view.gpu_model.as_deref().unwrap_or_default();
            view.name.to_lowercase().contains(&lower) || model.to_lowercase().contains(&lower)
        };
        let offers = platform::instances::offers(platform, ctx).await?;
        hits.extend(offers.into_iter().filter(meant).take(MOST as usize).map(|view| {
            let href = paths::new_instance("", &view.id.to_string());
            spec(words, view, href)
        }));
    }
    Ok(hits)
}

fn instance(words: Words, view: InstanceView, of: &str, href: String) -> Hit {
    let state = words.t(&format!("instance-state-{}", view.state.code()));
    let detail = [state.as_str(), view.machine.as_str(), of].into_iter().filter(|part| !part.is_empty());
    let detail = detail.collect::<Vec<_>>().join(" · ");
    Hit { kind: "search-instance", title: view.name, detail, href }
}

fn image(name: String, framework: Option<String>, href: String) -> Hit {
    Hit { kind: "search-image", title: name, detail: framework.unwrap_or_default(), href }
}

fn spec(words: Words, view: SpecView, href: String) -> Hit {
    let price = view.price_per_hour.map(|price| per_hour(words, &price, &view.currency));
    Hit { kind: "search-spec", title: view.name, detail: price.unwrap_or_default(), href }
}
