//! Money as text: the places that are usual for its currency, so that a column of it reads well.

use leptos::prelude::*;

use super::format::whole;
use crate::words::Words;

/// Places of a price that needs more than is usual, and of one that needs more than these.
const FINE: [usize; 2] = [4, 6];

/// Places of amounts in a currency.
fn places(currency: &str) -> usize {
    if currency == "JPY" { 0 } else { 2 }
}

/// A decimal number, rounded half up to so many places and grouped by thousands; as it is where it is none.
fn rounded(amount: &str, places: usize) -> String {
    let (before, after) = amount.split_once('.').unwrap_or((amount, ""));
    let (sign, before) = before.strip_prefix('-').map_or(("", before), |rest| ("-", rest));
    let kept: String = after.chars().chain(std::iter::repeat('0')).take(places).collect();
    let up = after.as_bytes().get(places).is_some_and(|next| *next >= b'5');
    let Ok(units) = format!("{before}{kept}").parse::<u64>() else { return amount.to_owned() };
    let units = units.saturating_add(u64::from(up)).to_string();
    let units = format!("{units:0>width$}", width = places + 1);
    let (before, after) = units.split_at(units.len() - places);
    let point = if after.is_empty() { "" } else { "." };
    let sign = if units.bytes().all(|digit| digit == b'0') { "" } else { sign };
    format!("{sign}{}{point}{after}", before.parse().map_or_else(|_| before.to_owned(), whole))
}

/// What something costs. What is more than nothing and less than the smallest coin is not shown as nothing.
pub fn amount(words: Words, amount: &str, currency: &str) -> String {
    let places = places(currency);
    let nothing = |text: &str| text.bytes().all(|c| matches!(c, b'0' | b'.'));
    let mut shown = rounded(amount, places);
    if nothing(&shown) && !nothing(amount) {
        shown = if places == 0 { "< 1".to_owned() } else { format!("< 0.{}1", "0".repeat(places - 1)) };
    }
    words.with("money", &[("amount", shown), ("currency", currency.to_owned())])
}

/// The same, and exactly where one asks.
pub fn money(words: Words, exact: &str, currency: &str) -> impl IntoView + use<> {
    let title = words.with("money", &[("amount", exact.to_owned()), ("currency", currency.to_owned())]);
    view! { <span title=title>{amount(words, exact, currency)}</span> }
}

/// What an hour costs: never rounded, because it is what is paid by.
pub fn per_hour(words: Words, price: &str, currency: &str) -> String {
    let usual = places(currency);
    let has = price.split_once('.').map_or(0, |(_, after)| after.trim_end_matches('0').len());
    let places = [usual].into_iter().chain(FINE).find(|places| *places >= has).unwrap_or(has);
    words.with("money", &[("amount", rounded(price, places)), ("currency", currency.to_owned())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_the_places_of_their_currency() {
        for (text, places, expected) in [
            ("0", 2, "0.00"),
            ("2.5", 2, "2.50"),
            ("2.505", 2, "2.51"),
            ("0.0049", 2, "0.00"),
            ("999.995", 2, "1,000.00"),
            ("1234567.1", 0, "1,234,567"),
            ("1.5", 0, "2"),
            ("-3.456", 2, "-3.46"),
            ("-0.001", 2, "0.00"),
            ("0.000001", 6, "0.000001"),
            ("x", 2, "x"),
        ] {
            assert_eq!(rounded(text, places), expected, "{text}");
        }
    }

    #[test]
    fn prices_lose_nothing_and_small_costs_are_not_nothing() {
        let words = Words(contract::accounts::Language::En);
        let prices = ["2.5", "2.505", "0.000001", "3"].map(|price| per_hour(words, price, "CNY"));
        assert_eq!(prices, ["2.50 CNY", "2.5050 CNY", "0.000001 CNY", "3.00 CNY"]);
        let costs = ["0", "0.0049", "0.005", "1234.5"].map(|cost| amount(words, cost, "CNY"));
        assert_eq!(costs, ["0.00 CNY", "< 0.01 CNY", "0.01 CNY", "1,234.50 CNY"]);
        assert_eq!(amount(words, "0.2", "JPY"), "< 1 JPY");
    }
}
