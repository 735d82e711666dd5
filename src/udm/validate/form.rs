//! Whether a JSON value has the form that a field's kind wants: the rules of proto3 JSON, and those of addresses.
//!
//! The authority is the ProtoJSON page of protobuf.dev; `host-test/oracle` compares with Google's own reader. Where
//! readers differ, this is the strict one: base64 has to be whole, numbers in quotes have no exponent, an enum's number
//! is one of its own.

use std::net::IpAddr;

use crate::schema::{Enum, Kind, schema};

use super::tree::Tree;

/// Whether one value, not null, is right for a scalar, enum, timestamp or duration. Objects are none of these.
pub(super) fn fits(kind: Kind, value: &Tree) -> bool {
    match kind {
        Kind::String => matches!(value, Tree::String(_)),
        Kind::Bytes => text(value).is_some_and(is_base64),
        Kind::Bool => matches!(value, Tree::Bool(_)),
        Kind::Int32 => integer(value).is_some_and(|it| i32::try_from(it).is_ok()),
        Kind::Int64 => integer(value).is_some_and(|it| i64::try_from(it).is_ok()),
        Kind::Uint32 => integer(value).is_some_and(|it| u32::try_from(it).is_ok()),
        Kind::Uint64 => integer(value).is_some_and(|it| u64::try_from(it).is_ok()),
        Kind::Float => is_number(value, f64::from(f32::MAX)),
        Kind::Double => is_number(value, f64::MAX),
        Kind::Timestamp => text(value).and_then(timestamp).is_some(),
        Kind::Duration => text(value).and_then(duration).is_some(),
        Kind::Enum(name) => schema().values(name).is_some_and(|it| is_value(it, value)),
        Kind::Struct | Kind::Map(_) | Kind::Message(_) => false,
    }
}

/// What such a field wants, in words.
pub(super) fn words(kind: Kind) -> String {
    let words = match kind {
        Kind::String => "text",
        Kind::Bytes => "base64 text",
        Kind::Bool => "true or false",
        Kind::Int32 => "an integer of 32 bits",
        Kind::Int64 => "an integer of 64 bits",
        Kind::Uint32 => "an unsigned integer of 32 bits",
        Kind::Uint64 => "an unsigned integer of 64 bits",
        Kind::Float => "a number of 32 bits",
        Kind::Double => "a number",
        Kind::Timestamp => "an RFC 3339 timestamp",
        Kind::Duration => "seconds with an \"s\"",
        Kind::Struct | Kind::Map(_) | Kind::Message(_) => "an object",
        Kind::Enum(name) => return one_of(name),
    };
    words.to_owned()
}

/// The whole number that a value is, as a number or as decimal text.
pub(super) fn integer(value: &Tree) -> Option<i128> {
    // Beyond this, no integer field has room; up to it, the cast is exact.
    const LIMIT: f64 = 1e20;
    match value {
        Tree::Signed(it) => Some(i128::from(*it)),
        Tree::Unsigned(it) => Some(i128::from(*it)),
        Tree::Float(it) if it.fract() == 0.0 && it.abs() < LIMIT => Some(*it as i128),
        Tree::String(it) => it.parse().ok(),
        _ => None,
    }
}

/// An IPv4 or IPv6 address without port, zone and brackets.
pub(super) fn is_ip(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

/// A host name of RFC 1123; labels may hold underscores too, which Windows allows.
pub(super) fn is_hostname(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|it| it.is_ascii_alphanumeric() || it == b'-' || it == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

/// `Vendor:ID`, both parts there.
pub(super) fn is_asset_id(text: &str) -> bool {
    text.split_once(':')
        .is_some_and(|(vendor, id)| !vendor.is_empty() && !id.is_empty())
}

/// Six or eight bytes in lower case, separated by colons.
pub(super) fn is_mac(text: &str) -> bool {
    let mut bytes = text.split(':');
    matches!(text.len(), 17 | 23) && bytes.all(|it| is_lower_hex(it, 2))
}

/// Lower-case hex digits, so many of them.
pub(super) fn is_lower_hex(text: &str, digits: usize) -> bool {
    text.len() == digits
        && text
            .bytes()
            .all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
}

/// A URL with a scheme.
pub(super) fn has_scheme(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, rest)| {
        let rest_of_scheme =
            |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'+' | b'-' | b'.');
        scheme.starts_with(|it: char| it.is_ascii_alphabetic())
            && scheme.bytes().all(rest_of_scheme)
            && !rest.is_empty()
    })
}

