//! What a request may be. A client has no reason to send what the API's description does not name, so that is
//! complained about, though the real service may overlook it.

use plain_http::Request;
use serde_json::Value;

use crate::answer::{Answer, error, failure};
use crate::filter::Filter;
use crate::service::Call;

/// What a request asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// In epoch milliseconds; the epoch if it is not given.
    pub start: i64,
    /// In epoch milliseconds; the server's time if it is not given.
    pub end: Option<i64>,
    /// 1 to 100.
    pub size: usize,
    /// From 0.
    pub index: usize,
    /// As it was handed out.
    pub token: Option<String>,
    /// `sortOrders=timestamp,ASC`, and nothing else.
    pub is_ascending: bool,
    /// Which events.
    pub filter: Filter,
    /// As it came.
    pub body: String,
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    status: u16,
    code: &'static str,
    /// The parameter that is out of its bounds, if it is one.
    field: Option<&'static str>,
    message: String,
    /// What the client should never have sent; none if only the operator can know.
    pub complaint: Option<String>,
}

impl Refusal {
    /// As the service says it.
    pub fn answer(&self, correlation: &str) -> Answer {
        match self.field {
            Some(field) => failure(field, &self.message, correlation),
            None => error(self.status, self.code, &self.message, correlation),
        }
    }

    /// A filter that the service refuses.
    pub fn filter(message: &str) -> Refusal {
        Refusal {
            status: 400,
            code: "INVALID_REQUEST",
            field: None,
            message: format!("Invalid request: {message}"),
            complaint: None,
        }
    }

    /// What no client should send.
    pub fn form(message: &str) -> Refusal {
        Refusal {
            complaint: Some(message.to_owned()),
            ..Refusal::filter(message)
        }
    }

    fn field(field: &'static str, wrong: &str) -> Refusal {
        Refusal {
            field: Some(field),
            message: wrong.to_owned(),
            ..Refusal::filter("")
        }
    }
}

/// The method and the headers.
///
/// # Errors
///
/// What is wrong with them.
pub fn check_head(request: &Request) -> Result<(), String> {
    if request.method != "POST" {
        return Err(format!("expected POST, but found {}", request.method));
    }
    for (name, wanted) in [
        ("x-api-key", None),
        ("content-type", Some("application/json")),
        ("accept", Some("application/json")),
    ] {
        let found = request.headers.iter().filter(|(it, _)| it == name);
        let found: Vec<&str> = found.map(|(_, value)| value.as_str()).collect();
        if found.len() != 1 || wanted.is_some_and(|it| found != [it]) {
            return Err(format!(
                "expected one `{name}` as documented, but found {}",
                found.len()
            ));
        }
    }
    for name in ["authorization", "cookie"] {
        if request.header(name).is_some() {
            return Err(format!("expected no `{name}`, but found one"));
        }
    }
    Ok(())
}

/// The parameters of a query, decoded.
pub fn query(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|it| !it.is_empty());
    let pairs = pairs.map(|it| it.split_once('=').unwrap_or((it, "")));
    pairs
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

impl Asked {
    /// Reads what is asked for.
    ///
    /// # Errors
    ///
    /// Why it is refused.
    pub fn read(call: &Call, account: &str) -> Result<Asked, Refusal> {
        let mut found: [Option<&str>; 5] = [None; 5];
        for (name, value) in &call.query {
            match PARAMETERS.iter().position(|it| it == name) {
                Some(at) if found[at].is_none() => found[at] = Some(value),
                _ => {
                    return Err(Refusal::form(&format!(
                        "expected each parameter that is documented once, but found {name:?}"
                    )));
                }
            }
        }
        let [owner, index, size, sort, token] = found;
        match owner {
            None | Some("") => {
                let message = "Missing accountIdentifier in the audit filter request";
                return Err(Refusal::filter(message));
            }
            Some(owner) if owner != account => {
                return Err(Refusal {
                    status: 401,
                    code: "ACCOUNT_DOES_NOT_EXIST",
                    message: "Account does not exist".to_owned(),
                    ..Refusal::filter("")
                });
            }
            Some(_) => {}
        }
        let number = |field: &'static str, text: Option<&str>, default: usize| match text {
            None => Ok(default),
            Some(text) => text
                .parse::<i32>()
                .map_err(|_| {
                    Refusal::form(&format!("expected a number at {field}, but found {text:?}"))
                })
                .and_then(|it| {
                    usize::try_from(it)
                        .map_err(|_| Refusal::field(field, "must be greater than or equal to 0"))
                }),
        };
        let (index, size) = (
            number("pageIndex", index, 0)?,
            number("pageSize", size, 50)?,
        );
        if size > 100 {
            return Err(Refusal::field(
                "pageSize",
                "must be less than or equal to 100",
            ));
        }
        if size == 0 {
            return Err(Refusal::field(
                "pageSize",
                "must be greater than or equal to 1",
            ));
        }
        let body: Value = serde_json::from_str(&call.body)
            .map_err(|it| Refusal::form(&format!("expected JSON, but found {it}")))?;
        let (filter, (start, end)) = Filter::read(&body, account)?;
        Ok(Asked {
            start,
            end,
            size,
            index,
            token: token.filter(|it| !it.is_empty()).map(str::to_owned),
            is_ascending: sort == Some("timestamp,ASC"),
            filter,
            body: call.body.clone(),
        })
    }
}

const PARAMETERS: [&str; 5] = [
    "accountIdentifier",
    "pageIndex",
    "pageSize",
    "sortOrders",
    "pageToken",
];

/// Percent-decoded; a plus sign is a blank, as the service's framework has it.
fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).and_then(|it| std::str::from_utf8(it).ok());
        let byte = hex.and_then(|it| u8::from_str_radix(it, 16).ok());
        match (first, byte) {
            (b'%', Some(byte)) => {
                out.push(byte);
                rest = &after[2..];
                continue;
            }
            (b'+', _) => out.push(b' '),
            _ => out.push(*first),
        }
        rest = after;
    }
    String::from_utf8_lossy(&out).into_owned()
}
