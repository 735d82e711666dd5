//! The service without its network: what it knows, and what it answers at a given time.
//!
//! Pages are those of `AuditFilterProperties` and `PageResponse` (apidocs.harness.io, tag Audit, November 2026);
//! order, bounds and messages are those of the audit service's published source (harness-core, `audit-service`).
//! How tokens are made is not published, so they are ours, with characters that need encoding.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use plain_http::Request;
use serde_json::{Value, json};

use crate::answer::{Answer, Reply, error};
use crate::fault::{self, Fault};
use crate::filter::Filter;
use crate::request::{self, Asked};

/// The account that there is unless a test says otherwise.
pub const ACCOUNT: &str = "kZ3vQxY1TQ2mPa9fLr8bWw";
/// A service account's token for [`ACCOUNT`]. Its secret occurs nowhere else, and may be seen nowhere.
pub const KEY: &str = "sat.kZ3vQxY1TQ2mPa9fLr8bWw.6955b93e0a.canary-of-the-harness-key-4be2";

/// More calls than any test looks at; a long simulation does not keep them all.
const MOST_CALLS: usize = 10_000;

/// The service.
#[derive(Clone, Debug)]
pub struct Service {
    /// The account.
    pub account: String,
    /// What `x-api-key` has to be.
    pub key: String,
    /// What has become of the key.
    pub key_is: Key,
    /// The events, sorted by time.
    pub events: Vec<Stored>,
    /// What it does about page tokens.
    pub tokens: Tokens,
    /// The next answers are these faults, whatever is asked.
    pub faults: VecDeque<Fault>,
    /// The answers to these requests, by number from 0, are these faults.
    pub scheduled: BTreeMap<u64, Fault>,
    /// One of so many requests fails by chance; 0 for none.
    pub fails_one_of: u64,
    /// The chance.
    pub seed: u64,
    /// A query over more events than this takes too long; 0 for none.
    pub too_many: usize,
    /// Calls in a minute, beyond which the edge answers 429; 0 for any number.
    pub per_minute: usize,
    /// Its clock less the true one, in milliseconds.
    pub skew_ms: i64,
    /// Sends no `Date`.
    pub no_date: bool,
    /// How many requests came.
    pub count: u64,
    /// What came, and the status of its answer; none where the connection broke. The first ten thousand.
    pub calls: Vec<Call>,
    /// Which rules of the contract were broken.
    pub complaints: Vec<String>,
    latest: VecDeque<i64>,
}

/// An event, and from when on it can be seen, both in epoch milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// Its `timestamp`.
    pub time: i64,
    /// When the outbox got it through.
    pub visible: i64,
    /// Its `auditId`.
    pub id: String,
    /// The rest of it, which many may share; none for the smallest event that is whole.
    pub rest: Option<Arc<Value>>,
}

/// What has become of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Key {
    /// It may read audit events.
    #[default]
    Good,
    /// Its time is over.
    Expired,
    /// It holds, without `core_audit_view`.
    Unprivileged,
}

/// What a service does about page tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tokens {
    /// Bound to the page size and the body of the request that they came from.
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

/// A request that came.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// When, by the true clock, in epoch milliseconds.
    pub at: i64,
    /// Without the query.
    pub path: String,
    /// Decoded.
    pub query: Vec<(String, String)>,
    /// As it came.
    pub body: String,
    /// Of the answer.
    pub status: Option<u16>,
}

impl Default for Service {
    fn default() -> Service {
        Service {
            account: ACCOUNT.to_owned(),
            key: KEY.to_owned(),
            key_is: Key::default(),
            events: Vec::new(),
            tokens: Tokens::default(),
            faults: VecDeque::new(),
            scheduled: BTreeMap::new(),
            fails_one_of: 0,
            seed: 0,
            too_many: 0,
            per_minute: 400,
            skew_ms: 0,
            no_date: false,
            count: 0,
            calls: Vec::new(),
            complaints: Vec::new(),
            latest: VecDeque::new(),
        }
    }
}

impl Service {
    /// An event at a time, visible `late` milliseconds afterwards. Gives its id, which begins with the second of its
    /// storing, as MongoDB's do.
    pub fn add(&mut self, time: i64, late: i64) -> String {
        self.insert(time, late, None)
    }

