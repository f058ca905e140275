//! Specs: GPUs, CPU, memory and disks of an instance, and what an hour of it costs.
//!
//! Invariants: a price is never changed, and none begins before it was set, so that what has been used keeps its price; the
//! price of now is derived; what has no price is not listed; a spec that is deleted stays for what was made from it.

pub(crate) mod fuzzing;
mod store;

use chrono::{DateTime, Utc};
use contract::specs::{
    GpuUse, MAX_CPU_CORES, MAX_DISK_GB, MAX_GPU_MEMORY_GB, MAX_GPUS, MAX_MEMORY_GB, PriceState, SpecPriceCreate,
    SpecPriceView, SpecQuery, SpecSort, SpecView, SpecWrite,
};
use contract::{ErrorCode, Page, Permission, SortDirection, SpecId};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::authz::{CreateSpec, ManageSpec, SpecCatalog, SpecRef, ViewSpec};
use crate::db::Tx;
use crate::exports::Pages;
use crate::fields::Wrong;
use crate::{Error, OpContext, Platform, Result, audit, settings};

/// Places after the point that are kept.
const PLACES: u32 = 6;
/// Most an hour can cost, so that twelve digits stand before the point.
const MAX_PRICE: Decimal = Decimal::from_parts(999_999_999, 0, 0, false, 0);

/// A page of specs.
pub async fn list(platform: &Platform, ctx: &OpContext, query: &SpecQuery) -> Result<Page<SpecView>> {
    ctx.authorize_list::<SpecRef>(Permission::SpecsView)?;
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    let sort = sort_of(query)?;
    let currency = settings::currency(platform).await;
    let mut tx = platform.db().begin(ctx).await?;
    let (list, total) = store::list(&mut tx, query, &sort, (page, page_size), &currency, ctx.now()).await?;
    tx.commit().await?;
    Ok(Page { list, total, page, page_size })
}

