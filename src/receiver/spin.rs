//! Spin's interfaces as a [`Host`], and HTTP messages as the components read and answer them: spin-sdk 7, which speaks
//! WASI 0.3 (<https://spinframework.dev/rust-components>, July 2026).
//!
//! Nothing is decided here. An instance answers up to 128 requests, some of them at the same time.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io::{self, Write};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use chrono::{DateTime, Utc};
use spin_sdk::http::FullBody;
use spin_sdk::key_value::{self, Store};
use spin_sdk::variables;
use spin_sdk::wasip3;
use spin_sdk::wasip3::clocks::{monotonic_clock, system_clock};
use spin_sdk::wasip3::http::types::{self, ErrorCode, Method};
use spin_sdk::wasip3::http_compat::IncomingMessage;
use spin_sdk::wasip3::random::random::get_random_bytes;
use spin_sdk::wasip3::wit_bindgen::{StreamResult, spawn};

use crate::exchange::{Body, Request, Response};
use crate::host::{Answer, Host, Outbound, Reader, SendError, StoreError};
use crate::wit::{transform, webhook};

/// How long a sender may take for its body; Event Grid waits 30 s for the answer.
const BODY_WITHIN: Duration = Duration::from_secs(10);
const READ_SIZE: usize = 64 << 10;
/// How many keys of the store are read at once.
const KEYS: usize = 1000;

/// A request as it arrived, with at most so many bytes of its body.
pub async fn request(request: types::Request, arrived: Duration, max_body: usize) -> Request {
    let target = request.get_path_with_query().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let method = method(request.get_method());
    let headers = header_list(request.get_headers());
    let body = body(request, &headers, max_body).await;
    Request {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body,
        arrived,
    }
}

/// Spin's interfaces.
#[derive(Default)]
pub struct Spin {
    store: RefCell<Option<Rc<Store>>>,
}

impl Spin {
    async fn store(&self) -> Result<Rc<Store>, StoreError> {
        let open = self.store.borrow().clone();
        if let Some(store) = open {
            return Ok(store);
        }
        let store = Rc::new(Store::open_default().await.map_err(store_error)?);
        self.store.replace(Some(store.clone()));
        Ok(store)
    }
}

impl Host for Spin {
    fn now(&self) -> DateTime<Utc> {
        let now = system_clock::now();
        DateTime::from_timestamp(now.seconds, now.nanoseconds).unwrap_or_default()
    }

    fn elapsed(&self) -> Duration {
        Duration::from_nanos(monotonic_clock::now())
    }

    async fn pause(&self, duration: Duration) {
        spin_sdk::time::sleep(duration).await;
    }

    fn random(&self) -> [u8; 16] {
        let mut random = [0; 16];
        let mut filled = 0;
        while let Some(rest) = random.get_mut(filled..).filter(|it| !it.is_empty()) {
            // A runtime may give fewer bytes than it was asked for, but not none.
            let bytes = get_random_bytes(rest.len() as u64);
            for (to, from) in rest.iter_mut().zip(&bytes) {
                *to = *from;
            }
            filled += bytes.len();
        }
        random
    }

