//! The times of audit events: the list API writes milliseconds since 1970, audit streaming decimal seconds, and its
//! documentation speaks of texts of milliseconds (developer.harness.io, "Audit streaming").
//!
//! The size of a number tells its unit: from 10¹¹ on it is milliseconds, which is March 1973, and below it seconds,
//! which is the year 5138.

use std::borrow::Cow;

use crate::time;

/// So many digits before the point make milliseconds of a number.
const DIGITS_OF_MILLISECONDS: i64 = 12;
/// So many digits are read; those behind are far below a nanosecond.
const MOST_DIGITS: usize = 30;

/// The UDM timestamp of a number since 1970, as a number or as text, or of an RFC 3339 text; `None` where it is no
/// time.
pub fn timestamp(text: &str) -> Option<Cow<'_, str>> {
    let (seconds, nanoseconds) = match plain(text.as_bytes()) {
        Some(time) => time,
        // Every RFC 3339 text has a colon, and no number has one.
        None if text.contains(':') => return time::timestamp(text),
        None => {
            let number = text.trim();
            plain(number.as_bytes()).or_else(|| any(number))?
        }
    };
    utc(seconds, nanoseconds).map(Cow::Owned)
}

/// The numbers that Harness writes: 12 or 13 digits of milliseconds, or up to 10 digits of seconds with a fraction.
fn plain(number: &[u8]) -> Option<(i64, u32)> {
    // Of at most 13 digits each.
    let point = number.iter().take(14).position(|byte| *byte == b'.');
    let (whole, fraction) = match point {
        Some(point) => (number.get(..point)?, number.get(point + 1..)?),
        None => (number, &[][..]),
    };
    match (whole.len(), fraction.len(), whole.first()) {
        (12 | 13, 0, Some(b'1'..=b'9')) if point.is_none() => {
            let milliseconds = digits(whole)?;
            let rest = u32::try_from(milliseconds % 1000).ok()?;
            Some((milliseconds / 1000, rest * 1_000_000))
        }
        (1..=10, length @ 0..=9, _) => {
            let fraction = digits(fraction)? * 10_i64.pow(9 - length as u32);
            Some((digits(whole)?, u32::try_from(fraction).ok()?))
        }
        _ => None,
    }
}

/// The number that at most 13 digits are; none if one of them is no digit.
fn digits(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |sum, digit| {
        let digit = digit.wrapping_sub(b'0');
        (digit < 10).then(|| sum * 10 + i64::from(digit))
    })
}

/// Any JSON number.
fn any(number: &str) -> Option<(i64, u32)> {
    let (number, exponent) = match number.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i64>().ok()?),
        None => (number, 0),
    };
    let is_negative = number.starts_with('-');
    let number = number.strip_prefix(['-', '+']).unwrap_or(number);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = [whole, fraction].concat();
    if whole.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Some((0, 0));
    }
    // How many digits stand before the point; the zeros that were taken away do not count.
    let zeros = (whole.len() + fraction.len() - digits.len()) as i64;
    let before_point = (whole.len() as i64 - zeros).checked_add(exponent)?;
    let digits = digits.get(..digits.len().min(MOST_DIGITS))?;
    let of_unit = match before_point >= DIGITS_OF_MILLISECONDS {
        true => 6,
        false => 9,
    };
    // In nanoseconds the number has this many digits more than were read, or fewer.
    let shift = before_point.checked_add(of_unit - digits.len() as i64)?;
    let factor = 10_i128.checked_pow(u32::try_from(shift.unsigned_abs()).ok()?);
    let digits: i128 = digits.parse().ok()?;
    let nanoseconds = match shift {
        0.. => digits.checked_mul(factor?)?,
        _ => factor.map_or(0, |factor| digits / factor),
    };
    let nanoseconds = match is_negative {
        true => -nanoseconds,
        false => nanoseconds,
    };
    let seconds = i64::try_from(nanoseconds.div_euclid(1_000_000_000)).ok()?;
    let rest = u32::try_from(nanoseconds.rem_euclid(1_000_000_000)).ok()?;
    Some((seconds, rest))
}

