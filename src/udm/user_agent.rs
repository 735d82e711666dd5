//! User agent texts to UDM's `network.http.parsed_user_agent`.
//!
//! The message is `UserAgentProto` of Google's UDM field list, which does not document its values. Ours are spelled
//! as in the expected events that Google publishes with its parsers (github.com/chronicle/content-hub, JBOSS_WEB) for
//! Chrome on Windows: `APPLEWEBKIT`, `Windows`, `Windows NT 10.0`, `Win64`, `Chrome`. The tables hold what audit logs
//! of developer tools show. Any other agent gives nothing; `network.http.user_agent` has its text anyway. Left out:
//! fields that follow from others (`sub_family`, `browser_type`, `os_type`), engine versions, devices and bots.

mod products;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::options::FieldNames;
use products::{PRODUCTS, SYSTEMS, VARIANTS, find_product, find_system};

/// What a user agent says of itself; `None` if no product of the table is in its first 1,024 bytes.
///
/// Texts are pieces of `text` or constants and need no escaping in JSON.
pub fn parse(text: &str) -> Option<UserAgent<'_>> {
    let mut found = Found::default();
    let text = text.as_bytes().get(..1024).unwrap_or(text.as_bytes());
    text.split_inclusive(is_separator)
        .for_each(|piece| found.read(piece));
    found.finish()
}

/// The fields of `UserAgentProto` that we fill.
#[derive(Debug, PartialEq, Eq)]
pub struct UserAgent<'a> {
    /// A value of `UserAgentFamily`.
    pub family: &'static str,
    pub platform: Option<&'static str>,
    /// The system's name and, if it is known, its version.
    pub os: Option<Cow<'static, str>>,
    /// The processor, in the text's own word.
    pub os_variant: Option<&'static str>,
    pub browser: &'static str,
    pub browser_version: &'a str,
}

impl UserAgent<'_> {
    /// The message as proto3 JSON.
    pub fn json(&self, names: FieldNames) -> String {
        let (variant, version) = match names {
            FieldNames::LowerCamel => ("osVariant", "browserVersion"),
            FieldNames::Proto => ("os_variant", "browser_version"),
        };
        let fields = [
            ("platform", self.platform),
            ("os", self.os.as_deref()),
            (variant, self.os_variant),
            ("browser", Some(self.browser)),
            (version, Some(self.browser_version)),
        ];
        let mut json = format!(r#"{{"family":"{}""#, self.family);
        for (name, value) in fields {
            if let Some(value) = value {
                json.extend([",\"", name, "\":\"", value, "\""]);
            }
        }
        json.push('}');
        json
    }
}

/// What has been read so far.
#[derive(Default)]
struct Found<'a> {
    /// The line of `PRODUCTS`, and the product's version.
    product: Option<(usize, &'a str)>,
    /// `Version/17.5`: Safari's and old Opera's version.
    version: Option<&'a str>,
    /// `rv:11.0`: the last Internet Explorer's version.
    revision: Option<&'a str>,
    /// The line of `SYSTEMS`, and the system's version.
    system: Option<(usize, Option<&'a str>)>,
    os_variant: Option<&'static str>,
    /// The word before, if a number may follow it: `MSIE 10.0`.
    word: &'a [u8],
    /// Whether a number is the system's version: `Mac OS X 10_15_7`.
    system_awaits_version: bool,
}

impl<'a> Found<'a> {
    /// Reads a word, or nothing, and the separator behind it.
    fn read(&mut self, piece: &'a [u8]) {
        let token = match piece {
            [token @ .., last] if is_separator(last) => token,
            _ => piece,
        };
        if let Some(number) = number(token) {
            self.read_product(self.word, number);
            if let Some((_, version @ None)) = &mut self.system
                && self.system_awaits_version
            {
                *version = Some(number);
            }
            self.word = b"";
        } else if let Some(at) = token.iter().position(|it| matches!(it, b'/' | b':')) {
            let (name, rest) = token.split_at(at);
            if let Some(number) = rest.get(1..).and_then(number) {
                self.read_product(name, number);
                self.read_system(name, Some(number));
            }
            self.word = b"";
        } else if !token.is_empty() {
            self.read_system(token, None);
            self.word = token;
        }
        if matches!(piece.last(), Some(b';' | b'(' | b')')) {
            self.word = b"";
            self.system_awaits_version = false;
        }
    }

    fn read_product(&mut self, name: &[u8], number: &'a str) {
        match name {
            b"Version" => self.version = Some(number),
            b"rv" => self.revision = Some(number),
            _ => {
                let line = find_product(name);
                let better =
                    line.filter(|line| self.product.is_none_or(|(known, _)| *line < known));
                if let Some(line) = better {
                    self.product = Some((line, number));
                }
            }
        }
    }

    fn read_system(&mut self, word: &'a [u8], number: Option<&'a str>) {
        if self.os_variant.is_none() && matches!(word, [.., b'4' | b'6']) {
            self.os_variant = VARIANTS.into_iter().find(|it| it.as_bytes() == word);
        }
        // `CPU OS 17_5 like Mac OS X` is how an iPad names its version.
        self.system_awaits_version |= word == b"CPU";
        // Python joins its platform by hyphens: `Windows-10-10.0.19045-SP0`.
        let mut parts = word.split(|it| *it == b'-');
        let name = parts.next().unwrap_or_default();
        let Some(line) = find_system(name) else {
            return;
        };
        let number = number.or_else(|| parts.find(|it| it.contains(&b'.')).and_then(self::number));
        match self.system {
            Some((known, _)) if line > known => return,
            Some((known, version)) if line == known => {
                self.system = Some((line, version.or(number)))
            }
            _ => self.system = Some((line, number)),
        }
        self.system_awaits_version = true;
    }

    fn finish(self) -> Option<UserAgent<'a>> {
        let (line, number) = self.product?;
        let (token, browser, family) = *PRODUCTS.get(line)?;
        let browser_version = match token {
            "Safari" | "Opera" => self.version.unwrap_or(number),
            "Trident" => self.revision.unwrap_or(number),
            _ => number,
        };
        let system = self
            .system
            .and_then(|(line, version)| Some((SYSTEMS.get(line)?, version)));
        Some(UserAgent {
            family,
            platform: system.map(|((_, platform, _), _)| *platform),
            os: system.map(|((.., os), version)| match version {
                Some(version) => Cow::Owned(format!("{os} {}", version.replace('_', "."))),
                None => Cow::Borrowed(*os),
            }),
            os_variant: self.os_variant,
            browser,
            browser_version,
        })
    }
}

fn is_separator(byte: &u8) -> bool {
    matches!(byte, b' ' | b'(' | b')' | b';' | b',' | b'"')
}

/// The version that a text begins with: a digit, then anything that needs no escaping anywhere.
fn number(text: &[u8]) -> Option<&str> {
    let text = text.strip_prefix(b"v").unwrap_or(text);
    if !text.first()?.is_ascii_digit() {
        return None;
    }
    let fits = |it: &&u8| matches!(it, b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'.' | b'_' | b'-' | b'+');
    let length = text.iter().take_while(fits).count();
    str::from_utf8(text.get(..length)?).ok()
}
