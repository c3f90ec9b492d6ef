//! Answers that come later.

use super::connection::ConnId;

/// Whether a connection's input goes on being served while an answer is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meanwhile {
    /// Requests bear ids, so answers may come in any order.
    Serve,
    /// Answers are told apart by their order alone: the input waits.
    Wait,
}

/// One answer owed to a connection.
///
/// While it is open, the connection does not close at the end of its input. Settling it
/// ([`Effects::settle`](super::Effects::settle)) uses it up, so two answers are impossible; a ticket
/// must be settled, not dropped, or its connection waits for ever.
#[derive(Debug)]
#[must_use = "a ticket that is not settled holds its connection open"]
pub struct Ticket {
    pub(super) conn: ConnId,
    pub(super) meanwhile: Meanwhile,
}

impl Ticket {
    /// The connection the answer is owed to.
    pub fn conn(&self) -> ConnId {
        self.conn
    }
}
