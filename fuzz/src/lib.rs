//! What the fuzz targets share: a connection's side of a framing, with its contract checked.

use parlance::rpc::Accepted;
use parlance::rpc::framing::{Decoded, Fault, Framing, Switch};

/// What a stream held, in order.
#[derive(Debug, PartialEq, Eq)]
pub enum Item {
    /// A frame's content.
    Frame(Vec<u8>),
    /// The content of a frame that is not text.
    Binary(Vec<u8>),
    /// What the framing answers, and whether it closes then.
    Reply(Vec<u8>, bool),
    /// How the stream goes on, and what the framing answers.
    Switch(Switch, Vec<u8>),
    /// A rule that was broken.
    Fault(Fault),
}

/// How a connection came in: on a loopback address or another, without TLS.
pub fn accepted(loopback: bool) -> Accepted {
    let host = if loopback { [127, 0, 0, 1] } else { [192, 0, 2, 1] };
    Accepted::new(([192, 0, 2, 2], 40_000).into(), (host, 80).into(), false)
}

/// A stream and the lengths of the pieces that it arrives in, the last of which is the rest.
pub struct Stream<'a> {
    bytes: &'a [u8],
    pieces: &'a [u8],
}

impl<'a> Stream<'a> {
    /// Reads a count, as many lengths, and the stream behind them.
    pub fn new(data: &'a [u8]) -> Option<Self> {
        let (&count, data) = data.split_first()?;
        let (pieces, bytes) = data.split_at_checked(count.into())?;
        Some(Stream { bytes, pieces })
    }

    /// What a framing makes of the stream in its pieces, and how much of it stays unconsumed.
    pub fn in_pieces(&self, framing: &mut impl Framing) -> (Vec<Item>, usize) {
        let mut ends = Vec::new();
        let mut end = 0;
        for &len in self.pieces {
            end = self.bytes.len().min(end + usize::from(len));
            ends.push(end);
        }
        ends.push(self.bytes.len());
        decode(framing, self.bytes, &ends)
    }

    /// What a framing makes of the stream when all of it arrives at once.
    pub fn whole(&self, framing: &mut impl Framing) -> (Vec<Item>, usize) {
        decode(framing, self.bytes, &[self.bytes.len()])
    }
}

fn decode(framing: &mut impl Framing, bytes: &[u8], ends: &[usize]) -> (Vec<Item>, usize) {
    let mut bytes = bytes.to_vec();
    let mut items = Vec::new();
    let mut at = 0;
    for &end in ends {
        loop {
            let shown = &mut bytes[at..end];
            let shown_bytes = shown.len();
            let (item, used) = match framing.decode(shown) {
                Decoded::Incomplete => break,
                Decoded::Skip { used } => (None, used),
                Decoded::Frame { frame, used } => (Some(Item::Frame(frame.to_vec())), used),
                Decoded::Binary { frame, used } => (Some(Item::Binary(frame.to_vec())), used),
                Decoded::Reply { reply, used, closes } => {
                    (Some(Item::Reply(reply.to_vec(), closes)), used)
                }
                Decoded::Switch { switch, reply, used } => {
                    (Some(Item::Switch(switch, reply.to_vec())), used)
                }
                Decoded::Fault { fault, used } => (Some(Item::Fault(fault)), used),
            };
            assert!(used <= shown_bytes, "consumed {used} of {shown_bytes}");
            let ends = match item {
                Some(Item::Fault(fault)) => fault.is_fatal(),
                Some(Item::Reply(_, closes)) => closes,
                _ => false,
            };
            let switches = matches!(item, Some(Item::Switch(..)));
            items.extend(item);
            if ends {
                return (items, bytes.len() - at);
            }
            assert!(used > 0 || switches, "no progress at {at}");
            at += used;
        }
    }
    (items, bytes.len() - at)
}
