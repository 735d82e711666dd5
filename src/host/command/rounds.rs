//! Commands that do a bounded piece of work again and again: call after call while there is more to do, round after
//! round if they are told to go on, and to an end in good order when they are interrupted.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use udmill::serve::{Handed, Inside};

use super::{Status, Stop, output};

/// When there is a round, and how long it is.
#[derive(clap::Args)]
pub struct Schedule {
    /// One round, which is also the default: for cron, a timer, or whatever else begins it.
    #[arg(long, conflicts_with = "every")]
    once: bool,
    /// A round each so often, such as `30s` or `5m`, until it is interrupted.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    every: Option<Duration>,
    /// The most time of a round; what is left is the next one's.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    budget: Option<Duration>,
}

/// What is called, and what its answers are worth.
pub struct Work {
    /// The component.
    pub inside: Inside,
    /// In which it runs.
    pub runtime: Runtime,
    /// The route, to which the budget of a call is added.
    pub target: String,
    /// Adds a call's answer to those of its round.
    pub add: fn(&mut Value, Value),
    /// How far a round is, in a few words for a terminal.
    pub shown: fn(&Value) -> String,
    /// How a round ended that did not fail.
    pub status: fn(&Value) -> Status,
}

/// The most time of a call: so long an interrupt waits, but for what is under way.
const CALL: Duration = Duration::from_secs(5);
/// How often in a row is waited for what a call had no time to wait for, and how long at most: who wants more rest than
/// that is asked again by the next round.
const WAITS: u32 = 10;
const LONGEST_WAIT: Duration = Duration::from_secs(120);
/// How often is looked for an interrupt.
const LOOK: Duration = Duration::from_millis(50);

impl Work {
    /// Works as the schedule says. Each round ends with a line of JSON on standard error.
    pub fn run(self, schedule: &Schedule) -> Result<Status, Stop> {
        let interrupted = output::note_interrupts();
        let signal = || interrupted.load(Ordering::SeqCst);
        let mut worst = Status::Done;
        loop {
            let began = Instant::now();
            worst = worst.max(self.round(schedule, &interrupted));
            let Some(every) = schedule.every else { break };
            pause(began + every, None, &interrupted);
            if signal() != 0 {
                break;
            }
        }
        self.runtime.shutdown_background();
        match signal() {
            0 => Ok(worst),
            // As a shell reports a process that a signal ended.
            signal => std::process::exit(128 + i32::try_from(signal).unwrap_or_default()),
        }
    }

    fn round(&self, schedule: &Schedule, interrupted: &AtomicUsize) -> Status {
        let end = schedule.budget.map(|it| Instant::now() + it);
        let watched = io::stderr().is_terminal();
        let (mut summary, mut waits, mut asked) = (json!({}), 0, 0);
        let status = loop {
            let left = end.map_or(CALL, |end| end.saturating_duration_since(Instant::now()));
            let budget = left.min(CALL).as_millis().max(1);
            let sign = if self.target.contains('?') { '&' } else { '?' };
            let target = format!("{}{sign}budget_ms={budget}&asked={asked}", self.target);
            let Handed { status, body, .. } = self.runtime.block_on(self.inside.post(&target));
            let body = match body.is_object() {
                true => body,
                false => json!({"error": "expected an answer of the component, but found none"}),
            };
            let is_more = body["more"] == true;
            asked = body["asked"].as_u64().unwrap_or_default();
            let wait = body["retryAfterMs"].as_u64().map(Duration::from_millis);
            (self.add)(&mut summary, body);
            if watched {
                let shown = (self.shown)(&summary);
                let _ = write!(io::stderr(), "\r\x1b[K{shown}");
            }
            let is_late = end.is_some_and(|end| Instant::now() >= end);
            let is_over = is_late || interrupted.load(Ordering::SeqCst) != 0;
            match (status, wait) {
                (200, _) if !is_more || is_over => break (self.status)(&summary),
                (200, _) => waits = 0,
                (_, Some(wait)) if waits < WAITS && wait <= LONGEST_WAIT && !is_over => {
                    waits += 1;
                    pause(Instant::now() + wait, end, interrupted);
                }
                _ => break Status::Failed,
            }
        };
        if watched {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
        let _ = io::stderr().write_all(format!("{summary}\n").as_bytes());
        status
    }
}

/// Waits until then, or until an earlier end, or an interrupt.
fn pause(until: Instant, end: Option<Instant>, interrupted: &AtomicUsize) {
    let until = end.map_or(until, |end| end.min(until));
    while interrupted.load(Ordering::SeqCst) == 0 {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        thread::sleep(LOOK.min(left));
    }
}

/// A time such as `30s`, `5m` or `1h`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|it: char| it.is_ascii_alphabetic());
    let times = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => 0,
    };
    let millis = digits.parse::<u64>().ok();
    let millis = millis.and_then(|it| it.checked_mul(times));
    match millis.filter(|it| (1..=366 * 86_400_000).contains(it)) {
        Some(millis) => Ok(Duration::from_millis(millis)),
        None => Err("expected a time such as 30s, 5m or 1h".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit_and_is_some_time() {
        for (text, seconds) in [("30s", 30), ("5m", 300), ("1h", 3600), ("2d", 172_800)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "5",
            "m",
            "0s",
            "-1s",
            "1.5h",
            "5 m",
            "99999999999999999999s",
            "9999d",
            "5w",
            "ü",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
