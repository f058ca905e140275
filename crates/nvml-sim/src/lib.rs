//! A stand-in for NVIDIA's management library (NVML): a shared library with NVML's C interface whose GPUs come from
//! a scenario file. It lets tests and demonstrations run on machines without a GPU, through the very code path
//! (symbol loading, struct layouts, return codes) that reads real GPUs.
//!
//! # Use
//!
//! Load `libnvml_sim.so` where one would load `libnvidia-ml.so.1`. Two environment variables are read by `nvmlInit`:
//!
//! * `NVML_SIM_SCENARIO`: path of the scenario (TOML). Absent: eight H100 under a slow sine load. A file that
//!   cannot be read or is not valid makes `nvmlInit` answer `NVML_ERROR_UNKNOWN` and say why on standard error.
//! * `NVML_SIM_CONTROL`: path of a control file (TOML) that is read again when it changed (looked at no more than
//!   every 200 ms). What it says holds over the scenario. Absent or empty: the scenario alone.
//!
//! # Scenario
//!
//! Every key is optional except `model`; an unknown key is an error. Seconds count from the first `nvmlInit` of the
//! process, multiplied by `time_scale`, and go on across `nvmlShutdown`.
//!
//! ```toml
//! driver_version = "580.95.05"
//! cuda_version = "13.0"
//! seed = 7                       # UUIDs, serials and jitter derive from it
//! time_scale = 1.0
//! missing_functions = ["nvmlDeviceGetPcieReplayCounter"] # answer NVML_ERROR_FUNCTION_NOT_FOUND
//! init_result = 0                # e.g. 9: nvmlInit answers NVML_ERROR_DRIVER_NOT_LOADED
//!
//! [[gpu]]
//! model = "H100 80G"             # see `catalog` for the presets
//! count = 8                      # that many alike
//! load = { kind = "sine", mean = 55, amplitude = 35, period = 120 }
//! jitter = 2.0                   # percent points either way, from (seed, gpu, second)
//! stagger = 5.0                  # seconds between the curves of neighbours in this group
//! ecc = true                     # false: ECC mode off
//! power_limit_w = 500            # enforced limit
//! memory_used_mib = 4096         # otherwise follows processes, or the load where there are none
//! mig = ["3g.40gb", "1g.10gb"]   # MIG mode on, with these instances
//! not_supported = ["nvmlDeviceGetPcieThroughput"] # answer NVML_ERROR_NOT_SUPPORTED
//! process = [{ pid = 4242, name = "/usr/bin/python3", memory_mib = 8192, from = 0, until = 600 }]
//!
//! [[event]]
//! kind = "xid"                   # also "ecc", "throttle", "lost"
//! gpu = 2
//! at = 30
//! xid = 79
//! ```
//!
//! Load kinds: `idle`; `constant` (`util`); `sine` (`mean`, `amplitude`, `period`); `burst` or `square` (`low`,
//! `high`, `period`, `duty` = 0.5); `ramp` (`start`, `end`, `duration`; then holds); `trace` (`values`, `step` = 1;
//! starts over at its end). Processes: `pid` is a number or `"self"`; `kind` is `"compute"` (default) or
//! `"graphics"`; `instance` picks the MIG instance by its place in `mig`. Events: `xid` has `xid`; `ecc` has
//! `corrected` and `uncorrected` counts; `throttle` has `bits` (NVML's reason mask) and an optional `until`; `lost`
//! makes every call on the GPU answer `NVML_ERROR_GPU_IS_LOST`, for good or `until`.
//!
//! # Control file
//!
//! ```toml
//! missing_functions = ["nvmlDeviceGetFieldValues"]
//! [gpu.3]
//! lost = true                    # false brings a GPU back that the scenario lost
//! util = 37                      # percent
//! temperature = 91               # degrees Celsius
//! power_w = 250
//! memory_used_mib = 1024
//! throttle = 64                  # in addition to the scenario's bits
//! ecc_corrected = 3              # in addition to the scenario's counts
//! ecc_uncorrected = 1
//! xid = 79                       # delivered once when it appears or changes; `xid_again = 2` delivers it again
//! not_supported = ["nvmlDeviceGetPowerUsage"]
//! process = [{ pid = "self", memory_mib = 512 }]
//! ```
//!
//! # Limits
//!
//! Only what a monitoring agent reads is here; anything that changes a GPU's settings is absent, as are vGPU, units
//! and GPM. As with the real library, an Xid that happened before an event set was registered is not delivered.

mod abi;
pub mod catalog;
pub mod control;
pub mod curve;
pub mod events;
pub mod identity;
pub mod mig;
pub mod model;
pub mod scenario;
pub mod state;
