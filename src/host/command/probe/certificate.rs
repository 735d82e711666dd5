//! When a certificate ends: the one field of X.509 that is of interest here (RFC 5280, 4.1).

use chrono::{DateTime, NaiveDate, Utc};

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The time in `notAfter` of a certificate in DER; none if it cannot be read.
pub fn not_after(certificate: &[u8]) -> Option<DateTime<Utc>> {
    let mut outer = Der(certificate);
    let mut signed = Der(outer.expect(SEQUENCE)?);
    let mut fields = Der(signed.expect(SEQUENCE)?);
    if fields.0.first() == Some(&VERSION) {
        fields.next()?;
    }
    // Serial number, signature algorithm, issuer.
    for _ in 0..3 {
        fields.next()?;
    }
    let mut validity = Der(fields.expect(SEQUENCE)?);
    validity.next()?;
    match validity.next()? {
        // Two digits of a year below 50 are of this century.
        (UTC_TIME, text) => {
            let year = number(text, 0..2)?;
            time(
                if year < 50 { 2000 + year } else { 1900 + year },
                text.get(2..)?,
            )
        }
        (GENERALIZED_TIME, text) => time(number(text, 0..4)?, text.get(4..)?),
        _ => None,
    }
}

/// Elements one after another, each a tag, a length, and so many bytes.
struct Der<'d>(&'d [u8]);

impl<'d> Der<'d> {
    fn next(&mut self) -> Option<(u8, &'d [u8])> {
        let [tag, first, rest @ ..] = self.0 else {
            return None;
        };
        let (length, rest) = match usize::from(*first) {
            short @ 0..0x80 => (short, rest),
            long => {
                let (length, rest) = rest.split_at_checked(long - 0x80)?;
                // No certificate is longer than what two bytes can say, but four do no harm.
                let length = (length.len() <= 4).then_some(length)?;
                let length = length
                    .iter()
                    .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
                (length, rest)
            }
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, content))
    }

    fn expect(&mut self, tag: u8) -> Option<&'d [u8]> {
        self.next().filter(|it| it.0 == tag).map(|it| it.1)
    }
}

/// Month, day, hours, minutes, seconds, and a `Z`.
fn time(year: u32, rest: &[u8]) -> Option<DateTime<Utc>> {
    let two = |at: usize| number(rest, at..at + 2);
    let date = NaiveDate::from_ymd_opt(year as i32, two(0)?, two(2)?)?;
    Some(date.and_hms_opt(two(4)?, two(6)?, two(8)?)?.and_utc())
}

fn number(text: &[u8], at: std::ops::Range<usize>) -> Option<u32> {
    let text = std::str::from_utf8(text.get(at)?).ok()?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As short as can be: a serial number, an algorithm, an issuer and a validity.
    fn certificate(version: &[u8], time: &[u8]) -> Vec<u8> {
        let element = |tag: u8, parts: &[&[u8]]| {
            let content = parts.concat();
            [&[tag, 0x81, content.len() as u8], &content[..]].concat()
        };
        let before = element(UTC_TIME, &[b"240101000000Z"]);
        let tag = if time.len() == 13 {
            UTC_TIME
        } else {
            GENERALIZED_TIME
        };
        let validity = element(SEQUENCE, &[&before, &element(tag, &[time])]);
        let few = element(SEQUENCE, &[]);
        let signed = element(
            SEQUENCE,
            &[version, &element(2, &[b"\x01"]), &few, &few, &validity],
        );
        element(SEQUENCE, &[&signed, &few])
    }

    #[test]
    fn the_end_is_read_in_both_forms() {
        for (version, time, expected) in [
            (
                &b"\xa0\x03\x02\x01\x02"[..],
                &b"491231235959Z"[..],
                "2049-12-31T23:59:59Z",
            ),
            (b"", b"500101000000Z", "1950-01-01T00:00:00Z"),
            (b"", b"20500228120000Z", "2050-02-28T12:00:00Z"),
        ] {
            let found = not_after(&certificate(version, time));
            assert_eq!(found, expected.parse().ok());
        }
    }

    #[test]
    fn what_is_no_certificate_has_no_end() {
        let whole = certificate(b"", b"491231235959Z");
        for length in 0..whole.len() - 3 {
            assert_eq!(not_after(&whole[..length]), None, "{length}");
        }
        for time in [&b"491331235959Z"[..], b"4912312359xxZ", b"xx1231235959Z"] {
            assert_eq!(not_after(&certificate(b"", time)), None);
        }
    }
}
