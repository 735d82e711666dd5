//! A window, page by page: what is new in a page is written as an object, then the window's cursor moves on.

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use crate::answer::{self, Answer, Failure, Page, Remedy};
use crate::collect::Collector;
use crate::event::{self, Event, hash16};
use crate::harness::{Cursor, Request, request};
use crate::pace;
use crate::settings::Shape;
use crate::state::Window;
use crate::step::{Action, Condition, Now, Reply};
use crate::summary::Error;

/// How long an attempt may take.
const ATTEMPT_MS: u64 = 30_000;
/// A query that is too slow is not made shorter than this.
const SHORTEST_MS: i64 = 60_000;

/// The most pages of a millisecond: a cycle that no run is long enough to notice ends here.
const MOST_PAGES: u32 = 1000;

/// How the pages of a window are walked, which a run learns anew.
#[derive(Default)]
struct Walk {
    refusals: u32,
    by_index: bool,
    /// The last page by its ids.
    last: Option<String>,
    /// Those before it that held any.
    before: HashSet<String>,
}

impl Window {
    /// Begins anew, with the same bounds; ids keep what is written from being written again.
    pub(crate) fn restart(&mut self) {
        self.cursor = Cursor::Index(0);
        self.pages = 0;
    }
}

impl Collector {
    /// Reads the open window to its end; false if the run's time is up before.
    pub(crate) async fn read_window(&mut self) -> Result<bool, Error> {
        let by_index = |it: &Window| matches!(it.cursor, Cursor::Index(1..));
        let mut walk = Walk {
            by_index: self.state.window.as_ref().is_some_and(by_index),
            ..Walk::default()
        };
        while let Some(window) = self.state.window.clone() {
            // Each run reads a page, however late it gets to it: where a budget is too short for what comes before
            // the first one, runs would otherwise succeed for ever and get nowhere.
            let is_late = self.desk.now().elapsed >= self.deadline;
            if is_late && self.summary.pages > 0 {
                return Ok(false);
            }
            let bounds = (window.start, window.end);
            let request = request(&self.settings, bounds, window.page_size, &window.cursor);
            let can_shorten = window.end - window.start >= SHORTEST_MS;
            let mut page = match self.fetch(request, window.page_size, can_shorten).await {
                Ok(page) => page,
                Err(error) => {
                    self.recover(error, &window, &mut walk).await?;
                    continue;
                }
            };
            self.asked = 0;
            let content = std::mem::take(&mut page.content).into_iter();
            let events: Vec<Event> = content.map(|it| event::read(it, &self.settings)).collect();
            if walk.is_stuck(&page, &events, &window.cursor) {
                self.unstick(&window, &mut walk).await?;
                continue;
            }
            self.keep(events).await?;
            let Some(window) = &mut self.state.window else {
                return Ok(true);
            };
            if !page.has_next {
                return Ok(true);
            }
            window.pages += 1;
            window.cursor = match page.token {
                Some(token) if !walk.by_index => Cursor::Token(token),
                _ => {
                    // From here on by number: tokens that come and go cannot be counted on.
                    walk.by_index = true;
                    Cursor::Index(window.pages)
                }
            };
            let is_shortest = window.end <= window.start;
            if window.pages >= self.settings.window_pages && !is_shortest {
                walk.forget();
                self.split().await?;
            } else if window.pages >= MOST_PAGES && is_shortest {
                return Err(self.stuck());
            }
        }
        Ok(true)
    }

    /// After a failure that is not only of the moment: without the token, or with a shorter window.
    async fn recover(
        &mut self,
        error: Error,
        window: &Window,
        walk: &mut Walk,
    ) -> Result<(), Error> {
        let Error::Harness(Failure { remedy, .. }, _) = &error else {
            return Err(error);
        };
        match remedy {
            Remedy::DropToken if matches!(window.cursor, Cursor::Token(_)) => {
                walk.refusals += 1;
                // A run that has time for one page alone would never meet a second refusal.
                let is_late = self.desk.now().elapsed >= self.deadline;
                walk.by_index = is_late || walk.refusals > 1;
                walk.forget();
                if let Some(window) = &mut self.state.window {
                    window.restart();
                }
                Ok(())
            }
            Remedy::Shorten if window.end - window.start >= SHORTEST_MS => {
                walk.forget();
                self.summary.retries += 1;
                self.split().await?;
                let wait = pace::wait(0, None, &mut self.chance);
                self.pause(wait).await
            }
            _ => Err(error),
        }
    }

