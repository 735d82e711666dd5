//! A host in memory, with Harness and a bucket behind its requests.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use harness::{KEY, SAMPLES, Service};
use udmill_receiver::host::{Answer, Outbound, SendError};
use udmill_receiver::testing::Memory;

/// Where both are, in a configuration.
pub const TABLE: &str = r#"
admin_key = "{admin}"
[collect.main]
harness_api_base = "http://127.0.0.1:1"
harness_account_id = "kZ3vQxY1TQ2mPa9fLr8bWw"
harness_api_key = "{harness_key}"
s3_bucket = "audit"
s3_region = "eu-central-1"
s3_endpoint = "http://127.0.0.1:2"
s3_access_key = "AKIACANARY"
s3_secret_key = "{s3_key}"
"#;

/// The secrets of [`TABLE`], none of which may be seen anywhere.
pub const SECRETS: [&str; 3] = ["admin-canary", KEY, "s3-canary"];

/// The bucket: objects by key, with the headers that they were written with.
#[derive(Clone, Default)]
pub struct Bucket {
    pub objects: Rc<RefCell<BTreeMap<String, Object>>>,
    /// What the next requests are answered, whatever they are.
    pub faults: Rc<RefCell<Vec<Answer>>>,
    /// How far Harness' clock is on, in milliseconds.
    pub passed: Rc<Cell<i64>>,
}

#[derive(Clone)]
pub struct Object {
    pub body: Vec<u8>,
    pub headers: Vec<(String, String)>,
    etag: String,
}

impl Object {
    pub fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(it, _)| it == name);
        header.map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }
}

/// A host on which the collector of [`TABLE`], with a few more lines, finds so many events of the past hours.
pub fn cloud(more: &str, events: usize) -> (Memory, Bucket) {
    let (host, bucket) = (Memory::new(), Bucket::default());
    let names = ["admin", "harness_key", "s3_key"];
    let mut variables = host.variables.borrow_mut();
    variables.extend(
        names
            .into_iter()
            .zip(SECRETS)
            .map(|(a, b)| (a.into(), b.into())),
    );
    variables.insert("udmill_config".into(), format!("{TABLE}{more}"));
    drop(variables);
    let mut service = Service::default();
    let start = host.start.timestamp_millis();
    let samples: Vec<serde_json::Value> = SAMPLES
        .lines()
        .map(|it| serde_json::from_str(it).expect("a sample"))
        .collect();
    for (at, sample) in samples.iter().cycle().take(events).enumerate() {
        service.add_like(sample, start - 3_000_000 + at as i64 * 1000, 0);
    }
    let there = bucket.clone();
    host.answers(
        move |request| match request.url.strip_prefix("http://127.0.0.1:1/") {
            Some(_) => ask(&mut service, request, start + there.passed.get()),
            None => there.answer(request),
        },
    );
    (host, bucket)
}

fn ask(service: &mut Service, request: &Outbound, now: i64) -> Result<Answer, SendError> {
    let (path, query) = request.url["http://127.0.0.1:1".len()..]
        .split_once('?')
        .expect("a query");
    let reply = service.answer(
        &harness::Request {
            method: request.method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: request.headers.clone(),
            body: request.body.clone(),
        },
        now,
    );
    match reply {
        harness::Reply::Answer(answer) => Ok(Answer {
            status: answer.status,
            headers: answer.headers,
            body: answer.body,
            is_whole: true,
        }),
        _ => Err(SendError::Failed("ConnectionTerminated".to_owned())),
    }
}

/// A store's answer.
pub fn said(status: u16, code: &str) -> Answer {
    Answer {
        status,
        headers: Vec::new(),
        body: format!("<Error><Code>{code}</Code><Message>s3-canary</Message></Error>")
            .into_bytes(),
        is_whole: true,
    }
}

impl Bucket {
    fn answer(&self, request: &Outbound) -> Result<Answer, SendError> {
        let fault = self.faults.borrow_mut().pop();
        if let Some(fault) = fault {
            return Ok(fault);
        }
        let (_, key) = request.url.split_once(":2/audit/").expect("the bucket");
        let (key, _) = key.split_once('?').expect("a signature");
        let mut objects = self.objects.borrow_mut();
        let header = |name: &str| request.headers.iter().find(|(it, _)| it == name);
        let answer = |status: u16, etag: &str, body: Vec<u8>| {
            Ok(Answer {
                status,
                headers: vec![("etag".to_owned(), etag.to_owned())],
                is_whole: body.len() <= request.most,
                body,
            })
        };
        let current = objects.get(key).cloned();
        match (request.method, current) {
            ("GET", Some(it)) => answer(200, &it.etag, it.body),
            ("GET", None) => Ok(said(404, "NoSuchKey")),
            ("DELETE", _) => {
                objects.remove(key);
                answer(204, "", Vec::new())
            }
            ("PUT", current) => {
                let current = current.map(|it| it.etag);
                let wanted = header("if-match").map(|(_, etag)| etag);
                if (header("if-none-match").is_some() && current.is_some())
                    || (wanted.is_some() && wanted != current.as_ref())
                {
                    return Ok(said(412, "PreconditionFailed"));
                }
                let etag = format!("\"{}\"", objects.len() + request.body.len());
                let object = Object {
                    body: request.body.clone(),
                    headers: request.headers.clone(),
                    etag: etag.clone(),
                };
                objects.insert(key.to_owned(), object);
                answer(200, &etag, Vec::new())
            }
            (method, _) => panic!("expected GET, PUT or DELETE, but found {method}"),
        }
    }

    /// An object that is there before.
    pub fn put(&self, key: &str, text: &str) {
        let object = Object {
            body: text.as_bytes().to_vec(),
            headers: Vec::new(),
            etag: "\"before\"".to_owned(),
        };
        self.objects.borrow_mut().insert(key.to_owned(), object);
    }

    /// The keys under a prefix, in order, with what they hold.
    pub fn under(&self, prefix: &str) -> Vec<(String, Object)> {
        let objects = self.objects.borrow();
        let found = objects.iter().filter(|(key, _)| key.starts_with(prefix));
        found
            .map(|(key, object)| (key.clone(), object.clone()))
            .collect()
    }
}
