//! What a component may use. Every limit of the host stands here.
//!
//! Limits on the logs themselves (their size, how deep they nest) are the component's own.

use std::time::Duration;

/// The limits of an [`Engine`](crate::Engine); the default is what the command uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes that are handed over in one call; more are handed over in several.
    pub push: usize,
    /// The most bytes of linear memory of an instance.
    pub memory: usize,
    /// The longest that one call may take.
    pub call: Duration,
    /// The most bytes of unreported input in memory; beyond, they go to an unnamed temporary file.
    pub kept: usize,
}

const MIB: usize = 1 << 20;

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            push: 8 * MIB,
            memory: 128 * MIB,
            call: Duration::from_secs(5),
            kept: 8 * MIB,
        }
    }
}