/// The text of a time of the years 1 to 9999, with the fewest of 0, 3, 6 and 9 digits of a fraction. The date is that
/// of Howard Hinnant's `civil_from_days`: chrono's formats would take half of the time that an event takes.
fn utc(seconds: i64, nanoseconds: u32) -> Option<String> {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days since the first of March of the year 0; eras are 400 years.
    let days = days.checked_add(719_468)?;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let (month, next) = match month_from_march {
        0..10 => (month_from_march + 3, 0),
        _ => (month_from_march - 9, 1),
    };
    let year = year_of_era + era * 400 + next;
    if !(1..=9999).contains(&year) {
        return None;
    }
    let mut text = *b"YYYY-MM-DDTHH:MM:SS.nnnnnnnnnZ";
    let [
        y1,
        y2,
        y3,
        y4,
        _,
        m1,
        m2,
        _,
        d1,
        d2,
        _,
        h1,
        h2,
        _,
        n1,
        n2,
        _,
        s1,
        s2,
        _,
        fraction @ ..,
        _,
    ] = &mut text;
    put([y1, y2, y3, y4], year);
    put([m1, m2], month);
    put([d1, d2], day);
    put([h1, h2], second / 3600);
    put([n1, n2], second / 60 % 60);
    put([s1, s2], second % 60);
    put(fraction.each_mut(), nanoseconds.into());
    let length = match nanoseconds {
        0 => "YYYY-MM-DDTHH:MM:SS".len(),
        _ if nanoseconds.is_multiple_of(1_000_000) => "YYYY-MM-DDTHH:MM:SS.nnn".len(),
        _ if nanoseconds.is_multiple_of(1_000) => "YYYY-MM-DDTHH:MM:SS.nnnnnn".len(),
        _ => "YYYY-MM-DDTHH:MM:SS.nnnnnnnnn".len(),
    };
    *text.get_mut(length)? = b'Z';
    String::from_utf8(text.get(..=length)?.to_vec()).ok()
}

/// Writes a number into these digits.
fn put<const WIDTH: usize>(digits: [&mut u8; WIDTH], mut number: i64) {
    for digit in digits.into_iter().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::timestamp;

    #[test]
    fn the_size_of_a_number_tells_its_unit() {
        for (text, expected) in [
            ("1675985245280", "2023-02-09T23:27:25.280Z"),
            (" 1675985245280 ", "2023-02-09T23:27:25.280Z"),
            ("1675985245.280000000", "2023-02-09T23:27:25.280Z"),
            ("1675985245", "2023-02-09T23:27:25Z"),
            ("1675985245.1234567899", "2023-02-09T23:27:25.123456789Z"),
            ("1675985245280.5", "2023-02-09T23:27:25.280500Z"),
            ("1.67598524528E9", "2023-02-09T23:27:25.280Z"),
            ("1.67598524528e+12", "2023-02-09T23:27:25.280Z"),
            ("167598524528000e-5", "2023-02-09T23:27:25.280Z"),
            ("100000000000", "1973-03-03T09:46:40Z"),
            ("99999999999", "5138-11-16T09:46:39Z"),
            ("0", "1970-01-01T00:00:00Z"),
            ("0.000", "1970-01-01T00:00:00Z"),
            ("0.5", "1970-01-01T00:00:00.500Z"),
            ("-1", "1969-12-31T23:59:59Z"),
            ("-100000000000", "1966-10-31T14:13:20Z"),
            ("-0.25", "1969-12-31T23:59:59.750Z"),
            ("1e-40", "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(timestamp(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (text, expected) in [
            ("951782400", "2000-02-29T00:00:00Z"),
            ("951868800", "2000-03-01T00:00:00Z"),
            ("4107542399", "2100-02-28T23:59:59Z"),
            ("4107542400", "2100-03-01T00:00:00Z"),
            ("1704067199.999", "2023-12-31T23:59:59.999Z"),
            ("-62135596800", "0001-01-01T00:00:00Z"),
            ("253402300799999", "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(timestamp(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["-62135596801", "253402300800000"] {
            assert_eq!(timestamp(text), None, "{text}");
        }
        // Day by day, against chrono.
        let mut time = chrono::DateTime::from_timestamp(-62_135_596_800, 0).unwrap();
        while let Some(next) = time.checked_add_days(chrono::Days::new(97)) {
            if chrono::Datelike::year(&next) > 9999 {
                break;
            }
            let expected = next.format("%Y-%m-%dT%H:%M:%SZ").to_string();
            assert_eq!(super::utc(next.timestamp(), 0), Some(expected));
            time = next;
        }
    }

    #[test]
    fn other_texts_are_rfc_3339() {
        for (text, expected) in [
            ("2023-02-09T23:27:25.28Z", "2023-02-09T23:27:25.280Z"),
            ("2023-02-10T01:27:25+02:00", "2023-02-09T23:27:25Z"),
        ] {
            assert_eq!(timestamp(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            " ",
            "-",
            ".",
            ".5",
            "1.2.3",
            "e5",
            "1e",
            "1e5e5",
            "1e99999999999999999999",
            "1e300",
            "1e9223372036854775806",
            "1e-9223372036854775808",
            "1e9223372036854775800",
            "999999999999999999",
            "yesterday",
            "true",
            "0x10",
            "2023-02-09",
            "--1",
            "1-2",
        ] {
            assert_eq!(timestamp(text), None, "{text}");
        }
        assert_eq!(timestamp(&"9".repeat(1_000_000)), None);
        assert!(timestamp(&format!("0.{}", "9".repeat(1_000_000))).is_some());
    }
}
