//! Timestamp texts to UDM timestamps.
//!
//! UDM's JSON is proto3 JSON, where a `google.protobuf.Timestamp` is RFC 3339 in UTC with `Z`, of the years 0001 to
//! 9999, with 0, 3, 6 or 9 digits of a second's fraction (protobuf.dev, "ProtoJSON Format"). We write the fewest
//! digits that keep the value.
//!
//! Audit services write that form or one near it, and [`timestamp`] reads it by hand. Whatever else exports and
//! wrappers make of a time is left to chrono. Left out: times without a date, dates without a time, and slashed dates
//! with the day first.

use std::borrow::Cow;

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, Timelike};

/// The UDM timestamp of a text, borrowed where the text is one already; `None` where it is no time.
///
/// Read are:
/// - RFC 3339 and its usual relaxations: any offset (`+02:00`, `-0530`, `+02`), lower case, a blank in place of `T`;
/// - `6/7/2024 2:00:00 PM` and `6/7/2024, 14:00:00`, month first, the way Azure's exports print times;
/// - RFC 2822: `Fri, 07 Jun 2024 14:00:00 +0000`;
/// - numbers since 1970, with or without a fraction: seconds (9 or 10 digits), milliseconds (12 or 13), microseconds
///   (15 or 16) or nanoseconds (18 or 19). Numbers of other lengths may be anything, such as a date without hyphens.
///
/// A time without a zone is UTC: Azure's services record UTC, and their exports leave the zone out. More than nine
/// digits of a fraction are cut, not rounded, so that no time moves into the future. The leap second `:60`, which
/// protobuf does not know, becomes the last nanosecond before it: the minute stays, and so does the order.
pub fn timestamp(text: &str) -> Option<Cow<'_, str>> {
    common(text).or_else(|| uncommon(text.trim()).map(Cow::Owned))
}

/// `YYYY-MM-DDTHH:MM:SS`, up to nine digits of a fraction, and `Z` or `+00:00`.
fn common(text: &str) -> Option<Cow<'_, str>> {
    #[rustfmt::skip]
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2, rest @ ..] =
        text.as_bytes()
    else {
        return None;
    };
    let year = 100 * two_digits(*y1, *y2)? + two_digits(*y3, *y4)?;
    let day = two_digits(*d1, *d2)?;
    let valid = year > 0
        && day > 0
        && day <= days_of_month(year, two_digits(*m1, *m2)?)
        && two_digits(*h1, *h2)? < 24
        && two_digits(*n1, *n2)? < 60
        && two_digits(*s1, *s2)? < 60;
    let (fraction, zulu) = match rest {
        [fraction @ .., b'Z'] => (fraction, true),
        [fraction @ .., b'+', b'0', b'0', b':', b'0', b'0'] => (fraction, false),
        _ => return None,
    };
    let digits = match fraction {
        [] => fraction,
        [b'.', digits @ ..] if matches!(digits.len(), 1..=9) => digits,
        _ => return None,
    };
    if !valid || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let significant = digits
        .iter()
        .rposition(|it| *it != b'0')
        .map_or(0, |last| last + 1);
    let width = significant.next_multiple_of(3);
    if zulu && width == digits.len() {
        return Some(Cow::Borrowed(text));
    }
    let mut utc = String::with_capacity("YYYY-MM-DDTHH:MM:SS.nnnnnnnnnZ".len());
    utc.push_str(text.get(..19)?);
    if width > 0 {
        utc.push('.');
        utc.push_str(text.get(20..20 + width.min(digits.len()))?);
        (digits.len()..width).for_each(|_| utc.push('0'));
    }
    utc.push('Z');
    Some(Cow::Owned(utc))
}

fn two_digits(tens: u8, ones: u8) -> Option<u16> {
    let digit = |it: u8| it.is_ascii_digit().then(|| u16::from(it - b'0'));
    Some(10 * digit(tens)? + digit(ones)?)
}

