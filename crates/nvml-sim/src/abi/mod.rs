//! NVML's C interface. Every exported function is declared through one of the macros here, which gives all of them
//! the same order of checks as the real library: initialised, known function, valid handle, supported, on the bus;
//! then arguments; then the answer.
//!
//! Invariants: no panic crosses the boundary (it becomes `NVML_ERROR_UNKNOWN`); no null pointer is followed; no
//! buffer is written beyond the length that came with it.

mod device;
mod device_health;
mod device_link;
mod device_load;
mod events;
mod fields;
mod mig;
mod pointers;
mod processes;
mod system;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use nvml_wrapper_sys::bindings::nvmlReturn_t;

pub(crate) use self::pointers::{Out, TextIn, TextOut};
use crate::control::{Control, GpuControl};
use crate::mig::Instance;
use crate::model::{self, Reading};
use crate::state::{self, Gpu, Session};

/// NVML's return codes under short names.
pub(crate) mod code {
    pub(crate) use nvml_wrapper_sys::bindings::{
        nvmlReturn_enum_NVML_ERROR_ARGUMENT_VERSION_MISMATCH as VERSION_MISMATCH,
        nvmlReturn_enum_NVML_ERROR_FUNCTION_NOT_FOUND as FUNCTION_NOT_FOUND,
        nvmlReturn_enum_NVML_ERROR_GPU_IS_LOST as GPU_IS_LOST,
        nvmlReturn_enum_NVML_ERROR_INSUFFICIENT_SIZE as INSUFFICIENT_SIZE,
        nvmlReturn_enum_NVML_ERROR_INVALID_ARGUMENT as INVALID_ARGUMENT,
        nvmlReturn_enum_NVML_ERROR_NOT_FOUND as NOT_FOUND, nvmlReturn_enum_NVML_ERROR_NOT_SUPPORTED as NOT_SUPPORTED,
        nvmlReturn_enum_NVML_ERROR_TIMEOUT as TIMEOUT, nvmlReturn_enum_NVML_ERROR_UNINITIALIZED as UNINITIALIZED,
        nvmlReturn_enum_NVML_ERROR_UNKNOWN as UNKNOWN, nvmlReturn_enum_NVML_SUCCESS as SUCCESS,
    };
}

/// A call's end: nothing to add, or the code that says why not.
pub(crate) type Outcome<T = ()> = Result<T, nvmlReturn_t>;

/// What a caller holds for a GPU or a MIG instance. It is a number in a pointer's clothes and never followed.
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Handle(usize);

/// Sets our handles apart from stray pointers.
const HANDLE_MARK: usize = 0x6E76_0000_0000;

impl Handle {
    /// A GPU's, or that of its MIG instance at a place.
    pub(crate) fn of(gpu: usize, instance: Option<usize>) -> Self {
        Self(HANDLE_MARK | (gpu + 1) << 8 | instance.map_or(0, |place| place + 1))
    }

    fn parts(self) -> Option<(usize, Option<usize>)> {
        let rest = self.0.checked_sub(HANDLE_MARK).filter(|rest| *rest < 1 << 24)?;
        Some(((rest >> 8).checked_sub(1)?, (rest & 0xFF).checked_sub(1)))
    }
}

/// A GPU (or an instance on it) as one call sees it: one moment, one word of the control file.
pub(crate) struct View<'a> {
    pub(crate) session: &'a Session,
    pub(crate) gpu: &'a Gpu,
    pub(crate) instance: Option<&'a Instance>,
    pub(crate) second: f64,
    pub(crate) control: GpuControl,
}

impl View<'_> {
    pub(crate) fn reading(&self) -> Reading {
        model::read(self.gpu, self.second, &self.control)
    }

    /// For figures MIG instances do not have.
    pub(crate) fn whole(&self) -> Outcome {
        if self.instance.is_some() { Err(code::NOT_SUPPORTED) } else { Ok(()) }
    }

    /// For figures the driver does not give of a GPU that is cut into instances.
    pub(crate) fn uncut(&self) -> Outcome {
        if self.gpu.instances.is_some() { Err(code::NOT_SUPPORTED) } else { Ok(()) }
    }
}

