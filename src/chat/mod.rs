//! The chat: rooms, sessions, names, history. No sockets, no clock, no wire JSON.
