//! Mail through a real SMTP conversation: sent once, tried again, given up visibly; and the links in it.

use chrono::TimeDelta;
use contract::ErrorCode;
use contract::accounts::{
    AccountByLink, ApiTokenCreate, EmailChangeConfirm, EmailChangeRequest, InvitationCreate, Language, LoginRequest,
    PasswordChange, PasswordResetConfirm, PasswordResetRequest, SignUpRequest,
};
use contract::mail::{MailQuery, MailState, MailTestRequest, MailView};
use platform::jobs;
use platform::mail::{self, Step};
use platform::settings::{self, Change};
use platform::{Error, OpContext, Via, accounts};
use serde_json::{Value, json};
use test_support::{Manner, PASSWORD, SinkMail, SmtpSink, TestPlatform, TestUser, eventually};
use tokio_util::sync::CancellationToken;

use crate::mail_order::LETTERS_DUE;

const NEW_PASSWORD: &str = "three unusual words: quokka";

/// A platform whose mail goes to a sink.
pub(crate) struct World {
    pub(crate) test: TestPlatform,
    pub(crate) admin: TestUser,
    pub(crate) sink: SmtpSink,
}

impl World {
    pub(crate) async fn new() -> Self {
        let test = TestPlatform::new().await;
        let (admin, sink) = (test.admin().await, SmtpSink::start().await);
        let world = Self { test, admin, sink };
        world
            .set(&[
                ("mail.host", json!("127.0.0.1")),
                ("mail.port", json!(world.sink.port())),
                ("mail.security", json!("none")),
                ("mail.from_address", json!("gpu@example.org")),
                ("sign_in.sign_up", json!("invitation")),
            ])
            .await;
        world
    }

    pub(crate) async fn set(&self, values: &[(&str, Value)]) {
        let changes =
            values.iter().map(|(key, value)| Change { key: (*key).to_owned(), value: value.clone(), version: None });
        settings::change(&self.test.platform, &self.admin.ctx(), changes.collect()).await.unwrap();
    }

    pub(crate) async fn email(&self, user: &TestUser, email: &str, language: &str) {
        sqlx::query("update users set email = $2, language = $3 where id = $1")
            .bind(user.id.0)
            .bind(email)
            .bind(language)
            .execute(self.test.owner_pool())
            .await
            .unwrap();
    }

    /// Runs what is due, one job after the other, as a server would, until nothing is left that is due now.
    pub(crate) async fn work(&self) {
        let stop = CancellationToken::new();
        let workers = jobs::spawn_workers(&self.test.platform, stop.clone());
        eventually("the queue to be through", async || {
            let left: i64 = sqlx::query_scalar(LETTERS_DUE).fetch_one(self.test.owner_pool()).await.unwrap();
            (left == 0).then_some(())
        })
        .await;
        stop.cancel();
        workers.await.unwrap();
    }

    /// Makes what waits for its next try due now.
    pub(crate) async fn hurry(&self) {
        sqlx::query("update jobs set run_at = now() where kind = 'mail-send'")
            .execute(self.test.owner_pool())
            .await
            .unwrap();
    }

    pub(crate) async fn mails(&self) -> Vec<MailView> {
        mail::list(&self.test.platform, &self.admin.ctx(), &MailQuery::default()).await.unwrap().list
    }

    pub(crate) async fn ask_reset(&self, account: &str) {
        let ctx = self.test.anonymous();
        let wanted = accounts::captchas_of_reset(&self.test.platform, &ctx, account).await.unwrap();
        let (captcha_id, captcha) = if wanted.is_some() { self.test.captcha().await } else { (None, None) };
        let body = PasswordResetRequest { account: account.to_owned(), captcha_id, captcha };
        accounts::request_password_reset(&self.test.platform, &ctx, &body).await.unwrap();
    }