    /// First by number instead of token, then with half the window, and then loudly.
    async fn unstick(&mut self, window: &Window, walk: &mut Walk) -> Result<(), Error> {
        walk.forget();
        if !walk.by_index {
            walk.by_index = true;
            if let Some(window) = &mut self.state.window {
                window.restart();
            }
            return Ok(());
        }
        if window.end <= window.start {
            return Err(self.stuck());
        }
        self.split().await
    }

    /// The next run begins the window anew: the server may be mended by then.
    fn stuck(&mut self) -> Error {
        let window = self.state.window.as_mut();
        Error::Stuck(window.map_or(0, |it| {
            it.restart();
            it.start
        }))
    }

    /// Halves the window. What was written beyond it is remembered, but not in the state, which has to stay small.
    async fn split(&mut self) -> Result<(), Error> {
        let old = self.save_window_ids().await?;
        if let Some(window) = &mut self.state.window {
            window.end = window.start + (window.end - window.start) / 2;
            window.restart();
            self.state.span = window.end - window.start + 1;
        }
        self.write_state().await?;
        self.forget(old).await
    }

    /// Writes what is new in a page: its keys into the state, the objects, and the progress into the state.
    async fn keep(&mut self, events: Vec<Event>) -> Result<(), Error> {
        self.summary.pages += 1;
        let mut on_page = HashSet::new();
        let mut fresh: Vec<Event> = Vec::new();
        for event in events.into_iter().filter(|it| it.is_wanted) {
            if self.seen.contains_key(&event.id) || !on_page.insert(event.id.clone()) {
                self.summary.duplicates += 1;
            } else {
                self.summary.latest_ms = self.summary.latest_ms.max(event::lateness_ms(&event));
                fresh.push(event);
            }
        }
        let Some(window) = self.state.window.clone() else {
            return Ok(());
        };
        if fresh.is_empty() {
            return Ok(());
        }
        let parts = parts(&fresh, self.settings.max_object_bytes);
        let keys = parts.iter().zip(window.objects..);
        let keys: Vec<String> = keys.map(|(part, at)| self.key(&window, at, part)).collect();
        self.state.in_flight.clone_from(&keys);
        self.write_state().await?;
        for (part, key) in parts.iter().zip(&keys) {
            let lines: Vec<&str> = part.iter().map(|it| it.line.as_str()).collect();
            let body = lines.join("\n") + "\n";
            let metadata = self.metadata(&window, part);
            let condition = match self.state.conditional {
                Some(false) => Condition::None,
                _ => Condition::Absent,
            };
            // An object of this name is this one: its name tells its window and its ids.
            self.write_object(
                key,
                body.into_bytes(),
                "application/x-ndjson",
                metadata,
                condition,
            )
            .await?;
            self.summary.wrote(key, part.len() as u64);
        }
        if let Some(window) = &mut self.state.window {
            window.objects += keys.len() as u32;
        }
        for event in fresh {
            let time = event.time.unwrap_or(window.end);
            self.state.window_ids.push(&event.id, time);
            self.seen.insert(event.id, time);
        }
        self.state.in_flight.clear();
        self.write_state().await
    }

    fn key(&self, window: &Window, at: u32, part: &[Event]) -> String {
        // The same events in another shape are another object. UDM has a prefix of its own.
        let shape = (self.settings.shape == Shape::Streaming).then_some("streaming");
        let hash = hash16(part.iter().map(|it| it.id.as_str()).chain(shape));
        let start = instant(window.start);
        let day = start.format("%Y/%m/%d");
        let (start, end) = (compact(window.start), compact(window.end));
        let kind = match self.settings.gzip {
            true => "jsonl.gz",
            false => "jsonl",
        };
        format!(
            "{}/{day}/harness-audit-{start}-{end}-{at:04}-{hash}.{kind}",
            self.settings.prefix
        )
    }

    /// Defect 29 of the Lambda: nothing tells what an object holds.
    fn metadata(&self, window: &Window, part: &[Event]) -> Vec<(&'static str, String)> {
        let times = || part.iter().filter_map(|it| it.time);
        let time = |time: Option<i64>| time.map(|it| it.to_string()).unwrap_or_default();
        vec![
            ("event-count", part.len().to_string()),
            ("source", "udmill-collector".to_owned()),
            ("collection-time", instant(self.server_now()).to_rfc3339()),
            ("window-start", window.start.to_string()),
            ("window-end", window.end.to_string()),
            ("first-timestamp", time(times().min())),
            ("last-timestamp", time(times().max())),
        ]
    }

