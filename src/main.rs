//! The `parlance` command.
fn main() {}
