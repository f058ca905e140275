//! Specs and their prices.

use chrono::TimeDelta;
use contract::specs::{GpuUse, PriceState, SpecPriceCreate, SpecQuery, SpecWrite};
use contract::{ErrorCode, SpecId};
use platform::{Error, specs};
use test_support::TestPlatform;

fn write(name: &str) -> SpecWrite {
    SpecWrite {
        name: name.to_owned(),
        gpu_model: Some("NVIDIA RTX 4090".to_owned()),
        gpu_count: 2,
        gpu_memory_gb: Some(48),
        gpu_use: None,
        cpu_cores: 16,
        memory_gb: 64,
        system_disk_gb: 100,
        data_disk_gb: 500,
        remark: None,
        revision: None,
    }
}

fn price(text: &str) -> SpecPriceCreate {
    SpecPriceCreate { price_per_hour: text.to_owned(), starts_at: None }
}

fn faults(error: &Error) -> Vec<(&'static str, &'static str)> {
    error.fields.iter().map(|fault| (fault.path, fault.key)).collect()
}

#[tokio::test]
async fn a_spec_is_added_priced_listed_and_taken_away() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let (platform, ctx) = (&test.platform, admin.ctx());
    let made = specs::create(platform, &ctx, write("Twin")).await.unwrap();
    assert_eq!((made.listed, &made.price_per_hour, made.gpu_use), (false, &None, GpuUse::Whole));
    let error = specs::set_listed(platform, &ctx, made.id, true).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::WrongState, "error-spec-without-price"));
    specs::add_price(platform, &ctx, made.id, price("10.50")).await.unwrap();
    let listed = specs::set_listed(platform, &ctx, made.id, true).await.unwrap();
    assert_eq!(
        (listed.listed, listed.price_per_hour.as_deref(), listed.currency.as_str()),
        (true, Some("10.5"), "CNY")
    );
    // Again changes nothing, and is no event.
    specs::set_listed(platform, &ctx, made.id, true).await.unwrap();

    let renamed = SpecWrite { revision: Some(listed.revision), ..write("Twins") };
    let changed = specs::update(platform, &ctx, made.id, renamed.clone()).await.unwrap();
    assert_eq!((changed.name.as_str(), changed.listed), ("Twins", true));
    assert_eq!(specs::update(platform, &ctx, made.id, renamed).await.unwrap_err().code, ErrorCode::Conflict);
    specs::delete(platform, &ctx, made.id).await.unwrap();
    for gone in [
        specs::get(platform, &ctx, made.id).await.unwrap_err(),
        specs::delete(platform, &ctx, made.id).await.unwrap_err(),
        specs::prices(platform, &ctx, made.id).await.unwrap_err(),
        specs::get(platform, &ctx, SpecId(999_999)).await.unwrap_err(),
    ] {
        assert_eq!(gone.code, ErrorCode::NotFound);
    }
    specs::create(platform, &ctx, write("twins")).await.expect("the name is free again");
    let actions: Vec<String> =
        sqlx::query_scalar("select action from audit_events where target_kind = 'spec' order by id")
            .fetch_all(test.owner_pool())
            .await
            .unwrap();
    assert_eq!(actions, ["create", "price", "list", "update", "delete", "create"].map(|verb| format!("specs:{verb}")));
}

#[tokio::test]
async fn every_fault_is_named_at_once() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let (platform, ctx) = (&test.platform, admin.ctx());
    let create = async |body| faults(&specs::create(platform, &ctx, body).await.unwrap_err());
    let none = SpecWrite { gpu_model: None, gpu_memory_gb: None, cpu_cores: 0, memory_gb: 0, ..write("") };
    assert_eq!(
        create(none).await,
        [
            ("name", "field-required"),
            ("gpuModel", "field-required"),
            ("gpuMemoryGb", "field-required"),
            ("cpuCores", "field-number-min"),
            ("memoryGb", "field-number-min"),
        ]
    );
    let cpu_only = SpecWrite { gpu_count: 0, gpu_use: Some(GpuUse::Share), ..write("CPU") };
    let expected = ["gpuModel", "gpuMemoryGb", "gpuUse"].map(|path| (path, "field-without-gpus"));
    assert_eq!(create(cpu_only.clone()).await, expected);
    let cpu_only = SpecWrite { gpu_model: None, gpu_memory_gb: None, gpu_use: None, ..cpu_only };
    specs::create(platform, &ctx, cpu_only.clone()).await.unwrap();
    let again = SpecWrite { name: "cpu".to_owned(), ..cpu_only };
    assert_eq!(create(again).await, [("name", "field-spec-name-taken")]);
    let many = SpecWrite { gpu_count: 65, ..write("Many") };
    assert_eq!(create(many).await, [("gpuCount", "field-number-max")]);
}

