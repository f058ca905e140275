//! Instances and their history as people see them.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use contract::ErrorCode;
use contract::instances::{
    InstanceEvent, InstancePort, InstancePrice, InstanceSaveView, InstanceState, InstanceView, Miss, MissReason,
    SaveState,
};

use super::disks;
use super::idle;
use super::split;
use super::store::{self, Row};
use crate::db::Tx;
use crate::jobs::Standing;
use crate::{Error, OpContext, Platform, Result, billing, customers, engines};

/// Faults whose words are about the instance itself; those of others tell of the fleet, which is the staff's.
const OWN_FAULTS: [&str; 18] = [
    "idle",
    "disk-full",
    "budget",
    "image",
    "image-gone",
    "spec",
    "limits",
    "no-space",
    "gpu-runtime",
    "start-refused",
    "out-of-memory",
    "killed",
    "unseen",
    "keeps-ending",
    "split-broken",
    "agent-offline",
    "timeout",
    "unreachable",
];

/// Why an instance is lost where an engine answers.
const OTHER_ENGINE: &str = "other-engine";

fn words(ctx: &OpContext, fault: &str) -> String {
    let own = |key: String| texts::known_message(ctx.language(), &key, &[]);
    own(format!("instance-failure-{fault}")).unwrap_or_else(|| match ctx.is_staff() {
        true => engines::fault_words(ctx, None, fault),
        false => texts::message(ctx.language(), "instance-failure-engine", &[]),
    })
}

fn shown(ctx: &OpContext, fault: Option<&str>, detail: Option<String>) -> Option<String> {
    let may = ctx.is_staff() || fault.is_none_or(|fault| OWN_FAULTS.contains(&fault));
    let detail = detail.filter(|detail| may && !detail.is_empty())?;
    Some(if ctx.is_staff() { detail } else { without_addresses(&detail) })
}

/// Stands for what is not told.
const LEFT_OUT: &str = "\u{2026}";

/// Where an engine looks names up, by which way, and as whom, is for those who run it: a failed pull names all three.
fn without_addresses(detail: &str) -> String {
    let mut told = String::with_capacity(detail.len());
    let mut rest = detail;
    while let Some(at) = rest.find("://") {
        let (before, url) = rest.split_at(at + "://".len());
        let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '`' | '<' | '>');
        let end = url.find(ends).unwrap_or(url.len()).min(url.find("://").unwrap_or(url.len()));
        told += &of_words(before);
        told += &of_url(&url[..end]);
        rest = &url[end..];
    }
    told + &of_words(rest)
}

fn of_words(text: &str) -> String {
    let ends = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '"' | '`' | '(' | ')' | '<' | '>');
    let mut told = String::with_capacity(text.len());
    for word in text.split_inclusive(ends) {
        let signs_in = sign_in(word).filter(|at| word[..*at].contains(':') && !word[..*at].contains('/'));
        told += signs_in.map_or("", |_| LEFT_OUT);
        for piece in word[signs_in.unwrap_or(0)..].split_inclusive(|c: char| ends(c) || c == '-') {
            let name = piece.trim_end_matches(|c: char| ends(c) || matches!(c, '-' | ':' | '.'));
            match is_address(name) {
                true => told += &piece.replacen(name, LEFT_OUT, 1),
                false => told += piece,
            }
        }
    }
    told
}

/// What follows `://`: not who signs in there, not which host it is where that is a number, and not what is asked for, because
/// that is where signatures and tokens stand.
fn of_url(url: &str) -> String {
    let bare = url.trim_end_matches([':', '.', ',', ';', ')']);
    let authority = bare.split(['/', '?', '#']).next().unwrap_or_default();
    // A password that should have been encoded may hold what ends an authority; then what is before that is no host with a port.
    let port = authority.split_once(':').map(|(_, port)| port).filter(|_| !authority.starts_with('['));
    let names_host = !authority.contains('@') && port.is_none_or(|port| port.chars().all(|c| c.is_ascii_digit()));
    let signs_in = sign_in(bare).filter(|_| !names_host);
    let place = &bare[signs_in.map_or(0, |at| at + 1)..];
    let (host, way) = place.split_at(place.find(['/', '?', '#']).unwrap_or(place.len()));
    let asked = way.find(['?', '#']);
    let mut told = signs_in.map_or_else(String::new, |_| format!("{LEFT_OUT}@"));
    told += if is_address(host) { LEFT_OUT } else { host };
    told += asked.map_or(way, |at| &way[..=at]);
    told += asked.map_or("", |_| LEFT_OUT);
    told + &url[bare.len()..]
}

/// Where the `@` is behind a name and its password, if there are any; that of a digest (`app@sha256:…`) is not it.
fn sign_in(text: &str) -> Option<usize> {
    text.rmatch_indices('@').map(|(at, _)| at).find(|at| !text[at + 1..].starts_with("sha"))
}

fn is_address(word: &str) -> bool {
    word.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() || word.parse::<SocketAddr>().is_ok()
}

