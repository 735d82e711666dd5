//! Text that is no Unicode: a server that does not look at what its users write passes it on.

/// The text of JSON with U+FFFD for what is no character: bytes that are no UTF-8, and escapes of one half of a
/// surrogate pair (RFC 8259, 8.2). None if there is nothing to replace.
pub fn mended(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let mut out = String::with_capacity(text.len());
    let mut rest = &*text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = match (half(rest), rest.get(6..).and_then(half)) {
            (None, _) => rest.chars().take(2).map(char::len_utf8).sum(),
            (Some(0xd800..0xdc00), Some(0xdc00..)) => 12,
            (Some(_), _) => {
                out.push_str("\\ufffd");
                rest = &rest[6..];
                continue;
            }
        };
        out.push_str(&rest[..end]);
        rest = &rest[end..];
    }
    out.push_str(rest);
    (out.as_bytes() != body).then_some(out)
}

/// The half of a surrogate pair whose escape a text begins with.
fn half(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let is_hex = digits.bytes().all(|it| it.is_ascii_hexdigit());
    let code = u32::from_str_radix(digits, 16).ok().filter(|_| is_hex)?;
    (0xd800..0xe000).contains(&code).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_character_is_replaced_and_nothing_else() {
        for (body, expected) in [
            (r#""\ud83d""#, r#""\ufffd""#),
            (r#""\uDE00\uD83D""#, r#""\ufffd\ufffd""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\\\ud83d""#, r#""\\\ufffd""#),
            (r#"\ud83d\"#, r#"\ufffd\"#),
        ] {
            assert_eq!(mended(body.as_bytes()).as_deref(), Some(expected), "{body}");
        }
        assert_eq!(mended(b"a\xffb\xc3").as_deref(), Some("a\u{fffd}b\u{fffd}"));
        for body in [
            r#""\ud83d\ude00 \u00fc \\ud83d \ufffd""#,
            r"\",
            r"\u",
            r"\ud8ü",
            r"\ü",
            "",
        ] {
            assert_eq!(mended(body.as_bytes()), None, "{body}");
        }
    }
}
