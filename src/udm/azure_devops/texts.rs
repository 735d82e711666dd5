//! Texts of records, taken apart: addresses, host names, authentication mechanisms.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

/// Row 71 for `Parse`: IPv4 or IPv6, as UDM wants it, without port, brackets or zone.
pub fn ip(text: &str) -> Option<Cow<'_, str>> {
    if text.parse::<IpAddr>().is_ok() {
        return Some(Cow::Borrowed(text));
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(Cow::Owned(address.ip().to_string()));
    }
    let bare = text.trim().trim_start_matches('[').trim_end_matches(']');
    let bare = bare
        .split_once('%')
        .map_or(bare, |(address, _zone)| address);
    bare.parse::<IpAddr>().ok().map(|_| Cow::Borrowed(bare))
}

/// L28 for `Parse`: labels of letters, digits and inner hyphens (RFC 1123), 253 bytes in all.
pub fn hostname(text: &str) -> Option<Cow<'_, str>> {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    (text.len() <= 253 && text.split('.').all(is_label)).then_some(Cow::Borrowed(text))
}

/// One `@` with something on either side, a dot on the right, and nothing that separates addresses.
pub fn is_email(text: &str) -> bool {
    let mut at = None;
    let mut dot = None;
    for (position, byte) in text.bytes().enumerate() {
        match byte {
            b'@' if at.is_some() => return false,
            b'@' => at = Some(position),
            b'.' => dot = Some(position),
            b'<' | b'>' | b',' | b';' | b':' | b'"' | b'\\' | 0..=b' ' | 0x7f => return false,
            _ => {}
        }
    }
    match (at, dot) {
        (Some(at), Some(dot)) => at > 0 && dot > at + 1 && dot + 1 < text.len(),
        _ => false,
    }
}

/// An authentication mechanism, and the id behind it: `PAT_Unscoped authorizationId: <guid>`.
pub fn split_mechanism(text: Cow<'_, str>) -> (Cow<'_, str>, Option<Cow<'_, str>>) {
    const BETWEEN: &str = " authorizationId: ";
    match text {
        Cow::Borrowed(text) => match split_once(text, BETWEEN) {
            Some((details, id)) => (Cow::Borrowed(details), Some(Cow::Borrowed(id))),
            None => (Cow::Borrowed(text), None),
        },
        Cow::Owned(text) => match split_once(&text, BETWEEN) {
            Some((details, id)) => (
                Cow::Owned(details.to_owned()),
                Some(Cow::Owned(id.to_owned())),
            ),
            None => (Cow::Owned(text), None),
        },
    }
}

/// As [`str::split_once`]. Short texts are not worth the search tables that it builds.
fn split_once<'a>(text: &'a str, between: &str) -> Option<(&'a str, &'a str)> {
    let first = *between.as_bytes().first()?;
    let starts = text.bytes().enumerate().filter(|(_, byte)| *byte == first);
    starts.into_iter().find_map(|(at, _)| {
        let (before, rest) = text.split_at_checked(at)?;
        Some((before, rest.strip_prefix(between)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_other_texts() {
        for text in [
            "a@b.c",
            "ana.bowman+tag@sub.fabrikam.example",
            "o'neil@fabrikam.example",
            "jörg@fabrikam.example",
        ] {
            assert!(is_email(text), "{text}");
        }
        for text in [
            "",
            "@",
            "a@",
            "@b.c",
            "a@b",
            "a@.c",
            "a@b.",
            "a@b@c.d",
            "a.b",
            "a b@c.d",
            "a@b.c,d@e.f",
            "a@b.c;d@e.f",
            "<a@b.c>",
            "Ana <a@b.c>",
            "mailto:a@b.c",
            "\"a\"@b.c",
            "a\\@b.c",
            "a@b.c\n",
        ] {
            assert!(!is_email(text), "{text}");
        }
    }

    #[test]
    fn ports_brackets_and_zones_are_taken_off_addresses() {
        for (text, address) in [
            ("203.0.113.24", Some("203.0.113.24")),
            ("203.0.113.24:443", Some("203.0.113.24")),
            (" 203.0.113.24\t", Some("203.0.113.24")),
            ("2001:db8::24", Some("2001:db8::24")),
            ("[2001:db8::24]", Some("2001:db8::24")),
            ("[2001:db8::24]:443", Some("2001:db8::24")),
            ("fe80::1%eth0", Some("fe80::1")),
            ("[fe80::1%eth0]", Some("fe80::1")),
            ("::ffff:203.0.113.24", Some("::ffff:203.0.113.24")),
            ("", None),
            ("203.0.113", None),
            ("203.0.113.256", None),
            ("203.0.113.024", None),
            ("203.0.113.24/32", None),
            ("203.0.113.24:65536", None),
            ("203.0.113.24, 198.51.100.7", None),
            ("2001:db8::24::", None),
            ("host", None),
        ] {
            assert_eq!(ip(text).as_deref(), address, "{text}");
        }
    }

    #[test]
    fn host_names_are_labels_of_letters_digits_and_inner_hyphens() {
        let longest = format!("{}.example", "a".repeat(63));
        for text in ["a", "A-1.b", "1", "xn--bcher-kva.example", longest.as_str()] {
            assert_eq!(hostname(text).as_deref(), Some(text));
        }
        let label = format!("{}.example", "a".repeat(64));
        let whole = format!("{}a", "a.".repeat(127));
        for text in [
            "", ".", "a.", ".a", "a..b", "-a", "a-", "a_b", "a b", "a/b", "bücher", &label, &whole,
        ] {
            assert_eq!(hostname(text), None, "{text}");
        }
    }

    #[test]
    fn mechanisms_are_cut_where_their_id_begins() {
        for (text, details, id) in [
            (
                "PAT_Unscoped authorizationId: 1-2",
                "PAT_Unscoped",
                Some("1-2"),
            ),
            ("AAD_Cookie", "AAD_Cookie", None),
            (" authorizationId: 1", "", Some("1")),
            ("PAT authorizationId: ", "PAT", Some("")),
            ("PAT authorizationId:1", "PAT authorizationId:1", None),
            (
                "a authorizationId: b authorizationId: c",
                "a",
                Some("b authorizationId: c"),
            ),
        ] {
            for text in [Cow::Borrowed(text), Cow::Owned(text.to_owned())] {
                let (found, found_id) = split_mechanism(text);
                assert_eq!((found.as_ref(), found_id.as_deref()), (details, id));
            }
        }
    }
}