/// As whoever may see them sees them now.
pub(super) async fn all(platform: &Platform, ctx: &OpContext, rows: Vec<Row>) -> Result<Vec<InstanceView>> {
    let mut tx = platform.db().begin(&super::system(ctx)).await?;
    let views = all_in_tx(platform, &mut tx, ctx, rows).await?;
    tx.commit().await?;
    Ok(views)
}

/// The same in a transaction of the system's.
pub(super) async fn all_in_tx(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    rows: Vec<Row>,
) -> Result<Vec<InstanceView>> {
    let lost = |row: &Row| row.lost_since.is_some().then_some((row.id, row.machine.0));
    let lost: HashMap<_, _> = rows.iter().filter_map(lost).collect();
    let mut views: Vec<InstanceView> = rows.into_iter().map(|row| view(ctx, row)).collect();
    let others = engines::others_among(tx, &lost.values().copied().collect::<Vec<_>>()).await?;
    for view in views.iter_mut().filter(|view| lost.get(&view.id).is_some_and(|machine| others.contains(machine))) {
        view.message.get_or_insert_with(|| words(ctx, OTHER_ENGINE));
    }
    let mut prices = HashMap::new();
    for view in &mut views {
        let key = (view.spec.id, view.spec.price_per_hour.clone());
        if !prices.contains_key(&key) {
            prices.insert(key.clone(), billing::price_now(platform, tx, &view.spec, ctx.now()).await?);
        }
        if let Some(price) = prices.get(&key) {
            view.price = InstancePrice::clone(price);
        }
    }
    idle::fill(platform, tx, ctx.now(), &mut views).await?;
    Ok(views)
}

/// One of them.
pub(super) async fn one(platform: &Platform, ctx: &OpContext, row: Row) -> Result<InstanceView> {
    all(platform, ctx, vec![row]).await?.pop().ok_or_else(Error::not_found)
}

/// A budget that is spent, beside what else is in the way of a new one.
///
/// # Errors
/// Whatever is no refusal.
pub(super) fn miss(ctx: &OpContext, refused: Error) -> Result<Miss> {
    match refused.code {
        ErrorCode::BudgetSpent => {
            let message = texts::message(ctx.language(), refused.key, &refused.args);
            Ok(Miss { message, ..Miss::of(MissReason::Budget) })
        }
        _ => Err(refused),
    }
}

fn view(ctx: &OpContext, row: Row) -> InstanceView {
    let price = InstancePrice {
        per_hour: row.spec.price_per_hour.clone(),
        currency: row.spec.currency.clone(),
        next_per_hour: None,
        next_from: None,
    };
    InstanceView {
        price,
        idle: None,
        disks: disks::view(&row, ctx.now()),
        made_anew: row.made_at.is_some() && row.deleted_at.is_none() && row.is_of_another_spec(),
        memory_split: split::badge(ctx, &row),
        state: row.state(),
        message: row.failure.as_deref().map(|fault| words(ctx, fault)),
        detail: shown(ctx, row.failure.as_deref(), row.detail),
        id: row.id,
        name: row.name,
        wanted: row.wanted,
        failure: row.failure,
        exit_code: row.exit_code,
        out_of_memory: row.out_of_memory,
        customer_id: row.customer,
        customer_name: None,
        created_by: row.created_name,
        machine: row.machine_code,
        machine_name: row.machine_name,
        image: row.image,
        image_name: row.image_name,
        spec: row.spec,
        variables: row.variables,
        command: row.command,
        ports: ports(ctx, &row.ports, &row.host_ports),
        remark: row.remark,
        started_at: row.started_at,
        ended_at: row.ended_at,
        lost_since: row.lost_since,
        holds: row.released_at.is_none(),
        revision: row.revision,
        created_at: row.created_at,
        deleted_at: row.deleted_at,
    }
}

/// Words of a save's own first, then an instance's: of an engine the same may be wrong.
pub(super) fn save(ctx: &OpContext, row: store::SaveRow) -> InstanceSaveView {
    let own = |fault: &str| texts::known_message(ctx.language(), &format!("save-failure-{fault}"), &[]);
    InstanceSaveView {
        id: row.id,
        name: row.name,
        state: row.state,
        done: row.done,
        total: row.total,
        message: row.fault.as_deref().map(|fault| own(fault).unwrap_or_else(|| words(ctx, fault))),
        detail: shown(ctx, row.fault.as_deref(), row.detail),
        fault: row.fault,
        image: row.image,
        created_by: row.created_name,
        created_at: row.created_at,
        ended_at: row.ended_at,
    }
}

/// For the list of jobs.
pub(super) fn standing(ctx: &OpContext, row: Row) -> Standing {
    Standing {
        state: row.state().code(),
        failed: row.state() == InstanceState::Failed,
        message: row.failure.as_deref().map(|fault| words(ctx, fault)),
        // What is deleted has no page any more.
        link: row.deleted_at.is_none().then(|| format!("/instances/{}", row.id)),
        name: row.name,
        progress: None,
    }
}

