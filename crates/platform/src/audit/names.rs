//! What the things of the log are called. People and customers are kept for ever, and are called what they were called when
//! it happened. Of everything else the log itself is asked, whose rows cannot be changed: the newest event of a thing that
//! names it. So what was deleted long ago keeps its name, and no row has to be written anew for it.

use std::collections::{BTreeSet, HashMap};

use contract::CustomerId;

use super::store;
use crate::db::Tx;
use crate::{Result, allocations};

/// A kind and an id.
pub(super) type Thing = (String, String);

/// Where the events of a kind have its name; `None` for kinds of which each is called by its id, or that are only one.
fn field_of(kind: &str) -> Option<&'static str> {
    match kind {
        "role" | "spec" | "image" | "channel" | "identity-provider" | "api_token" | "session" | "ssh_key" | "file"
        | "upload" | "allocation" | "instance" | "budget" => Some("name"),
        "announcement" => Some("title"),
        "invitation" => Some("email"),
        "machine_import" | "user_import" => Some("file"),
        "join_token" => Some("note"),
        _ => None,
    }
}

/// Names of things, as far as the log knows them; `customer`: as far as that customer's own part of it does.
pub(super) async fn of_things<'a>(
    tx: &mut Tx,
    customer: Option<CustomerId>,
    rows: impl Iterator<Item = (&'a str, Option<&'a str>)>,
) -> Result<HashMap<Thing, String>> {
    let wanted: BTreeSet<_> = rows.filter_map(|(kind, id)| Some((kind, id?, field_of(kind)?))).collect();
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let mut names = store::names::told(tx, customer, &wanted).await?;
    // An allocation is called as its machine; those of before that was written say it themselves.
    let silent = wanted
        .iter()
        .filter(|(kind, id, _)| *kind == "allocation" && !names.contains_key(&((*kind).to_owned(), (*id).to_owned())));
    let silent: Vec<i64> = silent.filter_map(|(_, id, _)| id.parse().ok()).collect();
    if !silent.is_empty() {
        let codes = allocations::machine_codes(tx, &silent).await?;
        names.extend(codes.into_iter().map(|(id, code)| (("allocation".to_owned(), id.to_string()), code)));
    }
    Ok(names)
}
