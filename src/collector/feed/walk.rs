//! A walk along the list of a prefix: what is new is taken, the rest is passed.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;
use udmill_receiver::Host;
use udmill_receiver::destination::Fault;
use udmill_receiver::host::Outbound;
use udmill_receiver::s3::Object;
use udmill_receiver::store::quarantine::{self, About, Source};
use udmill_receiver::store::{self, hex};

use super::Pulled;
use super::exchange::{Came, ask};
use super::listing::Listing;
use super::marker::is_marker;
use super::object::{Ahead, Call, Ended, REQUESTS, Reading};
use super::state::Held;
use super::taken::{Digest, Mark, Taken, digest};

/// After so many objects, so many bytes or so long, what is taken is written down.
const OBJECTS: usize = 32;
const BYTES: u64 = 4 << 20;
const TIME: Duration = Duration::from_secs(1);
/// After so many deletions in a row that failed, no more are tried in this call.
const FAILURES: usize = 3;

/// A walk.
pub struct Walk<'a, H: Host> {
    call: &'a Call<'a, H>,
    taken: Taken<'a, H>,
    listing: Listing<'a, H>,
    ahead: Ahead<'a>,
    /// The last key that needs nothing more of this walk.
    last: String,
    /// Since what is taken was last written down.
    objects: usize,
    bytes: u64,
    saved: Duration,
    failures: usize,
    is_begun: bool,
}

/// Whether a walk goes on.
enum Then {
    On,
    Pause,
}

