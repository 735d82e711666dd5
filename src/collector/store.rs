//! What the collector asks of its store: objects, repeated when the store fails, and a state that only one run
//! writes.

use crate::collect::{Collector, Plan};
use crate::ids::Ids;
use crate::pace;
use crate::settings::Shape;
use crate::state::{self, State};
use crate::step::{Action, Condition, Reply, Write};
use crate::summary::{Error, after};

const JSON: &str = "application/json";

impl Collector {
    /// Where the state lies. A backfill has one of its own, and so has one with other filters or in another shape:
    /// that one is done says nothing of the other.
    pub(crate) fn state_key(&self) -> String {
        let (prefix, name) = (&self.settings.state_prefix, &self.settings.name);
        match self.order.plan {
            Plan::Live => format!("{prefix}/{name}.json"),
            Plan::Backfill { from, to } => {
                let what = state::fingerprint(&self.settings);
                let shape = self.settings.shape.name();
                format!("{prefix}/{name}-backfill-{from}-{to}-{shape}-{what}.json")
            }
        }
    }

    /// Says beside the prefix that SecOps reads it, so that no other feed reads the same; each shape has its reader,
    /// and this one has no other.
    pub(crate) async fn mark(&mut self) -> Result<(), Error> {
        if self.settings.shape != Shape::Streaming {
            return Ok(());
        }
        let prefix = self.settings.prefix.clone();
        match self
            .store(Action::Claim(prefix.clone()), "mark", &prefix)
            .await?
        {
            Reply::Done => Ok(()),
            Reply::Unmarked(warning) => {
                self.summary.warnings.push(warning);
                Ok(())
            }
            Reply::Taken(message) => Err(Error::Taken(message)),
            _ => Err(unexpected("mark", &prefix)),
        }
    }

    /// Takes the state for this run, and finds out whether the store honours conditions: one that does not would let
    /// two runs write over each other, and says nothing.
    pub(crate) async fn claim(&mut self, condition: Condition) -> Result<(), Error> {
        let key = self.state_key();
        let condition = match self.state.conditional {
            Some(false) => Condition::None,
            _ => condition,
        };
        let body = self.state.to_bytes();
        self.etag = match self.put(&key, body, JSON, Vec::new(), condition).await? {
            Put::Written(etag) => Some(etag),
            Put::Refused => self.our_own(&key).await?,
            Put::Unsupported => {
                self.state.conditional = Some(false);
                match self
                    .put(
                        &key,
                        self.state.to_bytes(),
                        JSON,
                        Vec::new(),
                        Condition::None,
                    )
                    .await?
                {
                    Put::Written(etag) => Some(etag),
                    _ => None,
                }
            }
        };
        if self.etag.is_none() {
            return Err(Error::Overtaken);
        }
        if self.state.conditional.is_none() {
            let body = self.state.to_bytes();
            let refused = match self
                .put(&key, body, JSON, Vec::new(), Condition::Absent)
                .await?
            {
                Put::Refused => true,
                Put::Unsupported => false,
                Put::Written(etag) => {
                    self.etag = Some(etag);
                    false
                }
            };
            self.state.conditional = Some(refused);
        }
        if self.state.conditional == Some(false) {
            let message = "expected a store with conditional writes, but found none; never run two collectors at once";
            self.summary.warnings.push(message.to_owned());
        }
        Ok(())
    }

    /// Writes the state, if it is still ours, and renews the lease unless it was given back.
    pub(crate) async fn write_state(&mut self) -> Result<(), Error> {
        if self.state.lease.is_some() {
            self.renew_lease();
        }
        let key = self.state_key();
        let condition = match (self.state.conditional, self.etag.clone()) {
            (_, None) => return Err(Error::Overtaken),
            (Some(false), Some(_)) => {
                self.look_for_others(&key).await?;
                Condition::None
            }
            (_, Some(etag)) => Condition::Matches(etag),
        };
        let body = self.state.to_bytes();
        self.etag = match self.put(&key, body, JSON, Vec::new(), condition).await? {
            Put::Written(etag) => Some(etag),
            Put::Refused => self.our_own(&key).await?,
            Put::Unsupported => None,
        };
        match self.etag {
            Some(_) => Ok(()),
            None => Err(Error::Overtaken),
        }
    }

    /// Without conditions, a look before each write is the best that there is.
    async fn look_for_others(&mut self, key: &str) -> Result<(), Error> {
        let found = self.read_object(key).await?;
        let owner = found.and_then(|(bytes, _)| State::read(&bytes).ok()?.lease);
        match owner {
            Some(lease) if lease.owner == self.order.owner => Ok(()),
            _ => {
                self.etag = None;
                Err(Error::Overtaken)
            }
        }
    }

    /// A write whose answer was lost is refused when it is repeated, though it is ours that stands there.
    async fn our_own(&mut self, key: &str) -> Result<Option<String>, Error> {
        let found = self.read_object(key).await?;
        let ours = found.filter(|(bytes, _)| *bytes == self.state.to_bytes());
        Ok(ours.map(|(_, etag)| etag))
    }

