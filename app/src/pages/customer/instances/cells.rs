//! What both portals show of an instance.

use chrono::{DateTime, Utc};
use contract::instances::{
    DiskState, InstanceEvent, InstanceLogLine, InstanceLogs, InstancePort, InstanceSpec, InstanceState, InstanceStats,
    InstanceView, MemorySplitState,
};
use contract::{InstanceId, Page};
use leptos::prelude::*;

use crate::door::{Refused, look};
use crate::ui::ansi::{Look, painted};
use crate::ui::ask::Ask;
use crate::ui::format::{NOT_MEASURED, bytes, decimal, decimal_bytes, text, whole};
use crate::ui::forms::{TextField, text_field};
use crate::ui::money::per_hour;
use crate::ui::state::{Tone, state, state_part};
use crate::ui::table::list_table;
use crate::ui::time::{clock, time};
use crate::words::Words;

/// Where it stands, with an icon and a word.
pub fn state_cell(words: Words, known: InstanceState) -> AnyView {
    let (tone, word) = state_of(words, known);
    state(tone, word).into_any()
}

/// The same beside the heading of its page, which follows it.
pub fn state_now(words: Words, known: InstanceState) -> AnyView {
    let (tone, word) = state_of(words, known);
    state_part("state", tone, word).into_any()
}

fn state_of(words: Words, known: InstanceState) -> (Tone, String) {
    use InstanceState as S;
    let tone = match known {
        S::Running => Tone::Ok,
        S::Creating | S::Starting | S::Stopping | S::Deleting => Tone::Info,
        S::Stopped | S::Deleted => Tone::Off,
        S::Lost => Tone::Warn,
        S::Failed => Tone::Bad,
    };
    (tone, words.t(&format!("instance-state-{}", known.code())))
}

/// Brings the page up to date when what `href` tells stands otherwise than was seen; it is asked every so many seconds.
pub fn follow(words: Words, href: String, seen: String, every: u32) -> impl IntoView {
    view! {
        <rg-follow
            data-href=href
            data-of="instances"
            data-every=every.to_string()
            data-seen=seen
            data-changed=words.t("my-machine-changed")
        >
            <span role="status" class="unseen-text"></span>
        </rg-follow>
    }
}

/// How one stands, as `rg-follow` puts it together.
pub fn standing(view: &InstanceView) -> String {
    let since = view.started_at.map(|at| at.format("%FT%T").to_string()).unwrap_or_default();
    format!("{} {} {} {} {since}", view.id, view.state.code(), view.wanted.code(), view.revision)
}

/// How those of a page of a list do.
pub fn standing_of_list(page: &Page<InstanceView>) -> String {
    let rows = page.list.iter().map(standing);
    std::iter::once(page.total.to_string()).chain(rows).collect::<Vec<_>>().join("; ")
}

/// For a filter.
pub fn state_options(words: Words) -> Vec<(String, String)> {
    let known = InstanceState::ALL
        .iter()
        .map(|known| (known.code().to_owned(), words.t(&format!("instance-state-{}", known.code()))));
    let all = words.labelled(words.t("instance-state"), words.t("filter-all"));
    std::iter::once((String::new(), all)).chain(known).collect()
}

/// `2 × H100 · 8 cores · 64 GiB`.
pub fn spec_line(words: Words, spec: &InstanceSpec) -> String {
    let cards = match &spec.gpu_model {
        Some(model) => format!("{} × {model}", spec.gpu_count),
        None => words.t("spec-cpu-only"),
    };
    let size = whole(spec.memory_gb.into());
    words.with("instance-spec-line", &[("cards", cards), ("cores", spec.cpu_cores.to_string()), ("memory", size)])
}

/// What an hour costs of what is made now, in words that say that it is an hour's.
pub fn price(words: Words, spec: &InstanceSpec) -> String {
    words.with("instance-price-hour", &[("price", per_hour(words, &spec.price_per_hour, &spec.currency))])
}

