//! Where a notice leads when it is read: what it told of may be gone by then, or be of another customer than its reader acts
//! for now. Such a notice leads to the list it stood in, so that nobody is sent to a page that is not there.

use std::collections::HashSet;

use super::store::Row;
use crate::db::Tx;
use crate::{Result, images, instances, machines};

const MACHINES: &str = "/machines/";
const IMAGES: &str = "/images/mine/";
const INSTANCES: &str = "/instances/";

/// In the transaction of who reads them.
pub(super) async fn settle(tx: &mut Tx, rows: &mut [Row]) -> Result<()> {
    let codes = named(rows, MACHINES);
    let machines = if codes.is_empty() { HashSet::new() } else { machines::known_codes(tx, &codes).await? };
    let ids = numbered(rows, IMAGES);
    let images = if ids.is_empty() { HashSet::new() } else { images::there(tx, &ids).await? };
    let ids = numbered(rows, INSTANCES);
    let instances = if ids.is_empty() { HashSet::new() } else { instances::known(tx, &ids).await? };
    let among = |ids: &HashSet<i64>, id: &str| id.parse().is_ok_and(|id: i64| ids.contains(&id));
    for row in rows {
        let Some(link) = row.link.as_deref() else { continue };
        let list = if let Some(code) = below(link, MACHINES) {
            (!machines.contains(code)).then_some("/")
        } else if let Some(id) = below(link, IMAGES) {
            (!among(&images, id)).then_some("/images/mine")
        } else if let Some(id) = below(link, INSTANCES) {
            (!among(&instances, id)).then_some("/instances")
        } else {
            None
        };
        if let Some(list) = list {
            row.link = Some(list.to_owned());
        }
    }
    Ok(())
}

/// `5` of `/instances/5#idle`.
fn below<'a>(link: &'a str, page: &str) -> Option<&'a str> {
    link.strip_prefix(page)?.split(['/', '?', '#']).next()
}

fn named(rows: &[Row], page: &str) -> Vec<String> {
    rows.iter().filter_map(|row| below(row.link.as_deref()?, page)).map(str::to_owned).collect()
}

fn numbered(rows: &[Row], page: &str) -> Vec<i64> {
    rows.iter().filter_map(|row| below(row.link.as_deref()?, page)?.parse().ok()).collect()
}