/// The GPU models there are specs of, for the filter.
pub async fn models(platform: &Platform, ctx: &OpContext) -> Result<Vec<String>> {
    ctx.authorize_list::<SpecRef>(Permission::SpecsView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let models = store::models(&mut tx).await?;
    tx.commit().await?;
    Ok(models)
}

/// Who takes the list away is in the log: to be called before it is read page by page for a workbook.
pub async fn note_export(platform: &Platform, ctx: &OpContext, query: &SpecQuery) -> Result<()> {
    ctx.trying_new("specs:export", "spec_catalog").authorize_list::<SpecRef>(Permission::SpecsView)?;
    audit::record_export(platform, ctx, ("specs:export", "spec_catalog"), None, query).await
}

/// Every spec of these filters, as it all was at one instant; true when there are more than fit into a workbook.
///
/// # Errors
/// As [`list`]'s, and whatever `take` gives.
pub async fn export(
    platform: &Platform,
    ctx: &OpContext,
    query: &SpecQuery,
    mut take: impl FnMut(SpecView) -> Result<()> + Send,
) -> Result<bool> {
    ctx.authorize_list::<SpecRef>(Permission::SpecsView)?;
    let sort = sort_of(query)?;
    let currency = settings::currency(platform).await;
    let mut tx = platform.db().snapshot(ctx).await?;
    let mut pages = Pages::new();
    while let Some(place) = pages.wanted() {
        let (rows, _) = store::list(&mut tx, query, &sort, place, &currency, ctx.now()).await?;
        pages.hand_on(rows, &mut take)?;
    }
    tx.commit().await?;
    Ok(pages.cut())
}

fn sort_of(query: &SpecQuery) -> Result<Vec<(SpecSort, SortDirection)>> {
    contract::sort_of(query.sort.as_deref(), SpecSort::parse).map_err(|_| Error::field("sort", "field-sort-unknown"))
}

/// Those that customers may choose, with their price of now, by name: without what staff note for themselves. For a slice
/// that has decided that the caller may know.
pub(crate) async fn offered_in_tx(platform: &Platform, tx: &mut Tx, now: DateTime<Utc>) -> Result<Vec<SpecView>> {
    let currency = settings::currency(platform).await;
    let mut specs = store::offered(tx, &currency, now).await?;
    for spec in &mut specs {
        spec.remark = None;
    }
    Ok(specs)
}

/// One of them.
///
/// # Errors
/// `NotFound` where there is none.
pub async fn get(platform: &Platform, ctx: &OpContext, id: SpecId) -> Result<SpecView> {
    ctx.authorize(ViewSpec, &SpecRef::of_platform(id))?;
    let mut tx = platform.db().begin(ctx).await?;
    let view = found(platform, &mut tx, ctx, id).await?;
    tx.commit().await?;
    Ok(view)
}

/// Adds a spec, not listed yet: it has no price.
///
/// # Errors
/// `Validation` with every fault at once.
pub async fn create(platform: &Platform, ctx: &OpContext, body: SpecWrite) -> Result<SpecView> {
    let ctx = &ctx.trying_new("specs:create", "spec");
    let granted = ctx.authorize(CreateSpec, &SpecCatalog)?;
    let mut tx = platform.db().begin(ctx).await?;
    let id = store::insert(&mut tx, &granted, &check(body)?, ctx.now()).await?;
    let view = found(platform, &mut tx, ctx, id).await?;
    audit::record_in_tx(&mut tx, ctx, entry("specs:create", id, None, Some(facts(&view)))).await?;
    tx.commit().await?;
    Ok(view)
}

/// Replaces what it is. What was made from it stays as it was made.
///
/// # Errors
/// `NotFound` where there is none, `Conflict` when somebody changed it meanwhile, `Validation` as [`create`].
pub async fn update(platform: &Platform, ctx: &OpContext, id: SpecId, body: SpecWrite) -> Result<SpecView> {
    let ctx = &ctx.trying(entry("specs:update", id, None, None));
    let granted = ctx.authorize(ManageSpec, &SpecRef::of_platform(id))?;
    let mut tx = platform.db().begin(ctx).await?;
    store::lock(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let before = found(platform, &mut tx, ctx, id).await?;
    if body.revision.is_some_and(|seen| seen != before.revision) {
        return Err(Error::new(ErrorCode::Conflict));
    }
    store::update(&mut tx, &granted, &check(body)?).await?;
    let after = found(platform, &mut tx, ctx, id).await?;
    audit::record_in_tx(&mut tx, ctx, entry("specs:update", id, Some(facts(&before)), Some(facts(&after)))).await?;
    tx.commit().await?;
    Ok(after)
}

/// Lets customers choose it, or not any more; again changes nothing.
///
/// # Errors
/// `NotFound` where there is none, `WrongState` (`error-spec-without-price`) for one that costs nobody knows what.
pub async fn set_listed(platform: &Platform, ctx: &OpContext, id: SpecId, listed: bool) -> Result<SpecView> {
    let action = if listed { "specs:list" } else { "specs:delist" };
    let ctx = &ctx.trying(entry(action, id, None, None));
    let granted = ctx.authorize(ManageSpec, &SpecRef::of_platform(id))?;
    let mut tx = platform.db().begin(ctx).await?;
    store::lock(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let before = found(platform, &mut tx, ctx, id).await?;
    may_be_listed(&before, listed)?;
    if before.listed == listed {
        return Ok(before);
    }
    store::set_listed(&mut tx, &granted, listed).await?;
    let after = found(platform, &mut tx, ctx, id).await?;
    audit::record_in_tx(&mut tx, ctx, entry(action, id, Some(facts(&before)), Some(facts(&after)))).await?;
    tx.commit().await?;
    Ok(after)
}

/// Whether customers can be let choose it, or not any more.
///
/// # Errors
/// `WrongState` for one that costs nobody knows what.
pub fn may_be_listed(spec: &SpecView, listed: bool) -> Result<()> {
    match listed && spec.price_per_hour.is_none() {
        true => Err(Error::new(ErrorCode::WrongState).with_key("error-spec-without-price")),
        false => Ok(()),
    }
}

/// Takes it away; what was made from it, and its prices, stay known.
///
/// # Errors
/// `NotFound` where there is none.
pub async fn delete(platform: &Platform, ctx: &OpContext, id: SpecId) -> Result<()> {
    let ctx = &ctx.trying(entry("specs:delete", id, None, None));
    let granted = ctx.authorize(ManageSpec, &SpecRef::of_platform(id))?;
    let mut tx = platform.db().begin(ctx).await?;
    store::lock(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let before = found(platform, &mut tx, ctx, id).await?;
    store::delete(&mut tx, &granted, ctx.now()).await?;
    audit::record_in_tx(&mut tx, ctx, entry("specs:delete", id, Some(facts(&before)), None)).await?;
    tx.commit().await?;
    Ok(())
}

/// Its prices, the latest start first.
///
/// # Errors
/// `NotFound` where there is no such spec.
pub async fn prices(platform: &Platform, ctx: &OpContext, id: SpecId) -> Result<Vec<SpecPriceView>> {
    ctx.authorize(ViewSpec, &SpecRef::of_platform(id))?;
    let mut tx = platform.db().begin(ctx).await?;
    store::lock(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let rows = store::prices(&mut tx, id).await?;
    tx.commit().await?;
    Ok(views(rows, &settings::currency(platform).await, ctx.now()))
}

/// What an hour costs and from when on, the earliest first; of one start what was set last. For what is paid for, also of a
/// spec that was deleted.
pub(crate) async fn prices_in_tx(tx: &mut Tx, id: SpecId) -> Result<Vec<(DateTime<Utc>, Decimal)>> {
    let mut prices: Vec<_> = store::prices(tx, id).await?.into_iter().map(|row| (row.starts_at, row.price)).collect();
    // The latest start and, of one start, what was set last come first.
    prices.dedup_by_key(|(from, _)| *from);
    prices.reverse();
    Ok(prices)
}

/// Sets a price from now or from a later time on.
///
/// # Errors
/// `NotFound` where there is no such spec, `Validation` for what is no price or begins before now.
pub async fn add_price(
    platform: &Platform,
    ctx: &OpContext,
    id: SpecId,
    body: SpecPriceCreate,
) -> Result<Vec<SpecPriceView>> {
    let ctx = &ctx.trying(entry("specs:price", id, None, None));
    let granted = ctx.authorize(ManageSpec, &SpecRef::of_platform(id))?;
    let mut tx = platform.db().begin(ctx).await?;
    store::lock(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let mut wrong = Wrong::new();
    let price = read_price(&body.price_per_hour);
    if price.is_none() {
        wrong.add("pricePerHour", "field-price");
    }
    let starts_at = body.starts_at.unwrap_or(ctx.now());
    if starts_at < ctx.now() {
        wrong.add("startsAt", "field-price-past");
    }
    wrong.into_result()?;
    let price = price.ok_or_else(|| Error::internal("a faulty price without a fault"))?;
    store::insert_price(&mut tx, &granted, price, starts_at, ctx).await?;
    let currency = settings::currency(platform).await;
    let list = views(store::prices(&mut tx, id).await?, &currency, ctx.now());
    let after = json!({ "pricePerHour": price.normalize().to_string(), "currency": currency, "startsAt": starts_at });
    audit::record_in_tx(&mut tx, ctx, entry("specs:price", id, None, Some(after))).await?;
    tx.commit().await?;
    Ok(list)
}

/// A decimal number without sign, exponent or blanks.
pub(crate) fn read_price(text: &str) -> Option<Decimal> {
    let text = text.trim();
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let price = Decimal::from_str_exact(text).ok().filter(|_| plain)?.normalize();
    (price <= MAX_PRICE && price.scale() <= PLACES).then_some(price)
}

/// With where each stands; `rows` have the latest start first, and of one start the latest that was set.
fn views(rows: Vec<store::PriceRow>, currency: &str, now: DateTime<Utc>) -> Vec<SpecPriceView> {
    let mut views = Vec::with_capacity(rows.len());
    let mut next: Option<DateTime<Utc>> = None;
    let mut after: Option<DateTime<Utc>> = None;
    for row in rows {
        let replaced = next == Some(row.starts_at);
        if !replaced {
            (after, next) = (next, Some(row.starts_at));
        }
        let state = match (replaced, row.starts_at > now, after.is_some_and(|end| end <= now)) {
            (true, _, _) => PriceState::Replaced,
            (false, true, _) => PriceState::Planned,
            (false, false, true) => PriceState::Past,
            (false, false, false) => PriceState::Current,
        };
        views.push(SpecPriceView {
            id: row.id,
            price_per_hour: row.price.normalize().to_string(),
            currency: currency.to_owned(),
            starts_at: row.starts_at,
            ends_at: after.filter(|_| !replaced),
            state,
            created_by: row.created_name,
            created_at: row.created_at,
        });
    }
    views
}

async fn found(platform: &Platform, tx: &mut Tx, ctx: &OpContext, id: SpecId) -> Result<SpecView> {
    let currency = settings::currency(platform).await;
    store::find(tx, id, &currency, ctx.now()).await?.ok_or_else(Error::not_found)
}

/// A spec without fault.
struct Checked {
    name: String,
    gpu_model: Option<String>,
    gpu_memory_gb: Option<u32>,
    gpu_use: GpuUse,
    rest: SpecWrite,
    remark: Option<String>,
}

fn check(body: SpecWrite) -> Result<Checked> {
    let mut wrong = Wrong::new();
    let name = wrong.name("name", &body.name);
    let gpu_model = wrong.text("gpuModel", body.gpu_model.clone(), 100);
    let remark = wrong.text("remark", body.remark.clone(), 1000);
    let gpu_use = body.gpu_use.unwrap_or(GpuUse::Whole);
    wrong.number("gpuCount", Some(body.gpu_count), MAX_GPUS);
    match (body.gpu_count, body.gpu_memory_gb) {
        (0, memory) => {
            let with = [("gpuModel", gpu_model.is_some()), ("gpuMemoryGb", memory.is_some())];
            for (path, _) in with.into_iter().chain([("gpuUse", gpu_use == GpuUse::Share)]).filter(|(_, is)| *is) {
                wrong.add(path, "field-without-gpus");
            }
        }
        (_, memory) => {
            if gpu_model.is_none() {
                wrong.add("gpuModel", "field-required");
            }
            match memory {
                None => wrong.add("gpuMemoryGb", "field-required"),
                Some(gb) => within(&mut wrong, "gpuMemoryGb", gb, 1, MAX_GPU_MEMORY_GB),
            }
        }
    }
    within(&mut wrong, "cpuCores", body.cpu_cores, 1, MAX_CPU_CORES);
    within(&mut wrong, "memoryGb", body.memory_gb, 1, MAX_MEMORY_GB);
    within(&mut wrong, "systemDiskGb", body.system_disk_gb, 1, MAX_DISK_GB);
    within(&mut wrong, "dataDiskGb", body.data_disk_gb, 0, MAX_DISK_GB);
    wrong.into_result()?;
    Ok(Checked { name, gpu_model, gpu_memory_gb: body.gpu_memory_gb, gpu_use, remark, rest: body })
}

fn within(wrong: &mut Wrong, path: &'static str, number: u32, min: u32, max: u32) {
    if number < min {
        wrong.add_with(path, "field-number-min", vec![("min", min.to_string())]);
    }
    wrong.number(path, Some(number), max);
}

/// What the audit log keeps.
fn facts(view: &SpecView) -> Value {
    json!({
        "name": view.name, "gpuModel": view.gpu_model, "gpuCount": view.gpu_count, "gpuMemoryGb": view.gpu_memory_gb,
        "gpuUse": view.gpu_use, "cpuCores": view.cpu_cores, "memoryGb": view.memory_gb,
        "systemDiskGb": view.system_disk_gb, "dataDiskGb": view.data_disk_gb, "listed": view.listed,
        "remark": view.remark,
    })
}

fn entry(action: &'static str, id: SpecId, before: Option<Value>, after: Option<Value>) -> audit::Entry {
    audit::Entry { action, target_kind: "spec", target_id: Some(id.to_string()), customer: None, before, after }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_plain_decimal_numbers() {
        for (text, read) in [("10", "10"), ("10.50", "10.5"), ("0", "0"), (" 0.000001 ", "0.000001"), (".5", "0.5")] {
            assert_eq!(read_price(text).expect(text).to_string(), read, "{text}");
        }
        for none in ["", "-1", "+1", "1e3", "1,5", "1.2.3", "0.0000001", "1000000000", "NaN", "1 0", "."] {
            assert_eq!(read_price(none), None, "{none}");
        }
    }
}