/// 0 for a month that does not exist.
fn days_of_month(year: u16, month: u16) -> u16 {
    match month {
        2 if year.is_multiple_of(400) || year.is_multiple_of(4) && !year.is_multiple_of(100) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    }
}

/// Times without their zone, for chrono. The first that fits up to the zone decides.
const ISO: [&str; 4] = [
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%dt%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M",
];
const UNITED_STATES: [&str; 6] = [
    "%m/%d/%Y %I:%M:%S%.f %p",
    "%m/%d/%Y, %I:%M:%S%.f %p",
    "%m/%d/%Y %I:%M %p",
    "%m/%d/%Y %H:%M:%S%.f",
    "%m/%d/%Y, %H:%M:%S%.f",
    "%m/%d/%Y %H:%M",
];

fn uncommon(text: &str) -> Option<String> {
    // chrono would take a year of two digits for one of the first century.
    let (formats, first_year): (&[&str], i32) = match text.as_bytes() {
        [b'0'..=b'9', _, _, _, b'-', ..] => (&ISO, 1),
        _ => (&UNITED_STATES, 1000),
    };
    let local = || {
        formats.iter().find_map(|format| {
            let (time, zone) = NaiveDateTime::parse_and_remainder(text, format).ok()?;
            let offset = offset(zone.trim_start())?;
            let time = without_leap_second(time)?.checked_sub_signed(offset)?;
            (time.year() >= first_year).then_some(time)
        })
    };
    let rfc_2822 = || without_leap_second(DateTime::parse_from_rfc2822(text).ok()?.naive_utc());
    let time = since_1970(text).or_else(local).or_else(rfc_2822)?;
    let utc = time.format("%Y-%m-%dT%H:%M:%S%.9fZ").to_string();
    Some(common(&utc)?.into_owned())
}

/// chrono tells a leap second by a nanosecond beyond the last one.
fn without_leap_second(time: NaiveDateTime) -> Option<NaiveDateTime> {
    time.with_nanosecond(time.nanosecond().min(999_999_999))
}

