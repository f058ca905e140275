//! Lists as workbooks: what the page shows with its filters, all pages of it as they were at one instant. Who took one is
//! in the log.

use app::pages::admin::allocations::list::standing_word;
use app::pages::admin::audit::list::actor_text;
use app::role_words::briefs_in_words;
use app::words::Words;
use axum::response::Response;
use contract::accounts::MemberRole;
use contract::allocations::AllocationQuery;
use contract::audit::AuditQuery;
use contract::customers::{CustomerQuery, MemberQuery};
use contract::images::ImageQuery;
use contract::imports::ImportSubject;
use contract::specs::SpecQuery;
use contract::users::UserQuery;
use contract::{CustomerId, Permission};
use platform::accounts::users;
use platform::imports::columns_of;
use platform::{accounts, allocations, audit, customers, images, specs};
use sheets::write::Kind;

use crate::rest::imports::heading;
use crate::rest::workbook::{Cell, List, download, say};
use crate::rest::{Params, Part, Rest};

/// The audit log as a workbook, newest first; that it was taken away is part of the log. Beyond a million events the last
/// row says that there are older ones.
#[utoipa::path(get, path = "/api/admin/audits/export", tag = "audit", params(AuditQuery),
    responses((status = 200, description = "A workbook")))]
pub async fn audits(rest: Rest, Params(query): Params<AuditQuery>) -> Response {
    let built = async {
        audit::note_export(&rest.platform, &rest.ctx, &query).await?;
        let language = rest.ctx.language();
        let columns = [
            ("audit-at", 20.0, Kind::DateTime),
            ("audit-actor", 20.0, Kind::Text),
            ("audit-actor-kind", 14.0, Kind::Text),
            ("audit-actor-id", 10.0, Kind::Text),
            ("audit-via", 12.0, Kind::Text),
            ("audit-address", 16.0, Kind::Text),
            ("audit-agent", 32.0, Kind::Text),
            ("audit-action", 28.0, Kind::Text),
            ("audit-action-code", 28.0, Kind::Text),
            ("audit-target", 16.0, Kind::Text),
            ("audit-target-id", 20.0, Kind::Text),
            ("audit-target-name", 24.0, Kind::Text),
            ("audit-customer", 24.0, Kind::Text),
            ("audit-outcome", 12.0, Kind::Text),
            ("audit-before", 40.0, Kind::Text),
            ("audit-after", 40.0, Kind::Text),
            ("audit-request", 36.0, Kind::Text),
            ("audit-seal", 20.0, Kind::Text),
        ];
        let mut list = List::new(language, "audit-title", &columns)?;
        let json = |value: Option<serde_json::Value>| value.map(|value| value.to_string());
        let cut = audit::export(&rest.platform, &rest.ctx, &query, |row| {
            let seal = row.seal();
            list.row(&[
                row.at.into(),
                actor_text(Words(language), &row).into(),
                say(language, &format!("audit-actor-{}", row.actor_kind), &[]).into(),
                row.actor_id.map(|id| id.to_string()).into(),
                say(language, &format!("audit-via-{}", row.via), &[]).into(),
                row.address.into(),
                row.user_agent.into(),
                texts::audit_action(language, &row.action).into(),
                row.action.into(),
                texts::audit_kind(language, &row.target_kind).into(),
                row.target_id.into(),
                row.target_name.into(),
                row.customer_name.into(),
                say(language, &format!("audit-outcome-{}", row.outcome), &[]).into(),
                // An empty cell would say that there was nothing.
                (if row.withheld { Some(say(language, "audit-withheld", &[])) } else { json(row.before) }).into(),
                json(row.after).into(),
                row.request_id.into(),
                say(language, seal, &[]).into(),
            ])
        })
        .await?;
        list.finish_cut(cut, "audit-export-cut")
    };
    download(&rest, built.await, "audit").await
}

/// The customers of these filters as a workbook.
#[utoipa::path(get, path = "/api/admin/customers/export", tag = "customers", params(CustomerQuery),
    responses((status = 200, description = "A workbook")))]
