//! `/admin/specs/{id}`: a spec, its prices, and whether customers may choose it.

use contract::specs::{PriceState, SpecPriceView, SpecView};
use contract::{May, Permission, SpecId};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::list::{disks, gb, gib, gpus, listed, price};
use super::server_fns::{AddSpecPrice, DeleteSpec, SetSpecListed};
use crate::door::{Refused, door, id_of_path, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::ask::{Ask, go};
use crate::ui::forms::{TextField, form_fault, text_field};
use crate::ui::money::per_hour;
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::words::Words;

/// `/admin/specs/{id}`.
#[component]
pub fn SpecPage() -> impl IntoView {
    let id: SpecId = id_of_path();
    let (platform, ctx) = door();
    page(
        async move {
            let spec = platform::specs::get(&platform, &ctx, id).await?;
            let prices = platform::specs::prices(&platform, &ctx, id).await?;
            let ruled = platform::specs::may_be_listed(&spec, !spec.listed);
            let may_list = platform::may(&ctx, ctx.holds(Permission::SpecsManage), ruled)?;
            Ok((spec, prices, may_list))
        },
        |(spec, prices, may_list)| spec_view(spec, prices, may_list),
    )
}

fn spec_view(spec: SpecView, prices: Vec<SpecPriceView>, may_list: May) -> AnyView {
    let (words, ctx) = (Words::now(), door().1);
    let refused = Refused::from_query();
    let manages = ctx.holds(Permission::SpecsManage);
    let head = PageFrame::new(spec.name.clone(), Area::Specs)
        .crumb(words.t("nav-specs"), paths::SPECS)
        .beside(listed(words, spec.listed))
        .actions(manages.then(|| {
            let (key, class) = if spec.listed { ("spec-delist", "btn") } else { ("spec-list", "btn primary") };
            let hidden = vec![("id", spec.id.to_string()), ("listed", (!spec.listed).to_string())];
            view! {
                {go("list", words.t(key), &may_list, SetSpecListed::url(), hidden, class)}
                <a class="btn" href=paths::spec_edit(spec.id)>{words.t("spec-edit")}</a>
            }
        }));
    let message = refused.as_ref().map(|refused| refused.message(words.0));
    let delete = manages.then(|| delete_card(words, &spec));
    frame(
        head,
        view! {
            {form_fault(message)}
            <div class="main-column">
                {facts_card(words, &spec)}
                {prices_card(words, &spec, prices, manages, refused.as_ref())}
                {delete}
            </div>
        },
    )
}

fn facts_card(words: Words, spec: &SpecView) -> impl IntoView + use<> {
    let zone = look().zone;
    let remark = spec.remark.clone().map(|remark| {
        view! {
            <dt>{words.t("spec-remark")}</dt>
            <dd class="remark">{remark}</dd>
        }
    });
    view! {
        <section class="card">
            <header><h2>{words.t("spec-facts")}</h2></header>
            <dl class="facts">
                <dt>{words.t("spec-gpus")}</dt>
                <dd>{gpus(words, spec)}</dd>
                <dt>{words.t("spec-gpu-memory")}</dt>
                <dd>{gb(spec.gpu_memory_gb)}</dd>
                <dt>{words.t("spec-cpu-cores")}</dt>
                <dd>{spec.cpu_cores}</dd>
                <dt>{words.t("spec-memory")}</dt>
                <dd>{gib(spec.memory_gb)}</dd>
                <dt>{words.t("spec-disks")}</dt>
                <dd>{disks(words, spec)}</dd>
                <dt>{words.t("spec-price")}</dt>
                <dd>{price(words, spec)}</dd>
                <dt>{words.t("spec-created")}</dt>
                <dd>{time(spec.created_at, zone)}</dd>
                {remark}
            </dl>
        </section>
    }
}

fn prices_card(
    words: Words,
    spec: &SpecView,
    prices: Vec<SpecPriceView>,
    manages: bool,
    refused: Option<&Refused>,
) -> impl IntoView + use<> {
    let table = match prices.is_empty() {
        true => view! { <div class="empty"><p>{words.t("spec-prices-empty")}</p></div> }.into_any(),
        false => price_table(words, prices),
    };
    let form = manages.then(|| price_form(words, spec, refused));
    view! {
        <section class="card" id="prices">
            <header><h2>{words.t("spec-prices")}</h2></header>
            {table}
            {form}
        </section>
    }
}

fn price_table(words: Words, prices: Vec<SpecPriceView>) -> AnyView {
    let zone = look().zone;
    let rows = prices.into_iter().map(|row| {
        let tone = match row.state {
            PriceState::Current => Tone::Ok,
            PriceState::Planned => Tone::Info,
            PriceState::Past | PriceState::Replaced => Tone::Off,
        };
        let money = per_hour(words, &row.price_per_hour, &row.currency);
        let ends = match row.ends_at {
            Some(at) => time(at, zone).into_any(),
            None => words.t("spec-price-open").into_any(),
        };
        view! {
            <tr>
                <th scope="row" class="num">{money}</th>
                <td data-label=words.t("spec-price-starts")>{time(row.starts_at, zone)}</td>
                <td data-label=words.t("spec-price-ends")>{ends}</td>
                <td data-label=words.t("spec-state")>
                    {state(tone, words.t(&format!("spec-price-{}", row.state.code())))}
                </td>
                <td data-label=words.t("spec-price-by")>{row.created_by} " " {time(row.created_at, zone)}</td>
            </tr>
        }
    });
    view! {
        {list_table(words.t("spec-prices"), view! {
            <th scope="col" class="num">{words.t("spec-price")}</th>
            <th scope="col">{words.t("spec-price-starts")}</th>
            <th scope="col">{words.t("spec-price-ends")}</th>
            <th scope="col">{words.t("spec-state")}</th>
            <th scope="col">{words.t("spec-price-by")}</th>
        }, rows.collect_view())}
    }
    .into_any()
}

fn price_form(words: Words, spec: &SpecView, refused: Option<&Refused>) -> impl IntoView + use<> {
    let fault = |path: &str| refused.and_then(|refused| refused.fault(words.0, path));
    let typed = |name: &str| refused.and_then(|refused| refused.typed.get(name).cloned()).unwrap_or_default();
    let hint = words.with("spec-price-hint", &[("zone", look().zone.name().to_owned())]);
    view! {
        <form class="form" method="post" action=AddSpecPrice::url()>
            <input r#type="hidden" name="id" value=spec.id.to_string() />
            <p class="sub">{hint}</p>
            <fieldset>
                {text_field(TextField {
                    label: words.t("spec-price"),
                    name: "price".to_owned(),
                    value: typed("price"),
                    fault: fault("pricePerHour"),
                    required: true,
                    max_length: Some(20),
                    unit: Some(spec.currency.clone()),
                    ..TextField::default()
                })}
                {text_field(TextField {
                    label: words.t("spec-price-starts"),
                    name: "starts".to_owned(),
                    value: typed("starts"),
                    fault: fault("startsAt"),
                    hint: Some(words.t("spec-price-starts-hint")),
                    kind: "datetime-local",
                    ..TextField::default()
                })}
            </fieldset>
            <p class="actions"><button class="btn primary">{words.t("spec-price-set")}</button></p>
        </form>
    }
}

fn delete_card(words: Words, spec: &SpecView) -> impl IntoView + use<> {
    let delete = Ask::new("spec", words.t("spec-delete"), words.t("spec-delete-hint"), DeleteSpec::url())
        .yes(words.t("spec-delete-confirm"))
        .field("id", spec.id);
    view! {
        <section class="card">
            <header><h2>{words.t("spec-delete")}</h2></header>
            <p class="note-line">{words.t("spec-delete-hint")}</p>
            <div class="actions">{delete.view(words)}</div>
        </section>
    }
}
