//! The frame around pages: top bar, navigation, heading, and what every page does with an error.

mod banners;
mod errors;
mod failure;
mod nav;
mod scripts;
mod topbar;

use std::future::Future;

use leptos::prelude::*;
use leptos_meta::Title;

pub use banners::work_period;
pub use errors::{error_view, plain_page};
pub use failure::failure_page;
pub use nav::{Area, destinations};
pub use scripts::shell_script;
pub use topbar::{avatar, brand, look_switches};

use crate::words::Words;

/// What the frame needs to know about a page.
pub struct PageFrame {
    title: String,
    area: Area,
    crumbs: Vec<(String, String)>,
    beside: Option<AnyView>,
    actions: Option<AnyView>,
    live: bool,
    elements: bool,
    extra: Option<Extra>,
}

/// A script that few pages need.
#[derive(Clone, Copy)]
enum Extra {
    Upload,
    Logs,
    Loads,
    Terminal,
    Player,
}

impl PageFrame {
    /// A page with this heading, in this area.
    pub fn new(title: String, area: Area) -> Self {
        Self { title, area, crumbs: Vec::new(), beside: None, actions: None, live: false, elements: false, extra: None }
    }

    /// A step of the path that leads here: text and address.
    pub fn crumb(mut self, text: String, href: impl Into<String>) -> Self {
        self.crumbs.push((text, href.into()));
        self
    }

    /// What stands beside the heading.
    pub fn beside(mut self, view: impl IntoView + 'static) -> Self {
        self.beside = Some(view.into_any());
        self
    }

    /// The page's actions, at the right.
    pub fn actions(mut self, view: impl IntoView + 'static) -> Self {
        self.actions = Some(view.into_any());
        self
    }

    /// The page has islands: only then the browser loads them.
    pub fn live(mut self) -> Self {
        self.live = true;
        self
    }

    /// The page has custom elements (charts).
    pub fn elements(mut self) -> Self {
        self.elements = true;
        self
    }

    /// The page has a form with a large file.
    pub fn upload(mut self) -> Self {
        self.extra = Some(Extra::Upload);
        self
    }

    /// The page shows what an instance says, in its colours, and may go on with it.
    pub fn logs(mut self) -> Self {
        self.extra = Some(Extra::Logs);
        self
    }

    /// The page keeps up to date how busy machines are, and how long one still has them.
    pub fn loads(mut self) -> Self {
        self.extra = Some(Extra::Loads);
        self
    }

    /// The page has a terminal.
    pub fn terminal(mut self) -> Self {
        self.extra = Some(Extra::Terminal);
        self
    }

    /// The page plays what a terminal showed.
    pub fn player(mut self) -> Self {
        self.extra = Some(Extra::Player);
        self
    }
}

/// The document's body for a signed-in person.
pub fn frame(head: PageFrame, body: impl IntoView + 'static) -> AnyView {
    around(head, body.into_any())
}

/// Compiled once and not per page, and a page's type ends at its body: within the frame's it outgrew what the compiler
/// follows.
fn around(head: PageFrame, body: AnyView) -> AnyView {
    let words = Words::now();
    let PageFrame { title, area, crumbs, beside, actions, live, elements, extra } = head;
    let crumbs = (!crumbs.is_empty()).then(|| {
        let steps =
            crumbs.into_iter().map(|(text, href)| view! { <li>{crate::ways::name(href, text)}</li> }).collect_view();
        view! {
            <nav class="crumb" aria-label=words.t("frame-breadcrumb")>
                <ol>{steps}</ol>
            </nav>
        }
    });
    view! {
        <Title text=title.clone() />
        <a class="skip" href="#content">{words.t("frame-skip")}</a>
        <div class="app">
            {topbar::topbar(words, area)}
            <nav class="nav" aria-label=words.t("frame-nav")>{nav::entries(words, area)}</nav>
            <main class="page" id="content" tabindex="-1">
                {banners::banners(words)}
                <div class="head">
                    {crumbs}
                    <h1>{title}</h1>
                    {beside}
                    {actions.map(|actions| view! { <div class="end">{actions}</div> })}
                </div>
                {body}
            </main>
        </div>
        {scripts::scripts(live, elements, extra)}
    }
    .into_any()
}

/// A page: fetch, then show; every error becomes the page it means. Who has to set up a second factor first sees the pages
/// of that and no other.
pub fn page<T: Send + 'static>(
    load: impl Future<Output = platform::Result<T>> + Send + 'static,
    show: impl FnOnce(T) -> AnyView + Send + 'static,
) -> impl IntoView {
    let elsewhere = use_context::<platform::OpContext>().is_some_and(|ctx| ctx.must_enroll()) && !is_of_enrollment();
    Suspend::new(async move {
        match load.await {
            Ok(_) if elsewhere => {
                crate::door::see_other(crate::paths::ACCOUNT_SECURITY);
                ().into_any()
            }
            Ok(data) => show(data),
            Err(error) => {
                let (platform, ctx) = crate::door::door();
                let error = crate::door::to_api_error(&platform, &ctx, error).await;
                error_view(error)
            }
        }
    })
}

fn is_of_enrollment() -> bool {
    let here = here();
    let path = here.split('?').next().unwrap_or_default();
    [crate::paths::ACCOUNT_SECURITY, crate::paths::ACCOUNT_TOTP].contains(&path)
}

/// Path and query of the page that is being rendered.
pub fn here() -> String {
    use_context::<http::request::Parts>()
        .and_then(|parts| Some(parts.uri.path_and_query()?.as_str().to_owned()))
        .unwrap_or_else(|| "/".to_owned())
}
