//! What the pages and forms of accounts call.

use contract::accounts::{SessionView, SessionsEnded};
use contract::users::{UserAction, UserCreated, UserQuery, UserRow, UserSecret};
use contract::{ApiError, BulkOutcome, CustomerId, IdentityId, Page, PageQuery, RoleId, SessionId, UserId};
use leptos::prelude::*;

use super::form::{QuotaForm, UserForm};
#[cfg(feature = "ssr")]
use crate::{door, paths};
#[cfg(feature = "ssr")]
use platform::accounts::ShownOnce;

/// A page of people.
#[server]
pub async fn list_users(#[server(default)] query: UserQuery) -> Result<Page<UserRow>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::accounts::users::list(&platform, &ctx, &query).await).await
}

/// Adds an account and goes to it, where a password that was made is shown once.
#[server]
pub async fn create_user(#[server(default)] form: UserForm) -> Result<Option<UserCreated>, ApiError> {
    let (platform, ctx) = door::door();
    let result = async {
        if !form.is_alike() {
            door::must_hold(&ctx, contract::Permission::UsersCreate)?;
            return Err(platform::Error::field("again", "field-password-differs"));
        }
        platform::accounts::users::create(&platform, &ctx, form.create()).await
    };
    let result = result.await;
    let next = |made: &UserCreated| paths::user(made.user.user.id);
    let text = |made: &UserCreated| Some(format!("{}  {}", made.user.user.name, made.password.as_ref()?));
    let secret = (ShownOnce::NewPassword, text);
    door::secret_answer((&platform, &ctx), result, secret, next, paths::USER_NEW, form.typed()).await
}

/// Changes an account and goes back to it.
#[server]
pub async fn update_user(id: UserId, #[server(default)] form: UserForm) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::accounts::users::update(&platform, &ctx, id, form.update()).await;
    let next = |_| paths::user_done(id, "changed");
    door::form_answer((&platform, &ctx), result, next, &paths::user_edit(id), form.typed()).await
}

/// Disables or enables an account.
#[server]
pub async fn set_user_active(id: UserId, active: bool) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::accounts::users::set_active(&platform, &ctx, id, active).await;
    let next = |_| paths::user_done(id, if active { "enabled" } else { "disabled" });
    door::form_answer((&platform, &ctx), result, next, &paths::user(id), Vec::new()).await
}

/// The same with many. Back to the list of these filters when all is done, which says so, else to what is left, with why.
#[server]
pub async fn act_on_users(
    action: UserAction,
    #[server(default)] ids: Vec<UserId>,
    #[server(default)] filters: String,
) -> Result<Vec<BulkOutcome>, ApiError> {
    let (platform, ctx) = door::door();
    let chosen: Vec<_> = ids.iter().map(ToString::to_string).collect();
    let page = paths::users_bulk(action.code(), &chosen, 0);
    let page = if filters.is_empty() { page } else { format!("{page}&{filters}") };
    let bulk = contract::users::UserBulk { ids, matching: None, action };
    let outcomes = platform::accounts::users::act_on_many(&platform, &ctx, bulk).await;
    let Some(outcomes) = door::answer_or_back((&platform, &ctx), outcomes, &page).await? else { return Ok(Vec::new()) };
    let outcomes = door::outcomes(&platform, &ctx, outcomes).await;
    if door::wants_page() {
        let left: Vec<_> = outcomes.iter().filter(|one| !one.done).map(|one| one.id.clone()).collect();
        let done = outcomes.len() - left.len();
        let next = match left.is_empty() {
            true => format!("{}?done={done}", paths::USERS),
            false => paths::users_bulk(action.code(), &left, done),
        };
        // The list was narrowed and ordered: it is again.
        let next = if filters.is_empty() { next } else { format!("{next}&{filters}") };
        door::see_other(&door::signed_afterword(&next));
    }
    Ok(outcomes)
}

/// Deletes an account so that it can be brought back.
#[server]
pub async fn delete_user(id: UserId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::accounts::users::delete(&platform, &ctx, id).await;
    let next = |_| paths::user_done(id, "deleted");
    door::form_answer((&platform, &ctx), result, next, &paths::user(id), Vec::new()).await
}

/// Brings a deleted account back.
#[server]
pub async fn restore_user(id: UserId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::accounts::users::restore(&platform, &ctx, id).await;
    let next = |_| paths::user_done(id, "restored");
    door::form_answer((&platform, &ctx), result, next, &paths::user(id), Vec::new()).await
}

/// Makes a new password; the account's page shows it once.
#[server]
pub async fn make_user_password(id: UserId, #[server(default)] local: bool) -> Result<Option<UserSecret>, ApiError> {
    let (platform, ctx) = door::door();
    let body = contract::users::UserPassword { password: None, local };
    let made = platform::accounts::users::set_password(&platform, &ctx, id, body).await;
    let text = |made: &UserSecret| Some(format!("{}  {}", made.username, made.password.as_ref()?));
    let secret = (ShownOnce::NewPassword, text);
    door::secret_answer((&platform, &ctx), made, secret, |_| paths::user(id), &paths::user(id), Vec::new()).await
}

