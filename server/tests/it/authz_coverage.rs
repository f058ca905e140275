//! Every REST operation, server function and socket, called for real by everybody.
//!
//! The table below is compared with the router's registry: a route without a line fails, a line without a route too.

mod others;

use std::collections::BTreeSet;

use contract::accounts::Language;
use contract::allocations::{AllocationCreate, RenewalRequestCreate};
use contract::customers::MemberCreate;
use contract::machines::{JoinTokenCreate, MaintenanceCreate};
use contract::roles::RoleWrite;
use contract::{AllocationId, ImportId, MaintenanceId, Permission, RenewalRequestId, RoleId};
use platform::{allocations, customers, machines, roles};
use serde_json::{Value, json};
use server::router::{self, Door};
use test_support::{TestCustomer, TestNode, TestUser};

use crate::harness::{Answer, Server, Who};
use crate::sockets::dial_as;

/// Who calls, in the order of the columns.
const CALLERS: [&str; 9] = ["nobody", "nowhere", "member", "owner", "other", "admin", "node", "operator", "custom"];

/// (door, method, path or name, then the status per caller: nobody, signed in but nowhere, member, owner, owner of
/// another customer, admin, node, operator, holder of a custom role that may see machines, customers and users). What one
/// may not see is 404, also for members of a customer.
#[rustfmt::skip]
const TABLE: &[(Door, &str, &str, [u16; 9])] = &[
    (Door::Rest, "POST",   "/api/auth/login",                           [200, 200, 200, 200, 200, 200, 401, 200, 200]),
    (Door::Rest, "POST",   "/api/auth/logout",                          [401, 200, 200, 200, 200, 200, 401, 200, 200]),
    (Door::Rest, "GET",    "/api/auth/profile",                         [401, 200, 200, 200, 200, 200, 401, 200, 200]),
    (Door::Rest, "GET",    "/api/auth/menus",                           [401, 200, 200, 200, 200, 200, 401, 200, 200]),
    (Door::Rest, "GET",    "/api/auth/list-columns/{list}",             [401, 200, 200, 200, 200, 200, 401, 200, 200]),
    (Door::Rest, "PUT",    "/api/auth/list-columns/{list}",             [401, 200, 200, 200, 200, 200, 401, 200, 200]),
    (Door::Rest, "GET",    "/api/admin/machines",                       [401, 404, 404, 404, 404, 200, 401, 200, 200]),
    (Door::Rest, "POST",   "/api/admin/machines",                       [401, 404, 404, 404, 404, 201, 401, 403, 403]),
    (Door::Rest, "GET",    "/api/admin/machines/facets",                [401, 404, 404, 404, 404, 200, 401, 200, 200]),
    (Door::Rest, "GET",    "/api/admin/machines/join-tokens",           [401, 404, 404, 404, 404, 200, 401, 403, 403]),
    (Door::Rest, "POST",   "/api/admin/machines/join-tokens",           [401, 404, 404, 404, 404, 201, 401, 403, 403]),
    (Door::Rest, "DELETE", "/api/admin/machines/join-tokens/{id}",      [401, 404, 404, 404, 404, 200, 401, 403, 403]),
    (Door::Rest, "GET",    "/api/admin/machines/{code}",                [401, 404, 404, 404, 404, 200, 401, 200, 200]),
    (Door::Rest, "PUT",    "/api/admin/machines/{code}",                [401, 404, 404, 404, 404, 200, 401, 403, 403]),
    (Door::Rest, "POST",   "/api/admin/machines/import/preview",        [401, 404, 404, 404, 404, 201, 401, 404, 404]),
    (Door::Rest, "GET",    "/api/admin/machines/import/template",       [401, 404, 404, 404, 404, 200, 401, 404, 404]),
    (Door::Rest, "GET",    "/api/admin/machines/import/{id}",           [401, 404, 404, 404, 404, 200, 401, 403, 403]),
    (Door::Rest, "GET",    "/api/admin/machines/import/{id}/rows",      [401, 404, 404, 404, 404, 200, 401, 403, 403]),
    (Door::Rest, "GET",    "/api/admin/machines/import/{id}/result",    [401, 404, 404, 404, 404, 200, 401, 403, 403]),
    // It was not read yet: 422 says that the caller was let in.
    (Door::Rest, "POST",   "/api/admin/machines/import/{id}/confirm",   [401, 404, 404, 404, 404, 422, 401, 403, 403]),
    (Door::Rest, "DELETE", "/api/admin/machines/import/{id}",           [401, 404, 404, 404, 404, 200, 401, 403, 403]),
    (Door::Rest, "GET",    "/api/admin/machines/export",                [401, 404, 404, 404, 404, 200, 401, 200, 200]),
    (Door::Rest, "POST",   "/api/admin/machines/bulk",                  [401, 404, 404, 404, 404, 200, 401, 404, 404]),
    // By the operator's turn the admin has done it: 400, 409 and 422 say that the operator was let in.
    (Door::Rest, "POST",   "/api/admin/machines/{code}/cordon",         [401, 404, 404, 404, 404, 200, 401, 422, 403]),
    (Door::Rest, "POST",   "/api/admin/machines/{code}/drain",          [401, 404, 404, 404, 404, 200, 401, 422, 403]),
    (Door::Rest, "POST",   "/api/admin/machines/{code}/uncordon",       [401, 404, 404, 404, 404, 200, 401, 422, 403]),
    // A customer has it: 409 says that the caller was let in.
    (Door::Rest, "POST",   "/api/admin/machines/{code}/retire",         [401, 404, 404, 404, 404, 409, 401, 409, 403]),
    (Door::Rest, "DELETE", "/api/admin/machines/{code}",                [401, 404, 404, 404, 404, 409, 401, 403, 403]),
    (Door::Rest, "POST",   "/api/admin/machines/{code}/maintenance",    [401, 404, 404, 404, 404, 201, 401, 400, 403]),
    // The admin called it off: for the operator it is over.
    (Door::Rest, "DELETE", "/api/admin/machines/{code}/maintenance/{id}", [401, 404, 404, 404, 404, 200, 401, 404, 403]),
    (Door::Rest, "PUT",    "/api/admin/machines/{code}/connection",     [401, 404, 404, 404, 404, 200, 401, 200, 403]),
    (Door::Rest, "POST",   "/api/admin/monitoring/machines",            [401, 404, 404, 404, 404, 200, 401, 403, 403]),
    (Door::Rest, "DELETE", "/api/admin/monitoring/machines/{code}",     [401, 404, 404, 404, 404, 200, 401, 403, 403]),
    (Door::Rest, "GET",    "/api/admin/machines/{code}/gpus",           [401, 404, 404, 404, 404, 200, 401, 200, 200]),
    (Door::Rest, "GET",    "/api/admin/machines/{code}/metrics",        [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::Rest, "GET",    "/api/admin/machines/{code}/processes",      [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::Rest, "GET",    "/api/admin/machines/{code}/history",        [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::Rest, "GET",    "/api/admin/monitoring/realtime",            [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::Rest, "GET",    "/api/admin/audits",                         [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::Rest, "GET",    "/api/admin/audits/export",                  [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::Rest, "GET",    "/api/admin/dashboard/stats",                [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::Rest, "GET",    "/api/admin/dashboard/gpu-trend",            [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::Rest, "GET",    "/api/admin/dashboard/customers",            [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::Rest, "GET",    "/api/admin/dashboard/activities",           [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::Rest, "GET",    "/api/admin/customers/export",               [401, 404, 404, 404, 404, 200, 401, 200, 200]),
    (Door::Rest, "GET",    "/api/admin/allocations/export",             [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::Rest, "GET",    "/api/admin/jobs",                           [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    // One's own customer and allocation are there to be seen, so running them is refused, not hidden; others' are hidden.
    // People of a customer: by its owners, and by staff; the customer still has its name.
    (Door::Rest, "PUT",    "/api/admin/customers/{id}/members/{userId}", [401, 404, 403, 200, 404, 200, 401, 403, 403]),
    // Its owner has removed them: 404 says that the admin was let in.
    (Door::Rest, "DELETE", "/api/admin/customers/{id}/members/{userId}", [401, 404, 403, 200, 404, 404, 401, 403, 403]),
    (Door::Rest, "PUT",    "/api/admin/customers/{id}/owner",           [401, 404, 403, 200, 404, 200, 401, 403, 403]),
    (Door::Rest, "GET",    "/api/admin/customers/{id}/quota",           [401, 404, 403, 403, 404, 200, 401, 200, 200]),
    (Door::Rest, "PUT",    "/api/admin/customers/{id}/quota",           [401, 404, 403, 403, 404, 200, 401, 403, 403]),
    (Door::Rest, "POST",   "/api/customer/members",                     [401, 404, 403, 201, 201, 404, 401, 404, 404]),
    // Not one of the other customer's people.
    (Door::Rest, "PUT",    "/api/customer/members/{userId}",            [401, 404, 403, 200, 404, 404, 401, 404, 404]),
    (Door::Rest, "DELETE", "/api/customer/members/{userId}",            [401, 404, 403, 200, 404, 404, 401, 404, 404]),
    // Not the other customer's name: 400 says that its owner was let in.
    (Door::Rest, "PUT",    "/api/customer/owner",                       [401, 404, 403, 200, 400, 404, 401, 404, 404]),
    (Door::Rest, "GET",    "/api/admin/users",                          [401, 404, 404, 404, 404, 200, 401, 404, 200]),
    (Door::Rest, "POST",   "/api/admin/users",                          [401, 404, 404, 404, 404, 201, 401, 404, 403]),
    (Door::Rest, "POST",   "/api/admin/users/bulk",                     [401, 404, 404, 404, 404, 200, 401, 404, 404]),
    (Door::Rest, "GET",    "/api/admin/users/export",                   [401, 404, 404, 404, 404, 200, 401, 404, 200]),
    (Door::Rest, "GET",    "/api/admin/users/{id}",                     [401, 404, 404, 404, 404, 200, 401, 404, 200]),
    (Door::Rest, "PUT",    "/api/admin/users/{id}",                     [401, 404, 404, 404, 404, 200, 401, 404, 403]),
    (Door::Rest, "POST",   "/api/admin/users/{id}/password",            [401, 404, 404, 404, 404, 200, 401, 404, 403]),
    (Door::Rest, "POST",   "/api/admin/users/{id}/roles",               [401, 404, 404, 404, 404, 200, 401, 404, 403]),
    (Door::Rest, "GET",    "/api/admin/users/{id}/quota",               [401, 404, 404, 404, 404, 200, 401, 404, 200]),
    (Door::Rest, "PUT",    "/api/admin/users/{id}/quota",               [401, 404, 404, 404, 404, 200, 401, 404, 403]),
    (Door::Rest, "GET",    "/api/admin/users/{id}/quota/usage",         [401, 404, 404, 404, 404, 200, 401, 404, 200]),
    (Door::Rest, "POST",   "/api/admin/users/{id}/disable",             [401, 404, 404, 404, 404, 200, 401, 404, 403]),
    (Door::Rest, "POST",   "/api/admin/users/{id}/enable",              [401, 404, 404, 404, 404, 200, 401, 404, 403]),
    (Door::Rest, "GET",    "/api/admin/roles",                          [401, 404, 404, 404, 404, 200, 401, 404, 404]),
    (Door::Rest, "POST",   "/api/admin/roles",                          [401, 404, 404, 404, 404, 201, 401, 404, 404]),
    (Door::Rest, "GET",    "/api/admin/permissions",                    [401, 404, 404, 404, 404, 200, 401, 404, 404]),
    (Door::Rest, "GET",    "/api/admin/roles/{id}",                     [401, 404, 404, 404, 404, 200, 401, 404, 404]),
    (Door::Rest, "PUT",    "/api/admin/roles/{id}",                     [401, 404, 404, 404, 404, 200, 401, 404, 404]),
    (Door::Rest, "GET",    "/api/admin/roles/{id}/holders",             [401, 404, 404, 404, 404, 200, 401, 404, 404]),
    (Door::Rest, "DELETE", "/api/admin/users/{id}/roles/{roleId}",      [401, 404, 404, 404, 404, 200, 401, 404, 403]),
    (Door::Rest, "DELETE", "/api/admin/roles/{id}",                     [401, 404, 404, 404, 404, 200, 401, 404, 404]),
    (Door::Rest, "DELETE", "/api/admin/users/{id}",                     [401, 404, 404, 404, 404, 200, 401, 404, 403]),
    (Door::Rest, "POST",   "/api/admin/users/{id}/restore",             [401, 404, 404, 404, 404, 200, 401, 404, 403]),
    (Door::Rest, "GET",    "/api/admin/customers",                      [401, 404, 404, 404, 404, 200, 401, 200, 200]),
    (Door::Rest, "POST",   "/api/admin/customers",                      [401, 404, 404, 404, 404, 201, 401, 403, 403]),
    (Door::Rest, "GET",    "/api/admin/customers/{id}",                 [401, 404, 403, 403, 404, 200, 401, 200, 200]),
    (Door::Rest, "GET",    "/api/admin/customers/{id}/statistics",      [401, 404, 403, 403, 404, 200, 401, 200, 200]),
    (Door::Rest, "PUT",    "/api/admin/customers/{id}",                 [401, 404, 403, 403, 404, 200, 401, 403, 403]),
    (Door::Rest, "POST",   "/api/admin/customers/{id}/disable",         [401, 404, 403, 403, 404, 200, 401, 403, 403]),
    // By now the admin has disabled it: for its own people it is not there any more.
    (Door::Rest, "POST",   "/api/admin/customers/{id}/enable",          [401, 404, 404, 404, 404, 200, 401, 403, 403]),
    (Door::Rest, "GET",    "/api/admin/customers/{id}/members",         [401, 404, 403, 403, 404, 200, 401, 200, 200]),
    (Door::Rest, "POST",   "/api/admin/customers/{id}/members",         [401, 404, 403, 201, 404, 201, 401, 403, 403]),
    // The machine has its allocation already: 409 says that the caller was let in.
    (Door::Rest, "POST",   "/api/admin/machines/{code}/allocate",       [401, 404, 404, 404, 404, 409, 401, 403, 404]),
    (Door::Rest, "GET",    "/api/admin/allocations",                    [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::Rest, "POST",   "/api/admin/allocations/bulk",               [401, 404, 404, 404, 404, 200, 401, 404, 404]),
    (Door::Rest, "GET",    "/api/admin/allocations/timeline",           [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::Rest, "GET",    "/api/admin/allocations/expiring",           [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::Rest, "GET",    "/api/admin/allocations/{id}/handover",      [401, 404, 403, 403, 404, 200, 401, 200, 404]),
    (Door::Rest, "GET",    "/api/admin/allocations/{id}",               [401, 404, 403, 403, 404, 200, 401, 200, 404]),
    (Door::Rest, "POST",   "/api/admin/allocations/{id}/renew",         [401, 404, 403, 403, 404, 200, 401, 403, 404]),
    (Door::Rest, "GET",    "/api/admin/renewal-requests",               [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::Rest, "POST",   "/api/admin/renewal-requests/{id}/decide",   [401, 404, 403, 403, 404, 200, 401, 403, 404]),
    // Nothing waits on its check-list: 422 says that the caller was let in.
    (Door::Rest, "POST",   "/api/admin/allocations/{id}/checklist/{step}/skip", [401, 404, 403, 403, 404, 422, 401, 403, 404]),
    (Door::Rest, "GET",    "/api/customer/machines",                    [401, 404, 200, 200, 200, 404, 401, 404, 404]),
    (Door::Rest, "GET",    "/api/customer/machines/{code}",             [401, 404, 200, 200, 404, 404, 401, 404, 404]),
    (Door::Rest, "GET",    "/api/customer/machines/{code}/monitoring",  [401, 404, 200, 200, 404, 404, 401, 404, 404]),
    (Door::Rest, "GET",    "/api/customer/machines/{code}/processes",   [401, 404, 200, 200, 404, 404, 401, 404, 404]),
    (Door::Rest, "GET",    "/api/customer/machines/{code}/history",     [401, 404, 200, 200, 404, 404, 401, 404, 404]),
    (Door::Rest, "POST",   "/api/customer/machines/{code}/renewal-requests", [401, 404, 403, 201, 404, 404, 401, 404, 404]),
    // Last of the allocation's: it ends it.
    (Door::Rest, "POST",   "/api/admin/allocations/{id}/reclaim",       [401, 404, 403, 403, 404, 200, 401, 403, 404]),
    // Staff stand outside of every customer.
    (Door::Rest, "GET",    "/api/customer",                             [401, 404, 200, 200, 200, 404, 401, 404, 404]),
    (Door::Rest, "GET",    "/api/customer/usage",                       [401, 404, 200, 200, 200, 404, 401, 404, 404]),
    (Door::Rest, "GET",    "/api/customer/members",                     [401, 404, 403, 200, 200, 404, 401, 404, 404]),

    (Door::ServerFn, "POST", "sign_in",                                 [200, 200, 200, 200, 200, 200, 401, 200, 200]),
    (Door::ServerFn, "POST", "sign_out",                                [401, 200, 200, 200, 200, 200, 401, 200, 200]),
    // For this browser alone when nobody is signed in: only cookies of its own.
    (Door::ServerFn, "POST", "set_preferences",                         [200, 200, 200, 200, 200, 200, 401, 200, 200]),
    (Door::ServerFn, "POST", "list_members",                            [401, 404, 403, 200, 200, 404, 401, 404, 404]),
    (Door::ServerFn, "POST", "list_machines",                           [401, 404, 404, 404, 404, 200, 401, 200, 200]),
    (Door::ServerFn, "POST", "get_machine",                             [401, 404, 404, 404, 404, 200, 401, 200, 200]),
    (Door::ServerFn, "POST", "create_machine",                          [401, 404, 404, 404, 404, 200, 401, 403, 403]),
    (Door::ServerFn, "POST", "update_machine",                          [401, 404, 404, 404, 404, 200, 401, 403, 403]),
    (Door::ServerFn, "POST", "list_join_tokens",                        [401, 404, 404, 404, 404, 200, 401, 403, 403]),
    (Door::ServerFn, "POST", "create_join_token",                       [401, 404, 404, 404, 404, 200, 401, 403, 403]),
    (Door::ServerFn, "POST", "revoke_join_token",                       [401, 404, 404, 404, 404, 200, 401, 403, 403]),
    // Acme has the machine.
    (Door::ServerFn, "POST", "machine_live",                            [401, 404, 200, 200, 404, 200, 401, 200, 404]),
    (Door::ServerFn, "POST", "machine_history",                         [401, 404, 200, 200, 404, 200, 401, 200, 404]),
    // Nobody has that name: 400 says that the caller was let in.
    (Door::ServerFn, "POST", "add_existing_member",                     [401, 404, 403, 400, 404, 400, 401, 403, 403]),
    (Door::ServerFn, "POST", "set_member_role",                         [401, 404, 403, 200, 404, 200, 401, 403, 403]),
    // Its owner has removed them: 404 says that the admin was let in.
    (Door::ServerFn, "POST", "remove_member",                           [401, 404, 403, 200, 404, 404, 401, 403, 403]),
    (Door::ServerFn, "POST", "transfer_ownership",                      [401, 404, 403, 200, 404, 200, 401, 403, 403]),
    (Door::ServerFn, "POST", "set_customer_quota",                      [401, 404, 403, 403, 404, 200, 401, 403, 403]),
    (Door::ServerFn, "POST", "list_users",                              [401, 404, 404, 404, 404, 200, 401, 404, 200]),
    (Door::ServerFn, "POST", "create_user",                             [401, 404, 404, 404, 404, 200, 401, 404, 403]),
    (Door::ServerFn, "POST", "update_user",                             [401, 404, 404, 404, 404, 200, 401, 404, 403]),
    (Door::ServerFn, "POST", "act_on_users",                            [401, 404, 404, 404, 404, 200, 401, 404, 404]),
    (Door::ServerFn, "POST", "make_user_password",                      [401, 404, 404, 404, 404, 200, 401, 404, 403]),
    (Door::ServerFn, "POST", "set_user_password",                       [401, 404, 404, 404, 404, 200, 401, 404, 403]),
    (Door::ServerFn, "POST", "set_user_quota",                          [401, 404, 404, 404, 404, 200, 401, 404, 403]),
    (Door::ServerFn, "POST", "set_user_active",                         [401, 404, 404, 404, 404, 200, 401, 404, 403]),
    (Door::ServerFn, "POST", "list_roles",                              [401, 404, 404, 404, 404, 200, 401, 404, 404]),
    (Door::ServerFn, "POST", "create_role",                             [401, 404, 404, 404, 404, 200, 401, 404, 404]),
    (Door::ServerFn, "POST", "update_role",                             [401, 404, 404, 404, 404, 200, 401, 404, 404]),
    (Door::ServerFn, "POST", "assign_role",                             [401, 404, 404, 404, 404, 200, 401, 404, 403]),
    (Door::ServerFn, "POST", "revoke_role",                             [401, 404, 404, 404, 404, 200, 401, 404, 403]),
    (Door::ServerFn, "POST", "delete_role",                             [401, 404, 404, 404, 404, 200, 401, 404, 404]),
    (Door::ServerFn, "POST", "delete_user",                             [401, 404, 404, 404, 404, 200, 401, 404, 403]),
    (Door::ServerFn, "POST", "restore_user",                            [401, 404, 404, 404, 404, 200, 401, 404, 403]),
    (Door::ServerFn, "POST", "list_customers",                          [401, 404, 404, 404, 404, 200, 401, 200, 200]),
    (Door::ServerFn, "POST", "create_customer",                         [401, 404, 404, 404, 404, 200, 401, 403, 403]),
    (Door::ServerFn, "POST", "update_customer",                         [401, 404, 403, 403, 404, 200, 401, 403, 403]),
    (Door::ServerFn, "POST", "set_customer_active",                     [401, 404, 403, 403, 404, 200, 401, 403, 403]),
    (Door::ServerFn, "POST", "add_customer_member",                     [401, 404, 403, 200, 404, 200, 401, 403, 403]),
    (Door::ServerFn, "POST", "confirm_import",                          [401, 404, 404, 404, 404, 422, 401, 403, 403]),
    (Door::ServerFn, "POST", "discard_import",                          [401, 404, 404, 404, 404, 200, 401, 403, 403]),
    (Door::ServerFn, "POST", "act_on_allocations",                      [401, 404, 404, 404, 404, 200, 401, 404, 404]),
    (Door::ServerFn, "POST", "choose_columns",                          [401, 200, 200, 200, 200, 200, 401, 200, 200]),
    (Door::ServerFn, "POST", "act_on_machine",                          [401, 404, 404, 404, 404, 200, 401, 403, 403]),
    (Door::ServerFn, "POST", "act_on_machines",                         [401, 404, 404, 404, 404, 200, 401, 404, 404]),
    (Door::ServerFn, "POST", "plan_maintenance",                        [401, 404, 404, 404, 404, 200, 401, 400, 403]),
    (Door::ServerFn, "POST", "cancel_maintenance",                      [401, 404, 404, 404, 404, 200, 401, 404, 403]),
    (Door::ServerFn, "POST", "set_connection",                          [401, 404, 404, 404, 404, 200, 401, 200, 403]),
    (Door::ServerFn, "POST", "list_allocations",                        [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::ServerFn, "POST", "allocate_machine",                        [401, 404, 404, 404, 404, 409, 401, 403, 404]),
    (Door::ServerFn, "POST", "renew_allocation",                        [401, 404, 403, 403, 404, 200, 401, 403, 404]),
    (Door::ServerFn, "POST", "decide_renewal",                          [401, 404, 403, 403, 404, 200, 401, 403, 404]),
    (Door::ServerFn, "POST", "skip_reclaim_step",                       [401, 404, 403, 403, 404, 422, 401, 403, 404]),
    (Door::ServerFn, "POST", "list_my_machines",                        [401, 404, 200, 200, 200, 404, 401, 404, 404]),
    (Door::ServerFn, "POST", "request_renewal",                         [401, 404, 403, 200, 404, 404, 401, 404, 404]),
    (Door::ServerFn, "POST", "end_allocation",                          [401, 404, 403, 403, 404, 200, 401, 403, 404]),
    (Door::ServerFn, "POST", "wall_snapshot",                           [401, 404, 404, 404, 404, 200, 401, 200, 404]),

    // Anybody signed in may open the page's socket; its topics say who sees what (below, and in `live.rs`).
    (Door::Socket, "GET",  "/ws/live",                                 [401, 101, 101, 101, 101, 101, 401, 101, 101]),
    (Door::Socket, "GET",  "/ws/admin/monitoring",                     [401, 404, 404, 404, 404, 101, 401, 101, 404]),
    // People have no key of an agent.
    (Door::Socket, "GET",  "/ws/agent",                                [401, 401, 401, 401, 401, 401, 101, 401, 401]),
];

/// The same for everybody, with nothing of anybody in them: looked at in `ops.rs`.
const PUBLIC: [&str; 7] =
    ["/agent/{name}", "/healthz", "/install.sh", "/metrics", "/pkg/{name}", "/readyz", "/robots.txt"];

struct World {
    server: Server,
    nowhere: TestUser,
    acme: TestCustomer,
    globex: TestCustomer,
    admin: TestUser,
    operator: TestUser,
    /// May see machines, customers and users, and nothing else.
    custom: TestUser,
    /// Whose account is worked on.
    target: TestUser,
    /// Of Acme: for the staff's door, and for its owners'.
    extra: [TestUser; 2],
    /// That is worked on.
    role: RoleId,
    node: TestNode,
    join_token: String,
    /// Of Acme: host-001 is lent to it.
    allocation: AllocationId,
    /// For host-002.
    request: RenewalRequestId,
    /// Staged; nobody reads it here.
    import: ImportId,
    /// Planned for host-001.
    maintenance: MaintenanceId,
}

impl World {
    async fn new() -> Self {
        // Browsers sign in often here, each from an address of its own.
        let server = Server::with(|config| config.trusted_proxies = 1).await;
        let admin = server.test.admin().await;
        let request = JoinTokenCreate { note: "for the table".to_owned(), ..Default::default() };
        let token = machines::create_join_token(server.platform(), &admin.ctx(), request).await.unwrap();
        let (acme, node) = (server.test.customer("Acme").await, server.test.node("host-001").await);
        let lend = async |code: &str| {
            let body = AllocationCreate { customer_id: Some(acme.id), months: Some(3), ..Default::default() };
            allocations::create(server.platform(), &admin.ctx(), code, body).await.unwrap().allocation.id
        };
        let allocation = lend("host-001").await;
        // Another machine's, so that each request is the only open one of its allocation.
        server.test.node("host-002").await;
        lend("host-002").await;
        let wish = RenewalRequestCreate { months: Some(1), ..Default::default() };
        let asked = allocations::request_renewal(server.platform(), &acme.owner.ctx(), "host-002", wish).await.unwrap();
        let now = server.platform().clock().now();
        let window = MaintenanceCreate {
            starts_at: Some(now + chrono::TimeDelta::days(30)),
            ends_at: now + chrono::TimeDelta::days(31),
            message: "New fans".to_owned(),
        };
        let planned = machines::plan_maintenance(server.platform(), &admin.ctx(), "host-001", window).await.unwrap();
        let powers = [Permission::MachinesView, Permission::CustomersManage, Permission::UsersView];
        let custom = server.test.with_role("custom", &powers).await;
        let spare = RoleWrite { name: "Spare".to_owned(), ..Default::default() };
        let role = roles::create(server.platform(), &admin.ctx(), spare).await.unwrap().id;
        let extra = [server.test.outsider("extra1").await, server.test.outsider("extra2").await];
        for person in &extra {
            let body = MemberCreate { username: person.name.clone(), existing: true, ..Default::default() };
            customers::add_member(server.platform(), &admin.ctx(), acme.id, body).await.unwrap();
        }
        let staged = machines::stage_import(server.platform(), &admin.ctx(), "a.xlsx", vec![1]).await.unwrap();
        Self {
            operator: server.test.operator("operator").await,
            custom,
            target: server.test.outsider("target").await,
            extra,
            role,
            import: staged.id,
            maintenance: planned.maintenance[0].id,
            nowhere: server.test.outsider("stranger").await,
            globex: server.test.customer("Globex").await,
            allocation,
            request: asked.allocation.open_request.unwrap(),
            acme,
            node,
            join_token: token.token.id.to_string(),
            admin,
            server,
        }
    }

    fn person(&self, caller: &str) -> Option<&TestUser> {
        match caller {
            "nowhere" => Some(&self.nowhere),
            "member" => Some(&self.acme.member),
            "owner" => Some(&self.acme.owner),
            "other" => Some(&self.globex.owner),
            "admin" => Some(&self.admin),
            "operator" => Some(&self.operator),
            "custom" => Some(&self.custom),
            _ => None,
        }
    }

    /// Credentials as this caller brings them to this door; always new, because some calls end them.
    async fn credentials(&self, caller: &str, door: Door) -> Who {
        match (self.person(caller), door) {
            (Some(user), Door::ServerFn) => self.server.browser(user).await,
            (Some(user), _) => self.server.token(user).await,
            (None, _) if caller == "node" => Who::Bearer(self.node.key.clone()),
            (None, _) => Who::Nobody,
        }
    }

    /// A body the operation would take: what is refused is refused for who asks, not for what they say.
    fn body(&self, method: &str, path: &str) -> Value {
        let name = format!("m-{}", uuid::Uuid::new_v4().simple());
        match (method, path) {
            ("PUT", "/api/auth/list-columns/{list}") => json!({ "columns": ["name", "region"] }),
            ("POST", "/api/admin/machines/import/preview") => json!({ "any": "bytes" }),
            ("POST", "/api/admin/machines/bulk") => json!({ "ids": ["host-001"], "action": "monitoring-on" }),
            (
                "POST",
                "/api/admin/machines/{code}/cordon"
                | "/api/admin/machines/{code}/drain"
                | "/api/admin/machines/{code}/uncordon"
                | "/api/admin/machines/{code}/retire",
            ) => json!({}),
            ("POST", "/api/admin/machines/{code}/maintenance") => {
                json!({ "startsAt": "2100-01-01T00:00:00Z", "endsAt": "2100-01-02T00:00:00Z", "message": "New fans" })
            }
            ("PUT", "/api/admin/machines/{code}/connection") => json!({ "user": "root" }),
            ("POST", "/api/admin/monitoring/machines") => json!({ "id": "host-001" }),
            ("POST", "/api/auth/login") => json!({ "username": self.admin.name, "password": self.admin.password }),
            ("PUT", "/api/admin/customers/{id}/members/{userId}" | "/api/customer/members/{userId}") => {
                json!({ "role": "owner" })
            }
            ("PUT", "/api/admin/customers/{id}/owner" | "/api/customer/owner") => {
                json!({ "userId": self.acme.owner.id, "confirm": self.acme.name })
            }
            ("PUT", "/api/admin/customers/{id}/quota" | "/api/admin/users/{id}/quota") => json!({ "gpu": 8 }),
            ("PUT", "/api/admin/users/{id}") => json!({ "username": self.target.name }),
            ("POST", "/api/admin/users") => json!({ "username": name }),
            ("POST", "/api/admin/users/bulk") => json!({ "ids": [self.target.id], "action": "enable" }),
            ("POST", "/api/admin/users/{id}/password") => json!({}),
            ("POST", "/api/admin/users/{id}/roles") => json!({ "roleId": self.role }),
            ("POST", "/api/admin/machines" | "/api/admin/customers" | "/api/admin/roles") | ("PUT", _) => {
                json!({ "name": name })
            }
            ("POST", "/api/admin/customers/{id}/members" | "/api/customer/members") => json!({ "username": name }),
            ("POST", "/api/admin/machines/{code}/allocate") => json!({ "customerId": self.globex.id, "months": 1 }),
            ("POST", "/api/admin/allocations/bulk") => {
                json!({ "ids": [self.allocation], "action": "renew", "months": 1 })
            }
            ("POST", "/api/admin/allocations/{id}/renew") => json!({ "months": 1 }),
            ("POST", "/api/admin/allocations/{id}/reclaim") => json!({}),
            ("POST", "/api/admin/renewal-requests/{id}/decide") => json!({ "approve": true }),
            ("POST", "/api/customer/machines/{code}/renewal-requests") => json!({ "months": 1 }),
            ("POST", "/api/admin/machines/join-tokens") => json!({ "note": "another" }),
            _ => Value::Null,
        }
    }

    async fn rest(&self, who: &Who, method: &str, path: &str) -> Answer {
        let body = self.body(method, path);
        let id = match path.split('/').nth(3) {
            Some("customers") => self.acme.id.to_string(),
            Some("users") => self.target.id.to_string(),
            Some("roles") => self.role.to_string(),
            Some("allocations") => self.allocation.to_string(),
            Some("renewal-requests") => self.request.to_string(),
            _ => self.join_token.clone(),
        };
        let id = if path.contains("/import/") { self.import.to_string() } else { id };
        let id = if path.contains("/maintenance/") { self.maintenance.to_string() } else { id };
        let path = path.replace("{code}", "host-001").replace("{id}", &id).replace("{step}", "processes");
        let extra = &self.extra[usize::from(path.starts_with("/api/customer/"))];
        let path = path.replace("{userId}", &extra.id.to_string()).replace("{roleId}", &self.role.to_string());
        let path = path.replace("{list}", "machines");
        let request = self.server.request(who, method.parse().unwrap(), &path);
        Answer::of(if body.is_null() { request } else { request.json(&body) }).await
    }

    async fn server_fn(&self, who: &Who, name: &str) -> Answer {
        let fresh = format!("m-{}", uuid::Uuid::new_v4().simple());
        let (acme, globex) = (self.acme.id.to_string(), self.globex.id.to_string());
        let (allocation, request) = (self.allocation.to_string(), self.request.to_string());
        let (maintenance, import) = (self.maintenance.to_string(), self.import.to_string());
        let (target, role, extra) = (self.target.id.to_string(), self.role.to_string(), self.extra[0].id.to_string());
        let owner = self.acme.owner.id.to_string();
        let args: Vec<(&str, &str)> = match name {
            "add_existing_member" => vec![("id", &acme), ("username", &fresh), ("role", "member")],
            "set_member_role" => vec![("id", &acme), ("user", &extra), ("role", "owner")],
            "remove_member" => vec![("id", &acme), ("user", &extra)],
            "transfer_ownership" => vec![("id", &acme), ("user", &owner), ("confirm", &self.acme.name)],
            "set_customer_quota" => vec![("id", &acme), ("form[gpu]", "8")],
            "create_user" => vec![("form[username]", &fresh)],
            "update_user" => vec![("id", &target), ("form[username]", &self.target.name)],
            "act_on_users" => vec![("ids[]", &target), ("action", "enable")],
            "make_user_password" | "delete_user" | "restore_user" => vec![("id", &target)],
            "set_user_password" => vec![("id", &target), ("password", "a long enough password")],
            "set_user_quota" => vec![("id", &target), ("form[gpu]", "8")],
            "set_user_active" => vec![("id", &target), ("active", "true")],
            "create_role" => vec![("form[name]", &fresh)],
            "update_role" => vec![("id", &role), ("form[name]", &fresh)],
            "assign_role" | "revoke_role" => vec![("id", &target), ("role", &role)],
            "delete_role" => vec![("id", &role)],
            "sign_in" => vec![("username", &self.admin.name), ("password", self.admin.password)],
            "set_preferences" => vec![("theme", "dark")],
            "get_machine" | "machine_live" => vec![("code", "host-001")],
            "confirm_import" | "discard_import" => vec![("id", &import)],
            "act_on_allocations" => vec![("ids[]", &allocation), ("action", "renew"), ("months", "1")],
            "choose_columns" => vec![("list", "machines"), ("columns[]", "name")],
            "act_on_machine" => vec![("code", "host-001"), ("action", "monitoring-off")],
            "act_on_machines" => vec![("ids[]", "host-001"), ("action", "monitoring-on")],
            "plan_maintenance" => vec![
                ("code", "host-001"),
                ("form[starts]", "2100-01-01T00:00"),
                ("form[ends]", "2100-01-02T00:00"),
                ("form[message]", "New fans"),
            ],
            "cancel_maintenance" => vec![("code", "host-001"), ("id", &maintenance)],
            "set_connection" => vec![("code", "host-001"), ("form[user]", "root")],
            "machine_history" => vec![("code", "host-001"), ("range", "1h")],
            "create_machine" => vec![("form[name]", &fresh)],
            "update_machine" => vec![("code", "host-001"), ("form[name]", &fresh)],
            "create_join_token" => vec![("body[note]", "another")],
            "revoke_join_token" => vec![("id", &self.join_token)],
            "create_customer" => vec![("form[name]", &fresh)],
            "update_customer" => vec![("id", &acme), ("form[name]", &fresh)],
            "set_customer_active" => vec![("id", &acme), ("active", "true")],
            "add_customer_member" => vec![("id", &acme), ("body[username]", &fresh)],
            "allocate_machine" => {
                vec![("code", "host-001"), ("form[customer]", &globex), ("form[months]", "1")]
            }
            "renew_allocation" => vec![("id", &allocation), ("form[months]", "1")],
            "end_allocation" => vec![("id", &allocation)],
            "skip_reclaim_step" => vec![("id", &allocation), ("step", "processes")],
            "decide_renewal" => vec![("id", &request), ("form[decision]", "approve")],
            "request_renewal" => vec![("code", "host-001"), ("form[months]", "1")],
            _ => vec![],
        };
        self.server.call(who, name, &args).await
    }

    async fn call(&self, who: &Who, door: Door, method: &str, path: &str) -> (u16, Option<Answer>) {
        let answer = match door {
            Door::Rest => self.rest(who, method, path).await,
            Door::ServerFn => self.server_fn(who, path).await,
            Door::Socket | Door::Public => {
                let opened = dial_as(&self.server, who, path).await;
                return (opened.err().unwrap_or(101), None);
            }
        };
        (answer.status, Some(answer))
    }
}

/// What the status means, in the number every door gives.
fn code_of(status: u16) -> Option<u64> {
    match status {
        200 | 201 => Some(0),
        400 => Some(1000),
        401 => Some(1100),
        403 => Some(1200),
        404 => Some(1300),
        409 => Some(1400),
        422 => Some(1402),
        _ => None,
    }
}

#[test]
fn every_route_has_its_line_and_every_line_its_route() {
    let mut mounted = BTreeSet::new();
    let mut public = BTreeSet::new();
    for route in router::registry() {
        let place = match route.door {
            Door::Public => {
                public.insert(route.path);
                continue;
            }
            Door::ServerFn => route.path.rsplit('/').next().unwrap().to_owned(),
            Door::Rest | Door::Socket => route.path.clone(),
        };
        let line = (format!("{:?}", route.door), route.method, place);
        assert!(mounted.insert(line), "mounted twice: {}", route.path);
    }
    let table: BTreeSet<_> = TABLE
        .iter()
        .map(|(door, method, place, _)| (format!("{door:?}"), (*method).to_owned(), (*place).to_owned()))
        .collect();
    assert_eq!(table.len(), TABLE.len(), "a line stands twice");
    let missing: Vec<_> = mounted.difference(&table).collect();
    assert!(missing.is_empty(), "say who may call these: {missing:?}");
    let stale: Vec<_> = table.difference(&mounted).collect();
    assert!(stale.is_empty(), "these are mounted nowhere: {stale:?}");
    assert_eq!(public.iter().map(String::as_str).collect::<Vec<_>>(), PUBLIC, "public routes carry nothing of anybody");
}

#[tokio::test]
async fn everybody_gets_from_rest_and_sockets_what_the_table_says() {
    calls_answer_as_the_table_says(&[Door::Rest, Door::Socket]).await;
}

#[tokio::test]
async fn everybody_gets_from_server_functions_what_the_table_says() {
    calls_answer_as_the_table_says(&[Door::ServerFn]).await;
}

/// A world per kind of door, because some calls use up what they are about.
async fn calls_answer_as_the_table_says(doors: &[Door]) {
    let world = World::new().await;
    let mut wrong = Vec::new();
    for (door, method, path, expected) in TABLE.iter().filter(|(door, ..)| doors.contains(door)) {
        for (caller, expected) in CALLERS.iter().zip(expected) {
            let who = world.credentials(caller, *door).await;
            let (status, answer) = world.call(&who, *door, method, path).await;
            // A workbook is no envelope.
            let code = answer.as_ref().filter(|answer| !answer.text.starts_with("PK")).map(Answer::code);
            if status != *expected || (code.is_some() && code != code_of(*expected)) {
                let text = answer.map(|answer| answer.text).unwrap_or_default();
                wrong.push(format!("{door:?} {method} {path} as {caller}: {status} {code:?}, not {expected}: {text}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // What all these calls left in the log can be read in both languages.
    for word in world.server.sql("select distinct action || ' ' || target_kind from audit_events").await {
        let (action, kind) = word.split_once(' ').unwrap();
        for language in [Language::Zh, Language::En] {
            assert_ne!(texts::audit_action(language, action), action, "no {language:?} word for it");
            assert_ne!(texts::audit_kind(language, kind), kind, "no {language:?} word for it");
        }
    }
}
