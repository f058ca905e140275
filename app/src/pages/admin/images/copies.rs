//! The machines an image is on, or is on its way to.

use contract::images::{CopyState, ImageCopy, ImageView};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::cells::{size, unshared_reason};
use super::server_fns::{CancelImagePull, PullImage};
use crate::door::{Refused, look};
use crate::paths;
use crate::ui::ask::Ask;
use crate::ui::format::NOT_MEASURED;
use crate::ui::forms::{TextField, text_field};
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::ways;
use crate::words::Words;

/// The table, and for those who may, what brings it to one more.
pub fn copies_card(
    words: Words,
    image: &ImageView,
    copies: Vec<ImageCopy>,
    manages: bool,
    refused: Option<&Refused>,
) -> impl IntoView + use<> {
    let going = copies.iter().any(|copy| matches!(copy.state, CopyState::Waiting | CopyState::Running));
    let refresh = going.then(|| view! { <a class="btn" href=paths::image(image.id)>{words.t("copies-refresh")}</a> });
    let table = match copies.is_empty() {
        true => view! { <div class="empty"><p>{words.t("copies-empty")}</p></div> }.into_any(),
        false => table(words, image, copies, manages),
    };
    let form = manages.then(|| {
        let machine = TextField {
            label: words.t("copies-machine"),
            name: "machine".to_owned(),
            value: refused.and_then(|refused| refused.typed.get("machine").cloned()).unwrap_or_default(),
            fault: refused.and_then(|refused| refused.fault(words.0, "machine")),
            hint: Some(words.t("copies-machine-hint")),
            required: true,
            max_length: Some(63),
            ..TextField::default()
        };
        let why = (!image.shared)
            .then(|| unshared_reason(words, ("pull", words.t("image-take-reason")), (refused, "pullReason")));
        view! {
            <form class="form" method="post" action=PullImage::url()>
                <input r#type="hidden" name="id" value=image.id.to_string() />
                {text_field(machine)}
                {why}
                <p class="actions"><button class="btn">{words.t("copies-pull")}</button></p>
            </form>
        }
    });
    view! {
        <section class="card" id="machines">
            <header>
                <h2>{words.t("copies-title")}</h2>
                {refresh}
            </header>
            {table}
            {form}
        </section>
    }
}

fn table(words: Words, image: &ImageView, copies: Vec<ImageCopy>, manages: bool) -> AnyView {
    let rows = copies.into_iter().map(|copy| row(words, image, copy, manages));
    let heads = ["machine", "state", "progress", "wanted"];
    let heads = heads.map(|key| view! { <th scope="col">{words.t(&format!("copies-{key}"))}</th> });
    view! {
        {list_table(words.t("copies-title"), view! {
            {heads.into_iter().collect_view()}
            <th scope="col" aria-label=words.t("copies-cancel")></th>
        }, rows.collect_view())}
    }
    .into_any()
}

fn row(words: Words, image: &ImageView, copy: ImageCopy, manages: bool) -> impl IntoView + use<> {
    let tone = match copy.state {
        CopyState::Waiting | CopyState::Running => Tone::Info,
        CopyState::Present => Tone::Ok,
        CopyState::Failed => Tone::Bad,
        CopyState::Cancelled => Tone::Off,
    };
    let word = words.t(&format!("copy-state-{}", copy.state.code()));
    let progress = match copy.total {
        0 => NOT_MEASURED.to_owned(),
        total => {
            let (done, all) = (size(Some(copy.done)), size(Some(total)));
            words.with("upload-progress", &[("done", done), ("all", all)])
        }
    };
    let why = copy.message.map(|message| {
        view! { <span class="sub">{message} " " {copy.detail}</span> }
    });
    let stop = (manages && tone == Tone::Info).then(|| {
        let (id, question) = (format!("copy-{}", copy.machine), words.t("copies-cancel-hint"));
        Ask::new(id, words.t("copies-cancel"), question, CancelImagePull::url())
            .row(words.with("copies-cancel-of", &[("name", copy.machine_name.clone())]))
            .field("id", image.id)
            .field("machine", &copy.machine)
            .view(words)
    });
    view! {
        <tr>
            <th scope="row">{ways::name(paths::machine(&copy.machine), copy.machine_name)}</th>
            <td class="says brief" data-label=words.t("copies-state")>{state(tone, word)} " " {why}</td>
            <td data-label=words.t("copies-progress")>{progress}</td>
            <td data-label=words.t("copies-wanted")>{copy.wanted_by} " " {time(copy.wanted_at, look().zone)}</td>
            <td>{stop}</td>
        </tr>
    }
}
