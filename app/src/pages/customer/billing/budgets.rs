//! What both portals show of budgets: how they stand, and the form of one.

use contract::budgets::{BudgetQuery, BudgetRule, BudgetView};
use contract::{BudgetId, CustomerId, MAX_PAGE_SIZE};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::budget_form::BudgetForm;
use super::server_fns::{DeleteOwnBudget, SaveOwnBudget};
use crate::door::{Refused, look};
use crate::pages::admin::billing::server_fns::{DeleteBudget, LiftBudget, SaveBudget};
use crate::paths;
use crate::ui::ask::Ask;
use crate::ui::forms::{TextField, hinted_select, text_field};
use crate::ui::money::money;
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::ways;
use crate::words::Words;

/// Where they are shown, and what may be done there.
#[derive(Clone, Copy)]
pub struct Place {
    /// With customers, and what staff can do.
    pub staff: bool,
    /// Whose they are, where they are one customer's; only there they are made and changed.
    pub customer: Option<CustomerId>,
    /// Who reads it may make them.
    pub manages: bool,
    /// The one that is being changed.
    pub edited: Option<BudgetId>,
}

impl Place {
    /// The page that the forms are on.
    fn page(self, customer: CustomerId) -> String {
        if self.staff { paths::customer(customer) } else { paths::OWN_BILLING.to_owned() }
    }

    fn is_of_one(self) -> bool {
        !self.staff || self.customer.is_some()
    }
}

/// All that fit on a page.
pub fn query(customer: Option<CustomerId>) -> BudgetQuery {
    BudgetQuery { customer_id: customer, page_size: Some(MAX_PAGE_SIZE), ..BudgetQuery::default() }
}

/// How they stand, with what can be done.
pub fn budgets_card(words: Words, place: Place, budgets: Vec<BudgetView>, refused: Option<&Refused>) -> AnyView {
    let typed = refused.and_then(BudgetForm::from_typed);
    let edited = place.edited.and_then(|id| budgets.iter().find(|view| view.id == id && view.may_change));
    let form = (place.manages && place.is_of_one()).then(|| {
        let open = typed.is_some() || edited.is_some();
        let form = typed.or_else(|| edited.map(BudgetForm::of)).unwrap_or_else(|| BudgetForm::new(place.customer));
        form_view(words, place, &form, refused.filter(|it| it.typed.contains_key("amount")), open)
    });
    let side = if place.staff { "admin" } else { "customer" };
    let pairs = [("customerId", place.customer.filter(|_| place.staff).map(|id| id.to_string()).unwrap_or_default())];
    let pairs = pairs.iter().map(|(name, value)| (*name, value.as_str()));
    let export = paths::with_query(&format!("/api/{side}/billing/budgets/export"), pairs);
    let table = if budgets.is_empty() {
        view! { <div class="empty"><p>{words.t("budgets-none")}</p></div> }.into_any()
    } else {
        let head = view! {
            <th scope="col">{words.t("budget-name")}</th>
            <th scope="col" class="num">{words.t("budget-spent")}</th>
            <th scope="col" class="num">{words.t("budget-amount")}</th>
            <th scope="col" class="num">{words.t("budget-projected")}</th>
            <th scope="col">{words.t("budget-rule")}</th>
            <th scope="col">{words.t("budget-state")}</th>
            <th scope="col"></th>
        };
        let rows = budgets.iter().map(|view| row(words, place, view)).collect_view();
        list_table(words.t("budgets-title"), head, rows)
    };
    view! {
        <section class="card" id="budgets">
            <header>
                <h2>{words.t("budgets-title")}</h2>
                <div class="end"><a class="btn small" href=export download="">{words.t("budgets-export")}</a></div>
            </header>
            {table}
            <p class="note-line">{words.t("budgets-explained")}</p>
            {form}
        </section>
    }
    .into_any()
}

fn row(words: Words, place: Place, view: &BudgetView) -> impl IntoView + use<> {
    let customer = view.customer_name.clone().filter(|_| !place.is_of_one()).map(|name| {
        view! { " " {ways::name(paths::customer(view.customer_id), name)} }
    });
    let platforms = (view.side.code() == "platform").then(|| {
        view! { " " <span class="sub">{words.t("budget-side-platform")}</span> }
    });
    let grace = (view.rule == BudgetRule::Stop)
        .then(|| view! { " " <span class="sub">{words.with("budget-grace-hours", &[("hours", view.grace_hours.to_string())])}</span> });
    view! {
        <tr>
            <th scope="row">{view.name.clone()} {customer} {platforms}</th>
            <td class="num" data-label=words.t("budget-spent")>
                {money(words, &view.spent, &view.currency)} " " <span class="sub">{format!("{} %", view.percent)}</span>
            </td>
            <td class="num" data-label=words.t("budget-amount")>{money(words, &view.amount, &view.currency)}</td>
            <td class="num" data-label=words.t("budget-projected")>{money(words, &view.projected, &view.currency)}</td>
            <td data-label=words.t("budget-rule")>{words.t(&format!("budget-rule-{}", view.rule.code()))} {grace}</td>
            <td data-label=words.t("budget-state")>{stands(words, view)}</td>
            <td class="row-actions">{actions(words, place, view)}</td>
        </tr>
    }
}