/// What an hour of it costs now: the price that the ledger counts by.
pub fn price_now(words: Words, view: &InstanceView) -> String {
    per_hour(words, &view.price.per_hour, &view.price.currency)
}

/// The same, and the price that is planned, with when it begins.
fn prices(words: Words, view: &InstanceView) -> impl IntoView + use<> {
    let next = view.price.next_per_hour.as_deref().zip(view.price.next_from).map(|(next, from)| {
        let next = words.with("instance-price-next", &[("price", per_hour(words, next, &view.price.currency))]);
        view! { " · " <span class="sub">{next} " " {time(from, look().zone)}</span> }
    });
    view! { {price_now(words, view)} {next} }
}

/// When it began to run, or when it ended, or since when its machine cannot be asked.
pub fn since_at(view: &InstanceView) -> Option<DateTime<Utc>> {
    match view.state {
        InstanceState::Running => view.started_at,
        InstanceState::Lost => view.lost_since,
        InstanceState::Stopped | InstanceState::Failed => view.ended_at,
        _ => None,
    }
}

/// The same as it is shown.
pub fn since(view: &InstanceView) -> AnyView {
    since_at(view).map_or_else(|| NOT_MEASURED.into_any(), |at| time(at, look().zone).into_any())
}

/// Why it is failed, or that its machine cannot be asked, with what to do.
pub fn reason_card(words: Words, view: &InstanceView) -> Option<AnyView> {
    let lost = view.state == InstanceState::Lost;
    if !lost && view.message.is_none() {
        return None;
    }
    let text = view.message.clone().unwrap_or_else(|| words.t("instance-lost-hint"));
    let code = view.exit_code.filter(|_| !lost).map(|code| {
        view! { <p class="sub">{words.with("instance-exit-code", &[("code", code.to_string())])}</p> }
    });
    let detail = view.detail.clone().map(|detail| view! { <p class="sub">{detail}</p> });
    let held = (!view.holds).then(|| view! { <p class="sub">{words.t("instance-holds-nothing")}</p> });
    let card = view! {
        <section class="card" role="status">
            <header><h2>{words.t("instance-why")}</h2></header>
            <div class="form">
                <p>{text}</p>
                {code}
                {detail}
                {held}
            </div>
        </section>
    };
    Some(card.into_any())
}

/// How its program ended last, if it ever did.
fn ended_line(words: Words, view: &InstanceView) -> Option<String> {
    let code = view.exit_code?.to_string();
    Some(
        words.with(
            if view.out_of_memory { "instance-exit-out-of-memory" } else { "instance-exit-code" },
            &[("code", code)],
        ),
    )
}

/// What it uses now; nothing where it does not run or cannot be asked.
pub fn stats_card(words: Words, stats: Option<InstanceStats>) -> Option<impl IntoView> {
    let stats = stats?;
    let size = |n: Option<u64>| n.map(|n| text(Some(bytes(n as f64))));
    let percent = |n: Option<f64>| n.map(|n| format!("{} %", decimal(n)));
    let of = |part: Option<String>, more: Option<String>| match (part, more) {
        (Some(part), Some(more)) => Some(format!("{part} · {more}")),
        (part, more) => part.or(more),
    };
    let both = |a: Option<u64>, b: Option<u64>| match (size(a), size(b)) {
        (Some(a), Some(b)) => Some(format!("{a} / {b}")),
        (a, b) => a.or(b),
    };
    let figures = [
        ("instance-stats-cpu", percent(stats.cpu_percent)),
        ("instance-stats-memory", of(both(stats.memory_usage, stats.memory_limit), percent(stats.memory_percent))),
        ("instance-stats-network", both(stats.network_rx, stats.network_tx)),
        ("instance-stats-disk", both(stats.block_read, stats.block_write)),
        ("instance-stats-pids", stats.pids.map(whole)),
    ];
    let figure = figures.map(|(key, figure)| {
        view! {
            <dt>{words.t(key)}</dt>
            <dd>{figure.unwrap_or_else(|| NOT_MEASURED.to_owned())}</dd>
        }
    });
    let gpus = stats.gpus.iter().map(|gpu| {
        let key = if gpu.shared { "instance-stats-gpu-share" } else { "instance-stats-gpu" };
        let load = percent(gpu.util_percent.map(f64::from));
        let used = of(load, both(gpu.memory_used_bytes, gpu.memory_limit_bytes));
        view! {
            <dt>{words.with(key, &[("n", gpu.index.to_string()), ("model", gpu.model.clone())])}</dt>
            <dd>{used.unwrap_or_else(|| NOT_MEASURED.to_owned())}</dd>
        }
    });
    let gpus = gpus.collect_view();
    Some(view! {
        <section class="card" id="stats">
            <header>
                <h2>{words.t("instance-stats")}</h2>
                <span class="end">{time(stats.at, look().zone)}</span>
            </header>
            <dl class="facts start">
                {figure.into_iter().collect_view()}
                {gpus}
            </dl>
        </section>
    })
}

