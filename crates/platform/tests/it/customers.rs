//! Customers as staff run them.

use contract::accounts::LoginRequest;
use contract::allocations::AllocationCreate;
use contract::customers::{CustomerCreate, CustomerQuery, CustomerUpdate, MemberCreate, MemberQuery};
use contract::{CustomerId, ErrorCode};
use platform::{allocations, customers};
use test_support::{TestPlatform, TestUser};

fn body(name: &str) -> CustomerCreate {
    CustomerCreate { name: name.to_owned(), ..CustomerCreate::default() }
}

#[tokio::test]
async fn a_customer_comes_with_an_owner_who_can_sign_in_at_once() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let owner = MemberCreate { username: " Acme.Owner ".to_owned(), ..MemberCreate::default() };
    let request = CustomerCreate {
        contact_email: Some("ops@acme.example".to_owned()),
        owner: Some(owner),
        ..body("Acme Vision")
    };
    let made = customers::create(&test.platform, &admin.ctx(), request).await.unwrap();
    let secret = made.owner.unwrap();
    assert_eq!((secret.username.as_str(), secret.password.as_ref().unwrap().len()), ("acme.owner", 20));
    assert_eq!((made.customer.member_count, made.customer.machine_count, made.customer.active), (1, 0, true));
    let password = secret.password.clone().unwrap();
    let login = LoginRequest { username: secret.username.clone(), password, ..Default::default() };
    let signed_in = platform::accounts::sign_in(&test.platform, &test.anonymous(), &login).await;
    assert!(signed_in.is_ok());
    let audited: Vec<(String, String)> =
        sqlx::query_as("select action, coalesce(after::text, '') from audit_events where customer_id = $1 order by id")
            .bind(made.customer.id.0)
            .fetch_all(test.owner_pool())
            .await
            .unwrap();
    assert_eq!(
        audited.iter().map(|(action, _)| action.as_str()).collect::<Vec<_>>(),
        ["customers:create", "customers:add-member"]
    );
    assert!(audited.iter().all(|(_, after)| !after.contains(secret.password.as_ref().unwrap())));
}

#[tokio::test]
async fn what_is_wrong_is_named_and_nothing_stays() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    customers::create(&test.platform, &admin.ctx(), body("Acme")).await.unwrap();
    let owner = |name: &str| Some(MemberCreate { username: name.to_owned(), ..MemberCreate::default() });
    let cases = [
        (body(""), "name"),
        (body("acme"), "name"),
        (CustomerCreate { contact_email: Some("nobody".to_owned()), ..body("B") }, "contactEmail"),
        (CustomerCreate { owner: owner(""), ..body("B") }, "owner.username"),
        (CustomerCreate { owner: owner("has space"), ..body("B") }, "owner.username"),
        (CustomerCreate { owner: owner(&admin.name), ..body("B") }, "owner.username"),
    ];
    for (request, path) in cases {
        let error = customers::create(&test.platform, &admin.ctx(), request.clone()).await.unwrap_err();
        let paths: Vec<_> = error.fields.iter().map(|field| field.path).collect();
        assert_eq!(paths, [path], "{request:?}: {error}");
    }
    let page = customers::list(&test.platform, &admin.ctx(), &CustomerQuery::default()).await.unwrap();
    assert_eq!(page.total, 1, "a customer whose owner could not be made is not made");
}

#[tokio::test]
async fn two_customers_do_not_look_the_same() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let first = customers::create(&test.platform, &admin.ctx(), body("Acme Lab")).await.unwrap().customer;
    // As a server of before left it.
    sqlx::query("update customers set name_look = null").execute(test.owner_pool()).await.unwrap();
    for (name, fault) in [
        ("Acme\u{a0} Lab", "field-customer-name-taken"),
        ("Acme\u{2028}Lab", "field-customer-name-taken"),
        ("AcmeLab", "field-customer-name-alike"),
        ("Ａｃｍｅ Lab", "field-customer-name-alike"),
        ("Acme\u{200d} Lab", "field-customer-name-alike"),
        ("\u{410}cme Lab", "field-name-mixed"),
        ("Acme\u{34f} Lab", "field-control-characters"),
        ("Acme\u{e0041} Lab", "field-control-characters"),
    ] {
        let error = customers::create(&test.platform, &admin.ctx(), body(name)).await.unwrap_err();
        assert_eq!(error.fields.iter().map(|field| field.key).collect::<Vec<_>>(), [fault], "{name:?}: {error}");
    }
    let other = customers::create(&test.platform, &admin.ctx(), body("Acme Labs")).await.unwrap().customer;
    let called = |name: &str| CustomerUpdate { name: name.to_owned(), ..CustomerUpdate::default() };
    let error = customers::update(&test.platform, &admin.ctx(), other.id, called("ACME\u{3000}LAB")).await.unwrap_err();
    assert_eq!((error.code, error.fields[0].key), (ErrorCode::AlreadyExists, "field-customer-name-taken"));
    // Nothing keeps anybody from writing their own name otherwise, or from taking one that is free again.
    customers::update(&test.platform, &admin.ctx(), first.id, called("ACME LAB")).await.unwrap();
    customers::delete(&test.platform, &admin.ctx(), first.id).await.unwrap();
    customers::update(&test.platform, &admin.ctx(), other.id, called("acmelab")).await.unwrap();
    let error = customers::restore(&test.platform, &admin.ctx(), first.id).await.unwrap_err();
    assert_eq!(error.fields[0].key, "field-customer-name-alike");
}

