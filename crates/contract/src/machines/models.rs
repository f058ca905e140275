//! The GPUs of a host in a few words, also where they differ.

use std::cmp::Reverse;

/// What stands between how many and of which model.
const TIMES: &str = " × ";

/// What these GPUs are: the model where all are of one, else how many of each, the most first: `2 × A100 + 1 × L40S`.
pub fn models_in_words<'a>(models: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    // A GPU that is lost may have said no name.
    for model in models.into_iter().filter(|model| !model.is_empty()) {
        match counts.iter_mut().find(|(known, _)| *known == model) {
            Some((_, count)) => *count += 1,
            None => counts.push((model, 1)),
        }
    }
    if let [(model, _)] = counts[..] {
        return Some(model.to_owned());
    }
    counts.sort_by_key(|(_, count)| Reverse(*count));
    let parts: Vec<_> = counts.into_iter().map(|(model, count)| format!("{count}{TIMES}{model}")).collect();
    (!parts.is_empty()).then(|| parts.join(" + "))
}

/// How many there are of it, where [`models_in_words`] does not say so already.
pub fn gpus_in_words(count: u32, models: &str) -> String {
    if models.contains(TIMES) { models.to_owned() } else { format!("{count}{TIMES}{models}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_gpus_are_counted_apart() {
        assert_eq!(models_in_words([]), None);
        assert_eq!(models_in_words(["A100", "", "A100"]).as_deref(), Some("A100"));
        let mixed = models_in_words(["L40S", "A100", "A100"]).expect("some");
        assert_eq!(mixed, "2 × A100 + 1 × L40S");
        assert_eq!((gpus_in_words(2, "A100"), gpus_in_words(3, &mixed)), ("2 × A100".to_owned(), mixed));
    }
}