/// What UTC has to be given to reach local time.
fn offset(zone: &str) -> Option<TimeDelta> {
    let (sign, hours, minutes) = match zone.as_bytes() {
        b"" | b"Z" | b"z" | b"UTC" | b"GMT" => return Some(TimeDelta::zero()),
        [sign, h1, h2] => (sign, two_digits(*h1, *h2)?, 0),
        [sign, h1, h2, m1, m2] | [sign, h1, h2, b':', m1, m2] => {
            (sign, two_digits(*h1, *h2)?, two_digits(*m1, *m2)?)
        }
        _ => return None,
    };
    let east = match sign {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let known = hours < 24 && minutes < 60;
    known.then(|| TimeDelta::minutes(east * i64::from(60 * hours + minutes)))
}

fn since_1970(text: &str) -> Option<NaiveDateTime> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let units_in_a_second: u64 = match whole.len() {
        9 | 10 => 1,
        12 | 13 => 1_000,
        15 | 16 => 1_000_000,
        18 | 19 => 1_000_000_000,
        _ => return None,
    };
    let digits = |it: &str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let billionths: u64 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    let seconds = i64::try_from(whole / units_in_a_second).ok()?;
    let nanoseconds = whole % units_in_a_second * (1_000_000_000 / units_in_a_second)
        + billionths / units_in_a_second;
    let time = DateTime::from_timestamp(seconds, u32::try_from(nanoseconds).ok()?)?;
    Some(time.naive_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(cases: &[(&str, &str)]) {
        for (text, expected) in cases {
            assert_eq!(timestamp(text).as_deref(), Some(*expected), "{text}");
        }
    }

    #[test]
    fn a_fraction_gets_the_fewest_digits_that_keep_it() {
        check(&[
            ("2024-06-07T14:00:00Z", "2024-06-07T14:00:00Z"),
            ("2024-06-07T14:00:00+00:00", "2024-06-07T14:00:00Z"),
            ("2024-06-07T14:00:00.0000000Z", "2024-06-07T14:00:00Z"),
            ("2024-06-07T14:00:00.000Z", "2024-06-07T14:00:00Z"),
            ("2022-06-20T00:43:35.7370000Z", "2022-06-20T00:43:35.737Z"),
            ("2024-06-05T10:00:00.25Z", "2024-06-05T10:00:00.250Z"),
            ("2024-06-05T10:00:00.5Z", "2024-06-05T10:00:00.500Z"),
            ("2024-06-05T10:00:00.250Z", "2024-06-05T10:00:00.250Z"),
            ("2024-06-05T10:00:00.0007Z", "2024-06-05T10:00:00.000700Z"),
            (
                "2024-06-03T08:15:02.1234567Z",
                "2024-06-03T08:15:02.123456700Z",
            ),
            (
                "2019-03-05T14:05:02.1460838+00:00",
                "2019-03-05T14:05:02.146083800Z",
            ),
            (
                "2024-06-03T10:05:00.0000001Z",
                "2024-06-03T10:05:00.000000100Z",
            ),
            (
                "2024-06-03T10:05:00.123456789Z",
                "2024-06-03T10:05:00.123456789Z",
            ),
            (
                "2024-06-03T10:05:00.1234567899Z",
                "2024-06-03T10:05:00.123456789Z",
            ),
            (
                "2024-06-03T10:05:00.9999999999999+02:00",
                "2024-06-03T08:05:00.999999999Z",
            ),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
            (
                "9999-12-31T23:59:59.999999999Z",
                "9999-12-31T23:59:59.999999999Z",
            ),
            ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"),
            ("2000-02-29T00:00:00Z", "2000-02-29T00:00:00Z"),
        ]);
    }

    #[test]
    fn a_text_that_is_the_answer_is_borrowed() {
        for (text, borrowed) in [
            ("2024-06-07T14:00:00Z", true),
            ("2024-06-07T14:00:00.120Z", true),
            ("2024-06-07T14:00:00.000001Z", true),
            ("2024-06-07T14:00:00.100000Z", false),
            ("2024-06-07T14:00:00+00:00", false),
        ] {
            assert_eq!(
                matches!(timestamp(text), Some(Cow::Borrowed(_))),
                borrowed,
                "{text}"
            );
        }
    }

    #[test]
    fn other_offsets_and_spellings_become_utc() {
        check(&[
            ("2024-06-07T14:00:00+02:00", "2024-06-07T12:00:00Z"),
            ("2024-06-07T14:00:00-0530", "2024-06-07T19:30:00Z"),
            ("2024-06-07T14:00:00+02", "2024-06-07T12:00:00Z"),
            ("2024-06-07T14:00:00-00:00", "2024-06-07T14:00:00Z"),
            ("2024-01-01T00:30:00.5+01:00", "2023-12-31T23:30:00.500Z"),
            ("2024-06-07t14:00:00z", "2024-06-07T14:00:00Z"),
            ("2024-06-07 14:00:00Z", "2024-06-07T14:00:00Z"),
            ("2024-06-07 14:00:00 +02:00", "2024-06-07T12:00:00Z"),
            ("2024-06-07 14:00:00.1 UTC", "2024-06-07T14:00:00.100Z"),
            (" 2024-06-07T14:00:00Z\n", "2024-06-07T14:00:00Z"),
            ("2024-06-07T14:00Z", "2024-06-07T14:00:00Z"),
        ]);
    }

    #[test]
    fn a_time_without_a_zone_is_utc() {
        check(&[
            ("2024-06-07T14:00:00", "2024-06-07T14:00:00Z"),
            (
                "2024-06-07T14:00:00.1234567",
                "2024-06-07T14:00:00.123456700Z",
            ),
            ("2024-06-07 14:00:00", "2024-06-07T14:00:00Z"),
        ]);
    }

    #[test]
    fn a_leap_second_becomes_the_last_nanosecond_before_it() {
        check(&[
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999999999Z"),
            ("2016-12-31T23:59:60.25Z", "2016-12-31T23:59:59.999999999Z"),
            (
                "2017-01-01T00:59:60+01:00",
                "2016-12-31T23:59:59.999999999Z",
            ),
        ]);
    }

    #[test]
    fn times_of_exports_are_read() {
        check(&[
            ("6/7/2024 2:00:00 PM", "2024-06-07T14:00:00Z"),
            ("6/7/2024 12:00:00 AM", "2024-06-07T00:00:00Z"),
            ("06/07/2024 2:00:00.123 pm", "2024-06-07T14:00:00.123Z"),
            ("6/7/2024, 2:00:00.123 PM", "2024-06-07T14:00:00.123Z"),
            ("6/7/2024 2:00:00 PM +02:00", "2024-06-07T12:00:00Z"),
            ("6/7/2024 2:00 PM", "2024-06-07T14:00:00Z"),
            ("6/7/2024 14:00", "2024-06-07T14:00:00Z"),
            ("6/7/2024, 14:00:00", "2024-06-07T14:00:00Z"),
            ("Fri, 07 Jun 2024 14:00:00 GMT", "2024-06-07T14:00:00Z"),
            ("Fri, 07 Jun 2024 14:00:00 +0200", "2024-06-07T12:00:00Z"),
            ("7 Jun 2024 14:00:00 +0000", "2024-06-07T14:00:00Z"),
        ]);
    }

    #[test]
    fn numbers_count_from_1970() {
        check(&[
            ("1717581600", "2024-06-05T10:00:00Z"),
            ("1717581600.25", "2024-06-05T10:00:00.250Z"),
            ("1767225661.013000000", "2026-01-01T00:01:01.013Z"),
            ("1717581600.1234567899", "2024-06-05T10:00:00.123456789Z"),
            ("1767225661013", "2026-01-01T00:01:01.013Z"),
            ("1767225661013.5", "2026-01-01T00:01:01.013500Z"),
            ("1767225661013000", "2026-01-01T00:01:01.013Z"),
            ("1767225661013000001", "2026-01-01T00:01:01.013000001Z"),
            ("999999999", "2001-09-09T01:46:39Z"),
        ]);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            " ",
            "Z",
            "now",
            "2024-06-07",
            "14:00:00",
            "2024-06-07T14:00:00.Z",
            "2024-06-07T14:00:00,5Z",
            "2024-06-07T14:00:00.5é",
            "2024-06-07T14:00:00ZZ",
            "2024-06-07T14:00:00 PST",
            "2024-06-07T14:00:00+24:00",
            "2024-06-07T14:00:00+02:60",
            "2024-06-07T14:00:00*02:00",
            "2024-13-07T14:00:00Z",
            "2024-00-07T14:00:00Z",
            "2024-06-31T14:00:00Z",
            "2024-06-00T14:00:00Z",
            "2023-02-29T14:00:00Z",
            "1900-02-29T14:00:00Z",
            "2024-06-07T24:00:00Z",
            "2024-06-07T14:60:00Z",
            "2024-06-07T14:00:61Z",
            "2O24-06-07T14:00:00Z",
            "0000-12-31T23:59:59Z",
            "0001-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "10000-01-01T00:00:00Z",
            "+2024-06-07T14:00:00Z",
            "-001-06-07T14:00:00+02:00",
            "13/7/2024 2:00:00 PM",
            "6/7/24 2:00:00 PM",
            "6/7/2024 13:00:00 PM",
            "6/7/2024",
            "20240607140000",
            "20240607",
            "1717581600.",
            "1717581600.2.5",
            "-1717581600",
            "1.7175816e9",
            "17175816OO",
            "٢٠٢٤-06-07T14:00:00Z",
            "2024-06-07T14:00:00\u{ff3a}",
        ] {
            assert_eq!(timestamp(text), None, "{text}");
        }
    }
}
