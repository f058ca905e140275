//! Workbooks of instances, and of images as customers see them: the same columns at both doors.

use app::pages::customer::instances::cells::since_at;
use contract::accounts::Language;
use contract::images::{ImageView, MarketImage};
use contract::instances::InstanceView;
use sheets::write::Kind;

use super::workbook::{Cell, List, say};

/// An empty sheet of instances; whose they are stands there for staff.
pub(super) fn instances(language: Language, staff: bool) -> platform::Result<List> {
    let mut columns = vec![
        ("instance-name", 28.0, Kind::Text),
        ("instance-state", 16.0, Kind::Text),
        ("instance-why", 40.0, Kind::Text),
        ("instance-since", 20.0, Kind::DateTime),
        ("instance-machine", 24.0, Kind::Text),
        ("machine-code", 18.0, Kind::Text),
        ("instance-spec", 24.0, Kind::Text),
        ("spec-gpu-model", 28.0, Kind::Text),
        ("spec-gpu-count", 10.0, Kind::Number),
        ("spec-gpu-memory", 12.0, Kind::Number),
        ("spec-cpu-cores", 10.0, Kind::Number),
        ("spec-memory", 10.0, Kind::Number),
        ("instance-image", 28.0, Kind::Text),
        ("instance-price", 16.0, Kind::Decimal(6)),
        ("setting-general-currency", 10.0, Kind::Text),
        ("instance-created-by", 20.0, Kind::Text),
        ("instance-created", 20.0, Kind::DateTime),
        ("instance-remark", 40.0, Kind::Text),
    ];
    if staff {
        columns.push(("instance-customer", 24.0, Kind::Text));
    }
    List::new(language, "instances-title", &columns)
}

/// A row of it.
pub(super) fn instance(language: Language, list: &mut List, staff: bool, row: InstanceView) -> platform::Result<()> {
    let since = since_at(&row);
    let mut cells: Vec<Cell> = vec![
        row.name.into(),
        say(language, &format!("instance-state-{}", row.state.code()), &[]).into(),
        row.message.into(),
        since.into(),
        row.machine_name.into(),
        row.machine.into(),
        row.spec.name.into(),
        row.spec.gpu_model.into(),
        u64::from(row.spec.gpu_count).into(),
        row.spec.gpu_memory_gb.map(u64::from).into(),
        u64::from(row.spec.cpu_cores).into(),
        u64::from(row.spec.memory_gb).into(),
        row.image_name.into(),
        Cell::decimal(row.price.per_hour),
        row.price.currency.into(),
        row.created_by.into(),
        row.created_at.into(),
        row.remark.into(),
    ];
    if staff {
        cells.push(row.customer_name.into());
    }
    list.row(&cells)
}

fn yes(is: bool) -> Cell {
    if is { "\u{2713}".into() } else { Cell::Blank }
}

/// An empty sheet of the images that everybody may choose.
pub(super) fn market(language: Language) -> platform::Result<List> {
    let columns = [
        ("image-name", 28.0, Kind::Text),
        ("image-framework", 20.0, Kind::Text),
        ("image-cuda-version", 10.0, Kind::Text),
        ("image-architecture", 12.0, Kind::Text),
        ("image-memory-split-short", 12.0, Kind::Text),
        ("image-size", 16.0, Kind::Number),
        ("image-created", 20.0, Kind::DateTime),
        ("image-description", 40.0, Kind::Text),
    ];
    List::new(language, "market-title", &columns)
}

/// A row of it.
pub(super) fn market_image(list: &mut List, row: MarketImage) -> platform::Result<()> {
    list.row(&[
        row.name.into(),
        row.framework.into(),
        row.cuda_version.into(),
        row.architecture.map(|architecture| architecture.code().to_owned()).into(),
        yes(row.memory_split),
        row.size.into(),
        row.created_at.into(),
        row.description.into(),
    ])
}

/// An empty sheet of a customer's own images.
pub(super) fn own_images(language: Language) -> platform::Result<List> {
    let columns = [
        ("image-name", 28.0, Kind::Text),
        ("image-source", 14.0, Kind::Text),
        ("image-state", 16.0, Kind::Text),
        ("image-reason", 40.0, Kind::Text),
        ("image-listed", 12.0, Kind::Text),
        ("image-framework", 20.0, Kind::Text),
        ("image-cuda-version", 10.0, Kind::Text),
        ("image-architecture", 12.0, Kind::Text),
        ("image-memory-split-short", 12.0, Kind::Text),
        ("image-size", 16.0, Kind::Number),
        ("image-digest", 40.0, Kind::Text),
        ("image-tags", 40.0, Kind::Text),
        ("instance-created-by", 20.0, Kind::Text),
        ("image-created", 20.0, Kind::DateTime),
        ("image-description", 40.0, Kind::Text),
        ("image-remark", 40.0, Kind::Text),
    ];
    List::new(language, "own-images-title", &columns)
}

/// A row of it.
pub(super) fn own_image(language: Language, list: &mut List, row: ImageView) -> platform::Result<()> {
    list.row(&[
        row.name.into(),
        say(language, &format!("image-source-{}", row.source.code()), &[]).into(),
        say(language, &format!("image-state-{}", row.state.code()), &[]).into(),
        row.reason.into(),
        say(language, if row.listed { "image-listed" } else { "image-not-listed" }, &[]).into(),
        row.framework.into(),
        row.cuda_version.into(),
        row.architecture.map(|architecture| architecture.code().to_owned()).into(),
        yes(row.memory_split),
        row.size.into(),
        row.digest.into(),
        row.tags.join(", ").into(),
        row.created_by.into(),
        row.created_at.into(),
        row.description.into(),
        row.remark.into(),
    ])
}
