//! What the server itself says at the origin of an application: a page without scripts, or a line for programs.

use axum::body::Body;
use axum::response::Response;
use contract::accounts::Language;
use http::{HeaderValue, StatusCode, header};
use platform::secrets;

/// So often a page looks again, seconds.
const AGAIN: u32 = 4;
const STYLE: &str = "body{font:1rem/1.6 system-ui,sans-serif;max-width:36rem;margin:15vh auto;padding:0 1.5rem}\
                     h1{font-size:1.4rem;line-height:1.3}a{color:inherit}";

/// What is to be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Say {
    /// No such origin, or none that is told of.
    NotHere,
    /// The ticket lets nobody in.
    Ticket,
    Stopped,
    Nothing,
    NoProgram,
    Broken,
    Unreachable,
    Late,
    Busy,
    Refused,
    /// Who asks is not let in (any more), and is a program.
    SignIn,
}

impl Say {
    fn facts(self) -> (&'static str, StatusCode) {
        match self {
            Say::NotHere => ("not-here", StatusCode::NOT_FOUND),
            Say::Ticket => ("ticket", StatusCode::FORBIDDEN),
            Say::Stopped => ("stopped", StatusCode::SERVICE_UNAVAILABLE),
            Say::Nothing => ("nothing", StatusCode::BAD_GATEWAY),
            Say::NoProgram => ("no-program", StatusCode::BAD_GATEWAY),
            Say::Broken => ("broken", StatusCode::BAD_GATEWAY),
            Say::Unreachable => ("unreachable", StatusCode::BAD_GATEWAY),
            Say::Late => ("late", StatusCode::GATEWAY_TIMEOUT),
            Say::Busy => ("busy", StatusCode::TOO_MANY_REQUESTS),
            Say::Refused => ("refused", StatusCode::FORBIDDEN),
            Say::SignIn => ("sign-in", StatusCode::UNAUTHORIZED),
        }
    }

    /// What is said below our own path to who was not let in: nothing of the request is in the address any more.
    pub(super) fn kept_out(word: &str) -> Option<Self> {
        [Say::Ticket, Say::Busy, Say::Unreachable].into_iter().find(|say| say.facts().0 == word)
    }

    fn looks_again(self) -> bool {
        matches!(self, Say::Nothing | Say::Unreachable | Say::Stopped)
    }
}

/// To whom, and about what.
pub(super) struct Told<'a> {
    pub(super) language: Language,
    /// What the application is called, and its port.
    pub(super) app: Option<(&'a str, u16)>,
    /// A person looks at it.
    pub(super) looked_at: bool,
    /// The address is what was asked for, and can be asked for again.
    pub(super) stays: bool,
    pub(super) portal: &'a str,
}

/// As an answer.
pub(super) fn answer(say: Say, told: &Told<'_>) -> Response {
    let (word, status) = say.facts();
    let (name, port) = told.app.unwrap_or_default();
    let args = [("name", name.to_owned()), ("port", port.to_string())];
    let text = |key: &str| texts::message(told.language, key, &args);
    let (title, hint) = (text(&format!("app-page-{word}")), text(&format!("app-page-{word}-hint")));
    let mut response = match told.looked_at {
        true => page(say, told, (&title, &hint)),
        false => {
            let mut response = Response::new(Body::from(format!("{title}\n{hint}\n")));
            let plain = HeaderValue::from_static("text/plain; charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, plain);
            response
        }
    };
    *response.status_mut() = status;
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn page(say: Say, told: &Told<'_>, (title, hint): (&str, &str)) -> Response {
    let text = |key: &str| texts::message(told.language, key, &[]);
    let nonce = hex::encode(secrets::random_bytes::<16>());
    let to = if told.stays { "" } else { ";url=/" };
    let again = format!("<meta http-equiv=\"refresh\" content=\"{AGAIN}{to}\">");
    let again = if say.looks_again() { again } else { String::new() };
    let restart = match say {
        Say::Ticket | Say::Busy => format!("<p><a href=\"/\">{}</a></p>", escaped(&text("app-page-again"))),
        _ => String::new(),
    };
    let html = format!(
        "<!DOCTYPE html><html lang=\"{}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">{again}\
         <title>{title}</title><style nonce=\"{nonce}\">{STYLE}</style></head><body><main><h1>{title}</h1><p>{hint}</p>\
         {restart}<p><a href=\"{}\">{}</a></p></main></body></html>",
        told.language.html_tag(),
        escaped(told.portal),
        escaped(&text("app-page-portal")),
        title = escaped(title),
        hint = escaped(hint),
    );
    let mut response = Response::new(Body::from(html));
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_that_people_chose_are_text() {
        let told = Told {
            language: Language::En,
            app: Some(("<script>alert(1)</script>", 8888)),
            looked_at: true,
            stays: true,
            portal: "https://gpu.example.org",
        };
        let answer = answer(Say::Nothing, &told);
        assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
        let policy = answer.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.ends_with("frame-ancestors 'none'"), "{policy}");
        let bytes = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(!text.contains("<script") && text.contains("&lt;script&gt;") && text.contains("port 8888"), "{text}");
    }
}
