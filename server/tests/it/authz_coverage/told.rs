//! What is refused stands in the log as what was tried, with what it was tried on, not as the permission that was missing.

use std::collections::{BTreeSet, HashMap};

use contract::Permission;
use contract::accounts::ApiTokenCreate;
use platform::accounts;
use server::router::Door;
use test_support::TestUser;

use super::world::World;
use crate::harness::Who;

/// What nobody in the table gets done, or what leaves no row when it is done, with the word for trying it. What concerns
/// nobody but oneself, such as having read something, is no matter for the log: there the permission is the word.
const NOT_DONE: &[(&str, &str)] = &[
    ("/api/auth/customer", "accounts:switch-customer"),
    ("/api/admin/machines/{code}/docker/accept", "engines:accept"),
    ("/api/auth/invitation/join", "accounts:accept-invitation"),
    ("/api/auth/email-change/request", "accounts:request-email-change"),
    ("/api/auth/password/change", "accounts:change-password"),
    ("/api/auth/totp/confirm", "accounts:totp-enable"),
    ("/api/auth/totp/recovery-codes", "accounts:renew-recovery-codes"),
    ("/api/auth/totp/disable", "accounts:totp-disable"),
    ("/api/auth/identities/{id}", "accounts:unlink-identity"),
    ("/api/auth/avatar", "accounts:set-avatar"),
    ("/api/auth/avatar", "accounts:remove-avatar"),
    ("/api/auth/list-columns/{list}", "accounts:update-own"),
    ("/api/customer/settings/ssh-keys", "accounts:add-ssh-key"),
    ("/api/customer/settings/ssh-keys", "accounts:remove-ssh-key"),
    ("/api/admin/access/sessions/{id}", "instances:end-access"),
    ("/api/customer/access/sessions/{id}", "instances:end-access"),
    ("/api/admin/access/machines/{id}", "allocations:end-access"),
    ("/api/customer/access/machines/{id}", "allocations:end-access"),
    ("/api/admin/users/bulk", "users:enable"),
    ("/api/admin/customers/{id}/restore", "customers:restore"),
    ("/api/admin/machines/import/preview", "machines:import"),
    ("/api/admin/machines/import/{id}/confirm", "machines:import"),
    ("/api/admin/machines/import/{id}/take-back", "machines:take-back-import"),
    ("/api/admin/users/import/preview", "users:import"),
    ("/api/admin/users/import/{id}/confirm", "users:import"),
    ("/api/admin/machines/{code}/retire", "machines:retire"),
    ("/api/admin/machines/{code}", "machines:delete"),
    ("/api/admin/machines/{code}/allocate", "allocations:create"),
    ("/api/admin/machines/{code}/reclaim", "allocations:end"),
    ("/api/admin/allocations/{id}/checklist/{step}/skip", "allocations:skip-step"),
    ("/api/admin/renewal-requests/{id}/approve", "allocations:renew"),
    ("/api/admin/renewal-requests/{id}/refuse", "allocations:refuse-renewal"),
    ("/api/admin/users/{id}/identities/{identityId}", "users:unlink-identity"),
    ("/api/admin/users/{id}/totp", "users:reset-second-factor"),
    ("reset_user_second_factor", "users:reset-second-factor"),
    ("/api/admin/customers/{id}", "customers:delete"),
    ("/api/admin/customers/{id}/invitations", "customers:invite"),
    ("/api/admin/customers/{id}/invitations/{invitation}", "customers:revoke-invitation"),
    ("/api/customer/owner", "customers:transfer"),
    ("/api/customer/members", "customers:add-member"),
    ("/api/customer/members/invitations", "customers:invite"),
    ("/api/customer/members/invitations/{id}", "customers:revoke-invitation"),
    ("/api/admin/jobs/{id}/cancel", "jobs:cancel"),
    ("/api/admin/jobs/{id}/retry", "jobs:retry"),
    ("cancel_job", "jobs:cancel"),
    ("retry_job", "jobs:retry"),
    ("/api/customer/jobs/{id}/cancel", "jobs:cancel"),
    ("/api/customer/jobs/{id}/retry", "jobs:retry"),
    ("cancel_own_job", "jobs:cancel"),
    ("retry_own_job", "jobs:retry"),
    ("/api/admin/settings/import", "settings:import"),
    ("/api/admin/settings/import/{id}/confirm", "settings:import"),
    ("/api/admin/settings/logo", "settings:update"),
    ("/api/admin/settings/mail/test", "settings:test-mail"),
    ("/api/admin/settings/registries/{id}", "settings:update-registry"),
    ("/api/admin/settings/registries/{id}", "settings:delete-registry"),
    ("/api/admin/settings/registries/{id}/test", "settings:test-registry"),
    ("/api/customer/instances/{id}/renew-data", "instances:renew-data"),
    ("/api/customer/images/mine/{id}/share", "images:share"),
    ("/api/customer/images/mine/{id}/unshare", "images:unshare"),
    ("share_own_image", "images:unshare"),
    ("/api/files", "files:upload"),
    ("/api/files/uploads", "files:upload"),
    ("/api/files/uploads/{id}/chunks/{n}", "files:upload"),
    ("/api/files/uploads/{id}/complete", "files:upload"),
    ("/api/admin/images/{id}/machines", "images:pull"),
    ("/api/admin/images/cleanup/apply", "images:clean-up"),
    ("/api/admin/images/{id}/registry", "images:push"),
    ("/api/admin/images/{id}/registry", "images:forget-push"),
    ("/api/admin/images/{id}/machines/{code}", "images:cancel-pull"),
    ("/api/admin/instances/{id}/restart", "instances:restart"),
    ("/api/customer/instances", "instances:create"),
    ("/api/customer/images/{id}/deploy", "instances:create"),
    ("/api/customer/instances/{id}/restart", "instances:restart"),
    ("/api/customer/instances/{id}/keep", "instances:keep"),
    ("/api/customer/instances/{id}/resize", "instances:resize"),
    ("/api/customer/instances/{id}/save-image", "instances:save-image"),
    ("/api/customer/instances/{id}/terminal/ticket", "instances:open-terminal"),
    ("/api/customer/instances/{id}/links/{link}", "instances:remove-app"),
    ("/api/admin/instances/{id}/links/{link}", "instances:remove-app"),
    ("/api/customer/instances/{id}/terminal/share", "instances:share-terminal"),
    ("/api/customer/instances/{id}/terminal/unshare", "instances:unshare-terminal"),
    ("/api/customer/instances/{id}/terminal/watch", "instances:watch-terminal"),
    ("/api/admin/instances/{id}/terminal/watch", "instances:watch-terminal"),
    ("/api/customer/notifications/{id}/read", "accounts:update-own"),
    ("/api/customer/notifications/read-all", "accounts:update-own"),
    ("/api/customer/announcements/{id}/dismiss", "accounts:update-own"),
];

