//! Applications of an instance: what is opened in the browser, the form that adds one, and `/apps/{name}`, by which a browser
//! comes to the origin of one.
//!
//! Invariant: a ticket goes to a window that somebody looks at, and to nothing else.

use contract::Permission;
use contract::apps::{AppLinkView, SharedAppView};
use contract::instances::{InstanceAction, InstanceView};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::{use_params_map, use_query_map};
use platform::instances::AppWay;

use super::form::OF_APPS;
use super::server_fns::{AddOwnAppLink, RemoveOwnAppLink};
use crate::door::{Refused, door, look, see_other};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::pages::admin::instances::server_fns::RemoveAppLink;
use crate::ui::ask::Ask;
use crate::ui::forms::{TextField, check_field, text_field};
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::words::Words;

/// What usually listens on a port that an instance was made with.
const USUAL: [(u16, &str); 7] = [
    (8888, "Jupyter"),
    (6006, "TensorBoard"),
    (8188, "ComfyUI"),
    (7860, "Gradio"),
    (8501, "Streamlit"),
    (8080, "code-server"),
    (5000, "MLflow"),
];

/// Those of one's own instance, and the form unless the page is read again and again (`again`).
pub fn apps_card(
    words: Words,
    view: &InstanceView,
    links: Vec<AppLinkView>,
    (again, refused): (bool, Option<&Refused>),
) -> AnyView {
    let may = door().1.holds(Permission::InstancesCreate) && !again && view.allows(InstanceAction::Rename);
    let form = may.then(|| form(words, view, &links, refused));
    let list = match links.is_empty() {
        true => view! { <p class="note-line">{words.t("apps-none")}</p> }.into_any(),
        false => table(words, links, false),
    };
    view! {
        <section class="card" id="apps">
            <header><h2>{words.t("apps-title")}</h2></header>
            {list}
            {form}
        </section>
    }
    .into_any()
}

/// Those of anybody's, for staff; nothing where there is none.
pub fn staff_apps_card(words: Words, links: Vec<AppLinkView>) -> Option<AnyView> {
    (!links.is_empty()).then(|| {
        view! {
            <section class="card" id="apps">
                <header><h2>{words.t("apps-title")}</h2></header>
                {table(words, links, true)}
            </section>
        }
        .into_any()
    })
}

/// What everybody in the customer may open; nothing where there is none.
pub fn shared_card(words: Words, apps: Vec<SharedAppView>) -> Option<AnyView> {
    if apps.is_empty() {
        return None;
    }
    let heads = ["apps-name", "access-instance", "apps-by"];
    let heads = heads.map(|key| view! { <th scope="col">{words.t(key)}</th> }).into_iter().collect_view();
    let rows = apps.into_iter().map(|app| {
        let leads = words.with("apps-open-of", &[("name", app.name.clone())]);
        let name = match app.running {
            true => view! {
                <a class="link" href=app.url target="_blank" rel="noopener noreferrer" aria-label=leads>{app.name}</a>
            }
            .into_any(),
            false => view! { {app.name} " " <span class="sub">{words.t("apps-not-running")}</span> }.into_any(),
        };
        view! {
            <tr>
                <th scope="row">{name}</th>
                <td data-label=words.t("access-instance")>{app.instance_name}</td>
                <td data-label=words.t("apps-by")>{app.created_by}</td>
            </tr>
        }
    });
    let card = view! {
        <section class="card" id="shared-apps" data-part="shared">
            <header><h2>{words.t("apps-shared-title")}</h2></header>
            {list_table(words.t("apps-shared-title"), heads, rows.collect_view())}
        </section>
    };
    Some(card.into_any())
}

