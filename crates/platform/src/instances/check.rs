//! What of a new instance is no good, all at once.

use std::collections::BTreeMap;

use contract::instances::{InstanceCreate, InstanceUpdate, MAX_PORTS, MAX_VARIABLES};

use super::split;
use crate::Result;
use crate::fields::Wrong;

/// Longest value of a variable, bytes.
const MAX_VALUE: usize = 32 << 10;
/// Most words of a command.
const MAX_WORDS: usize = 200;
/// Variables by which a runtime decides which GPUs there are: whoever sets them would see those of others.
const CLOSED: &str = "NVIDIA_";

/// A new one without fault.
pub(super) struct Checked {
    pub name: String,
    pub remark: Option<String>,
    pub environment: BTreeMap<String, String>,
    pub command: Option<Vec<String>>,
    pub ports: Vec<u16>,
}

pub(super) fn create(body: &InstanceCreate) -> Result<Checked> {
    let mut wrong = Wrong::new();
    let name = name(&mut wrong, &body.name);
    let remark = wrong.text("remark", body.remark.clone(), 1000);
    if body.environment.len() > MAX_VARIABLES {
        wrong.add_with("environment", "field-environment-many", vec![("max", MAX_VARIABLES.to_string())]);
    }
    for (key, value) in &body.environment {
        if !is_variable(key) {
            wrong.add_with("environment", "field-environment-name", vec![("name", key.chars().take(40).collect())]);
        } else if key.starts_with(CLOSED) || split::is_closed(key) {
            wrong.add_with("environment", "field-environment-closed", vec![("name", key.clone())]);
        }
        if value.len() > MAX_VALUE || value.contains('\0') {
            wrong.add_with("environment", "field-environment-value", vec![("name", key.chars().take(40).collect())]);
        }
    }
    let command = body.command.clone().filter(|words| !words.is_empty());
    if let Some(words) = &command
        && (words.len() > MAX_WORDS || words.iter().any(|word| word.len() > MAX_VALUE || word.contains('\0')))
    {
        wrong.add("command", "field-command");
    }
    let mut ports = body.ports.clone();
    ports.sort_unstable();
    ports.dedup();
    if ports.len() > MAX_PORTS || ports.contains(&0) {
        wrong.add_with("ports", "field-ports", vec![("max", MAX_PORTS.to_string())]);
    }
    wrong.into_result()?;
    Ok(Checked { name, remark, environment: body.environment.clone(), command, ports })
}

/// What changes: `None` stays.
pub(super) struct Changed {
    pub name: Option<String>,
    pub remark: Option<Option<String>>,
}

pub(super) fn update(body: InstanceUpdate) -> Result<Changed> {
    let mut wrong = Wrong::new();
    let name = body.name.map(|text| name(&mut wrong, &text));
    let remark = body.remark.map(|text| wrong.text("remark", Some(text), 1000));
    wrong.into_result()?;
    Ok(Changed { name, remark })
}

fn name(wrong: &mut Wrong, text: &str) -> String {
    let text = text.trim();
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let good = (1..=63).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(inside);
    if !good {
        wrong.add("name", "field-instance-name");
    }
    text.to_owned()
}

fn is_variable(name: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (1..=200).contains(&name.len()) && name.chars().all(inside) && !name.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use contract::{ImageId, SpecId};

    use super::*;

    #[test]
    fn every_fault_is_told_at_once() {
        let good = InstanceCreate {
            name: " train-1 ".to_owned(),
            image: ImageId(1),
            spec: SpecId(1),
            machine: None,
            environment: [("MODE".to_owned(), "a b\nc".to_owned())].into(),
            command: Some(Vec::new()),
            ports: vec![8888, 6006, 8888],
            remark: None,
        };
        let checked = create(&good).unwrap();
        assert_eq!((checked.name.as_str(), checked.command, checked.ports), ("train-1", None, vec![6006, 8888]));
        let bad = InstanceCreate {
            name: "a b".to_owned(),
            environment: [
                ("1A", ""),
                ("NVIDIA_VISIBLE_DEVICES", "all"),
                ("B", "\0"),
                ("CUDA_DEVICE_MEMORY_LIMIT_0", "80g"),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
            command: Some(vec!["\0".to_owned()]),
            ports: vec![0],
            ..good
        };
        let faults = create(&bad).err().unwrap().fields;
        let keys: Vec<_> = faults.iter().map(|fault| fault.key).collect();
        let expected = [
            "field-instance-name",
            "field-environment-name",
            "field-environment-value",
            "field-environment-closed",
            "field-environment-closed",
            "field-command",
            "field-ports",
        ];
        assert_eq!(keys, expected);
    }
}
