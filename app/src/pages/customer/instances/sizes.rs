//! Another spec for an instance: what there is, what is in the way, and the question before it is changed.

use contract::instances::{InstanceAction, InstanceSize, InstanceView};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::cells::{price, spec_line};
use super::server_fns::ResizeOwnInstance;
use crate::door::Refused;
use crate::ui::ask::Ask;
use crate::ui::forms::select_within;
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::words::Words;

/// The specs with what is in the way of each; while it runs, that it has to be stopped first (`sizes` is `None`).
pub fn sizes_card(
    words: Words,
    view: &InstanceView,
    sizes: Option<Vec<InstanceSize>>,
    refused: Option<&Refused>,
) -> Option<AnyView> {
    if !view.holds || !view.allows(InstanceAction::Rename) {
        return None;
    }
    let inside = match sizes {
        None => view! { <p class="note-line">{words.t("instance-resize-when")}</p> }.into_any(),
        Some(sizes) => choice(words, view, &sizes, refused).into_any(),
    };
    let card = view! {
        <section class="card" id="sizes">
            <header><h2>{words.t("instance-resize")}</h2></header>
            {inside}
        </section>
    };
    Some(card.into_any())
}

fn choice(
    words: Words,
    view: &InstanceView,
    sizes: &[InstanceSize],
    refused: Option<&Refused>,
) -> impl IntoView + use<> {
    let head = view! {
        <th scope="col">{words.t("instance-spec")}</th>
        <th scope="col">{words.t("instance-fit")}</th>
        <th scope="col">{words.t("instance-misses")}</th>
    };
    let rows = sizes.iter().map(|size| row(words, size)).collect_view();
    let fitting: Vec<(String, String)> =
        sizes.iter().filter(|size| size.fits && !size.current).map(|size| option(words, size)).collect();
    let fault = refused.and_then(|refused| refused.fault(words.0, "spec"));
    let lost = if view.spec.data_disk_gb > 0 { "instance-resize-lost-data" } else { "instance-resize-lost" };
    let ask = match fitting.is_empty() {
        true => view! { <p class="sub">{words.t("instance-resize-none")}</p> }.into_any(),
        false => {
            let chosen = fitting.first().map(|(id, _)| id.clone()).unwrap_or_default();
            let field = select_within("resize", words.t("instance-spec"), "spec", fitting, &chosen, fault.clone());
            let ask = Ask::new("resize", words.t("instance-resize-do"), words.t(lost), ResizeOwnInstance::url());
            let ask = ask.class("btn").field("id", view.id).inside(field).view(words);
            view! { <div class="actions">{ask}</div> }.into_any()
        }
    };
    view! {
        {list_table(words.t("instance-resize"), head, rows)}
        <div class="form">
            <p class="sub">{words.t(lost)}</p>
            {fault.map(|fault| view! { <p class="fault">{fault}</p> })}
            {ask}
        </div>
    }
}

fn option(words: Words, size: &InstanceSize) -> (String, String) {
    let spec = &size.spec;
    (spec.id.to_string(), format!("{} · {} · {}", spec.name, spec_line(words, spec), price(words, spec)))
}

fn row(words: Words, size: &InstanceSize) -> impl IntoView + use<> {
    let (tone, key) = match (size.current, size.fits) {
        (true, _) => (Tone::Info, "instance-resize-now"),
        (false, true) => (Tone::Ok, "instance-fits"),
        (false, false) => (Tone::Off, "instance-fits-not"),
    };
    let line = format!("{} · {}", spec_line(words, &size.spec), price(words, &size.spec));
    let misses = size.misses.iter().map(|miss| miss.message.clone()).collect::<Vec<_>>().join(" ");
    view! {
        <tr>
            <th scope="row">{size.spec.name.clone()} " " <span class="sub">{line}</span></th>
            <td data-label=words.t("instance-fit")>{state(tone, words.t(key))}</td>
            <td class="says" data-label=words.t("instance-misses")>{misses}</td>
        </tr>
    }
}