    /// Moves the ids of the open window to those of the overlap, in an object whose name is new, and says which object
    /// can go when the state is written.
    pub(crate) async fn save_window_ids(&mut self) -> Result<Option<String>, Error> {
        if self.state.window_ids.is_empty() {
            return Ok(None);
        }
        self.state.ids_number += 1;
        let (prefix, name) = (&self.settings.state_prefix, &self.settings.name);
        let (number, owner) = (self.state.ids_number, &self.order.owner);
        let key = format!("{prefix}/{name}-ids/{number}-{owner}.json");
        let mut sorted: Vec<(&String, &i64)> = self.seen.iter().collect();
        sorted.sort_unstable();
        let mut ids = Ids::default();
        for (id, time) in sorted {
            ids.push(id, *time);
        }
        let mut body = String::new();
        ids.write(&mut body);
        self.write_object(&key, body.into_bytes(), JSON, Vec::new(), Condition::None)
            .await?;
        self.state.window_ids = Ids::default();
        Ok(self.state.ids.replace(key))
    }

    /// Deletes an object of ids that the state names no more.
    pub(crate) async fn forget(&mut self, old: Option<String>) -> Result<(), Error> {
        match old {
            Some(key) => self.delete_object(&key).await,
            None => Ok(()),
        }
    }

    pub(crate) async fn read_object(&mut self, key: &str) -> Result<Read, Error> {
        self.read_or_denied(key).await?.map_err(|why| {
            let found = format!("{why} ({})", after(1));
            Error::Store(format!("expected to read `{key}`, but found: {found}"))
        })
    }

    /// The same, or why the object may not be read.
    async fn read_or_denied(&mut self, key: &str) -> Result<Result<Read, String>, Error> {
        let read = Action::Read(key.to_owned());
        match self.store(read, "read", key).await? {
            Reply::Object(object) => Ok(Ok(object)),
            Reply::Denied(why) => Ok(Err(why)),
            _ => Err(unexpected("read", key)),
        }
    }

    /// The Lambda's state. Where nothing says that there is one, policies need not let anybody look outside of
    /// `S3_PREFIX`.
    pub(crate) async fn read_lambda_state(&mut self) -> Result<Read, Error> {
        let key = self.settings.lambda_state_key.clone();
        if !self.settings.is_lambda_elsewhere {
            return self.read_object(&key).await;
        }
        let found = self.read_or_denied(&key).await?;
        Ok(found.unwrap_or_else(|_| {
            self.summary.warnings.push(format!(
                "expected to look for a Lambda's state at `{key}`, but found that it may not be read; if there was a \
                 Lambda, allow s3:GetObject there, set `STATE_KEY` to it, and delete `{}`",
                self.state_key()
            ));
            None
        }))
    }

    /// Writes an object; one that is there already is as good.
    pub(crate) async fn write_object(
        &mut self,
        key: &str,
        body: Vec<u8>,
        content_type: &'static str,
        metadata: Vec<(&'static str, String)>,
        condition: Condition,
    ) -> Result<(), Error> {
        match self
            .put(key, body, content_type, metadata, condition)
            .await?
        {
            Put::Written(_) | Put::Refused => Ok(()),
            Put::Unsupported => Err(unexpected("write", key)),
        }
    }

    pub(crate) async fn delete_object(&mut self, key: &str) -> Result<(), Error> {
        match self
            .store(Action::Delete(key.to_owned()), "delete", key)
            .await?
        {
            Reply::Done => Ok(()),
            _ => Err(unexpected("delete", key)),
        }
    }

    async fn put(
        &mut self,
        key: &str,
        body: Vec<u8>,
        content_type: &'static str,
        metadata: Vec<(&'static str, String)>,
        condition: Condition,
    ) -> Result<Put, Error> {
        let write = Write {
            key: key.to_owned(),
            body,
            content_type,
            metadata,
            condition,
        };
        match self.store(Action::Write(write), "write", key).await? {
            Reply::Written(etag) => Ok(Put::Written(etag)),
            Reply::Refused => Ok(Put::Refused),
            Reply::Unsupported => Ok(Put::Unsupported),
            _ => Err(unexpected("write", key)),
        }
    }

    /// Asks the store, again if it fails for the moment. The run's time does not count here: an object that is not
    /// written costs more than a late end.
    async fn store(&mut self, action: Action, verb: &str, key: &str) -> Result<Reply, Error> {
        let mut calls = 0;
        loop {
            let reply = self.desk.ask(action.clone()).await;
            let Reply::Failed(message, is_passing) = reply else {
                return Ok(reply);
            };
            calls += 1;
            if !is_passing || calls > self.settings.max_retries {
                return Err(Error::Store(format!(
                    "expected to {verb} `{key}`, but found: {message} ({})",
                    after(calls)
                )));
            }
            self.summary.retries += 1;
            let wait = pace::wait(calls - 1, None, &mut self.chance);
            self.pause(wait).await?;
        }
    }
}

/// The object, with its ETag, or none.
type Read = Option<(Vec<u8>, String)>;

enum Put {
    Written(String),
    Refused,
    Unsupported,
}

fn unexpected(verb: &str, key: &str) -> Error {
    Error::Store(format!(
        "expected to {verb} `{key}`, but found an answer to something else"
    ))
}
