//! Which images on a machine are known to be what they are called: those that the platform itself brought there since a customer
//! had all of it, who is root there and may leave any image under any name.

use contract::{ImageId, MachineId};

use super::store;
use crate::db::Tx;
use crate::{Result, allocations};

/// How an image stands on a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// The platform brought it there, and nobody had the machine since.
    Brought,
    /// Whoever brought it there, no customer ever had the machine.
    Untouched,
    /// It may be anything.
    Doubted,
}

impl Known {
    fn of(brought: Option<i64>, leases: i64) -> Self {
        match brought {
            Some(then) if then >= leases => Self::Brought,
            None if leases == 0 => Self::Untouched,
            _ => Self::Doubted,
        }
    }
}

/// With how often customers gave the machine back so far.
pub(super) async fn known_in_tx(tx: &mut Tx, image: ImageId, machine: MachineId) -> Result<(Known, i64)> {
    let leases = allocations::ended_on(tx, machine).await?;
    let brought = store::brought(tx, image, machine).await?;
    Ok((Known::of(brought, leases), leases))
}

/// A customer gave a machine back: what was known of the images there is not any more.
pub(crate) async fn forget_copies_in_tx(tx: &mut Tx, machine: MachineId) -> Result<()> {
    store::forget_all_copies(tx, machine).await
}

/// Another engine is a machine's from now on: nothing was brought to that one.
pub(crate) async fn forget_brought_in_tx(tx: &mut Tx, machine: MachineId) -> Result<()> {
    store::forget_brought(tx, machine).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_brought_before_a_lease_ended_may_be_anything_after_it() {
        assert_eq!(Known::of(None, 0), Known::Untouched);
        assert_eq!(Known::of(Some(0), 0), Known::Brought);
        assert_eq!(Known::of(None, 1), Known::Doubted);
        assert_eq!(Known::of(Some(0), 1), Known::Doubted);
        assert_eq!(Known::of(Some(1), 1), Known::Brought);
    }
}