    /// The same with the content of another event, of which the id and the time do not count.
    pub fn add_like(&mut self, event: &Value, time: i64, late: i64) -> String {
        self.insert(time, late, Some(Arc::new(event.clone())))
    }

    /// Events by the million can share their content.
    pub(crate) fn insert(&mut self, time: i64, late: i64, rest: Option<Arc<Value>>) -> String {
        let visible = time + late;
        let id = format!("{:08x}{:016x}", visible / 1000, self.events.len());
        let at = self.events.partition_point(|it| it.time <= time);
        let stored = Stored {
            time,
            visible,
            id: id.clone(),
            rest,
        };
        self.events.insert(at, stored);
        id
    }

    /// Answers a request that comes at a time of the true clock, in epoch milliseconds.
    pub fn answer(&mut self, request: &Request, now: i64) -> Reply {
        let number = self.count;
        self.count += 1;
        let call = Call {
            at: now,
            path: request.path.clone(),
            query: request::query(&request.query),
            body: String::from_utf8_lossy(&request.body).into_owned(),
            status: None,
        };
        let mut reply = match self.fault(number) {
            Some(fault) => {
                let own = |service: &mut Service| service.judge(request, &call, number, now);
                fault.reply(now + self.skew_ms, || own(self))
            }
            None => Reply::Answer(self.judge(request, &call, number, now)),
        };
        if let Reply::Answer(answer) | Reply::Cut(answer) = &mut reply
            && !self.no_date
            && answer.header("date").is_none()
        {
            let date = fault::http_date(now + self.skew_ms);
            answer.headers.push(("date".to_owned(), date));
        }
        if self.calls.len() < MOST_CALLS {
            let status = match &reply {
                Reply::Answer(answer) => Some(answer.status),
                _ => None,
            };
            self.calls.push(Call { status, ..call });
        }
        reply
    }

    fn fault(&mut self, number: u64) -> Option<Fault> {
        let scheduled = self.scheduled.get(&number).cloned();
        let next = || self.faults.pop_front();
        let by_chance = || match self.fails_one_of {
            0 => None,
            times => fault::by_chance(self.seed.wrapping_add(number), times),
        };
        scheduled.or_else(next).or_else(by_chance)
    }

    fn judge(&mut self, request: &Request, call: &Call, number: u64, now: i64) -> Answer {
        let correlation = format!("0f0e3d6e-5a10-4c2f-9b55-{number:012x}");
        if self.is_too_often(now) {
            return Answer::html(429, "429 Too Many Requests");
        }
        let path = request.path.strip_prefix("/gateway");
        let path = path.unwrap_or(&request.path);
        let is_v2 = path == "/audit/api/audits/listV2";
        if path == "/audit/api/auditYaml" && request.method == "GET" {
            let mut parameters = call.query.iter();
            let id = parameters.find(|(name, _)| name == "auditId");
            let id = id.map_or("", |(_, id)| id.as_str());
            let message = format!("Yaml Diff corresponding to audit with id {id} does not exist");
            return error(400, "INVALID_REQUEST", &invalid(&message), &correlation);
        }
        if !is_v2 && path != "/audit/api/audits/list" {
            return Answer::html(404, "Not Found");
        }
        let given = request.header("x-api-key");
        match self.key_is {
            _ if given != Some(&self.key) => {
                return error(401, "INVALID_TOKEN", "Token is not valid.", &correlation);
            }
            Key::Expired => return error(401, "EXPIRED_TOKEN", "Token expired.", &correlation),
            Key::Unprivileged => {
                let message = format!(
                    "User not authorized: You need core_audit_view permission on ACCOUNT with identifier: {} to \
                     perform this action",
                    self.account
                );
                return error(403, "ACCESS_DENIED", &message, &correlation);
            }
            Key::Good => {}
        }
        if let Err(wrong) = request::check_head(request) {
            self.complaints.push(wrong.clone());
            return error(400, "INVALID_REQUEST", &wrong, &correlation);
        }
        let asked = match Asked::read(call, &self.account) {
            Ok(asked) => asked,
            Err(refusal) => {
                self.complaints.extend(refusal.complaint.clone());
                return refusal.answer(&correlation);
            }
        };
        self.page(&asked, is_v2, now + self.skew_ms, &correlation)
    }

