//! What an answer to a sub-request means.
//!
//! Follows Google's error model (`google.rpc.Code` and its HTTP mapping, AIP-193): what an operator can mend is a
//! fault with an alarm, since the sender repeats its delivery for a day and nothing is lost; what only the content
//! explains is refused. Front ends answer in HTML at times, so nothing depends on a body but the one exception below.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::Fault;
use crate::host::{Answer, SendError};

/// What became of a sub-request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The destination has it.
    Accepted,
    /// The destination will never take it as it is, and what it said.
    Refused(String),
    /// It may be taken later.
    Fault(Fault),
}

/// Who answered, and what must not be repeated of the answer.
pub(super) struct Sender<'d> {
    /// The destination's name.
    pub name: &'d str,
    /// The origin that was asked.
    pub origin: &'d str,
    /// What the server says of itself in an answer, if the destination knows how to read it.
    pub says: fn(&Answer) -> Option<String>,
    /// The statuses that content explains.
    pub refusals: &'static [u16],
    /// Never to be seen in a message.
    pub secrets: Vec<&'d str>,
}

const SOON: Duration = Duration::from_secs(30);
const LATER: Duration = Duration::from_secs(60);

/// The most that anybody may ask us to wait.
const LONGEST: Duration = Duration::from_secs(3600);

/// Tells what an answer means.
pub(super) fn classify(
    sender: &Sender<'_>,
    answer: Result<&Answer, SendError>,
    now: DateTime<Utc>,
) -> Verdict {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return Verdict::Fault(unanswered(sender, error)),
    };
    let status = answer.status;
    let fault = |kind, retry_after, alarm| {
        Verdict::Fault(Fault {
            kind,
            message: sender.message(answer),
            retry_after,
            alarm,
        })
    };
    match status {
        200..=299 => Verdict::Accepted,
        400 if is_about_the_key(answer) => fault("credentials", LATER, true),
        _ if sender.refusals.contains(&status) => Verdict::Refused(sender.message(answer)),
        401 => fault("credentials", LATER, true),
        403 => fault("denied", LATER, true),
        404 | 410 => fault("not_found", LATER, true),
        429 => fault("rate_limited", retry_after(answer, now, LATER), false),
        408 | 409 | 425 | 499..=599 => fault("unavailable", retry_after(answer, now, SOON), false),
        _ => fault("unexpected", LATER, true),
    }
}

/// The fault of a request that there was no time for, or no answer to in time.
pub(super) fn timed_out(sender: &Sender<'_>) -> Fault {
    unanswered(sender, SendError::TimedOut)
}

/// What Google's APIs say: `PERMISSION_DENIED: …`.
pub(super) fn google(answer: &Answer) -> Option<String> {
    let body: Value = serde_json::from_slice(&answer.body).ok()?;
    let error = body.get("error")?;
    let text = |key| error.get(key).and_then(Value::as_str).unwrap_or_default();
    match (text("status"), text("message")) {
        ("", "") => None,
        (text, "") | ("", text) => Some(text.to_owned()),
        (status, message) => Some(format!("{status}: {message}")),
    }
}

/// An API key that is wrong or has expired is a 400 at Google, although no content could mend it: `API_KEY_INVALID`
/// of its `ErrorInfo` (the error reasons of `googleapis.com`).
fn is_about_the_key(answer: &Answer) -> bool {
    let Ok(body) = serde_json::from_slice::<Value>(&answer.body) else {
        return false;
    };
    let details = body.pointer("/error/details").and_then(Value::as_array);
    let reasons = details.into_iter().flatten();
    let mut reasons = reasons.filter_map(|it| it.get("reason")?.as_str());
    let message = body.pointer("/error/message").and_then(Value::as_str);
    reasons.any(|it| it.starts_with("API_KEY_"))
        || message.is_some_and(|it| it.starts_with("API key "))
}

fn unanswered(sender: &Sender<'_>, error: SendError) -> Fault {
    let (kind, found, retry_after, alarm) = match error {
        SendError::TimedOut => ("timed_out", "none in time".to_owned(), SOON, false),
        SendError::Denied => {
            let found = "that the runtime does not allow this host".to_owned();
            ("denied", found, LATER, true)
        }
        SendError::Failed(why) => ("unavailable", sender.scrubbed(&why), SOON, false),
    };
    Fault {
        kind,
        message: format!(
            "destination `{}`: expected an answer from {}, but found {found}",
            sender.name, sender.origin
        ),
        retry_after,
        alarm,
    }
}

/// In seconds, or until a date (RFC 9110, section 10.2.3); never less than 30 s, which Google asks for.
fn retry_after(answer: &Answer, now: DateTime<Utc>, otherwise: Duration) -> Duration {
    let Some(text) = answer.header("retry-after").map(str::trim) else {
        return otherwise;
    };
    let seconds = text.parse().ok().map(Duration::from_secs);
    let wait = seconds.or_else(|| {
        let until = DateTime::parse_from_rfc2822(text).ok()?;
        let wait = until.signed_duration_since(now);
        Some(wait.to_std().unwrap_or_default())
    });
    wait.unwrap_or(otherwise).clamp(SOON, LONGEST)
}

