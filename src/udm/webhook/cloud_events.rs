//! What CloudEvents adds: the origin handshake, and events in binary mode.
//!
//! Follows "HTTP 1.1 Web Hooks for Event Delivery" section 4, "HTTP Protocol Binding" section 3.1 and "JSON Event
//! Format" section 3, all of version 1.0.2. Structured and batched events need nothing here: they are told by their
//! bodies.

use std::collections::BTreeSet;

use super::{Headers, Media, Origin, Refusal, header, summary};

/// The abuse protection of an OPTIONS request.
pub(super) fn origin(headers: &Headers) -> Result<Origin, Refusal> {
    let name = header(headers, "webhook-request-origin").filter(|it| !it.is_empty());
    let rate = header(headers, "webhook-request-rate").and_then(|it| it.parse().ok());
    Ok(Origin {
        name: name.ok_or(Refusal::NoOrigin)?.to_owned(),
        rate: rate.filter(|it| *it > 0),
    })
}

/// Whether the attributes stand in headers and the body is `data` alone.
pub(super) fn is_binary(headers: &Headers, content_type: &str) -> bool {
    let structured = (content_type
        .as_bytes()
        .get(.."application/cloudevents".len()))
    .is_some_and(|it| it.eq_ignore_ascii_case(b"application/cloudevents"));
    !structured && header(headers, "ce-specversion").is_some()
}

/// The structured event that says the same as one in binary mode, so that there is one form to read logs from.
///
/// Attributes stand in the order of their headers. A body that is JSON becomes `data` as it is, any other
/// `data_base64`.
///
/// # Errors
///
/// [`Refusal::NotJson`] if the content type says JSON and the body is not one JSON value.
pub(super) fn to_structured(
    headers: &Headers,
    content_type: &str,
    body: &[u8],
) -> Result<Vec<u8>, Refusal> {
    let mut event = String::from("{");
    let mut seen = BTreeSet::new();
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        // The content type has a header of its own, and `data` none.
        let attribute = name.strip_prefix("ce-").filter(|it| {
            let mut bytes = it.bytes();
            bytes.all(|it| it.is_ascii_lowercase() || it.is_ascii_digit())
                && !matches!(*it, "" | "data" | "datacontenttype")
        });
        if let Some(attribute) = attribute
            && seen.insert(attribute.to_owned())
        {
            push_member(&mut event, attribute, &attribute_value(value.trim()));
        }
    }
    if !content_type.is_empty() {
        push_member(&mut event, "datacontenttype", content_type);
    }
    let data = summary::without_mark(body);
    let mut event = event.into_bytes();
    if summary::is_json(data) {
        event.extend_from_slice(b",\"data\":");
        event.extend_from_slice(data);
    } else if !body.is_empty() {
        if Media::of(content_type) == Media::Json {
            return Err(Refusal::NotJson);
        }
        event.extend_from_slice(format!(",\"data_base64\":\"{}\"", to_base64(body)).as_bytes());
    }
    event.push(b'}');
    Ok(event)
}

fn push_member(object: &mut String, name: &str, text: &str) {
    if object.len() > 1 {
        object.push(',');
    }
    object.push_str(&format!("\"{name}\":{}", serde_json::Value::from(text)));
}

/// A header's value as the attribute it stands for: quotes undone, then percent-encoding, once. Bytes that are no
/// UTF-8 become U+FFFD.
fn attribute_value(value: &str) -> String {
    let mut text = value.to_owned();
    if let Some(quoted) = value.strip_prefix('"').and_then(|it| it.strip_suffix('"')) {
        let mut chars = quoted.chars();
        text.clear();
        while let Some(it) = chars.next() {
            text.push(if it == '\\' {
                chars.next().unwrap_or(it)
            } else {
                it
            });
        }
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let (byte, after) = to_encoded_byte(rest).unwrap_or((*first, after));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The byte that a text starts with in percent-encoding, and what follows.
fn to_encoded_byte(text: &[u8]) -> Option<(u8, &[u8])> {
    let [b'%', high, low, after @ ..] = text else {
        return None;
    };
    let digit = |it: &u8| char::from(*it).to_digit(16);
    let byte = u8::try_from(digit(high)? * 16 + digit(low)?).ok()?;
    Some((byte, after))
}

/// Base64 with padding, RFC 4648 section 4.
fn to_base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |i| u32::from(three.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let digit = DIGITS
                .get((bits >> (18 - 6 * i) & 63) as usize)
                .filter(|_| i <= three.len());
            text.push(char::from(*digit.unwrap_or(&b'=')));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attribute_values_are_unquoted_and_decoded_once() {
        for (value, expected) in [
            ("/a/b", "/a/b"),
            ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
            ("%2541", "%41"),
            ("100%", "100%"),
            ("%zz%4", "%zz%4"),
            ("%e2%82", "\u{fffd}"),
            (r#""a \"b\" \\ %41""#, r#"a "b" \ A"#),
            (r#"""#, r#"""#),
            ("", ""),
        ] {
            assert_eq!(attribute_value(value), expected, "{value}");
        }
    }

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (bytes, expected) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(to_base64(bytes.as_bytes()), expected);
        }
        assert_eq!(to_base64(&[0xfb, 0xff, 0xbf]), "+/+/");
    }
}
