//! Ranges of an object, of which the next one comes while the one before is read.

use std::future::{poll_fn, ready};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use udmill_receiver::Host;
use udmill_receiver::destination::Fault;
use udmill_receiver::s3::Object;

use super::{Call, Ended};
use crate::feed::exchange::{Came, ask};

/// Fetches a range of an object as the list told of it.
pub async fn fetched<H: Host>(
    call: &Call<'_, H>,
    object: &Object,
    from: u64,
) -> Result<Vec<u8>, Ended> {
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

/// A range that is on its way.
pub type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, Ended>> + 'a>>;

/// The range that is fetched while the one before it is read; none before there is one.
pub struct Ahead<'a>(pub Option<Fetching<'a>>);

impl Ahead<'_> {
    /// Does some work, and lets the range come meanwhile.
    pub async fn along<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|context| {
            if let Some(fetching) = &mut self.0
                && let Poll::Ready(fetched) = fetching.as_mut().poll(context)
            {
                self.0 = Some(Box::pin(ready(fetched)));
            }
            work.as_mut().poll(context)
        })
        .await
    }
}
