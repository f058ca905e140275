//! `/instances/new`: image and spec first, then where it could be, then the rest.

use contract::images::{ImageQuery, ImageSource, ImageState, MarketQuery};
use contract::instances::{Alternative, MachineFit, Miss, Placement, PlacementQuery};
use contract::specs::SpecView;
use contract::{ErrorCode, ImageId, MAX_PAGE_SIZE, Permission, SpecId};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use platform::{OpContext, Platform};

use super::cells::{price, spec_line};
use super::form::InstanceForm;
use super::server_fns::CreateInstance;
use crate::door::{Refused, door, look, may_open};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::forms::{TextField, form_fault, select_field, text_area, text_field};
use crate::ui::lists::ListQuery;
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::words::Words;

/// What can be chosen, and what was.
struct Choice {
    images: Vec<(ImageId, String)>,
    specs: Vec<SpecView>,
    image: Option<ImageId>,
    spec: Option<SpecId>,
    placement: Option<Placement>,
    refused: Option<Refused>,
    /// The page's address: another image or spec is chosen without losing what was typed.
    query: ListQuery,
}

/// What the address may say: with `again` the refused form comes along to another choice, without what was wrong with it.
const QUERY: [&str; 4] = ["image", "spec", "refused", "again"];

/// `/instances/new`.
#[component]
pub fn NewInstancePage() -> impl IntoView {
    let query = ListQuery::here(paths::INSTANCE_NEW, QUERY);
    let refused = Refused::from_query();
    let (platform, ctx) = door();
    page(async move { choice(&platform, &ctx, query, refused).await }, new_view)
}

async fn choice(
    platform: &Platform,
    ctx: &OpContext,
    query: ListQuery,
    refused: Option<Refused>,
) -> platform::Result<Choice> {
    may_open(ctx, Permission::InstancesCreate)?;
    let asked = PlacementQuery { image: query.get("image").parse().ok(), spec: query.get("spec").parse().ok() };
    let specs = platform::instances::offers(platform, ctx).await?;
    let all = Some(MAX_PAGE_SIZE);
    let market = MarketQuery { page_size: all, ..MarketQuery::default() };
    let approved = ImageQuery { page_size: all, state: Some(ImageState::Approved), ..ImageQuery::default() };
    // Of one's own instances: those, too, that nobody looked at.
    let saved = ImageQuery {
        state: Some(ImageState::PendingReview),
        source: Some(ImageSource::Instance),
        page_size: all,
        ..ImageQuery::default()
    };
    let market = platform::images::market(platform, ctx, &market).await?;
    let mut own = platform::images::list_own(platform, ctx, &approved).await?.list;
    own.extend(platform::images::list_own(platform, ctx, &saved).await?.list);
    let mut images: Vec<(ImageId, String)> = market.list.into_iter().map(|image| (image.id, image.name)).collect();
    let more = own.into_iter().filter(|image| !image.listed).map(|image| (image.id, image.name));
    images.extend(more);
    let placement = match (asked.image, asked.spec) {
        (Some(_), Some(_)) => match platform::instances::matched_machines(platform, ctx, &asked).await {
            Ok(placement) => Some(placement),
            // What stands in an old address is not there any more: it is chosen anew.
            Err(error) if error.code == ErrorCode::Validation => None,
            Err(error) => return Err(error),
        },
        _ => None,
    };
    Ok(Choice { images, specs, image: asked.image, spec: asked.spec, placement, refused, query })
}

