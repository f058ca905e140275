//! An upgrade as the database sees it: today's migrations over the schema of the version before, with data in it and while that
//! version goes on writing; and each of its statements afterwards. `older/` is of the version that its README names.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use contract::allocations::{AllocationQuery, AllocationState};
use contract::imports::{ImportRowQuery, ImportSubject};
use platform::db::{Db, MIGRATIONS};
use platform::{allocations, audit, imports, machines};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{
    AssertSqlSafe, Column as _, ConnectOptions as _, Executor as _, PgPool, SqlSafeStr as _, Statement as _,
    TypeInfo as _,
};
use test_support::TestPlatform;

/// Its migrations, by number.
const APPLIED: &str = include_str!("older/migrations.txt");
/// Everything it asks the database.
const STATEMENTS: &str = include_str!("older/statements.sql");
/// What else it leaves: somebody's place in a customer, and a workbook that waits for its confirmation.
const LEFT: &str = include_str!("older/left.sql");
/// What it writes when machines are added, lent and renewed.
const WRITES: &str = include_str!("older/writes.sql");

/// What a statement takes and gives, by the names of the types.
async fn shapes(options: &PgConnectOptions) -> Vec<String> {
    // A connection of its own: one that knows the statement already would not ask again.
    let mut connection = options.connect().await.unwrap();
    let mut shapes = Vec::new();
    for text in STATEMENTS.split("\n;;\n") {
        let prepared = (&mut connection).prepare(AssertSqlSafe(text.to_owned()).into_sql_str()).await;
        let statement = prepared.unwrap_or_else(|error| panic!("{error}: {text}"));
        let columns =
            statement.columns().iter().map(|column| format!("{} {}", column.name(), column.type_info().name()));
        let gives: Vec<String> = columns.collect();
        let takes = statement.parameters().map(|taken| match taken {
            sqlx::Either::Left(types) => types.iter().map(|one| one.name().to_owned()).collect::<Vec<_>>().join(", "),
            sqlx::Either::Right(number) => number.to_string(),
        });
        shapes.push(format!("{text}\ntakes {}\ngives {}", takes.unwrap_or_default(), gives.join(", ")));
    }
    shapes
}

async fn write(pool: &PgPool, number: u32) -> Result<(), sqlx::Error> {
    // One by one: a transaction over several tables may meet a migration over the same in the other order.
    let text = WRITES.replace("{n}", &number.to_string());
    for statement in text.split(";\n").filter(|statement| !statement.trim().is_empty()) {
        loop {
            match sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(pool).await {
                // It and the migration wait for each other's tables: such a request is answered so that it is tried again.
                Err(error) if is_deadlock(&error) => {}
                done => {
                    done?;
                    break;
                }
            };
        }
    }
    Ok(())
}

fn is_deadlock(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref() == Some("40P01")
}

/// A database as the version before made it, beside the test's own.
async fn database(test: &TestPlatform, name: &str) -> (PgConnectOptions, PgPool) {
    let mut maintenance = test.database().owner_options().connect().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(format!("create database {name}"))).execute(&mut maintenance).await.unwrap();
    let options = test.database().owner_options().database(name);
    let pool = PgPoolOptions::new().max_connections(4).connect_with(options.clone()).await.unwrap();

    let numbers: Vec<i64> = APPLIED.lines().map(|line| line.parse().unwrap()).collect();
    let applied: Vec<_> = MIGRATIONS.iter().filter(|one| numbers.contains(&one.version)).cloned().collect();
    assert_eq!(applied.len(), numbers.len(), "a landed migration is never taken away");
    Migrator::with_migrations(applied).run(&pool).await.unwrap();
    sqlx::query("select ensure_partitions(now() - interval '1 day', now() + interval '3 days')")
        .execute(&pool)
        .await
        .unwrap();
    write(&pool, 0).await.unwrap();
    (options, pool)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_version_before_goes_on_over_the_schema_of_today() {
    let test = TestPlatform::new().await;
    let (options, pool) = database(&test, &format!("{}_older", test.database().name())).await;
    let before = shapes(&options).await;

    // Its servers go on while the schema is brought up.
    let done = Arc::new(AtomicBool::new(false));
    let (begun, mut first) = tokio::sync::mpsc::channel(1);
    let writer = tokio::spawn({
        let (pool, done) = (pool.clone(), done.clone());
        async move {
            let mut number = 1;
            while !done.load(Ordering::SeqCst) {
                write(&pool, number).await.unwrap();
                number += 1;
                let _ = begun.try_send(());
            }
            number
        }
    });
    first.recv().await.unwrap();
    let migrated = MIGRATIONS.run(&pool).await;
    done.store(true, Ordering::SeqCst);
    let next = writer.await.unwrap();
    migrated.unwrap();

    // And after it: each statement is taken as it was, and what it writes is let in.
    assert_eq!(shapes(&options).await, before);
    write(&pool, next).await.unwrap();
    let kept: i64 = sqlx::query_scalar(
        "select count(*) from allocations a join machines m on m.id = a.machine_id where m.code like 'older-%'",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(kept, i64::from(next) + 1, "nothing of it is lost");
    pool.close().await;
}

/// The other half of an upgrade: the program of today, over what the version before left.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_version_before_left_is_there_for_the_program_of_today() {
    let test = TestPlatform::new().await;
    let name = format!("{}_left", test.database().name());
    let (options, pool) = database(&test, &name).await;
    sqlx::raw_sql(LEFT).execute(&pool).await.unwrap();
    let import: i64 = sqlx::query_scalar("select max(id) from imports").fetch_one(&pool).await.unwrap();
    pool.close().await;
    Db::migrate(options).await.unwrap();

    let (p, admin) = test.server_over(&name).await;
    let ctx = admin.ctx();
    let leases = allocations::list(&p, &ctx, &AllocationQuery::default()).await.unwrap().list;
    assert_eq!((leases.len(), leases[0].machine.as_str(), leases[0].state), (1, "older-0", AllocationState::Active));
    assert_eq!(
        (leases[0].customer_name.as_str(), leases[0].remark.as_deref()),
        ("Older 0", Some("of the version before"))
    );
    let log = audit::list(&p, &ctx, &Default::default()).await.unwrap().list;
    assert!(log.iter().any(|event| event.target_id.as_deref() == Some("older-0")), "its log is there");

    // What waited for its confirmation is shown as today's rows are, confirmed, and taken back.
    let id = import.into();
    let rows = imports::rows(&p, &ctx, ImportSubject::Machines, id, &ImportRowQuery::default()).await.unwrap().list;
    assert_eq!((rows[0].stored["region"].as_str(), rows[1].notes[0].column.as_str()), ("east", "memoryGb"));
    let done = imports::confirm(&p, &ctx, ImportSubject::Machines, id).await.unwrap();
    assert_eq!((done.new_rows, done.update_rows), (1, 1));
    let region = async |code: &str| machines::get(&p, &ctx, code).await.map(|machine| machine.region);
    assert_eq!(region("older-0").await.unwrap().as_deref(), Some("east"));
    assert_eq!(region("older-new").await.unwrap(), None);
    assert_eq!(imports::take_back(&p, &ctx, id).await.unwrap().taken_back_rows, 2);
    assert_eq!(region("older-0").await.unwrap(), None);
    assert!(region("older-new").await.is_err());
    p.db().close().await;
}
