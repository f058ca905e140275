//! Whether the archive of an image is in the registry that takes archives, and what puts it there.

use contract::images::{CopyState, ImagePush, ImageRegistry, ImageView};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::cells::{size, unshared_reason};
use super::server_fns::{ForgetImagePush, PushImage};
use crate::door::{Refused, look};
use crate::paths;
use crate::ui::ask::Ask;
use crate::ui::state::{Tone, state};
use crate::ui::time::time;
use crate::words::Words;

/// Nothing for an image without an archive, and where no registry has to do with it.
pub fn registry_card(
    words: Words,
    image: &ImageView,
    of: ImageRegistry,
    manages: bool,
    refused: Option<&Refused>,
) -> Option<AnyView> {
    image.file?;
    let body = match (of.push, &of.holder) {
        (Some(push), holder) => push_view(words, image, push, (manages && holder.is_some(), manages), refused),
        (None, Some(holder)) => {
            let hint = words.with("image-registry-none", &[("registry", holder.clone())]);
            let go = (manages && platform::images::is_usable(image)).then(|| push_form(words, image, refused));
            view! { <p class="note-line">{hint}</p> {go} }.into_any()
        }
        (None, None) => return None,
    };
    let card = view! {
        <section class="card" id="registry">
            <header><h2>{words.t("image-registry-title")}</h2></header>
            {body}
        </section>
    };
    Some(card.into_any())
}

fn push_form(words: Words, image: &ImageView, refused: Option<&Refused>) -> impl IntoView + use<> {
    let why = (!image.shared)
        .then(|| unshared_reason(words, ("push", words.t("image-take-reason")), (refused, "pushReason")));
    view! {
        <form class="form" method="post" action=PushImage::url()>
            <input r#type="hidden" name="id" value=image.id.to_string() />
            {why}
            <p class="actions"><button class="btn">{words.t("image-registry-push")}</button></p>
        </form>
    }
}

fn push_view(
    words: Words,
    image: &ImageView,
    push: ImagePush,
    (may_put, manages): (bool, bool),
    refused: Option<&Refused>,
) -> AnyView {
    let tone = match push.state {
        CopyState::Waiting | CopyState::Running => Tone::Info,
        CopyState::Present => Tone::Ok,
        CopyState::Failed => Tone::Bad,
        CopyState::Cancelled => Tone::Off,
    };
    let going = tone == Tone::Info;
    let word = words.t(&format!("image-registry-state-{}", push.state.code()));
    let progress = (going && push.total > 0).then(|| {
        let (done, all) = (size(Some(push.done)), size(Some(push.total)));
        words.with("upload-progress", &[("done", done), ("all", all)])
    });
    let why = push.message.map(|message| view! { <span class="sub">{message} " " {push.detail}</span> });
    let reference = push.reference.map(|reference| {
        view! {
            <dt>{words.t("image-registry-reference")}</dt>
            <dd class="mono select">{reference}</dd>
        }
    });
    let refresh = going.then(|| {
        view! { <a class="btn" href=paths::image(image.id)>{words.t("image-registry-refresh")}</a> }
    });
    let again = (may_put && push.state == CopyState::Failed).then(|| push_form(words, image, refused));
    let forget = manages.then(|| {
        let (opens, question) = match going {
            true => ("image-registry-stop", "image-registry-stop-hint"),
            false => ("image-registry-forget", "image-registry-forget-hint"),
        };
        Ask::new("forget-push", words.t(opens), words.t(question), ForgetImagePush::url())
            .field("id", image.id)
            .view(words)
    });
    view! {
        <p class="note-line" role="status">
            {words.with("image-registry-at", &[("registry", push.registry)])} " "
            {state(tone, word)} " " {progress} " " {why}
        </p>
        <dl class="facts">
            {reference}
            <dt>{words.t("copies-wanted")}</dt>
            <dd>{push.wanted_by} " " {time(push.wanted_at, look().zone)}</dd>
        </dl>
        {again}
        <div class="actions">{refresh} {forget}</div>
    }
    .into_any()
}
