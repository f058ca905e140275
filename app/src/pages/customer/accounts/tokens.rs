//! One's API tokens: for programs that run without a person at hand.

use chrono::TimeDelta;
use contract::accounts::{ApiTokenCreate, ApiTokenView};
use contract::{Page, Permission};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use platform::accounts::{self, ShownOnce};
use platform::{Error, OpContext};

use super::page::{done_notice, tabs};
use super::server_fns::{CreateApiToken, RevokeApiToken, RevokeApiTokens};
use crate::door::{Refused, door, look, must_hold};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::role_words::permission_title;
use crate::ui::ask::Ask;
use crate::ui::copy::copy_button;
use crate::ui::forms::{TextField, form_fault, select_field, text_field};
use crate::ui::lists::{ListQuery, pager_of, past_the_end};
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::words::Words;

/// Lives a token can be given, in days; empty is for ever.
const DAYS: [&str; 5] = ["30", "90", "180", "365", ""];

/// The body from what was typed; `reach` is `some` when the scopes count.
pub(super) fn read_form(
    ctx: &OpContext,
    name: String,
    reach: &str,
    days: &str,
    scopes: &[String],
) -> platform::Result<ApiTokenCreate> {
    must_hold(ctx, Permission::AccountsSecureOwn)?;
    let days = match days.trim() {
        "" => None,
        days => Some(days.parse::<u16>().map_err(|_| Error::field("expiresAt", "field-not-a-number"))?),
    };
    let read = |scope: &String| Permission::parse(scope).ok_or_else(|| Error::field("scopes", "field-unknown-value"));
    let scopes = match reach {
        "some" => Some(scopes.iter().map(read).collect::<platform::Result<_>>()?),
        _ => None,
    };
    let expires_at = days.map(|days| ctx.now() + TimeDelta::days(days.into()));
    Ok(ApiTokenCreate { name, scopes, expires_at })
}

/// `/account/tokens`.
#[component]
pub fn TokensPage() -> impl IntoView {
    let (platform, ctx) = door();
    let asked = list_here().asked();
    let load = async move {
        let list = accounts::list_api_tokens(&platform, &ctx, &asked).await?;
        Ok((list, accounts::take_for_page(&platform, &ctx, ShownOnce::ApiToken).await?))
    };
    page(load, |(list, made)| tokens_view(list, made))
}

fn list_here() -> ListQuery {
    ListQuery::here(paths::ACCOUNT_TOKENS, ["pageSize", "page"])
}

fn tokens_view(tokens: Page<ApiTokenView>, made: Option<String>) -> AnyView {
    let words = Words::now();
    let refused = Refused::from_query();
    let general = refused.as_ref().filter(|r| r.fields.is_empty()).map(|r| r.message(words.0));
    let head = PageFrame::new(words.t("tokens-title"), Area::Account).crumb(words.t("account-title"), paths::ACCOUNT);
    let head = match tokens.total > 1 {
        true => head.actions(
            Ask::new("all", words.t("tokens-revoke-all"), words.t("tokens-revoke-all-hint"), RevokeApiTokens::url())
                .class("btn")
                .yes(words.t("tokens-revoke-all-confirm"))
                .view(words),
        ),
        false => head,
    };
    let pages = pager_of(words, &list_here(), &tokens);
    let past = past_the_end(words, &list_here(), tokens.page, tokens.page_size, tokens.total);
    let list = past.unwrap_or_else(|| list(words, tokens.list));
    let done = done_notice(words, refused.is_some(), &[("one", "tokens-done-one"), ("all", "tokens-done-all")]);
    frame(
        head,
        view! {
            {tabs(words, paths::ACCOUNT_TOKENS)}
            {done}
            {form_fault(general)}
            {made.map(|secret| view! {
                <section class="card" role="status">
                    <header><h2>{words.t("tokens-made")}</h2></header>
                    <p class="note-line">{words.t("tokens-made-hint")}</p>
                    <div class="note-line">
                        <p class="command-line">
                            <code class="select">{secret.clone()}</code>
                            {copy_button(secret, words.t("copy"), words.t("copied"))}
                        </p>
                    </div>
                </section>
            })}
            <section class="card">
                <header>
                    <h2>{words.t("tokens-list")}</h2>
                    <span class="end">{words.t("tokens-explained")}</span>
                </header>
                {list}
                {pages}
            </section>
            {form(words, refused.as_ref())}
        },
    )
}

