//! People who have an account and come into a customer: by their consent, or added by staff and told.

use contract::accounts::{AccountByLink, InvitationCreate, InvitationJoin, MemberRole};
use contract::audit::OwnAuditQuery;
use contract::customers::{CustomerCreate, CustomerQuery, MemberCreate, MemberUpdate, OwnerTransfer};
use contract::notifications::{NotificationKind, NotificationQuery};
use contract::{ErrorCode, Permission};
use platform::accounts::{self, WayIn, users};
use platform::{Credential, OpContext, Result, audit, customers, notifications};
use serde_json::json;
use test_support::{TestCustomer, TestUser};

use crate::mail::{World, paths, token_of};

impl World {
    /// What the link of an invitation says, as its mail brings it.
    async fn invited(&self, by: &OpContext, customer: &TestCustomer, email: &str, role: MemberRole) -> String {
        let wish = InvitationCreate { email: email.to_owned(), role: Some(role) };
        accounts::invite(&self.test.platform, by, Some(customer.id), wish).await.unwrap();
        self.work().await;
        token_of(&self.sink.taken_by(email).pop().unwrap(), "/invitation")
    }

    async fn way(&self, ctx: &OpContext, token: &str) -> WayIn {
        accounts::invited(&self.test.platform, ctx, token).await.unwrap().way
    }

    async fn join(&self, ctx: &OpContext, token: &str) -> Result<(MemberRole, accounts::SignedIn)> {
        let body = InvitationJoin { token: token.to_owned() };
        accounts::join(&self.test.platform, ctx, &body).await.map(|(joined, who)| (joined.role, who))
    }

    async fn role(&self, customer: &TestCustomer, user: &TestUser) -> Option<String> {
        sqlx::query_scalar("select role from memberships where customer_id = $1 and user_id = $2")
            .bind(customer.id.0)
            .bind(user.id.0)
            .fetch_optional(self.test.owner_pool())
            .await
            .unwrap()
    }

    async fn told(&self, user: &TestUser) -> Vec<(NotificationKind, String)> {
        let query = NotificationQuery::default();
        let list = notifications::list(&self.test.platform, &user.ctx(), &query).await.unwrap().list;
        list.into_iter().map(|view| (view.kind, view.message)).collect()
    }
}

fn refusal<T: std::fmt::Debug>(result: Result<T>) -> (ErrorCode, &'static str) {
    let error = result.unwrap_err();
    (error.code, error.key)
}

fn existing(name: &str, role: MemberRole) -> MemberCreate {
    MemberCreate { username: name.to_owned(), existing: true, role: Some(role), ..MemberCreate::default() }
}