    async fn sign_in(&self, name: &str, password: &str) -> Option<ErrorCode> {
        let request = LoginRequest { username: name.to_owned(), password: password.to_owned(), ..Default::default() };
        accounts::sign_in(&self.test.platform, &self.test.anonymous(), &request).await.err().map(|error| error.code)
    }
}

pub(crate) fn token_of(mail: &SinkMail, path: &str) -> String {
    let link =
        mail.link(&format!("http://gpu.test{path}?token=")).unwrap_or_else(|| panic!("no link: {}", mail.text()));
    link.split_once("token=").unwrap().1.to_owned()
}

pub(crate) fn paths(error: &Error) -> Vec<&str> {
    error.fields.iter().map(|field| field.path).collect()
}

fn confirm(token: &str, password: &str) -> PasswordResetConfirm {
    PasswordResetConfirm { token: token.to_owned(), new_password: password.to_owned() }
}

#[tokio::test]
async fn a_forgotten_password_is_set_anew_by_a_link_that_works_once() {
    let world = World::new().await;
    let (test, acme) = (&world.test, world.test.customer("Acme").await);
    let owner = &acme.owner;
    world.email(owner, "owner@acme.example", "en").await;
    world.ask_reset("Owner@Acme.example").await;
    world.work().await;
    let mail = world.sink.taken_by("owner@acme.example").pop().expect("one mail");
    assert_eq!(mail.header("Subject"), "RemoteGPU: set a new password");
    assert!(mail.text().contains(&owner.name) && mail.html().contains("<a href=\"http://gpu.test/reset?token="));
    let token = token_of(&mail, "/reset");

    let weak =
        accounts::confirm_password_reset(&test.platform, &test.anonymous(), &confirm(&token, "password12")).await;
    assert_eq!(paths(&weak.unwrap_err()), ["newPassword"], "and the link still works");
    let old = accounts::confirm_password_reset(&test.platform, &test.anonymous(), &confirm(&token, PASSWORD)).await;
    assert_eq!(old.unwrap_err().fields[0].key, "field-password-old");
    let short = accounts::confirm_password_reset(&test.platform, &test.anonymous(), &confirm(&token, "x7#q")).await;
    assert_eq!(short.unwrap_err().fields[0].key, "field-password-short");
    assert!(accounts::watch_session(&test.platform, &owner.principal).still_valid().await.unwrap());
    accounts::confirm_password_reset(&test.platform, &test.anonymous(), &confirm(&token, NEW_PASSWORD)).await.unwrap();
    assert_eq!(world.sign_in(&owner.name, PASSWORD).await, Some(ErrorCode::BadCredentials));
    assert_eq!(world.sign_in(&owner.name, NEW_PASSWORD).await, None);
    eventually("every session of the person to be over", async || {
        let watch = accounts::watch_session(&test.platform, &owner.principal);
        (!watch.still_valid().await.unwrap()).then_some(())
    })
    .await;
    let again = accounts::confirm_password_reset(&test.platform, &test.anonymous(), &confirm(&token, PASSWORD)).await;
    assert_eq!(paths(&again.unwrap_err()), ["token"]);
    world.work().await;
    let told = world.sink.taken_by("owner@acme.example");
    assert_eq!(told.last().unwrap().header("Subject"), "RemoteGPU: your password was changed");
    // The token is nowhere but in the mail.
    let kept: Vec<String> = sqlx::query_scalar(
        "select one_time_links::text from one_time_links union all select audit_events::text from audit_events
         union all select payload::text from jobs union all select payload::text from finished_jobs
         union all select mails::text || encode(coalesce(sealed, ''), 'escape') from mails",
    )
    .fetch_all(test.owner_pool())
    .await
    .unwrap();
    assert!(kept.iter().all(|row| !row.contains(&token)));
}

