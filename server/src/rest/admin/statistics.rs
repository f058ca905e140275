//! /api/admin/statistics: what machines were used for and what customers had in a period, as lists and as workbooks.

use axum::response::Response;
use contract::reports::{CustomerStatistics, MachineStatistics, MonthlyUsage, StatisticsQuery, UsageQuery};
use contract::{Envelope, Page};
use platform::reports;
use sheets::write::Kind;

use crate::rest::workbook::{AsWorkbook, Cell, List, download};
use crate::rest::{Params, Rest};

/// What each machine was used for, by code.
#[utoipa::path(get, path = "/api/admin/statistics/resources", tag = "reports", params(StatisticsQuery),
    responses((status = 200, body = Envelope<Page<MachineStatistics>>)))]
pub async fn resources(rest: Rest, wanted: AsWorkbook, Params(query): Params<StatisticsQuery>) -> Response {
    if wanted.0 {
        return export_resources(rest, Params(query)).await;
    }
    rest.answer(reports::machine_statistics(&rest.platform, &rest.ctx, &query).await).await
}

/// The same for every machine of the search, as a workbook.
#[utoipa::path(get, path = "/api/admin/statistics/resources/export", tag = "reports", params(StatisticsQuery),
    responses((status = 200, description = "A workbook")))]
pub async fn export_resources(rest: Rest, Params(query): Params<StatisticsQuery>) -> Response {
    let built = async {
        let columns = [
            ("machine-name", 24.0, Kind::Text),
            ("machine-code", 18.0, Kind::Text),
            ("machine-region", 14.0, Kind::Text),
            ("machines-gpu", 18.0, Kind::Text),
            ("allocation-gpu-count", 10.0, Kind::Number),
            ("usage-machine-hours", 14.0, Kind::Number),
            ("statistics-lent-percent", 14.0, Kind::Number),
            ("usage-gpu-hours", 14.0, Kind::Number),
            ("usage-utilisation", 18.0, Kind::Number),
        ];
        let mut list = List::new(rest.ctx.language(), "statistics-resources", &columns)?;
        let cut = reports::export_machine_statistics(&rest.platform, &rest.ctx, &query, |row| {
            list.row(&[
                row.name.into(),
                row.id.into(),
                row.region.into(),
                row.gpu_model.into(),
                row.gpu_count.map_or(Cell::Blank, |count| u64::from(count).into()),
                rounded(row.lent_hours),
                rounded(row.lent_percent),
                rounded(row.gpu_hours),
                row.gpu_util_percent.map_or(Cell::Blank, |percent| rounded(f64::from(percent))),
            ])
        })
        .await?;
        list.finish_export(cut)
    };
    download(&rest, built.await, "resources").await
}

/// What each customer had, by name.
#[utoipa::path(get, path = "/api/admin/statistics/customers", tag = "reports", params(StatisticsQuery),
    responses((status = 200, body = Envelope<Page<CustomerStatistics>>)))]
pub async fn customers(rest: Rest, wanted: AsWorkbook, Params(query): Params<StatisticsQuery>) -> Response {
    if wanted.0 {
        return export_customers(rest, Params(query)).await;
    }
    rest.answer(reports::customer_statistics(&rest.platform, &rest.ctx, &query).await).await
}

/// The same for every customer of the search, as a workbook.
#[utoipa::path(get, path = "/api/admin/statistics/customers/export", tag = "reports", params(StatisticsQuery),
    responses((status = 200, description = "A workbook")))]
pub async fn export_customers(rest: Rest, Params(query): Params<StatisticsQuery>) -> Response {
    let built = async {
        let columns = [
            ("customer-name", 28.0, Kind::Text),
            ("usage-allocations", 12.0, Kind::Number),
            ("usage-machine-hours", 14.0, Kind::Number),
            ("usage-gpu-hours", 14.0, Kind::Number),
            ("usage-utilisation", 18.0, Kind::Number),
        ];
        let mut list = List::new(rest.ctx.language(), "statistics-customers", &columns)?;
        let cut = reports::export_customer_statistics(&rest.platform, &rest.ctx, &query, |row| {
            list.row(&[
                row.name.into(),
                row.allocations.into(),
                rounded(row.machine_hours),
                rounded(row.gpu_hours),
                row.gpu_util_percent.map_or(Cell::Blank, |percent| rounded(f64::from(percent))),
            ])
        })
        .await?;
        list.finish_export(cut)
    };
    download(&rest, built.await, "customers").await
}

/// The use of the last months, the oldest first.
#[utoipa::path(get, path = "/api/admin/statistics/usage", tag = "reports", params(UsageQuery),
    responses((status = 200, body = Envelope<Vec<MonthlyUsage>>)))]
pub async fn usage(rest: Rest, wanted: AsWorkbook, Params(query): Params<UsageQuery>) -> Response {
    if wanted.0 {
        return export_usage(rest, Params(query)).await;
    }
    rest.answer(reports::monthly_usage(&rest.platform, &rest.ctx, &query).await).await
}

/// The same as a workbook.
#[utoipa::path(get, path = "/api/admin/statistics/usage/export", tag = "reports", params(UsageQuery),
    responses((status = 200, description = "A workbook")))]
pub async fn export_usage(rest: Rest, Params(query): Params<UsageQuery>) -> Response {
    let built = async {
        let columns = [
            ("statistics-month", 12.0, Kind::Text),
            ("customers-title", 12.0, Kind::Number),
            ("usage-allocations", 12.0, Kind::Number),
            ("usage-machine-hours", 14.0, Kind::Number),
            ("usage-gpu-hours", 14.0, Kind::Number),
        ];
        let mut list = List::new(rest.ctx.language(), "statistics-usage", &columns)?;
        for row in reports::monthly_usage(&rest.platform, &rest.ctx, &query).await? {
            list.row(&[
                row.month.into(),
                row.customers.into(),
                row.allocations.into(),
                rounded(row.machine_hours),
                rounded(row.gpu_hours),
            ])?;
        }
        list.finish()
    };
    download(&rest, built.await, "usage").await
}

/// To two decimals.
fn rounded(number: f64) -> Cell {
    Cell::Number((number * 100.0).round() / 100.0)
}
