//! A Harness server as its published API and source describe it: newest first, both bounds included, tokens that are
//! bound to the body they were given for, events that become visible later than they are stamped, and every fault.

use std::collections::VecDeque;

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::harness::Request;
use crate::pace::Chance;
use crate::step::Reply;

/// An event: when it happened, and from when on it can be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub time: i64,
    pub visible: i64,
    pub id: String,
}

/// What a server does about tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tokens {
    /// Bound to the body of the request that they came from.
    #[default]
    Bound,
    /// Whatever the body.
    Loose,
    /// None, though there are more pages.
    Missing,
    /// Always the same one, which leads to the first page.
    Same,
    /// Refused, always.
    Refused,
}

/// A fault to answer with.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    Status(u16, &'static str),
    Truncated,
    TimedOut,
    Reset,
}

#[derive(Default)]
pub struct Server {
    /// Sorted by time.
    pub events: Vec<Stored>,
    pub tokens: Tokens,
    /// The next answers are these faults.
    pub faults: VecDeque<Fault>,
    /// One of so many requests fails by chance; 0 for none.
    pub fails_one_of: u64,
    /// Windows with more events than this take too long; 0 for none.
    pub too_many: usize,
    /// Sends no `Date`.
    pub no_date: bool,
    /// The bodies and tokens that came.
    pub requests: Vec<(String, Option<String>)>,
    pub count: u64,
}

impl Server {
    /// An event at a time, visible `late` milliseconds afterwards, with an id as Harness makes them.
    pub fn add(&mut self, time: i64, late: i64) -> String {
        let visible = time + late;
        let id = format!("{:08x}{:016x}", visible / 1000, self.events.len());
        let at = self.events.partition_point(|it| it.time <= time);
        self.events.insert(
            at,
            Stored {
                time,
                visible,
                id: id.clone(),
            },
        );
        id
    }

    pub fn answer(
        &mut self,
        request: &Request,
        within: u64,
        now: i64,
        elapsed: &mut u64,
        chance: &mut Chance,
    ) -> Reply {
        self.count += 1;
        let by_chance = self.fails_one_of > 0 && chance.below(self.fails_one_of) == 0;
        let fault = self
            .faults
            .pop_front()
            .or_else(|| by_chance.then(|| any_fault(chance)));
        match fault {
            None => {}
            Some(Fault::TimedOut) => {
                *elapsed += within;
                return Reply::NoAnswer("timed out".into(), true);
            }
            Some(Fault::Reset) => return Reply::NoAnswer("connection reset".into(), false),
            Some(Fault::Truncated) => {
                return self.reply(
                    200,
                    now,
                    "{\"status\":\"SUCCESS\",\"data\":{\"content\":[{\"au",
                );
            }
            Some(Fault::Status(status, body)) => return self.reply(status, now, body),
        }
        let (status, body) = self.page(request, now);
        self.reply(status, now, &body.to_string())
    }

    fn reply(&self, status: u16, now: i64, body: &str) -> Reply {
        let date = chrono::DateTime::from_timestamp_millis(now).expect("a time");
        let date = date.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        Reply::Answer(Answer {
            status,
            headers: if self.no_date {
                Vec::new()
            } else {
                vec![("date".into(), date)]
            },
            body: body.into(),
        })
    }

    fn page(&mut self, request: &Request, now: i64) -> (u16, Value) {
        let body: Value = serde_json::from_str(&request.body).expect("a body");
        let (start, end) = (body["startTime"].as_i64(), body["endTime"].as_i64());
        let (start, end) = (start.expect("a start"), end.expect("an end"));
        let (_, query) = request.url.split_once('?').expect("a query");
        let number = |name: &str| {
            let mut pairs = query.split('&').filter_map(|it| it.split_once('='));
            pairs
                .find(|(it, _)| *it == name)
                .map(|(_, value)| value.to_owned())
        };
        let size: usize = number("pageSize")
            .expect("a size")
            .parse()
            .expect("a number");
        let token = number("pageToken");
        if self.requests.len() < 10_000 {
            self.requests.push((request.body.clone(), token.clone()));
        }
        if start > end {
            return (
                400,
                error("INVALID_REQUEST", "Invalid request: Invalid time filter"),
            );
        }
        let from = self.events.partition_point(|it| it.time < start);
        let to = self.events.partition_point(|it| it.time <= end);
        let span = &self.events[from..to];
        if self.too_many > 0 && span.len() > self.too_many {
            let message = json!({"code": "MONGO_EXECUTION_TIMEOUT_EXCEPTION", "message": "Operation exceeded time limit."});
            return (500, message);
        }
        let bound = request
            .body
            .replace(|it: char| !it.is_ascii_alphanumeric(), "");
        let offset = match (&token, self.tokens) {
            (None, _) => number("pageIndex").map_or(0, |it| it.parse().unwrap_or(0)) * size,
            (Some(_), Tokens::Same) => 0,
            (Some(token), tokens) => {
                let (body, offset) = token.split_once('-').unwrap_or_default();
                if tokens == Tokens::Refused || (tokens == Tokens::Bound && body != bound) {
                    return (
                        400,
                        error("INVALID_REQUEST", "Invalid request: Invalid page token"),
                    );
                }
                offset.parse().unwrap_or(0)
            }
        };
        let mut seen = span
            .iter()
            .rev()
            .filter(|it| it.visible <= now)
            .skip(offset);
        let content: Vec<Value> = seen
            .by_ref()
            .take(size)
            .map(|it| json!({"auditId": it.id, "timestamp": it.time, "action": "CREATE"}))
            .collect();
        let has_next = seen.next().is_some();
        let token = match self.tokens {
            _ if !has_next => None,
            Tokens::Missing => None,
            Tokens::Same => Some("same".to_owned()),
            _ => Some(format!("{bound}-{}", offset + size)),
        };
        let data = json!({"content": content, "hasNext": has_next, "pageToken": token});
        (200, json!({"status": "SUCCESS", "data": data}))
    }
}

fn any_fault(chance: &mut Chance) -> Fault {
    match chance.below(8) {
        0 => Fault::Status(500, "{\"code\":\"UNKNOWN_ERROR\",\"message\":\"Oops\"}"),
        1 => Fault::Status(503, "<html>503</html>"),
        2 => Fault::Truncated,
        3 => Fault::TimedOut,
        4 => Fault::Reset,
        5 => Fault::Status(400, "{\"status\":\"ERROR\",\"code\":\"TOO_MANY_REQUESTS\"}"),
        _ => Fault::Status(429, "<!doctype html>429 Too Many Requests"),
    }
}

fn error(code: &str, message: &str) -> Value {
    json!({"status": "ERROR", "code": code, "message": message, "correlationId": "c-1"})
}
