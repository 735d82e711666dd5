//! A runtime for tests: everything in memory, the clock set by hand, and every call to it a place where the process
//! may die.
//!
//! [`run`] runs a future as Spin would. A host that was told to crash lets the future hang at a call, and [`run`]
//! then drops it: what the store holds by then is what the next process finds. [`both`] interleaves two futures by
//! chance that can be repeated.

pub mod feeds;
mod normalizer;
mod run;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::host::{Answer, Host, Outbound, SendError, StoreError};
use crate::wit::{transform, webhook};
use run::CRASHED;
pub use run::{block_on, both, run};

impl Default for Memory {
    fn default() -> Memory {
        Memory::new()
    }
}

/// A call to the store, for [`Memory::break_store`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// `get`, `set`, `delete` or `keys`.
    pub operation: &'static str,
    /// Empty for `keys`.
    pub key: String,
    /// How many calls to the store there were before, since the host was made.
    pub before: usize,
}

type Breaks = Box<dyn FnMut(&Call) -> Option<StoreError>>;
type Answers = Box<dyn FnMut(&Outbound) -> Result<Answer, SendError>>;

/// The host. What it has seen and holds may be looked at and changed at any time.
pub struct Memory {
    /// The wall clock when [`Memory::elapsed`] was 0.
    pub start: DateTime<Utc>,
    /// Time since the start; grows by pauses and by what requests take.
    pub elapsed: Cell<Duration>,
    /// How long each request takes; one that takes longer than it may is timed out, but has arrived.
    pub latency: Cell<Duration>,
    /// Spin variables.
    pub variables: RefCell<BTreeMap<String, String>>,
    /// The key-value store.
    pub store: RefCell<BTreeMap<String, Vec<u8>>>,
    /// What was sent, in order, also what was not answered.
    pub requests: RefCell<Vec<Outbound>>,
    /// Standard output.
    pub printed: RefCell<Vec<u8>>,
    /// Whether standard output is broken.
    pub print_fails: Cell<bool>,
    /// The log, line by line.
    pub logged: RefCell<Vec<String>>,
    /// A payload with this text in it takes the process with it, at the next call.
    pub deadly: Cell<Option<&'static str>>,
    /// Calls that wait: those to the store, variables, requests, pauses.
    pub calls: Cell<usize>,
    crash_before: Cell<Option<usize>>,
    store_calls: Cell<usize>,
    breaks: RefCell<Option<Breaks>>,
    answers: RefCell<Option<Answers>>,
    randoms: Cell<u64>,
}

impl Memory {
    /// An empty host on 14 March 2026, 12:00 UTC. It has no answers for requests.
    pub fn new() -> Memory {
        Memory {
            start: "2026-03-14T12:00:00Z".parse().expect("a time"),
            elapsed: Cell::default(),
            latency: Cell::default(),
            variables: RefCell::default(),
            store: RefCell::default(),
            requests: RefCell::default(),
            printed: RefCell::default(),
            print_fails: Cell::default(),
            logged: RefCell::default(),
            deadly: Cell::default(),
            calls: Cell::default(),
            crash_before: Cell::default(),
            store_calls: Cell::default(),
            breaks: RefCell::default(),
            answers: RefCell::default(),
            randoms: Cell::default(),
        }
    }

    /// The process dies before its call number `call` (from 0, counted from now) does anything.
    pub fn crash_before(&self, call: usize) {
        self.crash_before.set(Some(self.calls.get() + call));
    }

    /// The process is started again: nothing crashes any more.
    pub fn restart(&self) {
        self.crash_before.set(None);
    }

    /// Calls to the store fail when this says so.
    pub fn break_store(&self, breaks: impl FnMut(&Call) -> Option<StoreError> + 'static) {
        *self.breaks.borrow_mut() = Some(Box::new(breaks));
    }

    /// The store works again.
    pub fn mend_store(&self) {
        *self.breaks.borrow_mut() = None;
    }

    /// What other servers answer from now on.
    pub fn answers(&self, answers: impl FnMut(&Outbound) -> Result<Answer, SendError> + 'static) {
        *self.answers.borrow_mut() = Some(Box::new(answers));
    }

    /// What other servers answer from now on, each answer once, in this order.
    pub fn answers_in_turn(
        &self,
        answers: impl IntoIterator<Item = Result<Answer, SendError>, IntoIter: 'static>,
    ) {
        let mut answers = answers.into_iter();
        self.answers(move |request| {
            let answer = answers.next();
            answer.unwrap_or_else(|| panic!("expected no more requests, but found {request:?}"))
        });
    }

    /// Time goes by.
    pub fn pass(&self, duration: Duration) {
        self.elapsed.set(self.elapsed.get() + duration);
    }

    /// The keys of the store that start so, in order.
    pub fn keys_under(&self, start: &str) -> Vec<String> {
        let store = self.store.borrow();
        let keys = store.keys().filter(|it| it.starts_with(start));
        keys.cloned().collect()
    }

    /// Standard output as text.
    pub fn printed_text(&self) -> String {
        String::from_utf8(self.printed.borrow().clone()).expect("text")
    }

