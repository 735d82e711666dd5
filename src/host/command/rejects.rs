//! Rejected logs as JSON lines. A log is written whole, however long it is, without ever being in memory as a whole.

use std::io::{self, ErrorKind, Read, Write};
use std::str;

use base64::engine::general_purpose::STANDARD;
use base64::write::EncoderWriter;
use serde_json::json;
use udmill::wit::Span;

/// A log that gave no event.
pub struct Rejected<'a> {
    /// The input's name.
    pub file: &'a str,
    /// The log's number in the input, from 0.
    pub index: u64,
    /// Where it stands in the input.
    pub log: Span,
    /// What was expected, and what was found.
    pub reason: &'a str,
}

impl Rejected<'_> {
    /// Writes the line. `raw` gives the log's bytes, each time from the beginning.
    pub fn write<R: Read>(
        &self,
        out: &mut dyn Write,
        raw: impl Fn() -> io::Result<R>,
    ) -> io::Result<()> {
        let line = json!({
            "file": self.file,
            "index": self.index,
            "offset": self.log.offset,
            "length": self.log.length,
            "reason": self.reason,
        })
        .to_string();
        out.write_all(line.strip_suffix('}').unwrap_or(&line).as_bytes())?;
        if text(raw()?, |_| Ok(()))? {
            out.write_all(br#","raw":""#)?;
            text(raw()?, |piece| {
                let quoted = json!(piece).to_string();
                out.write_all(&quoted.as_bytes()[1..quoted.len() - 1])
            })?;
        } else {
            out.write_all(br#","raw_base64":""#)?;
            let mut encoder = EncoderWriter::new(&mut *out, &STANDARD);
            io::copy(&mut raw()?, &mut encoder)?;
            encoder.finish()?;
        }
        out.write_all(b"\"}\n")
    }
}

/// Hands bytes over as text, piece by piece. Tells whether they were UTF-8 to the end.
fn text(mut bytes: impl Read, mut take: impl FnMut(&str) -> io::Result<()>) -> io::Result<bool> {
    let mut buffer = vec![0; 8 << 10];
    let mut kept = 0;
    loop {
        let length = match bytes.read(&mut buffer[kept..]) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            length => length?,
        };
        let piece = &buffer[..kept + length];
        if length == 0 {
            return Ok(piece.is_empty());
        }
        let valid = match str::from_utf8(piece) {
            Ok(text) => text,
            // The piece ends within a character.
            Err(error) if error.error_len().is_none() => {
                str::from_utf8(&piece[..error.valid_up_to()]).unwrap_or_default()
            }
            Err(_) => return Ok(false),
        };
        take(valid)?;
        let done = valid.len();
        kept = piece.len() - done;
        buffer.copy_within(done..done + kept, 0);
    }
}
