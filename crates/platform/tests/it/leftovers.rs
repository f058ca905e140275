//! What others left on an account before the person came whom it is for.

use contract::accounts::{ApiTokenCreate, EmailChangeConfirm, EmailChangeRequest, PasswordResetConfirm};
use contract::users::UserUpdate;
use platform::accounts::{self, users};
use sqlx::AssertSqlSafe;
use test_support::TestUser;

use crate::mail::{World, token_of};

/// What is on an account: keys, webhooks, identities.
const ALL: [i64; 3] = [1, 1, 1];
const NOTHING: [i64; 3] = [0, 0, 0];

impl World {
    /// Puts one of everything on an account, as whoever knows its password can.
    async fn leave(&self, user: &TestUser) {
        let id = user.id;
        let statement = format!(
            "insert into ssh_keys (user_id, name, public_key, algorithm, fingerprint, created_at)
               values ({id}, 'laptop', 'ssh-ed25519 x', 'ssh-ed25519', 'SHA256:x', now()) on conflict do nothing;
             insert into notification_channels (token, user_id, kind, name, host, sealed_url, sealed_secret, created_at)
               select gen_random_uuid(), {id}, 'webhook', 'pager', 'a.example', 'x', 'x', now()
               where not exists (select from notification_channels where user_id = {id});
             insert into identity_providers (kind, name, config) select 'ldap', 'Example', '{{}}'
               where not exists (select from identity_providers);
             insert into user_identities (provider_id, issuer, subject, user_id, created_at)
               select min(id), '', 's{id}', {id}, now() from identity_providers
               where not exists (select from user_identities where user_id = {id})
               having min(id) is not null;"
        );
        let done = sqlx::raw_sql(AssertSqlSafe(statement)).execute(self.test.owner_pool()).await;
        done.unwrap_or_else(|error| panic!("{error}"));
    }

    async fn left(&self, user: &TestUser) -> [i64; 3] {
        let mut found = NOTHING;
        for (place, table) in found.iter_mut().zip(["ssh_keys", "notification_channels", "user_identities"]) {
            let statement = format!("select count(*) from {table} where user_id = $1");
            let count = sqlx::query_scalar(AssertSqlSafe(statement)).bind(user.id.0);
            *place = count.fetch_one(self.test.owner_pool()).await.unwrap();
        }
        found
    }

    /// Sets a new password by a link to the account's address; what its page says stays bound.
    async fn reset(&self, user: &TestUser, email: &str, password: &str) -> Vec<String> {
        self.ask_reset(&user.name).await;
        self.work().await;
        let mails = self.sink.taken_by(email);
        let mail = mails.iter().rfind(|mail| mail.link("http://gpu.test/reset?token=").is_some()).expect("a link");
        let body = PasswordResetConfirm { token: token_of(mail, "/reset"), new_password: password.to_owned() };
        let bound = accounts::resetting(&self.test.platform, &self.test.anonymous(), &body.token).await.unwrap();
        accounts::confirm_password_reset(&self.test.platform, &self.test.anonymous(), &body).await.unwrap();
        bound
    }
}

#[tokio::test]
async fn the_first_password_by_a_link_drops_what_others_put_there_and_later_ones_nothing() {
    let world = World::new().await;
    let test = &world.test;
    let lee = test.outsider("lee").await;
    world.email(&lee, "lee@example.org", "en").await;
    let robot = ApiTokenCreate { name: "a robot".to_owned(), ..Default::default() };
    let robot = accounts::create_api_token(&test.platform, &lee.ctx(), robot).await.unwrap().secret;
    world.leave(&lee).await;
    let bound = world.reset(&lee, "lee@example.org", "three unusual words: quokka").await;
    assert_eq!(bound, [""; 0], "it goes with the new password");
    assert_eq!(world.left(&lee).await, NOTHING);
    let by_robot = accounts::principal_of_bearer(&test.platform, &test.anonymous(), &robot).await;
    assert!(by_robot.is_err(), "tokens end by every new password");
    let told = "select before::text from audit_events where action = 'accounts:reset-password'";
    let told: String = sqlx::query_scalar(told).fetch_one(test.owner_pool()).await.unwrap();
    assert!(told.contains(r#""sshKeys": 1"#) && told.contains(r#""webhooks": 1"#), "{told}");

    // It is theirs now: who forgets a password keeps their keys.
    world.leave(&lee).await;
    let bound = world.reset(&lee, "lee@example.org", "three unusual words: numbat").await;
    assert_eq!((bound, world.left(&lee).await), (vec!["Example".to_owned()], ALL), "and hears what still gets in");

    // Staff name another address: whose it is comes for the first time.
    let moved = UserUpdate {
        username: lee.name.clone(),
        display_name: None,
        email: Some("kim@example.org".to_owned()),
        revision: None,
    };
    users::update(&test.platform, &world.admin.ctx(), lee.id, moved).await.unwrap();
    assert_eq!(world.left(&lee).await, ALL, "nothing goes before they come");
    world.reset(&lee, "kim@example.org", "three unusual words: wombat").await;
    assert_eq!(world.left(&lee).await, NOTHING);
}

#[tokio::test]
async fn a_new_address_is_the_persons_own_only_where_they_open_its_link_signed_in() {
    let world = World::new().await;
    let test = &world.test;
    for (name, signed_in) in [("lee", true), ("kim", false)] {
        let person = test.outsider(name).await;
        let (old, new) = (format!("{name}@example.org"), format!("{name}@new.example"));
        world.email(&person, &old, "en").await;
        let password = "three unusual words: quokka";
        world.reset(&person, &old, password).await;
        let body = EmailChangeRequest { email: new.clone(), password: password.to_owned() };
        accounts::request_email_change(&test.platform, &person.ctx(), &body).await.unwrap();
        world.work().await;
        let token = token_of(world.sink.taken_by(&new).last().unwrap(), "/email");
        let ctx = if signed_in { person.ctx() } else { test.anonymous() };
        let body = EmailChangeConfirm { token };
        accounts::confirm_email_change(&test.platform, &ctx, &body).await.unwrap();
        world.leave(&person).await;
        world.reset(&person, &new, "three unusual words: numbat").await;
        assert_eq!(world.left(&person).await, if signed_in { ALL } else { NOTHING }, "{name}");
    }
}
