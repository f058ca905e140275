//! /api/admin/customers/{id}/members, …/owner and …/quota.

use axum::response::Response;
use contract::access::{RecordingPolicy, RecordingPolicyUpdate};
use contract::customers::{MemberUpdate, OwnerTransfer};
use contract::quotas::{IdlePolicy, IdlePolicyUpdate, Quota, QuotaUsage};
use contract::{CustomerId, Envelope, UserId};
use platform::{customers, instances, quotas};

use crate::rest::{Body, Part, Rest};

/// Makes somebody an owner or a member, and ends their sessions for the customer.
#[utoipa::path(put, path = "/api/admin/customers/{id}/members/{userId}", tag = "customers",
    params(("id" = CustomerId, Path), ("userId" = UserId, Path)), request_body = MemberUpdate,
    responses((status = 200, description = "Changed"), (status = 422, description = "1402: the last owner")))]
pub async fn update(
    rest: Rest,
    Part((id, user)): Part<(CustomerId, UserId)>,
    Body(body): Body<MemberUpdate>,
) -> Response {
    rest.answer(customers::set_member_role(&rest.platform, &rest.ctx, id, user, body).await).await
}

/// Removes somebody from the customer; the account stays.
#[utoipa::path(delete, path = "/api/admin/customers/{id}/members/{userId}", tag = "customers",
    params(("id" = CustomerId, Path), ("userId" = UserId, Path)),
    responses((status = 200, description = "Removed"), (status = 422, description = "1402: the last owner")))]
pub async fn remove(rest: Rest, Part((id, user)): Part<(CustomerId, UserId)>) -> Response {
    rest.answer(customers::remove_member(&rest.platform, &rest.ctx, id, user).await).await
}

/// Makes one of its people the only owner.
#[utoipa::path(put, path = "/api/admin/customers/{id}/owner", tag = "customers", params(("id" = CustomerId, Path)),
    request_body = OwnerTransfer, responses((status = 200, description = "Handed over")))]
pub async fn transfer(rest: Rest, Part(id): Part<CustomerId>, Body(body): Body<OwnerTransfer>) -> Response {
    rest.answer(customers::transfer(&rest.platform, &rest.ctx, id, body).await).await
}

/// The customer's limits; null is unlimited.
#[utoipa::path(get, path = "/api/admin/customers/{id}/quota", tag = "customers", params(("id" = CustomerId, Path)),
    responses((status = 200, body = Envelope<Quota>)))]
pub async fn quota(rest: Rest, Part(id): Part<CustomerId>) -> Response {
    rest.answer(quotas::of_customer(&rest.platform, &rest.ctx, id).await).await
}

/// Replaces them.
#[utoipa::path(put, path = "/api/admin/customers/{id}/quota", tag = "customers", params(("id" = CustomerId, Path)),
    request_body = Quota, responses((status = 200, body = Envelope<Quota>)))]
pub async fn set_quota(rest: Rest, Part(id): Part<CustomerId>, Body(quota): Body<Quota>) -> Response {
    rest.answer(quotas::set_of_customer(&rest.platform, &rest.ctx, id, quota).await).await
}

/// The limits beside what is used now; null is what nothing counts yet.
#[utoipa::path(get, path = "/api/admin/customers/{id}/quota/usage", tag = "customers",
    params(("id" = CustomerId, Path)), responses((status = 200, body = Envelope<Vec<QuotaUsage>>)))]
pub async fn quota_usage(rest: Rest, Part(id): Part<CustomerId>) -> Response {
    rest.answer(quotas::usage_of_customer(&rest.platform, &rest.ctx, id).await).await
}

/// After how many hours without use its instances are stopped.
#[utoipa::path(get, path = "/api/admin/customers/{id}/idle-policy", tag = "customers",
    params(("id" = CustomerId, Path)), responses((status = 200, body = Envelope<IdlePolicy>)))]
pub async fn idle_policy(rest: Rest, Part(id): Part<CustomerId>) -> Response {
    rest.answer(instances::idle_policy(&rest.platform, &rest.ctx, id).await).await
}

/// Sets that; null is as for everybody.
#[utoipa::path(put, path = "/api/admin/customers/{id}/idle-policy", tag = "customers",
    params(("id" = CustomerId, Path)), request_body = IdlePolicyUpdate,
    responses((status = 200, body = Envelope<IdlePolicy>)))]
pub async fn set_idle_policy(rest: Rest, Part(id): Part<CustomerId>, Body(body): Body<IdlePolicyUpdate>) -> Response {
    rest.answer(instances::set_idle_policy(&rest.platform, &rest.ctx, id, body.after_hours).await).await
}

/// Whether its sessions are recorded.
#[utoipa::path(get, path = "/api/admin/customers/{id}/recording-policy", tag = "customers",
    params(("id" = CustomerId, Path)), responses((status = 200, body = Envelope<RecordingPolicy>)))]
pub async fn recording_policy(rest: Rest, Part(id): Part<CustomerId>) -> Response {
    rest.answer(instances::recording_policy(&rest.platform, &rest.ctx, id).await).await
}

/// Has its sessions recorded whatever holds for everybody, from the next one on; or as for everybody.
#[utoipa::path(put, path = "/api/admin/customers/{id}/recording-policy", tag = "customers",
    params(("id" = CustomerId, Path)), request_body = RecordingPolicyUpdate,
    responses((status = 200, body = Envelope<RecordingPolicy>)))]
pub async fn set_recording_policy(
    rest: Rest,
    Part(id): Part<CustomerId>,
    Body(body): Body<RecordingPolicyUpdate>,
) -> Response {
    rest.answer(instances::set_recording_policy(&rest.platform, &rest.ctx, id, body.always).await).await
}
