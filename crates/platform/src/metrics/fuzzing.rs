//! See [`crate::fuzzing`].

use chrono::{DateTime, Utc};
use contract::metrics::{HostFigures, ProcessView};
use node_protocol::{ProcessList, Sample};

use super::{ingest, watch};
use crate::Result;

/// A sample's figures as they are shown; an error for one that is over the limits.
pub fn sample(sample: &Sample, at: DateTime<Utc>) -> Result<(HostFigures, usize)> {
    ingest::check(sample)?;
    let tick = ingest::tick(at, sample);
    Ok((tick.host, tick.gpus.len()))
}

/// Processes with their GPUs, as they are kept.
pub fn processes(list: ProcessList) -> Result<Vec<(ProcessView, Vec<String>)>> {
    let kept = ingest::processes_of(list)?;
    Ok(kept.into_iter().map(|process| (process.view, process.gpu_uuids)).collect())
}

/// A topic's name, written anew.
pub fn live_topic(text: &str) -> Option<String> {
    watch::TopicName::parse(text).ok().map(|name| name.text())
}