#[tokio::test]
async fn a_price_begins_and_ends_by_itself_and_is_never_changed() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let (platform, ctx) = (&test.platform, admin.ctx());
    let now = ctx.now();
    let spec = specs::create(platform, &ctx, write("Twin")).await.unwrap().id;
    for (text, path) in [("-1", "pricePerHour"), ("1.0000001", "pricePerHour"), ("", "pricePerHour")] {
        let error = specs::add_price(platform, &ctx, spec, price(text)).await.unwrap_err();
        assert_eq!(faults(&error), [(path, "field-price")], "{text}");
    }
    let past = SpecPriceCreate { starts_at: Some(now - TimeDelta::seconds(1)), ..price("1") };
    let error = specs::add_price(platform, &ctx, spec, past).await.unwrap_err();
    assert_eq!(faults(&error), [("startsAt", "field-price-past")]);

    specs::add_price(platform, &ctx, spec, price("10")).await.unwrap();
    let later = now + TimeDelta::days(7);
    let planned = |text: &str| SpecPriceCreate { starts_at: Some(later), ..price(text) };
    specs::add_price(platform, &ctx, spec, planned("12")).await.unwrap();
    let prices = specs::add_price(platform, &ctx, spec, planned("11.000000")).await.unwrap();
    let brief = |prices: &[contract::specs::SpecPriceView]| -> Vec<(String, PriceState)> {
        prices.iter().map(|price| (price.price_per_hour.clone(), price.state)).collect()
    };
    let expected = [("11", PriceState::Planned), ("12", PriceState::Replaced), ("10", PriceState::Current)];
    assert_eq!(brief(&prices), expected.map(|(text, state)| (text.to_owned(), state)));
    assert_eq!((prices[2].ends_at, prices[0].ends_at), (Some(prices[0].starts_at), None));
    assert_eq!(specs::get(platform, &ctx, spec).await.unwrap().price_per_hour.as_deref(), Some("10"));
    test.clock().advance(TimeDelta::days(7));
    let then = admin.ctx();
    assert_eq!(specs::get(platform, &then, spec).await.unwrap().price_per_hour.as_deref(), Some("11"));
    let expected = [("11", PriceState::Current), ("12", PriceState::Replaced), ("10", PriceState::Past)];
    let after = specs::prices(platform, &then, spec).await.unwrap();
    assert_eq!(brief(&after), expected.map(|(text, state)| (text.to_owned(), state)));
    // Not by way of the database either.
    let mut connection = test.owner_pool().acquire().await.unwrap();
    sqlx::raw_sql("set role remotegpu_app; select set_config('app.kind', 'staff', false)")
        .execute(&mut *connection)
        .await
        .unwrap();
    for statement in ["update spec_prices set price_per_hour = 0", "delete from spec_prices"] {
        let refused = sqlx::raw_sql(statement).execute(&mut *connection).await.unwrap_err();
        assert!(refused.to_string().contains("permission denied"), "{refused}");
    }
    sqlx::raw_sql("reset role").execute(&mut *connection).await.unwrap();
}

#[tokio::test]
async fn specs_are_found_sorted_and_hidden_from_customers() {
    let test = TestPlatform::new().await;
    let (admin, operator, acme) = (test.admin().await, test.operator("operator").await, test.customer("Acme").await);
    let (platform, ctx) = (&test.platform, admin.ctx());
    for (name, cost) in [("Small", Some("2")), ("Large", Some("10")), ("Draft", None)] {
        let id = specs::create(platform, &ctx, write(name)).await.unwrap().id;
        if let Some(cost) = cost {
            specs::add_price(platform, &ctx, id, price(cost)).await.unwrap();
            specs::set_listed(platform, &ctx, id, true).await.unwrap();
        }
    }
    let names = async |query: SpecQuery| -> Vec<String> {
        let page = specs::list(platform, &operator.ctx(), &query).await.unwrap();
        page.list.into_iter().map(|spec| spec.name).collect()
    };
    assert_eq!(names(SpecQuery::default()).await, ["Draft", "Large", "Small"]);
    let dearest = SpecQuery { sort: Some("-pricePerHour".to_owned()), ..SpecQuery::default() };
    assert_eq!(names(dearest).await, ["Large", "Small", "Draft"], "as numbers, what has no price last");
    assert_eq!(names(SpecQuery { listed: Some(true), ..SpecQuery::default() }).await, ["Large", "Small"]);
    assert_eq!(names(SpecQuery { q: Some("draf".to_owned()), ..SpecQuery::default() }).await, ["Draft"]);
    let model = |model: &str| SpecQuery { gpu_model: Some(model.to_owned()), ..SpecQuery::default() };
    assert_eq!(names(model("NVIDIA RTX 4090")).await.len(), 3);
    assert!(names(model("H100")).await.is_empty());
    assert_eq!(specs::models(platform, &ctx).await.unwrap(), ["NVIDIA RTX 4090"]);
    let refused = specs::create(platform, &operator.ctx(), write("Mine")).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Forbidden);
    let hidden = specs::list(platform, &acme.owner.ctx(), &SpecQuery::default()).await.unwrap_err();
    assert_eq!(hidden.code, ErrorCode::NotFound);
}