fn table(words: Words, links: Vec<AppLinkView>, staff: bool) -> AnyView {
    let heads = ["apps-name", "apps-port", "apps-who", "apps-by"];
    let heads = heads.map(|key| view! { <th scope="col">{words.t(key)}</th> }).into_iter().collect_view();
    let actions = view! { <th scope="col"><span class="unseen-text">{words.t("list-actions")}</span></th> };
    let rows = links.into_iter().map(|link| row(words, link, staff)).collect_view();
    list_table(words.t("apps-title"), view! { {heads} {actions} }, rows)
}

fn who(words: Words, link: &AppLinkView) -> String {
    words.t(if link.shared { "apps-who-customer" } else { "apps-who-owner" })
}

fn row(words: Words, link: AppLinkView, staff: bool) -> impl IntoView {
    // Staff do not come in.
    let name = match staff {
        true => link.name.clone().into_any(),
        false => {
            let leads = words.with("apps-open-of", &[("name", link.name.clone())]);
            view! {
                <a class="link" href=link.url.clone() target="_blank" rel="noopener noreferrer" aria-label=leads>
                    {link.name.clone()}
                </a>
            }
            .into_any()
        }
    };
    let url = if staff { RemoveAppLink::url() } else { RemoveOwnAppLink::url() };
    let remove = link.may_remove.then(|| {
        let hint = words.t(if staff { "apps-remove-hint-staff" } else { "apps-remove-hint" });
        let ask = Ask::new(format!("app-{}", link.id), words.t("apps-remove"), hint, url)
            .row(words.with("apps-remove-of", &[("name", link.name.clone())]))
            .field("id", link.instance)
            .field("link", link.id);
        let ask = if staff { ask.reason(words) } else { ask };
        ask.view(words)
    });
    view! {
        <tr>
            <th scope="row">{name}</th>
            <td data-label=words.t("apps-port")>{link.port}</td>
            <td data-label=words.t("apps-who")>{who(words, &link)}</td>
            <td data-label=words.t("apps-by")>{link.created_by.clone()} " " {time(link.created_at, look().zone)}</td>
            <td class="row-actions">{remove}</td>
        </tr>
    }
}

/// The first port the instance was made with that has none yet, and what is usually there.
fn usual(view: &InstanceView, links: &[AppLinkView]) -> (String, String) {
    let free = view.ports.iter().map(|it| it.port).find(|port| links.iter().all(|link| link.port != *port));
    let name = USUAL.iter().find(|(port, _)| Some(*port) == free).map(|(_, name)| (*name).to_owned());
    (name.unwrap_or_default(), free.map(|port| port.to_string()).unwrap_or_default())
}

fn form(words: Words, view: &InstanceView, links: &[AppLinkView], refused: Option<&Refused>) -> impl IntoView + use<> {
    let refused = refused.filter(|it| it.typed.contains_key(OF_APPS));
    let typed = |name: &str, else_: String| match refused {
        Some(refused) => refused.typed.get(name).cloned().unwrap_or_default(),
        None => else_,
    };
    let fault = |path: &str| refused.and_then(|it| it.fault(words.0, path));
    let (name, port) = usual(view, links);
    view! {
        <details open=refused.is_some()>
            <summary class="card-summary">{words.t("apps-add")}</summary>
            <form class="form" method="post" action=AddOwnAppLink::url()>
                <input r#type="hidden" name="id" value=view.id.to_string() />
                <p>{words.t("apps-hint")}</p>
                {text_field(TextField {
                    label: words.t("apps-name"),
                    name: "name".to_owned(),
                    form: "app",
                    value: typed("name", name),
                    fault: fault("name"),
                    required: true,
                    max_length: Some(100),
                    autocomplete: Some("off"),
                    ..TextField::default()
                })}
                {text_field(TextField {
                    label: words.t("apps-port"),
                    name: "port".to_owned(),
                    form: "app",
                    value: typed("port", port),
                    fault: fault("port"),
                    hint: Some(words.t("apps-port-hint")),
                    kind: "number",
                    required: true,
                    ..TextField::default()
                })}
                {check_field(
                    words.t("apps-shared"),
                    Some(words.t("apps-shared-hint")),
                    "shared",
                    typed("shared", String::new()) == "true",
                )}
                <p class="actions"><button class="btn">{words.t("apps-add")}</button></p>
            </form>
        </details>
    }
}

