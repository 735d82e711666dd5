//! A long run in which everything fails at random, and can be repeated from its seed.

use std::cell::Cell;
use std::collections::BTreeSet;

use super::*;
use crate::delivery::{deliver, store};
use crate::testing::feeds::{Takers, config, log};
use crate::testing::{Memory, block_on, run};

struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }
}

#[test]
fn no_acknowledged_log_is_lost_in_a_run_of_crashes_faults_and_a_full_store() {
    let mut crashes = 0;
    for seed in 1..=20 {
        let (host, config) = (Memory::new(), config());
        let (takers, tokens) = (Takers::of(&host), Tokens::default());
        let mut chance = Chance(0x9e37_79b9_7f4a_7c15 ^ seed);
        // What the sender still has, as it was never answered 200.
        let mut pending: Vec<Vec<u8>> = (0..40).map(|at| delivery(at, &mut chance)).collect();
        while !pending.is_empty() {
            let status = [None, None, None, Some(503), Some(429)];
            takers.status.set(status[chance.below(5) as usize]);
            let fails = chance.below(4) == 0;
            let from = chance.below(30) as usize;
            let first = Cell::new(None);
            host.break_store(move |call| {
                let start = first.get().unwrap_or(call.before);
                first.set(Some(start));
                (fails && call.before >= start + from).then_some(StoreError::Full)
            });
            if chance.below(2) == 0 {
                host.crash_before(chance.below(20) as usize);
            }
            let deadline = host.elapsed.get() + Duration::from_secs(25);
            let at = chance.below(pending.len() as u64) as usize;
            let feed = &config.feeds[["azdo", "other"][chance.below(2) as usize]];
            let ended = match chance.below(3) {
                0 => run(deliver(
                    &host,
                    &config,
                    feed,
                    &pending[at],
                    "",
                    &tokens,
                    deadline,
                ))
                .map(|it| it.fault.is_none()),
                1 => run(store(&host, feed, &pending[at], "r", true)).map(|it| it.is_ok()),
                _ => {
                    let bounds = Bounds {
                        entries: 5,
                        deadline,
                    };
                    run(drain(&host, &config, &tokens, bounds)).map(|_| false)
                }
            };
            crashes += usize::from(ended.is_none());
            if ended == Some(true) {
                pending.swap_remove(at);
            }
            host.restart();
            host.pass(Duration::from_secs(chance.below(900)));
        }
        takers.status.set(None);
        host.mend_store();
        while !host.keys_under(spool::PREFIX).is_empty() {
            let bounds = Bounds {
                entries: 100,
                deadline: host.elapsed.get() + Duration::from_secs(25),
            };
            block_on(drain(&host, &config, &tokens, bounds));
        }
        let (held, _) = block_on(quarantine::list(&host, "", usize::MAX)).expect("a store");
        let mut safe: BTreeSet<String> = takers.ids().into_iter().collect();
        for entry in held {
            let raw = block_on(quarantine::raw(&host, &entry)).expect("a store");
            let raw = String::from_utf8(raw.expect("all parts")).expect("text");
            safe.extend(raw.lines().filter_map(id_of));
        }
        let all: BTreeSet<String> = (0..200).map(|log| format!("{log}")).collect();
        let lost: Vec<_> = all.iter().filter(|id| !is_safe(&safe, id)).collect();
        assert!(lost.is_empty(), "seed {seed}: lost {lost:?}");
    }
    assert!(crashes > 200, "only {crashes} crashes");
}

/// Five logs; now and then one that a destination refuses, or that is none.
fn delivery(at: usize, chance: &mut Chance) -> Vec<u8> {
    let logs = (0..5).map(|log_at| {
        let id = format!("{}", 5 * at + log_at);
        match chance.below(12) {
            0 => log(&format!("{id}-poison")),
            1 => format!("no log \"Id\":\"{id}-rejected\""),
            _ => log(&id),
        }
    });
    logs.collect::<Vec<_>>().join("\n").into_bytes()
}

fn id_of(raw: &str) -> Option<String> {
    let (_, rest) = raw.split_once("\"Id\":\"")?;
    rest.split('"').next().map(str::to_owned)
}

fn is_safe(safe: &BTreeSet<String>, id: &str) -> bool {
    let ends = ["", "-poison", "-rejected"];
    ends.iter().any(|end| safe.contains(&format!("{id}{end}")))
}