#[tokio::test]
async fn who_has_an_account_accepts_with_it_and_nobody_else_does() {
    let world = World::new().await;
    let test = &world.test;
    let (lee, acme) = (test.outsider("lee").await, test.customer("Acme").await);
    world.email(&lee, "Lee@example.org", "zh").await;
    let token = world.invited(&acme.owner.ctx(), &acme, "lee@example.org", MemberRole::Member).await;
    let subject = world.sink.taken_by("lee@example.org")[0].header("Subject");
    assert!(subject.contains("邀请您加入"), "in their language: {subject}");

    assert_eq!(world.way(&test.anonymous(), &token).await, WayIn::SignIn);
    assert_eq!(world.way(&acme.member.ctx(), &token).await, WayIn::SwitchAccount);
    assert_eq!(world.way(&lee.ctx(), &token).await, WayIn::Accept);
    let by_another = (ErrorCode::WrongState, "error-invitation-for-another");
    assert_eq!(refusal(world.join(&acme.member.ctx(), &token).await), by_another);
    assert_eq!(refusal(world.join(&test.anonymous(), &token).await).0, ErrorCode::Unauthenticated);
    let mut robot = lee.clone();
    robot.principal.credential = Credential::ApiToken { scopes: None };
    assert_eq!(refusal(world.join(&robot.ctx(), &token).await).0, ErrorCode::Forbidden, "no program consents");
    let unknown = world.join(&lee.ctx(), "no-such-token").await.unwrap_err();
    assert_eq!(paths(&unknown), ["token"]);
    // The account is not made anew, and nothing of it changes.
    let body = AccountByLink {
        token: token.clone(),
        username: "lee2".to_owned(),
        password: "three unusual words: quokka".to_owned(),
        display_name: None,
    };
    let anew = accounts::accept_invitation(&test.platform, &test.anonymous(), &body).await.unwrap_err();
    assert_eq!((anew.code, paths(&anew)), (ErrorCode::AlreadyExists, vec!["email"]));
    assert_eq!(anew.fields[0].key, "field-invitation-has-account");
    assert_eq!(world.role(&acme, &lee).await, None);

    let (role, who) = world.join(&lee.ctx(), &token).await.unwrap();
    assert_eq!((role, who.user, who.active_customer), (MemberRole::Member, lee.id, Some(acme.id)));
    assert_eq!(world.role(&acme, &lee).await.as_deref(), Some("member"));
    assert_eq!(paths(&world.join(&lee.ctx(), &token).await.unwrap_err()), ["token"], "it works once");
    let open = accounts::invitations(&test.platform, &acme.owner.ctx(), None).await.unwrap();
    assert_eq!(open, []);
    let told = world.told(&acme.owner).await;
    assert_eq!(told, [(NotificationKind::InvitationAccepted, "lee has joined Acme.".to_owned())]);
    let noted: Vec<(Option<i64>, Option<i64>, String)> = sqlx::query_as(
        "select actor_id, customer_id, after::text from audit_events where action = 'accounts:accept-invitation'",
    )
    .fetch_all(test.owner_pool())
    .await
    .unwrap();
    let [(actor, customer, after)] = noted.as_slice() else { panic!("{noted:?}") };
    assert_eq!((*actor, *customer), (Some(lee.id.0), Some(acme.id.0)));
    assert!(after.contains("lee@example.org") && !after.contains(&token), "{after}");
    let query = OwnAuditQuery { action: Some("accounts:accept-invitation".to_owned()), ..OwnAuditQuery::default() };
    let own = audit::list_own(&test.platform, &acme.owner.ctx(), &query).await.unwrap().list;
    assert_eq!(own[0].actor_name.as_deref(), Some("lee"), "one of its people, not staff");
}

#[tokio::test]
async fn an_invitation_ends_with_the_say_of_who_sent_it() {
    let world = World::new().await;
    let test = &world.test;
    let (admin, acme, lee) = (test.admin().await, test.customer("Acme").await, test.outsider("lee").await);
    world.email(&lee, "lee@example.org", "en").await;
    let token = world.invited(&acme.owner.ctx(), &acme, "lee@example.org", MemberRole::Owner).await;
    let first_owner = acme.owner.id;
    customers::set_member_role(
        &test.platform,
        &admin.ctx(),
        acme.id,
        acme.member.id,
        MemberUpdate { role: MemberRole::Owner },
    )
    .await
    .unwrap();
    customers::set_member_role(
        &test.platform,
        &admin.ctx(),
        acme.id,
        first_owner,
        MemberUpdate { role: MemberRole::Member },
    )
    .await
    .unwrap();

    assert_eq!(paths(&world.join(&lee.ctx(), &token).await.unwrap_err()), ["token"]);
    assert_eq!(accounts::invitations(&test.platform, &admin.ctx(), Some(acme.id)).await.unwrap(), []);
    // It was withdrawn then, with a row that the customer's owner reads, and no other word brings it back.
    let mut owner = acme.member.clone();
    owner.principal.memberships = vec![(acme.id, MemberRole::Owner)];
    let query = OwnAuditQuery { action: Some("customers:withdraw-invitation".to_owned()), ..OwnAuditQuery::default() };
    assert_eq!(audit::list_own(&test.platform, &owner.ctx(), &query).await.unwrap().total, 1);
    let again = MemberUpdate { role: MemberRole::Owner };
    customers::set_member_role(&test.platform, &admin.ctx(), acme.id, first_owner, again).await.unwrap();
    assert_eq!(paths(&world.join(&lee.ctx(), &token).await.unwrap_err()), ["token"], "an owner again");
    let of_staff = world.invited(&admin.ctx(), &acme, "lee@example.org", MemberRole::Member).await;
    world.join(&lee.ctx(), &of_staff).await.unwrap();
}

