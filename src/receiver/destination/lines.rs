//! Logs for destinations that take one a line.

use std::borrow::Cow;

use serde::de::IgnoredAny;

/// A log as a line, without the line feed that ends it.
///
/// JSON may be spread over lines: between its tokens a space is as good as a line end, and inside of its texts RFC
/// 8259 forbids raw ones. Of any other log that has lines, the receiver of the line would make several.
///
/// # Errors
///
/// The log has lines and is no JSON; why, in words.
pub(super) fn line(log: &[u8]) -> Result<Cow<'_, [u8]>, String> {
    let end = log.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r'));
    let log = log.get(..end.map_or(0, |it| it + 1)).unwrap_or_default();
    let Some(at) = log.iter().position(|byte| *byte == b'\n') else {
        return Ok(Cow::Borrowed(log));
    };
    if serde_json::from_slice::<IgnoredAny>(log).is_err() {
        return Err(format!(
            "expected JSON or a log on one line, since the destination takes lines, but found a line feed at byte {at}"
        ));
    }
    let flat = log.iter().map(|byte| match byte {
        b'\n' | b'\r' => b' ',
        other => *other,
    });
    Ok(Cow::Owned(flat.collect()))
}

/// Checks that a log is text.
///
/// # Errors
///
/// Where it is not.
pub(super) fn text(log: &[u8]) -> Result<(), String> {
    match std::str::from_utf8(log) {
        Ok(_) => Ok(()),
        Err(error) => {
            let at = error.valid_up_to();
            let byte = log.get(at).copied().unwrap_or_default();
            Err(format!(
                "expected UTF-8, since the destination takes nothing else, but found {byte:#04x} at byte {at}"
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_on_one_line_stays_as_it_is() {
        for log in [
            &b"a log"[..],
            b" {\"a\": 1} ",
            b"\xff\xfe",
            b"{\"a\":\r1}",
            b"",
        ] {
            assert!(matches!(line(log), Ok(Cow::Borrowed(it)) if it == log));
        }
        assert_eq!(line(b"a log\r\n").unwrap(), &b"a log"[..]);
        assert_eq!(line(b"\n\n").unwrap(), &b""[..]);
    }

    #[test]
    fn json_on_several_lines_becomes_one_with_the_same_value() {
        let log = b"{\r\n  \"a\": \"b\\nc\",\n\"d\": [1,\n2]}\n";
        let line = line(log).unwrap();
        assert_eq!(&*line, b"{    \"a\": \"b\\nc\", \"d\": [1, 2]}");
        let value = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).unwrap();
        assert_eq!(value(&line), value(log));
    }

    #[test]
    fn what_is_no_json_keeps_its_lines_and_is_no_line() {
        let reason = "expected JSON or a log on one line, since the destination takes lines, but found a line feed at byte ";
        for (log, at) in [
            ("one\ntwo", 3),
            ("{\"a\":\"b\nc\"}", 7),
            ("{\"a\":1}\n{\"a\":2}", 7),
        ] {
            assert_eq!(line(log.as_bytes()), Err(format!("{reason}{at}")));
        }
    }

    #[test]
    fn nesting_without_end_is_read_in_proportion() {
        let mut log = vec![b'['; 1 << 20];
        log.push(b'\n');
        log.extend(vec![b']'; 1 << 20]);
        assert_eq!(line(&log).unwrap().len(), log.len());
    }

    #[test]
    fn what_is_not_utf_8_is_told_with_its_place() {
        assert_eq!(text("Größe".as_bytes()), Ok(()));
        let reason =
            "expected UTF-8, since the destination takes nothing else, but found 0xff at byte 2";
        assert_eq!(text(b"ab\xffc"), Err(reason.to_owned()));
    }
}