fn new_view(choice: Choice) -> AnyView {
    let words = Words::now();
    let again = !choice.query.get("again").is_empty();
    let refused = choice.refused.as_ref().filter(|_| !again);
    let head = PageFrame::new(words.t("instance-new-title"), Area::OwnInstances)
        .crumb(words.t("nav-own-instances"), paths::OWN_INSTANCES);
    if choice.images.is_empty() || choice.specs.is_empty() {
        return frame(head, view! { <div class="card empty"><p>{words.t("instance-new-nothing")}</p></div> });
    }
    let general = refused.map(|refused| refused.message(words.0));
    let place = choice.placement.as_ref();
    // What was typed is not lost because somebody else took the place meanwhile, or what was chosen is not there any more.
    let form =
        (choice.refused.is_some() || place.is_some_and(Placement::fits)).then(|| rest_form(words, &choice, refused));
    frame(
        head,
        view! {
            {form_fault(general)}
            <div class="main-column">
                {choose_form(words, &choice, refused)}
                {place.map(|place| placement_card(words, &choice, place))}
                {form}
            </div>
        },
    )
}

fn choose_form(words: Words, choice: &Choice, refused: Option<&Refused>) -> impl IntoView + use<> {
    let fault = |path: &str| refused.and_then(|refused| refused.fault(words.0, path));
    let images = choice.images.iter().map(|(id, name)| (id.to_string(), name.clone())).collect();
    let specs = choice.specs.iter().filter_map(|spec| {
        let frozen = contract::instances::InstanceSpec::of(spec)?;
        let line = format!("{} · {} · {}", spec.name, spec_line(words, &frozen), price(words, &frozen));
        Some((spec.id.to_string(), line))
    });
    let chosen = |id: Option<i64>| id.map(|id| id.to_string()).unwrap_or_default();
    view! {
        <form class="form card choose" method="get" action=paths::INSTANCE_NEW>
            <fieldset>
                {select_field(words.t("instance-image"), "image", images, &chosen(choice.image.map(|id| id.0)), fault("image"))}
                {select_field(words.t("instance-spec"), "spec", specs.collect(), &chosen(choice.spec.map(|id| id.0)), fault("spec"))}
            </fieldset>
            {carried(&choice.query)}
            <p class="actions"><button class="btn">{words.t("instance-match")}</button></p>
        </form>
    }
}

/// What a refused form is named by goes along to another choice.
fn carried(query: &ListQuery) -> impl IntoView + use<> {
    query.some("refused").map(|refused| {
        view! {
            <input r#type="hidden" name="refused" value=refused />
            <input r#type="hidden" name="again" value="1" />
        }
    })
}

fn placement_card(words: Words, choice: &Choice, placement: &Placement) -> impl IntoView + use<> {
    let said = |misses: &[Miss]| misses.iter().map(|miss| miss.message.clone()).collect::<Vec<_>>().join(" ");
    let limits = (!placement.misses.is_empty()).then(|| {
        view! { <p class="fault">{said(&placement.misses)}</p> }
    });
    let row = |fit: &MachineFit| {
        let (tone, key) = if fit.fits { (Tone::Ok, "instance-fits") } else { (Tone::Off, "instance-fits-not") };
        let region = fit.region.clone().unwrap_or_default();
        view! {
            <tr>
                <th scope="row">{fit.machine_name.clone()} " " <span class="sub">{fit.machine.clone()} " " {region}</span></th>
                <td data-label=words.t("instance-fit")>{state(tone, words.t(key))}</td>
                <td class="says" data-label=words.t("instance-misses")>{said(&fit.misses)} {earliest(words, fit)}</td>
            </tr>
        }
    };
    let rows = placement.machines.iter().map(row).collect_view();
    let head = view! {
        <th scope="col">{words.t("instance-machine")}</th>
        <th scope="col">{words.t("instance-fit")}</th>
        <th scope="col">{words.t("instance-misses")}</th>
    };
    let table = match placement.machines.is_empty() {
        true => view! { <div class="empty"><p>{words.t("instance-no-machines")}</p></div> }.into_any(),
        false => list_table(words.t("instance-where"), head, rows),
    };
    // Where nothing fits one asks oneself for how long.
    let unknown = !placement.machines.is_empty()
        && placement.machines.iter().all(|fit| !fit.fits)
        && placement.machines.iter().any(|fit| fit.earliest.is_none());
    let unknown = unknown.then(|| view! { <p class="note-line">{words.t("instance-earliest-unknown")}</p> });
    let image = choice.image.map(|id| id.to_string()).unwrap_or_default();
    let alternatives = (!placement.alternatives.is_empty()).then(|| {
        let links = placement.alternatives.iter().map(|other: &Alternative| {
            let again = if choice.query.get("refused").is_empty() { "" } else { "1" };
            let href = choice.query.with(&[("image", &image), ("spec", &other.spec.id.to_string()), ("again", again)]);
            let text =
                format!("{} · {} · {}", other.spec.name, spec_line(words, &other.spec), price(words, &other.spec));
            view! { <li><a class="link" href=href>{text}</a></li> }
        });
        view! {
            <div class="form">
                <p>{words.t("instance-alternatives")}</p>
                <ul>{links.collect_view()}</ul>
            </div>
        }
    });
    view! {
        <section class="card" id="where">
            <header><h2>{words.t("instance-where")}</h2></header>
            {limits}
            {table}
            {unknown}
            {alternatives}
        </section>
    }
}

