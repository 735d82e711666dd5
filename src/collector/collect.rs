//! A run: whose turn it is, where to begin, and pass after pass until nothing is due.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::event;
use crate::harness::Cursor;
use crate::pace::{Bucket, Chance};
use crate::settings::{LAMBDA, Settings};
use crate::state::{self, Lease, Pass, State, Window};
use crate::step::{Condition, Desk};
use crate::summary::{Error, Outcome, Summary};

/// How long a run may be silent before another one may take over. Every write of the state renews it. No call lasts
/// longer than half a minute; one that is overtaken all the same notices it at its next write and loses nothing.
const LEASE_MS: i64 = 60_000;
/// A pass over less than this is not opened after another one. Each reads the overlap again: where that takes
/// longer, this much is due after every pass, and a run without a budget does not end.
const LEAST_PASS_MS: i64 = 300_000;

/// What a run is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// What to collect.
    pub plan: Plan,
    /// How long the run may take, in milliseconds; what is left is the next run's.
    pub budget_ms: u64,
    /// A name that no other run has.
    pub owner: String,
    /// For chance in waits.
    pub seed: u64,
    /// How often what comes first was asked for already by the runs before, which had no time to wait: as their
    /// [`Summary::asked`] says.
    pub asked: u32,
}

/// What to collect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// What has come since the last run.
    Live,
    /// What is stamped between two times, in epoch milliseconds, both included; the watermark is left alone.
    Backfill { from: i64, to: i64 },
}

pub(crate) async fn run(
    settings: Settings,
    order: Order,
    desk: Rc<Desk>,
    bucket: Rc<RefCell<Bucket>>,
) -> Outcome {
    let now = desk.now();
    let mut collector = Collector {
        bucket,
        chance: Chance::new(order.seed),
        deadline: now.elapsed.saturating_add(order.budget_ms),
        asked: order.asked,
        clock: None,
        summary: Summary {
            retries: u64::from(order.asked > 0),
            warnings: settings.warnings.clone(),
            ..Summary::default()
        },
        etag: None,
        is_known: false,
        state: State::new(&settings, 0),
        seen: HashMap::new(),
        settings,
        order,
        desk,
    };
    let mut error = collector.work().await.err();
    let is_ours = collector.etag.is_some() && error != Some(Error::Overtaken);
    if is_ours {
        // Progress is kept, and the lease given back, also after a failure.
        collector.state.lease = None;
        let saved = collector.write_state().await.err();
        error = error.or(saved);
    }
    if collector.is_known {
        let lag = collector.server_now() - collector.state.watermark;
        collector.summary.lag_ms = Some(lag);
    }
    Outcome {
        summary: collector.summary,
        error,
    }
}

pub(crate) struct Collector {
    pub(crate) settings: Settings,
    pub(crate) order: Order,
    pub(crate) desk: Rc<Desk>,
    pub(crate) bucket: Rc<RefCell<Bucket>>,
    pub(crate) chance: Chance,
    pub(crate) deadline: u64,
    /// See [`Order::asked`]; nothing any more once there was a page of events.
    pub(crate) asked: u32,
    /// What time it was last, and when that was on the clock that never goes back: the wall clock may be set at any
    /// moment.
    pub(crate) clock: Option<(i64, u64)>,
    pub(crate) summary: Summary,
    /// Of the state as we know it; none while it is not ours.
    pub(crate) etag: Option<String>,
    /// The state is one that was read or written, and says how far a run has come.
    pub(crate) is_known: bool,
    pub(crate) state: State,
    /// Ids that are written already, with their times, as far as they can come again.
    pub(crate) seen: HashMap<String, i64>,
}

impl Collector {
    async fn work(&mut self) -> Result<(), Error> {
        self.mark().await?;
        if let Err(error) = self.ask_time().await {
            // Only for how far behind this leaves everything; what failed first is what is told.
            let _ = self.find_state().await;
            return Err(error);
        }
        self.take_turn().await?;
        self.remember().await?;
        self.move_lambda_state().await?;
        let mut passes = 0;
        loop {
            if self.state.pass.is_none() && !self.open_pass(passes) {
                self.summary.complete = true;
                return Ok(());
            }
            passes += 1;
            while let Some(pass) = self.state.pass {
                if self.state.window.is_none() && pass.at > pass.until {
                    self.close_pass(pass);
                    continue;
                }
                if self.state.window.is_none() {
                    self.open_window(pass);
                }
                if !self.read_window().await? {
                    return Ok(());
                }
                self.close_window(pass).await?;
            }
        }
    }

