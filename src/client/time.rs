//! Points in time, as servers write them (RFC 3339).

use std::time::{Duration, SystemTime};

/// Seconds in a day.
const DAY_S: i64 = 24 * 60 * 60;

/// Reads `2026-01-31T12:34:56.789Z`, or with an offset such as `+02:00`. `None` for anything else, and for
/// what is before 1970.
pub(super) fn parse_rfc3339(text: &str) -> Option<SystemTime> {
    let (date, rest) = text.split_at_checked(10)?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, rest) = rest.split_at_checked(8)?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let is_date = (1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day);
    // A leap second counts as the last one before it.
    if !is_date || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (nanos, rest) = fraction(rest)?;
    let at = days_since_1970(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second.min(59)
        - offset_s(rest)?;
    let seconds = u64::try_from(at).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanos))
}

/// Three numbers of these many digits.
fn numbers(text: &str, between: char, digits: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(between);
    let mut found = [0; 3];
    for (place, digits) in found.iter_mut().zip(digits) {
        let part = parts.next().filter(|part| part.len() == digits)?;
        *place = number(part)?;
    }
    parts.next().is_none().then_some(found)
}

fn number(digits: &str) -> Option<i64> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// The nanoseconds at the start of `text`, and what is behind them. Further digits are nobody's
/// clock.
fn fraction(text: &str) -> Option<(u32, &str)> {
    let Some(text) = text.strip_prefix('.') else { return Some((0, text)) };
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    if digits.is_empty() {
        return None;
    }
    let nanos = digits.bytes().chain(std::iter::repeat(b'0')).take(9);
    Some((nanos.fold(0, |nanos, digit| nanos * 10 + u32::from(digit - b'0')), rest))
}

/// What the clock is ahead of UTC.
fn offset_s(text: &str) -> Option<i64> {
    if matches!(text, "Z" | "z") {
        return Some(0);
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    if hours.len() != 2 || minutes.len() != 2 {
        return None;
    }
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Years are counted from the first of March, so that a leap day is the last of its year.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    const MARCH_0000_TO_1970: i64 = 719_468;
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year
        - MARCH_0000_TO_1970
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> Option<u128> {
        let at = parse_rfc3339(text)?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(at.as_millis())
    }

    #[test]
    fn known_moments() {
        for (text, at) in [
            ("1970-01-01T00:00:00.000Z", 0),
            ("2026-01-31T12:34:56.789Z", 1_769_862_896_789),
            ("2000-02-28T23:59:59.999Z", 951_782_399_999),
            ("2000-02-29T00:00:00Z", 951_782_400_000),
            ("2000-03-01T02:00:00+02:00", 951_868_800_000),
            ("2000-02-29t19:30:00.0-04:30", 951_868_800_000),
            ("2100-02-28T23:59:60z", 4_107_542_399_000),
            ("2100-03-01T00:00:00.0000000009Z", 4_107_542_400_000),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
        ] {
            assert_eq!(ms(text), Some(at), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "now",
            "2026-01-31",
            "2026-01-31T12:34:56",
            "2026-01-31T12:34:56.Z",
            "2026-01-31T12:34:56.789",
            "2026-01-31T12:34:56.789ZZ",
            "2026-01-31T12:34:56+2:00",
            "2026-01-31T12:34:56+24:00",
            "2026-02-29T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-31T24:00:00Z",
            "2026-01-31T23:60:00Z",
            "+026-01-31T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+00:01",
            "2026-01-3\u{661}T12:34:56Z",
            "\u{1f600}\u{1f600}\u{1f600}\u{1f600}",
            "2026-01-31T12:34:5\u{e9}Z",
        ] {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
        let digits = format!("2026-01-31T12:34:56.{}Z", "9".repeat(100_000));
        assert!(parse_rfc3339(&digits).is_some());
    }
}
