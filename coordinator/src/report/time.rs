//! Times and durations as text.

/// `2026-11-22T06:43:05Z` of milliseconds since the Unix epoch; with `millis`, `2026-11-22T06:43:05.123Z`.
pub(crate) fn utc(epoch_ms: u64, millis: bool) -> String {
    let seconds = epoch_ms / 1000;
    let (year, month, day) = civil(seconds / 86_400);
    let (h, m, s) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let fraction = if millis { format!(".{:03}", epoch_ms % 1000) } else { String::new() };
    format!("{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}{fraction}Z")
}

/// Year, month and day in the proleptic Gregorian calendar of a number of days since 1970-01-01.
///
/// Years are counted from 1 March, so the leap day is the last day of a year and month lengths follow one line:
/// month m (0 = March) begins on day (153 m + 2) / 5.
fn civil(days: u64) -> (u64, u64, u64) {
    const DAYS_FROM_0000_03_01: u64 = 719_468;
    const DAYS_IN_400_YEARS: u64 = 146_097;
    let days = days + DAYS_FROM_0000_03_01;
    let (era, day) = (days / DAYS_IN_400_YEARS, days % DAYS_IN_400_YEARS);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month + 2) / 5 + 1;
    let january_or_february = month >= 10;
    let month = if january_or_february { month - 9 } else { month + 3 };
    (era * 400 + year + u64::from(january_or_february), month, day_of_month)
}

/// `850 ms`, `12.3 s`, `4 min 05 s`, `3 h 20 min`, `2 d 04 h`.
pub(crate) fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "unknown".to_owned();
    }
    if seconds < 0.9995 {
        // Of -0 only the digit: a duration has no sign.
        return format!("{:.0} ms", seconds.abs() * 1000.0);
    }
    if seconds < 59.95 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    let (d, h, m, s) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60, whole % 60);
    match (d, h, m) {
        (0, 0, _) => format!("{m} min {s:02} s"),
        (0, _, _) => format!("{h} h {m:02} min"),
        _ => format!("{d} d {h:02} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utc_of_known_instants() {
        assert_eq!(utc(0, false), "1970-01-01T00:00:00Z");
        assert_eq!(utc(951_782_400_000, false), "2000-02-29T00:00:00Z");
        assert_eq!(utc(951_868_799_999, true), "2000-02-29T23:59:59.999Z");
        assert_eq!(utc(951_868_800_000, false), "2000-03-01T00:00:00Z");
        assert_eq!(utc(1_795_329_785_000, false), "2026-11-22T06:43:05Z");
        assert_eq!(utc(4_102_444_800_000, false), "2100-01-01T00:00:00Z");
        assert_eq!(utc(4_107_542_400_000, false), "2100-03-01T00:00:00Z");
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let leap = |y: u64| y.is_multiple_of(4) && (!y.is_multiple_of(100) || y.is_multiple_of(400));
        let mut expected = (1970, 1, 1);
        for day in 0..200_000 {
            assert_eq!(civil(day), expected);
            let (y, m, d) = expected;
            let last = [31, if leap(y) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][m as usize - 1];
            expected = match (m, d) {
                (12, 31) => (y + 1, 1, 1),
                _ if d == last => (y, m + 1, 1),
                _ => (y, m, d + 1),
            };
        }
    }

    #[test]
    fn durations() {
        let shown: Vec<String> = [0.0, 0.85, 12.34, 59.99, 245.0, 12_000.0, 187_200.0].map(duration).into();
        assert_eq!(shown, ["0 ms", "850 ms", "12.3 s", "1 min 00 s", "4 min 05 s", "3 h 20 min", "2 d 04 h"]);
        assert_eq!(duration(f64::NAN), "unknown");
        assert_eq!(duration(-0.0), "0 ms");
        assert_eq!(duration(-1.0), "unknown");
    }
}