    /// Every call passes here: it waits once, and dies if it is its turn.
    async fn step(&self) {
        let call = self.calls.get();
        self.calls.set(call + 1);
        let dies = self.crash_before.get() == Some(call);
        let mut waited = false;
        poll_fn(|_| {
            if dies {
                CRASHED.set(true);
            }
            match std::mem::replace(&mut waited, true) && !dies {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }

    async fn store_step(&self, operation: &'static str, key: &str) -> Result<(), StoreError> {
        self.step().await;
        let before = self.store_calls.get();
        self.store_calls.set(before + 1);
        let call = Call {
            operation,
            key: key.to_owned(),
            before,
        };
        let mut breaks = self.breaks.borrow_mut();
        let error = breaks.as_mut().and_then(|breaks| breaks(&call));
        error.map_or(Ok(()), Err)
    }
}

impl Host for Memory {
    fn now(&self) -> DateTime<Utc> {
        self.start + self.elapsed.get()
    }

    fn elapsed(&self) -> Duration {
        self.elapsed.get()
    }

    async fn pause(&self, duration: Duration) {
        self.step().await;
        self.pass(duration);
    }

    fn random(&self) -> [u8; 16] {
        let count = self.randoms.get() + 1;
        self.randoms.set(count);
        // Different in every byte, so that a part of it serves as an id, too.
        let mut bytes = [0; 16];
        let mixed = count.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        bytes[..8].copy_from_slice(&mixed.to_be_bytes());
        bytes[8..].copy_from_slice(&count.to_be_bytes());
        bytes
    }

    async fn variable(&self, name: &str) -> Result<Option<String>, String> {
        self.step().await;
        Ok(self.variables.borrow().get(name).cloned())
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.store_step("get", key).await?;
        Ok(self.store.borrow().get(key).cloned())
    }

    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.store_step("set", key).await?;
        let mut store = self.store.borrow_mut();
        store.insert(key.to_owned(), value.to_vec());
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.store_step("delete", key).await?;
        self.store.borrow_mut().remove(key);
        Ok(())
    }

    async fn keys(&self, wanted: impl Fn(&str) -> bool) -> Result<Vec<String>, StoreError> {
        self.store_step("keys", "").await?;
        // In no order that anybody may count on.
        let store = self.store.borrow();
        let keys = store.keys().rev().filter(|it| wanted(it));
        Ok(keys.cloned().collect())
    }

    async fn send(&self, request: Outbound, within: Duration) -> Result<Answer, SendError> {
        self.step().await;
        let answer = match self.answers.borrow_mut().as_mut() {
            Some(answers) => answers(&request),
            None => panic!("expected no request, but found {request:?}"),
        };
        self.requests.borrow_mut().push(request);
        let takes = self.latency.get();
        self.pass(takes.min(within));
        match takes > within {
            true => Err(SendError::TimedOut),
            false => answer,
        }
    }

    fn print(&self, lines: &[u8]) -> io::Result<()> {
        if self.print_fails.get() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.printed.borrow_mut().extend_from_slice(lines);
        Ok(())
    }

    fn log(&self, line: &str) {
        self.logged.borrow_mut().push(line.to_owned());
    }

    fn read(&self, request: &webhook::Request) -> webhook::Delivery {
        normalizer::read(request)
    }

    fn normalize(
        &self,
        payload: &[u8],
        options: &transform::Options,
    ) -> Result<transform::Batch, transform::Error> {
        if self
            .deadly
            .get()
            .is_some_and(|it| String::from_utf8_lossy(payload).contains(it))
        {
            self.crash_before(0);
        }
        normalizer::normalize(payload, options)
    }

    type Reader = normalizer::Reader;

    fn reader(&self, options: &transform::Options) -> normalizer::Reader {
        normalizer::Reader::new(options)
    }
}

/// An answer with a status and a body.
pub fn answer(status: u16, body: &str) -> Result<Answer, SendError> {
    Ok(Answer {
        status,
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
        is_whole: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_leaves_what_was_written_before_it() {
        let host = Memory::new();
        let work = async || {
            host.set("a", b"1").await?;
            host.set("b", b"2").await
        };
        host.crash_before(1);
        assert_eq!(run(work()), None);
        assert_eq!(host.keys_under(""), ["a"]);
        host.restart();
        assert_eq!(run(work()), Some(Ok(())));
        assert_eq!(host.keys_under(""), ["a", "b"]);
    }

    #[test]
    fn the_store_breaks_at_the_call_that_is_told() {
        let host = Memory::new();
        host.break_store(|call| (call.before == 1).then_some(StoreError::Full));
        assert_eq!(block_on(host.set("a", b"1")), Ok(()));
        assert_eq!(block_on(host.set("b", b"2")), Err(StoreError::Full));
        assert_eq!(block_on(host.keys(|_| true)), Ok(vec!["a".to_owned()]));
    }

    #[test]
    fn two_futures_take_turns() {
        let orders = (0..20).map(|seed| {
            let host = Memory::new();
            let writes = async |value: &'static [u8]| {
                for key in ["a", "b"] {
                    host.set(key, value).await.expect("a store");
                }
            };
            both(seed, writes(b"1"), writes(b"2"));
            let store = host.store.borrow();
            (store["a"].clone(), store["b"].clone())
        });
        let orders: std::collections::BTreeSet<_> = orders.collect();
        assert_eq!(orders.len(), 4);
    }

    #[test]
    fn a_request_that_takes_too_long_is_timed_out() {
        let host = Memory::new();
        host.answers(|_| answer(200, ""));
        host.latency.set(Duration::from_secs(30));
        let request = Outbound {
            method: "POST",
            url: "https://example.com/".to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            most: 0,
        };
        let within = Duration::from_secs(20);
        assert_eq!(
            block_on(host.send(request, within)),
            Err(SendError::TimedOut)
        );
        assert_eq!(host.elapsed(), within);
    }
}
