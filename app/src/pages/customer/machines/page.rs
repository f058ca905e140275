//! A machine one's customer has: how long still, how it is doing, and asking for more time.

use contract::allocations::{
    AllocationDetail, AllocationState, AllocationView, RenewalRequestView, RenewalState, WaitReason,
};
use contract::machines::{MachineView, SshAccess};
use contract::metrics::{History, HistoryRange, MachineLive};
use contract::{ErrorCode, May, Permission};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::server_fns::{RequestRenewal, WithdrawRenewal};
use crate::door::{Refused, door, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::pages::admin::allocations::form::LeaseForm;
use crate::pages::admin::allocations::list::allocation_state;
use crate::pages::admin::allocations::page::history_card;
use crate::pages::admin::machines::charts::{RANGES, chart_card, charts, history, refresh_seconds};
use crate::pages::admin::machines::gpu_card::{explained, gpu_card};
use crate::pages::admin::machines::islands::{
    CHARTS_ID, ChartFeed, GpuPanel, MachineFigures, MachineState, ProcessPanel, STATE_WORDS,
};
use crate::pages::admin::machines::page::{figure_words, gpu_words, process_words, ranges};
use crate::pages::admin::machines::service::window_line;
use crate::pages::admin::metrics::page::lease_chip;
use crate::paths;
use crate::ui::copy::copy_button;
use crate::ui::format::NOT_MEASURED;
use crate::ui::forms::{TextField, form_fault, text_field};
use crate::ui::state::{Tone, state};
use crate::ui::time::{clock, end_date_time, end_time, time};
use crate::words::Words;

/// What can be seen while one has the machine, and of what was in the grace after it.
struct Figures {
    machine: MachineView,
    /// Absent where the way in went with the period.
    access: Option<SshAccess>,
    /// How it is doing; absent when the period is over.
    live: Option<MachineLive>,
    history: History,
    range: HistoryRange,
}

/// `/machines/{code}`.
#[component]
pub fn MyMachinePage() -> impl IntoView {
    let code = use_params_map().get_untracked().get("code").unwrap_or_default();
    let range = use_query_map().get_untracked().get("range").and_then(|word| HistoryRange::parse(&word));
    let range = range.filter(|range| RANGES.contains(range)).unwrap_or(HistoryRange::Hour);
    let (platform, ctx) = door();
    page(
        async move {
            let detail = platform::allocations::of_machine(&platform, &ctx, &code).await?;
            let lease = &detail.allocation;
            // The moment between the end and the grace is of the grace.
            let live = if lease.state == AllocationState::Active && lease.ends_at > ctx.now() {
                Some(platform::allocations::machine_live(&platform, &ctx, &code).await?)
            } else {
                None
            };
            let figures = if matches!(lease.state, AllocationState::Active | AllocationState::Grace) {
                let machine = platform::allocations::machine(&platform, &ctx, &code).await?;
                let access = match platform::allocations::ssh(&platform, &ctx, &code).await {
                    Ok(access) => Some(access),
                    Err(error) if live.is_none() && error.code == ErrorCode::NotFound => None,
                    Err(error) => return Err(error),
                };
                let history = history(&platform, &ctx, &code, range).await?;
                Some(Figures { machine, access, live, history, range })
            } else {
                None
            };
            // Of what is over, nothing can be asked for any more.
            let may_ask = match detail.allocation.state.holds() {
                true => platform::allocations::may_request_renewal(&platform, &ctx, &code).await?,
                false => May::default(),
            };
            Ok((detail, figures, may_ask))
        },
        |(detail, figures, may_ask)| machine_view(detail, figures, may_ask),
    )
}

fn machine_view(detail: AllocationDetail, figures: Option<Figures>, may_ask: May) -> AnyView {
    let (words, zone, ctx) = (Words::now(), look().zone, door().1);
    let AllocationDetail { allocation, events, requests, .. } = detail;
    let refused = Refused::from_query();
    let now = ctx.now().timestamp();
    let mut head = PageFrame::new(allocation.machine_name.clone(), Area::Home).crumb(words.t("nav-home"), paths::HOME);
    let main = match figures {
        Some(Figures { machine, access, live: Some(live), history, range }) => {
            let figures_only = MachineLive { processes: Vec::new(), ..live.clone() };
            let bare = MachineLive { gpus: Vec::new(), host: Default::default(), ..figures_only.clone() };
            let as_of = clock(live.at.unwrap_or(ctx.now()), zone);
            let state_words = words.lexicon(&STATE_WORDS);
            head = head
                .beside(view! {
                    <span class="presence" data-part="presence"><MachineState live=bare now=now words=state_words /></span>
                    <span data-part="state">{allocation_state(words, &allocation)}</span>
                    {lease_chip(words, as_of)}
                })
                .live()
                .elements()
                .loads();
            let code = machine.id.clone();
            let charts = charts(words, &machine, &history);
            let every = refresh_seconds(history.step_seconds);
            let cards = charts.iter().map(|chart| chart_card(words, &code, chart, zone)).collect_view();
            let panels = (!live.gpus.is_empty()).then(|| {
                view! {
                    <GpuPanel live=figures_only.clone() now=now words=explained(words, &machine, gpu_words(words)) />
                    <ProcessPanel live=live now=now words=process_words(words) />
                }
            });
            let link = code.clone();
            view! {
                {access.map(|access| access_card(words, access))}
                <MachineFigures live=figures_only words=figure_words(words) />
                {ranges(words, range, move |range| paths::my_machine_range(&link, range))}
                <div class="chart-grid" id=CHARTS_ID>{cards}</div>
                {panels}
                {gpu_card(words, &machine)}
                <ChartFeed code=code range=range every=every />
            }
            .into_any()
        }
        over => {
            head = head.beside(view! { <span data-part="state">{allocation_state(words, &allocation)}</span> });
            // Nobody is told to save what cannot be reached.
            let reachable = over.as_ref().is_some_and(|figures| figures.access.is_some());
            let grace = if reachable { "my-machine-grace" } else { "my-machine-grace-closed" };
            let why = match allocation.state {
                AllocationState::Active | AllocationState::Grace => {
                    let until = allocation.ends_at + chrono::TimeDelta::days(i64::from(allocation.grace_days));
                    words.with(grace, &[("until", end_date_time(until, zone))])
                }
                _ if allocation.waits_for == Some(WaitReason::Occupied) => words.t("my-machine-waits-occupied"),
                _ if allocation.waits_since.is_some() => words.t("my-machine-waits"),
                state => words.t(&format!("my-machine-{}", state.code())),
            };
            let past = over.map(|Figures { machine, access, history, range, .. }| {
                let charts = charts(words, &machine, &history);
                let cards = charts.iter().map(|chart| chart_card(words, &machine.id, chart, zone)).collect_view();
                view! {
                    {access.map(|access| access_card(words, access))}
                    {ranges(words, range, move |range| paths::my_machine_range(&machine.id, range))}
                    <div class="chart-grid">{cards}</div>
                }
            });
            head = if past.is_some() { head.elements() } else { head };
            view! {
                <section class="card"><div class="empty"><p>{why}</p></div></section>
                {past}
            }
            .into_any()
        }
    };
    let open = allocation.open_request.is_some();
    let code = allocation.machine.clone();
    // Of a machine that is emptied it is said why there is no form; an end that has come needs no word.
    let has_it = matches!(allocation.state, AllocationState::Active | AllocationState::Grace);
    let asking = match may_ask {
        May { allowed: true, .. } if !open => Some(ask_form(words, code, refused.as_ref()).into_any()),
        May { allowed: false, why_not: Some(why) } if has_it => Some(no_asking(words, why).into_any()),
        _ => None,
    };
    // Whoever may ask may also not ask any more.
    let withdrawn = ctx.holds(Permission::AllocationsRequestRenewal).then(|| allocation.machine.clone());
    let notice = allocation.maintenance.as_ref().map(|window| {
        view! { <div class="card notice" role="note"><p>{window_line(words, window)}</p></div> }
    });
    // Nothing becomes of what is over.
    let follow = allocation.state.holds().then(|| follow(words, &allocation));
    frame(
        head,
        view! {
            {follow}
            {form_fault(refused.as_ref().map(|r| r.message(words.0)))}
            {notice}
            <div class="split">
                <div class="main-column" data-part="main">
                    {main}
                    {history_card(words, events)}
                </div>
                <aside class="side-column" data-part="side" aria-label=words.t("my-machine-lease")>
                    <section class="card">
                        <header><h2>{words.t("my-machine-lease")}</h2></header>
                        <dl class="facts">
                            <dt>{words.t("allocation-starts")}</dt>
                            <dd>{time(allocation.starts_at, zone)}</dd>
                            <dt>{words.t("allocation-ends")}</dt>
                            <dd>{end_time(allocation.ends_at, zone)}</dd>
                            <dt>{words.t("allocate-grace")}</dt>
                            <dd>{allocation.grace_days}</dd>
                        </dl>
                    </section>
                    {asking}
                    {(!requests.is_empty()).then(|| requests_card(words, requests, withdrawn))}
                </aside>
            </div>
        },
    )
}

/// How an allocation stands, as `rg-follow` puts it together.
pub(crate) fn standing_of(allocation: &AllocationView) -> String {
    let asked = if allocation.open_request.is_some() { " asked" } else { "" };
    format!("{} {}{asked}", allocation.state.code(), allocation.ends_at.format("%FT%T"))
}

/// Brings the page up to date when the allocation stands otherwise than it shows: where there are no figures, no live link
/// would tell.
fn follow(words: Words, allocation: &AllocationView) -> impl IntoView + use<> {
    let pairs = [("machine", allocation.machine.as_str()), ("pageSize", "10"), ("load", "false")];
    let href = paths::with_query("/api/customer/machines", pairs);
    let seen = standing_of(allocation);
    view! {
        <rg-follow
            data-href=href
            data-machine=allocation.machine.clone()
            data-seen=seen
            data-gone=words.t("my-machine-ended")
            data-changed=words.t("my-machine-changed")
        >
            <span role="status" class="unseen-text"></span>
        </rg-follow>
    }
}

/// How to get in, and who manages keys: the machine's agent, or whoever runs the host.
fn access_card(words: Words, access: SshAccess) -> impl IntoView + use<> {
    let nobody = access.user.is_none().then(|| view! { <p class="note-line">{words.t("my-machine-no-user")}</p> });
    let by_agent = access.keys_by_agent;
    let line = |line: String| {
        view! {
            <div class="command-line inset">
                <code>{line.clone()}</code>
                {copy_button(line, words.t("copy"), words.t("copied"))}
            </div>
        }
    };
    let jump = access.door.clone().zip(access.jump.clone()).map(|(door, jump)| {
        view! {
            <p class="note-line">{words.t("my-machine-door")}</p>
            {line(door)}
            <p class="note-line">{words.t("my-machine-jump")}</p>
            {line(jump)}
            <p class="note-line">{words.t("my-machine-direct")}</p>
        }
    });
    view! {
        <section class="card" id="access">
            <header>
                <h2>{words.t("my-machine-access")}</h2>
                <span class="end">
                    {words.t(if by_agent { "my-machine-keys-agent" } else { "my-machine-access-hint" })}
                </span>
            </header>
            {by_agent.then(|| keys_note(words, &access))}
            {jump}
            {match access.command {
                Some(line) => view! {
                    <div class="command-line inset">
                        <code>{line.clone()}</code>
                        {copy_button(line, words.t("copy"), words.t("copied"))}
                    </div>
                    {nobody}
                }.into_any(),
                None => view! { <div class="empty"><p>{words.t("my-machine-no-address")}</p></div> }.into_any(),
            }}
        </section>
    }
}

/// What the agent's keeping of keys means, and what is in its way.
fn keys_note(words: Words, access: &SshAccess) -> impl IntoView + use<> {
    let hindered = access.keys_hindered.then(|| {
        view! { <p class="note-line" role="note">{state(Tone::Warn, words.t("my-machine-keys-hindered"))}</p> }
    });
    let none = (!access.has_key).then(|| words.t("my-machine-no-key"));
    view! {
        <p class="note-line">{words.t("my-machine-keys-how")}</p>
        <p class="note-line">{none} " " <a class="link" href=paths::ACCOUNT_SSH_KEYS>{words.t("my-machine-keys")}</a></p>
        {hindered}
    }
}

/// In the place of the form: why nothing can be asked for.
fn no_asking(words: Words, why: String) -> impl IntoView + use<> {
    view! {
        <section class="card">
            <header><h2>{words.t("renewal-ask")}</h2></header>
            <p class="note-line">{why}</p>
        </section>
    }
}

fn ask_form(words: Words, code: String, refused: Option<&Refused>) -> impl IntoView + use<> {
    let form = refused.map(LeaseForm::from_typed).unwrap_or_default();
    let months = if form.months.is_empty() { "1".to_owned() } else { form.months };
    let field = |key: &str, name: &str, path: &str, value: String, kind: &'static str| TextField {
        label: words.t(key),
        name: format!("form[{name}]"),
        value,
        fault: refused.and_then(|r| r.fault(words.0, path)),
        kind,
        ..TextField::default()
    };
    view! {
        <section class="card">
            <header><h2>{words.t("renewal-ask")}</h2></header>
            <form class="form" method="post" action=RequestRenewal::url()>
                <input r#type="hidden" name="code" value=code />
                {text_field(field("allocation-more-months", "months", "months", months, "number"))}
                {text_field(TextField { max_length: Some(1000), ..field("renewal-message", "word", "message", form.word, "text") })}
                <p class="actions"><button class="btn primary">{words.t("renewal-ask")}</button></p>
            </form>
        </section>
    }
}

