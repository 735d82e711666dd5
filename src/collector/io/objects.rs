//! Objects in a bucket, and what a store's answers mean for them (docs.aws.amazon.com/AmazonS3/latest/userguide,
//! "How to prevent object overwrites with conditional writes" and "Troubleshoot access denied errors", November
//! 2026).

use std::io::Read;
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use udmill_receiver::Host;
use udmill_receiver::destination::gzip::gzip;
use udmill_receiver::host::{Answer, Outbound, SendError};
use udmill_receiver::s3::code;

use super::{Hands, SHORTEST, words};
use crate::feed::marker;
use crate::step::{Condition, Reply, Write};

/// How long a request to the store may take.
const ATTEMPT: Duration = Duration::from_secs(20);
/// The most of an object that is read back, and of what it holds when it is compressed: a state, ids, or a page.
const OBJECT: usize = 64 << 20;

impl<H: Host> Hands<'_, H> {
    pub(super) async fn read(&self, key: &str) -> Reply {
        let request = self.bucket.get(key, None, OBJECT, self.host.now());
        let answer = match self.ask(request).await {
            Ok(answer) => answer,
            Err(reply) => return reply,
        };
        match (answer.status, code(&answer).as_deref()) {
            (200, _) if !answer.is_whole => failed("an object that is too large", false),
            (200, _) => {
                let etag = etag(&answer);
                match (is_compressed(key), decompressed(&answer.body)) {
                    (false, _) => Reply::Object(Some((answer.body, etag))),
                    (true, Some(body)) => Reply::Object(Some((body, etag))),
                    (true, None) => failed("an object that is no gzip, or too large", false),
                }
            }
            (404, Some("NoSuchBucket")) => failure(&answer),
            (404, _) => Reply::Object(None),
            (403, Some("AccessDenied") | None) => Reply::Denied(
                "status 403, code AccessDenied: so a store also answers for an object that is not there, unless the \
                 credentials may list its prefix (s3:ListBucket); they need s3:GetObject and s3:PutObject, too, and a \
                 clock that is right"
                    .to_owned(),
            ),
            _ => failure(&answer),
        }
    }

    pub(super) async fn write(&self, write: Write) -> Reply {
        let Write {
            key,
            body,
            content_type,
            metadata,
            condition,
        } = write;
        let (content_type, body) = match is_compressed(&key) {
            true => ("application/gzip", gzip(&body)),
            false => (content_type, body),
        };
        let metadata = metadata.iter();
        let names: Vec<_> = metadata
            .map(|(name, value)| (format!("x-amz-meta-{name}"), value))
            .collect();
        let mut headers = vec![("content-type", content_type)];
        headers.extend(
            names
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        );
        match &condition {
            Condition::None => {}
            Condition::Absent => headers.push(("if-none-match", "*")),
            Condition::Matches(etag) => headers.push(("if-match", etag)),
        }
        let request = self.bucket.put(&key, &headers, body, self.host.now());
        let answer = match self.ask(request).await {
            Ok(answer) => answer,
            Err(reply) => return reply,
        };
        let is_conditional = condition != Condition::None;
        match (answer.status, code(&answer).as_deref()) {
            (200, _) => Reply::Written(etag(&answer)),
            (412, _) => Reply::Refused,
            // What was to be overwritten is gone.
            (404, Some("NoSuchKey")) if is_conditional => Reply::Refused,
            (501, _) | (_, Some("NotImplemented")) if is_conditional => Reply::Unsupported,
            // Another write of the same key was under way.
            (409, _) => failed(&said(&answer), true),
            _ => failure(&answer),
        }
    }

    pub(super) async fn delete(&self, key: &str) -> Reply {
        let request = self.bucket.delete(key, self.host.now());
        match self.ask(request).await {
            Ok(answer) => match (answer.status, code(&answer).as_deref()) {
                (200 | 204, _) => Reply::Done,
                (404, Some("NoSuchKey") | None) => Reply::Done,
                _ => failure(&answer),
            },
            Err(reply) => reply,
        }
    }

    pub(super) async fn claim(&self, prefix: &str) -> Reply {
        let hard = self.host.elapsed() + self.left(ATTEMPT).max(SHORTEST);
        match marker::claim(self.host, self.bucket, prefix, marker::SECOPS, hard).await {
            Ok(None) => Reply::Done,
            Ok(Some(warning)) => Reply::Unmarked(warning),
            Err(fault) if fault.kind == "consumer" => Reply::Taken(fault.message),
            Err(fault) => failed(&fault.message, !fault.alarm),
        }
    }

    async fn ask(&self, request: Option<Outbound>) -> Result<Answer, Reply> {
        let request = request.ok_or_else(|| failed("a key that no URL can carry", false))?;
        let within = self.left(ATTEMPT).max(SHORTEST);
        let answer = self.host.send(request, within).await;
        answer.map_err(|error| {
            let may_pass = error != SendError::Denied;
            failed(&words(error), may_pass)
        })
    }
}

pub(super) fn failed(found: &str, may_pass: bool) -> Reply {
    Reply::Failed(found.to_owned(), may_pass)
}

fn failure(answer: &Answer) -> Reply {
    let passes = ["RequestTimeout", "SlowDown", "InternalError"];
    let code = code(answer);
    let by_code = code.is_some_and(|it| passes.contains(&it.as_str()));
    let by_status = matches!(answer.status, 408 | 429 | 500 | 502..=599);
    failed(&said(answer), by_code || by_status)
}

/// The status and the code; a message may hold a key.
fn said(answer: &Answer) -> String {
    let status = answer.status;
    let hint = match (status, code(answer).as_deref()) {
        (300..400, _) | (_, Some("AuthorizationHeaderMalformed")) => "; check the region",
        (_, Some("NoSuchBucket")) => "; check the bucket's name, region and endpoint",
        (_, Some("SignatureDoesNotMatch" | "InvalidAccessKeyId" | "ExpiredToken")) => {
            "; check the access key"
        }
        (_, Some("RequestTimeTooSkewed")) => "; check the clock",
        _ => "",
    };
    match code(answer) {
        Some(code) => format!("status {status}, code {code}{hint}"),
        None => format!("status {status}{hint}"),
    }
}

fn etag(answer: &Answer) -> String {
    answer.header("etag").unwrap_or_default().to_owned()
}

fn is_compressed(key: &str) -> bool {
    key.ends_with(".gz")
}

fn decompressed(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut lines = Vec::new();
    let mut decoder = MultiGzDecoder::new(bytes).take(OBJECT as u64 + 1);
    decoder.read_to_end(&mut lines).ok()?;
    (lines.len() <= OBJECT).then_some(lines)
}