/// Lines, that there are none, or that they cannot be read now (`None`). `beside` stands in the head; with `goes_on` a script
/// goes on with what that instance says.
pub fn logs_card(
    words: Words,
    said: Option<InstanceLogs>,
    beside: Option<AnyView>,
    goes_on: Option<InstanceId>,
) -> impl IntoView {
    let zone = look().zone;
    let kept = said.as_ref().and_then(|said| said.kept_at).map(|at| {
        view! { <p class="note-line">{words.t("instance-logs-kept")} " " {time(at, zone)}</p> }
    });
    let body = match said {
        None => view! { <div class="empty"><p>{words.t("instance-logs-away")}</p></div> }.into_any(),
        Some(said) if said.lines.is_empty() && said.unfinished.is_empty() => {
            view! { <div class="empty"><p>{words.t("instance-logs-none")}</p></div> }.into_any()
        }
        Some(said) => view! {
            <div class="scroll said" tabindex="0" role="region" aria-label=words.t("instance-logs")>
                <pre>{log_lines(words, &[said.lines, said.unfinished].concat())}</pre>
            </div>
        }
        .into_any(),
    };
    let body = match goes_on {
        None => body,
        Some(id) => {
            let (live, lost) = (words.t("instance-logs-live"), words.t("instance-logs-lost"));
            let (label, cut) = (words.t("instance-logs"), words.t("instance-logs-cut"));
            view! {
                <rg-logs data-id=id.to_string() data-zone=zone.name() data-label=label data-live=live data-lost=lost data-cut=cut>
                    {body}
                </rg-logs>
            }
            .into_any()
        }
    };
    view! {
        <section class="card" id="logs">
            <header>
                <h2>{words.t("instance-logs")}</h2>
                <div class="end">{beside}</div>
            </header>
            {kept}
            {body}
        </section>
    }
}

/// As a terminal would leave them, each with its time; one that is cut says so.
fn log_lines(words: Words, lines: &[InstanceLogLine]) -> AnyView {
    let zone = look().zone;
    let mut looks = [Look::default(); 2];
    let line = |line: &InstanceLogLine| {
        let look = &mut looks[usize::from(line.error)];
        let runs = painted(&line.text, look).into_iter().map(|run| match run.classes.as_str() {
            "" => run.text.into_any(),
            _ => view! { <span class=run.classes>{run.text}</span> }.into_any(),
        });
        let runs = runs.collect_view();
        if line.cut {
            // What would have ended its look was perhaps cut.
            *look = Look::default();
        }
        let cut = line.cut.then(|| view! { <span class="sub">" " {words.t("instance-logs-cut")}</span> });
        let at = format!("{} ", line.at.map(|at| clock(at, zone)).unwrap_or_default());
        view! { <span>{at} {runs} {cut} "\n"</span> }
    };
    lines.iter().map(line).collect_view().into_any()
}