/// Whether it is somebody's window that was led here from elsewhere. What a page has its browser frame, fetch or get ready can be
/// read or kept by that page on the next step, which is at its own origin. From a form of ours no browser goes on to another
/// origin (`form-action`): who has just signed in goes on by hand.
fn is_led_here(headers: &http::HeaderMap) -> bool {
    let says = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let window = says("sec-fetch-dest").is_none_or(|place| place == "document");
    let ahead = ["sec-purpose", "purpose", "x-purpose", "x-moz"].iter().any(|name| headers.contains_key(*name));
    window && !ahead && says("sec-fetch-site") != Some("same-origin")
}

/// `/apps/{name}`: on to an application, for a browser that comes from its origin; else what would be opened, and where.
#[component]
pub fn OpenAppPage() -> impl IntoView {
    let name = use_params_map().get_untracked().get("name").unwrap_or_default();
    let query = use_query_map().get_untracked();
    let led = use_context::<http::request::Parts>().is_some_and(|parts| is_led_here(&parts.headers));
    let (state, way) = (query.get("state").filter(|_| led), query.get("way"));
    let (platform, ctx) = door();
    page(
        async move { platform::instances::enter_app(&platform, &ctx, &name, (state.as_deref(), way.as_deref())).await },
        |way| match way {
            AppWay::On(address) => {
                see_other(&address);
                ().into_any()
            }
            AppWay::Look { link, instance_name, address } => look_view(link, instance_name, address),
        },
    )
}

fn look_view(link: AppLinkView, instance_name: String, address: String) -> AnyView {
    let words = Words::now();
    let head = PageFrame::new(link.name.clone(), Area::OwnInstances);
    frame(
        head,
        view! {
            <section class="card">
                <dl class="facts start">
                    <dt>{words.t("access-instance")}</dt>
                    <dd>{instance_name}</dd>
                    <dt>{words.t("apps-port")}</dt>
                    <dd>{link.port}</dd>
                    <dt>{words.t("apps-who")}</dt>
                    <dd>{who(words, &link)}</dd>
                    <dt>{words.t("apps-address")}</dt>
                    <dd><code>{link.url}</code></dd>
                </dl>
                <p class="note-line">{words.t("apps-look-hint")}</p>
                <p class="actions">
                    <a class="btn" href=address rel="noopener noreferrer">{words.t("apps-open")}</a>
                </p>
            </section>
        },
    )
}

#[cfg(test)]
mod tests {
    use super::is_led_here;

    #[test]
    fn tickets_are_for_windows() {
        let led = |pairs: &[(&'static str, &'static str)]| {
            let pairs = pairs
                .iter()
                .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_static(value)));
            is_led_here(&pairs.collect())
        };
        let window = [("sec-fetch-dest", "document"), ("sec-fetch-mode", "navigate"), ("sec-fetch-site", "same-site")];
        assert!(led(&window) && led(&[("sec-fetch-dest", "document"), ("sec-fetch-site", "cross-site")]));
        assert!(led(&[]), "browsers before these fields");
        for dest in ["iframe", "frame", "object", "embed", "fencedframe", "empty", "image", "script"] {
            assert!(!led(&[("sec-fetch-dest", dest), ("sec-fetch-site", "same-site")]), "{dest}");
        }
        for early in [("sec-purpose", "prefetch;prerender"), ("purpose", "prefetch"), ("x-moz", "prefetch")] {
            assert!(!led(&[window[0], window[1], window[2], early]), "{early:?}");
        }
        assert!(!led(&[window[0], window[1], ("sec-fetch-site", "same-origin")]), "no browser goes on from a form");
    }
}