fn form(words: Words, refused: Option<&Refused>) -> impl IntoView + use<> {
    let typed = |name: &str| refused.and_then(|r| r.typed.get(name).cloned());
    let fault = |path: &str| refused.and_then(|r| r.fault(words.0, path));
    let name = TextField {
        label: words.t("tokens-name"),
        name: "name".to_owned(),
        value: typed("name").unwrap_or_default(),
        fault: fault("name"),
        hint: Some(words.t("tokens-name-hint")),
        required: true,
        max_length: Some(100),
        ..TextField::default()
    };
    let days = DAYS.map(|days| {
        let word = match days {
            "" => words.t("tokens-for-ever"),
            days => words.with("tokens-days", &[("n", days.to_owned())]),
        };
        (days.to_owned(), word)
    });
    let reach = ["all", "some"].map(|reach| (reach.to_owned(), words.t(&format!("tokens-reach-{reach}"))));
    let scopes = accounts::grantable_scopes(&door().1).into_iter().map(|scope| {
        view! {
            <label>
                <input r#type="checkbox" name="scopes[]" value=scope.name() />
                <span>{permission_title(words.0, scope)} " " <span class="sub mono">{scope.name()}</span></span>
            </label>
        }
    });
    view! {
        <section class="card">
            <header><h2>{words.t("tokens-new")}</h2></header>
            <form class="form" method="post" action=CreateApiToken::url()>
                <fieldset>
                    {text_field(name)}
                    {select_field(words.t("tokens-life"), "days", days.into(), &typed("days").unwrap_or_else(|| "90".to_owned()), fault("expiresAt"))}
                    {select_field(words.t("tokens-reach"), "reach", reach.into(), &typed("reach").unwrap_or_default(), fault("scopes"))}
                </fieldset>
                <details open=fault("scopes").is_some()>
                    <summary>{words.t("tokens-scopes")}</summary>
                    <div class="scopes" role="group" aria-label=words.t("tokens-scopes")>{scopes.collect_view()}</div>
                </details>
                <p class="actions"><button class="btn primary">{words.t("tokens-create")}</button></p>
            </form>
        </section>
    }
}

fn list(words: Words, tokens: Vec<ApiTokenView>) -> AnyView {
    if tokens.is_empty() {
        return view! { <div class="empty"><p>{words.t("tokens-empty")}</p></div> }.into_any();
    }
    let heads = ["tokens-name", "tokens-start", "tokens-reach", "tokens-created", "tokens-used", "tokens-expires"]
        .map(|key| view! { <th scope="col">{words.t(key)}</th> })
        .collect_view();
    let rows = tokens.into_iter().map(|token| row(words, token)).collect_view();
    view! {
        {list_table(words.t("tokens-list"), view! {
            {heads}
            <th scope="col"><span class="unseen-text">{words.t("list-actions")}</span></th>
        }, rows)}
    }
    .into_any()
}

fn row(words: Words, token: ApiTokenView) -> impl IntoView {
    let zone = look().zone;
    let reach = match &token.scopes {
        None => words.t("tokens-reach-all"),
        Some(scopes) => scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(&words.t("list-separator")),
    };
    let says = token.scopes.is_some().then_some("says");
    let used = match token.last_used_at {
        Some(at) => {
            let from = token.last_used_from.clone().map(|from| view! { " " <span class="sub mono">{from}</span> });
            view! { {time(at, zone)} {from} }.into_any()
        }
        None => words.t("tokens-never-used").into_any(),
    };
    let expires = match token.expires_at {
        Some(at) => time(at, zone).into_any(),
        None => words.t("tokens-for-ever").into_any(),
    };
    let revoke =
        Ask::new(token.id.to_string(), words.t("tokens-revoke"), words.t("tokens-revoke-hint"), RevokeApiToken::url())
            .row(words.with("tokens-revoke-of", &[("name", token.name.clone())]))
            .yes(words.t("tokens-revoke-confirm"))
            .field("id", token.id)
            .view(words);
    view! {
        <tr>
            <th scope="row">{token.name}</th>
            <td data-label=words.t("tokens-start") class="mono">{format!("{}…", token.start)}</td>
            <td data-label=words.t("tokens-reach") class=says>{reach}</td>
            <td data-label=words.t("tokens-created")>{time(token.created_at, zone)}</td>
            <td data-label=words.t("tokens-used")>{used}</td>
            <td data-label=words.t("tokens-expires")>{expires}</td>
            <td class="row-actions">{revoke}</td>
        </tr>
    }
}
