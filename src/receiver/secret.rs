//! A new secret for a feed: the secret itself, the form that the configuration may keep, and the URL for Event Grid.
//!
//! Event Grid sends the query string of an endpoint's URL with every request, the handshake included, and hides it when
//! the subscription is read ("Webhook event delivery", learn.microsoft.com). The random bytes are the caller's.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// The secret of 256 random bits: 43 letters, digits, `-` and `_`, which need no escape in a URL, a header or TOML.
pub fn text(random: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(random)
}

/// `sha256:` with the digest in 64 hexadecimal digits: what the configuration takes in the secret's stead.
pub fn hashed(secret: &str) -> String {
    let digest = Sha256::digest(secret);
    let digits = digest.iter().map(|byte| format!("{byte:02x}"));
    format!("sha256:{}", digits.collect::<String>())
}

/// The URL for Event Grid: the receiver's public address (of which no query or fragment is taken over), the feed, and
/// the secret as webhook feeds of Google SecOps take it. What is no plain character in feed or secret is escaped.
pub fn endpoint(address: &str, feed: &str, secret: &str) -> String {
    let address = address.split(['?', '#']).next().unwrap_or_default();
    let address = address.trim_end_matches('/');
    let feed = escaped(feed);
    let secret = escaped(secret);
    format!("{address}/v1/feeds/{feed}?secret={secret}")
}

/// Everything but the unreserved characters of RFC 3986 as `%XX`.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(byte));
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::exchange::{Body, Request};

    /// The query of a URL as the receiver reads it.
    fn parameter(url: &str) -> Option<String> {
        let (_, query) = url.split_once('?')?;
        let request = Request {
            method: "POST".to_owned(),
            path: "/".to_owned(),
            query: query.to_owned(),
            headers: Vec::new(),
            body: Body::Whole(Vec::new()),
            arrived: Duration::ZERO,
        };
        request.parameter("secret")
    }

    #[test]
    fn a_secret_is_its_random_bytes_in_base64url() {
        // Section 5 of RFC 4648: 0xfb 0xff … shows both characters that differ from plain base64.
        let secret = text(&[0xfb; 32]);
        assert_eq!(secret, "-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s");
        let mut other = [0xfb; 32];
        other[31] = 0xfa;
        assert_ne!(text(&other), secret);
    }

    #[test]
    fn a_secrets_digest_is_that_of_its_text() {
        // printf abc | sha256sum
        let expected = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hashed("abc"), expected);
    }

    #[test]
    fn the_url_names_the_feed_and_carries_the_secret() {
        let secret = text(&[7; 32]);
        let expected = format!("https://logs.example.com/v1/feeds/azdo?secret={secret}");
        for address in ["https://logs.example.com", "https://logs.example.com/"] {
            assert_eq!(endpoint(address, "azdo", &secret), expected);
        }
        let behind = endpoint("https://example.com/logs/?x=1#y", "azdo", &secret);
        let expected = format!("https://example.com/logs/v1/feeds/azdo?secret={secret}");
        assert_eq!(behind, expected);
        assert_eq!(parameter(&behind), Some(secret));
    }

    #[test]
    fn what_is_no_plain_character_is_escaped() {
        let odd = "a&secret=b +%/?#é";
        let url = endpoint("https://example.com", "x/../y", odd);
        assert_eq!(
            url,
            "https://example.com/v1/feeds/x%2F..%2Fy?secret=a%26secret%3Db%20%2B%25%2F%3F%23%C3%A9"
        );
        assert_eq!(parameter(&url).as_deref(), Some(odd));
    }
}