/// The same of a save: of the image it becomes.
pub(super) fn save_standing(ctx: &OpContext, row: store::SaveRow) -> Standing {
    let instance = row.instance;
    let view = save(ctx, row);
    let part = || u8::try_from(view.done.min(view.total).saturating_mul(100) / view.total).ok();
    Standing {
        progress: if view.total == 0 { None } else { part() },
        link: Some(match view.image {
            Some(image) => format!("/images/mine/{image}"),
            None => format!("/instances/{instance}#saves"),
        }),
        name: view.name,
        state: view.state.code(),
        failed: view.state == SaveState::Failed,
        message: view.message,
    }
}

/// Where they are on a machine is for those who run it.
fn ports(ctx: &OpContext, wanted: &[u16], seen: &[InstancePort]) -> Vec<InstancePort> {
    let host = |port| seen.iter().find(|it| it.port == port && ctx.is_staff()).and_then(|it| it.host_port);
    wanted.iter().map(|port| InstancePort { port: *port, host_port: host(*port) }).collect()
}

/// With the names of their customers.
pub(super) async fn for_staff(platform: &Platform, ctx: &OpContext, rows: Vec<Row>) -> Result<Vec<InstanceView>> {
    let mut tx = platform.db().begin(&super::system(ctx)).await?;
    let views = for_staff_in_tx(platform, &mut tx, ctx, rows).await?;
    tx.commit().await?;
    Ok(views)
}

/// The same in a transaction of the system's.
pub(super) async fn for_staff_in_tx(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    rows: Vec<Row>,
) -> Result<Vec<InstanceView>> {
    let ids: Vec<i64> = rows.iter().map(|row| row.customer.0).collect();
    let mut views = all_in_tx(platform, tx, ctx, rows).await?;
    let names = customers::names(tx, &ids).await?;
    for view in &mut views {
        view.customer_name = names.get(&view.customer_id.0).cloned();
    }
    Ok(views)
}

/// For who may see the instance.
pub(super) async fn events(
    platform: &Platform,
    ctx: &OpContext,
    id: contract::InstanceId,
) -> Result<Vec<InstanceEvent>> {
    let mut tx = platform.db().begin(ctx).await?;
    let rows = store::events(&mut tx, id).await?;
    tx.commit().await?;
    let event = |row: store::EventRow| InstanceEvent {
        at: row.at,
        kind: row.kind,
        message: row.reason.as_deref().map(|fault| words(ctx, fault)),
        detail: shown(ctx, row.reason.as_deref(), row.detail),
        reason: row.reason,
        exit_code: row.exit_code,
        actor: row.actor,
    };
    Ok(rows.into_iter().map(event).collect())
}

#[cfg(test)]
mod tests {
    use super::without_addresses;

    #[test]
    fn where_an_engine_looks_names_up_is_not_told() {
        for (said, told) in [
            (
                "Get \"https://r.example.org/v2/\": dial tcp: lookup r.example.org on 10.0.0.2:53: no such host",
                "Get \"https://r.example.org/v2/\": dial tcp: lookup r.example.org on \u{2026}: no such host",
            ),
            ("read udp 10.0.0.5:4242->10.0.0.2:53: i/o timeout", "read udp \u{2026}->\u{2026}: i/o timeout"),
            ("dial tcp [fd00::2]:443: refused", "dial tcp \u{2026}: refused"),
            ("manifest for team/app:1.2 not found", "manifest for team/app:1.2 not found"),
            ("Get \"http://10.0.0.9:5000/v2/\": refused", "Get \"http://\u{2026}/v2/\": refused"),
            ("Get \"http://[fd00::2]/v2/\": refused", "Get \"http://\u{2026}/v2/\": refused"),
            ("", ""),
        ] {
            assert_eq!(without_addresses(said), told);
        }
    }

    #[test]
    fn who_an_engine_signs_in_as_is_not_told() {
        for (said, told) in [
            (
                "Get \"https://ada:se-cret@r.example.org/v2/app@sha256:0a\": denied",
                "Get \"https://\u{2026}@r.example.org/v2/app@sha256:0a\": denied",
            ),
            ("via http://ops:a/b?c@proxy.lan:3128: refused", "via http://\u{2026}@proxy.lan:3128: refused"),
            ("via http://token@10.0.0.9:3128: refused", "via http://\u{2026}@\u{2026}: refused"),
            ("pull ada:se-cret@r.example.org/app: denied", "pull \u{2026}@r.example.org/app: denied"),
            ("https://cdn.example.org/blob?Signature=0a&Expires=1: 403", "https://cdn.example.org/blob?\u{2026}: 403"),
            ("a=https://b:c@d/,https://e:f@g/h", "a=https://\u{2026}@d/,https://\u{2026}@g/h"),
            ("manifest app:1.2@sha256:0a is unknown", "manifest app:1.2@sha256:0a is unknown"),
            ("https://r.example.org:5000/v2/app@sha256:0a", "https://r.example.org:5000/v2/app@sha256:0a"),
        ] {
            assert_eq!(without_addresses(said), told);
        }
    }
}