pub async fn customers(rest: Rest, Params(query): Params<CustomerQuery>) -> Response {
    let built = async {
        customers::note_export(&rest.platform, &rest.ctx, &query).await?;
        let language = rest.ctx.language();
        let columns = [
            ("customer-name", 28.0, Kind::Text),
            ("customer-state", 12.0, Kind::Text),
            ("customer-contact", 20.0, Kind::Text),
            ("customer-email", 28.0, Kind::Text),
            ("customer-phone", 18.0, Kind::Text),
            ("home-people", 10.0, Kind::Number),
            ("home-machines", 10.0, Kind::Number),
            ("customer-next-end", 20.0, Kind::DateTime),
            ("customer-created-at", 20.0, Kind::DateTime),
            ("customer-remark", 40.0, Kind::Text),
        ];
        let mut list = List::new(language, "customers-title", &columns)?;
        let cut = customers::export(&rest.platform, &rest.ctx, &query, |row| {
            let state = match (row.deleted_at, row.active) {
                (Some(_), _) => "customer-deleted",
                (None, true) => "customer-active",
                (None, false) => "customer-disabled",
            };
            list.row(&[
                row.name.into(),
                say(language, state, &[]).into(),
                row.contact_name.into(),
                row.contact_email.into(),
                row.contact_phone.into(),
                row.member_count.into(),
                row.machine_count.into(),
                row.next_end_at.into(),
                row.created_at.into(),
                row.remark.into(),
            ])
        })
        .await?;
        list.finish_export(cut)
    };
    download(&rest, built.await, "customers").await
}

/// The people of a customer and those who are invited, or those who are looked for, as a workbook.
#[utoipa::path(get, path = "/api/admin/customers/{id}/members/export", tag = "customers",
    params(("id" = CustomerId, Path), MemberQuery), responses((status = 200, description = "A workbook")))]
pub async fn members(rest: Rest, Part(id): Part<CustomerId>, Params(query): Params<MemberQuery>) -> Response {
    people_of(rest, Some(id), query).await
}

/// The same of the customer one acts for, where none is named. Invitations are there for who may invite.
pub(in crate::rest) async fn people_of(rest: Rest, id: Option<CustomerId>, query: MemberQuery) -> Response {
    let built = async {
        customers::note_people_export(&rest.platform, &rest.ctx, id, &query).await?;
        let people = customers::export_members(&rest.platform, &rest.ctx, id, &query).await?;
        let mut invited = match rest.ctx.holds(Permission::CustomersInvite) {
            true => accounts::invitations(&rest.platform, &rest.ctx, id).await?,
            false => Vec::new(),
        };
        if let Some(q) = query.q.map(|q| q.trim().to_lowercase()) {
            invited.retain(|open| open.email.to_lowercase().contains(&q));
        }
        let language = rest.ctx.language();
        let columns = [
            ("account-username", 20.0, Kind::Text),
            ("account-name", 20.0, Kind::Text),
            ("account-email", 28.0, Kind::Text),
            ("home-role", 14.0, Kind::Text),
            ("user-state", 12.0, Kind::Text),
            ("members-joined", 20.0, Kind::DateTime),
            ("members-invitation-until", 20.0, Kind::DateTime),
        ];
        let mut list = List::new(language, "members-title", &columns)?;
        let role = |role: MemberRole| say(language, &format!("member-role-{}", role.code()), &[]);
        for person in people {
            let state = if person.active { "user-state-active" } else { "user-state-disabled" };
            list.row(&[
                person.name.into(),
                person.display_name.into(),
                person.email.into(),
                role(person.role).into(),
                say(language, state, &[]).into(),
                person.joined_at.into(),
                Cell::Blank,
            ])?;
        }
        for invitation in invited {
            list.row(&[
                Cell::Blank,
                Cell::Blank,
                invitation.email.into(),
                role(invitation.role).into(),
                say(language, "user-state-invited", &[]).into(),
                Cell::Blank,
                invitation.expires_at.into(),
            ])?;
        }
        list.finish()
    };
    download(&rest, built.await, "members").await
}

/// Between the roles or the customers in one cell: names hold commas.
const BETWEEN: &str = "; ";

/// The people of these filters as a workbook that can be imported again.
#[utoipa::path(get, path = "/api/admin/users/export", tag = "users", params(UserQuery),
    responses((status = 200, description = "A workbook")))]
