//! The one way to ask before something ends that cannot be brought back at once: a button that opens a question, and in it the
//! button that does it. A popover, because a table's scroll region would cut a menu off, and because the browser itself opens
//! it, closes it with Escape and gives the focus back, without JavaScript. Where a browser has none, the question stands open
//! below its button, so that nothing is done by one click there either.

use contract::May;
use leptos::prelude::*;

use crate::words::Words;

/// A question.
pub struct Ask {
    id: String,
    opens: String,
    label: Option<String>,
    question: String,
    yes: Option<String>,
    action: &'static str,
    fields: Vec<(&'static str, String)>,
    class: &'static str,
    why_not: Option<String>,
    inside: Option<AnyView>,
}

impl Ask {
    /// `id` tells it from the others of the page; `opens` is what the button says; `question` what is lost.
    pub fn new(id: impl Into<String>, opens: String, question: String, action: &'static str) -> Self {
        Self {
            id: format!("ask-{}", id.into()),
            opens,
            label: None,
            question,
            yes: None,
            action,
            fields: Vec::new(),
            class: "btn danger",
            why_not: None,
            inside: None,
        }
    }

    /// In a row: what the button is called for those who do not see the row.
    pub fn row(self, label: String) -> Self {
        Self { label: Some(label), class: "btn small", ..self }
    }

    /// Another look of the button that opens it.
    pub fn class(self, class: &'static str) -> Self {
        Self { class, ..self }
    }

    /// What the button says that does it; as the one that opens it where nothing is said.
    pub fn yes(self, yes: String) -> Self {
        Self { yes: Some(yes), ..self }
    }

    /// Something that is posted with the yes.
    pub fn field(mut self, name: &'static str, value: impl ToString) -> Self {
        self.fields.push((name, value.to_string()));
        self
    }

    /// Why the server would refuse it now: the button is shown, and the reason beside it instead of a question.
    pub fn unless(self, why_not: Option<String>) -> Self {
        Self { why_not, ..self }
    }

    /// As the view says that it may be: nothing without the permission, the reason where something else is in the way.
    pub fn may(self, words: Words, may: &May) -> Option<AnyView> {
        may.is_shown().then(|| self.unless(may.why_not.clone()).view(words))
    }

    /// Fields that are filled in with the yes, after those that are there already.
    pub fn inside(self, inside: impl IntoView + 'static) -> Self {
        let inside = match self.inside {
            Some(before) => (before, inside.into_any()).into_any(),
            None => inside.into_any(),
        };
        Self { inside: Some(inside), ..self }
    }

    /// Where staff do it with what is a customer's: a field for why, which those whose it is are told.
    pub fn reason(self, words: Words) -> Self {
        let id = format!("{}-reason", self.id);
        let field = view! {
            <div class="form-row">
                <label r#for=id.clone()>
                    {words.t("instance-act-reason")}
                    <span class="required" aria-hidden="true">"*"</span>
                </label>
                <span class="with-unit">
                    <input id=id name="reason" r#type="text" required=true autocomplete="off" maxlength="1000" />
                </span>
            </div>
        };
        self.inside(field)
    }

