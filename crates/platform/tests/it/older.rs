//! An upgrade as the database sees it: today's migrations over the schema of the version before, with data in it and while that
//! version goes on writing; and each of its statements afterwards. `older/` is of the version that its README names.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use platform::db::MIGRATIONS;
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

#[tokio::test(flavor = "multi_thread")]
async fn the_version_before_goes_on_over_the_schema_of_today() {
    let test = TestPlatform::new().await;
    let name = format!("{}_older", test.database().name());
    let mut maintenance = test.database().owner_options().connect().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(format!("create database {name}"))).execute(&mut maintenance).await.unwrap();
    let options = test.database().owner_options().database(&name);
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