#[tokio::test]
async fn a_link_is_over_after_ten_minutes_and_of_two_at_once_one_is_refused() {
    let world = World::new().await;
    let test = &world.test;
    let person = test.outsider("lee").await;
    world.email(&person, "lee@example.org", "en").await;
    world.ask_reset("lee").await;
    world.ask_reset("lee").await;
    world.work().await;
    let mails = world.sink.taken_by("lee@example.org");
    let tokens: Vec<_> = mails.iter().map(|mail| token_of(mail, "/reset")).collect();
    let nobody = test.anonymous();
    let newer = usize::from(accounts::resetting(&test.platform, &nobody, &tokens[1]).await.is_ok());
    let former = &tokens[1 - newer];
    assert!(accounts::resetting(&test.platform, &nobody, former).await.is_err(), "a new link ends the one before");
    let (a, b) = (confirm(&tokens[newer], NEW_PASSWORD), confirm(&tokens[newer], "another unusual one: numbat"));
    let (first, second) = tokio::join!(
        accounts::confirm_password_reset(&test.platform, &nobody, &a),
        accounts::confirm_password_reset(&test.platform, &nobody, &b),
    );
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
    let other = accounts::confirm_password_reset(&test.platform, &nobody, &confirm(former, NEW_PASSWORD)).await;
    assert_eq!(paths(&other.unwrap_err()), ["token"]);

    world.ask_reset("lee").await;
    world.work().await;
    // Beside it is the news of the change.
    let mails = world.sink.taken_by("lee@example.org");
    let newest = mails.iter().rfind(|mail| mail.link("http://gpu.test/reset?token=").is_some());
    let token = token_of(newest.expect("one more link"), "/reset");
    assert!(!tokens.contains(&token));
    test.clock().advance(TimeDelta::minutes(11));
    let late =
        accounts::confirm_password_reset(&test.platform, &test.anonymous(), &confirm(&token, NEW_PASSWORD)).await;
    assert_eq!(paths(&late.unwrap_err()), ["token"]);
}

#[tokio::test]
async fn asking_for_somebody_and_for_nobody_is_the_same() {
    let world = World::new().await;
    let person = world.test.outsider("lee").await;
    world.email(&person, "lee@example.org", "en").await;
    for account in ["lee", "nobody-at-all", "nobody@example.org"] {
        world.ask_reset(account).await;
    }
    let payloads: Vec<Value> = sqlx::query_scalar("select payload from jobs where kind = 'password-reset'")
        .fetch_all(world.test.owner_pool())
        .await
        .unwrap();
    assert_eq!(payloads.len(), 3, "the same work for each");
    assert!(payloads.iter().all(|payload| !payload.to_string().contains("lee")), "{payloads:?}");
    world.work().await;
    assert_eq!(world.sink.mails().len(), 1);
    // After three from one address, each costs a little work; for every name alike.
    for account in ["lee", "somebody-else"] {
        let body = PasswordResetRequest { account: account.to_owned(), ..Default::default() };
        let error = accounts::request_password_reset(&world.test.platform, &world.test.anonymous(), &body).await;
        assert_eq!(error.unwrap_err().code, ErrorCode::CaptchaRequired, "{account}");
    }
    // Too many for one name, whoever it is.
    for account in ["lee", "nobody-at-all"] {
        for _ in 0..2 {
            world.ask_reset(account).await;
        }
        let body = PasswordResetRequest { account: account.to_owned(), ..Default::default() };
        let error = accounts::request_password_reset(&world.test.platform, &world.test.anonymous(), &body).await;
        assert_eq!(error.unwrap_err().code, ErrorCode::RateLimited, "{account}");
    }
}

