//! The collector as steps: it says what to do, takes what came of it, and says what to do next.
//!
//! Inside, the steps are written as straight-line code, of which the compiler makes the state machine; whoever runs
//! it needs no executor. Dropping a [`Run`] at any step is what a crash is.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::answer::Answer;
use crate::collect::{self, Order};
use crate::harness::Request;
use crate::pace::Bucket;
use crate::settings::Settings;
use crate::summary::Outcome;

/// A run of the collector.
pub struct Run {
    future: Pin<Box<dyn Future<Output = Outcome>>>,
    desk: Rc<Desk>,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// This, and then call [`Run::step`] with what came of it.
    Do(Action),
    /// Nothing more.
    Done(Box<Outcome>),
}

/// Something to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Send a request, follow no redirect, and read the whole answer within this many milliseconds.
    Send(Request, u64),
    /// Read an object.
    Read(String),
    /// Write an object.
    Write(Write),
    /// Delete an object; one that is not there is no error.
    Delete(String),
    /// Make sure that the objects of a prefix are SecOps' to read and nobody else's, which a marker beside it says.
    Claim(String),
    /// Wait this many milliseconds.
    Wait(u64),
}

/// An object to write.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// Its key.
    pub key: String,
    /// Its bytes.
    pub body: Vec<u8>,
    /// Its content type.
    pub content_type: &'static str,
    /// Its metadata.
    pub metadata: Vec<(&'static str, String)>,
    /// When it may be written.
    pub condition: Condition,
}

/// When an object may be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Always.
    None,
    /// When there is none: `If-None-Match: *`.
    Absent,
    /// When it is still this one: `If-Match`.
    Matches(String),
}

/// What came of an action.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// An HTTP answer.
    Answer(Answer),
    /// No HTTP answer: why, and whether the time was up.
    NoAnswer(String, bool),
    /// The object, with its ETag, or none.
    Object(Option<(Vec<u8>, String)>),
    /// It is written; its new ETag.
    Written(String),
    /// 412: the condition does not hold.
    Refused,
    /// 501: the store knows no conditions.
    Unsupported,
    /// It is deleted, or the wait is over, or the prefix is SecOps'.
    Done,
    /// Nobody says whose the prefix is, and it may not be said here: why.
    Unmarked(String),
    /// The prefix is another's: whose, and what helps.
    Taken(String),
    /// The object may not be read, or is not there and that may not be told: why.
    Denied(String),
    /// The store failed: why, and whether it may help to try again.
    Failed(String, bool),
}

/// What time it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// The wall clock, in epoch milliseconds.
    pub wall: i64,
    /// Milliseconds since some fixed moment; never goes back.
    pub elapsed: u64,
}

impl Run {
    /// A run that has not begun.
    pub fn new(settings: Settings, order: Order, now: Now) -> Run {
        let pace = Rc::new(RefCell::new(Bucket::new(now.elapsed)));
        Run::paced(settings, order, now, pace)
    }

    /// A run that shares its pace with others of the same key.
    pub fn paced(settings: Settings, order: Order, now: Now, pace: Rc<RefCell<Bucket>>) -> Run {
        let desk = Rc::new(Desk {
            action: RefCell::default(),
            reply: RefCell::default(),
            now: Cell::new(now),
        });
        let future = Box::pin(collect::run(settings, order, Rc::clone(&desk), pace));
        Run { future, desk }
    }

    /// Goes on: with nothing the first time, and then with what came of the action before.
    pub fn step(&mut self, reply: Option<Reply>, now: Now) -> Step {
        self.desk.now.set(now);
        *self.desk.reply.borrow_mut() = reply;
        match self
            .future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(outcome) => Step::Done(Box::new(outcome)),
            Poll::Pending => {
                let action = self.desk.action.borrow_mut().take();
                // Without a reply the action is still the last one; there is nothing to do but to come back with it.
                Step::Do(action.unwrap_or(Action::Wait(0)))
            }
        }
    }
}

/// Where actions are laid down and replies are picked up.
pub struct Desk {
    action: RefCell<Option<Action>>,
    reply: RefCell<Option<Reply>>,
    now: Cell<Now>,
}

impl Desk {
    /// Has something done.
    pub async fn ask(&self, action: Action) -> Reply {
        *self.action.borrow_mut() = Some(action);
        poll_fn(|_| match self.reply.borrow_mut().take() {
            Some(reply) => Poll::Ready(reply),
            None => Poll::Pending,
        })
        .await
    }

    /// The time of the last step.
    pub fn now(&self) -> Now {
        self.now.get()
    }
}
