//! Whether the runtime lets destinations be reached: Spin asks `allowed_outbound_hosts`, which the receiver's
//! variable `udmill_allowed_hosts` repeats ("Granting HTTP permissions to components",
//! spinframework.dev/v3/http-outbound, 2026).
//!
//! Without the variable nothing is checked here; the runtime then says no when something is sent. Networks (CIDR) are
//! not known.

use super::section::{Place, quoted};

/// Tells of every origin (`https://x.example:443`) that no pattern of the list allows.
pub fn check(place: &Place<'_>, origins: &[String], allowed: Option<&str>) {
    let Some(allowed) = allowed else {
        return;
    };
    let patterns = || {
        allowed
            .split([',', ' ', '\n', '\t'])
            .filter(|it| !it.is_empty())
    };
    for origin in origins {
        if !patterns().any(|pattern| allows(pattern, origin)) {
            let expected = "hosts that `allowed_outbound_hosts` of spin.toml lists";
            place.wrong("", expected, &quoted(origin));
        }
    }
}

/// A pattern is a scheme, a host or `*.` and a domain, and perhaps a port; each may be `*`.
fn allows(pattern: &str, origin: &str) -> bool {
    let (Some(wanted), Some(given)) = (parts(pattern), parts(origin)) else {
        return false;
    };
    let host = match wanted.host.strip_prefix('*') {
        Some(domain) => given.host.ends_with(domain),
        None => given.host.eq_ignore_ascii_case(wanted.host),
    };
    let scheme = wanted.scheme == "*" || wanted.scheme == given.scheme;
    let port = wanted.port == "*" || wanted.port_or_default(given.scheme) == given.port;
    host && scheme && port
}

struct Parts<'a> {
    scheme: &'a str,
    host: &'a str,
    port: &'a str,
}

impl Parts<'_> {
    fn port_or_default(&self, scheme: &str) -> &str {
        match (self.port, scheme) {
            ("", "https") => "443",
            ("", "http") => "80",
            (port, _) => port,
        }
    }
}

fn parts(text: &str) -> Option<Parts<'_>> {
    let (scheme, rest) = text.split_once("://")?;
    let rest = rest.trim_end_matches('/');
    // The colons of an IPv6 address stand in brackets.
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (rest, ""),
    };
    Some(Parts { scheme, host, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_allows_an_origin() {
        for (pattern, origin, expected) in [
            ("https://x.example", "https://x.example:443", true),
            ("https://x.example/", "https://x.example:443", true),
            ("https://X.example:443", "https://x.example:443", true),
            ("https://x.example:8443", "https://x.example:443", false),
            ("https://x.example:*", "https://x.example:8443", true),
            ("http://x.example", "https://x.example:443", false),
            ("http://127.0.0.1:8088", "http://127.0.0.1:8088", true),
            ("http://[::1]:8088", "http://[::1]:8088", true),
            ("http://[::1]", "http://[::1]:80", true),
            ("https://*.example", "https://x.example:443", true),
            ("https://*.example", "https://xexample:443", false),
            ("https://*.example", "https://example:443", false),
            ("*://*:*", "https://x.example:443", true),
            ("x.example", "https://x.example:443", false),
        ] {
            assert_eq!(allows(pattern, origin), expected, "{pattern} {origin}");
        }
    }
}