pub async fn users(rest: Rest, Params(query): Params<UserQuery>) -> Response {
    let built = async {
        users::note_export(&rest.platform, &rest.ctx, &query).await?;
        let language = rest.ctx.language();
        // Under the headings of the import: who takes the list away can bring it back.
        let called = |key: &str| columns_of(ImportSubject::Users).iter().find(|column| column.key == key);
        let called = |key| called(key).map_or(key, |column| heading(language, column));
        let columns = [
            (called("username"), 20.0, Kind::Text),
            (called("displayName"), 20.0, Kind::Text),
            (called("email"), 28.0, Kind::Text),
            ("user-state", 12.0, Kind::Text),
            (called("roles"), 28.0, Kind::Text),
            (called("customers"), 40.0, Kind::Text),
            ("user-totp", 14.0, Kind::Text),
            ("account-last-sign-in", 20.0, Kind::DateTime),
            ("customer-created-at", 20.0, Kind::DateTime),
        ];
        let mut list = List::new(language, "users-title", &columns)?;
        let cut = users::export(&rest.platform, &rest.ctx, &query, |row| {
            let roles: Vec<_> = briefs_in_words(language, row.roles).into_iter().map(|role| role.name).collect();
            let memberships = row.memberships.into_iter().map(|membership| {
                let role = say(language, &format!("member-role-{}", membership.role.code()), &[]);
                say(language, "account-membership", &[("customer", membership.customer_name), ("role", role)])
            });
            list.row(&[
                row.name.into(),
                row.display_name.into(),
                row.email.into(),
                say(language, &format!("user-state-{}", row.state.code()), &[]).into(),
                roles.join(BETWEEN).into(),
                memberships.collect::<Vec<_>>().join(BETWEEN).into(),
                say(language, if row.second_factor { "user-totp-on" } else { "user-totp-off" }, &[]).into(),
                row.last_login_at.into(),
                row.created_at.into(),
            ])
        })
        .await?;
        list.finish_export(cut)
    };
    download(&rest, built.await, "users").await
}

/// The allocations of these filters as a workbook.
#[utoipa::path(get, path = "/api/admin/allocations/export", tag = "allocations", params(AllocationQuery),
    responses((status = 200, description = "A workbook")))]
pub async fn allocations(rest: Rest, Params(query): Params<AllocationQuery>) -> Response {
    let built = async {
        allocations::note_export(&rest.platform, &rest.ctx, &query).await?;
        let language = rest.ctx.language();
        let columns = [
            ("allocation-machine", 24.0, Kind::Text),
            ("machine-code", 18.0, Kind::Text),
            ("allocation-customer", 24.0, Kind::Text),
            ("allocation-state", 24.0, Kind::Text),
            ("allocation-starts", 20.0, Kind::DateTime),
            ("allocation-ends", 20.0, Kind::DateTime),
            ("allocation-days", 10.0, Kind::Number),
            ("machines-gpu", 18.0, Kind::Text),
            ("allocation-gpu-count", 10.0, Kind::Number),
            ("allocation-remark", 40.0, Kind::Text),
        ];
        let mut list = List::new(language, "allocations-title", &columns)?;
        let cut = allocations::export(&rest.platform, &rest.ctx, &query, |row| {
            list.row(&[
                row.machine_name.into(),
                row.machine.into(),
                row.customer_name.into(),
                standing_word(Words(language), row.state, row.waits_for).into(),
                row.starts_at.into(),
                row.ends_at.into(),
                row.days_left.unsigned_abs().into(),
                row.gpu_model.into(),
                row.gpu_count.map_or(Cell::Blank, |count| u64::from(count).into()),
                row.remark.into(),
            ])
        })
        .await?;
        list.finish_export(cut)
    };
    download(&rest, built.await, "allocations").await
}

/// The specs of these filters as a workbook, with the prices of now.
#[utoipa::path(get, path = "/api/admin/specs/export", tag = "specs", params(SpecQuery),
    responses((status = 200, description = "A workbook")))]
