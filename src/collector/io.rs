//! Does what a [`Run`] asks for, on a [`Host`]: requests to Harness, objects in a bucket, waits.
//!
//! Between the two, objects change their form: lines are compressed, and in the shape UDM each is normalized before
//! it is written. What is read back is lines again.

mod objects;
#[cfg(test)]
mod tests;
mod udm;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use udmill_receiver::Host;
use udmill_receiver::host::{Outbound, SendError};
use udmill_receiver::s3::Bucket;

use crate::answer::Answer;
use crate::harness::Request;
use crate::pace::Bucket as Pace;
use crate::settings::{Settings, Shape};
use crate::step::{Action, Now, Reply, Run, Step};
use crate::{Order, Outcome};

/// The most of a page that is read; events of a larger one would not fit into any host's memory twice.
const PAGE: usize = 16 << 20;
/// The least time that a request gets, however late it is.
const SHORTEST: Duration = Duration::from_secs(1);

/// Runs the collector to the end of its order, at a pace that it shares with the runs before it. Whatever happens, no
/// request and no wait goes on beyond `deadline`, on the scale of [`Host::elapsed`], but those that keep what was
/// done.
pub async fn run<H: Host>(
    host: &H,
    settings: &Settings,
    bucket: &Bucket,
    order: Order,
    pace: &Rc<RefCell<Pace>>,
    deadline: Duration,
) -> Outcome {
    let mut hands = Hands {
        host,
        settings,
        bucket,
        deadline,
        rejected: 0,
    };
    let mut run = Run::paced(settings.clone(), order, now(host), Rc::clone(pace));
    let mut reply = None;
    loop {
        match run.step(reply.take(), now(host)) {
            Step::Do(action) => reply = Some(hands.perform(action).await),
            Step::Done(mut outcome) => {
                outcome.summary.rejected = hands.rejected;
                return *outcome;
            }
        }
    }
}

/// The clocks of a host as a run reads them.
pub fn now<H: Host>(host: &H) -> Now {
    Now {
        wall: host.now().timestamp_millis(),
        elapsed: millis(host.elapsed()),
    }
}

struct Hands<'a, H> {
    host: &'a H,
    settings: &'a Settings,
    bucket: &'a Bucket,
    deadline: Duration,
    /// Events that the normalizer did not take.
    rejected: u64,
}

impl<H: Host> Hands<'_, H> {
    async fn perform(&mut self, action: Action) -> Reply {
        match action {
            Action::Send(request, within) => self.send(request, within).await,
            Action::Wait(ms) => {
                let left = self.left(Duration::from_millis(ms));
                self.host.pause(left).await;
                Reply::Done
            }
            Action::Read(key) if self.is_udm(&key) => self.read_udm(&key).await,
            Action::Read(key) => self.read(&key).await,
            Action::Write(write) if self.is_udm(&write.key) => self.write_udm(write).await,
            Action::Write(write) => self.write(write).await,
            Action::Delete(key) => self.delete(&key).await,
            Action::Claim(prefix) => self.claim(&prefix).await,
        }
    }

    async fn send(&self, request: Request, within: u64) -> Reply {
        let Request { url, headers, body } = request;
        let headers = headers.into_iter();
        let request = Outbound {
            method: "POST",
            url,
            headers: headers
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            body: body.into_bytes(),
            most: PAGE,
        };
        let within = self.left(Duration::from_millis(within)).max(SHORTEST);
        match self.host.send(request, within).await {
            // Fewer events at a time help here, as they do where a query takes too long.
            Ok(answer) if !answer.is_whole => {
                let message = format!("an answer of more than {PAGE} bytes");
                Reply::NoAnswer(message, true)
            }
            Ok(answer) => Reply::Answer(Answer {
                status: answer.status,
                headers: answer.headers,
                body: answer.body,
            }),
            Err(error) => {
                let is_timeout = error == SendError::TimedOut;
                Reply::NoAnswer(words(error), is_timeout)
            }
        }
    }

    /// Whether a key is that of an object of events that is UDM.
    fn is_udm(&self, key: &str) -> bool {
        let rest = key.strip_prefix(&self.settings.prefix);
        self.settings.shape == Shape::Udm && rest.is_some_and(|it| it.starts_with('/'))
    }

    fn left(&self, most: Duration) -> Duration {
        most.min(self.deadline.saturating_sub(self.host.elapsed()))
    }
}

/// Why nobody answered, in words that name no URL.
fn words(error: SendError) -> String {
    match error {
        SendError::TimedOut => "no answer in time".to_owned(),
        SendError::Denied => "that the runtime does not allow this host".to_owned(),
        SendError::Failed(message) => message,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
