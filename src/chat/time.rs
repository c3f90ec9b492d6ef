//! Points in time, and how the wire writes them.
//!
//! Nothing here reads a clock: whoever calls an operation says what time it is.

/// Milliseconds since the Unix epoch, in UTC, without leap seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub u64);

/// `9999-12-31T23:59:59.999Z`, the last moment with a year of four digits.
const LAST: u64 = 253_402_300_799_999;

const MS_PER_DAY: u64 = 24 * 60 * 60 * 1000;

impl Timestamp {
    /// Appends the time as RFC 3339 in UTC with milliseconds, for example
    /// `2026-01-31T12:34:56.789Z`: always 24 bytes. A time after the year 9999 is written as the
    /// last moment of that year.
    pub fn write_rfc3339(self, out: &mut Vec<u8>) {
        let ms = self.0.min(LAST);
        let (year, month, day) = civil_from_days((ms / MS_PER_DAY) as u32);
        let ms = (ms % MS_PER_DAY) as u32;
        let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
        let mut text = *b"0000-00-00T00:00:00.000Z";
        digits(&mut text[0..4], year);
        digits(&mut text[5..7], month);
        digits(&mut text[8..10], day);
        digits(&mut text[11..13], hour);
        digits(&mut text[14..16], minute);
        digits(&mut text[17..19], second);
        digits(&mut text[20..23], ms % 1000);
        out.extend_from_slice(&text);
    }
}

/// Year, month and day of the Gregorian calendar, `days` after 1970-01-01.
///
/// Years are counted from the first of March, so that a leap day is the last day of its year, and
/// in eras of 400 years, all of which have the same length.
fn civil_from_days(days: u32) -> (u32, u32, u32) {
    const DAYS_FROM_MARCH_0000: u32 = 719_468;
    const DAYS_PER_ERA: u32 = 146_097;
    let days = days + DAYS_FROM_MARCH_0000;
    let (era, day_of_era) = (days / DAYS_PER_ERA, days % DAYS_PER_ERA);
    let leap_days = day_of_era / 1460 - day_of_era / 36_524 + day_of_era / (DAYS_PER_ERA - 1);
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Five months from March on have 153 days, wherever one starts to count.
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = 400 * era + year_of_era + u32::from(month <= 2);
    (year, month, day)
}

/// Fills `place` with the last decimal digits of `number`.
fn digits(place: &mut [u8], mut number: u32) {
    for byte in place.iter_mut().rev() {
        *byte = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(ms: u64) -> String {
        let mut out = Vec::new();
        Timestamp(ms).write_rfc3339(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn known_moments() {
        assert_eq!(text(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(text(1_769_862_896_789), "2026-01-31T12:34:56.789Z");
        assert_eq!(text(951_782_399_999), "2000-02-28T23:59:59.999Z");
        assert_eq!(text(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(text(951_868_800_000), "2000-03-01T00:00:00.000Z");
        assert_eq!(text(4_107_542_399_000), "2100-02-28T23:59:59.000Z");
        assert_eq!(text(4_107_542_400_000), "2100-03-01T00:00:00.000Z");
        assert_eq!(text(LAST), "9999-12-31T23:59:59.999Z");
        assert_eq!(text(LAST + 1), "9999-12-31T23:59:59.999Z");
        assert_eq!(text(u64::MAX), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..=(LAST / MS_PER_DAY) as u32 {
            assert_eq!(civil_from_days(days), (year, month, day));
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = match month {
                2 => 28 + u32::from(leap),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            day += 1;
            if day > length {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
        assert_eq!((year, month, day), (10_000, 1, 1));
    }
}
