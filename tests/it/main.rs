//! The integration tests, one binary.

mod direction;
mod simulation;
