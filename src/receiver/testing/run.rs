//! Runs futures as a runtime would, one call to the host after the other.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Runs a future to its end; none if its host crashed, or if it waits for what will never come.
pub fn run<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    // Every call to the host waits once, so a future that still waits after so many polls waits for ever.
    (0..1_000_000).find_map(|_| match future.as_mut().poll(&mut context) {
        Poll::Ready(value) => Some(Some(value)),
        Poll::Pending => CRASHED.take().then_some(None),
    })?
}

/// Runs a future that has to end.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    run(future).expect("a future that ends")
}

/// Runs two futures, whose calls to the host take turns as `seed` says.
pub fn both<A, B>(
    seed: u64,
    one: impl Future<Output = A>,
    other: impl Future<Output = B>,
) -> (A, B) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut first, mut second) = (None, None);
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let turns = poll_fn(|context| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if second.is_some() || (first.is_none() && state & 1 == 0) {
            if let Poll::Ready(value) = one.as_mut().poll(context) {
                first = Some(value);
            }
        } else if let Poll::Ready(value) = other.as_mut().poll(context) {
            second = Some(value);
        }
        match first.is_some() && second.is_some() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    });
    block_on(turns);
    (first.expect("an end"), second.expect("an end"))
}

thread_local! {
    /// Set by a host that crashed, for [`run`]; every test has a thread of its own.
    pub(super) static CRASHED: Cell<bool> = const { Cell::new(false) };
}
