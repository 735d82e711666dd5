//! Ranges of objects, of which the next ones come while the one before is read.

use std::collections::VecDeque;
use std::future::{poll_fn, ready};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use udmill_receiver::Host;
use udmill_receiver::destination::Fault;
use udmill_receiver::s3::Object;

use super::{Call, Ended};
use crate::feed::exchange::{Came, ask};

/// As many requests are under way for what comes next, at most.
pub const REQUESTS: usize = 8;
/// And for as many ranges of full length.
const RANGES: u64 = 2;

/// What comes next and is fetched already, in its order: ranges of the object that is read, and first ranges of those
/// behind it. Small objects would otherwise cost the way to the store and back, each.
#[derive(Default)]
pub struct Ahead<'a>(VecDeque<Begun<'a>>);

/// A range that is on its way.
struct Begun<'a> {
    object: Object,
    from: u64,
    fetching: Pin<Box<dyn Future<Output = Result<Vec<u8>, Ended>> + 'a>>,
}

impl<'a> Ahead<'a> {
    /// Begins with what comes next, as far as there is room for it, and forgets whatever else was begun.
    pub fn begin<'o, H: Host>(
        &mut self,
        call: &'a Call<'a, H>,
        coming: impl Iterator<Item = (&'o Object, u64)>,
    ) {
        let mut room = RANGES * call.sizes.range;
        for (at, (object, from)) in coming.take(REQUESTS).enumerate() {
            let length = call.sizes.range.min(object.size.saturating_sub(from));
            let Some(left) = room.checked_sub(length) else {
                break;
            };
            room = left;
            let begun = self.0.get(at);
            if begun.is_some_and(|it| it.from == from && it.object == *object) {
                continue;
            }
            self.0.truncate(at);
            self.0.push_back(Begun {
                object: object.clone(),
                from,
                fetching: Box::pin(fetched(call, object.clone(), from)),
            });
        }
    }

    /// A range: the one that was begun first, unless another is asked for.
    pub async fn take<H: Host>(
        &mut self,
        call: &'a Call<'a, H>,
        object: &Object,
        from: u64,
    ) -> Result<Vec<u8>, Ended> {
        self.begin(call, [(object, from)].into_iter());
        match self.0.pop_front() {
            Some(begun) => self.along(begun.fetching).await,
            None => fetched(call, object.clone(), from).await,
        }
    }

    /// Does some work, and lets what was begun come meanwhile.
    pub async fn along<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|context| {
            for begun in &mut self.0 {
                if let Poll::Ready(fetched) = begun.fetching.as_mut().poll(context) {
                    begun.fetching = Box::pin(ready(fetched));
                }
            }
            work.as_mut().poll(context)
        })
        .await
    }
}

/// Fetches a range of an object as the list told of it.
async fn fetched<H: Host>(call: &Call<'_, H>, object: Object, from: u64) -> Result<Vec<u8>, Ended> {
    let Call {
        host,
        pull,
        hard,
        sizes,
        ..
    } = call;
    let to = object.size.min(from + sizes.range);
    let length = (to - from) as usize;
    let range = Some((from, to - 1));
    let Some(mut request) = pull.bucket.get(&object.key, range, length, host.now()) else {
        let why = "expected a key that a URL can carry, but found `.` or `..` in it";
        return Err(Ended::Unreadable(why.to_owned()));
    };
    if !object.etag.is_empty() {
        let etag = object.etag.clone();
        request.headers.push(("if-match".to_owned(), etag));
    }
    let answer = match ask(*host, &pull.bucket, request, *hard).await {
        Ok(Came::Answer(answer)) => answer,
        Ok(Came::Missing) => return Err(Ended::Gone),
        Ok(Came::Changed) => return Err(Ended::Changed),
        Ok(Came::Unsupported) => {
            let why = "expected an object that may be read, but found 501";
            return Err(Ended::Denied(why.to_owned()));
        }
        Ok(Came::Denied(found)) => {
            return Err(Ended::Denied(format!(
                "expected an object that may be read, but found {found}"
            )));
        }
        Err(fault) => return Err(Ended::Failed(fault)),
    };
    // A store that knows no ranges begins with the first byte.
    if answer.body.len() == length && (answer.status == 206 || from == 0) {
        return Ok(answer.body);
    }
    let found = format!("{} with {} bytes", answer.status, answer.body.len());
    Err(Ended::Failed(Fault {
        kind: "unavailable",
        message: format!(
            "expected {length} bytes of {:?} from byte {from}, but found {found}",
            object.key
        ),
        retry_after: Duration::from_secs(30),
        alarm: false,
    }))
}
