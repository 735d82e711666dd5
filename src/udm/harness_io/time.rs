//! The times of audit events: the list API writes milliseconds since 1970, audit streaming decimal seconds, and its
//! documentation speaks of texts of milliseconds (developer.harness.io, "Audit streaming").
//!
//! The size of a number tells its unit: from 10¹¹ on it is milliseconds, which is March 1973, and below it seconds, which
//! is the year 5138.

use std::borrow::Cow;

use chrono::DateTime;

use crate::time;

/// So many digits before the point make milliseconds of a number.
const DIGITS_OF_MILLISECONDS: i64 = 12;
/// So many digits are read; those behind are far below a nanosecond.
const MOST_DIGITS: usize = 30;

/// The UDM timestamp of a number since 1970, as a number or as text, or of an RFC 3339 text; `None` where it is no time.
pub fn timestamp(text: &str) -> Option<Cow<'_, str>> {
    // Every RFC 3339 text has a colon, and no number has one.
    match text.contains(':') {
        true => time::timestamp(text),
        false => since_1970(text.trim()).map(Cow::Owned),
    }
}

fn since_1970(number: &str) -> Option<String> {
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
    // How many of the digits stand before the point; the zeros that were taken away do not count.
    let zeros = (whole.len() + fraction.len() - digits.len()) as i64;
    let before_point = (whole.len() as i64 - zeros).checked_add(exponent)?;
    let digits = digits.get(..digits.len().min(MOST_DIGITS))?;
    let of_unit = match before_point >= DIGITS_OF_MILLISECONDS {
        true => 6,
        false => 9,
    };
    // The number in nanoseconds has this many digits more than were read, or fewer.
    let shift = before_point + of_unit - digits.len() as i64;
    let mantissa: i128 = if digits.is_empty() {
        0
    } else {
        digits.parse().ok()?
    };
    let nanoseconds = match shift {
        _ if mantissa == 0 => 0,
        0.. => mantissa.checked_mul(10_i128.checked_pow(u32::try_from(shift).ok()?)?)?,
        _ => {
            let divisor = u32::try_from(-shift)
                .ok()
                .and_then(|it| 10_i128.checked_pow(it));
            divisor.map_or(0, |it| mantissa / it)
        }
    };
    let nanoseconds = if is_negative {
        -nanoseconds
    } else {
        nanoseconds
    };
    let seconds = i64::try_from(nanoseconds.div_euclid(1_000_000_000)).ok()?;
    let rest = u32::try_from(nanoseconds.rem_euclid(1_000_000_000)).ok()?;
    let utc = DateTime::from_timestamp(seconds, rest)?.naive_utc();
    let utc = utc.format("%Y-%m-%dT%H:%M:%S%.9fZ").to_string();
    time::timestamp(&utc).map(Cow::into_owned)
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
