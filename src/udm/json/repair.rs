//! Strings put right that only escapes are wrong with.

use super::Flaw;
use super::escapes::{escape, hex4};

/// What a tolerant reading made of a text.
#[derive(Debug, PartialEq, Eq)]
pub struct Repaired {
    /// The text with every escape as JSON wants it.
    pub text: String,
    /// Escapes that JSON does not know, now a backslash and a character.
    pub stray_escapes: usize,
    /// Unpaired surrogates, now U+FFFD.
    pub lone_surrogates: usize,
}

/// Reads escapes that JSON does not know as a backslash and a character, and unpaired surrogates as U+FFFD.
///
/// Azure DevOps' audit API now and then emits a stray backslash. Only strings are touched, so the text may go on behind
/// the log.
pub fn repair(text: &str) -> Repaired {
    let bytes = text.as_bytes();
    let mut repaired = Repaired {
        text: String::with_capacity(text.len() + 16),
        stray_escapes: 0,
        lone_surrogates: 0,
    };
    let (mut at, mut kept, mut in_string) = (0, 0, false);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' if in_string => match escape(bytes, at) {
                Ok(length) => {
                    at += length;
                    continue;
                }
                Err(Flaw::Escape { .. }) => {
                    repaired
                        .text
                        .push_str(text.get(kept..at).unwrap_or_default());
                    if bytes.get(at + 1) == Some(&b'u') && hex4(bytes, at + 2).is_ok() {
                        repaired.lone_surrogates += 1;
                        repaired.text.push_str("\\ufffd");
                        at += 6;
                    } else {
                        repaired.stray_escapes += 1;
                        repaired.text.push_str("\\\\");
                        at += 1;
                    }
                    kept = at;
                    continue;
                }
                Err(_) => break,
            },
            _ => {}
        }
        at += 1;
    }
    repaired.text.push_str(text.get(kept..).unwrap_or_default());
    repaired
}
