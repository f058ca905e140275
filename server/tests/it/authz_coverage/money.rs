//! Who gets what from the routes of budgets, of instances that nobody uses, of recordings, of statistics, of jobs and of
//! what images are good for, as in the table.

use server::router::Door;

/// Lines as of the table.
#[rustfmt::skip]
pub const MONEY: &[(Door, &str, &str, [u16; 9])] = &[
    (Door::Rest, "GET",   "/api/admin/customers/{id}/idle-policy",               [401, 404, 403, 403, 404, 200, 401, 200, 200]),
    (Door::Rest, "PUT",   "/api/admin/customers/{id}/idle-policy",               [401, 404, 403, 403, 404, 200, 401, 403, 403]),
    (Door::Rest, "GET",   "/api/admin/customers/{id}/recording-policy",          [401, 404, 403, 403, 404, 200, 401, 200, 200]),
    (Door::Rest, "PUT",   "/api/admin/customers/{id}/recording-policy",          [401, 404, 403, 403, 404, 200, 401, 403, 403]),
    (Door::ServerFn, "POST",  "set_customer_recording",                              [401, 404, 403, 403, 404, 200, 401, 403, 403]),
    // There is no shell, and no link to one.
    (Door::Rest, "POST", "/api/customer/instances/{id}/terminal/share",          [401, 404, 404, 404, 404, 404, 401, 404, 404]),
    (Door::Rest, "POST", "/api/customer/instances/{id}/terminal/unshare",        [401, 404, 404, 404, 404, 404, 401, 404, 404]),
    (Door::Rest, "POST", "/api/customer/instances/{id}/terminal/watch",          [401, 404, 404, 404, 404, 404, 401, 404, 404]),
    // No reason is given: 400 says that the caller was let in.
    (Door::Rest, "POST", "/api/admin/instances/{id}/terminal/watch",             [401, 404, 404, 404, 404, 400, 401, 400, 404]),
    // There is no ticket for it; `watching.rs` shows those who have one.
    (Door::Socket, "GET", "/ws/instances/{id}/terminal/watch",                   [401, 404, 403, 403, 404, 403, 401, 403, 404]),
    // It does not run: 422 says that the caller was let in.
    (Door::Rest, "POST", "/api/customer/instances/{id}/keep",                   [401, 404, 404, 422, 404, 404, 401, 404, 404]),
    (Door::Rest, "GET",  "/api/customer/instances/{id}/sizes",                  [401, 404, 404, 200, 404, 404, 401, 404, 404]),
    // There is no such spec: 400 says that the caller was let in.
    (Door::Rest, "POST", "/api/customer/instances/{id}/resize",                 [401, 404, 404, 400, 404, 404, 401, 404, 404]),
    (Door::Rest, "GET",  "/api/admin/billing/budgets",                           [401, 404, 404, 404, 404, 200, 401, 404, 404]),
    (Door::Rest, "POST", "/api/admin/billing/budgets",                           [401, 404, 404, 404, 404, 201, 401, 404, 404]),
    (Door::Rest, "GET",  "/api/admin/billing/budgets/export",                    [401, 404, 404, 404, 404, 200, 401, 404, 404]),
    (Door::Rest, "PUT",  "/api/admin/billing/budgets/{id}",                      [401, 404, 404, 404, 404, 200, 401, 404, 404]),
    (Door::Rest, "POST", "/api/admin/billing/budgets/{id}/lift",                 [401, 404, 404, 404, 404, 200, 401, 404, 404]),
    (Door::Rest, "DELETE","/api/admin/billing/budgets/{id}",                      [401, 404, 404, 404, 404, 200, 401, 404, 404]),
    // What their customer means to spend is the owners'.
    (Door::Rest, "GET",  "/api/customer/billing/budgets",                        [401, 404, 404, 200, 200, 404, 401, 404, 404]),
    (Door::Rest, "POST", "/api/customer/billing/budgets",                        [401, 404, 404, 201, 201, 404, 401, 404, 404]),
    (Door::Rest, "GET",  "/api/customer/billing/budgets/export",                 [401, 404, 404, 200, 200, 404, 401, 404, 404]),
    (Door::Rest, "PUT",  "/api/customer/billing/budgets/{id}",                   [401, 404, 404, 200, 404, 404, 401, 404, 404]),
    (Door::Rest, "DELETE","/api/customer/billing/budgets/{id}",                   [401, 404, 404, 200, 404, 404, 401, 404, 404]),
    (Door::ServerFn, "POST",  "set_customer_idle",                                   [401, 404, 403, 403, 404, 200, 401, 403, 403]),
    (Door::ServerFn, "POST", "list_budgets",                                     [401, 404, 404, 404, 404, 200, 401, 404, 404]),
    (Door::ServerFn, "POST", "save_budget",                                      [401, 404, 404, 404, 404, 200, 401, 404, 404]),
    (Door::ServerFn, "POST", "lift_budget",                                      [401, 404, 404, 404, 404, 200, 401, 404, 404]),
    (Door::ServerFn, "POST", "delete_budget",                                    [401, 404, 404, 404, 404, 200, 401, 404, 404]),
    (Door::ServerFn, "POST", "list_own_budgets",                                 [401, 404, 404, 200, 200, 404, 401, 404, 404]),
    (Door::ServerFn, "POST", "save_own_budget",                                  [401, 404, 404, 200, 200, 404, 401, 404, 404]),
    (Door::ServerFn, "POST", "delete_own_budget",                                [401, 404, 404, 200, 404, 404, 401, 404, 404]),
    (Door::ServerFn, "POST", "keep_own_instance",                                [401, 404, 404, 422, 404, 404, 401, 404, 404]),
    (Door::Rest, "GET",   "/api/admin/statistics/resources",                     [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::Rest, "GET",   "/api/admin/statistics/resources/export",              [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::Rest, "GET",   "/api/admin/statistics/customers",                     [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::Rest, "GET",   "/api/admin/statistics/customers/export",              [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::Rest, "GET",   "/api/admin/statistics/usage",                         [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::Rest, "GET",   "/api/admin/statistics/usage/export",                  [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::Rest, "GET",   "/api/admin/jobs",                                     [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::Rest, "GET",  "/api/admin/jobs/export",                               [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::Rest, "GET",  "/api/admin/jobs/status",                               [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::Rest, "GET",  "/api/admin/jobs/workers",                              [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::Rest, "GET",  "/api/admin/jobs/statistics",                           [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::Rest, "GET",  "/api/admin/jobs/{id}",                                 [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    // It has not failed, and is not one that can be left undone: 422 says that the caller was let in.
    (Door::Rest, "POST", "/api/admin/jobs/{id}/cancel",                          [401, 404, 404, 404, 404, 422, 401, 403, 404]),
    (Door::Rest, "POST", "/api/admin/jobs/{id}/retry",                           [401, 404, 404, 404, 404, 422, 401, 403, 404]),
    (Door::ServerFn, "POST", "list_jobs",                                        [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::ServerFn, "POST", "get_job",                                          [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::ServerFn, "POST", "read_job_status",                                  [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::ServerFn, "POST", "job_workers",                                      [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::ServerFn, "POST", "read_job_statistics",                              [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::ServerFn, "POST", "cancel_job",                                       [401, 404, 404, 404, 404, 422, 401, 403, 404]),
    (Door::ServerFn, "POST", "retry_job",                                        [401, 404, 404, 404, 404, 422, 401, 403, 404]),
    (Door::ServerFn, "POST", "own_instance_sizes",                               [401, 404, 404, 200, 404, 404, 401, 404, 404]),
    (Door::ServerFn, "POST", "resize_own_instance",                              [401, 404, 404, 400, 404, 404, 401, 404, 404]),
    (Door::Rest, "GET",  "/api/customer/jobs",                                   [401, 404, 200, 200, 200, 404, 401, 404, 404]),
    (Door::Rest, "GET",  "/api/customer/storage/quota",                          [401, 404, 200, 200, 200, 404, 401, 404, 404]),
    (Door::ServerFn, "POST", "list_own_jobs",                                    [401, 404, 200, 200, 200, 404, 401, 404, 404]),
    (Door::ServerFn, "POST", "read_storage",                                     [401, 404, 200, 200, 200, 404, 401, 404, 404]),
    (Door::ServerFn, "POST", "list_uploads",                                     [401, 404, 200, 200, 200, 200, 401, 404, 404]),
    (Door::ServerFn, "POST", "abort_upload",                                     [401, 404, 403, 200, 404, 200, 401, 404, 404]),
    (Door::Rest, "GET",  "/api/customer/access/sessions/export",                 [401, 404, 200, 200, 200, 404, 401, 404, 404]),
    (Door::Rest, "GET",  "/api/admin/announcements/export",                      [401, 404, 404, 404, 404, 200, 401, 404, 404]),
    (Door::Rest, "GET",  "/api/admin/access/sessions/export",                    [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    // It is the owner's; members have their own. Nothing of it is in the store: `recordings.rs` plays one.
    (Door::Rest, "GET",  "/api/customer/access/recordings",                      [401, 404, 200, 200, 200, 404, 401, 404, 404]),
    (Door::Rest, "GET",  "/api/customer/access/recordings/{id}",                 [401, 404, 404, 200, 404, 404, 401, 404, 404]),
    (Door::Rest, "GET",  "/api/customer/access/recordings/{id}/content",         [401, 404, 404, 404, 404, 404, 401, 404, 404]),
    (Door::Rest, "GET",  "/api/admin/access/recordings",                         [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::Rest, "GET",  "/api/admin/access/recordings/{id}",                    [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    // No reason is given: 400 says that the caller was let in.
    (Door::Rest, "GET",  "/api/admin/access/recordings/{id}/content",            [401, 404, 404, 404, 404, 400, 401, 400, 404]),
    (Door::ServerFn, "POST", "list_own_recordings",                              [401, 404, 200, 200, 200, 404, 401, 404, 404]),
    (Door::ServerFn, "POST", "get_own_recording",                                [401, 404, 404, 200, 404, 404, 401, 404, 404]),
    (Door::ServerFn, "POST", "list_recordings",                                  [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::ServerFn, "POST", "get_recording",                                    [401, 404, 404, 404, 404, 200, 401, 200, 404]),
    (Door::Rest, "GET",  "/api/admin/images/cleanup",                            [401, 404, 404, 404, 404, 200, 401, 403, 404]),
    // No image is named: 400 says that the caller was let in.
    (Door::Rest, "POST", "/api/admin/images/cleanup/apply",                      [401, 404, 404, 404, 404, 400, 401, 403, 404]),
    (Door::Rest, "GET",  "/api/admin/images/cleanup/runs",                       [401, 404, 404, 404, 404, 200, 401, 403, 404]),
    // Nobody approved it: `instances_both_doors.rs` shows who deploys one.
    (Door::Rest, "POST", "/api/customer/images/{id}/deploy",                     [401, 404, 404, 404, 404, 404, 401, 404, 404]),
    (Door::ServerFn, "POST", "preview_image_cleanup",                            [401, 404, 404, 404, 404, 200, 401, 403, 404]),
    (Door::ServerFn, "POST", "start_image_cleanup",                              [401, 404, 404, 404, 404, 400, 401, 403, 404]),
    (Door::ServerFn, "POST", "list_image_cleanups",                              [401, 404, 404, 404, 404, 200, 401, 403, 404]),
];
