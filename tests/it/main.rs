//! The daemon from outside: the real binary, real sockets, real files.

mod daemon;
mod support;
