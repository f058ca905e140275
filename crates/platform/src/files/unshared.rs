//! What a person of a customer shares with nobody, and staff reach for: never without a reason, which stands in its customer's log,
//! and of which whose it is is told.

use contract::notifications::NotificationKind;
use contract::{CustomerId, UserId};

use crate::db::Tx;
use crate::fields::Wrong;
use crate::notifications::{self, Notice, Value};
use crate::{OpContext, Platform, Result, customers};

/// Whose it is.
#[derive(Clone, Copy)]
pub(crate) struct Maker {
    pub customer: Option<CustomerId>,
    pub person: Option<UserId>,
}

/// What staff did with it.
#[derive(Clone, Copy)]
pub(crate) enum Reached {
    /// Read it.
    Read,
    /// Put it into a registry.
    Pushed,
    /// Brought it to a machine.
    Pulled,
}

impl Reached {
    /// What texts choose by.
    fn code(self) -> &'static str {
        match self {
            Reached::Read => "read",
            Reached::Pushed => "push",
            Reached::Pulled => "pull",
        }
    }
}

/// Why staff reach for it; nothing of who finds it as one of its customer's people.
///
/// # Errors
/// `Validation` without a reason that says something, of staff.
pub(crate) fn reason(ctx: &OpContext, of: Maker, given: Option<String>) -> Result<Option<String>> {
    if !ctx.is_outside_of(of.customer, of.person) {
        return Ok(None);
    }
    let mut wrong = Wrong::new();
    let reason = wrong.reason(given);
    wrong.into_result()?;
    Ok(reason)
}

/// Tells whose it is, while they belong to its customer; else its owners, who have it now.
pub(crate) async fn tell(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    of: Maker,
    (name, link): (&str, String),
    (reached, reason): (Reached, &str),
) -> Result<()> {
    let Some(customer) = of.customer else { return Ok(()) };
    let mut people = customers::people(tx, customer, false).await?;
    people.retain(|person| Some(*person) == of.person);
    if people.is_empty() {
        people = customers::people(tx, customer, true).await?;
    }
    let notice = Notice {
        kind: NotificationKind::ImageActed,
        args: vec![
            ("image", Value::Text(name.to_owned())),
            ("did", Value::Text(reached.code().to_owned())),
            ("word", Value::Text(reason.to_owned())),
        ],
        link: Some(link),
    };
    notifications::notify_in_tx(platform, tx, ctx, &people, &notice).await
}
