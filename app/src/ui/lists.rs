//! Lists whose state is in the address: sortable headers and the pager.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::words::Words;

/// The query of a list page, as `(name, value)`, in order; empty values are left out of addresses.
#[derive(Clone, Debug, Default)]
pub struct ListQuery {
    /// Path of the page.
    pub path: std::borrow::Cow<'static, str>,
    pub pairs: Vec<(&'static str, String)>,
}

impl ListQuery {
    /// What the address of this page says of `names`.
    pub fn here(
        path: impl Into<std::borrow::Cow<'static, str>>,
        names: impl IntoIterator<Item = &'static str>,
    ) -> Self {
        let map = use_query_map().get_untracked();
        let get = |name: &str| map.get(name).map(|value| value.trim().to_owned()).unwrap_or_default();
        Self { path: path.into(), pairs: names.into_iter().map(|name| (name, get(name))).collect() }
    }

    /// The address with some values changed.
    pub fn with(&self, changes: &[(&str, &str)]) -> String {
        let changed = self.pairs.iter().map(|(name, value)| {
            let value = changes.iter().find(|(n, _)| n == name).map_or(value.as_str(), |(_, v)| v);
            (*name, value)
        });
        crate::paths::with_query(&self.path, changed)
    }

    /// A value.
    pub fn get(&self, name: &str) -> &str {
        self.pairs.iter().find(|(n, _)| *n == name).map_or("", |(_, v)| v.as_str())
    }

    /// A value that says something.
    pub fn some(&self, name: &str) -> Option<String> {
        Some(self.get(name).to_owned()).filter(|value| !value.is_empty())
    }

    /// A number from one on; nothing for whatever else stands there.
    pub fn number(&self, name: &str) -> Option<u32> {
        self.get(name).parse::<u32>().ok().filter(|n| *n > 0)
    }

    /// The page that is asked for.
    pub fn page(&self) -> Option<u32> {
        self.number("page")
    }

    /// Page and rows of a list in which nothing is looked for. An address may name any page; one beyond every list is empty.
    pub fn asked(&self) -> contract::PageQuery {
        contract::PageQuery { page: self.page().map(|page| page.min(1_000_000)), page_size: self.page_size() }
    }