    async fn variable(&self, name: &str) -> Result<Option<String>, String> {
        match variables::get(name).await {
            Ok(value) => Ok(Some(value)),
            Err(variables::Error::Undefined(_) | variables::Error::InvalidName(_)) => Ok(None),
            Err(variables::Error::Provider(text) | variables::Error::Other(text)) => Err(text),
        }
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let store = self.store().await?;
        store.get(key).await.map_err(store_error)
    }

    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        let store = self.store().await?;
        store.set(key, value).await.map_err(store_error)
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let store = self.store().await?;
        store.delete(key).await.map_err(store_error)
    }

    async fn keys(&self, wanted: impl Fn(&str) -> bool) -> Result<Vec<String>, StoreError> {
        let store = self.store().await?;
        let (mut stream, result) = store.get_keys().await.into_inner();
        let mut keys = Vec::new();
        let mut read = Vec::with_capacity(KEYS);
        loop {
            let status;
            (status, read) = stream.read(read).await;
            keys.extend(read.drain(..).filter(|key| wanted(key)));
            if !matches!(status, StreamResult::Complete(_)) {
                break;
            }
        }
        result.await.map_err(store_error)?;
        Ok(keys)
    }

    async fn send(&self, request: Outbound, within: Duration) -> Result<Answer, SendError> {
        let answer = or_late(within, async {
            let Outbound {
                method,
                url,
                headers,
                body,
                most,
            } = request;
            let mut request = spin_sdk::http::Request::<()>::builder()
                .method(method)
                .uri(url);
            for (name, value) in headers {
                request = request.header(name, value);
            }
            // Of unknown length, the body would go in chunks, which S3 does not take.
            if method != "GET" {
                request = request.header("content-length", body.len());
            }
            let request = request
                .body(FullBody::new(VecDeque::from(body)))
                .map_err(|_| {
                    SendError::Failed("a URL or a header that HTTP cannot carry".to_owned())
                })?;
            let answer = spin_sdk::http::send(request).await.map_err(send_error)?;
            let status = answer.status().as_u16();
            let mut body = answer.into_body();
            let answer = body.take_unstarted();
            let answer = answer.ok_or_else(|| SendError::Failed("no answer".to_owned()))?;
            let headers = header_list(answer.get_headers());
            let length = content_length(&headers);
            let body = read(answer, most, length).await.map_err(send_error)?;
            Ok(Answer {
                status,
                headers,
                body: body.bytes,
                is_whole: body.is_whole,
            })
        });
        answer.await.unwrap_or(Err(SendError::TimedOut))
    }

    fn print(&self, lines: &[u8]) -> io::Result<()> {
        let mut output = io::stdout().lock();
        output.write_all(lines)?;
        output.flush()
    }

    fn log(&self, line: &str) {
        // A log that cannot be written has nowhere to say so.
        _ = io::stderr().write_all(format!("{line}\n").as_bytes());
    }

    fn read(&self, request: &webhook::Request) -> webhook::Delivery {
        webhook::read(request)
    }

    fn normalize(
        &self,
        payload: &[u8],
        options: &transform::Options,
    ) -> Result<transform::Batch, transform::Error> {
        transform::normalize(payload, options)
    }

    type Reader = transform::Reader;

    fn reader(&self, options: &transform::Options) -> transform::Reader {
        transform::Reader::new(options)
    }
}

impl Reader for transform::Reader {
    fn push(&mut self, bytes: &[u8]) -> Result<transform::Batch, transform::Error> {
        transform::Reader::push(self, bytes)
    }

    fn finish(&mut self) -> Result<transform::Batch, transform::Error> {
        transform::Reader::finish(self)
    }
}

/// A message's body, or the start of it.
struct Read {
    bytes: Vec<u8>,
    is_whole: bool,
}

async fn body(request: types::Request, headers: &[(String, String)], limit: usize) -> Body {
    let length = content_length(headers);
    if length.is_some_and(|it| it > limit as u64) {
        return Body::TooLarge;
    }
    match or_late(BODY_WITHIN, read(request, limit, length)).await {
        Some(Ok(read)) if !read.is_whole => Body::TooLarge,
        Some(Ok(read)) if length.is_none_or(|it| it == read.bytes.len() as u64) => {
            Body::Whole(read.bytes)
        }
        Some(_) | None => Body::CutOff,
    }
}

fn content_length(headers: &[(String, String)]) -> Option<u64> {
    let length = headers.iter().find(|(name, _)| name == "content-length");
    length.and_then(|(_, it)| it.trim().parse().ok())
}