#[tokio::test]
async fn mail_is_in_the_language_of_who_gets_it() {
    let world = World::new().await;
    let person = world.test.outsider("lee").await;
    world.email(&person, "lee@example.org", "zh").await;
    world.set(&[("branding.name", json!("七号实验室"))]).await;
    world.ask_reset("lee").await;
    world.work().await;
    let mail = world.sink.taken_by("lee@example.org").pop().unwrap();
    assert_eq!(mail.header("Subject"), "七号实验室：重置密码");
    assert!(mail.text().contains("设置新密码") && mail.html().contains("lang=\"zh-CN\""), "{}", mail.text());
    assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
    assert!(mail.header("From").contains("gpu@example.org"), "{}", mail.raw);
    // Who chose none gets it in what they read the pages in.
    let kim = world.test.outsider("kim").await;
    world.email(&kim, "kim@example.org", "zh").await;
    let read = "update users set language = null, read_in = 'en' where name = 'kim'";
    sqlx::query(read).execute(world.test.owner_pool()).await.unwrap();
    let made = contract::users::UserPassword::default();
    let staff = world.admin.ctx();
    accounts::users::set_password(&world.test.platform, &staff, kim.id, made).await.unwrap();
    world.work().await;
    let told = world.sink.taken_by("kim@example.org").pop().unwrap();
    assert!(told.header("Subject").contains("password"), "{}", told.header("Subject"));
}

#[tokio::test]
async fn what_was_acknowledged_is_never_sent_again_and_what_was_not_is() {
    let world = World::new().await;
    let person = world.test.outsider("lee").await;
    world.email(&person, "lee@example.org", "en").await;
    world.sink.behave(Manner::HangsUpAfterText);
    world.ask_reset("lee").await;
    world.work().await;
    let mail = world.mails().await.remove(0);
    assert_eq!((mail.state, mail.attempts), (MailState::Queued, 1));
    assert!(mail.last_error.as_deref().unwrap().starts_with("data: "), "{mail:?}");
    world.sink.behave(Manner::Busy);
    world.hurry().await;
    world.work().await;
    assert!(world.mails().await[0].last_error.as_deref().unwrap().contains("451"));
    world.sink.behave(Manner::Kind);
    world.hurry().await;
    world.work().await;
    let mail = world.mails().await.remove(0);
    assert_eq!((mail.state, mail.attempts, mail.last_error), (MailState::Sent, 3, None));
    let arrived = world.sink.mails();
    assert_eq!(arrived.len(), 2, "once without an answer, once with");
    assert_eq!(arrived[0].header("Message-ID"), arrived[1].header("Message-ID"), "so that a server can see it");

    // Its job comes once more, as after a crash before its end was written.
    let requeue = "insert into jobs (kind, payload, max_attempts)
                   select kind, payload, max_attempts from finished_jobs where kind = 'mail-send'";
    sqlx::query(requeue).execute(world.test.owner_pool()).await.unwrap();
    world.work().await;
    assert_eq!(world.sink.mails().len(), 2);
}

#[tokio::test]
async fn a_mail_whose_server_died_while_handing_over_is_not_sent_again_and_says_so() {
    let world = World::new().await;
    let person = world.test.outsider("lee").await;
    world.email(&person, "lee@example.org", "en").await;
    world.ask_reset("lee").await;
    world.sink.behave(Manner::HangsUp);
    world.work().await;
    sqlx::query("update mails set state = 'handing_over', handing_over = gen_random_uuid()")
        .execute(world.test.owner_pool())
        .await
        .unwrap();
    world.sink.behave(Manner::Kind);
    world.hurry().await;
    world.work().await;
    assert_eq!(world.mails().await[0].state, MailState::Unknown);
    assert!(world.sink.mails().is_empty());
}

#[tokio::test]
async fn a_server_that_dies_between_text_and_answer_leaves_a_mail_that_nobody_sends_again() {
    let world = World::new().await;
    let person = world.test.outsider("lee").await;
    world.email(&person, "lee@example.org", "en").await;
    world.sink.behave(Manner::SilentAfterText);
    world.ask_reset("lee").await;
    let workers = jobs::spawn_workers(&world.test.platform, CancellationToken::new());
    eventually("the text to be handed over", async || (world.sink.mails().len() == 1).then_some(())).await;
    workers.abort();
    assert!(workers.await.unwrap_err().is_cancelled());
    jobs::release(&world.test.platform).await.unwrap();
    world.sink.behave(Manner::Kind);
    world.hurry().await;
    world.work().await;
    assert_eq!(world.mails().await[0].state, MailState::Unknown);
    assert_eq!(world.sink.mails().len(), 1);
    let sealed: i64 =
        sqlx::query_scalar("select count(sealed) from mails").fetch_one(world.test.owner_pool()).await.unwrap();
    assert_eq!(sealed, 0, "what is over is not kept");
}

