//! The objects of a prefix, in the order of their keys' bytes, a page in memory.

use std::collections::VecDeque;
use std::time::Duration;

use udmill_receiver::Host;
use udmill_receiver::config::pull::Pull;
use udmill_receiver::destination::Fault;
use udmill_receiver::s3::{self, From, Object};

use super::exchange::{Came, ask};

/// A list that is walked along.
pub struct Listing<'a, H> {
    host: &'a H,
    pull: &'a Pull,
    prefix: String,
    hard: Duration,
    page: VecDeque<Object>,
    next: Next,
    last: String,
}

enum Next {
    After(String),
    Page(String),
    End,
}

impl<'a, H: Host> Listing<'a, H> {
    /// The objects behind a key; an empty one is before all others. No page is asked for after `hard`, on the scale
    /// of [`Host::elapsed`].
    pub fn after(host: &'a H, pull: &'a Pull, key: &str, hard: Duration) -> Listing<'a, H> {
        Listing {
            host,
            pull,
            prefix: format!("{}/", pull.prefix),
            hard,
            page: VecDeque::new(),
            next: Next::After(key.to_owned()),
            last: key.to_owned(),
        }
    }

    /// The next object; none at the end.
    ///
    /// # Errors
    ///
    /// When the store gives no list, or one out of order, in which objects cannot be found again.
    pub async fn next(&mut self) -> Result<Option<Object>, Fault> {
        while self.page.is_empty() {
            let from = match &self.next {
                Next::After(key) if key.is_empty() => From::Start,
                Next::After(key) => From::After(key),
                Next::Page(token) => From::Page(token),
                Next::End => return Ok(None),
            };
            let request = self.pull.bucket.list(&self.prefix, from, self.host.now());
            let came = ask(self.host, &self.pull.bucket, request, self.hard).await?;
            let page = match came {
                Came::Answer(answer) => s3::list(&answer).map_err(|it| odd("unexpected", it))?,
                Came::Denied(found) => {
                    let message = format!(
                        "expected to be allowed to list \"s3://{}/{}\", but found {found}",
                        self.pull.bucket.name(),
                        self.prefix
                    );
                    return Err(odd("credentials", message));
                }
                Came::Missing | Came::Changed | Came::Unsupported => {
                    let message = "expected a list of objects, but found no such bucket".to_owned();
                    return Err(odd("not_found", message));
                }
            };
            self.page = page.objects.into();
            self.next = page.next.map_or(Next::End, Next::Page);
        }
        let object = self.page.pop_front();
        if let Some(object) = &object {
            if !object.key.starts_with(&self.prefix) || object.key <= self.last {
                let message = format!(
                    "expected keys under {:?} in the order of their bytes, but found {:?} behind {:?}",
                    self.prefix, object.key, self.last
                );
                return Err(odd("unexpected", message));
            }
            self.last.clone_from(&object.key);
        }
        Ok(object)
    }

    /// The objects that come next, as far as they are known already.
    pub fn page(&self) -> impl Iterator<Item = &Object> {
        self.page.iter()
    }

    /// Whether the next object costs a request.
    pub fn is_at_a_page(&self) -> bool {
        self.page.is_empty()
    }
}

fn odd(kind: &'static str, message: String) -> Fault {
    Fault {
        kind,
        message,
        retry_after: Duration::from_secs(60),
        alarm: true,
    }
}
