//! What the caller may do now, as views say it: made of the very rule that refuses it, so that no button and no program has a
//! rule of its own.

use contract::{ErrorCode, May};

use crate::{OpContext, Result};

/// `permitted`: the caller has the permission at all; `ruled`: what the operation would say next.
///
/// # Errors
/// Whatever is no refusal: a rule that could not be asked.
pub fn may(ctx: &OpContext, permitted: bool, ruled: Result<()>) -> Result<May> {
    if !permitted {
        return Ok(May::default());
    }
    match ruled {
        Ok(()) => Ok(May { allowed: true, why_not: None }),
        // Looking is no attempt: the denial in it is not written to the log.
        Err(refusal) if is_refusal(refusal.code) => {
            let why = texts::message(ctx.language(), refusal.key, &refusal.args);
            Ok(May { allowed: false, why_not: Some(why) })
        }
        Err(error) => Err(error),
    }
}

fn is_refusal(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::WrongState | ErrorCode::Forbidden | ErrorCode::Conflict)
}
