//! Library and host: init and shutdown, versions, names of processes, and finding a GPU.

use std::ffi::{CStr, c_char, c_int, c_uint};

use nvml_wrapper_sys::bindings::nvmlReturn_t;

use super::{Handle, Out, Outcome, TextIn, TextOut, code, guard, system_functions, valid, view};
use crate::control::Control;
use crate::identity::Address;
use crate::model;
use crate::state::{self, Gpu, InitError, Session};

fn init() -> nvmlReturn_t {
    guard(|| {
        state::init().map_err(|error| match error {
            InitError::Wanted(code) => code,
            InitError::Scenario => code::UNKNOWN,
        })
    })
}

#[unsafe(no_mangle)]
extern "C" fn nvmlInit() -> nvmlReturn_t {
    init()
}

#[unsafe(no_mangle)]
extern "C" fn nvmlInit_v2() -> nvmlReturn_t {
    init()
}

/// The flags choose how the driver attaches to GPUs, which makes no difference here.
#[unsafe(no_mangle)]
extern "C" fn nvmlInitWithFlags(_flags: c_uint) -> nvmlReturn_t {
    init()
}

#[unsafe(no_mangle)]
extern "C" fn nvmlShutdown() -> nvmlReturn_t {
    guard(|| if state::shutdown() { Ok(()) } else { Err(code::UNINITIALIZED) })
}

/// Works before init, as in the real library.
#[unsafe(no_mangle)]
extern "C" fn nvmlErrorString(result: nvmlReturn_t) -> *const c_char {
    let text: &CStr = match result {
        code::SUCCESS => c"Success",
        code::UNINITIALIZED => c"Uninitialized",
        code::INVALID_ARGUMENT => c"Invalid Argument",
        code::NOT_SUPPORTED => c"Not Supported",
        4 => c"Insufficient Permissions",
        code::NOT_FOUND => c"Not Found",
        code::INSUFFICIENT_SIZE => c"Insufficient Size",
        9 => c"Driver Not Loaded",
        code::TIMEOUT => c"Timeout",
        code::FUNCTION_NOT_FOUND => c"Function Not Found",
        code::GPU_IS_LOST => c"GPU is lost",
        16 => c"GPU requires restart",
        code::VERSION_MISMATCH => c"Argument version mismatch",
        code::UNKNOWN => c"Unknown Error",
        _ => c"Unknown return code",
    };
    text.as_ptr()
}

system_functions! {
    nvmlSystemGetDriverVersion(session, _control; version: TextOut, length: c_uint) {
        version.put(length, &session.scenario.driver_version)
    }
    nvmlSystemGetNVMLVersion(session, _control; version: TextOut, length: c_uint) {
        let major = session.scenario.cuda_version.split('.').next().unwrap_or_default();
        version.put(length, &format!("{major}.{}", session.scenario.driver_version))
    }
    nvmlSystemGetCudaDriverVersion(session, _control; version: Out<c_int>) {
        version.put(session.scenario.cuda_number().ok_or(code::UNKNOWN)?)
    }
    nvmlSystemGetCudaDriverVersion_v2(session, _control; version: Out<c_int>) {
        version.put(session.scenario.cuda_number().ok_or(code::UNKNOWN)?)
    }
    nvmlSystemGetProcessName(session, control; pid: c_uint, name: TextOut, length: c_uint) {
        valid(length > 0)?;
        name.put(length, &process_name(session, control, pid).ok_or(code::NOT_FOUND)?)
    }
    nvmlDeviceGetCount(session, _control; count: Out<c_uint>) {
        count.put(session.gpus.len() as c_uint)
    }
    nvmlDeviceGetCount_v2(session, _control; count: Out<c_uint>) {
        count.put(session.gpus.len() as c_uint)
    }
    nvmlDeviceGetHandleByIndex(session, control; index: c_uint, device: Out<Handle>) {
        open(session, control, index as usize, None, device)
    }
    nvmlDeviceGetHandleByIndex_v2(session, control; index: c_uint, device: Out<Handle>) {
        open(session, control, index as usize, None, device)
    }
    nvmlDeviceGetHandleByUUID(session, control; uuid: TextIn, device: Out<Handle>) {
        let uuid = uuid.read()?;
        valid(uuid.starts_with("GPU-") || uuid.starts_with("MIG-"))?;
        let (gpu, place) = session.gpus.iter().find_map(|gpu| by_uuid(gpu, &uuid)).ok_or(code::NOT_FOUND)?;
        open(session, control, gpu, place, device)
    }
    nvmlDeviceGetHandleBySerial(session, control; serial: TextIn, device: Out<Handle>) {
        let serial = serial.read()?;
        let named = |gpu: &&Gpu| !gpu.model.is_consumer() && gpu.serial == serial;
        let gpu = session.gpus.iter().find(named).ok_or(code::NOT_FOUND)?;
        open(session, control, gpu.index, None, device)
    }
    nvmlDeviceGetHandleByPciBusId(session, control; bus: TextIn, device: Out<Handle>) {
        open_at(session, control, &bus.read()?, device)
    }
    nvmlDeviceGetHandleByPciBusId_v2(session, control; bus: TextIn, device: Out<Handle>) {
        open_at(session, control, &bus.read()?, device)
    }
}

/// Gives a handle, unless the GPU is lost.
fn open(session: &Session, control: &Control, gpu: usize, instance: Option<usize>, device: Out<Handle>) -> Outcome {
    valid(!device.is_null())?;
    view(session, control, gpu, instance)?;
    device.put(Handle::of(gpu, instance))
}

fn open_at(session: &Session, control: &Control, bus: &str, device: Out<Handle>) -> Outcome {
    let address = Address::parse(bus).ok_or(code::INVALID_ARGUMENT)?;
    let gpu = session.gpus.iter().find(|gpu| gpu.address == address).ok_or(code::NOT_FOUND)?;
    open(session, control, gpu.index, None, device)
}

fn by_uuid(gpu: &Gpu, uuid: &str) -> Option<(usize, Option<usize>)> {
    if gpu.uuid == uuid {
        return Some((gpu.index, None));
    }
    let instances = gpu.instances.as_deref().unwrap_or_default();
    let place = instances.iter().position(|instance| instance.uuid == uuid)?;
    Some((gpu.index, Some(place)))
}

/// The scenario's name for a pid, or what the system knows of it.
fn process_name(session: &Session, control: &Control, pid: u32) -> Option<String> {
    let second = session.second();
    for gpu in &session.gpus {
        let word = control.gpu(gpu.index).cloned().unwrap_or_default();
        let named = model::processes(gpu, second, &word).find(|process| process.pid() == pid);
        if let Some(name) = named.and_then(|process| process.name.clone()) {
            return Some(name);
        }
    }
    let path = std::fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    path.to_str().map(str::to_owned)
}
