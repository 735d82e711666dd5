//! The destination `stdout`: UDM events as whole lines on the host's standard output.

use std::borrow::Cow;
use std::time::Duration;

use super::{Fault, Sent};
use crate::Host;

/// Prints the lines in one piece, so that those of two requests never mix.
pub(super) fn print<H: Host>(host: &H, name: &str, lines: &[u8], items: usize) -> Sent {
    let lines = match lines.last() {
        Some(b'\n') | None => Cow::Borrowed(lines),
        Some(_) => Cow::Owned([lines, b"\n"].concat()),
    };
    match host.print(&lines) {
        Ok(()) => Sent {
            accepted: items,
            ..Sent::default()
        },
        Err(error) => Sent {
            fault: Some(Fault {
                kind: "unavailable",
                message: format!("destination `{name}`: cannot write to standard output: {error}"),
                retry_after: Duration::from_secs(30),
                alarm: false,
            }),
            ..Sent::default()
        },
    }
}
