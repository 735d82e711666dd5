//! Lets one request of an instance do what serves all of them, as fetching a token, while the others wait.
//!
//! Who waits looks again every few milliseconds. Wakers would be more elegant, but between the tasks of a component
//! they do nothing unless its async runtime was built with wakeups between tasks, which spin-sdk 7 does not ask for.

use std::cell::Cell;
use std::time::Duration;

use crate::host::Host;

/// How often to look.
const STEP: Duration = Duration::from_millis(20);

/// A turn that is free or taken.
#[derive(Debug, Default)]
pub struct Turn {
    taken: Cell<bool>,
}

/// A turn that was taken, until this is dropped: also when the request ends halfway.
#[must_use]
pub struct Taken<'a>(&'a Turn);

impl Turn {
    /// Waits for the turn; none if it does not come before the deadline, which is on the scale of [`Host::elapsed`].
    pub async fn take<H: Host>(&self, host: &H, deadline: Duration) -> Option<Taken<'_>> {
        while self.taken.get() {
            if host.elapsed() >= deadline {
                return None;
            }
            host.pause(STEP).await;
        }
        self.taken.set(true);
        Some(Taken(self))
    }

    /// Whether somebody has it.
    pub fn is_taken(&self) -> bool {
        self.taken.get()
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.0.taken.set(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Memory, block_on};

    #[test]
    fn a_turn_that_does_not_end_is_waited_for_until_the_deadline() {
        let (host, turn) = (Memory::new(), Turn::default());
        let deadline = Duration::from_secs(5);
        let taken = block_on(turn.take(&host, deadline));
        assert!(taken.is_some());
        assert!(block_on(turn.take(&host, deadline)).is_none());
        assert_eq!(host.elapsed(), deadline);
        drop(taken);
        assert!(!turn.is_taken());
        assert!(block_on(turn.take(&host, deadline)).is_some());
    }
}