#[tokio::test]
async fn an_owner_who_hands_over_takes_their_invitations_along() {
    let world = World::new().await;
    let test = &world.test;
    let (admin, acme, lee) = (test.admin().await, test.customer("Acme").await, test.outsider("lee").await);
    world.email(&lee, "lee@example.org", "en").await;
    let token = world.invited(&acme.owner.ctx(), &acme, "lee@example.org", MemberRole::Owner).await;
    let kept = world.invited(&admin.ctx(), &acme, "max@example.org", MemberRole::Member).await;
    let heir = OwnerTransfer { user_id: acme.member.id, confirm: "Acme".to_owned() };
    customers::transfer(&test.platform, &admin.ctx(), acme.id, heir).await.unwrap();
    let back = MemberUpdate { role: MemberRole::Owner };
    customers::set_member_role(&test.platform, &admin.ctx(), acme.id, acme.owner.id, back).await.unwrap();
    assert_eq!(paths(&world.join(&lee.ctx(), &token).await.unwrap_err()), ["token"]);
    accounts::invited(&test.platform, &test.anonymous(), &kept).await.expect("what staff sent stays");
}

#[tokio::test]
async fn staff_who_may_not_invite_any_more_take_their_invitations_along() {
    let world = World::new().await;
    let test = &world.test;
    let (clerk, acme, lee) = (test.admin().await, test.customer("Acme").await, test.outsider("lee").await);
    world.email(&lee, "lee@example.org", "en").await;
    let token = world.invited(&clerk.ctx(), &acme, "lee@example.org", MemberRole::Member).await;
    accounts::withdraw_lost_invitations(&test.platform).await.unwrap();
    assert_eq!(world.way(&lee.ctx(), &token).await, WayIn::Accept, "nothing is lost yet");
    let become_one = async |role: &str| {
        sqlx::query("update role_assignments set role = $2 where user_id = $1")
            .bind(clerk.id.0)
            .bind(role)
            .execute(test.owner_pool())
            .await
            .unwrap();
    };
    // Staff still, but of those who invite nobody.
    become_one("operator").await;
    assert_eq!(paths(&world.join(&lee.ctx(), &token).await.unwrap_err()), ["token"]);
    accounts::withdraw_lost_invitations(&test.platform).await.unwrap();
    become_one("platform_admin").await;
    assert_eq!(paths(&world.join(&lee.ctx(), &token).await.unwrap_err()), ["token"], "withdrawn for good");
    let told = "select actor_name from audit_events where action = 'customers:withdraw-invitation'";
    let told: Vec<String> = sqlx::query_scalar(told).fetch_all(test.owner_pool()).await.unwrap();
    assert_eq!(told, ["authenticator"]);
}

#[tokio::test]
async fn an_invitation_into_a_role_ends_where_its_sender_covers_that_role_no_more() {
    let world = World::new().await;
    let test = &world.test;
    let (acme, lee) = (test.customer("Acme").await, test.outsider("lee").await);
    world.email(&lee, "lee@example.org", "en").await;
    let everything: Vec<_> =
        Permission::ALL.iter().copied().filter(|held| platform::authz::is_grantable(*held)).collect();
    let clerk = test.with_role("clerk", &everything).await;
    let token = world.invited(&clerk.ctx(), &acme, "lee@example.org", MemberRole::Owner).await;
    assert_eq!(world.way(&lee.ctx(), &token).await, WayIn::Accept, "the role has all that an owner may");
    // They may still invite, but nobody to be an owner.
    sqlx::query("delete from role_permissions where permission not like 'customers:%'")
        .execute(test.owner_pool())
        .await
        .unwrap();
    assert_eq!(paths(&world.join(&lee.ctx(), &token).await.unwrap_err()), ["token"]);
    accounts::withdraw_lost_invitations(&test.platform).await.unwrap();
    let lost = "select before->>'role' from audit_events where action = 'customers:withdraw-invitation'";
    let lost: Vec<String> = sqlx::query_scalar(lost).fetch_all(test.owner_pool()).await.unwrap();
    assert_eq!(lost, ["owner"]);
}

