//! An object on its way: fetched in ranges, decompressed if it is gzip, cut into logs by the normalizer's own reader,
//! and delivered piece by piece.
//!
//! Pieces begin at the same bytes whenever and by whomever an object is read, so that a destination gets nothing
//! again that it accepted before a call died. Every range is asked for under the ETag that the list told: an object
//! that is overwritten meanwhile is never mixed with what it was. Between two pieces reading can stop, and go on in
//! another process: there the next reader is told first what is still open around the next log.

mod call;
mod range;
mod source;

use std::borrow::Cow;
use std::time::Duration;

use udmill_receiver::Host;
use udmill_receiver::delivery::{Delivered, Place, deliver_part};
use udmill_receiver::destination::Fault;
use udmill_receiver::host::Reader;
use udmill_receiver::opening::Opening;
use udmill_receiver::record::Tally;
use udmill_receiver::s3::Object;
use udmill_receiver::store::hex;
use udmill_receiver::wit::transform::{Batch, Error};

use super::inflate::{Inflate, MAGIC, Point};
use super::state::Held;
use super::taken::Digest;
pub use call::{Call, Ended, Position, Sizes};
pub use range::{Ahead, REQUESTS};
use source::Source;

/// What the normalizer is given at once, at most.
const PUSH: usize = 4 << 20;
/// A piece over which so many calls have died is not read again.
const DEATHS: u32 = 3;

/// An object that is being read.
pub struct Reading<'o, 'a, H: Host> {
    call: &'a Call<'a, H>,
    object: &'o Object,
    /// The new objects behind it.
    behind: &'o [Object],
    digest: String,
    name: String,
    source: Source,
    ahead: &'o mut Ahead<'a>,
    reader: H::Reader,
    opening: Opening,
    /// Decompressed bytes from [`Position::reported`] on, and how many of them the reader has.
    tail: Vec<u8>,
    fed: usize,
    /// What to add to the reader's offsets.
    base: i64,
    /// The next bytes may be what stands between two logs.
    resumes: bool,
    pub position: Position,
    pub tally: Tally,
    /// Bytes that were fetched.
    pub bytes: u64,
}

impl<'o, 'a, H: Host> Reading<'o, 'a, H> {
    /// Goes on at a position; its default is the beginning. What is read next is fetched meanwhile.
    pub fn new(
        call: &'a Call<'a, H>,
        (object, behind): (&'o Object, &'o [Object]),
        digest: &Digest,
        position: Position,
        ahead: &'o mut Ahead<'a>,
    ) -> Reading<'o, 'a, H> {
        let bucket = call.pull.bucket.name();
        let mut source = Source {
            range: Vec::new(),
            at: 0,
            next: position.reported,
            inflate: None,
            ahead: Vec::new(),
            skip: 0,
            broken: None,
        };
        if let Some(point) = &position.gzip {
            match Inflate::at(point) {
                Ok(inflate) => source.inflate = Some(inflate),
                Err(why) => source.broken = Some(why),
            }
            source.next = point.read;
            source.skip = position.reported.saturating_sub(point.made);
        }
        let mut reader = call.host.reader(&call.feed.options);
        let mut opening = Opening::default();
        opening.walk(position.opening.as_bytes());
        // It holds no log, and invalid options are told by the next call.
        let _ = reader.push(opening.text());
        Reading {
            digest: hex(digest),
            name: format!("s3://{bucket}/{}", object.key),
            source,
            ahead,
            reader,
            base: position.reported as i64 - opening.text().len() as i64,
            opening,
            tail: Vec::new(),
            fed: 0,
            resumes: position.piece > 0,
            position,
            tally: Tally::default(),
            bytes: 0,
            call,
            object,
            behind,
        }
    }

    /// Reads until the object ends or the time does, at least a piece. Progress is written down every few pieces.
    pub async fn run(&mut self, held: &mut Held<'_, H>) -> Ended {
        let mut saved = self.position.seen;
        loop {
            match held.hold(&self.digest, self.position.piece).await {
                Ok(deaths) if deaths >= DEATHS => {
                    return Ended::Unreadable(format!(
                        "expected a piece that can be read, but found that {deaths} calls have died over it"
                    ));
                }
                Ok(_) => {}
                Err(fault) => return Ended::Failed(fault),
            }
            match self.piece(held).await {
                Ok(true) => {}
                Ok(false) => return Ended::Whole,
                Err(ended) => return ended,
            }
            if self.call.host.elapsed() >= self.call.deadline {
                return Ended::Paused;
            }
            if self.position.seen - saved >= self.call.sizes.progress {
                saved = self.position.seen;
                held.state.open = self.open();
                if let Err(fault) = held.save().await {
                    return Ended::Failed(fault);
                }
            }
        }
    }