impl Sender<'_> {
    fn message(&self, answer: &Answer) -> String {
        let said = match (self.says)(answer) {
            Some(said) => format!(" {}", self.scrubbed(&said)),
            None => String::new(),
        };
        format!(
            "destination `{}`: expected 200 from {}, but found {}{said}",
            self.name, self.origin, answer.status
        )
    }

    /// A text on one line, cut short and without the secrets. Google names the key of a caller in some of its
    /// messages.
    fn scrubbed(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in self.secrets.iter().filter(|it| !it.is_empty()) {
            text = text.replace(secret, "…");
        }
        let text = text
            .chars()
            .map(|it| if it.is_control() { ' ' } else { it });
        text.take(300).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn sender() -> Sender<'static> {
        Sender {
            name: "main",
            origin: "https://secops.example:443",
            says: google,
            refusals: &[400, 413],
            secrets: vec!["AIzaCANARY"],
        }
    }

    fn verdict(answer: Result<Answer, SendError>) -> Verdict {
        let now = "2026-03-14T12:00:00Z".parse().unwrap();
        classify(&sender(), answer.as_ref().map_err(Clone::clone), now)
    }

    fn fault(answer: Result<Answer, SendError>) -> Fault {
        match verdict(answer) {
            Verdict::Fault(fault) => fault,
            other => panic!("expected a fault, but found {other:?}"),
        }
    }

    fn after(status: u16, retry_after: &str) -> Duration {
        let mut answer = testing::answer(status, "").unwrap();
        let header = ("retry-after".to_owned(), retry_after.to_owned());
        answer.headers.push(header);
        fault(Ok(answer)).retry_after
    }

    #[test]
    fn any_2xx_is_accepted_whatever_its_body() {
        for (status, body) in [(200, "{}"), (200, ""), (202, "<html>"), (204, "")] {
            assert_eq!(verdict(testing::answer(status, body)), Verdict::Accepted);
        }
    }

    #[test]
    fn what_content_explains_is_refused() {
        let body = r#"{"error":{"code":400,"message":"Request contains an invalid argument.","status":"INVALID_ARGUMENT"}}"#;
        let reason = "destination `main`: expected 200 from https://secops.example:443, but found 400 INVALID_ARGUMENT: Request contains an invalid argument.";
        let refused = Verdict::Refused(reason.to_owned());
        assert_eq!(verdict(testing::answer(400, body)), refused);
        for status in ["FAILED_PRECONDITION", "OUT_OF_RANGE"] {
            let body = format!(r#"{{"error":{{"status":"{status}"}}}}"#);
            let verdict = verdict(testing::answer(400, &body));
            assert!(matches!(verdict, Verdict::Refused(it) if it.ends_with(status)));
        }
        for (status, body) in [(413, "<html>Too large</html>"), (400, ""), (400, "[")] {
            let verdict = verdict(testing::answer(status, body));
            assert!(matches!(verdict, Verdict::Refused(_)), "{status} {body}");
        }
    }

    #[test]
    fn a_bad_api_key_is_a_400_that_no_content_explains() {
        let body = r#"{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT",
            "details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com"}]}}"#;
        let fault = fault(testing::answer(400, body));
        assert_eq!((fault.kind, fault.alarm), ("credentials", true));
    }

    #[test]
    fn what_an_operator_can_mend_is_a_fault_with_an_alarm() {
        let kinds = [
            (401, "credentials"),
            (403, "denied"),
            (404, "not_found"),
            (410, "not_found"),
            (302, "unexpected"),
            (405, "unexpected"),
            (422, "unexpected"),
        ];
        for (status, kind) in kinds {
            let fault = fault(testing::answer(status, ""));
            assert_eq!((fault.kind, fault.alarm), (kind, true), "{status}");
            assert_eq!(fault.retry_after, Duration::from_secs(60), "{status}");
        }
        let fault = fault(Err(SendError::Denied));
        assert_eq!((fault.kind, fault.alarm), ("denied", true));
    }

    #[test]
    fn what_passes_by_itself_is_a_fault_without_an_alarm() {
        for status in [408, 409, 425, 499, 500, 502, 503, 504] {
            let fault = fault(testing::answer(status, "<html>"));
            assert_eq!((fault.kind, fault.alarm), ("unavailable", false));
            assert_eq!(fault.retry_after, Duration::from_secs(30), "{status}");
        }
        let errors = [
            (SendError::TimedOut, "timed_out"),
            (SendError::Failed("no route".to_owned()), "unavailable"),
        ];
        for (error, kind) in errors {
            let fault = fault(Err(error));
            assert_eq!((fault.kind, fault.alarm), (kind, false));
            assert_eq!(fault.retry_after, Duration::from_secs(30));
        }
    }

    #[test]
    fn too_many_requests_wait_as_long_as_told_but_at_least_30_seconds() {
        let limited = fault(testing::answer(429, ""));
        assert_eq!((limited.kind, limited.alarm), ("rate_limited", false));
        assert_eq!(limited.retry_after, Duration::from_secs(60));
        for (text, seconds) in [
            ("5", 30),
            (" 90 ", 90),
            ("soon", 60),
            ("-1", 60),
            ("99999999999999", 3600),
            ("Sat, 14 Mar 2026 12:02:00 GMT", 120),
            ("Sat, 14 Mar 2026 11:00:00 GMT", 30),
        ] {
            assert_eq!(after(429, text), Duration::from_secs(seconds), "{text:?}");
        }
        assert_eq!(after(503, "90"), Duration::from_secs(90));
    }

    #[test]
    fn a_message_is_short_on_one_line_and_without_secrets() {
        let message = format!("Consumer 'api_key:AIzaCANARY'\nis {}", "x".repeat(10_000));
        let error = serde_json::json!({"status": "PERMISSION_DENIED", "message": message});
        let body = serde_json::json!({ "error": error });
        let message = fault(testing::answer(403, &body.to_string())).message;
        assert!(message.contains("PERMISSION_DENIED: Consumer 'api_key:…' is xxx"));
        assert!(message.len() < 450);
    }
}
