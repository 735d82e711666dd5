//! What Event Grid writes into an event as it gives up on it ("Dead-letter events", "Message delivery and retry",
//! learn.microsoft.com, February 2026). It tells of the delivery and not of what was audited, so it is taken out again;
//! every other byte of the event stays as it is.

use std::borrow::Cow;
use std::ops::Range;

/// CloudEvents have the same names in lower case.
const ADDED: &[&str] = &[
    "deadLetterReason",
    "deliveryAttempts",
    "lastDeliveryOutcome",
    "publishTime",
    "lastDeliveryAttemptTime",
];
/// Every dead letter has these, and nothing else has both.
const TELLING: &[&str] = &["deadLetterReason", "deliveryAttempts"];

/// The event as its publisher wrote it. What is no dead letter stays as it is.
pub fn revive(log: &[u8]) -> Cow<'_, [u8]> {
    let Some(members) = members(log) else {
        return Cow::Borrowed(log);
    };
    let has = |name: &&str| members.iter().any(|it| is(log, it, name));
    if !TELLING.iter().all(has) {
        return Cow::Borrowed(log);
    }
    let mut event = b"{".to_vec();
    for member in &members {
        if ADDED.iter().any(|name| is(log, member, name)) {
            continue;
        }
        if event.len() > 1 {
            event.push(b',');
        }
        event.extend_from_slice(&log[member.whole.clone()]);
    }
    event.push(b'}');
    Cow::Owned(event)
}

/// A member of an object: its name without quotes, and all of it without the comma.
struct Member {
    name: Range<usize>,
    whole: Range<usize>,
}

fn is(log: &[u8], member: &Member, name: &str) -> bool {
    log[member.name.clone()].eq_ignore_ascii_case(name.as_bytes())
}

/// The members of an object, if the text is one. What stands in them is not looked at.
fn members(text: &[u8]) -> Option<Vec<Member>> {
    let mut at = blank(text, 0);
    if text.get(at) != Some(&b'{') {
        return None;
    }
    at = blank(text, at + 1);
    let mut members = Vec::new();
    while text.get(at) != Some(&b'}') {
        let start = at;
        let name_end = string(text, at)?;
        at = blank(text, name_end);
        if text.get(at) != Some(&b':') {
            return None;
        }
        at = value(text, at + 1)?;
        members.push(Member {
            name: start + 1..name_end - 1,
            whole: start..at,
        });
        if text.get(at) == Some(&b',') {
            at = blank(text, at + 1);
        }
    }
    (blank(text, at + 1) == text.len()).then_some(members)
}

/// Past white space.
fn blank(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest
        .iter()
        .take_while(|it| it.is_ascii_whitespace())
        .count()
}

/// Past a string that begins here.
fn string(text: &[u8], at: usize) -> Option<usize> {
    let mut rest = text.get(at..)?.iter().enumerate();
    if rest.next()?.1 != &b'"' {
        return None;
    }
    loop {
        match rest.next()? {
            (_, b'\\') => _ = rest.next()?,
            (length, b'"') => return Some(at + length + 1),
            _ => {}
        }
    }
}

/// Past a value, up to the comma or the brace behind it.
fn value(text: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    loop {
        match text.get(at)? {
            b'"' => at = string(text, at)? - 1,
            b'{' | b'[' => depth += 1,
            b',' | b'}' if depth == 0 => return Some(at),
            b'}' | b']' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_event_grid_added_is_taken_out() {
        for (log, event) in [
            (
                r#"{ "id": "1", "deadLetterReason":"MaxDeliveryAttemptsExceeded", "data": {"publishTime":1.50, "a":["}",{}]}, "deliveryAttempts": 30,
                "lastDeliveryOutcome": "Busy", "publishTime":"x","lastDeliveryAttemptTime":"y" }"#,
                r#"{"id": "1","data": {"publishTime":1.50, "a":["}",{}]}}"#,
            ),
            (
                r#"{"specversion":"1.0","deadletterreason":"TimeToLiveExceeded","deliveryattempts":2,"data":"\"\\"}"#,
                r#"{"specversion":"1.0","data":"\"\\"}"#,
            ),
        ] {
            assert_eq!(String::from_utf8_lossy(&revive(log.as_bytes())), event);
        }
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        for log in [
            "",
            "{",
            "{}",
            "[1]",
            "{\"deadLetterReason\"",
            r#"{"publishTime":1}"#,
            r#"{"deadLetterReason":"x"}"#,
            r#"{"data":{"deadLetterReason":"x","deliveryAttempts":1}}"#,
            r#"{"deadLetterReason":"x","deliveryAttempts":1"#,
            r#"{"deadLetterReason":"x","deliveryAttempts":1}}"#,
            r#"{"deadLetterReason":"x","deliveryAttempts":1]}"#,
            r#"{"deadLetterReason" "x","deliveryAttempts":1}"#,
            "{\"deadLetterReason\":\"x\\",
        ] {
            assert_eq!(revive(log.as_bytes()), log.as_bytes());
        }
    }
}
