//! What an error of the database is told as.

use contract::ErrorCode;
use test_support::TestPlatform;

#[tokio::test]
async fn what_the_platform_counts_wrongly_is_not_said_to_be_the_callers() {
    let test = TestPlatform::new().await;
    // Times that come in are refused before; what gets as far as this was counted here.
    let counted = sqlx::query("select timestamptz '9999-01-01' + interval '300000 years'");
    let fault = counted.execute(test.owner_pool()).await.unwrap_err();
    assert_eq!(fault.as_database_error().and_then(|fault| fault.code()).as_deref(), Some("22008"));
    assert_eq!(platform::Error::from(fault).code, ErrorCode::Internal);
}