    /// Reads the state, and says its ETag, if there is one.
    async fn find_state(&mut self) -> Result<Option<String>, Error> {
        let key = self.state_key();
        let Some((bytes, etag)) = self.read_object(&key).await? else {
            return Ok(None);
        };
        let wrong = |message: String| Error::State(format!("{message} (in `{key}`)"));
        let state = State::read(&bytes).map_err(wrong)?;
        if state.account != self.settings.account {
            let message =
                "expected the account of `HARNESS_ACCOUNT_ID` in the state, but found another one";
            return Err(Error::State(message.to_owned()));
        }
        self.state = state;
        self.is_known = true;
        Ok(Some(etag))
    }

    /// Reads the state, or makes the first one, and takes the lease.
    async fn take_turn(&mut self) -> Result<(), Error> {
        let condition = match self.find_state().await? {
            Some(etag) => Condition::Matches(etag),
            None => {
                self.first_state().await?;
                Condition::Absent
            }
        };
        if let Plan::Backfill { to, .. } = self.order.plan
            && self.state.watermark >= to
        {
            let key = self.state_key();
            self.summary.warnings.push(format!(
                "expected a backfill that is not done, but found that `{key}` says it is; delete that to collect the \
                 same again"
            ));
        }
        let now = self.server_now();
        if let Plan::Backfill { to, .. } = self.order.plan
            && to > now - self.settings.settle_ms
        {
            self.summary.warnings.push(format!(
                "expected the end of a backfill more than {} seconds ago, but found a later one; what comes until then \
                 is not read, so begin it again afterwards",
                self.settings.settle_ms / 1000
            ));
        }
        let (owner, until) = match &self.state.lease {
            Some(lease) => (lease.owner.as_str(), lease.until),
            None => ("", i64::MIN),
        };
        // A lease beyond any that could have been taken is a clock's mistake and does not count.
        if owner != self.order.owner && until > now && until <= now + 2 * LEASE_MS {
            return Err(Error::Busy(until));
        }
        let filters = state::fingerprint(&self.settings);
        if self.state.filters != filters {
            self.state.filters = filters;
            if let Some(window) = &mut self.state.window {
                window.restart();
            }
        }
        self.renew_lease();
        self.claim(condition).await?;
        self.is_known = true;
        Ok(())
    }

    /// After the Lambda: from its `since` less the overlap, for what it lost at its last run's end or came late.
    async fn first_state(&mut self) -> Result<(), Error> {
        let minutes = self.settings.start_minutes_back;
        let mut start = self.server_now() - minutes * 60_000;
        if let Plan::Backfill { from, .. } = self.order.plan {
            start = from;
        } else {
            let key = self.settings.lambda_state_key.clone();
            if let Some((bytes, _)) = self.read_lambda_state().await? {
                let since = state::lambda_since(&bytes);
                let since = since.map_err(|it| Error::State(format!("{it} (in `{key}`)")))?;
                start = (since - self.settings.overlap_ms).max(0);
                let message = format!(
                    "took over from the Lambda's state `{key}`; events of its last {} minutes come again",
                    self.settings.overlap_ms / 60_000
                );
                self.summary.warnings.push(message);
                self.state = State::new(&self.settings, start);
                self.state.lambda = Some(key);
                return Ok(());
            }
            if self.settings.takes_over {
                self.summary.warnings.push(format!(
                    "expected the Lambda's state at `{key}`, as `STATE_KEY` says, but found none; the first run \
                     begins {minutes} minutes back"
                ));
            }
        }
        self.state = State::new(&self.settings, start);
        Ok(())
    }

    pub(crate) fn renew_lease(&mut self) {
        let until = self.server_now() + LEASE_MS;
        self.state.lease = Some(Lease {
            owner: self.order.owner.clone(),
            until,
        });
    }

