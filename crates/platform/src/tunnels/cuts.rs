//! What ends several of a machine's tunnels at once: a token for those of a kind that are open or being opened. Where there are none,
//! nothing is kept.

use std::sync::{Arc, Weak};

use contract::MachineId;
use tokio_util::sync::CancellationToken;

use super::{State, Tunnels};

/// Which of a machine's tunnels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Which {
    /// To its sshd, from here and by this server.
    Sshd,
    /// Those that its agent was asked for over a link that ends here.
    Linked,
}

/// Held by each of them.
pub(super) struct Cut {
    tunnels: Arc<Tunnels>,
    key: (MachineId, Which),
    token: CancellationToken,
}

impl Cut {
    /// Of one that is asked for now.
    pub(super) fn of(tunnels: &Arc<Tunnels>, machine: MachineId, which: Which) -> Arc<Self> {
        Self::of_in(&mut tunnels.state(), tunnels, machine, which)
    }

    pub(super) fn of_in(state: &mut State, tunnels: &Arc<Tunnels>, machine: MachineId, which: Which) -> Arc<Self> {
        let key = (machine, which);
        if let Some(cut) = state.cuts.get(&key).and_then(Weak::upgrade) {
            return cut;
        }
        let cut = Arc::new(Self { tunnels: Arc::clone(tunnels), key, token: CancellationToken::new() });
        state.cuts.insert(key, Arc::downgrade(&cut));
        cut
    }

    /// Ends all that there are; those that are asked for from now on are others.
    pub(super) fn all(tunnels: &Tunnels, machine: MachineId, which: Which) {
        let cut = tunnels.state().cuts.remove(&(machine, which));
        // The last one wants the lock, too.
        if let Some(cut) = cut.and_then(|cut| cut.upgrade()) {
            cut.token.cancel();
        }
    }

    pub(super) fn token(&self) -> &CancellationToken {
        &self.token
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        let mut state = self.tunnels.state();
        // What stands there by now may be of others.
        if state.cuts.get(&self.key).is_some_and(|cut| cut.strong_count() == 0) {
            state.cuts.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_with_the_last_that_holds_it() {
        let tunnels = Arc::new(Tunnels::default());
        let of = |which| Cut::of(&tunnels, MachineId(1), which);
        let (one, two, linked) = (of(Which::Sshd), of(Which::Sshd), of(Which::Linked));
        drop(one);
        Cut::all(&tunnels, MachineId(2), Which::Sshd);
        assert!(!two.token().is_cancelled());
        Cut::all(&tunnels, MachineId(1), Which::Sshd);
        assert!(two.token().is_cancelled() && !linked.token().is_cancelled());
        // One that comes later is of others than one that is still there.
        let three = of(Which::Sshd);
        drop((two, linked));
        assert!(!three.token().is_cancelled());
        assert_eq!(tunnels.state().cuts.len(), 1);
        drop(three);
        assert!(tunnels.state().cuts.is_empty());
    }
}
