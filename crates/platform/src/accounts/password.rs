//! Passwords: argon2id with 19 MiB, t = 2, p = 1 (OWASP's first choice; the crate's default); what a new one has to be
//! like; and changing one's own.
//!
//! Hashing runs on a blocking thread behind a small semaphore, so that a flood of sign-ins costs two cores at most and the
//! other requests none.

use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use contract::ErrorCode;
use contract::accounts::{PasswordChange, PasswordPlace};
use contract::settings::PRODUCT;

use super::attempts::{self, Subjects};
use super::{SessionEnding, SignedIn, account, entry, identity, links, password_reset, signed_in, store};
use crate::authz::SecureAccount;
use crate::fields::Wrong;
use crate::{Error, OpContext, Platform, Result, SystemActor, audit, settings};

/// Longest password looked at, in bytes: hashing costs time per byte.
pub(super) const MAX_PASSWORD_BYTES: usize = 1024;

/// Characters whose strength is estimated: what follows only adds to it, and the estimate costs time per character.
const ESTIMATED_CHARS: usize = 100;

/// What a password has to be like that a person chooses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordRule {
    /// Fewest characters; below [`PasswordRule::FLOOR`] it counts as that.
    pub min_length: usize,
    /// Lowest score of zxcvbn, 0 to 4.
    pub min_score: u8,
    /// How many of the passwords before the present one are not taken again.
    pub remembered: u8,
    /// What the installation calls itself, which a guesser tries next to the product's name.
    pub installation: String,
}

impl Default for PasswordRule {
    fn default() -> Self {
        Self { min_length: 10, min_score: 2, remembered: 3, installation: String::new() }
    }
}

impl PasswordRule {
    /// Fewest characters whatever is set.
    pub const FLOOR: usize = 6;

    /// The fewest characters that are taken.
    pub fn min_length(&self) -> usize {
        self.min_length.max(Self::FLOOR)
    }

    /// Says at `path` what is wrong with `password`; `about` is what a guesser would try first: user name, name, e-mail
    /// address, and the words of them.
    pub(crate) fn check(&self, wrong: &mut Wrong, path: &'static str, password: &str, about: &[&str]) {
        let length = password.chars().count();
        if length < self.min_length() {
            wrong.add_with(path, "field-password-short", vec![("min", self.min_length().to_string())]);
            return;
        }
        if password.len() > MAX_PASSWORD_BYTES {
            wrong.add_with(path, "field-password-long", vec![("max", MAX_PASSWORD_BYTES.to_string())]);
            return;
        }
        if is_made_of(password, &own_words(about)) {
            wrong.add(path, "field-password-personal");
            return;
        }
        let known: Vec<&str> = about.iter().copied().chain([PRODUCT, self.installation.as_str()]).collect();
        let words = own_words(&known);
        if is_made_of(password, &words) {
            wrong.add(path, "field-password-weak");
            return;
        }
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let estimated: String = password.chars().take(ESTIMATED_CHARS).collect();
        let score = u8::from(zxcvbn::zxcvbn(&estimated, &words).score());
        if score < self.min_score || (self.min_score >= SCORE_OF_THOUGHT && is_adorned(password, &words)) {
            wrong.add(path, "field-password-weak");
        }
    }
}

/// From this score on a password is meant to be more than a word with a year behind it.
const SCORE_OF_THOUGHT: u8 = 2;
/// Longest word that is looked at.
const LONGEST_WORD: usize = 40;

/// Whether it is one of the words that are guessed first, spelt with figures and signs, with a few of these before and behind:
/// `P@$$w0rd2024!`. The estimate takes what stands around the word for chosen at random, and guessers try it first.
fn is_adorned(password: &str, words: &[&str]) -> bool {
    let whole = password.to_lowercase();
    let adornment = |c: char| !c.is_alphabetic();
    let word = whole.trim_end_matches(adornment);
    // A sign at the beginning may be a letter.
    let cores = [word, word.trim_start_matches(adornment)].map(|core| (core, core.chars().count()));
    let length = whole.chars().count();
    let mut cores = cores.into_iter().filter(|(_, letters)| (3..=LONGEST_WORD).contains(letters));
    cores.any(|(core, letters)| {
        let is_guessed = |one| u8::from(zxcvbn::zxcvbn(&unadorned(core, one), words).score()) == 0;
        length - letters < PasswordRule::FLOOR && (is_guessed('i') || is_guessed('l'))
    })
}

/// Letters for the figures and signs that are written for them; `one` for what can be either of two.
fn unadorned(core: &str, one: char) -> String {
    let letter = |c| match c {
        '@' | '4' => 'a',
        '8' => 'b',
        '3' => 'e',
        '6' | '9' => 'g',
        '1' | '!' | '|' => one,
        '0' => 'o',
        '$' | '5' => 's',
        '7' | '+' => 't',
        '2' => 'z',
        other => other,
    };
    core.chars().map(letter).collect()
}