#[tokio::test]
async fn what_is_refused_for_good_is_given_up_at_once_and_the_last_try_is_the_last() {
    let world = World::new().await;
    let person = world.test.outsider("lee").await;
    world.email(&person, "lee@example.org", "en").await;
    world.sink.behave(Manner::RecipientRefused);
    world.ask_reset("lee").await;
    world.work().await;
    let mail = world.mails().await.remove(0);
    assert_eq!((mail.state, mail.attempts), (MailState::Failed, 1));
    assert!(mail.last_error.unwrap().contains("550"));

    world.sink.behave(Manner::Busy);
    world.ask_reset("lee").await;
    world.work().await;
    sqlx::query("update jobs set attempt = max_attempts - 1, run_at = now() where kind = 'mail-send'")
        .execute(world.test.owner_pool())
        .await
        .unwrap();
    world.work().await;
    let mail = world.mails().await.remove(0);
    assert_eq!((mail.state, mail.attempts), (MailState::Failed, 2));
    let failed: i64 =
        sqlx::query_scalar("select count(*) from finished_jobs where kind = 'mail-send' and state = 'failed'")
            .fetch_one(world.test.owner_pool())
            .await
            .unwrap();
    assert_eq!(failed, 1, "the list of jobs says so too");
}

#[tokio::test]
async fn the_test_button_says_what_is_wrong() {
    let world = World::new().await;
    let test = &world.test;
    let step = async || {
        let to = MailTestRequest { to: "somebody@example.org".to_owned() };
        let failure = mail::test(&test.platform, &world.admin.ctx(), to).await.unwrap();
        failure.map(|failure| (failure.step, failure.code))
    };
    assert_eq!(step().await, None);
    assert_eq!(world.sink.taken_by("somebody@example.org")[0].header("Subject"), "Test mail from RemoteGPU");
    for (manner, expected) in [
        (Manner::SenderRefused, (Step::Sender, Some(550))),
        (Manner::RecipientRefused, (Step::Recipient, Some(550))),
        (Manner::HangsUpAfterText, (Step::Data, None)),
        (Manner::HangsUp, (Step::Greeting, None)),
    ] {
        world.sink.behave(manner);
        assert_eq!(step().await, Some(expected), "{manner:?}");
    }
    world.sink.behave(Manner::BadPassword);
    world.set(&[("mail.user", json!("gpu")), ("mail.password", json!("wrong-one"))]).await;
    assert_eq!(step().await, Some((Step::Auth, Some(535))));
    world.sink.behave(Manner::Kind);
    assert_eq!(step().await, None);
    world.set(&[("mail.security", json!("starttls"))]).await;
    assert_eq!(step().await, Some((Step::Tls, None)));
    world.set(&[("mail.security", json!("tls"))]).await;
    assert_eq!(step().await, Some((Step::Tls, None)));
    // Nobody listens on the port of somebody who left.
    let gone = SmtpSink::start().await.port();
    world.set(&[("mail.port", json!(gone))]).await;
    assert_eq!(step().await, Some((Step::Connect, None)));
    world.set(&[("mail.host", json!("no-such-host.invalid"))]).await;
    assert_eq!(step().await, Some((Step::Name, None)));
    let to = MailTestRequest { to: "not an address".to_owned() };
    let refused = mail::test(&test.platform, &world.admin.ctx(), to).await.unwrap_err();
    assert_eq!(paths(&refused), ["to"]);
}