fn text(value: &Tree) -> Option<&str> {
    match value {
        Tree::String(text) => Some(text),
        _ => None,
    }
}

fn is_number(value: &Tree, limit: f64) -> bool {
    let number = match value {
        Tree::Signed(it) => *it as f64,
        Tree::Unsigned(it) => *it as f64,
        Tree::Float(it) => *it,
        Tree::String(it) if matches!(&**it, "NaN" | "Infinity" | "-Infinity") => 0.0,
        // Rust's own names of infinity are not JSON's.
        Tree::String(it) if !it.contains(['n', 'N']) => match it.parse() {
            Ok(number) => number,
            Err(_) => return false,
        },
        _ => return false,
    };
    number.abs() <= limit
}

fn is_value(values: &Enum, value: &Tree) -> bool {
    match value {
        Tree::String(text) => values.open || values.values.iter().any(|(name, _)| *name == &**text),
        Tree::Signed(_) | Tree::Unsigned(_) | Tree::Float(_) => {
            let number = integer(value);
            values
                .values
                .iter()
                .any(|(_, it)| Some(i128::from(*it)) == number)
        }
        _ => false,
    }
}

/// Few values are all named, many only by their enum.
fn one_of(name: &str) -> String {
    match schema().values(name) {
        Some(it) if it.open => "text".to_owned(),
        Some(it) if it.values.len() <= 8 => {
            let names: Vec<&str> = it.values.iter().map(|(name, _)| *name).collect();
            format!("one of {}", names.join(", "))
        }
        _ => format!("a value of {name}"),
    }
}

/// Both alphabets; padding may be missing, but not be wrong.
fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    let is_digit = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'+' | b'/' | b'-' | b'_');
    digits.bytes().all(is_digit)
        && digits.len() % 4 != 1
        && (padding == 0 || padding < 3 && text.len().is_multiple_of(4))
}

/// `-1.5s`: at most nine digits of a fraction, at most some 10,000 years either way.
fn duration(text: &str) -> Option<()> {
    const LIMIT: u64 = 315_576_000_000;
    let number = text.strip_suffix('s')?;
    let number = number.strip_prefix('-').unwrap_or(number);
    let (seconds, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let (seconds, fraction) = (digits(seconds, 1..=12)?, digits(fraction, 1..=9)?);
    (seconds < LIMIT || seconds == LIMIT && fraction == 0).then_some(())
}

/// `2024-02-29T23:59:59.123456789+01:00`, or with `Z`: a day of the calendar, in UTC within the years 1 to 9999.
fn timestamp(text: &str) -> Option<()> {
    let (date, time) = text.split_once('T')?;
    let (year, month_day) = date.split_once('-')?;
    let (month, day) = month_day.split_once('-')?;
    let (year, month) = (digits(year, 4..=4)?, digits(month, 2..=2)?);
    let day = digits(day, 2..=2)?;
    if year == 0 || day == 0 || day > days(year, month)? {
        return None;
    }

    let (clock, offset) = time.split_at_checked(time.find(['Z', '+', '-'])?)?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    digits(fraction, 1..=9)?;
    let (clock, second) = clock.rsplit_once(':')?;
    let minute = minute_of_day(clock)?;
    if digits(second, 2..=2)? > 59 {
        return None;
    }

    let (sign, offset) = offset.split_at_checked(1)?;
    if sign == "Z" {
        return offset.is_empty().then_some(());
    }
    let offset = minute_of_day(offset)?;
    // The offset may lead out of the calendar only on its first and on its last day.
    let is_outside = match (year, month, day) {
        (1, 1, 1) => sign == "+" && minute < offset,
        (9999, 12, 31) => sign == "-" && minute + offset >= 24 * 60,
        _ => false,
    };
    (!is_outside).then_some(())
}

fn minute_of_day(text: &str) -> Option<u64> {
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute) = (digits(hour, 2..=2)?, digits(minute, 2..=2)?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

/// How many days the month has; nothing for a month that is none.
fn days(year: u64, month: u64) -> Option<u64> {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        4 | 6 | 9 | 11 => Some(30),
        2 => Some(if is_leap { 29 } else { 28 }),
        _ => None,
    }
}

/// The number that a text of so many decimal digits, and nothing else, is.
fn digits(text: &str, length: std::ops::RangeInclusive<usize>) -> Option<u64> {
    if !length.contains(&text.len()) || !text.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}