#[tokio::test]
async fn two_people_do_not_overwrite_each_other() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let row = customers::create(&test.platform, &admin.ctx(), body("Acme")).await.unwrap().customer;
    let change = |name: &str| CustomerUpdate {
        name: name.to_owned(),
        revision: Some(row.revision),
        ..CustomerUpdate::default()
    };
    let after = customers::update(&test.platform, &admin.ctx(), row.id, change("Acme 2")).await.unwrap();
    assert_eq!((after.name.as_str(), after.revision), ("Acme 2", row.revision + 1));
    let error = customers::update(&test.platform, &admin.ctx(), row.id, change("Acme 3")).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::Conflict, "error-customer-changed"));
}

#[tokio::test]
async fn a_disabled_customer_is_gone_for_its_people_and_comes_back_whole() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let acme = test.customer("Acme").await;
    assert!(platform::accounts::watch_session(&test.platform, &acme.owner.principal).still_valid().await.unwrap());
    let row = customers::set_active(&test.platform, &admin.ctx(), acme.id, false).await.unwrap();
    assert!(!row.active && row.disabled_at.is_some());
    let again = customers::set_active(&test.platform, &admin.ctx(), acme.id, false).await.unwrap();
    assert_eq!(again.revision, row.revision, "again changes nothing");
    assert!(
        !platform::accounts::watch_session(&test.platform, &acme.owner.principal).still_valid().await.unwrap(),
        "sockets close"
    );
    let row = customers::set_active(&test.platform, &admin.ctx(), acme.id, true).await.unwrap();
    assert!(row.active && row.disabled_at.is_none() && row.member_count == 2);
    assert!(platform::accounts::watch_session(&test.platform, &acme.owner.principal).still_valid().await.unwrap());
}

#[tokio::test]
async fn a_deleted_customer_is_kept_and_comes_back_as_it_was() {
    let test = TestPlatform::new().await;
    let (p, admin) = (&test.platform, test.admin().await);
    let acme = test.customer("Acme").await;
    test.node("host-001").await;
    let lease = AllocationCreate { customer_id: Some(acme.id), months: Some(1), ..Default::default() };
    let lease = allocations::create(p, &admin.ctx(), "host-001", lease).await.unwrap().allocation;
    let error = customers::delete(p, &admin.ctx(), acme.id).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::WrongState, "error-customer-has-machines"));
    assert!(is_in(&test, &acme.owner).await, "nothing happened");
    allocations::end(p, &admin.ctx(), lease.id, Default::default()).await.unwrap();
    let held = customers::get(p, &admin.ctx(), acme.id).await.unwrap().machine_count;
    assert_eq!(held, 1, "counted as on the dashboard: what is on its way back is not back");
    sqlx::query("update allocations set state = 'ended', ended_at = now() where id = $1")
        .bind(lease.id.0)
        .execute(test.owner_pool())
        .await
        .unwrap();

    let row = customers::delete(p, &admin.ctx(), acme.id).await.unwrap();
    assert!(row.deleted_at.is_some() && row.member_count == 2);
    assert_eq!(customers::delete(p, &admin.ctx(), acme.id).await.unwrap().revision, row.revision, "again is nothing");
    assert!(!is_in(&test, &acme.owner).await && !is_in(&test, &acme.member).await, "sockets close");
    let count = async |deleted: Option<bool>| {
        let query = CustomerQuery { deleted, ..CustomerQuery::default() };
        customers::list(p, &admin.ctx(), &query).await.unwrap().total
    };
    assert_eq!((count(None).await, count(Some(true)).await), (0, 1));
    assert_eq!(customers::members_of(p, &admin.ctx(), acme.id, &Default::default()).await.unwrap().total, 2);
    let change = CustomerUpdate { name: "Acme 2".to_owned(), ..CustomerUpdate::default() };
    let member = MemberCreate { username: "late".to_owned(), ..MemberCreate::default() };
    for error in [
        customers::update(p, &admin.ctx(), acme.id, change).await.err(),
        customers::set_active(p, &admin.ctx(), acme.id, false).await.err(),
        customers::add_member(p, &admin.ctx(), acme.id, member).await.err(),
    ] {
        assert_eq!(error.map(|error| error.key), Some("error-customer-deleted"));
    }

    // Its name is free meanwhile; who took it is in the way.
    let other = customers::create(p, &admin.ctx(), body("acme")).await.unwrap().customer;
    let error = customers::restore(p, &admin.ctx(), acme.id).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::AlreadyExists);
    customers::delete(p, &admin.ctx(), other.id).await.unwrap();
    let row = customers::restore(p, &admin.ctx(), acme.id).await.unwrap();
    assert!(row.deleted_at.is_none() && row.active && row.member_count == 2);
    assert!(is_in(&test, &acme.owner).await && is_in(&test, &acme.member).await);
}