/// Reads up to `limit` bytes of a message. Without a length, it asks for more to see whether there are.
async fn read(
    message: impl IncomingMessage,
    limit: usize,
    length: Option<u64>,
) -> Result<Read, ErrorCode> {
    let (done, end) = wasip3::wit_future::new(|| Ok(()));
    let (mut stream, trailers) = message.consume_body(end);
    // A body that is as long as announced need not be moved.
    let announced = length.and_then(|it| usize::try_from(it).ok());
    let announced = announced.filter(|it| *it <= limit);
    let room = announced.unwrap_or(READ_SIZE);
    let mut bytes = Vec::with_capacity(room);
    let read = loop {
        // HTTP has it that nothing is behind what was announced, and to be told of the end costs as much as to read.
        if announced == Some(bytes.len()) {
            break Read {
                bytes,
                is_whole: true,
            };
        }
        if bytes.len() == bytes.capacity() {
            bytes.reserve(READ_SIZE);
        }
        let result;
        (result, bytes) = stream.read(bytes).await;
        if bytes.len() > limit {
            bytes.truncate(limit);
            break Read {
                bytes,
                is_whole: false,
            };
        }
        if !matches!(result, StreamResult::Complete(_)) {
            trailers.await?;
            break Read {
                bytes,
                is_whole: true,
            };
        }
    };
    drop(done);
    Ok(read)
}

/// What a future gives, unless the time is up before.
pub async fn or_late<T>(within: Duration, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut late = pin!(spin_sdk::time::sleep(within));
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => late.as_mut().poll(context).map(|()| None),
    })
    .await
}

fn method(method: Method) -> String {
    match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Connect => "CONNECT",
        Method::Options => "OPTIONS",
        Method::Trace => "TRACE",
        Method::Patch => "PATCH",
        Method::Other(name) => return name,
    }
    .to_owned()
}

/// A value that is no UTF-8 keeps its place, since a header that is there is not one that is missing.
fn header_list(fields: types::Headers) -> Vec<(String, String)> {
    let entries = fields.copy_all().into_iter();
    entries
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(&value).into_owned();
            (name.to_ascii_lowercase(), value)
        })
        .collect()
}

/// Most answers have no body, and then no stream: that would cost more than the rest of the answer.
pub fn respond(response: Response) -> Result<types::Response, ErrorCode> {
    let Response {
        status,
        headers,
        body,
    } = response;
    let headers = headers.into_iter();
    let headers = headers.map(|(name, value)| (name.to_owned(), value.into_bytes()));
    let mut headers: Vec<_> = headers.collect();
    // A runtime sends a body of unknown length in chunks; 204 has none (RFC 9110, 8.6).
    if status != 204 {
        let length = body.len().to_string();
        headers.push(("content-length".to_owned(), length.into_bytes()));
    }
    let failed = |_| ErrorCode::InternalError(None);
    let headers = types::Headers::from_list(&headers).map_err(failed)?;
    let contents = (!body.is_empty()).then(|| {
        let (mut writer, contents) = wasip3::wit_stream::new();
        // Who has gone reads nothing.
        spawn(async move { drop(writer.write_all(body).await) });
        contents
    });
    // No trailers, once the writer is dropped.
    let (_, trailers) = wasip3::wit_future::new(|| Ok(None));
    let (answer, _) = types::Response::new(headers, contents, trailers);
    let set = answer.set_status_code(status);
    set.map_err(|()| ErrorCode::InternalError(None))?;
    Ok(answer)
}

fn store_error(error: key_value::Error) -> StoreError {
    match error {
        key_value::Error::StoreTableFull => StoreError::Full,
        key_value::Error::NoSuchStore => StoreError::Failed("there is no default store".to_owned()),
        key_value::Error::AccessDenied => {
            StoreError::Failed("the default store is not for this component".to_owned())
        }
        key_value::Error::Other(text) => StoreError::Failed(text),
    }
}

/// The code's name alone: what it carries may name a URL.
fn send_error(error: ErrorCode) -> SendError {
    match error {
        ErrorCode::HttpRequestDenied => SendError::Denied,
        ErrorCode::DnsTimeout
        | ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::HttpResponseTimeout => SendError::TimedOut,
        other => {
            let name = format!("{other:?}");
            let name = name.trim_start_matches("ErrorCode::");
            let end = name.find(|it: char| !it.is_ascii_alphanumeric());
            let name = end.and_then(|end| name.get(..end)).unwrap_or(name);
            SendError::Failed(name.to_owned())
        }
    }
}