/// When it would fit, where that is known.
fn earliest(words: Words, fit: &MachineFit) -> Option<impl IntoView + use<>> {
    let at = time(fit.earliest?, look().zone);
    Some(view! { " " <span class="sub">{words.t("instance-earliest")} " " {at}</span> })
}

fn rest_form(words: Words, choice: &Choice, refused: Option<&Refused>) -> impl IntoView + use<> {
    let form = choice.refused.as_ref().map(InstanceForm::from_typed).unwrap_or_default();
    let fault = |path: &str| refused.and_then(|refused| refused.fault(words.0, path));
    let field = |key: &str, name: &str, value: &str| TextField {
        label: words.t(key),
        name: format!("form[{name}]"),
        value: value.to_owned(),
        fault: fault(name),
        hint: texts::known_message(words.0, &format!("{key}-hint"), &[]),
        ..TextField::default()
    };
    let any = (String::new(), words.t("instance-machine-any"));
    let fitting = choice.placement.iter().flat_map(|place| &place.machines).filter(|fit| fit.fits);
    let machines = std::iter::once(any)
        .chain(fitting.map(|fit| (fit.machine.clone(), format!("{} ({})", fit.machine_name, fit.machine))));
    let hidden = |id: Option<i64>| id.map(|id| id.to_string()).unwrap_or_default();
    let costs = choice.specs.iter().find(|spec| Some(spec.id) == choice.spec);
    let costs = costs.and_then(contract::instances::InstanceSpec::of).map(|frozen| price(words, &frozen));
    view! {
        <form class="form card" method="post" action=CreateInstance::url()>
            <input r#type="hidden" name="form[image]" value=hidden(choice.image.map(|id| id.0)) />
            <input r#type="hidden" name="form[spec]" value=hidden(choice.spec.map(|id| id.0)) />
            <fieldset>
                {text_field(TextField { required: true, max_length: Some(63), ..field("instance-name", "name", &form.name) })}
                {select_field(words.t("instance-machine"), "form[machine]", machines.collect(), &form.machine, fault("machine"))}
                {text_area(field("instance-environment", "environment", &form.environment))}
                {text_field(field("instance-ports", "ports", &form.ports))}
                {text_area(field("instance-command", "command", &form.command))}
                {text_area(TextField { max_length: Some(1000), ..field("instance-remark", "remark", &form.remark) })}
            </fieldset>
            <p class="sub">{words.t("instance-stopped-holds")}</p>
            <p class="actions">
                <button class="btn primary">{words.t("instances-add")}</button>
                <a class="btn" href=paths::OWN_INSTANCES>{words.t("form-cancel")}</a>
                <span class="sub">{costs}</span>
            </p>
        </form>
    }
}
