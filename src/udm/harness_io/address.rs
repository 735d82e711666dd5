//! The address that a request came from, as Harness stores it: the header `X-Forwarded-For` as it stands, else the
//! remote address, else the remote host's name.
//!
//! So the text may be one address, a list from the client to the last proxy, with ports or brackets, or a name. The
//! first of a list is the client's own word, and can be forged.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

/// The valid addresses of a list, in their order; parts that are none are dropped.
pub fn addresses(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    text.split(',').filter_map(address)
}

/// The first of them.
pub fn first(text: &str) -> Option<Cow<'_, str>> {
    // Nearly always there is one, and nothing to take off.
    bare(text).or_else(|| addresses(text).next())
}

/// An address as it stands; IPv6 in small letters.
fn bare(text: &str) -> Option<Cow<'_, str>> {
    match text.parse::<IpAddr>().ok()? {
        IpAddr::V4(_) => Some(Cow::Borrowed(text)),
        IpAddr::V6(_) => Some(in_small_letters(text)),
    }
}

/// A host's name (RFC 1123), where the text holds no address: labels of letters, digits and inner hyphens, the last
/// one not of digits alone, 253 bytes in all. A proxy writes `unknown` for a client that it does not know (RFC 7239,
/// 6.2).
pub fn hostname(text: &str) -> Option<&str> {
    let name = text.trim();
    let is_label = |label: &str| {
        let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        matches!(label.len(), 1..=63)
            && label.bytes().all(is_inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_number = || {
        let mut last = name.bytes().rev().take_while(|byte| *byte != b'.');
        last.all(|byte| byte.is_ascii_digit())
    };
    let is_name = name.len() <= 253 && !is_number() && name.split('.').all(is_label);
    (is_name && !name.eq_ignore_ascii_case("unknown")).then_some(name)
}

/// An address without brackets, zone and port; IPv6 in small letters.
fn address(part: &str) -> Option<Cow<'_, str>> {
    let part = part.trim();
    let bare = match part.strip_prefix('[') {
        Some(rest) => {
            let (inside, behind) = rest.split_once(']')?;
            let is_port = |port: &str| port.parse::<u16>().is_ok();
            let port = behind.strip_prefix(':').is_some_and(is_port);
            (behind.is_empty() || port).then_some(inside)?
        }
        None => match part.split_once(':') {
            Some((before, port)) if before.parse::<Ipv4Addr>().is_ok() => {
                port.parse::<u16>().ok().map(|_| before)?
            }
            _ => part,
        },
    };
    let (bare, zone) = match bare.split_once('%') {
        Some((bare, zone)) => (bare, Some(zone)),
        None => (bare, None),
    };
    match bare.parse::<IpAddr>().ok()? {
        IpAddr::V4(_) if zone.is_none() => Some(Cow::Borrowed(bare)),
        IpAddr::V6(_) if zone != Some("") => Some(in_small_letters(bare)),
        _ => None,
    }
}

fn in_small_letters(text: &str) -> Cow<'_, str> {
    match text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(text.to_ascii_lowercase()),
        false => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_brackets_and_zones_are_taken_off() {
        for (text, expected) in [
            ("203.0.113.24", &["203.0.113.24"][..]),
            ("203.0.113.24:443", &["203.0.113.24"]),
            ("2001:DB8::24", &["2001:db8::24"]),
            ("[2001:db8::24]", &["2001:db8::24"]),
            ("[2001:db8::24]:443", &["2001:db8::24"]),
            ("fe80::1%eth0", &["fe80::1"]),
            ("[FE80::1%eth0]:80", &["fe80::1"]),
            ("[203.0.113.24]:80", &["203.0.113.24"]),
            ("198.51.100.77, 10.20.0.9", &["198.51.100.77", "10.20.0.9"]),
            (
                " unknown ,198.51.100.77:1,,x, [::1]",
                &["198.51.100.77", "::1"],
            ),
            ("", &[]),
            (",", &[]),
            ("203.0.113.256", &[]),
            ("203.0.113.24:", &[]),
            ("203.0.113.24:65536", &[]),
            ("203.0.113.24%eth0", &[]),
            ("fe80::1%", &[]),
            ("[2001:db8::24", &[]),
            ("[2001:db8::24]x", &[]),
            ("host:80", &[]),
        ] {
            let found: Vec<Cow<str>> = addresses(text).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn names_of_hosts_are_told_from_other_texts() {
        for text in [
            "a",
            "ip-10-0-4-17.eu-central-1.compute.internal",
            " A-1.b ",
            "1.a",
        ] {
            assert_eq!(hostname(text), Some(text.trim()), "{text}");
        }
        let label = format!("{}.example", "a".repeat(64));
        let whole = format!("{}a", "a.".repeat(127));
        for text in [
            "",
            ".",
            "a.",
            ".a",
            "-a",
            "a-",
            "a_b",
            "a b",
            "a,b",
            "bücher",
            "203.0.113.256",
            "1",
            "Unknown",
            &label,
            &whole,
        ] {
            assert_eq!(hostname(text), None, "{text}");
        }
    }
}