/// The texts and their words, in lower case, the longest first: `rita.smith@example.org` is also `rita` and `smith`.
fn own_words(about: &[&str]) -> Vec<String> {
    let texts = about.iter().map(|text| text.trim().to_lowercase());
    let mut words: Vec<String> = texts
        .flat_map(|text| {
            let words: Vec<_> = text.split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect();
            words.into_iter().chain([text])
        })
        // Shorter ones are part of any sentence; two characters are a name in Chinese.
        .filter(|word| word.chars().count() >= if word.is_ascii() { 3 } else { 2 })
        .collect();
    words.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    words.dedup();
    words
}

/// Whether hardly anything is left of it without these words.
fn is_made_of(password: &str, words: &[String]) -> bool {
    let whole = password.to_lowercase();
    let rest = words.iter().fold(whole.clone(), |rest, word| rest.replace(word.as_str(), " "));
    rest != whole && rest.chars().filter(|c| c.is_alphanumeric()).count() < PasswordRule::FLOOR
}

/// The rule of this installation: the one place it is read.
pub async fn password_rule(platform: &Platform) -> PasswordRule {
    settings::sign_in(platform).await.password
}

/// Verified against when there is no such user, so that both answers take the same time.
static NOBODYS_HASH: LazyLock<String> =
    LazyLock::new(|| hash_password("nobody has this password").expect("hashing a constant works"));

/// PHC string of a password; takes tens of milliseconds of CPU.
pub fn hash_password(password: &str) -> Result<String> {
    let hash = Argon2::default().hash_password(password.as_bytes()).map_err(|e| Error::internal(e.to_string()))?;
    Ok(hash.to_string())
}

/// As [`hash_password`], on a thread where it holds nobody up.
pub(super) async fn hash(platform: &Platform, password: &str) -> Result<String> {
    let password = password.to_owned();
    hashing(platform, move || hash_password(&password)).await?
}

/// True when `password` fits `hash`; with no hash, or a password of no sane length, false after the same time.
pub(super) async fn verify(platform: &Platform, password: &str, hash: Option<String>) -> Result<bool> {
    let sane = password.len() <= MAX_PASSWORD_BYTES;
    let password = if sane { password.to_owned() } else { String::new() };
    let fits = hashing(platform, move || {
        let known = hash.is_some();
        let text = hash.unwrap_or_else(|| NOBODYS_HASH.clone());
        let fits = PasswordHash::new(&text)
            .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
        fits && known
    })
    .await?;
    Ok(fits && sane)
}

/// Says whether `password` is one of the person's that the rule remembers; the present one is the caller's to compare.
///
/// # Errors
/// `Validation` for `newPassword` when it is.
pub(super) async fn check_unused(platform: &Platform, earlier: Vec<String>, password: &str) -> Result<()> {
    for hash in earlier {
        if verify(platform, password, Some(hash)).await? {
            return Err(Error::field("newPassword", "field-password-used"));
        }
    }
    Ok(())
}

/// Does that work on a blocking thread, as few at a time as there are permits.
async fn hashing<T: Send + 'static>(platform: &Platform, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let _permit = platform.password_workers().acquire().await.map_err(Error::internal)?;
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