#[tokio::test]
async fn an_owner_who_works_for_the_platform_now_invites_nobody_as_an_owner() {
    let world = World::new().await;
    let test = &world.test;
    let (acme, lee) = (test.customer("Acme").await, test.outsider("lee").await);
    world.email(&lee, "lee@example.org", "en").await;
    let token = world.invited(&acme.owner.ctx(), &acme, "lee@example.org", MemberRole::Member).await;
    let become_one = async |role: &str| {
        sqlx::query("insert into role_assignments (user_id, role) values ($1, $2)")
            .bind(acme.owner.id.0)
            .bind(role)
            .execute(test.owner_pool())
            .await
            .unwrap();
    };
    become_one("student").await;
    assert_eq!(world.way(&lee.ctx(), &token).await, WayIn::Accept, "who learns here is inside all the same");
    become_one("operator").await;
    assert_eq!(world.role(&acme, &acme.owner).await.as_deref(), Some("owner"), "the row is still there");
    assert_eq!(paths(&world.join(&lee.ctx(), &token).await.unwrap_err()), ["token"]);
}

#[tokio::test]
async fn senders_are_judged_once_and_links_that_are_used_up_are_not_read() {
    let world = World::new().await;
    let test = &world.test;
    let (acme, globex) = (test.customer("Acme").await, test.customer("Globex").await);
    for (count, used) in [(20_000, true), (300, false)] {
        sqlx::query(
            "insert into one_time_links (hash, purpose, customer_id, role, address, created_by, created_at, expires_at, used_at)
             select sha256(convert_to($1::text || n, 'utf8')), 'invitation', $2, 'member', n || '@example.org',
                    case n % 2 when 0 then $3 else $4 end, now(), now() + interval '1 day', case when $1 then now() end
             from generate_series(1, $5) n",
        )
        .bind(used)
        .bind(acme.id.0)
        .bind(acme.owner.id.0)
        .bind(globex.owner.id.0)
        .bind(count)
        .execute(test.owner_pool())
        .await
        .unwrap();
    }
    sqlx::raw_sql("analyze one_time_links").execute(test.owner_pool()).await.unwrap();
    let plan: Vec<String> = sqlx::query_scalar(
        "explain with sent as materialized (
           select distinct created_by, customer_id, role from one_time_links
           where purpose = 'invitation' and used_at is null),
         lost as materialized (
           select created_by, customer_id, role from sent
           where not invitation_stands(created_by, customer_id, role, '{owner}', '{customers:invite}', '{platform_admin}'))
         update one_time_links l set used_at = now() from lost
         where l.created_by = lost.created_by and l.customer_id = lost.customer_id and l.role = lost.role
           and l.purpose = 'invitation' and l.used_at is null and l.expires_at > now()",
    )
    .fetch_all(test.owner_pool())
    .await
    .unwrap();
    assert!(!plan.iter().any(|line| line.contains("Seq Scan on one_time_links")), "{plan:#?}");
    assert!(plan.iter().any(|line| line.contains("one_time_links_open_invitations")), "{plan:#?}");
    // Of Acme's own owner they stand; another customer's owner never could.
    accounts::withdraw_lost_invitations(&test.platform).await.unwrap();
    let open = "select count(*), count(distinct created_by) from one_time_links where used_at is null";
    let open: (i64, i64) = sqlx::query_as(open).fetch_one(test.owner_pool()).await.unwrap();
    assert_eq!(open, (150, 1));
}

