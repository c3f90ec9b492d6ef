//! What is wrong with a value that has the right type: a range, an order, or something of its own.

use std::ops::RangeInclusive;

/// A value that cannot be used, and what it must be.
#[derive(Debug)]
pub(super) struct Violation {
    /// The keys that may be to blame, at least one; the first that the file has is.
    pub(super) keys: Vec<String>,
    pub(super) reason: String,
}

impl Violation {
    /// The first number of a section that is not in its range.
    pub(super) fn out_of_range<const COUNT: usize>(
        section: &str,
        ranges: [(&str, u64, RangeInclusive<u64>); COUNT],
    ) -> Option<Violation> {
        let (key, value, range) =
            ranges.into_iter().find(|(_, value, range)| !range.contains(value))?;
        let (low, high) = range.into_inner();
        let reason = format!("{value} is not from {low} to {high}");
        Some(Violation { keys: vec![format!("{section}.{key}")], reason })
    }

    /// Two numbers of a section of which the first is more than the second, but may not be.
    pub(super) fn out_of_order(
        section: &str,
        (low, low_value): (&str, usize),
        (high, high_value): (&str, usize),
    ) -> Option<Violation> {
        (low_value > high_value).then(|| Violation {
            keys: [low, high].map(|key| format!("{section}.{key}")).into(),
            reason: format!("{low}, {low_value}, may not be more than {high}, {high_value}"),
        })
    }
}
