//! Requests to the bucket: repeated where that may help, and what their answers mean to a feed.
//!
//! Codes are those of "Error responses" in the Amazon S3 API Reference (docs.aws.amazon.com, November 2026). What an
//! answer says of one object is told apart from what it says of the bucket or the key: the one costs that object, the
//! other ends the call.

use std::time::Duration;

use udmill_receiver::Host;
use udmill_receiver::destination::Fault;
use udmill_receiver::host::{Answer, Outbound, SendError};
use udmill_receiver::s3::{Bucket, code};

/// One attempt may take so long.
const ATTEMPT: Duration = Duration::from_secs(20);
/// The waits between attempts.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(1000)];

/// What came of a request.
#[derive(Debug)]
pub enum Came {
    /// 2xx.
    Answer(Answer),
    /// There is no such object.
    Missing,
    /// It is another than the condition says, or has no such bytes.
    Changed,
    /// The store knows no such request, or no such condition.
    Unsupported,
    /// This object is not for this key, or not for now. The code says why.
    Denied(String),
}

/// Sends a request until `hard`, on the scale of [`Host::elapsed`].
///
/// # Errors
///
/// What is no matter of the object alone.
pub async fn ask<H: Host>(
    host: &H,
    bucket: &Bucket,
    request: Outbound,
    hard: Duration,
) -> Result<Came, Fault> {
    let mut pauses = PAUSES.iter();
    loop {
        let left = hard.saturating_sub(host.elapsed());
        let answer = match left.is_zero() {
            true => Err(SendError::TimedOut),
            false => host.send(request.clone(), left.min(ATTEMPT)).await,
        };
        let fault = match came(bucket, &request, answer) {
            Ok(came) => return Ok(came),
            Err(fault) => fault,
        };
        let may_pass = matches!(fault.kind, "rate_limited" | "unavailable" | "timed_out");
        match pauses.next() {
            Some(pause) if may_pass && host.elapsed() + *pause < hard => host.pause(*pause).await,
            _ => return Err(fault),
        }
    }
}

fn came(
    bucket: &Bucket,
    request: &Outbound,
    answer: Result<Answer, SendError>,
) -> Result<Came, Fault> {
    let what = format!("{} of the bucket {:?}", request.method, bucket.name());
    let fault = |kind, alarm, seconds, found: &str| Fault {
        kind,
        message: format!("expected an answer to {what}, but found {found}"),
        retry_after: Duration::from_secs(seconds),
        alarm,
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(SendError::TimedOut) => return Err(fault("timed_out", false, 30, "none in time")),
        Err(SendError::Denied) => {
            let found = "that this runtime does not let it be reached";
            return Err(fault("denied", true, 60, found));
        }
        Err(SendError::Failed(why)) => return Err(fault("unavailable", false, 30, &why)),
    };
    if (200..=299).contains(&answer.status) {
        return Ok(Came::Answer(answer));
    }
    let code = code(&answer).unwrap_or_default();
    let found = match code.as_str() {
        "" => answer.status.to_string(),
        code => format!("{} {code}", answer.status),
    };
    Err(match (answer.status, code.as_str()) {
        (404, "NoSuchBucket") => fault("not_found", true, 60, &found),
        (404, _) => return Ok(Came::Missing),
        (409 | 412 | 416, _) => return Ok(Came::Changed),
        (501, _) => return Ok(Came::Unsupported),
        (_, "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "ExpiredToken" | "InvalidToken")
        | (_, "RequestTimeTooSkewed" | "TokenRefreshRequired" | "AccountProblem")
        | (401, _) => fault("credentials", true, 60, &found),
        (400, "AuthorizationHeaderMalformed" | "IncorrectEndpoint") | (300..=399, _) => fault(
            "unexpected",
            true,
            60,
            &format!("{found}: another region or endpoint"),
        ),
        (400 | 403, _) => return Ok(Came::Denied(found)),
        (429, _) | (503, "SlowDown") => fault("rate_limited", false, 30, &found),
        (408 | 500..=599, _) => fault("unavailable", false, 30, &found),
        _ => fault("unexpected", true, 60, &found),
    })
}