/// Nobody is in an instance, or on a machine, there, so that whoever may see instances is told that there is nothing to end.
const NOTHING_THERE: &[&str] = &[
    "/api/customer/access/sessions/{id}",
    "/api/admin/access/sessions/{id}",
    "/api/customer/access/machines/{id}",
    "/api/admin/access/machines/{id}",
];
/// What is about the installation: which settings is in the details.
const OF_THE_WHOLE: [&str; 2] = ["/api/admin/settings/{key}", "/api/admin/settings/import/{id}/confirm"];

/// A call, and the id under which the log has it.
pub struct Call {
    pub door: Door,
    pub method: &'static str,
    pub place: &'static str,
    pub request: String,
}

/// Tokens that may look at everything and change nothing: the admin's, and the owner's of a customer.
pub async fn onlookers(world: &World) -> [Who; 2] {
    let of = async |user: &TestUser| {
        let ctx = user.ctx();
        let scopes = accounts::grantable_scopes(&ctx).into_iter().filter(|permission| is_a_look(*permission)).collect();
        let body = ApiTokenCreate { name: "looks on".to_owned(), scopes: Some(scopes), ..Default::default() };
        let made = accounts::create_api_token(world.server.platform(), &ctx, body).await.unwrap();
        Who::Bearer(made.secret)
    };
    [of(&world.admin).await, of(&world.acme.owner).await]
}

fn is_a_look(permission: Permission) -> bool {
    let verb = permission.name().split(':').nth(1).unwrap_or_default();
    let looks = ["view", "view-own", "use", "list-members"];
    looks.contains(&verb) || matches!(permission, Permission::CustomersManage | Permission::AllocationsManage)
}

/// Every change, tried by those who may only look: told with what it is called when it is done, as `calls` did it. `tried`
/// are theirs.
pub async fn everything_refused_is_told(world: &World, calls: &[Call], tried: &[Call]) {
    let mut rows: HashMap<String, Vec<(String, String, String)>> = HashMap::new();
    let all =
        "select request_id || ' ' || outcome || ' ' || action || ' ' || coalesce(target_id, '-') from audit_events";
    for row in world.server.sql(all).await {
        let [request, outcome, action, target] = row.splitn(4, ' ').collect::<Vec<_>>()[..] else { panic!("{row}") };
        let row = (outcome.to_owned(), action.to_owned(), target.to_owned());
        rows.entry(request.to_owned()).or_default().push(row);
    }
    let of = |call: &Call| rows.get(&call.request).map(Vec::as_slice).unwrap_or_default();
    let mut words: HashMap<(&str, &str), BTreeSet<&str>> = HashMap::new();
    for call in calls {
        let done = of(call).iter().filter(|(outcome, ..)| outcome == "done").map(|(_, action, _)| action.as_str());
        words.entry((call.method, call.place)).or_default().extend(done);
    }
    for (place, word) in NOT_DONE {
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            words.entry((method, place)).or_default().insert(word);
        }
    }
    let mut wrong = Vec::new();
    for call in calls.iter().chain(tried) {
        let known = words.get(&(call.method, call.place)).filter(|words| !words.is_empty());
        let taken_away = call.place.ends_with("/export");
        // Reading; also what is taken away without a row of its own.
        let looks =
            (call.method == "GET" && !taken_away) || (known.is_none() && (taken_away || call.door == Door::ServerFn));
        let unnamed = NOTHING_THERE.contains(&call.place) || OF_THE_WHOLE.contains(&call.place);
        for (_, action, target) in of(call).iter().filter(|(outcome, ..)| outcome == "denied" && !looks) {
            let named = unnamed || !call.place.contains('{') || !["-", "*"].contains(&target.as_str());
            if !named || known.is_none_or(|known| !known.contains(action.as_str())) {
                let place = format!("{:?} {} {}", call.door, call.method, call.place);
                wrong.push(format!("{place}: refused as {action} on {target}, done as {known:?}"));
            }
        }
    }
    for pair in tried.chunks(2).filter(|pair| !NOTHING_THERE.contains(&pair[0].place)) {
        if !pair.iter().any(|call| of(call).iter().any(|(outcome, ..)| outcome == "denied")) {
            wrong.push(format!("{} {}: refused, and not told", pair[0].method, pair[0].place));
        }
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