/// `code`: of the machine, for who may take an open one back.
fn requests_card(words: Words, requests: Vec<RenewalRequestView>, code: Option<String>) -> impl IntoView {
    let zone = look().zone;
    let rows = requests.into_iter().map(|request| {
        let tone = match request.state {
            RenewalState::Open => Tone::Info,
            RenewalState::Approved | RenewalState::Changed => Tone::Ok,
            RenewalState::Refused | RenewalState::Withdrawn => Tone::Off,
        };
        let word = words.t(&format!("renewal-state-{}", request.state.code()));
        let lapsed = request.lapsed.then(|| words.t("renewal-lapsed"));
        let withdraw = code.clone().filter(|_| request.state == RenewalState::Open).map(|code| {
            view! {
                <form method="post" action=WithdrawRenewal::url()>
                    <input r#type="hidden" name="code" value=code />
                    <button class="btn small">{words.t("renewal-withdraw")}</button>
                </form>
            }
        });
        view! {
            <dt>{time(request.created_at, zone)}</dt>
            <dd>
                {state(tone, word)} " " {request.granted_until.map(|at| end_time(at, zone))}
                " " {request.answer.unwrap_or_else(|| if request.state == RenewalState::Open { NOT_MEASURED.to_owned() } else { String::new() })}
                {lapsed}
                {withdraw}
            </dd>
        }
    });
    view! {
        <section class="card">
            <header><h2>{words.t("renewal-mine")}</h2></header>
            <dl class="facts">{rows.collect_view()}</dl>
        </section>
    }
}
