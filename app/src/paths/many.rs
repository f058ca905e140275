//! Addresses of what is done with many rows of a list, whose ids stand in them.

use super::{ALLOCATIONS, ALLOCATIONS_BULK, MACHINES, MACHINES_BULK, encode};

/// Most bytes of ids in an address: proxies refuse longer ones.
const MAX_IDS: usize = 4_000;

/// Ids for one parameter, parted by dots, as many as fit; and how many do not.
pub(super) fn packed(ids: &[String]) -> (String, usize) {
    let mut text = String::new();
    for (number, id) in ids.iter().enumerate() {
        let id = encode(id);
        if text.len() + id.len() + 1 > MAX_IDS {
            return (text, ids.len() - number);
        }
        if number > 0 {
            text.push('.');
        }
        text.push_str(&id);
    }
    (text, 0)
}

/// Reads what [`packed`] wrote, and parameters that hold one id each.
pub fn unpacked(ids: &[String]) -> Vec<String> {
    ids.iter().flat_map(|ids| ids.split('.')).filter(|id| !id.is_empty()).map(str::to_owned).collect()
}

/// What is left of many machines, some of which are done already.
pub fn machines_bulk(action: &str, ids: &[String], done: usize) -> String {
    let (ids, more) = packed(ids);
    format!("{MACHINES_BULK}?action={action}&done={done}&more={more}&ids={ids}")
}

/// The list, with what was done with all of these machines.
pub fn machines_done(action: &str, ids: &[String]) -> String {
    let (packed, _) = packed(ids);
    format!("{MACHINES}?did={action}&done={}&ids={packed}", ids.len())
}

/// The list, with what was done with so many allocations.
pub fn allocations_done(action: &str, months: Option<u32>, done: usize) -> String {
    let months = months.map(|months| format!("&months={months}")).unwrap_or_default();
    format!("{ALLOCATIONS}?did={action}{months}&done={done}")
}

/// What is left of many allocations, some of which are done already.
pub fn allocations_bulk(action: &str, months: Option<u32>, ids: &[String], done: usize) -> String {
    let (ids, more) = packed(ids);
    let months = months.map(|months| format!("&months={months}")).unwrap_or_default();
    format!("{ALLOCATIONS_BULK}?action={action}{months}&done={done}&more={more}&ids={ids}")
}

/// With the filters of the list that one came from, whose address `back` is: what was done with some of them leads there.
pub fn with_filters(address: String, list: &str, back: &str) -> String {
    let filters = super::local(back).and_then(|back| back.strip_prefix(list)?.strip_prefix('?'));
    match filters.filter(|filters| !filters.is_empty()) {
        Some(filters) => format!("{address}&{filters}"),
        None => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_ids_fit_into_an_address_or_are_counted() {
        let few = ["host-001".to_owned(), "12".to_owned()];
        assert_eq!(machines_bulk("drain", &few, 3), "/admin/machines/bulk?action=drain&done=3&more=0&ids=host-001.12");
        assert_eq!(unpacked(&["host-001.12".to_owned(), "13".to_owned(), String::new()]), ["host-001", "12", "13"]);
        let many: Vec<_> = (0..500).map(|n| format!("a-rather-long-code-{n:04}")).collect();
        let (text, more) = packed(&many);
        assert!(text.len() <= MAX_IDS && more > 0, "{}", text.len());
        assert_eq!(unpacked(&[text]), many[..500 - more]);
    }
    #[test]
    fn what_is_done_leads_back_to_the_list_as_it_was() {
        let done = || machines_done("drain", &["a".to_owned()]);
        let kept = "/admin/machines?did=drain&done=1&ids=a&q=rack-&pool=whole";
        assert_eq!(with_filters(done(), MACHINES, "/admin/machines?q=rack-&pool=whole"), kept);
        for other in
            ["", "/admin/machines", "/admin/machines?", "//evil.example/admin/machines?q=1", "/admin/users?q=1"]
        {
            assert_eq!(with_filters(done(), MACHINES, other), done(), "{other}");
        }
    }
}