    /// What to write down of an object that is read in part.
    pub fn open(&self) -> Option<super::state::Open> {
        (self.position.piece > 0).then(|| super::state::Open {
            object: self.digest.clone(),
            at: self.position.clone(),
        })
    }

    /// Where in the object reading has got to, for whoever looks for what is wrong.
    pub fn place(&self) -> String {
        format!("{} at byte {}", self.name, self.position.reported)
    }

    /// Delivers a piece, and tells whether there are more.
    async fn piece(&mut self, held: &mut Held<'_, H>) -> Result<bool, Ended> {
        let want = (self.position.seen - self.position.reported) as usize + self.call.sizes.piece;
        let has_more = self.fill(want).await?;
        let batch = self.read(!has_more).map_err(|error| {
            let (Error::UnknownLogType(message) | Error::InvalidOption(message)) = error;
            Ended::Failed(odd(message))
        })?;
        let seen = self.position.reported + self.tail.len() as u64;
        if !batch.logs.is_empty() {
            held.let_go().await.map_err(Ended::Failed)?;
            self.deliver(batch).await?;
        }
        self.position.seen = seen;
        self.position.piece += 1;
        if let Some(inflate) = &mut self.source.inflate {
            self.position.gzip = Some(inflate.point(self.position.reported));
        }
        let kept = self.call.sizes.kept;
        if has_more && self.tail.len() > kept {
            return Err(Ended::Unreadable(format!(
                "expected the end of a log, but found none in {kept} bytes; the rest of the object is left alone"
            )));
        }
        match (has_more, self.source.broken.take()) {
            (false, Some(why)) => Err(Ended::Unreadable(why)),
            (has_more, _) => Ok(has_more),
        }
    }

    /// Fills the tail up to so many bytes, and tells whether there may be more.
    async fn fill(&mut self, want: usize) -> Result<bool, Ended> {
        let mut silent = 0;
        while self.tail.len() < want {
            let source = &mut self.source;
            if source.ahead.is_empty() && source.broken.is_some() {
                return Ok(false);
            }
            if source.ahead.is_empty() && source.at == source.range.len() {
                if source.next >= self.object.size {
                    let end = source.inflate.as_ref().map(Inflate::finish);
                    source.broken = end.and_then(Result::err);
                    return Ok(false);
                }
                let most = self.call.sizes.silent;
                if silent >= most {
                    return Err(Ended::Unreadable(format!(
                        "expected logs in a gzip, but found none in {most} bytes of it"
                    )));
                }
                self.fetch().await?;
                silent += self.source.range.len();
            }
            let before = self.tail.len();
            self.source.pour(&mut self.tail, want);
            if self.tail.len() > before {
                silent = 0;
            }
        }
        Ok(true)
    }

    /// Fetches the next range, and begins with what is behind it.
    async fn fetch(&mut self) -> Result<(), Ended> {
        let Self { call, object, .. } = *self;
        let from = self.source.next;
        let bytes = self.ahead.take(call, object, from).await?;
        self.bytes += bytes.len() as u64;
        self.source.next = from + bytes.len() as u64;
        if from == 0 && bytes.starts_with(MAGIC) {
            self.source.inflate = Inflate::at(&Point::default()).ok();
        }
        self.source.range = bytes;
        self.source.at = 0;
        let range = usize::try_from(call.sizes.range).unwrap_or(usize::MAX);
        let rest = (self.source.next..object.size).step_by(range);
        let behind = self.behind.iter().map(|it| (it, 0));
        self.ahead
            .begin(call, rest.map(|from| (object, from)).chain(behind));
        Ok(())
    }

