//! A bucket in memory behind the requests of a [`Memory`], with the faults of a real one.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io::Write;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;
use udmill_receiver::config::Config;
use udmill_receiver::destination::google_token::Tokens;
use udmill_receiver::host::{Answer, Host, Outbound, SendError};
use udmill_receiver::testing::feeds::{self, Takers};
use udmill_receiver::testing::{Memory, run};

use super::object::Sizes;
use super::{Pulled, call};

/// Where the bucket is.
const URL: &str = "http://127.0.0.1:9000/audit";

/// An object.
#[derive(Clone)]
pub struct Stored {
    pub bytes: Vec<u8>,
    pub modified: DateTime<Utc>,
}

/// A bucket. What it holds and how it fails may be changed at any time.
#[derive(Clone, Default)]
pub struct Store {
    pub objects: Rc<RefCell<BTreeMap<String, Stored>>>,
    /// `GET logs/a.jsonl`, and `LIST`.
    pub asked: Rc<RefCell<Vec<String>>>,
    /// The status and code for requests that begin so.
    pub fails: Rc<RefCell<BTreeMap<String, (u16, &'static str)>>>,
    /// Conditions are for reading and writing alone, as in stores that answer 501 to others.
    pub deletes_as_told: Rc<Cell<bool>>,
    /// How many objects a page of a list has.
    pub page: Rc<Cell<usize>>,
}

/// A host with a bucket, a destination that remembers, and a configuration.
pub struct World {
    pub host: Memory,
    pub store: Store,
    pub takers: Takers,
    pub config: Config,
    pub sizes: Sizes,
    /// How long a call may take.
    pub budget: Duration,
    /// Whoever asks this of the bucket dies; `POST`, whoever delivers something.
    pub deadly: Option<&'static str>,
}

impl World {
    /// With more keys of the feed's table `s3`.
    pub fn new(more: &str) -> World {
        World::of(more, "")
    }

    /// With more keys of the feed, too.
    pub fn of(more: &str, feed: &str) -> World {
        let config = feeds::read(&format!(
            "[feed.azdo]\nlog_type = \"AZURE_DEVOPS\"\ndestination = \"main\"\n{feed}\n\
             s3 = {{ bucket = \"audit\", region = \"r\", endpoint = \"http://127.0.0.1:9000\", \
             access_key = \"k\", secret_key = \"s\", prefix = \"logs\" {more} }}\n\
             [destination.main]\ntype = \"http\"\nurl = \"https://main.example/in\"\nformat = \"udm\"\n"
        ));
        let world = World {
            host: Memory::new(),
            store: Store::default(),
            takers: Takers::default(),
            config,
            sizes: Sizes::default(),
            budget: Duration::from_secs(4),
            deadly: None,
        };
        world.store.page.set(1000);
        let (store, takers) = (world.store.clone(), world.takers.clone());
        let start = world.host.start;
        world
            .host
            .answers(move |request| match request.url.starts_with(URL) {
                true => store.answer(request, start),
                false => takers.answer(request),
            });
        world
    }

    /// Puts an object.
    pub fn put(&self, key: &str, bytes: impl Into<Vec<u8>>) {
        let stored = Stored {
            bytes: bytes.into(),
            modified: self.host.now(),
        };
        self.store
            .objects
            .borrow_mut()
            .insert(key.to_owned(), stored);
    }

    /// A call; none if the process died.
    pub fn try_pull(&self) -> Option<Pulled> {
        let tokens = Tokens::default();
        let feed = &self.config.feeds["azdo"];
        let deadline = self.host.elapsed() + self.budget;
        let times = (deadline, deadline + Duration::from_secs(16));
        self.store.asked.borrow_mut().clear();
        let mut pulling = pin!(async {
            let mut pulled = Pulled::default();
            let ended = call(
                &self.host,
                &self.config,
                feed,
                &tokens,
                times,
                self.sizes,
                &mut pulled,
            );
            pulled.fault = ended.await.err();
            pulled
        });
        let delivered = || self.takers.ids().len() + self.takers.repeated();
        let before = delivered();
        let until_death = poll_fn(|context| {
            let polled = pulling.as_mut().poll(context);
            let asked = self.store.asked.borrow();
            match self.deadly {
                Some("POST") if delivered() > before => Poll::Ready(None),
                Some(deadly) if asked.iter().any(|it| it == deadly) => Poll::Ready(None),
                _ => polled.map(Some),
            }
        });
        run(until_death).flatten()
    }

    /// A call that goes well, and what was asked of the bucket.
    pub fn pull(&self) -> (Pulled, Vec<String>) {
        let pulled = self.try_pull().expect("a call that ends");
        assert_eq!(pulled.fault, None);
        let asked = self.store.asked.borrow().clone();
        (pulled, asked)
    }

    /// Calls until there is no more.
    pub fn pull_all(&self) -> usize {
        for calls in 1..10_000 {
            if !self.pull().0.more {
                return calls;
            }
        }
        panic!("expected an end");
    }