    /// How many rows are asked for, where it is one of the sizes that are offered.
    pub fn page_size(&self) -> Option<u32> {
        self.number("pageSize").filter(|n| contract::PAGE_SIZES.contains(n))
    }
}

/// A header that sorts by `column`: first click ascending, second descending.
pub fn sort_header(
    query: &ListQuery,
    column: &'static str,
    default: &str,
    label: String,
    numeric: bool,
) -> impl IntoView + use<> {
    let sort = match query.get("sort") {
        "" => default.to_owned(),
        sort => sort.to_owned(),
    };
    let (direction, next, mark) = if sort == column {
        ("ascending", format!("-{column}"), "↑")
    } else if sort.strip_prefix('-') == Some(column) {
        ("descending", column.to_owned(), "↓")
    } else {
        ("none", column.to_owned(), "")
    };
    let href = query.with(&[("sort", &next), ("page", "")]);
    view! {
        <th scope="col" class:num=numeric aria-sort=direction>
            <a class="sort" href=href>{label}<span class="arrow" aria-hidden="true">{mark}</span></a>
        </th>
    }
}

/// What opens the filters behind a fold, and shuts them again: it says which.
pub fn more_summary(words: Words) -> impl IntoView {
    view! {
        <summary>
            <span class="more">{words.t("filter-more")}</span>
            <span class="fewer">{words.t("filter-fewer")}</span>
        </summary>
    }
}

/// How many pages there are; at least one.
fn pages_of(size: u32, total: u64) -> u64 {
    total.div_ceil(u64::from(size.max(1))).max(1)
}

/// What stands in place of a list of which the address names a page beyond the last: rows may have gone since the address was
/// made, and an empty page would say that there are none at all. Nothing for a page that there is, and for a list without rows.
pub fn past_the_end(words: Words, query: &ListQuery, page: u32, size: u32, total: u64) -> Option<AnyView> {
    let pages = pages_of(size, total);
    if total == 0 || u64::from(page) <= pages {
        return None;
    }
    let last = if pages == 1 { String::new() } else { pages.to_string() };
    let gone = words.with("list-no-such-page", &[("page", page.to_string()), ("pages", pages.to_string())]);
    let there = view! {
        <div class="empty">
            <p role="status">{gone}</p>
            <a class="btn" href=query.with(&[("page", &last)])>{words.t("list-last-page")}</a>
        </div>
    };
    Some(there.into_any())
}

/// Where one is, the page before and the page after.
pub fn steps(words: Words, query: &ListQuery, page: u32, size: u32, total: u64) -> impl IntoView + use<> {
    let pages = pages_of(size, total);
    let step = |to: i64, label: String| {
        let there = (1..=pages as i64).contains(&to);
        if there {
            let to = if to == 1 { String::new() } else { to.to_string() };
            view! { <a class="btn small" href=query.with(&[("page", &to)])>{label}</a> }.into_any()
        } else {
            view! { <span class="btn small" aria-disabled="true">{label}</span> }.into_any()
        }
    };
    view! {
        <span class="end">
            {step(i64::from(page) - 1, words.t("list-previous"))}
            <span>{words.with("list-page", &[("page", page.to_string()), ("pages", pages.to_string())])}</span>
            {step(i64::from(page) + 1, words.t("list-next"))}
        </span>
    }
}

/// The same where a list is seldom long: nothing for one that all are on the first page of, and none below [`past_the_end`].
pub fn pager_of<T>(words: Words, query: &ListQuery, found: &contract::Page<T>) -> AnyView {
    let short = found.page == 1 && found.total <= u64::from(found.page_size.min(20));
    match short || u64::from(found.page) > pages_of(found.page_size, found.total) {
        true => ().into_any(),
        false => pager(words, query, found.page, found.page_size, found.total).into_any(),
    }
}

/// Total, page size and pages.
pub fn pager(words: Words, query: &ListQuery, page: u32, size: u32, total: u64) -> impl IntoView + use<> {
    let sizes = contract::PAGE_SIZES
        .into_iter()
        .map(|n| {
            let n_text = if n == 20 { String::new() } else { n.to_string() };
            let href = query.with(&[("pageSize", &n_text), ("page", "")]);
            view! { <a class="page-size" href=href aria-current=(n == size).then_some("true")>{n}</a> }
        })
        .collect_view();
    view! {
        <nav class="pager" aria-label=words.t("list-pager")>
            <span>{words.with("list-total", &[("n", total.to_string())])}</span>
            <span class="page-sizes">{words.t("list-page-size")} " " {sizes}</span>
            {steps(words, query, page, size, total)}
        </nav>
    }
}

/// In a bulk form: a box that takes all rows of these filters instead of the chosen ones.
pub fn all_matching(words: Words, query: &ListQuery, filters: &[&str], total: u64) -> impl IntoView + use<> {
    let label = words.with("bulk-all", &[("n", total.to_string())]);
    view! {
        <label class="all-matching">
            <input r#type="checkbox" name="all" value="1" />
            <span>{label}</span>
        </label>
        {hidden_filters(query, filters)}
    }
}

/// The filters in force as fields that nobody sees.
pub fn hidden_filters(query: &ListQuery, filters: &[&str]) -> impl IntoView + use<> {
    let kept: Vec<_> =
        query.pairs.iter().filter(|(name, value)| filters.contains(name) && !value.is_empty()).cloned().collect();
    kept.into_iter().map(|(name, value)| view! { <input r#type="hidden" name=name value=value /> }).collect_view()
}

#[cfg(test)]
mod tests {
    use contract::accounts::Language;

    use super::*;

    fn query() -> ListQuery {
        let pairs = vec![("q", "rack".to_owned()), ("page", "9".to_owned())];
        ListQuery { path: "/admin/machines".into(), pairs }
    }

    /// Every source below a folder.
    fn sources(folder: &std::path::Path, into: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).expect("the sources are there").flatten() {
            let path = entry.path();
            if path.is_dir() {
                sources(&path, into);
            } else if let Ok(text) = std::fs::read_to_string(&path) {
                into.push((path.display().to_string(), text));
            }
        }
    }

    #[test]
    fn every_list_with_pages_knows_where_it_ends() {
        let mut pages = Vec::new();
        sources(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/pages"), &mut pages);
        let has_pages = |text: &str| text.contains("pager(words") || text.contains("pager_of(words");
        let lists: Vec<_> = pages.iter().filter(|(_, text)| has_pages(text)).collect();
        assert!(lists.len() > 25, "only {} were found: the search is broken", lists.len());
        for (path, text) in lists {
            assert!(text.contains("past_the_end(words"), "{path}");
        }
    }

    #[test]
    fn a_page_beyond_the_last_leads_to_the_last() {
        let past =
            |page, total| past_the_end(Words(Language::En), &query(), page, 20, total).map(|view| view.to_html());
        let html = past(9, 45).expect("there are three");
        assert!(html.contains("/admin/machines?q=rack&amp;page=3"), "{html}");
        assert!(html.contains("There is no page 9") && html.contains("3 pages"), "{html}");
        // The first page is the list's own address.
        let html = past(2, 20).expect("there is one");
        assert!(html.contains("\"/admin/machines?q=rack\"") && html.contains("one page"), "{html}");
        for (page, total) in [(3, 45), (1, 0), (9, 0), (1, 20)] {
            assert!(past(page, total).is_none(), "{page} of {total}");
        }
    }
}
