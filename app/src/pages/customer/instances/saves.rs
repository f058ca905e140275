//! An instance is kept as an image: the form, and what came of it.

use contract::Permission;
use contract::instances::{InstanceSaveView, InstanceView, SaveState};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::form::OF_SAVES;
use super::server_fns::SaveOwnInstance;
use crate::door::{Refused, door, look};
use crate::pages::admin::images::cells::size;
use crate::paths;
use crate::ui::format::NOT_MEASURED;
use crate::ui::forms::{TextField, text_area, text_field};
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::words::Words;

/// What was kept of it, and the form unless the page is read again and again (`follows`) or one is on its way.
pub fn saves_card(
    words: Words,
    view: &InstanceView,
    saves: Vec<InstanceSaveView>,
    (follows, refused): (bool, Option<&Refused>),
) -> Option<AnyView> {
    let ctx = door().1;
    let may = ctx.holds(Permission::InstancesCreate) && ctx.holds(Permission::ImagesUpload);
    let going = saves.iter().any(InstanceSaveView::is_going);
    if saves.is_empty() && !may {
        return None;
    }
    let form = (may && !going && !follows).then(|| match view.state.is_savable() {
        true => form(words, view, refused).into_any(),
        false => view! { <p class="note-line">{words.t("saves-not-now")}</p> }.into_any(),
    });
    let href = match follows {
        true => paths::own_instance(view.id),
        false => format!("{}?follow=saves#saves", paths::own_instance(view.id)),
    };
    let follow = (going || follows).then(|| {
        let key = if follows { "saves-stop" } else { "saves-follow" };
        view! { <a class="btn small" href=href>{words.t(key)}</a> }
    });
    let list = (!saves.is_empty()).then(|| table(words, saves));
    let card = view! {
        <section class="card" id="saves">
            <header>
                <h2>{words.t("saves-title")}</h2>
                <div class="end">{follow}</div>
            </header>
            {list}
            {form}
        </section>
    };
    Some(card.into_any())
}

fn form(words: Words, view: &InstanceView, refused: Option<&Refused>) -> impl IntoView + use<> {
    let refused = refused.filter(|it| it.typed.contains_key(OF_SAVES));
    let typed = |name: &str| refused.and_then(|it| it.typed.get(name).cloned()).unwrap_or_default();
    let fault = |path: &str| refused.and_then(|it| it.fault(words.0, path));
    let disk = (view.spec.data_disk_gb > 0).then(|| view! { <li>{words.t("saves-without-data")}</li> });
    view! {
        <form class="form" method="post" action=SaveOwnInstance::url()>
            <input r#type="hidden" name="id" value=view.id.to_string() />
            <p>{words.t("saves-hint")}</p>
            <ul>
                {disk}
                <li>{words.t("saves-without-variables")}</li>
                <li>{words.t("saves-stands-still")}</li>
                <li>{words.t("saves-old-engines")}</li>
            </ul>
            {text_field(TextField {
                label: words.t("saves-name"),
                name: "name".to_owned(),
                value: typed("name"),
                fault: fault("name"),
                required: true,
                max_length: Some(100),
                ..TextField::default()
            })}
            {text_area(TextField {
                label: words.t("image-description"),
                name: "description".to_owned(),
                value: typed("description"),
                fault: fault("description"),
                max_length: Some(2000),
                ..TextField::default()
            })}
            <p class="actions"><button class="btn">{words.t("saves-save")}</button></p>
        </form>
    }
}

fn table(words: Words, saves: Vec<InstanceSaveView>) -> impl IntoView {
    let heads = ["image", "state", "progress", "by"];
    let heads = heads.map(|key| view! { <th scope="col">{words.t(&format!("saves-{key}"))}</th> });
    let rows = saves.into_iter().map(|save| row(words, save));
    list_table(words.t("saves-title"), heads.into_iter().collect_view(), rows.collect_view())
}

fn row(words: Words, save: InstanceSaveView) -> impl IntoView {
    let tone = match save.state {
        SaveState::Waiting | SaveState::Saving => Tone::Info,
        SaveState::Done => Tone::Ok,
        SaveState::Failed => Tone::Bad,
        SaveState::Cancelled => Tone::Off,
    };
    let word = words.t(&format!("save-state-{}", save.state.code()));
    let progress = match (save.state, save.total) {
        (_, 0) => NOT_MEASURED.to_owned(),
        (SaveState::Done, total) => size(Some(total)),
        (_, total) => words.with("upload-progress", &[("done", size(Some(save.done))), ("all", size(Some(total)))]),
    };
    let why = save.message.map(|message| view! { <span class="sub">{message} " " {save.detail}</span> });
    let name = match save.image {
        Some(image) => view! { <a href=paths::own_image(image)>{save.name}</a> }.into_any(),
        None => save.name.into_any(),
    };
    view! {
        <tr>
            <th scope="row">{name}</th>
            <td class="says brief" data-label=words.t("saves-state")>{state(tone, word)} " " {why}</td>
            <td data-label=words.t("saves-progress")>{progress}</td>
            <td data-label=words.t("saves-by")>{save.created_by} " " {time(save.created_at, look().zone)}</td>
        </tr>
    }
}