    /// As a view; never inside of another form or a paragraph.
    pub fn view(self, words: Words) -> AnyView {
        if let Some(why) = self.why_not {
            return held_back(self.id, self.opens, why, self.class).into_any();
        }
        let Self { id, opens, label, question, yes, action, fields, class, inside, .. } = self;
        let name = label.clone().unwrap_or_else(|| opens.clone());
        let says = format!("{id}-says");
        let yes = yes.unwrap_or_else(|| opens.clone());
        let hidden = hidden(fields);
        view! {
            <button r#type="button" class=class popovertarget=id.clone() aria-haspopup="dialog" aria-label=label>{opens}</button>
            <div class="menu-body ask" id=id.clone() popover="auto" role="dialog" aria-label=name aria-describedby=says.clone()>
                <p id=says.clone()>{question}</p>
                <form method="post" action=action>
                    {hidden}
                    {inside}
                    <div class="answers">
                        <button class="btn danger">{yes}</button>
                        // The focus goes to what does nothing.
                        <button r#type="button" class="btn" popovertarget=id.clone() popovertargetaction="hide" autofocus=true>
                            {words.t("ask-no")}
                        </button>
                    </div>
                </form>
            </div>
        }
        .into_any()
    }
}

/// What is posted with the button and not shown.
fn hidden(fields: Vec<(&'static str, String)>) -> impl IntoView {
    fields.into_iter().map(|(name, value)| view! { <input r#type="hidden" name=name value=value /> }).collect_view()
}

/// A button that may not be pressed now, and why: for the pointer, for the eye and for screen readers.
pub fn held_back(id: String, word: String, why: String, class: &'static str) -> impl IntoView {
    let says = format!("{id}-why");
    view! {
        <span class="held-back">
            <button r#type="button" class=class disabled=true title=why.clone() aria-describedby=says.clone()>{word}</button>
            <span class="hint" id=says>{why}</span>
        </span>
    }
}

/// What is done at once because it can be undone at once, or why it would be refused; hidden without the permission.
pub fn go(
    id: &str,
    word: String,
    may: &May,
    action: &'static str,
    fields: Vec<(&'static str, String)>,
    class: &'static str,
) -> Option<AnyView> {
    match (may.allowed, &may.why_not) {
        (true, _) => {
            let hidden = hidden(fields);
            Some(
                view! { <form method="post" action=action>{hidden}<button class=class>{word}</button></form> }
                    .into_any(),
            )
        }
        (false, Some(why)) => Some(held_back(id.to_owned(), word, why.clone(), class).into_any()),
        (false, None) => None,
    }
}

/// What leads to a form, or why it would lead to nothing; hidden without the permission.
pub fn may_open(may: &May, id: &str, word: String, href: String, class: &'static str) -> Option<AnyView> {
    match (may.allowed, &may.why_not) {
        (true, _) => Some(view! { <a class=class href=href>{word}</a> }.into_any()),
        (false, Some(why)) => Some(held_back(id.to_owned(), word, why.clone(), class).into_any()),
        (false, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use contract::accounts::Language;

    use super::*;

    fn html(ask: Ask) -> String {
        ask.view(Words(Language::En)).to_html()
    }

    fn removal() -> Ask {
        Ask::new("key-7", "Remove".to_owned(), "It <ends> at once.".to_owned(), "/api/ui/remove").field("id", 7)
    }

    #[test]
    fn one_click_only_asks() {
        let html = html(removal().row("Remove \"laptop\"".to_owned()));
        let (before, form) = html.split_once("<form").expect("a form");
        assert!(before.contains("popovertarget=\"ask-key-7\"") && before.contains("type=\"button\""), "{before}");
        assert!(
            before.contains("It &lt;ends&gt; at once.") && before.contains("Remove &quot;laptop&quot;"),
            "{before}"
        );
        assert!(form.contains("action=\"/api/ui/remove\"") && form.contains("name=\"id\" value=\"7\""), "{form}");
        // One button posts, the other closes.
        assert_eq!(form.matches("<button").count(), 2, "{form}");
        assert!(form.contains("popovertargetaction=\"hide\""), "{form}");
    }

    fn sources(folder: &Path, into: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).expect("the sources are there") {
            let path = entry.expect("can be read").path();
            match path.extension() {
                Some(end) if end == "rs" => into.push(std::fs::read_to_string(path).expect("is text")),
                _ if path.is_dir() => sources(&path, into),
                _ => {}
            }
        }
    }

    /// Every server function that takes something away, by its name: no plain form posts to it.
    #[test]
    fn whatever_ends_something_asks_first() {
        let mut files = Vec::new();
        sources(Path::new("src/pages"), &mut files);
        let ends = ["remove", "delete", "revoke", "end", "discard", "cancel", "unlink", "skip", "leave"];
        // Wants a password and a code with it.
        let proved = ["DisableTotp"];
        let mut found = 0;
        for name in files.iter().flat_map(|file| file.split("#[server]").skip(1)) {
            let Some(name) = name.trim_start().strip_prefix("pub async fn ").and_then(|rest| rest.split('(').next())
            else {
                continue;
            };
            if !ends.iter().any(|word| name.split('_').next() == Some(word)) {
                continue;
            }
            found += 1;
            let camel = name.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect::<String>();
            let bare = format!("action={camel}::url()");
            let asks = proved.contains(&camel.as_str()) || !files.iter().any(|file| file.contains(&bare));
            assert!(asks, "{camel} is posted to by a form that does not ask");
        }
        assert!(found > 15, "only {found} were found: the search is broken");
    }

    #[test]
    fn what_would_be_refused_has_no_form_and_says_why() {
        let html = html(removal().unless(Some("Somebody holds it.".to_owned())));
        assert!(!html.contains("<form") && html.contains(" disabled"), "{html}");
        assert_eq!(html.matches("Somebody holds it.").count(), 2, "on hover and beside it: {html}");
        assert!(html.contains("aria-describedby=\"ask-key-7-why\"") && html.contains("id=\"ask-key-7-why\""), "{html}");
    }
}
