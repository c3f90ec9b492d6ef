//! The bounds on what peers can make the daemon hold, and the range of each.
//!
//! Numbers only: enforcing them is the business of whoever holds the thing that is bounded.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::violation::Violation;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Section `[limits]`. Names end in the unit; without one it is a count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section")]
pub struct Limits {
    /// The largest input frame; more is an error, then the connection closes.
    pub frame_bytes: usize,
    /// The largest datagram that `udp` takes and sends. At most 65507, which is all that UDP over
    /// IPv4 carries; at least what the longest names fit into.
    pub datagram_bytes: usize,
    /// How deep JSON may nest; the outermost value is level 1. At most 127, which is how far
    /// `serde_json` follows.
    pub json_depth: usize,
    /// Requests in a JSON-RPC 2.0 batch.
    pub batch_items: usize,
    /// Connections of all dialects together.
    pub connections: usize,
    /// Rooms.
    pub rooms: usize,
    /// Rooms that one account created and that still exist.
    pub rooms_per_account: usize,
    /// Rooms with more members do not announce joins and leaves; 0: every room does.
    pub presence_members: usize,
    /// Events kept of a room.
    pub history_events: usize,
    /// Bytes kept of a room's events.
    pub history_bytes: usize,
    /// Bytes kept of all rooms' events together; the oldest go.
    pub history_total_bytes: usize,
    /// With more unsent output a connection is not read further.
    pub outbox_low_bytes: usize,
    /// With more unsent output for `outbox_soft_s` a connection is closed.
    pub outbox_soft_bytes: usize,
    /// How long, in seconds, a connection may be over `outbox_soft_bytes`.
    pub outbox_soft_s: u64,
    /// With more unsent output a connection is closed at once.
    pub outbox_hard_bytes: usize,
    /// How long, in seconds, a connection may do nothing before it joins.
    pub idle_before_join_s: u64,
    /// How long after connecting, in seconds, a TLS handshake and the HTTP request behind it may take.
    pub handshake_s: u64,
    /// How long, in seconds, a frame may be under way once part of it is here. It is looked at once in
    /// that time, so it may become twice as long.
    pub frame_s: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            frame_bytes: 64 * KIB,
            datagram_bytes: 8 * KIB,
            json_depth: 64,
            batch_items: 100,
            connections: 20_000,
            rooms: 10_000,
            rooms_per_account: 100,
            presence_members: 1000,
            history_events: 200,
            history_bytes: 256 * KIB,
            history_total_bytes: 64 * MIB,
            outbox_low_bytes: 64 * KIB,
            outbox_soft_bytes: 256 * KIB,
            outbox_soft_s: 10,
            outbox_hard_bytes: MIB,
            idle_before_join_s: 60,
            handshake_s: 10,
            frame_s: 60,
        }
    }
}

impl Limits {
    /// The first value that cannot be used.
    pub(super) fn violation(&self) -> Option<Violation> {
        Violation::out_of_range("limits", self.ranges()).or_else(|| {
            let low = ("outbox_low_bytes", self.outbox_low_bytes);
            let soft = ("outbox_soft_bytes", self.outbox_soft_bytes);
            let hard = ("outbox_hard_bytes", self.outbox_hard_bytes);
            let of_a_room = ("history_bytes", self.history_bytes);
            let of_all = ("history_total_bytes", self.history_total_bytes);
            [(low, soft), (soft, hard), (of_a_room, of_all)]
                .into_iter()
                .find_map(|(low, high)| Violation::out_of_order("limits", low, high))
        })
    }

    /// Every value beside its key and what it may be.
    fn ranges(&self) -> [(&'static str, u64, RangeInclusive<u64>); 18] {
        const KI: u64 = 1 << 10;
        const MI: u64 = 1 << 20;
        const GI: u64 = 1 << 30;
        [
            ("frame_bytes", self.frame_bytes as u64, KI..=16 * MI),
            ("datagram_bytes", self.datagram_bytes as u64, KI..=65_507),
            ("json_depth", self.json_depth as u64, 4..=127),
            ("batch_items", self.batch_items as u64, 1..=10_000),
            ("connections", self.connections as u64, 1..=1_000_000),
            ("rooms", self.rooms as u64, 1..=1_000_000),
            ("rooms_per_account", self.rooms_per_account as u64, 1..=1_000_000),
            ("presence_members", self.presence_members as u64, 0..=1_000_000),
            ("history_events", self.history_events as u64, 1..=100_000),
            ("history_bytes", self.history_bytes as u64, KI..=GI),
            ("history_total_bytes", self.history_total_bytes as u64, KI..=64 * GI),
            ("outbox_low_bytes", self.outbox_low_bytes as u64, KI..=GI),
            ("outbox_soft_bytes", self.outbox_soft_bytes as u64, KI..=GI),
            ("outbox_soft_s", self.outbox_soft_s, 1..=3600),
            ("outbox_hard_bytes", self.outbox_hard_bytes as u64, KI..=GI),
            ("idle_before_join_s", self.idle_before_join_s, 1..=86_400),
            ("handshake_s", self.handshake_s, 1..=3600),
            ("frame_s", self.frame_s, 1..=3600),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(change: impl FnOnce(&mut Limits)) -> String {
        let mut limits = Limits::default();
        change(&mut limits);
        let Violation { keys, reason } = limits.violation().expect("a violation");
        format!("{}: {reason}", keys.join(" "))
    }

    #[test]
    fn every_limit_has_a_range_and_its_default_is_in_it() {
        let limits = Limits::default();
        let keys = serde_json::to_value(&limits).expect("JSON");
        let mut keys: Vec<_> = keys.as_object().expect("an object").keys().cloned().collect();
        let mut ranged: Vec<_> = limits.ranges().map(|(key, ..)| key.to_owned()).into();
        keys.sort();
        ranged.sort();
        assert_eq!(keys, ranged);
        assert!(limits.violation().is_none());
    }

    #[test]
    fn values_outside_their_range_say_the_range() {
        assert_eq!(
            complaint(|limits| limits.rooms = 0),
            "limits.rooms: 0 is not from 1 to 1000000"
        );
        assert_eq!(
            complaint(|limits| limits.json_depth = 128),
            "limits.json_depth: 128 is not from 4 to 127"
        );
    }

    #[test]
    fn the_outbox_bounds_are_in_order() {
        assert_eq!(
            complaint(|limits| limits.outbox_low_bytes = 300_000),
            "limits.outbox_low_bytes limits.outbox_soft_bytes: outbox_low_bytes, 300000, may not \
             be more than outbox_soft_bytes, 262144"
        );
        assert_eq!(
            complaint(|limits| limits.outbox_hard_bytes = 200_000),
            "limits.outbox_soft_bytes limits.outbox_hard_bytes: outbox_soft_bytes, 262144, may \
             not be more than outbox_hard_bytes, 200000"
        );
    }
}
