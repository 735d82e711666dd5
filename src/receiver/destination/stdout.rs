//! The destination `stdout`: UDM events as whole lines on the host's standard output.

use std::time::Duration;

use super::{Fault, Item, Sent};
use crate::Host;

/// Prints the items in one piece, so that lines of two requests never mix.
pub(super) fn print<H: Host>(host: &H, name: &str, items: &[Item<'_>]) -> Sent {
    let mut lines = Vec::with_capacity(items.iter().map(|it| it.bytes.len() + 1).sum());
    for item in items {
        lines.extend_from_slice(item.bytes);
        lines.push(b'\n');
    }
    match host.print(&lines) {
        Ok(()) => Sent {
            accepted: items.len(),
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
