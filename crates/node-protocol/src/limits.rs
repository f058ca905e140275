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
/// Most tunnels of one machine at once.
pub const MAX_TUNNELS: usize = 128;
/// Largest message of a tunnel in bytes that is read.
pub const MAX_TUNNEL_MESSAGE_BYTES: usize = 64 * 1024;
/// Most bytes a tunnel sends in one message.
pub const TUNNEL_CHUNK_BYTES: usize = 16 * 1024;
/// Both ends of a tunnel send a WebSocket ping this often, seconds.
pub const TUNNEL_PING_SECONDS: u64 = 15;
/// A tunnel on which nothing at all is heard for so long is broken, seconds.
pub const TUNNEL_SILENCE_SECONDS: u64 = 60;
/// A tunnel that carries no byte for so long is ended, seconds: longer than anybody looks at a quiet shell.
pub const TUNNEL_IDLE_SECONDS: u64 = 2 * 3600;
/// Most keys in one [`crate::HostKeys`].
pub const MAX_HOST_KEYS: usize = 400;
/// Most keys with which an sshd proves itself.
pub const MAX_SSHD_KEYS: usize = 8;
/// Longest of them in bytes: RSA with 8192 bits has under 1,500. Longer ones stay with the server's own doors.
pub const MAX_HOST_KEY_BYTES: usize = 2 << 10;