#[tokio::test]
async fn a_new_address_is_proved_and_the_old_one_hears_of_it() {
    let world = World::new().await;
    let test = &world.test;
    let person = test.outsider("lee").await;
    world.email(&person, "old@example.org", "en").await;
    let ask = async |email: &str, password: &str| {
        let body = EmailChangeRequest { email: email.to_owned(), password: password.to_owned() };
        accounts::request_email_change(&test.platform, &person.ctx(), &body).await
    };
    assert_eq!(paths(&ask("nowhere", "").await.unwrap_err()), ["email", "password"]);
    assert_eq!(paths(&ask("new@example.org", "a wrong one").await.unwrap_err()), ["password"]);
    assert_eq!(paths(&ask("old@example.org", PASSWORD).await.unwrap_err()), ["email"]);
    ask("New@example.org", PASSWORD).await.unwrap();
    world.work().await;
    assert_eq!(
        world.sink.taken_by("old@example.org")[0].header("Subject"),
        "RemoteGPU: your e-mail address is to change"
    );
    let token = token_of(&world.sink.taken_by("new@example.org")[0], "/email");
    let profile = accounts::profile(&test.platform, &person.ctx()).await.unwrap();
    assert_eq!(profile.email.as_deref(), Some("old@example.org"), "nothing before it is proved");
    let body = EmailChangeConfirm { token };
    // What the page says before anything is pressed, also while somebody else holds the address.
    let look = async || accounts::moving(&test.platform, &test.anonymous(), &body.token).await;
    let shown = look().await.unwrap();
    assert_eq!((shown.account.as_str(), shown.address.as_str(), shown.taken), ("lee", "new@example.org", false));
    let other = test.outsider("kim").await;
    world.email(&other, "New@example.org", "en").await;
    assert!(look().await.unwrap().taken);
    world.email(&other, "kim@example.org", "en").await;
    accounts::confirm_email_change(&test.platform, &test.anonymous(), &body).await.unwrap();
    assert_eq!(paths(&look().await.unwrap_err()), ["token"]);
    let profile = accounts::profile(&test.platform, &person.ctx()).await.unwrap();
    assert_eq!(profile.email.as_deref(), Some("new@example.org"));
    let again = accounts::confirm_email_change(&test.platform, &test.anonymous(), &body).await;
    assert_eq!(paths(&again.unwrap_err()), ["token"]);
}

#[tokio::test]
async fn an_api_token_changes_no_address_and_guesses_of_the_password_count() {
    let world = World::new().await;
    let test = &world.test;
    let person = test.outsider("lee").await;
    let ask =
        |password: &str| EmailChangeRequest { email: "new@example.org".to_owned(), password: password.to_owned() };
    let robot = ApiTokenCreate { name: "a robot".to_owned(), ..Default::default() };
    let robot = accounts::create_api_token(&test.platform, &person.ctx(), robot).await.unwrap().secret;
    let robot = accounts::principal_of_bearer(&test.platform, &test.anonymous(), &robot).await.unwrap();
    let robot = OpContext::new(robot, test.clock().now(), Via::Rest, "test-robot", None, Language::En);
    let refused = accounts::request_email_change(&test.platform, &robot, &ask(PASSWORD)).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Forbidden);

    for _ in 0..3 {
        let wrong = accounts::request_email_change(&test.platform, &person.ctx(), &ask("a guess")).await.unwrap_err();
        assert_eq!(paths(&wrong), ["password"]);
    }
    let too_many = accounts::request_email_change(&test.platform, &person.ctx(), &ask(PASSWORD)).await.unwrap_err();
    assert_eq!(too_many.code, ErrorCode::RateLimited);
    assert!(world.sink.mails().is_empty());
}

