//! What a customer is told of its own lease: staff are staff there, not names, as in its part of the log.

use contract::allocations::{AllocationEventView, AllocationState};
use contract::machines::MaintenanceView;

use super::store;
use crate::OpContext;

/// Events that the customer's own people make.
const OF_CUSTOMER: [&str; 2] = ["renewal_requested", "renewal_withdrawn"];

/// Whoever works for the platform, in the reader's language.
fn staff_word(ctx: &OpContext) -> String {
    texts::message(ctx.language(), "own-audit-actor-staff", &[])
}

/// The history, without names of staff; what happened by itself stays nobody's.
pub(super) fn history(ctx: &OpContext, mut events: Vec<AllocationEventView>) -> Vec<AllocationEventView> {
    for event in &mut events {
        if !OF_CUSTOMER.contains(&event.kind.as_str()) && !event.actor_name.is_empty() {
            event.actor_name = staff_word(ctx);
        }
    }
    events
}

/// Who planned these, for who has the machine.
pub(super) fn of_windows(ctx: &OpContext, windows: &mut [MaintenanceView]) {
    for window in windows {
        window.created_by = staff_word(ctx);
    }
}

/// The next maintenance in the time of this lease, its grace included; one that takes longer to come back has it still.
pub(super) fn maintenance(
    ctx: &OpContext,
    windows: Option<&Vec<MaintenanceView>>,
    row: &store::Row,
) -> Option<MaintenanceView> {
    let until = row.hold_until.unwrap_or(row.ends_at);
    let late = row.state == AllocationState::Reclaiming;
    let concerns = |window: &&MaintenanceView| window.ends_at > row.starts_at && (late || window.starts_at < until);
    let mut window = windows?.iter().find(concerns).filter(|_| row.state.holds())?.clone();
    if !ctx.is_staff() {
        of_windows(ctx, std::slice::from_mut(&mut window));
    }
    Some(window)
}
