//! The integration tests: one binary.
mod framing;
mod json_text;