/// Gives the account the password that was typed.
#[server]
pub async fn set_user_password(
    id: UserId,
    password: String,
    again: Option<String>,
    #[server(default)] local: bool,
) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let alike = again.is_none_or(|again| again == password);
    // An empty field must not make a password that nobody sees.
    let fault = match (password.is_empty(), alike) {
        (true, _) => Some(("password", "field-required")),
        (false, false) => Some(("again", "field-password-differs")),
        (false, true) => None,
    };
    let result = match fault {
        Some((path, key)) => {
            door::must_hold(&ctx, contract::Permission::UsersUpdate).and(Err(platform::Error::field(path, key)))
        }
        None => {
            let body = contract::users::UserPassword { password: Some(password), local };
            platform::accounts::users::set_password(&platform, &ctx, id, body).await
        }
    };
    let next = |_| paths::user_done(id, "password");
    door::form_answer((&platform, &ctx), result, next, &paths::user(id), Vec::new()).await
}

/// Where somebody is signed in.
#[server]
pub async fn list_user_sessions(
    id: UserId,
    #[server(default)] query: PageQuery,
) -> Result<Page<SessionView>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::accounts::users::sessions(&platform, &ctx, id, &query).await).await
}

/// Ends one of somebody's sessions or API tokens.
#[server]
pub async fn end_user_session(id: UserId, session: SessionId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::accounts::users::end_session(&platform, &ctx, id, session).await;
    let next = |()| paths::user_done(id, "session");
    door::form_answer((&platform, &ctx), result, next, &paths::user(id), Vec::new()).await
}

/// Ends all of them.
#[server]
pub async fn end_user_sessions(id: UserId) -> Result<Option<SessionsEnded>, ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::accounts::users::end_sessions(&platform, &ctx, id).await;
    if !door::wants_page() {
        return door::answer(&platform, &ctx, result.map(Some)).await;
    }
    let back = paths::user(id);
    let next = |_| paths::user_done(id, "sessions");
    let answer = door::form_answer((&platform, &ctx), result, next, &back, Vec::new());
    answer.await.map(|()| None)
}

/// Switches somebody's second factor off.
#[server]
pub async fn reset_user_second_factor(id: UserId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::accounts::users::reset_second_factor(&platform, &ctx, id).await;
    let next = |_| paths::user_done(id, "totp");
    door::form_answer((&platform, &ctx), result, next, &paths::user(id), Vec::new()).await
}

/// Parts somebody's account from a sign-in service or directory.
#[server]
pub async fn unlink_user_identity(
    id: UserId,
    identity: IdentityId,
    #[server(default)] only_way: bool,
) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::accounts::users::unlink_identity(&platform, &ctx, (id, identity), only_way).await;
    let next = |_| paths::user_done(id, "parted");
    door::form_answer((&platform, &ctx), result, next, &paths::user(id), Vec::new()).await
}

/// Gives somebody a role of the platform.
#[server]
pub async fn assign_role(id: UserId, role: RoleId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::roles::assign(&platform, &ctx, id, role).await;
    let next = |_| paths::user_done(id, "role");
    door::form_answer((&platform, &ctx), result, next, &paths::user(id), Vec::new()).await
}

/// Takes it away.
#[server]
pub async fn revoke_role(id: UserId, role: RoleId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::roles::revoke(&platform, &ctx, id, role).await;
    let next = |_| paths::user_done(id, "role-taken");
    door::form_answer((&platform, &ctx), result, next, &paths::user(id), Vec::new()).await
}

/// Sets a person's limits.
#[server]
pub async fn set_user_quota(id: UserId, #[server(default)] form: QuotaForm) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = match form.read() {
        Ok(quota) => platform::quotas::set_of_user(&platform, &ctx, id, quota).await,
        Err(error) => door::must_hold(&ctx, contract::Permission::UsersUpdate).and(Err(error)),
    };
    let next = |_| paths::user_done(id, "quota");
    door::form_answer((&platform, &ctx), result, next, &paths::user(id), form.typed()).await
}

/// Sets a customer's limits.
#[server]
pub async fn set_customer_quota(id: CustomerId, #[server(default)] form: QuotaForm) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = match form.read() {
        Ok(quota) => platform::quotas::set_of_customer(&platform, &ctx, id, quota).await,
        Err(error) => door::must_hold(&ctx, contract::Permission::CustomersUpdate).and(Err(error)),
    };
    door::form_answer((&platform, &ctx), result, |_| paths::customer(id), &paths::customer(id), form.typed()).await
}