impl<'a, H: Host> Walk<'a, H> {
    /// Goes on where the state says.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn new(
        call: &'a Call<'a, H>,
        name: &str,
        held: &Held<'_, H>,
    ) -> Result<Walk<'a, H>, Fault> {
        let taken = Taken::open(call.host, name, &held.state.after).await;
        let taken = taken.map_err(store::fault)?;
        let after = taken.after().to_owned();
        Ok(Walk {
            listing: Listing::after(call.host, call.pull, &after, call.hard),
            call,
            taken,
            ahead: Ahead::default(),
            last: after,
            objects: 0,
            bytes: 0,
            saved: call.host.elapsed(),
            failures: 0,
            is_begun: false,
        })
    }

    /// Walks to the end of the list or of the time. What was done is written down in either case, and after a fault.
    ///
    /// # Errors
    ///
    /// What the walk cannot go on with.
    pub async fn run(&mut self, held: &mut Held<'_, H>, pulled: &mut Pulled) -> Result<(), Fault> {
        let walked = self.along(held, pulled).await;
        let saved = match walked {
            Ok(Then::On) => {
                held.state.after.clear();
                held.state.open = None;
                self.taken.end().await
            }
            Ok(Then::Pause) | Err(_) => {
                pulled.more = true;
                let cut = self.taken.cut(&self.last).await;
                held.state.after = self.taken.after().to_owned();
                cut
            }
        };
        walked.map(drop).and(saved.map_err(store::fault))
    }

    async fn along(&mut self, held: &mut Held<'_, H>, pulled: &mut Pulled) -> Result<Then, Fault> {
        loop {
            if self.listing.is_at_a_page() && self.is_begun && self.is_late() {
                return Ok(Then::Pause);
            }
            if self.listing.is_at_a_page() {
                held.renew().await?;
            }
            let Some(object) = self.listing.next().await? else {
                return Ok(Then::On);
            };
            pulled.listed += 1;
            self.taken.reach(&object.key).await.map_err(store::fault)?;
            if is_log(&object) {
                let then = self.one(&object, held, pulled).await?;
                if let Then::Pause = then {
                    return Ok(then);
                }
            }
            self.last = object.key;
            self.is_begun = true;
        }
    }

    /// The next objects, as far as they will surely be read. After a death, whoever may be the cause is alone.
    fn behind(&self, held: &Held<'_, H>) -> Vec<Object> {
        if held.is_careful || self.is_late() {
            return Vec::new();
        }
        let now = self.call.host.now();
        let is_new = |it: &&Object| {
            is_log(it)
                && it.size > 0
                && !self.is_old(it, now)
                && self.taken.reaches(&it.key)
                && self.taken.mark(&digest(it)).is_none()
        };
        let page = self.listing.page().take(REQUESTS);
        page.filter(is_new).cloned().collect()
    }

    fn is_old(&self, object: &Object, now: DateTime<Utc>) -> bool {
        let modified = object.modified;
        modified.is_some_and(|it| now - it > self.call.pull.max_age)
    }

    fn is_late(&self) -> bool {
        self.call.host.elapsed() >= self.call.deadline
    }

    async fn one(
        &mut self,
        object: &Object,
        held: &mut Held<'_, H>,
        pulled: &mut Pulled,
    ) -> Result<Then, Fault> {
        let digest = digest(object);
        let now = self.call.host.now();
        let hour = u32::try_from(now.timestamp() / 3600).unwrap_or_default();
        let mark = match self.taken.mark(&digest) {
            // Also what was taken before the feed was told to delete.
            Some(Mark::Delete | Mark::Taken) if self.call.pull.deletes => {
                Some(self.delete(object, pulled).await)
            }
            Some(Mark::Denied(at)) if at != hour => None,
            Some(mark) => Some(mark),
            None => None,
        };
        if let Some(mark) = mark {
            return self.pass(object, digest, Some(mark)).await;
        }
        if self.is_old(object, now) {
            pulled.too_old += 1;
            return Ok(Then::On);
        }
        if self.is_begun && self.is_late() {
            return Ok(Then::Pause);
        }
        let ended = self.read(object, &digest, held, pulled).await;
        let mark = match ended {
            Ended::Paused => return Ok(Then::Pause),
            Ended::Failed(fault) => return Err(fault),
            Ended::Gone | Ended::Changed => {
                pulled.gone += 1;
                None
            }
            Ended::Whole => {
                pulled.objects += 1;
                Some(match self.call.pull.deletes {
                    true => self.delete(object, pulled).await,
                    false => Mark::Taken,
                })
            }
            Ended::Unreadable(_) => Some(Mark::Unreadable),
            Ended::Denied(_) => Some(Mark::Denied(hour)),
        };
        held.state.open = None;
        self.objects += 1;
        self.pass(object, digest, mark).await?;
        let is_due = self.objects >= OBJECTS
            || self.bytes >= BYTES
            || held.is_careful
            || self.call.host.elapsed() >= self.saved + TIME;
        if is_due {
            self.taken.save().await.map_err(store::fault)?;
            held.save().await?;
            (self.objects, self.bytes) = (0, 0);
            self.saved = self.call.host.elapsed();
        }
        Ok(Then::On)
    }

    async fn pass(
        &mut self,
        object: &Object,
        digest: Digest,
        mark: Option<Mark>,
    ) -> Result<Then, Fault> {
        let passed = self.taken.pass(&object.key, digest, mark).await;
        passed.map_err(store::fault)?;
        Ok(Then::On)
    }

    /// Reads an object, or the rest of it.
    async fn read(
        &mut self,
        object: &Object,
        digest: &Digest,
        held: &mut Held<'_, H>,
        pulled: &mut Pulled,
    ) -> Ended {
        if object.size == 0 {
            return Ended::Whole;
        }
        let id = hex(digest);
        let open = held.state.open.take_if(|it| it.object == id);
        let position = open.map(|it| it.at).unwrap_or_default();
        let behind = self.behind(held);
        let objects = (object, behind.as_slice());
        let mut reading = Reading::new(self.call, objects, digest, position, &mut self.ahead);
        let ended = reading.run(held).await;
        pulled.bytes += reading.bytes;
        self.bytes += reading.bytes;
        pulled.tally.add(std::mem::take(&mut reading.tally));
        held.state.open = reading.open();
        let place = reading.place();
        if let Ended::Unreadable(why) | Ended::Denied(why) = &ended {
            pulled.unreadable += 1;
            if let Err(fault) = self.tell(object, &place, why, pulled).await {
                return Ended::Failed(fault);
            }
        }
        ended
    }

    /// What cannot be read is named in quarantine and in the log.
    async fn tell(
        &self,
        object: &Object,
        place: &str,
        why: &str,
        pulled: &mut Pulled,
    ) -> Result<(), Fault> {
        let Call {
            host, feed, pull, ..
        } = self.call;
        // The same for the same object, so that it is there once.
        let record = json!({
            "bucket": pull.bucket.name(),
            "key": object.key,
            "etag": object.etag,
            "size": object.size,
        });
        let about = About {
            feed: feed.name.clone(),
            destination: feed.destination.clone(),
            received: host.now(),
            source: Source::Undelivered,
            reason: why.to_owned(),
            log: None,
            place: Some(place.to_owned()),
        };
        let held = quarantine::put(*host, about, record.to_string().as_bytes()).await;
        held.map_err(store::fault)?;
        pulled.tally.quarantined += 1;
        let line = json!({
            "kind": "object",
            "feed": feed.name,
            "key": object.key,
            "outcome": "unreadable",
            "place": place,
            "message": why,
        });
        host.log(&line.to_string());
        Ok(())
    }

    /// Deletes an object whose logs are safe; what is left of it for the next walk.
    async fn delete(&mut self, object: &Object, pulled: &mut Pulled) -> Mark {
        if self.failures >= FAILURES {
            pulled.undeleted += 1;
            return Mark::Delete;
        }
        let found = match self.delete_unchanged(object).await {
            Ok(Came::Answer(_) | Came::Missing) => {
                pulled.deleted += 1;
                self.failures = 0;
                return Mark::Taken;
            }
            Ok(Came::Changed) => return Mark::Taken,
            Ok(Came::Denied(found)) => found,
            Ok(Came::Unsupported) => "501".to_owned(),
            Err(fault) => fault.message,
        };
        self.failures += 1;
        pulled.undeleted += 1;
        if pulled.warnings.len() < FAILURES {
            pulled.warnings.push(format!(
                "expected to delete {:?}, but found {found}; it is tried again",
                object.key
            ));
        }
        Mark::Delete
    }

    /// Deletes what was read: what was written over it meanwhile nobody has.
    async fn delete_unchanged(&self, object: &Object) -> Result<Came, Fault> {
        let Call {
            host, pull, hard, ..
        } = self.call;
        let Some(request) = pull.bucket.delete(&object.key, host.now()) else {
            return Ok(Came::Changed);
        };
        if object.etag.is_empty() {
            return ask(*host, &pull.bucket, request, *hard).await;
        }
        let if_match = |mut request: Outbound| {
            let etag = object.etag.clone();
            request.headers.push(("if-match".to_owned(), etag));
            ask(*host, &pull.bucket, request, *hard)
        };
        match if_match(request.clone()).await? {
            Came::Unsupported => {}
            came => return Ok(came),
        }
        // A store that knows conditions for reading alone is asked right before.
        let byte = (object.size > 0).then_some((0, 0));
        let Some(look) = pull.bucket.get(&object.key, byte, 1, host.now()) else {
            return Ok(Came::Changed);
        };
        match if_match(look).await? {
            Came::Answer(_) => ask(*host, &pull.bucket, request, *hard).await,
            came => Ok(came),
        }
    }
}

/// Whether an object may hold logs.
fn is_log(object: &Object) -> bool {
    let is_folder = object.key.ends_with('/') && object.size == 0;
    !is_folder && !is_marker(&object.key)
}