#[tokio::test]
async fn a_new_password_outlives_no_link_to_another_address_and_is_told_of() {
    let world = World::new().await;
    let test = &world.test;
    let person = test.outsider("lee").await;
    world.email(&person, "lee@example.org", "en").await;
    // Somebody who knows the password wants the account for good …
    let body = EmailChangeRequest { email: "thief@example.org".to_owned(), password: PASSWORD.to_owned() };
    accounts::request_email_change(&test.platform, &person.ctx(), &body).await.unwrap();
    world.ask_reset("lee").await;
    world.work().await;
    let moved = EmailChangeConfirm { token: token_of(&world.sink.taken_by("thief@example.org")[0], "/email") };
    // Two went there, side by side.
    let mails = world.sink.taken_by("lee@example.org");
    let reset = mails.iter().find(|mail| mail.link("http://gpu.test/reset?token=").is_some()).expect("a link");
    let reset = token_of(reset, "/reset");
    // … and the person does what the notice to the old address says.
    let change = PasswordChange { old_password: PASSWORD.to_owned(), new_password: NEW_PASSWORD.to_owned() };
    accounts::change_password(&test.platform, &person.ctx(), &change).await.unwrap();
    let late = accounts::confirm_email_change(&test.platform, &test.anonymous(), &moved).await.unwrap_err();
    assert_eq!(paths(&late), ["token"]);
    let late = confirm(&reset, "another unusual one: numbat");
    let late = accounts::confirm_password_reset(&test.platform, &test.anonymous(), &late).await.unwrap_err();
    assert_eq!(paths(&late), ["token"]);
    world.work().await;
    let told = world.sink.taken_by("lee@example.org");
    assert_eq!(told.last().unwrap().header("Subject"), "RemoteGPU: your password was changed");
}

#[tokio::test]
async fn nobodys_mailbox_is_flooded_by_people_who_are_let_in() {
    let world = World::new().await;
    let test = &world.test;
    let (person, acme) = (test.outsider("lee").await, test.customer("Acme").await);
    let change = EmailChangeRequest { email: "victim@example.org".to_owned(), password: PASSWORD.to_owned() };
    for _ in 0..3 {
        accounts::request_email_change(&test.platform, &person.ctx(), &change).await.unwrap();
    }
    let fourth = accounts::request_email_change(&test.platform, &person.ctx(), &change).await.unwrap_err();
    assert_eq!(fourth.code, ErrorCode::RateLimited);
    let wish = || InvitationCreate { email: "victim@example.org".to_owned(), role: None };
    for _ in 0..3 {
        let open = accounts::invite(&test.platform, &acme.owner.ctx(), None, wish()).await.unwrap();
        accounts::revoke_invitation(&test.platform, &acme.owner.ctx(), None, open.id).await.unwrap();
    }
    let fourth = accounts::invite(&test.platform, &acme.owner.ctx(), None, wish()).await.unwrap_err();
    assert_eq!((paths(&fourth), fourth.fields[0].key), (vec!["email"], "field-invited-often"));
    assert_eq!(world.mails().await.len(), 6);
}

