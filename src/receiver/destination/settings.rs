//! Settings that several destinations have: URLs, names in them, sizes.

use std::net::IpAddr;

use url::{Host, Url};

use super::Takes;
use super::batch::Limits;
use crate::config::section::{Section, quoted};

/// The most bytes of a request to Google SecOps: the ingestion methods' page says 4 MB.
pub(super) const SECOPS_MOST: usize = 4_000_000;

/// A URL that has to be there. It may hold secrets, so no message shows it.
pub(super) fn required_url(section: &mut Section<'_>, key: &'static str) -> Option<Url> {
    let text = section.required_text(key)?;
    checked_url(section, key, &text, Plain::Never)
}

/// The same where `plain_http = true` lets it begin with http, since another machine in the same cluster may speak
/// nothing else.
pub(super) fn required_url_or_plain(section: &mut Section<'_>, key: &'static str) -> Option<Url> {
    let plain = match section.flag("plain_http") {
        Some(true) => Plain::Wanted,
        _ => Plain::Offered,
    };
    let text = section.required_text(key)?;
    checked_url(section, key, &text, plain)
}

/// An origin, perhaps with a path, that stands for one of our own making.
pub(crate) fn endpoint(
    section: &mut Section<'_>,
    key: &'static str,
    otherwise: &str,
) -> Option<Url> {
    let given = section.text(key);
    let given = given.as_deref().unwrap_or(otherwise);
    let url = checked_url(section, key, given, Plain::Never)?;
    if url.query().is_some() {
        section.wrong(key, "a URL without a query", "one with a query");
        return None;
    }
    Some(url)
}

/// Whether http, without TLS, may leave this machine.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plain {
    Never,
    /// It would with the setting `plain_http`.
    Offered,
    Wanted,
}

/// https anywhere, http only to this machine unless it is wanted: what is sent is secret, and so are the keys beside it.
fn checked_url(section: &Section<'_>, key: &str, text: &str, plain: Plain) -> Option<Url> {
    let expected = match plain {
        Plain::Never => "a URL with https, or with http on loopback",
        Plain::Offered => {
            "a URL with https, or with http on loopback or beside `plain_http = true`"
        }
        Plain::Wanted => "a URL with https or http",
    };
    let wrong = |found: &str| section.wrong(key, expected, found);
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(error) => {
            wrong(&format!("a text that is none: {error}"));
            return None;
        }
    };
    if !url.username().is_empty() || url.password().is_some() {
        section.wrong(key, "a URL without a user", "one with a user");
        return None;
    }
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" if url.has_host() => Some(url),
        "http" if loopback || plain == Plain::Wanted => Some(url),
        "http" => {
            wrong(&format!(
                "http to {}",
                quoted(url.host_str().unwrap_or_default())
            ));
            None
        }
        scheme => {
            wrong(&format!("the scheme {}", quoted(scheme)));
            None
        }
    }
}

/// `https://storage.example:443`
pub(crate) fn origin(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{}://{host}:{port}", url.scheme())
}

/// A name that becomes a part of a URL's path or host, and has to be there.
pub(crate) fn required_name(section: &mut Section<'_>, key: &'static str) -> Option<String> {
    let name = section.required_text(key)?;
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    if name.bytes().all(is_known) && name.bytes().any(|it| it.is_ascii_alphanumeric()) {
        return Some(name);
    }
    section.wrong(
        key,
        "a name of letters, digits, `-`, `_`, `.` and `:`",
        &quoted(&name),
    );
    None
}

/// Tells of a text that no HTTP header can hold, such as a secret that was read together with its line end, without
/// showing it.
pub(crate) fn check_header(section: &Section<'_>, key: &str, value: &str) {
    let is_known = |byte: u8| byte == b'\t' || (b' '..=b'~').contains(&byte);
    if value != value.trim() || !value.bytes().all(is_known) {
        let expected = "a text of printable ASCII, without space around it";
        section.wrong(key, expected, "another one");
    }
}

/// `format`: UDM events unless it says `raw`.
pub(super) fn format(section: &mut Section<'_>) -> Takes {
    match section.one_of("format", &["udm", "raw"]) {
        Some("raw") => Takes::Raw,
        _ => Takes::Udm,
    }
}

/// `max_bytes` and `max_items`, with what holds without them.
pub(super) fn limits(section: &mut Section<'_>, otherwise: Limits) -> Limits {
    let most = otherwise.most.min(64 << 20);
    let bytes = section.bytes("max_bytes", 1000, most);
    let items = section.number("max_items", 1, 1_000_000);
    Limits {
        bytes: bytes.unwrap_or(otherwise.bytes),
        items: items.map_or(otherwise.items, |it| it as usize),
        most: otherwise.most,
    }
}