    /// The edge counts what it lets through in the last minute.
    fn is_too_often(&mut self, now: i64) -> bool {
        if self.per_minute == 0 {
            return false;
        }
        while self.latest.front().is_some_and(|it| *it <= now - 60_000) {
            self.latest.pop_front();
        }
        let is_too_often = self.latest.len() >= self.per_minute;
        if !is_too_often {
            self.latest.push_back(now);
        }
        is_too_often
    }

    fn page(&self, asked: &Asked, is_v2: bool, now: i64, correlation: &str) -> Answer {
        let (start, end) = (asked.start, asked.end.unwrap_or(now));
        let from = self.events.partition_point(|it| it.time < start);
        let to = self.events.partition_point(|it| it.time <= end);
        let span = self.events.get(from..to).unwrap_or_default();
        if self.too_many > 0 && span.len() > self.too_many {
            let message = "Operation exceeded time limit. Please contact Harness Support.";
            let body = json!({"code": "MONGO_EXECUTION_TIMEOUT_EXCEPTION", "level": "ERROR", "message": message,
                              "exception": null, "failureTypes": []});
            return Answer::json(500, &body);
        }
        let bound = bound_to(asked);
        let offset = match (&asked.token, self.tokens) {
            (None, _) => asked.index * asked.size,
            (Some(_), Tokens::Same) => 0,
            (Some(token), tokens) => match offset_of(token, &bound, tokens) {
                Some(offset) => offset,
                None => {
                    let message = invalid("Invalid page token");
                    return error(400, "INVALID_REQUEST", &message, correlation);
                }
            },
        };
        let chosen = |it: &&Stored| it.visible <= now && self.is_chosen(it, &asked.filter);
        let total = || span.iter().filter(chosen).count();
        let ascending = span.iter().filter(chosen);
        let events: Vec<&Stored> = match asked.is_ascending {
            true => ascending.skip(offset).take(asked.size + 1).collect(),
            false => ascending.rev().skip(offset).take(asked.size + 1).collect(),
        };
        let has_next = events.len() > asked.size;
        let content = events.iter().take(asked.size);
        let content: Vec<Value> = content.map(|it| self.event(it)).collect();
        let mut data = json!({"pageItemCount": content.len(), "pageSize": asked.size, "content": content,
                              "pageIndex": offset / asked.size});
        if is_v2 {
            let token = match self.tokens {
                _ if !has_next => None,
                Tokens::Missing => None,
                Tokens::Same => Some("same".to_owned()),
                _ => Some(format!("{bound}/{}+==", offset + asked.size)),
            };
            data["hasNext"] = json!(has_next);
            data["pageToken"] = json!(token);
        } else {
            let total = total();
            data["totalItems"] = json!(total);
            data["totalPages"] = json!(total.div_ceil(asked.size));
            data["empty"] = json!(total == 0);
        }
        let body = json!({"status": "SUCCESS", "data": data, "metaData": null, "correlationId": correlation});
        Answer::json(200, &body)
    }

    /// The smallest event is chosen without being made, as most simulations have no filter.
    fn is_chosen(&self, stored: &Stored, filter: &Filter) -> bool {
        filter.is_empty() || filter.takes(&self.event(stored))
    }

    fn event(&self, stored: &Stored) -> Value {
        let mut event = stored.rest.as_deref().cloned().unwrap_or_else(|| {
            json!({
                "auditId": "", "resourceScope": {"accountIdentifier": self.account}, "timestamp": 0,
                "authenticationInfo": {"principal": {"type": "USER", "identifier": "ana.silva@example.com"}},
                "module": "CORE", "resource": {"type": "SECRET", "identifier": "token"}, "action": "CREATE",
            })
        });
        event["auditId"] = json!(stored.id);
        event["timestamp"] = json!(stored.time);
        event
    }
}

/// What a token holds for: the page size and the body.
fn bound_to(asked: &Asked) -> String {
    let mut hasher = DefaultHasher::new();
    (asked.size, asked.is_ascending, &asked.body).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

fn offset_of(token: &str, bound: &str, tokens: Tokens) -> Option<usize> {
    let (hash, offset) = token.strip_suffix("+==")?.split_once('/')?;
    let holds = tokens == Tokens::Loose || (tokens != Tokens::Refused && hash == bound);
    offset.parse().ok().filter(|_| holds)
}

fn invalid(message: &str) -> String {
    format!("Invalid request: {message}")
}