#[tokio::test]
async fn an_invited_person_makes_an_account_and_is_a_member() {
    let world = World::new().await;
    let test = &world.test;
    let acme = test.customer("Acme").await;
    let wish = |email: &str| InvitationCreate { email: email.to_owned(), role: None };
    accounts::invite(&test.platform, &acme.owner.ctx(), None, wish("new@acme.example")).await.unwrap();
    let staff = accounts::invite(&test.platform, &world.admin.ctx(), Some(acme.id), wish("two@acme.example")).await;
    let revoked = staff.unwrap().id;
    world.work().await;
    let mail = world.sink.taken_by("new@acme.example").pop().unwrap();
    assert!(mail.header("Subject").contains("invites you to Acme"), "{}", mail.header("Subject"));
    let token = token_of(&mail, "/invitation");
    let invited = accounts::invited(&test.platform, &test.anonymous(), &token).await.unwrap();
    assert_eq!((invited.customer.as_str(), invited.email.as_str()), ("Acme", "new@acme.example"));

    let accept = |name: &str, password: &str| AccountByLink {
        token: token.clone(),
        username: name.to_owned(),
        password: password.to_owned(),
        display_name: None,
    };
    let all = accounts::accept_invitation(&test.platform, &test.anonymous(), &accept("", "new@acme.example")).await;
    assert_eq!(paths(&all.unwrap_err()), ["username", "password"]);
    let taken = accept(&acme.owner.name, NEW_PASSWORD);
    let taken = accounts::accept_invitation(&test.platform, &test.anonymous(), &taken).await.unwrap_err();
    assert_eq!((taken.code, paths(&taken)), (ErrorCode::AlreadyExists, vec!["username"]));
    let reader = test.anonymous();
    let reader = reader.authenticated(reader.principal().clone(), Language::Zh);
    accounts::accept_invitation(&test.platform, &reader, &accept("newcomer", NEW_PASSWORD)).await.unwrap();
    let language = "select language from users where name = 'newcomer'";
    let language: Option<String> = sqlx::query_scalar(language).fetch_one(test.owner_pool()).await.unwrap();
    assert_eq!(language.as_deref(), Some("zh"), "their mail comes in what they read the invitation in");
    assert_eq!(world.sign_in("newcomer", NEW_PASSWORD).await, None);
    assert_eq!(world.sign_in("new@acme.example", NEW_PASSWORD).await, None);
    let members =
        platform::customers::members(&test.platform, &acme.owner.ctx(), &Default::default()).await.unwrap().list;
    assert!(members.iter().any(|member| member.name == "newcomer"));
    let again = accounts::accept_invitation(&test.platform, &test.anonymous(), &accept("twice", NEW_PASSWORD)).await;
    assert_eq!(paths(&again.unwrap_err()), ["token"]);

    let open = accounts::invitations(&test.platform, &acme.owner.ctx(), None).await.unwrap();
    assert_eq!(open.iter().map(|view| view.email.as_str()).collect::<Vec<_>>(), ["two@acme.example"]);
    let token = token_of(&world.sink.taken_by("two@acme.example")[0], "/invitation");
    accounts::revoke_invitation(&test.platform, &acme.owner.ctx(), None, revoked).await.unwrap();
    let gone = accounts::invited(&test.platform, &test.anonymous(), &token).await.unwrap_err();
    assert_eq!(paths(&gone), ["token"]);
}

#[tokio::test]
async fn signing_up_floods_no_mailbox_and_ends_with_the_setting() {
    let world = World::new().await;
    let (test, ctx) = (&world.test, world.test.anonymous());
    world.set(&[("sign_in.sign_up", json!("open"))]).await;
    let ask = async |email: &str| {
        let (captcha_id, captcha) = test.captcha().await;
        let body = SignUpRequest { email: email.to_owned(), captcha_id, captcha };
        accounts::request_sign_up(&test.platform, &ctx, &body).await
    };
    for _ in 0..3 {
        ask("lee@example.org").await.unwrap();
    }
    assert_eq!(ask("lee@example.org").await.unwrap_err().code, ErrorCode::RateLimited);
    world.work().await;
    let mails = world.sink.taken_by("lee@example.org");
    assert_eq!(mails.len(), 3);
    let tokens: Vec<_> = mails.iter().map(|mail| token_of(mail, "/register/account")).collect();
    let make = async |token: &str, name: &str| {
        let body = AccountByLink {
            token: token.to_owned(),
            username: name.to_owned(),
            password: NEW_PASSWORD.to_owned(),
            display_name: None,
        };
        accounts::sign_up(&test.platform, &ctx, &body).await
    };
    assert_eq!(accounts::signing_up(&test.platform, &ctx, &tokens[0]).await.unwrap(), "lee@example.org");
    make(&tokens[0], "lee").await.unwrap();
    // The other links prove an address that is somebody's by now.
    let twice = make(&tokens[1], "lee2").await.unwrap_err();
    assert_eq!((twice.code, paths(&twice)), (ErrorCode::AlreadyExists, vec!["email"]));
    world.set(&[("sign_in.sign_up", json!("invitation"))]).await;
    let closed = make(&tokens[2], "lee3").await.unwrap_err();
    assert_eq!((closed.code, closed.key), (ErrorCode::WrongState, "error-sign-up-closed"));
}
