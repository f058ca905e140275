//! The challenge of a form: a picture in plain HTML, and the browser's own work in place of it where there is JavaScript.
//! The page's small script does that work and not an island: pages before sign-in load no wasm.

use contract::ErrorCode;
use contract::accounts::CaptchaKind;
use leptos::prelude::*;
use platform::accounts::Captchas;

use crate::door::Refused;
use crate::layouts::shell_script;
use crate::paths;
use crate::ui::forms::{TextField, text_field};
use crate::words::Words;

/// True when the form was refused for its challenge.
pub(super) fn is_about_captcha(refused: &Refused) -> bool {
    refused.key == ErrorCode::CaptchaRequired.message_key() || refused.key == "error-captcha-wrong"
}

/// Why, for above the form: the page's script hides the picture, and with it whatever is said beside it.
pub(super) fn captcha_fault(words: Words, refused: Option<&Refused>) -> Option<String> {
    refused.filter(|refused| is_about_captcha(refused)).map(|refused| refused.message(words.0))
}

/// The field, where a challenge is asked for.
pub(super) fn captcha_field(words: Words, captchas: Option<Captchas>) -> AnyView {
    let Some(Captchas { work, picture, first }) = captchas else { return ().into_any() };
    let by_itself = first == CaptchaKind::Pow;
    let letters = TextField {
        label: words.t("captcha-letters"),
        name: "captcha".to_owned(),
        hint: Some(words.t("captcha-letters-hint")),
        autocomplete: Some("off"),
        required: true,
        max_length: Some(16),
        ..TextField::default()
    };
    let work = serde_json::to_string(&work.pow).unwrap_or_default();
    view! {
        <rg-captcha
            data-work=work
            data-href=paths::CAPTCHA_WORK
            data-by-itself=by_itself.then_some("")
            data-busy=words.t("captcha-busy")
            data-done=words.t("captcha-done")
            data-failed=words.t("captcha-failed")
        >
            <input r#type="hidden" name="captcha_id" value=picture.captcha_id />
            <div class="picture">
                <img src=picture.image alt=words.t("captcha-alt") width="220" height="80" />
                {text_field(letters)}
                <button r#type="button" class="link" hidden>{words.t("captcha-instead")}</button>
            </div>
            <p class="hint" role="status"></p>
        </rg-captcha>
        {shell_script()}
    }
    .into_any()
}