/// `8888, 6006 → 127.0.0.1:49153`, as far as the reader knows where they are.
fn ports_line(view: &InstanceView) -> String {
    if view.ports.is_empty() {
        return NOT_MEASURED.to_owned();
    }
    let one = |it: &InstancePort| match it.host_port {
        Some(host) => format!("{} \u{2192} 127.0.0.1:{host}", it.port),
        None => it.port.to_string(),
    };
    view.ports.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// What it is made of.
pub fn facts_card(words: Words, view: &InstanceView) -> impl IntoView + use<> {
    let zone = look().zone;
    let customer = view.customer_name.clone().map(|name| {
        view! {
            <dt>{words.t("instance-customer")}</dt>
            <dd>{name}</dd>
        }
    });
    let remark = view.remark.clone().map(|remark| {
        view! {
            <dt>{words.t("instance-remark")}</dt>
            <dd class="remark">{remark}</dd>
        }
    });
    let variables = match view.variables.is_empty() {
        true => NOT_MEASURED.to_owned(),
        false => view.variables.join(", "),
    };
    let command = view.command.as_ref().map_or_else(|| words.t("instance-command-image"), |words| words.join(" "));
    let ended = ended_line(words, view).map(|line| {
        view! {
            <dt>{words.t("instance-ended")}</dt>
            <dd>{line}</dd>
        }
    });
    let machine = format!("{} ({})", view.machine_name, view.machine);
    view! {
        <section class="card">
            <header><h2>{words.t("instance-facts")}</h2></header>
            <dl class="facts start">
                {customer}
                <dt>{words.t("instance-created-by")}</dt>
                <dd>{view.created_by.clone()} " " {time(view.created_at, zone)}</dd>
                <dt>{words.t("instance-machine")}</dt>
                <dd>{machine}</dd>
                <dt>{words.t("instance-image")}</dt>
                <dd>{view.image_name.clone()}</dd>
                <dt>{words.t("instance-spec")}</dt>
                <dd>
                    {view.spec.name.clone()}
                    " · "
                    {spec_line(words, &view.spec)}
                    {view.made_anew.then(|| view! { <p class="sub">{words.t("instance-made-anew")}</p> })}
                </dd>
                {split_fact(words, view)}
                {disks_fact(words, view)}
                <dt>{words.t("instance-price")}</dt>
                <dd>{prices(words, view)}</dd>
                <dt>{words.t("instance-since")}</dt>
                <dd>{since(view)}</dd>
                {ended}
                <dt>{words.t("instance-variables")}</dt>
                <dd>{variables}</dd>
                <dt>{words.t("instance-ports")}</dt>
                <dd>{ports_line(view)}</dd>
                <dt>{words.t("instance-command")}</dt>
                <dd>{command}</dd>
                {remark}
            </dl>
        </section>
    }
}

/// How its part of a GPU's memory is kept to, with what that means and what is used.
fn split_fact(words: Words, view: &InstanceView) -> Option<impl IntoView + use<>> {
    use MemorySplitState as S;
    let split = view.memory_split.clone()?;
    let tone = match split.state {
        S::Enforced => Tone::Ok,
        S::Advisory => Tone::Warn,
        S::Broken => Tone::Bad,
    };
    let badge = state(tone, words.t(&format!("instance-split-state-{}", split.state.code())));
    let size = |n: u64| text(Some(bytes(n as f64)));
    // As programs there are told, and as it was chosen.
    let sold = view.spec.gpu_memory_gb.map(|gb| format!(" ({} GB)", whole(gb.into()))).unwrap_or_default();
    let limit = format!("{}{sold}", size(split.limit_bytes));
    let used = match split.used_bytes {
        None => limit,
        Some(used) => words.with("instance-split-used", &[("used", size(used)), ("limit", limit)]),
    };
    let at = split.measured_at.map(|at| time(at, look().zone));
    Some(view! {
        <dt>{words.t("instance-split")}</dt>
        <dd>
            {badge}
            " "
            {used}
            " "
            {at}
            <p class="sub">{split.message}</p>
        </dd>
    })
}

/// How much of its disks it takes, with what that means where it is much.
fn disks_fact(words: Words, view: &InstanceView) -> Option<impl IntoView + use<>> {
    let disks = view.disks.clone()?;
    let badge = match disks.state {
        DiskState::Fine => None,
        DiskState::Near => Some(state(Tone::Warn, words.t("instance-disks-near"))),
        DiskState::Full => Some(state(Tone::Bad, words.t("instance-disks-full"))),
        DiskState::Unknown => Some(state(Tone::Off, words.t("instance-disks-unknown"))),
    };
    let is_much = matches!(disks.state, DiskState::Near | DiskState::Full);
    let hint = is_much.then(|| view! { <p class="sub">{words.t("instance-disks-hint")}</p> });
    let size = |n: u64| text(Some(decimal_bytes(n as f64)));
    let line = |key: &str, used: Option<u64>, limit: u64| {
        used.map(|used| words.with(key, &[("used", size(used)), ("limit", size(limit))]))
    };
    let lines = [
        line("instance-disk-system", disks.system_bytes, disks.system_limit_bytes),
        line("instance-disk-data", disks.data_bytes.filter(|_| disks.data_limit_bytes > 0), disks.data_limit_bytes),
    ];
    let lines = lines.into_iter().flatten().collect::<Vec<_>>().join(" · ");
    Some(view! {
        <dt>{words.t("instance-disks")}</dt>
        <dd>
            {badge}
            " "
            {lines}
            " "
            {time(disks.measured_at, look().zone)}
            {hint}
        </dd>
    })
}

/// What happened to it, the newest first.
pub fn events_card(words: Words, events: Vec<InstanceEvent>) -> impl IntoView {
    let zone = look().zone;
    let rows = events.into_iter().map(|event| {
        let code = event.exit_code.map(|code| words.with("instance-exit-code", &[("code", code.to_string())]));
        let said: Vec<String> = [event.message, code, event.detail].into_iter().flatten().collect();
        let actor = if event.actor.is_empty() { NOT_MEASURED.to_owned() } else { event.actor };
        view! {
            <tr>
                <td data-label=words.t("instance-event-at")>{time(event.at, zone)}</td>
                <th scope="row">{words.t(&format!("instance-event-{}", event.kind.code().replace('_', "-")))}</th>
                <td data-label=words.t("instance-event-by")>{actor}</td>
                <td class="says" data-label=words.t("instance-event-said")>{said.join(" · ")}</td>
            </tr>
        }
    });
    let head = view! {
        <th scope="col">{words.t("instance-event-at")}</th>
        <th scope="col">{words.t("instance-event-what")}</th>
        <th scope="col">{words.t("instance-event-by")}</th>
        <th scope="col">{words.t("instance-event-said")}</th>
    };
    view! {
        <section class="card" id="events">
            <header><h2>{words.t("instance-events")}</h2></header>
            {list_table(words.t("instance-events"), head, rows.collect_view())}
        </section>
    }
}

/// Asks for its name before it is deleted, and says what is lost; `ask` posts it.
pub fn deletion_card(
    words: Words,
    view: &InstanceView,
    refused: Option<&Refused>,
    (lost, ask): (String, Ask),
) -> impl IntoView + use<> {
    let fault = refused.and_then(|refused| refused.fault(words.0, "confirm"));
    let ask = ask.inside(text_field(TextField {
        label: words.with("instance-delete-confirm", &[("name", view.name.clone())]),
        name: "confirm".to_owned(),
        form: "delete",
        fault: fault.clone(),
        required: true,
        autocomplete: Some("off"),
        ..TextField::default()
    }));
    view! {
        <section class="card">
            <header><h2>{words.t("instance-delete")}</h2></header>
            <div class="form">
                <p class="sub">{lost}</p>
                {fault.map(|fault| view! { <p class="fault">{fault}</p> })}
                <div class="actions">{ask.view(words)}</div>
            </div>
        </section>
    }
}