pub async fn specs(rest: Rest, Params(query): Params<SpecQuery>) -> Response {
    let built = async {
        specs::note_export(&rest.platform, &rest.ctx, &query).await?;
        let language = rest.ctx.language();
        let columns = [
            ("spec-name", 28.0, Kind::Text),
            ("spec-gpu-model", 28.0, Kind::Text),
            ("spec-gpu-count", 10.0, Kind::Number),
            ("spec-gpu-memory", 12.0, Kind::Number),
            ("spec-use", 24.0, Kind::Text),
            ("spec-cpu-cores", 10.0, Kind::Number),
            ("spec-memory", 10.0, Kind::Number),
            ("spec-system-disk", 10.0, Kind::Number),
            ("spec-data-disk", 10.0, Kind::Number),
            ("spec-price", 16.0, Kind::Decimal(6)),
            ("setting-general-currency", 10.0, Kind::Text),
            ("spec-state", 12.0, Kind::Text),
            ("spec-remark", 40.0, Kind::Text),
        ];
        let mut list = List::new(language, "specs-title", &columns)?;
        let cut = specs::export(&rest.platform, &rest.ctx, &query, |row| {
            let state = if row.listed { "spec-listed" } else { "spec-not-listed" };
            list.row(&[
                row.name.into(),
                row.gpu_model.into(),
                u64::from(row.gpu_count).into(),
                row.gpu_memory_gb.map_or(Cell::Blank, |gb| u64::from(gb).into()),
                say(language, &format!("spec-use-{}", row.gpu_use.code()), &[]).into(),
                u64::from(row.cpu_cores).into(),
                u64::from(row.memory_gb).into(),
                u64::from(row.system_disk_gb).into(),
                u64::from(row.data_disk_gb).into(),
                row.price_per_hour.map_or(Cell::Blank, Cell::decimal),
                row.currency.into(),
                say(language, state, &[]).into(),
                row.remark.into(),
            ])
        })
        .await?;
        list.finish_export(cut)
    };
    download(&rest, built.await, "specs").await
}

/// The images of these filters as a workbook.
#[utoipa::path(get, path = "/api/admin/images/export", tag = "images", params(ImageQuery),
    responses((status = 200, description = "A workbook")))]
pub async fn images(rest: Rest, Params(query): Params<ImageQuery>) -> Response {
    let built = async {
        images::note_export(&rest.platform, &rest.ctx, &query).await?;
        let language = rest.ctx.language();
        let columns = [
            ("image-name", 28.0, Kind::Text),
            ("image-source", 14.0, Kind::Text),
            ("image-address", 40.0, Kind::Text),
            ("image-owner", 24.0, Kind::Text),
            ("image-state", 16.0, Kind::Text),
            ("image-listed", 12.0, Kind::Text),
            ("image-framework", 20.0, Kind::Text),
            ("image-cuda-version", 10.0, Kind::Text),
            ("image-architecture", 12.0, Kind::Text),
            ("image-memory-split-short", 12.0, Kind::Text),
            ("image-size", 16.0, Kind::Number),
            ("image-digest", 40.0, Kind::Text),
            ("image-tags", 40.0, Kind::Text),
            ("image-created", 20.0, Kind::DateTime),
            ("image-description", 40.0, Kind::Text),
            ("image-remark", 40.0, Kind::Text),
        ];
        let mut list = List::new(language, "images-title", &columns)?;
        let cut = images::export(&rest.platform, &rest.ctx, &query, |row| {
            let yes = |is: bool| if is { "\u{2713}" } else { "" };
            let listed = if row.listed { "image-listed" } else { "image-not-listed" };
            list.row(&[
                row.name.into(),
                say(language, &format!("image-source-{}", row.source.code()), &[]).into(),
                row.address.into(),
                row.customer_name.unwrap_or_else(|| say(language, "image-owner-platform", &[])).into(),
                say(language, &format!("image-state-{}", row.state.code()), &[]).into(),
                say(language, listed, &[]).into(),
                row.framework.into(),
                row.cuda_version.into(),
                row.architecture.map(|architecture| architecture.code().to_owned()).into(),
                yes(row.memory_split).to_owned().into(),
                row.size.map_or(Cell::Blank, Into::into),
                row.digest.into(),
                row.tags.join(", ").into(),
                row.created_at.into(),
                row.description.into(),
                row.remark.into(),
            ])
        })
        .await?;
        list.finish_export(cut)
    };
    download(&rest, built.await, "images").await
}
