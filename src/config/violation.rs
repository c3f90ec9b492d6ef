//! What is wrong with a value that has the right type.

/// A value that cannot be used, and what it must be.
#[derive(Debug)]
pub(super) struct Violation {
    /// The keys that may be to blame, at least one; the first that the file has is.
    pub(super) keys: Vec<String>,
    pub(super) reason: String,
}
