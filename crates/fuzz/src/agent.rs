//! What agents send to the server, and what agents read: frames of the server, the spool on disk.

use node_agent::fuzzing::{spool_record, spool_records};
use node_agent::identity::clean_host_name;
use node_protocol::{AgentBody, AgentFrame, Inventory, Message, ProcessList, Sample, ServerFrame, limits};

use crate::{chosen, now, text};

/// A message of an agent that is let in.
pub fn agent_frames(data: &[u8]) {
    let Some(AgentFrame { body: Some(body) }) = same_again::<AgentFrame>(data) else { return };
    match body {
        AgentBody::Batch(batch) => batch.samples.iter().for_each(sample),
        AgentBody::Inventory(found) => inventory(&found),
        AgentBody::Processes(list) => processes(list),
        AgentBody::TunnelRefused(refused) => {
            let fault = platform::fuzzing::tunnel_refused(&refused);
            assert!(fault.detail.chars().count() <= 300 && !fault.detail.chars().any(char::is_control));
        }
        AgentBody::HostKeys(seen) => {
            let Ok((fingerprints, detail)) = platform::fuzzing::host_keys(&seen) else { return };
            assert!(fingerprints.len() <= limits::MAX_HOST_KEYS + 1);
            fingerprints.iter().chain(&detail).for_each(|text| bounded(text));
        }
        AgentBody::Hello(_) | AgentBody::Pong(_) => {}
    }
}

/// What is written of a message reads, and is written the same. Compared as bytes: some numbers are none.
fn same_again<M: Message + Default>(data: &[u8]) -> Option<M> {
    let message = M::decode(data).ok()?;
    let written = message.encode_to_vec();
    assert!(M::decode(&written[..]).expect("what we write reads").encode_to_vec() == written);
    Some(message)
}

/// What is taken can be shown: every figure is a number in JSON.
fn sample(sample: &Sample) {
    let Ok((host, gpus)) = platform::fuzzing::sample(sample, now()) else { return };
    assert!(gpus <= limits::MAX_GPUS);
    let json = serde_json::to_value(&host).expect("figures are JSON");
    let again: contract::metrics::HostFigures = serde_json::from_value(json).expect("figures read");
    assert!(again == host, "{host:?} as {again:?}");
}

fn bounded(text: &str) {
    assert!(text.chars().count() <= limits::MAX_TEXT_BYTES && !text.chars().any(char::is_control), "{text:?}");
}

fn inventory(found: &Inventory) {
    let Ok((hardware, gpus)) = platform::fuzzing::inventory(found) else { return };
    assert!(gpus.len() <= limits::MAX_GPUS);
    bounded(&hardware.host_name);
    hardware.disks.iter().for_each(|disk| bounded(&disk.mount_point));
    hardware.nics.iter().flat_map(|nic| &nic.addresses).for_each(|address| bounded(address));
    for gpu in &gpus {
        bounded(&gpu.uuid);
        bounded(&gpu.model);
        gpu.mig_devices.iter().for_each(|mig| bounded(&mig.profile));
    }
    let json = serde_json::to_value((&hardware, &gpus)).expect("hardware is JSON");
    let again: (contract::machines::DiscoveredHardware, Vec<contract::machines::GpuView>) =
        serde_json::from_value(json).expect("hardware reads");
    assert!(again == (hardware, gpus));
}

fn processes(list: ProcessList) {
    let Ok(kept) = platform::fuzzing::processes(list) else { return };
    assert!(kept.len() <= limits::MAX_PROCESSES);
    for (number, (view, gpus)) in kept.iter().enumerate() {
        assert!(!kept[..number].iter().any(|(earlier, _)| earlier.pid == view.pid), "each process once");
        let texts = [&view.user, &view.command, &view.container];
        texts.into_iter().flatten().chain(gpus).for_each(|text| bounded(text));
        let mut different = gpus.clone();
        different.sort();
        different.dedup();
        assert_eq!(different.len(), gpus.len(), "each of its GPUs once");
    }
}

/// What an agent reads.
pub fn agent(data: &[u8]) {
    match chosen(data, 4) {
        (0, frame) => drop(same_again::<ServerFrame>(frame)),
        (1, segment) => {
            let (records, whole) = spool_records(segment);
            let again: Vec<u8> = records.iter().flat_map(|record| spool_record(record)).collect();
            assert!(segment.starts_with(&again) && whole == (again.len() == segment.len()));
            for record in records {
                assert!((1..=limits::MAX_FRAME_BYTES).contains(&record.len()));
                let _ = Sample::decode(record);
            }
        }
        // Records of ours, and an end that is torn.
        (2, content) => {
            let (torn, content) = content.split_first().map_or((0, content), |(torn, rest)| (usize::from(*torn), rest));
            let kept: Vec<&[u8]> = content.split(|byte| *byte == 0).filter(|record| !record.is_empty()).collect();
            let mut segment: Vec<u8> = kept.iter().flat_map(|record| spool_record(record)).collect();
            segment.truncate(segment.len().saturating_sub(torn));
            let (records, whole) = spool_records(&segment);
            assert!(kept.starts_with(&records), "what is before the tear is kept");
            assert!(torn > 0 || (whole && records.len() == kept.len()));
        }
        (_, name) => {
            let name = clean_host_name(&text(name));
            assert!((1..=63).contains(&name.len()), "{name}");
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{name}");
            assert!(!name.starts_with('-') && !name.ends_with('-') && clean_host_name(&name) == name, "{name}");
        }
    }
}
