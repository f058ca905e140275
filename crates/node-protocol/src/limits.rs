//! Bounds both sides keep; the server refuses what is over them instead of allocating.

/// Largest WebSocket message in bytes, either way.
pub const MAX_FRAME_BYTES: usize = 1 << 20;
/// Most samples in one [`crate::Batch`].
pub const MAX_SAMPLES_PER_BATCH: usize = 120;
/// Most GPUs of one machine.
pub const MAX_GPUS: usize = 64;
/// Most processes reported in one [`crate::ProcessList`].
pub const MAX_PROCESSES: usize = 512;
/// Longest text field in bytes (names, versions, command lines are cut to it by the agent).
pub const MAX_TEXT_BYTES: usize = 512;
/// Seconds of samples the agent keeps while it is cut off.
pub const BUFFER_SECONDS: usize = 600;
/// Most batches in flight without an acknowledgement.
pub const MAX_UNACKED_BATCHES: usize = 8;
