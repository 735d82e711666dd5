//! What several tests need.

use std::collections::BTreeMap;

use crate::settings::{Settings, from_environment};

/// The settings of an account `acc`, and some more.
pub fn settings(more: &[(&str, &str)]) -> Settings {
    from_environment(&environment(more)).expect("settings")
}

/// What is wrong with settings, a line each.
pub fn mistakes(more: &[(&str, &str)]) -> String {
    let found = from_environment(&environment(more));
    found.map_or_else(|it| it.join("\n"), |_| String::new())
}

fn environment(more: &[(&str, &str)]) -> BTreeMap<String, String> {
    let own = [
        ("HARNESS_ACCOUNT_ID", "acc"),
        ("HARNESS_API_KEY", "sat.acc.id.secret"),
        ("OUTPUT_SHAPE", "api"),
    ];
    let all = own.iter().chain(more);
    all.map(|(name, value)| ((*name).into(), (*value).into()))
        .collect()
}

pub mod cloud;
pub mod lambda;
pub mod server;
pub mod store;

use crate::pace::Chance;
use crate::{Action, Now, Order, Outcome, Plan, Reply, Run, Step};
use harness::Service;
use store::Store;

/// When the simulated time begins: 2026-01-01T00:00:00Z.
pub const EPOCH: i64 = 1_767_225_600_000;
/// A minute, in milliseconds.
pub const MINUTE: i64 = 60_000;

/// A Harness server, an object store and a clock.
pub struct World {
    pub server: Service,
    pub store: Store,
    /// Milliseconds since [`EPOCH`].
    pub elapsed: u64,
    /// The local clock less the true one, in milliseconds.
    pub skew: i64,
    pub chance: Chance,
    runs: u64,
}

impl World {
    pub fn new(seed: u64) -> World {
        let mut server = Service::default();
        server.account = "acc".to_owned();
        server.key = "sat.acc.id.secret".to_owned();
        server.seed = seed;
        World {
            server,
            store: Store::default(),
            elapsed: 0,
            skew: 0,
            chance: Chance::new(seed),
            runs: 0,
        }
    }

    /// The true time.
    pub fn time(&self) -> i64 {
        EPOCH + self.elapsed as i64
    }

    pub fn now(&self) -> Now {
        Now {
            wall: self.time() + self.skew,
            elapsed: self.elapsed,
        }
    }

    pub fn pass(&mut self, minutes: i64) {
        self.elapsed += (minutes * MINUTE) as u64;
    }

    /// A run that has not begun.
    pub fn start(&mut self, settings: &Settings, plan: Plan, budget_ms: u64) -> Run {
        self.order(settings, plan, budget_ms, 0)
    }

    /// A run that has not begun, after others that asked so often.
    pub fn order(&mut self, settings: &Settings, plan: Plan, budget_ms: u64, asked: u32) -> Run {
        self.runs += 1;
        let order = Order {
            plan,
            budget_ms,
            owner: format!("run-{}", self.runs),
            seed: self.chance.below(u64::MAX),
            asked,
        };
        Run::new(settings.clone(), order, self.now())
    }

    /// A whole run.
    pub fn run(&mut self, settings: &Settings) -> Outcome {
        let mut run = self.start(settings, Plan::Live, 600_000);
        self.finish(&mut run, u64::MAX).expect("an end")
    }

    /// Takes a run to its end, with other answers than the world's to some of its actions.
    pub fn finish_with(
        &mut self,
        run: &mut Run,
        other: impl Fn(&Action) -> Option<Reply>,
    ) -> Outcome {
        let mut reply = None;
        loop {
            match run.step(reply, self.now()) {
                Step::Done(outcome) => return *outcome,
                Step::Do(action) => {
                    reply = Some(other(&action).unwrap_or_else(|| self.perform(action)));
                }
            }
        }
    }

    /// Takes a run to its end; none if it dies after this many actions.
    pub fn finish(&mut self, run: &mut Run, actions: u64) -> Option<Outcome> {
        let mut reply = None;
        for _ in 0..actions {
            match run.step(reply, self.now()) {
                Step::Done(outcome) => return Some(*outcome),
                Step::Do(action) => reply = Some(self.perform(action)),
            }
        }
        None
    }

    /// Does what a run asks for.
    pub fn perform(&mut self, action: Action) -> Reply {
        match action {
            Action::Send(request, within) => {
                self.elapsed += 50 + self.chance.below(150);
                let now = self.time();
                server::answer(&mut self.server, &request, within, now, &mut self.elapsed)
            }
            Action::Wait(ms) => {
                self.elapsed += ms;
                Reply::Done
            }
            other => {
                self.elapsed += 10 + self.chance.below(30);
                self.store.perform(other, &mut self.chance)
            }
        }
    }
}