#[tokio::test]
async fn who_invites_hears_nothing_of_an_account() {
    let world = World::new().await;
    let test = &world.test;
    let (lee, acme) = (test.outsider("lee").await, test.customer("Acme").await);
    world.email(&lee, "lee@example.org", "en").await;
    let mut answers = Vec::new();
    for email in ["lee@example.org", "nobody@example.org"] {
        let wish = InvitationCreate { email: email.to_owned(), role: None };
        let view = accounts::invite(&test.platform, &acme.owner.ctx(), None, wish).await.unwrap();
        assert_eq!(view.email, email);
        let mut shape = serde_json::to_value(&view).unwrap();
        for own in ["id", "email"] {
            shape[own] = json!(null);
        }
        answers.push((shape["role"].clone(), shape.as_object().unwrap().keys().cloned().collect::<Vec<_>>()));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    world.work().await;
    let texts = ["lee@example.org", "nobody@example.org"]
        .map(|email| world.sink.taken_by(email)[0].text().split("http").next().unwrap().to_owned());
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
}

#[tokio::test]
async fn a_member_who_is_invited_as_an_owner_becomes_one_and_nobody_becomes_less() {
    let world = World::new().await;
    let test = &world.test;
    let acme = test.customer("Acme").await;
    world.email(&acme.member, "member@example.org", "en").await;
    world.email(&acme.owner, "owner@example.org", "en").await;
    let ctx = acme.owner.ctx();
    let invited = async |email: &str| {
        let wish = InvitationCreate { email: email.to_owned(), role: Some(MemberRole::Member) };
        accounts::invite(&test.platform, &ctx, None, wish).await.unwrap_err().fields[0].key
    };
    for email in ["member@example.org", "owner@example.org"] {
        assert_eq!(invited(email).await, "field-invited-member", "{email} is that already");
    }
    // They may have come in meanwhile.
    world.email(&acme.member, "later@example.org", "en").await;
    world.email(&acme.owner, "boss@example.org", "en").await;
    let as_member = world.invited(&ctx, &acme, "member@example.org", MemberRole::Member).await;
    let less = world.invited(&ctx, &acme, "owner@example.org", MemberRole::Member).await;
    world.email(&acme.member, "member@example.org", "en").await;
    world.email(&acme.owner, "owner@example.org", "en").await;
    assert_eq!(world.way(&acme.member.ctx(), &as_member).await, WayIn::Already(MemberRole::Member));
    let already = (ErrorCode::WrongState, "error-invitation-already");
    assert_eq!(refusal(world.join(&acme.member.ctx(), &as_member).await), already);
    assert_eq!(world.way(&ctx, &less).await, WayIn::Already(MemberRole::Owner));
    assert_eq!(refusal(world.join(&ctx, &less).await), already);
    assert_eq!(world.role(&acme, &acme.owner).await.as_deref(), Some("owner"));

    let as_owner = world.invited(&ctx, &acme, "member@example.org", MemberRole::Owner).await;
    assert_eq!(world.way(&acme.member.ctx(), &as_owner).await, WayIn::Accept);
    let (role, who) = world.join(&acme.member.ctx(), &as_owner).await.unwrap();
    assert_eq!((role, who.active_customer), (MemberRole::Owner, Some(acme.id)));
    assert_eq!(world.role(&acme, &acme.member).await.as_deref(), Some("owner"));
    let watch = accounts::watch_session(&test.platform, &acme.member.principal);
    assert!(!watch.still_valid().await.unwrap(), "the role in it changed");
    assert_eq!(paths(&world.join(&acme.member.ctx(), &as_member).await.unwrap_err()), ["token"], "it was replaced");
}

#[tokio::test]
async fn an_invitation_that_is_over_lets_nobody_in_and_of_two_at_once_one_counts() {
    let world = World::new().await;
    let test = &world.test;
    let (lee, kim, acme) = (test.outsider("lee").await, test.outsider("kim").await, test.customer("Acme").await);
    world.email(&lee, "lee@example.org", "en").await;
    let token = world.invited(&acme.owner.ctx(), &acme, "lee@example.org", MemberRole::Member).await;
    customers::set_active(&test.platform, &world.admin.ctx(), acme.id, false).await.unwrap();
    let paused = (ErrorCode::WrongState, "error-invitation-paused");
    assert_eq!(refusal(world.join(&lee.ctx(), &token).await), paused, "a disabled customer: it works again after that");
    customers::set_active(&test.platform, &world.admin.ctx(), acme.id, true).await.unwrap();
    // Whose the address is counts when they accept, not when they were invited.
    world.email(&lee, "lee@elsewhere.example", "en").await;
    world.email(&kim, "lee@example.org", "en").await;
    let (one, another) = (lee.ctx(), kim.ctx());
    assert_eq!(refusal(world.join(&one, &token).await).1, "error-invitation-for-another");
    let (first, second) = tokio::join!(world.join(&another, &token), world.join(&another, &token));
    assert!(first.is_ok() != second.is_ok(), "{first:?} and {second:?}");
    assert_eq!(world.role(&acme, &kim).await.as_deref(), Some("member"));
    let earlier = world.invited(&acme.owner.ctx(), &acme, "lee@elsewhere.example", MemberRole::Owner).await;
    let back = world.invited(&acme.owner.ctx(), &acme, "lee@elsewhere.example", MemberRole::Member).await;
    assert_eq!(paths(&world.join(&lee.ctx(), &earlier).await.unwrap_err()), ["token"], "the last word counts");
    // Who is there already is not asked again for the same.
    let again = contract::accounts::InvitationCreate { email: "lee@example.org".to_owned(), role: None };
    let refused = accounts::invite(&test.platform, &acme.owner.ctx(), None, again).await.unwrap_err();
    assert_eq!(refused.fields[0].key, "field-invited-member");
    let open = accounts::invitations(&test.platform, &acme.owner.ctx(), None).await.unwrap();
    accounts::revoke_invitation(&test.platform, &acme.owner.ctx(), None, open[0].id).await.unwrap();
    assert_eq!(paths(&world.join(&lee.ctx(), &back).await.unwrap_err()), ["token"], "taken back");
    assert_eq!(world.role(&acme, &lee).await, None);
}

#[tokio::test]
async fn staff_who_run_people_everywhere_add_an_account_and_its_owner_is_told() {
    let world = World::new().await;
    let test = &world.test;
    let (lee, acme) = (test.outsider("lee").await, test.customer("Acme").await);
    world.email(&lee, "lee@example.org", "zh").await;
    // One answer for a name that is somebody's and for one that is nobody's.
    for name in ["lee", "nobody"] {
        let of_owner = acme.owner.ctx();
        let refused = customers::add_my_member(&test.platform, &of_owner, existing(name, MemberRole::Member)).await;
        assert_eq!(refusal(refused), (ErrorCode::Forbidden, "error-member-by-invitation"), "{name}");
    }
    let adds = [Permission::CustomersManage, Permission::CustomersAddMember, Permission::AllocationsManage];
    let clerk = test.with_role("clerk", &[&adds[..], &[Permission::FilesView]].concat()).await;
    let of_clerk = clerk.ctx();
    let by_clerk = customers::add_member(&test.platform, &of_clerk, acme.id, existing("lee", MemberRole::Member)).await;
    assert_eq!(refusal(by_clerk).0, ErrorCode::Forbidden, "making accounts is not bringing in others'");

    let mut admin = world.admin.clone();
    admin.principal.display_name = "Ada".to_owned();
    customers::add_member(&test.platform, &admin.ctx(), acme.id, existing(" LEE ", MemberRole::Owner)).await.unwrap();
    assert_eq!(world.role(&acme, &lee).await.as_deref(), Some("owner"));
    let told = "Staff of the platform added you to Acme as an owner.".to_owned();
    assert_eq!(world.told(&lee).await, [(NotificationKind::MemberAdded, told)]);
    world.work().await;
    let mail = world.sink.taken_by("lee@example.org").pop().unwrap();
    assert_eq!(mail.header("Subject"), "RemoteGPU：您已被加入 Acme");
    assert!(mail.text().contains("平台工作人员 已将您的账号 lee 加入 Acme，角色为负责人"), "{}", mail.text());
    // Who adds themselves knows; a customer that is made with an owner who has an account tells them, too.
    customers::add_member(&test.platform, &admin.ctx(), acme.id, existing(&admin.name, MemberRole::Owner))
        .await
        .unwrap();
    assert_eq!(world.told(&admin).await, []);
    let owner = Some(existing("lee", MemberRole::Owner));
    let globex = CustomerCreate { name: "Globex".to_owned(), owner, ..CustomerCreate::default() };
    let maker = test.with_role("maker", &[Permission::CustomersManage, Permission::CustomersCreate]).await;
    let refused = customers::create(&test.platform, &maker.ctx(), globex.clone()).await;
    assert_eq!(refusal(refused).0, ErrorCode::Forbidden);
    customers::create(&test.platform, &admin.ctx(), globex).await.unwrap();
    assert_eq!(world.told(&lee).await[0].1, "Staff of the platform added you to Globex as an owner.");
}

#[tokio::test]
async fn a_customer_that_lost_its_owner_says_so_and_gets_another() {
    let world = World::new().await;
    let (test, p) = (&world.test, &world.test.platform);
    let (acme, globex) = (test.customer("Acme").await, test.customer("Globex").await);
    let admin = world.admin.ctx();
    let ownerless = async || {
        let query = CustomerQuery { has_owner: Some(false), ..CustomerQuery::default() };
        let list = customers::list(p, &admin, &query).await.unwrap().list;
        list.into_iter().map(|row| row.name).collect::<Vec<_>>()
    };
    assert_eq!(ownerless().await, Vec::<String>::new());
    users::set_active(p, &admin, acme.owner.id, false).await.unwrap();
    assert!(!customers::get(p, &admin, acme.id).await.unwrap().has_owner);
    assert_eq!(ownerless().await, ["Acme"]);
    let owned = CustomerQuery { has_owner: Some(true), ..CustomerQuery::default() };
    let owned = customers::list(p, &admin, &owned).await.unwrap();
    assert_eq!((owned.total, owned.list[0].id, owned.list[0].has_owner), (1, globex.id, true));
    let people = customers::members_of(p, &admin, acme.id, &Default::default()).await.unwrap().list;
    let active: Vec<_> = people.iter().map(|member| (member.role, member.active)).collect();
    assert_eq!(active, [(MemberRole::Owner, false), (MemberRole::Member, true)]);

    let lee = test.outsider("lee").await;
    world.email(&lee, "lee@example.org", "en").await;
    let token = world.invited(&admin, &acme, "lee@example.org", MemberRole::Owner).await;
    world.join(&lee.ctx(), &token).await.unwrap();
    assert!(customers::get(p, &admin, acme.id).await.unwrap().has_owner);
    users::set_active(p, &admin, lee.id, false).await.unwrap();
    assert_eq!(ownerless().await, ["Acme"]);
    let kim = test.outsider("kim").await;
    customers::add_member(p, &admin, acme.id, existing(&kim.name, MemberRole::Owner)).await.unwrap();
    assert_eq!(ownerless().await, Vec::<String>::new());
    // One without anybody in it says so as well, and one that is deleted asks for nothing.
    let empty = CustomerCreate { name: "Initech".to_owned(), ..CustomerCreate::default() };
    let empty = customers::create(p, &admin, empty).await.unwrap().customer;
    assert_eq!((empty.has_owner, ownerless().await), (false, vec!["Initech".to_owned()]));
    customers::delete(p, &admin, empty.id).await.unwrap();
    assert_eq!(ownerless().await, Vec::<String>::new());
}

#[tokio::test]
async fn whoever_belongs_to_a_customer_leaves_it_but_its_last_owner() {
    let test = test_support::TestPlatform::new().await;
    let (acme, globex) = (test.customer("Acme").await, test.customer("Globex").await);
    let p = &test.platform;
    let last = accounts::leave(p, &acme.owner.ctx(), acme.id).await;
    assert_eq!(refusal(last), (ErrorCode::WrongState, "error-last-owner"));
    let may = accounts::may_leave(p, &acme.owner.ctx()).await.unwrap();
    assert!(may[0].0 == acme.id && !may[0].1.allowed && may[0].1.why_not.is_some());
    // What one is none of the people of is not there, deleted or not.
    for id in [globex.id, contract::CustomerId(999_999)] {
        assert_eq!(accounts::leave(p, &acme.member.ctx(), id).await.unwrap_err().code, ErrorCode::NotFound);
    }
    let mut robot = acme.member.clone();
    robot.principal.credential = Credential::ApiToken { scopes: None };
    assert_eq!(refusal(accounts::leave(p, &robot.ctx(), acme.id).await).0, ErrorCode::Forbidden);
    assert_eq!(accounts::leave(p, &test.anonymous(), acme.id).await.unwrap_err().code, ErrorCode::Unauthenticated);

    // They go, and what acts for the customer ends; what they are elsewhere stays.
    let admin = test.admin().await;
    customers::add_member(p, &admin.ctx(), globex.id, existing(&acme.member.name, MemberRole::Member)).await.unwrap();
    assert!(accounts::may_leave(p, &acme.member.ctx()).await.unwrap().iter().all(|(_, may)| may.allowed));
    let who = accounts::leave(p, &acme.member.ctx(), acme.id).await.unwrap();
    assert_eq!(who.active_customer, Some(globex.id), "the browser goes on there");
    let open = "select count(*) from sessions where user_id = $1 and customer_id = $2 and ended_at is null";
    let open: i64 =
        sqlx::query_scalar(open).bind(acme.member.id.0).bind(acme.id.0).fetch_one(test.owner_pool()).await.unwrap();
    assert_eq!(open, 0);
    assert_eq!(accounts::leave(p, &acme.member.ctx(), acme.id).await.unwrap_err().code, ErrorCode::NotFound);
    let names = customers::members(p, &acme.owner.ctx(), &Default::default()).await.unwrap().list;
    assert!(names.iter().all(|member| member.user_id != acme.member.id));
    // The customer reads who left, and that they did it themselves.
    let list = audit::list_own(p, &acme.owner.ctx(), &OwnAuditQuery::default()).await.unwrap().list;
    let left = list.iter().find(|row| row.action == "customers:leave").expect("it is there");
    assert_eq!(left.actor_name.as_deref(), Some(acme.member.name.as_str()));
    // Two owners: one may go, and of two at the same moment one stays.
    customers::add_member(p, &admin.ctx(), acme.id, existing(&acme.member.name, MemberRole::Owner)).await.unwrap();
    let (owner, other) = (acme.owner.ctx(), acme.member.ctx());
    let (a, b) = tokio::join!(accounts::leave(p, &owner, acme.id), accounts::leave(p, &other, acme.id));
    assert!(a.is_ok() != b.is_ok(), "{a:?} and {b:?}");
}

#[tokio::test]
async fn only_owners_and_staff_invite_and_where_only_staff_make_accounts_it_opens_none() {
    let world = World::new().await;
    let test = &world.test;
    let (acme, globex) = (test.customer("Acme").await, test.customer("Globex").await);
    let wish = || InvitationCreate { email: "new@acme.example".to_owned(), role: None };
    let member = accounts::invite(&test.platform, &acme.member.ctx(), None, wish()).await.unwrap_err();
    assert_eq!(member.code, ErrorCode::Forbidden);
    let other = accounts::invite(&test.platform, &globex.owner.ctx(), Some(acme.id), wish()).await.unwrap_err();
    assert_eq!(other.code, ErrorCode::NotFound);
    world.set(&[("sign_in.sign_up", json!("off"))]).await;
    // Who invites is answered the same whether or not the address has an account.
    let lee = test.outsider("lee").await;
    world.email(&lee, "lee@acme.example", "en").await;
    for email in ["new@acme.example", "lee@acme.example"] {
        let wish = InvitationCreate { email: email.to_owned(), role: None };
        accounts::invite(&test.platform, &acme.owner.ctx(), None, wish).await.unwrap();
    }
    world.work().await;
    let token = |email: &str| token_of(&world.sink.taken_by(email)[0], "/invitation");
    let way =
        async |email: &str| accounts::invited(&test.platform, &test.anonymous(), &token(email)).await.unwrap().way;
    assert_eq!(way("new@acme.example").await, WayIn::AccountFromStaff);
    assert_eq!(way("lee@acme.example").await, WayIn::SignIn);
    let new = AccountByLink {
        token: token("new@acme.example"),
        username: "newcomer".to_owned(),
        password: "three unusual words: quokka".to_owned(),
        display_name: None,
    };
    let off = accounts::accept_invitation(&test.platform, &test.anonymous(), &new).await.unwrap_err();
    assert_eq!((off.code, off.key), (ErrorCode::WrongState, "error-invitations-off"));
    let body = InvitationJoin { token: token("lee@acme.example") };
    accounts::join(&test.platform, &lee.ctx(), &body).await.unwrap();
    // Staff make the account, and the same link goes on.
    let kim = test.outsider("kim").await;
    world.email(&kim, "new@acme.example", "en").await;
    let body = InvitationJoin { token: token("new@acme.example") };
    accounts::join(&test.platform, &kim.ctx(), &body).await.unwrap();
}