/// `Ok` where the model has it.
pub(crate) fn supported(has: bool) -> Outcome {
    if has { Ok(()) } else { Err(code::NOT_SUPPORTED) }
}

/// `Ok` where the caller's argument makes sense.
pub(crate) fn valid(sense: bool) -> Outcome {
    if sense { Ok(()) } else { Err(code::INVALID_ARGUMENT) }
}

/// Runs a call and turns its end, or its panic, into a code.
pub(crate) fn guard(call: impl FnOnce() -> Outcome) -> nvmlReturn_t {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(())) => code::SUCCESS,
        Ok(Err(code)) => code,
        Err(_) => code::UNKNOWN,
    }
}

/// A call that needs the session.
pub(crate) fn with_session(name: &str, call: impl FnOnce(&Arc<Session>, &Control) -> Outcome) -> nvmlReturn_t {
    guard(|| {
        let session = state::current().ok_or(code::UNINITIALIZED)?;
        let control = session.control();
        let missing = |names: &[String]| names.iter().any(|missing| missing == name);
        if missing(&session.scenario.missing_functions) || missing(&control.missing_functions) {
            return Err(code::FUNCTION_NOT_FOUND);
        }
        call(&session, &control)
    })
}

/// A call on a GPU or an instance.
pub(crate) fn with_device(name: &str, handle: Handle, call: impl FnOnce(&View<'_>) -> Outcome) -> nvmlReturn_t {
    with_session(name, |session, control| {
        let (index, place) = handle.parts().ok_or(code::INVALID_ARGUMENT)?;
        let view = view(session, control, index, place)?;
        let refused = |names: &[String]| names.iter().any(|refused| refused == name);
        if refused(&view.gpu.group.not_supported) || refused(&view.control.not_supported) {
            return Err(code::NOT_SUPPORTED);
        }
        call(&view)
    })
}

/// The moment a call sees; the end of every call on a GPU that is off the bus.
pub(crate) fn view<'a>(
    session: &'a Session,
    control: &Control,
    index: usize,
    place: Option<usize>,
) -> Outcome<View<'a>> {
    let gpu = session.gpus.get(index).ok_or(code::INVALID_ARGUMENT)?;
    let instance = match place {
        None => None,
        Some(place) => {
            let instances = gpu.instances.as_deref().unwrap_or_default();
            Some(instances.get(place).ok_or(code::INVALID_ARGUMENT)?)
        }
    };
    let control = control.gpu(index).cloned().unwrap_or_default();
    let second = session.second();
    if model::is_lost(gpu, second, &control) {
        return Err(code::GPU_IS_LOST);
    }
    Ok(View { session, gpu, instance, second, control })
}

/// Exports functions that need no GPU: `name(session, control; arguments) { … }`.
macro_rules! system_functions {
    ($($name:ident($session:ident, $control:ident; $($arg:ident: $type:ty),*) $body:block)*) => {$(
        #[unsafe(no_mangle)]
        extern "C" fn $name($($arg: $type),*) -> nvml_wrapper_sys::bindings::nvmlReturn_t {
            crate::abi::with_session(stringify!($name), |$session, $control| $body)
        }
    )*};
}

/// Exports functions whose first argument is a whole GPU: `name(view; further arguments) { … }`.
macro_rules! gpu_functions {
    ($($name:ident($view:ident; $($arg:ident: $type:ty),*) $body:block)*) => {$(
        #[unsafe(no_mangle)]
        extern "C" fn $name(device: crate::abi::Handle, $($arg: $type),*) -> nvml_wrapper_sys::bindings::nvmlReturn_t {
            crate::abi::with_device(stringify!($name), device, |$view| {
                $view.whole()?;
                $body
            })
        }
    )*};
}

/// Exports functions whose first argument is a GPU or a MIG instance: `name(view; further arguments) { … }`.
macro_rules! device_functions {
    ($($name:ident($view:ident; $($arg:ident: $type:ty),*) $body:block)*) => {$(
        #[unsafe(no_mangle)]
        extern "C" fn $name(device: crate::abi::Handle, $($arg: $type),*) -> nvml_wrapper_sys::bindings::nvmlReturn_t {
            crate::abi::with_device(stringify!($name), device, |$view| $body)
        }
    )*};
}

pub(crate) use {device_functions, gpu_functions, system_functions};