    /// Sends a request until a page comes, as often and as long as it may; the page tells the server's clock, too. A
    /// query that is too slow comes back at once if the caller can shorten it.
    pub(crate) async fn fetch(
        &mut self,
        request: Request,
        page_size: u32,
        can_shorten: bool,
    ) -> Result<Page, Error> {
        let mut calls = self.asked;
        loop {
            let now = self.desk.now().elapsed;
            let wait = self.bucket.borrow_mut().take(now);
            if wait > 0 {
                self.pause(wait).await?;
            }
            calls = calls.saturating_add(1);
            let reply = self
                .desk
                .ask(Action::Send(request.clone(), ATTEMPT_MS))
                .await;
            let found = match reply {
                Reply::Answer(answer) => {
                    let Now { wall, elapsed } = self.desk.now();
                    let answer = self.without_key(answer);
                    let page = answer::read(&answer, page_size, wall);
                    if page.is_ok() {
                        let time = answer::server_time(&answer);
                        self.clock = time.map(|it| (it, elapsed)).or(self.clock);
                    }
                    page
                }
                Reply::NoAnswer(message, is_timeout) => {
                    Err(answer::no_answer(&message, is_timeout))
                }
                _ => Err(answer::no_answer("an answer to something else", false)),
            };
            let failure = match found {
                Ok(page) => {
                    self.tell_of(&page);
                    return Ok(page);
                }
                Err(failure) => failure,
            };
            let may_repeat = match failure.remedy {
                Remedy::Repeat => true,
                // What is as short as it gets may still be answered later.
                Remedy::Shorten => !can_shorten,
                _ => false,
            };
            let wait = pace::wait(calls - 1, failure.retry_after_ms, &mut self.chance);
            let end = self.desk.now().elapsed.saturating_add(wait);
            if !may_repeat || calls > self.settings.max_retries {
                return Err(Error::Harness(failure, calls));
            }
            if end >= self.deadline {
                // There is no time left to wait, but the next run may.
                self.summary.retry_after_ms = Some(wait);
                self.summary.asked = Some(calls);
                return Err(Error::Harness(failure, calls));
            }
            self.summary.retries += 1;
            self.pause(wait).await?;
        }
    }

    fn tell_of(&mut self, page: &Page) {
        const WARNING: &str =
            "expected pages of Unicode, but found other characters; they are replaced by U+FFFD";
        let warnings = &mut self.summary.warnings;
        if page.is_mended && !warnings.iter().any(|it| it == WARNING) {
            warnings.push(WARNING.to_owned());
        }
    }

    /// Pages of errors may show the request; what they say goes into logs.
    fn without_key(&self, answer: Answer) -> Answer {
        let key = self.settings.api_key.0.as_bytes();
        if !answer.body.windows(key.len()).any(|it| it == key) {
            return answer;
        }
        let text = String::from_utf8_lossy(&answer.body);
        let body = text.replace(&self.settings.api_key.0, "[key]").into_bytes();
        Answer { body, ..answer }
    }

    pub(crate) async fn pause(&mut self, ms: u64) -> Result<(), Error> {
        self.desk.ask(Action::Wait(ms)).await;
        Ok(())
    }
}

impl Walk {
    /// A page that was there before, or a token that leads to itself. Events that are known already are no sign: the
    /// overlap is full of them.
    fn is_stuck(&mut self, page: &Page, events: &[Event], sent: &Cursor) -> bool {
        if !page.has_next {
            return false;
        }
        let same_token =
            matches!((&page.token, sent), (Some(one), Cursor::Token(other)) if one == other);
        let this = hash16(events.iter().map(|it| it.id.as_str()));
        // Of pages without an event, there may be several that do advance.
        let is_cycle = !events.is_empty() && !self.before.insert(this.clone());
        let is_same = self.last.replace(this.clone()).is_some_and(|it| it == this);
        is_same || is_cycle || (same_token && !self.by_index)
    }

    /// Pages of another window, or of this one from its beginning, are no repeats.
    fn forget(&mut self) {
        self.last = None;
        self.before.clear();
    }
}

/// A page's events as objects: one, unless it grows too large. An event is never cut.
fn parts(events: &[Event], most: usize) -> Vec<&[Event]> {
    let (mut parts, mut from, mut size) = (Vec::new(), 0, 0);
    for (at, event) in events.iter().enumerate() {
        let bytes = event.line.len() + 1;
        if at > from && size + bytes > most {
            parts.push(&events[from..at]);
            (from, size) = (at, 0);
        }
        size += bytes;
    }
    parts.push(&events[from..]);
    parts
}

fn instant(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap_or_default()
}

fn compact(ms: i64) -> String {
    instant(ms).format("%Y%m%dT%H%M%S%3fZ").to_string()
}
