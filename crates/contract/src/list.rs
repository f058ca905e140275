//! Lists: one shape for every page of anything.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Page sizes a list offers.
pub const PAGE_SIZES: [u32; 4] = [10, 20, 50, 100];
/// Most rows of one page.
pub const MAX_PAGE_SIZE: u32 = 100;

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The rows, in the order asked for.
    pub list: Vec<T>,
    /// Rows that match the filters, over all pages.
    pub total: u64,
    /// 1-based.
    pub page: u32,
    /// Rows asked for per page.
    pub page_size: u32,
}

impl<T> Page<T> {
    /// A page of what is short enough to be read as a whole. `page` counts from 1.
    pub fn cut(all: Vec<T>, page: u32, page_size: u32) -> Self {
        let total = all.len() as u64;
        let before = page.saturating_sub(1) as usize * page_size as usize;
        let list = all.into_iter().skip(before).take(page_size as usize).collect();
        Self { list, total, page, page_size }
    }

    /// How many pages there are; at least 1.
    pub fn pages(&self) -> u64 {
        self.total.div_ceil(u64::from(self.page_size.max(1))).max(1)
    }
}

/// Parameters of a list in which nothing is looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct PageQuery {
    pub page: Option<u32>,
    pub page_size: Option<u32>,
}

/// Direction of a sorted column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SortDirection {
    #[default]
    Asc,
    Desc,
}

/// Reads `name,-createdAt` into columns and directions; `Err` holds the part that names no column.
pub fn sort_of<T>(sort: Option<&str>, parse: impl Fn(&str) -> Option<T>) -> Result<Vec<(T, SortDirection)>, String> {
    let parts = sort.unwrap_or_default().split(',').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (word, direction) = match part.strip_prefix('-') {
                Some(rest) => (rest, SortDirection::Desc),
                None => (part, SortDirection::Asc),
            };
            parse(word).map(|column| (column, direction)).ok_or_else(|| part.to_owned())
        })
        .collect()
}

/// Columns a person can choose in the list of this name, in their order; the first is always shown. `None` for a list
/// without a choice.
pub fn list_columns(list: &str) -> Option<&'static [&'static str]> {
    match list {
        "machines" => Some(&[
            "name",
            "id",
            "state",
            "holder",
            "gpu",
            "cpu",
            "memory",
            "region",
            "pool",
            "lastSeenAt",
            "privateAddress",
            "monitored",
            "createdAt",
        ]),
        _ => None,
    }
}

/// What is shown in that list when nobody chose: as many as stand beside each other on a small screen.
pub fn usual_columns(list: &str) -> Vec<String> {
    let usual = list_columns(list).unwrap_or_default().iter().take(9);
    usual.map(|column| (*column).to_owned()).collect()
}

/// Which columns a person wants to see in a list: body and answer of `/api/auth/list-columns/{list}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListColumns {
    pub columns: Vec<String>,
}

/// What became of one of many; each stands for itself, so some may be refused while others are done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct BulkOutcome {
    pub id: String,
    pub done: bool,
    /// Why not, in the caller's language.
    pub message: Option<String>,
    /// What is wrong with single values, as in an error's answer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::{SortDirection, sort_of};

    #[test]
    fn an_order_reads_column_by_column() {
        let parse = |word: &str| ["name", "age"].contains(&word).then(|| word.to_owned());
        let (name, age) = ("name".to_owned(), "age".to_owned());
        assert_eq!(sort_of(Some("name"), parse), Ok(vec![(name.clone(), SortDirection::Asc)]));
        assert_eq!(sort_of(Some("-age,name"), parse), Ok(vec![(age, SortDirection::Desc), (name, SortDirection::Asc)]));
        assert_eq!(sort_of(None, parse), Ok(Vec::new()));
        assert_eq!(sort_of(Some(""), parse), Ok(Vec::new()));
        assert_eq!(sort_of(Some("name,-colour"), parse), Err("-colour".to_owned()));
    }
}
