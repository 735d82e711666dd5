//! Feeds, logs, and a destination that remembers what it took.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use super::{Memory, answer, block_on};
use crate::config::{self, Config};
use crate::host::{Answer, Outbound, SendError};

/// Where the destinations of [`config`] are.
const URLS: &[&str] = &["https://main.example/in", "https://raw.example/in"];

/// Two feeds, `azdo` and `other`, whose UDM goes to `main` in requests of at most two events, and a feed `raw` to
/// `raw.example`.
pub fn config() -> Config {
    let http = |name: &str, format: &str| {
        format!(
            "[destination.{name}]\ntype = \"http\"\nurl = \"https://{name}.example/in\"\n\
             format = \"{format}\"\nmax_items = 2\n"
        )
    };
    let feed = |name: &str, destination: &str| {
        let auth = format!("auth = {{ secrets = [\"sha256:{}\"] }}", "ab".repeat(32));
        format!(
            "[feed.{name}]\nlog_type = \"AZURE_DEVOPS\"\ndestination = \"{destination}\"\n{auth}\n"
        )
    };
    let text = [
        feed("azdo", "main"),
        feed("other", "main"),
        feed("raw", "raw"),
        http("main", "udm"),
        http("raw", "raw"),
    ];
    read(&text.concat())
}

/// A configuration that has no mistakes.
pub fn read(text: &str) -> Config {
    let host = Memory::new();
    let variables = [("udmill_config", text), ("udmill_loopback", "true")];
    for (name, value) in variables {
        let mut variables = host.variables.borrow_mut();
        variables.insert(name.to_owned(), value.to_owned());
    }
    block_on(config::load(&host)).unwrap_or_else(|error| panic!("{error:?}\n{text}"))
}

/// A log of Azure DevOps, without a line feed.
pub fn log(id: &str) -> String {
    format!(r#"{{"Id":"{id}","ActionId":"Policy.Other","Timestamp":"2026-03-14T11:59:00Z"}}"#)
}

/// Logs, one a line.
pub fn payload<'i>(ids: impl IntoIterator<Item = &'i str>) -> Vec<u8> {
    let lines = ids.into_iter().map(|id| log(id) + "\n");
    lines.collect::<String>().into_bytes()
}

/// What all destinations took, and how they answer. A request with `poison` in it is a bad one.
#[derive(Clone, Default)]
pub struct Takers {
    /// How often each log was accepted, by its id.
    pub accepted: Rc<RefCell<BTreeMap<String, usize>>>,
    /// The status for everything, if not 200.
    pub status: Rc<Cell<Option<u16>>>,
    /// Requests that hold one of these texts are answered 503.
    pub stuck: Rc<RefCell<Vec<String>>>,
}

impl Takers {
    /// Takers that answer the requests of this host.
    pub fn of(host: &Memory) -> Takers {
        let takers = Takers::default();
        takers.serve(host);
        takers
    }

    /// Answers the requests of this host too.
    pub fn serve(&self, host: &Memory) {
        let takers = self.clone();
        host.answers(move |request| takers.answer(request));
    }

    /// Answers a request.
    pub fn answer(&self, request: &Outbound) -> Result<Answer, SendError> {
        assert!(URLS.contains(&request.url.as_str()), "{request:?}");
        let body = String::from_utf8(request.body.clone()).expect("text");
        if let Some(status) = self.status.get() {
            return answer(status, "");
        }
        let stuck = self.stuck.borrow();
        if stuck.iter().any(|it| body.contains(it.as_str())) {
            return answer(503, "");
        }
        if body.contains("poison") {
            return answer(400, "");
        }
        let mut accepted = self.accepted.borrow_mut();
        for line in body.lines() {
            *accepted.entry(id_of(line)).or_default() += 1;
        }
        answer(200, "")
    }

    /// The ids of the logs that were accepted.
    pub fn ids(&self) -> Vec<String> {
        self.accepted.borrow().keys().cloned().collect()
    }

    /// How many logs were accepted once more.
    pub fn repeated(&self) -> usize {
        self.accepted.borrow().values().map(|times| times - 1).sum()
    }
}

/// The id in a log or an event; without one, all of it.
fn id_of(line: &str) -> String {
    let keys = ["\"Id\":\"", "\"productLogId\":\""];
    let rest = keys.iter().find_map(|key| line.split_once(key));
    let id = rest.and_then(|(_, rest)| rest.split('"').next());
    id.unwrap_or(line).to_owned()
}