/// How it stands this month, and what follows.
fn stands(words: Words, view: &BudgetView) -> AnyView {
    let zone = look().zone;
    let left = view! { <span class="sub">{words.t("budget-until")} " " {time(view.ends_at, zone)}</span> };
    if let Some(lifted) = &view.lifted {
        let who = words.with("budget-lifted-by", &[("by", lifted.by.clone()), ("because", lifted.because.clone())]);
        return view! { {state(Tone::Info, words.t("budget-lifted"))} " " <span class="sub">{who}</span> " " {left} }
            .into_any();
    }
    let warned = view.thresholds.first().is_some_and(|first| view.percent >= u64::from(*first));
    let said = match (view.stops_at, view.is_spent(), view.rule) {
        (Some(at), true, _) => {
            return view! { {state(Tone::Bad, words.t("budget-stops"))} " " {time(at, zone)} }.into_any();
        }
        (_, true, BudgetRule::Warn) => state(Tone::Warn, words.t("budget-spent-all")).into_any(),
        (_, true, _) => state(Tone::Bad, words.t("budget-refuses")).into_any(),
        (_, false, _) if warned => state(Tone::Warn, words.t("budget-within-warned")).into_any(),
        (_, false, _) => state(Tone::Ok, words.t("budget-within")).into_any(),
    };
    view! { {said} " " {left} }.into_any()
}

fn actions(words: Words, place: Place, view: &BudgetView) -> Option<AnyView> {
    if !view.may_change {
        return None;
    }
    let (id, name) = (view.id, view.name.clone());
    let label = |key: &str| words.labelled(words.t(key), name.clone());
    let change = format!("{}?budget={id}#budgets", place.page(view.customer_id));
    let lift = (place.staff && view.lifted.is_none()).then(|| {
        Ask::new(format!("lift-{id}"), words.t("budget-lift"), words.t("budget-lift-hint"), LiftBudget::url())
            .row(label("budget-lift"))
            .field("id", id)
            .field("customer_id", view.customer_id)
            // In each row: an id of its own would be one of many, so the label holds its field.
            .inside(view! {
                <label class="form-row">
                    <span>{words.t("budget-lifted-because")}</span>
                    <input r#type="text" name="because" required maxlength="1000" autocomplete="off" />
                </label>
            })
            .view(words)
    });
    let action = if place.staff { DeleteBudget::url() } else { DeleteOwnBudget::url() };
    let question = words.with("budget-delete-hint", &[("name", name.clone())]);
    let delete = Ask::new(format!("budget-{id}"), words.t("budget-delete"), question, action)
        .row(label("budget-delete"))
        .field("id", id)
        .field("customer_id", view.customer_id)
        .view(words);
    // It is changed on its customer's page.
    let change = crate::ways::open_here(&change).then(|| {
        view! { <a class="btn small" href=change aria-label=label("budget-change")>{words.t("budget-change")}</a> }
    });
    Some(view! { {change} " " {lift} " " {delete} }.into_any())
}

fn form_view(words: Words, place: Place, form: &BudgetForm, refused: Option<&Refused>, open: bool) -> AnyView {
    let fault = |path: &str| refused.and_then(|refused| refused.fault(words.0, path));
    let action = if place.staff { SaveBudget::url() } else { SaveOwnBudget::url() };
    let field = |name: &'static str, path: &str, value: &str| TextField {
        name: format!("form[{name}]"),
        form: "budget",
        value: value.to_owned(),
        fault: fault(path),
        autocomplete: Some("off"),
        ..TextField::default()
    };
    let hidden = [("id", &form.id), ("customer_id", &form.customer_id), ("revision", &form.revision)]
        .map(|(name, value)| view! { <input r#type="hidden" name=format!("form[{name}]") value=value.clone() /> });
    let rules =
        BudgetRule::ALL.iter().map(|rule| (rule.code().to_owned(), words.t(&format!("budget-rule-{}", rule.code()))));
    let title = if form.budget().is_some() { words.t("budget-change") } else { words.t("budget-add") };
    view! {
        <details open=open>
            <summary class="card-summary">{title}</summary>
            <form class="form" method="post" action=action>
                {hidden.into_iter().collect_view()}
                <fieldset>
                    {text_field(TextField {
                        label: words.t("budget-name"),
                        required: true,
                        max_length: Some(100),
                        ..field("name", "name", &form.name)
                    })}
                    {text_field(TextField {
                        label: words.t("budget-amount"),
                        required: true,
                        max_length: Some(20),
                        hint: Some(words.t("budget-amount-hint")),
                        ..field("amount", "amount", &form.amount)
                    })}
                    {text_field(TextField {
                        label: words.t("budget-thresholds"),
                        hint: Some(words.t("budget-thresholds-hint")),
                        max_length: Some(60),
                        unit: Some("%".to_owned()),
                        ..field("thresholds", "thresholds", &form.thresholds)
                    })}
                    {hinted_select(
                        words.t("budget-rule"),
                        "form[rule]",
                        rules.collect(),
                        &form.rule,
                        (fault("rule"), Some(words.t("budget-rule-hint"))),
                    )}
                    {text_field(TextField {
                        label: words.t("budget-grace"),
                        hint: Some(words.t("budget-grace-hint")),
                        kind: "number",
                        unit: Some(words.t("budget-hours")),
                        ..field("grace_hours", "graceHours", &form.grace_hours)
                    })}
                </fieldset>
                <p class="actions"><button class="btn">{words.t("form-save")}</button></p>
            </form>
        </details>
    }
    .into_any()
}
