//! Streams, one file each. Every stream is authorised when it opens and again while it is open.

pub mod agent;
pub mod instance_logs;
pub mod live;
pub mod monitoring;
pub mod my_machine;
pub mod notifications;
pub mod peer;
pub mod terminal;
pub mod tunnel;