    /// Hands the reader what it does not have, and takes its logs. Their spans count from the object's first byte.
    fn read(&mut self, is_end: bool) -> Result<Batch, Error> {
        if self.resumes {
            let rest = self.tail.get(self.fed..).unwrap_or_default();
            let skipped = match self.call.feed.options.split_delimiter {
                Some(_) if self.opening.text().is_empty() => 0,
                _ => {
                    let is_between = |it: &&u8| it.is_ascii_whitespace() || **it == b',';
                    rest.iter().take_while(is_between).count()
                }
            };
            self.resumes = skipped == rest.len();
            self.fed += skipped;
            self.base += skipped as i64;
        }
        let mut batch = Batch {
            events: Vec::new(),
            log_indexes: Vec::new(),
            logs: Vec::new(),
            notes: Vec::new(),
            rejections: Vec::new(),
        };
        let rest = self.tail.get(self.fed..).unwrap_or_default();
        for bytes in rest.chunks(PUSH) {
            let more = self.reader.push(bytes)?;
            add(&mut batch, more);
        }
        self.fed = self.tail.len();
        if is_end {
            let more = self.reader.finish()?;
            add(&mut batch, more);
        }
        for log in &mut batch.logs {
            log.offset = log.offset.saturating_add_signed(self.base);
        }
        Ok(batch)
    }

    /// Delivers the logs of a batch, in the wrappers that they stood in, so that what goes to quarantine can be read
    /// again.
    async fn deliver(&mut self, mut batch: Batch) -> Result<(), Ended> {
        let start = self.position.reported;
        let mut opening = self.opening.clone();
        let mut before = None;
        let (mut first, mut reported) = (start, start);
        for log in &batch.logs {
            let end = log.offset.saturating_add(log.length);
            if log.offset < start || end > start + self.tail.len() as u64 {
                let message = "expected logs inside of what was read, but found others".to_owned();
                return Err(Ended::Failed(odd(message)));
            }
            let between = (reported - start) as usize..(log.offset - start) as usize;
            opening.walk(self.tail.get(between).unwrap_or_default());
            if before.is_none() {
                before = Some(opening.text().to_vec());
                first = log.offset;
            }
            reported = reported.max(end);
        }
        // Within a delimiter's pieces, a bracket may be the delimiter.
        let (before, after) = match self.call.feed.options.split_delimiter {
            Some(_) => Default::default(),
            None => (before.unwrap_or_default(), opening.closing()),
        };
        let logs = self
            .tail
            .get((first - start) as usize..(reported - start) as usize)
            .unwrap_or_default();
        let payload = match (&before[..], &after[..]) {
            ([], []) => Cow::Borrowed(logs),
            (before, after) => Cow::Owned([before, logs, after].concat()),
        };
        let shift = first as i64 - before.len() as i64;
        for log in &mut batch.logs {
            log.offset = log.offset.saturating_add_signed(-shift);
        }
        let place = Place {
            name: &self.name,
            shift,
        };
        let unlike = format!("{}-{}", self.digest, self.position.piece);
        let Call {
            host,
            config,
            feed,
            tokens,
            hard,
            ..
        } = self.call;
        let delivered = deliver_part(
            *host, config, feed, &payload, &batch, place, &unlike, tokens, *hard,
        );
        // What prints does not wait, and lets nothing come meanwhile.
        let delivered = async {
            host.pause(Duration::ZERO).await;
            delivered.await
        };
        let Delivered { tally, fault, .. } = self.ahead.along(delivered).await;
        if let Some(fault) = fault {
            return Err(Ended::Failed(fault));
        }
        self.tally.add(tally);
        self.opening = opening;
        self.tail.drain(..(reported - start) as usize);
        self.fed = self.tail.len();
        self.position.reported = reported;
        self.position.opening = String::from_utf8_lossy(self.opening.text()).into_owned();
        Ok(())
    }
}

/// Adds what a reader gave next.
fn add(batch: &mut Batch, more: Batch) {
    if batch.logs.is_empty() && batch.events.is_empty() && batch.notes.is_empty() {
        *batch = more;
        return;
    }
    let (logs, events) = (batch.logs.len() as u32, batch.log_indexes.len() as u32);
    batch.events.extend(more.events);
    batch
        .log_indexes
        .extend(more.log_indexes.iter().map(|it| it + logs));
    batch.logs.extend(more.logs);
    batch.notes.extend(more.notes.into_iter().map(|mut it| {
        it.event_index += events;
        it
    }));
    batch
        .rejections
        .extend(more.rejections.into_iter().map(|mut it| {
            it.log_index += logs;
            it
        }));
}

/// A fault of the normalizer's.
fn odd(message: String) -> Fault {
    Fault {
        kind: "normalizer",
        message,
        retry_after: Duration::from_secs(60),
        alarm: true,
    }
}