async fn is_in(test: &TestPlatform, user: &TestUser) -> bool {
    platform::accounts::watch_session(&test.platform, &user.principal).still_valid().await.unwrap()
}

#[tokio::test]
async fn staff_alone_run_customers() {
    let test = TestPlatform::new().await;
    let acme = test.customer("Acme").await;
    let globex = test.customer("Globex").await;
    let outsider = test.outsider("stranger").await;
    for (user, own) in [(&acme.owner, acme.id), (&acme.member, acme.id), (&globex.owner, acme.id), (&outsider, acme.id)]
    {
        let ctx = user.ctx();
        let p = &test.platform;
        let refused = [
            customers::list(p, &ctx, &CustomerQuery::default()).await.err(),
            customers::get(p, &ctx, own).await.err(),
            customers::create(p, &ctx, body("Mine")).await.err(),
            customers::update(p, &ctx, own, CustomerUpdate::default()).await.err(),
            customers::set_active(p, &ctx, own, false).await.err(),
            customers::delete(p, &ctx, own).await.err(),
            customers::restore(p, &ctx, own).await.err(),
            customers::add_member(p, &ctx, own, MemberCreate::default()).await.err(),
        ];
        for (number, error) in refused.into_iter().enumerate() {
            let code = error.expect("refused").code;
            // One's own customer is there to be seen, so it is refused as not permitted rather than as missing.
            assert!(matches!(code, ErrorCode::NotFound | ErrorCode::Forbidden), "{}: {number}: {code:?}", user.name);
            assert!(code == ErrorCode::NotFound || number > 0, "{}: the list does not exist for them", user.name);
        }
    }
    let admin = test.admin().await;
    let none = CustomerId(999_999);
    assert_eq!(customers::get(&test.platform, &admin.ctx(), none).await.unwrap_err().code, ErrorCode::NotFound);
    let nobody = customers::members_of(&test.platform, &admin.ctx(), none, &Default::default()).await;
    assert_eq!(nobody.unwrap_err().code, ErrorCode::NotFound);
}

#[tokio::test]
async fn people_of_a_customer_are_found_page_by_page() {
    let test = TestPlatform::new().await;
    let (p, admin, acme) = (&test.platform, test.admin().await, test.customer("Acme").await);
    test.customer("Globex").await;
    let called = "update users set display_name = $2, email = $3 where id = $1";
    for (user, name, email) in
        [(&acme.owner, "The 100% Boss", "boss@acme.example"), (&acme.member, "Lee", "lee@acme.example")]
    {
        sqlx::query(called).bind(user.id.0).bind(name).bind(email).execute(test.owner_pool()).await.unwrap();
    }
    let found = async |q: &str, page: Option<u32>, page_size: Option<u32>| {
        let query = MemberQuery { page, page_size, q: Some(q.to_owned()) };
        let own = customers::members(p, &acme.owner.ctx(), &query).await.unwrap();
        let staffs = customers::members_of(p, &admin.ctx(), acme.id, &query).await.unwrap();
        let ids = |list: &[contract::customers::MemberView]| list.iter().map(|one| one.user_id).collect::<Vec<_>>();
        assert_eq!((ids(&own.list), own.total), (ids(&staffs.list), staffs.total), "{q}");
        (ids(&own.list), own.total)
    };
    let (owner, member) = (acme.owner.id, acme.member.id);
    assert_eq!(found("", None, None).await, (vec![owner, member], 2));
    for (q, whom) in [("the 100% b", vec![owner]), ("LEE@", vec![member]), (" @acme.example ", vec![owner, member])] {
        assert_eq!(found(q, None, None).await, (whom.clone(), whom.len() as u64), "{q}");
    }
    // What is typed is text, and no pattern.
    for q in ["%%", "l_e", "globex"] {
        assert_eq!(found(q, None, None).await, (vec![], 0), "{q}");
    }
    assert_eq!(found("", Some(2), Some(1)).await, (vec![member], 2));
    assert_eq!(found("", Some(3), Some(1)).await, (vec![], 2), "how many there are is known beyond the last page too");
    let wrong = MemberQuery { page: Some(0), ..MemberQuery::default() };
    assert_eq!(customers::members(p, &acme.owner.ctx(), &wrong).await.unwrap_err().code, ErrorCode::Validation);

    // To whom it could be handed: never to oneself, and to nobody who could not act for it.
    let heirs = async |id: Option<CustomerId>, user: &TestUser| {
        let shown = customers::find_people(p, &user.ctx(), id, &MemberQuery::default()).await.unwrap();
        assert!(shown.count == 2 && shown.owned && !shown.more_heirs);
        shown.heirs.iter().map(|one| one.user_id).collect::<Vec<_>>()
    };
    assert_eq!(heirs(None, &acme.owner).await, [member]);
    assert_eq!(heirs(Some(acme.id), &admin).await, [owner, member]);
    sqlx::query("update users set state = 'disabled' where id = $1")
        .bind(member.0)
        .execute(test.owner_pool())
        .await
        .unwrap();
    assert_eq!(heirs(None, &acme.owner).await, []);
}