    /// What is written already: the overlap, the open window, and the page that was in flight when a run died.
    async fn remember(&mut self) -> Result<(), Error> {
        if let Some(key) = self.state.ids.clone() {
            let missing = || format!("expected the ids of the overlap at `{key}`, but found none");
            match self.read_object(&key).await? {
                Some((bytes, _)) => {
                    let value = serde_json::from_slice(&bytes).unwrap_or_default();
                    let ids = state::ids(&value).map_err(Error::State)?;
                    self.seen.extend(ids.to_map());
                }
                // Of two runs at once, one deletes what the other one's state names: it repeats, but blocks nothing.
                None if self.state.conditional == Some(false) => {
                    let message = missing() + "; what was written of it comes again";
                    self.summary.warnings.push(message);
                    self.state.ids = None;
                }
                None => return Err(Error::State(missing())),
            }
        }
        let end = self.state.window.as_ref().map_or(0, |it| it.end);
        let in_flight = std::mem::take(&mut self.state.in_flight);
        let (mut whole, mut is_whole) = (0, true);
        for key in &in_flight {
            let found = self.read_object(key).await?;
            is_whole &= found.is_some();
            whole += u32::from(is_whole);
            match found {
                Some((bytes, _)) => {
                    let text = String::from_utf8_lossy(&bytes);
                    for (id, time) in text.lines().filter_map(event::of_line) {
                        self.state.window_ids.push(&id, time.unwrap_or(end));
                    }
                }
                None => self.summary.unconfirmed += 1,
            }
        }
        // One that is not there keeps its number: written again it has the same name, which tells a dead run's late
        // write, and a feed that took it, that it is the same.
        if let Some(window) = &mut self.state.window {
            window.objects += whole;
        }
        self.seen.extend(self.state.window_ids.to_map());
        Ok(())
    }

    /// The Lambda's state lies where the feed reads, which would take it for a log.
    async fn move_lambda_state(&mut self) -> Result<(), Error> {
        let Some(key) = self.state.lambda.clone() else {
            return Ok(());
        };
        if let Some((bytes, _)) = self.read_object(&key).await? {
            let copy = format!("{}/{LAMBDA}.json", self.settings.state_prefix);
            self.write_object(
                &copy,
                bytes,
                "application/json",
                Vec::new(),
                Condition::None,
            )
            .await?;
            self.delete_object(&key).await?;
        }
        self.state.lambda = None;
        self.write_state().await
    }

    /// Freezes a pass over what is due; none is opened if too little is.
    fn open_pass(&mut self, passes: u32) -> bool {
        let now = self.server_now();
        let until = match self.order.plan {
            Plan::Live => now - self.settings.settle_ms,
            Plan::Backfill { to, .. } => to.min(now - self.settings.settle_ms),
        };
        let least = if passes == 0 { 1 } else { LEAST_PASS_MS };
        if until - self.state.watermark < least {
            return false;
        }
        let at = self.state.next_start.min(self.state.watermark + 1);
        self.state.pass = Some(Pass {
            at,
            until,
            opened: now,
        });
        true
    }

    fn close_pass(&mut self, pass: Pass) {
        self.state.watermark = pass.until;
        self.state.next_start = (pass.until + 1).min(pass.opened - self.settings.overlap_ms);
        self.state.pass = None;
    }

    fn open_window(&mut self, pass: Pass) {
        let span = self.state.span.clamp(1, self.settings.window_ms);
        self.state.window = Some(Window {
            start: pass.at,
            end: pass.until.min(pass.at.saturating_add(span - 1)),
            page_size: self.settings.page_size,
            cursor: Cursor::Index(0),
            pages: 0,
            objects: 0,
        });
    }

    /// Keeps the ids that can come again: of the next pass's overlap, and of windows that were read ahead of. The
    /// window stays open until they are written: a run may fail there.
    async fn close_window(&mut self, pass: Pass) -> Result<(), Error> {
        let Some(window) = self.state.window.clone() else {
            return Ok(());
        };
        let overlap = pass.opened - self.settings.overlap_ms;
        self.seen
            .retain(|_, time| *time >= overlap || *time > window.end);
        let old = self.save_window_ids().await?;
        self.state.window = None;
        let pass = Pass {
            at: window.end + 1,
            ..pass
        };
        self.state.pass = Some(pass);
        self.state.span = next_span(self.state.span, &window, &self.settings);
        self.summary.windows += 1;
        let is_last = pass.at > pass.until;
        if is_last {
            self.close_pass(pass);
        }
        // The last state of a run is written with the lease given back.
        if !is_last || old.is_some() {
            self.write_state().await?;
        }
        self.forget(old).await
    }
}

/// How long the window after one that was read is: as long as half of the pages that a window may have take at that
/// one's density, and at most twice as long as it was. A window that turns out too large is read again in part, so a
/// backlog that grows denser has room before that.
fn next_span(span: i64, read: &Window, settings: &Settings) -> i64 {
    let length = read.end - read.start + 1;
    let pages = i64::from(settings.window_pages / 2).max(1);
    let fitting = length
        .saturating_mul(pages)
        .checked_div(i64::from(read.pages));
    let longer = span.max(length.saturating_mul(2));
    let span = fitting.map_or(longer, |it| it.min(longer));
    span.clamp(1, settings.window_ms)
}