    /// Each log that was accepted, and that none was twice.
    pub fn ids_once(&self) -> Vec<String> {
        assert_eq!(self.takers.repeated(), 0);
        self.takers.ids()
    }
}

impl Store {
    fn answer(&self, request: &Outbound, now: DateTime<Utc>) -> Result<Answer, SendError> {
        let (path, query) = request.url[URL.len()..]
            .split_once('?')
            .expect("a signature");
        let key = path
            .strip_prefix('/')
            .unwrap_or_default()
            .replace("%20", " ");
        let asked = match key.as_str() {
            "" => "LIST".to_owned(),
            key => format!("{} {key}", request.method),
        };
        self.asked.borrow_mut().push(asked.clone());
        let fails = self.fails.borrow();
        if let Some((_, (status, code))) = fails.iter().find(|(it, _)| asked.starts_with(*it)) {
            return answer(
                *status,
                Vec::new(),
                format!("<Error><Code>{code}</Code></Error>"),
            );
        }
        let header = |name: &str| {
            let mut headers = request.headers.iter();
            headers.find(|it| it.0 == name).map(|it| it.1.clone())
        };
        if key.is_empty() {
            return answer(200, Vec::new(), self.list(query));
        }
        let mut objects = self.objects.borrow_mut();
        let found = objects.get(&key);
        let is_there = found.is_some();
        if header("if-none-match").is_some() && is_there {
            return answer(412, Vec::new(), "");
        }
        if let (Some(etag), Some(found)) = (header("if-match"), found)
            && etag != found.etag()
        {
            return answer(412, Vec::new(), "");
        }
        match request.method {
            "PUT" => {
                let stored = Stored {
                    bytes: request.body.clone(),
                    modified: now,
                };
                objects.insert(key, stored);
                answer(200, Vec::new(), "")
            }
            "DELETE" if self.deletes_as_told.get() && header("if-match").is_some() => answer(
                501,
                Vec::new(),
                "<Error><Code>NotImplemented</Code></Error>",
            ),
            "DELETE" => {
                objects.remove(&key);
                answer(204, Vec::new(), "")
            }
            _ => {
                let Some(found) = found else {
                    return answer(404, Vec::new(), "<Error><Code>NoSuchKey</Code></Error>");
                };
                let Some(range) = header("range") else {
                    return answer(200, Vec::new(), found.bytes.clone());
                };
                let range = range.strip_prefix("bytes=").expect("a range");
                let (from, to) = range.split_once('-').expect("a range");
                let (from, to): (usize, usize) = (from.parse().unwrap(), to.parse().unwrap());
                answer(206, Vec::new(), &found.bytes[from..=to])
            }
        }
    }

    fn list(&self, query: &str) -> String {
        let value = |name: &str| {
            let mut pairs = query.split('&').filter_map(|it| it.split_once('='));
            let found = pairs.find(|it| it.0 == name);
            found.map(|it| it.1.replace("%2F", "/").replace("%20", " "))
        };
        let prefix = value("prefix").unwrap_or_default();
        let after = value("start-after").or(value("continuation-token"));
        let after = after.unwrap_or_default();
        let objects = self.objects.borrow();
        let mut found = objects
            .iter()
            .filter(|(key, _)| key.starts_with(&prefix) && **key > after);
        let mut list = "<ListBucketResult>".to_owned();
        let mut last = String::new();
        for (key, object) in found.by_ref().take(self.page.get()) {
            let modified = object.modified.to_rfc3339_opts(SecondsFormat::Millis, true);
            let (etag, size) = (object.etag(), object.bytes.len());
            list += &format!(
                "<Contents><Key>{key}</Key><Size>{size}</Size><ETag>{etag}</ETag>\
                 <LastModified>{modified}</LastModified></Contents>"
            );
            last.clone_from(key);
        }
        if found.next().is_some() {
            list += &format!(
                "<IsTruncated>true</IsTruncated><NextContinuationToken>{last}</NextContinuationToken>"
            );
        }
        list + "</ListBucketResult>"
    }
}

impl Stored {
    /// Of its bytes, as a store has it.
    pub fn etag(&self) -> String {
        use sha2::Digest;
        let digest = sha2::Sha256::digest(&self.bytes);
        format!("\"{}\"", udmill_receiver::store::hex(&digest[..16]))
    }
}

fn answer(
    status: u16,
    headers: Vec<(String, String)>,
    body: impl Into<Vec<u8>>,
) -> Result<Answer, SendError> {
    Ok(Answer {
        status,
        headers,
        body: body.into(),
        is_whole: true,
    })
}

/// Logs, one a line.
pub fn lines(ids: impl IntoIterator<Item = usize>) -> Vec<u8> {
    let ids: Vec<String> = ids.into_iter().map(name).collect();
    feeds::payload(ids.iter().map(String::as_str))
}

/// Logs as elements of a list.
pub fn list(ids: impl IntoIterator<Item = usize>) -> String {
    let logs: Vec<String> = ids.into_iter().map(|it| feeds::log(&name(it))).collect();
    format!("[{}]", logs.join(",\n "))
}

/// The id of a log.
pub fn name(id: usize) -> String {
    format!("{id:06}")
}

/// The ids of logs.
pub fn names(ids: impl IntoIterator<Item = usize>) -> Vec<String> {
    ids.into_iter().map(name).collect()
}

/// A member of gzip.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Objects of every shape, with the ids of their logs.
pub fn put_all_shapes(world: &World, logs: usize) -> Vec<String> {
    let ids = |at: usize| at * 1000..at * 1000 + logs;
    world.put("logs/a.jsonl", lines(ids(0)));
    world.put("logs/b.json", list(ids(1)));
    world.put("logs/c.gz", gzip(&lines(ids(2))));
    world.put("logs/d", gzip(list(ids(3)).as_bytes()));
    let members = [gzip(&lines(ids(4))), gzip(&lines(ids(5)))].concat();
    world.put("logs/e.log", members);
    world.put(
        "logs/f",
        format!("{{\"next\": 1, \"value\" : {}}}\n", list(ids(6))),
    );
    let two = format!(
        "{{\"records\":{}}}\n{{\"records\":{}}}",
        list(ids(7)),
        list(ids(8))
    );
    world.put("logs/g/h.json", two);
    world.put("logs/empty.jsonl", "");
    world.put("logs/folder/", "");
    names((0..9).flat_map(ids))
}
