//! With what a server asks another one of its installation for a tunnel: who asks whom, for which end of which machine, for
//! moments and once. Both have the secrets key, so that nothing but its signature is needed for either to believe the other.

use chrono::{DateTime, TimeDelta, Utc};
use contract::MachineId;
use node_protocol::TunnelEnd;
use uuid::Uuid;

use crate::secrets::Keyring;

/// What the signature is for.
const PURPOSE: &str = "peer tunnel pass 1";
/// How long one counts, by the database's clock: servers' own clocks are never compared.
pub(super) const LASTS: TimeDelta = TimeDelta::seconds(10);
/// Both servers, machine, end, nonce, milliseconds.
const SAID: usize = 16 + 16 + 8 + 1 + 16 + 8;
const SIGNATURE: usize = 32;

/// Random bytes of one connection.
pub(super) type Nonce = [u8; 16];

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    /// The server that asks.
    pub from: Uuid,
    /// The server that is asked: one that was started anew is another.
    pub to: Uuid,
    pub machine: MachineId,
    pub end: TunnelEnd,
    pub nonce: [u8; 16],
    pub expires_at: DateTime<Utc>,
}

impl Pass {
    /// As it travels: hexadecimal, with its signature.
    pub fn sign(&self, keyring: &Keyring) -> String {
        let mut bytes = Vec::with_capacity(SAID + SIGNATURE);
        bytes.extend_from_slice(self.from.as_bytes());
        bytes.extend_from_slice(self.to.as_bytes());
        bytes.extend_from_slice(&self.machine.0.to_be_bytes());
        bytes.push(match self.end {
            TunnelEnd::Engine => 0,
            TunnelEnd::Sshd => 1,
        });
        bytes.extend_from_slice(&self.nonce);
        bytes.extend_from_slice(&self.expires_at.timestamp_millis().to_be_bytes());
        let signature = keyring.sign(PURPOSE, &bytes);
        bytes.extend_from_slice(&signature);
        hex::encode(bytes)
    }

    /// What was signed with this installation's key; whether it counts now is another question.
    pub(super) fn read(keyring: &Keyring, text: &str) -> Option<Self> {
        let mut bytes = [0; SAID + SIGNATURE];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        let (said, signature) = bytes.split_at(SAID);
        if !keyring.verify(PURPOSE, said, signature) {
            return None;
        }
        let mut rest = said;
        Some(Self {
            from: Uuid::from_bytes(take(&mut rest)?),
            to: Uuid::from_bytes(take(&mut rest)?),
            machine: MachineId(i64::from_be_bytes(take(&mut rest)?)),
            end: match take(&mut rest)? {
                [0] => TunnelEnd::Engine,
                [1] => TunnelEnd::Sshd,
                [_] => return None,
            },
            nonce: take(&mut rest)?,
            expires_at: DateTime::from_timestamp_millis(i64::from_be_bytes(take(&mut rest)?))?,
        })
    }

    /// Whether it counts at this moment of the database's.
    pub(super) fn counts_at(&self, now: DateTime<Utc>) -> bool {
        now < self.expires_at && self.expires_at <= now + LASTS
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let whole = *rest;
    let (taken, left) = whole.split_first_chunk::<N>()?;
    *rest = left;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass() -> Pass {
        Pass {
            from: Uuid::from_u128(1),
            to: Uuid::from_u128(2),
            machine: MachineId(3),
            end: TunnelEnd::Sshd,
            nonce: [4; 16],
            expires_at: DateTime::from_timestamp_millis(1_700_000_000_000).unwrap(),
        }
    }

    #[test]
    fn what_was_signed_reads_as_it_was_and_nothing_else_reads() {
        let keyring = Keyring::from_bytes([7; 32]);
        let text = pass().sign(&keyring);
        assert_eq!(Pass::read(&keyring, &text), Some(pass()));
        assert_eq!(Pass::read(&Keyring::from_bytes([8; 32]), &text), None, "another installation's");
        for place in 0..text.len() {
            let mut forged = text.clone().into_bytes();
            forged[place] = if forged[place] == b'0' { b'1' } else { b'0' };
            assert_eq!(Pass::read(&keyring, std::str::from_utf8(&forged).unwrap()), None, "changed at {place}");
        }
        for wrong in ["", "00", &text[2..], &format!("{text}00"), "\u{e9}"] {
            assert_eq!(Pass::read(&keyring, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn it_counts_until_its_end_and_no_longer_than_one_lasts() {
        let pass = pass();
        let at = |before: i64| pass.expires_at - TimeDelta::milliseconds(before);
        for (before, counts) in [(10_001, false), (10_000, true), (1, true), (0, false), (-1, false)] {
            assert_eq!(pass.counts_at(at(before)), counts, "{before} ms before its end");
        }
    }
}