/// Gives oneself a new password. It ends every session and token of the account, the caller's too, and every link on its
/// way to its mailbox; a door that holds a browser goes on with what this returns, under a new session.
///
/// # Errors
/// `Validation` when the old one is wrong (which counts as a failure, as at sign-in) or the new one breaks the rule;
/// `RateLimited` after too many failures; `Conflict` when somebody else was faster; `WrongState` when the password is kept
/// by the provider one comes from.
pub async fn change_password(platform: &Platform, ctx: &OpContext, change: &PasswordChange) -> Result<SignedIn> {
    let user = signed_in(ctx)?;
    let ctx = &ctx.trying_own("accounts:change-password");
    let granted = ctx.authorize(SecureAccount, &account(user.id))?;
    let system = ctx.as_system(SystemActor::Authenticator);
    let subjects = Subjects::of(ctx, &user.name);
    let rule = password_rule(platform).await;
    let mut tx = platform.db().begin(&system).await?;
    attempts::check_delay(&mut tx, ctx, &subjects, user.id).await?;
    let row = store::credentials(&mut tx, &user.name).await?.ok_or_else(Error::not_found)?;
    let email = store::account(&mut tx, user.id).await?.and_then(|account| account.email).unwrap_or_default();
    let earlier = store::passwords::earlier(&mut tx, user.id, rule.remembered.into()).await?;
    let place = identity::password_place(&mut tx, user.id).await?;
    if row.password_hash.is_none() {
        return Err(elsewhere(place));
    }
    tx.commit().await?; // hashing takes a while: hold no connection meanwhile

    let mut wrong = Wrong::new();
    let about = [user.name.as_str(), user.display_name.as_str(), email.as_str()];
    rule.check(&mut wrong, "newPassword", &change.new_password, &about);
    if change.new_password == change.old_password {
        wrong.add("newPassword", "field-password-old");
    }
    wrong.into_result()?;
    if !verify(platform, &change.old_password, row.password_hash).await? {
        attempts::note_failure(platform, ctx, &subjects, "accounts:change-password", Some(user.id)).await?;
        return Err(Error::field("oldPassword", "field-password-wrong"));
    }
    // Only for who proved themselves: what one's passwords were is nobody else's to find out.
    check_unused(platform, earlier, &change.new_password).await?;
    let hash = hash(platform, &change.new_password).await?;

    // The links and what is told are the system's.
    let mut tx = platform.db().begin(&system).await?;
    let version = store::passwords::change(&mut tx, &granted, &hash, user.token_version, ctx.now()).await?;
    let token_version = version.ok_or_else(|| Error::new(ErrorCode::Conflict))?;
    links::retire_ways_in(&mut tx, user.id, ctx.now()).await?;
    let provider = store::sessions::came_by(&mut tx, user.session).await?;
    audit::record_in_tx(&mut tx, ctx, entry("accounts:change-password", user.id)).await?;
    password_reset::tell_of_password(platform, &mut tx, ctx, user.id).await?;
    tx.commit().await?;
    let _ = platform.endings().send(SessionEnding::User(user.id));
    Ok(SignedIn { user: user.id, token_version, active_customer: user.active_customer, provider })
}

/// Where the password is that is not here.
pub(super) fn elsewhere(place: Option<PasswordPlace>) -> Error {
    let wrong = Error::new(ErrorCode::WrongState);
    match place {
        Some(PasswordPlace { provider_name, url: Some(url) }) => {
            wrong.with_key("error-password-elsewhere-at").with_arg("provider", provider_name).with_arg("url", url)
        }
        Some(PasswordPlace { provider_name, url: None }) => {
            wrong.with_key("error-password-elsewhere").with_arg("provider", provider_name)
        }
        None => wrong.with_key("error-password-none"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(rule: &PasswordRule, password: &str) -> Vec<&'static str> {
        let mut wrong = Wrong::new();
        rule.check(&mut wrong, "p", password, &["wanderer", "Wanda Erer 王小明", "wanda@example.org"]);
        wrong.into_result().err().map(|error| error.fields.iter().map(|f| f.key).collect()).unwrap_or_default()
    }

    #[test]
    fn weak_passwords_are_told_apart() {
        let rule = PasswordRule { installation: "Acme Compute".to_owned(), ..PasswordRule::default() };
        assert_eq!(faults(&rule, "short"), ["field-password-short"]);
        for weak in ["password123", "aaaaaaaaaaaa", "qwertyuiop", "1234567890", "!!!!!!!!!!!!"].into_iter().chain([
            "RemoteGPU2026",
            "remotegpu-7",
            "Acme Compute 24",
            "acme-remotegpu1",
        ]) {
            assert_eq!(faults(&rule, weak), ["field-password-weak"], "{weak}");
        }
        for spelt in [
            "P@ssw0rd2024",
            "P@$$w0rd2024!",
            "Passw0rd#2026",
            "!M0nk3y2026",
            "Dr@g0n2026!",
            "We1come2026!",
            "W@nd3r3r2026!",
            "R3m0teGPU2026",
        ] {
            assert_eq!(faults(&rule, spelt), ["field-password-weak"], "{spelt}");
        }
        for personal in [
            "wanderer12",
            "wanda@example.org",
            "Wanda.Erer",
            "wanda@EXAMPLE!",
            "erer-wanda-2026",
            "王小明王小明王小明1",
        ] {
            assert_eq!(faults(&rule, personal), ["field-password-personal"], "{personal}");
        }
        assert_eq!(faults(&rule, &"x".repeat(MAX_PASSWORD_BYTES + 1)), ["field-password-long"]);
        for good in
            ["correct horse battery staple", "云深不知处2026只在此山中", "kT7#vq2mLz", "wanda likes old lighthouses"]
        {
            assert_eq!(faults(&rule, good), Vec::<&str>::new(), "{good}");
        }
        let lax = PasswordRule { min_length: 1, min_score: 0, ..PasswordRule::default() };
        assert_eq!(faults(&lax, "12345"), ["field-password-short"], "never below six");
        assert_eq!(faults(&lax, "123456"), Vec::<&str>::new());
    }
}
