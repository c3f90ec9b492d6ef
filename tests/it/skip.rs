//! Tests that need something which may not be there.

use std::process::{Command, Stdio};

/// Whether `program` can be run. If not, says why a test is skipped; with
/// `PARLANCE_TEST_STRICT=1` in the environment that is a failure instead.
#[track_caller]
pub(crate) fn has(program: &str) -> bool {
    has_command(program, "--version")
}

/// The same, of a program that shows its version by another argument.
#[track_caller]
pub(crate) fn has_command(program: &str, argument: &str) -> bool {
    let mut command = Command::new(program);
    command.arg(argument).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let why = match command.status() {
        Ok(status) if status.success() => return true,
        Ok(status) => format!("`{program} {argument}` ended with {status}"),
        Err(error) => format!("{program}: {error}"),
    };
    let strict = std::env::var_os("PARLANCE_TEST_STRICT").is_some_and(|value| value == "1");
    assert!(!strict, "{why}");
    println!("skipped: {why}");
    false
}

/// Says that a test is skipped for lack of something that cannot be installed, and so is never a
/// failure.
pub(crate) fn lacks(what: &str) {
    println!("skipped: there is no {what}");
}

/// Whether `python3` can be run and has `module`, like [`has`].
#[track_caller]
pub(crate) fn has_module(module: &str) -> bool {
    if !has("python3") {
        return false;
    }
    let mut command = Command::new("python3");
    command.args(["-c", &format!("import {module}")]).stdin(Stdio::null()).stderr(Stdio::null());
    let has = command.status().is_ok_and(|status| status.success());
    let strict = std::env::var_os("PARLANCE_TEST_STRICT").is_some_and(|value| value == "1");
    assert!(has || !strict, "python3 has no module {module}");
    if !has {
        println!("skipped: python3 has no module {module}");
    }
    has
}
