//! Field rules of Google's UDM usage guide that the schema does not tell (docs.cloud.google.com,
//! `unified-data-model/udm-usage`, version of 2026-06-03).
//!
//! What the guide words as a form is an error; limits in bytes and advice are warnings, since Google does not say
//! whether it cuts or refuses.

use super::Severity::{self, Error, Warning};
use super::form;
use super::tree::Tree;

/// What was expected of a field's value of the right type, and what was found, if it breaks a rule.
pub(super) fn of_value(
    message: &str,
    field: &str,
    value: &Tree,
) -> Option<(Severity, String, String)> {
    if let ("Noun", "port" | "nat_port") = (message, field) {
        let in_range = form::integer(value).is_some_and(|it| (1..=65_535).contains(&it));
        let expected = "a port from 1 to 65535".to_owned();
        return (!in_range).then(|| (Error, expected, value.to_string()));
    }
    let Tree::String(text) = value else {
        return None;
    };
    if let Some(limit) = byte_limit(message, field)
        && text.len() > limit
    {
        let expected = format!("at most {limit} bytes");
        return Some((Warning, expected, text.len().to_string()));
    }
    let (holds, severity, expected) = match (message, field) {
        ("Noun" | "Asset", "ip" | "nat_ip") => (form::is_ip(text), Error, "an IP address"),
        ("Noun" | "Asset", "hostname") if !form::is_hostname(text) => (false, Error, "a host name"),
        ("Noun" | "Asset", "hostname") => (
            !text.contains('_'),
            Warning,
            "a host name without underscores",
        ),
        ("Noun" | "Asset", "asset_id") if !form::is_asset_id(text) => (false, Error, "Vendor:ID"),
        ("Noun" | "Asset", "asset_id") => (
            is_short_asset_id(text),
            Warning,
            "at most 32 characters, a colon and at most 128",
        ),
        ("Noun" | "Asset", "mac") => (
            form::is_mac(text),
            Warning,
            "a MAC address in lower case with colons",
        ),
        ("Metadata" | "SecurityResult", "url_back_to_product") => {
            (form::has_scheme(text), Warning, "a URL with a scheme")
        }
        ("File", "md5") => (
            form::is_lower_hex(text, 32),
            Warning,
            "32 hex digits in lower case",
        ),
        ("File", "sha1") => (
            form::is_lower_hex(text, 40),
            Warning,
            "40 hex digits in lower case",
        ),
        ("File", "sha256") => (
            form::is_lower_hex(text, 64),
            Warning,
            "64 hex digits in lower case",
        ),
        _ => return None,
    };
    // An empty text is a field at its default, which is the same as none; in a list it is an element.
    let is_absent = text.is_empty() && !matches!(field, "ip" | "nat_ip" | "mac");
    (!holds && !is_absent).then(|| (severity, expected.to_owned(), value.to_string()))
}

/// What was expected of a whole message, and what was found instead.
pub(super) fn of_message(name: &str, value: &Tree) -> Option<(&'static str, &'static str)> {
    let has = |field| value.at(field).is_some_and(Tree::is_filled);
    match name {
        "Noun" if has("hostname") && has("url") => Some(("`hostname` or `url`", "both")),
        "SecurityResult" if !value.is_filled() => Some(("a security result", "an empty one")),
        _ => None,
    }
}

/// Paths of the event that break a rule, what was expected there, and what was found.
pub(super) fn of_event(
    event: &Tree,
    event_type: &str,
) -> Vec<(&'static str, &'static str, String)> {
    let mut broken = Vec::new();
    let never = ["principal.email", "principal.file", "principal.registry"];
    let in_mail = ["target.email"];
    let in_mail = in_mail.iter().filter(|_| event_type.starts_with("EMAIL_"));
    for path in never.iter().chain(in_mail) {
        if let Some(value) = event.at(path).filter(|it| it.is_filled()) {
            broken.push((*path, "nothing", value.to_string()));
        }
    }
    if event_type.starts_with("NETWORK_") {
        for (noun, field, path) in [
            ("principal", "ip", "principal.ip"),
            ("principal", "mac", "principal.mac"),
            ("target", "ip", "target.ip"),
            ("target", "mac", "target.mac"),
        ] {
            let noun = event.at(noun);
            let has_port = noun.is_some_and(|it| it.at("port").is_some());
            if has_port
                && let Some(Tree::Array(items)) = noun.and_then(|it| it.at(field))
                && items.len() > 1
            {
                broken.push((path, "one beside a port", items.len().to_string()));
            }
        }
    }
    broken
}

fn byte_limit(message: &str, field: &str) -> Option<usize> {
    match (message, field) {
        ("Metadata", "vendor_name" | "product_name" | "product_log_id") => Some(256),
        ("Metadata", "product_version") => Some(32),
        ("Metadata", "product_event_type") => Some(64),
        ("Metadata", "description") => Some(1024),
        _ => None,
    }
}

fn is_short_asset_id(text: &str) -> bool {
    text.split_once(':')
        .is_some_and(|(vendor, id)| vendor.chars().count() <= 32 && id.chars().count() <= 128)
}
