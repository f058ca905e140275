//! Event sets: made, filled, waited on, freed.

use std::ffi::{c_uint, c_ulonglong};
use std::time::Duration;

use nvml_wrapper_sys::bindings as nvml;

use super::{Handle, Out, Outcome, View, code, gpu_functions, system_functions, valid};
use crate::events::{Happening, NoEvent};
use crate::state::Session;

/// What a caller holds for an event set: its number in a pointer's clothes, never followed.
#[repr(transparent)]
#[derive(Debug, Clone, Copy)]
struct SetHandle(usize);

/// What the first generation of the wait gives.
#[repr(C)]
#[derive(Clone, Copy)]
struct EventDataV1 {
    device: Handle,
    kind: c_ulonglong,
    data: c_ulonglong,
}

system_functions! {
    nvmlEventSetCreate(session, _control; set: Out<SetHandle>) {
        valid(!set.is_null())?;
        set.put(SetHandle(session.hub.create()))
    }
    nvmlEventSetFree(session, _control; set: SetHandle) { valid(session.hub.free(set.0)) }
    nvmlEventSetWait(session, _control; set: SetHandle, data: Out<EventDataV1>, timeout_ms: c_uint) {
        valid(!data.is_null())?;
        let happening = wait(session, set, timeout_ms)?;
        let device = Handle::of(happening.gpu, None);
        data.put(EventDataV1 { device, kind: happening.kind, data: happening.data })
    }
    nvmlEventSetWait_v2(session, _control; set: SetHandle, data: Out<EventDataV2>, timeout_ms: c_uint) {
        valid(!data.is_null())?;
        let happening = wait(session, set, timeout_ms)?;
        let device = Handle::of(happening.gpu, None);
        let first = EventDataV1 { device, kind: happening.kind, data: happening.data };
        data.put(EventDataV2 { first, gpu_instance: c_uint::MAX, compute_instance: c_uint::MAX })
    }
}

/// The second generation adds the MIG instance; Xids of a scenario concern the whole GPU.
#[repr(C)]
#[derive(Clone, Copy)]
struct EventDataV2 {
    first: EventDataV1,
    gpu_instance: c_uint,
    compute_instance: c_uint,
}

const _: () = assert!(size_of::<EventDataV2>() == size_of::<nvml::nvmlEventData_t>());

gpu_functions! {
    nvmlDeviceRegisterEvents(view; kinds: c_ulonglong, set: SetHandle) {
        if kinds & !deliverable(view) != 0 {
            return Err(code::NOT_SUPPORTED);
        }
        // What happened before is not for this set.
        view.session.pump();
        valid(view.session.hub.register(set.0, view.gpu.index, kinds))
    }
    nvmlDeviceGetSupportedEventTypes(view; kinds: Out<c_ulonglong>) { kinds.put(deliverable(view)) }
}

/// Xids everywhere, memory errors where they are counted.
fn deliverable(view: &View<'_>) -> c_ulonglong {
    let ecc = nvml::nvmlEventTypeSingleBitEccError | nvml::nvmlEventTypeDoubleBitEccError;
    let counted = super::device_health::counts_errors(view).is_ok();
    c_ulonglong::from(nvml::nvmlEventTypeXidCriticalError | if counted { ecc } else { 0 })
}

fn wait(session: &Session, set: SetHandle, timeout_ms: c_uint) -> Outcome<Happening> {
    let timeout = Duration::from_millis(timeout_ms.into());
    session.hub.wait(set.0, timeout, || session.pump()).map_err(|none| match none {
        NoEvent::Timeout => code::TIMEOUT,
        NoEvent::NoSuchSet => code::INVALID_ARGUMENT,
        NoEvent::Closed => code::UNINITIALIZED,
    })
}
